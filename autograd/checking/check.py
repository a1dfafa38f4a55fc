"""gradcheck: the derivatives of a graph, and of every operation in it, against the truth."""

from __future__ import annotations

import math
from functools import cached_property

from ..graph import history
from . import backwards
from .conditioning import Conditioning
from .hidden import HiddenDependence, hidden_dependences
from .precise import Precise
from .replay import Replay
from .report import Entry, Fault, Report, described, described_call, severity
from .rounding import RoundedGradient
from .slopes import Slope
from .subject import of_function, of_graph
from .verdicts import ILL_CONDITIONED, KINK, OK, WRONG, Tolerance, relative_error

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ..value import Value
    from .subject import Subject


def gradcheck(
    f: Callable[..., Any] | Value | Sequence[Value],
    inputs: Any = None,
    *,
    wrt: Value | Sequence[Any] | None = None,
    rtol: float = 1e-6,
    atol: float = 0.0,
    kinks: str = "report",
) -> Report:
    """Compares the derivatives of a function, and of every operation in its graph, with the truth.

    The truth is no difference of floats: the recorded operations are computed again with hundreds of bits and
    differentiated there. So the comparison is relative, however small the derivative.

    Args:
        f: a function of Values that returns a Value or several, or a Value whose graph is built already.
        inputs: the function's arguments: numbers, Values, or nested lists of them.
        wrt: for a graph, the Values to differentiate by; all its leaves if left out.
        rtol: the relative error that is allowed.
        atol: the absolute error that is allowed besides.
        kinks: what to do where the derivatives from the left and the right differ: "report" them and pass, "fail", or
            "subgradient": pass if the derivative lies between them.

    Returns:
        A Report with one entry for each input, each "ok", "kink" or "ill-conditioned": the rounding of numbers on the
        way changes this derivative by more than the tolerance; a note says where digits are lost.

    Raises:
        GradcheckError: a derivative is "wrong", or nan where the function has slopes. The message says which operation
            is to blame, if one is.
        TypeError: f, inputs or wrt are not what they should be.
        ValueError: the function is nan at these inputs, or differs from call to call; there are no inputs; an argument
            is out of range.
        ImportError: mpmath is not installed.

    >>> from autograd import gradcheck
    >>> print(gradcheck(lambda x, y: (x * y).sigmoid(), [12.0, 1.0]).summary)
    gradcheck: 2 derivatives and 2 operations ok
    """
    __tracebackhide__ = True  # pytest shows the caller's line instead
    tolerance = Tolerance(rtol, atol, kinks)
    report = _Check(_subject(f, inputs, wrt), tolerance).report()
    report.raise_if_wrong()
    return report


def _subject(f: Any, inputs: Any, wrt: Any) -> Subject:
    if inputs is None:
        if callable(f):
            raise TypeError(
                "gradcheck: a function needs the inputs at which to check it, as in gradcheck(f, [1.0, 2.0])"
            )
        return of_graph(f, wrt)
    if wrt is not None:
        raise TypeError("gradcheck takes either inputs= with a function or wrt= with a graph that is built, not both")
    if not callable(f):
        raise TypeError(f"gradcheck: with inputs, f must be a function, got {f!r} of type {type(f).__name__}")
    return of_function(f, inputs)


class _Check:
    """One check: everything is computed first, and then judged output by output and input by input."""

    def __init__(self, subject: Subject, tolerance: Tolerance) -> None:
        self.subject = subject
        self.tolerance = tolerance
        self.numbers = Precise()
        self.replay = Replay(self.numbers, subject)
        self.recorded_slopes = self.replay.recorded_slopes()
        self.partials = {node: backwards.partials(node) for node in self.replay.edges}
        self.faults = {(fault.node, fault.position): fault for fault in self._wrong_operations()}
        self.true_slopes = self.replay.true_slopes()
        self.hidden = hidden_dependences(self.numbers, subject, self.replay)

    def report(self) -> Report:
        """The judgement: for each input that of the output where it is worst."""
        with backwards.gradients_kept([*self.subject.outputs, *self.subject.inputs]):
            by_output = [_OutputCheck(self, o).entries() for o in range(len(self.subject.outputs))]
        return Report(
            "gradcheck",
            [min(entries, key=severity) for entries in zip(*by_output, strict=True)],
            self.tolerance,
            faults=list(self.faults.values()),
            outputs=self.subject.outputs,
            operations=len(self.replay.edges),
        )

    def in_floats(self, slope: Slope) -> Slope:
        """A slope as far as floats can hold it."""
        return Slope(self.numbers.float(slope.left), self.numbers.float(slope.right), slope.error)

    def _wrong_operations(self) -> Iterator[Fault]:
        for node, slopes in self.recorded_slopes.items():
            for position, precise_slope in slopes:
                slope = self.in_floats(precise_slope)
                analytic = self.partials[node][position]
                if self.tolerance.verdict(analytic, slope) == WRONG:
                    yield Fault(node, position, analytic, slope, relative_error(analytic, slope), self.subject)


