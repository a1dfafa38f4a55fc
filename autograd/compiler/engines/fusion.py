"""Merges loops that follow one another, so that elements which only the next statement reads need no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from .nests import Loop, RowCall, leaves, substituted, variables
from .scalars import Row, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .nests import Statement
    from .scalars import Term


class Nest(NamedTuple):
    """Loops of the same lengths as one: each index runs through all statements.

    Attributes:
        lengths: of the loops around the statements.
        loops: the statements.
        sums: the plain numbers that they add to, from 0.
    """

    lengths: tuple[int, ...]
    loops: tuple[Loop, ...]
    sums: tuple[str, ...] = ()


Block: TypeAlias = Nest | RowCall


def fused(stages: Sequence[Sequence[Statement]], sizes: dict[str, int]) -> list[list[Block]]:
    """The stages with loops merged. Arrays that have become plain numbers are removed from `sizes`."""
    blocks = [_merged(stage) for stage in stages]
    where: dict[str, set[int]] = {}
    for block in [each for stage in blocks for each in stage]:
        for variable in touched(block):
            where.setdefault(variable.array, set()).add(id(block))
    return [[_with_numbers(block, where, sizes) for block in stage] for stage in blocks]


def touched(block: Block) -> Iterator[Variable]:
    """The elements that are read or written."""
    if isinstance(block, RowCall):
        return variables([block.target, *block.operands])
    return variables([term for loop in block.loops for term in (loop.target, loop.term)])


def _merged(statements: Sequence[Statement]) -> list[Block]:
    blocks: list[Block] = []
    for statement in statements:
        if isinstance(statement, RowCall):
            blocks.append(statement)
            continue
        new = _alone(statement)
        last = blocks[-1] if blocks else None
        if isinstance(last, Nest) and new.lengths and last.lengths == new.lengths and _may_follow(new, last):
            blocks[-1] = Nest(last.lengths, last.loops + new.loops, last.sums + new.sums)
        else:
            blocks.append(new)
    return blocks


def _alone(loop: Loop) -> Nest:
    """A statement by itself. What adds up terms to a plain number does so like one that adds to an element."""
    if loop.sums == len(loop.lengths) and loop.target.element is None:
        sums = () if loop.adds or not loop.sums else (loop.target.array,)
        return Nest(loop.lengths, (loop._replace(sums=0, adds=loop.adds or bool(sums)),), sums)
    return Nest(loop.lengths[: len(loop.lengths) - loop.sums], (loop,))


def _may_follow(new: Nest, last: Nest) -> bool:
    """Whether each index of a loop may run right after the same index of others instead of after all of theirs.

    Arrays are read after all that computes them, so what it writes matters to nobody before it.
    """
    [loop] = new.loops
    reads, target = _reads(loop), _outer(loop)
    for each in last.loops:
        written = _outer(each)
        if any(element.array == written.array and (each.adds or element != written) for element in reads):
            return False
        if written.array == target.array and not (loop.adds and each.adds):
            return False
    return True


def _outer(loop: Loop) -> Variable:
    """The element that a loop computes, by the indices around the statement."""
    return loop.target._replace(strides=loop.target.strides[: len(loop.lengths) - loop.sums])


def _reads(loop: Loop) -> set[Variable]:
    """What a loop reads, by the indices around the statement where these suffice; of rows only the arrays' names."""
    outer = len(loop.lengths) - loop.sums
    read = set()
    for each in leaves([loop.term]):
        if isinstance(each, Variable):
            read.add(each if any(each.strides[outer:]) else each._replace(strides=each.strides[:outer]))
        elif isinstance(each, Row):
            read.add(Variable(each.first.array))
    return read


def _with_numbers(block: Block, where: dict[str, set[int]], sizes: dict[str, int]) -> Block:
    """The block with plain numbers for arrays that nothing else reads, of which it computes each element once."""
    if isinstance(block, RowCall):
        return block
    numbers: dict[str, Term] = {}
    for loop in block.loops:
        name = loop.target.array
        if name in sizes and where[name] == {id(block)} and not loop.adds and len(block.loops) > 1:
            numbers[name] = Variable(name)
            del sizes[name]
    if not numbers:
        return block
    return block._replace(
        loops=tuple(
            [
                loop._replace(target=substituted(loop.target, numbers), term=substituted(loop.term, numbers))
                for loop in block.loops
            ]
        )
    )
