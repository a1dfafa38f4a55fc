"""The intermediate representation: instructions, each an operation on the arrays of earlier ones."""

from __future__ import annotations

import builtins
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .. import ops
from ..ops import FLOATS, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import ArrayLike

Shape = tuple[int, ...]


class View(NamedTuple):
    """Where the elements of a view lie in a flat array: the first one's number, and a stride per axis."""

    offset: int
    shape: Shape
    strides: Shape


class Contribution(NamedTuple):
    """What an operation adds to an operand's gradient, if its partials only work on numbers."""

    operation: Operation
    operand: int


Action: TypeAlias = Operation | Contribution | str
"""What a `map` does: an operation, a contribution, or a primitive that only some engines have."""


class Instruction:
    """One step of a program, and the array that it gives.

    Attributes:
        op: the kind of step:

            - `theta`, `input`: the parameter vector; the array of argument number `data`
            - `literal`: a number, an array of numbers, or a mask: an array of bools
            - `symbol`: a number known once the batch is: the "batch" size, the "scale" of each row's loss
            - `map`: `data`, an `Action`, element by element
            - `pick`: number `data` of a `map` that gives several arrays
            - `view`: a strided view
            - `take`: elements by their numbers, `data`
            - `copy`: the elements of a view, contiguous; or the same ones for every observation
            - `fill`: an array full of one number
            - `contract`: products summed over shared axes; `data` is "clk,crk->crl", say. With a third operand, a mask,
              as in "clk,crk,clk->crl", products count only where it is true. Elsewhere a factor is 0, or the result is
              not read: the mask matters if a factor is infinite, as 0 times infinity is nan. The mask may be the first
              factor, of numbers that need no derivative: its products count where it is not 0
            - `rows`: a function along the last axis, such as "softmax"
            - `total`: the sum over the last axis, times `data`
            - `rows_total`: the sum over the batch
            - `join`: arrays side by side along the last axis
            - `assemble`: contributions to parts of one array; `data` says where each belongs
        operands: the instructions whose arrays it works on.
        data: its parameters, by kind.
        shape: of the array for one observation.
        batched: whether the array has an axis of observations in front.
        is_number: whether this is one number for all observations, which broadcasts to every shape.
    """

    __slots__ = ("batched", "data", "is_number", "op", "operands", "shape")

    def __init__(self, op: str, operands: tuple[Instruction, ...], data: Any, shape: Shape, batched: bool) -> None:
        self.op = op
        self.operands = operands
        self.data = data
        self.shape = shape
        self.batched = batched
        self.is_number: bool = (
            False not in [operand.is_number for operand in operands]  # three times as fast as a generator
            if op == "map"
            else op == "symbol" or (op == "literal" and isinstance(data, float))
        )

    @property
    def size(self) -> int:
        """The number of elements for one observation."""
        return prod(self.shape)

    def __repr__(self) -> str:
        return f"<{self.op} {described(self.data)} {'batch x ' if self.batched else ''}{self.shape}>"


def described(data: Any) -> str:
    """An instruction's parameters in a few words."""
    if isinstance(data, np.ndarray):
        return f"{data.size} numbers" if data.size > 4 else str(data.tolist())
    if isinstance(data, Operation):
        return data.name
    if isinstance(data, Contribution):
        return f"{data.operation.name}'{data.operand}"
    if isinstance(data, View):
        return f"from {data.offset} by {', '.join(map(str, data.strides)) or 0}"
    if isinstance(data, tuple):
        return "; ".join("all" if part is None else described(part) for part in data)
    return "" if data is None else str(data)


def tuple_text(parts: Iterable[str]) -> str:
    """The text of a tuple."""
    parts = list(parts)
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


class Program:
    """Instructions, operands before results, and which of them are the outputs."""

    def __init__(self, instructions: Sequence[Instruction], outputs: Sequence[Instruction]) -> None:
        self.instructions = tuple(instructions)
        self.outputs = tuple(outputs)

    def __str__(self) -> str:
        number = {instruction: i for i, instruction in enumerate(self.instructions)}
        lines = []
        for instruction, i in number.items():
            operands = ", ".join(f"%{number[operand]}" for operand in instruction.operands)
            shape = (("batch",) if instruction.batched else ()) + instruction.shape
            does = " ".join(filter(None, (instruction.op, described(instruction.data))))
            lines.append(f"%{i}: {' x '.join(map(str, shape)) or 'scalar'} = {does}({operands})")
        lines.append("return " + ", ".join(f"%{number[output]}" for output in self.outputs))
        return "\n".join(lines)


