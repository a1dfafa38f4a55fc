"""Optimisers for `fit` that see the whole data set in each step."""

from __future__ import annotations

from typing import NoReturn, Protocol

from ..types import Places, Vector
from .optimizer import Optimizer, Params


class Problem(Protocol):
    """The loss of the whole data set, as a function of the parameters that may move."""

    def slope(self, theta: Vector) -> tuple[float, Vector]:
        """The loss and its gradient."""

    def residuals(self, theta: Vector) -> tuple[Vector, Vector]:
        """Numbers whose squares add up to the loss, and their derivatives: a row per residual."""


class WholeOptimizer(Optimizer):
    """An optimiser that asks for losses and derivatives as it needs them; only `fit` can answer."""

    needs_residuals = False

    def __init__(self, params: Params, *more: object, **settings: object) -> None:
        super().__init__(params, 1.0)
        if more or settings or any(group.lr != 1.0 for group in self.groups):
            raise TypeError(self._without_settings())

    @property
    def lr(self) -> float:
        """1: the steps are those that were found, whole."""
        return 1.0

    @lr.setter
    def lr(self, lr: float) -> None:
        raise AttributeError(self._without_settings())

    def _without_settings(self) -> str:
        return f"{type(self).__name__} takes nothing but parameters: it has no learning rate, and finds its own steps"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters)"

    def step(self) -> NoReturn:
        """Not for loops written by hand.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"{type(self).__name__} computes the loss several times per step; give it to nn.fit")

    def advance(self, problem: Problem, theta: Vector, memory: dict[str, Vector]) -> Vector:
        """The parameters after a step. Arrays of `memory` are replaced, not changed: an interrupted step is none."""
        raise NotImplementedError(f"{type(self).__name__} does not define advance")

    def moved(self, problem: Problem, theta: Vector, moving: Places | None) -> Vector:
        """All parameters after a step of those at the positions `moving`; None if all may move."""
        place = slice(None) if moving is None else moving
        memory = {name: array[place] for name, array in self._memory.items()}
        found = theta.copy()
        found[place] = self.advance(problem, theta[place], memory)
        if moving is not None:
            memory = {name: _placed(array, moving, memory[name]) for name, array in self._memory.items()}
        self._memory = memory
        self.steps += 1
        return found


def _placed(array: Vector, places: Places, numbers: Vector) -> Vector:
    """The array with other numbers at these places."""
    whole = array.copy()
    whole[places] = numbers
    return whole
