"""Schedules: how the learning rate changes from epoch to epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..checks import checked_state, integer_at_least, items, kind_of, number_between, positive_integer
from .optimizer import Optimizer


class Schedule:
    """Changes the learning rate of an optimiser from epoch to epoch; subclasses say how, in `rate`.

    As in PyTorch, each step changes the present learning rate, so several schedules of one optimiser multiply, and a
    learning rate set by hand is respected.

    Args:
        optimizer: whose learning rate; its present one is the first.

    Attributes:
        epoch: how often `step` was called.

    >>> from nn import SGD, Parameter, Schedule
    >>> class Halving(Schedule):
    ...     def rate(self, epoch):
    ...         return self.first / 2**epoch
    >>> optimizer = SGD([Parameter(0.0)], lr=0.1)
    >>> Halving(optimizer).step()
    >>> optimizer.lr
    0.05
    """

    settings: tuple[str, ...] = ()
    """The subclass's hyperparameters: arguments and attributes."""

    eta_min: float = 0.0
    """What the learning rate sinks to: its distance from here is what a step multiplies."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer: a schedule takes an optimiser, got {kind_of(optimizer)}")
        self.optimizer = optimizer
        self.first = optimizer.lr
        self._firsts = [group.lr for group in optimizer.groups]
        self.epoch = 0

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0, if nothing else changes it."""
        raise NotImplementedError(f"{type(self).__name__} does not define rate")

    def step(self) -> None:
        """Goes on to the next epoch: each group of the optimiser as if it were alone."""
        first = self.first
        firsts = [first, *self._firsts[1:]]
        for group, group_first in zip(self.optimizer.groups, firsts, strict=True):
            self.first = group_first  # what `rate` starts from
            group.lr = self._next(group.lr)
        self.first, self.epoch = first, self.epoch + 1

    def _next(self, lr: float) -> float:
        before, after = self.rate(self.epoch), self.rate(self.epoch + 1)
        if lr == before:
            return after
        if before != self.eta_min:
            return self.eta_min + (lr - self.eta_min) * ((after - self.eta_min) / (before - self.eta_min))
        return lr + after - before

    def get_last_lr(self) -> list[float]:
        """The present learning rate of each group."""
        return [group.lr for group in self.optimizer.groups]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a pickle; one of version 0.1 knows one group only."""
        vars(self).update({"_firsts": [state["first"]], **state})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.optimizer!r}, epoch={self.epoch})"

    def described(self) -> str:
        """Which schedule it is, with its settings, such as "StepLR(step_size=10, gamma=0.1)"."""
        return f"{type(self).__name__}({', '.join(f'{name}={x!r}' for name, x in self._settings().items())})"

    def state_dict(self) -> dict[str, Any]:
        """What the learning rates to come depend on."""
        several = {"firsts": self._firsts[1:], "lrs": self.get_last_lr()[1:]} if self._firsts[1:] else {}
        return {"first": self.first, "epoch": self.epoch, "lr": self.optimizer.lr, **several, **self._settings()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where the schedule stood that gave this `state_dict`.

        Raises:
            TypeError: `state` is no dict.
            ValueError: something is missing, unexpected or no number. The message lists it all, and nothing was
                changed.
        """
        checks: dict[str, Callable[[Any], Any]] = {
            "first": partial(number_between, what="first"),
            "epoch": partial(integer_at_least, what="epoch", low=0),
        }
        if not isinstance(state, Mapping) or "lr" in state:  # version 0.1 kept no more than these two
            checks["lr"] = partial(number_between, what="lr")
            checks |= {name: partial(self._checked_setting, name) for name in self.settings}
        if self._firsts[1:]:
            checks |= dict.fromkeys(("firsts", "lrs"), self._checked_rates)
        checked = checked_state(self, state, checks)
        lr, lrs, firsts = checked.pop("lr", None), checked.pop("lrs", []), checked.pop("firsts", [])
        vars(self).update(checked)
        self._firsts = [self.first, *firsts]
        rates = [self.rate(self.epoch) if lr is None else lr, *lrs]
        for group, rate in zip(self.optimizer.groups, rates, strict=True):
            group.lr = rate

    def _checked_rates(self, rates: object) -> list[float]:
        found = items(rates, "learning rates of the groups", "a list of numbers")
        if len(found) != len(self._firsts) - 1:
            raise ValueError(f"learning rates of the groups: expected {len(self._firsts) - 1}, got {len(found)}")
        return [number_between(rate, "the learning rate of a group") for rate in found]

    def _settings(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in self.settings}

    def _checked_setting(self, name: str, setting: float) -> float:
        checked: float = getattr(type(self)(self.optimizer, **{**self._settings(), name: setting}), name)
        return checked


class StepLR(Schedule):
    """Multiplies the learning rate by `gamma` after every `step_size` epochs.

    Raises:
        ValueError: `step_size` is less than 1, or `gamma` negative.

    >>> from nn import SGD, Parameter, StepLR
    >>> optimizer = SGD([Parameter(0.0)], lr=0.1)
    >>> schedule = StepLR(optimizer, step_size=2)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> rates
    [0.1, 0.1, 0.01, 0.01, 0.001]
    """

    settings = ("step_size", "gamma")

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size = positive_integer(step_size, "step_size")
        self.gamma = number_between(gamma, "gamma")

    def rate(self, epoch: int) -> float:  # noqa: D102
        return float(self.first * self.gamma ** (epoch // self.step_size))

    def step(self) -> None:  # noqa: D102
        self.epoch += 1
        if self.epoch % self.step_size == 0:
            for group in self.optimizer.groups:
                group.lr *= self.gamma


class CosineAnnealingLR(Schedule):
    """Lowers the learning rate to `eta_min` along half a cosine in `T_max` epochs (Loshchilov and Hutter 2017).

    Raises:
        ValueError: `T_max` is less than 1, or `eta_min` negative.

    >>> from nn import SGD, Parameter, CosineAnnealingLR
    >>> optimizer = SGD([Parameter(0.0)], lr=0.1)
    >>> schedule = CosineAnnealingLR(optimizer, T_max=4)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> rates
    [0.1, 0.0854, 0.05, 0.0146, 0.0]
    """

    settings = ("T_max", "eta_min")

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  # PyTorch's name
        super().__init__(optimizer)
        self.T_max = positive_integer(T_max, "T_max")
        self.eta_min = number_between(eta_min, "eta_min")

    def rate(self, epoch: int) -> float:  # noqa: D102
        height = 0.5 * (1.0 + math.cos(math.pi * epoch / self.T_max))
        return self.eta_min + (self.first - self.eta_min) * height
