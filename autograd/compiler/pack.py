"""The fifth pass: every group of nodes becomes a few array instructions, and products of sums matrix products."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from .ir import Builder, Instruction, Shape, View, whole
from .trace import CONSTANT, FIRST_INPUT, THETA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .flatten import Flat
    from .signatures import Group
    from .trace import Graph

Numbers = np.ndarray
"""Numbers of nodes, or positions of elements in an array."""

_ROW_FUNCTIONS = {ops.logsumexp: "logsumexp", ops.prod: "prod", ops.largest: "max", ops.smallest: "min"}


def leaves(builder: Builder, graph: Graph, lengths: Sequence[Shape]) -> dict[int, Instruction]:
    """The instructions for the parameter vector and the arguments, by the source that the graph's leaves name.

    Args:
        builder: where to make them.
        graph: whose leaves they are.
        lengths: the shapes of the parameter vector and of one row of each argument.
    """
    arrays = {THETA: builder.make("theta", (), None, lengths[0])}
    for k, shape in enumerate(lengths[1:]):
        arrays[FIRST_INPUT + k] = builder.make("input", (), k, shape, True)
    return arrays


class Packer:
    """Builds the arrays of all groups, one after the other.

    Args:
        builder: where to make the instructions.
        graph: the simplified graph.
        flat: its sums.
        signature: the signature of each of its nodes.
        arrays: the array for the leaves of each source.
    """

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
        """Makes the instructions for the groups, which come in an order in which they can be computed."""
        for group in groups:
            nodes = np.asarray(group.nodes)
            if group.slots is not None:
                array, order = _PackedSum(self, group).packed()
                positions = np.arange(len(nodes))
            else:
                array, order, positions = self._packed_operation(nodes)
            self.arrays[int(self.signature[nodes[0]])] = self.builder.storage(array)
            self.position[nodes[order]] = positions

    def operand(self, nodes: Numbers) -> Instruction:
        """The array of these nodes, which have one signature, in the shape in which their numbers are given."""
        source = int(self.signature[nodes.flat[0]])
        if source == CONSTANT:
            return self.builder.numbers(self.data[nodes])
        return self.elements(self.arrays[source], self.position[nodes])

    def elements(self, array: Instruction, positions: Numbers) -> Instruction:
        """The elements at these positions: a view where they are evenly spaced along every axis, a copy otherwise."""
        view = as_view(positions)
        if view is not None:
            return self.builder.view(array, view)
        return self.builder.make("take", [self.builder.storage(array)], positions, positions.shape)

    def outputs(self, nodes: Sequence[int]) -> Instruction:
        """The array of the results, which may be of any signatures."""
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
        if operation is ops.softmax:
            return self._softmax(operands)
        order, shape = self.order([operands[:, k] for k in range(operands.shape[1])])
        operands = operands[order].reshape(*shape, -1)
        positions = np.arange(len(nodes))
        if operation in _ROW_FUNCTIONS:
            result = self.builder.rows(_ROW_FUNCTIONS[operation], shape, self._rows(operands))
        elif operation is ops.mean:
            total = self.builder.total(self._rows(operands))
            result = self.builder.map(ops.div, total, self.builder.number(operands.shape[-1]))
        else:
            columns = [self.operand(operands[..., k]) for k in range(operands.shape[-1])]
            result = self.builder.map(operation, *columns)
        return self._shaped(result, shape), order, positions

    def _shaped(self, result: Instruction, shape: Shape) -> Instruction:
        """An array even where all elements have come out as the same number."""
        return self.builder.filled(result, shape, False)

    def _rows(self, nodes: Numbers) -> Instruction:
        """The operands of functions along the last axis; they may come from several arrays."""
        kinds = self.signature[nodes.reshape(-1, nodes.shape[-1])[0]]
        cuts = np.flatnonzero(np.diff(kinds)) + 1
        parts = [self.operand(part) for part in np.split(nodes, cuts, axis=-1)]
        shapes = [part.shape for part in np.split(nodes, cuts, axis=-1)]
        parts = [self.builder.filled(part, shape, False) for part, shape in zip(parts, shapes, strict=True)]
        return parts[0] if len(parts) == 1 else self.builder.make("join", parts, None, nodes.shape)

    def _softmax(self, operands: Numbers) -> tuple[Instruction, Numbers, Numbers]:
        """All shares of a row at once. The operation gives the share of its first operand among all of them."""
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
        result = self.builder.rows("softmax", nodes.shape, self._rows(nodes))
        return result, np.arange(len(operands)), row_of * nodes.shape[1] + place

    def order(self, slots: Sequence[Numbers]) -> tuple[Numbers, Shape]:
        """An order of a group's elements, and a shape for them, in which its operands are best laid out as views.

        That of the operand with the most different elements; a parameter only if there is nothing else.
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


