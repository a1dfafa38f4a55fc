"""Expressions as text, in any language that has a table of spellings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ... import ops
from .scalars import Expression, Row, Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..ir import Action
    from .scalars import Term

CONDITION, SUM, PRODUCT, ATOM = range(4)
"""How tightly an expression binds, which tells where it needs parentheses."""


class Spelling(NamedTuple):
    """How an operation is written.

    Attributes:
        text: with {0}, {1} for its operands; for functions with {all}, for all of them with commas between.
        binding: how tightly it binds.
        operands: how tightly its operands must bind; empty for functions.
    """

    text: str
    binding: int = ATOM
    operands: tuple[int, ...] = ()


OPERATORS: dict[Action, Spelling] = {
    ops.add: Spelling("{0} + {1}", SUM, (SUM, PRODUCT)),  # from left to right: the right operand stays apart
    ops.sub: Spelling("{0} - {1}", SUM, (SUM, PRODUCT)),
    ops.mul: Spelling("{0} * {1}", PRODUCT, (PRODUCT, ATOM)),
    ops.neg: Spelling("-{0}", PRODUCT, (ATOM,)),
}
"""What all languages write alike. Not all of them divide by 0."""


class Language(NamedTuple):
    """What expressions look like in one language.

    Attributes:
        spellings: of operations, and of the words that `scalars` uses.
        number: writes a number.
        variable: writes an element of an array, or the name of a number.
        row: writes a row of an array, if the language has rows.
    """

    spellings: Mapping[Action, Spelling]
    number: Callable[[float], str]
    variable: Callable[[Variable], str]
    row: Callable[[Row], str] | None = None

    def text(self, term: Term, binding: int = CONDITION) -> str:
        """A term, in parentheses where it does not bind as tightly as it must."""
        if isinstance(term, Expression):
            text, binds, needed = self.spellings[term.does]
            if needed:
                operands = [self.text(operand, least) for operand, least in zip(term.operands, needed, strict=True)]
                text = text.format(*operands)
            else:
                text = text.format(all=", ".join([self.text(operand) for operand in term.operands]))
        elif isinstance(term, str):
            return term
        elif isinstance(term, Variable):
            return self.variable(term)
        elif isinstance(term, Row):
            assert self.row is not None
            return self.row(term)
        else:
            text = self.number(term)
            binds = PRODUCT if text[0] == "-" else ATOM
        return text if binds >= binding else f"({text})"