class _OutputCheck:
    """The derivatives of one output."""

    def __init__(self, check: _Check, o: int) -> None:
        self._check = check
        self._o = o
        self._output = check.subject.outputs[o]
        self._analytic = backwards.gradient(self._output, check.subject.inputs)
        self._true = check.replay.gradient(self._output, check.true_slopes)
        self._results = history([self._output])
        self._worst_faults = self._faults_on_the_way()

    def _faults_on_the_way(self) -> dict[Value, Fault]:
        """For each node the worst fault between the output and it."""
        worst: dict[Value, Fault] = {}
        for node in self._results:
            for position in self._check.replay.edges.get(node, ()):
                operand = node.parents[position]
                found = (worst.get(node), self._check.faults.get((node, position)), worst.get(operand))
                faults = [fault for fault in found if fault is not None]
                if faults:
                    worst[operand] = max(faults, key=lambda fault: fault.error)
        return worst

    def entries(self) -> list[Entry]:
        """One for each input."""
        return [self._entry(i) for i in range(len(self._check.subject.inputs))]

    def _entry(self, i: int) -> Entry:
        subject = self._check.subject
        analytic, slope = self._analytic[i], self._slope(i)
        verdict, op, note = self._judged(i, analytic, slope)
        return Entry(
            input=subject.names[i],
            verdict=verdict,
            analytic=analytic,
            numeric=slope.middle,
            error=relative_error(analytic, slope),
            op=op,
            left=slope.left,
            right=slope.right,
            output=subject.output_names[self._o],
            note=note,
        )

    def _slope(self, i: int) -> Slope:
        """The true derivative: what the graph gives, and what the graph does not see."""
        variable = self._check.subject.inputs[i]
        if self._is_smooth(variable):
            derivative = self._check.numbers.float(self._check.numbers.number(self._true.get(variable, 0.0)))
            seen = Slope(derivative, derivative)
        else:
            seen = self._check.in_floats(self._check.replay.whole_slope(self._output, variable))
        hidden = self._hidden(i)
        if hidden is None:
            return seen
        return Slope(seen.left + hidden.slope.left, seen.right + hidden.slope.right, hidden.slope.error)

    def _is_smooth(self, variable: Value) -> bool:
        return self._true.get(variable, 0.0) is not None

    def _hidden(self, i: int) -> HiddenDependence | None:
        return self._check.hidden.get((self._o, i))

    def _judged(self, i: int, analytic: float, slope: Slope) -> tuple[str, str | None, str]:
        """The verdict, the operation to blame and a note."""
        tolerance = self._check.tolerance
        name, variable = self._check.subject.names[i], self._check.subject.inputs[i]
        if variable in self._worst_faults:
            return WRONG, self._worst_faults[variable].node.op, ""
        verdict = tolerance.verdict(analytic, slope)
        if verdict == WRONG and not math.isfinite(analytic):
            return WRONG, *self._overflow()
        hidden = self._hidden(i)
        if hidden is not None and verdict != OK:
            return verdict, None, self._described(hidden, name)
        return self._judged_wrong(variable, analytic, slope) if verdict == WRONG else (verdict, None, "")

    def _judged_wrong(self, variable: Value, analytic: float, slope: Slope) -> tuple[str, str | None, str]:
        """The same for a derivative that is not the true one, though every operation is right and seen."""
        if not self._is_smooth(variable):
            note = "operations on the way have kinks here, and what they take for derivatives does not add up"
            return WRONG if self._check.tolerance.kinks == "subgradient" else KINK, None, note
        if self._rounded.explains(variable, analytic):
            return ILL_CONDITIONED, None, self._where_digits_are_lost(variable, analytic - slope.middle)
        return WRONG, None, "every operation is right by itself; `backward` puts them together wrongly"

    @cached_property
    def _rounded(self) -> RoundedGradient:
        check = self._check
        return RoundedGradient(check.numbers, check.replay, self._output, check.recorded_slopes, check.partials)

    @cached_property
    def _conditioning(self) -> Conditioning:
        check = self._check
        return Conditioning(check.numbers, check.replay, check.true_slopes, self._rounded, self._true)

    def _where_digits_are_lost(self, variable: Value, difference: float) -> str:
        lost = self._conditioning.lost_digits(variable, difference, self._check.tolerance.rtol)
        explained = "the rounding of numbers on the way explains the difference: "
        if lost.true is None:
            return f"{explained}the parts of the derivative that meet in {described(lost.node)} cancel"
        true = self._check.numbers.float(lost.true)
        where = f"{lost.node.op!r}{self._check.subject.place_of(lost.node)}"
        return f"{explained}digits are lost in {where}:\n{described_call(lost.node)}, without rounding {true!r}"

    def _overflow(self) -> tuple[str | None, str]:
        """The first operation that gives or multiplies by what is not finite."""
        for node in reversed(self._results):
            for position, partial in enumerate(self._check.partials.get(node, ())):
                if not math.isfinite(partial) or not math.isfinite(node.data):
                    return node.op, f"{node.op} is {node.data!r}, its derivative by operand {position} is {partial!r}"
        return None, "a product of derivatives overflows"

    def _described(self, hidden: HiddenDependence, name: str) -> str:
        """Where a number enters the graph that depends on an input without the graph seeing it."""
        if hidden.change is None:
            return f"which operations are computed depends on {name}, by a choice that the graph does not see"
        before, after, user = hidden.change
        used = ""
        if user is not None:
            used = f", an operand of {user.op!r}{self._check.subject.place_of(user)}"
        return (
            f"the graph does not see all of the dependence on {name}: the number {before.data!r}{used} becomes "
            f"{after!r} when {name} changes a little. float(x), x.data, detach and no_grad leave the graph"
        )
