"""Saving networks to files and loading them: JSON to read, safetensors to exchange with PyTorch."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from autograd.extras import missing_extra
from autograd.files import read_up_to, write_atomically

from .checks import kind_of, listed, one_of, printable, shown
from .module import Module
from .types import Vector

Document: TypeAlias = "dict[str, Document] | list[Document] | str | float | None"

# A file may be this large: enough for any honest one, and a larger one is not read.
BYTES_AT_ALL = 1_000_000
BYTES_PER_NUMBER = 100


class StorageError(ValueError):
    """A file does not hold what was expected. The message lists all that is wrong with it.

    >>> import pathlib, tempfile
    >>> import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.json")
    ...     nn.save(nn.Linear(1, 2, seed=0), path)
    ...     try:
    ...         nn.load(nn.Linear(3, 2, seed=0), path)
    ...     except nn.StorageError:
    ...         print("another network's file")
    another network's file
    """


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Writes the numbers of all parameters to a file, whole or not at all.

    Args:
        model: the network.
        path: a file ending in `.json` (readable, exact to the last bit; nan and infinities are strings) or
            `.safetensors` (float64 arrays under PyTorch's names, which `torch.nn.Sequential` takes; needs the extra
            `storage`). An existing file is replaced.

    Raises:
        TypeError: the model is no Module, or the path no path.
        ValueError: the path ends in something else.
        OSError: the file cannot be written; an existing file is unchanged.
        ImportError: safetensors is not installed.

    >>> import pathlib, tempfile
    >>> import nn
    >>> model, twin = nn.MLP([1, 2, 1], seed=0), nn.MLP([1, 2, 1], seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.json")
    ...     nn.save(model, path)
    ...     nn.load(twin, path)
    >>> twin([0.5])[0].data == model([0.5])[0].data
    True
    """
    _check_arguments("save", model, path)
    to_bytes, _ = _FORMATS[_suffix(path)]
    write_atomically(path, to_bytes(model.state_dict()))


def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Sets all parameters of a network to the numbers in a file that `save` wrote. Nothing is ever unpickled.

    Raises:
        StorageError: the file is damaged, or does not hold exactly the parameters of this network. The message lists
            all that is wrong, and the network is unchanged.
        ValueError: the path ends in something other than `.json` and `.safetensors`.
        TypeError: the model is no Module, or the path no path.
        OSError: the file cannot be read.

    >>> import pathlib, tempfile
    >>> import nn
    >>> model = nn.Linear(1, 1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.json")
    ...     nn.save(model, path)
    ...     model.bias[0].data = 7.0
    ...     nn.load(model, path)
    >>> model.bias[0].data
    0.0
    """
    _check_arguments("load", model, path)
    _, to_state = _FORMATS[_suffix(path)]
    numbers = sum(array.size for array in model.state_dict().values())
    try:
        model.load_state_dict(to_state(read_up_to(path, BYTES_AT_ALL + BYTES_PER_NUMBER * numbers)))
    except ValueError as error:
        raise StorageError(f"{os.fspath(path)}: {error}") from error


def to_json(document: Document) -> str:
    """A document as strict JSON, one line per list of numbers; nan and infinities become strings."""
    return _json_lines(document, "") + "\n"


def from_json(text: bytes) -> Any:
    """The document in a JSON file, with floats for nan and infinities; a ValueError if it is no strict JSON."""
    try:
        return _with_floats(json.loads(text, object_pairs_hook=_without_duplicates, parse_float=_finite))
    except RecursionError:
        raise ValueError("this JSON is nested too deeply to be a file of this library") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON file, or only a part of one: {error}") from None
    except UnicodeDecodeError:
        raise ValueError("this is no JSON file: it is not text in UTF-8") from None


def _with_floats(document: Document) -> Document:
    if isinstance(document, dict):
        return {key: _with_floats(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_with_floats(value) for value in document]
    return _NOT_FINITE.get(document, document) if isinstance(document, str) else document


_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f'{digits[:40]} is too large for a float; write an infinity as "Infinity"')
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = sorted(name for name, count in counts.items() if count > 1)
        raise ValueError(f"this JSON has some names twice: {listed(twice, ', ')}")
    return document


def _json_lines(document: Document, indent: str) -> str:
    inner = indent + "  "
    if isinstance(document, dict) and document:
        parts = [f"{inner}{json.dumps(key)}: {_json_lines(value, inner)}" for key, value in document.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(document, list) and any(isinstance(item, (list, dict)) for item in document):
        return "[\n" + ",\n".join(inner + _json_lines(item, inner) for item in document) + f"\n{indent}]"
    if isinstance(document, list):
        return "[" + ", ".join(_json_lines(item, inner) for item in document) + "]"
    if isinstance(document, float) and not math.isfinite(document):
        return json.dumps("NaN" if math.isnan(document) else "Infinity" if document > 0 else "-Infinity")
    return json.dumps(document)


def _check_arguments(call: str, model: object, path: object) -> None:
    if not isinstance(model, Module) or not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(
            f"nn.{call} takes a Module and a path, such as nn.{call}(model, 'model.json'); "
            f"got model {kind_of(model)} and path {kind_of(path)}"
        )


def _state_from_json(content: bytes) -> dict[str, Any]:
    document = from_json(content)
    if not isinstance(document, dict):
        raise ValueError(f"expected a JSON object with names and numbers, got a {type(document).__name__}")
    return document


def _state_from_safetensors(content: bytes) -> dict[str, Any]:
    library = _safetensors()
    try:
        state: dict[str, Any] = library.load(content)
    except KeyError as error:
        raise ValueError(
            f"numbers of type {printable(error.args[0])} cannot be read; store them as F32 or F64"
        ) from None
    except Exception as error:  # its own kind, and others
        raise ValueError(f"this is no safetensors file, or only a part of one: {printable(error, 300)}") from None
    return state


def _safetensors_of(state: Mapping[str, Vector]) -> bytes:
    if "__metadata__" in state:
        raise ValueError("no parameter in a safetensors file can be called '__metadata__'; rename it, or save as .json")
    return bytes(_safetensors().save(dict(state)))


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError:
        raise missing_extra("a .safetensors file", "storage") from None
    return safetensors.numpy


_FORMATS: dict[str, tuple[Callable[[Mapping[str, Vector]], bytes], Callable[[bytes], dict[str, Any]]]] = {
    ".json": (
        lambda state: to_json({name: array.tolist() for name, array in state.items()}).encode(),
        _state_from_json,
    ),
    ".safetensors": (_safetensors_of, _state_from_safetensors),
}


def _suffix(path: str | os.PathLike[str]) -> str:
    return one_of(Path(path).suffix.lower(), f"the ending of the path {shown(os.fspath(path))}", _FORMATS)
