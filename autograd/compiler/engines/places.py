"""Decides where a program's arrays lie and which calls compute them: data for engines that have buffers."""

from __future__ import annotations

from math import copysign, prod
from typing import TYPE_CHECKING

import numpy as np

from ... import ops
from ..arrays import OF_EXPONENTIALS
from ..ir import base_of, contiguous, is_mask, looked_at, whole
from ..terms import OF_ALL
from .assembly import Assembly, assembly, is_strided
from .buffers import Buffer, Buffers
from .looks import Array, Look, Operand, Rows, flat, lengths, viewed, whole_length
from .parts import LONG
from .products import Form, Product
from .statements import OnNumbers, Statement, Statements

if TYPE_CHECKING:
    from ..ir import Instruction, Program, View

_PRINTED = 6  # constants up to this size stand in the text

_PREFIX = {"contract": "z", "map": "h", "rows": "r", "take": "t", "copy": "t", "join": "j", "assemble": "g"}
_PLAIN = {ops.add, ops.sub, ops.mul}  # what Python does with two numbers as NumPy does; its division raises at 0


class Places(Statements):
    """A program as statements on named arrays.

    Attributes:
        results: what is returned.
        is_long: whether the program should be written in parts; then all names are elements of dicts.
        row_size: the number of elements of the buffers for each row of the batch.
        runs: what machine code does in a call, by the name of the function that does it.
        copied: gradients up to this size are computed in a buffer and copied, which is faster than new views.
    """

    copied: float = 4096

    def __init__(self, program: Program) -> None:
        self.runs: dict[str, list[Statement]] = {}
        self.is_long = len(program.instructions) > LONG
        super().__init__(self.is_long)
        self._program = program
        self._uses = _uses(program)
        self._buffers = Buffers(program, self._returned())
        self._array: dict[Instruction, str | float] = {}  # the name of each result, or a number
        self._common: dict[Instruction, str] = {}  # the exponentials of each array
        self._strided: set[Instruction] = set()  # what computes into a place that is not contiguous
        self._assemblies = {  # first, for other instructions compute into them
            each: self._prepared(each) for each in program.instructions if each.op == "assemble"
        }
        for instruction in program.instructions:
            getattr(self, f"_place_{instruction.op}")(instruction)
            self._buffers.release(instruction)
        self.results = [self._result(output) for output in program.outputs]
        self.row_size = sum(map(_row_size, self.setup))

    def _returned(self) -> list[Instruction]:
        """What the return statement reads."""
        read: list[Instruction] = []
        for output in self._program.outputs:
            read += output.operands if self._is_combined(output) else [output]
        return read

    # Names and buffers

    def _name(self, instruction: Instruction) -> str:
        name = self._array[instruction]
        assert not isinstance(name, float)
        return name

    def _operands(self, instruction: Instruction) -> tuple[str | float, ...]:
        return tuple([self._array[operand] for operand in instruction.operands])

    def _is_dynamic(self, instruction: Instruction) -> bool:
        return self._array[base_of(instruction)] in self._dynamic

    def _buffer(self, instruction: Instruction) -> str:
        """The array to compute into: part of a gradient, a free buffer, or a new one."""
        if instruction in self._array:
            return self._name(instruction)
        if instruction.op == "map" and not any(map(_is_rearranged, instruction.operands)):
            self._buffers.release(instruction)  # NumPy computes into an operand element by element, and only so
        buffer = self._buffers.taken(instruction)
        if buffer is None:
            name = self._set_up("empty", (lengths(instruction),), self._fresh(_PREFIX.get(instruction.op, "s")))
            self._buffers.hold(instruction, Buffer(name, instruction.shape))
        elif buffer.shape == instruction.shape:
            name = buffer.name
        else:
            name = self._look(Look(buffer.name, "reshape", lengths(instruction)))
        self._array[instruction] = name
        return name

    # Leaves and views

    def _place_theta(self, instruction: Instruction) -> None:
        self._array[instruction] = "theta"

    def _place_input(self, instruction: Instruction) -> None:
        self._array[instruction] = name = f"x{instruction.data}"
        self._dynamic.add(name)

    def _place_symbol(self, instruction: Instruction) -> None:
        self._array[instruction] = instruction.data

    def _place_literal(self, instruction: Instruction) -> None:
        if instruction.is_number:
            self._array[instruction] = instruction.data
            return
        operands: tuple[Operand, ...] = (instruction.data,)
        if instruction.size > _PRINTED or is_mask(instruction):
            operands = (len(self.constants), instruction.shape)
            self.constants.append(instruction.data)
        does = "numbers" if len(operands) == 1 else "described_constant"
        self._array[instruction] = self._set_up(does, operands, self._fresh("c"))

    def _place_fill(self, instruction: Instruction) -> None:
        operands = (lengths(instruction), *self._operands(instruction))
        self._array[instruction] = self._set_up("full", operands, self._fresh("f"))

    def _place_view(self, instruction: Instruction) -> None:
        [base] = instruction.operands
        look = viewed(self._name(base), base, instruction.data)
        if self._is_dynamic(instruction):
            self._array[instruction] = self._dynamic_look(look, self.start if base.op == "input" else self.body)
        else:
            self._array[instruction] = self._look(look, "w" if base.op == "theta" else "v")

    # Element by element

    def _place_map(self, instruction: Instruction) -> None:
        if instruction.is_number:  # it follows from the size of the batch
            operation = OnNumbers(instruction.data)
            self._array[instruction] = self._set_up(operation, self._operands(instruction), self._fresh("n"))
        elif instruction.data in OF_ALL.values():
            self._array[instruction] = name = self._fresh("p")
            self._do(instruction.data, self._operands(instruction), name)
        elif instruction.data is ops.where and is_mask(instruction.operands[0]):
            self._select(instruction)
        elif not self._is_combined(instruction):
            operands = self._operands(instruction)
            self._do(instruction.data, operands, self._buffer(instruction))

    def _select(self, instruction: Instruction) -> None:
        """Copies one operand bit by bit where the mask says so, and the bits of a number elsewhere.

        That takes half the time of a copy with a condition for each element.
        """
        mask, x, y = instruction.operands
        base, number, kept = (x, y, mask.data) if y.op == "literal" else (y, x, ~mask.data)
        source, out = self._array[base], self._buffer(instruction)
        if isinstance(source, float) or base.is_number:
            self._do("copyto", (source,), out)
            source = out
        bits = self._look(Look(out, "bits"))
        look: Array = Look(source, "bits")
        constant = self._number_of(kept)
        look = look if self._is_dynamic(base) else self._look(look)
        self._do("keep_bits", (look, self._once("bits", (constant,), "i")), bits)
        if number.data != 0.0 or copysign(1.0, number.data) < 0.0:
            self._do("add_bits", (bits, self._once("other_bits", (constant, number.data), "i")), bits)

    def _is_combined(self, instruction: Instruction) -> bool:
        """Whether this combines two numbers into the first result, which Python does faster than a NumPy call."""
        if instruction is not self._program.outputs[0] or self._uses[instruction] or instruction.op != "map":
            return False
        return instruction.data in _PLAIN and not (instruction.shape or instruction.batched or instruction.is_number)

    def _place_pick(self, instruction: Instruction) -> None:
        [shares] = instruction.operands
        self._do("pick", (self._name(shares), instruction.data), self._buffer(instruction))

    # Along an axis

    def _place_rows(self, instruction: Instruction) -> None:
        operands: tuple[Operand, ...] = self._operands(instruction)
        if instruction.data in OF_EXPONENTIALS:
            operands = self._of_exponentials(instruction)
        self._do(instruction.data, operands, self._buffer(instruction))

    def _of_exponentials(self, instruction: Instruction) -> tuple[Operand, ...]:
        """What functions take that share the exponentials of their first operand, or of its own first operand."""
        x, *others = instruction.operands
        if instruction.data == "softmax_pull":
            return (self._exponentials(x.operands[0]), *self._operands(instruction), self._ones(x.shape[-1]))
        if instruction.data == "log_softmax_pull":
            return (self._exponentials(x), *map(self._name, others), self._ones(x.shape[-1]))
        return (self._exponentials(x), self._name(x)) if instruction.data == "log_softmax" else (self._exponentials(x),)

    def _exponentials(self, x: Instruction) -> str:
        if x not in self._common:
            self._common[x] = name = self._fresh("e")
            width = x.shape[-1]
            starts = self._once("starts", (whole_length(x), width), "starts")
            self._do("exponentials", (self._name(x), starts, self._ones(width)), name)
        return self._common[x]

    def _ones(self, length: int | Rows, scale: float = 1.0) -> str:
        return self._once("ones", (length,), "ones") if scale == 1.0 else self._once("full", (length, scale), "weights")

    def _place_total(self, instruction: Instruction) -> None:
        """A product with ones is the fastest way to add up rows."""
        [x] = instruction.operands
        ones = self._ones(x.shape[-1], instruction.data)
        is_stack = x.batched + len(x.shape) > 2
        does = "matmul" if is_stack or instruction in self._strided else "dot"
        self._do(does, (self._name(x), ones), self._buffer(instruction))

    def _place_rows_total(self, instruction: Instruction) -> None:
        [x] = instruction.operands
        ones = self._ones(Rows())
        rows, out = self._name(x), self._buffer(instruction)
        if len(x.shape) > 1:
            if looked_at(x)[1] != whole(x.shape):
                self._do("add_rows", (rows,), out)
                return
            rows = self._look(Look(rows, "reshape", (Rows(), x.size)))
            out = self._look(Look(out, "reshape", (x.size,)))
        self._do("matmul" if instruction in self._strided else "dot", (ones, rows), out)

    def _place_take(self, instruction: Instruction) -> None:
        [base] = instruction.operands
        index = self._index(instruction.data)
        does = "take_of_rows" if base.batched else "take"
        self._do(does, (self._flat(base), index), self._buffer(instruction))

    def _flat(self, base: Instruction) -> Array:
        """A look at an array that has one axis, in which its elements are numbered."""
        look = flat(self._name(base), base)
        return look if self._is_dynamic(base) else self._look(look)

    def _place_copy(self, instruction: Instruction) -> None:
        self._do("copyto", (self._array[instruction.operands[0]],), self._buffer(instruction))

    def _place_join(self, instruction: Instruction) -> None:
        out = self._buffer(instruction)
        start = 0
        for operand in instruction.operands:
            stop = start + operand.shape[-1]
            self._do("copyto", (self._array[operand],), self._look(Look(out, "slice_of_last", (start, stop, 1))))
            start = stop

    # Products

    def _place_contract(self, instruction: Instruction) -> None:
        x, y = instruction.operands[:2]
        product = Product(instruction)
        if product.swapped:
            x, y = y, x
        left = self._matrix(x, product.left)
        right = self._matrix(y, product.right)
        out = self._buffer(instruction)
        result = product.result.look(out)
        if out not in self._dynamic:
            result = self._look(result)
        self._multiply(instruction, product, (left, right), result)

    def _multiply(self, contract: Instruction, product: Product, factors: tuple[Array, Array], out: Array) -> None:
        """Computes a product into a look at its result."""
        self._call_product(contract, product, factors, out)
        if product.masks_terms:
            operands = (*self._operands(contract), f'"{product.spec}"')
            self._do("add_unmasked", operands, self._name(contract))

    def _matrix(self, instruction: Instruction, form: Form) -> Array:
        look = form.look(self._name(instruction))
        return look if form.copies or self._is_dynamic(instruction) else self._look(look)

    def _call_product(self, contract: Instruction, product: Product, factors: tuple[Array, Array], out: Array) -> None:
        """The fastest function: `dot` where it can be used, multiplication with broadcasting where nothing is summed.

        `dot` knows no stacks and computes into contiguous arrays only. Where a factor is a single number, it takes 0
        times infinity for 0.
        """
        numbers = [factor for factor in contract.operands[:2] if factor.size == 1]
        takes_dot = not product.is_stack and contract not in self._strided
        if takes_dot and not numbers:
            chosen = product.of_many_rows()
            if chosen is None:
                self._do("dot", factors, out)
            else:
                self._do("call", (self._once(*chosen, "product"), *factors), out)
            return
        is_outer = product.is_outer or (takes_dot and product.contracted == "b" and product.is_matrix)
        does = "multiply" if is_outer else "matmul"
        if takes_dot and all(factor.batched for factor in numbers):
            self._do("call", (self._once("either", (does,), "product"), *factors), out)
        else:
            self._do(does, factors, out)

    # Gradients and results

    def _prepared(self, instruction: Instruction) -> Assembly:
        """Makes the array, and looks at the places where contributions are computed.

        Every call allocates a large gradient anew, so that it need not be copied.
        """
        self._array[instruction] = name = self._fresh("g")
        is_new = instruction in self._program.outputs and not instruction.batched and instruction.size > self.copied
        (self.start if is_new else self.setup).append(Statement("empty", (lengths(instruction),), name))
        found = assembly(instruction, self._uses)
        if is_new:
            self._dynamic.add(name)
        for place, part in found.computed:
            if is_strided(instruction, place):
                self._strided.add(part)
            look = viewed(name, instruction, place)
            self._array[part] = self._dynamic_look(look, self.start) if is_new else self._look(look)
        if not found.is_covered:
            self.start.append(Statement("zero", (), name))
        return found

    def _place_assemble(self, instruction: Instruction) -> None:
        found = self._assemblies[instruction]
        for does, parts in (("copyto", found.written), ("add", found.added)):
            for place, part in parts:
                if isinstance(place, np.ndarray):
                    self._put_by_number(does, instruction, place, part)
                else:
                    self._put(does, instruction, place, part)

    def _put(self, does: str, base: Instruction, place: View | None, part: Instruction) -> None:
        """Writes or adds a contribution where it belongs."""
        out = self._name(base)
        target = out if place is None else viewed(out, base, place)
        if out not in self._dynamic:
            target = self._look(target)
        elif does == "add" and target != out:
            target = self._dynamic_look(target, self.body)
        addend = self._array[part]
        self._do(does, (target, addend) if does == "add" else (addend,), target)

    def _put_by_number(self, does: str, base: Instruction, place: np.ndarray, part: Instruction) -> None:
        out = self._flat(base)
        contribution: Array | float = self._array[part]
        if len(part.shape) != 1 and not part.is_number:
            contribution = look = flat(self._name(part), part)
            copies = looked_at(part)[1].strides != contiguous(part.shape)  # and a copy made now would not change later
            if not copies and not self._is_dynamic(part):
                contribution = self._look(look)
        index = self._index(place.ravel())
        if np.unique(place).size == place.size:
            self._do("add_at" if does == "add" else "put", (contribution, index), out)
            return
        operands: tuple[Operand, ...] = (contribution, index)
        if base.batched:
            operands = (contribution, self._once("index_of_rows", (base.size, index), "i"))
        if part.is_number or part.batched < base.batched:
            shape = (Rows(), place.size) if base.batched else (place.size,)
            self._do("add_one_by_number", (*operands, shape), out)
        else:
            self._do("add_by_number", operands, out)

    def _result(self, output: Instruction) -> Statement:
        if self._is_combined(output):
            terms = [self._array[x] if x.is_number else Look(self._name(x), "item") for x in output.operands]
            return Statement(OnNumbers(output.data), tuple(terms))
        name = self._array[output]
        if isinstance(name, str) and name in self._dynamic and output.op == "assemble":
            return Statement("return", (name,))
        is_one = output.is_number or not (output.shape or output.batched)
        return Statement("return_number" if is_one else "return_copy", (name,))


def _is_rearranged(operand: Instruction) -> bool:
    """Whether this is a view of all elements of an array in another order."""
    view = operand.data
    return operand.op == "view" and base_of(operand).size == operand.size and view.strides != contiguous(view.shape)


def _row_size(statement: Statement) -> int:
    """The number of elements per row of the batch that it allocates."""
    if statement.does == "room":
        rows, width = statement.operands
        return rows.times * (3 + 2 * width) if isinstance(rows, Rows) and isinstance(width, int) else 0
    shape = statement.operands[0] if statement.does in ("empty", "full") else ()
    if not isinstance(shape, tuple) or not shape or not isinstance(shape[0], Rows):
        return 0
    return shape[0].times * prod([length for length in shape[1:] if isinstance(length, int)])


def _uses(program: Program) -> dict[Instruction, list[Instruction]]:
    """The instructions that each one is an operand of."""
    uses: dict[Instruction, list[Instruction]] = {instruction: [] for instruction in program.instructions}
    for instruction in program.instructions:
        for operand in instruction.operands:
            uses[operand].append(instruction)
    return uses
