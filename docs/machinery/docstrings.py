"""Docstrings of the sources as reStructuredText: in them a `name` is code, and an asterisk is an asterisk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import autograd
import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def restructured(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring as Sphinx reads them; examples stay as they are."""
    is_example = False
    for line in lines:
        is_example = line.lstrip().startswith(">>>") or (is_example and bool(line.strip()))
        yield line if is_example else _prose(line)


def _prose(line: str) -> str:
    pieces = _CODE.split(line)
    for i, piece in enumerate(pieces):
        if i % 2:
            pieces[i] = _reference(piece) + ("\\ " if pieces[i + 1][:1].isalnum() else "")  # as in `Value`s
        else:
            pieces[i] = re.sub(r"([*|\\])|(?<=\w)(_)(?!\w)", r"\\\1\2", piece)
    return "".join(pieces)


def _reference(code: str) -> str:
    """A link where the code is a public name, plain code otherwise."""
    package, _, name = code.rpartition(".")
    if code == "grad":  # mostly the attribute
        return f"``{code}``"
    for module in (autograd, nn) if not package else {"autograd": (autograd,), "nn": (nn,)}.get(package, ()):
        if name in module.__all__ and not isinstance(getattr(module, name), type(autograd)):
            return f":py:obj:`{code} <{module.__name__}.{name}>`"
    return f"``{code}``"


def _convert(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    # Napoleon takes what stands before a colon in the first line of a property for its type.
    lines[:] = [*([""] if what in ("property", "attribute") else []), *restructured(lines)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Converts before Napoleon reads the sections."""
    app.connect("autodoc-process-docstring", _convert, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
