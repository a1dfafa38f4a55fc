"""Dependences that a graph does not see: a number in it that is computed from an input outside of it.

`x * float(x)`, `detach`, `no_grad` and a choice by `if` leave no trace in a graph. They show when the function is called
again at other inputs: the new graph is more than the old one at other inputs. What the graph does not see is how much
more the function changes than the old graph says.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..graph import nodes
from .differences import UNDEFINED, slope_of_floats
from .replay import Replay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mpmath import mpf

    from ..value import Value
    from .slopes import Slope
    from .subject import Subject

# Inputs are shifted by about this share: enough to change every number that depends on them.
_SHIFT = 2.0**-20
# Shifts of different inputs are out of proportion, so that no difference of inputs stays the same.
_GOLDEN = 0.6180339887498949

# A function that changed is called again this often with the same inputs: one that flips a coin may agree by chance.
_CALLS = 8

_BITS = 400


@dataclass(frozen=True, slots=True)
class HiddenDependence:
    """What the graph does not see of the way in which an output depends on an input.

    Attributes:
        input: the name of the input.
        slope: the derivative that is missing.
        change: the first number in the graph that changes with the input, in words; "" if operations change.
    """

    input: str
    slope: Slope
    change: str

    def __str__(self) -> str:
        if not self.change:
            return f"which operations are computed depends on {self.input}, by a choice that the graph does not see"
        return (
            f"the graph does not see all of the dependence on {self.input}: {self.change} when {self.input} changes "
            "a little. float(x), x.data, detach and no_grad leave the graph"
        )


def hidden_dependences(subject: Subject, replay: Replay) -> dict[tuple[int, int], HiddenDependence]:
    """For pairs of an output and an input, by position, what the graph does not see.

    Raises:
        ValueError: the function gives different graphs for the same inputs.
    """
    if subject.again is None or not subject.inputs:
        return {}
    everything = range(len(subject.inputs))
    if not _unlike(subject, everything):
        return {}
    if not all(subject.is_like(subject.again(subject.point)) for _ in range(_CALLS)):
        raise ValueError(
            "gradcheck: the function computes something else when it is called again with the same inputs; if it draws "
            "random numbers, draw them outside or from a generator with a seed that is made inside"
        )
    found = {}
    for i in everything:
        unlike = _unlike(subject, [i])
        if unlike:
            excess = _Excess(subject, replay, i)
            change = _first_change(subject, unlike[0])
            for o in range(len(subject.outputs)):
                found[o, i] = HiddenDependence(subject.names[i], excess.slope(o), change)
    return found


def _unlike(subject: Subject, positions: Sequence[int]) -> list[Subject]:
    """The graphs at shifted inputs that are more than the old one shifted; none where the function is undefined."""
    assert subject.again is not None
    graphs = []
    for shift in (_SHIFT, -_SHIFT):
        with suppress(*UNDEFINED):
            graphs.append(subject.again(_shifted(subject, positions, shift)))
    return [graph for graph in graphs if not subject.is_like(graph)]


def _shifted(subject: Subject, positions: Sequence[int], shift: float) -> list[float]:
    point = list(subject.point)
    for i in positions:
        point[i] += shift * (1.0 + _GOLDEN * (i + 1) % 1.0) * (abs(point[i]) or 1.0)
    return point


def _first_change(subject: Subject, anew: Subject) -> str:
    """The first leaf that is another number in the second graph, and its user; "" if operations differ."""
    for leaf, number in (subject.other_numbers_in(anew) or {}).items():
        user = next((node for node in nodes(subject.outputs) if leaf in node.parents), None)
        used = f", an operand of {user.op!r}{subject.place_of(user)}" if user is not None else ""
        return f"the number {leaf.data!r}{used} becomes {number!r}"
    return ""


class _Excess:
    """How much more a function changes with one input than its graph says."""

    def __init__(self, subject: Subject, replay: Replay, position: int) -> None:
        self._numbers = replay.numbers
        self._subject = subject
        self._replay = replay
        self._position = position
        self._called: dict[float, list[float]] = {}

    def slope(self, output: int) -> Slope:
        """The derivative of the excess of an output."""
        return slope_of_floats(lambda x: self._at(x)[output], self._subject.point[self._position])

    def _at(self, x: float) -> list[float]:
        if x not in self._called:
            self._called[x] = self._computed(x)
        return self._called[x]

    def _computed(self, x: float) -> list[float]:
        subject, numbers = self._subject, self._numbers
        assert subject.again is not None
        point = list(subject.point)
        point[self._position] = x
        anew = subject.again(point)
        if len(anew.outputs) != len(subject.outputs):
            raise TypeError("gradcheck: the function must return the same number of Values at all inputs")
        change = {subject.inputs[self._position]: numbers.number(x)}
        numbers.bits = _BITS
        there = self._outputs(anew, change)
        return [
            numbers.float(new - self._replay.output(old, change))
            for new, old in zip(there, subject.outputs, strict=True)
        ]

    def _outputs(self, anew: Subject, change: Mapping[Value, mpf]) -> list[mpf]:
        """The outputs of a new graph; if it is the old one with other numbers, only what they change is computed."""
        others = self._subject.other_numbers_in(anew)
        if others is None or self._replay.has_tangents:
            there = Replay(self._numbers, anew)
            return [there.output(output, {}) for output in anew.outputs]
        changes = {**change, **{leaf: self._numbers.number(number) for leaf, number in others.items()}}
        return [self._replay.output(output, changes) for output in self._subject.outputs]
