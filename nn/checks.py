"""Checks of arguments that several modules share: one clear sentence per mistake.

What has the wrong type is a TypeError, what has the wrong value a ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from autograd import Value

from .types import Vector


def is_number(x: object) -> bool:
    """Whether it is a Value or a real number, NumPy's included."""
    return isinstance(x, (Value, Real))


def plain(entry: object) -> Any:
    """Arrays and tensors as lists of Python numbers or Values, those without dimensions as one; others as they are."""
    return entry.tolist() if hasattr(entry, "tolist") else entry


def items(sequence: object, what: str, form: str = "numbers or lists of them") -> list[Any]:
    """The elements of a list, tuple or array."""
    sequence = plain(sequence)
    if isinstance(sequence, (str, bytes, dict)) or not isinstance(sequence, Iterable):
        raise TypeError(f"{what} must be {form}, got {sequence!r} of type {type(sequence).__name__}")
    return list(sequence)


def one_of(name: object, what: str, allowed: Iterable[str]) -> str:
    """The name, if allowed; the error lists the allowed ones."""
    known = list(allowed)
    if name not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}; got {name!r}")
    return str(name)


def positive_integer(number: object, what: str) -> int:
    """The number as an int, if it is at least 1."""
    return integer_at_least(number, what, 1)


def integer_at_least(number: object, what: str, low: int) -> int:
    """The number as an int, if it is at least `low`."""
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise TypeError(f"{what} must be an integer, got {number!r} of type {type(number).__name__}")
    if number < low:
        raise ValueError(f"{what} must be at least {low}, got {number!r}")
    return int(number)


def boolean(flag: object, what: str) -> bool:
    """The flag as a bool; other things, such as strings, are refused."""
    if not isinstance(flag, (bool, np.bool_)):
        raise TypeError(f"{what} must be True or False, got {flag!r} of type {type(flag).__name__}")
    return bool(flag)


def number_between(number: object, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """The number as a float, if it is finite, at least `low` and less than `high`."""
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{what} must be a number, got {number!r} of type {type(number).__name__}")
    value = float(number)
    if not (math.isfinite(value) and low <= value < high):
        below = "finite" if high == math.inf else f"less than {high:g}"
        above = "" if low == -math.inf else f" and at least {low:g}"
        raise ValueError(f"{what} must be {below}{above}, got {number!r}")
    return value


def array_of(numbers: object, expected: tuple[int, ...]) -> Vector:
    """The numbers as an array of the expected shape; something other among them, such as a boolean, is refused."""
    try:
        array = np.asarray(numbers)
    except (TypeError, ValueError, RuntimeError):  # the last is PyTorch's, for a tensor that requires grad
        raise ValueError(
            f"expected numbers of shape {expected}, got a {type(numbers).__name__} that is no array"
        ) from None
    if array.dtype.kind not in "fiu":
        raise ValueError(f"expected numbers, got {array.dtype} data")
    if array.shape != expected:
        raise ValueError(f"expected shape {expected}, got {array.shape}")
    if _holds_boolean(numbers):  # NumPy turns it into 1.0 among numbers
        raise ValueError("expected numbers, got a boolean among them")
    return array.astype(np.float64)


def _holds_boolean(numbers: object) -> bool:
    if isinstance(numbers, (list, tuple)):
        return any(map(_holds_boolean, numbers))
    return isinstance(numbers, (bool, np.bool_))


def checked_state(owner: object, state: object, checks: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The entries of a state dict, each as its check returns it; one error lists all that are wrong."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"load_state_dict takes a dict that state_dict gave, got {state!r} of type {type(state).__name__}"
        )
    checked = {}
    problems = [f"{key}: unexpected" for key in state if key not in checks]
    for key, check in checks.items():
        if key not in state:
            problems.append(f"{key}: missing")
            continue
        try:
            checked[key] = check(state[key])
        except (TypeError, ValueError) as error:
            problems.append(str(error))
    if problems:
        raise ValueError(f"this state does not fit {owner!r}; nothing was changed:\n  " + "\n  ".join(problems))
    return checked
