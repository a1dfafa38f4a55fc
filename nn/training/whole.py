"""The whole data set as a problem for L-BFGS and Levenberg-Marquardt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd import Value, derivative

from .. import losses
from ..checks import is_number, items, plain
from ..flat import forget_gradients, scatter
from ..least_squares import spread
from ..types import Loss, Places, Positions, Vector
from .program import Compiler, Graph, OfOutputs, Step, compiled_loss
from .steps import EagerStep, Residuals, Slope


class WholeStep(Step):
    """The loss over all observations; what was computed last is kept, for a step begins where the one before ended.

    Args:
        eager: the eager step.
        compiler: makes the program.
    """

    def __init__(self, eager: EagerStep, compiler: Compiler = compiled_loss) -> None:
        super().__init__(eager, compiler)
        weights = eager.weights
        weights = None if weights is None or weights.all() else weights
        self._counting: Positions = range(eager.rows) if weights is None else np.flatnonzero(weights)
        self._latest: tuple[Vector, Any] | None = None

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss and its gradient at the beginning of an epoch; all observations that count are asked for."""
        if self.program(theta, positions) is None:  # graphs see what else has changed since
            self._latest = None
        return self.slope(theta)

    def follow(self, theta: Vector, batches: Iterable[int]) -> None:
        """As for any step; what was computed last may have been by another model."""
        self._latest = None
        super().follow(theta, batches)

    def slope(self, theta: Vector) -> Slope:
        """The loss and its gradient."""
        if self._latest is None or not np.array_equal(theta, self._latest[0]):
            program = None if self.why_eager else self._program
            slope = None if program is None else program(theta, self._counting)
            if slope is None or not slope.is_finite:
                slope = self.eager(theta, self._counting)
            self._latest = theta, slope
        found: Slope = self._latest[1]
        return found


class SquaresStep(WholeStep):
    """A loss that is a sum of squares, by residuals: `predicted - observed`, scaled so that their squares add up to it.

    They and their derivatives are columns of one program, as far as it computes what the graphs do.
    """

    def __init__(self, eager: EagerStep) -> None:
        check_squares(eager.loss)
        super().__init__(eager, ResidualProgram)

    def slope(self, theta: Vector) -> Slope:
        """The loss and its gradient."""
        slope = self.residuals(theta).slope()
        if slope.is_finite or self.why_eager:
            return slope
        self._latest = theta, self._eagerly(theta)
        return self._latest[1].slope()

    def residuals(self, theta: Vector) -> Residuals:
        """The residuals of the observations that count, and their derivatives."""
        if self._latest is None or not np.array_equal(theta, self._latest[0]):
            program = None if self.why_eager else self._program
            found = self._eagerly(theta) if program is None else program.residuals(theta, self._counting)
            self._latest = theta, found
        latest: Residuals = self._latest[1]
        return latest

    def _eagerly(self, theta: Vector) -> Residuals:
        eager = self.eager
        scatter(theta, eager.parameters)
        rows, reached = [], np.zeros(len(theta), dtype=bool)
        for position in self._counting:
            for residual in eager.at(position, self._residuals_of):
                forget_gradients(eager.parameters)
                if not residual.is_constant:
                    residual.backward()
                gradients, has_gradient = eager.gradients()
                rows.append([residual.data, *gradients])
                reached |= True if has_gradient is None else has_gradient
        values, jacobian = _scaled(np.array(rows), eager, eager.shares(self._counting), len(self._counting))
        return Residuals(values, jacobian, None if reached.all() else reached)

    def _residuals_of(self, row: object, target: object) -> list[Value]:
        return _differences(self.eager.model(row), target)

    def standard_errors(self, theta: Vector, moving: Places | None) -> dict[str, float] | str:
        """By the name of each parameter that moves; or why there are none."""
        residuals, jacobian, _ = self.residuals(theta)
        places = np.arange(len(theta)) if moving is None else moving
        if len(residuals) <= len(places):
            return f"they need more residuals than parameters, and there are {len(residuals)} for {len(places)}"
        names = _distinct_names(self.eager.parameters)
        names = [names[place] for place in places.tolist()]
        return dict(zip(names, spread(residuals, jacobian[:, places]).tolist(), strict=True))


