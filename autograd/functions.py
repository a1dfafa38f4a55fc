"""The operations as functions.

Every function takes Values or plain numbers: it records an operation if a Value is among its operands, and gives a
float otherwise. All are accurate to a few units in the last place, in value, first and second derivative, and follow
IEEE 754: overflow is inf, undefined is nan, nothing raises. At a kink the derivative is PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

from . import ops
from .operation import FLOATS, Operation
from .structures import is_array
from .value import Value, apply, apply_in_turn, unless_usual

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeVar

    from .value import Operand

    T = TypeVar("T", Value, float)

    class OfOne(Protocol):
        """A function of one operand: a Value for a Value, a float for a number."""

        def __call__(self, x: T, /) -> T: ...  # noqa: D102


_EXAMPLE = """{doc}

    >>> from autograd import Value, {name}
    >>> x = Value({at})
    >>> y = {name}(x)
    >>> y.backward()
    >>> f"{{y:.4f}}", f"{{x.grad:.4f}}"
    {gives}
    """


def _of_one(row: Operation, doc: str, at: float, value: str, slope: str) -> OfOne:
    """The function of a row of one operand.

    Args:
        row: the row.
        doc: one sentence.
        at: where to show it, as an example.
        value: the result there, to four decimals.
        slope: the derivative there.
    """

    def function(x: Operand) -> Any:
        return apply(row, x)

    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = _EXAMPLE.format(doc=doc, name=row.name, at=at, gives=(value, slope))
    return function


exp = _of_one(ops.exp, "e to the power x.", 0.5, "1.6487", "1.6487")
log = _of_one(ops.log, "The natural logarithm: -inf at 0, nan below.", 2.0, "0.6931", "0.5000")
log1p = _of_one(ops.log1p, "log(1 + x), exact for small x.", 0.5, "0.4055", "0.6667")
expm1 = _of_one(ops.expm1, "e**x - 1, exact for small x.", 0.5, "0.6487", "1.6487")
exp2 = _of_one(ops.exp2, "2 to the power x.", 0.5, "1.4142", "0.9803")
log2 = _of_one(ops.log2, "The logarithm to base 2: -inf at 0, nan below.", 8.0, "3.0000", "0.1803")
log10 = _of_one(ops.log10, "The logarithm to base 10: -inf at 0, nan below.", 100.0, "2.0000", "0.0043")
cbrt = _of_one(ops.cbrt, "The cube root, negative for negative x.", 8.0, "2.0000", "0.0833")
sqrt = _of_one(ops.sqrt, "The square root; nan below 0.", 9.0, "3.0000", "0.1667")
square = _of_one(ops.square, "x times x.", 3.0, "9.0000", "6.0000")
reciprocal = _of_one(ops.reciprocal, "1 / x.", 4.0, "0.2500", "-0.0625")
sin = _of_one(ops.sin, "The sine of x in radians.", 0.5, "0.4794", "0.8776")
cos = _of_one(ops.cos, "The cosine of x in radians.", 0.5, "0.8776", "-0.4794")
tan = _of_one(ops.tan, "The tangent of x in radians.", 0.5, "0.5463", "1.2984")
arcsin = _of_one(
    ops.arcsin, "The angle in [-pi/2, pi/2] whose sine is x; nan outside [-1, 1].", 0.5, "0.5236", "1.1547"
)
arccos = _of_one(ops.arccos, "The angle in [0, pi] whose cosine is x; nan outside [-1, 1].", 0.5, "1.0472", "-1.1547")
arctan = _of_one(ops.arctan, "The angle in [-pi/2, pi/2] whose tangent is x.", 0.5, "0.4636", "0.8000")
sinh = _of_one(ops.sinh, "The hyperbolic sine.", 0.5, "0.5211", "1.1276")
cosh = _of_one(ops.cosh, "The hyperbolic cosine.", 0.5, "1.1276", "0.5211")
tanh = _of_one(ops.tanh, "The hyperbolic tangent.", 0.5, "0.4621", "0.7864")
arcsinh = _of_one(ops.arcsinh, "The number whose hyperbolic sine is x.", 0.5, "0.4812", "0.8944")
arccosh = _of_one(
    ops.arccosh, "The nonnegative number whose hyperbolic cosine is x; nan below 1.", 2.0, "1.3170", "0.5774"
)
arctanh = _of_one(
    ops.arctanh, "The number whose hyperbolic tangent is x; infinite at 1 and -1, nan outside.", 0.5, "0.5493", "1.3333"
)
sigmoid = _of_one(ops.sigmoid, "1 / (1 + e**-x), the logistic function.", 0.5, "0.6225", "0.2350")
softplus = _of_one(
    ops.softplus,
    "log(1 + e**x), the lectures' activation function; its derivative is the sigmoid.",
    0.5,
    "0.9741",
    "0.6225",
)
relu = _of_one(
    ops.relu, "max(x, 0). The derivative at 0 is 0; nan stays nan, in the derivative too.", -1.0, "0.0000", "0.0000"
)
silu = _of_one(ops.silu, "x * sigmoid(x), also called swish (Elfwing et al. 2017).", 0.5, "0.3112", "0.7400")
gelu = _of_one(
    ops.gelu,
    "x times the standard normal distribution function of x: the exact form, not the tanh one (Hendrycks 2016).",
    0.5,
    "0.3457",
    "0.8675",
)
erf = _of_one(
    ops.erf, "The error function, 2 / sqrt(pi) times the integral of e**(-t**2) from 0 to x.", 0.5, "0.5205", "0.8788"
)
abs = _of_one(ops.abs, "The absolute value. The derivative at 0 is 0.", -2.0, "2.0000", "-1.0000")
sign = _of_one(ops.sign, "-1, 0 or 1; nan at nan. The derivative is 0 everywhere.", -2.0, "-1.0000", "0.0000")
floor = _of_one(ops.floor, "The largest integer not above x. The derivative is 0 everywhere.", 2.7, "2.0000", "0.0000")
ceil = _of_one(ops.ceil, "The smallest integer not below x. The derivative is 0 everywhere.", 2.2, "3.0000", "0.0000")
rint = _of_one(
    ops.rint,
    "The nearest integer; halves go to the even one. The derivative is 0 everywhere.",
    2.5,
    "2.0000",
    "0.0000",
)
trunc = _of_one(ops.trunc, "x rounded towards 0. The derivative is 0 everywhere.", -2.7, "-2.0000", "0.0000")


def leaky_relu(x: T, negative_slope: Operand = 0.01) -> T:
    """x above 0, negative_slope * x below. The slope may be a Value that is trained (PReLU, He et al. 2015).

    >>> from autograd import Value, leaky_relu
    >>> x = Value(-2.0)
    >>> y = leaky_relu(x, 0.1)
    >>> y.backward()
    >>> y.data, x.grad
    (-0.2, 0.1)
    """
    return apply(ops.leaky_relu, x, *unless_usual(negative_slope, 0.01))  # type: ignore[no-any-return]


def elu(x: T, alpha: Operand = 1.0) -> T:
    """x above 0, alpha * (e**x - 1) below (Clevert et al. 2015).

    >>> from autograd import Value, elu
    >>> x = Value(-1.0)
    >>> y = elu(x)
    >>> y.backward()
    >>> f"{y:.4f}", f"{x.grad:.4f}"
    ('-0.6321', '0.3679')
    """
    return apply(ops.elu, x, *unless_usual(alpha, 1.0))  # type: ignore[no-any-return]


def maximum(x: Operand, y: Operand) -> Any:
    """The larger of two; nan if either is nan. Equal ones share the derivative, 1/2 each.

    >>> from autograd import Value, maximum
    >>> a, b = Value(2.0), Value(3.0)
    >>> y = maximum(a, b)
    >>> y.backward()
    >>> y.data, a.grad, b.grad
    (3.0, 0.0, 1.0)
    """
    return apply(ops.maximum, x, y)


def minimum(x: Operand, y: Operand) -> Any:
    """The smaller of two; nan if either is nan. Equal ones share the derivative, 1/2 each.

    >>> from autograd import Value, minimum
    >>> a, b = Value(2.0), Value(2.0)
    >>> y = minimum(a, b)
    >>> y.backward()
    >>> y.data, a.grad, b.grad
    (2.0, 0.5, 0.5)
    """
    return apply(ops.minimum, x, y)


def logaddexp(x: Operand, y: Operand) -> Any:
    """log(e**x + e**y), without overflow.

    >>> from autograd import logaddexp
    >>> logaddexp(1000.0, 1000.0)  # 1000 + log(2)
    1000.6931471805599
    """
    return apply(ops.logaddexp, x, y)


def arctan2(y: Operand, x: Operand) -> Any:
    """The angle of the point (x, y) in (-pi, pi]. Mind the order of the operands, which is NumPy's.

    >>> from autograd import arctan2
    >>> arctan2(1.0, -1.0)  # 135 degrees
    2.356194490192345
    """
    return apply(ops.arctan2, y, x)


def hypot(x: Operand, y: Operand) -> Any:
    """sqrt(x**2 + y**2), without overflow.

    >>> from autograd import Value, hypot
    >>> x, y = Value(3.0), Value(4.0)
    >>> y = hypot(x, y)
    >>> y.backward()
    >>> y.data, x.grad
    (5.0, 0.6)
    """
    return apply(ops.hypot, x, y)


def mod(x: Operand, y: Operand) -> Any:
    """The remainder of x / y, with the sign of y, as `x % y`. Its slope in y is minus the quotient's integer part.

    >>> from autograd import Value, mod
    >>> x = Value(7.5)
    >>> y = mod(x, 2.0)
    >>> y.backward()
    >>> y.data, x.grad
    (1.5, 1.0)
    """
    return apply(ops.mod, x, y)


def where(c: Operand, a: Operand, b: Operand) -> Any:
    """a if the condition is true, otherwise b.

    Both are computed, and that which is not taken gets 0 times its own derivative: nan where that is infinite, as in
    PyTorch and JAX. There the operand has to be chosen first: `where(c, log(where(c, x, 1.0)), 0.0)`.

    Args:
        c: the condition, a bool, number or Value, true if not 0. It receives no gradient. A comparison of Values is a
            bool: it is decided now. A Value is decided anew by `compile`d programs, such as `relu(x)` for `x > 0` and
            `relu(x - y)` for `x > y`.
        a: the choice where it is true.
        b: the choice where it is false.

    >>> from autograd import Value, compile, grad, log, relu, where
    >>> x = Value(3.0)
    >>> compile(where(relu(x), x, -2 * x), inputs=[x])([3.0, -3.0]).tolist()
    [3.0, 6.0]
    >>> compile(where(x > 0, x, -2 * x), inputs=[x])([3.0, -3.0]).tolist()  # it was above 0
    [3.0, -3.0]
    >>> grad(lambda x: where(x > 0, log(where(x > 0, x, 1.0)), 0.0))(0.0)
    0.0
    """
    if type(c).__name__ in ("bool", "bool_") and not isinstance(c, Real):
        c = bool(c)  # NumPy's own booleans are not numbers
    return apply(ops.where, c, a, b)


def clip(x: Operand, lo: Operand | None, hi: Operand | None) -> Any:
    """x limited to the interval from lo to hi. At the bounds the derivative is 1.

    Args:
        x: what to limit.
        lo: the lower bound; None is none.
        hi: the upper bound; None is none.

    >>> from autograd import Value, clip
    >>> clip(7.0, 0.0, 1.0), clip(Value(0.5), 0.0, None).data
    (1.0, 0.5)
    """
    return apply(ops.clip, x, -math.inf if lo is None else lo, math.inf if hi is None else hi)


def sum(xs: Iterable[Operand]) -> Any:
    """The sum of any number of operands as one node, rounded once; 0.0 for none.

    >>> from autograd import Value
    >>> import autograd
    >>> autograd.sum([1e16, Value(1.0), -1e16]).data  # rounded once
    1.0
    """
    return apply(ops.sum, *_operands("sum", xs))


def mean(xs: Iterable[Operand]) -> Any:
    """The arithmetic mean of any number of operands; nan if there are none.

    >>> from autograd import mean
    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    return apply(ops.mean, *_operands("mean", xs))


