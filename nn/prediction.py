"""What a network predicts for many rows: by a compiled program, for as long as it computes what the graphs would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import numpy as np

from autograd import Value, no_grad
from autograd.compiler import compile_outputs
from autograd.node import CLOCK, leaves, numbers
from autograd.structures import rebuild

from .checks import is_number, kind_of, plain, shown
from .data import Column, rows_of
from .kept import PREDICTION, Made
from .tracing import (
    LARGEST_BATCH_COMPARED,
    Comparisons,
    NoProgramError,
    Snapshot,
    described,
    placeholders,
    rows_to_compare,
    traced,
)
from .types import Vector

_GRAPHS_WORTH_A_PROGRAM = 50
_TOLERANCE = 1e-9


@contextmanager
def evaluating(modules: Iterable[Any]) -> Iterator[None]:
    """These modules out of training mode, as for predictions; each then returns to its own mode."""
    training = [vars(module) for module in modules if module.training]
    for attributes in training:  # faster than assigning, which looks for parameters
        attributes["training"] = False
    try:
        yield
    finally:
        for attributes in training:
            attributes["training"] = True


class Outputs:
    """A program for the outputs of a model, and how it compares with the model's graphs.

    Args:
        run: gives the outputs for an array of rows where `parameters` have certain numbers, from these and the rows.
        parameters: the leaves that it knows.
        results: the outputs of one row, as a graph.
        inputs: what stands in it for the numbers of a row.

    Attributes:
        parameters: the leaves, in the order of `theta`.
        comparisons: in which calls to compare it with a graph.
    """

    def __init__(
        self,
        run: Callable[[Vector, Vector], Vector],
        parameters: Sequence[Value],
        results: Sequence[Value],
        inputs: Sequence[Value],
    ) -> None:
        self._run = run
        self.parameters = parameters
        self.comparisons = Comparisons(results)
        self._results, self._inputs = results, inputs
        self._numbers: tuple[int, Vector] | None = None

    @cached_property
    def snapshot(self) -> Snapshot:
        """Of the graph, as it is when first asked for: few programs need one."""
        return Snapshot(self._results, self._inputs, self.parameters)

    def __call__(self, theta: Vector, rows: Column) -> Vector:
        """The outputs for each row, of shape (rows, outputs)."""
        return self._run(theta, rows.flat)

    def numbers_of_now(self) -> Vector:
        """Those of the parameters."""
        _ = [leaf.data for leaf in self.parameters[:1]]  # one for all, since a read is noted where a graph is traced
        now, latest = CLOCK.now, self._numbers
        if latest is None or latest[0] != now:  # else no leaf at all was given another number
            self._numbers = latest = now, np.array(numbers(self.parameters))
        return latest[1]

    def difference(self, model: Any, row: Any, outputs: Vector) -> str:
        """How program and graph differ for a row; empty if they do not."""
        expected = numbers_of(model, row)
        size = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
        if expected.shape == outputs.shape and np.allclose(
            outputs, expected, rtol=_TOLERANCE, atol=_TOLERANCE * size, equal_nan=True
        ):
            return ""
        return f"program and graph differed: {shown(outputs.tolist())} and {shown(expected.tolist())}"

    def differs(self, model: Any, rows: Column, outputs: Vector) -> bool:
        """Whether program and graphs differ at some of these rows, after they were compared at other ones."""
        chosen = rows_to_compare(len(rows), is_further=True).tolist()
        return any(self.difference(model, rows[position], outputs[position]) for position in chosen)

    def first_difference(self, model: Any, rows: Column) -> str:
        """How program and graphs differ at five of these rows; empty if they do not.

        The program gets them again and again, since it may compute as many as there are by another engine than five.
        """
        theta = np.array(numbers(self.parameters))
        chosen = rows_to_compare(len(rows))
        found = self._run(theta, rows.flat[np.resize(chosen, min(len(rows), LARGEST_BATCH_COMPARED))])
        problems = (self.difference(model, rows[p], found[k]) for k, p in enumerate(chosen.tolist()))
        return next(filter(None, problems), "")


def outputs_of(
    model: Any, rows: Column, parameters: Sequence[Value] | None = None, earlier: Outputs | None = None
) -> Outputs:
    """A program for the outputs of a model, which agreed with its graphs at five rows.

    Args:
        model: the Module, which is called once with placeholders.
        rows: the inputs.
        parameters: what the program reads from `theta`; None for all leaves of the graph.
        earlier: what is returned if it was made of the same graph.

    Raises:
        NoProgramError: no program would compute what the graphs do.
    """
    if rows.array is None:
        raise NoProgramError("the rows are not numbers, all in one form")
    inputs = placeholders(rows.array)
    row, known = rebuild(rows[0], inputs), model.parameters()
    results = results_in(traced(lambda: model(row), known, model))
    if earlier is not None and earlier.snapshot.is_of(results, inputs):
        return earlier
    if parameters is None:
        parameters = _parameters(results, inputs, known)
    try:
        compiled = compile_outputs(results, parameters, (inputs,))
        outputs = Outputs(partial(applied, compiled), parameters, results, inputs)
        problem = outputs.first_difference(model, rows)
    except Exception as error:
        raise NoProgramError(described(error)) from error
    if problem:
        raise NoProgramError(problem)
    return outputs


def results_in(outputs: object) -> list[Value]:
    """What a model returned as Values.

    Raises:
        TypeError: it is neither a number nor a list of numbers.
    """
    return [x if isinstance(x, Value) else Value(x).detach() for x in _listed(outputs)]


def applied(compiled: Any, theta: Vector, *arrays: Vector) -> Vector:
    """What a program gives where its parameters have these numbers."""
    compiled.theta = theta
    found: Vector = compiled(*arrays)
    return found


def _parameters(outputs: Sequence[Value], inputs: Iterable[Value], known: Sequence[Value]) -> list[Value]:
    """The leaves of the outputs that are neither constants nor inputs, those of the model in its order.

    In that order the weights of a layer lie together, and so do its biases.
    """
    others = set(map(id, inputs))  # by identity: to ask a Placeholder for its hash takes time
    used = [leaf for leaf in leaves(outputs) if not leaf.is_constant and id(leaf) not in others]
    places = {id(parameter): place for place, parameter in enumerate(known)}
    return sorted(used, key=lambda leaf: places.get(id(leaf), len(places)))


class Prediction:
    """The outputs of a model for whole arrays, with its numbers of now.

    A program is made when 50 rows were asked for. Each call looks whether model, parameters or the variables of its
    functions were replaced since, and makes another program if so; now and then one compares program and graph at a
    row (see `Comparisons`). If a program would compute something else, each row has its graph.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._asked = 0
        self._forget()

    def __call__(self, X: Any) -> Vector:  # noqa: N803
        """The outputs for each row, of shape (rows, outputs)."""
        rows = rows_of(X, "X")
        if not len(rows):
            raise ValueError("X is empty; predict takes at least one row")
        self._asked += len(rows)
        form = None if rows.array is None else rows.array.shape[1:]
        with evaluating(module for _, module in self._modules):
            is_same, program = self._form == form and self._is_same(), self._program
            if is_same and program is not None:
                theta = program.numbers_of_now()
                found = program(theta, rows)
                return found if self._agrees(program, theta, rows, found) else _eager(self._model, rows)
        return self._afresh(rows, form)

    def _afresh(self, rows: Column, form: tuple[int, ...] | None) -> Vector:
        """The outputs by a new program, if there can be one."""
        modules = self._model.named_modules()
        with evaluating(module for _, module in modules):
            if self._modules != modules or self._form != form or not self._is_same():
                self._forget()
            if self._form is None and self._asked >= _GRAPHS_WORTH_A_PROGRAM:
                self._make(rows, form, modules)
            program = self._program
            return _eager(self._model, rows) if program is None else program(program.numbers_of_now(), rows)

    def _forget(self) -> None:
        self._program: Outputs | None = None
        self._form: tuple[int, ...] | None = None
        self._modules: list[tuple[str, Any]] = []
        self._made: Made | None = None

    def _make(self, rows: Column, form: tuple[int, ...] | None, modules: list[tuple[str, Any]]) -> None:
        self._form = form
        try:
            self._program = outputs_of(self._model, rows)
        except NoProgramError:
            self._program = None
        self._modules, self._made = modules, Made(module for _, module in modules)

    def _is_same(self) -> bool:
        """Whether the model is the one that the program was made of, but for its numbers."""
        return self._made is not None and self._made.is_unchanged()

    def _agrees(self, program: Outputs, theta: Vector, rows: Column, found: Vector) -> bool:
        """Whether the program is as good as the graphs, by what it found; if not, it is given up."""
        if not program.comparisons.is_due():
            return True
        position = program.comparisons.calls % len(rows)
        if not program.difference(self._model, rows[position], found[position]):
            return True
        if np.array_equal(theta, program.numbers_of_now()):  # else another thread trains the model
            self._program = None
        return False


