"""Decides what a program on single numbers computes when and under which name: data for engines that write code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ... import ops
from ...ops import Operation
from ..terms import OF_ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Action, Instruction, Program

DEPTH = 12  # of nested expressions; deeper ones get a name

BEFORE, INSIDE, AFTER = 0, 1, 2
"""Where a statement stands: before, in or after the loop over the batch."""


class Variable(NamedTuple):
    """A number that lies in an array, such as `theta` or a row of `x0`; or all of these; or a plain number.

    Attributes:
        array: the array's name.
        element: the number of the element; None for the array itself, and for what is no array.
        strides: what each index of the loops around adds to the number of the element.
        table: the name of an array that the elements' numbers are looked up in, if they are irregular.
    """

    array: str
    element: int | None = None
    strides: tuple[int, ...] = ()
    table: str | None = None


class Row(NamedTuple):
    """As many elements of an array as stated, one after the other, from the first one on."""

    first: Variable
    width: int


class Expression(NamedTuple):
    """An operation on terms. A "list" has any number of them, and operations on sequences take lists."""

    does: Action
    operands: tuple[Term, ...]
    depth: int = 0


Term: TypeAlias = str | float | Variable | Row | Expression
"""What a number is written as; a string is the name of an earlier statement."""


class Assignment(NamedTuple):
    """A statement: gives a name to a term, or adds it to what has the name."""

    name: str
    term: Term
    adds: bool = False


class Scalars:
    """A program as statements on single numbers.

    Attributes:
        stages: the statements before, in and after the loop over the batch.
        sums: the names of the sums over the batch, which start at 0.
        results: what is returned.
        per_row: whether there are results for every row.
        parameters: their number.
    """

    def __init__(self, program: Program) -> None:
        self.stages: tuple[list[Assignment], list[Assignment], list[Assignment]] = ([], [], [])
        self.sums: list[str] = []
        self.parameters = sum([each.size for each in program.instructions if each.op == "theta"])
        self._term: dict[Instruction, Term] = {}
        self._stage: dict[Instruction, int] = {}
        self._names = 0
        self._uses = _uses(program)
        for instruction in program.instructions:
            self._stage[instruction] = stage_of(instruction, self._stage)
            operands = [self._term[operand] for operand in instruction.operands]
            decided: Term = getattr(self, f"_decide_{instruction.op}")(instruction, *operands)
            self._term[instruction] = decided
        self.results = [self._term[output] for output in program.outputs]
        self.per_row = program.outputs[0].batched

    def _named(self, instruction: Instruction, term: Expression) -> Term:
        """Gives an expression a name if it is used more than once, or nested too deeply."""
        if self._uses[instruction] <= 1 and term.depth <= DEPTH:
            return term
        name = f"t{self._names}"
        self._names += 1
        self.stages[self._stage[instruction]].append(Assignment(name, term))
        return name

    def _repeatable(self, operand: Instruction) -> Term:
        """The operand's term, with a name if it is an expression, so that it can be written twice."""
        term = self._term[operand]
        if isinstance(term, Expression):
            self._uses[operand] = 2
            term = self._term[operand] = self._named(operand, term)
        return term

    def _decide_theta(self, instruction: Instruction) -> Term:
        return Variable("theta")

    def _decide_input(self, instruction: Instruction) -> Term:
        return Variable(f"x{instruction.data}")

    def _decide_literal(self, instruction: Instruction) -> Term:
        return instruction.data if instruction.is_number else Expression("list", tuple(instruction.data.tolist()))

    def _decide_symbol(self, instruction: Instruction) -> Term:
        if instruction.data == "batch":
            return Expression("batch", ())
        self.stages[BEFORE].append(Assignment("scale", Expression("scale", ())))
        return "scale"

    def _decide_view(self, instruction: Instruction, base: Term) -> Term:
        if isinstance(base, Variable) and instruction.operands[0].shape:
            return Variable(base.array, instruction.data.offset)
        return Expression("list", (base,))  # a vector of the one element

    def _decide_copy(self, instruction: Instruction, base: Term) -> Term:
        return base

    def _decide_fill(self, instruction: Instruction, number: Term) -> Term:
        return Expression("repeat", (number, instruction.size))

    def _decide_pick(self, instruction: Instruction, shares: Term) -> Term:
        return self._named(instruction, Expression("pick", (shares, instruction.data), depth(shares) + 1))

    def _decide_rows_total(self, instruction: Instruction, row: Term) -> Term:
        name = f"s{len(self.sums)}"
        self.sums.append(name)
        self.stages[INSIDE].append(Assignment(name, row, adds=True))
        return name

    def _decide_assemble(self, instruction: Instruction, *parts: Term) -> Term:
        elements: list[Term] = [0.0] * instruction.size
        taken = set()
        for place, part in zip(instruction.data, parts, strict=True):
            i = place.offset
            elements[i] = Expression(ops.add, (elements[i], part)) if i in taken else part
            taken.add(i)
        return Expression("list", tuple(elements))

    def _decide_map(self, instruction: Instruction, *operands: Term) -> Term:
        return self._named(instruction, self._inline(instruction) or applied(instruction.data, operands))

    def _inline(self, instruction: Instruction) -> Expression | None:
        """The commonest functions as expressions, which saves a call; those of `math` if they cannot raise."""
        operation, operands = instruction.data, instruction.operands
        if operation == "sigmoid_of" or operation is ops.sign:
            return Expression(operation, tuple(map(self._repeatable, operands)), 1)
        if operation is ops.maximum and _is_zero(operands[1]):
            return Expression("positive_part", (self._repeatable(operands[0]),), 1)
        if operation is ops.step and _is_zero(operands[1]) and _is_zero(operands[2]):
            return Expression("is_positive", (self._repeatable(operands[0]),), 1)
        if operation is ops.exp and _is_minus_abs(operands[0]):
            if self._uses[operands[0]] > 1:
                return Expression("exp_of_negative", (self._term[operands[0]],), 1)
            return Expression("exp_of_minus_abs", (self._repeatable(operands[0].operands[0].operands[0]),), 1)
        if operation is ops.log1p and operands[0].data is ops.exp:
            return Expression("log1p_of_positive", (self._term[operands[0]],), 1)
        return None


