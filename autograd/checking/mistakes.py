"""The usual mistakes in derivatives worked out by hand, recognised by what they do to all derivatives at once.

Whether a derivative was found component by component or along random directions is all the same here: both are lines,
along which one knows the true derivative, the one under test, and what each suspected mistake would make of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Buffer
from .tables import Entry
from .verdicts import WRONG

# A guess must fit this well: a wrong guess helps nobody.
_FIT = 1e-5
# What is known up to this share of it only proves nothing.
_KNOWN = 0.05
# A factor that is no usual one, and a difference, are believed on so many lines.
_ENOUGH = 3
# So many derivatives are said to belong to another component, each by itself.
_MOST_NAMED = 6
# Nobody takes the mean of more.
_MOST_OBSERVATIONS = 1e7


@dataclass(slots=True)
class Lines:
    """Derivatives along lines.

    Attributes:
        true: the true ones.
        claimed: those under test.
        error: how far the true ones may be off.
        x: those of half the sum of squares of x, which is x itself.
        ones: those of the sum of x.
        others: what else might be right, by a sentence that says so.
    """

    true: Buffer
    claimed: Buffer
    error: Buffer | float = 0.0
    x: Buffer | None = None
    ones: Buffer | None = None
    others: Mapping[str, Buffer] = field(default_factory=dict)

    def fit(self, found: Buffer, expected: Buffer) -> bool:
        """Whether two derivatives are the same along all lines."""
        size = float(np.abs(expected).max(initial=0.0))
        return bool((np.abs(found - expected) <= _FIT * np.maximum(np.abs(expected), 1e-3 * size) + self.error).all())


def telling(errors: Buffer, true: Buffer) -> Buffer:
    """How far derivatives may be off; not at all for those that are known so badly that anything would fit."""
    return np.where(errors <= _KNOWN * np.abs(true), errors, 0.0)


def likely_mistakes(lines: Lines, entries: Sequence[Entry], number: int) -> list[str]:
    """A guess that explains all derivatives exactly, or one per wrong derivative; none if nothing fits.

    Args:
        lines: what is known along lines.
        entries: what is known of components, as far as they were looked at alone.
        number: of all components.
    """
    if np.isfinite(lines.true).all() and np.isfinite(lines.claimed).all() and lines.true.size:
        for guess in (_common_factor(lines), _instead(lines), _difference(lines)):
            if guess:
                return [guess]
    known = [entry for entry in entries if math.isfinite(entry.numeric) and math.isfinite(entry.analytic)]
    return _mixed_up(known) or _of_some(known, number)


def _common_factor(lines: Lines) -> str | None:
    """What a factor between all derivatives and the true ones suggests."""
    largest = int(np.argmax(np.abs(lines.true)))
    if lines.true[largest] == 0.0:
        return None
    if not lines.claimed.any():
        return "the derivative is 0 everywhere: is it returned at all?"
    with np.errstate(all="ignore"):
        factor = float(lines.claimed[largest] / lines.true[largest])
    if not math.isfinite(factor) or abs(factor - 1.0) <= _FIT or not lines.fit(lines.claimed, factor * lines.true):
        return None
    for known, meaning in (
        (-1.0, "the sign is wrong everywhere: a factor of -1 is missing"),
        (
            2.0,
            "everything has a factor of 2 too much: is it counted twice, or the 1/n of a mean missing, with n = 2?",
        ),
        (0.5, "a factor of 2 is missing: is there a square?"),
        (-2.0, "the sign is wrong everywhere, and there is a factor of 2 too much"),
        (-0.5, "the sign is wrong everywhere, and a factor of 2 is missing"),
    ):
        if abs(factor - known) <= _FIT:
            return meaning
    return _count(factor) or _any_factor(factor, lines.true.size)


def _count(factor: float) -> str | None:
    """What a whole factor suggests: a mean."""
    sign = " and the sign is wrong" if factor < 0.0 else ""
    for n, size, question in (
        (abs(factor), "large", "is the 1/n of a mean missing"),
        (1.0 / abs(factor), "small", "is there a 1/n too much"),
    ):
        if 1.5 < n < _MOST_OBSERVATIONS and abs(n - round(n)) <= _FIT * n:
            return f"everything is {round(n)} times too {size}{sign}: {question}, with n = {round(n)}?"
    return None


def _any_factor(factor: float, number: int) -> str | None:
    if number < _ENOUGH:
        return None
    return f"everything is {factor:.6g} times the true derivative: a common factor of {1.0 / factor:.6g} is missing"


def _instead(lines: Lines) -> str | None:
    """Another derivative that stands where this one should be."""
    for meaning, other in lines.others.items():
        if lines.fit(other, lines.true):
            return meaning
    return None


def _difference(lines: Lines) -> str | None:
    """What is missing if the difference is x times a number, or the same for every component."""
    if lines.true.size < _ENOUGH:
        return None
    difference = lines.true - lines.claimed
    for other, meaning in (
        (lines.x, "what is missing is {0:.6g} times x: the derivative of an L2 penalty, {1:.6g} * sum(x**2)?"),
        (lines.ones, "every component differs by the same number: {0:.6g} has to be added"),
    ):
        if other is not None and np.abs(other).max() > 0.0:
            with np.errstate(all="ignore"):
                factor = float(other @ difference / (other @ other))
            is_right = math.isfinite(factor) and lines.fit(difference, factor * other)
            if factor and is_right and lines.fit(lines.claimed + factor * other, lines.true):
                return meaning.format(factor, factor / 2.0)
    return None


def _mixed_up(entries: Sequence[Entry]) -> list[str]:
    """Derivatives that belong to another component, some by name; none unless that explains every wrong one."""
    guesses: list[str] = []
    for entry in (entry for entry in entries if entry.verdict == WRONG):
        owners = [other for other in entries if other is not entry and _is_close(entry.analytic, other.numeric)]
        if entry.analytic == 0.0 or len(owners) != 1 or entry.output != owners[0].output:
            return []
        guesses.append(f"what is given for {entry.input} is the derivative by another argument, {owners[0].input}")
    more = len(guesses) - _MOST_NAMED
    return guesses if more <= 0 else [*guesses[:_MOST_NAMED], f"{more} others are derivatives by another argument, too"]


def _of_some(entries: Sequence[Entry], number: int) -> list[str]:
    """What the components that are wrong have in common, if others are right."""
    wrong = [entry for entry in entries if entry.verdict == WRONG]
    if not wrong or len(wrong) == number:
        return []
    if len(wrong) == 1:
        return [f"only {wrong[0].input} is wrong, all others agree"] if number > 2 else []
    ratios = [entry.analytic / entry.numeric if entry.numeric else math.inf for entry in wrong]
    gaps = [entry.analytic - entry.numeric for entry in wrong]
    if all(_is_close(ratio, ratios[0]) for ratio in ratios):
        twice = ": are they counted twice?" if _is_close(ratios[0], 2.0) else ""
        return [f"the derivatives that are wrong are all {ratios[0]:.6g} times the true ones{twice}"]
    if all(_is_close(gap, gaps[0]) for gap in gaps):
        return [
            f"the derivatives that are wrong are all {_off(gaps[0])}, as if the one-hot of the targets were missing"
        ]
    return []


def _off(gap: float) -> str:
    return f"{abs(gap):.6g} too {'large' if gap > 0.0 else 'small'}"


def _is_close(found: float, expected: float) -> bool:
    return math.isfinite(found) and abs(found - expected) <= _FIT * abs(expected)


def transposed(
    jacobian: Buffer, shape: tuple[int, ...], along: NDArray[Any] | None = None
) -> Iterator[tuple[str, Buffer]]:
    """The derivatives by a square x as they are if they were transposed, as something else that may be there.

    Args:
        jacobian: one number for each component of x.
        shape: of x.
        along: directions, one a row; the components by default.
    """
    if len(shape) == 2 and shape[0] == shape[1] >= 2:
        turned = jacobian.reshape(shape).T.ravel()
        meaning = "the derivatives are transposed: df/dx[i, j] is where df/dx[j, i] should be"
        yield meaning, turned if along is None else along @ turned
