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

_MOST_SHOWN = 100
_MOST_PROBLEMS = 30
_USUAL = frozenset({Value, float, int})  # numbers
_WITHOUT_ORDER = (str, bytes, bytearray, Mapping, set, frozenset, type)  # or without numbers


def shown(x: object, most: int = _MOST_SHOWN) -> str:
    """The repr for an error message: of bounded length, and whatever the object makes of it."""
    try:
        text = repr(x)
    except Exception:
        text = f"<{type(x).__name__}>"
    return printable(text, most)


def printable(text: object, most: int = _MOST_SHOWN) -> str:
    """The text for an error message: of bounded length, and with control characters escaped."""
    text = text if isinstance(text, str) else shown(text, most)
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    return clean if len(text) <= most else f"{clean} ..."


def listed(problems: list[str], separator: str = "\n  ") -> str:
    """The problems for an error message, one per line; of a great many, the first."""
    more = [f"... and {len(problems) - _MOST_PROBLEMS:,} more"] if len(problems) > _MOST_PROBLEMS else []
    return separator.join([printable(problem, 5 * _MOST_SHOWN) for problem in problems[:_MOST_PROBLEMS]] + more)


def is_number(x: object) -> bool:
    """Whether it is a Value or a real number, NumPy's included."""
    return isinstance(x, (Value, Real))


def as_float(number: Any) -> float:
    """The number, or that of a Value; an integer beyond the floats becomes an infinity, as in a Value."""
    try:
        return number.data if isinstance(number, Value) else float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def plain(entry: object, what: str = "this") -> Any:
    """Arrays, tensors and tables as lists of Python numbers or Values, those without dimensions as one; others stay."""
    if isinstance(entry, (Value, float, list)):  # nearly always
        return entry
    if (to_array := getattr(type(entry), "to_numpy", None)) is not None:  # a table, which iterates over its columns
        entry = to_array(entry)
    if isinstance(entry, np.ma.MaskedArray) and np.ma.getmaskarray(entry).any():
        raise TypeError(f"{what} is a masked array without numbers in places; fill them, or leave their rows out")
    to_list = getattr(type(entry), "tolist", None)
    return entry if to_list is None or isinstance(entry, type) else to_list(entry)


def items(sequence: object, what: str, form: str = "numbers or lists of them") -> list[Any]:
    """The elements of a list, tuple or array, or of what else has an order."""
    if type(sequence) is list:  # nearly always
        return list(sequence)
    sequence = plain(sequence, what)
    if isinstance(sequence, _WITHOUT_ORDER) or not isinstance(sequence, Iterable):
        raise TypeError(f"{what} must be {form}, got {kind_of(sequence)}")
    return list(sequence)


def numbers(sequence: object, what: str) -> list[Any]:
    """The numbers and Values in a list, tuple or array."""
    found = items(sequence, what, "a list of numbers")
    if not _USUAL.issuperset(map(type, found)):  # a fast way to see that all is well
        for position, x in enumerate(found):
            if not is_number(x):
                raise TypeError(f"{what}[{position}] must be a number, got {kind_of(x)}")
    return found


def kind_of(x: object) -> str:
    """An argument and its type, as error messages end."""
    return f"{shown(x)} of type {type(x).__name__}"


def one_of(name: object, what: str, allowed: Iterable[str]) -> str:
    """The name, if allowed; the error lists the allowed ones."""
    known = list(allowed)
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}; got {shown(name)}")
    return name


def positive_integer(number: object, what: str) -> int:
    """The number as an int, if it is at least 1."""
    return integer_at_least(number, what, 1)


def integer_at_least(number: object, what: str, low: int, high: float = 2**63) -> int:
    """The number as an int, if it is at least `low` and less than `high`."""
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise TypeError(f"{what} must be an integer, got {kind_of(number)}")
    if number < low:
        raise ValueError(f"{what} must be at least {low}, got {shown(number)}")
    if int(number) >= high:
        raise ValueError(f"{what} is too large, got {shown(number)}")
    return int(number)


def boolean(flag: object, what: str) -> bool:
    """The flag as a bool; other things, such as strings, are refused."""
    if not isinstance(flag, (bool, np.bool_)):
        raise TypeError(f"{what} must be True or False, got {kind_of(flag)}")
    return bool(flag)


def all_finite(numbers: Vector) -> bool:
    """Whether all numbers of a flat array are finite. A sum of squares would do, but NumPy may warn of its overflow."""
    return bool(np.logical_and.reduce(np.isfinite(numbers)))


def number_between(number: object, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """The number as a float, if it is finite, at least `low` and less than `high`."""
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{what} must be a number, got {kind_of(number)}")
    value = as_float(number)
    if not (math.isfinite(value) and low <= value < high):
        below = "finite" if high == math.inf else f"less than {high:g}"
        above = "" if low == -math.inf else f" and at least {low:g}"
        raise ValueError(f"{what} must be {below}{above}, got {shown(number)}")
    return value


def array_of(numbers: object, expected: tuple[int, ...]) -> Vector:
    """The numbers as an array of the expected shape; something other among them, such as a boolean, is refused."""
    try:
        array = np.asarray(numbers)
    except Exception:  # an object's own, or PyTorch's RuntimeError for a tensor that requires grad
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
        raise TypeError(f"load_state_dict takes a dict that state_dict gave, got {kind_of(state)}")
    checked = {}
    problems = [f"{printable(key)}: unexpected" for key in state if key not in checks]
    for key, check in checks.items():
        if key not in state:
            problems.append(f"{key}: missing")
            continue
        try:
            checked[key] = check(state[key])
        except (TypeError, ValueError) as error:
            problems.append(str(error))
    if problems:
        raise ValueError(f"this state does not fit {owner!r}; nothing was changed:\n  " + listed(problems))
    return checked
