"""A sketch: what a picture consists of, before it becomes text.

A part stands for one Value, or for several that were folded together. A picture shows only what its parts and their
edges say, so `folding.py` makes it smaller and the drawing never notices. Parts and edges are immutable: whatever
changes a sketch returns a new one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..node import edges, nodes
from ..operation import FLOATS
from ..value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..node import Scope

ADDITIONS = frozenset({"+", "0 +", "+ 0"})
"""The steps of a part that only adds its operands; Python's `sum` begins with 0."""


class Edge(NamedTuple):
    """An operand of a part, or several operands that come from the same part."""

    source: Value
    """The key, in the sketch, of the part that the operand comes from."""
    position: int
    """Which operand it is, from 0."""
    local: tuple[float, float] | None
    """Lowest and highest local derivative with respect to the operand; None for a constant."""
    flow: float | None
    """What the operand receives through this edge in `backward`; None before."""
    times: int = 1
    """How many operands it stands for."""


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


def sketched(roots: Sequence[Value]) -> Sketch:
    """One part for each Value that the roots depend on."""
    values = nodes(roots)
    asked_for = set(roots)
    # Plain leaves beside parameters are inputs; without parameters nobody can tell.
    leaf = "input" if any(map(_is_parameter, values)) else "leaf"
    return {value: _part(value, leaf, value in asked_for) for value in values}


def _is_parameter(value: Value) -> bool:
    return value.operation is None and type(value) is not Value


def _part(value: Value, leaf: str, is_root: bool) -> Part:
    own = (value,)
    operation = value.operation
    if operation is None:
        return Part("parameter" if _is_parameter(value) else leaf, own, own, is_root=is_root)
    if value.is_constant:
        return Part("constant", own, own, is_root=is_root)
    return Part("result", own, own, value.scope, _edges(value), (operation.symbol,), is_ordered(value), is_root)


def is_ordered(value: Value) -> bool:
    """Whether it matters which operand is which; two operands are told apart in any case."""
    operation = value.operation
    return operation is None or not operation.commutative or operation.arity is not None


def _edges(value: Value) -> tuple[Edge, ...]:
    gradient = value.gradient
    drawn = []
    for position, operand, partial in edges(value, FLOATS):
        local = float(partial)
        drawn.append(Edge(operand, position, (local, local), None if gradient is None else local * gradient))
    operands = value.parents
    if len(drawn) < len(operands):
        known = {edge.position for edge in drawn}
        drawn += [Edge(operands[i], i, None, None) for i in range(len(operands)) if i not in known]
        drawn.sort(key=attrgetter("position"))
    return tuple(drawn)


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
    return sketch | {key: sketch[key]._replace(scope=common_scope(scopes)) for key, scopes in uses.items()}


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
