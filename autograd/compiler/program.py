"""The compiled program as users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..collector import collector_paused
from ..files import write_atomically
from . import costs
from .calls import Arguments, copy_into, quietly, shaped
from .exports import SUFFIXES, Exports, checked_path
from .lower import for_jax
from .plan import Plan
from .requests import native_installed, require_extra

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from .kernels import Kernel
    from .pipeline import Request


class Compiled:
    """A graph as a program: call it with one array per element of `inputs`.

    Threads that call it wait for each other while it uses its buffers, and a fork waits for them. It can be neither
    copied nor pickled: compile the graph again, or use `save_source`.

    Attributes:
        theta: the parameters as one vector, in the order of `wrt`. Every call reads it: change it in place, or assign
            a vector of the same length, which is copied into it.
        source: the text that runs.
        exports: what writes it for other languages.
    """

    def __init__(self, request: Request) -> None:
        self._wrt = tuple(request.wrt or ())
        self._gives_gradient = request.gives_gradient
        self._input_shapes = request.input_shapes
        self._output_shape = (len(request.outputs),) if request.is_list else ()
        self._dtype = request.dtype
        self._checked = Arguments(request.input_shapes, request.dtype).checked
        self._theta = np.empty(len(self._wrt), request.dtype)
        self.pull()
        with collector_paused():
            self._plan = Plan(request, self._theta)
        self._latest: tuple[int, Kernel] | None = None
        outputs = None if self._gives_gradient else self._output_shape
        self.exports = Exports(self._plan, self._theta, request.input_shapes, outputs, request.mean)

    @property
    def theta(self) -> np.ndarray:
        """The parameters as one vector, in the order of `wrt`."""
        return self._theta

    @theta.setter
    def theta(self, numbers: ArrayLike) -> None:
        copy_into(self._theta, numbers)

    @property
    def source(self) -> str:
        """The text of the program."""
        return "\n\n".join([kernel.source for kernel in self._plan.kernels()])

    def pull(self) -> None:
        """Copies the data of the Values in `wrt` into `theta`."""
        self._theta[:] = quietly([value.data for value in self._wrt], self._dtype)

    def push(self) -> None:
        """Copies `theta` back into the data of the Values in `wrt`."""
        for value, number in zip(self._wrt, self._theta.tolist(), strict=True):
            value.data = number

    def __call__(self, *arrays: Any) -> Any:
        """Runs the program.

        Args:
            *arrays: one per element of `inputs`: of shape (batch,) for a Value, (batch, n) for a sequence of n.

        Returns:
            The value and the gradient, if compiled with `wrt`. Otherwise an array of shape (batch,) for one Value,
            (batch, n) for a list of n. The caller owns them.

        Raises:
            TypeError: a wrong number of arrays, or one that does not hold real numbers.
            ValueError: a wrong shape.
        """
        rows = self._checked(arrays) if arrays or self._input_shapes else arrays
        batch = len(rows[0]) if rows else 1
        latest = self._latest  # in one piece, for other threads assign it too
        if latest is None or latest[0] != batch:
            self._latest = latest = batch, self._plan.kernel(batch)
        results = latest[1].run(rows, batch)
        if self._gives_gradient:
            return results
        return shaped(results, (batch, *self._output_shape) if rows else self._output_shape, self._dtype)

    def to_jax(self) -> Callable[..., Any]:
        """The program as a pure function of `jax.numpy`, for accelerators, clusters and all of JAX's transformations.

        `function(theta, *arrays)` returns what the program returns, as arrays of JAX. It works under `jax.jit`,
        `jax.grad` (to any order, with this library's conventions at kinks) and `jax.vmap`, on any device. If the arrays
        are sharded over a mesh by rows, each device computes its rows, and one all-reduce adds up value and gradient:

            function = jax.jit(step.to_jax())
            value, gradient = function(jnp.array(step.theta), X, Y)

        It computes in the type of `theta`. JAX turns float64 into float32 unless `jax_enable_x64` is on: switch that on
        for results equal to 1e-12. XLA takes subnormal numbers for 0. Give it a copy of `step.theta`, as above, since
        JAX may read an array of NumPy after it has changed.

        Returns:
            The function. It holds the constants of the graph, neither Values nor parameters.

        Raises:
            ImportError: JAX is not installed.
        """
        require_extra("jax", "to_jax")
        from .jax_program import JaxFunction

        return JaxFunction(self._plan.written(for_jax), self._plan.request)

    def save_source(self, path: str | os.PathLike[str]) -> None:
        """Writes the program as a module that stands alone, with the present parameters in it.

        The suffix says in which language:

        - `.py`: Python that needs NumPy only. `step` is called like this program; for a loss there is `theta`, to
          change in place or assign, and `train(*arrays, learning_rate, steps)`, gradient descent on `theta` that
          returns the loss before each step.
        - `.js`: an ES module without dependencies: for a loss `theta`, a Float64Array, `step(...inputs)`, which gives
          `{value, gradient}`, and `train(inputs, {learningRate, steps})`; otherwise `predict(...inputs)`. An input is
          an array with one row per observation.
        - `.c`: C99 with `math.h` only, which allocates nothing. Names begin with the file's: for model.c,
          `extern double model_theta[]` and `double model_step(const double *x0, ..., size_t batch, double *gradient)`,
          or `void model_predict(const double *x0, ..., size_t batch, double *outputs)`, rows one after the other. The
          comment at its beginning says how much memory it takes.

        Args:
            path: the file, such as "model.py". It is replaced whole or not at all.

        Raises:
            TypeError: the path is neither a string nor a path.
            ValueError: it cannot be a file's, or has another suffix; or the program uses operations of your own whose
                formulas cannot be written as text.
            OSError: the file cannot be written; an existing one is unchanged.
        """
        checked = checked_path("save_source", path, SUFFIXES)
        write_atomically(path, self.exports.text(checked).encode())

    def save_onnx(self, path: str | os.PathLike[str]) -> None:
        """Writes the program as a model of ONNX, for runtimes and converters of many kinds; needs the extra `onnx`.

        The model takes "x0", "x1", ..., one for each element of `inputs`, with any number of rows, and gives
        "outputs", all in the program's dtype. What runtimes lack in double precision is made of what they have.

        Args:
            path: the file, such as "model.onnx". It is replaced whole or not at all.

        Raises:
            ImportError: `onnx` is not installed.
            TypeError: the path is neither a string nor a path; or the program was compiled with `wrt`, so that it gives
                a gradient.
            ValueError: it cannot be a file's, or has another suffix; or the program uses operations of your own whose
                formulas cannot be written.
            OSError: the file cannot be written; an existing one is unchanged.
        """
        checked_path("save_onnx", path, (".onnx",))
        write_atomically(path, self.exports.onnx())

    def __reduce__(self) -> Any:
        raise TypeError(
            "a compiled program cannot be copied or pickled, for it owns its buffers: compile the graph again, "
            "or write it as a module with save_source and import that"
        )

    def __repr__(self) -> str:
        size, kernels = self._plan.size, self._plan.kernels()
        lines = self._plan.descriptions()
        unread = [f"inputs[{k}]" for k in range(len(self._input_shapes)) if k not in kernels[0].reads]
        if unread:
            lines.append(f"nothing depends on {', '.join(unread)}")
        batch = costs.typical_batch(size)
        estimates = [("arrays", costs.arrays), ("one array per node", costs.columns), ("floats", costs.floats)]
        estimates += [("arrays and machine code", costs.fused), ("native", costs.native)] * native_installed()
        times = ", ".join(f"{name} {estimate(size, batch):,.0f} us" for name, estimate in estimates)
        rows = f" for {costs.counted(batch, 'row')}" if size.batched else ""
        return "\n  ".join(
            [
                f"<compiled program: {costs.counted(size.nodes, 'node')} in {costs.counted(size.groups, 'group')}, "
                f"{costs.counted(len(self._wrt), 'parameter')}",
                *lines,
                f"estimated{rows}: {times}>",
            ]
        )
