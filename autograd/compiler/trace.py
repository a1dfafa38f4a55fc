"""The first pass: the graph of Values as lists of integers."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ..node import Node, history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ops import Operation
    from ..value import Value

THETA, CONSTANT, FIRST_INPUT = 0, 1, 2
"""Where a leaf's number comes from: the parameter vector, the graph itself, or argument number `source - 2`."""


class Graph:
    """Nodes by number, operands before results.

    Attributes:
        operations: each node's operation; None for a leaf.
        operands: the numbers of each node's operands.
        sources: where a leaf's number comes from.
        positions: a leaf's position in the parameter vector or the row of an argument.
        data: a constant leaf's number.
        results: the numbers of the nodes that are computed, all but the leaves.
        outputs: those that are asked for.
    """

    def __init__(self) -> None:
        self.operations: list[Operation | None] = []
        self.operands: list[tuple[int, ...]] = []
        self.sources: list[int] = []
        self.positions: list[int] = []
        self.data: list[float] = []
        self.results: list[int] = []
        self.outputs: list[int] = []

    def __len__(self) -> int:
        return len(self.operations)

    def __str__(self) -> str:
        lines = [f"#{i} = {self._described(i)}" for i in range(len(self))]
        return "\n".join([*lines, "return " + ", ".join(f"#{i}" for i in self.outputs)])

    def _described(self, i: int) -> str:
        operation = self.operations[i]
        if operation is not None:
            return f"{operation.name}({', '.join(f'#{operand}' for operand in self.operands[i])})"
        if self.sources[i] == CONSTANT:
            return repr(self.data[i])
        name = "theta" if self.sources[i] == THETA else f"input {self.sources[i] - FIRST_INPUT}"
        return f"{name}[{self.positions[i]}]"

    def leaf(self, source: int, position: int, number: float) -> int:
        """Adds a leaf."""
        self.leaves(source, [number])
        self.positions[-1] = position
        return len(self.operations) - 1

    def leaves(self, source: int, numbers: Sequence[float]) -> None:
        """Adds all leaves of one source, in the order of their positions."""
        self.fill()
        self.operations += [None] * len(numbers)
        self.operands += [()] * len(numbers)
        self.sources += [source] * len(numbers)
        self.positions += range(len(numbers))
        self.data += numbers

    def result(self, operation: Operation, operands: tuple[int, ...]) -> int:
        """Adds the result of an operation."""
        number = len(self.operations)
        self.operations.append(operation)
        self.operands.append(operands)
        self.results.append(number)
        return number

    def fill(self) -> None:
        """Pads the lists in which only leaves have entries."""
        missing = len(self.operations) - len(self.sources)
        self.sources += [-1] * missing
        self.positions += [0] * missing
        self.data += [0.0] * missing


def trace(outputs: Sequence[Value], wrt: Sequence[Value], inputs: Sequence[Sequence[Value]]) -> Graph:
    """The graph of the outputs, as far as the inputs: these may be results."""
    graph = Graph()
    number = _Numbers(graph)
    for source, values in zip([THETA, *range(FIRST_INPUT, FIRST_INPUT + len(inputs))], [wrt, *inputs], strict=True):
        number.update(zip(map(id, values), range(len(graph), len(graph) + len(values)), strict=True))
        graph.leaves(source, [value.number for value in values])
    for node in reversed(history(outputs, chain.from_iterable(inputs))):
        assert node.operation is not None
        number[id(node)] = graph.result(node.operation, number.of(node.parents))
    graph.outputs = [*number.of(outputs)]
    graph.fill()
    return graph


class _Numbers(dict[int, int]):
    """The number of each node, by its identity: to ask a Placeholder for its hash takes time."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def of(self, nodes: Sequence[Node]) -> tuple[int, ...]:
        """The numbers of nodes. A leaf without one is a constant, and gets one."""
        try:
            return tuple(map(self.__getitem__, map(id, nodes)))
        except KeyError:
            for node in nodes:
                if id(node) not in self:
                    self[id(node)] = self._graph.leaf(CONSTANT, 0, node.number)
            return self.of(nodes)
