"""Formulas and partials of single operations as text, in any language that has a table of spellings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import ops
from ...operation import FLOATS, NumberSystem
from .scalars import Expression, applied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...ops import Operation
    from .expressions import Language
    from .scalars import Term


def _left(operation: Operation) -> Callable[..., Written]:
    return lambda x, y: x.system.apply(operation, x, y)


def _right(operation: Operation) -> Callable[..., Written]:
    return lambda y, x: y.system.apply(operation, x, y)


class Written:
    """A number inside a formula, as a term."""

    __slots__ = ("system", "term")

    def __init__(self, system: Writing, term: Term) -> None:
        self.system = system
        self.term = term

    def __str__(self) -> str:
        return self.system.language.text(self.term)

    __add__, __radd__ = _left(ops.add), _right(ops.add)
    __sub__, __rsub__ = _left(ops.sub), _right(ops.sub)
    __mul__, __rmul__ = _left(ops.mul), _right(ops.mul)
    __truediv__, __rtruediv__ = _left(ops.div), _right(ops.div)
    __pow__, __rpow__ = _left(ops.pow), _right(ops.pow)

    def __neg__(self) -> Written:
        return self.system.apply(ops.neg, self)

    def __abs__(self) -> Written:
        return self.system.apply(ops.abs, self)

    def __eq__(self, other: object) -> bool:
        raise TypeError(
            "a formula in text has no numbers to compare; write it with the functions of m, such as m.where"
        )

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return self == 0.0


class Writing(NumberSystem[Written]):
    """The `m` of formulas that become text: each step is a larger term.

    >>> from autograd import ops
    >>> from autograd.compiler.engines.javascript import JAVASCRIPT
    >>> m = Writing(JAVASCRIPT)
    >>> x, y = m.named("x"), m.named("y")
    >>> print(m.evaluate(ops.silu, [x]))
    x * sigmoid(x)
    >>> [str(partial) for partial in m.partials(ops.tanh, y, [x])]
    ['sech(x) * sech(x)']
    """

    def __init__(self, language: Language) -> None:
        self.language = language

    def named(self, name: str) -> Written:
        """A variable, or anything else that stands for itself in the language."""
        return Written(self, name)

    def number(self, x: float) -> Written:
        """A number."""
        return Written(self, float(x))

    def apply(self, operation: Operation, *operands: Written | float) -> Written:
        """An operation that the language has; the formula of any other. What is known beforehand becomes a number."""
        terms = tuple([each.term if isinstance(each, Written) else float(each) for each in operands])
        numbers = [term for term in terms if isinstance(term, float)]
        if len(numbers) == len(terms):
            return Written(self, FLOATS.evaluate(operation, numbers))
        if operation is ops.mul and 1.0 in numbers:
            return Written(self, terms[1] if terms[0] == 1.0 else terms[0])
        if operation in self.language.spellings:
            return Written(self, applied(operation, terms))
        result = self.evaluate(operation, operands)
        return result if isinstance(result, Written) else self.number(result)

    def softmax(self, xs: Sequence[Written | float]) -> list[Written]:
        """The shares of all operands."""
        terms = tuple([each.term if isinstance(each, Written) else float(each) for each in xs])
        shares = applied("softmaxes", terms)
        return [Written(self, Expression("pick", (shares, i))) for i in range(len(xs))]
