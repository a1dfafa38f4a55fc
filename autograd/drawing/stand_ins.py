"""Stand-ins: names for the steps of a computation that has none, so `explain` can refer to them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..node import history, nodes
from .sketch import outwards

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from ..value import Value

    Namer = Callable[[Value], str]
    Kind = tuple[int, int]
    """A number for how a Value was computed, and its place among Values computed alike in its observation."""


def stand_ins(y: Value, on_the_way: Container[Value], name: Namer) -> dict[Value, str]:
    """Names for the steps that led to y.

    With modules, their outputs are the steps, in the letters of the lectures: x for what goes into an activation, y for
    what comes out, "predicted" for what leaves the outermost module. Otherwise every operation is a step, and steps are
    numbered. A step has the same name in all observations whose losses are added up.

    Args:
        y: the result.
        on_the_way: the steps that need a name.
        name: a Value's existing name, which is not given again; empty if it has none.
    """
    kinds = _kinds(y, name)
    taken = {name(value) for value in nodes([y])}
    outputs, predicted = _outputs_of_modules(y)
    names = _lettered({value: kind for value, kind in kinds.items() if value in outputs}, predicted)
    if names and taken.isdisjoint(names.values()) and any(value in on_the_way for value in names):
        return names
    return _numbered({value: kind for value, kind in kinds.items() if value in on_the_way}, "v", taken)


def _lettered(outputs: Mapping[Value, Kind], predicted: Container[Value]) -> dict[Value, str]:
    """Names for the outputs of modules."""
    final = {value: kind for value, kind in outputs.items() if value in predicted}
    x = {value: kind for value, kind in outputs.items() if value not in final and _is_affine(value)}
    y = {value: kind for value, kind in outputs.items() if value not in final and value not in x}
    is_alone = len(set(final.values())) == 1
    ends = dict.fromkeys(final, "predicted") if is_alone else _numbered(final, "predicted", ())
    return _numbered(x, "x", ()) | _numbered(y, "y", ()) | ends


def _numbered(values: Mapping[Value, Kind], stem: str, taken: Container[str]) -> dict[Value, str]:
    """The stem with a number per kind."""
    names: dict[Kind, str] = {}
    number = 0
    for kind in values.values():
        if kind not in names:
            number += 1
            while f"{stem}{number}" in taken:
                number += 1
            names[kind] = f"{stem}{number}"
    return {value: names[kind] for value, kind in values.items()}


def _outputs_of_modules(y: Value) -> tuple[set[Value], set[Value]]:
    """Values that are used outside the scope that computed them, and those of them used outside any scope."""
    outputs, outermost = set(), set()
    for node in history([y]):
        around = set(outwards(node.scope))
        for operand in node.parents:
            if operand.scope is not None and operand.scope not in around:
                outputs.add(operand)
                if not around:
                    outermost.add(operand)
    return outputs, outermost


def _is_affine(value: Value) -> bool:
    return value.operation is not None and (value.operation.linear or value.operation.bilinear)


def _is_scaling(value: Value) -> bool:
    operation = value.operation
    return operation is not None and (operation.bilinear or (operation.linear and operation.arity == 1))


def _is_addition(value: Value) -> bool:
    return value.operation is not None and value.operation.linear and value.operation.commutative


def _kinds(y: Value, name: Namer) -> dict[Value, Kind]:
    """The kind of each step below the sum over observations, in the order of the computation."""
    terms, tail = _observations(y)
    steps: list[list[Value]] = []
    seen: set[Value] = set()
    for term in terms:
        behind = history([term])
        if not seen.isdisjoint(behind) or not tail.isdisjoint(behind):
            # entangled: each step is one of a kind
            return {node: (number, 0) for number, node in enumerate(reversed(history([y]))) if node is not y}
        seen.update(behind)
        steps.append([node for node in reversed(behind) if node is not y])
    origins = _origins(steps, name)
    kinds: dict[Value, Kind] = {}
    for row in steps:
        count: Counter[int] = Counter()
        for node in row:
            kinds[node] = origins[node], count[origins[node]]
            count[origins[node]] += 1
    return kinds


def _observations(y: Value) -> tuple[list[Value], set[Value]]:
    """The terms that add up to y, and the results that add and scale them."""
    tail: set[Value] = set()
    inner = [operand for operand in y.parents if not operand.is_constant]
    if len(inner) == 1 and _is_scaling(y) and _is_addition(inner[0]):
        tail.add(y)
        stack = inner
    else:
        stack = [y]
    terms: dict[Value, None] = {}
    while stack:
        value = stack.pop()
        if not _is_addition(value):
            terms[value] = None
        elif value not in tail:
            tail.add(value)
            stack.extend(reversed(value.parents))
    return list(terms), tail


def _origins(steps: Iterable[Sequence[Value]], name: Namer) -> dict[Value, int]:
    """A number for each step, the same for equal operations on operands of the same name."""
    numbers: dict[object, int] = {}
    origins: dict[Value, int] = {}
    for row in steps:
        for node in row:
            origin = (node.op, *(origins[each] if each in origins else name(each) for each in node.parents))
            origins[node] = numbers.setdefault(origin, len(numbers))
    return origins
