"""The table of operations: every function that a graph can hold, one row each.

A row says everything about an operation, first of all its formula and its partial derivatives over an abstract number
system `m` (see `operation.py`): `m.exp`, `m.log` and so on may work on floats, on Values, on arrays or on text.
Everything else in the library reads these rows; nothing else says how to compute or to differentiate an operation.

Formulas keep every digit, so the partials are often not the textbook's: sigmoid' is written 1 / (4 cosh(x/2)**2)
because y (1 - y) has no correct digit left at x = 40, and because its own derivative stays exact near 0. The quotient
is `m.div` and the power `m.pow`, since Python's own raise where IEEE arithmetic gives an infinity.

What only partials need has its rows in `helpers.py`.
"""

from __future__ import annotations

import math
import sys

from .helpers import direction, gaussian, identity, normal_cdf, one_minus_square, pow_log, pow_slope, sech, step
from .operation import ANYWHERE, CUSTOM, FLOATS, POSITIVE, TABLE, UNIT, NumberSystem, Operation, row

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .operation import N, Partials

__all__ = ["CUSTOM", "FLOATS", "TABLE", "NumberSystem", "Operation"]
__all__ += [
    "direction",
    "gaussian",
    "identity",
    "normal_cdf",
    "one_minus_square",
    "pow_log",
    "pow_slope",
    "sech",
    "step",
]


def _primitive(name: str, partials: Partials, **facts: Any) -> Operation:
    """A function of one operand that every number system has of its own accord, NumPy too."""
    return row(name, lambda m, x: getattr(m, name)(x), partials, ufunc=name, **facts)


# Operators

add = row(
    "add",
    lambda m, x, y: x + y,
    lambda m, z, x, y: (1.0, 1.0),
    symbol="+",
    latex="{0} + {1}",
    is_operator=True,
    commutative=True,
    linear=True,
    ufunc="add",
)
sub = row(
    "sub",
    lambda m, x, y: x - y,
    lambda m, z, x, y: (1.0, -1.0),
    symbol="−",
    latex="{0} - {1}",
    is_operator=True,
    linear=True,
    ufunc="subtract",
)
mul = row(
    "mul",
    lambda m, x, y: x * y,
    lambda m, z, x, y: (y, x),
    symbol="×",
    latex=r"{0} \cdot {1}",
    is_operator=True,
    commutative=True,
    bilinear=True,
    ufunc="multiply",
)
div = row(
    "div",
    lambda m, x, y: m.div(x, y),
    lambda m, z, x, y: (m.div(1.0, y), -m.div(z, y)),
    symbol="÷",
    latex=r"\frac{{{0}}}{{{1}}}",
    domain=(ANYWHERE, POSITIVE),
    is_operator=True,
    bilinear=True,
    ufunc="divide",
)
neg = row(
    "neg",
    lambda m, x: -x,
    lambda m, y, x: (-1.0,),
    symbol="−",
    latex="-{0}",
    is_operator=True,
    linear=True,
    ufunc="negative",
)
pow = row(
    "pow",
    lambda m, x, y: m.pow(x, y),
    lambda m, z, x, y: (m.pow_slope(x, y), m.pow_log(x, y, 1.0)),
    symbol="^",
    latex="{{{0}}}^{{{1}}}",
    domain=(POSITIVE, ANYWHERE),
    is_operator=True,
    ufunc="power",
)
mod = row(
    "mod",
    lambda m, x, y: m.mod(x, y),
    lambda m, z, x, y: (1.0, -m.rint(m.div(x - z, y))),
    symbol="%",
    latex=r"{0} \bmod {1}",
    kinks=lambda x, y: (math.remainder(x, y) if y else x,),
    domain=(ANYWHERE, POSITIVE),
    ufunc="mod",
)

# Exponentials, logarithms, powers

