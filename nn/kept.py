"""What model and loss keep from call to call: a program, made of a single call, would lose every later change.

Comparing program and graph now and then cannot replace this: a counter that changes the loss only at its thousandth
call, rare dropout, or a list of what was seen would be trained or filled wrongly until a comparison hits on it.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autograd import Value

from .containers import copied
from .types import Loss

PREDICTION = "_prediction"
"""The attribute in which a Module keeps its program for `predict`; it may come and go."""

ASSIGNED = "_assigned"
"""The attribute in which a Module notes what its lists and dicts held when they were assigned."""

_LIBRARY = frozenset({"autograd", "nn"})  # whose functions keep nothing
_RANDOM = (np.random.Generator, np.random.RandomState, random.Random)
_FIXED = (int, float, str, type(None), Value)
_CONTAINERS = (list, tuple, set, frozenset, deque, dict)
_DEEP = 4  # so many containers or objects inside each other are looked into
_LONG = 100  # of those inside others only shorter ones are looked into
_MANY = 1000  # of more than these none is looked into


class Kept:
    """The attributes of all modules, the variables of the user's functions and the sources of random numbers, as now.

    The functions are the loss, the modules' `forward`s, functions among their attributes, methods of the same object
    and functions of the same file that these call. Their variables are the global and enclosing ones that they name.
    Attributes of the classes count too, apart from those of the library.

    Args:
        modules: all modules of a model, as `named_modules` gives them.
        loss: the loss, if there is one.

    A change is seen if an attribute or variable is new, replaced or removed, if a list, tuple, set, deque, dict, array
    or object in it changes, or if random numbers are drawn. What lies deeper than four of these inside each other, or
    in long ones inside others, does not count. An iterator counts as changed. Of a Python module that a function names,
    such as one with settings, the data count that the function names.
    """

    def __init__(self, modules: Sequence[tuple[str, Any]], loss: Loss | None = None) -> None:
        self._states = {
            f"{path}.{name}" if path else name: _state(attribute)
            for path, module in modules
            for name, attribute in vars(module).items()
            if name not in (PREDICTION, ASSIGNED)
        }
        kinds = _kinds(module for _, module in modules)
        self._states |= {
            f"{kind.__qualname__}.{name}": _state(attribute) for kind in kinds for name, attribute in _attributes(kind)
        }
        self._states |= _states(_functions([*_called(module for _, module in modules), loss]))
        self._states["what the loss holds"] = [_state(held) for held in _taken_apart(loss)[1]]
        self._states["the state of Python's module random"] = random.getstate()
        self._states["the state of numpy.random"] = pickle.dumps(np.random.get_state(legacy=False))

    def changed_since(self, earlier: Kept) -> list[str]:
        """The names of what is not as it was."""
        names = {**earlier._states, **self._states}
        # In lists, whose comparison asks for identity first: nan, too, may be unchanged.
        return [name for name in names if [earlier._states.get(name)] != [self._states.get(name)]]


class Made:
    """What a model is made of, apart from the numbers in it, to see fast whether that is still so.

    As `Kept` without random numbers, and lists in lists count too.

    Args:
        modules: all modules of a model.
        functions: what else is called, such as a loss.
    """

    def __init__(self, modules: Iterable[Any], functions: Iterable[object] = ()) -> None:
        modules, functions = list(modules), list(functions)
        kinds = _kinds(modules)
        self._attributes = [(vars(each), dict(vars(each))) for each in (*modules, *kinds)]
        held = [item for module in modules for name, item in vars(module).items() if name not in (PREDICTION, ASSIGNED)]
        held += [item for kind in kinds for _, item in _attributes(kind) if not isinstance(item, FunctionType)]
        self._containers = [
            (item, copied(item, arrays=False)) for item in held if isinstance(item, (list, tuple, dict))
        ]
        self._changeable = [item for item in held if _is_changeable(item)]
        self._changeable += [held for function in functions for held in _taken_apart(function)[1]]
        self._functions = _functions([*_called(modules), *functions])
        self._states = self._now()

    def _now(self) -> tuple[list[object], dict[str, object]]:
        return list(map(_state, self._changeable)), _states(self._functions)

    def is_unchanged(self) -> bool:
        """Whether attributes, their contents and the variables of functions are the same objects."""
        try:  # all in C and by identity, so that a great many parameters take no time
            return (
                all(now == before for now, before in self._attributes)
                and all(now == before for now, before in self._containers)
                and self._now() == self._states
            )
        except Exception:  # what is new there may refuse to be compared
            return False


class _Same:
    """Equal only to what stands for the same object."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._held is other._held

    __hash__ = None  # type: ignore[assignment]


def _is_changeable(item: object, depth: int = _DEEP) -> bool:
    """Whether an object may change and stay the same one; lists, tuples and dicts only if something in them may."""
    if type(item) not in (list, tuple, dict):
        return not isinstance(item, _FIXED) and not _is_module(item)
    if not depth or _is_left_out(item):
        return False
    return any(_is_changeable(each, depth - 1) for each in _inside(item) or ())


