"""A recorded graph evaluated and differentiated again, on precise numbers."""

from __future__ import annotations

from ..graph import nodes
from ..value import Value, evaluated
from .differences import slope_of_floats
from .directions import proven_slopes
from .precise import NotReplayableError, Precise
from .slopes import Slope, slope, spread_of

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..ops import Operation
    from .subject import Subject

    # For each result, the position and the slope of every operand that depends on an input.
    Slopes = dict[Value, list[tuple[int, Slope]]]

_BITS = 320
# The partials of operations on more operands are looked for all at once.
_MANY = 8


def operation_slopes(
    numbers: Precise, operation: Operation, operands: Sequence[Any], positions: Sequence[int]
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

    def partial(position: int) -> Slope:
        before, after = operands[:position], operands[position + 1 :]
        return slope(numbers, lambda x: numbers.evaluate(operation, (*before, x, *after)), operands[position], spread)

    return [partial(position) for position in positions]


class Replay:
    """A graph on precise numbers.

    An operation whose formula works on floats only is replaced by its tangent at the recorded operands.

    Attributes:
        order: the nodes, operands before results.
        edges: for each result that depends on an input, the positions of the operands that do.
    """

    def __init__(self, numbers: Precise, subject: Subject) -> None:
        self._numbers = numbers
        self.order = nodes(subject.outputs)
        self.edges = self._edges(subject.inputs)
        self._leaves = {leaf: numbers.number(leaf.data) for leaf in self.order if not leaf.parents}
        self._leaves.update(
            (x, numbers.number(number))
            for x, number in zip(subject.inputs, subject.point, strict=True)
            if not x.parents
        )
        self._spread = spread_of(numbers, [numbers.number(node.data) for node in self.order])
        self._tangents: dict[Value, list[Slope]] = {}
        self._known: Slopes = {}
        self._values: tuple[int, dict[Value, Any]] = (0, {})

    @property
    def has_tangents(self) -> bool:
        """Whether an operation was found so far whose formula works on floats only."""
        return bool(self._tangents)

    def _edges(self, inputs: Sequence[Value]) -> dict[Value, list[int]]:
        dependent = set(inputs)
        edges = {}
        for node in self.order:
            positions = [i for i, operand in enumerate(node.parents) if operand in dependent]
            if positions:
                dependent.add(node)
                edges[node] = positions
        return edges

    def recorded_slopes(self) -> Slopes:
        """The partial derivatives of every operation at its recorded operands."""
        self._known = {node: self._slopes(node, self._recorded(node)) for node in self.edges}
        return self._known

    def true_slopes(self) -> Slopes:
        """The partial derivatives of every operation at operands that were computed without rounding."""
        values = self.values()
        return {node: self._slopes_at(node, [values[operand] for operand in node.parents]) for node in self.edges}

    def values(self) -> dict[Value, Any]:
        """All nodes without rounding."""
        self._numbers.bits = _BITS + self._spread
        return self._evaluated()

    def _slopes_at(self, node: Value, operands: Sequence[Any]) -> list[tuple[int, Slope]]:
        """The slopes at these operands; those at the recorded ones may be known already."""
        if node in self._known and operands == self._recorded(node):
            return self._known[node]
        return self._slopes(node, operands)

    def _recorded(self, node: Value) -> list[Any]:
        return [self._numbers.number(operand.data) for operand in node.parents]

    def _slopes(self, node: Value, operands: Sequence[Any]) -> list[tuple[int, Slope]]:
        positions = self.edges[node]
        assert node._operation is not None
        if node in self._tangents:
            found = self._tangents[node]
        else:
            try:
                found = operation_slopes(self._numbers, node._operation, operands, positions)
            except NotReplayableError:
                found = self._tangent(node)
        return list(zip(positions, found, strict=True))

    def _tangent(self, node: Value) -> list[Slope]:
        """The partial derivatives from differences of floats."""
        if node not in self._tangents:
            self._tangents[node] = [self._float_slope(node, position) for position in self.edges.get(node, ())]
        return self._tangents[node]

    def _float_slope(self, node: Value, position: int) -> Slope:
        operation = node._operation
        assert operation is not None
        data = [operand.data for operand in node.parents]
        found = slope_of_floats(
            lambda x: evaluated(operation, [*data[:position], x, *data[position + 1 :]]), data[position]
        )
        return Slope(self._numbers.number(found.left), self._numbers.number(found.right), found.error)

    def _evaluated(self) -> dict[Value, Any]:
        """All nodes at the point, with as many bits as the numbers have now."""
        bits, values = self._values
        if bits != self._numbers.bits:
            values = {}
            for node in self.order:
                values[node] = self._value(node, [values[operand] for operand in node.parents])
            self._values = self._numbers.bits, values
        return values

    def _value(self, node: Value, operands: Sequence[Any]) -> Any:
        if not operands:
            return self._leaves[node]
        if node not in self._tangents:
            assert node._operation is not None
            try:
                return self._numbers.evaluate(node._operation, operands)
            except NotReplayableError:
                pass
        return self._on_tangent(node, operands)

    def _on_tangent(self, node: Value, operands: Sequence[Any]) -> Any:
        """The result on a straight line from the recorded one; at a kink there is one for each side."""
        result = self._numbers.number(node.data)
        for position, partial in zip(self.edges.get(node, ()), self._tangent(node), strict=True):
            shift = operands[position] - self._numbers.number(node.parents[position].data)
            if shift:
                result += shift * (partial.left if shift < 0 else partial.right)
        return result

    def output(self, output: Value, changes: Mapping[Value, Any]) -> Any:
        """An output, with as many bits as the numbers have now, where some inputs are other numbers."""
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
        return slope(self._numbers, lambda x: self.output(output, {variable: x}), x, self._spread)

    def gradient(self, output: Value, slopes: Slopes) -> dict[Value, Any]:
        """The derivative of an output by each node that depends on an input: the chain rule with these partials.

        It is None where the partials on the way are not all finite and the same from both sides.
        """
        self._numbers.bits = _BITS + self._spread
        found: dict[Value, Any] = {output: self._numbers.number(1)}
        unclear: set[Value] = set()
        for node in reversed(self.order):
            if node not in found and node not in unclear:
                continue
            for position, partial in slopes.get(node, ()):
                operand = node.parents[position]
                if node in unclear or partial.is_kink:
                    unclear.add(operand)
                else:
                    found[operand] = found.get(operand, 0) + found[node] * partial.middle
        return {**found, **dict.fromkeys(unclear)}
