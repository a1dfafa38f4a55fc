"""How exact the values of a function are, measured before any difference of them is believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

# Neighbours of a point, as many of the shortest steps away: no regular steps, at which a period may look like a line.
_NEIGHBOURS = (5.0, 6.0, 8.0, 11.0, 12.0, 14.0, 17.0, 18.0)
_SHORTEST = 2.0**-48
# Values are compared at steps of these shares of the argument's size; at the wide ones only if narrow ones see a
# constant, as of a function that rounds its argument to few digits.
_SHARE = 2.0**-29
_STAIRS = (2.0**-26, 2.0**-23, 2.0**-20, 2.0**-17)
_WIDE_SHARES = (2.0**-21, 2.0**-16, 2.0**-12)
# Functions that round their argument to half precision need wider ones still; at other times nobody looks there.
_WIDEST_SHARES = (2.0**-9, 2.0**-6)
# If those do, too, values are looked at as far away as this.
_FAR = 15
# No simple fraction: steps that are multiples of a grain would see a smooth function.
_IRREGULAR = 0.7391
_POINTS = 8
# Noise looks the same in differences of these orders, once they are scaled; a smooth function fades.
_ORDERS = (4, 5, 6)
_FADES = 0.25
# A value may be off by this many standard deviations.
_DEVIATIONS = 3.0
# The louder side is believed unless it is louder by this factor: it may hold a kink, a jump or a pole.
_LOUDER = 10.0
# Noise is as large at one wide step as at another, up to this factor; what grows with the step is the function.
_EVEN = 3.0
# A scatter up to this share of the values is noise, a larger one may be the function itself.
_SMALL = 1e-4
# Noise at narrow steps that is this many times smaller may be the function itself, too.
_QUIETER = 50.0
# Values on a grid are rounded if it is this fine next to them, else they are steps.
_FINE = 2.0**-16
# A function is unresolved if values among them differ by these shares of its size and its range; on one side a jump
# may do that, so both must differ by a little at least.
_MUCH_OF_THE_SIZE = 2.0**-6
_MUCH_OF_THE_RANGE = 0.1
_LITTLE = 2.0**-20
# Wide steps across which the range is measured then.
_ACROSS = (0.09, 0.23, 0.41, 0.67)
# Secants at narrow steps contradict a derivative if it is this many errors away from both sides, or if they bend by
# this factor more than wide steps say.
_CONTRADICTION = 2.0
_BEND = 10.0
# No float is closer to another than about this.
_SMALLEST = 2.0**-1072
# Steps are not made smaller than shares of this.
_NARROWEST = 2.0**-960
# The digits of float16, bfloat16 and float32; so many different values tell one of them.
_BITS = (8, 11, 24)
_ENOUGH = 8
# One evaluation is off by a few roundings.
_ROUNDINGS = 4.0


class Secants(NamedTuple):
    """How steep a function is over a few narrow steps.

    Attributes:
        step: their width.
        noise: how far values are off there.
        low, high: the smaller and the larger slope of both sides.
        error: how far these may be off.
    """

    step: float
    noise: float
    low: float
    high: float
    error: float


class Grain(NamedTuple):
    """How far the values of a function are off.

    Attributes:
        unit: the relative rounding of one value.
        levels: pairs of a step and the noise that values show at that step, narrow steps first.
        size: the size of the values.
        is_flat: whether all values are the same.
        is_unresolved: whether values vary among neighbouring numbers as much as anywhere, as those of sin at 1e300.
        secants: at steps whose noise is known.
    """

    unit: float
    levels: tuple[tuple[float, float], ...]
    size: float = 0.0
    is_flat: bool = False
    is_unresolved: bool = False
    secants: tuple[Secants, ...] = ()

    @property
    def coarse(self) -> Grain | None:
        """The grain if what wide steps see is noise for narrow ones too; None if they see the same."""
        _, wide, wider = sorted(noise for _, noise in self.levels[-3:])
        is_noise = 0.0 < wider <= min(_EVEN * wide, _SMALL * self.size) and wider > _QUIETER * self.levels[0][1]
        return Grain(self.unit, ((0.0, wider),)) if is_noise else None

    def doubt(self, slope: float, step: float, curvature: float) -> float:
        """How far off a derivative may be that was found with this step and this curvature, going by narrower steps.

        A wiggle that is noise to wide steps may be a part of the function.
        """
        doubt = loudest = 0.0
        narrower = [secants for secants in self.secants if _POINTS * secants.step < step]
        for width, noise, low, high, error in reversed(narrower):
            beyond, around = max(low - slope, slope - high, 0.0), error + (high - low)
            bends = high - low > _CONTRADICTION * error + _BEND * curvature * _POINTS * width
            if beyond > _CONTRADICTION * around or bends or loudest > _QUIETER * noise:
                doubt = max(doubt, beyond + around)
            loudest = max(loudest, noise)
        return doubt

    def at(self, step: float, size: float) -> float:
        """How far values of this size are off, as seen at this step: a wiggle is noise to wide steps only."""
        seen = [noise for width, noise in self.levels if width <= step or width == self.levels[0][0]]
        return max(_ROUNDINGS * self.unit * size, _SMALLEST, *seen)


def size_of(x: float) -> float:
    """The size of steps at a point: 1 at 0, and where steps would underflow not smaller than they may be."""
    return max(abs(x), _NARROWEST) if x else 1.0


def grain_along(
    function: Callable[[float], float],
    x: float,
    unit: float,
    fit: Callable[[float], float],
    is_thorough: bool = False,
) -> Grain:
    """The grain of a function near a point.

    At narrow steps the high differences of a smooth function vanish, and errors are left (R. W. Hamming, Introduction
    to applied numerical analysis, 1971; J. J. More and S. M. Wild, Estimating computational noise, 2011). Each side is
    looked at alone, without the point between them.

    Args:
        function: nan where it is not defined.
        x: the point.
        unit: the relative rounding of the type of its results.
        fit: rounds an argument to the numbers that the function takes.
        is_thorough: whether to look at wide steps in any case.
    """
    survey = _Survey(function, x, fit)
    survey.look_at_neighbours()
    for share in (_SHARE, *_STAIRS, *_WIDE_SHARES, *_WIDEST_SHARES):
        is_known = survey.is_known
        if is_known and (share in _WIDEST_SHARES or (share in _WIDE_SHARES and not is_thorough)):
            break
        if not (is_known and share in _STAIRS):
            survey.look(share)
    return survey.grain(unit)


class _Look(NamedTuple):
    """What a few values at equal steps on both sides of a point show.

    Attributes:
        step: the steps.
        noise: how far values are off; None if most are the same as their neighbour.
        slopes: the secants of both sides.
    """

    step: float
    noise: float | None
    slopes: tuple[float, ...] = ()


class _Survey:
    """The values of a function around a point, at one step after another."""

    def __init__(self, function: Callable[[float], float], x: float, fit: Callable[[float], float]) -> None:
        self._function = function
        self._x = x
        self._fit = fit
        self._scale = size_of(x)
        self._looks: list[_Look] = []
        self._seen: set[float] = set()
        self._is_unresolved = False

    @property
    def is_known(self) -> bool:
        """Whether the last look has shown the noise."""
        return bool(self._looks) and self._looks[-1].noise is not None

    def look(self, share: float) -> None:
        """Looks at values at steps of this share of the point's size."""
        step = self._fit(self._x + _IRREGULAR * share * self._scale) - self._x
        if step <= 0.0:
            self._looks.append(_Look(_IRREGULAR * share * self._scale, None))
            return
        sides = [[self._function(self._x + side * i * step) for i in range(1, _POINTS + 1)] for side in (1.0, -1.0)]
        self._seen.update(*sides)
        noise = _of_sides(list(map(_noise, sides)))
        if noise is not None and any(len(set(values)) == 1 for values in sides):
            noise = None if share in _WIDEST_SHARES else 0.0  # a constant on one side: what the other does is no noise
        if noise is not None and share != _SHARE and not self.is_known:  # no stair is higher than what a step climbs
            noise = max(noise, _of_sides([max(map(abs, _steps(values))) for values in sides]) or 0.0)
        right, left = ((values[-1] - values[0]) / ((_POINTS - 1) * step) for values in sides)
        self._looks.append(_Look(step, noise, (right, -left)))

    def grain(self, unit: float) -> Grain:
        """All that was seen."""
        looks = sorted(self._looks, key=lambda look: look.step)
        is_flat = all(look.noise is None for look in looks)
        if is_flat:
            self._look_far(_IRREGULAR * 2.0**power for power in range(_FAR))
        levels, wider = [], _grid_of(self._seen) if is_flat else 0.0
        for look in reversed(looks):  # where narrow steps see a constant, its stairs show at wide ones
            wider = wider if look.noise is None else look.noise
            levels.append((look.step, wider))
        unit = max(unit, _unit_of(self._seen, is_flat))
        size = max(map(abs, self._finite()), default=0.0)
        secants = _secants(looks, _ROUNDINGS * unit * size)
        return Grain(unit, tuple(reversed(levels)), size, is_flat, self._is_unresolved, secants)

    def _look_far(self, shares: Iterable[float]) -> None:
        for share in shares:
            far = share * self._scale
            self._seen |= {self._function(self._fit(self._x + far)), self._function(self._fit(self._x - far))}

    def _finite(self) -> list[float]:
        return [value for value in self._seen if math.isfinite(value)]

    def look_at_neighbours(self) -> None:
        """Looks at values as near as there are any."""
        x, step = self._x, _SHORTEST * self._scale
        while step < self._scale and not self._fit(x - step) < x < self._fit(x + step):
            step *= 2.0
        places = [[self._fit(x + side * k * step) for k in _NEIGHBOURS] for side in (1.0, -1.0)]
        sides = [list(map(self._function, side)) for side in places]
        self._seen.update(*sides)
        lines = [_line([(p - x) / step for p in ps], side) for ps, side in zip(places, sides, strict=True)]
        known = [line for line in lines if line is not None]
        noise = _of_sides([noise for _, noise in known])
        if noise is not None and any(len(set(values)) == 1 for values in sides):
            noise = 0.0  # a constant on one side: what the other does is no noise
        slopes = tuple(slope / step for slope, _ in known)
        self._looks.append(_Look(step * (_NEIGHBOURS[-1] - _NEIGHBOURS[0]) / _POINTS, noise, slopes))
        little, much = sorted(max(values) - min(values) for values in sides)
        size = max(map(abs, self._finite()), default=0.0)
        if much > _MUCH_OF_THE_SIZE * size and little > _LITTLE * size:
            self._look_far(_ACROSS)
            self._is_unresolved = much > _MUCH_OF_THE_RANGE * (max(self._finite()) - min(self._finite()))


