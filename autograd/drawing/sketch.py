"""A sketch: what a picture consists of, before it becomes text.

A part stands for one Value, or for several that were folded together. A picture shows only what its parts and their
edges say, so `folding.py` makes it smaller and the drawing never notices. Parts and edges are immutable: whatever
changes a sketch returns a new one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..node import edges, nodes
from ..operation import FLOATS, NumberSystem
from ..value import Value
from .then import edges_then

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..node import Scope

    EdgesOf = Callable[[Value, NumberSystem[float]], list[tuple[int, Value, float]]]

ADDITIONS = frozenset({"+", "0 +", "+ 0"})
"""The steps of a part that only adds its operands; Python's `sum` begins with 0."""


FAR = 3
"""Parts between two uses of a parameter that make it worth a second box."""


class Edge(NamedTuple):
    """An operand of a part, or several operands that come from the same part."""

    source: Value
    """The key, in the sketch, of the part that the operand comes from."""
    position: int
    """Which operand it is, from 0."""
    local: tuple[float, float] | None
    """Lowest and highest local derivative with respect to the operand; None for a constant."""
    flow: float | None
    """What the operand receives through this edge in `backward`; None before. Of several operands the norm, with their
    common sign."""
    times: int = 1
    """How many operands it stands for."""
    is_mixed: bool = False
    """Whether gradients of both signs flow through it."""


class Part(NamedTuple):
    """One box of a picture."""

    kind: str
    """One of "parameter", "input", "leaf", "constant", "result", "module" or "block"."""
    values: tuple[Value, ...]
    """What the part stands for."""
    shown: tuple[Value, ...]
    """The Values whose numbers the box shows: several for equal parts; for modules and blocks the roots among them."""
    scope: Scope | None = None
    edges: tuple[Edge, ...] = ()
    """One for each operand that is drawn, in the operands' order."""
    steps: tuple[str, ...] = ()
    """The symbols of the operations that lead to the result, in their order."""
    is_ordered: bool = True
    """Whether the order of the operands matters."""
    is_root: bool = False
    """Whether it is a result that was asked for."""
    times: int = 1
    """How many equal parts it stands for."""
    title: str | None = None
    """What it is called if that is not a Value's name."""
    parameters: tuple[Value, ...] = ()
    """The parameters that a module brought into the box."""
    is_array: bool = False
    """Whether it shows the elements of an array of parameters."""
    is_copy: bool = False
    """Whether it is one of several boxes for something that is used in several places."""

    @property
    def value(self) -> Value:
        """The Value that the box shows, or the last of them."""
        return (self.shown or self.values)[-1]

    @property
    def is_leaf(self) -> bool:
        """Whether it stands for leaves or constants and not for operations."""
        return self.kind in ("parameter", "input", "leaf", "constant")


Sketch: TypeAlias = "dict[Value, Part]"
"""Parts, operands before results, each under one of its Values."""


def sketched(roots: Sequence[Value], values: Sequence[Value] | None = None, has_changed: bool = True) -> Sketch:
    """One part for each Value that the roots depend on.

    Args:
        roots: what to draw.
        values: all that they depend on, operands before results, if the caller knows that already.
        has_changed: whether leaves may have changed since.
    """
    values = nodes(roots) if values is None else values
    asked_for = set(roots)
    edges_of = edges_then if has_changed else edges
    # Plain leaves beside parameters are inputs; without parameters nobody can tell.
    leaf = "input" if any(map(is_parameter, values)) else "leaf"
    return {value: _part(value, leaf, value in asked_for, edges_of) for value in values}


def is_parameter(value: Value) -> bool:
    """Whether it is a leaf that training changes: of a kind more special than a plain Value."""
    return value.operation is None and type(value) is not Value


def _part(value: Value, leaf: str, is_root: bool, edges_of: EdgesOf) -> Part:
    own = (value,)
    operation = value.operation
    if operation is None:
        return Part("parameter" if is_parameter(value) else leaf, own, own, is_root=is_root)
    if value.is_constant:
        return Part("constant", own, own, is_root=is_root)
    return Part(
        "result", own, own, value.scope, _edges(value, edges_of), (operation.symbol,), is_ordered(value), is_root
    )


def is_ordered(value: Value) -> bool:
    """Whether it matters which operand is which; two operands are told apart in any case."""
    operation = value.operation
    return operation is None or not operation.commutative or operation.arity is not None


def _edges(value: Value, edges_of: EdgesOf) -> tuple[Edge, ...]:
    gradient = value.gradient
    partials = {position: float(partial) for position, _, partial in edges_of(value, FLOATS)}
    drawn = []
    for position, operand in enumerate(value.parents):
        local = partials.get(position)
        if local is None:
            drawn.append(Edge(operand, position, None, None))
        else:
            drawn.append(Edge(operand, position, (local, local), None if gradient is None else local * gradient))
    return tuple(drawn)


