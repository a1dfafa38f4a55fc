"""Optimisers, schedules of their learning rates, and gradient clipping.

Each update rule is written once, on flat arrays of all parameters and all gradients; `step` gathers them from the
Parameters and scatters the result. The rules and their defaults are PyTorch's, and so are the trajectories.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value

from .checks import number_between, positive_integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
    Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Optimizer:
    """Moves parameters downhill; subclasses say how, in `rule`.

    Args:
        params: the parameters, such as `model.parameters()`. Frozen ones (`trainable=False`) stay where they are.
        lr: the learning rate.
        settings: the other hyperparameters of the subclass.

    Attributes:
        parameters: the parameters, in the order of the flat arrays.
        lr: the learning rate, which may be changed between steps.
        steps: how many steps were taken.

    Raises:
        TypeError: `params` holds something else than Values.
        ValueError: it is empty, holds one twice, or something that is not a leaf; the learning rate is negative.
    """

    memory: tuple[str, ...] = ()
    """The names of the arrays that the rule keeps from step to step."""

    def __init__(self, params: Iterable[Value], lr: float, **settings: float | bool) -> None:
        self.parameters = _checked_parameters(params)
        self.lr = number_between(lr, "lr")
        self.settings = settings
        self.steps = 0
        self._memory = {name: np.zeros(len(self.parameters)) for name in self.memory}

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """One step: changes the parameters `theta` and the arrays of `memory` in place. `gradient` is left alone."""
        raise NotImplementedError(f"{type(self).__name__} does not define rule")

    def step(self) -> None:
        """Moves all parameters by one step, along the gradients that `backward` gave them."""
        theta = np.array([parameter.data for parameter in self.parameters])
        self.update(theta, np.array([parameter.grad for parameter in self.parameters]), self.moving())
        for parameter, number in zip(self.parameters, theta.tolist(), strict=True):
            parameter.data = number

    def moving(self) -> Mask | None:
        """Which parameters are trainable; None if all are."""
        mask = np.array([getattr(parameter, "trainable", True) for parameter in self.parameters])
        return None if mask.all() else mask

    def update(self, theta: Vector, gradient: Vector, moving: Mask | None = None) -> None:
        """The same on flat arrays: moves `theta`, the numbers of `parameters`, in place, or only those `moving`."""
        self.steps += 1
        if moving is None:
            self.rule(theta, gradient, self._memory)
            return
        moved = theta[moving]
        memory = {name: array[moving] for name, array in self._memory.items()}
        self.rule(moved, gradient[moving], memory)
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
            ValueError: it was another kind of optimiser, or one of another number of parameters. All that does not fit
                is listed, and nothing was changed.
        """
        own = self.state_dict()
        problems = [f"{key}: missing" for key in own if key not in state]
        problems += [f"{key}: unexpected" for key in state if key not in own]
        if state.get("optimizer") != own["optimizer"]:
            problems.append(f"optimizer: expected {own['optimizer']!r}, got {state.get('optimizer')!r}")
        memory = {}
        for name in self.memory:
            memory[name] = np.asarray(dict(state.get("memory", {})).get(name, ()))
            if memory[name].shape != (len(self.parameters),) or memory[name].dtype.kind not in "fiu":
                problems.append(f"memory of {name}: expected {len(self.parameters)} numbers, one for each parameter")
        if problems:
            raise ValueError(f"this state does not fit {self!r}; nothing was changed:\n  " + "\n  ".join(problems))
        self.lr = number_between(state["lr"], "lr")
        self.settings = {name: state[name] for name in self.settings}
        self.steps = int(state["steps"])
        self._memory = {name: array.astype(np.float64) for name, array in memory.items()}

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

    def __init__(
        self,
        params: Iterable[Value],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        number_between(momentum, "momentum")
        number_between(weight_decay, "weight_decay")
        if nesterov and not momentum:
            raise ValueError("nesterov looks ahead along the momentum; give momentum, such as 0.9")
        super().__init__(params, lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)

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

    memory = ("mean", "mean_square")

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        beta1, beta2 = (number_between(beta, f"betas[{i}]", high=1.0) for i, beta in enumerate(betas))
        number_between(eps, "eps")
        number_between(weight_decay, "weight_decay")
        super().__init__(params, lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        if self.settings["weight_decay"]:
            gradient = gradient + self.settings["weight_decay"] * theta
        self.move(theta, gradient, memory)

    def move(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """The rule without weight decay."""
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        mean, mean_square = memory["mean"], memory["mean_square"]
        mean += (1.0 - beta1) * (gradient - mean)
        mean_square *= beta2
        mean_square += (1.0 - beta2) * gradient**2
        # Both means started at 0; what they are short of in the first steps is made up for.
        corrected = np.sqrt(mean_square) / math.sqrt(1.0 - beta2**self.steps)
        theta -= self.lr / (1.0 - beta1**self.steps) * (mean / (corrected + self.settings["eps"]))


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
        number_between(alpha, "alpha", high=1.0)
        for name, number in (("eps", eps), ("weight_decay", weight_decay), ("momentum", momentum)):
            number_between(number, name)
        super().__init__(
            params, lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
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

    def state_dict(self) -> dict[str, float]:
        """What the learning rates to come depend on."""
        return {"first": self.first, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continues where the schedule stood whose `state_dict` this was."""
        self.first, self.epoch = float(state["first"]), int(state["epoch"])
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
        params: the parameters.
        max_norm: the largest norm to allow.
        norm_type: which norm: 2 for the length, `math.inf` for the largest absolute gradient.

    Returns:
        The norm before.
    """
    number_between(max_norm, "max_norm")
    parameters = [params] if isinstance(params, Value) else list(params)
    gradient = np.array([parameter.grad for parameter in parameters])
    norm = float(np.linalg.norm(gradient, norm_type)) if parameters else 0.0
    scale = max_norm / (norm + 1e-6)  # PyTorch's; the small number avoids 0 / 0
    if scale < 1.0:
        for parameter in parameters:
            parameter.grad = parameter.grad * scale
    return norm


def _checked_parameters(params: Iterable[Value]) -> Sequence[Value]:
    if isinstance(params, (Value, str)):
        raise TypeError(f"params must be a list of parameters, such as model.parameters(); got {params!r}")
    parameters = list(params)
    if not parameters:
        raise ValueError("params is empty: there is nothing to train; is every parameter an attribute of its module?")
    for position, parameter in enumerate(parameters):
        if not isinstance(parameter, Value):
            kind = type(parameter).__name__
            raise TypeError(f"params[{position}] must be a Parameter or Value, got {parameter!r} of type {kind}")
        if parameter.op is not None or parameter.is_constant:
            raise ValueError(f"params[{position}] must be a leaf, not a result or a constant: {parameter!r}")
    if len(set(parameters)) < len(parameters):
        raise ValueError("params holds a parameter more than once; each must be updated once per step")
    return parameters
