"""Elementary functions for the native engine: one formula without branches each, so that loops over them vectorise.

Everything here is Python on floats that numba can compile too. Choices are conditional expressions, which become
selections; polynomials are Taylor series on reduced arguments, long enough for a float. Errors are below 2.5 units in
the last place, mostly below 1; those of the normal distribution below 5.

Arguments are reduced as W. J. Cody and W. Waite describe (Software Manual for the Elementary Functions, 1980): a
constant such as log(2) is split into a few leading bits, by which multiplication is exact, and the rest.
"""

from __future__ import annotations

import math
import struct

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to a whole number, which its lowest bits then hold
_ROUND_BITS = 4843621399236968448
_LN2 = 0.693147180559945309
_LN2_HIGH = 0.6931471803691238  # 33 bits of log(2)
_LN2_LOW = 1.9082149292705877e-10
_SQRT_HALF_BITS = 4604544271217802189
_PI_2_HIGH = 1.5707963267341256  # 33 bits of pi / 2, then 33 more, then the rest
_PI_2_MIDDLE = 6.077100506303966e-11
_PI_2_LOW = 2.0222662487959506e-21
BOUNDED = {"sin": "sine", "cos": "cosine"}
"""Functions for arguments up to BOUND, and those that take any."""
BOUND = 500_000.0
"""Up to here arguments are reduced in full precision."""


def bits(x: float) -> int:
    """The bits of a float as an integer."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


def from_bits(n: int) -> float:
    """The float with these bits."""
    return float(struct.unpack("<d", struct.pack("<Q", n & 0xFFFFFFFFFFFFFFFF))[0])


def _power_of_two(rounded: float) -> float:
    """2**k of k + _ROUND, for -1023 < k < 1024."""
    return from_bits((bits(rounded) + 1023) << 52)


def _expm1_reduced(r: float) -> float:
    """exp(r) - 1 for abs(r) <= log(2) / 2: Taylor's series by Horner's rule."""
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return p * r * r + r


def _scaled(p: float, k: float) -> float:
    """P times 2**k for abs(k) < 2000, in two steps, so that only the result may overflow or be subnormal."""
    half = k * 0.5 + _ROUND
    rest = (k - (half - _ROUND)) + _ROUND
    return p * _power_of_two(half) * _power_of_two(rest)


def _exp_times(x: float, power: float) -> float:
    """exp(x) * 2**power."""
    near = x if x < 715.0 else 715.0
    near = near if near > -746.0 else 0.0  # below it is 0, which takes processors long to find out
    k = (near * 1.4426950408889634 + _ROUND) - _ROUND
    r = near - k * _LN2_HIGH - k * _LN2_LOW
    y = _scaled(1.0 + _expm1_reduced(r), k + power)
    y = y if x > -746.0 else 0.0
    return y if x == x else x


def exp(x: float) -> float:
    """e to the power x."""
    return _exp_times(x, 0.0)


def exp2(x: float) -> float:
    """2 to the power x."""
    near = x if x < 1030.0 else 1030.0
    near = near if near > -1080.0 else -1080.0
    k = (near + _ROUND) - _ROUND
    y = _scaled(1.0 + _expm1_reduced((near - k) * _LN2), k)
    return y if x == x else x


def expm1(x: float) -> float:
    """e**x - 1, without the cancellation near 0: with exp(x) = 2**k (1 + q), 2**k ((1 - 2**-k) + q)."""
    near = x if x < 715.0 else 715.0
    near = near if near > -40.0 else -40.0
    k = (near * 1.4426950408889634 + _ROUND) - _ROUND
    r = near - k * _LN2_HIGH - k * _LN2_LOW
    small = k if k < 64.0 else 64.0
    y = _scaled(_expm1_reduced(r) + (1.0 - _power_of_two(_ROUND - small)), k)
    return y if math.fabs(x) > 1e-17 else x


def log(x: float) -> float:
    """The natural logarithm of x = 2**k (1 + f); with s = f / (2 + f), that of 1 + f is 2 artanh(s) = f - s (f - r)."""
    subnormal = math.fabs(x) < 2.2250738585072014e-308
    normal = x * 18014398509481984.0 if subnormal else x
    above = bits(normal) - _SQRT_HALF_BITS
    exponent = above >> 52
    k = from_bits(exponent + _ROUND_BITS) - _ROUND - (54.0 if subnormal else 0.0)
    f = from_bits(bits(normal) - (exponent << 52)) - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = 2.0 / 23.0
    r = r * z + 2.0 / 21.0
    r = r * z + 2.0 / 19.0
    r = r * z + 2.0 / 17.0
    r = r * z + 2.0 / 15.0
    r = r * z + 2.0 / 13.0
    r = r * z + 2.0 / 11.0
    r = r * z + 2.0 / 9.0
    r = r * z + 2.0 / 7.0
    r = r * z + 2.0 / 5.0
    r = r * z + 2.0 / 3.0
    y = k * _LN2_HIGH - ((s * (f - r * z) - k * _LN2_LOW) - f)
    y = y if x < math.inf else x
    y = y if x > 0.0 else math.nan
    return -math.inf if x == 0.0 else y


def log1p(x: float) -> float:
    """log(1 + x), without the cancellation near 0: the rounding error of 1 + x is put right to first order."""
    w = 1.0 + x
    error = x - (w - 1.0) if x < 1.0 else 1.0 - (w - x)
    y = log(w) + error / w
    y = y if w < math.inf else x
    y = y if w != 1.0 else x
    return y if w != 0.0 else -math.inf


def log2(x: float) -> float:
    """The logarithm to base 2."""
    return log(x) * 1.4426950408889634


def log10(x: float) -> float:
    """The logarithm to base 10."""
    return log(x) * 0.4342944819032518


def tanh(x: float) -> float:
    """The hyperbolic tangent."""
    near = math.fabs(x) if math.fabs(x) < 22.0 else 22.0
    e = expm1(2.0 * near)
    y = math.copysign(e / (e + 2.0), x)
    return y if x == x else x


def sinh(x: float) -> float:
    """The hyperbolic sine."""
    e = expm1(math.fabs(x))
    y = 0.5 * (e + e / (e + 1.0)) if math.fabs(x) < 22.0 else _exp_times(math.fabs(x), -1.0)
    return math.copysign(y, x)


def cosh(x: float) -> float:
    """The hyperbolic cosine."""
    half = _exp_times(math.fabs(x), -1.0)
    return half + 0.25 / half


def sech(x: float) -> float:
    """1 / cosh(x), also where cosh overflows."""
    e = exp(-math.fabs(x))
    return 2.0 * e / (1.0 + e * e)


def sigmoid(x: float) -> float:
    """1 / (1 + e**-x), from the exponential that cannot overflow."""
    e = exp(-math.fabs(x))
    return (e if x < 0.0 else 1.0) / (1.0 + e)


def _sine(quarters: float, r: float) -> float:
    """sin(r + quarters * pi / 2) for abs(r) <= pi / 4: the series of sin or cos, and a sign."""
    z = r * r
    s = -1.0 / 1307674368000.0
    s = s * z + 1.0 / 6227020800.0
    s = s * z - 1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z - 1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z - 1.0 / 6.0
    c = -1.0 / 6402373705728000.0
    c = c * z + 1.0 / 20922789888000.0
    c = c * z - 1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z - 1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z - 1.0 / 720.0
    c = c * z + 1.0 / 24.0
    n = bits(quarters)
    y = (c * z * z - 0.5 * z) + 1.0 if n & 1 else s * z * r + r
    return -y if n & 2 else y


def _reduced(x: float, k: float) -> float:
    """X - k * pi / 2."""
    return ((x - k * _PI_2_HIGH) - k * _PI_2_MIDDLE) - k * _PI_2_LOW


def sin(x: float) -> float:
    """The sine of a number up to BOUND."""
    quarters = x * 0.6366197723675814 + _ROUND
    y = _sine(quarters, _reduced(x, quarters - _ROUND))
    return y if x != 0.0 else x


def cos(x: float) -> float:
    """The cosine of a number up to BOUND."""
    quarters = x * 0.6366197723675814 + _ROUND
    return _sine(quarters + 1.0, _reduced(x, quarters - _ROUND))


def cbrt(x: float) -> float:
    """The cube root: from the logarithm, then a step of Newton's method, which doubles the number of correct digits."""
    size = math.fabs(x)
    y = exp(log(size) / 3.0)
    better = y - (y - size / (y * y)) / 3.0
    return math.copysign(better if 0.0 < size < math.inf else size, x) if x == x else x


