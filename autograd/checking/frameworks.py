"""A forward and its backward in the terms of one framework: NumPy, torch or JAX.

Nothing here imports a framework before an array of it was passed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from .arrays import Foreign, framework, to_numpy

Arrays: TypeAlias = Sequence[Any]


class MissingGradientError(Exception):
    """A backward that does not run."""


class Layer:
    """A forward with its backward, for NumPy; other frameworks override how arrays are made and differentiated.

    Attributes:
        inputs: the arguments, some of which are not differentiated: whole numbers, texts, ...
        positions: of those that are.
        names: of those that are.
    """

    framework = "numpy"

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any] | None, inputs: Arrays) -> None:
        self.forward = forward
        self._backward = backward
        self.inputs = inputs
        self.positions = [i for i, x in enumerate(inputs) if self.is_differentiable(x)]
        self.names = _names(forward, len(inputs), self.positions)

    def is_differentiable(self, x: Foreign) -> bool:
        """Whether it is a number or an array of a floating type."""
        return isinstance(x, (float, np.floating)) or (framework(x) == "numpy" and x.dtype.kind == "f")

    def copy(self, x: Foreign) -> Any:
        """A copy that a function may change."""
        return x.copy() if framework(x) else x

    def copies(self) -> list[Any]:
        """Copies of all arguments."""
        return [self.copy(x) for x in self.inputs]

    def call(self, arguments: Arrays) -> list[Any]:
        """The results of forward."""
        return outputs_of(self.forward(*arguments))

    def random_like(self, x: Foreign, rng: np.random.Generator) -> Any:
        """A cotangent for a result."""
        numbers = rng.normal(size=np.shape(x))
        return numbers.astype(x.dtype) if hasattr(x, "dtype") and np.ndim(x) else type(x)(numbers)

    def double(self, x: Foreign) -> Any:
        """The same number or array in float64."""
        return x.astype(np.float64) if framework(x) else float(x)

    def from_numpy(self, x: Foreign, numbers: Foreign) -> Any:
        """These numbers as an argument like x, in float64."""
        return numbers if framework(x) else float(numbers)

    @contextmanager
    def precision(self) -> Iterator[None]:
        """While it is in force float64 is available."""
        yield

    def gradients(self, cotangents: Arrays, arguments: Arrays) -> list[Any]:
        """What backward gives for the inputs that are differentiated; None where it gives nothing.

        Raises:
            TypeError: what it gives is no sequence of as many gradients.
        """
        assert self._backward is not None
        result = self._backward(cotangents[0] if len(cotangents) == 1 else tuple(cotangents), *arguments)
        if not isinstance(result, (tuple, list)):
            result = (result,)
        if len(result) == len(self.inputs):
            return [result[i] for i in self.positions]
        if len(result) <= len(self.positions):
            return [*result, *[None] * (len(self.positions) - len(result))]
        raise TypeError(
            f"check_backward: backward must return a gradient for each of {', '.join(self.names)}, got {len(result)} "
            "results"
        )

    def tangents(self, arguments: Arrays, directions: Arrays) -> list[Any] | None:
        """The results' derivatives along directions, if the framework has another way to them than backward."""
        return None


class TorchLayer(Layer):
    """A function of torch tensors, whose backward is torch's."""

    framework = "torch"

    def is_differentiable(self, x: Foreign) -> bool:
        """Whether it is a tensor of a floating type."""
        return framework(x) == "torch" and x.is_floating_point()

    def copy(self, x: Foreign) -> Any:
        """A copy without history."""
        return x.detach().clone() if framework(x) else x

    def call(self, arguments: Arrays) -> list[Any]:
        """The results of forward, which records nothing."""
        import torch

        with torch.no_grad():
            return outputs_of(self.forward(*arguments))

    def random_like(self, x: Foreign, rng: np.random.Generator) -> Any:
        """A cotangent for a result."""
        import torch

        return torch.from_numpy(rng.normal(size=tuple(x.shape))).to(dtype=x.dtype, device=x.device)

    def double(self, x: Foreign) -> Any:
        """The same tensor in float64."""
        return x.detach().double()

    def from_numpy(self, x: Foreign, numbers: Foreign) -> Any:
        """These numbers as a tensor on the same device."""
        import torch

        return torch.from_numpy(np.array(numbers)).to(x.device)

    def gradients(self, cotangents: Arrays, arguments: Arrays) -> list[Any]:
        """What torch's backward gives."""
        import torch

        if self._backward is not None:
            return super().gradients(cotangents, arguments)
        leaves = [x.requires_grad_() if i in self.positions else x for i, x in enumerate(arguments)]
        with torch.enable_grad():
            # A function may change what it is given; a leaf that is recorded may not be changed.
            results = outputs_of(
                self.forward(*(x.view_as(x) if i in self.positions else x for i, x in enumerate(leaves)))
            )
            pairs = [(y, c) for y, c in zip(results, cotangents, strict=True) if y.requires_grad]
            if not pairs:
                return [None] * len(self.positions)
            try:
                return list(
                    torch.autograd.grad(
                        [y for y, _ in pairs],
                        [leaves[i] for i in self.positions],
                        [c for _, c in pairs],
                        allow_unused=True,
                    )
                )
            except RuntimeError as error:
                raise MissingGradientError(str(error)) from error


