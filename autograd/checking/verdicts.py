"""ok, wrong, kink or ill-conditioned: what a derivative is, next to the true one."""

from __future__ import annotations

import math
from numbers import Real

from .slopes import Slope

OK = "ok"
WRONG = "wrong"
KINK = "kink"
ILL_CONDITIONED = "ill-conditioned"

BY_SEVERITY = (WRONG, KINK, ILL_CONDITIONED, OK)
KINK_POLICIES = ("report", "fail", "subgradient")
# The errors of differences are estimates: they may be this many times as large.
_SAFETY = 2.0
# Floats have fewer digits below the smallest normal number, so derivatives need not be exact there.
_SMALLEST = 2.0**-1022


class Tolerance:
    """How far a derivative may be from the true one, and what happens at kinks.

    Raises:
        ValueError: a tolerance is negative or nan, or kinks is none of the three.
    """

    def __init__(self, rtol: float, atol: float, kinks: str) -> None:
        for name, number in (("rtol", rtol), ("atol", atol)):
            if not isinstance(number, Real) or not number >= 0.0:
                raise ValueError(f"{name} must be 0 or a positive number, got {number!r}")
        if kinks not in KINK_POLICIES:
            raise ValueError(f"kinks must be one of {', '.join(map(repr, KINK_POLICIES))}, got {kinks!r}")
        self.rtol = float(rtol)
        self.atol = float(atol)
        self.kinks = kinks

    def allows(self, analytic: float, true: float, error: float = 0.0) -> bool:
        """Whether a derivative agrees with the true one, which may itself be off by an error."""
        if analytic == true or math.isinf(true):
            return analytic == true
        return abs(analytic - true) <= self.rtol * abs(true) + self.atol + error + _SMALLEST

    def verdict(self, analytic: float, slope: Slope) -> str:
        """The verdict on a derivative. Rounding is not considered, except that of differences."""
        if slope.jumps:
            return WRONG
        if analytic == slope.left == slope.right:
            return OK
        if slope.is_unknown:
            return WRONG if math.isnan(analytic) else ILL_CONDITIONED
        if is_impossible(analytic, slope):
            return WRONG
        if slope.is_kink:
            return self._at_kink(analytic, slope)
        if self.allows(analytic, slope.middle):
            return OK if slope.error <= max(self.rtol * abs(slope.middle), self.atol) else ILL_CONDITIONED
        return ILL_CONDITIONED if self.allows(analytic, slope.middle, _SAFETY * slope.error) else WRONG

    def _at_kink(self, analytic: float, slope: Slope) -> str:
        """At a kink every derivative between the sides is right, as far as they are known; none outside is."""
        if not (math.isnan(analytic) or is_between(analytic, slope)):  # nan only if both sides are
            nearest = min(slope.left, slope.right, key=lambda side: abs(analytic - side))
            if not self.allows(analytic, nearest, _SAFETY * slope.error):
                return WRONG
        return {"report": KINK, "subgradient": OK, "fail": WRONG}[self.kinks]

    def resolution(self, analytic: float, slope: Slope) -> float:
        """The smallest relative error of a derivative that would have shown."""
        if slope.is_unknown:
            return math.inf
        if slope.is_kink or analytic == slope.middle == 0.0:
            return self.rtol
        size = abs(analytic)  # not the true one, which may be all error where it is small
        return (self.rtol * abs(slope.middle) + self.atol + (1.0 + _SAFETY) * slope.error) / size if size else math.inf


def is_impossible(analytic: float, slope: Slope) -> bool:
    """Whether a derivative is infinite or nan where the function's slopes are not."""
    sides = (slope.left, slope.right)
    if math.isnan(analytic):
        return not all(map(math.isnan, sides))
    return math.isinf(analytic) and all(map(math.isfinite, sides))


def is_between(analytic: float, slope: Slope) -> bool:
    """Whether a derivative lies between those from the left and the right."""
    return min(slope.left, slope.right) <= analytic <= max(slope.left, slope.right)


def relative_error(analytic: float, slope: Slope) -> float:
    """The distance to the true derivative, or to the interval between the one-sided ones, relative to its size."""
    if slope.left == analytic or slope.right == analytic or (slope.is_kink and is_between(analytic, slope)):
        return 0.0
    nearest = slope.middle
    if slope.is_kink:
        nearest = min(slope.left, slope.right, key=lambda side: abs(analytic - side))
    distance = abs(analytic - nearest)
    if nearest == 0.0 or not math.isfinite(distance):
        return math.inf
    return float(distance / abs(nearest))
