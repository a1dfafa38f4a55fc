"""Writes statements about elements of arrays in languages with the syntax of C."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .nests import RowCall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .expressions import Language
    from .fusion import Block
    from .nests import Loop
    from .scalars import Variable

_INDICES = "ijklmnopq"


class Syntax(NamedTuple):
    """How a language writes statements.

    Attributes:
        language: how it writes expressions.
        loop: the head of a loop from 0, with {i} for its index and {length}.
        constant: the definition of a number, with {name} and {value}.
        start: the definition of a number that others are added to, with {name}.
        row_call: writes the call of a function of rows.
        indent: how many columns the lines inside of a loop stand further right.
    """

    language: Language
    loop: str
    constant: str
    start: str
    row_call: Callable[[RowCall], str]
    indent: int = 4

    def lines(self, blocks: Sequence[Block]) -> list[str]:
        """What is done, as text."""
        return [line for each in blocks for line in self._block(each)]

    def indented(self, lines: Sequence[str]) -> list[str]:
        """The lines inside of a function or a loop."""
        return [f"{' ' * self.indent}{line}" for line in lines]

    def sums(self, names: Sequence[str]) -> list[str]:
        """Numbers that others are added to."""
        return [self.start.format(name=name) for name in names]

    def _block(self, block: Block) -> list[str]:
        if isinstance(block, RowCall):
            return self._loops(block.lengths, 0, [self.row_call(block)])
        body = [line for number, loop in enumerate(block.loops) for line in self._body(loop, f"total{number or ''}")]
        return [*self.sums(block.sums), *self._loops(block.lengths, 0, body)]

    def _loops(self, lengths: Sequence[int], first: int, body: list[str]) -> list[str]:
        for number in reversed(range(len(lengths))):
            head = self.loop.format(i=_INDICES[first + number], length=lengths[number])
            body = [head, *self.indented(body), "}"]
        return body

    def _body(self, loop: Loop, total: str) -> list[str]:
        """What computes one element, from a sum under the given name if it is one."""
        text = self.language.text
        target, is_new = text(loop.target), loop.target.element is None and not loop.adds
        if not loop.sums:
            return [self._assigned(target, text(loop.term), is_new, loop.adds)]
        outer = len(loop.lengths) - loop.sums
        name = total if outer and not is_new else target  # outside of loops the name could be taken
        is_named = is_new or name != target
        before = [self.start.format(name=name)] if is_named else [] if loop.adds else [f"{name} = {text(0.0)};"]
        adding = self._loops(loop.lengths[outer:], outer, [f"{name} += {text(loop.term)};"])
        after = [self._assigned(target, name, False, loop.adds)] if name != target else []
        return [*before, *adding, *after]

    def _assigned(self, target: str, value: str, is_new: bool, adds: bool) -> str:
        if is_new:
            return self.constant.format(name=target, value=value)
        return f"{target} {'+=' if adds else '='} {value};"


def element_text(variable: Variable) -> str:
    """An element of an array, a plain number, or an array."""
    if variable.element is None:
        return variable.array
    index = index_text(variable)
    return f"{variable.array}[{f'{variable.table}[{index}]' if variable.table else index}]"


def index_text(variable: Variable) -> str:
    """The number of an element, from the indices of the loops."""
    steps = [(stride, _INDICES[axis]) for axis, stride in enumerate(variable.strides) if stride]
    grows = [index if stride == 1 else f"{stride} * {index}" for stride, index in steps if stride > 0]
    if variable.element or not grows:
        grows.append(str(variable.element))
    falls = [index if stride == -1 else f"{-stride} * {index}" for stride, index in steps if stride < 0]
    return " - ".join([" + ".join(grows), *falls])
