"""The number system of the truth: real numbers of hundreds of bits, on which formulas are evaluated again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ..extras import missing_extra
from ..operation import NumberSystem, Operation

if TYPE_CHECKING:
    from mpmath import mpf as mpf
else:
    mpf = float  # mpmath is an extra

# Beyond 2 to the power of this, numbers count as infinite for exp, and as having no angle for sin: memory does not hold
# the digits of an exact result.
_LARGEST_EXPONENT = 5000
# This many exponentials are remembered: logsumexp is evaluated again and again with all operands but one the same.
_MOST_EXPONENTIALS = 10_000
# Beyond 2 to the power of this, erf counts as flat; exp(-x**2) has billions of zeros there.
_FLAT_EXPONENT = 16


class NotReplayableError(Exception):
    """A formula does something that only floats can do, such as calling `math.exp` instead of `m.exp`."""


class Precise(NumberSystem["mpf"]):
    """Real arithmetic with any number of bits.

    Nothing overflows or underflows. What is not a real number, such as log(-1), is nan.

    Attributes:
        context: an mpmath context of its own, so that nobody else's precision matters or changes; its `prec` is the
            number of bits that results have.

    Raises:
        ImportError: mpmath is not installed.
    """

    def __init__(self) -> None:
        try:
            from mpmath.ctx_mp import MPContext  # only here: checking alone needs it, and it takes long to import
        except ImportError as error:
            raise missing_extra("gradcheck computes true derivatives with mpmath, and", "check") from error
        self.context = context = MPContext()
        context.mpf.__float__ = _refuse
        self.nan, self.inf = context.nan, context.inf
        self._exp = lru_cache(_MOST_EXPONENTIALS)(lambda bits, number: context.exp(context.make_mpf(number)))
        self.hypot, self.arctan2, self.abs = context.hypot, context.atan2, context.fabs
        self.sum, self.prod, self.dot = context.fsum, context.fprod, context.fdot
        self.log, self.log1p, self.sqrt = map(self._staying_real, (context.log, context.log1p, context.sqrt))
        self.arcsin, self.arccos, self.arctan = map(self._staying_real, (context.asin, context.acos, context.atan))
        self.arcsinh, self.arccosh, self.arctanh = map(
            self._staying_real, (context.asinh, context.acosh, context.atanh)
        )
        self.floor, self.ceil, self.rint = map(self._rounding, (context.floor, context.ceil, context.nint))
        self.sin, self.cos, self.tan = map(self._of_angle, (context.sin, context.cos, context.tan))

    def number(self, x: float | mpf) -> mpf:
        """The same number in this number system."""
        return self.context.mpf(x)

    def float(self, x: mpf) -> float:
        """The nearest float; an infinity beyond the largest one."""
        from mpmath.libmp import to_float  # loaded with the context already

        nearest: float = to_float(x._mpf_, rnd="n")
        return nearest

    def is_finite(self, x: mpf) -> bool:
        """Whether the number is neither infinite nor nan."""
        return bool(self.context.isfinite(x))

    def exponent(self, x: mpf) -> int:
        """About the logarithm of the number to base 2; 0 for 0, infinities and nan."""
        _, mantissa, exponent, bits = self.real(x)._mpf_
        return exponent + bits if mantissa else 0

    def real(self, x: object) -> mpf:
        """The number as a number of this system, nan if it is complex."""
        if isinstance(x, self.context.mpf):
            return x
        if isinstance(x, (int, float)):
            return self.number(x)
        if isinstance(x, (complex, self.context.mpc)):
            return self.nan
        raise NotReplayableError(f"the formula gave {x!r} of type {type(x).__name__}")

    def evaluate(self, operation: Operation, operands: Sequence[mpf]) -> mpf:
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

    def _staying_real(self, function: Callable[[mpf], mpf]) -> Callable[[mpf], mpf]:
        return lambda x: self.real(function(x))

    def _of_angle(self, function: Callable[[mpf], mpf]) -> Callable[[mpf], mpf]:
        return lambda x: function(x) if self.is_finite(x) and self.exponent(x) < _LARGEST_EXPONENT else self.nan

    def _rounding(self, function: Callable[[mpf], mpf]) -> Callable[[mpf], mpf]:
        return lambda x: function(x) if self.is_finite(x) else self.number(x)

    # The rows of the table as primitives

    def exp(self, x: mpf) -> mpf:
        if self.exponent(x) >= _LARGEST_EXPONENT:
            return self.inf if x > 0 else self.number(0)
        return self._exp(self.context.prec, x._mpf_)

    def expm1(self, x: mpf) -> mpf:
        return self.context.expm1(x) if self.exponent(x) < 0 else self.exp(x) - 1

    def exp2(self, x: mpf) -> mpf:
        return self.exp(x * self.context.ln2)

    def log2(self, x: mpf) -> mpf:
        return self.log(x) / self.context.ln2

    def log10(self, x: mpf) -> mpf:
        return self.log(x) / self.context.ln10

    def cbrt(self, x: mpf) -> mpf:
        return self.sign(x) * self.context.cbrt(self.abs(x)) if self.is_finite(x) else self.number(x)

    def trunc(self, x: mpf) -> mpf:
        return self.sign(x) * self.floor(self.abs(x))

    def mod(self, x: mpf, y: mpf) -> mpf:
        if not self.is_finite(x) or y == 0 or y != y:
            return self.nan
        if not self.is_finite(y):
            return self.number(x if x * y >= 0 else y)
        return x - self.floor(self.div(x, y)) * y

    def sinh(self, x: mpf) -> mpf:
        return self.context.sinh(x) if self.exponent(x) < 0 else (self.exp(x) - self.exp(-x)) / 2

    def cosh(self, x: mpf) -> mpf:
        return (self.exp(x) + self.exp(-x)) / 2

    def sech(self, x: mpf) -> mpf:
        return 1 / self.cosh(x)

    def tanh(self, x: mpf) -> mpf:
        shrunk = self.expm1(-2 * self.abs(x))
        return -self.sign(x) * shrunk / (2 + shrunk)

    def sigmoid(self, x: mpf) -> mpf:
        e = self.exp(-self.abs(x))
        return (1 if x >= 0 else e) / (1 + e)

    def gaussian(self, x: mpf) -> mpf:
        return self.exp(-x * x / 2)

    def normal_cdf(self, x: mpf) -> mpf:
        return self._erfc(-x / self.context.sqrt(2)) / 2

    def erf(self, x: mpf) -> mpf:
        return 1 - self._erfc(x) if self.exponent(x) > _FLAT_EXPONENT else self.context.erf(x)

    def _erfc(self, x: mpf) -> mpf:
        if self.exponent(x) > _FLAT_EXPONENT:
            return self.number(0 if x > 0 else 2)
        return self.context.erfc(x)

    def div(self, x: mpf, y: mpf) -> mpf:
        if y != 0:
            return self.number(x) / y
        return self.nan if x == 0 or x != x else self.sign(x) * self.inf

    def pow(self, x: mpf, y: mpf) -> mpf:
        x, y = self.number(x), self.number(y)
        if x == 0:
            return self.number(y == 0) if y >= 0 else self.inf
        if y == self.context.floor(y):
            return x ** int(y) if self.exponent(y) < 64 else self.real(x**y)
        return self.exp(y * self.log(x)) if x > 0 else self.nan

    def one_minus_square(self, x: mpf) -> mpf:
        return (1 - x) * (1 + x)

    def direction(self, x: mpf, y: mpf) -> mpf:
        return self.div(x, self.hypot(x, y))

    def sign(self, x: mpf) -> mpf:
        return self.number((x > 0) - (x < 0)) if x == x else self.nan

    def maximum(self, x: mpf, y: mpf) -> mpf:
        return self.number(x if x > y or x != x else y)

    def minimum(self, x: mpf, y: mpf) -> mpf:
        return self.number(x if x < y or x != x else y)

    def where(self, condition: mpf, x: mpf, y: mpf) -> mpf:
        return self.number(x if condition else y)

    def step(self, x: mpf, threshold: mpf, tie: mpf) -> mpf:
        return self.number(tie if x == threshold else x > threshold) if x == x and threshold == threshold else self.nan

    def mean(self, xs: Sequence[mpf]) -> mpf:
        return self.div(self.sum(xs), len(xs))

    def max(self, xs: Sequence[mpf]) -> mpf:
        return self.nan if any(x != x for x in xs) else max(map(self.number, xs))

    def min(self, xs: Sequence[mpf]) -> mpf:
        return -self.max([-x for x in xs])

    def logaddexp(self, x: mpf, y: mpf) -> mpf:
        return self.logsumexp((x, y))

    def logsumexp(self, xs: Sequence[mpf]) -> mpf:
        if not xs:
            return -self.inf
        top = self.max(xs)
        if not self.is_finite(top):
            return top
        others = sorted(map(self.number, xs))[:-1]
        return top + self.context.log1p(self.sum([self.exp(x - top) for x in others]))

    def softmax(self, xs: Sequence[mpf]) -> list[mpf]:
        top = self.max(xs)
        if top == self.inf and xs.count(top) == 1:
            return [self.number(x == top) for x in xs]
        weights = [self.exp(x - top) for x in xs]
        total = self.sum(weights)
        return [weight / total for weight in weights]


def _refuse(number: mpf) -> float:
    raise NotReplayableError("the formula turns its operand into a float; use the functions of m, such as m.exp")
