"""Optimizer: moves parameters along their gradients; gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd import Value

from ..checks import array_of, boolean, checked_state, integer_at_least, items, kind_of, number_between, printable
from ..module import Module
from ..types import Mask, Vector


class Optimizer:
    """Moves parameters downhill; subclasses say how, in `rule`.

    Args:
        params: the parameters, such as `model.parameters()`. Frozen ones (`trainable=False`) stay where they are.
        lr: the learning rate.
        settings: the subclass's other hyperparameters: numbers within `limits`, or `flags`.

    Attributes:
        parameters: the parameters, in the order of the flat arrays.
        lr: the learning rate, which may be changed between steps.
        steps: how many steps were taken.

    Raises:
        TypeError: `params` holds something other than Values, or a setting has the wrong type.
        ValueError: `params` is empty, repeats a parameter or holds something that is not a leaf; the learning rate is
            negative, or a setting is out of its limits.
    """

    memory: tuple[str, ...] = ()
    """The names of the arrays that the rule keeps from step to step; they start at 0."""

    not_negative: tuple[str, ...] = ()
    """Those among them that hold sums of squares or counts."""

    flags: tuple[str, ...] = ()
    """The names of the settings that are True or False. All others are numbers."""

    limits: Mapping[str, tuple[float, float]] = {}
    """By setting, its minimum and what it must stay below; without an entry, any number from 0 on."""

    def __init__(self, params: Iterable[Value], lr: float, **settings: float | bool) -> None:
        self.parameters = _checked_parameters(params)
        self.lr = number_between(lr, "lr")
        self.settings = {name: self._checked_setting(name, setting) for name, setting in settings.items()}
        self.steps = 0
        self._memory = {name: np.zeros(len(self.parameters)) for name in self.memory}

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """One step: changes the parameters `theta` and the arrays of `memory` in place, but not `gradient`."""
        raise NotImplementedError(f"{type(self).__name__} does not define rule")

    def step(self) -> None:
        """Moves all parameters by one step, along the gradients from `backward`.

        A parameter without a gradient (`has_grad` is False) stays where it is, and so does its part of the memory.
        """
        theta = gathered(self.parameters)
        gradient = np.array([parameter.grad for parameter in self.parameters])
        computed = np.array([parameter.has_grad for parameter in self.parameters])
        self.update(theta, gradient, computed & self._trainable())
        scatter(theta, self.parameters)

    def moving(self) -> Mask | None:
        """Which parameters are trainable; None if all are."""
        mask = self._trainable()
        return None if mask.all() else mask

    def update(self, theta: Vector, gradient: Vector, moving: Mask | None = None) -> None:
        """A step on flat arrays: moves `theta`, the numbers of `parameters`, in place, or only those `moving`."""
        self.steps += 1
        with np.errstate(all="ignore"):  # gradients may be huge, infinite or nan
            if moving is None or moving.all():
                self.rule(theta, gradient, self._memory)
                return
            moved = theta[moving]
            memory = {name: array[moving] for name, array in self._memory.items()}
            self.rule(moved, gradient[moving], memory)
        theta[moving] = moved
        for name, array in memory.items():
            self._memory[name][moving] = array

    def zero_grad(self) -> None:
        """Marks all gradients as not computed; they then read 0.0."""
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on besides the parameters, as numbers and lists for JSON."""
        return {
            "optimizer": type(self).__name__,
            "lr": self.lr,
            **self.settings,
            "steps": self.steps,
            "memory": {name: array.tolist() for name, array in self._memory.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where the optimiser stood that gave this `state_dict`.

        Raises:
            TypeError: `state` is no dict.
            ValueError: it is of another kind of optimiser or another number of parameters, or damaged. The message
                lists all that does not fit, and nothing was changed.
        """
        settings = {name: partial(self._checked_setting, name) for name in self.settings}
        checked = checked_state(self, state, {
            "optimizer": self._checked_kind,
            "lr": partial(number_between, what="lr"),
            **settings,
            "steps": partial(integer_at_least, what="steps", low=0),
            "memory": self._checked_memory,
        })  # fmt: skip
        self.lr, self.steps, self._memory = checked["lr"], checked["steps"], checked["memory"]
        self.settings = {name: checked[name] for name in self.settings}

    def _trainable(self) -> Mask:
        return np.array([getattr(parameter, "trainable", True) for parameter in self.parameters], dtype=bool)

    def _checked_setting(self, name: str, setting: object) -> float | bool:
        if name in self.flags:
            return boolean(setting, name)
        return number_between(setting, name, *self.limits.get(name, (0.0, math.inf)))

    def _checked_kind(self, kind: object) -> object:
        if not isinstance(kind, str) or kind != type(self).__name__:
            raise ValueError(f"optimizer: expected {type(self).__name__!r}, got {kind_of(kind)}")
        return kind

    def _checked_memory(self, memory: object) -> dict[str, Vector]:
        given = memory if isinstance(memory, Mapping) else {}
        arrays, problems = {}, []
        for name in self.memory:
            try:
                arrays[name] = array_of(given.get(name, ()), (len(self.parameters),))
            except ValueError:
                problems.append(f"memory of {name}: expected {len(self.parameters)} numbers, one for each parameter")
        negative = [name for name, array in arrays.items() if name in self.not_negative and (array < 0).any()]
        problems += [f"memory of {name}: expected numbers that are not negative" for name in negative]
        problems += [f"memory of {printable(name)}: unexpected" for name in given if name not in self.memory]
        if problems:
            raise ValueError("; ".join(problems))
        return arrays

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters, lr={self.lr!r}{settings})"


def gathered(parameters: Iterable[Value]) -> Vector:
    """The numbers of the parameters as a flat array."""
    return np.array([parameter.data for parameter in parameters])


def scatter(theta: Vector, parameters: Iterable[Value]) -> None:
    """Gives the parameters the numbers of a flat array."""
    for parameter, number in zip(parameters, theta.tolist(), strict=True):
        parameter.data = number


def clip_grad_norm(params: Iterable[Value], max_norm: float, norm_type: float = 2.0) -> float:
    """Scales all gradients down together if their norm exceeds `max_norm`.

    Args:
        params: the parameters; those without a gradient do not count.
        max_norm: the largest norm to allow; `math.inf` only measures.
        norm_type: which norm: 2 for the length, `math.inf` for the largest absolute gradient.

    Returns:
        The norm before.

    Raises:
        TypeError: `params` holds something other than Values, or another argument is no number.
        ValueError: a number is negative or nan, or a gradient is nan or infinite.
    """
    max_norm, norm_type = (
        number if isinstance(number, float) and number == math.inf else number_between(number, name)
        for number, name in ((max_norm, "max_norm"), (norm_type, "norm_type"))
    )
    parameters = [p for p in _values([params] if isinstance(params, Value) else params) if p.has_grad]
    gradient = np.array([parameter.grad for parameter in parameters])
    if not np.isfinite(gradient).all():
        culprit = parameters[int(np.argmin(np.isfinite(gradient)))]
        raise ValueError(f"params: a gradient is {culprit.grad}, which no scale makes finite: {kind_of(culprit)}")
    largest = float(np.abs(gradient).max(initial=0.0))
    if not largest:
        return 0.0
    # Of the gradients relative to the largest, since squares of all sizes would overflow or vanish.
    relative = float(np.linalg.norm(gradient / largest, norm_type))
    norm = relative if norm_type == 0 else largest * relative
    # PyTorch's constant, which makes sure that the norm is below; it must not outweigh a small one.
    scale = max_norm / (norm + min(1e-6, 1e-6 * norm)) if math.isfinite(norm) else max_norm / largest / relative
    if scale < 1.0:
        for parameter in parameters:
            parameter.grad = parameter.grad * scale
    return norm


def _checked_parameters(params: Iterable[Value]) -> Sequence[Value]:
    parameters = _values(params)
    if not parameters:
        raise ValueError(
            "params is empty: there is nothing to train; parameters are made with nn.Parameter, not Value, and are "
            "attributes of their module"
        )
    for position, parameter in enumerate(parameters):
        if parameter.op is not None or parameter.is_constant:
            raise ValueError(f"params[{position}] must be a leaf, not a result or a constant: {kind_of(parameter)}")
    if len(set(parameters)) < len(parameters):
        raise ValueError("params holds a parameter more than once; each must be updated once per step")
    return parameters


def _values(params: Iterable[Value]) -> list[Value]:
    if isinstance(params, (Value, Module)):
        raise TypeError(
            f"params must be a list of parameters, such as model.parameters(); got one {type(params).__name__}"
        )
    parameters = items(params, "params", "a list of parameters, such as model.parameters()")
    for position, parameter in enumerate(parameters):
        if not isinstance(parameter, Value):
            raise TypeError(f"params[{position}] must be a Parameter or Value, got {kind_of(parameter)}")
    return parameters
