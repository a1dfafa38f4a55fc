"""Optimisers for `fit` that see the whole data set in each step: L-BFGS and Levenberg-Marquardt."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn, Protocol

import numpy as np

from ..types import Places, Vector
from .optimizer import Optimizer, Params

Line = Callable[[float], tuple[float, float]]
_PAIRS = 10
_TRIES = 30


class Problem(Protocol):
    """The loss of the whole data set, as a function of the parameters that may move."""

    def slope(self, theta: Vector) -> tuple[float, Vector]:
        """The loss and its gradient."""

    def residuals(self, theta: Vector) -> tuple[Vector, Vector]:
        """Numbers whose squares add up to the loss, and their derivatives: a row per residual."""


class WholeOptimizer(Optimizer):
    """An optimiser that asks for losses and derivatives as it needs them; only `fit` can answer."""

    needs_residuals = False

    def __init__(self, params: Params) -> None:
        super().__init__(params, 1.0)

    def step(self) -> NoReturn:
        """Not for loops written by hand.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"{type(self).__name__} computes the loss several times per step; give it to nn.fit")

    def advance(self, problem: Problem, theta: Vector, memory: dict[str, Vector]) -> Vector:
        """The parameters after a step; `memory` is changed in place."""
        raise NotImplementedError(f"{type(self).__name__} does not define advance")

    def moved(self, problem: Problem, theta: Vector, moving: Places) -> Vector:
        """All parameters after a step of those at the positions `moving`."""
        self.steps += 1
        memory = {name: array[moving] for name, array in self._memory.items()}
        found = theta.copy()
        with np.errstate(all="ignore"):
            found[moving] = self.advance(problem, theta[moving], memory)
        for name, array in memory.items():
            self._memory[name][moving] = array
        return found


