"""Programs of the loss without its gradient, as for a validation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Value
from autograd.compiler import compile_outputs
from autograd.node import leaves

from ..prediction import applied, results_in
from ..tracing import NoProgramError
from ..types import Vector
from .program import Graph, OfOutputs
from .steps import NO_GRADIENT, EagerStep


def loss_alone(eager: EagerStep, graph: Graph) -> Any:
    """The program of the loss: in two parts, of which the first gives the outputs for metrics too, where it can be."""
    try:
        return LossOfOutputs(eager, graph)
    except Exception:  # outputs in another form, or a loss of more than these
        return LossAlone([graph.loss], eager, graph.placeholders)


class LossAlone(OfOutputs):
    """A program of the losses of all observations."""

    def __call__(self, *arrays: Vector) -> tuple[float, Vector]:
        """Their mean or sum, and an empty gradient."""
        losses = self.losses(*arrays)
        return float(losses.sum() if self._eager.added else losses.mean()), NO_GRADIENT

    def losses(self, *arrays: Vector) -> Vector:
        """One for each observation."""
        found: Vector = self._compiled(*arrays)
        return found


class LossOfOutputs(LossAlone):
    """A program of the outputs, and one that makes losses of them.

    Args:
        eager: the eager step.
        graph: the graph of one observation.

    Attributes:
        results: the outputs in that graph.
        inputs: what stands in it for the numbers of a row.

    Raises:
        NoProgramError: the loss looks at more than outputs and target, such as what the model has kept of its input.
        TypeError: the outputs are not numbers.
    """

    def __init__(self, eager: EagerStep, graph: Graph) -> None:
        rows, targets = graph.placeholders
        self.results, self.inputs = results_in(graph.outputs), rows
        if not depends_only_on([*self.results, *targets], graph.loss):
            raise NoProgramError("the loss depends on more than outputs and target")
        super().__init__(self.results, eager, [rows])
        self._loss = compile_outputs(graph.loss, [], [self.results, targets])
        self._latest: tuple[Vector, Vector, Vector] | None = None

    def losses(self, *arrays: Vector) -> Vector:
        """One for each observation."""
        rows, targets = arrays
        outputs = self._compiled(rows)
        self._latest = rows, self.theta.copy(), outputs
        found: Vector = self._loss(outputs, targets)
        return found

    def outputs(self, theta: Vector, rows: Vector) -> Vector:
        """The outputs for each row; those that the latest losses were made of are still there."""
        latest = self._latest
        if latest is not None and rows is latest[0] and np.array_equal(theta, latest[1]):
            return latest[2]
        return applied(self._compiled, theta, rows)


def depends_only_on(inputs: Iterable[Value], result: Value) -> bool:
    """Whether a result is computed from constants and these leaves and results alone."""
    inputs = list(inputs)
    known = set(map(id, inputs))  # by identity, since to ask a Placeholder for its hash is a read
    return all(leaf.is_constant or id(leaf) in known for leaf in leaves([result], inputs))
