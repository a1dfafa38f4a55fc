"""Folding: a sketch of many parts becomes one of few, each of which says how many it stands for.

Layouts take minutes from a few thousand nodes on, and nobody can read them. The steps below go from harmless to coarse
and stop as soon as the picture is small enough. Each takes time linear in the size of the graph.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from .names import in_common
from .sketch import Edge, Part, around, in_reading_order

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from ..recording import Scope
    from ..value import Value

READABLE = 60
"""A picture that must be folded anyway is folded further until it has no more than this many parts."""

MANY = 3
"""Edges from the same part into an operation of more operands than this become one edge."""


def folded(sketch: list[Part], most: int, depth: int | None, named: Callable[[Value], object]) -> list[Part]:
    """The sketch with as little folding as makes it small enough.

    Args:
        sketch: the parts, operands before results. Its parts are changed.
        most: how many parts there may be.
        depth: scopes deeper than this are folded in any case; None is no limit.
        named: whether a Value has a name, which protects it from disappearing into a row of operations.
    """
    if depth is not None:
        sketch = modules_folded(sketch, depth)
    for step in (constants_folded, lambda parts: chains_folded(parts, named)):
        if len(sketch) > most:
            sketch = step(sketch)
    if len(sketch) > most:
        sketch = _first_readable(_coarser_and_coarser(sketch), most) or blocks_folded(sketch, min(most, READABLE))
    return sketch


def _first_readable(sketches: Iterable[list[Part]], most: int) -> list[Part] | None:
    """The first that can be taken in at a glance, otherwise the first that has at most so many parts, if any has."""
    small_enough = None
    for sketch in sketches:
        if len(sketch) <= min(most, READABLE):
            return sketch
        if len(sketch) <= most:
            small_enough = small_enough or sketch
    return small_enough


def _coarser_and_coarser(sketch: list[Part]) -> Iterator[list[Part]]:
    """Modules folded, from the innermost outwards; then, with equal parts joined, the same from the start."""
    by_depth = [sketch]
    for depth in reversed(range(_deepest(sketch))):
        by_depth.append(modules_folded(sketch, depth))
        yield by_depth[-1]
    for parameters_differ in (True, False):
        for candidate in by_depth:
            yield siblings_folded(candidate, parameters_differ)


def _deepest(sketch: Iterable[Part]) -> int:
    return max((len(around(scope)) for scope in {part.scope for part in sketch}), default=0)


# Constants: into the operation that uses them


def constants_folded(sketch: list[Part]) -> list[Part]:
    """Numbers that are used once move into the symbol of their operation: "× 0.5"."""
    uses = _uses(sketch)
    gone: set[Part] = set()
    for part in sketch:
        constants = {edge.position: edge.source for edge in part.edges if _is_mere_number(edge.source, uses)}
        if constants:
            part.steps[-1] = _with_constants(part.steps[-1], len(part.edges), constants)
            part.values[:0] = [constant.value for constant in constants.values()]
            part.edges = [edge for edge in part.edges if edge.position not in constants]
            gone.update(constants.values())
    return [part for part in sketch if part not in gone]


def _uses(sketch: Iterable[Part]) -> Counter[Part]:
    return Counter(edge.source for part in sketch for edge in part.edges)


def _is_mere_number(part: Part, uses: Mapping[Part, int]) -> bool:
    return part.kind == "constant" and uses[part] == 1 and not part.value.name and not part.is_root


def _with_constants(symbol: str, arity: int, constants: Mapping[int, Part]) -> str:
    """The symbol with its constant operands: "2 ×", "clip(·, 0, 1)"."""
    if len(constants) > 3:
        return f"{symbol} ({len(constants)} constants)"
    operands = [f"{constants[i].value.data:.4g}" if i in constants else "·" for i in range(arity)]
    if arity == 2 and not symbol.isalnum():
        return f"{operands[0]} {symbol} {operands[1]}".replace("·", "").strip()
    return f"{symbol}({', '.join(operands)})"


# Rows of operations: into the last


def chains_folded(sketch: list[Part], named: Callable[[Value], object]) -> list[Part]:
    """Results that are used once, by an operation of nothing else, join it; sums of sums become one sum."""
    uses = _uses(sketch)
    sums = {part for part in sketch if _is_sum(part)}
    gone: set[Part] = set()
    for part in sketch:
        joining = [edge for edge in part.edges if _may_join(edge.source, part, uses, named)] if part.steps else []
        if part in sums:
            joining = [edge for edge in joining if edge.source in sums]
            _append_terms(part, joining)
        elif len(part.edges) == 1 and joining:
            _append_step(part, joining[0])
        else:
            joining = []
        gone.update(edge.source for edge in joining)
    return [part for part in sketch if part not in gone]


def _may_join(operand: Part, part: Part, uses: Mapping[Part, int], named: Callable[[Value], object]) -> bool:
    is_passing = bool(operand.steps and operand.edges) and uses[operand] == 1 and not operand.is_root
    return is_passing and operand.scope is part.scope and not named(operand.value)


def _append_step(part: Part, link: Edge) -> None:
    """The operation takes over its operand's row and operands; local derivatives multiply along the row."""
    operand = link.source
    for edge in operand.edges:
        if edge.local is not None and link.local is not None:
            edge.local = (edge.local[0] * link.local[0],) * 2
    part.edges = operand.edges
    part.is_ordered = operand.is_ordered
    part.values = _extended(operand.values, part.values)
    part.steps = _extended(operand.steps, part.steps)


