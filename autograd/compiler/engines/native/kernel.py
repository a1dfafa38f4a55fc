"""The native engine: programs on single numbers, as tapes that machine code interprets, block of rows by block."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...calls import Exclusive, quietly
from ...ir import Contribution
from ...kernels import Kernel, UnavailableError
from ...lower import asked
from . import interpreter as head
from .interpreter import GATHERED, LANES
from .listing import listing
from .machine_code import functions
from .tape import KNOWN, tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...ir import Program, Shape
    from .tape import Tape

_ROWS = 1024  # of which arguments and results are copied at a time
_COPIED = 1 << 18  # numbers in them at most, unless one block has more
_NEAR = 1 << 18  # numbers in all blocks, if possible: 2 MB, which a core's cache may hold
_WIDTHS = (8, 16, 32, 64)


class NativeKernel(Exclusive, Kernel):
    """A program as a tape for machine code.

    Threads that run it wait for each other, for it owns its numbers; other threads run meanwhile.
    """

    name = "native"

    def __init__(self, program: Program, shapes: Sequence[Shape], theta: np.ndarray) -> None:
        own = asked(program, KNOWN)
        if own:
            rows = [each.operation if isinstance(each, Contribution) else each for each in own]
            names = ", ".join(dict.fromkeys(repr(row.name) for row in rows))
            raise UnavailableError(
                f"the formula of {names} decides by Python's `if` or calls other libraries; "
                "write it with the functions of m, such as m.where"
            )
        Exclusive.__init__(self)
        Kernel.__init__(self, program)
        self._functions = functions()
        ends = list(accumulate([shape[0] if shape else 1 for shape in shapes], initial=0))
        self._columns = [slice(*pair) if shape else pair[0] for pair, shape in zip(pairwise(ends), shapes, strict=True)]
        self._tape = tape(program, ends)
        self._theta = theta
        self._shape = program.outputs[0].shape
        self._gives_gradient = len(program.outputs) > 1
        self._numbers: dict[int, _Numbers] = {}
        blocks = self._tape.layout.blocks
        self._widest = max([width for width in _WIDTHS if width == 8 or width * blocks <= _NEAR])

    @property
    def source(self) -> str:
        """The tape as text."""
        return listing(self._tape)

    def run(self, arrays: Sequence[np.ndarray], batch: int) -> Any:
        """The loss and its gradient, or the outputs."""
        layout = self._tape.layout
        with self.lock:
            numbers = self._prepared(batch)
            numbers.start(self._theta, batch)
            rows = batch if layout.blocks else 1
            parts = []
            for first in range(0, rows, numbers.rows):
                count = min(numbers.rows, rows - first)
                for column, array in zip(self._columns, arrays, strict=True):
                    numbers.arguments[:count, column] = array[first : first + count]
                code = numbers.code
                code[head.CHUNK], code[head.STARTS], code[head.STOPS] = count, first == 0, first + count == rows
                self._functions.run(numbers.address, numbers.code_address)
                if layout.per_row:
                    parts.append(numbers.results[:count].copy())
            results = np.concatenate(parts) if layout.per_row else numbers.array.take(layout.results)
        if self._theta.dtype != np.float64:
            results = quietly(results, self._theta.dtype)
        if self._gives_gradient:
            return float(results[0]), results[1:]
        return results.reshape(-1, *self._shape) if layout.per_row else results.reshape(self._shape)

    def _prepared(self, batch: int) -> _Numbers:
        """Numbers for blocks as wide as the batch, if that is possible."""
        width = 1
        if batch > 1 and self._tape.layout.blocks:
            width = min(self._widest, next((each for each in _WIDTHS if each >= batch), self._widest))
        if width not in self._numbers:
            self._numbers[width] = _Numbers(self._tape, width, self._widest)
        return self._numbers[width]


class _Numbers:
    """What a tape works on, for blocks of one width.

    Attributes:
        code: the tape, with its head filled in.
        array: the numbers.
        rows: how many rows of arguments and results there are at a time.
        arguments: these, in all columns.
        results: those of each row.
        code_address: where the tape is in memory.
        address: where the numbers are.
    """

    def __init__(self, tape: Tape, width: int, widest: int) -> None:
        layout = self._layout = tape.layout
        self.code = tape.code.copy()
        columns, results = int(self.code[head.COLUMNS]), int(self.code[head.RESULTS])
        most = min(_ROWS, max(widest, _COPIED // max(1, columns + results)))
        self.rows = most if width == widest else width
        scratch = layout.scalars + layout.blocks * width + LANES
        arguments = scratch + 3 * GATHERED
        out = arguments + self.rows * columns
        self.array = _aligned(out + self.rows * results)
        self.array[: len(layout.constants)] = layout.constants
        self.arguments = self.array[arguments:out].reshape(self.rows, columns)
        self.results = self.array[out:].reshape(self.rows, results)
        self.code[[head.WIDTH, head.SCRATCH, head.IN, head.OUT]] = [width, scratch, arguments, out]
        self.code_address = self.code.ctypes.data
        self.address = self.array.ctypes.data

    def start(self, theta: np.ndarray, batch: int) -> None:
        """Fills in what holds for a call."""
        layout = self._layout
        self.array[layout.theta : layout.theta + layout.parameters] = theta[: layout.parameters]
        first, after = layout.totals
        self.array[first:after] = 0.0
        for name, place in layout.symbols.items():
            self.array[place] = batch if name == "batch" else 1.0 / batch


def _aligned(length: int) -> np.ndarray:
    """Zeros that begin where a cache line does."""
    zeros = np.zeros(length + LANES)
    start = -(zeros.ctypes.data // zeros.itemsize) % LANES
    return zeros[start : start + length]
