"""How a program is called: arguments, parameters and results checked and converted, buffers kept. Needs NumPy only.

The source of what is here is copied into programs that are saved to stand alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from numbers import Real
from typing import Any

import numpy as np

_PREPARED = 8  # sizes of batches whose buffers are kept


class Arguments:
    """The arrays that a program takes, one row per observation.

    Args:
        shapes: the shape of a row of each: () for one number, (n,) for n.
        dtype: the type that they are converted to.
    """

    def __init__(self, shapes: Any, dtype: Any) -> None:
        self._shapes = shapes
        self._dtype = dtype
        self._latest: Any = None

    def checked(self, arrays: Any) -> Any:
        """The arguments as arrays of the program's type; as they are, if they are like those of the last call.

        Raises:
            TypeError: a wrong number of arrays, or one that does not hold real numbers.
            ValueError: a wrong shape.
        """
        shapes = []
        for array in arrays:
            if type(array) is not np.ndarray or array.dtype is not self._dtype:
                return self._converted(arrays)
            shapes.append(array.shape)
        return arrays if shapes == self._latest else self._converted(arrays)

    def _converted(self, arrays: Any) -> Any:
        if len(arrays) != len(self._shapes):
            raise TypeError(self._wrong_number(arrays))
        arrays = [_one_row_per_observation(k, shape, arrays[k], self._dtype) for k, shape in enumerate(self._shapes)]
        for k, array in enumerate(arrays):
            if len(array) != len(arrays[0]):
                raise ValueError(
                    f"argument {k} has {len(array)} rows, but argument 0 has {len(arrays[0])}: "
                    "each row is one observation"
                )
        self._latest = [array.shape for array in arrays]
        return arrays

    def _wrong_number(self, arrays: Any) -> str:
        text = f"this program takes {len(self._shapes)} arrays, one for each element of `inputs`; got {len(arrays)}"
        if len(arrays) == 1 and set(self._shapes) == {()}:
            text += f" (one array of shape (batch, {len(self._shapes)}) is inputs=(x,), where x is a list)"
        return text


def _one_row_per_observation(k: int, shape: Any, array: Any, dtype: Any) -> Any:
    array = _of_real_numbers(f"argument {k}", array, dtype)
    if not array.ndim or array.shape[1:] != shape or not len(array):
        expected = f"(batch, {shape[0]})" if shape else "(batch,)"
        raise ValueError(
            f"argument {k} must have shape {expected} with at least one row, got {array.shape}; "
            "the first axis counts observations"
        )
    return array


def _of_real_numbers(what: str, numbers: Any, dtype: Any) -> Any:
    """The numbers as an array of this type."""
    if type(numbers) is np.ndarray and numbers.dtype == dtype:
        return numbers
    if np.ma.is_masked(numbers):
        raise ValueError(f"{what} has masked elements, for which a program has no rule; use its `filled`")
    try:
        given = np.asarray(numbers)
    except ValueError as error:
        raise ValueError(f"{what} is not an array: {error}") from None
    others = [x for x in given.ravel().tolist() if not isinstance(x, Real)] if given.dtype.kind == "O" else []
    if others or given.dtype.kind not in "biufO":  # objects may be large integers
        example = f", as {others[0]!r} is of type {type(others[0]).__name__}" if others else ""
        raise TypeError(f"{what} must hold real numbers, got dtype {given.dtype}{example}")
    return quietly(given, dtype)


def quietly(array: Any, dtype: Any) -> Any:
    """The array in another type. What is too large for it is infinite there, without a warning."""
    with np.errstate(all="ignore"):
        return np.asarray(array, dtype)


def copy_into(theta: Any, numbers: Any) -> None:
    """Gives the parameters new numbers.

    Raises:
        TypeError: they are not real numbers.
        ValueError: they are not a vector of the same length.
    """
    if numbers is theta:  # as after `theta -= ...`
        return
    if type(numbers) is not np.ndarray or numbers.dtype is not theta.dtype:
        numbers = _of_real_numbers("theta", numbers, theta.dtype)
    if numbers.shape != theta.shape:
        raise ValueError(f"theta must be a vector of {len(theta)} numbers, got shape {numbers.shape}")
    theta[...] = numbers


def shaped(outputs: Any, shape: Any, dtype: Any) -> Any:
    """The outputs as an array; those that do not depend on the arguments are the same in every row."""
    if not shape:
        return float(outputs)
    outputs = quietly(outputs, dtype) if type(outputs) is float else np.asarray(outputs, dtype)
    return outputs if outputs.shape == shape else np.broadcast_to(outputs, shape).copy()


class ArrayProgram:
    """A program on arrays, with buffers for the latest sizes of batches.

    It may be run from several threads; since it owns its buffers, they wait for each other.

    Args:
        prepare: allocates the buffers for a size, and gives the function that computes into them.
        theta: the parameter vector that it reads.
        constants: the arrays that it refers to.
        operations: the functions that it refers to.
        mean: whether the loss is averaged over the batch, or added.
    """

    def __init__(self, prepare: Any, theta: Any, constants: Any, operations: Any, mean: bool) -> None:
        self.theta = theta
        self._prepare = prepare
        self._constants = constants
        self._operations = operations
        self._mean = mean
        self._prepared: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, arrays: Any, batch: int) -> Any:
        """The results, as floats and arrays."""
        with self._lock:
            step = self._prepared.get(batch)
            if step is None:
                scale = 1.0 / batch if self._mean else 1.0
                step = self._prepare(self.theta, self._constants, self._operations, batch, scale)
                self._prepared[batch] = step
                if len(self._prepared) > _PREPARED:
                    self._prepared.popitem(last=False)
            return step(*arrays)
