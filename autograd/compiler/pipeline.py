"""The passes in their order: from a graph of Values to a program in the instructions of `ir.py`, and its text.

1. `trace`: the graph as lists of integers
2. `simplify`: computes constants, removes repetitions
3. `flatten`: trees of additions become sums of terms and products
4. `signatures`: finds the nodes that are built alike
5. `pack`: nodes that are built alike become arrays, sums of products matrix products; or one instruction per node
6. `differentiate`: adds the gradient
7. `lower`: rewrites operations that the engine lacks
8. `engines`: decide what lies where, and write it as text, which `kernels` makes callable

`costs` chooses between packed arrays, one array per node, floats, and machine code.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import ops
from .differentiate import differentiate
from .ir import Builder, Instruction, Program, View
from .pack import Packer, leaves
from .simplify import simplify
from .terms import OF_ALL
from .trace import CONSTANT, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..value import Value
    from .ir import Shape
    from .signatures import Grouped
    from .trace import Graph


class Request(NamedTuple):
    """What to compile.

    Attributes:
        outputs: the results.
        is_list: whether the caller gave a list of them.
        wrt: the parameters; None for a program without gradient.
        inputs: for each argument of the program, the leaves that stand for one row of it.
        input_shapes: the shape of a row of each argument: () for one Value, (n,) for a sequence.
        mean: whether the loss is averaged over the batch, or summed.
        backend: the name of an engine, or None for the fastest one.
        dtype: of the arrays.
        gradient: whether the program of a loss gives the gradient by `wrt` too, or only reads them.
    """

    outputs: Sequence[Value]
    is_list: bool
    wrt: Sequence[Value] | None
    inputs: Sequence[Sequence[Value]]
    input_shapes: Sequence[Shape]
    mean: bool
    backend: str | None = None
    dtype: np.dtype[np.float64] | np.dtype[np.float32] = np.dtype(np.float64)
    gradient: bool = True

    @property
    def gives_gradient(self) -> bool:
        """Whether the program returns (value, gradient) instead of the outputs."""
        return self.wrt is not None and self.gradient

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the parameter vector and of one row of each argument."""
        return [(len(self.wrt or ()),), *self.input_shapes]


def traced(request: Request) -> Graph:
    """The simplified graph."""
    return simplify(trace(request.outputs, request.wrt or (), request.inputs))


def packed(request: Request, graph: Graph, found: Grouped) -> tuple[Builder, Instruction]:
    """The array program of the outputs, alike nodes together."""
    builder = Builder(request.mean, bool(request.inputs))
    packer = Packer(builder, graph, found.flat, found.signature, leaves(builder, graph, request.shapes))
    packer.pack(found.groups)
    if not request.is_list:
        return builder, packer.operand(np.asarray(graph.outputs[0]))
    return builder, packer.outputs(graph.outputs)


def unpacked(request: Request, graph: Graph) -> tuple[Builder, Instruction]:
    """The array program of the outputs, one instruction per node."""
    builder = Builder(request.mean, bool(request.inputs))
    arrays = leaves(builder, graph, request.shapes)
    made: list[Instruction] = []
    shares = [i for i in graph.results if graph.operations[i] in OF_ALL]
    row_of = {i: (graph.operations[i], tuple(sorted(graph.operands[i]))) for i in shares}
    asked = Counter(row_of.values())
    for i, operation in enumerate(graph.operations):
        if operation in OF_ALL and asked[row_of[i]] > 1:  # all results of a row have one instruction in common
            _, row = row_of[i]
            results = builder.map(OF_ALL[operation], *[made[x] for x in row])
            made.append(builder.make("pick", [results], row.index(graph.operands[i][0]), results.shape))
        elif operation is not None:
            made.append(builder.map(operation, *[made[x] for x in graph.operands[i]]))
        elif graph.sources[i] == CONSTANT:
            made.append(builder.number(graph.data[i]))
        else:
            made.append(builder.view(arrays[graph.sources[i]], View(graph.positions[i], (), ())))
    outputs = [made[i] for i in graph.outputs]
    if not request.is_list:
        return builder, outputs[0]
    places = tuple(View(i, (), ()) for i in range(len(outputs)))
    return builder, builder.make("assemble", outputs, places, (len(outputs),))


def complete(request: Request, builder: Builder, output: Instruction) -> Program:
    """The program of what the caller gets: the outputs, or the loss and its gradient."""
    if not request.gives_gradient:
        return builder.program([output])
    theta = next(each for each in builder.instructions if each.op == "theta")
    scale = builder.symbol("scale")
    if output.batched:
        value = builder.map(ops.mul, builder.rows_total(output), scale)
    else:
        value = builder.map(ops.mul, output, builder.rows_total(scale))  # not rounded twice
    return builder.program([value, builder.filled(differentiate(builder, output, theta), theta.shape, False)])