def _is_sum(part: Part) -> bool:
    """Whether a part does nothing but add its operands; Python's `sum` begins with 0."""
    return bool(part.steps) and set(part.steps) <= {"+", "0 +", "+ 0"}


def _append_terms(part: Part, links: Sequence[Edge]) -> None:
    """One sum takes over the terms of others."""
    own = [edge for edge in part.edges if edge not in links]
    part.edges = _extended(*[link.source.edges for link in links], own)
    part.values = _extended(*[link.source.values for link in links], part.values)
    part.steps = _extended(*[link.source.steps for link in links], part.steps)
    part.is_ordered = len(part.steps) == 1


def _extended(*lists: list[Any]) -> list[Any]:
    """All items in one list. The longest list grows, so that sums of sums take linear time."""
    longest = max(lists, key=len)
    for other in lists:
        if other is not longest:
            longest.extend(other)
    return longest


# Modules: to one part each


def modules_folded(sketch: list[Part], depth: int) -> list[Part]:
    """Every scope that lies within `depth` others becomes one part, with the parameters that only it uses."""
    labels = {scope: around(scope)[depth] for scope in {part.scope for part in sketch} if len(around(scope)) > depth}
    modules = {part: labels[part.scope] for part in sketch if not part.is_leaf and part.scope in labels}
    if not modules:
        return sketch
    hidden = _used_only_by_one_owner(sketch, modules)
    joined = _joined([part for part in sketch if part not in hidden], modules, _module, hidden)
    for leaf, owners in hidden.items():
        for scope in owners:
            joined[scope].values[:0] = leaf.values
            joined[scope].parameters += [leaf.value] * (leaf.kind == "parameter")
    return list(joined.values())


def _module(scope: Any, members: Sequence[Part]) -> Part:
    part = Part("module", [value for member in members for value in member.values], scope.outer)
    part.shown = []
    part.is_ordered = False
    part.title = scope_title(scope)
    part.parameters = list(dict.fromkeys(p for member in members for p in member.parameters))
    return part


def scope_title(scope: Scope) -> str:
    """The scope's name, and the class of its owner if that says more."""
    kind = "" if scope.owner is None else type(scope.owner).__name__
    return scope.name if kind in ("", scope.name) else f"{scope.name} ({kind})"


