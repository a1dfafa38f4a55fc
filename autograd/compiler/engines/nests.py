"""Nested loops over elements of arrays, as data: statements of the engines that write code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from .scalars import Expression, Row, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..ir import View
    from .scalars import Term


class Loop(NamedTuple):
    """Computes the element of an array for every index of nested loops, or a plain number.

    Attributes:
        target: the element, or a variable that this defines.
        term: what it gets.
        lengths: those of the loops; the strides of all variables are one per loop.
        sums: how many of the loops, the innermost ones, add up their terms for one element.
        adds: whether the term is added to what is there.
    """

    target: Variable
    term: Term
    lengths: tuple[int, ...] = ()
    sums: int = 0
    adds: bool = False


class RowCall(NamedTuple):
    """Calls a function that computes a row from rows, for every index of nested loops.

    Attributes:
        function: its name among those of `rows`.
        target: the row that it computes.
        operands: those that it reads.
        lengths: those of the loops.
    """

    function: str
    target: Row
    operands: tuple[Row, ...]
    lengths: tuple[int, ...] = ()
    sums: int = 0


Statement: TypeAlias = Loop | RowCall
S = TypeVar("S", Loop, RowCall)
T = TypeVar("T", bound="Term")


def variables(terms: Sequence[Term]) -> Iterator[Variable]:
    """The elements of arrays that terms are computed from, of rows the first ones."""
    for each in leaves(terms):
        variable = each.first if isinstance(each, Row) else each
        if isinstance(variable, Variable) and variable.element is not None:
            yield variable


def leaves(terms: Sequence[Term]) -> Iterator[Term]:
    """The numbers, variables and rows that terms are computed from."""
    pending = list(terms)
    while pending:
        each = pending.pop()
        if isinstance(each, Expression):
            pending.extend(each.operands)
        else:
            yield each


def restrided(term: T, axes: Sequence[int]) -> T:
    """The term for other loops: each has the strides of one that there was, given by its number, or 0 for -1."""
    if isinstance(term, Expression):
        return term._replace(operands=tuple([restrided(operand, axes) for operand in term.operands]))
    if isinstance(term, Row):
        return term._replace(first=restrided(term.first, axes))
    if isinstance(term, Variable) and term.element is not None:
        return term._replace(strides=tuple([0 if axis < 0 else term.strides[axis] for axis in axes]))
    return term


def substituted(term: T, numbers: Mapping[str, Term]) -> T:
    """The term with other terms for the elements of some arrays."""
    if isinstance(term, Expression):
        return term._replace(operands=tuple([substituted(operand, numbers) for operand in term.operands]))
    if isinstance(term, Variable):
        return numbers.get(term.array, term)  # type: ignore[return-value]
    return term


def looked_at(term: Term, view: View) -> Term:
    """What a view shows of an array whose elements follow one another; a plain number is the same everywhere."""
    if isinstance(term, Variable) and term.element is not None:
        return Variable(term.array, term.element + view.offset, view.strides)
    return term


def row_of(array: Variable, width: int) -> Row:
    """The rows along the last axis of an array."""
    return Row(array._replace(strides=array.strides[:-1]), width)


def coalesced(statement: S) -> S:
    """The same with as few loops as possible: without those of one step, and two as one where elements follow."""
    terms: list[Term] = [statement.target]
    terms += statement.operands if isinstance(statement, RowCall) else [statement.term]
    strides = [each.strides for each in variables(terms)]
    lengths = statement.lengths
    outer = len(lengths) - statement.sums
    axes: list[int] = []
    merged: list[int] = []
    for axis, length in enumerate(lengths):
        if length == 1:
            continue
        if (
            axes
            and (axes[-1] < outer) == (axis < outer)
            and all(each[axes[-1]] == each[axis] * length for each in strides)
        ):
            axes[-1], merged[-1] = axis, merged[-1] * length
        else:
            axes.append(axis)
            merged.append(length)
    target = restrided(statement.target, axes)
    if isinstance(statement, RowCall):
        operands = tuple([restrided(each, axes) for each in statement.operands])
        return statement._replace(target=target, operands=operands, lengths=tuple(merged))
    sums = sum([axis >= outer for axis in axes])
    return statement._replace(target=target, term=restrided(statement.term, axes), lengths=tuple(merged), sums=sums)
