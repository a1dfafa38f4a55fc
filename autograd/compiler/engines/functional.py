"""A program as statements on arrays that never change: data for engines without buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ... import ops
from ..differentiate import elements
from ..ir import View, chooses
from .assembly import numbers_of
from .looks import Look, Rows, flat, lengths, viewed
from .statements import Statement

if TYPE_CHECKING:
    from ..ir import Action, Instruction, Program
    from .looks import Array, Operand

_PRINTED = 6  # constants up to this size stand in the text
_PREFIX = {"contract": "z", "rows": "r", "total": "s", "rows_total": "s", "assemble": "g"}


class Functional:
    """A program as statements, each of which defines a name.

    Attributes:
        statements: in their order.
        results: what is returned.
        constants: arrays of numbers that are too long for a text.
    """

    def __init__(self, program: Program) -> None:
        self.statements: list[Statement] = []
        self.constants: list[np.ndarray] = []
        self._uses = _uses(program)
        self._operand: dict[Instruction, Array | float] = {}
        self._counts: dict[str, int] = {}
        for instruction in program.instructions:
            self._operand[instruction] = getattr(self, f"_place_{instruction.op}")(instruction)
        self.results = [self._operand[output] for output in program.outputs]

    def _named(self, prefix: str, does: Action, *operands: Operand) -> str:
        """The name of a new statement's result."""
        number = self._counts[prefix] = self._counts.get(prefix, -1) + 1
        name = f"{prefix}{number}"
        self.statements.append(Statement(does, operands, name))
        return name

    def _done(self, instruction: Instruction, does: Action, *operands: Operand) -> str:
        return self._named(_PREFIX.get(instruction.op, "h"), does, *operands)

    def _operands(self, instruction: Instruction) -> list[Array | float]:
        return [self._operand[operand] for operand in instruction.operands]

    def _array(self, instruction: Instruction) -> Array:
        operand = self._operand[instruction]
        assert not isinstance(operand, float)
        return operand

    def _constant(self, array: np.ndarray, does: str) -> str:
        self.constants.append(array)
        return self._named("c" if does == "constant" else "i", does, len(self.constants) - 1, array.shape)

    # Leaves

    def _place_theta(self, instruction: Instruction) -> Array:
        return "theta"

    def _place_input(self, instruction: Instruction) -> Array:
        return f"x{instruction.data}"

    def _place_symbol(self, instruction: Instruction) -> Array:
        return str(instruction.data)

    def _place_literal(self, instruction: Instruction) -> Array | float:
        numbers = instruction.data
        if isinstance(numbers, float):
            return numbers
        return self._named("c", "numbers", numbers) if numbers.size <= _PRINTED else self._constant(numbers, "constant")

    def _place_fill(self, instruction: Instruction) -> Array:
        return self._done(instruction, "full", lengths(instruction), self._operand[instruction.operands[0]])

    # Looks: other arrangements of the same elements

    def _place_view(self, instruction: Instruction) -> Array:
        [base] = instruction.operands
        look = self._viewed(base, instruction.data)
        if isinstance(look, str) or self._uses[instruction] < 2:
            return look
        return self._named("w" if base.op == "theta" else "v", "look", look)

    def _viewed(self, base: Instruction, view: View) -> Array:
        """A view of an array. Axes along which it repeats are added last."""
        kept = [axis for axis, stride in enumerate(view.strides) if stride]
        if len(kept) < len(view.strides):
            inner = View(view.offset, tuple(view.shape[i] for i in kept), tuple(view.strides[i] for i in kept))
            batch = lengths(base)[: base.batched]
            new = tuple([len(batch) + axis for axis, stride in enumerate(view.strides) if not stride])
            thin = Look(self._viewed(base, inner), "new_axes", (len(batch) + len(view.shape), *new))
            is_one = all(view.shape[axis] == 1 for axis in range(len(view.shape)) if axis not in kept)
            return thin if is_one else Look(thin, "broadcast", (*batch, *view.shape))
        if not view.shape and base.size > 1:
            return Look(flat(self._array(base), base), "element", (view.offset,))
        look = viewed(self._array(base), base, view)
        if isinstance(look, Look) and look.how == "strided":
            return self._taken(base, elements(view))
        return look

    def _place_take(self, instruction: Instruction) -> Array:
        return self._taken(instruction.operands[0], instruction.data)

    def _taken(self, base: Instruction, numbers: np.ndarray) -> Array:
        """Elements by their numbers."""
        return self._named("t", "take", flat(self._array(base), base), self._constant(numbers, "index"))

    def _place_copy(self, instruction: Instruction) -> Array:
        return self._repeated(instruction.operands[0], instruction.batched)

    def _repeated(self, array: Instruction, batched: bool) -> Array:
        """The array, for every row if asked for."""
        name = self._array(array)
        return Look(name, "broadcast", (Rows(), *array.shape)) if batched and not array.batched else name

    def _place_join(self, instruction: Instruction) -> Array:
        parts = [self._repeated(operand, instruction.batched) for operand in instruction.operands]
        return self._done(instruction, "concatenate", *parts)

    # Arithmetic

    def _place_map(self, instruction: Instruction) -> Array:
        return self._done(instruction, instruction.data, *self._operands(instruction))

    def _place_pick(self, instruction: Instruction) -> Array:
        return self._done(instruction, "pick", *self._operands(instruction), instruction.data)

    def _place_rows(self, instruction: Instruction) -> Array:
        return self._done(instruction, instruction.data, *self._operands(instruction))

    def _place_total(self, instruction: Instruction) -> Array:
        [x] = self._operands(instruction)
        if instruction.data == 1.0:
            return self._done(instruction, "total", x)
        return self._done(instruction, "scaled_total", x, instruction.data)  # before it overflows

    def _place_rows_total(self, instruction: Instruction) -> Array:
        return self._done(instruction, "rows_total", *self._operands(instruction))

    def _place_contract(self, instruction: Instruction) -> Array:
        """Axes by letters, that of the batch is b."""
        inputs, result = instruction.data.split("->")
        arrays = [*instruction.operands, instruction]
        labels = zip(arrays, [*inputs.split(","), result], strict=True)
        x, y, *mask, out = ["b" * array.batched + axes for array, axes in labels]
        operands = self._operands(instruction)
        if chooses(instruction):  # in the form in which JAX knows the derivatives
            chosen = self._named("h", ops.where, *operands[:2], 0.0)
            return self._done(instruction, "contract", f"{x},{y}->{out}", operands[0], chosen)
        if mask and not set(mask[0]) <= set(out):  # otherwise what is masked is not read
            return self._done(instruction, "masked_products", f"{x},{y},{mask[0]}->{out}", *operands)
        return self._done(instruction, "contract", f"{x},{y}->{out}", *operands[:2])

    # Gradients

    def _place_assemble(self, instruction: Instruction) -> Array:
        """Contributions side by side; in another order, or added up, if their places say so."""
        places = [numbers_of(place, instruction) for place in instruction.data]
        order = sorted(range(len(places)), key=lambda i: int(places[i][0]) if places[i].size else 0)
        numbers = np.concatenate([places[i] for i in order])
        array = self._side_by_side(instruction, [(instruction.operands[i], places[i].size) for i in order])
        total, batch = instruction.size, lengths(instruction)[: instruction.batched]
        if np.unique(numbers).size < numbers.size:
            place = self._constant(numbers, "index")
            array = self._done(instruction, "added", array, place, (*batch, total))
        elif not np.array_equal(numbers, np.arange(total)):
            array = self._arranged(instruction, array, numbers)
        return array if len(instruction.shape) == 1 else Look(array, "reshape", lengths(instruction))

    def _side_by_side(self, whole: Instruction, parts: list[tuple[Instruction, int]]) -> Array:
        """Contributions, each with its number of elements, one after the other."""
        if len(parts) > 1 and not any(part.shape or part.is_number for part, _ in parts):
            return self._named("j", "stack", *[self._repeated(part, whole.batched) for part, _ in parts])
        arrays = [self._part(whole, part, size) for part, size in parts]
        return arrays[0] if len(arrays) == 1 else self._named("j", "concatenate", *arrays)

    def _part(self, whole: Instruction, part: Instruction, size: int) -> Array:
        """A contribution with its elements along one axis."""
        batch = lengths(whole)[: whole.batched]
        if part.is_number:
            return self._named("f", "full", (*batch, size), self._operand[part])
        array = self._repeated(part, whole.batched)
        if not part.shape:
            return Look(array, "new_axes", (len(batch) + 1, len(batch)))
        return array if len(part.shape) == 1 else Look(array, "reshape", (*batch, size))

    def _arranged(self, instruction: Instruction, array: Array, numbers: np.ndarray) -> Array:
        """Elements moved to their places; 0 where there is none."""
        total = instruction.size
        source = np.full(total, numbers.size)
        source[numbers] = np.arange(numbers.size)
        if numbers.size < total:
            zero = self._named("f", "full", (*lengths(instruction)[: instruction.batched], 1), 0.0)
            array = self._named("j", "concatenate", array, zero)
        return self._done(instruction, "take", array, self._constant(source, "index"))


def _uses(program: Program) -> dict[Instruction, int]:
    """How often each instruction is an operand or a result."""
    uses = dict.fromkeys(program.instructions, 0)
    for instruction in [*program.outputs, *[each for user in program.instructions for each in user.operands]]:
        uses[instruction] += 1
    return uses
