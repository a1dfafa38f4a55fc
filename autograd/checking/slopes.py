"""One-sided derivatives of a function of one number: the limits of its difference quotients, in high precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .precise import Precise, mpf

# Steps of difference quotients are 2 to the minus this, times the argument if that is smaller than 1 ...
_STEPS = (100, 200, 400)
# ... on numbers with this many extra bits: never the same twice, so that quotients short of digits disagree. The last
# number resolves any slope that a float can hold, next to any float.
_SPARE_BITS = (160, 220, 2600)
# The scale of an argument of 0: smaller than all floats but 0, so that the step meets no other number on its way.
_EXPONENT_OF_ZERO = -1100
# Two quotients agree up to this share of them.
_AGREEMENT = 2.0**-40
# Smaller slopes are 0: where a derivative vanishes at 0, quotients are about as large as the last step.
_EXPONENT_OF_NOTHING = -1300
# Floats and their squares are no further apart in size than this.
_LARGEST_SPREAD = 4400
# Quotients that change by more than this factor as the steps become shorter tend to 0 or have no limit.
_TREND = 16
# A gap between values that shrinks by no more than this, as steps become far shorter, is a jump.
_CLOSES = 0.9
# So do those that change by less, but like a power of the step or its logarithm, up to this share.
_REGULARITY = 0.01


@dataclass(slots=True)
class Slope:
    """What is known about the derivative of a function of one number at a point.

    Attributes:
        left, right: the limits of the difference quotients from either side; the same where the function is smooth,
            nan where it is not defined.
        error: how far they may be off, if they come from differences of floats.
        jumps: whether the function is not continuous there.
    """

    left: float | mpf
    right: float | mpf
    error: float = 0.0
    jumps: bool = False

    @property
    def is_kink(self) -> bool:
        """Whether there is no finite derivative: the sides differ, or the slope is infinite."""
        size = max(abs(self.left), abs(self.right))
        return not (abs(self.left - self.right) <= _AGREEMENT * size + self.error and size < float("inf"))

    @property
    def is_unknown(self) -> bool:
        """Whether differences say nothing about it."""
        return self.error == float("inf")

    @property
    def middle(self) -> float | mpf:
        """The derivative; at a kink the mean of both sides."""
        return self.left if self.left == self.right else (self.left + self.right) / 2


def unknown() -> Slope:
    """The slope where differences say nothing."""
    return Slope(float("nan"), float("nan"), float("inf"))


def slope(numbers: Precise, function: Callable[[mpf], mpf], x: mpf, spread: int) -> Slope:
    """The derivative of a function that works on precise numbers.

    Quotients with ever shorter steps, on ever longer numbers, are compared until two agree. Where only one side is
    defined, as for the square root at 0, that side is the derivative.

    Args:
        numbers: the number system; its precision is changed.
        function: takes and gives a precise number.
        x: where to differentiate.
        spread: how many extra bits the function needs because it adds numbers of different sizes; see `spread_of`.
    """
    sides: list[tuple[mpf, mpf]] = []
    gaps: list[tuple[mpf, mpf]] = []
    exponent = min(numbers.exponent(x), 0) if x else _EXPONENT_OF_ZERO
    for steps, spare in zip(_STEPS, _SPARE_BITS, strict=True):
        numbers.context.prec = steps + spare + spread + (0 if x else -_EXPONENT_OF_ZERO)
        step = numbers.context.ldexp(1, exponent - steps)
        sides.append(_quotients(function, x, step))
        gaps.append((abs(sides[-1][0] * step), abs(sides[-1][1] * step)))
        if len(sides) > 1 and all(map(_agree, *sides[-2:])):
            return _of_sides(*sides[-1])
    found = _of_sides(*(_limit(numbers, side) for side in zip(*sides, strict=True)))
    found.jumps = any(map(_stays, *gaps[-2:]))
    return found


def _stays(gap: mpf, nearer: mpf) -> bool:
    """Whether the gap between two values does not close as their arguments come closer."""
    return bool(nearer > _CLOSES * gap > 0 and nearer < float("inf"))


def spread_of(numbers: Precise, values: Iterable[mpf]) -> int:
    """How many bits these numbers and their squares may be apart in size, from each other and from 1."""
    return min(_LARGEST_SPREAD, 2 * max((abs(numbers.exponent(value)) for value in values), default=0))


def _quotients(function: Callable[[mpf], mpf], x: mpf, step: mpf) -> tuple[mpf, mpf]:
    middle = function(x)
    return (middle - function(x - step)) / step, (function(x + step) - middle) / step


def _agree(quotient: mpf, finer: mpf) -> bool:
    """Whether the finer quotient is the limit. A zero is not trusted before the last step: digits may be missing."""
    if finer != finer:
        return bool(quotient != quotient)
    return bool(finer != 0 and abs(quotient - finer) <= _AGREEMENT * abs(finer))


def _limit(numbers: Precise, quotients: Sequence[mpf]) -> mpf:
    before, last = quotients[-2:]
    if numbers.exponent(last) < _EXPONENT_OF_NOTHING:
        return numbers.number(0)
    if before == 0 or last == 0 or not numbers.is_finite(last):
        return last
    grows = abs(last) > abs(before)
    changes = max(abs(last / before), abs(before / last)) > _TREND
    if changes or _is_steady([numbers.log(abs(q)) for q in quotients]):  # a power of the step, as for x**1.01 at 0
        return numbers.sign(last) * numbers.inf if grows else numbers.number(0)
    return numbers.sign(last - before) * numbers.inf if _is_steady(quotients) else last


def _is_steady(numbers: Sequence[mpf]) -> bool:
    """Whether numbers change by as much with every halving of the step, like the quotients of x**x at 0."""
    early, late = ((b - a) / (j - i) for a, b, i, j in zip(numbers, numbers[1:], _STEPS, _STEPS[1:], strict=False))
    return bool(late and abs(late - early) <= _REGULARITY * abs(late))


def in_floats(numbers: Precise, slope: Slope) -> Slope:
    """A slope of precise numbers, as far as floats can hold it."""
    return Slope(numbers.float(slope.left), numbers.float(slope.right), slope.error, slope.jumps)


def _of_sides(left: mpf, right: mpf) -> Slope:
    """The slope from both sides, or from the only one where the function is defined."""
    return Slope(right if left != left else left, left if right != right else right)
