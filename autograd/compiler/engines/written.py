"""Formulas and partials of single operations as text, in any language that has a table of spellings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import ops
from ...operation import FLOATS, NumberSystem
from ..terms import OF_ALL, Operators
from .scalars import Expression, applied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...ops import Operation
    from .expressions import Language
    from .scalars import Term


class Written(Operators):
    """A number inside a formula, as a term."""

    __slots__ = ("system", "term")
    system: Writing

    def __init__(self, system: Writing, term: Term) -> None:
        self.system = system
        self.term = term

    def __str__(self) -> str:
        return self.system.language.text(self.term)


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
        shares = applied(OF_ALL[ops.softmax], terms)
        return [Written(self, Expression("pick", (shares, i))) for i in range(len(xs))]
