"""How partials add up to the derivatives of one output: the truth, what rounding explains, where digits are lost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..chain import Linearization
from ..operation import NumberSystem
from ..value import Value
from .hidden import HiddenDependence
from .precise import mpf
from .replay import Replay
from .slopes import Slope, in_floats, unknown
from .subject import Subject, described, described_call

# The relative error of one product or sum, and the absolute one where numbers underflow.
_UNIT = 2.0**-53
_UNDERFLOW = 2.0**-1022
# Partials that are off explain a difference if one of them alone makes up this share of it.
_SHARE = 0.01


@dataclass(slots=True)
class _Bounded:
    """A number that floats approximate.

    Attributes:
        value: the number.
        error: how far the float may be off.
        size: the sum of the sizes of its terms: if that is larger than the number, they cancel.
    """

    value: mpf
    error: mpf
    size: mpf


class _Bounds(NumberSystem[Any]):
    """The number system of numbers with an error bound, as far as the chain rule needs it."""

    def times(self, x: _Bounded, y: _Bounded) -> _Bounded:
        product = x.value * y.value
        size = abs(product)
        error = abs(y.value) * x.error + abs(x.value) * y.error
        return _Bounded(product, error + 2 * _UNIT * size + _UNDERFLOW, size)

    def total(self, terms: Sequence[_Bounded]) -> _Bounded:
        if len(terms) == 1:
            return terms[0]
        size = sum(term.size for term in terms)
        error = sum(term.error for term in terms)
        return _Bounded(sum(term.value for term in terms), error + len(terms) * _UNIT * size, size)


class Accumulation:
    """The chain rule for one output, as `backward` computes it on floats and as it is without rounding.

    What only explains differences is computed when it is asked for.

    Args:
        subject: the graph.
        replay: the same on precise numbers.
        partials: those that `backward` takes, for all operands of each result.
        output: the Value that is differentiated.
    """

    def __init__(self, subject: Subject, replay: Replay, partials: Mapping[Value, list[float]], output: Value) -> None:
        self._subject = subject
        self._replay = replay
        self._numbers = replay.numbers
        self._partials = partials
        self._output = output
        true = replay.gradient(output)
        self._true = {x: true.get(x, self._numbers.number(0)) for x in subject.inputs}

    def is_smooth(self, variable: Value) -> bool:
        """Whether all partials on the way are finite, and the same from both sides."""
        return self._numbers.is_finite(self._true[variable])

    def slope(self, variable: Value, hidden: HiddenDependence | None) -> Slope:
        """The true derivative: what the graph gives, at kinks as a whole, and what it does not see."""
        if self.is_smooth(variable):
            derivative = self._numbers.float(self._true[variable])
            seen = Slope(derivative, derivative)
        elif any(found.is_unknown for slopes in self._replay.tangents.values() for found in slopes):
            return unknown()
        else:
            seen = in_floats(self._numbers, self._replay.whole_slope(self._output, variable))
        if hidden is None:
            return seen
        missing = hidden.slope
        return Slope(seen.left + missing.left, seen.right + missing.right, missing.error, seen.jumps or missing.jumps)

    def overflow(self) -> tuple[str | None, str]:
        """The first operation that gives or multiplies by what is not finite, and how."""
        for node, _ in self._chain.steps:
            for position, partial in enumerate(self._partials[node]):
                if not math.isfinite(partial) or not math.isfinite(node.number):
                    return node.op, f"{node.op} is {node.number!r}, its derivative by operand {position} is {partial!r}"
        return None, "a product of derivatives overflows"

    def rounds_to(self, variable: Value, derivative: float) -> bool:
        """Whether a derivative is the chain rule's at the recorded numbers, which are rounded, up to more rounding."""
        return self.may_round_by(variable, abs(derivative - self._arrived_at(variable).value))

    def may_round_by(self, variable: Value, distance: float) -> bool:
        """Whether rounding may take a derivative so far from what its partials, each as it is taken, add up to."""
        return bool(distance <= 2 * self._arrived_at(variable).error)

    def _arrived_at(self, variable: Value) -> _Bounded:
        return self._arrived.get(variable, _Bounded(0, 0, 0))

    @cached_property
    def _chain(self) -> Linearization[Any]:
        return Linearization([self._output], self._subject.inputs, _Bounds(), self._taken)

    @cached_property
    def _arrived(self) -> dict[Value, _Bounded]:
        self._replay.restore_precision()
        return self._chain.backwards({self._output: _Bounded(self._numbers.number(1), 0, 1)})

    def _taken(self, node: Value, m: object) -> list[tuple[int, Value, _Bounded]]:
        """The partials of a node; at kinks what `backward` takes is the convention, and counts as true."""
        taken = []
        for position, slope in self._replay.recorded_slopes.get(node, ()):
            partial = self._numbers.number(self._partials[node][position])
            true = partial if slope.is_kink else slope.middle
            taken.append((position, node.parents[position], _Bounded(true, abs(partial - true) + slope.error, 0)))
        return taken

    def where_digits_are_lost(self, variable: Value, difference: float, tolerance: float) -> str:
        """Where a derivative loses more digits than the tolerance allows, in words.

        The difference of two products of partials is the sum of what each partial contributes that is off; the largest
        contribution is followed back to the first result that is itself off by more than the tolerance.

        Args:
            variable: the input.
            difference: how far the derivative by it is off.
            tolerance: the relative error that is allowed.
        """
        self._replay.restore_precision()
        one = _Bounded(self._numbers.number(1), 0, 1)
        tangents = {node: tangent.value for node, tangent in self._chain.forwards({variable: one}).items()}
        contributions = self._contributions(tangents)
        worst = max(contributions, key=contributions.__getitem__)
        if contributions[worst] >= _SHARE * abs(difference):
            node = self._origin(worst, tolerance)
            if self._error(node) > tolerance or self._error_of_partials(node) > tolerance:
                true = self._numbers.float(self._replay.values()[node])
                where = f"digits are lost in {node.op!r}{self._subject.place_of(node)}"
                return f"{where}:\n{described_call(node)}, without rounding {true!r}"
        meeting = max(tangents, key=lambda node: self._arrived[node].size * abs(tangents[node]))
        return f"the parts of the derivative that meet in {described(meeting)} cancel"

    def _contributions(self, tangents: Mapping[Value, mpf]) -> dict[Value, mpf]:
        """For each result what its partials, where they are off, add to the derivative."""
        gradient = self._replay.gradient(self._output)
        contributions = {}
        for node, edges in reversed(self._chain.steps):
            if node in tangents:
                off = [
                    (partial.value - true.middle) * tangents[operand]
                    for (_, operand, partial), (_, true) in zip(edges, self._replay.true_slopes[node], strict=True)
                    if operand in tangents
                ]
                contributions[node] = abs(gradient[node] * self._numbers.sum(off))
        return contributions

    def _origin(self, node: Value, tolerance: float) -> Value:
        while True:
            worst = max(node.parents, key=self._error, default=node)
            if not self._error(worst) > tolerance:
                return node
            node = worst

    def _error(self, node: Value) -> mpf:
        """The relative error of a recorded number."""
        return self._relative(self._numbers.number(node.number), self._replay.values()[node])

    def _error_of_partials(self, node: Value) -> mpf:
        """The largest relative error of the partials at the recorded operands."""
        taken = dict(self._chain.steps).get(node, ())
        pairs = zip(taken, self._replay.true_slopes.get(node, ()), strict=True)
        return max((self._relative(partial.value, true.middle) for (*_, partial), (_, true) in pairs), default=0)

    def _relative(self, found: mpf, true: mpf) -> mpf:
        distance = abs(found - true)
        return self._numbers.div(distance, abs(true)) if distance else distance
