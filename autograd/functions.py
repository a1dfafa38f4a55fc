"""The operations as functions, and `operation`, which makes your own.

Every function takes Values or plain numbers: it records an operation if a Value is among its operands, and gives a
float otherwise. All are accurate to a few units in the last place, in value, first and second derivative, and follow
IEEE 754: overflow is inf, undefined is nan, nothing raises. At a kink the derivative is PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

from . import ops
from .operation import ANYWHERE, CUSTOM, FLOATS, Operation
from .structures import is_array
from .value import Value, apply, apply_in_turn, unless_usual

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeVar

    from .operation import Interval
    from .value import Operand

    T = TypeVar("T", Value, float)

    class OfOne(Protocol):
        """A function of one operand: a Value for a Value, a float for a number."""

        def __call__(self, x: T, /) -> T: ...  # noqa: D102


def _of_one(row: Operation, doc: str) -> OfOne:
    """The function of a row of one operand."""

    def function(x: Operand) -> Any:
        return apply(row, x)

    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = doc
    return function


exp = _of_one(ops.exp, "e to the power x.")
log = _of_one(ops.log, "The natural logarithm: -inf at 0, nan below.")
log1p = _of_one(ops.log1p, "log(1 + x), exact for small x.")
expm1 = _of_one(ops.expm1, "e**x - 1, exact for small x.")
exp2 = _of_one(ops.exp2, "2 to the power x.")
log2 = _of_one(ops.log2, "The logarithm to base 2: -inf at 0, nan below.")
log10 = _of_one(ops.log10, "The logarithm to base 10: -inf at 0, nan below.")
cbrt = _of_one(ops.cbrt, "The cube root, negative for negative x.")
sqrt = _of_one(ops.sqrt, "The square root; nan below 0.")
square = _of_one(ops.square, "x times x.")
reciprocal = _of_one(ops.reciprocal, "1 / x.")
sin = _of_one(ops.sin, "The sine of x in radians.")
cos = _of_one(ops.cos, "The cosine of x in radians.")
tan = _of_one(ops.tan, "The tangent of x in radians.")
arcsin = _of_one(ops.arcsin, "The angle in [-pi/2, pi/2] whose sine is x; nan outside [-1, 1].")
arccos = _of_one(ops.arccos, "The angle in [0, pi] whose cosine is x; nan outside [-1, 1].")
arctan = _of_one(ops.arctan, "The angle in [-pi/2, pi/2] whose tangent is x.")
sinh = _of_one(ops.sinh, "The hyperbolic sine.")
cosh = _of_one(ops.cosh, "The hyperbolic cosine.")
tanh = _of_one(ops.tanh, "The hyperbolic tangent.")
arcsinh = _of_one(ops.arcsinh, "The number whose hyperbolic sine is x.")
arccosh = _of_one(ops.arccosh, "The number from 0 on whose hyperbolic cosine is x; nan below 1.")
arctanh = _of_one(ops.arctanh, "The number whose hyperbolic tangent is x; infinite at 1 and -1, nan outside.")
sigmoid = _of_one(ops.sigmoid, "1 / (1 + e**-x), the logistic function.")
softplus = _of_one(ops.softplus, "log(1 + e**x), the lectures' activation function; its derivative is the sigmoid.")
relu = _of_one(ops.relu, "max(x, 0). The derivative at 0 is 0; nan stays nan, in the derivative too.")
silu = _of_one(ops.silu, "x * sigmoid(x), also called swish (Elfwing et al. 2017).")
gelu = _of_one(
    ops.gelu,
    "x times the standard normal distribution function of x: the exact form, not the tanh one (Hendrycks 2016).",
)
erf = _of_one(ops.erf, "The error function, 2 / sqrt(pi) times the integral of e**(-t**2) from 0 to x.")
abs = _of_one(ops.abs, "The absolute value. The derivative at 0 is 0.")
sign = _of_one(ops.sign, "-1, 0 or 1; nan at nan. The derivative is 0 everywhere.")
floor = _of_one(ops.floor, "The largest whole number that is not above x. The derivative is 0 everywhere.")
ceil = _of_one(ops.ceil, "The smallest whole number that is not below x. The derivative is 0 everywhere.")
rint = _of_one(ops.rint, "The nearest whole number; halves go to the even one. The derivative is 0 everywhere.")
trunc = _of_one(ops.trunc, "The whole number next to x towards 0. The derivative is 0 everywhere.")


def leaky_relu(x: T, negative_slope: Operand = 0.01) -> T:
    """x above 0, negative_slope * x below. The slope may be a Value that is trained (PReLU, He et al. 2015)."""
    return apply(ops.leaky_relu, x, *unless_usual(negative_slope, 0.01))  # type: ignore[no-any-return]


def elu(x: T, alpha: Operand = 1.0) -> T:
    """x above 0, alpha * (e**x - 1) below (Clevert et al. 2015)."""
    return apply(ops.elu, x, *unless_usual(alpha, 1.0))  # type: ignore[no-any-return]


def maximum(x: Operand, y: Operand) -> Any:
    """The larger of two; nan if either is nan. Equal ones share the derivative, 1/2 each."""
    return apply(ops.maximum, x, y)


def minimum(x: Operand, y: Operand) -> Any:
    """The smaller of two; nan if either is nan. Equal ones share the derivative, 1/2 each."""
    return apply(ops.minimum, x, y)


def logaddexp(x: Operand, y: Operand) -> Any:
    """log(e**x + e**y), without overflow."""
    return apply(ops.logaddexp, x, y)


def arctan2(y: Operand, x: Operand) -> Any:
    """The angle of the point (x, y) in (-pi, pi]. Mind the order of the operands, which is NumPy's."""
    return apply(ops.arctan2, y, x)


