"""Optimisers, schedules of their learning rates, and gradient clipping.

Each update rule is written once, on flat arrays of all parameters and all gradients; `step` gathers them from the
Parameters and scatters the result. The rules and their defaults are PyTorch's, and so are the trajectories.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value

from .checks import array_of, boolean, integer_at_least, number_between, positive_integer
from .module import Module

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
    Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Optimizer:
    """Moves parameters downhill; subclasses say how, in `rule`.

    Args:
        params: the parameters, such as `model.parameters()`. Frozen ones (`trainable=False`) stay where they are.
        lr: the learning rate.
        settings: the other hyperparameters of the subclass: numbers within `limits`, or `flags`.

    Attributes:
        parameters: the parameters, in the order of the flat arrays.
        lr: the learning rate, which may be changed between steps.
        steps: how many steps were taken.

    Raises:
        TypeError: `params` holds something else than Values, or a setting is of the wrong type.
        ValueError: `params` is empty, holds one twice, or something that is not a leaf; the learning rate is negative,
            or a setting out of its limits.
    """

    memory: tuple[str, ...] = ()
    """The names of the arrays that the rule keeps from step to step; they start at 0."""

    flags: tuple[str, ...] = ()
    """The names of the settings that are True or False. All others are numbers."""

    limits: Mapping[str, tuple[float, float]] = {}
    """Of some settings, the least number and what they must stay below; the others may be any numbers from 0 on."""

    def __init__(self, params: Iterable[Value], lr: float, **settings: float | bool) -> None:
        self.parameters = _checked_parameters(params)
        self.lr = number_between(lr, "lr")
        self.settings = {name: self._checked_setting(name, setting) for name, setting in settings.items()}
        self.steps = 0
        self._memory = {name: np.zeros(len(self.parameters)) for name in self.memory}

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """One step: changes the parameters `theta` and the arrays of `memory` in place. `gradient` is left alone."""
        raise NotImplementedError(f"{type(self).__name__} does not define rule")

    def step(self) -> None:
        """Moves all parameters by one step, along the gradients that `backward` gave them.

        A parameter without a gradient (`has_grad` is False) stays where it is, and so does all that is kept about it.
        """
        theta = np.array([parameter.data for parameter in self.parameters])
        gradient = np.array([parameter.grad for parameter in self.parameters])
        computed = np.array([parameter.has_grad for parameter in self.parameters])
        self.update(theta, gradient, computed & self._trainable())
        for parameter, number in zip(self.parameters, theta.tolist(), strict=True):
            parameter.data = number

    def moving(self) -> Mask | None:
        """Which parameters are trainable; None if all are."""
        mask = self._trainable()
        return None if mask.all() else mask

    def update(self, theta: Vector, gradient: Vector, moving: Mask | None = None) -> None:
        """The same on flat arrays: moves `theta`, the numbers of `parameters`, in place, or only those `moving`."""
        self.steps += 1
        if moving is None or moving.all():
            self._apply_rule(theta, gradient, self._memory)
            return
        moved = theta[moving]
        memory = {name: array[moving] for name, array in self._memory.items()}
        self._apply_rule(moved, gradient[moving], memory)
        theta[moving] = moved
        for name, array in memory.items():
            self._memory[name][moving] = array

    def zero_grad(self) -> None:
        """Makes the gradients of all parameters "not computed", which reads 0.0."""
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on besides the parameters: numbers and lists, which JSON can hold."""
        return {
            "optimizer": type(self).__name__,
            "lr": self.lr,
            **self.settings,
            "steps": self.steps,
            "memory": {name: array.tolist() for name, array in self._memory.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where the optimiser stood whose `state_dict` this was.

        Raises:
            TypeError: `state` is no dict.
            ValueError: it was another kind of optimiser, or one of another number of parameters, or is damaged. All
                that does not fit is listed, and nothing was changed.
        """
        settings = {name: partial(self._checked_setting, name) for name in self.settings}
        checked = _checked_state(self, state, {
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

    def _apply_rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        with np.errstate(all="ignore"):  # gradients may be huge, infinite or nan, and so may be what they lead to
            self.rule(theta, gradient, memory)

    def _checked_setting(self, name: str, setting: object) -> float | bool:
        if name in self.flags:
            return boolean(setting, name)
        return number_between(setting, name, *self.limits.get(name, (0.0, math.inf)))

    def _checked_kind(self, kind: object) -> object:
        if kind != type(self).__name__:
            raise ValueError(f"optimizer: expected {type(self).__name__!r}, got {kind!r}")
        return kind

    def _checked_memory(self, memory: object) -> dict[str, Vector]:
        given = memory if isinstance(memory, Mapping) else {}
        arrays, problems = {}, []
        for name in self.memory:
            try:
                arrays[name] = array_of(given.get(name, ()), (len(self.parameters),))
            except ValueError:
                problems.append(f"memory of {name}: expected {len(self.parameters)} numbers, one for each parameter")
        problems += [f"memory of {name}: unexpected" for name in given if name not in self.memory]
        if problems:
            raise ValueError("\n  ".join(problems))
        return arrays

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters, lr={self.lr!r}{settings})"


class SGD(Optimizer):
    """Gradient descent as the lectures have it: `new = old - learning rate * derivative`; optionally with momentum.

    Args:
        params: the parameters.
        lr: the learning rate.
        momentum: how much of the previous step is added to each step.
        nesterov: whether to look ahead along the momentum (Sutskever et al. 2013).
        weight_decay: adds this times the parameter to each derivative.

    Raises:
        ValueError: a negative number, or Nesterov without momentum; see also `Optimizer`.

    >>> w = Value(3.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 3)
    2.4
    """

    memory = ("velocity",)
    flags = ("nesterov",)

    def __init__(
        self,
        params: Iterable[Value],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
        if nesterov and not momentum:
            raise ValueError("nesterov looks ahead along the momentum; give momentum, such as 0.9")

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        momentum = self.settings["momentum"]
        if self.settings["weight_decay"]:
            gradient = gradient + self.settings["weight_decay"] * theta
        if momentum:
            velocity = memory["velocity"]
            velocity *= momentum
            velocity += gradient
            gradient = gradient + momentum * velocity if self.settings["nesterov"] else velocity
        theta -= self.lr * gradient


class Adam(Optimizer):
    """Steps of about the learning rate in each parameter, whatever the size of its derivative (Kingma and Ba 2015).

    Args:
        params: the parameters.
        lr: the learning rate.
        betas: how slowly the running means of the gradient and of its square forget.
        eps: keeps the quotient finite where the gradient is 0.
        weight_decay: adds this times the parameter to each derivative.

    Raises:
        ValueError: a negative number, or a beta that is not less than 1; see also `Optimizer`.
    """

    memory = ("steps", "mean", "mean_square")
    limits: Mapping[str, tuple[float, float]] = {"beta1": (0.0, 1.0), "beta2": (0.0, 1.0)}

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"betas must be two numbers, such as (0.9, 0.999); got {betas!r}")
        beta1, beta2 = betas
        super().__init__(params, lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        if self.settings["weight_decay"]:
            gradient = gradient + self.settings["weight_decay"] * theta
        self.move(theta, gradient, memory)

    def move(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """The rule without weight decay."""
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        steps, mean, mean_square = memory["steps"], memory["mean"], memory["mean_square"]
        steps += 1.0  # one count for each parameter, since some may have no gradient in some steps
        mean += (1.0 - beta1) * (gradient - mean)
        mean_square *= beta2
        mean_square += (1.0 - beta2) * gradient**2
        if (steps == steps[:1]).all():
            steps = steps[:1]  # one power instead of one for each parameter
        # Both means started at 0; what they are short of in the first steps is made up for.
        corrected = np.sqrt(mean_square) / np.sqrt(1.0 - beta2**steps)
        theta -= self.lr / (1.0 - beta1**steps) * (mean / (corrected + self.settings["eps"]))


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019); arguments as `Adam`."""

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        theta *= 1.0 - self.lr * self.settings["weight_decay"]
        self.move(theta, gradient, memory)


class RMSprop(Optimizer):
    """Divides each derivative by the running mean of its size (Tieleman and Hinton 2012).

    Args:
        params: the parameters.
        lr: the learning rate.
        alpha: how slowly the running mean of the square forgets.
        eps: keeps the quotient finite where the gradient is 0.
        weight_decay: adds this times the parameter to each derivative.
        momentum: how much of the previous step is added to each step.
        centered: whether to divide by the standard deviation instead of the root mean square.

    Raises:
        ValueError: a negative number, or an alpha that is not less than 1; see also `Optimizer`.
    """

    memory = ("mean_square", "velocity", "mean")
    flags = ("centered",)
    limits: Mapping[str, tuple[float, float]] = {"alpha": (0.0, 1.0)}

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        alpha, momentum = self.settings["alpha"], self.settings["momentum"]
        if self.settings["weight_decay"]:
            gradient = gradient + self.settings["weight_decay"] * theta
        mean_square = memory["mean_square"]
        mean_square *= alpha
        mean_square += (1.0 - alpha) * gradient**2
        spread = mean_square
        if self.settings["centered"]:
            mean = memory["mean"]
            mean += (1.0 - alpha) * (gradient - mean)
            spread = mean_square - mean**2
        change = gradient / (np.sqrt(spread) + self.settings["eps"])
        if momentum:
            velocity = memory["velocity"]
            velocity *= momentum
            velocity += change
            change = velocity
        theta -= self.lr * change


class Schedule:
    """Changes the learning rate of an optimiser from epoch to epoch; subclasses say how, in `rate`.

    Args:
        optimizer: whose learning rate; the one it has now is the first.

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
        """The learning rate now; in a list, as in PyTorch, which allows for several."""
        return [self.optimizer.lr]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.optimizer!r}, epoch={self.epoch})"

    def state_dict(self) -> dict[str, float]:
        """What the learning rates to come depend on."""
        return {"first": self.first, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continues where the schedule stood whose `state_dict` this was.

        Raises:
            TypeError: `state` is no dict.
            ValueError: something is missing, unexpected or no number. All of it is listed, and nothing was changed.
        """
        checked = _checked_state(self, state, {
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


def clip_grad_norm(params: Iterable[Value], max_norm: float, norm_type: float = 2.0) -> float:
    """Scales all gradients down together if their norm is larger than `max_norm`.

    Args:
        params: the parameters; those without a gradient do not count.
        max_norm: the largest norm to allow; `math.inf` only measures.
        norm_type: which norm: 2 for the length, `math.inf` for the largest absolute gradient.

    Returns:
        The norm before.

    Raises:
        TypeError: `params` holds something else than Values, or another argument is no number.
        ValueError: a number is negative or nan.
    """
    for number, name in ((max_norm, "max_norm"), (norm_type, "norm_type")):
        if number != math.inf:
            number_between(number, name)
    listed = _values([params] if isinstance(params, Value) else params)
    parameters = [parameter for parameter in listed if parameter.has_grad]
    gradient = np.array([parameter.grad for parameter in parameters])
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(gradient, norm_type)) if parameters else 0.0
    scale = max_norm / (norm + 1e-6)  # PyTorch's; the small number avoids 0 / 0
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
            raise ValueError(f"params[{position}] must be a leaf, not a result or a constant: {parameter!r}")
    if len(set(parameters)) < len(parameters):
        raise ValueError("params holds a parameter more than once; each must be updated once per step")
    return parameters


def _values(params: Iterable[Value]) -> list[Value]:
    if isinstance(params, (Value, str, Mapping, Module)) or not isinstance(params, Iterable):
        raise TypeError(
            f"params must be a list of parameters, such as model.parameters(); got one {type(params).__name__}"
        )
    parameters = list(params)
    for position, parameter in enumerate(parameters):
        if not isinstance(parameter, Value):
            kind = type(parameter).__name__
            raise TypeError(f"params[{position}] must be a Parameter or Value, got {parameter!r} of type {kind}")
    return parameters


def _checked_state(owner: object, state: object, checks: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """What the checks make of the entries of a state; one ValueError lists all that they refuse."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"load_state_dict takes a dict that state_dict gave, got {state!r} of type {type(state).__name__}"
        )
    checked = {}
    problems = [f"{key}: unexpected" for key in state if key not in checks]
    for key, check in checks.items():
        if key not in state:
            problems.append(f"{key}: missing")
            continue
        try:
            checked[key] = check(state[key])
        except (TypeError, ValueError) as error:
            problems.append(str(error))
    if problems:
        raise ValueError(f"this state does not fit {owner!r}; nothing was changed:\n  " + "\n  ".join(problems))
    return checked
