"""What the tensors of a function are called: parameters and buffers by path, others by the variable that holds them."""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
import torch

Place: TypeAlias = tuple[int, int]
"""A storage, and an element in it."""


def storage_of(tensor: torch.Tensor) -> int:
    """What identifies the memory of a tensor, which its views share."""
    return int(tensor.untyped_storage()._cdata)


def elements_of(tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Where in its storage each element of a tensor is."""
    places = np.full(tuple(tensor.shape), tensor.storage_offset(), dtype=np.int64)
    for axis, (length, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        steps = np.arange(length) * stride
        places += steps.reshape(-1, *(1,) * (tensor.ndim - axis - 1))
    return places


class Names:
    """The names of tensors, and the paths of modules.

    Args:
        f: the function; what it closes over has the names of its variables.
        model: the module whose parameters and buffers have their paths as names. Without it, the module that f closes
            over; if it closes over several, the paths begin with the variables' names.
    """

    def __init__(self, f: Callable[..., object], model: torch.nn.Module | None) -> None:
        self._tensors: dict[int, list[tuple[str, torch.Tensor]]] = {}
        self.modules: dict[torch.nn.Module, str] = {}
        found = list(_reached(variables_of(f)))
        modules = {module: name for name, module in reversed(found) if isinstance(module, torch.nn.Module)}
        if model is None and len(modules) == 1:
            model = next(iter(modules))
        if model is not None:
            self._add_module("", model)
        for module, name in modules.items():
            self._add_module(name, module)
        for name, thing in found:
            if isinstance(thing, torch.Tensor):
                self._add_tensor(name, thing)

    def of(self, tensor: torch.Tensor) -> str | None:
        """The name of a tensor; None if it has none."""
        named = self._tensors.get(storage_of(tensor), ())
        same = [name for name, known in named if known.shape == tensor.shape and known.stride() == tensor.stride()]
        return same[0] if same else None

    def of_element(self, storage: int, place: int) -> str | None:
        """The name of one number of a tensor, told from where it is in memory; None if it has none."""
        for name, tensor in self._tensors.get(storage, ()):
            offset = place - tensor.storage_offset()
            if tensor.is_contiguous() and 0 <= offset < tensor.numel():
                position = np.unravel_index(offset, tuple(tensor.shape))
                return name + "".join(f"[{int(i)}]" for i in position)
        return None

    def _add_module(self, prefix: str, module: torch.nn.Module) -> None:
        for path, part in module.named_modules():
            self.modules.setdefault(part, _joined(prefix, path))
        for path, tensor in (*module.named_parameters(), *module.named_buffers()):
            self._add_tensor(_joined(prefix, path), tensor)

    def _add_tensor(self, name: str, tensor: torch.Tensor) -> None:
        if tensor.layout == torch.strided and tensor.device.type != "meta":
            self._tensors.setdefault(storage_of(tensor), []).append((name, tensor))


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix and path else prefix or path


def variables_of(f: Callable[..., object]) -> dict[str, object]:
    """What a function closes over, and what was bound to it beforehand, by name."""
    found: dict[str, object] = {}
    while isinstance(f, functools.partial):
        found |= {f"args[{i}]": x for i, x in enumerate(f.args)} | f.keywords
        f = f.func
    owner = getattr(f, "__self__", None if inspect.isfunction(f) else f)
    if isinstance(owner, torch.nn.Module):
        found["model"] = owner
    elif owner is not None and not inspect.ismodule(owner):
        found |= getattr(owner, "__dict__", {})
    function = inspect.unwrap(getattr(f, "__func__", f))
    if not inspect.isfunction(function):
        return found
    names = inspect.signature(function).parameters.values()
    found |= {each.name: each.default for each in names if each.default is not inspect.Parameter.empty}
    seen: set[int] = set()
    return found | _closed_over(function, seen)


def _closed_over(function: Callable[..., object], seen: set[int]) -> dict[str, object]:
    """The variables of a function, and those of the functions among them."""
    if id(function) in seen or not inspect.isfunction(function):
        return {}
    seen.add(id(function))
    try:
        closed = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return {}
    found: dict[str, object] = {**closed.globals, **closed.nonlocals}
    inner = [x for x in found.values() if inspect.isfunction(x) and not x.__module__.startswith("torch")]
    for each in inner:
        found = _closed_over(each, seen) | found
    return found


def _reached(variables: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The tensors and modules in variables and in the lists, tuples and dicts that they hold."""
    seen: set[int] = set()
    queue = deque(variables.items())
    while queue:
        name, thing = queue.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (torch.Tensor, torch.nn.Module)):
            yield name, thing
        elif isinstance(thing, (list, tuple)):
            queue.extend((f"{name}[{i}]", part) for i, part in enumerate(thing) if _may_hold(part))
        elif isinstance(thing, dict):
            queue.extend((f"{name}[{key!r}]", part) for key, part in thing.items() if _may_hold(part))


def _may_hold(part: object) -> bool:
    return isinstance(part, (torch.Tensor, torch.nn.Module, list, tuple, dict))


def buffers_of(modules: Iterable[torch.nn.Module]) -> list[torch.Tensor]:
    """The buffers of modules, each once."""
    found = {id(buffer): buffer for module in modules for buffer in module.buffers(recurse=False)}
    return list(found.values())