def last_calls(sketch: Sketch) -> dict[Value, float | None]:
    """What the last `backward` added to leaves whose gradient holds something else too; None if it added nothing.

    Args:
        sketch: a part for each Value, before anything is folded.
    """
    flows: dict[Value, list[float]] = {}
    for part in sketch.values():
        for edge in part.edges:
            if edge.flow is not None and edge.source.left is None:
                flows.setdefault(edge.source, []).append(edge.flow)
    found: dict[Value, float | None] = {}
    for leaf, part in sketch.items():
        if part.is_leaf and leaf.gradient is not None and not part.is_root:
            last = flows.get(leaf)
            if last is None or abs(leaf.gradient - sum(last)) > 1e-9 * sum(map(abs, last)):
                found[leaf] = None if last is None else sum(last)
    return found


def joined_flow(flows: Iterable[float], is_mixed: bool = False) -> tuple[float | None, bool]:
    """The norm of several gradients, with their common sign; and whether they have both signs."""
    known = list(flows)
    if len(known) < 2:
        return (known[0] if known else None), is_mixed
    is_mixed = is_mixed or (min(known) < 0.0 < max(known))
    norm = math.hypot(*known)
    return (-norm if not is_mixed and min(known) < 0.0 else norm), is_mixed


def in_reading_order(sketch: Sketch) -> Sketch:
    """The parts in an order in which operands come before results, and what leads to the first operand first."""
    ordered: Sketch = {}
    entered = set()
    stack: list[Value | None] = [key for key, part in sketch.items() if part.is_root]
    stack.reverse()
    while stack:
        key = stack.pop()
        if key is None:  # all that the part below it depends on is in order
            key = stack.pop()
            assert key is not None
            ordered[key] = sketch[key]
        elif key not in entered:
            entered.add(key)
            stack += [key, None]
            stack += [edge.source for edge in reversed(sketch[key].edges) if edge.source not in entered]
    return ordered


def leaves_placed(sketch: Sketch) -> Sketch:
    """With parameters and constants in the innermost scope that has all of their uses."""
    uses: dict[Value, list[Scope | None]] = {}
    for part in sketch.values():
        for edge in part.edges:
            if sketch[edge.source].kind in ("parameter", "constant"):
                uses.setdefault(edge.source, []).append(part.scope)
    placed = sketch.copy()
    for key, scopes in uses.items():
        scope = common_scope(scopes) if scopes != [None] else None
        if scope is not sketch[key].scope:
            placed[key] = sketch[key]._replace(scope=scope)
    return placed


def near_uses(sketch: Sketch, most: int) -> Sketch:
    """With a box of its own beside each use for parameters that calls far from each other share, for want of long arcs.

    Args:
        sketch: the parts.
        most: the maximum number of parts.
    """
    ranks: dict[Value, int] = {}
    users: dict[Value, dict[Scope | None, list[Value]]] = {}
    for key, part in in_reading_order(sketch).items():
        ranks[key] = 1 + max((ranks[edge.source] for edge in part.edges), default=0)
        for source in {edge.source for edge in part.edges if sketch[edge.source].kind == "parameter"}:
            users.setdefault(source, {}).setdefault(part.scope, []).append(key)
    result = dict(sketch)
    for leaf, calls in users.items():
        reached = [ranks[user] for keys in calls.values() for user in keys]
        if len(calls) < 2 or max(reached) - min(reached) < FAR or len(result) + len(calls) - 1 > most:
            continue
        for number, keys in enumerate(calls.values()):
            copy = Value(leaf.number) if number else leaf
            result[copy] = sketch[leaf]._replace(is_copy=True)
            for user in keys if number else ():
                edges = tuple(
                    edge._replace(source=copy) if edge.source is leaf else edge for edge in result[user].edges
                )
                result[user] = result[user]._replace(edges=edges)
    return result


def common_scope(scopes: Iterable[Scope | None]) -> Scope | None:
    """The innermost scope around all of them."""
    levels = zip(*map(around, dict.fromkeys(scopes)), strict=False)
    shared = [level[0] for level in levels if len(set(level)) == 1]
    return shared[-1] if shared else None


def around(scope: Scope | None) -> list[Scope]:
    """The scopes around a scope and itself, the outermost first."""
    return list(outwards(scope))[::-1]


def outwards(scope: Scope | None) -> Iterator[Scope]:
    """The scope itself and those around it, the innermost first."""
    while scope is not None:
        yield scope
        scope = scope.outer


def scope_title(scope: Scope) -> str:
    """The scope's name, and the class of its owner if that says more."""
    kind = "" if scope.owner is None else type(scope.owner).__name__
    return scope.name if kind in ("", scope.name) else f"{scope.name} ({kind})"
