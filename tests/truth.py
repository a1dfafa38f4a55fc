"""The operations in 60-digit arithmetic: what values and derivatives are compared with."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
from mpmath import mp, mpf

mp.dps = 60

Formula = Callable[..., Any]


def logsumexp(*xs: mpf) -> mpf:
    return mp.log(mp.fsum(mp.exp(x) for x in xs))


def normal_cdf(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def prod(*xs: mpf) -> mpf:
    return mpmath.fprod(xs)


FORMULAS: dict[str, Formula] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "pow": lambda x, y: x**y,
    "exp": mp.exp,
    "expm1": lambda x: mp.expm1(x),
    "log": mp.log,
    "log1p": lambda x: mp.log(1 + x),
    "exp2": lambda x: mpf(2) ** x,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "sqrt": mp.sqrt,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)) if x > 100 else mp.log1p(mp.exp(x)),
    "relu": lambda x: max(x, mpf(0)),
    "leaky_relu": lambda x, slope=0.01: x if x > 0 else slope * x,
    "elu": lambda x, alpha=1.0: x if x > 0 else alpha * mp.expm1(x),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "gelu": lambda x: x * normal_cdf(x),
    "erf": mp.erf,
    "abs": lambda x: abs(x),
    "sign": mp.sign,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": lambda x: mp.sign(x) * mp.floor(abs(x)),
    "rint": mp.nint,
    "mod": lambda x, y: x - mp.floor(x / y) * y,
    "maximum": lambda x, y: max(x, y),
    "minimum": lambda x, y: min(x, y),
    "where": lambda condition, x, y: x if condition else y,
    "clip": lambda x, low, high: min(max(x, low), high),
    "logaddexp": logsumexp,
    "arctan2": mp.atan2,
    "hypot": lambda x, y: mp.sqrt(x * x + y * y),
    "sum": lambda *xs: mp.fsum(xs),
    "mean": lambda *xs: mp.fsum(xs) / len(xs),
    "prod": prod,
    "dot": lambda *xs: mp.fsum(x * y for x, y in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)),
    "logsumexp": logsumexp,
    "max": lambda *xs: max(xs),
    "min": lambda *xs: min(xs),
    "pow_slope": lambda x, y: y * x ** (y - 1),
    "pow_log": lambda x, y, n: x**y * mp.log(x) ** n,
    "identity": lambda x: x,
    "step": lambda x, threshold, tie: mpf(x > threshold) if x != threshold else tie,
    "one_minus_square": lambda x: 1 - x * x,
    "sech": mp.sech,
    "gaussian": lambda x: mp.exp(-x * x / 2),
    "normal_cdf": normal_cdf,
    "direction": lambda x, y: x / mp.sqrt(x * x + y * y),
    "softmax": lambda *xs: mp.exp(xs[0] - logsumexp(*xs)),
    "log_softmax": lambda *xs: xs[0] - logsumexp(*xs),
}


def value(name: str, numbers: Sequence[float]) -> mpf:
    with mp.workdps(400):  # enough for 1 - tiny, whatever the tiny
        return +FORMULAS[name](*map(mpf, numbers))


def derivative(name: str, numbers: Sequence[float], *orders: int) -> mpf:
    """The partial derivative with orders[i] derivatives with respect to operand i."""
    if not any(orders):
        return value(name, numbers)
    with mp.workdps(400):
        point = list(map(mpf, numbers))
        scale = [abs(x) if x else mpf(1) for x in point]
        # In units of each operand's own size, so that the differences suit 1e-300 and 1e300 alike.
        f = FORMULAS[name]
        scaled = mpmath.diff(
            lambda *u: f(*(v * s for v, s in zip(u, scale, strict=True))),
            tuple(x / s for x, s in zip(point, scale, strict=True)),
            tuple(orders),
        )
        return scaled / mpmath.fprod(s**order for s, order in zip(scale, orders, strict=True))


def sensitivity(name: str, numbers: Sequence[float], orders: Sequence[int]) -> float:
    """By how much a derivative changes when each operand changes by one unit in its last place."""
    here = derivative(name, numbers, *orders)
    moved = [[*numbers[:i], x + math.ulp(x), *numbers[i + 1 :]] for i, x in enumerate(numbers)]
    return float(mp.fsum(abs(derivative(name, point, *orders) - here) for point in moved))


def ulps(found: float, true: mpf) -> float:
    """The distance in units in the last place of the true result; below the smallest normal number, in units of it."""
    nearest = float(true) if abs(true) < mpf(2) ** 1024 else math.copysign(math.inf, true)
    if math.isinf(nearest) or math.isnan(found) or math.isinf(found):
        return 0.0 if found == nearest else math.inf
    unit = max(math.ulp(nearest), math.ulp(2.2250738585072014e-308))
    return float(abs(mpf(found) - true) / unit)
