"""The number system of Values: whatever a formula or a partial derivative does on it is recorded, as a graph."""

from __future__ import annotations

from functools import partial

from . import ops
from .context import current_context, unwatched
from .node import CONSTANT
from .operation import FLOATS, NumberSystem, Operation
from .value import Value, apply, apply_in_turn

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .node import Node

    Number = Value | float


class Values(NumberSystem["Number"]):
    """The number system of Values, in which every operation is recorded."""

    def apply(self, operation: Operation, *operands: Number) -> Number:
        """Records the operation."""
        result: Number = apply(operation, *operands)
        return result

    def function(self, operation: Operation) -> Callable[..., Number]:
        """Records the operation; the general way takes sequences apart."""
        return super().function(operation) if operation.sequences else partial(apply, operation)

    def softmax(self, xs: Sequence[Number]) -> list[Number]:
        """All shares, on one tuple of operands."""
        return apply_in_turn(ops.softmax, xs, FLOATS.softmax)

    def pow(self, x: Number, y: Number) -> Number:
        """x ** y without a node where the exponent of a differentiated power has come down to 1 or 0."""
        if isinstance(y, float) and y in (0.0, 1.0):
            return x if y else 1.0
        return self.apply(ops.pow, x, y)

    def pow_slope(self, x: Number, y: Number) -> Number:
        """The derivative of x ** y, in the textbook's form where the exponent is a plain number."""
        if isinstance(y, float):
            return y * self.pow(x, y - 1.0) if y else 0.0
        return self.apply(ops.pow_slope, x, y)

    def where(self, condition: Number, x: Number, y: Number) -> Number:
        """A choice without a node where the condition is a plain number."""
        if isinstance(condition, Value):
            return self.apply(ops.where, condition, x, y)
        return x if condition else y

    def partials(self, operation: Operation, y: Number, operands: Sequence[Number]) -> Sequence[Number | None]:
        """The partial derivatives, unwatched: one that nobody asked for may well be nan."""
        if current_context().watch is None:
            return operation.partials(self, y, *operands)
        with unwatched():
            return operation.partials(self, y, *operands)

    def of(self, node: Node) -> Number:
        """The Value itself; a constant's number."""
        return node.data if node.operation is CONSTANT else node  # type: ignore[return-value, attr-defined]

    def times(self, derivative: Number, partial: Number) -> Number:
        """The product, without a node for a factor of 1 or -1."""
        for factor, other in ((derivative, partial), (partial, derivative)):
            if isinstance(factor, float) and factor in (1.0, -1.0):
                return other if factor == 1.0 else -other
        return derivative * partial


VALUES = Values()
