"""The formulas of local derivatives, as text and LaTeX."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..ops import arctan, elu, leaky_relu, relu, sigmoid, softplus, tanh
from .classes import cross_entropy, cross_entropy_partials, softmax_partials
from .formulas import FORMULAS, as_formula, cases, expression, softplus_slope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..operation import Operation
    from ..value import Value
    from .formulas import Formula, Number


class LocalFormulas:
    """The local derivative of any result by any operand, in the names of Values.

    Args:
        name: what Values are called; empty or None for what has no name.
        own: what the user called them, so that they are a step of their own.
    """

    def __init__(self, name: Callable[[Value], str | None], own: Callable[[Value], str | None]) -> None:
        self._name = name
        self._own = own
        self._known: dict[Value, Mapping[int, Number]] = {}

    def of(self, node: Value, position: int, number: float) -> Number:
        """The formula of one local derivative; its number if the operation has no formula."""
        if node not in self._known:  # many paths share their ends
            self._known[node] = self._partials_of(node)
        partial = self._known[node].get(position, number)
        return partial if math.isclose(float(partial), number, rel_tol=1e-9, abs_tol=1e-300) else number

    def _partials_of(self, node: Value) -> Mapping[int, Number]:
        """The formulas of a result's local derivatives; none if its partials do not work on symbols."""
        operation = node.operation
        assert operation is not None
        found = cross_entropy(node, self._own)
        if found:
            return cross_entropy_partials(self._operands(node, found[0]), found[1])
        operands = self._operands(node, node.parents)
        known = softmax_partials(node, operands, self._name(node) or "")
        if known is not None:
            return known
        result = expression(node, lambda value: None if value is node else self._name(value))
        try:
            partials = FORMULAS.partials(operation, result, operands)
        except Exception:  # a user's operation may do anything with what it takes for a number
            return {}
        slope = _slope_of_activation(operation, as_formula(expression(node, self._name)), operands)
        formulas = {position: as_formula(partial) for position, partial in enumerate(partials) if partial is not None}
        return formulas if slope is None else {**formulas, 0: slope.of(float(formulas[0]))}

    def _operands(self, node: Value, operands: Sequence[Value]) -> list[Formula]:
        return [as_formula(expression(operand, self._name, tick=node.tick)) for operand in operands]


def _slope_of_activation(operation: Operation, y: Formula, operands: Sequence[Formula]) -> Formula | None:
    """The slope of an activation function as one writes it on paper; None where the partial's own formula will do.

    Partials keep all digits, such as 1/cosh(x)^2 for tanh; on paper it is 1 - y^2.
    """
    x, *rest = operands
    if operation is softplus:
        return softplus_slope(x)
    if operation is sigmoid:
        return as_formula(y * (1.0 - y))
    if operation is tanh:
        return as_formula(1.0 - FORMULAS.square(y))
    if operation is arctan:
        return FORMULAS.div(1.0, 1.0 + FORMULAS.square(x))
    if operation is relu:
        return cases(x, 0.0)
    if operation is leaky_relu:
        return cases(x, rest[0] if rest else 0.01)
    if operation is elu:
        return cases(x, (rest[0] if rest else 1.0) * as_formula(FORMULAS.exp(x)))
    return None
