"""How far rounding alone may carry `backward` from the product of the true partial derivatives."""

from __future__ import annotations

from .replay import Replay

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from typing import Any

    from ..value import Value
    from .precise import Precise
    from .replay import Slopes

# The relative error of one product or sum, and the absolute one where numbers underflow.
_UNIT = 2.0**-53
_UNDERFLOW = 2.0**-1022


class _Sum:
    """The derivative of an output by a node, as the sum of what arrives from its users, with an error bound."""

    __slots__ = ("error", "size", "terms", "value")

    def __init__(self) -> None:
        self.value: Any = 0
        self.error: Any = 0
        self.size: Any = 0
        self.terms = 0

    def add(self, term: Any, error: Any) -> None:
        self.value += term
        self.error += error
        self.size += abs(term)
        self.terms += 1

    def bound(self) -> Any:
        return self.error + self.terms * _UNIT * self.size


class RoundedGradient:
    """What the chain rule gives for an output at the numbers that were recorded, with bounds for rounding errors.

    The recorded numbers are rounded, so this may be far from the true gradient where the function is ill-conditioned.
    `backward` must not be far from it.

    Args:
        numbers: the number system.
        replay: the graph.
        output: the Value that is differentiated.
        slopes: the true partials at the recorded operands.
        analytic: the partials that `backward` takes; at kinks they are the convention, and count as true.

    Attributes:
        taken: for each result on the way, by the positions of the operands, the partials that were multiplied.
    """

    def __init__(
        self, numbers: Precise, replay: Replay, output: Value, slopes: Slopes, analytic: dict[Value, list[float]]
    ) -> None:
        self.taken: dict[Value, dict[int, Any]] = {}
        self._sums: dict[Value, _Sum] = {output: _Sum()}
        self._sums[output].add(numbers.number(1), 0)
        for node in reversed(replay.order):
            if node in self._sums:
                arrived = self._sums[node]
                for position, slope in slopes.get(node, ()):
                    partial = numbers.number(analytic[node][position])
                    true = partial if slope.is_kink else slope.middle
                    self.taken.setdefault(node, {})[position] = true
                    term = arrived.value * true
                    error = abs(true) * arrived.bound() + abs(arrived.value) * (abs(partial - true) + slope.error)
                    operand = node.parents[position]
                    self._sums.setdefault(operand, _Sum()).add(term, error + 2 * _UNIT * abs(term) + _UNDERFLOW)

    def explains(self, variable: Value, derivative: float) -> bool:
        """Whether a derivative from `backward` is the chain rule's, up to rounding."""
        arrived = self._sums.get(variable, _Sum())
        return bool(abs(derivative - arrived.value) <= 2 * arrived.bound())

    def size(self, node: Value) -> Any:
        """The sum of the sizes of what arrives at a node: where it is cancelled, digits are lost."""
        return self._sums[node].size
