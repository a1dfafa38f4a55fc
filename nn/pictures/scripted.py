"""The arithmetic of a page: functions in JavaScript, written from the graph of one observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd import Value
from autograd.compiler.engines.javascript import JAVASCRIPT, primitives
from autograd.compiler.engines.written import Writing, Written
from autograd.drawing.page import without_comments
from autograd.node import edges, nodes
from autograd.operation import Operation
from autograd.ops import dot, sum as sum_of

from .subject import Subject


class Edge(NamedTuple):
    """From a result to an operand, as numbers of nodes."""

    result: int
    operand: int


class Script(NamedTuple):
    """The functions of a page, and what their results mean.

    Attributes:
        text: defines `trace(theta, x, y)`, which gives the numbers of all nodes and the local derivatives on all edges;
            `lossOf(theta, x, y)` and `outputsOf(theta, x)`, which give the loss and the outputs alone, for pictures.
        nodes: the Values behind the numbers, operands before results.
        edges: the edges behind the local derivatives, results in the order of the nodes.
    """

    text: str
    nodes: list[Value]
    edges: list[Edge]


class _Quick(Writing):
    """Sums as JavaScript adds, from left to right: pictures need thousands of them, and not their last digits."""

    def apply(self, operation: Operation, *operands: Written | float) -> Written:
        """As `Writing` does, but for sums."""
        if operation is sum_of and operands:
            return self._added(operands)
        if operation is dot and operands:
            half = len(operands) // 2
            return self._added([x * y for x, y in zip(operands[:half], operands[half:], strict=True)])
        return super().apply(operation, *operands)

    def _added(self, terms: Sequence[Any]) -> Written:
        total, *others = terms
        for term in others:
            total = total + term
        return total if isinstance(total, Written) else self.number(total)


def script_of(subject: Subject) -> Script:
    """The functions for a subject.

    Raises:
        ValueError: the formula of an operation cannot be written in JavaScript.
    """
    exact, quick = _Names(subject, Writing(JAVASCRIPT)), _Names(subject, _Quick(JAVASCRIPT))
    order = nodes([subject.loss, *subject.outputs])
    at = {node: i for i, node in enumerate(order)}
    found = [
        (Edge(at[node], at[operand]), partial)
        for node in order
        if node.parents
        for _, operand, partial in _edges(node, exact)
    ]
    values, locals_ = ", ".join([exact.text(node) for node in order]), ", ".join([exact.written(p) for _, p in found])
    functions = [
        _function("trace", "theta, x, y", _statements(order, exact), f"[[{values}], [{locals_}]]"),
        _function("lossOf", "theta, x, y", _statements(nodes([subject.loss]), quick), quick.text(subject.loss)),
        _function(
            "outputsOf",
            "theta, x",
            _statements(nodes(subject.outputs), quick),
            f"[{', '.join(map(quick.text, subject.outputs))}]",
        ),
    ]
    text = "\n".join(functions)
    return Script("".join([*map(without_comments, primitives(text)), text, "\n"]), order, [edge for edge, _ in found])


class _Names:
    """What the nodes of a graph are called in a text."""

    def __init__(self, subject: Subject, system: Writing) -> None:
        self.system = system
        system.of = self.of  # type: ignore[method-assign]
        self._names = {
            leaf: f"{array}[{i}]"
            for array, leaves in (("theta", subject.parameters), ("x", subject.x), ("y", subject.y))
            for i, leaf in enumerate(leaves)
        }
        self._count = 0

    def written(self, number: Written | float) -> str:
        """A number of the system, or a plain one, as text."""
        return str(number if isinstance(number, Written) else self.system.number(number))

    def of(self, node: Value) -> Written:
        """The node as a number of the system."""
        if node not in self._names and not node.parents:
            return self.system.number(node.data)
        return self.system.named(self.text(node))

    def text(self, node: Value) -> str:
        """The node's name; the number of a constant."""
        if node not in self._names and not node.parents:
            return str(self.system.number(node.data))
        if node not in self._names:
            self._names[node] = f"v{self._count}"
            self._count += 1
        return self._names[node]


def _statements(order: Sequence[Value], names: _Names) -> list[str]:
    """A line per result."""
    lines = []
    for node in order:
        if node.parents:
            formula = _written(node, names)
            lines.append(f"const {names.text(node)} = {formula};")
    return lines


def _written(node: Value, names: _Names) -> Written:
    operation = node.operation
    assert operation is not None
    try:
        return names.system.apply(operation, *map(names.of, node.parents))
    except Exception as problem:
        raise _unwritable(node, problem) from problem


def _edges(node: Value, names: _Names) -> list[tuple[int, Value, Any]]:
    try:
        return edges(node, names.system)
    except Exception as problem:
        raise _unwritable(node, problem) from problem


def _unwritable(node: Value, problem: Exception) -> ValueError:
    return ValueError(
        f"playground: the operation {node.op!r} cannot be written in JavaScript ({problem}); write its formula and "
        "partials with the functions of m, such as m.where"
    )


def _function(name: str, arguments: str, lines: Sequence[str], result: str) -> str:
    return "\n".join([f"function {name}({arguments}) {{", *lines, f"return {result};", "}"])
