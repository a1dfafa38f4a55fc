"""Looks at arrays, as data: an array in another shape or order, or a part of it, without a copy."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ..ir import contiguous, tuple_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ir import Instruction, View


class Rows(NamedTuple):
    """The length of an axis that grows with the batch: this many times its number of rows."""

    times: int = 1


class Look(NamedTuple):
    """An array, looked at in another way.

    Attributes:
        array: the name of the array, or another look at it.
        how: what `numbers` mean:

            - `reshape`: the lengths of the axes
            - `transpose`: the old axes in their new order
            - `slice`: start, stop and step along the only axis
            - `slice_of_rows`: the same along the second of two axes
            - `slice_of_last`: the same along the last of any number
            - `strided`: nothing, but `view` says where the elements lie along the last axis
            - `bits`: nothing; the numbers as integers that have the same bits
            - `item`: nothing; the one element, as a number
            - `element`: the number of one element along the last axis
            - `new_axes`: the number of axes, and which of them are new, of length 1
            - `broadcast`: the lengths of the axes, along which it repeats where its own are 1 or missing
        view: for `strided`.
    """

    array: Array
    how: str
    numbers: tuple[int | Rows, ...] = ()
    view: View | None = None


Array: TypeAlias = str | Look


def lengths(array: Instruction) -> tuple[int | Rows, ...]:
    """The lengths of an array's axes, with the batch."""
    return (Rows(), *array.shape) if array.batched else array.shape


def whole_length(array: Instruction) -> int | Rows:
    """The number of an array's elements."""
    return Rows(array.size) if array.batched else array.size


def flat(name: Array, array: Instruction) -> Array:
    """The array with its elements along one axis, beside that of the batch."""
    return name if len(array.shape) == 1 else Look(name, "reshape", (*lengths(array)[: array.batched], array.size))


def viewed(name: Array, base: Instruction, view: View) -> Array:
    """A view of an array: slices and reshapes where that is all it takes."""
    axes = sorted(range(len(view.shape)), key=lambda axis: (-view.strides[axis], axis))
    shape = tuple(view.shape[axis] for axis in axes)
    if tuple(view.strides[axis] for axis in axes) == contiguous(shape):
        batch = [0] if base.batched else []
        back = [axes.index(axis) + len(batch) for axis in range(len(axes))]
        return transposed(_block(name, base, view.offset, shape), (*batch, *back))
    if len(view.shape) == 1 and view.strides[0] > 0:
        stop = view.offset + (view.shape[0] - 1) * view.strides[0] + 1
        return _slice(name, base, (view.offset, stop, view.strides[0]))
    return Look(flat(name, base), "strided", view=view)


def _slice(name: Array, base: Instruction, numbers: tuple[int, int, int]) -> Look:
    return Look(flat(name, base), "slice_of_rows" if base.batched else "slice", numbers)


def _block(name: Array, base: Instruction, offset: int, shape: tuple[int, ...]) -> Array:
    """Elements that lie one after the other."""
    size = prod(shape)
    batch = lengths(base)[: base.batched]
    if size == base.size:
        return name if shape == base.shape else Look(name, "reshape", (*batch, *shape))
    part = _slice(name, base, (offset, offset + size, 1))
    return part if len(shape) == 1 else Look(part, "reshape", (*batch, *shape))


def transposed(array: Array, order: tuple[int, ...]) -> Array:
    """The array with its axes in another order."""
    return array if order == tuple(sorted(order)) else Look(array, "transpose", order)


Operand: TypeAlias = Array | float | Rows | tuple[int | Rows, ...] | np.ndarray
"""What a statement reads."""


class Spelt(NamedTuple):
    """How a language on arrays writes the operands of statements.

    Attributes:
        look: an array, looked at in another way.
        array: numbers that stand in the text.
        number: a float.
    """

    look: Callable[[Look], str]
    array: Callable[[np.ndarray], str]
    number: Callable[[float], str]

    def text(self, operand: Operand) -> str:
        """An operand as it stands in a statement."""
        if isinstance(operand, str):
            return operand
        if isinstance(operand, Look):
            return self.look(operand)
        if isinstance(operand, Rows):
            return "batch" if operand.times == 1 else f"batch * {operand.times}"
        if isinstance(operand, tuple):
            return tuple_text([self.text(length) for length in operand])
        if isinstance(operand, np.ndarray):
            return self.array(operand)
        return repr(operand) if isinstance(operand, int) else self.number(operand)
