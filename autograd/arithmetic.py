"""Arithmetic on floats as IEEE 754 and NumPy have it: overflow is inf, undefined is nan, nothing raises.

Python's `math` raises where NumPy returns inf or nan. Every function here returns instead, and is accurate to a few
units in the last place over its whole domain, down to the smallest normal number. These are the primitives from which
the formulas of the operation table (`ops.py`) are put together.
"""

from __future__ import annotations

import builtins
import math
from operator import mul

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

inf = math.inf
nan = math.nan

# sqrt(1/2) to twice the precision of a float, as the sum of the float next to it and what that leaves over.
_SQRT_HALF = 0.7071067811865476
_SQRT_HALF_REST = -4.833646656726457e-17

# Sums whose partial results overflow are taken of terms scaled down by this power of two, which is exact.
_SCALE = 2.0**64


def _nan_outside_domain(function: Callable[[float], float]) -> Callable[[float], float]:
    def extended(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return nan

    return extended


sin = _nan_outside_domain(math.sin)
cos = _nan_outside_domain(math.cos)
tan = _nan_outside_domain(math.tan)
arcsin = _nan_outside_domain(math.asin)
arccos = _nan_outside_domain(math.acos)
sqrt = _nan_outside_domain(math.sqrt)
arccosh = _nan_outside_domain(math.acosh)
arctan = math.atan
arcsinh = math.asinh
cbrt = math.cbrt
tanh = math.tanh
erf = math.erf
erfc = math.erfc
arctan2 = math.atan2
hypot = math.hypot
prod = math.prod
abs = math.fabs


def div(x: float, y: float) -> float:
    """x / y; a nonzero number over zero is an infinity of the quotient's sign, 0/0 is nan."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0.0 or x != x:
            return nan
        return math.copysign(inf, x) * math.copysign(1.0, y)


def pow(x: float, y: float) -> float:
    """x to the power y as C99 defines it; a negative number to a fractional power is nan."""
    if -inf < x < 0.0 and math.isfinite(y) and y % 1.0:
        return nan  # asking C for it would set a flag, of which NumPy warns
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0.0 and _is_odd(y) else inf
    except ValueError:
        if x == 0.0:
            return math.copysign(inf, x) if _is_odd(y) else inf
        return nan


def _is_odd(y: float) -> bool:
    return math.fabs(math.fmod(y, 2.0)) == 1.0


def exp(x: float) -> float:
    """e to the power x."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    """e**x - 1, without the cancellation near 0."""
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    """The natural logarithm; -inf at 0, nan below."""
    try:
        return math.log(x)
    except ValueError:
        return -inf if x == 0.0 else nan


def log1p(x: float) -> float:
    """log(1 + x), without the cancellation near 0."""
    try:
        return math.log1p(x)
    except ValueError:
        return -inf if x == -1.0 else nan


def exp2(x: float) -> float:
    """2 to the power x."""
    try:
        return math.exp2(x)
    except OverflowError:
        return inf


def log2(x: float) -> float:
    """The logarithm to base 2; -inf at 0, nan below."""
    try:
        return math.log2(x)
    except ValueError:
        return -inf if x == 0.0 else nan


def log10(x: float) -> float:
    """The logarithm to base 10; -inf at 0, nan below."""
    try:
        return math.log10(x)
    except ValueError:
        return -inf if x == 0.0 else nan


def arctanh(x: float) -> float:
    """The inverse of tanh; infinite at 1 and -1, nan outside."""
    try:
        return math.atanh(x)
    except ValueError:
        return math.copysign(inf, x) if math.fabs(x) == 1.0 else nan


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    def rounded(x: float) -> float:
        return math.copysign(function(x), x) if math.fabs(x) < 2.0**52 else x  # larger ones are whole, inf and nan too

    return rounded


floor = _whole(math.floor)
ceil = _whole(math.ceil)
trunc = _whole(math.trunc)
rint = _whole(round)  # halves to the even neighbour


def mod(x: float, y: float) -> float:
    """The rest of x / y, with the sign of y; nan for y = 0."""
    try:
        return x % y
    except ZeroDivisionError:
        return nan


def sinh(x: float) -> float:
    """The hyperbolic sine."""
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def cosh(x: float) -> float:
    """The hyperbolic cosine."""
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def sech(x: float) -> float:
    """1 / cosh(x), also where cosh overflows."""
    e = math.exp(-math.fabs(x))
    return 2.0 * e / (1.0 + e * e)


def sigmoid(x: float) -> float:
    """1 / (1 + e**-x), from the exponential that cannot overflow."""
    e = math.exp(-math.fabs(x))
    return 1.0 / (1.0 + e) if x >= 0.0 else e / (1.0 + e)


def sign(x: float) -> float:
    """-1, 0 or 1; nan at nan."""
    if x > 0.0:
        return 1.0
    if x < 0.0:
        return -1.0
    return nan if x != x else 0.0


def maximum(x: float, y: float) -> float:
    """The larger one; nan if either is nan."""
    return x if x > y or x != x else y


def minimum(x: float, y: float) -> float:
    """The smaller one; nan if either is nan."""
    return x if x < y or x != x else y


def where(condition: float, x: float, y: float) -> float:
    """x if the condition is not 0, otherwise y."""
    return x if condition else y


def step(x: float, threshold: float, tie: float) -> float:
    """1 above the threshold, 0 below, `tie` at it; nan where they do not compare."""
    if x > threshold:
        return 1.0
    if x < threshold:
        return 0.0
    return tie if x == threshold else nan


def direction(x: float, y: float) -> float:
    """x / hypot(x, y), the cosine of the angle of the point (x, y), also where hypot overflows or is subnormal.

    0 at the origin, which has no angle.
    """
    if x == y == 0.0:
        return 0.0
    if math.fabs(x) >= math.fabs(y):
        return math.copysign(1.0 / math.hypot(1.0, div(y, x)), x)
    ratio = div(x, y)  # y is 0 where x is nan
    return math.copysign(1.0, y) * ratio / math.hypot(1.0, ratio)


def one_minus_square(x: float) -> float:
    """1 - x**2, without the cancellation near 1 and -1."""
    return (1.0 - x) * (1.0 + x)


def gaussian(x: float) -> float:
    """exp(-x**2 / 2).

    The square is split into an exact part and a small rest, because exp turns the rounding error of a large argument
    into a large relative error (W. J. Cody, Rational Chebyshev approximations for the error function, 1969).
    """
    if math.fabs(x) > 40.0:
        return 0.0
    exact = math.floor(x * 16.0) / 16.0 if x == x else nan
    return math.exp(-0.5 * exact * exact) * math.exp(-0.5 * (x - exact) * (x + exact))


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2.

    The argument's rounding error is put right to first order; in the lower tail it would cost 10 bits.
    """
    z = -x * _SQRT_HALF
    rest = -(_product_error(x, _SQRT_HALF) + x * _SQRT_HALF_REST) if math.fabs(x) < 40.0 else 0.0
    return 0.5 * math.erfc(z) - rest * gaussian(x) / math.sqrt(math.pi)


def _product_error(x: float, y: float) -> float:
    """x * y minus the float next to it, exactly (T. J. Dekker, A floating-point technique, 1971)."""
    x_high, y_high = _upper_half(x), _upper_half(y)
    x_low, y_low = x - x_high, y - y_high
    return ((x_high * y_high - x * y) + x_high * y_low + x_low * y_high) + x_low * y_low


def _upper_half(x: float) -> float:
    scaled = 134217729.0 * x  # 2**27 + 1
    return scaled - (scaled - x)


def sum(xs: Sequence[float]) -> float:
    """The sum, rounded once; 0 for no numbers."""
    try:
        return math.fsum(xs)
    except OverflowError:
        return sum([x / _SCALE for x in xs]) * _SCALE
    except ValueError:
        return nan


def mean(xs: Sequence[float]) -> float:
    """The arithmetic mean; nan for no numbers."""
    total = sum(xs)
    if math.isinf(total) and builtins.all(map(math.isfinite, xs)):
        return sum([x / _SCALE for x in xs]) / len(xs) * _SCALE
    return div(total, float(len(xs)))


def dot(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The sum of the products, each rounded once before they are added."""
    return sum(list(map(mul, xs, ys)))


def max(xs: Sequence[float]) -> float:
    """The largest number; nan if any is nan."""
    top = builtins.max(xs)
    return nan if builtins.any(x != x for x in xs) else top


def min(xs: Sequence[float]) -> float:
    """The smallest number; nan if any is nan."""
    bottom = builtins.min(xs)
    return nan if builtins.any(x != x for x in xs) else bottom


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)), measured from the larger one so that nothing overflows."""
    top = maximum(x, y)
    if not math.isfinite(top):
        return top
    return top + math.log1p(math.exp(minimum(x, y) - top))


def logsumexp(xs: Sequence[float]) -> float:
    """log(sum(exp(x))), measured from the largest x so that nothing overflows; -inf for no numbers."""
    if not xs:
        return -inf
    top = max(xs)
    if not math.isfinite(top):
        return top
    first = xs.index(top)
    rest = math.fsum(_exp_of_difference(x, top) for i, x in enumerate(xs) if i != first)
    return top + math.log1p(rest)


def softmax(xs: Sequence[float]) -> list[float]:
    """exp(x) / sum(exp(xs)) for each x. One that is infinite has everything; the shares of several are nan."""
    top = max(xs)
    if top == inf and builtins.sum(x == inf for x in xs) == 1:
        return [float(x == inf) for x in xs]
    weights = [_exp_of_difference(x, top) for x in xs]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def log_softmaxes(xs: Sequence[float]) -> list[float]:
    """x - log(sum(exp(xs))) for each x, measured from the largest one: that of a share close to 1 keeps its digits."""
    top = max(xs)
    if not math.isfinite(top):
        at_top = nan if builtins.sum(x == top for x in xs) != 1 else -0.0
        return [top] * len(xs) if top != inf else [at_top if x == inf else -inf for x in xs]
    place = xs.index(top)
    log = math.log1p(math.fsum([_exp_of_difference(x, top) for i, x in enumerate(xs) if i != place]))
    return [(x - top) - log if x < top else -log for x in xs]


def _exp_of_difference(x: float, top: float) -> float:
    """exp(x - top) for x <= top, with the rounding error of the difference put right to first order."""
    difference = x - top
    part = x - difference
    error = (x - (difference + part)) + (part - top)
    e = exp(difference)
    return e + e * error if math.isfinite(error) else e