class ResidualProgram(OfOutputs):
    """A program of the residuals of one observation and their derivatives, which are graphs too.

    Args:
        eager: the eager step.
        graph: the graph of one observation.
    """

    def __init__(self, eager: EagerStep, graph: Graph) -> None:
        parameters = list(eager.parameters)
        residuals = _differences(graph.outputs, graph.target)
        columns = [column for residual in residuals for column in (residual, *derivative(residual, parameters))]
        super().__init__(columns, eager, graph.placeholders)

    def residuals(self, inputs: Vector, targets: Vector, shares: Vector | None = None) -> tuple[Vector, Vector]:
        """The residuals and their derivatives, for rows of which each has its share in the loss."""
        table = self._compiled(inputs, targets)
        return _scaled(table.reshape(-1, 1 + len(self.theta)), self._eager, shares, len(inputs))

    def __call__(self, *arrays: Vector) -> tuple[float, Vector]:
        """The loss and its gradient."""
        slope = Residuals(*self.residuals(*arrays), None).slope()
        return slope.loss, slope.gradient


class WholeProblem:
    """The loss over all observations, as a function of the parameters that may move.

    Args:
        step: computes losses and derivatives.
        theta: the numbers of all parameters.
        moving: the positions of those that may move; None if all may.
    """

    def __init__(self, step: WholeStep, theta: Vector, moving: Places | None) -> None:
        self._step, self._theta = step, theta
        self._moving = slice(None) if moving is None else moving

    def slope(self, theta: Vector) -> tuple[float, Vector]:
        """The loss and its gradient."""
        slope = self._step.slope(self._whole(theta))
        return slope.loss, slope.gradient[self._moving]

    def residuals(self, theta: Vector) -> tuple[Vector, Vector]:
        """Numbers whose squares add up to the loss, and their derivatives: a row per residual."""
        assert isinstance(self._step, SquaresStep)
        residuals, jacobian, _ = self._step.residuals(self._whole(theta))
        return residuals, jacobian[:, self._moving]

    def _whole(self, theta: Vector) -> Vector:
        if isinstance(self._moving, slice):
            return theta
        whole = self._theta.copy()
        whole[self._moving] = theta
        return whole


def _distinct_names(values: Sequence[Value]) -> list[str]:
    """A name for each, with its position where it has none or others bear it too."""
    names = [value.name for value in values]
    often = Counter(names)
    places = [f"parameters[{place}]" for place in range(len(names))]
    return [
        place if name is None else name if often[name] == 1 else f"{name} ({place})"
        for name, place in zip(names, places, strict=True)
    ]


@np.errstate(all="ignore")
def _scaled(table: Vector, eager: EagerStep, shares: Vector | None, rows: int) -> tuple[Vector, Vector]:
    """Residuals (the first column) and derivatives (the others) such that squares add up to the loss."""
    outputs = len(table) // rows
    parts = outputs if eager.loss is losses.mse else 1
    if shares is None:
        table *= np.sqrt((1.0 if eager.added else 1.0 / rows) / parts)
    else:
        table *= np.repeat(np.sqrt(shares / parts), outputs)[:, np.newaxis]
    return table[:, 0], table[:, 1:]


def _differences(outputs: object, target: object) -> list[Value]:
    predicted, observed = _flat(outputs, "outputs"), _flat(target, "target")
    if len(predicted) != len(observed):
        raise ValueError(f"predicted and observed must have equal lengths, got {len(predicted)} and {len(observed)}")
    differences = [p - o for p, o in zip(predicted, observed, strict=True)]
    return [each if isinstance(each, Value) else Value(each).detach() for each in differences]


def _flat(entry: object, name: str) -> list[Any]:
    entry = plain(entry, name)
    return [entry] if is_number(entry) else [x for part in items(entry, name) for x in _flat(part, name)]


def check_squares(loss: Loss) -> None:
    """Raises a ValueError if the loss is no sum of squares that is known as such."""
    if loss not in (losses.ssr, losses.mse):
        name = getattr(loss, "__name__", type(loss).__name__)
        raise ValueError(
            f"LevenbergMarquardt minimises sums of squared residuals, with loss=nn.ssr or loss=nn.mse; the squares of "
            f"{name} are not known; nn.LBFGS takes any loss"
        )