def _state(item: object, depth: int = _DEEP) -> object:
    """Something that compares equal later, unless the item has changed."""
    if isinstance(item, (int, float, str)):
        return item
    if isinstance(item, _RANDOM):
        return pickle.dumps(item)
    if isinstance(item, Iterator):
        return object()
    if isinstance(item, np.ndarray):
        return _Same(item), hashlib.blake2b(item.tobytes()).digest()
    if not depth or isinstance(item, Value) or (depth < _DEEP and _is_left_out(item)):
        return _Same(item)
    inside = _inside(item)
    if inside is None:
        return _Same(item)
    contents = [_state(each, depth - 1 if len(inside) <= _MANY else 0) for each in inside]
    return contents if isinstance(item, _CONTAINERS) else (_Same(item), contents)


def _is_left_out(item: Any) -> bool:
    """Whether a container inside another counts as one object: a long one, or the parameters of a layer."""
    if not isinstance(item, _CONTAINERS) or not item:
        return False
    return len(item) > _LONG or (isinstance(item, (list, tuple)) and isinstance(item[0], Value))


def _inside(item: Any) -> list[object] | None:
    """What a container or an object holds; None for what cannot change, or is looked at otherwise."""
    if isinstance(item, dict):
        return [*item, *item.values()]
    if isinstance(item, _CONTAINERS):
        return list(item)
    if isinstance(item, ModuleType) or _is_module(item):
        return None
    if isinstance(item, type):  # the library's write their operations out when these are first used
        return None if _is_library(item) else [*vars(item), *vars(item).values()]
    slots = [name for kind in type(item).__mro__ for name in _listed(vars(kind).get("__slots__", ()))]
    held = [getattr(item, name) for name in slots if hasattr(item, name)]
    if hasattr(item, "__dict__"):
        held += [*vars(item), *vars(item).values()]
    return held or None


def _listed(slots: Any) -> list[str]:
    return [slots] if isinstance(slots, str) else [*slots]


def _states(functions: Iterable[FunctionType]) -> dict[str, object]:
    """The states of the variables that functions name."""
    return {
        f"{name} in {function.__qualname__}": _state(content)
        for function in functions
        for name, content in _variables(function).items()
    }


def _functions(pending: list[object]) -> list[FunctionType]:
    """The user's functions among objects, and those of the same file that they name."""
    functions: dict[FunctionType, None] = {}
    while pending:
        item = pending.pop()
        if not isinstance(item, FunctionType):
            pending += _taken_apart(item)[0]
        elif item not in functions and not _is_library(item):
            functions[item] = None
            named = _variables(item).values()
            found = [each for each in named if isinstance(each, (FunctionType, MethodType))]
            pending += [each for each in found if getattr(each, "__globals__", None) is item.__globals__]
    return list(functions)


def _taken_apart(item: Any) -> tuple[list[object], list[object]]:
    """What is called when an object is, and the objects that may change with it."""
    if _is_module(item):
        modules = [module for _, module in item.named_modules()]
        return _called(modules), [vars(module) for module in modules]
    if isinstance(item, functools.partial):
        return [item.func], [*_taken_apart(item.func)[1], *item.args, *item.keywords.values()]
    if isinstance(item, MethodType):
        return [item.__func__, *_methods(type(item.__self__), item.__name__)], _taken_apart(item.__self__)[1]
    return _methods(type(item), "__call__"), [item]


def _called(modules: Iterable[Any]) -> list[object]:
    """The functions of modules."""
    modules = list(modules)
    found = [method for kind in dict.fromkeys(map(type, modules)) for method in _methods(kind, "__call__", "forward")]
    return [*found, *(each for module in modules for each in vars(module).values() if isinstance(each, FunctionType))]


def _methods(kind: type, *names: str) -> list[object]:
    """The user's methods and properties of these names, and those that they name."""
    found: dict[str, FunctionType] = {}
    pending = [*names]
    while pending:
        name = pending.pop()
        method = inspect.getattr_static(kind, name, None)
        method = method.fget if isinstance(method, property) else getattr(method, "__func__", method)
        if name not in found and isinstance(method, FunctionType) and not _is_library(method):
            found[name] = method
            pending += sorted(_names(method.__code__))
    return [*found.values()]


def _kinds(modules: Iterable[Any]) -> list[type]:
    """The user's classes of modules."""
    kinds = dict.fromkeys(kind for module in modules for kind in type(module).__mro__)
    return [kind for kind in kinds if kind is not object and not _is_library(kind)]


def _attributes(kind: type) -> list[tuple[str, object]]:
    """The attributes that a class has by itself, but for those of Python's."""
    return [(name, item) for name, item in vars(kind).items() if not name.startswith("__")]


def _is_library(item: Any) -> bool:
    """Whether the library defines this."""
    return str(item.__module__).partition(".")[0] in _LIBRARY


def _is_module(item: object) -> bool:
    return hasattr(type(item), "named_modules")


def _variables(function: FunctionType) -> dict[str, object]:
    """The variables outside a function that it, or a function inside it, names."""
    names = _names(function.__code__)
    variables = {name: function.__globals__[name] for name in names & function.__globals__.keys()}
    for module, content in list(variables.items()):
        if isinstance(content, ModuleType):
            data = {name: item for name, item in vars(content).items() if name in names and _is_data(item)}
            variables |= {f"{module}.{name}": item for name, item in data.items()}
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    variables |= {f"default {place}": content for place, content in enumerate(defaults)}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            variables[name] = cell.cell_contents
        except ValueError:  # assigned later
            continue
    return variables


def _is_data(item: object) -> bool:
    """Whether a module's attribute is none of its functions, classes and modules."""
    return not callable(item) and not isinstance(item, ModuleType)


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))
