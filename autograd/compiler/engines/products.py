"""Turns a contraction of labelled axes into a matrix product of reshaped arrays."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from ..ir import looked_at
from .looks import Look, Rows, transposed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ir import Instruction
    from .looks import Array


class Product:
    """A contraction as a product of matrices, or of stacks of them.

    Axes that both factors and the result have become the stack; those of one factor and the result become its rows or
    columns; those of both factors only are summed over. In "hk,kr->hr" with a batched left factor, for example, the
    labels with b for the batch are "bhk", "kr" and "bhr": no stack, rows "bh", columns "r", and a sum over "k". So the
    left factor is reshaped to a matrix of batch * h rows.

    Attributes:
        left: how to look at the left factor, as stack, rows, contracted axes.
        right: how to look at the right factor, as stack, contracted axes, columns.
        result: how to look at the result, as stack, rows, columns, which never takes a copy.
        swapped: whether the left factor is the second operand.
        contracted: the axes that are summed over.
        is_stack: whether the factors are stacks.
        is_matrix: whether both factors are matrices.
        is_outer: whether nothing is summed.
        spec: the axes of factors, mask and result, with b for the batch.
        masks_terms: whether the mask leaves out some terms of a sum, and not only whole sums.
    """

    def __init__(self, contract: Instruction) -> None:
        x, y, *mask, out = _labels(contract)
        self.spec = f"{','.join([x, y, *mask])}->{out}"
        self.masks_terms = not set("".join(mask)) <= set(out)
        operands = list(contract.operands[:2])
        stack = [label for label in out if label in x and label in y]
        first = next((label for label in out if label not in stack), "")
        self.swapped = first in y and first not in x
        if self.swapped:
            x, y = y, x
            operands.reverse()
        rows = "".join(label for label in out if label in x and label not in stack)
        columns = "".join(label for label in out if label in y and label not in stack)
        self.contracted = "".join(label for label in x if label in y and label not in out)
        rows, columns = _into_stack_until_a_view(contract, out, stack, rows, columns)
        self.is_stack = bool(stack)
        self.is_matrix = bool(rows and columns)
        keep = self.is_matrix or self.is_stack
        row = [rows] if rows or keep else []
        column = [columns] if columns or keep else []
        self.left = Form(operands[0], x, [*stack, *row, self.contracted])
        self.right = Form(operands[1], y, [*stack, self.contracted, *column])
        self.result = Form(contract, out, [*stack, *row, *column])
        inner = dict(zip(x[operands[0].batched :], operands[0].shape, strict=True))
        self.is_outer = self.is_matrix and all(inner.get(label) == 1 for label in self.contracted)

    def of_many_rows(self) -> tuple[str, tuple[int | Rows, ...]] | None:
        """What to ask for a function for as many rows as the batch will have; None if `dot` is always fastest."""
        if self.is_stack or not self.is_matrix:
            return None
        (rows, length), (_, width) = self.left.lengths, self.right.lengths
        multiplications = prod([each.times if isinstance(each, Rows) else each for each in (rows, length, width)])
        if isinstance(rows, Rows) and multiplications >= _MANY_PER_ROW:
            return "product_by_rows", (rows, length, width)
        if isinstance(length, Rows) and multiplications >= _PIECES_PER_ROW:
            return "product_over_rows", (rows, length, width)
        return None


_MANY_PER_ROW = 128  # multiplications per observation, below which it costs more to choose than it gains
_PIECES_PER_ROW = 4096  # the same if they are added up over the batch


def _labels(contract: Instruction) -> list[str]:
    """The axes of the factors, the mask if there is one, and the result, with b for the batch."""
    inputs, result = contract.data.split("->")
    labels, arrays = [*inputs.split(","), result], [*contract.operands, contract]
    return ["b" * array.batched + each for array, each in zip(arrays, labels, strict=True)]


def _into_stack_until_a_view(
    contract: Instruction, out: str, stack: list[str], rows: str, columns: str
) -> tuple[str, str]:
    """Moves axes to the stack until the result is a view: what is computed into a copy is lost.

    It terminates, since rows and columns of one axis each take no copy.
    """
    while Form(contract, out, [*stack, *filter(None, [rows, columns])]).copies:
        if len(rows) > 1:
            stack.append(rows[0])
            rows = rows[1:]
        else:
            stack.append(columns[0])
            columns = columns[1:]
    return rows, columns


class Form:
    """How to look at an array as a stack of matrices: axes in another order, those of a group merged.

    Labels that the array lacks are axes of length 1.

    Attributes:
        copies: whether that takes a copy, since merged axes are not evenly spaced.
        same_axes: whether no axes merge.
    """

    def __init__(self, array: Instruction, labels: str, groups: Sequence[str]) -> None:
        base, view = looked_at(array)
        batch = int(array.batched)
        self._groups = groups
        self._length = dict(zip(labels, (1,) * batch + array.shape, strict=True))
        stride = dict(zip(labels, (base.size,) * batch + view.strides, strict=True))
        self._order = tuple([labels.index(label) for group in groups for label in group if label in labels])
        self.copies = False
        for group in groups:
            for outer, inner in pairwise(group):
                self.copies |= stride[outer] != stride[inner] * self._length[inner]
        self.same_axes = [len(group) for group in groups] == [1] * len(labels)

    @property
    def lengths(self) -> tuple[int | Rows, ...]:
        """The lengths of the axes in this form."""
        return tuple(map(self._merged, self._groups))

    def look(self, name: Array) -> Array:
        """A look at the array in this form."""
        array = transposed(name, self._order)
        return array if self.same_axes else Look(array, "reshape", self.lengths)

    def _merged(self, group: str) -> int | Rows:
        length = prod([self._length.get(label, 1) for label in group])
        return Rows(length) if "b" in group and "b" in self._length else length