def prod(xs: Iterable[Operand]) -> Any:
    """The product of any number of operands; 1.0 for none. Its derivatives are exact at zeros too.

    >>> from autograd import Value, prod
    >>> x = Value(0.0)
    >>> y = prod([2.0, x, 3.0])
    >>> y.backward()
    >>> y.data, x.grad
    (0.0, 6.0)
    """
    return apply(ops.prod, *_operands("prod", xs))


def dot(xs: Iterable[Operand], ys: Iterable[Operand]) -> Any:
    """The sum of the products of two sequences, as one node whose parents are all of xs, then all of ys.

    Raises:
        ValueError: the sequences differ in length.

    >>> from autograd import Value, dot
    >>> w = [Value(1.0), Value(2.0)]
    >>> y = dot(w, [3.0, 4.0])
    >>> y.backward()
    >>> y.data, [v.grad for v in w]
    (11.0, [3.0, 4.0])
    """
    left, right = _operands("dot", xs), _operands("dot", ys)
    if len(left) != len(right):
        raise ValueError(f"dot takes two sequences of equal length, got {len(left)} and {len(right)} numbers")
    return apply(ops.dot, *left, *right)


def logsumexp(xs: Iterable[Operand]) -> Any:
    """log(e**x1 + e**x2 + ...) as one node, without overflow; -inf for no operands. Its gradient is the softmax.

    >>> from autograd import logsumexp
    >>> logsumexp([-1000.0, -1000.0])  # -1000 + log(2)
    -999.3068528194401
    """
    return apply(ops.logsumexp, *_operands("logsumexp", xs))