def hypot(x: Operand, y: Operand) -> Any:
    """sqrt(x**2 + y**2), without overflow."""
    return apply(ops.hypot, x, y)


def mod(x: Operand, y: Operand) -> Any:
    """The rest of x / y, with the sign of y, as `x % y`. The derivative by y is minus the quotient's whole part."""
    return apply(ops.mod, x, y)


def where(c: Operand, a: Operand, b: Operand) -> Any:
    """a if the condition is true, otherwise b.

    Args:
        c: the condition, a bool, number or Value, true if not 0. It receives no gradient. A comparison of Values is a
            bool: it is decided now. A Value is decided anew by `compile`d programs, such as `relu(x)` for `x > 0` and
            `relu(x - y)` for `x > y`.
        a: the choice where it is true.
        b: the choice where it is false.

    >>> from autograd import Value, compile, relu, where
    >>> x = Value(3.0)
    >>> compile(where(relu(x), x, -2 * x), inputs=[x])([3.0, -3.0]).tolist()
    [3.0, 6.0]
    >>> compile(where(x > 0, x, -2 * x), inputs=[x])([3.0, -3.0]).tolist()  # it was above 0
    [3.0, -3.0]
    """
    if type(c).__name__ in ("bool", "bool_") and not isinstance(c, Real):
        c = bool(c)  # NumPy's own booleans are not numbers
    return apply(ops.where, c, a, b)


def clip(x: Operand, lo: Operand | None, hi: Operand | None) -> Any:
    """x, but lo if x is below and hi if x is above. At the bounds the derivative is 1.

    Args:
        x: what to limit.
        lo: the lower bound; None is none.
        hi: the upper bound; None is none.
    """
    return apply(ops.clip, x, -math.inf if lo is None else lo, math.inf if hi is None else hi)


def sum(xs: Iterable[Operand]) -> Any:
    """The sum of any number of operands as one node, rounded once; 0.0 for none."""
    return apply(ops.sum, *_operands("sum", xs))


def mean(xs: Iterable[Operand]) -> Any:
    """The arithmetic mean of any number of operands; nan for none."""
    return apply(ops.mean, *_operands("mean", xs))


def prod(xs: Iterable[Operand]) -> Any:
    """The product of any number of operands; 1.0 for none. Its derivatives are exact at zeros too."""
    return apply(ops.prod, *_operands("prod", xs))