def gaussian(x: float) -> float:
    """exp(-x**2 / 2), which is 0 from 40 on."""
    near = math.fabs(x) if math.fabs(x) < 40.0 else 40.0
    y = _exp_of_square(near, -0.5)
    return y if x == x else x


def _exp_of_square(z: float, factor: float) -> float:
    """exp(factor * z**2), the square split into an exact part and a small rest (W. J. Cody 1969)."""
    exact = (z * 16.0 + _ROUND - _ROUND) * 0.0625
    return exp(factor * exact * exact) * exp(factor * (z - exact) * (z + exact))


def erfc(x: float) -> float:
    """1 - erf(x), without the cancellation."""
    z = math.fabs(x) if math.fabs(x) < 28.0 else 28.0  # where the tail is 0
    tail = _scaled_erfc(z) * _exp_of_square(z, -1.0)
    y = 2.0 - tail if x < 0.0 else tail
    return y if x == x else x


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, as accurate in its lower tail."""
    z = math.fabs(x) if math.fabs(x) < 39.5 else 39.5  # the same for erfc(z / sqrt(2))
    tail = 0.5 * _scaled_erfc(z * 0.7071067811865476) * _exp_of_square(z, -0.5)
    y = 1.0 - tail if x > 0.0 else tail
    return y if x == x else x


def _scaled_erfc(z: float) -> float:
    """exp(z**2) * erfc(z) for 0 <= z <= 28, by the polynomial of `autograd.compiler.arrays`.

    It is written out: with a loop inside, loops over this function are not vectorised, which takes five times as long.
    """
    u = (z * 1.2545454545454546 - 3.5) / (z + 3.5)
    p = -2.762244551264851e-11
    p = p * u + 2.0009421368194975e-10
    p = p * u + 5.149186016513497e-10
    p = p * u - 2.4766263163780806e-09
    p = p * u - 5.8097508173632965e-09
    p = p * u + 1.9912647210057915e-08
    p = p * u + 5.390463128603941e-08
    p = p * u - 1.590990760022889e-07
    p = p * u - 4.5381927346503626e-07
    p = p * u + 1.5224723416575644e-06
    p = p * u + 3.315581598875285e-06
    p = p * u - 1.7401602367608503e-05
    p = p * u - 1.1103404178580255e-05
    p = p * u + 0.000202171819969302
    p = p * u - 0.00034307080879420425
    p = p * u - 0.001364989231623473
    p = p * u + 0.009798109119179641
    p = p * u - 0.03185484852246892
    p = p * u + 0.06949400082459398
    p = p * u - 0.10843636030835262
    p = p * u + 0.113250564159831
    p = p * u - 0.04232283623379086
    p = p * u - 0.11812288346591952
    p = p * u + 1.2578614098384677
    return p / (1.0 + 2.0 * z)
