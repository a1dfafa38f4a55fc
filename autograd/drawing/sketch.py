"""What a picture consists of, before it becomes text: parts, and the edges between them.

A part stands for one Value, or for several that a fold has put together. Everything that a picture shows is read off
parts and edges, so that `folding.py` makes pictures small without the drawing noticing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import graph
from ..value import Value, partials_on_floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..recording import Scope


SYMMETRIC = frozenset({"sum", "mean", "prod", "max", "min", "logsumexp"})
"""Operations of any number of operands whose order does not matter."""


class Edge:
    """An operand of a part, or several operands that come from the same part.

    Attributes:
        source: the part whose Value is the operand.
        position: which operand it is, from 0.
        local: the local derivative of the result with respect to the operand, from the lowest to the highest of those
            that the edge stands for; None if the operand is a constant.
        flow: what the operand receives through this edge in `backward`; None before.
        count: how many operands it stands for.
    """

    __slots__ = ("count", "flow", "local", "position", "source")

    def __init__(
        self, source: Part, position: int, local: tuple[float, float] | None, flow: float | None, count: int = 1
    ) -> None:
        self.source = source
        self.position = position
        self.local = local
        self.flow = flow
        self.count = count


class Part:
    """One box of a picture.

    Attributes:
        kind: "parameter", "input", "leaf", "constant", "result", "module" or "block".
        values: what the part stands for.
        shown: the Values whose numbers the box shows; more than one for equal parts; for modules and blocks the
            roots among them.
        edges: one for each operand that is drawn, in the operands' order.
        steps: the symbols of the operations that lead to the result, in their order.
        scope: the scope it belongs to, or None.
        times: how many equal parts it stands for.
        is_ordered: whether it matters which operand is which.
        is_root: whether it is a result that was asked for.
        title: what it is called if that is not a Value's name.
        parameters: the parameters that a module brought into the box.
    """

    __slots__ = (
        "edges",
        "is_ordered",
        "is_root",
        "kind",
        "parameters",
        "scope",
        "shown",
        "steps",
        "times",
        "title",
        "values",
    )

    def __init__(self, kind: str, values: list[Value], scope: Scope | None) -> None:
        self.kind = kind
        self.values = values
        self.shown = values[-1:]
        self.scope = scope
        self.edges: list[Edge] = []
        self.steps: list[str] = []
        self.times = 1
        self.is_ordered = True
        self.is_root = False
        self.title: str | None = None
        self.parameters: list[Value] = []

    def __repr__(self) -> str:
        return f"<part {self.kind} {self.title or self.value.name or ' '.join(self.steps)} x {self.times}>"

    @property
    def value(self) -> Value:
        """The Value that the box shows, or the last of them."""
        return (self.shown or self.values)[-1]

    @property
    def is_leaf(self) -> bool:
        """Whether it stands for leaves or constants and not for operations."""
        return self.kind in ("parameter", "input", "leaf", "constant")


def sketched(roots: Sequence[Value]) -> list[Part]:
    """One part for each Value that the roots depend on, operands before results."""
    parts: dict[Value, Part] = {}
    for value in graph.nodes(roots):
        parts[value] = _part(value, parts)
    for root in roots:
        parts[root].is_root = True
    _tell_inputs_from_parameters(parts.values())
    return list(parts.values())


def in_reading_order(parts: Iterable[Part]) -> list[Part]:
    """The parts in an order in which operands come before results, and what leads to the first operand first."""
    ordered: dict[Part, None] = {}
    for root in [part for part in parts if part.is_root]:
        stack: list[Part | None] = [root]
        entered = set()
        while stack:
            part = stack.pop()
            if part is None:  # all that the part below it depends on is in order
                ordered[stack.pop()] = None  # type: ignore[index]
            elif part not in ordered and part not in entered:
                entered.add(part)
                stack += [part, None]
                stack += [edge.source for edge in reversed(part.edges)]
    return list(ordered)


def _part(value: Value, parts: Mapping[Value, Part]) -> Part:
    if value.is_constant:
        return Part("constant", [value], None)
    operation = value._operation
    if operation is None:
        return Part("leaf" if type(value) is Value else "parameter", [value], None)
    part = Part("result", [value], value._scope)
    part.steps = [operation.symbol]
    part.is_ordered = operation.name not in SYMMETRIC
    operands = value.parents
    partials = partials_on_floats(operation, value._datum, [operand._datum for operand in operands])
    grad = value._grad
    for position, (operand, partial) in enumerate(zip(operands, partials, strict=True)):
        if partial is None or operand.is_constant:
            part.edges.append(Edge(parts[operand], position, None, None))
        else:
            flow = None if grad is None else float(partial * grad)
            part.edges.append(Edge(parts[operand], position, (float(partial), float(partial)), flow))
    return part


def _tell_inputs_from_parameters(sketch: Iterable[Part]) -> None:
    """Plain leaves beside parameters are inputs; without parameters nobody can tell, and they stay leaves."""
    if any(part.kind == "parameter" for part in sketch):
        for part in sketch:
            if part.kind == "leaf":
                part.kind = "input"


def place_leaves(sketch: Iterable[Part]) -> None:
    """Puts parameters and constants into the innermost scope that has all of their uses."""
    uses: dict[Part, list[Scope | None]] = {}
    for part in sketch:
        for edge in part.edges:
            if edge.source.kind in ("parameter", "constant"):
                uses.setdefault(edge.source, []).append(part.scope)
    for part, scopes in uses.items():
        part.scope = common_scope(scopes)


def common_scope(scopes: Iterable[Scope | None]) -> Scope | None:
    """The innermost scope around all of them."""
    distinct = list(dict.fromkeys(scopes))
    chains = [around(scope) for scope in distinct]
    common = None
    for level in zip(*chains, strict=False):
        if any(scope is not level[0] for scope in level):
            break
        common = level[0]
    return common


def around(scope: Scope | None) -> list[Scope]:
    """The scopes around a scope and itself, the outermost first."""
    chain = list(outwards(scope))
    chain.reverse()
    return chain


def outwards(scope: Scope | None) -> Iterator[Scope]:
    """The scope itself and those around it, the innermost first."""
    while scope is not None:
        yield scope
        scope = scope.outer
