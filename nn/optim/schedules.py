"""Schedules: how the learning rate changes from epoch to epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from ..checks import checked_state, integer_at_least, number_between, positive_integer
from .optimizer import Optimizer


class Schedule:
    """Changes the learning rate of an optimiser from epoch to epoch; subclasses say how, in `rate`.

    Args:
        optimizer: whose learning rate; its present one is the first.

    Attributes:
        epoch: how often `step` was called.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a schedule takes an optimiser, got {optimizer!r} of type {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.first = optimizer.lr
        self.epoch = 0

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} does not define rate")

    def step(self) -> None:
        """Goes on to the next epoch."""
        self.epoch += 1
        self.optimizer.lr = self.rate(self.epoch)

    def get_last_lr(self) -> list[float]:
        """The present learning rate; in a list, as in PyTorch, which allows for several."""
        return [self.optimizer.lr]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.optimizer!r}, epoch={self.epoch})"

    def state_dict(self) -> dict[str, float]:
        """What the learning rates to come depend on."""
        return {"first": self.first, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continues where the schedule stood that gave this `state_dict`.

        Raises:
            TypeError: `state` is no dict.
            ValueError: something is missing, unexpected or no number. The message lists it all, and nothing was
                changed.
        """
        checked = checked_state(self, state, {
            "first": partial(number_between, what="first"),
            "epoch": partial(integer_at_least, what="epoch", low=0),
        })  # fmt: skip
        self.first, self.epoch = checked["first"], checked["epoch"]
        self.optimizer.lr = self.rate(self.epoch)


class StepLR(Schedule):
    """Multiplies the learning rate by `gamma` after every `step_size` epochs.

    Raises:
        ValueError: `step_size` is less than 1, or `gamma` negative.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size = positive_integer(step_size, "step_size")
        self.gamma = number_between(gamma, "gamma")

    def rate(self, epoch: int) -> float:  # noqa: D102
        return float(self.first * self.gamma ** (epoch // self.step_size))


class CosineAnnealingLR(Schedule):
    """Lowers the learning rate to `eta_min` along half a cosine in `T_max` epochs (Loshchilov and Hutter 2017).

    Raises:
        ValueError: `T_max` is less than 1, or `eta_min` negative.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  # PyTorch's name
        super().__init__(optimizer)
        self.T_max = positive_integer(T_max, "T_max")
        self.eta_min = number_between(eta_min, "eta_min")

    def rate(self, epoch: int) -> float:  # noqa: D102
        height = 0.5 * (1.0 + math.cos(math.pi * epoch / self.T_max))
        return self.eta_min + (self.first - self.eta_min) * height
