"""Derivatives of a function of arrays along straight lines: differences of all results at once, and how far off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import Buffer

# Differences start at steps of this share of the arguments' size, or of what noise allows, and are halved so often ...
_FIRST = 2.0**-10
_WIDEST = 2.0**-2
_HALVINGS = 4
# ... and again from steps that are so many times shorter, if kinks or steep places are in the way.
_SHORTER = 2.0**-6
_BLOCKS = 5
# A disagreement must be there with a step that is so many times shorter, too.
_CLOSER = 2.0**-8
# What the error of extrapolated differences is made of: a power of the step, from Richardson's columns.
_POWER = 5
# Steps at which the noise is measured; at wide ones only if narrow ones see a constant.
_NOISE_STEPS = (2.0**-36, 2.0**-24, 2.0**-20, 2.0**-16, 2.0**-12)
_IRREGULAR = 0.7391
_POINTS = 8
_DEVIATIONS = 3.0
_ROUNDINGS = 4.0


@dataclass(slots=True)
class Field:
    """A function from a flat buffer to a flat buffer.

    Attributes:
        evaluate: the function; it may raise where it is not defined.
        point: where it is differentiated.
        fit: rounds arguments to what it takes.
        unit: the relative rounding of its results.
        value: its results at the point.
        noise: how far each result is off.
        scale: the size of each argument: that of the steps.
        calls: how often it was evaluated.
    """

    evaluate: Callable[[Buffer], Buffer]
    point: Buffer
    fit: Callable[[Buffer], Buffer]
    unit: float
    value: Buffer
    noise: Buffer
    scale: Buffer
    calls: int = 0

    def __call__(self, numbers: Buffer) -> Buffer:
        """The results; nan where the function is not defined."""
        self.calls += 1
        try:
            with np.errstate(all="ignore"):
                return self.evaluate(numbers)
        except (ArithmeticError, ValueError, AssertionError):
            return np.full_like(self.value, np.nan)


def field_at(
    evaluate: Callable[[Buffer], Buffer],
    point: Buffer,
    fit: Callable[[Buffer], Buffer],
    unit: float,
    value: Buffer,
    spread: Buffer,
) -> Field:
    """A function with its noise measured, which is at least how far results differ from call to call."""
    field = Field(evaluate, point, fit, unit, value, spread, scales(point))
    measured = _noise(field)
    field.noise = np.maximum(np.maximum(measured, spread), _ROUNDINGS * unit * np.abs(value))
    return field


def scales(point: Buffer) -> Buffer:
    """The size of each argument; that of a typical one for those near 0, which may vary as much."""
    sizes = np.abs(point)
    known = sizes[np.isfinite(sizes) & (sizes > 0.0)]
    typical = float(np.median(known)) if known.size else 1.0
    return np.clip(sizes, 0.1 * typical, None)


def _noise(field: Field) -> Buffer:
    """How far results are off, from their differences at narrow steps along a line; see `grain`."""
    signs = np.where(np.arange(field.point.size) % 2, 1.0, -1.0) * (
        0.5 + np.modf(0.618 * np.arange(field.point.size))[0]
    )
    noise = np.zeros_like(field.value)
    is_known = np.zeros(field.value.size, dtype=bool)
    first = 0 if field.unit <= 2.0**-50 else 2
    for i, share in enumerate(_NOISE_STEPS[first:]):
        step = _IRREGULAR * share * field.scale * signs
        rows = np.array([field(field.fit(field.point + k * step)) for k in range(1, _POINTS + 1)])
        steps = np.diff(rows, axis=0)
        varies = (steps != 0.0).sum(axis=0) > _POINTS // 2
        with np.errstate(all="ignore"):
            deviations = [
                np.sqrt((np.diff(rows, n=order, axis=0) ** 2).mean(axis=0) / math.comb(2 * order, order))
                for order in (4, 5, 6)
            ]
            found = _DEVIATIONS * np.max(deviations, axis=0)
            if i > 0:  # no stair is higher than what a step climbs
                found = np.maximum(found, np.abs(steps).max(axis=0))
        new = varies & ~is_known & np.isfinite(found)
        noise[new] = found[new]
        is_known |= varies
        if is_known.mean() > 0.5:
            break
    return noise


@dataclass(slots=True)
class Line:
    """The derivatives of all results along a direction, and how far each may be off."""

    slopes: Buffer
    errors: Buffer


def along(field: Field, direction: Buffer, claimed: Buffer, allowed: Buffer, jacobian: Buffer | None = None) -> Line:
    """The derivatives along a direction, as exactly as a comparison needs.

    Central differences with halved steps are extrapolated (L. F. Richardson, 1911), until each result either agrees
    with what is claimed, disagrees for sure, or is as exact as its noise allows.

    Args:
        field: the function.
        direction: one number for each argument, about as large as its scale.
        claimed: the derivatives under test; nan where there are none.
        allowed: how far they may be off.
        jacobian: the claimed derivatives by each argument, to account for steps that are rounded; None if none are.
    """
    size = np.maximum(np.abs(field.value), 1e-300)
    with np.errstate(all="ignore"):
        share = float(np.nanmax(field.noise / size)) if size.size else 0.0
    step = min(max(_FIRST, min(share, 1.0) ** (1.0 / _POWER)), _WIDEST)
    floor = 8.0 * field.noise / step
    best = Line(np.full_like(field.value, np.nan), np.full_like(field.value, np.inf))
    for _ in range(_BLOCKS):
        rows: list[Buffer] = []
        last: Line | None = None
        for _ in range(_HALVINGS):
            difference, rounding = _difference(field, direction, step, claimed, jacobian)
            row, grown = [difference], rounding
            found = Line(difference, np.full_like(difference, np.inf))
            for column, before in enumerate(rows):
                factor = 4.0 ** (column + 1)
                row.append(row[-1] + (row[-1] - before) / (factor - 1.0))
                grown = grown * (factor + 1.0) / (factor - 1.0)
                error = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - before)) + grown
                found = _better(found, Line(row[-1], error))
            if last is not None:  # neighbours may agree by chance
                best = _better(best, Line(last.slopes, np.maximum(last.errors, np.abs(last.slopes - found.slopes))))
            if _is_decided(best, claimed, np.maximum(allowed, floor)):
                if _is_confirmed(field, direction, step * _CLOSER, best, claimed, allowed):
                    return best
                best = Line(np.full_like(field.value, np.nan), np.full_like(field.value, np.inf))
                break
            rows, last = row, found
            step *= 0.5
        if (rounding > 10.0 * best.errors).all():
            break
        step *= _SHORTER
    return best


def _is_confirmed(field: Field, direction: Buffer, step: float, line: Line, claimed: Buffer, allowed: Buffer) -> bool:
    """Whether a much shorter step says the same of what differs: long ones may see the far side of kinks only."""
    with np.errstate(all="ignore"):
        differs = np.abs(line.slopes - claimed) > allowed + line.errors
    if not differs.any():
        return True
    difference, rounding = _difference(field, direction, step, claimed, None)
    with np.errstate(all="ignore"):
        agrees = np.abs(difference - line.slopes) <= line.errors + 4.0 * rounding + 0.01 * np.abs(line.slopes - claimed)
    return bool(agrees[differs].all())


def _difference(
    field: Field, direction: Buffer, step: float, claimed: Buffer, jacobian: Buffer | None
) -> tuple[Buffer, Buffer]:
    """The central difference, and what noise can do to it."""
    above, below = field.fit(field.point + step * direction), field.fit(field.point - step * direction)
    high, low = field(above), field(below)
    with np.errstate(all="ignore"):
        difference = (high - low) / (2.0 * step)
        largest = np.fmax(np.abs(high), np.abs(low))
        noise = np.maximum(field.noise, _ROUNDINGS * field.unit * largest) / step
        if jacobian is not None:  # the steps are not quite those along the direction
            difference = difference - jacobian @ ((above - below) / (2.0 * step) - direction)
    return difference, np.where(np.isfinite(noise), noise, np.inf)


def _better(first: Line, second: Line) -> Line:
    with np.errstate(all="ignore"):
        is_better = second.errors < first.errors
    return Line(np.where(is_better, second.slopes, first.slopes), np.where(is_better, second.errors, first.errors))


def _is_decided(line: Line, claimed: Buffer, allowed: Buffer) -> bool:
    """Whether each result agrees within what is allowed, or differs by far more than the error.

    Where nothing is claimed it has to be known as exactly as is allowed.
    """
    with np.errstate(all="ignore"):
        distance = np.abs(line.slopes - claimed)
        agrees = distance + line.errors <= allowed
        differs = distance > 10.0 * (line.errors + allowed)
        is_known = np.isnan(claimed) & (line.errors <= allowed)
    return bool((agrees | differs | is_known).all())