def dot(xs: Iterable[Operand], ys: Iterable[Operand]) -> Any:
    """The sum of the products of two sequences, as one node whose parents are all of xs, then all of ys.

    Raises:
        ValueError: the sequences differ in length.
    """
    left, right = _operands("dot", xs), _operands("dot", ys)
    if len(left) != len(right):
        raise ValueError(f"dot takes two sequences of equal length, got {len(left)} and {len(right)} numbers")
    return apply(ops.dot, *left, *right)


def logsumexp(xs: Iterable[Operand]) -> Any:
    """log(e**x1 + e**x2 + ...) as one node, without overflow; -inf for no operands. Its gradient is the softmax."""
    return apply(ops.logsumexp, *_operands("logsumexp", xs))


def max(xs: Iterable[Operand]) -> Any:
    """The largest operand; nan if any is nan. Equal largest ones share the derivative.

    Raises:
        ValueError: there is none.
    """
    return apply(ops.max, *_at_least_one("max", xs))


def min(xs: Iterable[Operand]) -> Any:
    """The smallest operand; nan if any is nan. Equal smallest ones share the derivative.

    Raises:
        ValueError: there is none.
    """
    return apply(ops.min, *_at_least_one("min", xs))


def softmax(xs: Iterable[Operand]) -> Any:
    """e**x / (e**x1 + e**x2 + ...) for each x: positive numbers that add up to 1, each one a node.

    dp_i/dx_i is p_i (1 - p_i), dp_i/dx_j is -p_i p_j; both keep all digits when a p comes close to 1.

    Raises:
        ValueError: there is no x.
    """
    return apply_in_turn(ops.softmax, _at_least_one("softmax", xs), FLOATS.softmax)


# Their elements are no numbers, or in no order.
_NO_SEQUENCES = (str, bytes, bytearray, memoryview, set, frozenset, dict)


def _operands(name: str, xs: Any) -> list[Any]:
    if type(xs) is list or type(xs) is tuple:  # as nearly always
        return list(xs)
    try:
        if isinstance(xs, _NO_SEQUENCES):
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


