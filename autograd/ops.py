"""The table of operations: every function that a graph can hold, one row each.

A row gives the formula and its partial derivatives over an abstract number system `m`: `m.exp`, `m.log` and so on may
work on floats, on Values or on arrays. Everything else in the library reads these rows; nothing else says how to
compute or to differentiate an operation.

Formulas keep every digit, so the partials are often not the textbook's: sigmoid' is written 1 / (4 cosh(x/2)**2)
because y (1 - y) has no correct digit left at x = 40, and because its own derivative stays exact near 0. The quotient
is `m.divide` and the power `m.pow`, since Python's own raise where IEEE arithmetic gives an infinity.

The rows at the end are helpers that only partials need.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

from . import arithmetic

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    Interval: TypeAlias = tuple[float, float]

_ANY: Interval = (-4.0, 4.0)
_POSITIVE: Interval = (0.05, 6.0)


CO_VARARGS = 0x04  # the flag of a code object with *args, as in `inspect`, which takes long to import


class Operation:
    """One row of the table.

    Attributes:
        name: what `Value.op` shows.
        formula: `formula(m, *operands)` is the result.
        partials: `partials(m, y, *operands)` is a tuple with one derivative of the result y for each operand; None for
            an operand that has none, such as a condition.
        symbol: what a small node of a drawing shows.
        latex: a template; `{0}`, `{1}` stand for the operands, `{all}` for all of them with commas between.
        kinks: `kinks(*operands)` are numbers that vanish where the derivative jumps.
        domain: an interval to draw each operand from in tests; the last one holds for all further operands.
        pull: the reverse step `pull(node, cotangent)` as `specialize.py` writes it for this row, or None.
    """

    __slots__ = ("domain", "formula", "kinks", "latex", "name", "partials", "pull", "symbol")

    def __init__(
        self,
        name: str,
        formula: Callable[..., Any],
        partials: Callable[..., tuple[Any, ...]],
        symbol: str,
        latex: str,
        kinks: Callable[..., Sequence[float]] | None,
        domain: Sequence[Interval],
    ) -> None:
        self.name = name
        self.formula = formula
        self.partials = partials
        self.symbol = symbol
        self.latex = latex
        self.kinks = kinks
        self.domain = tuple(domain)
        self.pull: Callable[[Any, float], None] | None = None

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    @property
    def arity(self) -> int | None:
        """The number of operands; None if it varies or cannot be told."""
        code = getattr(self.formula, "__code__", None)
        if code is None or hasattr(self.formula, "__self__") or code.co_flags & CO_VARARGS or self.formula.__defaults__:
            return None
        count: int = code.co_argcount - 1
        return count


TABLE: dict[str, Operation] = {}
CUSTOM: dict[str, Operation] = {}
"""Operations that users made, by name: graphs that hold them are pickled with their names only."""

FLOATS = SimpleNamespace(**{name: f for name, f in vars(arithmetic).items() if callable(f) and name[0] != "_"})
"""The number system of floats: the primitives of `arithmetic` and every row of the table that is built from them."""


def default_latex(name: str) -> str:
    r"""The template \operatorname{name}(operands)."""
    upright = literal_latex(name).replace("{", "{{").replace("}", "}}")
    return rf"\operatorname{{{{{upright}}}}}({{all}})"


def literal_latex(name: str) -> str:
    """A name, whatever is in it, as LaTeX shows it."""
    return "".join(_LATEX.get(character, character) for character in name)


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "\n": " ",
}


def _row(
    name: str,
    formula: Callable[..., Any],
    partials: Callable[..., tuple[Any, ...]],
    *,
    symbol: str | None = None,
    latex: str | None = None,
    kinks: Callable[..., Sequence[float]] | None = None,
    domain: Sequence[Interval] = (_ANY,),
) -> Operation:
    """Enters an operation into the table, and into the floats where they do not have it as a primitive."""
    operation = Operation(name, formula, partials, symbol or name, latex or default_latex(name), kinks, domain)
    TABLE[name] = operation
    if not hasattr(FLOATS, name):
        setattr(FLOATS, name, lambda *operands: formula(FLOATS, *operands))
    return operation


# Operators

add = _row("add", lambda m, x, y: x + y, lambda m, z, x, y: (1.0, 1.0), symbol="+", latex="{0} + {1}")
sub = _row("sub", lambda m, x, y: x - y, lambda m, z, x, y: (1.0, -1.0), symbol="−", latex="{0} - {1}")
mul = _row("mul", lambda m, x, y: x * y, lambda m, z, x, y: (y, x), symbol="×", latex=r"{0} \cdot {1}")
div = _row(
    "div",
    lambda m, x, y: m.divide(x, y),
    lambda m, z, x, y: (m.divide(1.0, y), -m.divide(z, y)),
    symbol="÷",
    latex=r"\frac{{{0}}}{{{1}}}",
    domain=(_ANY, _POSITIVE),
)
neg = _row("neg", lambda m, x: -x, lambda m, y, x: (-1.0,), symbol="−", latex="-{0}")
# The conditions make x**0 flat, and 0**y too for y >= 0, where the products would be 0 * inf.
pow = _row(
    "pow",
    lambda m, x, y: m.pow(x, y),
    lambda m, z, x, y: (
        m.where(y, y * m.pow(x, y - 1.0), 0.0),
        m.where(m.maximum(m.abs(x), m.step(0.0, y, 0.0)), z * m.log(x), 0.0),
    ),
    symbol="^",
    latex="{{{0}}}^{{{1}}}",
    domain=(_POSITIVE, _ANY),
)

# Exponentials, logarithms, powers

exp = _row("exp", lambda m, x: m.exp(x), lambda m, y, x: (y,), latex="e^{{{0}}}")
expm1 = _row("expm1", lambda m, x: m.expm1(x), lambda m, y, x: (m.exp(x),), latex="e^{{{0}}} - 1")
log = _row("log", lambda m, x: m.log(x), lambda m, y, x: (m.divide(1.0, x),), latex=r"\log({0})", domain=(_POSITIVE,))
log1p = _row(
    "log1p",
    lambda m, x: m.log1p(x),
    lambda m, y, x: (m.divide(1.0, 1.0 + x),),
    latex=r"\log(1 + {0})",
    domain=((-0.95, 6.0),),
)
sqrt = _row(
    "sqrt", lambda m, x: m.sqrt(x), lambda m, y, x: (m.divide(0.5, y),), latex=r"\sqrt{{{0}}}", domain=(_POSITIVE,)
)
square = _row("square", lambda m, x: x * x, lambda m, y, x: (2.0 * x,), latex="{{{0}}}^2")
reciprocal = _row(
    "reciprocal",
    lambda m, x: m.divide(1.0, x),
    lambda m, y, x: (-m.square(y),),
    latex=r"\frac{{1}}{{{0}}}",
    domain=(_POSITIVE,),
)

# Circular and hyperbolic functions

sin = _row("sin", lambda m, x: m.sin(x), lambda m, y, x: (m.cos(x),), latex=r"\sin({0})")
cos = _row("cos", lambda m, x: m.cos(x), lambda m, y, x: (-m.sin(x),), latex=r"\cos({0})")
tan = _row(
    "tan", lambda m, x: m.tan(x), lambda m, y, x: (1.0 + m.square(y),), latex=r"\tan({0})", domain=((-1.4, 1.4),)
)
arcsin = _row(
    "arcsin",
    lambda m, x: m.arcsin(x),
    lambda m, y, x: (m.reciprocal(m.sqrt(m.one_minus_square(x))),),
    latex=r"\arcsin({0})",
    domain=((-0.95, 0.95),),
)
arccos = _row(
    "arccos",
    lambda m, x: m.arccos(x),
    lambda m, y, x: (-m.reciprocal(m.sqrt(m.one_minus_square(x))),),
    latex=r"\arccos({0})",
    domain=((-0.95, 0.95),),
)
arctan = _row(
    "arctan",
    lambda m, x: m.arctan(x),
    lambda m, y, x: (m.square(m.reciprocal(m.hypot(1.0, x))),),
    latex=r"\arctan({0})",
)
sinh = _row("sinh", lambda m, x: m.sinh(x), lambda m, y, x: (m.cosh(x),), latex=r"\sinh({0})")
cosh = _row("cosh", lambda m, x: m.cosh(x), lambda m, y, x: (m.sinh(x),), latex=r"\cosh({0})")
tanh = _row(
    "tanh",
    lambda m, x: m.tanh(x),
    lambda m, y, x: (m.square(m.sech(x)),),
    latex=r"\tanh({0})",
)

# Activation functions

sigmoid = _row(
    "sigmoid",
    lambda m, x: m.sigmoid(x),
    lambda m, y, x: (m.square(0.5 * m.sech(0.5 * x)),),
    latex=r"\sigma({0})",
)
softplus = _row(
    "softplus",
    lambda m, x: m.logaddexp(0.0, x),  # log(1 + e^x), no overflow in either tail
    lambda m, y, x: (m.sigmoid(x),),
)
relu = _row("relu", lambda m, x: m.maximum(x, 0.0), lambda m, y, x: (m.step(x, 0.0, 0.0),), kinks=lambda x: (x,))


def _leaky_relu_partials(m: Any, y: Any, x: Any, *slope: Any) -> tuple[Any, ...]:
    low = slope[0] if slope else 0.01
    above = m.step(x, 0.0, 0.0)
    return (above + (1.0 - above) * low, m.minimum(x, 0.0))[: 1 + len(slope)]


def _elu_partials(m: Any, y: Any, x: Any, *alpha: Any) -> tuple[Any, ...]:
    below = m.minimum(x, 0.0)
    height = alpha[0] if alpha else 1.0
    positive = m.step(x, 0.0, 0.0)
    return (positive + (1.0 - positive) * (height * m.exp(below)), m.expm1(below))[: 1 + len(alpha)]


leaky_relu = _row(
    "leaky_relu",
    lambda m, x, slope=0.01: m.maximum(x, 0.0) + slope * m.minimum(x, 0.0),
    _leaky_relu_partials,
    kinks=lambda x, slope=0.01: (x,),
    domain=(_ANY, (0.01, 0.5)),
)
elu = _row(
    "elu",
    lambda m, x, alpha=1.0: m.maximum(x, 0.0) + alpha * m.expm1(m.minimum(x, 0.0)),
    _elu_partials,
    kinks=lambda x, alpha=1.0: (x,) if alpha != 1.0 else (),
    domain=(_ANY, (0.5, 2.0)),
)
# The derivative s + x s (1 - s) as s (1 + x (1 - s)), with 1 - s = sigmoid(-x) exact in both tails.
silu = _row(
    "silu",
    lambda m, x: x * m.sigmoid(x),
    lambda m, y, x: (m.sigmoid(x) * (1.0 + x * m.sigmoid(-x)),),
)
gelu = _row(
    "gelu",
    lambda m, x: x * m.normal_cdf(x),
    lambda m, y, x: (m.normal_cdf(x) + x * m.gaussian(x) * (1.0 / math.sqrt(2.0 * math.pi)),),
)
erf = _row("erf", lambda m, x: m.erf(x), lambda m, y, x: ((2.0 / math.sqrt(math.pi)) * m.square(m.gaussian(x)),))

# Choices

abs = _row("abs", lambda m, x: m.abs(x), lambda m, y, x: (m.sign(x),), latex=r"\left|{0}\right|", kinks=lambda x: (x,))
sign = _row("sign", lambda m, x: m.sign(x), lambda m, y, x: (0.0,), kinks=lambda x: (x,))
maximum = _row(
    "maximum",
    lambda m, x, y: m.maximum(x, y),
    lambda m, z, x, y: (m.step(x, y, 0.5), m.step(y, x, 0.5)),
    latex=r"\max({0}, {1})",
    kinks=lambda x, y: (x - y,),
)
minimum = _row(
    "minimum",
    lambda m, x, y: m.minimum(x, y),
    lambda m, z, x, y: (m.step(y, x, 0.5), m.step(x, y, 0.5)),
    latex=r"\min({0}, {1})",
    kinks=lambda x, y: (x - y,),
)
where = _row(
    "where",
    lambda m, condition, x, y: m.where(condition, x, y),
    lambda m, z, condition, x, y: (None, m.where(condition, 1.0, 0.0), m.where(condition, 0.0, 1.0)),
    domain=((0.0, 1.0), _ANY),
)
# PyTorch's convention: the bounds themselves count as inside.
clip = _row(
    "clip",
    lambda m, x, low, high: m.minimum(m.maximum(x, low), high),
    lambda m, y, x, low, high: (
        m.step(x, low, 1.0) * m.step(high, x, 1.0),
        m.step(low, x, 0.0) * m.step(high, low, 0.0),
        m.step(m.maximum(x, low), high, 0.0),
    ),
    kinks=lambda x, low, high: (x - low, high - x),
    domain=(_ANY, (-2.0, -1.0), (1.0, 2.0)),
)

# Two operands

logaddexp = _row(
    "logaddexp",
    lambda m, x, y: m.logaddexp(x, y),
    lambda m, z, x, y: tuple(m.softmaxes((x, y))),
    latex=r"\log(e^{{{0}}} + e^{{{1}}})",
)
# At the origin both derivatives are 0, as in PyTorch.
arctan2 = _row(
    "arctan2",
    lambda m, y, x: m.arctan2(y, x),
    lambda m, z, y, x: (
        m.where(m.hypot(x, y), m.divide(m.direction(x, y), m.hypot(x, y)), 0.0),
        -m.where(m.hypot(x, y), m.divide(m.direction(y, x), m.hypot(x, y)), 0.0),
    ),
    kinks=lambda y, x: (math.hypot(x, y),),
    domain=(_POSITIVE, _ANY),
)
hypot = _row(
    "hypot",
    lambda m, x, y: m.hypot(x, y),
    lambda m, z, x, y: (m.direction(x, y), m.direction(y, x)),
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    kinks=lambda x, y: (math.hypot(x, y),),
    domain=(_POSITIVE, _ANY),
)

# Any number of operands


def _products_of_the_others(m: Any, xs: Sequence[Any]) -> tuple[Any, ...]:
    """For each x the product of all the others, from running products of both ends: no division, so zeros are fine."""
    before = [1.0]
    after = [1.0]
    for x, y in zip(xs[:-1], xs[:0:-1], strict=True):
        before.append(before[-1] * x)
        after.append(after[-1] * y)
    return tuple(left * right for left, right in zip(before, reversed(after), strict=True)) if xs else ()


def _shares(m: Any, at_the_top: Sequence[Any]) -> tuple[Any, ...]:
    """Indicators of the extreme operands, divided by their number: ties share the derivative equally."""
    number = m.sum(at_the_top)
    return tuple(m.divide(indicator, number) for indicator in at_the_top)


def _gap(xs: Sequence[float]) -> tuple[float, ...]:
    first, second = sorted(xs)[:2] if len(xs) > 1 else (0.0, 1.0)
    return (second - first,)


sum = _row("sum", lambda m, *xs: m.sum(xs), lambda m, y, *xs: (1.0,) * len(xs), symbol="Σ", latex=r"\sum({all})")
mean = _row("mean", lambda m, *xs: m.mean(xs), lambda m, y, *xs: (1.0 / max(len(xs), 1),) * len(xs))
prod = _row(
    "prod",
    lambda m, *xs: m.prod(xs),
    lambda m, y, *xs: _products_of_the_others(m, xs),
    symbol="Π",
    latex=r"\prod({all})",
)
dot = _row(
    "dot",
    lambda m, *xs: m.dot(xs[: len(xs) // 2], xs[len(xs) // 2 :]),
    lambda m, y, *xs: xs[len(xs) // 2 :] + xs[: len(xs) // 2],
)
logsumexp = _row("logsumexp", lambda m, *xs: m.logsumexp(xs), lambda m, y, *xs: tuple(m.softmaxes(xs)) if xs else ())
largest = _row(
    "max",
    lambda m, *xs: m.largest(xs),
    lambda m, y, *xs: _shares(m, [m.step(x, y, 1.0) for x in xs]),
    latex=r"\max({all})",
    kinks=lambda *xs: _gap([-x for x in xs]),
)
smallest = _row(
    "min",
    lambda m, *xs: m.smallest(xs),
    lambda m, y, *xs: _shares(m, [m.step(y, x, 1.0) for x in xs]),
    latex=r"\min({all})",
    kinks=lambda *xs: _gap(xs),
)

# Helpers: what the partials above need in order to keep their digits

identity = _row("identity", lambda m, x: x, lambda m, y, x: (1.0,), latex="{0}")
step = _row(
    "step",
    lambda m, x, threshold, tie: m.step(x, threshold, tie),
    lambda m, y, x, threshold, tie: (None, None, None),
    kinks=lambda x, threshold, tie: (x - threshold,),
    domain=(_ANY, _ANY, (0.0, 1.0)),
)
one_minus_square = _row(
    "one_minus_square", lambda m, x: m.one_minus_square(x), lambda m, y, x: (-2.0 * x,), latex="1 - {{{0}}}^2"
)
sech = _row("sech", lambda m, x: m.sech(x), lambda m, y, x: (-(y * m.tanh(x)),))
gaussian = _row("gaussian", lambda m, x: m.gaussian(x), lambda m, y, x: (-x * y,), latex="e^{{-{0}^2/2}}")
normal_cdf = _row(
    "normal_cdf",
    lambda m, x: m.normal_cdf(x),
    lambda m, y, x: (m.gaussian(x) * (1.0 / math.sqrt(2.0 * math.pi)),),
    latex=r"\Phi({0})",
)
direction = _row(
    "direction",
    lambda m, x, y: m.direction(x, y),
    lambda m, z, x, y: (
        m.divide(m.square(m.direction(y, x)), m.hypot(x, y)),
        -m.divide(z * m.direction(y, x), m.hypot(x, y)),
    ),
    latex=r"\frac{{{0}}}{{\sqrt{{{0}^2 + {1}^2}}}}",
    domain=(_POSITIVE, _ANY),
)


def _softmax_partials(m: Any, y: Any, *xs: Any) -> tuple[Any, ...]:
    """p (1 - p) and -p q: 1 - p is the sum of the other shares, which keeps its digits when p is close to 1."""
    others = m.softmaxes(xs)[1:]
    return (y * m.sum(others), *(-(y * other) for other in others))


softmax = _row(
    "softmax",
    lambda m, *xs: m.softmaxes(xs)[0],
    _softmax_partials,
    latex=r"\operatorname{{softmax}}({all})",
)

# Formulas call these by the names of the functions, which take one sequence.
vars(FLOATS).update(max=arithmetic.largest, min=arithmetic.smallest, softmax=arithmetic.softmaxes)
