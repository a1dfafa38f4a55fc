"""How exact the values of a function are, measured before any difference of them is believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

# Values are compared at steps of these shares of the argument's size; at the wide ones only if narrow ones see a
# constant, as of a function that rounds its argument to few digits.
_SHARES = (2.0**-44, 2.0**-29)
_STAIRS = (2.0**-26, 2.0**-23, 2.0**-20, 2.0**-17)
_WIDE_SHARES = (2.0**-21, 2.0**-16, 2.0**-12)
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
# The digits of float16, bfloat16 and float32; so many different values tell one of them.
_BITS = (8, 11, 24)
_ENOUGH = 8
# One evaluation is off by a few roundings.
_ROUNDINGS = 4.0


class Grain(NamedTuple):
    """How far the values of a function are off.

    Attributes:
        unit: the relative rounding of one value.
        levels: pairs of a step and the noise that values show at that step, narrow steps first.
        size: the size of the values.
        is_flat: whether all values are the same.
    """

    unit: float
    levels: tuple[tuple[float, float], ...]
    size: float = 0.0
    is_flat: bool = False

    @property
    def coarse(self) -> Grain | None:
        """The grain if what wide steps see is noise for narrow ones too; None if they see the same."""
        _, wide, wider = sorted(noise for _, noise in self.levels[-3:])
        is_noise = 0.0 < wider <= min(_EVEN * wide, _SMALL * self.size) and wider > _QUIETER * self.levels[0][1]
        return Grain(self.unit, ((0.0, wider),)) if is_noise else None

    def at(self, step: float, size: float) -> float:
        """How far values of this size are off, as seen at this step: a wiggle is noise to wide steps only."""
        seen = [noise for width, noise in self.levels if width <= step or width == self.levels[0][0]]
        return max(_ROUNDINGS * self.unit * size, *seen) if seen else _ROUNDINGS * self.unit * size


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
    scale = abs(x) or 1.0
    found: list[tuple[float, float | None]] = []
    seen: set[float] = set()
    for share in (*_SHARES, *_STAIRS, *_WIDE_SHARES):
        if share in _STAIRS and found[-1][1] is not None:
            continue
        if share in _WIDE_SHARES and found[-1][1] is not None and not is_thorough:
            break
        step = fit(x + _IRREGULAR * share * scale) - x
        noise = None
        if step > 0.0:
            sides = [[function(x + side * i * step) for i in range(1, _POINTS + 1)] for side in (1.0, -1.0)]
            seen.update(*sides)
            noise = _of_sides([_noise(values, share) for values in sides])
            if noise is not None and any(len(set(values)) == 1 for values in sides):
                noise = 0.0  # a constant on one side: what the other does is no noise
            if (
                noise is not None and share not in _SHARES and found[-1][1] is None
            ):  # no stair is higher than what a step climbs
                noise = max(noise, _of_sides([max(map(abs, _steps(values))) for values in sides]) or 0.0)
        found.append((step or _IRREGULAR * share * scale, noise))
    found.sort()
    levels, wider = [], 0.0
    for step, noise in reversed(found):  # where narrow steps see a constant, its stairs show at wide ones
        wider = wider if noise is None else noise
        levels.append((step, wider))
    is_flat = all(noise is None for _, noise in found)
    if is_flat:
        for power in range(_FAR):
            far = _IRREGULAR * scale * 2.0**power
            seen |= {function(fit(x + far)), function(fit(x - far))}
        grid = _grid_of(seen)
        levels = [(step, grid) for step, _ in levels]
    size = max((abs(value) for value in seen if math.isfinite(value)), default=0.0)
    return Grain(max(unit, _unit_of(seen, is_flat)), tuple(reversed(levels)), size, is_flat)


def _of_sides(sides: Sequence[float | None]) -> float | None:
    known = [noise for noise in sides if noise is not None and math.isfinite(noise)]
    if not known:
        return None
    if len(known) == 1:
        return known[0]
    low, high = sorted(known)
    return high if high <= _LOUDER * low else low


def _noise(values: Sequence[float], share: float) -> float | None:
    """How far values at equal steps are off; None if more than half are the same as their neighbour."""
    row = list(values)
    if _steps(row).count(0.0) > _POINTS // 2:
        return None
    deviations = []
    for order in range(1, _ORDERS[-1] + 1):
        row = _steps(row)
        if order in _ORDERS:
            deviations.append(math.sqrt(math.fsum(d * d for d in row) / len(row) / math.comb(2 * order, order)))
    if share != _SHARES[0] and max(deviations[1:]) < _FADES * deviations[0]:
        return 0.0  # a smooth function
    return _DEVIATIONS * max(deviations)


def _steps(row: Sequence[float]) -> list[float]:
    return [b - a for a, b in pairwise(row)]


def _grid_of(values: Iterable[float]) -> float:
    """The largest power of 2 that divides all values, if it is fine next to them: what cancels leaves such a grid."""
    finite = {abs(value) for value in values if math.isfinite(value) and value}
    if len(finite) < _ENOUGH:
        return 0.0
    ratios = (float(value).as_integer_ratio() for value in finite)
    grid = min(float(numerator & -numerator) / denominator for numerator, denominator in ratios)
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