class Builder:
    """Makes instructions, each once: asking for the same one again gives the existing one."""

    def __init__(self, mean: bool = True, batched: bool = True) -> None:
        self.mean = mean
        self.batched = batched
        self.instructions: list[Instruction] = []
        self._made: dict[Any, Instruction] = {}

    def make(
        self, op: str, operands: Iterable[Instruction], data: Any, shape: Shape, batched: bool | None = None
    ) -> Instruction:
        """An instruction, batched by default if an operand is."""
        operands = tuple(operands)
        if batched is None:
            batched = True in [operand.batched for operand in operands]
        key = (op, operands, data if type(data) in _HASHED else _key(data), shape, batched)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = Instruction(op, operands, data, shape, batched)
            self.instructions.append(made)
        return made

    def program(self, outputs: Sequence[Instruction]) -> Program:
        """The instructions that the outputs depend on."""
        needed = set(outputs)
        for instruction in reversed(self.instructions):
            if instruction in needed:
                needed.update(instruction.operands)
        return Program([instruction for instruction in self.instructions if instruction in needed], outputs)

    def number(self, x: float) -> Instruction:
        """One number, which broadcasts to every shape."""
        return self.make("literal", (), float(x), ())

    def numbers(self, xs: ArrayLike) -> Instruction:
        """An array of numbers; one number if all are the same."""
        array = np.asarray(xs, dtype=float)
        if array.size and (array == array.flat[0]).all() and (np.signbit(array) == np.signbit(array.flat[0])).all():
            return self.number(array.flat[0])
        return self.make("literal", (), array, array.shape)

    def symbol(self, name: str) -> Instruction:
        """The `scale` of each row's loss, or the `batch` size."""
        if not self.batched or (name == "scale" and not self.mean):
            return self.number(1.0)
        return self.make("symbol", (), name, ())

    def map(self, operation: Action, *operands: Instruction) -> Instruction:
        """An operation, element by element, on arrays of one shape and numbers."""
        shorter = self._folded(operation, operands)
        if shorter is not None:
            return shorter
        shape: Shape = ()
        for operand in operands:
            if not operand.is_number:
                shape = operand.shape
                break
        return self.make("map", operands, operation, shape)

    def _folded(self, operation: Action, operands: tuple[Instruction, ...]) -> Instruction | None:
        """The result if no operation is needed for it, exact in IEEE arithmetic; otherwise None."""
        if not isinstance(operation, Operation):
            return None
        for x in operands:
            if x.op != "literal" or not x.is_number:
                fold = _FOLDS.get(operation)
                return fold(self, *operands) if fold else None
        return self.number(FLOATS.evaluate(operation, [x.data for x in operands]))

    def storage(self, array: Instruction) -> Instruction:
        """The array, contiguous, as views need it."""
        return self.make("copy", [array], None, array.shape) if array.op == "view" else array

    def view(self, array: Instruction, view: View) -> Instruction:
        """A view of an array; the array itself if that is the same."""
        array = self.storage(array)
        if array.is_number or view == whole(array.shape):
            return array
        return self.make("view", [array], view, view.shape)

    def reshaped(self, array: Instruction, shape: Shape) -> Instruction:
        """The array in another shape."""
        return self.view(array, whole(shape))

    def stretched(self, array: Instruction, length: int) -> Instruction:
        """The array repeated along a new last axis."""
        base, view = looked_at(array)
        return self.view(base, View(view.offset, (*view.shape, length), (*view.strides, 0)))

    def filled(self, array: Instruction, shape: Shape, batched: bool) -> Instruction:
        """A number as an array, with an axis of observations if asked for."""
        if array.is_number:
            return self.make("fill", [array], None, shape, batched)
        if batched and not array.batched:
            return self.make("copy", [array], None, shape, True)
        return array

    def rows(self, name: str, shape: Shape, *operands: Instruction) -> Instruction:
        """A function along the last axis."""
        return self.make("rows", operands, name, shape)

    def total(self, array: Instruction, scale: float = 1.0) -> Instruction:
        """The sum over the last axis, times a number."""
        if array.op == "map" and array.data is ops.neg:
            [array], scale = array.operands, -scale
        return self.make("total", [array], scale, array.shape[:-1])

    def rows_total(self, array: Instruction) -> Instruction:
        """The sum over the batch. If all observations have the same, it counts once per row."""
        if array.op == "contract" and builtins.all(operand.batched for operand in array.operands[:2]):
            return self.make("contract", array.operands, array.data, array.shape, False)
        if array.batched:
            return self.make("rows_total", [array], None, array.shape, False)
        if array.op == "symbol" and array.data == "scale":
            return self.number(1.0)
        return self.map(ops.mul, array, self.symbol("batch"))

    def contract(self, spec: str, operands: Sequence[Instruction], batched: bool) -> Instruction:
        """Products of two arrays' elements, summed over the axes missing from the result in `spec`."""
        inputs, result = spec.split("->")
        lengths: dict[str, int] = {}
        for labels, array in zip(inputs.split(","), operands, strict=True):
            lengths.update(zip(labels, array.shape, strict=True))
        return self.make("contract", operands, spec, tuple(lengths[label] for label in result), batched)

    def masked(self, mask: np.ndarray, array: Instruction, number: float) -> Instruction:
        """The array where the mask is true, elsewhere a number: nothing flows back from there, not even nan."""
        return self.map(ops.where, self.make("literal", (), mask, mask.shape), array, self.number(number))