def _used_only_by_one_owner(sketch: Iterable[Part], modules: Mapping[Part, Scope]) -> dict[Part, list[Scope]]:
    """The parameters and constants that only calls of one module use, with the scopes of those calls."""
    users: dict[Part, dict[Scope | None, None]] = {}
    for part in sketch:
        for edge in part.edges:
            if edge.source.kind in ("parameter", "constant") and not edge.source.is_root:
                users.setdefault(edge.source, {})[modules.get(part)] = None
    return {
        leaf: [scope for scope in scopes if scope]
        for leaf, scopes in users.items()
        if None not in scopes and len({_owner(scope) for scope in scopes}) == 1
    }


def _owner(scope: Scope | None) -> int:
    """What identifies the module that a scope is a call of."""
    return id(scope if scope is None or scope.owner is None else scope.owner)


# Equal siblings: to one part that says how many


def siblings_folded(sketch: list[Part], parameters_differ: bool) -> list[Part]:
    """Parts that are computed alike and used alike, such as those of the observations of a batch, become one.

    Args:
        sketch: the parts, operands before results.
        parameters_differ: whether parameters, and leaves with a name of their own, stay apart; otherwise those whose
            names differ only in numbers are alike too.
    """
    sketch = in_reading_order(sketch)
    leaf_names = Counter(part.value.name for part in sketch if part.kind == "leaf")

    def identity(part: Part) -> Hashable:
        name = part.value.name
        is_single = part.kind == "parameter" or (part.kind == "leaf" and name and leaf_names[name] == 1)
        if is_single:
            return part if parameters_differ else re.sub(r"\d+", "#", name or "")
        return None

    by_operands = _classes_by_operands(sketch, lambda part: (_nature(part), identity(part)))
    by_use = _classes_by_use(sketch, by_operands)
    classes = _classes_by_operands(sketch, by_use.__getitem__)
    sizes = Counter(classes.values())
    labels = {part: classes[part] for part in sketch if sizes[classes[part]] > 1}
    return list(_joined(sketch, labels, _siblings).values())


def _nature(part: Part) -> Hashable:
    """What siblings have in common, operands aside."""
    operations = tuple(value.op for value in part.values if value.op) if part.kind != "module" else len(part.values)
    return part.kind, part.title, part.is_root, operations, part.scope and part.scope.name


def _classes_by_operands(sketch: Iterable[Part], start: Callable[[Part], Hashable]) -> dict[Part, int]:
    """Numbers that are equal for parts that start equal and have operands of equal numbers."""
    numbers: dict[Hashable, int] = {}
    classes: dict[Part, int] = {}
    for part in sketch:
        operands = [classes[edge.source] for edge in part.edges]
        key = (start(part), tuple(operands if part.is_ordered else sorted(Counter(operands).items())))
        classes[part] = numbers.setdefault(key, len(numbers))
    return classes


def _classes_by_use(sketch: Sequence[Part], start: Mapping[Part, int]) -> dict[Part, int]:
    """Numbers that are equal for parts that start equal and are used in equal ways."""
    numbers: dict[Hashable, int] = {}
    classes: dict[Part, int] = {}
    uses: dict[Part, set[tuple[int, int]]] = {part: set() for part in sketch}
    for part in reversed(sketch):
        use = classes[part] = numbers.setdefault((start[part], frozenset(uses[part])), len(numbers))
        for edge in part.edges:
            uses[edge.source].add((use, edge.position if part.is_ordered else 0))
    return classes


def _siblings(_: Any, members: Sequence[Part]) -> Part:
    first = members[0]
    part = Part(first.kind, [value for member in members for value in member.values], first.scope)
    part.steps = [in_common(texts) for texts in zip(*(member.steps for member in members), strict=True)]
    part.title = first.title or _names_of(members)
    part.parameters = list(dict.fromkeys(parameter for member in members for parameter in member.parameters))
    part.is_ordered = first.is_ordered
    part.shown = [value for member in members for value in member.shown]
    part.times = sum(member.times for member in members)
    return part


def _names_of(members: Sequence[Part]) -> str:
    """The names, if there are few, or what they have in common."""
    names = list(dict.fromkeys(member.value.name or "" for member in members))
    return ", ".join(names) if len(names) < 4 else in_common(names)


