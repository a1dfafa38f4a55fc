"""Derivatives worked out by hand, against extrapolated differences."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays import Buffer, Point, lengths, place
from .bisection import ROUNDINGS, Claim, Directions
from .differences import slope_of_floats
from .evidence import Derivative, Evidence
from .judge import judge
from .lines import Field, along, field_at
from .mistakes import Lines, likely_mistakes, telling, transposed
from .reference import Weighted
from .report import Report
from .slopes import Slope
from .subject import argument_names
from .subjects import ByHand, Plain
from .tables import Entry, Sampled
from .verdicts import BY_SEVERITY, OK, Tolerance

# With more components than this, random directions are looked at first.
_MANY = 200
# Of an array of results so many derivatives are looked at closely, where one line does not settle them.
_MOST_CLOSE = 200


def checked(
    f: Callable[[Any], Any],
    df: Callable[[Any], Any],
    x: Any,
    tolerances: tuple[float, float, str],
    every: bool | None,
    seed: int,
) -> Report:
    """What `check_gradient` finds; its arguments are explained there."""
    for role, function in (("f", f), ("df", df)):
        if not callable(function):
            raise TypeError(f"check_gradient: {role} must be a function of x, got {function!r}")
    tolerance = Tolerance(*tolerances)
    point = Point(x, "check_gradient: x")
    _require_finite_numbers(point)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # f may overflow far away from x
        plain = Plain(f, point, "check_gradient")
        by_hand = ByHand(df, point, plain, "check_gradient")
        comparison = Comparison(point, plain, by_hand.jacobian, by_hand.unit, tolerance)
        names = point.names(argument_names(f, 1, "x")[0])
        is_many = point.numbers.size > _MANY if every is None else not every
        derivatives = comparison.sampled(names, seed) if is_many else comparison.all(names)
    if by_hand.is_transposed:
        derivatives = [[d.misplaced() for d in row] for row in derivatives]
    report = judge(Evidence("check_gradient", derivatives, resolution=comparison.resolution), tolerance)
    report.sampled = comparison.rest
    is_partial = any(entry.is_sampled for entry in report.looked_at)
    known = [] if is_partial else report.looked_at
    guesses = [] if report.ok else likely_mistakes(comparison.lines, known, point.numbers.size)
    report.hints = [*by_hand.remarks, *comparison.remarks, *guesses]
    report.advice = plain.advice()
    return report


def _require_finite_numbers(point: Point) -> None:
    if not point.numbers.size:
        raise ValueError("check_gradient: x holds no numbers, so there is nothing to check")
    for i in np.flatnonzero(~np.isfinite(point.numbers))[:1]:
        raise ValueError(
            f"check_gradient: {point.names('x')[i]} is {float(point.numbers[i])!r}, where nothing has a derivative; "
            "let x hold the finite numbers only"
        )


class Comparison:
    """Derivatives under test beside the true ones.

    Attributes:
        resolution: the smallest relative error that random directions would have shown.
        lines: what is known of usual mistakes.
        rest: the components that only took part in random directions.
        remarks: where all that is wrong is.

    Args:
        point: where.
        f: the function.
        jacobian: its derivatives under test.
        unit: their relative rounding.
        tolerance: how far they may be off.
        typical: the size of derivatives like each one, for the rounding of sums; by default that of a result's.
    """

    def __init__(
        self,
        point: Point,
        f: Plain | Weighted,
        jacobian: Buffer,
        unit: float,
        tolerance: Tolerance,
        typical: Buffer | None = None,
    ) -> None:
        self._point = point
        self._f = f
        self._jacobian = jacobian
        self._unit = unit
        self._tolerance = tolerance
        self._outputs = [place(o, f.shape) if f.value.size != 1 else "" for o in range(f.value.size)]
        self._alone: dict[int, Sequence[Slope | None]] = {}
        self._typical = typical_sizes(jacobian) if typical is None else typical
        self.resolution = 0.0
        self.lines = Lines(np.empty(0), np.empty(0))
        self.rest: Sampled | None = None
        self.remarks: list[str] = []

    def all(self, names: Sequence[str]) -> list[list[Derivative]]:
        """Each derivative by itself."""
        m, n = self._jacobian.shape
        columns = [[self.close(0, i)] for i in range(n)] if m == 1 else self._columns()
        true = np.array([[float(columns[i][o].middle) for i in range(n)] for o in range(m)]).reshape(m, n)
        x = np.broadcast_to(self._point.numbers, (m, n)).ravel()
        errors = np.array([[columns[i][o].error for i in range(n)] for o in range(m)]).reshape(m * n)
        errors = telling(errors, true.ravel())
        is_kink = np.array([[columns[i][o].is_kink for i in range(n)] for o in range(m)]).reshape(m * n)
        true[is_kink.reshape(m, n)] = np.nan  # there is not one derivative, so nothing explains it
        self.lines = Lines(true.ravel(), self._jacobian.ravel(), errors, x, np.ones(m * n))
        if m == 1:
            self.lines.others = dict(transposed(self._jacobian[0], self._point.shape))
        return [[self._derivative(o, i, names, columns[i][o]) for i in range(n)] for o in range(m)]

    def sampled(self, names: Sequence[str], seed: int) -> list[list[Derivative]]:
        """Along random directions, and those by themselves that these show to be wrong."""
        tolerance = self._tolerance
        m, n = self._jacobian.shape
        claim = Claim(self._jacobian, tolerance.rtol, tolerance.atol, self._unit, self._typical)
        directions = Directions(self.field(), claim, np.random.default_rng(seed), self.verdict_alone)
        findings = directions.search(self._point.shape)
        self.resolution = findings.resolution
        if findings.confined is not None:
            self.remarks.append(confined_to(names[0].partition("[")[0], self._point.shape, *findings.confined))
        if findings.wrong and m == 1:
            along, self.lines = directions.lines(np.arange(n))
            self.lines.others = dict(transposed(self._jacobian[0], self._point.shape, along))
        unexplored = dict.fromkeys(findings.unexplored, findings.verdict)
        positions = sorted({*self._alone, *unexplored})

        def entry(i: int) -> Entry:
            return Entry(names[i], OK, float(self._jacobian[0, i]), math.nan, 0.0, None, math.nan, math.nan)

        self.rest = Sampled(n, positions, entry)
        alone = {i: self._alone.get(i, [None] * m) for i in positions}
        return [
            [self._derivative(o, i, names, alone[i][o], unexplored.get(i, "")) for i in positions] for o in range(m)
        ]

    def verdict_alone(self, i: int) -> str:
        """The verdict on the derivatives by one component."""
        slopes = [self.close(0, i)] if self._jacobian.shape[0] == 1 else self._column(i)
        self._alone[i] = slopes
        verdicts = [self._tolerance.verdict(float(self._jacobian[o, i]), slope) for o, slope in enumerate(slopes)]
        return min(verdicts, key=BY_SEVERITY.index)

    def alone(self, i: int) -> Derivative:
        """The derivative of the first result by a component that was looked at alone."""
        return self._derivative(0, i, [""] * (i + 1), self._alone[i][0])

    def close(self, o: int, i: int) -> Slope:
        """The derivative of one result by one component, as exactly as differences tell."""
        numbers = self._point.numbers

        def function(number: float) -> float:
            moved = numbers.copy()
            moved[i] = number
            return float(self._f(moved)[o])

        slope = slope_of_floats(
            function, float(numbers[i]), 0.01 * self._tolerance.rtol, unit=self._f.unit, fit=self._point.fit_one(i)
        )
        return self._with_rounding(slope, o, i)

    def _with_rounding(self, slope: Slope, o: int, i: int) -> Slope:
        """The slope, which derivatives of few digits miss by what they are rounded."""
        if self._unit > 2.0**-50:
            slope.error += ROUNDINGS * self._unit * max(abs(slope.middle), float(self._typical[o, i]))
        return slope

    def field(self) -> Field:
        """The function with its noise measured."""
        f, point = self._f, self._point
        return field_at(f, point.numbers, point.fit, f.unit, f.value, f.spread)

    def _columns(self) -> list[list[Slope]]:
        field = self.field()
        return [self._column(i, field) for i in range(self._jacobian.shape[1])]

    def _column(self, i: int, field: Field | None = None) -> list[Slope]:
        """The derivatives of all results by one component: along one line, and closely where that does not tell."""
        field = self.field() if field is None else field
        claimed, size = self._jacobian[:, i], float(field.scale[i])
        direction = np.zeros_like(self._point.numbers)
        direction[i] = size
        line = along(field, direction, claimed * size, 0.1 * self._tolerance.rtol * np.abs(claimed) * size)
        slopes = []
        for o, (slope, error) in enumerate(zip(line.slopes / size, line.errors / size, strict=True)):
            found = Slope(float(slope), float(slope), float(error))
            if claimed[o] == 0.0 and abs(slope) <= error:
                found = Slope(0.0, 0.0)
            elif self._tolerance.verdict(float(claimed[o]), found) != OK and self._closer > 0:
                self._closer -= 1
                found = self.close(o, i)
            slopes.append(found)
        return slopes

    _closer = _MOST_CLOSE

    def _derivative(
        self, o: int, i: int, names: Sequence[str], slope: Slope | None, unexplored: str = ""
    ) -> Derivative:
        return Derivative(names[i], self._outputs[o], float(self._jacobian[o, i]), slope, unexplored=unexplored)


def typical_sizes(jacobian: Buffer) -> Buffer:
    """For each derivative the root of the mean square of its row."""
    typical = lengths(jacobian) / math.sqrt(max(jacobian.shape[1], 1))
    return np.broadcast_to(typical[:, np.newaxis], jacobian.shape)


def confined_to(name: str, shape: tuple[int, ...], axis: int, index: int) -> str:
    """A sentence on where all wrong components are."""
    place = ", ".join(str(index) if i == axis else ":" for i in range(len(shape)))
    kind = ("row", "column")[axis] if len(shape) == 2 else "slice"
    return f"all that is wrong is in {kind} {index}, {name}[{place}]"
