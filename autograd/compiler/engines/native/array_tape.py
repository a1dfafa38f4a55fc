"""Writes steps on NumPy arrays as a tape for `array_steps.run_arrays`: places in memory, lengths and strides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import array_steps as code
from .array_steps import ARRAY, ARRAYS, LENGTHS, MAP, SIZE
from .interpreter import GATHERED
from .rows_of_arrays import EXPONENTIALS, LOG_SOFTMAX, LOG_SOFTMAX_PULL, LOGSUMEXP, SOFTMAX, SOFTMAX_PULL
from .tape import ELEMENTWISE, IN_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Step = tuple[Any, ...]
    """What is done, where the result goes, and the operands: arrays and numbers."""

ALONG_ROWS = {
    "exponentials": EXPONENTIALS,
    "logsumexp": LOGSUMEXP,
    "softmax": SOFTMAX,
    "softmax_pull": SOFTMAX_PULL,
    "log_softmax": LOG_SOFTMAX,
    "log_softmax_pull": LOG_SOFTMAX_PULL,
}
"""The functions along rows, by name."""
_NUMBER = {name: number for number, name in enumerate(ELEMENTWISE.values())}
_IN_PLACE = {_NUMBER[name] for name in IN_PLACE}
_LOOPS = 4
_ITEM = 8  # bytes of a number


class Exponentials(NamedTuple):
    """What functions along the same rows share; see `rows_of_arrays`."""

    top: np.ndarray
    top_at: np.ndarray
    e: np.ndarray
    rest: np.ndarray
    """The sums, and behind them room for as many numbers as there are exponentials."""


def room(rows: int, width: int) -> Exponentials:
    """Where the exponentials of so many rows go."""
    return Exponentials(np.empty(rows), np.empty(rows), np.empty(rows * width), np.empty(rows * (1 + width)))


class MachineCode:
    """Makes functions of steps on arrays.

    Args:
        function: `array_steps.run_arrays` as machine code, of two addresses.
    """

    def __init__(self, function: Callable[[int, int], Callable[[], object]]) -> None:
        self._function = function
        self._scratch = np.empty(4 * GATHERED)

    def __call__(self, *steps: Step) -> Callable[[], object]:
        """What takes these steps when it is called. The arrays' memory must stay where it is."""
        writer = _Writer(self._scratch)
        for step in steps:
            writer.add(*step)
        tape = np.array([len(writer.tape) // SIZE, *writer.tape], dtype=np.int64)
        run = self._function(self._scratch.ctypes.data, tape.ctypes.data)
        kept = (self._scratch, tape, writer.arrays)

        def taken(kept: object = kept) -> None:
            run()

        return taken


class _Loops(NamedTuple):
    """Nested loops over several arrays, the result first: their lengths, and the strides and place of each array."""

    lengths: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]

    def in_order(self, axes: Sequence[int]) -> _Loops:
        """The same loops in another order."""
        strides = tuple([tuple([each[axis] for axis in axes]) for each in self.strides])
        return self._replace(lengths=tuple([self.lengths[axis] for axis in axes]), strides=strides)

    def coalesced(self, fixed: int | None = None) -> _Loops:
        """As few loops as possible; the one with the number `fixed` stays by itself, whatever its length."""
        axes: list[int] = []
        lengths: list[int] = []
        for axis, length in enumerate(self.lengths):
            if length == 1 and axis != fixed:
                continue
            alone = axis == fixed or not axes or axes[-1] == fixed
            if not alone and all(each[axes[-1]] == each[axis] * length for each in self.strides):
                axes[-1], lengths[-1] = axis, lengths[-1] * length
            else:
                axes.append(axis)
                lengths.append(length)
        return self.in_order(axes)._replace(lengths=tuple(lengths))

    def nests(self) -> Iterator[_Loops]:
        """Nests of exactly `_LOOPS` loops that do the same; the innermost loop stays what it is."""
        missing = _LOOPS - len(self.lengths)
        if missing >= 0:
            strides = tuple([(0,) * missing + each for each in self.strides])
            yield _Loops((1,) * missing + self.lengths, strides, self.places)
            return
        shortest = min(range(len(self.lengths) - 1), key=self.lengths.__getitem__)
        others = self.in_order([axis for axis in range(len(self.lengths)) if axis != shortest])
        for i in range(self.lengths[shortest]):
            places = [place + i * each[shortest] for place, each in zip(self.places, self.strides, strict=True)]
            yield from others._replace(places=tuple(places)).nests()


class _Writer:
    """A tape as it grows.

    Attributes:
        tape: its integers.
        arrays: all that it points to.
    """

    def __init__(self, scratch: np.ndarray) -> None:
        self._base = scratch.ctypes.data
        self.tape: list[int] = []
        self.arrays: list[np.ndarray | Exponentials] = []

    def add(self, name: str, result: Any, *operands: Any) -> None:
        """Writes a step."""
        if name in ALONG_ROWS:
            self._along_rows(name, result, *operands)
            return
        arrays = [result, *[self._array(each) for each in operands]]
        if name in _NUMBER or name == "copy":
            self._elementwise(name, arrays)
        else:
            getattr(self, f"_{name}")(*arrays)

    def _array(self, operand: np.ndarray | float) -> np.ndarray:
        array = np.asarray(operand, dtype=float)
        self.arrays.append(array)
        return array

    def _loops(self, lengths: Sequence[int], *arrays: np.ndarray) -> _Loops:
        return _Loops(
            tuple(lengths),
            tuple([tuple([stride // _ITEM for stride in each.strides]) for each in arrays]),
            tuple([self._place(each) for each in arrays]),
        )

    def _place(self, array: np.ndarray) -> int:
        self.arrays.append(array)
        return (array.ctypes.data - self._base) // _ITEM

    def _elementwise(self, name: str, arrays: Sequence[np.ndarray]) -> None:
        result, *operands = arrays
        operands = [each if each.size == result.size else self._contiguous(each) for each in operands]
        spread = [result, *[np.broadcast_to(each, result.shape) for each in operands]]
        loops = self._loops(result.shape, *spread)
        order = sorted(range(result.ndim), key=lambda axis: (-loops.strides[0][axis], axis))
        for nest in loops.in_order(order).coalesced().nests():
            if name == "copy":
                self._write(code.COPY, nest)
            else:
                self._map(_NUMBER[name], nest, arrays)

    def _map(self, operation: int, nest: _Loops, arrays: Sequence[np.ndarray]) -> None:
        """Writes an operation; lines that follow one another become one, in which an array may repeat."""
        *outer, rows, width = nest.lengths
        if not (rows > 1 and 2 * width <= GATHERED and all(_goes_on(each, width) for each in nest.strides)):
            self._write(MAP, nest, operation=operation, part=GATHERED, copies=_copies(operation, nest, arrays))
            return
        repeats = sum([(each[-2:] == (0, 1)) << k for k, each in enumerate(nest.strides)])
        stretches = sum([(each[-1] == 0 != each[-2]) << k for k, each in enumerate(nest.strides)])
        strides = [(*each[:-2], 0, each[-1] or each[-2]) for each in nest.strides]
        line = _Loops((*outer, 1, rows * width), tuple(strides), nest.places)
        copies = _copies(operation, line, arrays) | repeats | stretches
        extra = {"repeats": repeats, "stretches": stretches, "period": width}
        self._write(MAP, line, operation=operation, part=GATHERED - GATHERED % width, copies=copies, **extra)

    def _total(self, result: np.ndarray, x: np.ndarray, scale: np.ndarray) -> None:
        """Sums over the last axis, of elements times a number."""
        spread = [result[..., None], x, np.broadcast_to(scale, x.shape)]
        last = x.ndim - 1
        for nest in self._loops(x.shape, *spread).coalesced(fixed=last).nests():
            self._write(code.PRODUCT, nest)

    def _rows_total(self, result: np.ndarray, x: np.ndarray) -> None:
        """Sums over the first axis."""
        if x.ndim == 1:
            self._total(result, x, self._array(1.0))
            return
        loops = self._loops(x.shape, np.broadcast_to(result, x.shape), x).coalesced(fixed=0)
        rows, width = loops.lengths[0], loops.lengths[-1]
        is_narrow = loops.strides[1] == (width, 1) and 2 * width <= GATHERED
        part = min(rows, GATHERED // width) * width if is_narrow else 0
        for nest in loops.in_order([*range(1, len(loops.lengths)), 0]).nests():
            self._write(code.ROWS_TOTAL, nest.in_order([3, 0, 1, 2]), part=part)

    def _product(self, result: np.ndarray, x: np.ndarray, y: np.ndarray, counting: np.ndarray | None = None) -> None:
        """A product of stacks of matrices; perhaps only of elements where one factor, 0 or 1, is not 0."""
        if not (x.ndim and y.ndim):
            self._elementwise("mul", [result, x, y])
            return
        if x.ndim == 1:
            x, result = x[None], result[..., None, :] if y.ndim > 1 else result[None]
        if y.ndim == 1:
            y, result = y[:, None], result[..., None]
        shape = (*result.shape, x.shape[-1])
        left = np.broadcast_to(x[..., None, :], shape)
        right = np.broadcast_to(np.swapaxes(y, -1, -2)[..., None, :, :], shape)
        masks = [] if counting is None else [(left, right)[int(counting)]]
        loops = self._loops(shape, np.broadcast_to(result[..., None], shape), left, right, *masks)
        for nest in loops.coalesced(fixed=len(shape) - 1).nests():
            self._write(code.PRODUCT, nest, operation=len(masks))

    def _along_rows(self, name: str, result: Any, *operands: Any) -> None:
        """Writes a function along rows that follow one another."""
        common, *arrays = (result, *operands) if name == "exponentials" else operands
        rows, width = common.top.size, common.e.size // common.top.size
        others = [self._contiguous(each) for each in arrays]
        assert all(each.size == rows * width for each in others), "rows of other sizes"
        assert name == "exponentials" or result.flags.c_contiguous, "a result that is apart"
        places = [0 if name == "exponentials" else self._place(result), *[self._place(each) for each in common]]
        places += [self._place(each) for each in others]
        step = [0] * SIZE
        step[code.KIND], step[code.OPERATION] = code.ROWS, ALONG_ROWS[name]
        step[LENGTHS : LENGTHS + 3] = [rows, width, _NUMBER["exp"]]
        step[ARRAYS : ARRAYS + len(places)] = places
        self.tape += step

    def _contiguous(self, array: np.ndarray) -> np.ndarray:
        """The array, or a copy that the tape makes, with its elements one after the other."""
        if array.flags.c_contiguous:
            return array
        copy = np.empty(array.shape)
        self._elementwise("copy", [copy, array])
        return copy

    def _write(self, kind: int, nest: _Loops, **settings: int) -> None:
        step = [0] * SIZE
        step[code.KIND] = kind
        for name, setting in settings.items():
            step[getattr(code, name.upper())] = setting
        step[LENGTHS:ARRAYS] = nest.lengths
        for k, (place, strides) in enumerate(zip(nest.places, nest.strides, strict=True)):
            step[ARRAYS + k * ARRAY : ARRAYS + (k + 1) * ARRAY] = [place, *strides]
        self.tape += step


def _goes_on(strides: Sequence[int], width: int) -> bool:
    """Whether lines so wide follow one another, are all the same, or hold one number each."""
    return strides[-2:] in ((width, 1), (0, 1)) or strides[-1] == 0


def _copies(operation: int, nest: _Loops, arrays: Sequence[np.ndarray]) -> int:
    """A bit for each array that cannot be used where it is: the elements of a line are apart, or the result's too."""
    is_line = nest.lengths[-1] > 1
    bits = 0
    for k, (array, strides) in enumerate(zip(arrays, nest.strides, strict=True)):
        shares = k > 0 and np.may_share_memory(array, arrays[0])
        if shares and 0 < k < 3 and operation in _IN_PLACE:
            shares = (nest.places[k], strides) != (nest.places[0], nest.strides[0])
        bits |= ((is_line and strides[-1] != 1) or shares) << k
    return bits
