"""The loss of a batch and its gradient as a compiled program, checked against the eager one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value, compile

from .checks import is_number
from .steps import loss_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .data import Data
    from .module import Module
    from .steps import EagerStep, Loss, Vector

_CHECKED = 8  # observations that program and graph must agree on before a program is used
_TOLERANCE = 1e-9  # of the largest number; rounding is a thousand times smaller


class CompiledStep:
    """Runs a program made of the graph of one observation.

    What Python decides while that graph is built is the same for all observations in the program. If the model decides
    by the data, program and graph differ: they are compared on several observations at the start, and on one at steps
    1, 2, 4, 8 and so on. From the first difference on, or where the program's result is not finite, the graph counts.

    Args:
        eager: the same without a program; it shares `theta` with the program.
        program: takes the arrays.
        data: all observations.
        arrays: inputs and targets as the program takes them, one row for each observation.
    """

    def __init__(self, eager: EagerStep, program: Any, data: Data, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        self._eager = eager
        self._data = data
        self._program = program
        self._arrays = arrays
        self._steps = 0
        self._differs = False
        eager.theta = program.theta

    def __call__(self, positions: Sequence[int]) -> tuple[float, Vector]:
        """The loss over these observations, and its derivative with respect to each element of `theta`."""
        self._steps += 1
        if self._steps & (self._steps - 1) == 0 and not self.agrees_at(positions[0]):
            self._differs = True
        if self._differs:
            return self._by_graph(positions)
        value, gradient = self._program(*[array[positions] for array in self._arrays])
        if np.isfinite(value) and np.isfinite(gradient).all():
            return value, gradient
        return self._by_graph(positions)

    def _by_graph(self, positions: Sequence[int]) -> tuple[float, Vector]:
        inputs, targets = ([column[position] for position in positions] for column in self._data)
        return self._eager(inputs, targets)

    def agrees_at(self, position: int) -> bool:
        """Whether program and graph give the same loss and gradient for an observation."""
        value, gradient = self._by_graph([position])
        actual, slope = self._program(*[array[position : position + 1] for array in self._arrays])
        return _agree(np.array([actual]), np.array([value])) and _agree(slope, gradient)


def _agree(actual: Vector, expected: Vector) -> bool:
    scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0)
    return np.allclose(actual, expected, rtol=_TOLERANCE, atol=_TOLERANCE * scale, equal_nan=True)


def compiled_step(model: Module, loss: Loss, eager: EagerStep, data: Data) -> CompiledStep | None:
    """The step as a program; None if the data are not numbers in rows of one form, or the model decides by the data."""
    inputs = _rows(data[0])
    if inputs is None:
        return None
    for targets, placeholder in _targets(model, data):
        x = [Value(number) for number in inputs[0].ravel().tolist()]
        y = [Value(number) for number in targets[0].ravel().tolist()]
        try:
            value = loss_of(model, loss, _like(data[0][0], x), placeholder(y))
            program = compile(value, wrt=eager.parameters, inputs=(x, y), reduction="sum" if eager.added else "mean")
        except (TypeError, ValueError, IndexError):
            continue  # a target of another form, or a model that asks a Value what only a number can answer
        step = CompiledStep(eager, program, data, (inputs.reshape(len(inputs), -1), targets.reshape(len(targets), -1)))
        spread = np.unique(np.linspace(0, len(inputs) - 1, _CHECKED).astype(int)).tolist()
        if all(map(step.agrees_at, spread)):
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
