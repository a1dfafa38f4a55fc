"""Activation functions as modules, which bend the sums of a layer; softmax, argmax and their relatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

import autograd
from autograd import Value, ops
from autograd.node import keep_order
from autograd.value import apply

from .checks import as_float, is_number, kind_of, number_between, numbers, one_of, plain, positive_integer, shown
from .module import Module


class Activation(Module):
    """A module without parameters that applies the same function to each of its inputs.

    Subclasses define `bend`.

    >>> from nn import Activation
    >>> class Cube(Activation):
    ...     def bend(self, x):
    ...         return x * x * x
    >>> Cube()([1.0, 2.0])
    [1.0, 8.0]
    """

    def bend(self, x: Any) -> Any:
        """The activation function."""
        raise NotImplementedError(f"{type(self).__name__} does not define bend")

    def forward(self, xs: Any) -> Any:
        """The function of each input: a list for a list, one Value for one Value."""
        what = f"{type(self).__name__}: xs"
        xs = plain(xs, what)
        return self.bend(xs) if is_number(xs) else [self.bend(x) for x in numbers(xs, what)]


class _Namesake(Activation):
    """Applies the function of `autograd` whose name is that of the class in lower case."""

    _function: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls) -> None:
        if _Namesake in cls.__bases__:  # subclasses of these keep the function whatever they are called
            cls._function = staticmethod(getattr(autograd, cls.__name__.lower()))

    def bend(self, x: Any) -> Any:
        return self._function(x)


class Identity(Activation):
    """Leaves its inputs as they are.

    >>> from nn import Identity
    >>> [round(y, 3) for y in Identity()([-1.0, 0.0, 2.0])]
    [-1.0, 0.0, 2.0]
    """

    def bend(self, x: Any) -> Any:
        """The input itself."""
        return x


class Softplus(_Namesake):
    """A smooth bend, `log(1 + e^x)`, with derivative `e^x / (1 + e^x)`: the dosage network's in the lectures.

    >>> from nn import Softplus
    >>> [round(y, 3) for y in Softplus()([-1.0, 0.0, 2.0])]
    [0.313, 0.693, 2.127]
    """


class ReLU(_Namesake):
    """A sharp bend, `max(0, x)`, whose derivative at 0 is defined to be 0.

    >>> from nn import ReLU
    >>> [round(y, 3) for y in ReLU()([-1.0, 0.0, 2.0])]
    [0.0, 0.0, 2.0]
    """


class Tanh(_Namesake):
    """The hyperbolic tangent, between -1 and 1.

    >>> from nn import Tanh
    >>> [round(y, 3) for y in Tanh()([-1.0, 0.0, 2.0])]
    [-0.762, 0.0, 0.964]
    """


class Sigmoid(_Namesake):
    """The logistic function, `1 / (1 + e^-x)`, between 0 and 1.

    >>> from nn import Sigmoid
    >>> [round(y, 3) for y in Sigmoid()([-1.0, 0.0, 2.0])]
    [0.269, 0.5, 0.881]
    """


class SiLU(_Namesake):
    """The input times its sigmoid, `x / (1 + e^-x)`, also called swish.

    >>> from nn import SiLU
    >>> [round(y, 3) for y in SiLU()([-1.0, 0.0, 2.0])]
    [-0.269, 0.0, 1.762]
    """


class GELU(_Namesake):
    """The input times the normal distribution's cumulative probability of it; exact, not the tanh approximation.

    >>> from nn import GELU
    >>> [round(y, 3) for y in GELU()([-1.0, 0.0, 2.0])]
    [-0.159, 0.0, 1.954]
    """


class LeakyReLU(Activation):
    """ReLU that keeps a small slope below 0.

    Args:
        negative_slope: that slope.

    >>> from nn import LeakyReLU
    >>> LeakyReLU(0.1)([-1.0, 0.0, 2.0])
    [-0.1, 0.0, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = number_between(negative_slope, "negative_slope", -math.inf)

    def bend(self, x: Any) -> Any:
        """`x` above 0, `negative_slope * x` below."""
        return autograd.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """As in PyTorch."""
        return f"negative_slope={self.negative_slope}"


class ELU(Activation):
    """Straight above 0, exponential below, down to -alpha.

    Args:
        alpha: how far down.

    >>> from nn import ELU
    >>> [round(y, 3) for y in ELU()([-1.0, 0.0, 2.0])]
    [-0.632, 0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number_between(alpha, "alpha", -math.inf)

    def bend(self, x: Any) -> Any:
        """`x` above 0, `alpha * (e^x - 1)` below."""
        return autograd.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """As in PyTorch."""
        return f"alpha={self.alpha}"


class Softmax(Module):
    """Turns raw outputs into probabilities: between 0 and 1, with sum 1.

    >>> from nn import Softmax
    >>> [round(p, 2) for p in Softmax()([1.43, -0.44, 0.23])]
    [0.69, 0.11, 0.21]
    """

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        """See `nn.softmax`."""
        return softmax(xs)


class LogSoftmax(Module):
    """Turns raw outputs into the logarithms of probabilities.

    >>> from nn import LogSoftmax
    >>> [round(p, 2) for p in LogSoftmax()([1.43, -0.44, 0.23])]
    [-0.38, -2.25, -1.58]
    """

    def forward(self, xs: Sequence[Any]) -> list[Any]:
        """See `nn.log_softmax`."""
        return log_softmax(xs)


class ArgMax(Module):
    """Turns the largest raw output into 1 and all others into 0.

    The outputs stay the same when the inputs change a little, so their derivative is 0 and nothing can be trained
    through them: they are constants. Train with `Softmax`, or with raw outputs and `cross_entropy`.

    >>> from nn import ArgMax
    >>> [output.data for output in ArgMax()([1.43, -0.44, 0.23])]
    [1.0, 0.0, 0.0]
    """

    def forward(self, xs: Sequence[Any]) -> list[Value]:
        """A one-hot list of constants; the first of equal outputs wins."""
        inputs = numbers(xs, "ArgMax: xs")
        return [Value(number).detach() for number in one_hot(argmax(inputs), len(inputs))]


def softmax(xs: Sequence[Any]) -> list[Any]:
    """`e^x / (e^x1 + e^x2 + ...)` for each x, without overflow: see `autograd.softmax`.

    >>> [round(p, 2) for p in softmax([1.43, -0.4, 0.23])]
    [0.68, 0.11, 0.21]
    """
    probabilities: list[Any] = autograd.softmax(numbers(xs, "softmax: xs"))
    return probabilities


def log_softmax(xs: Sequence[Any]) -> list[Any]:
    """The logarithm of `softmax`, exact where the softmax itself rounds to 0 or 1.

    Raises:
        ValueError: there are no numbers.

    >>> from nn import log_softmax
    >>> log_softmax([0.0, 1000.0])
    [-1000.0, -0.0]
    """
    inputs = numbers(xs, "log_softmax: xs")
    if not inputs:
        raise ValueError("log_softmax takes at least one number, got none")
    return [log_softmax_at(inputs, position) for position in range(len(inputs))]


def log_softmax_at(xs: Sequence[Any], position: int) -> Any:
    """One element of `log_softmax`."""
    result = apply(ops.log_softmax, xs[position], *xs[:position], *xs[position + 1 :])
    if len(xs) > 2 and isinstance(result, Value) and not result.is_constant:
        keep_order(result, position)
    return result


def surprises(xs: Sequence[Any], positions: Iterable[int]) -> list[Any]:
    """`-log(softmax(xs))` at several positions, which share the sum of all powers."""
    total = autograd.logsumexp(xs)
    return [total - xs[position] for position in positions]


def argmax(xs: Sequence[Any]) -> int:
    """The index of the largest number; the first of equal ones, and the first nan if there is one, as in NumPy.

    Raises:
        TypeError: something other than numbers is given.
        ValueError: there are no numbers.

    >>> from nn import argmax
    >>> argmax([1.43, -0.44, 0.23])
    0
    """
    inputs = numbers(xs, "argmax: xs")
    if not inputs:
        raise ValueError("argmax takes at least one number, got none")
    return int(np.argmax(list(map(as_float, inputs))))


def one_hot(i: int, n: int) -> list[float]:
    """A 1 at index i among n - 1 zeros: class i of n as probabilities.

    Raises:
        TypeError: the index or the number of classes is not an integer.
        ValueError: the index is not from 0 to `n - 1`.

    >>> from nn import one_hot
    >>> one_hot(1, 3)
    [0.0, 1.0, 0.0]
    """
    n = positive_integer(n, "the number of classes")
    if not isinstance(i, Integral) or isinstance(i, bool):
        raise TypeError(f"i must be the index of a class, got {kind_of(i)}")
    if not 0 <= i < n:
        raise ValueError(f"i must be an index from 0 to {n - 1}, got {shown(i)}")
    return [float(position == i) for position in range(n)]


_BY_NAME: dict[str, type[Activation]] = {
    "leaky_relu" if kind is LeakyReLU else kind.__name__.lower(): kind
    for kind in (Softplus, ReLU, Tanh, Sigmoid, LeakyReLU, ELU, SiLU, GELU, Identity)
}


def activation_named(name: str) -> type[Activation]:
    """The activation that `MLP(activation=...)` asks for."""
    return _BY_NAME[one_of(name, "activation", _BY_NAME)]
