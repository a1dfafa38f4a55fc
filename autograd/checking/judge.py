"""From evidence to a report: verdicts, blame and notes. Nothing is differentiated here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ._chain import Linearization
from .mistakes import likely_mistakes
from .report import Entry, Fault, Report, severity
from .verdicts import ILL_CONDITIONED, KINK, OK, WRONG, relative_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..value import Value
    from .evidence import Derivative, Evidence
    from .subject import Subject
    from .verdicts import Tolerance

_KINKS = "operations on the way have kinks here, and what they take for derivatives does not add up"
_ROUNDING = "the rounding of numbers on the way explains the difference"
_WIRING = "every operation is right by itself; `backward` puts them together wrongly"


class _Judgement(NamedTuple):
    """The verdict on a derivative, the operation to blame, and a note."""

    verdict: str
    op: str | None = None
    note: str = ""


def judge(evidence: Evidence, tolerance: Tolerance) -> Report:
    """The report: for each input the entry of the output where it is worst, and every operation that is wrong."""
    if evidence.subject is None:
        return _judge_function(evidence, tolerance)
    subject = evidence.subject
    faults = [
        Fault(p.node, p.position, p.analytic, p.slope, relative_error(p.analytic, p.slope), subject)
        for p in evidence.partials
        if tolerance.verdict(p.analytic, p.slope) == WRONG
    ]
    by_output = []
    for output, derivatives in zip(subject.outputs, evidence.derivatives, strict=True):
        worst = _worst_faults(output, subject, faults) if faults else {}
        by_output.append(
            [
                _entry(derivative, _judged(derivative, worst.get(variable), tolerance))
                for derivative, variable in zip(derivatives, subject.inputs, strict=True)
            ]
        )
    return Report(
        evidence.check,
        [min(entries, key=severity) for entries in zip(*by_output, strict=True)],
        tolerance,
        faults=faults,
        outputs=subject.outputs,
        operations=len({partial.node for partial in evidence.partials}),
    )


def _judge_function(evidence: Evidence, tolerance: Tolerance) -> Report:
    """The same for a derivative written by hand: in place of operations, guesses at the usual mistakes."""
    [derivatives] = evidence.derivatives
    misshapen = evidence.misshapen
    entries = [_entry(d, _Judgement(WRONG) if misshapen else _judged(d, None, tolerance)) for d in derivatives]
    hints = likely_mistakes(entries, evidence.shape) + ([misshapen] if misshapen else [])
    return Report(evidence.check, entries, tolerance, hints=hints)


def _judged(derivative: Derivative, fault: Fault | None, tolerance: Tolerance) -> _Judgement:
    """The judgement on one derivative, given the worst fault on its way."""
    if fault is not None:
        return _Judgement(WRONG, fault.node.op)
    verdict = tolerance.verdict(derivative.analytic, derivative.slope)
    graph = derivative.in_graph
    if verdict == OK or graph is None:
        return _Judgement(verdict)
    if verdict == WRONG and not math.isfinite(derivative.analytic):
        return _Judgement(WRONG, *graph.accumulation.overflow())
    if verdict != WRONG or graph.hidden is not None:
        return _Judgement(verdict, None, str(graph.hidden or ""))
    # Every operation is right and nothing is hidden, so the mistake is in how they go together, if it is one.
    if not graph.accumulation.is_smooth(graph.variable):
        return _Judgement(WRONG if tolerance.kinks == "subgradient" else KINK, None, _KINKS)
    if not graph.accumulation.rounds_to(graph.variable, derivative.analytic):
        return _Judgement(WRONG, None, _WIRING)
    difference = derivative.analytic - derivative.slope.middle
    where = graph.accumulation.where_digits_are_lost(graph.variable, difference, tolerance.rtol)
    return _Judgement(ILL_CONDITIONED, None, f"{_ROUNDING}: {where}")


def _entry(derivative: Derivative, judgement: _Judgement) -> Entry:
    slope = derivative.slope
    return Entry(
        input=derivative.input,
        verdict=judgement.verdict,
        analytic=derivative.analytic,
        numeric=slope.middle,
        error=relative_error(derivative.analytic, slope),
        op=judgement.op,
        left=slope.left,
        right=slope.right,
        output=derivative.output,
        note=judgement.note,
    )


class _Worst:
    """The number system of faults: of several that follow one another or meet, the worst counts."""

    def times(self, x: Fault | None, y: Fault | None) -> Fault | None:
        return self.total([x, y])

    def total(self, faults: Iterable[Fault | None]) -> Fault | None:
        return max(filter(None, faults), key=lambda fault: fault.error, default=None)


def _worst_faults(output: Value, subject: Subject, faults: Sequence[Fault]) -> dict[Value, Fault | None]:
    """For each node the worst fault between the output and it."""
    known = {(fault.node, fault.position): fault for fault in faults}

    def edges(node: Value, m: _Worst) -> list[tuple[int, Value, Fault | None]]:
        return [(i, operand, known.get((node, i))) for i, operand in enumerate(node.parents)]

    return Linearization([output], subject.inputs, _Worst(), edges).backwards({output: None})
