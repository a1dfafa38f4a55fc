"""The loss of a batch and its gradient: what each step of training is made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from .data import Data
    from .module import Module

    Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
    Loss: TypeAlias = Callable[[Any, Any], Any]


class EagerStep:
    """Records the graph of each observation and walks it backwards; the gradients of a batch add up in the leaves.

    Args:
        model: the network.
        loss: the loss of one observation.
        parameters: what to differentiate with respect to, in the order of the gradient.
        added: whether losses of a batch are added instead of averaged.
    """

    def __init__(self, model: Module, loss: Loss, parameters: Sequence[Value], added: bool) -> None:
        self._model = model
        self._loss = loss
        self.parameters = parameters
        self.added = added
        self.theta = np.array([parameter.data for parameter in parameters])

    def __call__(self, inputs: Sequence[Any], targets: Sequence[Any]) -> tuple[float, Vector]:
        """The loss over the batch, and its derivative with respect to each element of `theta`."""
        self.push()
        for parameter in self.parameters:
            parameter.grad = None
        share = 1.0 if self.added else 1.0 / len(inputs)
        losses = [self._backward(row, target, share) for row, target in zip(inputs, targets, strict=True)]
        return math.fsum(losses) * share, np.array([parameter.grad for parameter in self.parameters])

    def push(self) -> None:
        """Copies `theta` into the parameters."""
        for parameter, number in zip(self.parameters, self.theta.tolist(), strict=True):
            parameter.data = number

    def _backward(self, row: Any, target: Any, share: float) -> float:
        value = loss_of(self._model, self._loss, row, target)
        if not value.is_constant:  # an observation may be cut off from the parameters; `check_dependence` sees to all
            value.backward(share)
        return value.data


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


def depends_on(results: Iterable[Value], operands: Iterable[Value]) -> bool:
    """Whether any of the operands occurs in the graph of the results."""
    wanted = set(operands)
    pending = list(results)
    seen = set(pending)
    while pending:
        node = pending.pop()
        if node in wanted:
            return True
        fresh = {operand for operand in node.parents if operand not in seen}
        seen |= fresh
        pending += fresh
    return False


def check_dependence(model: Module, loss: Loss, data: Data, parameters: Sequence[Value]) -> None:
    """Sees to it that there is something to train.

    Raises:
        ValueError: the loss of no observation depends on any of the parameters.
    """
    if not any(depends_on([loss_of(model, loss, row, target)], parameters) for row, target in zip(*data, strict=True)):
        raise ValueError(
            "the loss does not depend on any parameter, so nothing can be trained: an ArgMax has derivative 0 (train "
            "with softmax, or with raw outputs and cross_entropy); no_grad, detach and float() cut the graph off"
        )
