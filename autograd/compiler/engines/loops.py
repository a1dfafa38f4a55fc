"""Decides which loops compute a program's arrays, row by row of the batch: data for engines that write code.

Arrays that are only looked at in another way, or read once element by element, are not stored: whoever reads them
computes their elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ... import ops
from ..ir import View, contiguous
from .assembly import assembly
from .fusion import fused
from .nests import Loop, RowCall, coalesced, looked_at, restrided, row_of, variables
from .scalars import AFTER, BEFORE, DEPTH, INSIDE, Expression, Variable, applied, depth, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..differentiate import Place
    from ..ir import Instruction, Program, Shape
    from .nests import Statement
    from .scalars import Row, Term

_ROWS_FROM_ROWS = {"softmax", "softmax_pull", "log_softmax", "log_softmax_pull"}
_ROWS_FROM_ROWS |= {"products_of_the_others", "largest_shares", "smallest_shares"}
_PREFIX = {"contract": "z", "map": "h", "rows": "r", "join": "j", "assemble": "g"}
_COMPUTED = {"contract", "map", "total", "rows_total"}  # element by element, so that any place will do
_STORED = _COMPUTED | {"assemble", "join", "rows"}
_READ_ONCE = {"map", "total", "rows_total", "assemble", "join"}  # these read each element of an operand once


class Loops:
    """A program as loops over the elements of arrays.

    Attributes:
        stages: what is done before, in and after the loop over the rows of the batch.
        sums: the plain numbers that are added up over the rows, from 0.
        sizes: the number of elements of each array that is computed, by name; but not those of the results.
        constants: arrays of numbers, by name.
        tables: arrays of element numbers, by name.
        value: the loss; None for a program that gives outputs.
    """

    def __init__(self, program: Program, takes_rows: bool, gives_gradient: bool) -> None:
        self._statements: tuple[list[Statement], list[Statement], list[Statement]] = ([], [], [])
        self.sums: list[str] = []
        self.sizes: dict[str, int] = {}
        self.constants: dict[str, np.ndarray] = {}
        self.tables: dict[str, np.ndarray] = {}
        self.value: Term | None = None
        self._counts: dict[str, int] = {}
        self._table_names: dict[bytes, str] = {}
        self._terms: dict[Instruction, Term] = {}
        self._stage: dict[Instruction, int] = {}
        self._places: dict[Instruction, Variable] = {}  # where results are computed that have a place already
        self._loss = program.outputs[0]
        self._consumers = _consumers(program)
        for instruction in program.instructions:
            self._stage[instruction] = stage_of(instruction, self._stage)
        joined = [each for each in program.instructions if each.op in ("assemble", "join")]
        self._assemblies = {each: assembly(each, self._consumers, _is_computed_in_place) for each in joined}
        self._wholes = {part: each for each, found in self._assemblies.items() for _, part in found.computed}
        self._claim(program.outputs[-1], takes_rows, gives_gradient)
        for instruction in program.instructions:
            self._terms[instruction] = getattr(self, f"_decide_{instruction.op}")(instruction)
        self._finish(program.outputs, takes_rows, gives_gradient)
        self.stages = fused(self._statements, self.sizes)

    # Results

    def _claim(self, result: Instruction, takes_rows: bool, gives_gradient: bool) -> None:
        """Lets the last result be computed where the caller wants it, if that is possible."""
        if result.op in _STORED and not result.is_number and result.batched == (takes_rows and not gives_gradient):
            name = "gradient" if gives_gradient else "outputs"
            self._places[result] = Variable(name, 0, contiguous(result.shape))

    def _finish(self, outputs: Sequence[Instruction], takes_rows: bool, gives_gradient: bool) -> None:
        """Copies the last result to where the caller wants it, unless it is there."""
        result = outputs[-1]
        name, stage = ("gradient", AFTER) if gives_gradient else ("outputs", INSIDE if takes_rows else BEFORE)
        if gives_gradient:
            self.value = self._lasting(outputs[0])
        wanted = Variable(name, 0, contiguous(result.shape))
        if self._places.get(result) != wanted:  # outputs without rows may have a place of their own
            self._loop(stage, wanted, self._terms[result], result.shape)

    def _lasting(self, loss: Instruction) -> Term:
        """The loss; a plain number if it would be read from arrays, which may be others' by the end."""
        term = self._terms[loss]
        if not any(each.array in self.sizes for each in variables([term])):
            return term
        number = Variable(self._fresh("t"))
        self._loop(self._stage[loss], number, term, ())
        return number

    # Where results are stored

    def _store(self, instruction: Instruction, term: Term, lengths: Shape | None = None, sums: int = 0) -> Variable:
        """Computes an instruction in a place that it has already, as a plain number, or in an array of its own.

        Args:
            instruction: what is computed.
            term: its elements, or terms of theirs.
            lengths: of the loops, by default one per axis.
            sums: how many of the loops add up terms.
        """
        target = self._target(instruction)
        is_sum = _adds_up_rows(instruction)
        stage = INSIDE if is_sum else self._stage[instruction]
        self._loop(stage, target, term, instruction.shape if lengths is None else lengths, sums, is_sum)
        return target

    def _target(self, instruction: Instruction) -> Variable:
        whole = self._wholes.get(instruction)
        if whole is not None:
            self._prepare(whole)
        is_sum = _adds_up_rows(instruction)
        if instruction in self._places:
            target = self._places[instruction]
        elif instruction.size == 1:
            target = Variable(self._fresh("s" if is_sum else "t"))
            self.sums += [target.array] * is_sum
            return target
        else:
            target = self._array(instruction)
        if is_sum and whole is None:
            self._loop(BEFORE, target, 0.0, instruction.shape)
        return target

    def _array(self, instruction: Instruction) -> Variable:
        name = self._fresh("s" if _adds_up_rows(instruction) else _PREFIX.get(instruction.op, "h"))
        self.sizes[name] = instruction.size
        return Variable(name, 0, contiguous(instruction.shape))

    def _fresh(self, prefix: str) -> str:
        number = self._counts.get(prefix, 0)
        self._counts[prefix] = number + 1
        return f"{prefix}{number}"

    def _prepare(self, whole: Instruction) -> Variable:
        """Gives an array that is put together a place, and its parts theirs; clears it if it is added to."""
        found = self._assemblies[whole]
        is_new = not any(part in self._places for _, part in found.computed) and whole not in self._terms
        if whole not in self._places:
            self._places[whole] = self._array(whole)
        target = self._places[whole]
        if is_new:
            for place, part in found.computed:
                self._places[part] = Variable(target.array, place.offset, place.strides)
            if not found.is_covered or any(_adds_up_rows(part) for _, part in found.computed):
                stage = self._stage[whole]
                self._loop(BEFORE if stage == AFTER else stage, target, 0.0, whole.shape)
        return target

    def _loop(
        self, stage: int, target: Variable, term: Term, lengths: Shape, sums: int = 0, adds: bool = False
    ) -> None:
        """Adds a statement with as few loops as possible."""
        outer = lengths[: len(lengths) - sums]
        if 0 in lengths[len(outer) :]:
            term, lengths, sums = 0.0, outer, 0
        if 0 not in outer:
            if target.element is not None:
                target = target._replace(strides=(*target.strides, *[0] * sums))
            self._statements[stage].append(coalesced(Loop(target, term, tuple(lengths), sums, adds)))

    # Leaves and what is only looked at

    def _decide_theta(self, instruction: Instruction) -> Term:
        return Variable("theta", 0, contiguous(instruction.shape))

    def _decide_input(self, instruction: Instruction) -> Term:
        return Variable(f"x{instruction.data}", 0, contiguous(instruction.shape))

    def _decide_literal(self, instruction: Instruction) -> Term:
        if instruction.size == 1:
            return float(instruction.data if instruction.is_number else instruction.data.item())
        name = self._fresh("c")
        self.constants[name] = instruction.data
        return Variable(name, 0, contiguous(instruction.shape))

    def _decide_symbol(self, instruction: Instruction) -> Term:
        if instruction.data == "batch":
            return Expression("batch", ())
        self._loop(BEFORE, Variable("scale"), Expression("scale", ()), ())
        return Variable("scale")

    def _decide_view(self, instruction: Instruction) -> Term:
        return looked_at(self._terms[instruction.operands[0]], instruction.data)

    def _decide_take(self, instruction: Instruction) -> Term:
        [base] = instruction.operands
        is_array = base.size > 1
        strides = contiguous(instruction.shape) if is_array else (0,) * len(instruction.shape)
        term = looked_at(self._terms[base], View(0, instruction.shape, strides))
        if is_array and isinstance(term, Variable) and term.element is not None:
            term = term._replace(table=self._table(instruction.data))
        return self._kept(instruction, term)

    def _table(self, numbers: np.ndarray) -> str:
        """The name of a table of element numbers."""
        key = numbers.astype(np.int64).tobytes()
        if key not in self._table_names:
            self._table_names[key] = name = self._fresh("at")
            self.tables[name] = numbers
        return self._table_names[key]

    def _decide_copy(self, instruction: Instruction) -> Term:
        return self._kept(instruction, self._terms[instruction.operands[0]])

    def _kept(self, instruction: Instruction, term: Term) -> Term:
        """The term; stored if views of it need an array whose elements follow one another."""
        is_viewed = any(each.op in ("view", "take") for each in self._consumers[instruction])
        is_array = instruction.size > 1 and isinstance(term, Variable) and term.element is not None
        return self._store(instruction, term) if is_viewed and is_array else term

    def _decide_fill(self, instruction: Instruction) -> Term:
        return self._terms[instruction.operands[0]]

    # Element by element

    def _decide_map(self, instruction: Instruction) -> Term:
        term = applied(instruction.data, tuple([self._terms[operand] for operand in instruction.operands]))
        return term if self._is_inlined(instruction, term) else self._store(instruction, term)

    def _is_inlined(self, instruction: Instruction, term: Expression) -> bool:
        """Whether its only reader computes it."""
        readers = self._consumers[instruction]
        if instruction in self._places or instruction in self._wholes or term.depth > DEPTH or len(readers) > 1:
            return False
        if not readers:
            return instruction.size == 1  # the loss
        if instruction is self._loss:
            return False
        [reader] = readers
        stage = INSIDE if _adds_up_rows(reader) else self._stage[reader]
        return reader.op in _READ_ONCE and stage == self._stage[instruction] and not instruction.is_number

    def _decide_total(self, instruction: Instruction) -> Term:
        [x] = instruction.operands
        term = self._terms[x]
        if instruction.data != 1.0:
            term = Expression(ops.mul, (term, instruction.data), depth(term) + 1)
        return self._store(instruction, term, x.shape, sums=1)

    def _decide_rows_total(self, instruction: Instruction) -> Term:
        return self._store(instruction, self._terms[instruction.operands[0]])

    def _decide_contract(self, instruction: Instruction) -> Term:
        inputs, result = instruction.data.split("->")
        labels = inputs.split(",")
        length: dict[str, int] = {}
        for each, operand in zip(labels, instruction.operands, strict=True):
            length.update(zip(each, operand.shape, strict=True))
        axes = result + "".join([label for label in length if label not in result])
        factors = [
            restrided(self._terms[operand], [each.find(axis) for axis in axes])
            for each, operand in zip(labels, instruction.operands, strict=True)
        ]
        term = Expression(ops.mul, tuple(factors[:2]), 1)
        if len(factors) > 2:
            term = Expression(ops.where, (factors[2], term, 0.0), 2)
        return self._store(instruction, term, tuple([length[axis] for axis in axes]), len(axes) - len(result))

    # Along the last axis

    def _decide_rows(self, instruction: Instruction) -> Term:
        rows = [self._row(operand) for operand in instruction.operands]
        width = instruction.operands[0].shape[-1]
        if instruction.data not in _ROWS_FROM_ROWS:
            return self._store(instruction, Expression(instruction.data, (*rows, width), 1))
        target = self._places.get(instruction) or self._array(instruction)
        call = RowCall(instruction.data, row_of(target, width), tuple(rows), instruction.shape[:-1])
        self._statements[self._stage[instruction]].append(coalesced(call))
        return target

    def _row(self, operand: Instruction) -> Row:
        """The rows of an array: their elements follow one another, copied if necessary."""
        term, width = self._terms[operand], operand.shape[-1]
        if isinstance(term, Variable) and operand.size > 1 and term.strides[-1:] == (1,) and not term.table:
            return row_of(term, width)
        array = self._array(operand)
        self._loop(self._stage[operand], array, term, operand.shape)
        return row_of(array, width)

    # Put together from parts

    def _decide_join(self, instruction: Instruction) -> Term:
        return self._decide_assemble(instruction)

    def _decide_assemble(self, instruction: Instruction) -> Term:
        target = self._prepare(instruction)
        found = self._assemblies[instruction]
        for adds, parts in ((False, found.written), (True, found.added)):
            for place, part in parts:
                self._put(instruction, target, place, part, adds)
        return target

    def _put(self, whole: Instruction, target: Variable, place: Place, part: Instruction, adds: bool) -> None:
        """Writes or adds a part where it belongs."""
        shape, where = whole.shape, target
        if isinstance(place, View):
            shape, where = place.shape, Variable(target.array, place.offset, place.strides)
        elif place is not None:
            shape, where = place.shape, Variable(target.array, 0, contiguous(place.shape), self._table(place))
        self._loop(self._stage[whole], where, self._terms[part], shape, adds=adds)


def _adds_up_rows(instruction: Instruction) -> bool:
    return not instruction.batched and True in [operand.batched for operand in instruction.operands]


def _is_computed_in_place(whole: Instruction, place: View, part: Instruction, readers: Sequence[Instruction]) -> bool:
    is_alone = list(readers) == [whole] and not part.is_number
    return is_alone and part.op in _COMPUTED and part.batched == whole.batched


def _consumers(program: Program) -> dict[Instruction, list[Instruction]]:
    """The instructions that each one is an operand of."""
    readers: dict[Instruction, list[Instruction]] = {instruction: [] for instruction in program.instructions}
    for instruction in program.instructions:
        for operand in instruction.operands:
            readers[operand].append(instruction)
    return readers
