"""The loss of a batch and its gradient as a compiled program, made only where it computes what the graphs would."""

from __future__ import annotations

import linecache
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Placeholder, Value, compile, detect_reads

from .checks import is_number
from .kept import Kept
from .steps import Slope, graph_of, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .steps import EagerStep, Mask, Positions, Vector

    Array = np.ndarray[Any, np.dtype[np.float64]]

_TOLERANCE = 1e-9  # of the largest number met; rounding is a thousand times smaller
_ROWS_COMPARED_FIRST = 5
_STEPS_BETWEEN_COMPARISONS = 64
_VALUES_COMPARED_SO_OFTEN = 256
_LARGEST_BATCH_COMPARED = 1024
_DIFFERENT = "model or loss depend on something that is not in the graph, such as random numbers"


class NoProgramError(Exception):
    """No program would compute what the graphs of all observations do; the message says why."""


class CompiledStep:
    """Runs a program made of the graph of one observation, and compares the two now and then.

    They are compared at one observation, another each time, in steps 1, 2, 4, ..., 64, 128, 192 and so on; half as
    often if the graph has 256 Values, a third as often if it has 512, so that comparing adds a few microseconds to a
    step, whatever the graph. From the first difference on, or where the program's result is not finite, the graph
    counts.

    Args:
        eager: the same without a program.
        program: takes the arrays.
        arrays: inputs and targets as the program takes them, one row for each observation.
        nodes: the number of Values in the graph.
    """

    def __init__(self, eager: EagerStep, program: Any, arrays: tuple[Array, ...], nodes: int) -> None:
        self.why_eager = ""
        self._eager = eager
        self._program = program
        self._arrays = arrays
        self._rarity = 1 + nodes // _VALUES_COMPARED_SO_OFTEN
        self._steps = 0
        self._comparisons = 0
        self._reached: Mask | None = None
        # Near a minimum all numbers are small and mostly rounding; a difference counts by the largest met before.
        self._largest_loss = 0.0
        self._largest_slope = 0.0

    @property
    def engine(self) -> str:
        """What computed losses and gradients so far."""
        return "compiled, then eager" if self.why_eager else "compiled"

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""
        self._steps += 1
        if not self.why_eager and self._is_due():
            self._compare_in_training(theta, positions)
        if not self.why_eager:
            slope = self._by_program(theta, positions)
            if slope.is_finite():
                return slope
        return self._eager(theta, positions)

    def agrees_at(self, theta: Vector, position: int, batches: Iterable[int] = (1,)) -> bool:
        """Whether program and graph give the same loss and gradient for an observation.

        Args:
            theta: the numbers of the parameters.
            position: which observation.
            batches: how often the program gets it at once: programs may compute small and large batches differently.
        """
        expected = self._eager(theta, [position])
        if not self._comparisons:
            self._reached = expected.reached
        self._comparisons += 1
        self._largest_loss = _largest(self._largest_loss, np.array([expected.loss]))
        self._largest_slope = _largest(self._largest_slope, expected.gradient)
        return all(self._is(expected, self._repeated(theta, position, batch)) for batch in batches)

    def _repeated(self, theta: Vector, position: int, batch: int) -> Slope:
        """What the program computes for one observation, if a batch consists of it."""
        times = min(batch, _LARGEST_BATCH_COMPARED)
        loss, gradient, reached = self._by_program(theta, [position] * times)
        share = 1.0 / times if self._eager.added else 1.0
        return Slope(loss * share, gradient * share, reached)

    def _is(self, expected: Slope, actual: Slope) -> bool:
        return (
            _agree(np.array([actual.loss]), np.array([expected.loss]), self._largest_loss)
            and _agree(actual.gradient, expected.gradient, self._largest_slope)
            and np.array_equal(_all_if_none(actual.reached), _all_if_none(expected.reached))
        )

    def _is_due(self) -> bool:
        turn, rest = divmod(self._steps, self._rarity)
        return rest == 0 and (turn % _STEPS_BETWEEN_COMPARISONS == 0 or turn & (turn - 1) == 0)

    def _compare_in_training(self, theta: Vector, positions: Positions) -> None:
        position = int(positions[self._comparisons % len(positions)])
        try:
            agrees = self.agrees_at(theta, position, [len(positions)])
        except Exception:
            agrees = False  # the graphs of this step, which follow, raise it in their order
        if not agrees:
            self.why_eager = f"program and graph differed at row {position} in step {self._steps}: {_DIFFERENT}"

    def _by_program(self, theta: Vector, positions: Positions) -> Slope:
        self._program.theta = theta
        if isinstance(positions, range):  # all rows, in their order
            loss, gradient = self._program(*self._arrays)
        else:
            loss, gradient = self._program(*[array.take(positions, axis=0) for array in self._arrays])
        return Slope(loss, gradient, self._reached)


