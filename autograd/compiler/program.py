"""The compiled program as its user sees it."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import costs
from .kernels import ArrayKernel, FloatKernel
from .lower import for_arrays, for_floats
from .pipeline import Request, complete, grouped, lowered, packed, traced, unpacked
from .standalone import module_text

if TYPE_CHECKING:
    import os


class Compiled:
    """A graph as a program: call it with one array per element of `inputs`.

    It may be called from several threads; since a program owns its buffers, calls that use them wait for each other.

    Attributes:
        theta: the parameters as one vector, in the order of `wrt`. The program reads it at every call: change it in
            place, or assign a vector of the same length, which is copied into it.
        source: the text that runs.
    """

    def __init__(self, request: Request) -> None:
        backend, dtype = request.backend, request.dtype
        self._request = request
        self._wrt = tuple(request.wrt or ())
        self._gives_gradient = request.wrt is not None
        self._takes_arrays = bool(request.inputs)
        self._theta = np.empty(len(self._wrt), dtype)
        self._dtype = dtype
        self._lock = threading.Lock()
        self._latest_shapes: list[tuple[int, ...]] | None = None
        self.pull()
        graph = traced(request)
        groups = grouped(graph)
        self._size = costs.sized(graph, len(groups.groups), request.wrt is not None, bool(request.inputs))
        choice = costs.choose(self._size)
        if dtype != np.float64 or backend == "arrays":
            choice = choice._replace(floats_below=0)
        self._floats: FloatKernel | None = None
        self._arrays: ArrayKernel | None = None
        if backend == "floats":
            choice = choice._replace(floats_below=sys.maxsize)
        if choice.floats_below:
            program = lowered(request, complete(request, *unpacked(request, graph)), for_floats)
            self._floats = FloatKernel(program, request.input_shapes)
        if backend != "floats" and (request.inputs or not choice.floats_below):
            outputs = packed(request, graph, groups) if choice.packs else unpacked(request, graph)
            program = lowered(request, complete(request, *outputs), for_arrays)
            self._arrays = ArrayKernel(program, len(request.inputs), request.mean, self._theta)
        self._floats_below = choice.floats_below if self._arrays else sys.maxsize
        self._packs = choice.packs

    @property
    def theta(self) -> np.ndarray:
        """The parameters as one vector, in the order of `wrt`."""
        return self._theta

    @theta.setter
    def theta(self, numbers: Any) -> None:
        self._theta[...] = numbers

    @property
    def source(self) -> str:
        """The text of the program."""
        return "\n\n".join(kernel.source for kernel in (self._arrays, self._floats) if kernel is not None)

    def pull(self) -> None:
        """Copies the data of the Values in `wrt` into `theta`."""
        self._theta[:] = [value.data for value in self._wrt]

    def push(self) -> None:
        """Copies `theta` back into the data of the Values in `wrt`."""
        for value, number in zip(self._wrt, self._theta.tolist(), strict=True):
            value.data = number

    def save_source(self, path: str | os.PathLike[str]) -> None:
        """Writes the program as a Python module that needs NumPy only, with the present parameters in it.

        The module has `step`, called like this program, and `theta`; with a gradient also `train`.

        Args:
            path: the file, such as "model.py".

        Raises:
            ValueError: the program uses an operation of your own whose formula cannot be written as text.
        """
        kernel = self._arrays or self._array_kernel()
        request = self._request
        text = module_text(kernel, self._theta, list(request.input_shapes), request.mean, request.wrt is not None)
        Path(path).write_text(text, encoding="utf-8")

    def _array_kernel(self) -> ArrayKernel:
        request = self._request
        graph = traced(request)
        outputs = packed(request, graph, grouped(graph)) if self._packs else unpacked(request, graph)
        program = lowered(request, complete(request, *outputs), for_arrays)
        return ArrayKernel(program, len(request.inputs), request.mean, self._theta)

    def __call__(self, *arrays: Any) -> Any:
        """Runs the program.

        Args:
            *arrays: one for each element of `inputs`: of shape (batch,) for a Value, (batch, n) for a sequence of n.

        Returns:
            The value and the gradient, if the program was compiled with `wrt`. Otherwise an array of shape (batch,) for
            one Value and (batch, n) for a list of n. They are the caller's to keep.

        Raises:
            TypeError: a wrong number of arrays, or one that does not hold real numbers.
            ValueError: a wrong shape.
        """
        if (arrays or self._takes_arrays) and not self._fits(arrays):
            arrays = self._made_to_fit(arrays)
        batch = len(arrays[0]) if arrays else 1
        if self._floats is not None and batch < self._floats_below:
            results = self._floats.run(self._theta, arrays, batch)
        else:
            assert self._arrays is not None
            with self._lock:
                results = self._arrays.run(arrays, batch)
        return results if self._gives_gradient else self._per_row(results, batch)

    def _fits(self, arrays: tuple[Any, ...]) -> bool:
        """Whether the arguments can be used as they are, because they are like those of the last call."""
        shapes = []
        for array in arrays:
            if type(array) is not np.ndarray or array.dtype is not self._dtype:
                return False
            shapes.append(array.shape)
        return shapes == self._latest_shapes

    def _made_to_fit(self, arrays: tuple[Any, ...]) -> tuple[np.ndarray, ...]:
        """The arguments, checked, as arrays of this program's type."""
        expected = self._request.input_shapes
        if len(arrays) != len(expected):
            raise TypeError(
                f"this program takes {len(expected)} arrays, one for each element of `inputs`; got {len(arrays)}"
            )
        rows = tuple([self._checked(k, shape, arrays[k]) for k, shape in enumerate(expected)])
        for k, array in enumerate(rows):
            if len(array) != len(rows[0]):
                raise ValueError(
                    f"argument {k} has {len(array)} rows, but argument 0 has {len(rows[0])}: "
                    "each row is one observation"
                )
        self._latest_shapes = [array.shape for array in rows]
        return rows

    def _checked(self, k: int, shape: tuple[int, ...], array: Any) -> Any:
        """The argument as an array of this program's type, one row per observation."""
        if type(array) is not np.ndarray or array.dtype != self._dtype:
            array = self._converted(k, array)
        if array.ndim != 1 + len(shape) or array.shape[1:] != shape or not len(array):
            expected = f"(batch, {shape[0]})" if shape else "(batch,)"
            raise ValueError(
                f"argument {k} must have shape {expected} with at least one row, got {array.shape}; "
                "the first axis counts observations"
            )
        return array

    def _converted(self, k: int, array: Any) -> np.ndarray:
        try:
            given = np.asarray(array)
        except ValueError as error:
            raise ValueError(f"argument {k} is not an array: {error}") from None
        if given.dtype.kind not in "biuf":
            raise TypeError(f"argument {k} must hold real numbers, got dtype {given.dtype}")
        return given.astype(self._dtype)

    def _per_row(self, outputs: Any, batch: int) -> Any:
        """Outputs that do not depend on the inputs are the same in every row."""
        shape = (len(self._request.outputs),) if self._request.is_list else ()
        outputs = np.asarray(outputs, dtype=self._dtype)
        if not self._request.inputs:
            return float(outputs) if not shape else outputs
        return np.broadcast_to(outputs, (batch, *shape)).copy() if np.shape(outputs) != (batch, *shape) else outputs

    def __repr__(self) -> str:
        size, lines = self._size, []
        if self._arrays is not None:
            kind = "arrays" if self._packs else "one array per node"
            calls = costs.counted(self._arrays.text.statements, "NumPy call")
            lines.append(f"{kind}: {self._arrays.work}, {calls}")
        if self._floats is not None:
            below = f" below {self._floats_below} rows" if self._arrays is not None else ""
            lines.append(f"floats{below}: {self._floats.work}")
        batch = costs.typical_batch(size)
        estimates = [("arrays", costs.arrays), ("one array per node", costs.columns), ("floats", costs.floats)]
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


def compiled(request: Request) -> Compiled:
    """The program for a request, made while Python's collector rests: it would look through all that is made here."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return Compiled(request)
    finally:
        if enabled:
            gc.enable()