def _secants(looks: Iterable[_Look], noise: float) -> tuple[Secants, ...]:
    """What looks say on slopes; noise does not become less where steps are wider."""
    found = []
    for step, seen, slopes in looks:
        if seen is not None:
            noise = max(noise, seen)
            found.append(Secants(step, noise, min(slopes), max(slopes), 2.0 * noise / ((_POINTS - 1) * step)))
    return tuple(found)


def _of_sides(sides: Sequence[float | None]) -> float | None:
    known = [noise for noise in sides if noise is not None and math.isfinite(noise)]
    if not known:
        return None
    if len(known) == 1:
        return known[0]
    low, high = sorted(known)
    return high if high <= _LOUDER * low else low


def _noise(values: Sequence[float]) -> float | None:
    """How far values at equal steps are off; None if more than half are the same as their neighbour."""
    row = list(values)
    if _steps(row).count(0.0) > _POINTS // 2:
        return None
    deviations = []
    for order in range(1, _ORDERS[-1] + 1):
        row = _steps(row)
        if order in _ORDERS:
            deviations.append(math.sqrt(math.fsum(d * d for d in row) / len(row) / math.comb(2 * order, order)))
    if max(deviations[1:]) < _FADES * deviations[0]:
        return 0.0  # a smooth function
    return _DEVIATIONS * max(deviations)


