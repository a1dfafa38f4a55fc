"""The truth for a backward: the sum of forward's results times a cotangent, computed as exactly as can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays import DOUBLE, Buffer, Point, framework, to_numpy, unit_of
from .frameworks import Layer, outputs_of

# Results of forward and of its reference differ by no more than so many units of their type.
_UNITS = 2000.0
_POOR = "without a float64 reference=, the truth has no more digits than forward: pass one"


class Weighted:
    """The weighted sum of a layer's results as a function of all numbers of its inputs.

    Attributes:
        point: the inputs that are differentiated, as one list.
        value, unit, spread, shape: as those of `Plain`.
        remarks: what else there is to say on the reference.
        advice: how to see more.
    """

    def __init__(
        self, function: Callable[..., Any], layer: Layer, cotangents: Sequence[Buffer], is_double: bool
    ) -> None:
        self._function = function
        self._layer = layer
        self._cotangents = cotangents
        self._is_double = is_double
        inputs = [layer.inputs[i] for i in layer.positions]
        doubles = [to_numpy(x) if framework(x) else float(x) for x in inputs]
        self.point = Point(doubles if is_double else inputs, "inputs")
        self.shape: tuple[int, ...] = ()
        self.remarks: list[str] = []
        self.advice = "" if is_double else _POOR
        self.outputs = self.results(self.point.numbers)
        self.unit = max((unit_of(y) for y in self.outputs), default=DOUBLE)
        self.value = self._sum(self.outputs)
        self.spread = np.zeros(1)

    def results(self, numbers: Buffer) -> list[Any]:
        """The results for other inputs."""
        layer = self._layer
        arguments = layer.copies()
        parts = self.point.at(numbers)
        with layer.precision():
            for i, part in zip(layer.positions, parts, strict=True):
                arguments[i] = layer.from_numpy(layer.inputs[i], part) if self._is_double else part
            outputs = self._evaluated(arguments)
            return [np.array(to_numpy(y), dtype=np.float64) if unit_of(y) <= DOUBLE else y for y in outputs]

    def _evaluated(self, arguments: Sequence[Any]) -> list[Any]:
        if framework(arguments[self._layer.positions[0]]) != "torch":
            return outputs_of(self._function(*arguments))
        import torch

        with torch.no_grad():
            return outputs_of(self._function(*arguments))

    def __call__(self, numbers: Buffer) -> Buffer:
        """The sum for other inputs."""
        return self._sum(self.results(numbers))

    def _sum(self, outputs: Sequence[Any]) -> Buffer:
        sums = [float((c * to_numpy(y)).sum()) for c, y in zip(self._cotangents, outputs, strict=True)]
        return np.array([sum(sums)])


def weighted(
    layer: Layer, outputs: Sequence[Any], cotangents: Sequence[Any], reference: Callable[..., Any] | None
) -> Weighted:
    """The truth, from a reference, or from forward itself in float64 if it takes that.

    Raises:
        ValueError: the reference gives other results in number or shape, or nan.
    """
    weights = [to_numpy(c) for c in cotangents]
    if reference is None:
        return _of_forward(layer, outputs, weights)
    try:
        truth = Weighted(reference, layer, weights, is_double=True)
    except ValueError as error:
        shapes = [np.shape(y) for y in outputs]
        raise ValueError(f"check_backward: reference must give results of shape {shapes}: {error}") from error
    found, wanted = ([np.shape(y) for y in results] for results in (truth.outputs, outputs))
    if found != wanted:
        raise ValueError(f"check_backward: reference gives results of shape {found}, forward of shape {wanted}")
    if np.isnan(truth.value).any():
        raise ValueError("check_backward: reference gives nan for these inputs")
    for o, (y, true) in enumerate(zip(outputs, truth.outputs, strict=True)):
        off = _distance(y, true)
        if off:
            which = f" (result {o})" if len(outputs) > 1 else ""
            truth.remarks.append(f"forward and reference are not the same function: they differ by {off:.3g}{which}")
    return truth


def _distance(result: Any, true: Any) -> float:
    """How far results are apart; 0 if rounding explains that."""
    right = to_numpy(true)
    off = float(np.abs(to_numpy(result) - right).max(initial=0.0))
    return off if off > _UNITS * unit_of(result) * float(np.abs(right).max(initial=0.0)) else 0.0


def _of_forward(layer: Layer, outputs: Sequence[Any], weights: Sequence[Buffer]) -> Weighted:
    """Forward in float64, if it works there and gives about the same."""
    try:
        truth = Weighted(layer.forward, layer, weights, is_double=True)
        pairs = list(zip(outputs, truth.outputs, strict=True))
        if truth.unit <= DOUBLE and all(np.shape(y) == np.shape(t) and not _distance(y, t) for y, t in pairs):
            return truth
    except Exception:  # a function may refuse float64 in any way
        pass
    return Weighted(layer.forward, layer, weights, is_double=False)
