"""The eager step: the loss of a batch and its gradient, from the graph of each observation."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from autograd import Value, no_grad
from autograd.collector import collector_paused

from ..checks import all_finite, kind_of
from ..data import Data
from ..flat import forget_gradients, scatter
from ..module import Module
from ..types import Loss, Mask, Positions, Vector

_Result = TypeVar("_Result")

NO_GRADIENT: Vector = np.empty(0)


def added_up(numbers: Sequence[float]) -> float:
    """Their sum, exact if no part of it overflows."""
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # too large, or infinities of both signs
        return sum(numbers)


class Slope:
    """The loss over some observations, and how it changes with the parameters.

    Attributes:
        loss: the loss.
        gradient: its derivative with respect to each parameter; 0 where it does not depend on it.
        reached: which parameters it depends on; the others have no gradient. None if it depends on all.
        is_finite: whether loss and gradient are free of nan and infinities.
    """

    __slots__ = ("gradient", "is_finite", "loss", "reached")

    def __init__(self, loss: float, gradient: Vector, reached: Mask | None) -> None:
        self.loss = loss
        self.gradient = gradient
        self.reached = reached
        self.is_finite = math.isfinite(loss) and all_finite(gradient)


class Residuals(NamedTuple):
    """Numbers whose squares add up to the loss, and how they change with the parameters."""

    values: Vector
    jacobian: Vector
    """The derivatives of the residuals, a row for each, with respect to the parameters, a column for each."""
    reached: Mask | None
    """As for a `Slope`."""

    @np.errstate(all="ignore")
    def slope(self) -> Slope:
        """Their sum of squares and its derivatives."""
        return Slope(float(self.values @ self.values), 2.0 * (self.values @ self.jacobian), self.reached)


@dataclass(frozen=True)
class EagerStep:
    """Records the graph of each observation and walks it backwards; gradients of a batch add up in the leaves.

    Attributes:
        parameters: what to differentiate with respect to, in the order of `theta` and of the gradient.
        added: whether losses of a batch are added instead of averaged.
        weights: how much each observation counts; None if all count alike.
        inputs_name: what notes on errors call the rows of the data.
        errors: when NumPy warns in model and loss, as `np.geterr` gives it.
        comes_first: whether these are the first data that meet the model in a training.
    """

    comes_first: ClassVar[bool] = True

    model: Module
    loss: Loss
    data: Data
    parameters: Sequence[Value]
    added: bool
    inputs_name: str = "inputs"
    weights: Vector | None = None
    errors: Any = field(default_factory=np.geterr)

    @cached_property
    def rows(self) -> int:
        """The number of observations."""
        return len(self.data[0])

    @collector_paused()  # it would search the graphs again and again, which hold no cycles
    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""
        scatter(theta, self.parameters)
        forget_gradients(self.parameters)
        shares = self._shares(positions)
        with np.errstate(**self.errors):
            losses = [self._backward(position, share) for position, share in zip(positions, shares, strict=True)]
        return Slope(self._total(losses, shares), *self.gradients())

    def shares(self, positions: Positions) -> Vector | None:
        """How much each of these observations counts in their loss; None if all count alike."""
        if self.weights is None:
            return None
        weights: Vector = self.weights[positions] if not isinstance(positions, range) else self.weights
        total = float(weights.sum())
        return weights if self.added or not total else weights / total

    def weight(self, positions: Positions) -> float:
        """What part of the whole data set these observations are."""
        if self.added:
            return 1.0
        if self.weights is None:
            return len(positions) / self.rows
        return float(self.weights[positions].sum() / self.weights.sum())

    def gradients(self) -> tuple[Vector, Mask | None]:
        """Those of the parameters, 0 where there is none, and which of them have one; None if all have."""
        found = [parameter.gradient for parameter in self.parameters]
        gradients = np.array(found)
        if gradients.dtype != object:  # no None among them
            return gradients, None
        return np.array([slope or 0.0 for slope in found]), np.array([slope is not None for slope in found])

    def _shares(self, positions: Positions) -> Sequence[float]:
        shares = self.shares(positions)
        if shares is not None:
            found: list[float] = shares.tolist()
            return found
        return [1.0 if self.added else 1.0 / len(positions)] * len(positions)

    def _total(self, losses: list[float], shares: Sequence[float]) -> float:
        if self.weights is None and math.isfinite(whole := added_up(losses)):
            return whole * shares[0]
        return added_up([loss * share for loss, share in zip(losses, shares, strict=True) if share])

    def _backward(self, position: int, share: float) -> float:
        value = self._loss_at(position)
        if not value.is_constant:  # an observation may be cut off from the parameters, as long as not all are
            value.backward(share)
        return value.data

    def _loss_at(self, position: int) -> Value:
        return self.at(position, self._loss_of)

    def _loss_of(self, row: object, target: object) -> Value:
        value = self.loss(self.model(row), target)
        if not isinstance(value, Value):
            raise TypeError(
                f"the loss of one observation must be one Value, got {kind_of(value)}; "
                "write it with functions of autograd or nn, and with a reduction"
            )
        return value

    def at(self, position: int, compute: Callable[[object, object], _Result]) -> _Result:
        """What a function gives for row and target at this position; errors get a note that says where."""
        row, target = (column[position] for column in self.data)
        try:
            return compute(row, target)
        except Exception as error:
            error.add_note(
                f"This happened at row {position} of the {self.inputs_name}, {reprlib.repr(row)}, "
                f"and its target, {reprlib.repr(target)}."
            )
            raise


class EagerLoss(EagerStep):
    """The loss alone, as for a validation: no graphs are recorded, and the gradient is empty."""

    comes_first = False

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""
        scatter(theta, self.parameters)
        with no_grad():
            losses = [self._loss_at(position).data for position in positions]
        return Slope(self._total(losses, self._shares(positions)), NO_GRADIENT, None)
