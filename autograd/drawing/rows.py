"""Folding that loses nothing but room: constants into their operation, operations in a row into one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .sketch import ADDITIONS, Edge, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from ..value import Value
    from .sketch import Sketch

    Item = TypeVar("Item")
    Named = Callable[[Value], object]
    """Whether a Value has a name, which keeps it from disappearing into a row of operations."""


def _uses(sketch: Sketch) -> Counter[Value]:
    return Counter(edge.source for part in sketch.values() for edge in part.edges)


# Constants: into the operation that uses them


def without_constants(sketch: Sketch) -> Sketch:
    """The sketch without numbers among operands; those that are used once stand in their operation."""
    sketch = constants_folded(sketch)
    gone = {key for key, part in sketch.items() if part.kind == "constant" and not part.is_root}
    return {
        key: part._replace(edges=tuple(edge for edge in part.edges if edge.source not in gone))
        for key, part in sketch.items()
        if key not in gone
    }


def constants_folded(sketch: Sketch) -> Sketch:
    """Numbers that are used once move into the symbol of their operation: "× 0.5"."""
    mere = _mere_numbers(sketch)
    return {key: _with_constants(part, mere) for key, part in sketch.items() if key not in mere}


def squares_named(sketch: Sketch, named: Named) -> Sketch:
    """Powers of 2 are called "square", as people say, and their exponent is no operand unless it has a name."""
    exponents = [part.edges[1].source for part in sketch.values() if part.steps == ("^",)]
    if not any(exponent.number == 2.0 for exponent in exponents):
        return sketch
    numbers = _mere_numbers(sketch)
    twos = {key: numbers[key] for key in exponents if key in numbers and key.number == 2.0 and not named(key)}
    return {key: _with_constants(part, twos) for key, part in sketch.items() if key not in twos}


def _mere_numbers(sketch: Sketch) -> dict[Value, Value]:
    """The constants that are used once and have no name."""
    uses = _uses(sketch)
    return {
        key: part.value
        for key, part in sketch.items()
        if part.kind == "constant" and uses[key] == 1 and not part.value.name and not part.is_root
    }


def _with_constants(part: Part, mere: Mapping[Value, Value]) -> Part:
    constants = {edge.position: mere[edge.source] for edge in part.edges if edge.source in mere}
    if not constants:
        return part
    return part._replace(
        values=(*constants.values(), *part.values),
        steps=(*part.steps[:-1], _symbol_with_constants(part.steps[-1], len(part.edges), constants)),
        edges=tuple(edge for edge in part.edges if edge.position not in constants),
    )


def _symbol_with_constants(symbol: str, arity: int, constants: Mapping[int, Value]) -> str:
    """The symbol with its constant operands: "2 ×", "clip(·, 0, 1)"."""
    if len(constants) > 3:
        return f"{symbol} ({len(constants)} constants)"
    operands = [f"{constants[i].number:.4g}" if i in constants else "·" for i in range(arity)]
    if symbol == "^" and operands[1] == "2":
        return "square"
    if arity == 2 and not symbol.isalnum():
        return f"{operands[0]} {symbol} {operands[1]}".replace("·", "").strip()
    return f"{symbol}({', '.join(operands)})"


# Rows of operations: into the last


class _Row(NamedTuple):
    """What a part has become while others join it: lists, so that a row of any length grows in linear time."""

    values: list[Value]
    steps: list[str]
    edges: list[Edge]
    is_ordered: bool


def chains_folded(sketch: Sketch, named: Named) -> Sketch:
    """Results that are used once, by an operation of nothing else, join it; sums of sums become one sum."""
    uses = _uses(sketch)
    passing = {key for key, part in sketch.items() if uses[key] == 1 and _is_passing(part, named)}
    sums = {key for key, part in sketch.items() if part.steps and ADDITIONS.issuperset(part.steps)}
    rows: dict[Value, _Row] = {}
    gone: set[Value] = set()
    for key, part in sketch.items():
        joining = _joining(key, part, sketch, passing, sums)
        if joining:
            rows[key] = _row(
                part, joining, [rows.get(edge.source) or sketch[edge.source] for edge in joining], key in sums
            )
            gone.update(edge.source for edge in joining)
    return {key: _of_row(part, rows.get(key)) for key, part in sketch.items() if key not in gone}


def _is_passing(part: Part, named: Named) -> bool:
    return bool(part.steps and part.edges) and not part.is_root and not named(part.value)


def _joining(
    key: Value, part: Part, sketch: Sketch, passing: Container[Value], sums: Container[Value]
) -> Sequence[Edge]:
    """The edges from operands that become one part with their result."""
    if not part.steps or not (key in sums or len(part.edges) == 1):
        return ()
    joining = [edge for edge in part.edges if edge.source in passing and sketch[edge.source].scope is part.scope]
    return [edge for edge in joining if edge.source in sums] if key in sums else joining


def _row(part: Part, links: Sequence[Edge], operands: Sequence[Part | _Row], is_sum: bool) -> _Row:
    """A part with the operands that join it: one sum of all terms, or the operand's row with one more operation."""
    if is_sum:
        joined = {link.source for link in links}
        own = [edge for edge in part.edges if edge.source not in joined]
        edges = _extended(*[operand.edges for operand in operands], own)
    else:
        edges = [_along(edge, links[0]) for edge in operands[0].edges]
    return _Row(
        _extended(*[operand.values for operand in operands], part.values),
        _extended(*[operand.steps for operand in operands], part.steps),
        edges,
        operands[0].is_ordered and not is_sum,
    )


def _along(edge: Edge, link: Edge) -> Edge:
    """An edge into an operand as an edge into its result: local derivatives multiply along a row."""
    if edge.local is None or link.local is None:
        return edge._replace(local=None)
    return edge._replace(local=(edge.local[0] * link.local[0],) * 2)


def _of_row(part: Part, row: _Row | None) -> Part:
    if row is None:
        return part
    values, steps, edges, is_ordered = row
    return part._replace(values=tuple(values), steps=_named(steps), edges=tuple(edges), is_ordered=is_ordered)


def _named(steps: Sequence[str]) -> tuple[str, ...]:
    """The steps, those of a cross entropy by its name."""
    if steps[:2] == ["log_softmax", "−"]:
        return "cross entropy", *steps[2:]
    return tuple(steps)


def _extended(*sequences: Sequence[Item]) -> list[Item]:
    """All items in one list. The longest list grows, so that sums of sums take linear time."""
    longest = max(sequences, key=len)
    extended = longest if isinstance(longest, list) else list(longest)
    for other in sequences:
        if other is not longest:
            extended.extend(other)
    return extended