def stage_of(instruction: Instruction, stages: Mapping[Instruction, int]) -> int:
    """When a result is there, given when its operands are."""
    if instruction.batched:
        return INSIDE
    if instruction.op == "rows_total" or True in [operand.batched for operand in instruction.operands]:
        return AFTER  # summed over the rows, even if lowering found that all rows have the same
    return max([BEFORE, *[stages[operand] for operand in instruction.operands]])


def applied(operation: Action, operands: tuple[Term, ...]) -> Expression:
    """An operation on numbers, or on one or two sequences."""
    depth = 1 + max([0, *[operand.depth for operand in operands if isinstance(operand, Expression)]])
    sequences = operation.sequences if isinstance(operation, Operation) else int(operation in OF_ALL.values())
    if sequences:
        length = len(operands) // sequences
        operands = tuple([Expression("list", operands[i * length : (i + 1) * length]) for i in range(sequences)])
    return Expression(operation, operands, depth)


def depth(term: Term) -> int:
    """How deeply a term is nested."""
    return term.depth if isinstance(term, Expression) else 0


def _uses(program: Program) -> dict[Instruction, int]:
    """How often an instruction is an operand; 2 also if it needs a name for another reason."""
    uses = dict.fromkeys(program.instructions, 0)
    for instruction in program.instructions:
        for operand in instruction.operands:
            leaves_loop = instruction.batched and not operand.batched
            uses[operand] += 2 if leaves_loop else 1  # what a loop needs is computed before it
    return uses


def _is_zero(x: Instruction) -> bool:
    return x.op == "literal" and x.data == 0.0 and math.copysign(1.0, x.data) > 0.0


def _is_minus_abs(x: Instruction) -> bool:
    return x.data is ops.neg and x.operands[0].data is ops.abs
