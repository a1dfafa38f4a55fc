"""Parameters as one flat array of their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from autograd import Value
from autograd.context import current_context
from autograd.node import assign_all

from .types import Vector


def gathered(parameters: Iterable[Value]) -> Vector:
    """The numbers of the parameters."""
    return np.array([parameter.data for parameter in parameters])


def scatter(theta: Vector, parameters: Sequence[Value]) -> None:
    """Gives the parameters, which are leaves, the numbers of an array; as `parameter.data = ...`, but all at once."""
    reads = current_context().reads
    if reads is not None:
        for parameter in parameters:
            reads.note(parameter)
    assign_all(parameters, theta.ravel().tolist())
