"""The number system of the truth: real numbers of hundreds of bits, on which formulas are evaluated again."""

from __future__ import annotations

from .. import ops

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from ..ops import Operation

# Beyond 2 to the power of this, numbers count as infinite for exp, and as having no angle for sin: the digits that one
# of these would need for an exact result do not fit into memory.
_LARGEST_EXPONENT = 5000
# So many exponentials are remembered: logsumexp is evaluated again and again with all operands but one the same.
_MOST_EXPONENTIALS = 10_000
# Beyond 2 to the power of this, erf counts as flat; exp(-x**2) has billions of zeros there.
_FLAT_EXPONENT = 16


class NotReplayableError(Exception):
    """A formula does something that only floats can do, such as calling `math.exp` instead of `m.exp`."""


def _stays_real(name: str) -> Callable[[Precise, Any], Any]:
    def function(self: Precise, x: Any) -> Any:
        return self.real(getattr(self.context, name)(x))

    return function


class Precise:
    """Real arithmetic with any number of bits, under the names that `ops.FLOATS` has.

    Nothing overflows or underflows. What is not a real number, such as log(-1), is nan.

    Attributes:
        context: an mpmath context of its own, so that nobody else's precision matters or changes.

    Raises:
        ImportError: mpmath is not installed.
    """

    def __init__(self) -> None:
        try:
            from mpmath.ctx_mp import MPContext  # only here: checking alone needs it, and it takes long to import
        except ImportError as error:
            raise ImportError(
                "gradcheck computes true derivatives with mpmath, which is not installed; "
                'install it with: pip install "chainrule[check]"'
            ) from error
        self.context: Any = MPContext()
        self.nan = self.context.nan
        self.inf = self.context.inf
        self.context.mpf.__float__ = _refuse
        self._exponentials: dict[Any, Any] = {}

    @property
    def bits(self) -> int:
        """How many bits results have from now on."""
        bits: int = self.context.prec
        return bits

    @bits.setter
    def bits(self, bits: int) -> None:
        self.context.prec = bits

    def number(self, x: float) -> Any:
        """The same number in this number system."""
        return self.context.mpf(x)

    def float(self, x: Any) -> float:
        """The nearest float; an infinity beyond the largest one."""
        from mpmath.libmp import to_float  # loaded with the context already

        nearest: float = to_float(x._mpf_, rnd="n")
        return nearest

    def is_finite(self, x: Any) -> bool:
        """Whether the number is neither infinite nor nan."""
        return bool(self.context.isfinite(x))

    def exponent(self, x: Any) -> int:
        """About the logarithm of the number to base 2; 0 for 0, infinities and nan."""
        return int(self.context.mag(x)) if x and self.is_finite(x) else 0

    def real(self, x: Any) -> Any:
        """The number as a number of this system, nan if it is complex."""
        if isinstance(x, self.context.mpf):
            return x
        if isinstance(x, (int, float)):
            return self.number(x)
        if isinstance(x, (complex, self.context.mpc)):
            return self.nan
        raise NotReplayableError(f"the formula gave {x!r} of type {type(x).__name__}")

    def evaluate(self, operation: Operation, operands: Iterable[Any]) -> Any:
        """The operation's formula on numbers of this system.

        Raises:
            NotReplayableError: the formula works on floats only.
        """
        try:
            return self.real(operation.formula(self, *operands))
        except (ArithmeticError, ValueError):
            return self.nan
        except NotReplayableError:
            raise
        except Exception as error:  # a formula may do anything with its operands
            raise NotReplayableError(f"the formula of {operation.name!r} works on floats only: {error}") from error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The rows of the table that are no primitives of the arithmetic."""
        operation = ops.TABLE.get(name) or ops.CUSTOM.get(name)
        if operation is None:
            raise AttributeError(f"there is no function {name!r} of numbers")
        return lambda *operands: self.evaluate(operation, operands)

    log = _stays_real("log")
    log1p = _stays_real("log1p")
    sqrt = _stays_real("sqrt")
    arcsin = _stays_real("asin")
    arccos = _stays_real("acos")
    arctan = _stays_real("atan")

    def sin(self, x: Any) -> Any:  # noqa: D102  # the names of `arithmetic`, with the same meaning
        return self.context.sin(x) if self._has_an_angle(x) else self.nan

    def cos(self, x: Any) -> Any:  # noqa: D102
        return self.context.cos(x) if self._has_an_angle(x) else self.nan

    def tan(self, x: Any) -> Any:  # noqa: D102
        return self.context.tan(x) if self._has_an_angle(x) else self.nan

    def _has_an_angle(self, x: Any) -> bool:
        return self.is_finite(x) and self.exponent(x) < _LARGEST_EXPONENT

    def exp(self, x: Any) -> Any:  # noqa: D102
        if self.exponent(x) >= _LARGEST_EXPONENT:
            return self.inf if x > 0 else self.number(0)
        key = self.context.prec, x._mpf_
        known = self._exponentials.get(key)
        if known is None:
            known = self._exponentials[key] = self.context.exp(x)
            if len(self._exponentials) > _MOST_EXPONENTIALS:
                self._exponentials.clear()
        return known

    def expm1(self, x: Any) -> Any:  # noqa: D102
        return self.context.expm1(x) if self.exponent(x) < 0 else self.exp(x) - 1

    def sinh(self, x: Any) -> Any:  # noqa: D102
        return self.context.sinh(x) if self.exponent(x) < 0 else (self.exp(x) - self.exp(-x)) / 2

    def cosh(self, x: Any) -> Any:  # noqa: D102
        return (self.exp(x) + self.exp(-x)) / 2

    def sech(self, x: Any) -> Any:  # noqa: D102
        return 1 / self.cosh(x)

    def tanh(self, x: Any) -> Any:  # noqa: D102
        shrunk = self.expm1(-2 * self.abs(x))
        return -self.sign(x) * shrunk / (2 + shrunk)

    def sigmoid(self, x: Any) -> Any:  # noqa: D102
        e = self.exp(-self.abs(x))
        return (1 if x >= 0 else e) / (1 + e)

    def gaussian(self, x: Any) -> Any:  # noqa: D102
        return self.exp(-x * x / 2)

    def normal_cdf(self, x: Any) -> Any:  # noqa: D102
        return self.erfc(-x / self.context.sqrt(2)) / 2

    def erf(self, x: Any) -> Any:  # noqa: D102
        return 1 - self.erfc(x) if self.exponent(x) > _FLAT_EXPONENT else self.context.erf(x)

    def erfc(self, x: Any) -> Any:  # noqa: D102
        if self.exponent(x) > _FLAT_EXPONENT:
            return self.number(0 if x > 0 else 2)
        return self.context.erfc(x)

    def divide(self, x: Any, y: Any) -> Any:  # noqa: D102
        if y != 0:
            return self.number(x) / y
        return self.nan if x == 0 or x != x else self.sign(x) * self.inf

    def pow(self, x: Any, y: Any) -> Any:  # noqa: D102
        x, y = self.number(x), self.number(y)
        if x == 0:
            return self.number(y == 0) if y >= 0 else self.inf
        if y == self.context.floor(y):
            return x ** int(y) if self.exponent(y) < 64 else self.real(x**y)
        return self.exp(y * self.log(x)) if x > 0 else self.nan

    def one_minus_square(self, x: Any) -> Any:  # noqa: D102
        return (1 - x) * (1 + x)

    def hypot(self, x: Any, y: Any) -> Any:  # noqa: D102
        return self.context.hypot(x, y)

    def direction(self, x: Any, y: Any) -> Any:  # noqa: D102
        return self.divide(x, self.hypot(x, y))

    def arctan2(self, y: Any, x: Any) -> Any:  # noqa: D102
        return self.context.atan2(y, x)

    def abs(self, x: Any) -> Any:  # noqa: D102
        return self.context.fabs(x)

    def sign(self, x: Any) -> Any:  # noqa: D102
        return self.number((x > 0) - (x < 0)) if x == x else self.nan

    def maximum(self, x: Any, y: Any) -> Any:  # noqa: D102
        return self.number(x if x > y or x != x else y)

    def minimum(self, x: Any, y: Any) -> Any:  # noqa: D102
        return self.number(x if x < y or x != x else y)

    def where(self, condition: Any, x: Any, y: Any) -> Any:  # noqa: D102
        return self.number(x if condition else y)

    def step(self, x: Any, threshold: Any, tie: Any) -> Any:  # noqa: D102
        return self.number(tie if x == threshold else x > threshold) if x == x and threshold == threshold else self.nan

    def sum(self, xs: Iterable[Any]) -> Any:  # noqa: D102
        return self.context.fsum(xs)

    def mean(self, xs: Sequence[Any]) -> Any:  # noqa: D102
        return self.divide(self.sum(xs), len(xs))

    def prod(self, xs: Iterable[Any]) -> Any:  # noqa: D102
        return self.context.fprod(xs)

    def dot(self, xs: Sequence[Any], ys: Sequence[Any]) -> Any:  # noqa: D102
        return self.context.fdot(xs, ys)

    def largest(self, xs: Sequence[Any]) -> Any:  # noqa: D102
        return self.nan if any(x != x for x in xs) else max(map(self.number, xs))

    def smallest(self, xs: Sequence[Any]) -> Any:  # noqa: D102
        return -self.largest([-x for x in xs])

    def logaddexp(self, x: Any, y: Any) -> Any:  # noqa: D102
        return self.logsumexp((x, y))

    def logsumexp(self, xs: Sequence[Any]) -> Any:  # noqa: D102
        if not xs:
            return -self.inf
        top = self.largest(xs)
        if not self.is_finite(top):
            return top
        others = sorted(map(self.number, xs))[:-1]
        return top + self.context.log1p(self.sum([self.exp(x - top) for x in others]))

    def softmaxes(self, xs: Sequence[Any]) -> list[Any]:  # noqa: D102
        top = self.largest(xs)
        weights = [self.exp(x - top) for x in xs]
        total = self.sum(weights)
        return [weight / total for weight in weights]


Precise.div, Precise.max, Precise.min, Precise.softmax = (  # type: ignore  # TRANSITION
    Precise.divide,
    Precise.largest,
    Precise.smallest,
    Precise.softmaxes,
)


def _refuse(number: Any) -> float:
    raise NotReplayableError("the formula turns its operand into a float; use the functions of m, such as m.exp")
