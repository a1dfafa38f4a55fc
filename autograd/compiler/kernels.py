"""Program text made callable: one class per engine."""

from __future__ import annotations

import math
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops import FLOATS, Operation
from . import arrays, costs
from .calls import ArrayProgram, quietly
from .engines.float_text import float_text
from .engines.numpy_text import array_text
from .engines.parts import defined
from .engines.places import Places
from .ir import Contribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import ArrayLike

    from .ir import Program

_python_floats = np.ndarray.tolist
_FLOAT_ROWS = 4096  # that are Python floats at the same time


class UnavailableError(Exception):
    """A backend cannot run a program, for a reason that is the message."""


class Kernel:
    """A program as one backend runs it.

    Attributes:
        name: what `repr` calls it.
        does: what it does in a call, in a few words.
        reads: the numbers of the arguments that it reads.
    """

    name: str

    def __init__(self, program: Program, source: str = "") -> None:
        self._source = source
        self.does = str(costs.work(program))
        self.reads = {each.data for each in program.instructions if each.op == "input"}

    @property
    def source(self) -> str:
        """The text that runs."""
        return self._source

    def run(self, arrays: Sequence[np.ndarray], batch: int) -> Any:
        """The loss and its gradient, or the outputs: floats, lists of them or arrays, which the caller owns."""
        raise NotImplementedError


class FloatKernel(Kernel):
    """A program on Python floats, lowered for them."""

    name = "floats"

    def __init__(self, program: Program, input_shapes: Sequence[tuple[int, ...]], theta: np.ndarray) -> None:
        text = float_text(program, input_shapes)
        super().__init__(program, text.source)
        names = {**vars(FLOATS), "inf": math.inf, "math": math, "nan": math.nan, "np": np}
        names["operations"] = [on_floats(operation) for operation in text.operations]
        self._step = defined(text.source, "program", names)
        self._theta = theta

    def run(self, arrays: Sequence[np.ndarray], batch: int) -> Any:
        """The loss and its gradient, or the outputs as a list."""
        try:
            numbers = _python_floats if batch <= _FLOAT_ROWS else self._numbers
            return self._step(numbers, self._theta, batch, *arrays)
        except (ZeroDivisionError, OverflowError):  # where Python's arithmetic raises, NumPy's follows IEEE 754
            with np.errstate(all="ignore"):
                return self._step(list, self._theta, batch, *arrays)

    def _numbers(self, array: np.ndarray) -> Iterable[Any]:
        """The array's floats. The rows of a long one come a block at a time."""
        if array is self._theta:
            return _python_floats(array)  # type: ignore[no-any-return]
        blocks = range(0, len(array), _FLOAT_ROWS)
        return chain.from_iterable(array[start : start + _FLOAT_ROWS].tolist() for start in blocks)


class ArrayKernel(ArrayProgram, Kernel):
    """A program on NumPy arrays, lowered for them.

    Attributes:
        constants: the arrays that its text refers to.
        asked: operations of the user's own that it calls, because they only work on numbers.
        block: the number of rows that it works on at a time.
        placed: what decides its statements.
        counts: what most of them are.
    """

    placed: type[Places] = Places
    counts = "NumPy call"

    def __init__(self, program: Program, arguments: int, mean: bool, theta: np.ndarray, **functions: Any) -> None:
        text = array_text(program, arguments, self.placed)
        Kernel.__init__(self, program, text.source)
        self.does += f", {costs.counted(text.statements, self.counts)}"
        self.constants = [quietly(each, theta.dtype) if each.dtype.kind == "f" else each for each in text.constants]
        self.asked = text.operations
        prepare = defined(text.source, "prepare", vars(arrays) | functions)
        own = [on_arrays(operation) for operation in self.asked]
        self.block = costs.block(costs.work(program), text.statements, text.row_size)
        if not (len(program.outputs) == 2 or program.outputs[0].batched):
            self.block = sys.maxsize  # nothing grows with the batch
        ArrayProgram.__init__(self, prepare, theta, self.constants, own, mean, self.block)


def on_floats(operation: Operation | Contribution) -> Callable[..., float]:
    """An operation of the user's own, or its contribution to a gradient, as a function of floats."""
    if isinstance(operation, Operation):
        return lambda *numbers: FLOATS.evaluate(operation, numbers)
    row, operand = operation

    def contribution(cotangent: float, y: float, *numbers: float) -> float:
        partial = FLOATS.partials(row, y, numbers)[operand]
        return 0.0 if partial is None else cotangent * float(partial)

    return contribution


def on_arrays(operation: Operation | Contribution) -> Callable[..., np.ndarray]:
    """The same as a function of arrays, element by element."""
    function = on_floats(operation)

    def elementwise(*operands: ArrayLike) -> np.ndarray:
        rows = np.broadcast_arrays(*operands)
        numbers = zip(*[row.ravel().tolist() for row in rows], strict=True)
        return np.array([function(*each) for each in numbers], dtype=float).reshape(rows[0].shape)

    return elementwise
