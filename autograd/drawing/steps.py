"""The forward and the backward pass in single steps, each with what has happened so far and a sentence about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .formulas import as_formula, expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..value import Value
    from .sketch import Edge, Sketch

    Namer = Callable[[Value], str]


class Step(NamedTuple):
    """One step of the computation or of `backward`."""

    current: Value
    """The Value whose turn it is."""
    computed: frozenset[Value]
    """The Values whose data is known."""
    differentiated: frozenset[Value]
    """The Values whose gradient is complete."""
    text: str
    """What happens, in one line."""


def steps_of(sketch: Sketch, root: Value, name: Namer, number: Callable[[float], str]) -> list[Step]:
    """The results in the order of the computation, then everything in reverse order.

    In reverse topological order a Value's turn comes when all that it was used for have had theirs, so that its
    gradient is complete.
    """
    known = [value for value, part in sketch.items() if not part.edges]
    steps = []
    for value in [value for value, part in sketch.items() if part.edges]:
        known.append(value)
        steps.append(Step(value, frozenset(known), frozenset(), _computed(value, name, number)))
    everything = frozenset(known)
    uses = _uses(sketch)
    done: list[Value] = []
    for value in reversed(sketch):
        if value.gradient is not None:
            done.append(value)
            text = chain_rule_at(value, root, uses.get(value, ()), name, number)
            steps.append(Step(value, everything, frozenset(done), text))
    return steps


def _uses(sketch: Sketch) -> dict[Value, list[tuple[Value, Edge]]]:
    uses: dict[Value, list[tuple[Value, Edge]]] = {}
    for user, part in sketch.items():
        for edge in part.edges:
            if edge.local is not None and user.gradient is not None:
                uses.setdefault(edge.source, []).append((user, edge))
    return uses


def _computed(value: Value, name: Namer, number: Callable[[float], str]) -> str:
    """The operation that gave a Value, in names and in its number."""
    inside = as_formula(expression(value, lambda other: "" if other is value else name(other), depth=1))
    return f"{name(value)} = {inside.text} = {number(value.data)}"


def chain_rule_at(
    value: Value, root: Value, uses: Sequence[tuple[Value, Edge]], name: Namer, number: Callable[[float], str]
) -> str:
    """A Value's part of the chain rule: over all its uses, the gradient there times the local derivative."""
    top, bottom = name(root), name(value)
    if value is root:
        return f"d{top}/d{top} = 1: here backward starts"
    symbols, numbers = [], []
    for user, edge in uses:
        assert edge.local is not None  # `_uses` has left out the others
        assert user.gradient is not None
        symbols.append(f"d{top}/d{name(user)} × d{name(user)}/d{bottom}")
        numbers.append(f"{number(user.gradient)} × {number(edge.local[0])}")
    total = number(value.grad)
    return f"d{top}/d{bottom} = {' + '.join(symbols)} = {' + '.join(numbers)} = {total}"


def names_for_all(sketch: Sketch, given: Callable[[Value], str | None]) -> Mapping[Value, str]:
    """What to call each Value: numbers stand for constants, and results without a name are numbered."""
    names: dict[Value, str] = {}
    taken = set(map(given, sketch))
    count = 0
    for value, part in sketch.items():
        name = given(value)
        if not name and part.kind != "constant":
            count += 1
            while f"v{count}" in taken:
                count += 1
            name = f"v{count}"
        if name:
            names[value] = name
    return names