class LevenbergMarquardt(WholeOptimizer):
    """Least squares with the Jacobian of the residuals (Levenberg 1944, Marquardt 1963), for `fit` with `ssr` or `mse`.

    Each step solves `(J'J + damping * c) change = -J'r`, where c is the largest diagonal element of the first `J'J`,
    and takes the change if the loss falls; otherwise the damping grows, as Nielsen proposed (1999). It is for networks
    of up to some hundreds of parameters: the Jacobian has a row per residual and a column per parameter. After it,
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

    memory = ("damping", "growth", "scale")
    not_negative = memory
    needs_residuals = True

    def advance(self, problem: Problem, theta: Vector, memory: dict[str, Vector]) -> Vector:  # noqa: D102
        residuals, jacobian = problem.residuals(theta)
        loss, downhill = float(residuals @ residuals), -jacobian.T @ residuals
        if not memory["scale"][0]:
            memory["scale"][:] = (jacobian**2).sum(axis=0).max(initial=0.0) or 1.0
        scale = float(memory["scale"][0])
        right = np.concatenate([-residuals, np.zeros(len(theta))])
        damping, growth = float(memory["damping"][0]) or 1e-3, float(memory["growth"][0]) or 2.0
        for _ in range(_TRIES):
            # As a least squares problem, since squares of J would lose half of the digits; damped, it has full rank.
            q, r = np.linalg.qr(np.vstack([jacobian, math.sqrt(damping * scale) * np.eye(len(theta))]))
            change = np.linalg.solve(r, right @ q)
            found, _ = problem.residuals(theta + change)
            predicted = float(change @ (damping * scale * change + downhill))
            gain = (loss - float(found @ found)) / predicted if predicted > 0 else -1.0
            if gain > 0:
                damping = max(damping * max(1.0 / 3.0, 1.0 - (2.0 * min(gain, 2.0) - 1.0) ** 3), 1e-15)
                theta, growth = theta + change, 2.0
                break
            damping, growth = min(damping * growth, 1e15), min(growth * 2.0, 1e3)
        memory["damping"][:], memory["growth"][:] = damping, growth
        return theta


class LBFGS(WholeOptimizer):
    """Limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright 2006), for `fit`.

    A curvature estimate from the last ten steps makes it converge in far fewer epochs than gradient descent; each may
    compute the loss several times. There is no learning rate to choose.

    Args:
        params: the parameters.

    >>> import nn
    >>> model = nn.MLP([1, 3, 1], activation="tanh", seed=0)
    >>> xs = [x / 10 - 1 for x in range(21)]
    >>> optimizer = nn.LBFGS(model.parameters())
    >>> history = nn.fit(model, xs, [x * x for x in xs], loss=nn.mse, optimizer=optimizer, epochs=60)
    >>> history.loss[-1] < 1e-3
    True
    """

    memory = tuple(f"{kind}{age}" for kind in ("change", "difference") for age in range(_PAIRS))

    def advance(self, problem: Problem, theta: Vector, memory: dict[str, Vector]) -> Vector:  # noqa: D102
        loss, gradient = problem.slope(theta)
        pairs = [(memory[f"change{age}"], memory[f"difference{age}"]) for age in range(_PAIRS)]
        pairs = [(s, y) for s, y in pairs if s @ y > 0]  # from the latest on
        direction = _direction(gradient, pairs)
        if not direction @ gradient < 0:
            pairs, direction = [], -gradient
        first = 1.0 if pairs else min(1.0, 1.0 / (float(np.abs(gradient).sum()) or 1.0))
        seen: dict[float, tuple[float, Vector]] = {0.0: (loss, gradient)}

        def line(step: float) -> tuple[float, float]:
            if step not in seen:
                seen[step] = problem.slope(theta + step * direction)
            value, slope = seen[step]
            return (value, float(slope @ direction)) if np.isfinite(slope).all() else (math.inf, math.nan)

        step = strong_wolfe(line, first)
        change, difference = step * direction, seen[step][1] - gradient
        if change @ difference > 1e-10 * (difference @ difference) * 1e-6:
            for age in range(_PAIRS - 1, 0, -1):
                memory[f"change{age}"][:] = memory[f"change{age - 1}"]
                memory[f"difference{age}"][:] = memory[f"difference{age - 1}"]
            memory["change0"][:], memory["difference0"][:] = change, difference
        return theta + change


def _direction(gradient: Vector, pairs: list[tuple[Vector, Vector]]) -> Vector:
    """Minus the inverse Hessian, as the pairs estimate it, times the gradient (the two-loop recursion)."""
    direction = -gradient
    factors = []
    for s, y in pairs:
        factor = (s @ direction) / (s @ y)
        factors.append(factor)
        direction = direction - factor * y
    if pairs:
        s, y = pairs[0]
        direction = direction * ((s @ y) / (y @ y))
    for (s, y), factor in zip(reversed(pairs), reversed(factors), strict=True):
        direction = direction + (factor - (y @ direction) / (s @ y)) * s
    return direction


def strong_wolfe(line: Line, first: float, sufficient: float = 1e-4, curvature: float = 0.9) -> float:
    """A step at which a line is lower and flatter, by algorithms 3.5 and 3.6 of Nocedal and Wright; 0 if none is found.

    Args:
        line: gives the value and the slope at a step; at 0 it goes down.
        first: the step to try first.
        sufficient: how much of the fall that the first slope promises is enough.
        curvature: how much of the first slope may be left.
    """
    value0, slope0 = line(0.0)
    low, high, step = 0.0, math.inf, first
    for _ in range(_TRIES):
        value, slope = line(step)
        if not value <= value0 + sufficient * step * slope0 or (low > 0 and value >= line(low)[0]):
            high = step
        elif abs(slope) <= -curvature * slope0:
            return step
        elif slope >= 0:
            low, high = step, low
        else:
            low = step
        step = 2.0 * low if high == math.inf else _between(line, low, high)
        if step in (low, high):
            break
    return low


def _between(line: Line, low: float, high: float) -> float:
    """The minimum of the cubic through both ends, but not close to one of them."""
    (f, df), (g, dg) = line(low), line(high)
    width = high - low
    middle = low + 0.5 * width
    first = df + dg - 3.0 * (g - f) / width
    inside = first * first - df * dg
    if not (math.isfinite(inside) and inside >= 0):
        return middle
    second = math.copysign(math.sqrt(inside), width)
    bottom = dg - df + 2.0 * second
    found = high - width * (dg + second - first) / bottom if bottom else middle
    share = (found - low) / width
    return found if 0.1 <= share <= 0.9 else middle
