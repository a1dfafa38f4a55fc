"""The chain rule: derivatives carried backwards or forwards over the edges of a graph, in any number system.

An edge leads from a result to one of its operands and bears the partial derivative. Backwards, a result hands the
derivative of something by itself to its operands, times the partial; forwards, a result receives its operands'
derivatives by something, times the partial. Over floats the first is `backward`; over Values the derivative is a graph
again (A. Griewank and A. Walther, Evaluating Derivatives, 2008, chapter 3).
"""

from __future__ import annotations

from contextlib import contextmanager

from .context import current_context, unwatched
from .node import Node, edges, history, nodes
from .operation import FLOATS, Generic, N

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeAlias

    from .operation import NumberSystem

    Edges: TypeAlias = list[tuple[int, Any, N]]


class Linearization(Generic[N]):
    """The partial derivatives on all edges that lead from some nodes to what depends on them.

    Args:
        outputs: the nodes at the end.
        inputs: the nodes with respect to which one differentiates; they may be results of operations themselves.
        m: the number system of the partials.
        edges: gives a result's edges: position, operand and partial.

    Attributes:
        steps: each result that depends on an input, operands before results, with its edges to operands that do.
    """

    def __init__(
        self,
        outputs: Iterable[Node],
        inputs: Iterable[Node],
        m: NumberSystem[N],
        edges: Callable[[Any, NumberSystem[N]], Edges[N]] = edges,
    ) -> None:
        self._m = m
        self.steps: list[tuple[Any, Edges[N]]] = []
        dependent = set(inputs)
        for node in reversed(history(outputs)):
            if any(operand in dependent for operand in node.parents):
                dependent.add(node)
                self.steps.append((node, [edge for edge in edges(node, m) if edge[1] in dependent]))

    def backwards(self, cotangents: Mapping[Any, N]) -> dict[Any, N]:
        """The derivatives of something by the nodes, from those by the outputs. Nodes that it does not reach have none.

        Args:
            cotangents: the derivatives by the outputs.
        """
        product, total = products(self._m), self._m.total
        terms: dict[Any, list[N]] = {output: [cotangent] for output, cotangent in cotangents.items()}
        for node, outgoing in reversed(self.steps):
            arrived = terms.get(node)
            if arrived is not None:
                cotangent = total(arrived)
                terms[node] = [cotangent]
                for _, operand, partial in outgoing:
                    terms.setdefault(operand, []).append(product(node, operand, cotangent, partial))
        return {node: total(arrived) for node, arrived in terms.items()}

    def forwards(self, tangents: Mapping[Any, N]) -> dict[Any, N]:
        """The derivatives of the nodes by something, from those of the inputs, in one pass.

        Args:
            tangents: the derivatives of the inputs.
        """
        product, total = products(self._m), self._m.total
        found = dict(tangents)
        for node, outgoing in self.steps:
            terms = [
                product(node, operand, found[operand], partial) for _, operand, partial in outgoing if operand in found
            ]
            if terms and node not in tangents:
                found[node] = total(terms)
        return found


def products(m: NumberSystem[N]) -> Callable[[Node, Node, N, N], N]:
    """What multiplies a derivative and the partial on an edge from a node to an operand, watched if somebody does."""
    times, watch = m.times, current_context().watch
    if watch is None:
        return lambda node, operand, derivative, partial: times(derivative, partial)

    def watched(node: Node, operand: Node, derivative: N, partial: N) -> N:
        with unwatched():
            product = times(derivative, partial)
        watch.backward(node, operand, float(product))  # type: ignore[arg-type]
        return product

    return watched


def accumulate(node: Node, contribution: float) -> None:
    """Adds to a node's gradient."""
    node.gradient = contribution if node.gradient is None else node.gradient + contribution


def pull(node: Node, cotangent: float) -> None:
    """The chain rule at one result, in place: each operand's gradient receives its contribution."""
    product = products(FLOATS)
    for _, operand, partial in edges(node, FLOATS):
        accumulate(operand, product(node, operand, cotangent, float(partial)))


def pull_all(results: Iterable[Node]) -> None:
    """The chain rule in place, at results in an order in which each comes before its operands."""
    for node in results:
        if node.gradient is not None:
            pull(node, node.gradient)


@contextmanager
def gradients_kept(roots: Iterable[Node]) -> Iterator[None]:
    """Afterwards all gradients in the graph are what they were."""
    own = [(node, node.gradient) for node in nodes(roots)]
    try:
        yield
    finally:
        for node, gradient in own:
            node.gradient = gradient
