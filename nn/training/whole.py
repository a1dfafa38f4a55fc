"""The whole data set as a problem for L-BFGS and Levenberg-Marquardt; standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Value, derivative
from autograd.compiler import compile_outputs
from autograd.structures import rebuild

from .. import losses
from ..checks import is_number, items, plain
from ..flat import scatter
from ..tracing import NoProgramError, placeholders, traced
from ..types import Loss, Places, Vector
from .program import Step
from .steps import EagerStep

_ROWS_COMPARED = 3


class WholeProblem:
    """The loss over all observations, as a function of the parameters that may move.

    Args:
        step: computes loss and gradient.
        theta: the numbers of all parameters.
        moving: the positions of those that may move.
        jacobian: computes residuals and their derivatives, if they are asked for.
    """

    def __init__(self, step: Step, theta: Vector, moving: Places, jacobian: Jacobian | None) -> None:
        self._step, self._theta, self._moving, self._jacobian = step, theta, moving, jacobian

    def slope(self, theta: Vector) -> tuple[float, Vector]:
        """The loss and its gradient."""
        slope = self._step(self._whole(theta), range(self._step.eager.rows))
        return slope.loss, slope.gradient[self._moving]

    def residuals(self, theta: Vector) -> tuple[Vector, Vector]:
        """Numbers whose squares add up to the loss, and their derivatives: a row per residual."""
        assert self._jacobian is not None
        residuals, jacobian = self._jacobian(self._whole(theta))
        return residuals, jacobian[:, self._moving]

    def _whole(self, theta: Vector) -> Vector:
        whole = self._theta.copy()
        whole[self._moving] = theta
        return whole


class Jacobian:
    """The residuals of all observations, `predicted - observed`, scaled so that their squares add up to the loss.

    Where it can, it compiles the residuals of one observation and their derivatives, which are graphs too.
    """

    def __init__(self, eager: EagerStep) -> None:
        check_squares(eager.loss)
        self._eager = eager
        self._compiled: Any = None
        self._arrays: list[Vector] = []
        self._latest: tuple[Vector, tuple[Vector, Vector]] | None = None

    def begin(self, theta: Vector) -> None:
        """Makes the program, if it computes what the graphs do."""
        eager = self._eager
        inputs, targets = (column.array for column in eager.data)
        if inputs is None or targets is None:
            return
        scatter(theta, eager.parameters)
        x, y = placeholders(inputs), placeholders(targets)
        try:
            outputs = traced(lambda: eager.model(rebuild(eager.data[0][0], x)), eager.parameters, eager.model)
            residuals = _differences(outputs, rebuild(eager.data[1][0], y))
            columns = [entry for r in residuals for entry in (r, *derivative(r, list(eager.parameters)))]
            if len(columns) != len(residuals) * (1 + len(eager.parameters)) or not _are_values(columns):
                return
            self._compiled = compile_outputs(columns, eager.parameters, (x, y))
            self._arrays = [array.reshape(len(array), -1) for array in (inputs, targets)]
            self._compare(theta)
        except (NoProgramError, TypeError, ValueError):
            self._compiled = None

    def __call__(self, theta: Vector) -> tuple[Vector, Vector]:
        """The residuals, and their derivatives by all parameters; a step begins where the one before ended."""
        if self._latest is None or not np.array_equal(theta, self._latest[0]):
            self._latest = theta.copy(), self._computed(theta)
        return self._latest[1]

    def _computed(self, theta: Vector) -> tuple[Vector, Vector]:
        rows = self._eager.rows
        table = self._eagerly(theta, range(rows)) if self._compiled is None else self._by_program(theta)
        outputs = table.shape[0] // rows
        shares = self._eager.shares(range(rows))
        each = np.full(rows, 1.0 if self._eager.added else 1.0 / rows) if shares is None else shares
        if self._eager.loss is losses.mse:
            each = each / outputs
        table = table * np.sqrt(np.repeat(each, outputs))[:, np.newaxis]
        return table[:, 0], table[:, 1:]

    def _by_program(self, theta: Vector) -> Vector:
        self._compiled.theta = theta
        found: Vector = self._compiled(*self._arrays)
        return found.reshape(-1, 1 + len(theta))

    def _compare(self, theta: Vector) -> None:
        chosen = np.unique(np.linspace(0, self._eager.rows - 1, _ROWS_COMPARED).astype(int)).tolist()
        table = self._by_program(theta).reshape(self._eager.rows, -1)[chosen]
        expected = self._eagerly(theta, chosen).reshape(len(chosen), -1)
        if not np.allclose(table, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max(initial=0.0)):
            raise NoProgramError("program and graph differed")

    def _eagerly(self, theta: Vector, positions: Sequence[int]) -> Vector:
        eager = self._eager
        scatter(theta, eager.parameters)
        rows = []
        for position in positions:
            row, target = (column[position] for column in eager.data)
            for residual in _differences(eager.model(row), target):
                for parameter in eager.parameters:
                    parameter.grad = None
                if not residual.is_constant:
                    residual.backward()
                rows.append([residual.data, *(parameter.grad for parameter in eager.parameters)])
        return np.array(rows)


def _are_values(columns: Sequence[object]) -> bool:
    return all(isinstance(column, Value) for column in columns)


def _differences(outputs: Any, target: Any) -> list[Value]:
    predicted, observed = _flat(outputs, "outputs"), _flat(target, "target")
    if len(predicted) != len(observed):
        raise ValueError(f"the model has {len(predicted)} outputs, and a target {len(observed)} numbers")
    return [p - o for p, o in zip(predicted, observed, strict=True)]


def _flat(entry: Any, name: str) -> list[Any]:
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
