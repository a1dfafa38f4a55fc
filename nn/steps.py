"""The loss of a batch and its gradient: what each step of training is made of."""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from autograd import Value, no_grad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from .data import Data
    from .module import Module

    Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
    Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
    Loss: TypeAlias = Callable[[Any, Any], Any]
    Positions: TypeAlias = Sequence[int] | np.ndarray[Any, np.dtype[np.int64]]


def all_finite(numbers: Vector) -> bool:
    """Whether all numbers are finite. If the sum of their squares is, so are they, and that is found faster."""
    with np.errstate(all="ignore"):
        return math.isfinite(numbers.dot(numbers)) or bool(np.isfinite(numbers).all())


class Slope(NamedTuple):
    """The loss over some observations, and how it changes with the parameters."""

    loss: float
    gradient: Vector
    """The derivative of the loss with respect to each parameter, 0 where it does not depend on it."""
    reached: Mask | None
    """Which parameters the loss depends on, the others have no gradient; None if it depends on all."""

    def is_finite(self) -> bool:
        """Whether neither nan nor an infinity is in it."""
        return math.isfinite(self.loss) and all_finite(self.gradient)


class Step(Protocol):
    """Computes the loss over some observations, and its gradient."""

    @property
    def engine(self) -> str:
        """What computes them, for `History.engine`."""

    @property
    def why_eager(self) -> str:
        """Why that is not a program, for `History.why_eager`."""

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""


class EagerStep:
    """Records the graph of each observation and walks it backwards; the gradients of a batch add up in the leaves.

    Args:
        model: the network.
        loss: the loss of one observation.
        data: all observations.
        parameters: what to differentiate with respect to, in the order of `theta` and of the gradient.
        added: whether losses of a batch are added instead of averaged.
        inputs_name: what the rows of the data are called where a note says which of them led to an error.
    """

    engine = "eager"
    why_eager = ""

    def __init__(
        self,
        model: Module,
        loss: Loss,
        data: Data,
        parameters: Sequence[Value],
        added: bool,
        inputs_name: str = "inputs",
    ) -> None:
        self.model = model
        self.loss = loss
        self.data = data
        self.parameters = parameters
        self.added = added
        self.inputs_name = inputs_name

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""
        write(self.parameters, theta)
        for parameter in self.parameters:
            parameter.grad = None
        share = self._share(positions)
        losses = [self._backward(position, share) for position in positions]
        gradient = np.array([parameter.grad for parameter in self.parameters])
        reached = [parameter.has_grad for parameter in self.parameters]
        return Slope(math.fsum(losses) * share, gradient, None if all(reached) else np.array(reached))

    def without_gradient(self, theta: Vector, positions: Positions) -> float:
        """The loss alone, for which no graphs are recorded."""
        write(self.parameters, theta)
        with no_grad():
            return math.fsum(self._loss_at(position).data for position in positions) * self._share(positions)

    def _share(self, positions: Positions) -> float:
        return 1.0 if self.added else 1.0 / len(positions)

    def _backward(self, position: int, share: float) -> float:
        value = self._loss_at(position)
        if not value.is_constant:  # an observation may be cut off from the parameters, as long as not all are
            value.backward(share)
        return value.data

    def _loss_at(self, position: int) -> Value:
        """The loss of the observation at this position; an error that it raises gets a note that says where."""
        inputs, targets = self.data
        try:
            return loss_of(self.model, self.loss, inputs[position], targets[position])
        except Exception as error:
            error.add_note(
                f"This happened at row {position} of the {self.inputs_name}, {reprlib.repr(inputs[position])}, "
                f"and its target, {reprlib.repr(targets[position])}."
            )
            raise


def write(parameters: Iterable[Value], theta: Vector) -> None:
    """Gives the parameters these numbers."""
    for parameter, number in zip(parameters, theta.tolist(), strict=True):
        parameter.data = number


def loss_of(model: Module, loss: Loss, row: Any, target: Any) -> Value:
    """The loss of one observation.

    Raises:
        TypeError: the loss function does not give a Value.
    """
    value = loss(model(row), target)
    if not isinstance(value, Value):
        raise TypeError(
            f"the loss of one observation must be one Value, got {value!r} of type {type(value).__name__}; "
            "write it with functions of autograd or nn, and with a reduction"
        )
    return value


def graph_of(results: Iterable[Value]) -> set[Value]:
    """The results and all Values that they were computed from."""
    pending = list(results)
    seen = set(pending)
    while pending:
        fresh = set(pending.pop().parents) - seen
        seen |= fresh
        pending += fresh
    return seen


def depends_on(results: Iterable[Value], operands: Iterable[Value]) -> bool:
    """Whether any of the operands occurs in the graph of the results."""
    return not graph_of(results).isdisjoint(operands)
