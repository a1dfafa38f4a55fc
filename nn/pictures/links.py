"""The chain rule as a table has it: from the loss to a parameter, link by link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from autograd import Value
from autograd.drawing.formulas import Formula, Formulas, Number, as_formula, expression
from autograd.drawing.local_formulas import LocalFormulas
from autograd.node import edges
from autograd.operation import FLOATS
from autograd.ops import leaky_relu, relu

MOST_PATHS = 3
LONGEST = 60
"""Formulas of more paths or characters are not written out in the head of a column."""


class Link(NamedTuple):
    """A column: the derivative of one Value by a later one that every path passes through.

    Attributes:
        top: what is differentiated.
        bottom: by what.
        symbols: the derivative in symbols.
        inside: the edges on the way, from results to operands.
    """

    top: Value
    bottom: Value
    symbols: str
    inside: list[tuple[Value, Value]]


class Chains:
    """The links from the loss to each parameter.

    Args:
        order: all Values, operands before results; the last is the loss.
        name: what a Value is called; only named ones end a link.
        own: what the user called it.
        about_loss: the symbols for the derivative of the loss by a Value, if the loss has better ones than its graph.
    """

    def __init__(
        self,
        order: Sequence[Value],
        name: Callable[[Value], str],
        own: Callable[[Value], str | None],
        about_loss: Callable[[Value], str],
    ) -> None:
        self._order = order
        self._name = name
        self._about_loss = about_loss
        self._formulas = LocalFormulas(name, own)
        number = {node: i for i, node in enumerate(order)}
        self._number = number
        self._partials = [
            [(position, number[operand], float(partial)) for position, operand, partial in edges(node, FLOATS)]
            if node.parents
            else []
            for node in order
        ]
        self._operands = [[operand for _, operand, _ in partials] for partials in self._partials]
        self._has_name = [bool(name(node)) for node in order]
        self._above = self._paths_from(len(order) - 1)
        self._links: dict[tuple[int, int], Link] = {}

    def to(self, parameter: Value) -> list[Link]:
        """The links, from the loss on; none if the loss does not depend on the parameter."""
        last, bottom = len(self._order) - 1, self._number.get(parameter)
        below = [0] if bottom is None else self._paths_to(bottom)
        paths = below[-1]
        if not paths or bottom is None:
            return []
        stations = [
            i
            for i in range(last, bottom - 1, -1)
            if below[i] * self._above[i] == paths and (i in (last, bottom) or self._has_name[i])
        ]
        return [self._link(top, bottom) for top, bottom in pairwise(stations)]

    def _paths_to(self, bottom: int) -> list[int]:
        """How many paths lead from each Value to one."""
        found = [0] * len(self._order)
        found[bottom] = 1
        for i in range(bottom + 1, len(found)):
            found[i] = sum([found[operand] for operand in self._operands[i]])
        return found

    def _paths_from(self, top: int, bottom: int = 0) -> list[int]:
        """How many paths lead from one Value to each down to another."""
        found = [0] * len(self._order)
        found[top] = 1
        for i in range(top, bottom, -1):
            for operand in self._operands[i] if found[i] else ():
                found[operand] += found[i]
        return found

    def _link(self, top: int, bottom: int) -> Link:
        known = self._links.get((top, bottom))
        if known is None:
            below, above = self._paths_to(bottom), self._paths_from(top, bottom)
            inside = [
                (self._order[i], self._order[operand])
                for i in range(bottom + 1, top + 1)
                if above[i] and below[i]
                for operand in self._operands[i]
                if below[operand]
            ]
            ends = self._order[top], self._order[bottom]
            symbols = self._about_loss(ends[1]) if top == len(self._order) - 1 else ""
            known = Link(*ends, symbols or self._symbols(top, bottom, below), inside)
            self._links[top, bottom] = known
        return known

    def _symbols(self, top: int, bottom: int, below: Sequence[int]) -> str:
        """The sum over the paths of the products of their local derivatives; empty if that is too long to read."""
        many = f"the sum over {below[top]:,} paths"
        if below[top] > MOST_PATHS:
            return many
        terms: list[str] = []
        pending: list[tuple[int, list[Number]]] = [(top, [])]
        while pending:
            i, factors = pending.pop()
            if i == bottom:
                terms.append(as_formula(prod(factors, start=1.0)).text)
                continue
            pending += [
                (operand, [*factors, self._factor(self._order[i], position, partial)])
                for position, operand, partial in reversed(self._partials[i])
                if below[operand]
            ]
        text = " + ".join(terms)
        return text if len(text) <= LONGEST else many if len(terms) > 1 else ""

    def _factor(self, node: Value, position: int, partial: float) -> Number:
        """A local derivative in symbols; where it depends on a choice, by the name of the operation."""
        operation, operands = node.operation, node.parents
        assert operation is not None
        formula = self._formulas.of(node, position, partial)
        is_told = operation in (relu, leaky_relu) and len(operands) == 1  # with both of its cases
        if operation.linear or is_told or not (isinstance(formula, float) or _chooses(node)):
            return formula
        text = f"{operation.name}′({as_formula(expression(operands[position], self._name)).text})"
        return Formula(partial, text, text)


class _Noticing(Formulas):
    """Formulas that notice whether one chooses by its numbers, which will be others."""

    has_chosen = False

    def where(self, condition: Number, x: Number, y: Number) -> Number:
        self.has_chosen = True
        return super().where(condition, x, y)

    def step(self, x: Number, threshold: Number, tie: Number) -> float:
        self.has_chosen = True
        return super().step(x, threshold, tie)


def _chooses(node: Value) -> bool:
    """Whether a local derivative of a result has several cases."""
    operation, noticing = node.operation, _Noticing()
    assert operation is not None
    operands = [Formula(operand.number, "x", "x") for operand in node.parents]
    try:
        operation.partials(noticing, Formula(node.number, "y", "y"), *operands)
    except Exception:  # a user's operation may do anything with what it takes for a number
        return True
    return noticing.has_chosen
