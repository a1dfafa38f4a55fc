"""The usual mistakes in derivatives worked out by hand, recognised by what they do to all components at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .tables import Entry
from .verdicts import WRONG

# A guess must fit this well: a wrong guess helps nobody.
_FIT = 1e-5


def likely_mistakes(entries: Sequence[Entry], shape: tuple[int, ...]) -> list[str]:
    """A guess that explains all derivatives exactly, or one per wrong derivative; none if nothing fits."""
    if all(entry.verdict != WRONG for entry in entries):
        return []
    analytic = [entry.analytic for entry in entries]
    true = [entry.numeric for entry in entries]
    if not all(map(math.isfinite, (*analytic, *true))):
        return []
    guess = _common_factor(analytic, true) or _transposed(analytic, true, shape)
    return [guess] if guess else _mixed_up(entries)


def _common_factor(analytic: Sequence[float], true: Sequence[float]) -> str | None:
    """What a factor between all derivatives and the true ones suggests."""
    largest = max(true, key=abs)
    if largest == 0.0:
        return None
    factor = analytic[true.index(largest)] / largest
    if not _fits(analytic, [factor * t for t in true]):
        return None
    for known, meaning in (
        (0.0, "the derivative is 0 everywhere: is it returned at all?"),
        (-1.0, "the sign is wrong everywhere: a factor of -1, as from (observed - predicted), is missing"),
        (2.0, "everything has a factor of 2 too much (or the 1/n of a mean is missing, with n = 2)"),
        (0.5, "a factor of 2 is missing, as from the derivative of a square"),
        (-2.0, "the sign is wrong everywhere, and there is a factor of 2 too much"),
        (-0.5, "the sign is wrong everywhere, and a factor of 2 is missing"),
    ):
        if abs(factor - known) <= _FIT:
            return meaning
    return _count(factor)


def _count(factor: float) -> str | None:
    """What a whole factor suggests: a mean."""
    sign = " and the sign is wrong" if factor < 0.0 else ""
    for n, size, question in (
        (abs(factor), "large", "is the 1/n of a mean missing"),
        (1.0 / abs(factor), "small", "is there a 1/n too much"),
    ):
        if n > 1.5 and abs(n - round(n)) <= _FIT * n:
            return f"everything is {round(n)} times too {size}{sign}: {question}, with n = {round(n)}?"
    return None


def _transposed(analytic: Sequence[float], true: Sequence[float], shape: tuple[int, ...]) -> str | None:
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 2:
        return None
    n = shape[0]
    if _fits([analytic[column * n + row] for row in range(n) for column in range(n)], true):
        return "the derivatives are transposed: df/dx[i, j] is where df/dx[j, i] should be"
    return None


def _mixed_up(entries: Sequence[Entry]) -> list[str]:
    """Derivatives that belong to another component, one sentence each; none unless that explains every wrong one."""
    guesses = []
    for entry in (entry for entry in entries if entry.verdict == WRONG):
        owners = [other for other in entries if other is not entry and _fits([entry.analytic], [other.numeric])]
        if entry.analytic == 0.0 or len(owners) != 1:
            return []
        guesses.append(f"what is given for {entry.input} is the derivative by another argument, {owners[0].input}")
    return guesses


def _fits(found: Sequence[float], expected: Sequence[float]) -> bool:
    scale = max(map(abs, expected), default=0.0)
    return all(abs(a - b) <= _FIT * (abs(b) or 1e-3 * scale) for a, b in zip(found, expected, strict=True))
