"""The fifth pass: packs each group of nodes into a few array instructions, sums of products into matrix products."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import ops
from .grids import Numbers, as_view, by_appearance, evenly_spaced, factored
from .trace import CONSTANT, FIRST_INPUT, THETA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class Packer:
    """Builds the arrays of all groups."""

    def __init__(
        self, builder: Builder, graph: Graph, flat: Flat, signature: list[int], arrays: dict[int, Instruction]
    ) -> None:
        self.builder = builder
        self.graph = graph
        self.flat = flat
        self.signature = np.asarray(signature)
        self.arrays = dict(arrays)
        self.position = np.asarray(graph.positions)
        self.data = np.asarray(graph.data)

    def pack(self, groups: Sequence[Group]) -> None:
        """Makes the instructions for the groups, operands before results."""
        for group in groups:
            nodes = np.asarray(group.nodes)
            if group.slots is not None:
                array, order = _Sums(self, group).packed()
                positions = np.arange(len(nodes))
            else:
                array, order, positions = self._packed_operation(nodes)
            self.arrays[int(self.signature[nodes[0]])] = self.builder.storage(array)
            self.position[nodes[order]] = positions

    def operand(self, nodes: Numbers) -> Instruction:
        """The array of nodes of one signature, in the shape of their numbers."""
        source = int(self.signature[nodes.flat[0]])
        if source == CONSTANT:
            return self.builder.numbers(self.data[nodes])
        return self.elements(self.arrays[source], self.position[nodes])

    def array(self, nodes: Numbers) -> Instruction:
        """The same, as an array even if all its numbers are equal."""
        return self.builder.filled(self.operand(nodes), nodes.shape, False)

    def elements(self, array: Instruction, positions: Numbers) -> Instruction:
        """The elements at these positions: a view if they are evenly spaced along every axis, otherwise a copy."""
        view = as_view(positions)
        if view is not None:
            return self.builder.view(array, view)
        return self.builder.make("take", [self.builder.storage(array)], positions, positions.shape)

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

    def _packed_operation(self, nodes: Numbers) -> tuple[Instruction, Numbers, Numbers]:
        operation = self.graph.operations[nodes[0]]
        assert operation is not None
        operands = np.asarray([self.graph.operands[i] for i in nodes])
        if operation.of_first and operands.shape[1] > 1:
            return self._of_first(operation, operands)
        order, shape = self.order([operands[:, k] for k in range(operands.shape[1])])
        operands = operands[order].reshape(*shape, -1)
        positions = np.arange(len(nodes))
        if operation.commutative and operation.arity is None and not operation.linear:
            result = self.builder.rows(operation.name, shape, self._rows(operands))
        elif operation is ops.mean:
            result = self.builder.total(self._rows(operands), 1.0 / operands.shape[-1])  # scaled before it overflows
        else:
            columns = [self.operand(operands[..., k]) for k in range(operands.shape[-1])]
            result = self.builder.map(operation, *columns)
        return self.builder.filled(result, shape, False), order, positions

    def _rows(self, nodes: Numbers) -> Instruction:
        """The operands of functions along the last axis, possibly from several arrays."""
        kinds = self.signature[nodes.reshape(-1, nodes.shape[-1])[0]]
        cuts = np.flatnonzero(np.diff(kinds)) + 1
        parts = [self.array(part) for part in np.split(nodes, cuts, axis=-1)]
        return parts[0] if len(parts) == 1 else self.builder.make("join", parts, None, nodes.shape)

    def _of_first(self, operation: Operation, operands: Numbers) -> tuple[Instruction, Numbers, Numbers]:
        """All results of a row at once, such as shares. Each node is that of its first operand."""
        if len(set(self.signature[operands[0]].tolist())) == 1 and self.signature[operands[0, 0]] != CONSTANT:
            keys = self.position[operands]
        else:
            keys = np.arange(operands.size).reshape(operands.shape)
        ranks = np.argsort(keys, axis=1, kind="stable")
        rows, row_of = np.unique(np.take_along_axis(keys, ranks, axis=1), axis=0, return_inverse=True)
        row_of = row_of.reshape(-1)
        example = np.empty(len(rows), dtype=int)
        example[row_of] = np.arange(len(operands))
        nodes = np.take_along_axis(operands, ranks, axis=1)[example]
        place = np.argmin(ranks, axis=1)  # where the first operand has gone
        result = self.builder.rows(operation.name, nodes.shape, self._rows(nodes))
        return result, np.arange(len(operands)), row_of * nodes.shape[1] + place

    def order(self, slots: Sequence[Numbers]) -> tuple[Numbers, Shape]:
        """An order and a shape for a group's elements in which its operands tend to be views.

        Follows the operand with the most distinct elements; a parameter only if there is nothing else.
        """
        number = len(slots[0])
        slots = [slot for slot in slots if self.signature[slot[0]] != CONSTANT]
        if number == 1 or not slots:
            return np.arange(number), () if number == 1 else (number,)
        positions = [self.position[slot] for slot in slots]
        importance = [
            (len(np.unique(each)), self.signature[slot[0]] != THETA)
            for each, slot in zip(positions, slots, strict=True)
        ]
        main = max(range(len(slots)), key=importance.__getitem__)
        order = np.lexsort([*reversed(positions[:main] + positions[main + 1 :]), positions[main]])
        array = self.arrays[int(self.signature[slots[main][0]])]
        sorted_positions = positions[main][order]
        if array.size == number and (sorted_positions == np.arange(number)).all():
            return order, array.shape
        return order, evenly_spaced(sorted_positions)


class _Part(NamedTuple):
    """The terms or products of one kind in a group of sums, equally many in each.

    Attributes:
        sign: 0 if they are added, 1 if they are subtracted.
        nodes: of shape (sums, terms), or (sums, products, 2).
    """

    sign: int
    nodes: Numbers

    @property
    def is_product(self) -> bool:
        """Whether these are products of two nodes."""
        return self.nodes.ndim == 3


class _Sums:
    """Builds the array of a group of sums.

    Attributes:
        parts: their terms and products.
        constants: the number that each sum adds.
        lengths: of the array's axes c (components), r (right factors) and l (left factors), if there is a matrix
            product.
    """

    def __init__(self, packer: Packer, group: Group) -> None:
        assert group.slots is not None
        self.packer = packer
        self.builder = packer.builder
        slots = group.slots
        self.constants = np.asarray([packer.flat.sums[i].constant for i in group.nodes])
        self.parts: list[_Part] = []
        for kind in sorted(slots[0]):
            part = _Part(kind[0], np.asarray([each[kind] for each in slots]))
            if kind[1:] == (CONSTANT, CONSTANT):
                with np.errstate(all="ignore"):
                    products = packer.data[part.nodes].prod(axis=-1).sum(axis=-1)
                self.constants = self.constants + (-products if part.sign else products)
            else:
                self.parts.append(part)
        self.lengths: tuple[int, int, int] | None = None

    def packed(self) -> tuple[Instruction, Numbers]:
        """The array, and the order in which it holds the nodes."""
        order, shape = self._laid_out()
        parts = sorted(self.parts, key=lambda part: part.is_product, reverse=True)
        signed = [(part.sign, self._array(part.nodes[order], shape)) for part in parts]
        constants = self.constants[order]
        if constants.any():
            signed.append((0, self.builder.numbers(constants.reshape(shape))))
        (is_negative, result), *rest = sorted(signed, key=lambda pair: pair[0])
        if is_negative:
            result = self.builder.map(ops.neg, result)
        for sign, array in rest:
            result = self.builder.map(ops.sub if sign else ops.add, result, array)
        return self.builder.filled(result, shape, False), order

    def _laid_out(self) -> tuple[Numbers, Shape]:
        """An order and a shape for the sums: those of the widest matrix product, if any."""
        products = [i for i, part in enumerate(self.parts) if part.is_product]
        for i in sorted(products, key=lambda i: -self.parts[i].nodes.shape[1]):
            sign, given = self.parts[i]
            if given.shape[1] == 1 and any(map(self._is_constant, given[0, 0])):
                continue  # numbers such as labels of 1 and -1 are alike by chance
            for nodes in self._arrangements(given):
                found = factored(self._keys(nodes[..., 0]), self._keys(nodes[..., 1]))
                if found is not None:
                    self.parts[i] = _Part(sign, nodes)
                    order, self.lengths = found
                    return order, tuple(length for length in self.lengths if length > 1)
        slots = [slot for _, nodes in self.parts for slot in nodes[:, 0].reshape(len(nodes), -1).T]
        return self.packer.order(slots)

    def _is_constant(self, node: int) -> bool:
        return bool(self.packer.signature[node] == CONSTANT)

    def _arrangements(self, nodes: Numbers) -> Iterator[Numbers]:
        """The products in their own order, then sorted by left and by right factors."""
        yield nodes
        for side in (0, 1) if nodes.shape[1] > 1 else ():
            if not self._is_constant(nodes[0, 0, side]):
                ranks = np.argsort(self.packer.position[nodes[..., side]], axis=1, kind="stable")
                yield np.take_along_axis(nodes, ranks[..., None], axis=1)

    def _keys(self, nodes: Numbers) -> Numbers:
        """What tells elements apart: the position, or the bits of a constant."""
        if self._is_constant(nodes.flat[0]):
            return by_appearance(self.packer.data[nodes].view(np.int64))
        keys: Numbers = self.packer.position[nodes]
        return keys

    def _array(self, nodes: Numbers, shape: Shape) -> Instruction:
        """The terms or products of one kind, added up within each sum."""
        width = nodes.shape[1]
        is_product = nodes.ndim == 3
        if is_product:
            matrix_product = self._matrix_product(nodes)
            if matrix_product is not None:
                return matrix_product
        axes = (*shape, width) if width > 1 else shape
        if is_product:
            left, right = (self.packer.operand(nodes[..., side].reshape(axes)) for side in (0, 1))
            terms = self.builder.map(ops.mul, left, right)
        else:
            terms = self.packer.operand(nodes.reshape(axes))
        return self.builder.total(self.builder.filled(terms, axes, False)) if width > 1 else terms

    def _matrix_product(self, nodes: Numbers) -> Instruction | None:
        """The product of two matrices, or of several pairs, if each factor depends on one axis only."""
        number, width = nodes.shape[:2]
        if number == width == 1 or (number > 1 and (self.lengths is None or prod(self.lengths) != number)):
            return None
        lengths = self.lengths or (1, 1, 1)
        nodes = nodes.reshape(*lengths, width, 2)
        for left, right in ((0, 1), (1, 0)):
            x, y = nodes[..., left], nodes[..., right]
            key_x, key_y = self._keys(x), self._keys(y)
            if (key_x == key_x[:, :1]).all() and (key_y == key_y[:, :, :1]).all():
                return self._contracted(x[:, 0], y[:, :, 0], dict(zip("crl", lengths, strict=True)))
        return None

    def _contracted(self, x: Numbers, y: Numbers, lengths: dict[str, int]) -> Instruction:
        """The array c r l of the sums over k of x[c, l, k] y[c, r, k], without axes of length 1."""
        spec = "clk,crk->crl"
        for label, length in lengths.items():
            if length == 1:
                spec = spec.replace(label, "")
        left, right = (
            self.packer.array(nodes.reshape([*[length for length in nodes.shape[:-1] if length > 1], nodes.shape[-1]]))
            for nodes in (x, y)
        )
        return self.builder.contract(spec, left, right, left.batched or right.batched)