exp = _primitive("exp", lambda m, y, x: (y,), latex="e^{{{0}}}")
expm1 = _primitive("expm1", lambda m, y, x: (m.exp(x),), latex="e^{{{0}}} - 1")
log = _primitive("log", lambda m, y, x: (m.div(1.0, x),), latex=r"\log({0})", domain=(POSITIVE,))
log1p = _primitive("log1p", lambda m, y, x: (m.div(1.0, 1.0 + x),), latex=r"\log(1 + {0})", domain=((-0.95, 6.0),))
exp2 = _primitive("exp2", lambda m, y, x: (math.log(2.0) * y,), latex="2^{{{0}}}")
log2 = _primitive("log2", lambda m, y, x: (m.div(1.0 / math.log(2.0), x),), latex=r"\log_2({0})", domain=(POSITIVE,))
log10 = _primitive(
    "log10", lambda m, y, x: (m.div(1.0 / math.log(10.0), x),), latex=r"\log_{{10}}({0})", domain=(POSITIVE,)
)
sqrt = _primitive("sqrt", lambda m, y, x: (m.div(0.5, y),), latex=r"\sqrt{{{0}}}", domain=(POSITIVE,))
cbrt = _primitive(
    "cbrt", lambda m, y, x: (m.div(1.0 / 3.0, m.square(y)),), latex=r"\sqrt[3]{{{0}}}", domain=(POSITIVE,)
)
square = row("square", lambda m, x: x * x, lambda m, y, x: (2.0 * x,), latex="{{{0}}}^2", ufunc="square")
reciprocal = row(
    "reciprocal",
    lambda m, x: m.div(1.0, x),
    lambda m, y, x: (-m.square(y),),
    latex=r"\frac{{1}}{{{0}}}",
    domain=(POSITIVE,),
    ufunc="reciprocal",
)

# Circular and hyperbolic functions

sin = _primitive("sin", lambda m, y, x: (m.cos(x),), latex=r"\sin({0})")
cos = _primitive("cos", lambda m, y, x: (-m.sin(x),), latex=r"\cos({0})")
tan = _primitive("tan", lambda m, y, x: (1.0 + m.square(y),), latex=r"\tan({0})", domain=((-1.4, 1.4),))
arcsin = _primitive(
    "arcsin", lambda m, y, x: (m.reciprocal(m.sqrt(m.one_minus_square(x))),), latex=r"\arcsin({0})", domain=(UNIT,)
)
arccos = _primitive(
    "arccos", lambda m, y, x: (-m.reciprocal(m.sqrt(m.one_minus_square(x))),), latex=r"\arccos({0})", domain=(UNIT,)
)
arctan = _primitive("arctan", lambda m, y, x: (m.square(m.reciprocal(m.hypot(1.0, x))),), latex=r"\arctan({0})")
sinh = _primitive("sinh", lambda m, y, x: (m.cosh(x),), latex=r"\sinh({0})")
cosh = _primitive("cosh", lambda m, y, x: (m.sinh(x),), latex=r"\cosh({0})")
tanh = _primitive("tanh", lambda m, y, x: (m.square(m.sech(x)),), latex=r"\tanh({0})")

arcsinh = _primitive("arcsinh", lambda m, y, x: (m.reciprocal(m.hypot(1.0, x)),), latex=r"\operatorname{{arsinh}}({0})")
arccosh = _primitive(
    "arccosh",
    lambda m, y, x: (m.reciprocal(m.sqrt(x - 1.0) * m.sqrt(x + 1.0)),),
    latex=r"\operatorname{{arcosh}}({0})",
    domain=((1.05, 6.0),),
)
arctanh = _primitive(
    "arctanh",
    lambda m, y, x: (m.reciprocal(m.one_minus_square(x)),),
    latex=r"\operatorname{{artanh}}({0})",
    domain=(UNIT,),
)

# Activation functions

sigmoid = row(
    "sigmoid", lambda m, x: m.sigmoid(x), lambda m, y, x: (m.square(0.5 * m.sech(0.5 * x)),), latex=r"\sigma({0})"
)
softplus = row(
    "softplus",
    lambda m, x: m.logaddexp(0.0, x),  # log(1 + e^x), no overflow in either tail
    lambda m, y, x: (m.sigmoid(x),),
)
relu = row("relu", lambda m, x: m.maximum(x, 0.0), lambda m, y, x: (m.step(x, 0.0, 0.0),), kinks=lambda x: (x,))


def _leaky_relu_partials(m: NumberSystem[N], y: N, x: N, *slope: N) -> tuple[N, ...]:
    low = slope[0] if slope else 0.01
    above = m.step(x, 0.0, 0.0)
    return (above + (1.0 - above) * low, m.minimum(x, 0.0))[: 1 + len(slope)]


def _elu_partials(m: NumberSystem[N], y: N, x: N, *alpha: N) -> tuple[N, ...]:
    below = -m.relu(-x)  # its own derivative at 0 is 0, as PyTorch has it
    height = alpha[0] if alpha else 1.0
    positive = m.step(x, 0.0, 0.0)
    return (positive + (1.0 - positive) * (height * m.exp(below)), m.expm1(below))[: 1 + len(alpha)]


