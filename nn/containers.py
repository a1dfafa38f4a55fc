"""Lists, tuples and dicts of a module as they were when assigned, to see later what was replaced in them."""

from __future__ import annotations

import operator
from collections.abc import Iterable

import numpy as np

from .paths import Key

_NESTED = (list, tuple, dict, np.ndarray)


def entries(value: object) -> Iterable[tuple[Key, object]]:
    """What is in a list, tuple or dict, each with its position or key."""
    if isinstance(value, dict):
        return ((str(key), item) for key, item in value.items())
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


def is_among(value: object, containers: tuple[object, ...]) -> bool:
    """Whether a list is inside itself; equality would compare contents."""
    return any(value is container for container in containers)


def copied(value: object, around: tuple[object, ...] = (), *, arrays: bool = True) -> object:
    """Lists, tuples and dicts as equal ones with the same objects in them; arrays of objects as lists, if wanted."""
    if arrays and isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    if not isinstance(value, (list, tuple, dict)) or is_among(value, around):
        return value
    around = (*around, value)
    if isinstance(value, dict):
        return {key: copied(item, around, arrays=arrays) for key, item in value.items()}
    items = [copied(item, around, arrays=arrays) if isinstance(item, _NESTED) else item for item in value]
    return tuple(items) if isinstance(value, tuple) else items


def is_unchanged(before: object, now: object) -> bool:
    """Whether a container still has the objects that it had when `copied`."""
    if isinstance(now, np.ndarray) and now.dtype == object:
        now = now.tolist()
    if isinstance(before, dict):
        return isinstance(now, dict) and before.keys() == now.keys() and _alike(before.values(), now.values())
    if isinstance(before, (list, tuple)):
        return isinstance(now, (list, tuple)) and len(before) == len(now) and _alike(before, now)
    return before is now


def _alike(before: Iterable[object], now: Iterable[object]) -> bool:
    return all(map(operator.is_, before, now)) or all(map(is_unchanged, before, now))


def found_at(value: object, keys: Iterable[Key]) -> object:
    """What the keys lead to in nested containers, as far as they do."""
    for key in keys:
        items = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, (list, tuple)) else {}
        value = items.get(key, value)
    return value