class _Layout(NamedTuple):
    """How the array of a group of sums is laid out.

    Attributes:
        order: of the nodes.
        lengths: of the axes c (components), r (right factors) and l (left factors), if there is a matrix product.
        shape: of the array; axes of length 1 are left out.
        parts: the terms and products of each kind, in that order of the nodes.
    """

    order: Numbers
    lengths: tuple[int, int, int] | None
    shape: Shape
    parts: dict[Any, Numbers]


class _PackedSum:
    """Builds the array of one group of sums."""

    def __init__(self, packer: Packer, group: Group) -> None:
        assert group.slots is not None
        self.packer = packer
        self.builder = packer.builder
        slots = group.slots
        self.parts = {kind: np.asarray([each[kind] for each in slots]) for kind in sorted(slots[0])}
        self.constants = np.asarray([packer.flat.sums[i].constant for i in group.nodes])
        for sign in (0, 1):
            self._multiply_constants((sign, CONSTANT, CONSTANT))

    def _multiply_constants(self, kind: Any) -> None:
        """Products of two constants are constants."""
        if kind in self.parts:
            with np.errstate(all="ignore"):
                products = self.packer.data[self.parts.pop(kind)].prod(axis=-1).sum(axis=-1)
            self.constants = self.constants + (-products if kind[0] else products)

    def packed(self) -> tuple[Instruction, Numbers]:
        """The array, and the order in which it holds the nodes."""
        layout = self._layout()
        signed = [(kind[0], self._part(layout, kind)) for kind in sorted(layout.parts, key=len, reverse=True)]
        constants = self.constants[layout.order]
        if constants.any():
            signed.append((0, self.builder.numbers(constants.reshape(layout.shape))))
        signed.sort(key=lambda pair: pair[0])
        sign, result = signed[0]
        if sign:
            result = self.builder.map(ops.neg, result)
        for sign, part in signed[1:]:
            result = self.builder.map(ops.sub if sign else ops.add, result, part)
        return self.builder.filled(result, layout.shape, False), layout.order

    def _layout(self) -> _Layout:
        """That of the widest matrix product, if there is one."""
        products = sorted((kind for kind in self.parts if len(kind) == 3), key=lambda kind: -self.parts[kind].shape[1])
        for kind in products:
            if self.parts[kind].shape[1] == 1 and CONSTANT in kind[1:]:
                continue  # numbers such as labels of 1 and -1 are alike by chance
            for arranged in self._arrangements(kind):
                found = factored(self._keys(arranged[..., 0]), self._keys(arranged[..., 1]))
                if found is not None:
                    order, lengths = found
                    shape = tuple(length for length in lengths if length > 1)
                    return _Layout(order, lengths, shape, self._ordered({**self.parts, kind: arranged}, order))
        slots = [slot for part in self.parts.values() for slot in part[:, 0].reshape(len(part), -1).T]
        order, shape = self.packer.order(slots)
        return _Layout(order, None, shape, self._ordered(self.parts, order))

    def _ordered(self, parts: dict[Any, Numbers], order: Numbers) -> dict[Any, Numbers]:
        return {kind: part[order] for kind, part in parts.items()}

    def _arrangements(self, kind: Any) -> list[Numbers]:
        """The products in their own order, and in those of their left and of their right factors."""
        part = self.parts[kind]
        arranged = [part]
        if part.shape[1] > 1:
            for side in (0, 1):
                if self.packer.signature[part[0, 0, side]] != CONSTANT:
                    ranks = np.argsort(self.packer.position[part[..., side]], axis=1, kind="stable")
                    arranged.append(np.take_along_axis(part, ranks[..., None], axis=1))
        return arranged

    def _keys(self, nodes: Numbers) -> Any:
        """What tells elements of an array apart: the position, or for a constant which number it is."""
        if self.packer.signature[nodes.flat[0]] == CONSTANT:
            return by_appearance(self.packer.data[nodes].view(np.int64))  # to the last bit
        return self.packer.position[nodes]

    def _part(self, layout: _Layout, kind: Any) -> Instruction:
        """The sum of all terms, or all products, of one kind."""
        part = layout.parts[kind]
        width = part.shape[1]
        if len(kind) == 2:
            nodes = part.reshape(*layout.shape, width)
            return self._total(self.packer.operand(nodes if width > 1 else nodes[..., 0]), layout, width)
        matrix_product = self._matrix_product(part, layout.lengths)
        if matrix_product is not None:
            return matrix_product
        nodes = part.reshape(*layout.shape, width, 2)
        if width == 1:
            nodes = nodes[..., 0, :]
        left, right = self.packer.operand(nodes[..., 0]), self.packer.operand(nodes[..., 1])
        return self._total(self.builder.map(ops.mul, left, right), layout, width)

    def _total(self, terms: Instruction, layout: _Layout, width: int) -> Instruction:
        if width == 1:
            return terms
        return self.builder.total(self.builder.filled(terms, (*layout.shape, width), False))

    def _matrix_product(self, part: Numbers, lengths: tuple[int, int, int] | None) -> Instruction | None:
        """The product of two matrices (or of several pairs), if the factors depend on one axis each."""
        number, width = part.shape[:2]
        if number > 1 and (lengths is None or prod(lengths) != number):
            return None
        if number == width == 1:
            return None
        lengths = lengths or (1, 1, 1)
        part = part.reshape(*lengths, width, 2)
        for left, right in ((0, 1), (1, 0)):
            x, y = part[..., left], part[..., right]
            key_x, key_y = self._keys(x), self._keys(y)
            if (key_x == key_x[:, :1]).all() and (key_y == key_y[:, :, :1]).all():
                return self._contracted(x[:, 0], y[:, :, 0], dict(zip("crl", lengths, strict=True)))
        return None

    def _contracted(self, x: Numbers, y: Numbers, lengths: dict[str, int]) -> Instruction:
        """The array c r l of the sums over k of x[c, l, k] y[c, r, k]. Axes of length 1 are left out."""
        labels_x = "".join(label for label in "cl" if lengths[label] > 1) + "k"
        labels_y = "".join(label for label in "cr" if lengths[label] > 1) + "k"
        result = "".join(label for label in "crl" if lengths[label] > 1)
        shape_x = (*(lengths[label] for label in labels_x[:-1]), x.shape[-1])
        shape_y = (*(lengths[label] for label in labels_y[:-1]), y.shape[-1])
        left = self.builder.filled(self.packer.operand(x.reshape(shape_x)), shape_x, False)
        right = self.builder.filled(self.packer.operand(y.reshape(shape_y)), shape_y, False)
        return self.builder.contract(f"{labels_x},{labels_y}->{result}", left, right, left.batched or right.batched)


