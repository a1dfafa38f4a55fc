"""Numbers as they were: a graph whose leaves have changed since is shown with what it was computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..chain import Linearization
from ..node import CONSTANT, changed_leaves, edges, history, nodes, number_at
from ..operation import FLOATS, NumberSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..value import Value


def edges_then(node: Value, m: NumberSystem[float] = FLOATS) -> list[tuple[int, Value, float]]:
    """`node.edges` on floats, with the numbers that the operands had when the result was computed."""
    operands = node.parents
    if all(operand.tick <= node.tick for operand in operands):
        return edges(node, m)
    operation = node.operation
    assert operation is not None
    partials = m.partials(operation, node.number, [number_at(operand, node.tick) for operand in operands])
    return [
        (position, operand, partial)
        for position, (operand, partial) in enumerate(zip(operands, partials, strict=True))
        if partial is not None and operand.operation is not CONSTANT
    ]


def numbers_then(values: Sequence[Value]) -> dict[Value, list[float]]:
    """The leaves that have changed since they were used, with the numbers that they had: mostly one each.

    Args:
        values: all Values of a graph, operands before results.
    """
    if not changed_leaves(values):
        return {}
    found: dict[Value, dict[float, None]] = {}
    changed = set()
    for node in values:
        for operand in node.parents:
            if operand.left is None and operand.operation is None:
                number = number_at(operand, node.tick)
                found.setdefault(operand, {})[number] = None
                if operand.tick > node.tick:
                    changed.add(operand)
    return {leaf: list(numbers) for leaf, numbers in found.items() if leaf in changed}


def data_then(value: Value, then: Mapping[Value, Sequence[float]]) -> float:
    """The number of a Value as its graph used it; of several the first."""
    return then[value][0] if value in then else value.number


def changes(roots: Sequence[Value], name: Callable[[Value], str | None], precision: int) -> str:
    """What to say about leaves that have changed since; empty if none has."""
    changed = [f"{name(leaf) or 'a leaf'} (now {leaf.number:.{precision}g})" for leaf in numbers_then(nodes(roots))]
    if not changed:
        return ""
    shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    return f"changed since: {shown}; these are the numbers that it was computed from"


def gradients_then(root: Value) -> dict[Value, float]:
    """The derivative of a Value by each Value before it, at the numbers that it was computed from."""
    leaves = [x for node in history([root]) for x in node.parents if x.operation is None]
    return Linearization([root], dict.fromkeys(leaves), FLOATS, edges_then).backwards({root: 1.0})
