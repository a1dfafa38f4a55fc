"""Paths of modules and parameters as text, as PyTorch writes them; and containers as they were when assigned."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

Key: TypeAlias = str | int


def is_outer(path: str, inner: str) -> bool:
    """Whether a path leads where an inner one does, from further outside."""
    return path.endswith(f".{inner}")


def dotted(keys: Iterable[Key]) -> str:
    """The path of a module, such as "layers.0"."""
    return ".".join(map(str, keys))


def bracketed(keys: Iterable[Key]) -> str:
    """The path of a parameter, such as "weight[0][1]"."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def joined(outer: str, inner: str) -> str:
    """One path after the other."""
    return f"{outer}.{inner}" if outer and inner else outer or inner


def copied(value: object, around: tuple[object, ...] = ()) -> object:
    """Lists, tuples and dicts as new ones, with the same objects in them."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return copied(value.tolist())
    if not isinstance(value, (list, tuple, dict)) or any(value is each for each in around):
        return value
    around = (*around, value)
    if isinstance(value, dict):
        return {key: copied(item, around) for key, item in value.items()}
    return [copied(item, around) for item in value]


def is_unchanged(before: object, now: object) -> bool:
    """Whether a container still has the objects that it had when `copied`."""
    if isinstance(now, np.ndarray) and now.dtype == object:
        now = now.tolist()
    if isinstance(before, dict):
        return isinstance(now, dict) and before.keys() == now.keys() and _alike(before.values(), now.values())
    if isinstance(before, list):
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
