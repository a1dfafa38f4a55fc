"""The graph of one observation as boxes: the Values that have names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from autograd import Value
from autograd.drawing.formulas import as_formula, expression
from autograd.drawing.stepped import Box

from ..layers import Linear
from .subject import Subject
from .wording import Wording

MOST_BOXES = 150
"""Nobody watches more Values than this one by one."""
MOST_WITH_PARAMETERS = 40
"""A graph of more boxes goes without those of the parameters, which have their sliders."""
LONGEST = 40
"""Characters of a formula; a longer one is only named."""


class Boxes(NamedTuple):
    """The boxes of a graph.

    Attributes:
        boxes: operands before results; empty if there are too many to watch.
        values: the Value of each.
    """

    boxes: list[Box]
    values: list[Value]

    def arrows(self, inside: Sequence[tuple[Value, Value]]) -> list[int]:
        """The arrows, box by box and operand by operand, along some edges of the graph."""
        touched = {node for edge in inside for node in edge}
        ends = [
            (self.values[operand], value)
            for box, value in zip(self.boxes, self.values, strict=True)
            for operand in box.operands
        ]
        return [k for k, (operand, result) in enumerate(ends) if operand in touched and result in touched]


def boxes_of(subject: Subject, wording: Wording, order: Sequence[Value], reached: Collection[Value]) -> Boxes:
    """The boxes of a graph.

    Args:
        subject: what is loss, parameter and target.
        wording: the names.
        order: all Values, operands before results.
        reached: the Values that a derivative of the loss flows into.
    """
    shown = [node for node in order if wording.name(node) and not (node.is_constant and not node.parents)]
    parameters, targets = set(subject.parameters), set(subject.y)
    if len(shown) > MOST_WITH_PARAMETERS:
        shown = [node for node in shown if node not in parameters]
    if len(shown) > MOST_BOXES:
        return Boxes([], [])
    place = {node: i for i, node in enumerate(shown)}
    boxes = [
        Box(
            wording.name(node),
            _formula(node, subject, wording),
            "result" if node.parents else "parameter" if node in parameters else "input",
            tuple(place[operand] for operand in _operands(node, place)),
            node not in targets and node in reached,
        )
        for node in shown
    ]
    return Boxes(boxes, shown)


def _operands(node: Value, shown: Collection[Value]) -> list[Value]:
    """The nearest Values with boxes before one, each once."""
    found: dict[Value, None] = {}
    pending = list(reversed(node.parents))
    while pending:
        operand = pending.pop()
        if operand in shown:
            found[operand] = None
        else:
            pending += reversed(operand.parents)
    return list(found)


def _formula(node: Value, subject: Subject, wording: Wording) -> str:
    """The operation behind a Value, in names."""
    if not node.parents:
        return ""
    if node is subject.loss and subject.classes:
        return "−Σ observed × log p"
    text = as_formula(expression(node, lambda other: "" if other is node else wording.name(other))).text
    if len(text) <= LONGEST:
        return text
    is_layer = node.scope is not None and isinstance(node.scope.owner, Linear)
    return "Σ weight × input + bias" if is_layer else f"{node.op}(…)"
