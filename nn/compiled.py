"""The loss of a batch and its gradient as a compiled program, checked against the eager one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value, compile, no_grad

from .checks import is_number
from .steps import loss_of, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .data import Data
    from .module import Module
    from .steps import EagerStep, Vector

_TOLERANCE = 1e-9  # of the largest number met; rounding is a thousand times smaller
_STEPS_BETWEEN_CHECKS = 64


class CompiledStep:
    """Runs a program made of the graph of one observation.

    What Python decides while that graph is built is the same for all observations in the program. If the model decides
    by the data, program and graph differ: they are compared on all observations at the start, and on one, another each
    time, at steps 1, 2, 4, 8, ..., 64, 128, 192 and so on. From the first difference on, or where the program's result
    is not finite, the graph counts.

    Args:
        eager: the same without a program.
        program: takes the arrays.
        arrays: inputs and targets as the program takes them, one row for each observation.
    """

    def __init__(self, eager: EagerStep, program: Any, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        self._eager = eager
        self._program = program
        self._arrays = arrays
        self._steps = 0
        self._checks = 0
        self._differs = False
        # Near a minimum all numbers are small and mostly rounding; a difference counts by the largest met before.
        self._largest_loss = 0.0
        self._largest_slope = 0.0

    @property
    def engine(self) -> str:
        """What computed losses and gradients so far."""
        return "compiled, then eager" if self._differs else "compiled"

    def __call__(self, theta: Vector, positions: Sequence[int]) -> tuple[float, Vector]:
        """The loss over the observations at these positions, and its derivative by each element of `theta`."""
        self._steps += 1
        if not self._differs and self._is_due():
            self._differs = not self.agrees_at(theta, positions[self._checks % len(positions)])
            self._checks += 1
        if not self._differs:
            value, gradient = self._by_program(theta, positions)
            if np.isfinite(value) and np.isfinite(gradient).all():
                return value, gradient
        return self._eager(theta, positions)

    def agrees_at(self, theta: Vector, position: int) -> bool:
        """Whether program and graph give the same loss and gradient for an observation."""
        expected, slopes = self._eager(theta, [position])
        value, gradient = self._by_program(theta, [position])
        self._largest_loss = _largest(self._largest_loss, np.array([expected]))
        self._largest_slope = _largest(self._largest_slope, slopes)
        return _agree(np.array([value]), np.array([expected]), self._largest_loss) and _agree(
            gradient, slopes, self._largest_slope
        )

    def _is_due(self) -> bool:
        return self._steps % _STEPS_BETWEEN_CHECKS == 0 or self._steps & (self._steps - 1) == 0

    def _by_program(self, theta: Vector, positions: Sequence[int]) -> tuple[float, Vector]:
        self._program.theta = theta
        value, gradient = self._program(*[array[positions] for array in self._arrays])
        return value, gradient


def _largest(before: float, numbers: Vector) -> float:
    return float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=before))


def _agree(actual: Vector, expected: Vector, scale: float) -> bool:
    return np.allclose(actual, expected, rtol=_TOLERANCE, atol=_TOLERANCE * scale, equal_nan=True)


def compiled_step(eager: EagerStep, theta: Vector) -> CompiledStep | None:
    """The step as a program; None if the data are not numbers in rows of one form, or the model decides by the data."""
    inputs = _rows(eager.data[0])
    if inputs is None:
        return None
    write(eager.parameters, theta)
    for targets, placeholder in _targets(eager.model, eager.data):
        x = [Value(number) for number in inputs[0].ravel().tolist()]
        y = [Value(number) for number in targets[0].ravel().tolist()]
        try:
            value = loss_of(eager.model, eager.loss, _like(eager.data[0][0], x), placeholder(y))
            program = compile(value, wrt=eager.parameters, inputs=(x, y), reduction="sum" if eager.added else "mean")
        except (TypeError, ValueError, IndexError):
            continue  # a target of another form, or a model that asks a Value what only a number can answer
        step = CompiledStep(eager, program, (inputs.reshape(len(inputs), -1), targets.reshape(len(targets), -1)))
        if all(step.agrees_at(theta, position) for position in range(len(inputs))):
            return step
    return None


def _targets(model: Module, data: Data) -> list[tuple[np.ndarray[Any, Any], Callable[[list[Value]], Any]]]:
    """The forms in which a program may take the targets: as they are, and classes as rows of 0 and 1."""
    forms: list[tuple[np.ndarray[Any, Any], Callable[[list[Value]], Any]]] = []
    targets = _rows(data[1])
    if targets is None:
        return forms
    forms.append((targets, lambda y: _like(data[1][0], y)))
    if all(isinstance(target, int) and target >= 0 for target in data[1]):
        classes = np.array(data[1])
        with no_grad():
            outputs = model(data[0][0])
        number = len(outputs) if isinstance(outputs, (list, tuple)) else 0
        if classes.max() < number:
            forms.append((np.eye(number)[classes], lambda y: y))
    return forms


def _rows(column: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """The rows as one array; None if they are not numbers, or differ in form."""
    try:
        array = np.array(column, dtype=float)
    except (TypeError, ValueError):
        return None
    return array


def _like(row: Any, values: list[Value]) -> Any:
    """The Values in the form of a row, which may be nested."""
    pending = iter(values)

    def form(part: Any) -> Any:
        return next(pending) if is_number(part) else [form(each) for each in part]

    return form(row)