def prediction_of(model: Any) -> Prediction:
    """What the model keeps for its `predict`."""
    if PREDICTION not in vars(model):
        object.__setattr__(model, PREDICTION, Prediction(model))
    found: Prediction = vars(model)[PREDICTION]
    return found


def numbers_of(model: Any, row: Any) -> Vector:
    """The outputs for one row, from its graph, which is not recorded."""
    with no_grad():
        outputs = _listed(model(row))
    return np.array([output.data if isinstance(output, Value) else float(output) for output in outputs])


def _eager(model: Any, rows: Column) -> Vector:
    found = []
    for position, row in enumerate(rows):
        try:
            found.append(numbers_of(model, row))
        except Exception as error:
            error.add_note(f"This happened at row {position} of X, {shown(row)}.")
            raise
    if len({len(outputs) for outputs in found}) > 1:
        raise ValueError(f"the model gives different numbers of outputs: {sorted({len(each) for each in found})}")
    return np.array(found)


def _listed(outputs: Any) -> list[Any]:
    outputs = plain(outputs)
    listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for output in listed:
        if not is_number(output):
            raise TypeError(f"the outputs of the model must be Values or numbers, got {kind_of(output)}")
    return listed


def holds_rows(x: object) -> bool:
    """Whether this is an array of two axes or more, or a list of lists."""
    if isinstance(x, (list, tuple)):
        return len(x) > 0 and isinstance(x[0], (list, tuple, np.ndarray))
    return isinstance(x, np.ndarray) and x.ndim > 1
