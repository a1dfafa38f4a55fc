"""Checks of arguments that several modules share: one clear sentence for each mistake."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from autograd import Value


def is_number(x: object) -> bool:
    """Whether it is a Value or a real number, NumPy's included."""
    return isinstance(x, (Value, Real))


def plain(entry: Any) -> Any:
    """Arrays of NumPy or PyTorch as lists of Python numbers, or of Values; those of no dimension as one."""
    return entry.tolist() if hasattr(entry, "tolist") else entry


def items(sequence: Any, what: str, form: str = "numbers or lists of them") -> list[Any]:
    """The elements of a list, tuple or array.

    Raises:
        TypeError: it is something else.
    """
    sequence = plain(sequence)
    if isinstance(sequence, (str, bytes, dict)) or not isinstance(sequence, Iterable):
        raise TypeError(f"{what} must be {form}, got {sequence!r} of type {type(sequence).__name__}")
    return list(sequence)


def one_of(name: Any, what: str, allowed: Iterable[str]) -> str:
    """The name, if it is allowed.

    Raises:
        ValueError: it is not; the message lists those that are.
    """
    known = list(allowed)
    if name not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}; got {name!r}")
    return str(name)


def positive_integer(number: object, what: str) -> int:
    """The number as an int, if it is at least 1; raises as `integer_at_least`."""
    return integer_at_least(number, what, 1)


def integer_at_least(number: object, what: str, low: int) -> int:
    """The number as an int.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is less than `low`.
    """
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise TypeError(f"{what} must be an integer, got {number!r} of type {type(number).__name__}")
    if number < low:
        raise ValueError(f"{what} must be at least {low}, got {number!r}")
    return int(number)


def boolean(flag: object, what: str) -> bool:
    """The flag as a bool.

    Raises:
        TypeError: it is something else, such as a text.
    """
    if not isinstance(flag, (bool, np.bool_)):
        raise TypeError(f"{what} must be True or False, got {flag!r} of type {type(flag).__name__}")
    return bool(flag)


def number_between(number: object, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """The number as a float, if it is finite, at least `low` and less than `high`.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is out of range.
    """
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{what} must be a number, got {number!r} of type {type(number).__name__}")
    value = float(number)
    if not (math.isfinite(value) and low <= value < high):
        below = "finite" if high == math.inf else f"less than {high:g}"
        above = "" if low == -math.inf else f" and at least {low:g}"
        raise ValueError(f"{what} must be {below}{above}, got {number!r}")
    return value


def array_of(numbers: object, expected: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers as an array of the shape.

    Raises:
        ValueError: something else than numbers is among them, such as a boolean, or the shape is another.
    """
    try:
        array = np.asarray(numbers)
    except (TypeError, ValueError, RuntimeError):  # the last is PyTorch's, for a tensor that needs its gradient
        raise ValueError(
            f"expected numbers of shape {expected}, got a {type(numbers).__name__} that is no array"
        ) from None
    if array.dtype.kind not in "fiu":
        raise ValueError(f"expected numbers, got {array.dtype} data")
    if array.shape != expected:
        raise ValueError(f"expected shape {expected}, got {array.shape}")
    if _holds_boolean(numbers):  # which NumPy makes 1.0 if there are numbers next to it
        raise ValueError("expected numbers, got a boolean among them")
    return array.astype(np.float64)


def _holds_boolean(numbers: object) -> bool:
    if isinstance(numbers, (list, tuple)):
        return any(map(_holds_boolean, numbers))
    return isinstance(numbers, (bool, np.bool_))
