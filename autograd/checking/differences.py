"""Derivatives of plain functions of floats: extrapolated differences that know how far they may be off."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from .grain import Grain, grain_along, size_of
from .slopes import Slope, unknown

# A function raises these where it is undefined.
UNDEFINED = (ArithmeticError, ValueError, AssertionError)
# The first step as a share of the argument's size. No simple fraction: steps that are multiples of a function's period
# would see a constant.
_FIRST_STEP = 0.3719
# How often it is halved, not counting steps that leave the domain, and doubled if that does not help.
_TIMES_HALVED = 26
_TIMES_DOUBLED = 14
# What settles at steps from this share of the argument's size on is no matter of noise.
_WIDE = 2.0**-10
# Chords over steps of at least this share of the argument's size tell how steep a function is; shorter ones see jumps.
_CHORD = 2.0**-12
# The rounding of float64.
_DOUBLE = 2.0**-53
# No step is shorter than this share of the argument's size.
_SHORTEST = 2.0**-50
# The step that confirms what halved steps say: out of proportion to them.
_OUT_OF_PROPORTION = 0.1377
# Enough extrapolations for any smooth function; more only accumulate rounding errors.
_COLUMNS = 8
# Across a jump values differ by about as much with this step as with the shortest, and far more than they are off.
_WIDER = 2.0**26
_JUMP = 0.7
_CLEAR = 20.0
# Wide steps are believed only if they are this many times as exact as narrow ones.
_MUCH = 10.0
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
        self._pending = self.best
        self._row: list[float] = []
        self._differences: list[float] = []
        self._rounding = 0.0

    def add(self, difference: float, rounding: float) -> None:
        """Takes the next difference, with half the step of the one before."""
        if not math.isfinite(difference):
            self._row = []
            self._pending = Estimate(math.nan, math.inf)
            return
        self._rounding = rounding
        self.refute(difference, rounding)
        self._differences.append(difference)
        row, found = [difference], Estimate(math.nan, math.inf)
        grown = rounding
        for column, before in enumerate(self._row[:_COLUMNS]):
            factor = 2.0 ** (self._order * (column + 1))
            row.append(row[-1] + (row[-1] - before) / (factor - 1.0))
            grown *= (factor + 1.0) / (factor - 1.0)
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - before)) + grown
            if error < found.error:
                found = Estimate(row[-1], error)
        self._confirm(found)
        self._row = row

    def _confirm(self, found: Estimate) -> None:
        """Takes the estimate of the last step, as far as that of this step agrees; neighbours may agree by chance."""
        last, self._pending = self._pending, found
        distance = abs(last.number - found.number)
        if not math.isfinite(distance):
            return
        last = Estimate(last.number, max(last.error, distance))
        if abs(self.best.number - last.number) > self.best.error + last.error:
            self.best = Estimate(self.best.number, abs(self.best.number - last.number))
        if last.error < self.best.error:
            self.best = last

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

    Attributes:
        left, right, central: the extrapolations.
        telling: the step that the best central estimate comes from, and the curvature of the function there.

    Args:
        function: the function.
        x: the point.
        grain: how far its values are off.
        fit: rounds an argument to the numbers that the function takes.
    """

    def __init__(
        self, function: Callable[[float], float], x: float, grain: Grain, fit: Callable[[float], float] = float
    ) -> None:
        self._function = function
        self._x = x
        self._middle = function(x)
        self._grain = grain
        self._fit = fit
        self._step = 0.0
        self.telling = (0.0, 0.0)
        self._steepest = 0.0
        self.left = Extrapolation(1)
        self.right = Extrapolation(1)
        self.central = Extrapolation(2)

    def add(self, step: float) -> bool:
        """Takes the differences with this step, as far as the function is defined; whether it is on both sides."""
        self._step = step
        found = self._with(step)
        before = self.central.best
        for extrapolation, difference, rounding in found:
            extrapolation.add(difference, rounding)
        if self.central.best.number != before.number and len(found) > 1:
            self.telling = step, abs(found[0][1] - found[1][1]) / step
        return all(math.isfinite(difference) for _, difference, _ in found)

    def are_confirmed(self, step: float) -> bool:
        """Whether a shorter step than the last says the same; if not, the estimates are doubted."""
        refuted = [extrapolation.refute(*found) for extrapolation, *found in self._with(step)]
        return not any(refuted)

    def _with(self, step: float) -> list[tuple[Extrapolation, float, float]]:
        """The three differences with a step, and what rounding can do to each; none if the step is too short."""
        x, middle = self._x, self._middle
        above, below = self._fit(x + step), self._fit(x - step)
        if not below < x < above:
            return []
        high, low = self._function(above), self._function(below)
        largest = max((abs(y) for y in (low, middle, high) if math.isfinite(y)), default=0.0)
        chords = (abs(middle - low) / (x - below), abs(high - middle) / (above - x))
        if step >= _CHORD * size_of(x):
            self._steepest = max(self._steepest, *(chord for chord in chords if math.isfinite(chord)), 0.0)
        noise = self._grain.at(step, largest)
        if self._grain.unit > _DOUBLE:  # the argument is rounded as well, which shows where the function is steep
            noise = max(noise, 2.0 * self._grain.unit * abs(x) * self._steepest)
        noise /= 0.5 * (above - below)
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

    def grow(self) -> bool:
        """Whether the differences only grow so far: shorter steps may see why."""
        return any(math.isinf(side.limit().number) for side in (self.left, self.right))

    def jumps(self) -> bool:
        """Whether the function jumps at the point: the gap to a neighbour does not close, however near it is."""
        scale = size_of(self._x)
        for side in (-1.0, 1.0):
            step = max(_SHORTEST * scale, _CLEAR * math.ulp(0.0))
            while step <= scale and self._fit(self._x + side * step) == self._x:
                step *= 2.0
            near, wide = (
                abs(self._function(self._fit(self._x + side * s)) - self._middle) for s in (step, step * _WIDER)
            )
            if near >= _JUMP * wide and near > _CLEAR * self._grain.at(step, max(abs(self._middle), near)):
                return True
        return False

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


