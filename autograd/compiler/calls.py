"""How a program is called: validates and converts arguments, keeps buffers. Needs NumPy only.

`standalone` copies the source of what is here.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

_PREPARED = 8  # batch sizes whose buffers are kept
_PATIENCE = 2.0  # seconds that a fork waits for calls in other threads


class Arguments:
    """The arrays that a program takes, one row per observation."""

    def __init__(self, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any]) -> None:
        self._shapes = shapes
        self._dtype = dtype
        self._latest: list[tuple[int, ...]] = []

    def checked(self, arrays: Sequence[Any]) -> Sequence[np.ndarray]:
        """The arguments as arrays of the program's type; unchanged if they are like those of the last call.

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

    def _converted(self, arrays: Sequence[Any]) -> Sequence[np.ndarray]:
        check_number(self._shapes, arrays)
        arrays = [_of_real_numbers(f"argument {k}", array, self._dtype) for k, array in enumerate(arrays)]
        shapes = [array.shape for array in arrays]
        check_shapes(self._shapes, shapes)
        self._latest = shapes
        return arrays


def check_number(expected: Sequence[tuple[int, ...]], arrays: Sequence[Any]) -> None:
    """Raises a TypeError unless there are as many arrays as shapes of rows."""
    if len(arrays) == len(expected):
        return
    text = f"this program takes {len(expected)} arrays, one for each element of `inputs`; got {len(arrays)}"
    if len(arrays) == 1 and set(expected) == {()}:
        text += f" (one array of shape (batch, {len(expected)}) is inputs=(x,), where x is a list)"
    raise TypeError(text)


def check_shapes(expected: Sequence[tuple[int, ...]], given: Sequence[tuple[int, ...]]) -> None:
    """Raises a ValueError unless each array has one row of the expected shape per observation."""
    for k, (row, shape) in enumerate(zip(expected, given, strict=True)):
        if not shape or shape[1:] != row or not shape[0]:
            form = f"(batch, {row[0]})" if row else "(batch,)"
            raise ValueError(
                f"argument {k} must have shape {form} with at least one row, got {shape}; "
                "the first axis counts observations"
            )
        if shape[0] != given[0][0]:
            raise ValueError(
                f"argument {k} has {shape[0]} rows, but argument 0 has {given[0][0]}: each row is one observation"
            )


def _of_real_numbers(what: str, numbers: Any, dtype: np.dtype[Any]) -> np.ndarray:
    if type(numbers) is np.ndarray and numbers.dtype == dtype:
        return numbers
    try:
        is_masked = np.ma.is_masked(numbers)
        with warnings.catch_warnings(action="error"):  # of masked elements in a list, say
            given = np.asarray(numbers)
    except Exception as error:  # arrays of other libraries may raise anything
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{what} is not an array: {error}") from error
    if is_masked:
        raise ValueError(f"{what} has masked elements, for which a program has no rule; use its `filled`")
    if given.dtype.kind not in "biufO":
        raise TypeError(f"{what} must hold real numbers, got dtype {given.dtype}")
    if given.dtype.kind == "O":
        given = np.array([_real(what, x) for x in given.ravel().tolist()]).reshape(given.shape)
    return quietly(given, dtype)


def _real(what: str, x: Any) -> float:
    try:
        if isinstance(x, Real):
            return float(x)
    except OverflowError:  # an integer beyond the largest float
        return np.inf if x > 0 else -np.inf
    except Exception as error:
        raise TypeError(f"{what} must hold real numbers, got {shown(x)}: {error}") from error
    raise TypeError(f"{what} must hold real numbers, got {shown(x)} of type {type(x).__name__}")


def shown(x: Any) -> str:
    """An argument as error messages show it: not all of it if it is long, and nothing if it cannot be shown."""
    try:
        text = " ".join([line.strip() for line in repr(x).splitlines()])
    except Exception:
        return "something"
    return text if len(text) <= 200 else f"{text[:200]}..."


