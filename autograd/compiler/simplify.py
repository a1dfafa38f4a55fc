"""The second pass: computes constants and removes repetitions."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ..ops import FLOATS
from .trace import CONSTANT, Graph

if TYPE_CHECKING:
    from ..ops import Operation


def simplify(graph: Graph) -> Graph:
    """The graph without repetitions and operations on constants only.

    Numbers are data, not structure: factors of 1 and terms of 0 stay, since nodes that were built alike must remain
    alike to be packed. For the same reason equal constants stay apart.
    """
    return graph if _is_simple(graph) else _simplified(graph)


def _is_simple(graph: Graph) -> bool:
    """Whether there is nothing to do, as in most graphs: several times faster to find out in arrays of numbers."""
    operations = [graph.operations[i] for i in graph.results]
    all_operands = [graph.operands[i] for i in graph.results]
    widths = np.fromiter(map(len, all_operands), np.int64, len(operations))
    kinds = {operation: kind for kind, operation in enumerate(dict.fromkeys(operations))}
    kind = np.fromiter(map(kinds.__getitem__, operations), np.int64, len(operations))
    is_constant = np.asarray(graph.sources) == CONSTANT
    pairs = np.flatnonzero(widths == 2)
    first = np.cumsum(widths)[pairs] - 2
    operands = np.fromiter(chain.from_iterable(all_operands), np.int64, widths.sum())
    left, right = operands[first], operands[first + 1]
    keys = np.sort((kind[pairs] * len(graph) + left) * len(graph) + right)
    if (keys[1:] == keys[:-1]).any() or (is_constant[left] & is_constant[right]).any():
        return False
    others = [(operations[k], all_operands[k]) for k in np.flatnonzero(widths != 2).tolist()]
    return len(set(others)) == len(others) and not any(is_constant[list(x)].all() for _, x in others)


def _simplified(graph: Graph) -> Graph:
    first = graph.results[0] if graph.results else len(graph)
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
                j = simple.leaf(CONSTANT, 0, FLOATS.evaluate(operation, [simple.data[x] for x in operands]))
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