def by_appearance(numbers: Numbers) -> Numbers:
    """The numbers 0, 1, 2, ... in place of the first, second, third different number."""
    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place].reshape(numbers.shape)


def factored(left: Numbers, right: Numbers) -> tuple[Numbers, tuple[int, int, int]] | None:
    """Whether sums of products are the elements of a matrix product, or of several of one size.

    Each sum has a row of left and a row of right factors. If every left row is paired with every right row, the sums
    are a matrix; if the pairs fall apart into such sets, they are several.

    Returns:
        The order of the sums in the array c r l, and its lengths; None if there is no such array, or it would do no
        better than to multiply element by element.
    """
    number, width = left.shape
    left_of, lefts = _distinct(left)
    right_of, rights = _distinct(right)
    component = _components(left_of, right_of, lefts)
    if component is None:
        return None
    components = int(component.max()) + 1
    per_component = (lefts // components, rights // components)
    if prod(per_component) * components != number or lefts % components or rights % components:
        return None
    if components > 1 and (width == 1 or prod(per_component) == 1):
        return None
    order = np.lexsort((left_of, right_of, component))
    shape = (components, per_component[1], per_component[0])
    grid_left = left_of[order].reshape(shape)
    grid_right = right_of[order].reshape(shape)
    complete = (grid_left == grid_left[:, :1]).all() and (grid_right == grid_right[:, :, :1]).all()
    even = (component[order].reshape(components, -1) == np.arange(components)[:, None]).all()
    return (order, shape) if complete and even else None


def _distinct(rows: Numbers) -> tuple[Numbers, int]:
    """For each row the number of its first equal, and how many differ.

    Different rows are numbered in the order of their first three elements, which tells how they lie in memory; those
    that begin alike keep the order in which they come.
    """
    number: dict[bytes, int] = {}
    rows = np.ascontiguousarray(rows)
    first: list[int] = []
    of = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows):
        key = row.tobytes()
        j = number.get(key)
        if j is None:
            j = number[key] = len(first)
            first.append(i)
        of[i] = j
    heads = rows[first, : min(3, rows.shape[1])]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.lexsort(heads.T[::-1])] = np.arange(len(first))
    return rank[of], len(first)