def max(xs: Iterable[Operand]) -> Any:
    """The largest operand; nan if any is nan. Equal largest ones share the derivative.

    Raises:
        ValueError: there is none.

    >>> import autograd
    >>> autograd.max([1.0, 3.0, 2.0])
    3.0
    """
    return apply(ops.max, *_at_least_one("max", xs))


def min(xs: Iterable[Operand]) -> Any:
    """The smallest operand; nan if any is nan. Equal smallest ones share the derivative.

    Raises:
        ValueError: there is none.

    >>> import autograd
    >>> autograd.min([1.0, 3.0, 2.0])
    1.0
    """
    return apply(ops.min, *_at_least_one("min", xs))


def softmax(xs: Iterable[Operand]) -> Any:
    """e**x / (e**x1 + e**x2 + ...) for each x: positive numbers that add up to 1, each one a node.

    dp_i/dx_i is p_i (1 - p_i), dp_i/dx_j is -p_i p_j; both keep all digits when a p comes close to 1.

    Raises:
        ValueError: there is no x.

    >>> from autograd import softmax
    >>> [f"{p:.2f}" for p in softmax([1.43, -0.44, 0.23])]
    ['0.69', '0.11', '0.21']
    """
    return apply_in_turn(ops.softmax, _at_least_one("softmax", xs), FLOATS.softmax)


# Their elements are no numbers, or in no order.
NO_SEQUENCES = (str, bytes, bytearray, memoryview, set, frozenset, dict)


def _operands(name: str, xs: Any) -> list[Any]:
    if type(xs) is list or type(xs) is tuple:  # as nearly always
        return list(xs)
    try:
        if isinstance(xs, NO_SEQUENCES):
            raise TypeError
        if not is_array(xs):
            return list(xs)
        if getattr(xs, "mask", False) is not False:
            raise ValueError(f"{name} has no rule for the masked elements of an array; use its `filled`")
        return list(xs.flat)
    except TypeError:
        raise TypeError(
            f"{name} takes an iterable of numbers in an order, such as a list, got {xs!r} of type {type(xs).__name__}"
        ) from None


def _at_least_one(name: str, xs: Any) -> list[Any]:
    operands = _operands(name, xs)
    if not operands:
        raise ValueError(f"{name} takes at least one number, got none")
    return operands