# Blocks: whatever is left


def blocks_folded(sketch: list[Part], most: int) -> list[Part]:
    """The last resort: runs of operations become blocks, leaves of a kind one part each. Fits always."""
    sketch = in_reading_order(sketch)
    leaf_kinds = {part.kind for part in sketch if part.is_leaf}
    if most <= len(leaf_kinds):
        return list(_joined(sketch, dict.fromkeys(sketch, 0), _block).values())
    results = [part for part in sketch if not part.is_leaf]
    size = -(-len(results) // (most - len(leaf_kinds)))
    labels: dict[Part, Hashable] = {part: index // size for index, part in enumerate(results)}
    labels.update((part, part.kind) for part in sketch if part.is_leaf)
    return list(_joined(sketch, labels, _block).values())


def _block(label: Any, members: Sequence[Part]) -> Part:
    if isinstance(label, str):
        return _siblings(label, [_without_title(member) for member in members])
    part = Part("block", [value for member in members for value in member.values], None)
    counts = Counter(value.op for value in part.values if value.op)
    part.shown = []
    part.is_ordered = False
    part.title = ", ".join(f"{count} {op}" for op, count in counts.most_common(3)) + ", …" * (len(counts) > 3)
    part.parameters = list(dict.fromkeys(parameter for member in members for parameter in member.parameters))
    return part


def _without_title(part: Part) -> Part:
    part.title = None
    return part


# What all of them share


def _joined(
    sketch: Sequence[Part],
    labels: Mapping[Part, Any],
    make: Callable[[Any, Sequence[Part]], Part],
    hidden: Mapping[Part, Any] | None = None,
) -> dict[Hashable, Part]:
    """A new sketch in which parts with the same label are one part; parts without a label stay themselves.

    Args:
        sketch: the parts.
        labels: what to join.
        make: gives the new part for a label and the parts that have it; edges are added here.
        hidden: operands whose edges are left out.
    """
    members: dict[Hashable, list[Part]] = {}
    for part in sketch:
        members.setdefault(labels.get(part, part), []).append(part)
    joined = {label: make(label, parts) if parts[0] in labels else _copy(parts[0]) for label, parts in members.items()}
    for label, parts in members.items():
        roots = [part for part in parts if part.is_root]
        joined[label].is_root = bool(roots)
        joined[label].shown = joined[label].shown or [value for part in roots for value in part.shown]
        joined[label].edges = _joined_edges(parts, joined, labels, hidden or {})
    return joined


def _copy(part: Part) -> Part:
    copy = Part(part.kind, part.values, part.scope)
    for attribute in ("is_ordered", "parameters", "shown", "steps", "times", "title"):
        setattr(copy, attribute, getattr(part, attribute))
    return copy


def _joined_edges(
    parts: Sequence[Part], joined: Mapping[Hashable, Part], labels: Mapping[Part, Any], hidden: Mapping[Part, Any]
) -> list[Edge]:
    """The edges into a new part: one for each source, and for each position where the order of a few matters."""
    target = joined[labels.get(parts[0], parts[0])]
    edges: dict[Hashable, Edge] = {}
    in_order = target.is_ordered and len(parts[0].edges) <= MANY
    for part in parts:
        for edge in part.edges:
            if edge.source in hidden:
                continue
            source = joined[labels.get(edge.source, edge.source)]
            if source is not target:
                position = edge.position if in_order else 0
                key = (source, position) if len(parts) > 1 or not in_order else edge
                edges[key] = _joined_edge(edges.get(key), edge, source, position, target)
    return list(edges.values())


def _joined_edge(before: Edge | None, edge: Edge, source: Part, position: int, target: Part) -> Edge:
    local = edge.local if target.kind == "result" else None
    if before is None:
        return Edge(source, position, local, edge.flow, edge.count)
    if local is not None and before.local is not None:
        before.local = (min(before.local[0], local[0]), max(before.local[1], local[1]))
    if edge.flow is not None:
        before.flow = edge.flow + (before.flow or 0.0)
    before.count += edge.count
    return before