def whole(shape: Shape) -> View:
    """The view of all elements in order."""
    return View(0, shape, contiguous(shape))


def looked_at(array: Instruction) -> tuple[Instruction, View]:
    """A view's base and the view; any other array is a view of itself."""
    return base_of(array), array.data if array.op == "view" else whole(array.shape)


def base_of(array: Instruction) -> Instruction:
    """A view's base; any other array is its own."""
    return array.operands[0] if array.op == "view" else array


def contiguous(shape: Shape) -> Shape:
    """The strides of a contiguous array."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


_HASHED = {Operation, str, type(None)}


def _key(data: Any) -> Any:
    if isinstance(data, float):
        return data.hex()
    if isinstance(data, np.ndarray):
        return data.dtype.str, data.shape, data.tobytes()
    if isinstance(data, tuple):
        return type(data), tuple(map(_key, data))
    return data


def is_mask(x: Instruction) -> bool:
    """Whether this is an array of bools."""
    return x.op == "literal" and isinstance(x.data, np.ndarray) and x.data.dtype == bool


def chooses(contract: Instruction) -> bool:
    """Whether the mask of a contraction is its first factor: products count where that is not 0."""
    return contract.operands[2:] == contract.operands[:1]


# Operations that fold. Only what holds for every operand, nan, inf and -0 included, is in here.


def is_literal(x: Instruction, number: float) -> bool:
    """Whether this is that number."""
    return x.op == "literal" and isinstance(x.data, float) and x.data == number


def _fold_mul(builder: Builder, x: Instruction, y: Instruction) -> Instruction | None:
    for one, other in ((x, y), (y, x)):
        if is_literal(one, 1.0):
            return other
        if is_literal(one, -1.0):
            return builder.map(ops.neg, other)
    return None


def _fold_neg(builder: Builder, x: Instruction) -> Instruction | None:
    if x.op != "map":
        return None
    if x.data is ops.neg:
        return x.operands[0]
    if x.data is ops.mul and x.operands[0].op == "literal" and x.operands[0].is_number:
        return builder.map(ops.mul, builder.number(-x.operands[0].data), x.operands[1])
    return None


def _fold_add(builder: Builder, x: Instruction, y: Instruction) -> Instruction | None:
    if x is y:
        return builder.map(ops.mul, builder.number(2.0), x)
    if y.op == "map" and y.data is ops.neg:
        return builder.map(ops.sub, x, y.operands[0])
    if x.op == "map" and x.data is ops.neg:
        return builder.map(ops.sub, y, x.operands[0])
    return None


def _fold_div(builder: Builder, x: Instruction, y: Instruction) -> Instruction | None:
    return x if is_literal(y, 1.0) else None


def _fold_pow(builder: Builder, x: Instruction, y: Instruction) -> Instruction | None:
    if is_literal(y, 2.0):
        return builder.map(ops.mul, x, x)
    return x if is_literal(y, 1.0) else None


def _fold_where(builder: Builder, condition: Instruction, x: Instruction, y: Instruction) -> Instruction | None:
    if condition.op != "literal" or not isinstance(condition.data, float):
        return None
    chosen, other = (x, y) if condition.data else (y, x)
    is_whole = other.is_number or (other.shape == chosen.shape and other.batched <= chosen.batched)
    return chosen if is_whole and chosen.is_number <= other.is_number else None


_FOLDS: dict[Operation, Callable[..., Instruction | None]] = {
    ops.mul: _fold_mul,
    ops.neg: _fold_neg,
    ops.add: _fold_add,
    ops.div: _fold_div,
    ops.pow: _fold_pow,
    ops.where: _fold_where,
}