def _components(left_of: Numbers, right_of: Numbers, lefts: int) -> Numbers | None:
    """For each pair the set of pairs that it belongs to, if rights share either all of their lefts or none."""
    if len(left_of) == lefts * (int(right_of.max()) + 1):
        return np.zeros(len(left_of), dtype=np.int64)
    smallest_left = np.full(int(right_of.max()) + 1, lefts)
    np.minimum.at(smallest_left, right_of, left_of)
    _, component = np.unique(smallest_left[right_of], return_inverse=True)
    owner = np.full(lefts, -1)
    owner[left_of] = component
    return component if (owner[left_of] == component).all() else None


def as_view(positions: Numbers) -> View | None:
    """The view that shows the elements at these positions, if they are evenly spaced along every axis."""
    offset = int(positions.flat[0])
    strides = []
    for axis, length in enumerate(positions.shape):
        step = [0] * positions.ndim
        step[axis] = 1
        strides.append(int(positions[tuple(step)]) - offset if length > 1 else 0)
    expected = np.full(positions.shape, offset)
    for axis, stride in enumerate(strides):
        steps = np.arange(positions.shape[axis]) * stride
        expected += steps.reshape([-1 if other == axis else 1 for other in range(positions.ndim)])
    if not (expected == positions).all():
        return None
    full = whole(positions.shape)
    strides = [full.strides[axis] if length == 1 else strides[axis] for axis, length in enumerate(positions.shape)]
    return View(offset, positions.shape, tuple(strides))


def evenly_spaced(positions: Numbers) -> Shape:
    """The shape in which a list of positions is evenly spaced along every axis; the list's own, if there is none."""
    number = len(positions)
    if number < 3:
        return (number,)
    steps = np.diff(positions)
    breaks = np.flatnonzero(steps != steps[0])
    inner = int(breaks[0]) + 1 if len(breaks) else number
    if inner == number:
        return (number,)
    if inner == 1 or number % inner:
        return (number,)
    shape = (number // inner, inner)
    return shape if as_view(positions.reshape(shape)) is not None else (number,)