def _line(places: Sequence[float], values: Sequence[float]) -> tuple[float, float] | None:
    """The slope of values, and how far they are off a parabola; None if most are the same as their neighbour."""
    if not all(map(math.isfinite, values)) or _steps(values).count(0.0) > len(values) // 2:
        return None
    rest, slope, basis = list(values), 0.0, list[list[float]]()
    for power in range(3):
        row = [place**power for place in places]
        for other in basis:
            row = _without(row, _share(row, other), other)
        basis.append(row)
        share = _share(rest, row)
        rest, slope = _without(rest, share, row), share if power == 1 else slope
    return slope, _DEVIATIONS * math.sqrt(math.fsum(off * off for off in rest) / (len(rest) - len(basis)))


def _share(row: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(row, other, strict=True)) / math.fsum(b * b for b in other)


def _without(row: Sequence[float], share: float, other: Sequence[float]) -> list[float]:
    return [a - share * b for a, b in zip(row, other, strict=True)]


def _steps(row: Sequence[float]) -> list[float]:
    return [b - a for a, b in pairwise(row)]


def _grid_of(values: Iterable[float]) -> float:
    """The largest power of 2 that divides all values, if it is fine next to them: what cancels leaves such a grid."""
    finite = {abs(value) for value in values if math.isfinite(value) and value}
    if len(finite) < _ENOUGH:
        return 0.0
    ratios = (float(value).as_integer_ratio() for value in finite)
    grid = math.ldexp(1.0, min((n & -n).bit_length() - d.bit_length() for n, d in ratios))
    return grid if grid <= _FINE * max(finite) else 0.0


def _unit_of(values: Iterable[float], is_flat: bool) -> float:
    """The rounding of the coarsest type that holds all values; 0 if they are too few to tell."""
    finite = {abs(value) for value in values if math.isfinite(value) and value}
    if not finite or (len(finite) < _ENOUGH and not is_flat):
        return 0.0
    for bits in _BITS if len(finite) >= _ENOUGH else _BITS[-1:]:
        if all(math.ldexp(math.frexp(value)[0], bits).is_integer() for value in finite):
            return 2.0**-bits
    return 0.0