leaky_relu = row(
    "leaky_relu",
    lambda m, x, slope=0.01: m.maximum(x, 0.0) + slope * m.minimum(x, 0.0),
    _leaky_relu_partials,
    kinks=lambda x, slope=0.01: (x,),
    domain=(ANYWHERE, (0.01, 0.5)),
)
elu = row(
    "elu",
    lambda m, x, alpha=1.0: m.maximum(x, 0.0) + alpha * m.expm1(m.minimum(x, 0.0)),
    _elu_partials,
    kinks=lambda x, alpha=1.0: (x,) if alpha != 1.0 else (),
    domain=(ANYWHERE, (0.5, 2.0)),
)
# The derivative s + x s (1 - s) as s (1 + x (1 - s)), with 1 - s = sigmoid(-x) exact in both tails.
silu = row("silu", lambda m, x: x * m.sigmoid(x), lambda m, y, x: (m.sigmoid(x) * (1.0 + x * m.sigmoid(-x)),))
gelu = row(
    "gelu",
    lambda m, x: x * m.normal_cdf(x),
    lambda m, y, x: (m.normal_cdf(x) + x * m.gaussian(x) * (1.0 / math.sqrt(2.0 * math.pi)),),
)
erf = row("erf", lambda m, x: m.erf(x), lambda m, y, x: ((2.0 / math.sqrt(math.pi)) * m.square(m.gaussian(x)),))

# Choices

abs = row(
    "abs",
    lambda m, x: m.abs(x),
    lambda m, y, x: (m.sign(x),),
    latex=r"\left|{0}\right|",
    kinks=lambda x: (x,),
    ufunc="absolute",
)
sign = _primitive("sign", lambda m, y, x: (0.0,), kinks=lambda x: (x,), is_flat=True)
floor, ceil, trunc = (
    _primitive(name, lambda m, y, x: (0.0,), kinks=lambda x: (math.remainder(x, 1.0),), is_flat=True)
    for name in ("floor", "ceil", "trunc")
)
rint = _primitive("rint", lambda m, y, x: (0.0,), kinks=lambda x: (math.remainder(x - 0.5, 1.0),), is_flat=True)
maximum = row(
    "maximum",
    lambda m, x, y: m.maximum(x, y),
    lambda m, z, x, y: (m.step(x, y, 0.5), m.step(y, x, 0.5)),
    latex=r"\max({0}, {1})",
    kinks=lambda x, y: (x - y,),
    commutative=True,
    ufunc="maximum",
)
minimum = row(
    "minimum",
    lambda m, x, y: m.minimum(x, y),
    lambda m, z, x, y: (m.step(y, x, 0.5), m.step(x, y, 0.5)),
    latex=r"\min({0}, {1})",
    kinks=lambda x, y: (x - y,),
    commutative=True,
    ufunc="minimum",
)
where = row(
    "where",
    lambda m, condition, x, y: m.where(condition, x, y),
    lambda m, z, condition, x, y: (None, m.where(condition, 1.0, 0.0), m.where(condition, 0.0, 1.0)),
    domain=((0.0, 1.0), ANYWHERE),
)
# PyTorch's convention: the bounds themselves count as inside.
clip = row(
    "clip",
    lambda m, x, low, high: m.minimum(m.maximum(x, low), high),
    lambda m, y, x, low, high: (
        m.step(x, low, 1.0) * m.step(high, x, 1.0),
        m.step(low, x, 0.0) * m.step(high, low, 0.0),
        m.step(m.maximum(x, low), high, 0.0),
    ),
    kinks=lambda x, low, high: (x - low, high - x),
    domain=(ANYWHERE, (-2.0, -1.0), (1.0, 2.0)),
)

# Two operands

logaddexp = row(
    "logaddexp",
    lambda m, x, y: m.logaddexp(x, y),
    lambda m, z, x, y: tuple(m.softmax((x, y))),
    latex=r"\log(e^{{{0}}} + e^{{{1}}})",
    commutative=True,
    ufunc="logaddexp",
)
# At the origin both derivatives are 0, as in PyTorch.
arctan2 = row(
    "arctan2",
    lambda m, y, x: m.arctan2(y, x),
    lambda m, z, y, x: (
        m.where(m.hypot(x, y), m.div(m.direction(x, y), m.hypot(x, y)), 0.0),
        -m.where(m.hypot(x, y), m.div(m.direction(y, x), m.hypot(x, y)), 0.0),
    ),
    kinks=lambda y, x: (math.hypot(x, y),),
    domain=(POSITIVE, ANYWHERE),
    ufunc="arctan2",
)
hypot = row(
    "hypot",
    lambda m, x, y: m.hypot(x, y),
    lambda m, z, x, y: (m.direction(x, y), m.direction(y, x)),
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    kinks=lambda x, y: (math.hypot(x, y),),
    domain=(POSITIVE, ANYWHERE),
    commutative=True,
    ufunc="hypot",
)

