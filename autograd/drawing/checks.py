"""Arguments of draw, explain and animate, checked: one sentence says what was expected and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

MOST_DIGITS = 100

_MOST = 80
"""Characters of an argument in an error message."""


def shown(x: object) -> str:
    """The repr on one line of bounded length, whatever the object makes of it."""
    try:
        text = " ".join(repr(x).split())
    except Exception:
        text = f"<{type(x).__name__}>"
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def kind_of(x: object) -> str:
    """An argument and its type, as error messages end."""
    return f"{shown(x)} of type {type(x).__name__}"


def choice(x: Any, argument: str, allowed: Iterable[str | None], expected: str) -> Any:
    """One of a few texts, or None if that is one of them."""
    if (x is None or type(x) is str) and x in tuple(allowed):
        return x
    raise ValueError(f"{argument} must be {expected}, got {shown(x)}")


def count(x: Any, argument: str, least: int, expected: str) -> int:
    """A whole number from some number on."""
    if isinstance(x, bool) or not isinstance(x, Integral) or x < least:
        raise ValueError(f"{argument} must be {expected}, got {shown(x)}")
    return int(x)


def digits(x: Any, argument: str) -> int:
    """A number of significant digits."""
    number = count(x, argument, 1, "an integer above 0")
    if number > MOST_DIGITS:
        raise ValueError(f"{argument} must be at most {MOST_DIGITS}, got {shown(x)}")
    return number


def boolean(x: Any, argument: str) -> bool:
    """True or False."""
    if not isinstance(x, bool):
        raise TypeError(f"{argument} must be True or False, got {kind_of(x)}")
    return x


def text(x: Any, argument: str) -> str | None:
    """A string or None."""
    if x is not None and not isinstance(x, str):
        raise TypeError(f"{argument} must be a string, got {kind_of(x)}")
    return x


def chosen(x: Any, argument: str, allowed: Sequence[str]) -> frozenset[str]:
    """Some of a few texts, or a single one."""
    listed = [x] if isinstance(x, str) else list(x) if isinstance(x, (list, tuple, set, frozenset)) else [None]
    if not all(isinstance(each, str) and each in allowed for each in listed):
        raise ValueError(f"{argument} must be some of {', '.join(allowed)}, got {shown(x)}")
    return frozenset(listed)
