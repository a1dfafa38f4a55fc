"""L-BFGS with a line search, for any loss of the whole data set."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..types import Vector
from .whole import Problem, WholeOptimizer

Line = Callable[[float], tuple[float, float]]
_KINDS = ("change", "difference")
_PAIRS = 10
_TRIES = 30


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

    memory = tuple(f"{kind}{age}" for kind in _KINDS for age in range(_PAIRS))

    def advance(self, problem: Problem, theta: Vector, memory: dict[str, Vector]) -> Vector:  # noqa: D102
        loss, gradient = problem.slope(theta)
        known = [(memory[f"change{age}"], memory[f"difference{age}"]) for age in range(_PAIRS)]  # from the latest on
        for pairs in (known, []):  # if what is known of the curvature misleads, steepest descent
            curved = [(s, y, curvature) for s, y in pairs if (curvature := float(s @ y)) > 0.0]
            direction = _direction(gradient, curved)
            first = 1.0 if curved else min(1.0, 1.0 / (float(np.abs(gradient).sum()) or 1.0))
            if direction @ gradient < 0.0:
                step, (lower, slope) = _searched(problem, theta, direction, (loss, gradient), first)
                if lower < loss:
                    self._remember(memory, pairs, step * direction, slope - gradient)
                    return theta + step * direction
        return theta

    def _remember(
        self, memory: dict[str, Vector], pairs: list[tuple[Vector, Vector]], change: Vector, difference: Vector
    ) -> None:
        """Adds a pair to those of the last steps, if the loss curves upwards between its points."""
        if change @ difference > 1e-16 * (difference @ difference):
            nothing = np.zeros_like(change), np.zeros_like(change)
            pairs = [(change, difference), *pairs, *[nothing] * _PAIRS]
            for age, (s, y) in enumerate(pairs[:_PAIRS]):
                memory |= {f"change{age}": s, f"difference{age}": y}


def _searched(
    problem: Problem, theta: Vector, direction: Vector, here: tuple[float, Vector], first: float
) -> tuple[float, tuple[float, Vector]]:
    """How far to go in a direction, and loss and gradient there; `here` they are at 0."""
    seen = {0.0: here}

    def line(step: float) -> tuple[float, float]:
        if step not in seen:
            seen[step] = problem.slope(theta + step * direction)
        value, slope = seen[step]
        return (value, float(slope @ direction)) if np.isfinite(slope).all() else (math.inf, math.nan)

    step = strong_wolfe(line, first)
    return step, seen[step]


def _direction(gradient: Vector, pairs: list[tuple[Vector, Vector, float]]) -> Vector:
    """Minus the inverse Hessian, as the pairs estimate it, times the gradient (the two-loop recursion)."""
    direction = -gradient
    factors = []
    for s, y, curvature in pairs:
        factor = float(s @ direction) / curvature
        factors.append(factor)
        direction -= factor * y
    if pairs:
        _, y, curvature = pairs[0]
        direction *= curvature / float(y @ y)
    for (s, y, curvature), factor in zip(reversed(pairs), reversed(factors), strict=True):
        direction += (factor - float(y @ direction) / curvature) * s
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
