"""The numbers and gradients of many parameters at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from autograd import Value
from autograd.context import current_context
from autograd.node import assign_all, numbers

from .types import Vector


def gathered(parameters: Iterable[Value]) -> Vector:
    """The numbers of the parameters; as `parameter.data`, but all at once."""
    parameters = list(parameters)
    _note(parameters)
    return np.array(numbers(parameters))


def scatter(theta: Vector, parameters: Sequence[Value]) -> None:
    """Gives the parameters, which are leaves, the numbers of an array; as `parameter.data = ...`, but all at once."""
    _note(parameters)
    assign_all(parameters, theta.ravel().tolist())


def forget_gradients(parameters: Iterable[Value]) -> None:
    """Marks the gradients of the parameters as not computed; as `parameter.grad = None`, but all at once."""
    _note(parameters)
    for parameter in parameters:
        parameter.gradient = None


def _note(parameters: Iterable[Value]) -> None:
    """Lets `autograd.detect_reads` see that the numbers or gradients of all these are read or assigned."""
    reads = current_context().reads
    if reads is not None:
        for parameter in parameters:
            reads.note(parameter)
