"""Optimizer: moves parameters along their gradients; gradient clipping."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from autograd import Value

from ..checks import (
    array_of,
    boolean,
    checked_state,
    integer_at_least,
    items,
    kind_of,
    number_between,
    printable,
    shown,
)
from ..flat import forget_gradients, gathered, scatter
from ..module import Module
from ..types import Mask, Vector

Params: TypeAlias = "Iterable[Value] | Iterable[Mapping[str, Any]]"
"""What optimisers take: parameters, or groups of them."""

ADDED = {"dampening": 0.0, "amsgrad": False, "maximize": False}
"""Settings that states of version 0.1 lack, and what they then are."""


class Group:
    """Parameters with a learning rate and settings of their own; changes count from the next step on.

    Attributes:
        parameters: the parameters, a part of those of the optimiser.
        place: where they are in its flat arrays.
        lr: the learning rate.
        settings: the other hyperparameters, by name.
    """

    def __init__(self, parameters: Sequence[Value], start: int, lr: float, settings: dict[str, float | bool]) -> None:
        self.parameters = parameters
        self.place = slice(start, start + len(parameters))
        self.lr = lr
        self.settings = settings

    def state_dict(self) -> dict[str, Any]:
        """Learning rate and settings."""
        return {"lr": self.lr, **self.settings}


class Optimizer:
    """Moves parameters downhill; subclasses say how, in `rule`.

    Args:
        params: the parameters, such as `model.parameters()`. Frozen ones (`trainable=False`) stay where they are.
            Groups with settings of their own are dicts, as in PyTorch: `[{"params": a, "lr": 0.1}, {"params": b}]`.
        lr: the learning rate.
        settings: the subclass's other hyperparameters: numbers within `limits`, or `flags`.

    Attributes:
        parameters: the parameters, in the order of the flat arrays.
        groups: the groups of parameters; mostly one.
        group: that of which `rule` takes a step.
        lr: the learning rate of the first group. It may be changed between steps; setting it sets all groups.
        steps: the number of steps taken.

    Raises:
        TypeError: `params` holds something other than Values, or a setting has the wrong type.
        ValueError: `params` is empty, repeats a parameter or holds something that is not a leaf; the learning rate is
            negative, or a setting is out of its limits.

    >>> from nn import Optimizer, Parameter
    >>> class SignDescent(Optimizer):
    ...     def rule(self, theta, gradient, memory):
    ...         theta -= self.group.lr * (gradient > 0)
    >>> w = Parameter(3.0)
    >>> (w * w).backward()
    >>> SignDescent([w], lr=0.5).step()
    >>> w.data
    2.5
    """

    memory: tuple[str, ...] = ()
    """The names of the arrays that the rule keeps from step to step; they start at 0."""

    not_negative: tuple[str, ...] = ()
    """Those among them that hold sums of squares or counts."""

    flags: tuple[str, ...] = ()
    """The names of the settings that are True or False. All others are numbers."""

    limits: Mapping[str, tuple[float, float]] = {}
    """By setting, its minimum and what it must stay below; without an entry, any number from 0 on."""

    def __init__(self, params: Params, lr: float, **settings: float | bool) -> None:
        listed = _listed_groups(params)
        self.parameters = [parameter for parameters, _ in listed for parameter in parameters]
        _check_parameters(self.parameters)
        self.groups: list[Group] = []
        for position, (parameters, own) in enumerate(listed):
            given = self.split(own)
            if unknown := [name for name in given if name not in {"lr", *settings}]:
                raise TypeError(
                    f"params[{position}]: unknown {', '.join(map(shown, unknown))}; a group takes params, lr, "
                    + ", ".join(settings)
                )
            checked = {name: self._checked_setting(name, given.get(name, x)) for name, x in settings.items()}
            start = self.groups[-1].place.stop if self.groups else 0
            self.groups.append(Group(parameters, start, number_between(given.get("lr", lr), "lr"), checked))
            self.check(self.groups[-1])
        self.group = self.groups[0]
        self.steps = 0
        self.remember(*self.memory)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """One step of `self.group`: changes `theta` and the arrays of `memory` in place, but not `gradient`."""
        raise NotImplementedError(f"{type(self).__name__} does not define rule")

    def split(self, own: dict[str, Any]) -> dict[str, Any]:
        """The settings of a group as `settings` has them; subclasses split those that are pairs."""
        return own

    def check(self, group: Group) -> None:
        """Raises a ValueError if settings of a group exclude each other."""

    def remember(self, *names: str) -> None:
        """Keeps arrays of these names instead of those of `memory`."""
        self.memory = names
        self._memory = {name: np.zeros(len(self.parameters)) for name in names}

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self.groups[0].lr

    @lr.setter
    def lr(self, lr: float) -> None:
        for group in self.groups:
            group.lr = lr

    @property
    def settings(self) -> dict[str, float | bool]:
        """The other hyperparameters, those of the first group."""
        return self.groups[0].settings

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups in PyTorch's form, to read."""
        return [{"params": list(group.parameters), **group.state_dict()} for group in self.groups]

    @np.errstate(all="ignore")  # gradients may be huge, infinite or nan
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
        for group in self.groups:
            self.group = group
            self._move(theta, gradient, moving)

    def _move(self, theta: Vector, gradient: Vector, moving: Mask | None) -> None:
        """A step of one group."""
        if self.group.settings.get("maximize"):
            gradient = -gradient
        if moving is None and len(self.groups) == 1:
            self.rule(theta, gradient, self._memory)
            return
        part = self.group.place
        is_whole = moving is None or bool(moving[part].all())
        place = part if is_whole or moving is None else np.flatnonzero(moving[part]) + part.start
        moved, memory = theta[place], {name: array[place] for name, array in self._memory.items()}
        self.rule(moved, gradient[place], memory)
        if not is_whole:  # those were copies
            theta[place] = moved
            for name, array in memory.items():
                self._memory[name][place] = array

    def zero_grad(self) -> None:
        """Marks all gradients as not computed; they then read 0.0."""
        forget_gradients(self.parameters)

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on besides the parameters, as numbers and lists for JSON."""
        several = {"groups": [group.state_dict() for group in self.groups]} if len(self.groups) > 1 else {}
        return {
            "optimizer": type(self).__name__,
            **self.groups[0].state_dict(),
            **several,
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
        if isinstance(state, Mapping):  # version 0.1 did not have these
            state = {name: default for name, default in ADDED.items() if name in self.settings} | dict(state)
        several = {"groups": self._checked_groups} if len(self.groups) > 1 else {}
        checked = checked_state(self, state, {
            "optimizer": self._checked_kind,
            **self._checks(),
            **several,
            "steps": partial(integer_at_least, what="steps", low=0),
            "memory": self._checked_memory,
        })  # fmt: skip
        self.steps, self._memory = checked["steps"], checked["memory"]
        for group, own in zip(self.groups, checked.get("groups", [checked]), strict=True):
            group.lr, group.settings = own["lr"], {name: own[name] for name in group.settings}

    def _checks(self) -> dict[str, Callable[[Any], Any]]:
        settings = {name: partial(self._checked_setting, name) for name in self.settings}
        return {"lr": partial(number_between, what="lr"), **settings}

    def _checked_groups(self, groups: object) -> list[dict[str, Any]]:
        found = items(groups, "groups", "a list of dicts")
        if len(found) != len(self.groups):
            raise ValueError(f"groups: expected {len(self.groups)}, got {len(found)}")
        return [checked_state(self, own, self._checks()) for own in found]

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

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a pickle; one of version 0.1 has no groups, and not all settings."""
        state = dict(state)
        if "groups" not in state:
            known = inspect.signature(type(self).__init__).parameters
            settings = {name: default for name, default in ADDED.items() if name in known} | state.pop("settings")
            state["groups"] = [Group(state["parameters"], 0, state.pop("lr"), settings)]
            state["group"] = state["groups"][0]
        vars(self).update(state)

    def __repr__(self) -> str:
        groups = [
            f"{len(group.parameters)} parameters, "
            + ", ".join(f"{name}={value!r}" for name, value in group.state_dict().items() if ADDED.get(name) != value)
            for group in self.groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"


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

    >>> from nn import Parameter, clip_grad_norm
    >>> a, b = Parameter(3.0), Parameter(4.0)
    >>> (a * a / 2 + b * b / 2).backward()
    >>> clip_grad_norm([a, b], max_norm=1.0)
    5.0
    >>> round(a.grad, 3), round(b.grad, 3)
    (0.6, 0.8)
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


def _check_parameters(parameters: Sequence[Value]) -> None:
    """Raises a ValueError unless these are leaves, each of them once."""
    if not parameters:
        raise ValueError(
            "params is empty: there is nothing to train; parameters are made with nn.Parameter, not Value, and are "
            "attributes of their module"
        )
    for position, parameter in enumerate(parameters):
        if parameter.operation is not None:
            raise ValueError(f"params[{position}] must be a leaf, not a result or a constant: {kind_of(parameter)}")
    if len(set(parameters)) < len(parameters):
        raise ValueError("params holds a parameter more than once; each must be updated once per step")


def _listed_groups(params: Params) -> list[tuple[list[Value], dict[str, Any]]]:
    """The groups: parameters, and settings of their own."""
    if isinstance(params, (Value, Module, Mapping)):
        return [(_values(params), {})]
    listed = items(params, "params", "a list of parameters, such as model.parameters()")
    if not any(isinstance(group, Mapping) for group in listed if not isinstance(group, Value)):  # to ask is slow
        return [(_values(listed), {})]
    groups = []
    for position, group in enumerate(listed):
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f'params[{position}]: a group is a dict with "params", got {kind_of(group)}')
        inside = group["params"]
        parameters = _values([inside] if isinstance(inside, Value) else inside)
        if not parameters:
            raise ValueError(f"params[{position}]: the group has no parameters")
        groups.append((parameters, {name: setting for name, setting in group.items() if name != "params"}))
    return groups


def _values(params: Any) -> list[Value]:
    if isinstance(params, (Value, Module)):
        raise TypeError(
            f"params must be a list of parameters, such as model.parameters(); got one {type(params).__name__}"
        )
    parameters = items(params, "params", "a list of parameters, such as model.parameters()")
    for position, parameter in enumerate(parameters):
        if not isinstance(parameter, Value):
            raise TypeError(f"params[{position}] must be a Parameter or Value, got {kind_of(parameter)}")
    return parameters
