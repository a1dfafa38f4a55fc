"""Metrics of a training: functions of outputs and target, averaged over all observations after each epoch."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from autograd import Value, compile, no_grad

from ..checks import as_float, is_number, kind_of, shown
from ..data import Column, Data
from ..flat import scatter
from ..metrics import Classes, accuracy, observed_classes, predicted_classes
from ..module import Module
from ..prediction import Outputs, numbers_of, outputs_of
from ..tracing import NoProgramError, placeholders, rows_to_compare, traced
from ..types import Vector
from .evaluation import LossOfOutputs, depends_only_on
from .program import targets_of

Metric: TypeAlias = Callable[[Any, Any], Any]


class Readings:
    """All metrics over each of several data sets, by programs where these compute the same.

    Args:
        model: in evaluation mode when this is called.
        data: the sets of observations.
        metrics: by name.
        parameters: what the numbers in a call belong to.
    """

    def __init__(
        self, model: Module, data: Sequence[Data], metrics: Mapping[str, Metric], parameters: Sequence[Value]
    ) -> None:
        self._model, self._data, self._parameters = model, data, parameters
        self._metrics = [{name: _Average(name, metric) for name, metric in metrics.items()} for _ in data]
        self._program: Outputs | None = None

    def begin(self, theta: Vector, validation: Any = None) -> None:
        """Makes the programs, where there can be some; again, if model or metrics have changed since.

        Args:
            theta: the numbers of the parameters.
            validation: the program of the loss on the last data set; if it gives the outputs too, there is no other one
                for them.
        """
        earlier, self._program = self._program, None
        inputs = [rows for rows, _ in self._data]
        if any(rows.array is None for rows in inputs):
            return
        scatter(theta, self._parameters)
        try:
            if isinstance(validation, LossOfOutputs):
                given = validation.outputs, self._parameters, validation.results, validation.inputs
                program, compared = Outputs(*given), inputs[-1]
            else:
                program, compared = outputs_of(self._model, inputs[0], self._parameters, earlier), inputs[0]
            found = [program(theta, rows) for rows in inputs]
            others = [(rows, outputs) for rows, outputs in zip(inputs, found, strict=True) if rows is not compared]
            if any(program.differs(self._model, rows, outputs) for rows, outputs in others):
                return
        except (NoProgramError, ValueError):  # rows of another form
            return
        self._program = program
        for metrics, (_, targets), outputs in zip(self._metrics, self._data, found, strict=True):
            for metric in metrics.values():
                metric.begin(self._model, outputs, targets)

    def __call__(self, theta: Vector) -> list[dict[str, float]]:
        """The metrics of each data set where the parameters have these numbers."""
        if any(metric.is_eager for metrics in self._metrics for metric in metrics.values()):
            scatter(theta, self._parameters)  # it may look at the model too
        return [
            {name: metric(outputs, targets) for name, metric in metrics.items()}
            for outputs, metrics, (_, targets) in zip(self._outputs(theta), self._metrics, self._data, strict=True)
        ]

    @property
    def has_its_numbers(self) -> bool:
        """Whether what the program takes for constants has the numbers that it had."""
        return self._program is None or self._program.snapshot.has_its_numbers

    def _outputs(self, theta: Vector) -> list[Vector]:
        if self._program is not None:
            found = [self._program(theta, rows) for rows, _ in self._data]
            if not self._program.comparisons.is_due():
                return found
            scatter(theta, self._parameters)
            rows, _ = self._data[0]
            position = self._program.comparisons.calls % len(rows)
            if not self._program.difference(self._model, rows[position], found[0][position]):
                return found
            self._program = None
        scatter(theta, self._parameters)
        return [np.array([numbers_of(self._model, row) for row in rows]) for rows, _ in self._data]


class _Average:
    """The average of a metric."""

    def __init__(self, name: str, metric: Metric) -> None:
        self._called, self._metric = name, metric
        self._program: Callable[[Vector], Vector] | None = None
        self._classes: Classes | None = None

    @property
    def is_eager(self) -> bool:
        """Whether Python computes it, row by row."""
        return self._classes is None and self._program is None

    def begin(self, model: Module, outputs: Vector, targets: Column) -> None:
        """Compiles the metric, if it only computes with Values, and of nothing but outputs and target."""
        self._program = self._classes = None
        if targets.array is None:
            return
        if self._metric is accuracy:
            if targets.array.ndim == 1 and outputs.shape[1] > 1 and not targets.holds_numbers:
                return  # truth values are no classes, and it says so
            self._classes = observed_classes(targets.array, outputs.shape[1])
            return
        x, known = placeholders(outputs), model.parameters()
        for target, y, rows in targets_of(targets, targets.array, x):
            try:
                value = traced(partial(self._metric, x, target), known, model, self._metric)
                if not isinstance(value, Value) or value.is_constant or not depends_only_on([*x, *y], value):
                    return
                program = compile(value, inputs=(x, y))
                self._program = partial(_applied, program, rows)
                if self._is_right(outputs, targets):
                    return
            except Exception:  # in Python it is the same, or the same error
                pass
            self._program = None

    def _is_right(self, outputs: Vector, targets: Column) -> bool:
        assert self._program is not None
        found = self._program(outputs)
        chosen = rows_to_compare(len(outputs)).tolist()
        expected = [self._at(outputs, targets, position) for position in chosen]
        size = float(np.max(np.abs(found), initial=0.0, where=np.isfinite(found)))
        return np.allclose(found[chosen], expected, rtol=1e-9, atol=1e-9 * size, equal_nan=True)

    def __call__(self, outputs: Vector, targets: Column) -> float:
        """The average over all rows."""
        if self._classes is not None:
            return float(np.mean(predicted_classes(outputs) == self._classes))
        if self._program is not None and math.isfinite(average := float(self._program(outputs).mean())):
            return average
        return math.fsum(self._at(outputs, targets, position) for position in range(len(outputs))) / len(outputs)

    def _at(self, outputs: Vector, targets: Column, position: int) -> float:
        row, target = outputs[position].tolist(), targets[position]
        try:
            with no_grad():
                found = self._metric(row, target)
            found = bool(found) if isinstance(found, np.bool_) else found
            if not is_number(found):
                raise TypeError(f"the metric {self._called!r} must return a number, got {kind_of(found)}")
        except Exception as error:
            error.add_note(
                f"This happened in the metric {shown(self._called)} at row {position}, with the outputs "
                f"{reprlib.repr(row)} and the target {reprlib.repr(target)}."
            )
            raise
        return as_float(found)


def _applied(program: Callable[..., Vector], targets: Vector, outputs: Vector) -> Vector:
    return program(outputs, targets)


def checked_metrics(metrics: Any) -> dict[str, Metric]:
    """The metrics by name."""
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise TypeError(f'metrics must be a dict, such as {{"accuracy": nn.accuracy}}, got {kind_of(metrics)}')
    for name, metric in metrics.items():
        if not isinstance(name, str):
            raise TypeError(f"metrics: a name must be a string, got {kind_of(name)}")
        if not callable(metric):
            raise TypeError(f"metrics[{shown(name)}] must be a function of outputs and target, got {kind_of(metric)}")
    return dict(metrics)
