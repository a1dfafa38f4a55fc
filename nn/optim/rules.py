"""The update rules: SGD, Adam, AdamW, RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..checks import shown
from ..types import Vector
from .optimizer import Group, Optimizer, Params


class SGD(Optimizer):
    """Gradient descent as the lectures have it: `new = old - learning rate * derivative`; optionally with momentum.

    Args:
        params: the parameters.
        lr: the learning rate.
        momentum: how much of the previous step is added to each step.
        dampening: how much less than whole each derivative is added to the momentum, after the first step.
        weight_decay: adds this times the parameter to each derivative.
        nesterov: whether to look ahead along the momentum (Sutskever et al. 2013).
        maximize: whether to go uphill.

    Raises:
        ValueError: a negative number, or Nesterov without momentum or with dampening; see also `Optimizer`.

    >>> from autograd import Value
    >>> w = Value(3.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 3)
    2.4
    """

    memory = ("velocity",)
    flags = ("nesterov", "maximize")

    def __init__(
        self,
        params: Params,
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, lr, **settings, maximize=maximize)
        if any(group.settings["dampening"] for group in self.groups):
            self.remember("velocity", "begun")

    def check(self, group: Group) -> None:  # noqa: D102
        if group.settings["nesterov"] and not group.settings["momentum"]:
            raise ValueError("nesterov looks ahead along the momentum; give momentum, such as 0.9")
        if group.settings["nesterov"] and group.settings["dampening"]:
            raise ValueError("nesterov looks ahead along the whole momentum; leave dampening out")

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        settings = self.group.settings
        momentum, dampening = settings["momentum"], settings["dampening"]
        gradient = _decayed(gradient, theta, settings["weight_decay"])
        added = gradient
        if dampening:
            added = np.where(memory["begun"] > 0, 1.0 - dampening, 1.0) * gradient
            memory["begun"][:] = 1.0
        velocity = _with_momentum(added, memory["velocity"], momentum) if momentum else gradient
        theta -= self.group.lr * (gradient + momentum * velocity if settings["nesterov"] else velocity)


class Adam(Optimizer):
    """Steps of about the learning rate in each parameter, whatever the size of its derivative (Kingma and Ba 2015).

    Args:
        params: the parameters.
        lr: the learning rate.
        betas: how slowly the running means of the gradient and of its square forget.
        eps: keeps the quotient finite where the gradient is 0.
        weight_decay: adds this times the parameter to each derivative.
        amsgrad: whether to divide by the largest mean of the square so far (Reddi et al. 2018).
        maximize: whether to go uphill.

    Raises:
        ValueError: a negative number, or a beta that is not less than 1; see also `Optimizer`.

    >>> from nn import Adam, Parameter
    >>> w = Parameter(3.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 3)
    2.9
    """

    memory = ("steps", "mean", "mean_square")
    not_negative = ("steps", "mean_square", "max_mean_square")
    flags = ("amsgrad", "maximize")
    limits: Mapping[str, tuple[float, float]] = {"beta1": (0.0, 1.0), "beta2": (0.0, 1.0)}

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {**self.split({"betas": betas}), "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, lr, **settings, amsgrad=amsgrad, maximize=maximize)
        if any(group.settings["amsgrad"] for group in self.groups):
            self.remember(*Adam.memory, "max_mean_square")

    def split(self, own: dict[str, Any]) -> dict[str, Any]:  # noqa: D102
        own = dict(own)
        if "betas" in own:
            betas = own.pop("betas")
            if not isinstance(betas, (tuple, list)) or len(betas) != 2:
                raise ValueError(f"betas must be two numbers, such as (0.9, 0.999); got {shown(betas)}")
            own["beta1"], own["beta2"] = betas
        return own

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        self.move(theta, _decayed(gradient, theta, self.group.settings["weight_decay"]), memory)

    def move(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """The rule without weight decay."""
        beta1, beta2 = self.group.settings["beta1"], self.group.settings["beta2"]
        steps, mean, mean_square = memory["steps"], memory["mean"], memory["mean_square"]
        steps += 1.0  # counted per parameter, since some may have no gradient in some steps
        mean += (1.0 - beta1) * (gradient - mean)
        mean_square *= beta2
        mean_square += (1.0 - beta2) * gradient**2
        if self.group.settings["amsgrad"]:
            mean_square = np.maximum(memory["max_mean_square"], mean_square, out=memory["max_mean_square"])
        if (steps == steps[:1]).all():
            steps = steps[:1]  # one power instead of one per parameter
        # Both means started at 0 and are too small in the first steps.
        corrected = np.sqrt(mean_square) / np.sqrt(1.0 - beta2**steps)
        theta -= self.group.lr / (1.0 - beta1**steps) * (mean / (corrected + self.group.settings["eps"]))


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019); arguments as `Adam`.

    >>> from nn import AdamW, Parameter
    >>> w = Parameter(3.0)
    >>> optimizer = AdamW([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 3)
    2.897
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        theta *= 1.0 - self.group.lr * self.group.settings["weight_decay"]
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
        maximize: whether to go uphill.

    Raises:
        ValueError: a negative number, or an alpha that is not less than 1; see also `Optimizer`.

    >>> from nn import RMSprop, Parameter
    >>> w = Parameter(3.0)
    >>> optimizer = RMSprop([w], lr=0.01)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 3)
    2.9
    """

    memory = ("mean_square", "velocity", "mean")
    not_negative = ("mean_square",)
    flags = ("centered", "maximize")
    limits: Mapping[str, tuple[float, float]] = {"alpha": (0.0, 1.0)}

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, lr, **settings, centered=centered, maximize=maximize)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        alpha = self.group.settings["alpha"]
        gradient = _decayed(gradient, theta, self.group.settings["weight_decay"])
        mean_square = memory["mean_square"]
        mean_square *= alpha
        mean_square += (1.0 - alpha) * gradient**2
        spread = mean_square
        if self.group.settings["centered"]:
            mean = memory["mean"]
            mean += (1.0 - alpha) * (gradient - mean)
            spread = np.maximum(mean_square - mean**2, 0.0)  # rounding may take it below
        change = gradient / (np.sqrt(spread) + self.group.settings["eps"])
        theta -= self.group.lr * _with_momentum(change, memory["velocity"], self.group.settings["momentum"])


def _decayed(gradient: Vector, theta: Vector, weight_decay: float) -> Vector:
    return gradient + weight_decay * theta if weight_decay else gradient


def _with_momentum(change: Vector, velocity: Vector, momentum: float) -> Vector:
    """The new velocity, updated in place; without momentum the change alone."""
    if not momentum:
        return change
    velocity *= momentum
    velocity += change
    return velocity
