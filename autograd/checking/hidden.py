"""Dependences that a graph does not see: a number in it that is computed from an input outside of it.

`x * float(x)`, `detach`, `no_grad` and a choice by `if` leave no trace in a graph. They show when the function is
called again at other inputs: the new graph is not just the old one at other inputs. What the graph does not see is how
much more the function changes than the old graph says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from ..node import nodes
from ..value import Value
from .differences import UNDEFINED, slope_of_floats
from .precise import mpf
from .replay import Replay
from .slopes import Slope
from .subject import Subject

# Inputs are shifted by about this share: enough to change every number that depends on them.
_SHIFT = 2.0**-20
# Shifts of different inputs are out of proportion, so that no difference of inputs stays the same.
_GOLDEN = 0.6180339887498949

# A function is called again this often with the same inputs: one that flips a coin agrees once in 2,000 times.
_CALLS = 11

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
    _require_repeatable(subject)
    everything = range(len(subject.inputs))
    if not _unlike(subject, everything):
        return {}
    found = {}
    for i in everything:
        unlike = _unlike(subject, [i])
        if unlike:
            change = _first_change(subject, unlike[0])
            for o, slope in enumerate(_excess(subject, replay, i)):
                found[o, i] = HiddenDependence(subject.names[i], slope, change)
    return found


def _require_repeatable(subject: Subject) -> None:
    assert subject.again is not None
    for _ in range(_CALLS):
        other = subject.again(subject.point)
        if subject.is_like(other):
            continue
        anew = subject.new_operations(other)
        if anew:
            raise ValueError(
                f"gradcheck: the operation {anew[0]!r} is new in each call of the function; make it once outside "
                "of it, so that it is the same operation in each graph"
            )
        raise ValueError(
            "gradcheck: the function computes something else when it is called again with the same inputs; if it draws "
            "random numbers, draw them outside or from a generator with a seed that is made inside"
        )


def _unlike(subject: Subject, positions: Sequence[int]) -> list[Subject]:
    """The graphs at shifted inputs that are more than the old one shifted; none where the function is undefined."""
    assert subject.again is not None
    graphs = []
    for shift in (_SHIFT, -_SHIFT):
        point = list(subject.point)
        for i in positions:
            point[i] += shift * (1.0 + _GOLDEN * (i + 1) % 1.0) * (abs(point[i]) or 1.0)
        with suppress(*UNDEFINED):
            graphs.append(subject.again(point))
    return [graph for graph in graphs if not subject.is_like(graph)]


def _first_change(subject: Subject, anew: Subject) -> str:
    """The first leaf that is another number in the second graph, and its user; "" if operations differ."""
    for leaf, number in (subject.other_numbers_in(anew) or {}).items():
        user = next((node for node in nodes(subject.outputs) if leaf in node.parents), None)
        used = f", an operand of {user.op!r}{subject.place_of(user)}" if user is not None else ""
        return f"the number {leaf.number!r}{used} becomes {number!r}"
    return ""


def _excess(subject: Subject, replay: Replay, position: int) -> list[Slope]:
    """For each output how much more it changes with one input than its graph says."""
    numbers, variable = replay.numbers, subject.inputs[position]

    @cache
    def excess(x: float) -> list[float]:
        assert subject.again is not None
        anew = subject.again([*subject.point[:position], x, *subject.point[position + 1 :]])
        if len(anew.outputs) != len(subject.outputs):
            raise TypeError("gradcheck: the function must return the same number of Values at all inputs")
        change = {variable: numbers.number(x)}
        numbers.context.prec = _BITS
        pairs = zip(_outputs(subject, replay, anew, change), subject.outputs, strict=True)
        return [numbers.float(new - replay.output(old, change)) for new, old in pairs]

    def slope(o: int) -> Slope:
        return slope_of_floats(lambda x: excess(x)[o], subject.point[position])

    return list(map(slope, range(len(subject.outputs))))


def _outputs(subject: Subject, replay: Replay, anew: Subject, change: Mapping[Value, mpf]) -> list[mpf]:
    """The outputs of a new graph; if it is the old one with other numbers, only what they change is computed."""
    others = subject.other_numbers_in(anew)
    if others is None or replay.tangents:
        there = Replay(replay.numbers, anew)
        return [there.output(output, {}) for output in anew.outputs]
    changes = {**change, **{leaf: replay.numbers.number(number) for leaf, number in others.items()}}
    return [replay.output(output, changes) for output in subject.outputs]