# Any number of operands


def _products_of_the_others(m: NumberSystem[N], xs: Sequence[N]) -> tuple[N | float, ...]:
    """For each x the product of all the others, from running products of both ends: no division, so zeros are fine."""
    before: list[N | float] = [1.0]
    after: list[N | float] = [1.0]
    for x, y in zip(xs[:-1], xs[:0:-1], strict=True):
        before.append(before[-1] * x)
        after.append(after[-1] * y)
    return tuple(left * right for left, right in zip(before, reversed(after), strict=True)) if xs else ()


def _shares(m: NumberSystem[N], at_the_top: Sequence[N]) -> tuple[N, ...]:
    """Indicators of the extreme operands, divided by their number: ties share the derivative equally."""
    number = m.sum(at_the_top)
    return tuple(m.div(indicator, number) for indicator in at_the_top)


def _gap(xs: Sequence[float]) -> tuple[float, ...]:
    first, second = sorted(xs)[:2] if len(xs) > 1 else (0.0, 1.0)
    return (second - first,)


sum = row(
    "sum",
    lambda m, *xs: m.sum(xs),
    lambda m, y, *xs: (1.0,) * len(xs),
    symbol="Σ",
    latex=r"\sum({all})",
    sequences=1,
    commutative=True,
    linear=True,
    reduces=add,
)
mean = row(
    "mean",
    lambda m, *xs: m.mean(xs),
    lambda m, y, *xs: tuple(1.0 / len(xs) for _ in xs),
    sequences=1,
    commutative=True,
    linear=True,
)
prod = row(
    "prod",
    lambda m, *xs: m.prod(xs),
    lambda m, y, *xs: _products_of_the_others(m, xs),
    symbol="Π",
    latex=r"\prod({all})",
    sequences=1,
    commutative=True,
    reduces=mul,
)
dot = row(
    "dot",
    lambda m, *xs: m.dot(xs[: len(xs) // 2], xs[len(xs) // 2 :]),
    lambda m, y, *xs: xs[len(xs) // 2 :] + xs[: len(xs) // 2],
    sequences=2,
    bilinear=True,
)
logsumexp = row(
    "logsumexp",
    lambda m, *xs: m.logsumexp(xs),
    lambda m, y, *xs: tuple(m.softmax(xs)) if xs else (),
    sequences=1,
    commutative=True,
)
max = row(
    "max",
    lambda m, *xs: m.max(xs),
    lambda m, y, *xs: _shares(m, [m.step(x, y, 1.0) for x in xs]),
    latex=r"\max({all})",
    kinks=lambda *xs: _gap([-x for x in xs]),
    sequences=1,
    commutative=True,
    reduces=maximum,
)
min = row(
    "min",
    lambda m, *xs: m.min(xs),
    lambda m, y, *xs: _shares(m, [m.step(y, x, 1.0) for x in xs]),
    latex=r"\min({all})",
    kinks=lambda *xs: _gap(xs),
    sequences=1,
    commutative=True,
    reduces=minimum,
)


def _softmax_partials(m: NumberSystem[N], y: N, *xs: N) -> tuple[N, ...]:
    """p (1 - p) and -p q: 1 - p is the sum of the other shares, which keeps its digits when p is close to 1."""
    others = m.softmax(xs)[1:]
    return (y * m.sum(others), *(-(y * other) for other in others))


softmax = row(
    "softmax",
    lambda m, *xs: m.softmax(xs)[0],
    _softmax_partials,
    latex=r"\operatorname{{softmax}}({all})",
    of_first=True,
)
_MOST = sys.float_info.max


def _log_softmax_partials(m: NumberSystem[N], y: N, *xs: N) -> tuple[N, ...]:
    """1 - p for the first operand, -q for each other; both keep all digits, and so do their derivatives."""
    first, *others = m.softmax(xs)
    return (m.maximum(-m.expm1(y), 0.0 * first), *(-share for share in others))  # nan where the shares are


# log(e^x / (e^x + e^other + ...)). Measured from x, it keeps its digits when the share is close to 1; programs of all
# results of a row measure them from the largest operand, once (`log_softmaxes`). The bound is for
# a masked x, -inf, beside others: -inf - -inf would be nan.
log_softmax = row(
    "log_softmax",
    lambda m, x, *others: -m.logsumexp((0.0, *(m.maximum(other, -_MOST) - x for other in others))),
    _log_softmax_partials,
    of_first=True,
    is_helper=True,
)
