"""Folding: makes a sketch of few parts from one of many; each part says how many it stands for.

Layout takes minutes from a few thousand nodes on, and nobody can read the result. The folds below go from harmless to
coarse and stop as soon as the picture is small enough. Each is a function from a sketch to a new one and takes time
linear in the size of the graph.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from .arrays import array_place
from .names import in_common, together
from .rows import chains_folded, constants_folded
from .sketch import Edge, Part, around, in_reading_order, joined_flow, scope_title

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from ..node import Scope
    from ..value import Value
    from .rows import Named
    from .sketch import Sketch

    Label = TypeVar("Label", bound=Hashable)

READABLE = 60
"""A picture that must be folded anyway is folded further until it has no more than this many parts."""

LONGEST = 5
"""A longer row of parts is too wide to be read in a column of text."""

CHAIN = 24
"""A row of modules may be longer, up to this number of parts."""

MOST_SHOWN = 1000
"""A sketch of more parts is not shown with its layers as tables only."""

MOST_JOINED = 20_000
"""In a sketch of more parts modules are folded before equal parts are looked for."""

MANY = 3
"""Edges from the same part into an operation of more operands than this become one edge."""

NAMED = 3
"""A block of up to so many operations says which ones they are."""


def folded(sketch: Sketch, most: int, depth: int | None, named: Named) -> Sketch:
    """The sketch with as little folding as makes it small enough.

    Args:
        sketch: what to fold.
        most: the maximum number of parts.
        depth: scopes deeper than this are folded in any case; None is no limit.
        named: whether a Value has a name.
    """
    fine = sketch
    for fine in _finer(sketch, depth, named):
        if len(fine) <= most:
            return fine
    if sum(part.kind != "parameter" for part in fine.values()) < most and len(tables := tables_folded(fine)) <= most:
        return tables
    return _first_readable(_coarser_and_coarser(fine), most) or blocks_folded(fine, min(most, READABLE))


def candidates(sketch: Sketch, most: int, depth: int | None, named: Named) -> Iterator[Sketch]:
    """Sketches with more and more folding, the last ones tiny."""
    fine = sketch
    for fine in _finer(sketch, depth, named):
        yield fine
    yield from _coarser_and_coarser(fine)
    most = min(most, READABLE)
    while most:
        yield blocks_folded(fine, most)
        most //= 2


def _finer(sketch: Sketch, depth: int | None, named: Named) -> Iterator[Sketch]:
    """Folds that lose nothing but room."""
    if depth is not None:
        sketch = modules_folded(sketch, depth)
    yield sketch
    sketch = constants_folded(sketch)
    yield sketch
    sketch = chains_folded(sketch, named)
    yield sketch


def _first_readable(sketches: Iterable[Sketch], most: int) -> Sketch | None:
    """The first that can be taken in at a glance, otherwise the first that is small enough, if any is."""
    small_enough: Sketch | None = None
    for sketch in sketches:
        if len(sketch) <= min(most, READABLE):
            if longest_path(sketch) <= LONGEST or _is_chain_of_modules(sketch):
                return sketch
            small_enough = small_enough if small_enough and len(small_enough) <= READABLE else sketch
        elif len(sketch) <= most:
            small_enough = small_enough or sketch
    return small_enough


def _is_chain_of_modules(sketch: Sketch) -> bool:
    """Whether it shows a network as its modules, which is what one looks for in a large one, however long the row."""
    modules = [part.kind == "module" for part in sketch.values()]
    return len(modules) <= CHAIN and 2 * sum(modules) > len(modules)


def longest_path(sketch: Sketch, is_ordered: bool = False) -> int:
    """How many parts are in the longest row from a leaf to a result."""
    ranks: dict[Value, int] = {}
    for key, part in sketch.items() if is_ordered else in_reading_order(sketch).items():
        ranks[key] = 1 + max([ranks[edge.source] for edge in part.edges], default=0)
    return max(ranks.values())


def _coarser_and_coarser(sketch: Sketch) -> Iterator[Sketch]:
    """Layers as tables, modules folded from the innermost outwards; then, with equal parts joined, the same again."""
    if len(sketch) < MOST_SHOWN:
        yield tables_folded(sketch)
    by_depth = [sketch]
    for depth in reversed(range(_deepest(sketch))):
        by_depth.append(modules_folded(sketch, depth))
        yield by_depth[-1]
    if len(by_depth) == 1 or len(sketch) < MOST_JOINED:
        by_depth[0] = tables_folded(sketch)
    else:
        del by_depth[0]
    for parameters_differ in (True, False):
        for candidate in by_depth:
            yield siblings_folded(candidate, parameters_differ)


def _deepest(sketch: Sketch) -> int:
    return max((len(around(scope)) for scope in {part.scope for part in sketch.values()}), default=0)


# The weights of a layer: to one table


def tables_folded(sketch: Sketch) -> Sketch:
    """Parameters that are elements of one array, such as the weights of a layer, become one table."""
    labels: dict[Value, tuple[str, int]] = {}
    seen: Counter[object] = Counter()
    for key, part in sketch.items():
        place = array_place(key) if part.kind == "parameter" and not part.is_root else None
        if place:
            labels[key] = place[0], seen[place]  # another network may have the same paths
            seen[place] += 1
    sizes = Counter(labels.values())
    labels = {key: label for key, label in labels.items() if sizes[label] > 1}
    return _joined(sketch, labels, lambda label, members: _array(label[0], members)) if labels else sketch


def _array(title: str, members: Sequence[Part]) -> Part:
    in_order = sorted(_values(members), key=lambda value: (array_place(value) or ("", ()))[1])
    return members[0]._replace(values=tuple(in_order), shown=tuple(in_order), title=title, is_array=True)


# Modules: to one part each


def modules_folded(sketch: Sketch, depth: int) -> Sketch:
    """Every scope that lies within `depth` others becomes one part, with the parameters that only it uses."""
    scopes = {part.scope for part in sketch.values()}
    outermost = {scope: around(scope)[depth] for scope in scopes if len(around(scope)) > depth}
    labels = {
        key: outermost[part.scope] for key, part in sketch.items() if not part.is_leaf and part.scope in outermost
    }
    if not labels:
        return sketch
    owners = _used_only_by_one_owner(sketch, labels)
    brought: dict[Scope, list[Part]] = {}
    for leaf, calls in owners.items():
        for scope in calls:
            brought.setdefault(scope, []).append(sketch[leaf])
    visible = {key: part for key, part in sketch.items() if key not in owners}
    return _joined(visible, labels, lambda scope, members: _module(scope, members, brought.get(scope, ())))


def _module(scope: Scope, members: Sequence[Part], brought: Sequence[Part]) -> Part:
    box = _box("module", [*reversed(brought), *members])
    parameters = [leaf.value for leaf in brought if leaf.kind == "parameter"]
    return box._replace(scope=scope.outer, title=scope_title(scope), parameters=(*box.parameters, *parameters))


def _box(kind: str, members: Sequence[Part]) -> Part:
    """A box for many operations, which shows no numbers but those of the roots among them."""
    roots = [member for member in members if member.is_root]
    shown = tuple(chain.from_iterable(root.shown for root in roots))
    parameters = _parameters(members)
    return Part(kind, _values(members), shown, is_ordered=False, is_root=bool(roots), parameters=parameters)


def _values(members: Iterable[Part]) -> tuple[Value, ...]:
    return tuple(chain.from_iterable(member.values for member in members))


def _parameters(members: Iterable[Part]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(member.parameters for member in members)))


def _used_only_by_one_owner(sketch: Sketch, scopes: Mapping[Value, Scope]) -> dict[Value, list[Scope]]:
    """The parameters and constants that only calls of one module use, with the scopes of those calls."""
    users: dict[Value, dict[Scope | None, None]] = {
        key: {} for key, part in sketch.items() if part.kind in ("parameter", "constant") and not part.is_root
    }
    for key, part in sketch.items():
        scope = scopes.get(key)
        for edge in part.edges:
            if edge.source in users:
                users[edge.source][scope] = None
    return {
        leaf: [scope for scope in calls if scope]
        for leaf, calls in users.items()
        if None not in calls and len({_owner(scope) for scope in calls}) == 1
    }


def _owner(scope: Scope | None) -> int:
    """What identifies the module that a scope is a call of."""
    return id(scope if scope is None or scope.owner is None else scope.owner)


# Equal siblings: to one part that says how many


def siblings_folded(sketch: Sketch, parameters_differ: bool) -> Sketch:
    """Parts that are computed alike and used alike, such as those of the observations of a batch, become one.

    Args:
        sketch: what to fold.
        parameters_differ: whether parameters, and leaves with a name of their own, stay apart; otherwise those whose
            names differ only in numbers are alike too.
    """
    sketch = in_reading_order(sketch)
    leaf_names = Counter(part.value.name for part in sketch.values() if part.kind == "leaf")

    def identity(key: Value, part: Part) -> Hashable:
        name = part.value.name
        is_single = part.kind == "parameter" or (part.kind == "leaf" and name and leaf_names[name] == 1)
        if is_single:
            return key if parameters_differ else re.sub(r"\d+", "#", name or "")
        return None

    natures = {key: (_nature(part), identity(key, part)) for key, part in sketch.items()}
    by_use = _classes_by_use(sketch, _classes_by_operands(sketch, natures))
    classes = _classes_by_operands(sketch, by_use)
    sizes = Counter(classes.values())
    labels = {key: number for key, number in classes.items() if sizes[number] > 1}
    return _joined(sketch, labels, lambda _, members: _siblings(members))


def _nature(part: Part) -> Hashable:
    """What siblings have in common, operands aside."""
    operations = tuple([op for value in part.values if (op := value.op)]) if part.kind != "module" else len(part.values)
    return part.kind, part.title, part.is_root, operations, part.scope and part.scope.name


def _classes_by_operands(sketch: Sketch, start: Mapping[Value, Hashable]) -> dict[Value, int]:
    """Numbers that are equal for parts that start equal and have operands of equal numbers."""
    numbers: dict[Hashable, int] = {}
    classes: dict[Value, int] = {}
    for key, part in sketch.items():
        operands = [classes[edge.source] for edge in part.edges]
        nature = (start[key], tuple(operands if part.is_ordered else sorted(Counter(operands).items())))
        classes[key] = numbers.setdefault(nature, len(numbers))
    return classes


def _classes_by_use(sketch: Sketch, start: Mapping[Value, int]) -> dict[Value, int]:
    """Numbers that are equal for parts that start equal and are used in equal ways."""
    numbers: dict[Hashable, int] = {}
    classes: dict[Value, int] = {}
    uses: dict[Value, set[tuple[int, int]]] = {key: set() for key in sketch}
    for key, part in reversed(sketch.items()):
        use = classes[key] = numbers.setdefault((start[key], frozenset(uses[key])), len(numbers))
        for edge in part.edges:
            uses[edge.source].add((use, edge.position if part.is_ordered else 0))
    return classes


def _siblings(members: Sequence[Part]) -> Part:
    first = members[0]
    return first._replace(
        values=_values(members),
        shown=tuple(chain.from_iterable(member.shown for member in members)),
        steps=tuple(in_common(texts) for texts in zip(*(member.steps for member in members), strict=True)),
        is_root=any(member.is_root for member in members),
        times=sum(member.times for member in members),
        title=together([member.title or member.value.name or "" for member in members]),
        is_array=first.is_array and len(members) == 1,
        parameters=_parameters(members),
    )


# Blocks: whatever is left


def blocks_folded(sketch: Sketch, most: int) -> Sketch:
    """The last resort: runs of operations become blocks, leaves of a kind one part each. Fits always."""
    sketch = in_reading_order(sketch)
    leaf_kinds = {part.kind for part in sketch.values() if part.is_leaf}
    if most <= len(leaf_kinds):
        return _joined(sketch, dict.fromkeys(sketch, 0), lambda _, members: _block(members))
    results = [key for key, part in sketch.items() if not part.is_leaf]
    size = -(-len(results) // (most - len(leaf_kinds)))
    labels: dict[Value, int | str] = {key: index // size for index, key in enumerate(results)}
    labels.update((key, part.kind) for key, part in sketch.items() if part.is_leaf)
    return _joined(
        sketch, labels, lambda label, members: _siblings(members) if isinstance(label, str) else _block(members)
    )


def _block(members: Sequence[Part]) -> Part:
    """A box that says which operations it stands for: a few by their symbols, many by their names and numbers."""
    block = _box("block", members)
    operations = [value.operation for value in block.values if value.op and value.operation]
    if len(operations) <= NAMED:
        return block._replace(title=", ".join(operation.symbol for operation in operations))
    counts = Counter(operation.name for operation in operations)
    title = ", ".join(f"{count} {name}" for name, count in counts.most_common(3)) + ", …" * (len(counts) > 3)
    return block._replace(title=title)


# What all of them share


def _joined(sketch: Sketch, labels: Mapping[Value, Label], make: Callable[[Label, Sequence[Part]], Part]) -> Sketch:
    """Parts with the same label become one part; parts without a label stay, edges to missing parts do not.

    Args:
        sketch: the parts.
        labels: what to join.
        make: the new part for a label and the parts that have it; edges are added here.
    """
    groups: dict[Hashable, list[Value]] = {}
    for key in sketch:
        groups.setdefault(labels.get(key, key), []).append(key)
    new_keys = {key: group[0] for group in groups.values() for key in group}
    joined: Sketch = {}
    for group in groups.values():
        key = group[0]
        members = [sketch[member] for member in group]
        part = make(labels[key], members) if key in labels else members[0]
        edges = _joined_edges(key, part, members, new_keys)
        joined[key] = part if edges is part.edges else part._replace(edges=edges)
    return joined


def _joined_edges(key: Value, part: Part, members: Sequence[Part], new_keys: Mapping[Value, Value]) -> tuple[Edge, ...]:
    """The edges into a new part: one for each source, and for each position where the order of a few matters."""
    in_order = part.is_ordered and len(members[0].edges) <= MANY
    if in_order and part is members[0] and all(new_keys.get(edge.source) is edge.source for edge in part.edges):
        return part.edges  # the usual case
    alike: dict[tuple[Value, int], list[Edge]] = defaultdict(list)
    for member in members:
        for edge in member.edges:
            source = new_keys.get(edge.source)
            if source is not None and source is not key:
                alike[source, edge.position if in_order else 0].append(edge)
    return tuple(_one_edge(*place, edges, part.kind == "result") for place, edges in alike.items())


def _one_edge(source: Value, position: int, edges: Sequence[Edge], has_local: bool) -> Edge:
    local = edges[0].local if has_local else None
    if local is not None:
        ranges = [edge.local for edge in edges if edge.local is not None]
        local = min(low for low, _ in ranges), max(high for _, high in ranges)
    if len(edges) == 1:
        return edges[0]._replace(source=source, position=position, local=local)
    flow, is_mixed = joined_flow(
        [edge.flow for edge in edges if edge.flow is not None], any(edge.is_mixed for edge in edges)
    )
    return Edge(source, position, local, flow, sum([edge.times for edge in edges]), is_mixed)
