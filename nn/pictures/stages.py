"""Stages: the columns that a model's layers make in a picture, and which of their nodes are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import no_grad

from ..activations import Activation, ArgMax, Identity, LogSoftmax, Softmax
from ..checks import as_float, is_number, kind_of, numbers, plain
from ..layers import Linear
from ..module import Module

MOST_NODES = 8
"""Of a layer of more than ten nodes only so many are drawn; a note says how many are left out."""


class Stage(NamedTuple):
    """A column of nodes: a linear layer with the activations after it, or a layer that mixes all its inputs."""

    layer: Module
    bends: list[Activation]
    before: list[float] | None
    """What enters the activations, or None without an observation."""
    after: list[float] | None
    """What leaves the column."""
    names: Sequence[str]
    """What `draw` and `explain` call that; empty for the last column, whose numbers are those of the outputs."""


def drawn(number: int, needed: int | None = None) -> Sequence[int]:
    """Which nodes of a layer are drawn.

    Args:
        number: how many there are.
        needed: one that must be among them, such as the observed class.

    >>> list(drawn(10)), list(drawn(50, needed=20))
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3, 4, 5, 6, 20])
    """
    if number <= MOST_NODES + 2:
        return range(number)
    return [*range(MOST_NODES - 1), max(MOST_NODES - 1, needed or 0)]


def drawn_nodes(stages: Sequence[Stage], needed: int | None) -> list[Sequence[int]]:
    """Which nodes of each stage are drawn, with the observed class in the stages that have it.

    Args:
        stages: the columns of nodes.
        needed: the observed class, if any.
    """
    last = max((k for k, stage in enumerate(stages) if isinstance(stage.layer, Linear)), default=0)
    found: list[Sequence[int]] = []
    for k, stage in enumerate(stages):
        if isinstance(stage.layer, Linear):
            found.append(drawn(stage.layer.out_features, needed if k == last else None))
        else:
            found.append(found[-1])
    return found


def layers_in_row(model: Module) -> list[Module]:
    """The modules without modules inside, in the model's order."""
    if not isinstance(model, Module):
        raise TypeError(f"model: diagram takes a Module, got {kind_of(model)}")
    layers = [module for _, module in model.named_modules() if not module.children()]
    strange = [layer for layer in layers if not isinstance(layer, (Linear, Activation, Softmax, LogSoftmax, ArgMax))]
    if strange or not any(isinstance(layer, Linear) for layer in layers):
        kind = type(strange[0] if strange else model).__name__
        raise TypeError(f"diagram draws linear layers and activations, and cannot draw {kind}; use autograd.draw")
    if not isinstance(layers[0], Linear):
        raise TypeError(f"diagram needs a linear layer first, got {type(layers[0]).__name__}; use autograd.draw")
    return layers


def require_in_a_row(model: Module, layers: Sequence[Module], count: int) -> None:
    """Computes a point both ways, since a user's forward may do something else with the layers."""
    point = [math.sin(1.0 + i) for i in range(count)]
    try:
        expected, (_, got) = values_after(layers, point)[-1], values_after([model], point)
    except Exception as error:
        raise ValueError(f"diagram could not run the model on {count} numbers: {error}") from error
    if len(expected) != len(got) or not np.allclose(expected, got, rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError("diagram draws layers one after the other, but this model computes something else with them")


def values_after(layers: Sequence[Module], point: Sequence[float]) -> list[list[float]]:
    """The inputs, and the numbers that leave each layer."""
    values = [list(point)]
    with no_grad():
        for layer in layers:
            values.append(as_floats(layer(values[-1]), "what the layer gives"))
    return values


def stages_of(layers: Sequence[Module], values: Sequence[list[float]] | None) -> list[Stage]:
    """The layers as columns: activations join the linear layer before them."""
    stages: list[Stage] = []
    for number, layer in enumerate(layers, 1):
        after = values[number] if values else None
        if isinstance(layer, Activation) and stages and isinstance(stages[-1].layer, Linear):
            stages[-1] = stages[-1]._replace(bends=[*stages[-1].bends, layer], after=after)
        else:
            stages.append(Stage(layer, [], after, after, ()))
    return _named(stages)


def _named(stages: Sequence[Stage]) -> list[Stage]:
    """The columns with the names of what leaves them: x before and y after an activation, as in the lectures."""
    named, width = [], 0
    counts = {"x": 0, "y": 0}
    for stage in stages:
        bends = [bend for bend in stage.bends if not isinstance(bend, Identity)]
        if isinstance(stage.layer, Linear):
            width = stage.layer.out_features
            counts["x"] += width if bends else 0
        letter, steps = ("y", len(bends) or 1) if bends or not isinstance(stage.layer, Linear) else ("x", 1)
        names = [f"{letter}{counts[letter] + unit * steps}" for unit in range(1, width + 1)]
        counts[letter] += width * steps
        named.append(stage._replace(names=names))
    return [*named[:-1], named[-1]._replace(names=[""] * width)]


def bent(bends: Sequence[Activation], x: float) -> float:
    """The activations of a node, one after the other."""
    with no_grad():
        for bend in bends:
            x = as_float(bend(x))
    return x


def as_floats(found: Any, what: str) -> list[float]:
    """A number, or several, as a list."""
    return list(map(as_float, numbers([found] if is_number(found := plain(found, what)) else found, what)))