def operation(
    name: str,
    formula: Callable[..., Any],
    partials: Callable[..., Sequence[Any]],
    *,
    symbol: str | None = None,
    latex: str | None = None,
    kinks: Callable[..., Sequence[float]] | Sequence[float] | None = None,
    domain: Sequence[Any] | None = None,
) -> Callable[..., Any]:
    """Makes an operation of your own: it draws, checks, compiles and differentiates twice like the built-in ones.

    Args:
        name: what `Value.op`, drawings and error messages call it.
        formula: `formula(m, *operands)` gives the result. `m` is the number system in use: its `exp`, `log`, `where`
            and all the other functions of this module work on floats, Values or arrays, whichever the operands are.
        partials: `partials(m, y, *operands)` gives a tuple with one derivative of the result `y` for each operand, or
            None for an operand that has none. Write it with `m`, not `math` or `numpy`: then it can be differentiated
            again.
        symbol: what a small node of a drawing shows; the name if left out.
        latex: a template in which `{0}` and `{1}` stand for the operands, `{all}` for all of them.
        kinks: where the derivative jumps: points of an operation of one operand, or a function of the operands whose
            results vanish there.
        domain: an interval `(low, high)` to draw the operands from in tests, or one for each operand.

    Returns:
        A function of Values or numbers. Its attribute `operation` is the row of the table.

    Raises:
        TypeError: a name that is not a string, a formula that is no function of operands, partials that are no tuple.
        ValueError: the number of partials is not the number of operands.

    >>> from autograd import Value, operation
    >>> cube = operation("cube", lambda m, x: x * x * x, lambda m, y, x: (3 * x * x,))
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, x.grad, y.op
    (8.0, 12.0, 'cube')
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"operation: the name must be a string that is not empty, got {name!r}")
    for role, function in (("formula", formula), ("partials", partials)):
        if not callable(function):
            raise TypeError(f"operation {name!r}: {role} must be a function, got {function!r}")
    row = Operation(
        name,
        formula,
        partials,
        symbol=symbol,
        latex=latex,
        kinks=_kink_function(kinks),
        domain=_intervals(domain),
    )
    checked: set[int] = set()
    if row.arity == 0:
        raise TypeError(f"operation {name!r}: its functions begin with the number system, as in lambda m, x: x * x")
    _check_texts(row)
    if row.arity is not None:
        _check_partials(row, row.arity)
        checked.add(row.arity)
    CUSTOM[name] = row

    def function_of_operands(*operands: Operand) -> Any:
        if row.arity is not None and len(operands) != row.arity:
            raise TypeError(f"{name} takes {row.arity} operands, got {len(operands)}")
        if len(operands) not in checked:
            _check_partials(row, len(operands))
            checked.add(len(operands))
        return apply(row, *operands)

    function_of_operands.__name__ = function_of_operands.__qualname__ = name
    function_of_operands.operation = row  # type: ignore[attr-defined]
    return function_of_operands


def _kink_function(kinks: Callable[..., Sequence[float]] | Sequence[float] | None) -> Callable[..., Any] | None:
    if kinks is None or callable(kinks):
        return kinks
    points = tuple(kinks) if isinstance(kinks, Iterable) else (kinks,)
    if isinstance(kinks, _NO_SEQUENCES) or not all(isinstance(point, Real) for point in points):
        raise TypeError(f"operation: kinks must be numbers, or a function of the operands; got {kinks!r}")
    return lambda x: [x - point for point in points]


def _intervals(domain: Sequence[Any] | None) -> Sequence[Interval]:
    if domain is None:
        return (ANYWHERE,)
    try:
        if isinstance(domain, _NO_SEQUENCES):
            raise TypeError
        intervals = (domain,) if all(isinstance(bound, Real) for bound in domain) else domain
        pairs = tuple((float(low), float(high)) for low, high in intervals)
    except (TypeError, ValueError):
        pairs = ()
    if not pairs or not all(low < high for low, high in pairs):
        raise ValueError(f"operation: domain must be an interval (low, high), or one for each operand; got {domain!r}")
    return pairs


def _check_texts(row: Operation) -> None:
    """Fills the template in once, so that a field too many is known before somebody draws."""
    for role, text in (("symbol", row.symbol), ("latex", row.latex)):
        if not isinstance(text, str):
            raise TypeError(
                f"operation {row.name!r}: {role} must be a string, got {text!r} of type {type(text).__name__}"
            )
    operands = ["x"] * (row.arity or 8)
    try:
        row.latex.format(*operands, all="x")
    except (IndexError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(
            f"operation {row.name!r}: latex must be a template for {row.arity or 'any number of'} operands, in which "
            f"{{0}}, {{1}} ... or {{all}} stand for them and braces of LaTeX are doubled; got {row.latex!r} ({error})"
        ) from None


def _check_partials(row: Operation, number: int) -> None:
    """Tries the partials at a point of the domain, so that a wrong number of them is known before `backward`."""
    intervals = [row.domain[i if i < len(row.domain) else -1] for i in range(number)]
    point = [low + 0.6 * (high - low) for low, high in intervals]
    try:
        partials = FLOATS.partials(row, FLOATS.evaluate(row, point), point)
    except (TypeError, NameError, AttributeError):
        raise  # a slip of the pen, wherever the point
    except Exception:
        return  # the formula may refuse this point, which it was not made for
    if not isinstance(partials, (tuple, list)):
        raise TypeError(
            f"operation {row.name!r}: partials must return a tuple with one derivative for each operand, "
            f"got {partials!r}; a tuple of one is written (derivative,)"
        )
    if len(partials) != number:
        raise ValueError(
            f"operation {row.name!r}: partials must return one derivative for each of {number} operands, "
            f"got {len(partials)}"
        )
    for partial in partials:
        if partial is not None and not isinstance(partial, Real):
            raise TypeError(f"operation {row.name!r}: partials must be real numbers or None, got {partial!r}")
