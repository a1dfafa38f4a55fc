"""From evidence to a report: verdicts, blame and notes. Nothing is differentiated here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..node import history
from ..value import Value
from .evidence import Derivative, Evidence
from .report import Entry, Fault, Report, severity
from .verdicts import ILL_CONDITIONED, KINK, OK, WRONG, Tolerance, relative_error

_KINKS = "operations on the way have kinks here, and what they take for derivatives does not add up"
_ROUNDING = "the rounding of numbers on the way explains the difference"
_WIRING = "every operation is right by itself; `backward` puts them together wrongly"


def judge(evidence: Evidence, tolerance: Tolerance) -> Report:
    """The report: for each input the entry of the output where it is worst, and every operation that is wrong."""
    subject = evidence.subject
    faults = [
        Fault(node, position, analytic, slope, relative_error(analytic, slope), subject)
        for node, partials in evidence.partials.items()
        for position, analytic, slope in partials
        if subject is not None and tolerance.verdict(analytic, slope) == WRONG
    ]
    by_output = []
    for o, derivatives in enumerate(evidence.derivatives):
        worst = _worst_faults(subject.outputs[o], faults) if subject is not None and faults else {}
        by_output.append([_entry(d, *_judged(d, worst.get(d.variable), tolerance)) for d in derivatives])
    return Report(
        evidence.check,
        [min(entries, key=severity) for entries in zip(*by_output, strict=True)],
        tolerance,
        faults=faults,
        outputs=subject.outputs if subject is not None else (),
        operations=len(evidence.partials),
    )


def _judged(derivative: Derivative, fault: Fault | None, tolerance: Tolerance) -> tuple[str, str | None, str]:
    """The verdict on a derivative with this worst fault on its way, the operation to blame, and a note."""
    if fault is not None:
        return WRONG, fault.node.op, ""
    analytic, variable, accumulation = derivative.analytic, derivative.variable, derivative.accumulation
    verdict = WRONG if derivative.is_misplaced else tolerance.verdict(analytic, derivative.slope)
    if verdict == OK or variable is None or accumulation is None:
        return verdict, None, ""
    if verdict == WRONG and not math.isfinite(analytic):
        return WRONG, *accumulation.overflow()
    if derivative.hidden is not None:
        return verdict, None, str(derivative.hidden)
    if verdict != WRONG:
        return verdict, None, ""
    # Every operation is right and nothing is hidden, so it is how they go together.
    if not accumulation.is_smooth(variable):
        return WRONG if tolerance.kinks == "subgradient" else KINK, None, _KINKS
    if not accumulation.rounds_to(variable, analytic):
        return WRONG, None, _WIRING
    where = accumulation.where_digits_are_lost(variable, analytic - derivative.slope.middle, tolerance.rtol)
    return ILL_CONDITIONED, None, f"{_ROUNDING}: {where}"


def _entry(derivative: Derivative, verdict: str, op: str | None, note: str) -> Entry:
    slope = derivative.slope
    return Entry(
        input=derivative.input,
        verdict=verdict,
        analytic=derivative.analytic,
        numeric=slope.middle,
        error=relative_error(derivative.analytic, slope),
        op=op,
        left=slope.left,
        right=slope.right,
        output=derivative.output,
        note=note,
    )


def _worst_faults(output: Value, faults: Sequence[Fault]) -> dict[Value | None, Fault]:
    """For each node the worst fault between the output and it."""
    known = {(fault.node, fault.position): fault for fault in faults}
    worst: dict[Value | None, Fault] = {}
    for node in history([output]):
        for position, operand in enumerate(node.parents):
            found = (worst.get(node), known.get((node, position)), worst.get(operand))
            on_the_way = [fault for fault in found if fault is not None]
            if on_the_way:
                worst[operand] = max(on_the_way, key=lambda fault: fault.error)
    return worst
