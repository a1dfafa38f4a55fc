"""A recorded graph evaluated and differentiated again, on precise numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from ..chain import Linearization
from ..node import nodes
from ..operation import FLOATS, NumberSystem, Operation
from ..value import Value
from .differences import slope_of_floats
from .directions import proven_slopes
from .precise import NotReplayableError, Precise, mpf
from .slopes import Slope, slope, spread_of
from .subject import Subject

# For each result, the position and the slope of every operand that depends on an input.
Slopes: TypeAlias = dict[Value, list[tuple[int, Slope]]]

_BITS = 320
# As a share of an operand: far enough to be past its jump.
_BEYOND = 2.0**-46
# The partials of operations on more operands than this are looked for all at once.
_MANY = 8


def operation_slopes(
    numbers: Precise, operation: Operation, operands: Sequence[mpf], positions: Sequence[int]
) -> list[Slope]:
    """The true partial derivatives of an operation for some of its operands, which are precise numbers.

    Raises:
        NotReplayableError: its formula works on floats only.
    """
    result = numbers.evaluate(operation, operands)
    proven = proven_slopes(numbers, operation, operands, positions) if len(positions) > _MANY else None
    if proven is not None:
        return proven
    spread = spread_of(numbers, [*operands, result])
    return [slope(numbers, _of_one(numbers, operation, operands, i), operands[i], spread) for i in positions]


def _of_one(m: NumberSystem[Any], operation: Operation, operands: Sequence[Any], position: int) -> Callable[[Any], Any]:
    """An operation as a function of one of its operands."""
    before, after = operands[:position], operands[position + 1 :]
    return lambda x: m.evaluate(operation, (*before, x, *after))


def _every_operand(node: Value, m: object) -> list[tuple[int, Value, float]]:
    return [(i, operand, 1.0) for i, operand in enumerate(node.parents)]


class Replay:
    """A graph on precise numbers, where its derivatives are true.

    An operation whose formula works on floats only is replaced by its tangent at the recorded operands.

    Attributes:
        numbers: the number system.
        order: the nodes, operands before results.
        edges: for each result that depends on an input, the positions of the operands that do.
        tangents: the partials of the operations that were found to have such a formula.
    """

    def __init__(self, numbers: Precise, subject: Subject) -> None:
        self.numbers = numbers
        self.order = nodes(subject.outputs)
        steps = Linearization(subject.outputs, subject.inputs, FLOATS, _every_operand).steps
        self.edges = {node: [position for position, *_ in edges] for node, edges in steps}
        self._inputs = subject.inputs
        point = dict(zip(subject.inputs, subject.point, strict=True))
        self._leaves = {x: numbers.number(point.get(x, x.number)) for x in self.order if not x.parents}
        self._spread = spread_of(numbers, [numbers.number(node.number) for node in self.order])
        self.tangents: dict[Value, list[Slope]] = {}
        self._values: tuple[int, dict[Value, mpf]] = (0, {})

    @cached_property
    def recorded_slopes(self) -> Slopes:
        """The partial derivatives of every operation at its recorded operands."""
        return {node: self._slopes(node, self._recorded(node)) for node in self.edges}

    @cached_property
    def true_slopes(self) -> Slopes:
        """The partial derivatives of every operation at operands that were computed without rounding."""
        values = self.values()
        found = {}
        for node, known in self.recorded_slopes.items():
            operands = [values[operand] for operand in node.parents]
            found[node] = known if operands == self._recorded(node) else self._slopes(node, operands)
        return found

    def values(self) -> dict[Value, mpf]:
        """All nodes without rounding."""
        self.restore_precision()
        return self._evaluated()

    def restore_precision(self) -> None:
        """Numbers have as many bits as this graph needs: whoever takes a slope changes that."""
        self.numbers.context.prec = _BITS + self._spread

    def _recorded(self, node: Value) -> list[mpf]:
        return [self.numbers.number(operand.number) for operand in node.parents]

    def _slopes(self, node: Value, operands: Sequence[mpf]) -> list[tuple[int, Slope]]:
        positions = self.edges[node]
        assert node.operation is not None
        found = self.tangents.get(node)
        if found is None:
            try:
                found = operation_slopes(self.numbers, node.operation, operands, positions)
            except NotReplayableError:
                found = self._tangent(node)
        return list(zip(positions, found, strict=True))

    def _tangent(self, node: Value) -> list[Slope]:
        """The partial derivatives from differences of floats."""
        if node not in self.tangents:
            assert node.operation is not None
            data = [operand.number for operand in node.parents]
            slopes = [
                slope_of_floats(_of_one(FLOATS, node.operation, data, i), data[i]) for i in self.edges.get(node, ())
            ]
            number = self.numbers.number
            self.tangents[node] = [
                Slope(number(found.left), number(found.right), found.error, found.jumps) for found in slopes
            ]
        return self.tangents[node]

    def _evaluated(self) -> dict[Value, mpf]:
        """All nodes at the point, with as many bits as numbers have now."""
        bits, values = self._values
        if bits != self.numbers.context.prec:
            values = {}
            for node in self.order:
                values[node] = self._value(node, [values[operand] for operand in node.parents])
            self._values = self.numbers.context.prec, values
        return values

    def _value(self, node: Value, operands: Sequence[mpf]) -> mpf:
        if not operands:
            return self._leaves[node]
        if node not in self.tangents:
            assert node.operation is not None
            try:
                return self.numbers.evaluate(node.operation, operands)
            except NotReplayableError:
                pass
        return self._on_tangent(node, operands)

    def _on_tangent(self, node: Value, operands: Sequence[mpf]) -> mpf:
        """The result on a straight line from the recorded one; at a kink each side has its own, past a jump too."""
        result = self.numbers.number(node.number)
        for position, partial in zip(self.edges.get(node, ()), self._tangent(node), strict=True):
            shift = operands[position] - self.numbers.number(node.parents[position].number)
            if shift:
                slope = partial.left if shift < 0 else partial.right
                result += (
                    self._gap(node, position, shift) if partial.jumps and abs(slope) == math.inf else shift * slope
                )
        return result

    def _gap(self, node: Value, position: int, shift: mpf) -> float:
        """How much the result of a formula of floats jumps to the side of the shift."""
        assert node.operation is not None
        data = [operand.number for operand in node.parents]
        beyond = data[position] + (1 if shift > 0 else -1) * _BEYOND * (abs(data[position]) or 1.0)
        gap = _of_one(FLOATS, node.operation, data, position)(beyond) - node.number
        return gap if math.isfinite(gap) else math.copysign(1.0, gap)

    def output(self, output: Value, changes: Mapping[Value, mpf]) -> mpf:
        """An output if some inputs are other numbers, with as many bits as numbers have now."""
        base = self._evaluated()
        changed = dict(changes)
        for node in self.order:
            if node not in changed and any(operand in changed for operand in node.parents):
                operands = [changed[operand] if operand in changed else base[operand] for operand in node.parents]
                changed[node] = self._value(node, operands)
        return changed[output] if output in changed else base[output]

    def whole_slope(self, output: Value, variable: Value) -> Slope:
        """The derivative of an output by one input, from the graph as a whole: no chain rule is involved."""
        x = self.values()[variable]
        return slope(self.numbers, lambda x: self.output(output, {variable: x}), x, self._spread)

    def gradient(self, output: Value) -> dict[Value, mpf]:
        """The derivative of an output by each node that depends on an input: the chain rule with true partials.

        It is nan if a partial on the way is infinite, or differs between both sides.
        """
        self.restore_precision()
        chain = Linearization([output], self._inputs, self.numbers, self._true_edges)
        return chain.backwards({output: self.numbers.number(1)})

    def _true_edges(self, node: Value, m: object) -> list[tuple[int, Value, mpf]]:
        return [
            (i, node.parents[i], self.numbers.nan if found.is_kink else found.middle)
            for i, found in self.true_slopes[node]
        ]
