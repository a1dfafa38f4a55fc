"""The numbers of every Value in the graph of one observation, for each observation: what scripts will compute too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from autograd import Value
from autograd.node import CONSTANT
from autograd.operation import FLOATS

from .subject import Subject


class Trace(NamedTuple):
    """One observation.

    Attributes:
        numbers: of each Value.
        locals: the local derivatives on the edges of each result, by operand and in their order.
    """

    numbers: dict[Value, float]
    locals: dict[Value, list[tuple[Value, float]]]

    def derivatives(self, top: Value, end: Value | None = None) -> dict[Value, float]:
        """The derivatives of one Value by all before it; nothing flows on from `end`."""
        found = {top: 1.0}
        for node in reversed(self.locals):
            slope = found.get(node, 0.0) if node is not end else 0.0
            for operand, local in self.locals[node] if slope else ():
                found[operand] = found.get(operand, 0.0) + slope * local
        return found


def traces(subject: Subject, order: Sequence[Value]) -> list[Trace]:
    """A trace per observation.

    Args:
        subject: the data.
        order: the Values, operands before results.
    """
    leaves = [*subject.x, *subject.y]
    rows = zip(subject.rows.tolist(), subject.targets.tolist(), strict=True)
    return [_trace(order, dict(zip(leaves, [*row, *target], strict=True))) for row, target in rows]


def _trace(order: Sequence[Value], given: Mapping[Value, float]) -> Trace:
    numbers: dict[Value, float] = {}
    locals_: dict[Value, list[tuple[Value, float]]] = {}
    for node in order:
        operation, operands = node.operation, node.parents
        if operation is None or not operands:
            numbers[node] = given.get(node, node.number)
            continue
        known = [numbers[operand] for operand in operands]
        numbers[node] = FLOATS.evaluate(operation, known)
        partials = FLOATS.partials(operation, numbers[node], known)
        locals_[node] = [
            (operand, float(partial))
            for operand, partial in zip(operands, partials, strict=True)
            if partial is not None and operand.operation is not CONSTANT
        ]
    return Trace(numbers, locals_)
