"""The fifth pass: packs each group of nodes into a few array instructions, sums of products into matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from .elements import MISSING, Elements
from .grids import Numbers, as_view, evenly_spaced
from .signatures import PADDED
from .sums import Sums
from .trace import CONSTANT, FIRST_INPUT, THETA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ops import Operation
    from .flatten import Flat
    from .ir import Builder, Instruction, Shape
    from .signatures import Group
    from .trace import Graph


def leaves(builder: Builder, graph: Graph, lengths: Sequence[Shape]) -> dict[int, Instruction]:
    """The instructions for the parameter vector and the arguments, by source."""
    arrays = {THETA: builder.make("theta", (), None, lengths[0])}
    for k, shape in enumerate(lengths[1:]):
        arrays[FIRST_INPUT + k] = builder.make("input", (), k, shape, True)
    return arrays


class Packer(Elements):
    """Builds the arrays of all groups."""

    def __init__(
        self, builder: Builder, graph: Graph, flat: Flat, signature: list[int], arrays: dict[int, Instruction]
    ) -> None:
        super().__init__(builder, graph, signature, arrays)
        self.flat = flat
        self._rows_so_far: dict[Any, Instruction] = {}

    def pack(self, groups: Sequence[Group]) -> None:
        """Makes the instructions for the groups, operands before results."""
        for group in groups:
            nodes = np.asarray(group.nodes)
            if group.slots is not None:
                array, positions = Sums(self, self.flat, group).packed()
                self.keep(nodes, array, positions, has_spare=True)
            else:
                self._pack_operation(nodes)

    def outputs(self, nodes: Sequence[int]) -> Instruction:
        """The array of the results, of any signatures."""
        numbers = np.asarray(nodes)
        if not numbers.size:
            return self.builder.numbers(np.empty(0))
        kinds = self.signature[numbers]
        places, parts = [], []
        for kind in dict.fromkeys(kinds.tolist()):
            where = np.flatnonzero(kinds == kind)
            parts.append(self.operand(numbers[where]))
            places.append(as_view(where) or where)
        if len(parts) == 1 and not parts[0].is_number:
            return parts[0]
        return self.builder.make("assemble", parts, tuple(places), numbers.shape)

    def _pack_operation(self, nodes: Numbers) -> None:
        operation = self.graph.operations[nodes[0]]
        assert operation is not None
        rows = [self.graph.operands[i] for i in nodes]
        width = max(map(len, rows))
        operands = np.asarray([row + (MISSING,) * (width - len(row)) for row in rows])
        if operation.of_first and width > 1:
            self.keep(nodes, *self._of_first(operation, operands), has_spare=False)
            return
        spread = None if operation in PADDED else self.with_spare(list(operands.T))
        if spread is not None:
            columns, positions, shape = spread
            operands = np.stack(columns, axis=1)
        else:
            order, shape = self.order(list(operands[:, : min(map(len, rows))].T))
            operands, positions = operands[order], np.argsort(order)
        result = self._result(operation, operands.reshape(*shape, -1))
        self.keep(nodes, self.builder.filled(result, shape, False), positions, has_spare=spread is not None)

    def _result(self, operation: Operation, operands: Numbers) -> Instruction:
        """The operation on operands that lie along the last axis."""
        if operation.commutative and operation.arity is None and not operation.linear:
            return self.builder.rows(operation.name, operands.shape[:-1], self._rows(operation, operands))
        if operation is ops.mean:
            return self._mean(operands)
        columns = [self.operand(operands[..., k]) for k in range(operands.shape[-1])]
        return self.builder.map(operation, *columns)

    def _mean(self, operands: Numbers) -> Instruction:
        """The mean of each row, scaled before it overflows."""
        rows, present = self._rows(ops.mean, operands), operands != MISSING
        if present.all():
            return self.builder.total(rows, 1.0 / operands.shape[-1])
        weights = self.builder.numbers(present / present.sum(axis=-1, keepdims=True))
        return self.builder.total(self.builder.map(ops.mul, rows, weights))

    def _rows(self, operation: Operation, nodes: Numbers) -> Instruction:
        """The operands of functions along the last axis, possibly from several arrays."""
        if (nodes == MISSING).any():
            return self.padded(nodes, PADDED[operation])
        kinds = self.signature[nodes.reshape(-1, nodes.shape[-1])[0]]
        cuts = np.flatnonzero(np.diff(kinds)) + 1
        parts = [self.array(part) for part in np.split(nodes, cuts, axis=-1)]
        return parts[0] if len(parts) == 1 else self.builder.make("join", parts, None, nodes.shape)

    def _of_first(self, operation: Operation, operands: Numbers) -> tuple[Instruction, Numbers]:
        """All results of a row at once, such as shares, and where those of the first operands are."""
        kinds, number = self.signature[operands], len(self.position)
        present = set(kinds[0][operands[0] != MISSING].tolist())
        keys = self.position[operands] if len(present) == 1 and CONSTANT not in present else kinds * number + operands
        keys = np.where(operands == MISSING, np.iinfo(keys.dtype).max, keys)
        ranks = np.argsort(keys, axis=1, kind="stable")
        rows, row_of = np.take_along_axis(keys, ranks, axis=1), np.zeros(1, int)
        if len(rows) > 1:  # NumPy would take a millisecond for one long row
            rows, row_of = np.unique(rows, axis=0, return_inverse=True)
        row_of = row_of.reshape(-1)
        example = np.empty(len(rows), dtype=int)
        example[row_of] = np.arange(len(operands))
        nodes = np.take_along_axis(operands, ranks, axis=1)[example]
        place = np.argmin(ranks, axis=1)  # where the first operand has gone
        shape = evenly_spaced(rows[:, 0]) if len(rows) > 1 else (1,)
        nodes = nodes.reshape(*shape, nodes.shape[1])
        key = (operation, shape, nodes.tobytes())
        if key not in self._rows_so_far:  # other results of this row may be of other groups
            self._rows_so_far[key] = self.builder.rows(operation.name, nodes.shape, self._rows(operation, nodes))
        return self._rows_so_far[key], row_of * nodes.shape[-1] + place
