"""The update rules: SGD, Adam, AdamW, RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from autograd import Value

from ..checks import shown
from ..types import Vector
from .optimizer import Optimizer


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

    >>> from autograd import Value
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
        gradient = _decayed(gradient, theta, self.settings["weight_decay"])
        velocity = _with_momentum(gradient, memory["velocity"], momentum)
        theta -= self.lr * (gradient + momentum * velocity if self.settings["nesterov"] else velocity)


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
    not_negative = ("steps", "mean_square")
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
            raise ValueError(f"betas must be two numbers, such as (0.9, 0.999); got {shown(betas)}")
        beta1, beta2 = betas
        super().__init__(params, lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        self.move(theta, _decayed(gradient, theta, self.settings["weight_decay"]), memory)

    def move(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:
        """The rule without weight decay."""
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        steps, mean, mean_square = memory["steps"], memory["mean"], memory["mean_square"]
        steps += 1.0  # counted per parameter, since some may have no gradient in some steps
        mean += (1.0 - beta1) * (gradient - mean)
        mean_square *= beta2
        mean_square += (1.0 - beta2) * gradient**2
        if (steps == steps[:1]).all():
            steps = steps[:1]  # one power instead of one per parameter
        # Both means started at 0 and are too small in the first steps.
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
    not_negative = ("mean_square",)
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
        settings = {"alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, lr, **settings, centered=centered)

    def rule(self, theta: Vector, gradient: Vector, memory: dict[str, Vector]) -> None:  # noqa: D102
        alpha = self.settings["alpha"]
        gradient = _decayed(gradient, theta, self.settings["weight_decay"])
        mean_square = memory["mean_square"]
        mean_square *= alpha
        mean_square += (1.0 - alpha) * gradient**2
        spread = mean_square
        if self.settings["centered"]:
            mean = memory["mean"]
            mean += (1.0 - alpha) * (gradient - mean)
            spread = np.maximum(mean_square - mean**2, 0.0)  # rounding may take it below
        change = gradient / (np.sqrt(spread) + self.settings["eps"])
        theta -= self.lr * _with_momentum(change, memory["velocity"], self.settings["momentum"])


def _decayed(gradient: Vector, theta: Vector, weight_decay: float) -> Vector:
    return gradient + weight_decay * theta if weight_decay else gradient


def _with_momentum(change: Vector, velocity: Vector, momentum: float) -> Vector:
    """The new velocity, updated in place; without momentum the change alone."""
    if not momentum:
        return change
    velocity *= momentum
    velocity += change
    return velocity
