"""What model and loss keep from call to call: a program, which is made of one call, would not know that it changes."""

from __future__ import annotations

import functools
import hashlib
import pickle
import random
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .module import Module

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN = frozenset({"autograd", "nn"})  # whose functions keep nothing
_RANDOM = (np.random.Generator, np.random.RandomState, random.Random)


class Kept:
    """The attributes of all modules, the variables of the user's functions and the sources of random numbers, as now.

    The functions are the loss, those that the modules have as `forward` or as attributes, and the functions beside
    them that they call. Their variables are those outside of them that they name.

    Seen are new, replaced and removed attributes and variables, changes of the lists, tuples, sets, dicts, arrays and
    objects in them, and random numbers that were drawn; not what changes deeper inside. An iterator counts as changed.

    Args:
        model: the network.
        loss: what is called with its outputs.
    """

    def __init__(self, model: Module, loss: Callable[..., Any] | None = None) -> None:
        self._states = {
            f"{path}.{name}" if path else name: _state(attribute)
            for path, module in model.named_modules()
            for name, attribute in vars(module).items()
        }
        for function in _functions([model, loss]):
            for name, content in _variables(function).items():
                self._states[f"{name} in {function.__qualname__}"] = _state(content)
        self._states["what the loss holds"] = [_state(held) for held in _held(loss)]
        self._states["the state of Python's module random"] = random.getstate()
        self._states["the state of numpy.random"] = pickle.dumps(np.random.get_state(legacy=False))

    def changed_since(self, earlier: Kept) -> list[str]:
        """The names of what is not as it was."""
        names = {**earlier._states, **self._states}
        # In lists, for these ask first whether it is the same object: nan, too, may have stayed what it was.
        return [name for name in names if [earlier._states.get(name)] != [self._states.get(name)]]


class _Same:
    """Equals only what stands for the same object."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._held is other._held

    __hash__ = None  # type: ignore[assignment]


def _state(item: Any) -> Any:
    """Something that is equal later, unless the item has changed."""
    if hasattr(item, "__dict__") and not isinstance(item, (Module, ModuleType, *_RANDOM)):
        return _Same(item), list(vars(item)), list(map(_content, vars(item).values()))
    return _content(item)


def _content(item: Any) -> Any:
    if isinstance(item, np.random.Generator):
        return pickle.dumps(item.bit_generator.state)
    if isinstance(item, np.random.RandomState):
        return pickle.dumps(item.get_state(legacy=False))
    if isinstance(item, random.Random):
        return item.getstate()
    if isinstance(item, Iterator):
        return object()
    if isinstance(item, np.ndarray):
        return _Same(item), hashlib.blake2b(item.tobytes()).digest()
    if isinstance(item, dict):
        return list(map(_part, item)), list(map(_part, item.values()))
    return list(map(_part, item)) if isinstance(item, (list, tuple, set)) else _part(item)


def _part(entry: object) -> object:
    return entry if isinstance(entry, (int, float, str)) else _Same(entry)


def _functions(found: list[Any]) -> list[FunctionType]:
    """The user's functions among objects, and those of the same file that they name."""
    functions: dict[FunctionType, None] = {}
    pending = list(found)
    while pending:
        item = pending.pop()
        if not isinstance(item, FunctionType):
            pending += _functions_of(item)
        elif item not in functions and item.__module__.partition(".")[0] not in _OWN:
            functions[item] = None
            named = _variables(item).values()
            pending += [each for each in named if getattr(each, "__globals__", None) is item.__globals__]
    return list(functions)


def _functions_of(item: Any) -> list[Any]:
    """What stands for the functions that are called if an object is called."""
    if isinstance(item, Module):
        modules = [module for _, module in item.named_modules()]
        held = [entry for module in modules for entry in vars(module).values()]
        return [type(module).forward for module in modules] + [each for each in held if isinstance(each, FunctionType)]
    if isinstance(item, functools.partial):
        return [item.func]
    if isinstance(item, MethodType):
        return [item.__func__]
    call = type(item).__call__
    return [call] if isinstance(call, FunctionType) else []


def _held(item: Any) -> list[Any]:
    """The objects that belong to something callable."""
    if isinstance(item, functools.partial):
        return [*_held(item.func), *item.args, *item.keywords.values()]
    if isinstance(item, MethodType):
        return _held(item.__self__)
    return [vars(module) for _, module in item.named_modules()] if isinstance(item, Module) else [item]


def _variables(function: FunctionType) -> dict[str, Any]:
    """The variables outside of a function that it, or a function inside of it, names."""
    variables = {name: function.__globals__[name] for name in _names(function.__code__) & function.__globals__.keys()}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            variables[name] = cell.cell_contents
        except ValueError:  # it is assigned later
            continue
    return variables


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)
