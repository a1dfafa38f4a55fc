"""The passes one after the other: from a graph of Values to a program in the instructions of `ir.py`, and its text.

1. `trace`: the graph as lists of integers
2. `simplify`: constants computed, repetitions removed
3. `flatten`: trees of additions as sums of terms and products
4. `signatures`: which nodes are built alike
5. `pack`: alike nodes as arrays, sums of products as matrix products; or `unpack`: every node for itself
6. `differentiate`: the gradient
7. `lower`: operations that a backend does not have, in terms of those that it has
8. `emit_arrays`, with `products` and `buffers`, or `emit_floats`: text, which `kernels` makes callable

`costs` chooses between packed arrays, one array per node, and floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from .differentiate import differentiate
from .flatten import Flat, flatten
from .ir import Builder, Instruction, Program, View
from .lower import Rule, for_floats, lower
from .pack import Packer, leaves
from .signatures import Group, signatures
from .simplify import simplify
from .trace import trace
from .unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..value import Value
    from .trace import Graph


class Request:
    """What is to be compiled.

    Attributes:
        outputs: the results.
        is_list: whether they are asked for as a list, or as the one that there is.
        wrt: the parameters; None for a program without gradient.
        inputs: for each argument of the program the leaves that stand for a row of it.
        input_shapes: the shape of a row of each argument: () for one Value, (n,) for a sequence.
        mean: whether the loss is averaged over the batch, or added.
        backend: "floats", "arrays", or None for the better one.
        dtype: of the arrays.
    """

    def __init__(
        self,
        outputs: Sequence[Value],
        is_list: bool,
        wrt: Sequence[Value] | None,
        inputs: Sequence[Sequence[Value]],
        input_shapes: Sequence[tuple[int, ...]],
        mean: bool,
        backend: str | None = None,
        dtype: Any = np.dtype(float),  # noqa: B008  # never changed
    ) -> None:
        self.outputs = outputs
        self.is_list = is_list
        self.wrt = wrt
        self.inputs = inputs
        self.input_shapes = input_shapes
        self.mean = mean
        self.backend = backend
        self.dtype = dtype

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the parameter vector and of one row of each argument."""
        return [(len(self.wrt or ()),), *self.input_shapes]


def traced(request: Request) -> Graph:
    """The simplified graph."""
    return simplify(trace(request.outputs, request.wrt or (), request.inputs))


class Grouped(NamedTuple):
    """A graph's sums, its nodes' signatures, and the groups of those that are alike."""

    flat: Flat
    signature: list[int]
    groups: list[Group]


def grouped(graph: Graph) -> Grouped:
    """Which nodes of a graph are alike."""
    flat = flatten(graph)
    return Grouped(flat, *signatures(graph, flat))


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
    outputs = unpack(builder, graph, leaves(builder, graph, request.shapes))
    if not request.is_list:
        return builder, outputs[0]
    places = tuple(View(i, (), ()) for i in range(len(outputs)))
    return builder, builder.make("assemble", outputs, places, (len(outputs),))


def complete(request: Request, builder: Builder, output: Instruction) -> Program:
    """The program for what the caller gets: the outputs, or the value of the loss and its gradient."""
    if request.wrt is None:
        return builder.program([output])
    theta = next(each for each in builder.instructions if each.op == "theta")
    scale = builder.symbol("scale")
    if output.batched:
        value = builder.map(ops.mul, builder.rows_total(output), scale)
    else:
        value = builder.map(ops.mul, output, builder.rows_total(scale))  # not rounded twice
    return builder.program([value, builder.filled(differentiate(builder, output, theta), theta.shape, False)])


def lowered(request: Request, program: Program, rule: Rule) -> Program:
    """The program in terms of functions that its backend has."""
    return lower(program, Builder(request.mean, bool(request.inputs), rule is for_floats), rule)
