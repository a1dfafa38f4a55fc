"""The fourth pass: groups nodes that are built alike; the next pass turns a group into one array."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import ops
from .flatten import Flat, flatten
from .terms import without_derivative
from .trace import CONSTANT

if TYPE_CHECKING:
    from .flatten import Sum
    from .trace import Graph

Kind = tuple[int, ...]
"""How a part of a sum is built: its sign and the signature of its node, or of the two nodes of a product."""
Slots = dict[Kind, list[Any]]
"""The nodes, or pairs of nodes, of each kind."""

PADDED = {
    ops.softmax: -math.inf,
    ops.log_softmax: -math.inf,
    ops.logsumexp: -math.inf,
    ops.prod: 1.0,
    ops.mean: 0.0,
}
"""What pads rows of several lengths, by operation: what makes no difference to the result."""


class Group:
    """Nodes with equal signatures.

    The operands in one slot share a signature too, so they are elements of one array. Since a node's signature includes
    those of its operands, groups do not depend on each other in a circle.

    Attributes:
        nodes: their numbers in the graph.
        slots: for sums, each node's terms and products by signature; None for other operations.
    """

    __slots__ = ("nodes", "slots")

    def __init__(self, is_sum: bool) -> None:
        self.nodes: list[int] = []
        self.slots: list[Slots] | None = [] if is_sum else None


class Grouped(NamedTuple):
    """A graph's sums, the signature of every node, a small number, and the groups, operands before results."""

    flat: Flat
    signature: list[int]
    groups: list[Group]


def grouped(graph: Graph, gives_gradient: bool) -> Grouped:
    """Which nodes of a graph are alike.

    A leaf's signature is its source, that of a sum its number of terms and products of each kind, that of any other
    result the operation and the operands' signatures. If there are many groups, rows of several lengths count as alike
    where that makes far fewer: shorter ones are padded.

    For a gradient, results that it does not flow to are not alike those that it does: in one array with these, their
    cotangents of 0 would meet partial derivatives that may be infinite.
    """
    flat = flatten(graph)
    aside = _without_gradient(graph) if gives_gradient else set()
    exact = _grouped(graph, flat, aside, None)
    if len(exact.groups) < _MANY:
        return exact
    loose = _grouped(graph, flat, aside, bytearray([1]) * len(graph))
    padded = bytearray(len(graph))
    for group in loose.groups:
        if _is_worth_padding(_lengths(graph, group)):
            for i in group.nodes:
                padded[i] = 1
    ragged = _grouped(graph, flat, aside, padded) if any(padded) else exact
    return ragged if len(ragged.groups) < _FEWER * len(exact.groups) else exact


_MANY = 8  # groups; with fewer, padding cannot save much
_FEWER = 0.8  # times the groups are few enough to pad for
_LENGTHS = 3  # at least so many lengths are padded to one
_WASTE = 2.5  # times as many terms as there are, padded ones included, are too many


def _without_gradient(graph: Graph) -> set[int]:
    """The results to which no derivative of the outputs flows."""
    kinds = {(graph.operations[i], len(graph.operands[i])) for i in graph.results}
    stops = {kind: places for kind in kinds if (places := without_derivative(*kind))}
    if not stops:
        return set()
    reached = set(graph.outputs)
    for i in reversed(graph.results):
        if i in reached:
            stopped = stops.get((graph.operations[i], len(graph.operands[i])), ())
            reached.update([x for k, x in enumerate(graph.operands[i]) if k not in stopped])
    return set(graph.results) - reached


def _lengths(graph: Graph, group: Group) -> list[tuple[int, ...]]:
    """How many terms and products of each kind a node has, or how many operands."""
    if group.slots is None:
        return [(len(graph.operands[i]),) for i in group.nodes]
    kinds = list(group.slots[0])
    return [tuple([len(slots[kind]) for kind in kinds]) for slots in group.slots]


def _is_worth_padding(lengths: list[tuple[int, ...]]) -> bool:
    if len(set(lengths)) < _LENGTHS:
        return False
    longest = sum(map(max, zip(*lengths, strict=True)))
    return bool(longest * len(lengths) <= _WASTE * sum(map(sum, lengths)))


def _grouped(graph: Graph, flat: Flat, aside: set[int], padded: bytearray | None) -> Grouped:
    """The groups; nodes of `aside` are among themselves, and marked ones alike whatever their number of operands."""
    known: dict[Any, int] = {}
    signature = list(graph.sources)
    groups: list[Group] = []
    first = max([CONSTANT, *graph.sources]) + 1  # above the signatures of all leaves
    sums, absorbed = flat.sums, flat.absorbed
    for i in graph.results:
        if absorbed[i]:
            continue
        operation = graph.operations[i]
        total = sums.get(i)
        slots = None if total is None else _slots(total, signature)
        key: Any
        if slots is None:
            key = (operation, *[signature[x] for x in graph.operands[i]])
            if padded and padded[i] and operation in PADDED and len(set(key)) == 2:
                key = (operation, key[1], ...)
        elif padded and padded[i]:
            key = frozenset(slots)
        else:
            key = tuple(sorted([(kind, len(parts)) for kind, parts in slots.items()]))
        if i in aside:
            key = (None, key)
        j = known.get(key)
        if j is None:
            j = known[key] = len(groups)
            groups.append(Group(slots is not None))
        group = groups[j]
        group.nodes.append(i)
        if slots is not None and group.slots is not None:
            group.slots.append(slots)
        signature[i] = first + j
    return Grouped(flat, signature, groups)


def _slots(total: Sum, signature: list[int]) -> Slots:
    """The parts of a sum by kind; in a product the smaller signature comes first."""
    slots: Slots = {}
    for sign in (0, 1):
        for x in total.terms[sign]:
            slots.setdefault((sign, signature[x]), []).append(x)
        for pair in total.products[sign]:
            left, right = pair
            kind = (sign, signature[left], signature[right])
            if kind[1] > kind[2]:
                kind = (sign, kind[2], kind[1])
                pair = (right, left)
            parts = slots.get(kind)
            if parts is None:
                slots[kind] = [pair]
            else:
                parts.append(pair)
    return slots
