"""Solution: the whole backward pass as one writes it on paper, a line for each Value."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ..chain import Linearization
from ..node import nodes, number_at
from ..operation import FLOATS
from .classes import class_probabilities, cross_entropy, teacher_edges
from .explanation import LaTeX, PlainText
from .formulas import FORMULAS, as_formula, expression
from .latex import Typeset
from .local_formulas import LocalFormulas
from .sketch import is_parameter
from .stand_ins import Roles
from .theme import formatted
from .then import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..value import Value
    from .formulas import Formula


class Computed(NamedTuple):
    """A line of the forward pass."""

    name: str
    formula: Formula
    number: float
    label: str
    """The observation that it belongs to, or nothing."""


class Term(NamedTuple):
    """What one use of a Value contributes to its derivative."""

    user: str
    gradient: float
    formula: Formula
    local: float


class Derived(NamedTuple):
    """A line of the backward pass."""

    name: str
    terms: Sequence[Term]
    number: float
    label: str


class Solution(Typeset):
    """The forward and the backward pass as a worked solution.

    `print` it, or let a notebook typeset it.

    Attributes:
        forward: a line for each result, operands before results.
        backward: a line for each Value that a derivative flows into, results before operands.

    >>> from autograd import Value, explain
    >>> w = Value(3.0, name="w")
    >>> solution = explain((2 * w).square())
    >>> len(solution.forward), len(solution.backward)
    (2, 3)
    """

    def __init__(
        self, y: str, forward: Sequence[Computed], backward: Sequence[Derived], precision: int, changed: str
    ) -> None:
        self.forward = tuple(forward)
        self.backward = tuple(backward)
        self._y = y
        self._precision = precision
        self._changed = changed

    def __repr__(self) -> str:
        return f"<worked solution of {self._y}: {len(self.backward)} derivatives>"

    def __str__(self) -> str:
        notation = PlainText(self._precision)
        forward = [self._written(line, notation) + notation.label(line.label) for line in self.forward]
        backward = [self._written(line, notation) + notation.label(line.label) for line in self.backward]
        backward += notation.note(self._changed)
        return "\n  ".join(["Forward:", *forward]) + "\n" + "\n  ".join(["Backward:", *backward])

    def _latex_rows(self) -> list[str]:
        """The lines in LaTeX, those of an observation below its label."""
        notation = LaTeX(self._precision)
        lines: list[Computed | Derived] = [*self.forward, *self.backward]
        rows, label = [], ""
        for line in lines:
            if line.label != label:
                label = line.label
                rows += notation.in_words(f"{label or 'all observations'}:")
            rows.append(self._written(line, notation))
        return rows + notation.note(self._changed)

    def _written(self, line: Computed | Derived, notation: PlainText) -> str:
        """A line of either pass."""
        sides = self._computed(line, notation) if isinstance(line, Computed) else self._derived(line, notation)
        return " = ".join(sides)

    def _computed(self, line: Computed, notation: PlainText) -> list[str]:
        return _distinct(notation.name(line.name), notation.written(line.formula), notation.number(line.number))

    def _derived(self, line: Derived, notation: PlainText) -> list[str]:
        """The derivative, the chain rule in names, in formulas, in numbers, and the result."""
        head, result = notation.derivative(self._y, line.name), notation.number(line.number)
        if not line.terms:
            return [head, result]
        is_root = [term.user == self._y for term in line.terms]
        names, formulas, numbers = [], [], []
        for i, (term, root) in enumerate(zip(line.terms, is_root, strict=True)):
            step = notation.derivative(term.user, line.name)
            before = [] if root else [notation.derivative(self._y, term.user)]
            names.append(notation.product([*before, step], 0, i > 0))
            formulas.append(notation.product([*before, notation.factor(term.formula)], 0, i > 0))
            gradient = [] if root else [notation.number(term.gradient)]
            numbers.append(notation.product([*gradient, notation.number(term.local)], 0, i > 0))
        if any(is_root) and len(is_root) == 1:
            formulas = [notation.written(line.terms[0].formula)]
        sums = [notation.summed(names), notation.summed(formulas), " + ".join(numbers)]
        return _distinct(head, *sums, result)


def _distinct(*texts: str) -> list[str]:
    """Without repetitions, such as "1 = 1"."""
    return [text for text, before in zip(texts, (None, *texts), strict=False) if text != before]


def solved(y: Value, variables: Mapping[Value, str], precision: int) -> Solution:
    """The worked solution for a result."""
    words = AllWords(y, variables)
    leaves = [value for value in nodes([y]) if value.operation is None]
    line = Linearization([y], leaves, FLOATS, teacher_edges(words.own))
    gradients = line.backwards({y: 1.0})
    uses: dict[Value, list[Term]] = {}
    for node, edges in line.steps:
        if node in gradients:
            for position, operand, partial in edges:
                formula = as_formula(words.formulas.of(node, position, float(partial)))
                uses.setdefault(operand, []).append(Term(words.name(node), gradients[node], formula, float(partial)))
    differentiated = by_observation([x for x in reversed(nodes([y])) if x in gradients], words.label)
    backward = [Derived(words.name(x), uses.get(x, ()), gradients[x], words.label(x)) for x in differentiated]
    results = [x for x in nodes([y]) if x in gradients and x.parents]
    forward = [Computed(words.name(x), words.written(x), x.number, words.label(x)) for x in results]
    return Solution(words.name(y), forward, backward, precision, changes([y], words.name, precision))


def by_observation(values: Sequence[Value], label: Callable[[Value], str]) -> Sequence[Value]:
    """Results before operands, and those of each observation together, in the order of the data.

    What all observations share, such as parameters, comes last. If observations depend on each other, as where their
    mean is used, the order stays as it is.

    Args:
        values: results before operands.
        label: the observation that a Value belongs to.
    """
    numbers = {text: number for number, text in enumerate(dict.fromkeys(map(label, reversed(values))), 1)}
    last = len(numbers) + 1
    below: set[Value] = set()
    for value in values:
        if label(value) or value in below:
            below.update(value.parents)
    phase = {x: numbers[label(x)] if label(x) else last * (x in below) for x in values}
    is_in_order = all(phase[x] <= phase[operand] for x in values for operand in x.parents if operand in phase)
    return sorted(values, key=lambda x: phase[x]) if is_in_order else values


class AllWords:
    """What all Values of a graph are called, and the formulas in these names."""

    def __init__(self, y: Value, variables: Mapping[Value, str]) -> None:
        self._variables = variables
        roles = Roles([y], self.own)
        self._names = roles.numbered() | roles.names
        self._labels = observation_labels(roles.rows, self.name)
        self.formulas = LocalFormulas(self.name, self.own)

    def own(self, value: Value) -> str:
        """The name that the user gave to a Value."""
        return value.name or self._variables.get(value) or ""

    def name(self, value: Value) -> str:
        """The name or stand-in of a Value; empty for a constant without a role."""
        return self.own(value) or self._names.get(value, "")

    def label(self, value: Value) -> str:
        """The observation that a result belongs to, if there are several."""
        return self._labels.get(value, "")

    def written(self, value: Value) -> Formula:
        """The operation behind a Value, in names."""
        found = cross_entropy(value, self.own)
        if found:
            logits = [as_formula(expression(logit, self.name, tick=value.tick)) for logit in found[0]]
            return as_formula(-as_formula(FORMULAS.log(class_probabilities(logits)[found[1]])))
        return as_formula(expression(value, lambda other: "" if other is value else self.name(other)))


def observation_labels(rows: Sequence[Sequence[Value]], name: Callable[[Value], str]) -> dict[Value, str]:
    """What identifies the observation that a result belongs to, its number and data; nothing for a single one.

    A row without data beside others that have some, such as a penalty for large weights, is no observation.

    Args:
        rows: the results of what is added up.
        name: what Values are called.
    """
    data = [dict.fromkeys(x for node in row for x in node.parents if x.left is None) for row in rows]
    shared = set.intersection(*map(set, data)) if len(rows) > 1 else set()
    data = [{x: None for x in each if not is_parameter(x) and x not in shared} for each in data]
    known = [[x for x in each if name(x)] for each in data]
    have_data = [any(not x.is_constant or name(x) for x in each) for each in data]
    alike = Counter(tuple(node.op for node in row) for row in rows)
    if not any(have_data):
        have_data = [alike[tuple(node.op for node in row)] > 1 for row in rows]
    labels: dict[Value, str] = {}
    found = [(row, named) for row, named, has_data in zip(rows, known, have_data, strict=True) if has_data]
    for number, (row, named) in enumerate(found if len(found) > 1 else (), 1):
        words = [f"{name(x)} {formatted(number_at(x, row[0].tick), 4)}" for x in named[:4]]
        labels |= dict.fromkeys(row, f"observation {number}" + (f": {', '.join(words)}" if words else ""))
    return labels
