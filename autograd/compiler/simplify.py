"""The second pass: constants are computed now, and what is computed twice in the same way is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..value import evaluated
from .trace import CONSTANT, Graph

if TYPE_CHECKING:
    from ..ops import Operation


def simplify(graph: Graph) -> Graph:
    """The graph without operations on constants alone and without repetitions.

    Numbers are data, not structure: a factor of 1 or a term of 0 stays, for what was built alike must remain alike to
    be packed into arrays. For the same reason equal constants are not made one.
    """
    first = next((i for i, operation in enumerate(graph.operations) if operation is not None), len(graph))
    simple = _leaves_of(graph, first)
    number = list(range(first))
    known: dict[Operation, dict[tuple[int, ...], int]] = {}
    is_constant = [source == CONSTANT for source in simple.sources]
    for i in range(first, len(graph)):
        operation = graph.operations[i]
        if operation is None:
            number.append(simple.leaf(graph.sources[i], graph.positions[i], graph.data[i]))
            is_constant.append(graph.sources[i] == CONSTANT)
            continue
        operands = graph.operands[i]
        if len(operands) == 2:  # nearly all, and a fifth faster than the general way
            left, right = operands
            operands = (number[left], number[right])
        else:
            operands = tuple([number[x] for x in operands])
        alike = known.get(operation)
        if alike is None:
            alike = known[operation] = {}
        j = alike.get(operands)
        if j is None:
            constant = is_constant[operands[0]] and all(is_constant[x] for x in operands)
            if constant:
                j = simple.leaf(CONSTANT, 0, evaluated(operation, [simple.data[x] for x in operands]))
            else:
                j = simple.result(operation, operands)
            is_constant.append(constant)
            alike[operands] = j
        number.append(j)
    simple.fill()
    simple.outputs = [number[x] for x in graph.outputs]
    return simple


def _leaves_of(graph: Graph, stop: int) -> Graph:
    """The leaves that a graph begins with."""
    start = Graph()
    start.operations, start.operands = graph.operations[:stop], graph.operands[:stop]
    start.sources, start.positions, start.data = graph.sources[:stop], graph.positions[:stop], graph.data[:stop]
    return start
