"""Derivatives of plain functions of floats: extrapolated differences that know how far they may be off."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from .slopes import Slope

# A function raises these where it is undefined.
UNDEFINED = (ArithmeticError, ValueError, AssertionError)
# The first step as a share of the argument's size. No simple fraction: steps that are multiples of a function's period
# would see a constant.
_FIRST_STEP = 0.3719
# How often it is halved, and doubled if that does not help.
_TIMES_HALVED = 26
_TIMES_DOUBLED = 14
# The step that confirms what halved steps say: out of proportion to them.
_OUT_OF_PROPORTION = 0.1377
# Enough extrapolations for any smooth function; more only accumulate rounding errors.
_COLUMNS = 8
# The relative error of one evaluation, with some room for a function that takes a few steps.
_ROUNDING = 4 * 2.0**-53
# Wide steps are believed only if they are this many times as exact as narrow ones.
_MUCH = 10.0
# The steps, as shares of the argument's size, between values whose scatter shows how exact the function is.
_NOISE_STEPS = (2.0**-30, 2.0**-24, 2.0**-18, 2.0**-12)
# Differences have no limit if they grow by this factor over that many halvings of the step, no slower in the last third
# and far above rounding, or if they keep changing by as much, up to a share.
_GROWTH = 4.0
_HALVINGS = 12
_LOGARITHMIC = 0.05
# One-sided slopes known up to this share tell a kink from a smooth function.
_DOUBT = 1e-3
# A kink is still there with a step this many times as long as the last one.
_CLOSER = 2.0**-16


class Estimate(NamedTuple):
    """A number, and how far it may be off."""

    number: float
    error: float


class Extrapolation:
    """The limit of differences with halved steps, by Richardson's extrapolation.

    The triangle is Neville's; a number's error is the distance to its neighbours, as in C. Ridders (Accurate
    computation of F'(x) and F'(x) F''(x), 1982), plus what rounding can do to the differences.

    Args:
        order: the error of the differences is a series in the step to this power: 2 for central differences, 1 for
            one-sided ones.
    """

    def __init__(self, order: int) -> None:
        self.best = Estimate(math.nan, math.inf)
        self._order = order
        self._row: list[float] = []
        self._differences: list[float] = []
        self._rounding = 0.0

    def add(self, difference: float, rounding: float) -> None:
        """Takes the next difference, with half the step of the one before."""
        if not math.isfinite(difference):
            self._row = []
            return
        self._rounding = rounding
        self.refute(difference, rounding)
        self._differences.append(difference)
        row = [difference]
        for column, before in enumerate(self._row[:_COLUMNS]):
            factor = 2.0 ** (self._order * (column + 1))
            row.append(row[-1] + (row[-1] - before) / (factor - 1.0))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - before)) + rounding
            if error < self.best.error and len(self._row) > 1:
                self.best = Estimate(row[-1], error)
        self._row = row

    def refute(self, difference: float, rounding: float) -> bool:
        """Whether a finer difference is further from the best estimate than the last one; its error then grows to that.

        Such estimates come from steps that are too wide to see the function, or are all close to multiples of its
        period.
        """
        if not math.isfinite(self.best.error):
            return False
        before, now = (abs(d - self.best.number) for d in (self._differences[-1], difference))
        if now <= before + self.best.error + 4.0 * rounding:
            return False
        self.best = Estimate(self.best.number, now)
        return True

    def limit(self) -> Estimate:
        """The best estimate, or an infinity if the differences only grow.

        Differences that shrink like a root of the step do not extrapolate either; the last one says how far they got.
        """
        if len(self._differences) <= _HALVINGS or self.best.error <= 0.01 * abs(self.best.number):
            return self.best
        last = self._differences[-1]
        if self._grows():
            return Estimate(math.copysign(math.inf, last), 0.0)
        if abs(self._differences[-1 - _HALVINGS]) > _GROWTH * abs(last):
            return Estimate(last, 2.0 * abs(last) + self._rounding)
        return self.best

    def _grows(self) -> bool:
        """Whether the differences grow like a power of the step or its logarithm."""
        first, third, last = (abs(self._differences[-1 - halvings]) for halvings in (_HALVINGS, _HALVINGS // 3, 0))
        if last > _GROWTH * max(first, self._rounding) and last > _GROWTH ** (1.0 / 3.0) * third:
            return True
        recent = self._differences[-1 - _HALVINGS :]
        changes = [after - before for before, after in pairwise(recent)]
        least, most = min(changes), max(changes)
        return last > third and abs(most - least) <= _LOGARITHMIC * abs(least) - self._rounding

    def is_settled(self, tolerance: float) -> bool:
        """Whether the best estimate is exact enough, or the function has been constant for long."""
        if self.best.error <= tolerance * abs(self.best.number):
            return True
        return len(self._differences) > _HALVINGS // 2 and not any(self._differences)


class Differences:
    """The three extrapolations of a function's differences at a point: to the left, to the right and central.

    Args:
        function: the function.
        x: the point.
        noise: how far its values are off; at least the rounding of floats is assumed.
    """

    def __init__(self, function: Callable[[float], float], x: float, noise: float) -> None:
        self._function = function
        self._x = x
        self._middle = function(x)
        self._noise = noise
        self._step = 0.0
        self.left = Extrapolation(1)
        self.right = Extrapolation(1)
        self.central = Extrapolation(2)

    def add(self, step: float) -> None:
        """Takes the differences with this step, as far as the function is defined."""
        self._step = step
        for extrapolation, difference, rounding in self._with(step):
            extrapolation.add(difference, rounding)

    def are_confirmed(self, step: float) -> bool:
        """Whether a shorter step than the last says the same; if not, the estimates are doubted."""
        refuted = [extrapolation.refute(*found) for extrapolation, *found in self._with(step)]
        return not any(refuted)

    def _with(self, step: float) -> list[tuple[Extrapolation, float, float]]:
        """The three differences with a step, and what rounding can do to each; none if the step is too short."""
        x, middle = self._x, self._middle
        above, below = x + step, x - step
        if not below < x < above:
            return []
        high, low = self._function(above), self._function(below)
        largest = max((abs(y) for y in (low, middle, high) if math.isfinite(y)), default=0.0)
        noise = max(_ROUNDING * largest, self._noise) / step
        return [
            (self.left, (middle - low) / (x - below), 2 * noise),
            (self.right, (high - middle) / (above - x), 2 * noise),
            (self.central, (high - low) / (above - below), noise),
        ]

    def is_settled(self, tolerance: float) -> bool:
        """Whether the one-sided differences are exact enough, or the central ones with no sign of a kink.

        Central differences do not see kinks, and settle before one-sided ones are worth anything.
        """
        sides = [side for side in (self.left, self.right) if math.isfinite(side.best.error)]
        if sides and all(side.is_settled(tolerance) for side in sides):
            return True
        doubt = _DOUBT * abs(self.central.best.number)
        return self.central.is_settled(tolerance) and all(side.best.error <= doubt for side in sides)

    def _is_kink(self, bend: float) -> bool:
        """Whether the sides still differ by about as much with a much shorter step, as far as rounding allows."""
        found = self._with(self._step * _CLOSER)
        if math.isinf(bend) or not found:
            return True
        (_, left, noise), (_, right, _), _ = found
        return not abs(right - left) + 2.0 * noise < 0.5 * bend

    def slope(self) -> Slope:
        """What the differences say."""
        left, right, central = self.left.limit(), self.right.limit(), self.central.best
        if not math.isfinite(left.error + right.error):
            side = min(left, right, key=lambda estimate: estimate.error)
            return Slope(side.number, side.number, side.error)
        bend = abs(left.number - right.number)  # nan if both are infinite, which is a kink too
        if not bend <= 10.0 * (left.error + right.error) and self._is_kink(bend):
            return Slope(left.number, right.number, max(left.error, right.error))
        return Slope(central.number, central.number, central.error)


def slope_of_floats(function: Callable[[float], float], x: float, tolerance: float = 1e-8) -> Slope:
    """The derivative of a function of floats.

    Steps are halved until the extrapolation is exact enough. If rounding prevents that, steps larger than the first are
    tried too, which suits functions such as x + 1e9.

    Args:
        function: nan, or one of the errors in UNDEFINED, means that it is undefined there.
        x: where to differentiate.
        tolerance: the relative error at which to stop.
    """
    function = _undefined_is_nan(function)
    scale = abs(x) or 1.0
    first = _FIRST_STEP * scale
    noise = _noise(function, x, scale)
    shrinking = Differences(function, x, noise)
    for halvings in range(_TIMES_HALVED + max(math.frexp(scale)[1], 0)):  # the function may vary on a scale of 1
        step = first * 2.0**-halvings
        shrinking.add(step)
        if shrinking.is_settled(tolerance) and shrinking.are_confirmed(_OUT_OF_PROPORTION * step):
            return shrinking.slope()
    growing = Differences(function, x, noise)
    for doublings in range(_TIMES_DOUBLED, -2, -1):
        growing.add(first * 2.0**doublings)
    narrow, wide = shrinking.slope(), growing.slope()
    # Steps over many periods of a function see a slope near 0: wide ones must say the same, only more exactly.
    agree = abs(wide.middle - narrow.middle) <= _MUCH * narrow.error
    return wide if agree and _MUCH * wide.error < narrow.error else narrow


def _noise(function: Callable[[float], float], x: float, scale: float) -> float:
    """How far values are off, which may be more than float64 explains: the function may work in float32.

    At narrow steps the fourth differences of a smooth function vanish, and errors are left (R. W. Hamming, Introduction
    to applied numerical analysis, 1971). Wider steps may see the function itself, so they count only if narrow ones
    see a constant. Each side is looked at alone, without the point between them, which may be a kink, a jump, a pole,
    or the edge of the domain; the quieter side is believed.
    """
    for share in _NOISE_STEPS:
        scatter = {side: _scatter(function, x, side * share * scale) for side in (1.0, -1.0)}
        varying = {side: noise for side, noise in scatter.items() if noise is not None}
        if len(varying) == 1 and _scatter(function, x, -min(varying) * _NOISE_STEPS[-1] * scale) is None:
            return 0.0  # the other side is a constant
        known = list(filter(math.isfinite, varying.values()))
        if known:
            return min(known) / 4.0
    return 0.0


def _scatter(function: Callable[[float], float], x: float, step: float) -> float | None:
    """The fourth difference of the values on one side; None if they are all equal."""
    a, b, c, d, e = (function(x + i * step) for i in range(1, 6))
    return None if a == b == c == d == e else abs(a - 4.0 * b + 6.0 * c - 4.0 * d + e)


def _undefined_is_nan(function: Callable[[float], float]) -> Callable[[float], float]:
    def extended(x: float) -> float:
        try:
            y = function(x)
        except UNDEFINED:
            return math.nan
        return math.nan if isinstance(y, complex) else y

    return extended
