"""The function and the derivative of `check_gradient`, called on buffers, and what their results have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import DOUBLE, Buffer, Point, numbers_of, result_shape, unit_of

# A function that takes a random branch half of the time agrees with itself this often once in 2,000 times.
CALLS = 12
# Results that differ by no more than this share are noise, such as that of sums in parallel; or by so many units.
NOISE = 1e-4
# Next to what the function gives further away, where it may be small here, only so much.
_FAR_NOISE = 1e-7
UNITS = 64.0


class Plain:
    """A function of structures like a point's, as a function of buffers.

    Attributes:
        shape: that of its results.
        unit: their relative rounding.
        value: its result at the point.
        spread: how far results differ from call to call.

    Raises:
        TypeError: the results are no real numbers.
        ValueError: they are nan, or not the same at each call.
    """

    def __init__(self, function: Callable[[Any], Any], point: Point, check: str) -> None:
        self._function = function
        self._point = point
        self._check = check
        first = function(point.at(point.numbers))
        self.value = self._numbers(first)
        self.shape = result_shape(first)
        self.unit = unit_of(first)
        if np.isnan(self.value).any():
            raise ValueError(f"{check}: f is nan at x = {point.structure!r}, it has no derivative there")
        self.spread = self._spread()

    def __call__(self, numbers: Buffer) -> Buffer:
        """The results there."""
        return self._numbers(self._function(self._point.at(numbers)))

    def advice(self) -> str:
        """How to see smaller errors."""
        if self.unit > 2.0**-50:
            return f"f has {round(-math.log2(self.unit))} bits: return float64 from it, computed from float64"
        if self.spread.any():
            return f"f differs by up to {self.spread.max():.1e} from call to call"
        return "f is exact to few digits here: compute it in float64 throughout"

    def _numbers(self, result: Any) -> Buffer:
        try:
            found = numbers_of(result, f"{self._check}: the result of f")
        except TypeError as error:
            raise TypeError(
                f"{self._check}: the result of f must be made of real numbers, got {result!r} of type "
                f"{type(result).__name__}"
            ) from error
        if hasattr(self, "value") and found.size != self.value.size:
            raise ValueError(
                f"{self._check}: f must return as many numbers at each call, got {found.size} after {self.value.size}"
            )
        return found

    def _spread(self) -> Buffer:
        """How far results at the point differ from call to call."""
        calls = [self(self._point.numbers) for _ in range(CALLS - 1)]
        rows = np.array([self.value, *calls])
        with np.errstate(all="ignore"):
            spread = np.where(np.isfinite(self.value), rows.max(axis=0) - rows.min(axis=0), 0.0)
        if not spread.any():
            return spread
        x = self._point.numbers
        size = np.maximum(np.abs(rows).max(axis=0), self._sizes(-x, 0.5 * x, 2.0 * x))
        allowed = np.maximum(max(NOISE, UNITS * self.unit) * size, _FAR_NOISE * self._sizes(x - 1.0, x + 1.0))
        if (spread > allowed).any():
            worst = int(np.argmax(spread))
            raise ValueError(
                f"{self._check}: f is not the same number at each call, at x = {self._point.structure!r}: "
                f"{rows[:, worst].min()!r} and {rows[:, worst].max()!r}; if it draws random numbers, draw them outside "
                "or from a generator with a seed that is made inside"
            )
        return spread

    def _sizes(self, *places: Buffer) -> Buffer:
        """How large results are elsewhere, where they may be 0 at the point."""
        sizes = np.zeros_like(self.value)
        for place in places:
            try:
                sizes = np.fmax(sizes, np.abs(self(self._point.fit(place))))
            except (ArithmeticError, ValueError, AssertionError):
                continue
        return sizes


class ByHand:
    """The derivatives under test.

    Attributes:
        jacobian: one row for each result, one column for each argument.
        unit: their relative rounding.
        remarks: what is wrong besides numbers: their shape, or that df changes its argument.
        is_transposed: whether they had to be transposed.
    """

    def __init__(self, df: Callable[[Any], Any], point: Point, f: Plain, check: str) -> None:
        self._point = point
        self._check = check
        self.remarks: list[str] = []
        self.is_transposed = False
        argument = point.at(point.numbers)
        result = df(argument)
        found = self._numbers(result)
        self._require_unchanged(argument)
        again = self._numbers(df(point.at(point.numbers)))
        if not np.array_equal(found, again, equal_nan=True):
            with np.errstate(all="ignore"):
                spread = np.abs(found - again).max() if found.size == again.size else math.inf
            if not spread <= max(NOISE, UNITS * unit_of(result)) * np.abs(found).max():
                raise ValueError(f"{check}: df gives other derivatives when it is called again at the same x")
        self.unit = max(unit_of(result), DOUBLE)
        self.jacobian = self._shaped(result, found, f)

    def _numbers(self, result: Any) -> Buffer:
        try:
            return numbers_of(result, f"{self._check}: the result of df")
        except TypeError as error:
            raise TypeError(
                f"{self._check}: the result of df must be made of real numbers, got {result!r} of type "
                f"{type(result).__name__}"
            ) from error

    def _require_unchanged(self, argument: Any) -> None:
        after = numbers_of(argument, "x")
        if not np.array_equal(after, self._point.fit(self._point.numbers), equal_nan=True):
            self.remarks.append(
                "df changes its argument in place: what it computes afterwards, and what its caller holds, is another x"
            )

    def _shaped(self, result: Any, found: Buffer, f: Plain) -> Buffer:
        point, m = self._point, f.value.size
        n = point.numbers.size
        size = result_shape(result)
        if (m == 1 and size == point.shape) or size == f.shape + point.shape or (n == m == found.size == 1):
            return found.reshape(m, n)
        if m == 1 and len(point.shape) == 2 and size == point.shape[::-1]:
            self._note_transposed(result)
            return found.reshape(size).T.reshape(1, n)
        if m > 1 and size == point.shape + f.shape:
            self._note_transposed(result)
            return found.reshape(n, m).T
        expected, got = point.describe(), Point(result, "the result of df").describe()
        if f.shape:
            whole = f.shape + point.shape
            raise ValueError(
                f"{self._check}: df must return the Jacobian of f, of shape {whole}: f's {f.shape}, then x's "
                f"{point.shape}; got {got}"
            )
        raise ValueError(
            f"{self._check}: df must return derivatives in the structure of x: expected {expected}, got {got}"
        )

    def _note_transposed(self, result: Any) -> None:
        self.is_transposed = True
        got = Point(result, "the result of df").describe()
        self.remarks.append(f"the derivatives are transposed: df gives {got} for x, {self._point.describe()}")
