"""Steps of training by a compiled program, for as long as it computes what the graphs would."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from autograd import Placeholder, Value, compile
from autograd.compiler import compile_outputs
from autograd.node import edges, history
from autograd.operation import FLOATS
from autograd.structures import rebuild

from ..data import Column
from ..flat import scatter
from ..tracing import (
    LARGEST_BATCH_COMPARED,
    Comparisons,
    NoProgramError,
    Snapshot,
    described,
    placeholders,
    rows_to_compare,
    traced,
)
from ..types import Mask, Numbers, OneHot, Positions, Vector
from .steps import EagerStep, Residuals, Slope

_TOLERANCE = 1e-9  # of the largest number met; rounding is mostly a thousand times smaller
_ROUNDING = 2.0**-44  # far more than rounding changes a number, relative to it, and far less than matters
_NEARBY = 4
_UNSTEADY = "model or loss give something else at each call, as with random numbers"
_DIFFERENT = "model or loss depend on something that is not in the graph"
_NOT_BEGUN = "no epoch was computed, so no program was made"


class Graph(NamedTuple):
    """The graph of one observation, with placeholders for its numbers."""

    outputs: object
    target: object
    loss: Value
    placeholders: Sequence[list[Placeholder]]


Compiler: TypeAlias = Callable[[EagerStep, Graph], Any]
"""Makes what computes loss and gradient from arrays, one per list of placeholders; weights are another one."""


def compiled_loss(eager: EagerStep, graph: Graph) -> Any:
    """The program of the loss."""
    inputs: list[Value | list[Placeholder]] = [*graph.placeholders]
    total, added = graph.loss, eager.added
    if eager.weights is not None:
        share, added = Value(1.0), True
        total, inputs = share * total, [*inputs, share]
    return compile(total, wrt=eager.parameters, inputs=inputs, reduction="sum" if added else "mean")


class OfOutputs:
    """A program of several numbers of one observation, with a row of them for each; subclasses add them up.

    Args:
        outputs: the numbers.
        eager: the eager step.
        placeholders: for the numbers of the observation.
    """

    def __init__(self, outputs: Sequence[Value], eager: EagerStep, placeholders: Sequence[list[Placeholder]]) -> None:
        self._eager = eager
        self._compiled = compile_outputs(outputs, eager.parameters, placeholders)

    @property
    def theta(self) -> Vector:
        """The parameters."""
        return self._compiled.theta

    @theta.setter
    def theta(self, theta: Vector) -> None:
        self._compiled.theta = theta


class Step:
    """The loss over some observations and its gradient: by a program if one is as good, else by graphs.

    That is decided here, and `why_eager` says why it is graphs: by `begin`, which makes the program if it can; by
    comparing the two in training; and by results of the program that are not finite, for which the graphs count.

    Attributes:
        eager: the graphs.
        why_eager: why they compute; empty if the program does.
    """

    def __init__(self, eager: EagerStep, compiler: Compiler = compiled_loss) -> None:
        self.eager = eager
        self.why_eager = _NOT_BEGUN
        self._compiler = compiler
        self._program: Program | None = None

    @property
    def engine(self) -> str:
        """What computed losses and gradients so far, for `History.engine`."""
        if self._program is None:
            return "eager"
        return "compiled, then eager" if self.why_eager else "compiled"

    def begin(self, refusal: str, theta: Vector, batches: Iterable[int]) -> None:
        """Makes the program for the batch sizes that occur, unless there is a reason against it, such as `refusal`."""
        if refusal or self.why_eager != _NOT_BEGUN:  # a training that goes on stays eager if it was
            self.why_eager = refusal or self.why_eager
            return
        try:
            self._program, self.why_eager = program_of(self.eager, theta, batches, self._compiler), ""
        except NoProgramError as error:
            self.why_eager = str(error)

    @property
    def compiled(self) -> Any:
        """What the compiler made; None if graphs compute."""
        return None if self._program is None or self.why_eager else self._program.compiled

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""
        program = self.program(theta, positions)
        slope = None if program is None else program(theta, positions)
        return slope if slope is not None and slope.is_finite else self.eager(theta, positions)

    def follow(self, theta: Vector, batches: Iterable[int]) -> None:
        """Makes the program again if model and loss, which may have changed, give another graph."""
        if self.compiled is None:
            return
        try:
            self._program = program_of(self.eager, theta, batches, self._compiler, self._program)
        except NoProgramError as error:
            self.why_eager = str(error)

    @property
    def has_its_numbers(self) -> bool:
        """Whether what the program takes for constants has the numbers that it had."""
        return self._program is None or self._program.snapshot.has_its_numbers

    def program(self, theta: Vector, positions: Positions) -> Program | None:
        """The program, if it is as good as the graphs in this step too."""
        program = self._program
        if program is None or self.why_eager:
            return None
        if program.comparisons.is_due():
            self.why_eager = program.difference(theta, positions)
        return None if self.why_eager else program


class Program:
    """A program made of the graph of one observation, and its comparison with such graphs.

    They are compared at one observation, a different one each time.

    Attributes:
        compiled: computes loss and gradient from arrays.
        comparisons: in which steps a comparison is due.
    """

    def __init__(self, eager: EagerStep, compiled: Any, arrays: Sequence[Vector], graph: Graph) -> None:
        self._eager = eager
        self.compiled = compiled
        self._arrays = arrays
        self._graph = graph
        self.comparisons = Comparisons([graph.loss])
        self._compared = 0
        self._reached: Mask | None = None
        # Near a minimum all numbers are small and mostly rounding, so differences count by the largest numbers met.
        self._largest_loss = self._largest_slope = 0.0

    @cached_property
    def snapshot(self) -> Snapshot:
        """Of the graph, as it is when first asked for: few trainings need one."""
        return Snapshot([self._graph.loss], chain.from_iterable(self._graph.placeholders), self._eager.parameters)

    def is_of(self, graph: Graph) -> bool:
        """Whether it was made of a graph that is built alike."""
        inputs = [*chain.from_iterable(graph.placeholders)]
        return isinstance(graph.loss, Value) and self.snapshot.is_of([graph.loss], inputs)

    def __call__(self, theta: Vector, positions: Positions) -> Slope:
        """The loss over the observations at these positions, where the parameters have the numbers `theta`."""
        np.copyto(self.compiled.theta, theta)
        loss, gradient = self.compiled(*self._rows(positions))
        return Slope(loss, gradient, self._reached)

    def residuals(self, theta: Vector, positions: Positions) -> Residuals:
        """The residuals of these observations, if the program computes them."""
        np.copyto(self.compiled.theta, theta)
        values, jacobian = self.compiled.residuals(*self._rows(positions))
        return Residuals(values, jacobian, self._reached)

    def _rows(self, positions: Positions) -> Sequence[Vector]:
        """What the program takes for the observations at these positions."""
        arrays = self._arrays
        if not isinstance(positions, range):  # a range is all rows, in their order
            arrays = [array.take(positions, axis=0) for array in arrays]
        shares = self._eager.shares(positions)
        return arrays if shares is None else [*arrays, shares]

    def difference(self, theta: Vector, positions: Positions) -> str:
        """How program and graph differ at one of these observations; empty if they do not."""
        position = int(positions[self._compared % len(positions)])
        try:
            problem = self.problem_at(theta, position, [len(positions)])
        except Exception as error:  # the graphs of this step, which follow, raise it in their order
            problem = described(error)
        return problem and f"program and graph differed at row {position} in step {self.comparisons.calls}: {problem}"

    def problem_at(self, theta: Vector, position: int, batches: Iterable[int] = (1,)) -> str:
        """How program and graph differ in loss or gradient for an observation; empty if they do not.

        The program gets it as batches of several sizes, since it may compute small and large ones differently.
        """
        expected = self._eager(theta, [position])
        if not self._compared:
            self._reached = expected.reached
        self._compared += 1
        self._largest_loss = _largest(self._largest_loss, expected.loss)
        self._largest_slope = _largest(self._largest_slope, expected.gradient)
        if not np.array_equal(expected.reached, self._reached):  # type: ignore[arg-type]  # None is one too
            return "its loss depends on other parameters than that of the first row"
        for batch in batches:
            actual = self._repeated(theta, position, batch)
            if not self._is(expected, actual) and not self._is_rounding(expected, actual, theta, position):
                return self._difference(expected, actual, theta, position)
        return ""

    def _repeated(self, theta: Vector, position: int, batch: int) -> Slope:
        """What the program computes for a batch of one observation, repeated."""
        times = min(batch, LARGEST_BATCH_COMPARED)
        found = self(theta, [position] * times)
        share = 1.0 / times if self._eager.added else 1.0
        return Slope(found.loss * share, found.gradient * share, found.reached)

    def _is(self, expected: Slope, actual: Slope) -> bool:
        return _agree(actual.loss, expected.loss, _TOLERANCE * self._largest_loss) and _agree(
            actual.gradient, expected.gradient, _TOLERANCE * self._largest_slope
        )

    def _is_rounding(self, expected: Slope, actual: Slope, theta: Vector, position: int) -> bool:
        """Whether they differ by no more than the program does nearby, or than the last digits of what it adds up."""
        rng = np.random.default_rng(0)
        nearby = [self._nearby(theta, position, rng) for _ in range(_NEARBY)]
        loss, slope = _sizes(self._graph.loss, self._eager.parameters)
        with np.errstate(all="ignore"):  # infinities
            losses, gradients = (np.ptp(found, axis=0).max(initial=0.0) for found in zip(*nearby, strict=True))
        return _agree(actual.loss, expected.loss, losses + _ROUNDING * loss) and _agree(
            actual.gradient, expected.gradient, gradients + _ROUNDING * slope
        )

    def _nearby(self, theta: Vector, position: int, rng: np.random.Generator) -> tuple[float, Vector]:
        """What the program computes where all numbers are changed a little."""
        numbers = [theta, *self._rows([position])]
        self.compiled.theta, *rows = (x * (1.0 + _ROUNDING * rng.uniform(-1.0, 1.0, x.shape)) for x in numbers)
        loss, gradient = self.compiled(*rows)
        return loss, gradient

    def _difference(self, expected: Slope, actual: Slope, theta: Vector, position: int) -> str:
        """Why program and graph differ, as far as calling them once more can tell."""
        again = self._eager(theta, [position])
        if again.loss != expected.loss or not np.array_equal(again.gradient, expected.gradient, equal_nan=True):
            return _UNSTEADY
        return f"{_DIFFERENT}; the loss is {actual.loss!r} by the program and {expected.loss!r} by the graph"


def _sizes(loss: Value, parameters: Sequence[Value]) -> tuple[float, float]:
    """The largest of what adds up to the loss, and of what adds up to a derivative, whatever cancels out."""
    sizes: dict[Value, float] = {loss: 1.0}
    largest = 0.0
    for node in history([loss]):
        size = sizes.get(node, 0.0)
        largest = _largest(largest, size * node.data)
        for _, operand, slope in edges(node, FLOATS):
            sizes[operand] = sizes.get(operand, 0.0) + _largest(0.0, size * slope)
    return largest, max(sizes.get(parameter, 0.0) for parameter in parameters)


def program_of(
    eager: EagerStep,
    theta: Vector,
    batches: Iterable[int],
    compiler: Compiler = compiled_loss,
    earlier: Program | None = None,
) -> Program:
    """The program of a step, compared with the graphs of some observations (see `rows_to_compare`).

    Model and loss are called once with placeholders for the numbers of a row. Nothing may happen in that call that a
    program would lose: Python code must not learn a number (see `autograd.detect_reads`), and model and loss must keep
    nothing.

    Args:
        eager: the eager step.
        theta: the numbers of the parameters.
        batches: the sizes of batches that occur.
        compiler: makes what computes.
        earlier: what is returned if it was made of the same graph.

    Raises:
        NoProgramError: no program would compute what the graphs do.
    """
    inputs, targets = (column.array for column in eager.data)
    if inputs is None or targets is None:
        raise NoProgramError(f"the {'inputs' if inputs is None else 'targets'} are not numbers, all rows in one form")
    scatter(theta, eager.parameters)
    x = placeholders(inputs)
    outputs = traced(lambda: eager.model(rebuild(eager.data[0][0], x)), eager.parameters, eager.model, eager.loss)
    reason = NoProgramError("the targets are no classes")
    for target, y, rows in targets_of(eager.data[1], targets, outputs, with_ignored=True):
        try:
            loss = traced(partial(eager.loss, outputs, target), eager.parameters, eager.model, eager.loss)
            graph = Graph(outputs, target, loss, (x, y))
            if earlier is not None and earlier.is_of(graph):
                return earlier
            program = Program(eager, _compiled(eager, graph, compiler), (eager.data[0].flat, rows), graph)
            _compare(program, theta, _rows_to_compare(rows, eager), batches)
        except NoProgramError as error:
            reason = error
        else:
            return program
    raise reason


def targets_of(
    column: Column, targets: Vector, outputs: object, *, with_ignored: bool = False
) -> Iterator[tuple[Numbers, list[Placeholder], Vector]]:
    """The forms in which a loss may take a target, with their placeholders and the array of their numbers.

    One is the form of the targets; for classes the other is the shares of all classes, since a Value is no index. With
    `with_ignored` there may be one number that is no class among them, such as the -100 of an `ignore_index`; the
    shares are then all 0.
    """
    rows = targets.reshape(len(targets), -1)
    y = placeholders(rows)
    yield rebuild(column[0], y), y, rows
    number = len(outputs) if isinstance(outputs, (list, tuple)) else 0
    if not number or not column.holds_numbers:
        return
    is_class = (targets >= 0) & (targets < number)
    others = np.unique(targets[~is_class])
    if (targets == np.floor(targets)).all() and (not len(others) or (with_ignored and len(others) == 1 < number)):
        rows = np.zeros((len(targets), number))
        rows[is_class, targets[is_class].astype(int)] = 1.0
        y = placeholders(rows)
        yield _Shares(y), y, rows


def _rows_to_compare(rows: Vector, eager: EagerStep) -> list[int]:
    """Some of those that count, and one that is of no class if there is one."""
    counting = np.arange(len(rows)) if eager.weights is None else np.flatnonzero(eager.weights)
    chosen = counting[rows_to_compare(len(counting), is_further=not eager.comes_first)]
    without_class = counting[~rows[counting].any(axis=1)]
    found: list[int] = np.unique([*chosen, *without_class[:1]]).tolist()
    return found


class _Shares(OneHot):
    """The shares of all classes in the place of a class: asking them what one asks an index is a read."""

    def _refuse(self, *others: object) -> Any:
        float(self[0])
        raise TypeError("the shares of all classes are no index of a class")

    __eq__ = __ne__ = __bool__ = __index__ = __int__ = __float__ = __mul__ = __rmul__ = _refuse
    __hash__ = _refuse  # type: ignore[assignment]  # that of a list is None


def _compiled(eager: EagerStep, graph: Graph, compiler: Compiler) -> Any:
    if not isinstance(graph.loss, Value):
        raise NoProgramError(f"the loss of one observation is no Value but a {type(graph.loss).__name__}")
    try:
        return compiler(eager, graph)
    except Exception as error:
        raise NoProgramError(described(error)) from error


def _compare(program: Program, theta: Vector, rows: Iterable[int], batches: Iterable[int]) -> None:
    for position in rows:
        try:
            problem = program.problem_at(theta, position, batches)
        except Exception as error:
            raise NoProgramError(f"at row {position}, {described(error)}") from error
        if problem:
            raise NoProgramError(f"program and graph differed at row {position}: {problem}")


def _largest(before: float, numbers: Vector | float) -> float:
    """The largest of the sizes of the numbers that are finite, and of the one before."""
    return float(np.max(np.nan_to_num(np.abs(numbers), posinf=0.0), initial=before))


def _agree(actual: Vector | float, expected: Vector | float, difference: float) -> bool:
    allowed = difference if math.isfinite(difference) else 0.0
    return np.allclose(actual, expected, rtol=_TOLERANCE, atol=allowed, equal_nan=True)
