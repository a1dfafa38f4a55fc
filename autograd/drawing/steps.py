"""The forward and the backward pass in single steps, each with what is known by then and one line about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..node import nodes
from .formulas import as_formula, expression
from .stand_ins import Roles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..value import Value
    from .sketch import Sketch

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
    """The results in the order of the computation, then everything in reverse.

    In reverse topological order a Value comes after all that use it, so its gradient is complete.
    """
    known = [value for value, part in sketch.items() if not part.edges]
    steps = []
    for value in [value for value, part in sketch.items() if part.edges]:
        known.append(value)
        steps.append(
            Step(
                value, frozenset(known), frozenset(), f"{name(value)} = {computed(value, name)} = {number(value.data)}"
            )
        )
    everything = frozenset(known)
    uses = _uses(sketch)
    done: list[Value] = []
    for value in reversed(sketch):
        if value.gradient is not None:
            done.append(value)
            text = chain_rule_at(value, root, uses.get(value, ()), name, number)
            steps.append(Step(value, everything, frozenset(done), text))
    return steps


def _uses(sketch: Sketch) -> dict[Value, list[tuple[Value, float]]]:
    """The results that use each Value and have a gradient, with the local derivatives."""
    uses: dict[Value, list[tuple[Value, float]]] = {}
    for user, part in sketch.items():
        for edge in part.edges:
            if edge.local is not None and user.gradient is not None:
                uses.setdefault(edge.source, []).append((user, edge.local[0]))
    return uses


def computed(value: Value, name: Namer) -> str:
    """The operation behind a Value, in names."""
    return as_formula(expression(value, lambda other: "" if other is value else name(other), depth=1)).text


def chain_rule_at(
    value: Value, root: Value, uses: Sequence[tuple[Value, float]], name: Namer, number: Callable[[float], str]
) -> str:
    """The chain rule at one Value: the sum over its uses of the gradient there times the local derivative."""
    top, bottom = name(root), name(value)
    if value is root:
        return f"d{top}/d{top} = 1: here backward starts"
    symbols = [f"d{top}/d{name(user)} × d{name(user)}/d{bottom}" for user, _ in uses]
    numbers = [f"{number(user.grad)} × {number(local)}" for user, local in uses]
    return f"d{top}/d{bottom} = {' + '.join(symbols)} = {' + '.join(numbers)} = {number(value.grad)}"


def names_for_all(root: Value, given: Namer) -> Mapping[Value, str]:
    """What to call each Value: by its role if it has one; other results are numbered, constants go by their number."""
    roles = Roles([root], given)
    own = {value: name for value in nodes([root]) if (name := given(value))}
    return roles.numbered() | roles.names | own
