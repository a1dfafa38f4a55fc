"""Where nodes lie in arrays while these are built, and how to get at them: views, copies, padded rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .grids import Numbers, as_view, evenly_spaced, extended
from .trace import CONSTANT, THETA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .ir import Builder, Instruction, Shape
    from .trace import Graph

MISSING = -1
"""Stands for no node, where a row is shorter than others."""


class Elements:
    """The nodes of a graph as elements of arrays.

    An array may have elements that are no nodes: where rows of several lengths became one array, or where only some
    pairs of a grid are needed. They are spare: they hold anything, nothing reads them, and what flows back to them is
    dropped. They have numbers as nodes do, so that a function of all elements can be computed without a copy.

    Attributes:
        builder: makes the instructions.
        graph: the graph.
        signature: of each node and spare element, which tells its array.
        arrays: the arrays so far, by signature.
        position: of each node and spare element in its array.
        data: the numbers of constants.
        spare: the numbers of an array's spare elements, by signature.
    """

    def __init__(self, builder: Builder, graph: Graph, signature: list[int], arrays: dict[int, Instruction]) -> None:
        self.builder = builder
        self.graph = graph
        self.signature = np.asarray(signature)
        self.arrays = dict(arrays)
        self.position = np.asarray(graph.positions)
        self.data = np.asarray(graph.data)
        self.spare: dict[int, Numbers] = {}

    def keep(self, nodes: Numbers, array: Instruction, positions: Numbers, has_spare: bool) -> None:
        """Notes where the nodes lie, and whether the other elements of their array are spare."""
        signature = int(self.signature[nodes[0]])
        self.arrays[signature] = self.builder.storage(array)
        self.position[nodes] = positions
        if has_spare and array.size > len(nodes):
            free = np.setdiff1d(np.arange(array.size), positions)
            self.spare[signature] = np.arange(len(self.position), len(self.position) + len(free))
            self.position = np.concatenate([self.position, free])
            self.signature = np.concatenate([self.signature, np.full(len(free), signature)])

    def is_constant(self, node: int) -> bool:
        """Whether this is a number of the graph."""
        return bool(self.signature[node] == CONSTANT)

    def operand(self, nodes: Numbers) -> Instruction:
        """The array of nodes of one signature, in the shape of their numbers."""
        if self.is_constant(nodes.flat[0]):
            return self.builder.numbers(self.data[nodes])
        return self.elements(self.arrays[int(self.signature[nodes.flat[0]])], self.position[nodes])

    def array(self, nodes: Numbers) -> Instruction:
        """The same, as an array even if all its numbers are equal."""
        return self.builder.filled(self.operand(nodes), nodes.shape, False)

    def padded(self, nodes: Numbers, number: float) -> Instruction:
        """The same, with a number where a node is missing."""
        present = nodes != MISSING
        if present.all():
            return self.array(nodes)
        any_node = int(nodes[present][0])
        if self.is_constant(any_node):
            return self.builder.filled(
                self.builder.numbers(np.where(present, self.data[nodes], number)), nodes.shape, False
            )
        array = self.arrays[int(self.signature[any_node])]
        positions = extended(self.position[nodes], present, array.size)
        elements = self.builder.filled(self.elements(array, positions), nodes.shape, False)
        return self.builder.masked(present, elements, number)

    def elements(self, array: Instruction, positions: Numbers) -> Instruction:
        """The elements at these positions: a view if they are evenly spaced along every axis, otherwise a copy."""
        view = as_view(positions)
        if view is not None:
            return self.builder.view(array, view)
        return self.builder.make("take", [self.builder.storage(array)], positions, positions.shape)

    def order(self, slots: Sequence[Numbers]) -> tuple[Numbers, Shape]:
        """An order and a shape for a group's elements in which its operands tend to be views.

        Follows the operand with the most distinct elements; a parameter only if there is nothing else.
        """
        number = len(slots[0])
        slots = [slot for slot in slots if not self.is_constant(slot[0])]
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
        return order, self._shape([each[order] for each in [*positions[main:], *positions[:main]]])

    def _shape(self, slots: Sequence[Numbers]) -> Shape:
        """The shape in which most slots are views: that of the first one, if others gain nothing by their own."""
        shapes = list(dict.fromkeys(map(evenly_spaced, slots)))
        return max(shapes, key=lambda shape: sum(as_view(slot.reshape(shape)) is not None for slot in slots))

    def with_spare(self, slots: Sequence[Numbers]) -> tuple[list[Numbers], Numbers, Shape] | None:
        """The operands of a group in the layout of an array of which they are all but the spare elements.

        Returns:
            Each slot's nodes for all elements of the array, the group's positions among them, and the array's shape;
            None if an operand that is no constant lies otherwise.
        """
        varying = [slot for slot in slots if not self.is_constant(slot[0])]
        spare = [self.spare.get(int(self.signature[slot[0]])) for slot in varying]
        if not varying or spare[0] is None:
            return None
        positions, free = self.position[varying[0]], self.position[spare[0]]
        array = self.arrays[int(self.signature[varying[0][0]])]
        if len(positions) + len(free) != array.size or len(np.unique(positions)) != len(positions):
            return None
        for slot, others in zip(varying, spare, strict=True):
            if others is None or not (
                np.array_equal(self.position[slot], positions) and np.array_equal(self.position[others], free)
            ):
                return None
        return list(self._completed(slots, positions, free, array.size)), positions, array.shape

    def _completed(self, slots: Iterable[Numbers], positions: Numbers, free: Numbers, size: int) -> Iterable[Numbers]:
        for slot in slots:
            nodes = np.full(size, slot[0])  # of constants, any number will do
            nodes[positions] = slot
            if not self.is_constant(slot[0]):
                nodes[free] = self.spare[int(self.signature[slot[0]])]
            yield nodes
