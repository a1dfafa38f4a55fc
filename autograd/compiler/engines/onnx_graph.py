"""Writes a program without gradient as a graph of ONNX, with matrix products where it has them."""

from __future__ import annotations

import math
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..differentiate import elements
from ..ir import View, contiguous, whole
from .onnx_nodes import Nodes
from .onnx_numbers import OnnxNumbers, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..ir import Instruction, Program, Shape

OUTPUTS = "outputs"


class OnnxGraph:
    """The nodes of a program. Tensors of batched instructions have the axis of observations in front.

    Attributes:
        nodes: the nodes; the last one gives `OUTPUTS`.
    """

    def __init__(self, program: Program, theta: np.ndarray, takes_rows: bool) -> None:
        self.nodes = Nodes(theta.dtype)
        self._m = OnnxNumbers(self.nodes)
        self._theta = theta
        self._names: dict[Instruction, str] = {}
        for instruction in program.instructions:
            self._names[instruction] = getattr(self, f"_write_{instruction.op}")(instruction)
        [output] = program.outputs
        name = self._with_rows(output, output.shape) if takes_rows else self._names[output]
        self.nodes.named("Identity", [name], OUTPUTS)

    # Shapes

    def _reshaped(self, name: str, lengths: Sequence[int]) -> str:
        """A tensor in another shape; -1 is the length of the axis of observations."""
        array = self.nodes.constants.get(name)
        if array is not None:
            return self.nodes.constant(array.reshape(lengths))
        return self.nodes.node("Reshape", [name, self.nodes.constant(np.array(lengths, dtype=np.int64))])

    def _transposed(self, name: str, order: Sequence[int]) -> str:
        if list(order) == sorted(order):
            return name
        array = self.nodes.constants.get(name)
        if array is not None:
            return self.nodes.constant(array.transpose(order))
        return self.nodes.node("Transpose", [name], perm=tuple(order))

    def _with_rows(self, instruction: Instruction, shape: Shape) -> str:
        """The tensor of an instruction, repeated for each observation if it has no axis for them."""
        name = self._names[instruction]
        if instruction.batched:
            return name
        batch = self.nodes.node("Shape", ["x0"], start=0, end=1)
        lengths = self.nodes.node("Concat", [batch, self.nodes.constant(np.array(shape, dtype=np.int64))], axis=0)
        return self.nodes.node("Expand", [name, lengths])

    def _taken(self, base: Instruction, numbers: np.ndarray) -> str:
        """Elements of an array by number."""
        name = self._names[base]
        array = self.nodes.constants.get(name)
        if array is not None:
            return self.nodes.constant(array.ravel()[numbers])
        flat = name if len(base.shape) == 1 else self._reshaped(name, _lengths((base.size,), base.batched))
        return self.nodes.node("Gather", [flat, self.nodes.constant(numbers)], axis=int(base.batched))

    # Leaves and what is only looked at

    def _write_theta(self, instruction: Instruction) -> str:
        return self.nodes.constant(self._theta)

    def _write_input(self, instruction: Instruction) -> str:
        return f"x{instruction.data}"

    def _write_literal(self, instruction: Instruction) -> str:
        return self.nodes.constant(np.asarray(instruction.data, dtype=float))  # also of a mask

    def _write_view(self, instruction: Instruction) -> str:
        [base] = instruction.operands
        view: View = instruction.data
        if view == whole(view.shape) and base.size == instruction.size:
            return self._reshaped(self._names[base], _lengths(view.shape, base.batched))
        order = sorted(range(len(view.shape)), key=lambda axis: (-view.strides[axis], axis))
        shape = tuple([view.shape[axis] for axis in order])
        is_block = tuple([view.strides[axis] for axis in order]) == contiguous(shape) and prod(shape) == base.size
        if not is_block:
            return self._taken(base, elements(view))
        block = self._reshaped(self._names[base], _lengths(shape, base.batched))
        back = [order.index(axis) for axis in range(len(order))]
        return self._transposed(block, [0, *[1 + axis for axis in back]] if base.batched else back)

    def _write_take(self, instruction: Instruction) -> str:
        return self._taken(instruction.operands[0], instruction.data)

    def _write_copy(self, instruction: Instruction) -> str:
        [base] = instruction.operands
        return self._with_rows(base, instruction.shape) if instruction.batched else self._names[base]

    def _write_fill(self, instruction: Instruction) -> str:
        [number] = instruction.operands
        if instruction.batched:
            return self._with_rows(number, instruction.shape)
        return self.nodes.constant(np.full(instruction.shape, self.nodes.constants[self._names[number]]))

    # Element by element

    def _write_map(self, instruction: Instruction) -> str:
        return self._m.apply(instruction.data, *map(self._operand, instruction.operands)).name

    def _operand(self, instruction: Instruction) -> Tensor | float:
        if instruction.op == "literal" and instruction.is_number:
            return float(instruction.data)
        return Tensor(self._m, self._names[instruction])

    # Sums and products

    def _write_total(self, instruction: Instruction) -> str:
        x = Tensor(self._m, self._names[instruction.operands[0]])
        scaled = x if instruction.data == 1.0 else x * instruction.data
        return self._m.node("ReduceSum", scaled, np.array([-1]), keepdims=0).name

    def _write_contract(self, instruction: Instruction) -> str:
        """A product of matrices, or of stacks of them: axes in another order, those of a kind merged."""
        inputs, result = instruction.data.split("->")
        factors, length = [], {"b": -1}
        for each, axes in zip(instruction.operands, inputs.split(","), strict=True):
            factors.append((self._names[each], "b" * each.batched + axes))
            length.update(zip(axes, each.shape, strict=True))
        out = "b" * instruction.batched + result
        if len(factors) > 2:
            return self._masked_sums(factors, out, length)
        (x, of_x), (y, of_y) = sorted(factors, key=lambda factor: "b" not in factor[1])
        stack = [axis for axis in out if axis in of_x and axis in of_y]
        rows = "".join([axis for axis in out if axis in of_x and axis not in stack])
        columns = "".join([axis for axis in out if axis in of_y and axis not in stack])
        summed = "".join([axis for axis in of_x if axis in of_y and axis not in out])
        left = self._matrices(x, of_x, [*stack, rows, summed], length)
        right = self._matrices(y, of_y, [*stack, summed, columns], length)
        product = self.nodes.node("MatMul", [left, right])
        axes = "".join([*stack, rows, columns])
        if len(rows) != 1 or len(columns) != 1:
            product = self._reshaped(product, [length[axis] for axis in axes])
        return self._transposed(product, [axes.index(axis) for axis in out])

    def _masked_sums(self, factors: Sequence[tuple[str, str]], out: str, length: dict[str, int]) -> str:
        """Sums of the products that a mask lets through: a matrix product would take 0 times infinity for nan."""
        summed = [axis for axis in length if axis not in out and any(axis in axes for _, axes in factors)]
        spread = []
        for name, axes in factors:
            order = [axis for axis in [*out, *summed] if axis in axes]
            ordered = self._transposed(name, [axes.index(axis) for axis in order])
            lengths = [length[axis] if axis in axes else 1 for axis in [*out, *summed]]
            spread.append(Tensor(self._m, self._reshaped(ordered, lengths)))
        x, y, mask = spread
        terms = self._m.where(mask, x * y, 0.0)
        last = np.arange(-len(summed), 0)
        return self._m.node("ReduceSum", terms, last, keepdims=0).name

    def _matrices(self, name: str, axes: str, groups: Sequence[str], length: dict[str, int]) -> str:
        """A tensor with its axes in another order, those of a group merged."""
        name = self._transposed(name, [axes.index(axis) for group in groups for axis in group])
        if all(len(group) == 1 for group in groups):
            return name
        lengths = [prod([length[axis] for axis in group]) for group in groups]
        return self._reshaped(name, [max(each, -1) for each in lengths])

    # Along the last axis

    def _write_rows(self, instruction: Instruction) -> str:
        [x] = [Tensor(self._m, self._names[operand]) for operand in instruction.operands]
        return _OF_ROWS[instruction.data](self._m, x).name

    def _write_join(self, instruction: Instruction) -> str:
        parts = [
            self._with_rows(part, part.shape) if instruction.batched else self._names[part]
            for part in instruction.operands
        ]
        return self.nodes.node("Concat", parts, axis=-1)

    def _write_assemble(self, instruction: Instruction) -> str:
        """The parts side by side, then in order: outputs lie in disjoint places that cover everything."""
        parts, numbers = [], []
        for place, part in zip(instruction.data, instruction.operands, strict=True):
            where = elements(place).ravel() if isinstance(place, View) else place.ravel()
            numbers.append(where)
            parts.append(self._part(part, len(where), instruction.batched))
        order = np.argsort(np.concatenate(numbers))
        name = self.nodes.node("Concat", parts, axis=-1)
        if (order != np.arange(len(order))).any():
            name = self.nodes.node("Gather", [name, self.nodes.constant(order)], axis=-1)
        return self._reshaped(name, _lengths(instruction.shape, instruction.batched))

    def _part(self, part: Instruction, size: int, batched: bool) -> str:
        """The elements of a part in one axis; a number as many times."""
        if part.is_number:
            return self._with_rows(part, (size,)) if batched else self.nodes.constant(np.full(size, part.data))
        name = self._with_rows(part, part.shape) if batched else self._names[part]
        return name if len(part.shape) == 1 else self._reshaped(name, _lengths((size,), batched))