def compiled_step(eager: EagerStep, theta: Vector, batches: Iterable[int]) -> CompiledStep:
    """The step as a program.

    Model and loss are called once with placeholders for the numbers of a row. Nothing may happen in that call that
    would be lost in a program: Python code must not learn a number (see `autograd.detect_reads`), and model and loss
    must keep nothing. Then the program is compared with the graphs of the first observation, the last and three
    between.

    Args:
        eager: the same without a program.
        theta: the numbers of the parameters.
        batches: the numbers of observations in a step that occur.

    Raises:
        NoProgramError: there is no program.
    """
    inputs, targets = (column.array for column in eager.data)
    if inputs is None or targets is None:
        raise NoProgramError(f"the {'inputs' if inputs is None else 'targets'} are not numbers, all rows in one form")
    write(eager.parameters, theta)
    x = _placeholders(inputs)
    outputs = _traced(eager, lambda: eager.model(_like(eager.data[0][0], x)))
    reason = None
    for target, y, rows in _targets(eager.data[1], targets, outputs):
        try:
            loss = _traced(eager, partial(eager.loss, outputs, target))
            arrays = (inputs.reshape(len(inputs), -1), rows)
            return _compared(_step(eager, loss, (x, y), arrays), theta, len(inputs), batches)
        except NoProgramError as error:
            reason = error
    assert reason is not None
    raise reason


def _traced(eager: EagerStep, call: Callable[[], Any]) -> Any:
    """The result of a call whose graph holds for other numbers too."""
    before, failure = Kept(eager.model, eager.loss), None
    with detect_reads(eager.parameters) as reads:
        try:
            result = call()
        except Exception as error:
            failure = error
    if reads.first is not None:
        filename, line = reads.first
        source = linecache.getline(filename, line).strip()
        raise NoProgramError(
            f"Python code reads the number of a Value, in {filename}:{line} (inputs and targets are Values too while a "
            f"program is made; write maximum, where(relu(x), ...) for x > 0, log of autograd, ...)\n    {source}"
        )
    if failure is not None:
        raise NoProgramError(f"called with Values for numbers, {_described(failure)}") from failure
    if changed := Kept(eager.model, eager.loss).changed_since(before):
        raise NoProgramError(f"each call of model or loss changes {', '.join(changed)}")
    return result


def _targets(column: Sequence[Any], targets: Array, outputs: Any) -> Iterator[tuple[Any, list[Placeholder], Array]]:
    """The forms in which a loss may take a target, with the placeholders in it and the array of their numbers.

    They are the form that the targets have and, for classes, the shares of all classes: a Value is no index.
    """
    rows = targets.reshape(len(targets), -1)
    y = _placeholders(rows)
    yield _like(column[0], y), y, rows
    number = len(outputs) if isinstance(outputs, (list, tuple)) else 0
    if all(type(target) is int and 0 <= target < number for target in column):
        rows = np.eye(number)[targets.astype(int)]
        y = _placeholders(rows)
        yield _Shares(y), y, rows


class _Shares(list[Placeholder]):
    """The shares of all classes, in the place of a class: to ask them what one asks an index is a read."""

    def _refuse(self, *others: object) -> Any:
        float(self[0])
        raise TypeError("the shares of all classes are no index of a class")

    __eq__ = __ne__ = __bool__ = __index__ = __int__ = __float__ = __mul__ = __rmul__ = _refuse
    __hash__ = _refuse  # type: ignore[assignment]  # that of a list is None


def _step(
    eager: EagerStep, loss: Any, placeholders: tuple[list[Placeholder], ...], arrays: tuple[Array, ...]
) -> CompiledStep:
    if not isinstance(loss, Value):
        raise NoProgramError(f"the loss of one observation is no Value but a {type(loss).__name__}")
    try:
        program = compile(loss, wrt=eager.parameters, inputs=placeholders, reduction="sum" if eager.added else "mean")
    except Exception as error:
        raise NoProgramError(_described(error)) from error
    return CompiledStep(eager, program, arrays, len(graph_of([loss])))


def _compared(step: CompiledStep, theta: Vector, rows: int, batches: Iterable[int]) -> CompiledStep:
    """The step, if it agrees with the graphs."""
    for position in np.unique(np.linspace(0, rows - 1, _ROWS_COMPARED_FIRST).astype(int)).tolist():
        try:
            agrees = step.agrees_at(theta, position, batches)
        except Exception as error:
            raise NoProgramError(f"at row {position}, {_described(error)}") from error
        if not agrees:
            raise NoProgramError(f"program and graph differed at row {position}: {_DIFFERENT}")
    return step


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _placeholders(array: Array) -> list[Placeholder]:
    """One for each number of a row."""
    return [Placeholder(numbers) for numbers in array.reshape(len(array), -1).T]


def _like(row: Any, values: Sequence[Value]) -> Any:
    """The Values in the form of a row, which may be nested."""
    pending = iter(values)

    def form(part: Any) -> Any:
        if is_number(part):
            return next(pending)
        return tuple(map(form, part)) if isinstance(part, tuple) else [form(each) for each in part]

    return form(row)


def _largest(before: float, numbers: Vector) -> float:
    return float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=before))


def _agree(actual: Vector, expected: Vector, scale: float) -> bool:
    return np.allclose(actual, expected, rtol=_TOLERANCE, atol=_TOLERANCE * scale, equal_nan=True)


def _all_if_none(mask: Mask | None) -> Any:
    return True if mask is None else mask
