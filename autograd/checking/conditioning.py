"""Where an ill-conditioned derivative loses its digits."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..value import Value
    from .precise import Precise
    from .replay import Replay, Slopes
    from .rounding import RoundedGradient

# Partials that are off explain a difference if one of them alone gives this share of it.
_SHARE = 0.01


class LostDigits:
    """The result at which digits are lost.

    Attributes:
        node: the result, or the leaf.
        true: what it would be without rounding; None if its own digits are right, but the parts of the derivative
            that meet in it cancel.
    """

    def __init__(self, node: Value, true: Any) -> None:
        self.node = node
        self.true = true


class Conditioning:
    """The rounding of one output: of every result, and of every partial derivative.

    Args:
        numbers: the number system.
        replay: the graph.
        true: the partials at operands without rounding.
        rounded: the chain rule at the recorded operands.
        gradient: the true derivative of the output by each node.
    """

    def __init__(
        self, numbers: Precise, replay: Replay, true: Slopes, rounded: RoundedGradient, gradient: Mapping[Value, Any]
    ) -> None:
        self._numbers = numbers
        self._replay = replay
        self._true = true
        self._rounded = rounded
        self._gradient = gradient
        self._values = replay.values()

    def lost_digits(self, variable: Value, difference: float, tolerance: float) -> LostDigits:
        """Where a derivative loses more digits than the tolerance allows.

        The difference of two products of partials is the sum of what each partial contributes that is off; that with
        the largest contribution is followed back to the first result that is itself off by more than the tolerance.

        Args:
            variable: the input.
            difference: how far the derivative by it is off.
            tolerance: the relative error that is allowed.
        """
        tangents = self._tangents(variable)
        contributions = self._contributions(tangents)
        worst = max(contributions, key=contributions.__getitem__)
        if contributions[worst] >= _SHARE * abs(difference):
            node = self._origin(worst, tolerance)
            if self._error(node) > tolerance or self._error_of_partials(node) > tolerance:
                return LostDigits(node, self._values[node])
        return LostDigits(max(tangents, key=lambda node: self._rounded.size(node) * abs(tangents[node])), None)

    def _tangents(self, variable: Value) -> dict[Value, Any]:
        """The derivative by the variable of each node that the output's derivative goes through."""
        tangents = {variable: self._numbers.number(1)}
        for node in self._replay.order:
            taken = self._rounded.taken.get(node)
            if node is not variable and taken is not None:
                arriving = [
                    partial * tangents[node.parents[i]] for i, partial in taken.items() if node.parents[i] in tangents
                ]
                if arriving:
                    tangents[node] = self._numbers.sum(arriving)
        return tangents

    def _contributions(self, tangents: Mapping[Value, Any]) -> dict[Value, Any]:
        """For each result what its partials, where they are off, add to the derivative."""
        contributions = {}
        for node, taken in self._rounded.taken.items():
            if node in tangents and self._gradient.get(node) is not None:
                off = [
                    (taken[i] - partial.middle) * tangents[node.parents[i]]
                    for i, partial in self._true[node]
                    if node.parents[i] in tangents
                ]
                contributions[node] = abs(self._gradient[node] * self._numbers.sum(off))
        return contributions

    def _origin(self, node: Value, tolerance: float) -> Value:
        while True:
            worst = max(node.parents, key=self._error, default=node)
            if not self._error(worst) > tolerance:
                return node
            node = worst

    def _error(self, node: Value) -> Any:
        """The relative error of a recorded number."""
        return self._relative(self._numbers.number(node.data), self._values[node])

    def _error_of_partials(self, node: Value) -> Any:
        """The largest relative error of the partials at the recorded operands."""
        taken = self._rounded.taken.get(node, {})
        return max((self._relative(taken[i], partial.middle) for i, partial in self._true.get(node, ())), default=0)

    def _relative(self, found: Any, true: Any) -> Any:
        distance = abs(found - true)
        return self._numbers.divide(distance, abs(true)) if distance else distance