def _lengths(shape: Shape, batched: bool) -> list[int]:
    return [-1, *shape] if batched else list(shape)


def _extreme(m: OnnxNumbers, x: Tensor, kind: str) -> Tensor:
    """The largest or smallest element of each row; nan if any is nan, which runtimes may pass over."""
    unknown = m.choose(m.node("IsNaN", x), x, 0.0)
    last = np.array([-1])
    return m.node(kind, x, last, keepdims=1) + m.node("ReduceSum", unknown, last, keepdims=1)


def _largest(m: OnnxNumbers, x: Tensor) -> Tensor:
    return _extreme(m, x, "ReduceMax")


def _without_axis(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.node("Squeeze", x, np.array([-1]))


def _exponentials(m: OnnxNumbers, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The largest element of each row, exp(x - largest) with 1 for the largest itself, and its sum."""
    top = _largest(m, x)
    e = m.choose(m.equal(x, top), 1.0, m.exp(x - top))
    return top, e, m.node("ReduceSum", e, np.array([-1]), keepdims=1)


def _softmax(m: OnnxNumbers, x: Tensor) -> Tensor:
    """One element that is infinite has everything; the shares of several are nan."""
    top, e, total = _exponentials(m, x)
    is_plain = m.node("Or", m.is_finite(top), m.node("And", m.equal(top, math.inf), m.equal(total, 1.0)))
    return m.div(e, m.choose(is_plain, total, math.nan))


def _rest(m: OnnxNumbers, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The largest element of each row, where the first such is, and the sum of exp(x - largest) over all others.

    Its own 1 is left out, so that a small sum beside it is not lost.
    """
    top = _largest(m, x)
    numbers = m.node("Range", np.array(0), m.node("Squeeze", m.node("Shape", x, start=-1)), np.array(1))
    is_top = m.equal(m.node("ArgMax", x, axis=-1, keepdims=1), numbers)
    rest = m.choose(is_top, 0.0, m.exp(x - top))
    return top, is_top, m.node("ReduceSum", rest, np.array([-1]), keepdims=1)


def _logsumexp(m: OnnxNumbers, x: Tensor) -> Tensor:
    top, _, rest = _rest(m, x)
    return _without_axis(m, m.choose(m.is_finite(top), top + m.log1p(rest), top))


def _log_softmax(m: OnnxNumbers, x: Tensor) -> Tensor:
    """x - logsumexp(x), measured from the largest element, so that it keeps its digits."""
    top, is_top, rest = _rest(m, x)
    log = m.log1p(rest)
    others = x - top - m.choose(m.is_finite(top), log, m.choose(m.equal(top, math.inf), 0.0, top - top))
    return m.choose(m.equal(top, -math.inf), -math.inf, m.choose(is_top, -log, others))


def _product(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.node("ReduceProd", x, np.array([-1]), keepdims=0)


_OF_ROWS: dict[str, Callable[[OnnxNumbers, Tensor], Tensor]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "prod": _product,
    "max": lambda m, x: _without_axis(m, _largest(m, x)),
    "min": lambda m, x: _without_axis(m, _extreme(m, x, "ReduceMin")),
}
