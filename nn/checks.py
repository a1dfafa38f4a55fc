"""Checks of arguments that several modules share: one clear sentence for each mistake."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from autograd import Value


def is_number(x: object) -> bool:
    """Whether it is a Value or a real number, NumPy's included."""
    return isinstance(x, (Value, Real))


def items(sequence: Any, what: str) -> list[Any]:
    """The elements of a list, tuple or array.

    Raises:
        TypeError: it is something else.
    """
    if hasattr(sequence, "tolist"):  # an array of NumPy or PyTorch; its elements as Python numbers, or Values
        sequence = sequence.tolist()
    if isinstance(sequence, (str, bytes, dict)) or not isinstance(sequence, Iterable):
        raise TypeError(f"{what} must be numbers or lists of them, got {sequence!r} of type {type(sequence).__name__}")
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
    """The number as an int.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is less than 1.
    """
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise TypeError(f"{what} must be an integer, got {number!r} of type {type(number).__name__}")
    if number < 1:
        raise ValueError(f"{what} must be at least 1, got {number!r}")
    return int(number)


def number_between(number: object, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """The number as a float, if it is finite, at least `low` and less than `high`.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is out of range.
    """
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{what} must be a number, got {number!r} of type {type(number).__name__}")
    value = float(number)
    if not low <= value < high:
        below = "finite" if high == math.inf else f"less than {high:g}"
        raise ValueError(f"{what} must be {below} and at least {low:g}, got {number!r}")
    return value
