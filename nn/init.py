"""Initialisers: random numbers for weights to start from, written into the parameters in place.

Each takes a module, whose weights it sets (its arrays of two dimensions, not its biases), or Parameters: one, a list of
them, or a matrix as lists of rows. Names and formulas are PyTorch's. `rng` is the source of the random numbers; `seed`
makes a new one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from .checks import integer_at_least, kind_of, number_between, one_of, shown
from .flat import scatter
from .module import Module, Parameter, Tensor, flat, shape
from .types import Vector

Target: TypeAlias = Module | Parameter | Sequence[Parameter] | Sequence[Sequence[Parameter]]

_GAINS: dict[str, Callable[[float], float]] = {
    "linear": lambda slope: 1.0,
    "sigmoid": lambda slope: 1.0,
    "tanh": lambda slope: 5.0 / 3.0,
    "relu": lambda slope: math.sqrt(2.0),
    "leaky_relu": lambda slope: math.sqrt(2.0 / (1.0 + slope**2)),
}
"""How much larger weights must be to make up for the variance that the activation takes away."""


def generator(rng: Generator | None = None, seed: int | None = None) -> Generator:
    """The source of random numbers that `rng=` and `seed=` ask for; a new one with neither.

    Raises:
        TypeError: `rng` is not a `numpy.random.Generator`, or `seed` not an integer.
        ValueError: both are given, or the seed is negative.
    """
    if rng is None:
        return np.random.default_rng(None if seed is None else integer_at_least(seed, "seed", 0, math.inf))
    if seed is not None:
        raise ValueError("give either rng or seed, not both")
    if not isinstance(rng, Generator):
        raise TypeError(
            f"rng must be a numpy.random.Generator, got {shown(rng)}; numpy.random.default_rng(0) makes one"
        )
    return rng


def normal(
    target: Target, mean: float = 0.0, std: float = 1.0, *, rng: Generator | None = None, seed: int | None = None
) -> None:
    """Draws from the normal distribution with this mean and standard deviation.

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.normal(layer, seed=0)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.126, -0.132]
    """
    rng = generator(rng, seed)
    number_between(mean, "mean", -math.inf)
    number_between(std, "std")
    _set_normal(target, lambda tensor: std, rng, mean)


def uniform(
    target: Target, a: float = 0.0, b: float = 1.0, *, rng: Generator | None = None, seed: int | None = None
) -> None:
    """Draws from the uniform distribution from a to b.

    Raises:
        ValueError: b is less than a.

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.uniform(layer, seed=0)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.637, 0.27]
    """
    rng = generator(rng, seed)
    if number_between(b, "b", -math.inf) < number_between(a, "a", -math.inf):
        raise ValueError(f"uniform draws from a to b, so b must not be less than a; got a={a!r}, b={b!r}")
    for tensor in _tensors(target):
        _set(tensor, rng.uniform(a, b, size=shape(tensor)))


def xavier_uniform(target: Target, gain: float = 1.0, *, rng: Generator | None = None, seed: int | None = None) -> None:
    """Uniform, with variance `gain^2 * 2 / (fan_in + fan_out)` (Glorot and Bengio 2010).

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.xavier_uniform(layer, seed=0)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.387, -0.651]
    """
    _set_uniform(target, lambda tensor: _xavier_std(tensor, gain), generator(rng, seed))


def xavier_normal(target: Target, gain: float = 1.0, *, rng: Generator | None = None, seed: int | None = None) -> None:
    """Normal, with variance `gain^2 * 2 / (fan_in + fan_out)` (Glorot and Bengio 2010).

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.xavier_normal(layer, seed=0)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.103, -0.108]
    """
    _set_normal(target, lambda tensor: _xavier_std(tensor, gain), generator(rng, seed))


def kaiming_uniform(
    target: Target,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Generator | None = None,
    seed: int | None = None,
) -> None:
    """Uniform, with variance `gain^2 / fan` (He et al. 2015).

    Args:
        target: a module or Parameters.
        a: the slope of a leaky ReLU below zero.
        mode: which fan: the number of inputs preserves the variance forwards, that of outputs backwards.
        nonlinearity: the activation after the weights, which sets the gain.
        rng: the source of the random numbers.
        seed: makes a new source, instead of `rng`.

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.kaiming_uniform(layer, seed=0)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.474, -0.797]
    """
    _set_uniform(target, lambda tensor: _kaiming_std(tensor, a, mode, nonlinearity), generator(rng, seed))


def kaiming_normal(
    target: Target,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Generator | None = None,
    seed: int | None = None,
) -> None:
    """Normal, with variance `gain^2 / fan` (He et al. 2015); arguments as `kaiming_uniform`.

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.kaiming_normal(layer, seed=0)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.126, -0.132]
    """
    _set_normal(target, lambda tensor: _kaiming_std(tensor, a, mode, nonlinearity), generator(rng, seed))


def zeros(target: Target) -> None:
    """Sets all to 0.

    >>> import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.init.zeros(layer)
    >>> [round(w.data, 3) for w in layer.weight[0]]
    [0.0, 0.0]
    """
    for tensor in _tensors(target):
        _set(tensor, np.zeros(shape(tensor)))


def _tensors(target: Target) -> Sequence[Tensor]:
    """The arrays of parameters to set."""
    if isinstance(target, Module):
        weights = [tensor for _, tensor in target.named_tensors() if len(shape(tensor)) > 1]
        if not weights:
            raise ValueError(
                f"target {type(target).__name__} has no matrices of weights; give its parameters as a list"
            )
        return weights
    try:
        shape(target)
    except TypeError:
        raise TypeError(
            f"target must be a Module, a Parameter, or lists of Parameters of equal lengths, got {kind_of(target)}"
        ) from None
    return [target]


def _set_uniform(target: Target, std: Callable[[Tensor], float], rng: Generator) -> None:
    for tensor in _tensors(target):
        bound = math.sqrt(3.0) * std(tensor)
        _set(tensor, rng.uniform(-bound, bound, size=shape(tensor)))


def _set_normal(target: Target, std: Callable[[Tensor], float], rng: Generator, mean: float = 0.0) -> None:
    for tensor in _tensors(target):
        _set(tensor, rng.normal(mean, std(tensor), size=shape(tensor)))


def _set(tensor: Tensor, numbers: Vector) -> None:
    scatter(numbers, flat(tensor))


def _fans(tensor: Tensor) -> tuple[int, int]:
    """The numbers of inputs and outputs; a plain list holds the weights of one node."""
    if not shape(tensor):
        raise ValueError(
            "target is a single Parameter, which has no numbers of inputs and outputs; use normal or uniform"
        )
    *outputs, inputs = (1, *shape(tensor))
    return inputs, outputs[-1]


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return number_between(gain, "gain") * math.sqrt(2.0 / sum(_fans(tensor)))


def _kaiming_std(tensor: Tensor, slope: float, mode: str, nonlinearity: str) -> float:
    number_between(slope, "a", -math.inf)
    fan_in, fan_out = _fans(tensor)
    fan = {"fan_in": fan_in, "fan_out": fan_out}[one_of(mode, "mode", ("fan_in", "fan_out"))]
    return _GAINS[one_of(nonlinearity, "nonlinearity", _GAINS)](slope) / math.sqrt(fan)
