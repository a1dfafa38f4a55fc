"""Layers of weights and biases, and modules in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np

from autograd import Value, dot
from autograd.collector import collector_paused

from . import init
from .activations import activation_named
from .checks import boolean, is_number, items, kind_of, positive_integer, shown
from .module import Module, Parameter


class Linear(Module):
    """Nodes that add up their weighted inputs and a bias: output j is `sum_i weight[j][i] * input i + bias[j]`.

    Weights start from a normal distribution with standard deviation `1 / sqrt(in_features)`, biases at 0.

    Args:
        in_features: the number of inputs.
        out_features: the number of nodes, each with one output.
        bias: whether the nodes have biases.
        rng: the source of the random weights. Without it and `seed`, they differ from run to run.
        seed: makes the weights reproducible, instead of `rng`.

    Attributes:
        weight: `weight[j][i]` is the weight of input i at node j.
        bias: `bias[j]` is the bias of node j; None without biases.

    Raises:
        ValueError: a size is less than 1, or both `rng` and `seed` are given.

    >>> layer = Linear(2, 3, seed=0)
    >>> [round(y.data, 3) for y in layer([1.0, 0.5])]
    [0.042, 0.49, -0.251]
    """

    bias: list[Parameter] | None

    @collector_paused()  # it would search all parameters again and again while more are made
    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        seed: int | None = None,
    ) -> None:
        self.in_features = positive_integer(in_features, "in_features")
        self.out_features = positive_integer(out_features, "out_features")
        self.weight = [[Parameter(0.0) for _ in range(in_features)] for _ in range(out_features)]
        self.bias = [Parameter(0.0) for _ in range(out_features)] if boolean(bias, "bias") else None
        init.normal(self, std=in_features**-0.5, rng=rng, seed=seed)

    def forward(self, xs: Sequence[Any]) -> list[Value]:
        """The outputs of all nodes.

        Args:
            xs: one number or Value per input.

        Raises:
            ValueError: they are more or fewer than `in_features`.
        """
        inputs = self._checked(xs)
        sums = [_weighted_sum(weights, inputs) for weights in self.weight]
        if self.bias is None:
            return sums
        return [total + bias for total, bias in zip(sums, self.bias, strict=True)]

    def extra_repr(self) -> str:
        """As in PyTorch."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def _checked(self, xs: Sequence[Any]) -> list[Value]:
        try:
            inputs = items(xs, "xs")
        except TypeError:
            raise TypeError(f"{self._described()} takes a list, got one {type(xs).__name__}: {shown(xs)}") from None
        if len(inputs) != self.in_features:
            found = f"{self._described()} expected {self.in_features} inputs, got {len(inputs)}"
            raise ValueError(found + _one_at_a_time(inputs, is_column=self.in_features == 1 and len(inputs) > 1))
        try:
            # A plain number becomes one constant that all nodes share, not one per product.
            return [x if isinstance(x, Value) else Value(x).detach() for x in inputs]
        except Exception:
            found = kind_of(next((x for x in inputs if not is_number(x)), inputs))
            found = f"{self._described()} cannot take this: Value takes a real number, got {found}"
            raise TypeError(found + _one_at_a_time(inputs)) from None

    def _described(self) -> str:
        return f"layer {self._path!r}, {self!r}," if self._path else repr(self)


def _one_at_a_time(inputs: Sequence[Any], is_column: bool = False) -> str:
    """The remedy if these are several observations."""
    is_batch = any(isinstance(x, (list, tuple)) or (hasattr(type(x), "ndim") and x.ndim > 0) for x in inputs)
    if not (is_batch or is_column):
        return ""
    return "; a model takes one observation at a time: call it for each row, or model.predict(X) for all"


def _weighted_sum(weights: Sequence[Value], inputs: Sequence[Value]) -> Value:
    """A single product stays one, as the lectures draw it."""
    total = weights[0] * inputs[0] if len(weights) == 1 else dot(weights, inputs)
    assert isinstance(total, Value)
    return total


class Sequential(Module):
    """Modules in a row, each taking what the one before it returned.

    `model[0]` is the first module, `model[1:]` a Sequential of the others, `len(model)` their number.

    Raises:
        TypeError: an argument is not a Module.

    >>> from nn import Softplus
    >>> Sequential(Linear(1, 2), Softplus(), Linear(2, 1))
    Sequential(
      (0): Linear(in_features=1, out_features=2, bias=True)
      (1): Softplus()
      (2): Linear(in_features=2, out_features=1, bias=True)
    )
    """

    def __init__(self, *modules: Module) -> None:
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential takes modules one by one; argument {position} is {kind_of(module)}")
            setattr(self, str(position), module)

    def forward(self, xs: Any) -> Any:
        """What the last module returns."""
        for module in self:
            xs = module(xs)
        return xs

    def __iter__(self) -> Iterator[Module]:
        return (child for _, child in self._named_children())

    def __len__(self) -> int:
        return len(self._named_children())

    @overload
    def __getitem__(self, position: int) -> Module: ...
    @overload
    def __getitem__(self, position: slice) -> Sequential: ...
    def __getitem__(self, position: int | slice) -> Module:
        chosen = list(self)[position]
        return chosen if isinstance(chosen, Module) else Sequential(*chosen)


class MLP(Sequential):
    """A multilayer perceptron: Linear layers with an activation between them, none after the last.

    Args:
        sizes: the numbers of inputs, of nodes in each hidden layer, and of outputs.
        activation: the name of the activation of the hidden nodes.
        rng: the source of the random weights. Without it and `seed`, they differ from run to run.
        seed: makes the weights reproducible, instead of `rng`.

    Raises:
        TypeError: the sizes are no list of integers.
        ValueError: fewer than two sizes, a size less than 1, or an unknown activation, which lists the known ones.

    >>> MLP([2, 16, 16, 1], activation="relu")
    MLP(
      (0): Linear(in_features=2, out_features=16, bias=True)
      (1): ReLU()
      (2): Linear(in_features=16, out_features=16, bias=True)
      (3): ReLU()
      (4): Linear(in_features=16, out_features=1, bias=True)
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "softplus",
        *,
        rng: np.random.Generator | None = None,
        seed: int | None = None,
    ) -> None:
        sizes = [
            positive_integer(size, f"sizes[{position}]")
            for position, size in enumerate(items(sizes, "sizes", "a list of integers, such as [2, 16, 1]"))
        ]
        if len(sizes) < 2:
            raise ValueError(f"sizes: MLP takes at least two sizes, of its inputs and of its outputs; got {sizes!r}")
        bend = activation_named(activation)
        rng = init.generator(rng, seed)
        modules: list[Module] = []
        for inputs, outputs in pairwise(sizes):
            modules += [Linear(inputs, outputs, rng=rng), bend()]
        super().__init__(*modules[:-1])