def quietly(array: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """Numbers as an array of a type. What is too large for it becomes infinite, without a warning."""
    with np.errstate(all="ignore"):
        return np.asarray(array, dtype)


def copy_into(theta: np.ndarray, numbers: Any) -> None:
    """Overwrites the parameters.

    Raises:
        TypeError: the numbers are not real.
        ValueError: they are not a vector of the same length.
    """
    if numbers is theta:  # as after `theta -= ...`
        return
    if type(numbers) is not np.ndarray or numbers.dtype is not theta.dtype:
        numbers = _of_real_numbers("theta", numbers, theta.dtype)
    if numbers.shape != theta.shape:
        raise ValueError(f"theta must be a vector of {len(theta)} numbers, got shape {numbers.shape}")
    theta[...] = numbers


def shaped(outputs: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> float | np.ndarray:
    """The outputs as an array; those that do not depend on the arguments repeat in every row."""
    if not shape:
        return float(outputs)
    outputs = quietly(outputs, dtype) if type(outputs) is float else np.asarray(outputs, dtype)
    return outputs if outputs.shape == shape else np.broadcast_to(outputs, shape).copy()


@np.errstate(all="ignore")
def in_blocks(
    run: Callable[[Sequence[np.ndarray], int], Any], arrays: Sequence[np.ndarray], batch: int, block: int, mean: bool
) -> Any:
    """The results of a long batch, a block of rows at a time.

    Args:
        run: gives the results of some rows: a loss and its gradient, or one array with a result for each row.
        arrays: the arguments.
        batch: their number of rows.
        block: how many rows at a time.
        mean: whether losses and gradients are averaged over the rows, or added up. Other results follow one another.
    """
    value, total, rows = 0.0, 0.0, None
    for start in range(0, batch, block):
        stop = min(start + block, batch)
        result = run([array[start:stop] for array in arrays], stop - start)
        if isinstance(result, tuple):
            share = (stop - start) / batch if mean else 1.0
            value, total = value + result[0] * share, total + result[1] * share
        else:
            rows = np.empty((batch, *result.shape[1:]), result.dtype) if rows is None else rows
            rows[start:stop] = result
    return (value, total) if rows is None else rows


class _Programs(weakref.WeakValueDictionary[int, "Exclusive"]):
    """All programs. A fork waits until none of them runs: OpenBLAS would hang, and the child would find locks held."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[threading.RLock] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._hold, after_in_parent=self._release, after_in_child=self._renew)

    def _hold(self) -> None:
        end = time.monotonic() + _PATIENCE
        locks = [program.lock for program in self._alive()]
        self._held = [lock for lock in locks if lock.acquire(timeout=max(0.0, end - time.monotonic()))]

    def _release(self) -> None:
        for lock in self._held:
            lock.release()
        self._held = []

    def _renew(self) -> None:
        for program in self._alive():
            program.lock = threading.RLock()

    def _alive(self) -> list[Exclusive]:
        return [program for program in [reference() for reference in self.valuerefs()] if program is not None]


_programs = _Programs()


class Exclusive:
    """A program that one thread at a time may run, for it owns its buffers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        _programs[id(self)] = self


class ArrayProgram(Exclusive):
    """A program on arrays, with buffers for the latest batch sizes; long batches run in blocks of rows."""

    def __init__(
        self,
        prepare: Callable[..., Callable[..., Any]],
        theta: np.ndarray,
        constants: Sequence[np.ndarray],
        operations: Sequence[Callable[..., np.ndarray]],
        mean: bool,
        block: int,
    ) -> None:
        super().__init__()
        self.theta = theta
        self._prepare = prepare
        self._constants = constants
        self._operations = operations
        self._mean = mean
        self._block = block
        self._prepared: OrderedDict[int, Callable[..., Any]] = OrderedDict()

    def run(self, arrays: Sequence[np.ndarray], batch: int) -> Any:
        """The results, as floats and arrays."""
        with self.lock:
            if batch <= self._block:
                return (self._prepared.get(batch) or self._of(batch))(*arrays)
            return in_blocks(lambda rows, number: self._of(number)(*rows), arrays, batch, self._block, self._mean)

    def _of(self, batch: int) -> Callable[..., Any]:
        """The program with buffers for this many rows."""
        step = self._prepared.get(batch)
        if step is None:
            scale = 1.0 / batch if self._mean else 1.0
            step = self._prepare(self.theta, self._constants, self._operations, batch, scale)
            self._prepared[batch] = step
            if len(self._prepared) > _PREPARED:
                self._prepared.popitem(last=False)
        return step
