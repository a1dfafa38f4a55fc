"""The chain rule as a table has it: from the loss to a parameter, link by link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from autograd import Value
from autograd.drawing.formulas import Formula, Number, as_formula
from autograd.drawing.local_formulas import LocalFormulas
from autograd.node import edges
from autograd.operation import FLOATS

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
        self._edges = {
            node: [(position, operand, float(partial)) for position, operand, partial in edges(node, FLOATS)]
            for node in order
            if node.parents
        }
        self._links: dict[tuple[Value, Value], Link] = {}

    def to(self, parameter: Value) -> list[Link]:
        """The links, from the loss on; none if the loss does not depend on the parameter."""
        loss = self._order[-1]
        below, above = self._paths_to(parameter), self._paths_from(loss)
        number = below.get(loss, 0)
        if not number:
            return []
        stations = [
            node
            for node in reversed(self._order)
            if below.get(node, 0) * above.get(node, 0) == number
            and (node is loss or node is parameter or self._name(node))
        ]
        return [self._link(top, bottom) for top, bottom in pairwise(stations)]

    def _paths_to(self, bottom: Value) -> dict[Value, int]:
        """How many paths lead from each Value to one."""
        found = {bottom: 1}
        for node in self._order:
            number = sum(found.get(operand, 0) for _, operand, _ in self._edges.get(node, ()))
            if number:
                found[node] = number
        return found

    def _paths_from(self, top: Value) -> dict[Value, int]:
        """How many paths lead from one Value to each."""
        found = {top: 1}
        for node in reversed(self._order):
            for _, operand, _ in self._edges.get(node, ()) if node in found else ():
                found[operand] = found.get(operand, 0) + found[node]
        return found

    def _link(self, top: Value, bottom: Value) -> Link:
        known = self._links.get((top, bottom))
        if known is None:
            below, above = self._paths_to(bottom), self._paths_from(top)
            inside = [
                (node, operand)
                for node in self._order
                if node in above and node in below
                for _, operand, _ in self._edges.get(node, ())
                if operand in below
            ]
            symbols = self._about_loss(bottom) if top is self._order[-1] else ""
            symbols = symbols or self._symbols(top, bottom, below)
            known = self._links[top, bottom] = Link(top, bottom, symbols, inside)
        return known

    def _symbols(self, top: Value, bottom: Value, below: dict[Value, int]) -> str:
        """The sum over the paths of the products of their local derivatives; empty if that is too long to read."""
        if below[top] > MOST_PATHS:
            return f"the sum over {below[top]} paths"
        terms: list[str] = []
        pending: list[tuple[Value, list[Number]]] = [(top, [])]
        while pending:
            node, factors = pending.pop()
            if node is bottom:
                terms.append(as_formula(prod(factors, start=1.0)).text)
                continue
            for position, operand, partial in reversed(self._edges.get(node, ())):
                if operand in below:
                    pending.append((operand, [*factors, self._factor(node, position, partial)]))
        text = " + ".join(terms)
        return text if len(text) <= LONGEST else f"the sum over {below[top]} paths" if len(terms) > 1 else ""

    def _factor(self, node: Value, position: int, partial: float) -> Number:
        """A local derivative in symbols; where it depends on a choice, by the name of the operation."""
        operation = node.operation
        assert operation is not None
        formula = self._formulas.of(node, position, partial)
        is_choice = operation.kinks is not None and operation.name not in ("relu", "abs")
        if operation.linear or not (is_choice or isinstance(formula, float)):
            return formula
        name = self._name(node.parents[position])
        text = f"{operation.name}′({name})" if name else f"{operation.name}′"
        return Formula(partial, text, text)