def slope_of_floats(
    function: Callable[[float], float],
    x: float,
    tolerance: float = 1e-8,
    *,
    unit: float = 2.0**-53,
    fit: Callable[[float], float] = float,
) -> Slope:
    """The derivative of a function of floats.

    Steps are halved until the extrapolation is exact enough. If the grain of the function prevents that, or it seems
    constant, steps larger than the first are tried too, which suits functions such as x + 1e9.

    Args:
        function: nan, or one of the errors in UNDEFINED, means that it is undefined there.
        x: where to differentiate.
        tolerance: the relative error at which to stop.
        unit: the relative rounding of the type of the function's results.
        fit: rounds an argument to the numbers that the function takes.
    """
    function = cache(_undefined_is_nan(function))
    if not math.isfinite(function(x)):
        return unknown()
    grain = grain_along(function, x, unit, fit)
    if grain.is_unresolved:
        return unknown()
    found, telling, last = _slope(function, x, grain, fit, tolerance)
    if last < _WIDE * size_of(x):
        found = _doubted(found, function, x, unit, fit, tolerance)
    if not found.is_kink:
        found.error = max(found.error, grain.doubt(found.middle, *telling))
    return found


def _doubted(
    fine: Slope,
    function: Callable[[float], float],
    x: float,
    unit: float,
    fit: Callable[[float], float],
    tolerance: float,
) -> Slope:
    """A slope that narrow steps found, compared with that of wide ones, if what these see as noise may be noise."""
    grain = grain_along(function, x, unit, fit, is_thorough=True)
    if grain.coarse is None:
        return fine
    # What wide steps see as noise may be a part of the function that only narrow steps see: who is to tell?
    coarse, *_ = _slope(function, x, grain.coarse, fit, tolerance)
    doubt = abs(fine.middle - coarse.middle)
    if coarse.is_kink or doubt <= fine.error:
        return fine if fine.error <= coarse.error else coarse
    return Slope(coarse.middle, coarse.middle, max(doubt if doubt < math.inf else 0.0, coarse.error))


def _slope(
    function: Callable[[float], float], x: float, grain: Grain, fit: Callable[[float], float], tolerance: float
) -> tuple[Slope, tuple[float, float], float]:
    """The slope, the step that tells it with the curvature there, and the last step that was tried."""
    scale = size_of(x)
    first = _FIRST_STEP * scale
    shrinking = Differences(function, x, grain, fit)
    halvings, step = 0, first
    most = _TIMES_HALVED + max(math.frexp(scale)[1], 0)
    while step > _SHORTEST * scale and (halvings < most or shrinking.grow()):
        halvings += shrinking.add(step)
        if shrinking.is_settled(tolerance) and shrinking.are_confirmed(_OUT_OF_PROPORTION * step):
            if grain.is_flat:
                break
            return _with_jumps(shrinking), shrinking.telling, step
        step /= 2.0
    growing = Differences(function, x, grain, fit)
    for doublings in range(_TIMES_DOUBLED, -2, -1):
        growing.add(first * 2.0**doublings)
    narrow, wide = _with_jumps(shrinking), growing.slope()
    # Steps over many periods of a function see a slope near 0: wide ones must say the same, only more exactly.
    agree = abs(wide.middle - narrow.middle) <= _MUCH * narrow.error
    if agree and _MUCH * wide.error < narrow.error and growing.are_confirmed(_OUT_OF_PROPORTION * first):
        return wide, growing.telling, step
    return narrow, shrinking.telling, step


def _with_jumps(differences: Differences) -> Slope:
    slope = differences.slope()
    slope.jumps = slope.is_kink and differences.jumps()
    return slope


def _undefined_is_nan(function: Callable[[float], float]) -> Callable[[float], float]:
    def extended(x: float) -> float:
        try:
            y = function(x)
        except UNDEFINED:
            return math.nan
        return math.nan if isinstance(y, complex) else y

    return extended
