"""In place of packing: one instruction per node, for graphs too small or too irregular to gain from arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ir import View
from .trace import CONSTANT

if TYPE_CHECKING:
    from .ir import Builder, Instruction
    from .trace import Graph


def unpack(builder: Builder, graph: Graph, arrays: dict[int, Instruction]) -> list[Instruction]:
    """Makes the instructions for all nodes and gives those of the outputs.

    Args:
        builder: where to make the instructions.
        graph: the simplified graph.
        arrays: the array for the leaves of each source.
    """
    made: list[Instruction] = []
    for i, operation in enumerate(graph.operations):
        if operation is not None:
            made.append(builder.map(operation, *[made[x] for x in graph.operands[i]]))
        elif graph.sources[i] == CONSTANT:
            made.append(builder.number(graph.data[i]))
        else:
            made.append(builder.view(arrays[graph.sources[i]], View(graph.positions[i], (), ())))
    return [made[i] for i in graph.outputs]
