"""Stand-ins: what pictures and explanations call the steps of a computation that have no name, the same in all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..node import history
from ..value import Value
from .names import natural
from .sketch import is_parameter, outwards, scope_title

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from ..node import Scope

    Namer = Callable[[Value], str]
    Kind = tuple[int, int]
    """A number for how a Value was computed, and its place among Values computed alike in its observation."""


class Roles:
    """What each Value of a graph is, told from how it is used.

    With modules, their outputs are steps, in the letters of the lectures: x for what goes into an activation, y for
    what comes out, "predicted" for what leaves the outermost module. Numbers that a layer multiplies by its weights are
    "input"; what "predicted" is compared with is "observed". All observations whose losses are added up share names.

    Args:
        roots: the results.
        name: a Value's existing name, which is not given again; empty if it has none.

    Attributes:
        names: a stand-in for each Value that has a role and no name.
        kinds: for each step below the sum over observations what it has in common with the same step of others.
        rows: the steps of each observation, operands before results, in the order of the data.
        taken: the names that there are already.
    """

    def __init__(self, roots: Sequence[Value], name: Namer) -> None:
        self._results = history(roots)
        self.names: dict[Value, str] = {}
        self._name = name
        self._roots = roots
        self._terms, self._tail = _observations(roots[0]) if len(roots) == 1 else (list(roots), set())
        every = dict.fromkeys([*roots, *(x for node in self._results for x in node.parents), *self._results])
        self._every = list(every)
        self.taken = {own for value in self._every if (own := name(value))}
        self.rows = self._steps()
        self.kinds = self._kinds_of_steps()
        final = self._name_outputs()
        inputs = [[x for node in row for x in _inputs_of(node)] for row in self.rows]
        if any(x.operation is None for row in inputs for x in row):  # beside Values, constants are something else
            inputs = [[x for x in row if x.operation is None] for row in inputs]
        self._name_leaves("input", inputs)
        self._name_leaves("observed", [[x for node in row for x in self._compared(node, final)] for row in self.rows])

    def numbered(self) -> dict[Value, str]:
        """Names for all that has neither name nor role, constants aside: "y" for a single root, v1, v2, ... else."""
        taken = self.taken | set(self.names.values())
        top = {root: "y" for root in self._roots if len(self._roots) == 1 and not {"y", self._name(root)} & taken}
        apart = set(self._roots) if top or len(self._roots) > 1 else set()
        nameless = {
            value: self.kinds.get(value, (-1 - number, 0))
            for number, value in enumerate([*self.kinds, *self._every])
            if not (value.is_constant or value in apart or value in self.names or self._name(value))
        }
        return _numbered(nameless, "v", taken) | top

    def shared(self) -> frozenset[str]:
        """The titles of modules that are used more than once in an observation."""
        found = set()
        for row in self.rows:
            calls: dict[int, set[Scope]] = {}
            for scope in {scope for node in row for scope in outwards(node.scope) if scope.owner is not None}:
                calls.setdefault(id(scope.owner), set()).add(scope)
            found |= {scope_title(scope) for each in calls.values() if len(each) > 1 for scope in each}
        return frozenset(found)

    def _steps(self) -> list[list[Value]]:
        """The steps of each observation, operands before results. Terms that share steps are of one observation."""
        everything = self._results[::-1]
        left = 4 * len(everything)
        rows: list[list[Value]] = []
        row_of: dict[Value, list[Value]] = {}
        for term in self._terms:
            steps = history([term])[::-1]
            left -= len(steps)
            if left < 0 or not self._tail.isdisjoint(steps):
                return [everything]
            shared = list({id(row): row for step in steps if (row := row_of.get(step)) is not None}.values())
            if len(shared) > 1:
                return [everything]
            row = shared[0] if shared else []
            if not shared:
                rows.append(row)
            row += [step for step in steps if step not in row_of]
            row_of.update(dict.fromkeys(steps, row))
        return rows

    def _kinds_of_steps(self) -> dict[Value, Kind]:
        """The kind of each step below the sum over observations, in the order of the computation."""
        if len(self.rows) == 1:  # each step is one of a kind
            return {node: (number, 0) for number, node in enumerate(self.rows[0])}
        origins = _origins(self.rows, self._name)
        kinds: dict[Value, Kind] = {}
        for row in self.rows:
            count: Counter[int] = Counter()
            for node in row:
                kinds[node] = origins[node], count[origins[node]]
                count[origins[node]] += 1
        return kinds

    def _name_outputs(self) -> set[Value]:
        """Names what leaves modules; returns what leaves the outermost."""
        outputs, final = _outputs_of_modules(self._roots, self._results)
        kinds = {value: kind for value, kind in self.kinds.items() if value in outputs}
        names = _lettered(kinds, final)
        given = {value: stand_in for value, stand_in in names.items() if not self._name(value)}
        # An output that the user calls "predicted" too does not take that name away from those of other observations.
        taken = {own for value in self._every if (own := self._name(value)) and own != names.get(value)}
        if taken.isdisjoint(given.values()):
            self.names |= given
        return final

    def _compared(self, node: Value, final: Container[Value]) -> list[Value]:
        """What a difference outside of modules compares "predicted" with."""
        if node.op != "sub" or node.scope is not None:
            return []
        p, x = node.parents
        pairs = ((p, x), (x, p))
        return [x for p, x in pairs if _is_given(x) and (p in final or self._name(p).startswith("predicted"))]

    def _name_leaves(self, stem: str, rows: Sequence[Sequence[Value]]) -> None:
        """Leaves by their place in the observation, without a number if there is one in each."""
        rows = [list(dict.fromkeys(row)) for row in rows]
        is_single = all(len(row) <= 1 for row in rows)
        for row in rows:
            for number, value in enumerate(row, 1):
                stand_in = stem if is_single else f"{stem}{number}"
                if not self._name(value) and stand_in not in self.taken:
                    self.names.setdefault(value, stand_in)


def _lettered(outputs: Mapping[Value, Kind], predicted: Container[Value]) -> dict[Value, str]:
    """Names for the outputs of modules."""
    final = {value: kind for value, kind in outputs.items() if value in predicted}
    x = {value: kind for value, kind in outputs.items() if value not in final and _is_affine(value)}
    y = {value: kind for value, kind in outputs.items() if value not in final and value not in x}
    is_alone = len(set(final.values())) == 1
    first = {kind: value for value, kind in reversed(final.items())}
    places = {kind: _place(value) for kind, value in first.items()} if not is_alone else {}
    final = dict(sorted(final.items(), key=lambda item: places.get(item[1], ())))
    ends = dict.fromkeys(final, "predicted") if is_alone else _numbered(final, "predicted", ())
    return _numbered(x, "x", ()) | _numbered(y, "y", ()) | ends


def _place(output: Value) -> tuple[tuple[str, int], ...]:
    """Where an output stands among those of its layer, by the names of its parameters."""
    near = [output, *output.parents, *(x for operand in output.parents[:2] for x in operand.parents)]
    return min((natural(x.name) for x in near if x.operation is None and x.name), default=())


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


def _outputs_of_modules(roots: Sequence[Value], results: Iterable[Value]) -> tuple[set[Value], set[Value]]:
    """Values that are used outside the scope that computed them, and those of them used outside any scope."""
    outputs: set[Value] = set()
    outermost = {root for root in roots if root.scope is not None}
    outputs |= outermost
    known: dict[Scope | None, set[Scope]] = {}
    for node in results:
        around = known.get(node.scope)
        if around is None:
            around = known[node.scope] = set(outwards(node.scope))
        for operand in node.parents:
            if operand.scope is not None and operand.scope not in around:
                outputs.add(operand)
                if not around:
                    outermost.add(operand)
    return outputs, outermost


def _inputs_of(node: Value) -> list[Value]:
    """The numbers from outside that a result multiplies by parameters."""
    operation = node.operation
    if operation is None or not operation.bilinear or not any(map(is_parameter, node.parents)):
        return []
    is_in_layer = node.scope is not None and node.scope.owner is not None
    return [x for x in node.parents if _is_given(x) and (is_in_layer or not x.is_constant)]


def _is_given(value: Value) -> bool:
    """Whether it is a plain number from outside, not a result and not a parameter."""
    return value.left is None and not is_parameter(value)


def _is_affine(value: Value) -> bool:
    return value.operation is not None and (value.operation.linear or value.operation.bilinear)


def _is_scaling(value: Value) -> bool:
    operation = value.operation
    return operation is not None and (operation.bilinear or (operation.linear and operation.arity == 1))


def _is_addition(value: Value) -> bool:
    return value.operation is not None and value.operation.linear and value.operation.commutative


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
            if not value.is_constant or value is y:  # sum starts from 0
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
