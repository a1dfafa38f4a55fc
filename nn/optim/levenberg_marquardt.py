"""Levenberg-Marquardt with geodesic acceleration, for sums of squares over the whole data set."""

from __future__ import annotations

import math

import numpy as np

from ..types import Vector
from .whole import Problem, WholeOptimizer

_TRIES = 30
_FIRST_DAMPING = 1e-3
_LEAST_DAMPING = 1e-20  # its root is far above the rounding of a Jacobian whose columns have the length 1
_FASTEST_FALL = 0.2
_AHEAD = 0.1  # where along the velocity the residuals are looked at, as the authors of the acceleration propose
_MOST_BENT = 0.75  # and so is the largest acceleration to follow, relative to the velocity
_TOO_SMALL_TO_BEND = 1e-6  # velocities relative to the parameters, whose acceleration would be all rounding


class LevenbergMarquardt(WholeOptimizer):
    """Least squares with the Jacobian of the residuals (Levenberg 1944, Marquardt 1963), for `fit` with `ssr` or `mse`.

    A step follows the velocity v that solves `(J'J + damping * c^2) v = -J'r`, where c is the largest length that a
    column of J has had. It bends with the second derivative of the residuals along v (Transtrum and Sethna,
    arXiv:1201.5885, 2012), which halves the number of steps or better where valleys are narrow, as those of networks
    are. If the loss falls, the damping falls by how well the step was predicted; otherwise it grows, ever faster
    (Nielsen, IMM-REP-1999-05, 1999). A length for each column, as in MINPACK, would hold back least the weights of
    units that are flat; these run away, and a training may end there.

    It is for networks of up to some hundreds of parameters: the Jacobian has a row per residual and a column per
    parameter. Parameters of a formula that differ a billionfold in size are better given in other units. After it,
    `History.standard_errors` tells how well the data determine the parameters.

    Args:
        params: the parameters.

    >>> import nn
    >>> model = nn.MLP([1, 3, 1], activation="tanh", seed=0)
    >>> xs = [x / 10 - 1 for x in range(21)]
    >>> optimizer = nn.LevenbergMarquardt(model.parameters())
    >>> history = nn.fit(model, xs, [x * x for x in xs], loss=nn.mse, optimizer=optimizer, epochs=60)
    >>> history.loss[-1] < 1e-6
    True
    """

    memory = ("damping", "scale")
    not_negative = memory
    needs_residuals = True

    def advance(self, problem: Problem, theta: Vector, memory: dict[str, Vector]) -> Vector:  # noqa: D102
        residuals, jacobian = problem.residuals(theta)
        longest = max(float(memory["scale"][0]), float(np.linalg.norm(jacobian, axis=0).max()))
        here = _Tangent(problem, theta, residuals, jacobian)
        damping, growth = float(memory["damping"][0]) or _FIRST_DAMPING, 2.0
        for _ in range(_TRIES):
            moved, gain = here.step(damping * (longest or 1.0) ** 2)
            if gain > 0.0:
                damping *= max(_FASTEST_FALL, 1.0 - (2.0 * min(gain, 2.0) - 1.0) ** 3)
                memory["damping"] = np.full_like(theta, max(damping, _LEAST_DAMPING))
                memory["scale"] = np.full_like(theta, longest)
                return moved
            if np.array_equal(moved, theta):
                break
            damping, growth = damping * growth, growth * 2.0
        return theta


class _Tangent:
    """The residuals around `theta`, linear in the parameters."""

    def __init__(self, problem: Problem, theta: Vector, residuals: Vector, jacobian: Vector) -> None:
        self._problem, self._theta, self._residuals, self._jacobian = problem, theta, residuals, jacobian
        self._loss, self._downhill = float(residuals @ residuals), -(residuals @ jacobian)
        system = np.column_stack([jacobian, -residuals])
        self._system = _triangular(system) if len(residuals) > 4 * len(theta) else system  # once for all tries
        self._smallest = _TOO_SMALL_TO_BEND * _length(theta)

    def step(self, damping: float) -> tuple[Vector, float]:
        """The parameters after a step, and its gain relative to the predicted one; -1 if the step bends too much."""
        velocity, triangle = self._velocity(damping)
        size = _length(velocity)
        moved = self._theta + velocity
        if size > self._smallest:
            acceleration = self._acceleration(velocity, triangle)
            if not _length(acceleration) <= _MOST_BENT * size:
                return moved, -1.0
            moved = moved + 0.5 * acceleration
        found, _ = self._problem.residuals(moved)
        predicted = float(velocity @ (damping * velocity + self._downhill))
        return moved, (self._loss - float(found @ found)) / predicted if predicted > 0.0 else -1.0

    def _velocity(self, damping: float) -> tuple[Vector, Vector]:
        """What minimises `|J v + r|^2 + damping |v|^2`, and the triangular R with `R'R = J'J + damping`.

        By orthogonal transformations of J itself, since squares of it would lose half of the digits.
        """
        rows, columns = len(self._system), len(self._theta)
        system = np.zeros((rows + columns, columns + 1))
        system[:rows] = self._system
        np.fill_diagonal(system[rows:], math.sqrt(damping))
        found = _triangular(system)
        triangle = found[:columns, :columns]
        return np.linalg.solve(triangle, found[:columns, columns]), triangle

    def _acceleration(self, velocity: Vector, triangle: Vector) -> Vector:
        """How the velocity changes along itself, by the second derivative of the residuals in its direction."""
        ahead, _ = self._problem.residuals(self._theta + _AHEAD * velocity)
        bend = ((ahead - self._residuals) / _AHEAD - self._jacobian @ velocity) * (2.0 / _AHEAD)
        return -np.linalg.solve(triangle, np.linalg.solve(triangle.T, bend @ self._jacobian))


def _triangular(system: Vector) -> np.ndarray:
    """The R of a QR factorisation."""
    return np.asarray(np.linalg.qr(system, mode="r"))  # which its annotation takes for Q and R


def _length(vector: Vector) -> float:
    return math.sqrt(vector @ vector)
