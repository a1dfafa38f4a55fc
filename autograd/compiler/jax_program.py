"""A program for JAX: a pure function of arrays, and the kernel that runs it on NumPy's. Importing this imports JAX."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .calls import check_number, check_shapes, in_blocks
from .engines.jax_text import jax_text
from .engines.parts import defined
from .ir import tuple_text
from .jax_numbers import functions
from .kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from .ir import Program, Shape
    from .jax_numbers import Array
    from .pipeline import Request


class JaxFunction:
    """A program, lowered for JAX, as a pure function of theta and its arrays, which computes in the type of theta.

    Attributes:
        source: the text that runs, after the arguments are checked.
    """

    __name__ = "step"  # what JAX calls it in profiles and in the text that it compiles

    def __init__(self, program: Program, request: Request) -> None:
        text = jax_text(program, len(request.inputs))
        self.source = text.source
        self._run = defined(text.source, "program", functions(text.operations) | {"constants": _small(text.constants)})
        self._parameters = len(request.wrt or ())
        self._input_shapes = request.input_shapes
        self._output_shape: Shape | None = None if request.gives_gradient else program.outputs[0].shape

    def __call__(self, theta: Array, *arrays: Array) -> Array:
        """The value and the gradient, or the outputs.

        Raises:
            TypeError: a wrong number of arrays, or complex ones.
            ValueError: a wrong shape.
        """
        theta, *rows = self._converted(theta, arrays)
        results = _sharded_by_compiler(self._run, rows, self._output_shape is not None)(theta, *rows)
        if self._output_shape is None:
            value, gradient = results
            return jnp.asarray(value, theta.dtype), jnp.asarray(gradient, theta.dtype)
        shape = (rows[0].shape[0], *self._output_shape) if rows else self._output_shape
        return jnp.broadcast_to(jnp.asarray(results, theta.dtype), shape)

    def __repr__(self) -> str:
        rows = "".join([f", {tuple_text(['batch', *map(str, shape)])}" for shape in self._input_shapes])
        return f"<function for JAX of arrays with shapes ({self._parameters},){rows}>"

    def _converted(self, theta: Array, arrays: Sequence[Array]) -> list[Array]:
        """The arguments as arrays of one type of floats."""
        check_number(self._input_shapes, arrays)
        theta, *rows = [_real(name, array) for name, array in zip(self._names(), [theta, *arrays], strict=True)]
        if theta.shape != (self._parameters,):
            raise ValueError(f"theta must be a vector of {self._parameters} numbers, got shape {theta.shape}")
        check_shapes(self._input_shapes, [array.shape for array in rows])
        if not jnp.issubdtype(theta.dtype, jnp.floating):
            theta = theta.astype(float)
        return [theta, *[array.astype(theta.dtype) for array in rows]]

    def _names(self) -> list[str]:
        return ["theta", *[f"argument {k}" for k in range(len(self._input_shapes))]]


def _real(name: str, given: Array) -> Array:
    array = jnp.asarray(given)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def _small(constants: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Constants with the numbers of elements in a type that JAX has with and without 64 bits."""
    return [each if each.dtype.kind == "f" else each.astype(np.int32) for each in constants]


def _sharded_by_compiler(run: Callable[..., Any], rows: Sequence[Array], by_rows: bool) -> Callable[..., Any]:
    """The function with the compiler in charge of shardings, even where a mesh makes them part of types.

    A sum over sharded rows has no sharding type that would follow from those of its operands.
    """
    for array in rows:
        sharding = jax.typeof(array).sharding
        if sharding.spec and sharding.spec[0] is not None:
            result = jax.sharding.PartitionSpec(*[sharding.spec[0]] * by_rows)
            spread: Callable[..., Any] = jax.sharding.auto_axes(
                run, out_sharding=jax.sharding.NamedSharding(sharding.mesh, result)
            )
            return spread
    return run


_BLOCK = 65_536  # rows at a time


class JaxKernel(Kernel):
    """A program that JAX compiles, once per batch size; long batches go in blocks.

    A forked child, in which JAX would hang, runs it on NumPy.
    """

    name = "jax"

    def __init__(self, program: Program, request: Request, theta: np.ndarray, in_a_child: Callable[[], Kernel]) -> None:
        function = JaxFunction(program, request)
        super().__init__(program, function.source)
        self.does += f", compiled by XLA for {jax.default_backend()}"
        self._gives_gradient = request.gives_gradient
        self._mean = request.mean
        self._theta = theta
        self._in_a_child = in_a_child
        self._step = jax.jit(function)
        self._process = os.getpid()

    def run(self, arrays: Sequence[np.ndarray], batch: int) -> Any:
        """The loss and its gradient, or the outputs."""
        if os.getpid() != self._process:
            return self._in_a_child().run(arrays, batch)
        if batch > _BLOCK:
            return in_blocks(self._of_block, arrays, batch, _BLOCK, self._mean)
        return self._of_block(arrays, batch)

    def _of_block(self, arrays: Sequence[np.ndarray], batch: int) -> Any:
        with _precision(self._theta.dtype):
            results = self._step(self._theta, *arrays)
        if not self._gives_gradient:
            return np.array(results)
        value, gradient = results
        return float(value), np.array(gradient)


def _precision(dtype: np.dtype[np.floating]) -> AbstractContextManager[None]:
    """JAX with 64 bits if the program computes in them, whatever the caller has chosen for the rest of the process."""
    context: AbstractContextManager[None] = jax.enable_x64(bool(dtype == np.float64))
    return context
