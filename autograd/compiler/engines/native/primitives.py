"""What the native engine computes number by number besides series: arithmetic, choices, and functions of C.

As in `elementary.py` everything is Python on floats that numba can compile too.
"""

from __future__ import annotations

import math

import numpy as np

from .elementary import exp, log1p

# What the C library does as well


def tan(x: float) -> float:
    """The tangent."""
    return math.tan(x)


def arcsin(x: float) -> float:
    """The inverse of the sine; nan outside of its domain."""
    return math.asin(x)


def arccos(x: float) -> float:
    """The inverse of the cosine; nan outside of its domain."""
    return math.acos(x)


def arctan(x: float) -> float:
    """The inverse of the tangent."""
    return math.atan(x)


def arcsinh(x: float) -> float:
    """The inverse of the hyperbolic sine."""
    return math.asinh(x)


def arccosh(x: float) -> float:
    """The inverse of the hyperbolic cosine; nan below 1."""
    return math.acosh(x)


def arctanh(x: float) -> float:
    """The inverse of the hyperbolic tangent; infinite at 1 and -1, nan outside."""
    return math.atanh(x)


def arctan2(y: float, x: float) -> float:
    """The angle of the point (x, y)."""
    return math.atan2(y, x)


def hypot(x: float, y: float) -> float:
    """The distance of the point (x, y) from the origin."""
    return math.hypot(x, y)


def erf(x: float) -> float:
    """The error function."""
    return math.erf(x)


def pow(x: float, y: float) -> float:
    """X to the power y as C99 defines it."""
    return math.pow(x, y)


def sqrt(x: float) -> float:
    """The square root; nan below 0."""
    return math.sqrt(x)


def sine(x: float) -> float:
    """The sine of any number."""
    return math.sin(x)


def cosine(x: float) -> float:
    """The cosine of any number."""
    return math.cos(x)


# Arithmetic and choices, as `autograd.arithmetic` has them


def add(x: float, y: float) -> float:
    """The sum."""
    return x + y


def sub(x: float, y: float) -> float:
    """The difference."""
    return x - y


def mul(x: float, y: float) -> float:
    """The product."""
    return x * y


def div(x: float, y: float) -> float:
    """The quotient by IEEE 754."""
    return x / y


def mod(x: float, y: float) -> float:
    """The rest of x / y, with the sign of y."""
    rest = np.fmod(x, y)
    rest = rest + y if rest * y < 0.0 or (rest != 0.0 and (rest < 0.0) != (y < 0.0)) else rest
    return rest if rest != 0.0 else math.copysign(0.0, y)


def neg(x: float) -> float:
    """The number with the other sign."""
    return -x


def abs(x: float) -> float:
    """The number without its sign."""
    return math.fabs(x)


def floor(x: float) -> float:
    """The whole number below."""
    return float(np.floor(x))


def ceil(x: float) -> float:
    """The whole number above."""
    return float(np.ceil(x))


def trunc(x: float) -> float:
    """The whole number towards 0."""
    return float(np.trunc(x))


def rint(x: float) -> float:
    """The nearest whole number; halves to the even one."""
    return float(np.rint(x))


def sign(x: float) -> float:
    """-1, 0 or 1; nan at nan."""
    return x if x != x else (1.0 if x > 0.0 else 0.0) - (1.0 if x < 0.0 else 0.0)


def maximum(x: float, y: float) -> float:
    """The larger one; nan if either is nan."""
    return x if x > y or x != x else y


def minimum(x: float, y: float) -> float:
    """The smaller one; nan if either is nan."""
    return x if x < y or x != x else y


def where(condition: float, x: float, y: float) -> float:
    """X if the condition is not 0, otherwise y."""
    return x if condition != 0.0 else y


def step(x: float, threshold: float, tie: float) -> float:
    """1 above the threshold, 0 below, `tie` at it; nan where they do not compare."""
    known = tie if x == threshold else math.nan
    below = 0.0 if x < threshold else known
    return 1.0 if x > threshold else below


def direction(x: float, y: float) -> float:
    """X / hypot(x, y), even if hypot overflows or is subnormal; 0 at the origin."""
    wide = math.fabs(x) >= math.fabs(y)
    ratio = y / x if wide else x / y
    length = math.sqrt(1.0 + ratio * ratio)
    flat = math.copysign(1.0 / length, x)
    steep = math.copysign(ratio / length, x) if ratio == ratio else ratio
    return 0.0 if x == 0.0 and y == 0.0 else flat if wide else steep


def one_minus_square(x: float) -> float:
    """1 - x**2, without the cancellation near 1 and -1."""
    return (1.0 - x) * (1.0 + x)


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)), measured from the larger one."""
    top = maximum(x, y)
    sum_ = top + log1p(exp(minimum(x, y) - top))
    return sum_ if math.fabs(top) < math.inf else top