class JaxLayer(Layer):
    """A function of JAX arrays, whose backward is its vjp."""

    framework = "jax"

    def is_differentiable(self, x: Foreign) -> bool:
        """Whether it is an array of a floating type."""
        if framework(x) != "jax":
            return False
        import jax.numpy as jnp

        return bool(jnp.issubdtype(x.dtype, jnp.floating))

    def copy(self, x: Foreign) -> Any:
        """The array itself, which nobody can change."""
        return x

    def random_like(self, x: Foreign, rng: np.random.Generator) -> Any:
        """A cotangent for a result."""
        import jax.numpy as jnp

        return jnp.asarray(rng.normal(size=x.shape), dtype=x.dtype)

    def double(self, x: Foreign) -> Any:
        """The same array in float64; only where that is available."""
        import jax.numpy as jnp

        return jnp.asarray(to_numpy(x), dtype=jnp.float64)

    def from_numpy(self, x: Foreign, numbers: Foreign) -> Any:
        """These numbers as an array of float64; only where that is available."""
        import jax.numpy as jnp

        return jnp.asarray(numbers, dtype=jnp.float64)

    @contextmanager
    def precision(self) -> Iterator[None]:
        """While it is in force JAX computes in float64 where it is given float64."""
        import jax
        import jax.experimental

        home = jax if hasattr(jax, "enable_x64") else jax.experimental  # the latter before JAX 0.8
        with home.enable_x64(True):
            yield

    def gradients(self, cotangents: Arrays, arguments: Arrays) -> list[Any]:
        """What the pullback of JAX gives."""
        import jax

        if self._backward is not None:
            return super().gradients(cotangents, arguments)
        try:
            results, pull = jax.vjp(self._of_differentiable(arguments), *(arguments[i] for i in self.positions))
            structure = results if isinstance(results, (tuple, list)) else [results]
            given = cotangents[0] if structure is not results else type(results)(cotangents)
            return list(pull(given))
        except (TypeError, ValueError) as error:
            raise MissingGradientError(str(error)) from error

    def tangents(self, arguments: Arrays, directions: Arrays) -> list[Any] | None:
        """The pushforward of JAX; None where the function has none, as with `custom_vjp`."""
        import jax

        if self._backward is not None:
            return None
        primals = tuple(arguments[i] for i in self.positions)
        try:
            _, tangents = jax.jvp(self._of_differentiable(arguments), primals, tuple(directions))
        except TypeError:
            return None
        return outputs_of(tangents)

    def _of_differentiable(self, arguments: Arrays) -> Callable[..., Any]:
        def function(*differentiable: Foreign) -> Any:
            complete = list(arguments)
            for i, x in zip(self.positions, differentiable, strict=True):
                complete[i] = x
            return self.forward(*complete)

        return function


def layer_of(forward: Callable[..., Any], backward: Any, inputs: Arrays) -> Layer:
    """The layer in the framework of its inputs.

    Raises:
        TypeError: the inputs are of no framework or of several, or backward is missing.
    """
    if backward is not None and not callable(backward):
        inputs, backward = (backward, *inputs), None
    found = {framework(x) for x in inputs} - {""}
    if len(found - {"numpy"}) > 1:
        raise TypeError(f"check_backward: inputs must be arrays of one framework, got {' and '.join(sorted(found))}")
    kinds: dict[str, type[Layer]] = {"torch": TorchLayer, "jax": JaxLayer}
    kind = kinds.get(next(iter(found - {"numpy"}), ""), Layer)
    if kind is Layer and backward is None:
        raise TypeError(
            "check_backward: NumPy has no backward of its own; pass yours: check_backward(forward, backward, *inputs) "
            "with backward(cotangent, *inputs)"
        )
    layer = kind(forward, backward, inputs)
    if not layer.positions:
        kinds_of = ", ".join(type(x).__name__ for x in inputs) or "nothing"
        raise TypeError(f"check_backward: inputs must have at least one array of a floating type, got {kinds_of}")
    return layer


def outputs_of(result: Foreign) -> list[Any]:
    """The results of a function as a list.

    Raises:
        TypeError: it returned something else than numbers and arrays.
    """
    results = list(result) if isinstance(result, (tuple, list)) else [result]
    for y in results:
        if not framework(y) and not isinstance(y, Real):
            raise TypeError(
                f"check_backward: forward must return an array or several, got {result!r} of type "
                f"{type(result).__name__}"
            )
    return results


def _names(forward: Callable[..., Any], number: int, positions: Sequence[int]) -> list[str]:
    """What the inputs are called: as the parameters are, if they can be known."""
    owner = getattr(forward, "__self__", None)  # torch's `Function.apply` hides the names of its forward
    hidden = 0
    if hasattr(forward, "forward"):  # a module of torch
        forward = forward.forward
    if inspect.isclass(owner) and hasattr(owner, "forward"):
        forward = owner.forward
        hidden = 0 if hasattr(owner, "setup_context") and _is_overridden(owner) else 1
    try:
        parameters = list(inspect.signature(forward).parameters.values())[hidden:]
    except (TypeError, ValueError):
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    names += [f"inputs[{i}]" for i in range(len(names), number)]
    return [names[i] for i in positions]


def _is_overridden(owner: Any) -> bool:
    return any("setup_context" in vars(base) for base in owner.__mro__ if not base.__module__.startswith("torch"))
