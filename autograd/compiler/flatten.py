"""The third pass: flattens trees of additions into sums of terms and products."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import ops
from .trace import CONSTANT

if TYPE_CHECKING:
    from .trace import Graph

_ADDITIONS = {ops.add, ops.sub, ops.neg, ops.sum}  # what `_flattened` walks down: partials of 1 and -1 only
_SUMS = _ADDITIONS | {ops.dot, ops.mul}


class Sum:
    """A number plus or minus terms and products.

    Attributes:
        constant: the sum of all constant terms.
        terms: the nodes added and those subtracted: indexed by sign, 0 for plus and 1 for minus.
        products: the pairs of nodes whose products are added and subtracted, by sign too.
    """

    __slots__ = ("constant", "products", "terms")

    def __init__(self) -> None:
        self.constant = 0.0
        self.terms: tuple[list[int], list[int]] = ([], [])
        self.products: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])


class Flat(NamedTuple):
    """A graph's sums.

    Attributes:
        sums: what each node adds up that is a sum, unless another sum absorbs it.
        absorbed: whether a sum absorbs the node, by number.
    """

    sums: dict[int, Sum]
    absorbed: bytearray


def flatten(graph: Graph) -> Flat:
    """Finds the sums of a graph."""
    absorbed = _absorbed(graph)
    operations = graph.operations
    sums = [i for i in graph.results if operations[i] in _SUMS and not absorbed[i]]
    return Flat({i: _flattened(graph, i, absorbed) for i in sums}, absorbed)


def _absorbed(graph: Graph) -> bytearray:
    """Marks sums and products that are used once, by another sum."""
    used = chain(graph.outputs, chain.from_iterable(graph.operands))
    uses = np.bincount(np.fromiter(used, np.int64), minlength=len(graph)).tolist()
    absorbed = bytearray(len(graph))
    operations = graph.operations
    for result in graph.results:
        if operations[result] in _ADDITIONS:
            for i in graph.operands[result]:
                if uses[i] == 1 and operations[i] in _SUMS:
                    absorbed[i] = 1
    return absorbed


def _flattened(graph: Graph, root: int, absorbed: bytearray) -> Sum:
    """Walks down the additions that the root absorbs, from left to right."""
    result = Sum()
    operations, all_operands = graph.operations, graph.operands
    mul, add = ops.mul, ops.add
    stack = [(root, 0)]
    while stack:
        i, sign = stack.pop()
        operation = operations[i]
        if not absorbed[i] and i != root:
            if graph.sources[i] == CONSTANT:
                result.constant += -graph.data[i] if sign else graph.data[i]
            else:
                result.terms[sign].append(i)
            continue
        operands = all_operands[i]
        if operation is mul:
            result.products[sign].append(operands)  # type: ignore[arg-type]
        elif operation is add:
            left, right = operands
            stack.append((right, sign))
            stack.append((left, sign))
        elif operation is ops.dot:
            half = len(operands) // 2
            result.products[sign].extend(zip(operands[:half], operands[half:], strict=True))
        elif operation is ops.sub:
            left, right = operands
            stack.append((right, 1 - sign))
            stack.append((left, sign))
        elif operation is ops.neg:
            stack.append((operands[0], 1 - sign))
        else:
            stack.extend([(x, sign) for x in reversed(operands)])
    return result
