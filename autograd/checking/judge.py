"""From evidence to a report: verdicts, blame and notes. Nothing is differentiated here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..node import history
from ..value import Value
from .evidence import Derivative, Evidence
from .report import Fault, Report
from .slopes import Slope
from .tables import Entry, severity
from .verdicts import ILL_CONDITIONED, OK, WRONG, Tolerance, is_between, is_impossible, relative_error

_KINKS = "operations on the way have kinks here, and what they take for derivatives does not add up"
_FORBIDDEN = 'the derivatives from the left and the right differ, and kinks="fail"'
_JUMP = "the function jumps here, so it has no derivative"
_UNEXPLORED = "in a group that is not ok; not looked at alone"
_UNTOLD = "f does not tell: it is not finite here, or varies as much between neighbouring numbers as anywhere"
_ROUNDING = "the rounding of numbers on the way explains the difference"
_WIRING = "every operation is right by itself; `backward` puts them together wrongly"


# A resolution is stated for derivatives of at least this share of the largest.
_CONSIDERABLE = 1e-3


def judge(evidence: Evidence, tolerance: Tolerance) -> Report:
    """The report: for each input the entry of the output where it is worst, and every operation that is wrong."""
    subject = evidence.subject
    of_operations = Tolerance(tolerance.rtol, tolerance.atol, "report")  # kinks of the whole are what matters
    faults = [
        Fault(node, position, analytic, slope, relative_error(analytic, slope), subject)
        for node, partials in evidence.partials.items()
        for position, analytic, slope in partials
        if subject is not None and _is_faulty(analytic, slope, of_operations)
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
        resolution=_resolution(evidence, tolerance),
    )


def _is_faulty(analytic: float, slope: Slope, tolerance: Tolerance) -> bool:
    """Whether an operation's partial is wrong: not where it has no slope, or is evaluated at an infinity."""
    if slope.jumps or not (math.isfinite(slope.left) and math.isfinite(slope.right)):
        return is_impossible(analytic, slope)
    return tolerance.verdict(analytic, slope) == WRONG


def _resolution(evidence: Evidence, tolerance: Tolerance) -> float:
    """The smallest relative error that would have shown in every derivative, but for very small ones."""
    known = [(d.analytic, d.slope) for row in evidence.derivatives for d in row if d.slope is not None]
    least = _CONSIDERABLE * max((abs(slope.middle) for _, slope in known if math.isfinite(slope.middle)), default=0.0)
    counted = [tolerance.resolution(a, slope) for a, slope in known if not abs(slope.middle) < least]
    return max([tolerance.rtol, evidence.resolution, *counted])


def _judged(derivative: Derivative, fault: Fault | None, tolerance: Tolerance) -> tuple[str, str | None, str]:
    """The verdict on a derivative with this worst fault on its way, the operation to blame, and a note."""
    if fault is not None:
        return WRONG, fault.node.op, ""
    slope = derivative.slope
    if slope is None:
        return derivative.unexplored or OK, None, _UNEXPLORED if derivative.unexplored else ""
    verdict = WRONG if derivative.is_misplaced else tolerance.verdict(derivative.analytic, slope)
    note = _without_slope(derivative.analytic, slope) if verdict == WRONG else ""
    if slope.is_unknown and verdict == ILL_CONDITIONED:
        note = _UNTOLD
    if verdict == OK or note or derivative.accumulation is None:
        return verdict, None, note
    return _explained(derivative, slope, verdict, tolerance)


def _without_slope(analytic: float, slope: Slope) -> str:
    """Why there is no right derivative here, if so."""
    if slope.jumps:
        return _JUMP
    return _FORBIDDEN if slope.is_kink and is_between(analytic, slope) else ""


def _explained(derivative: Derivative, slope: Slope, verdict: str, tolerance: Tolerance) -> tuple[str, str | None, str]:
    """What the chain rule has to say on a derivative of a graph that is not ok."""
    analytic, variable, accumulation = derivative.analytic, derivative.variable, derivative.accumulation
    assert variable is not None
    assert accumulation is not None
    if verdict == WRONG and not math.isfinite(analytic):
        return WRONG, *accumulation.overflow()
    if derivative.hidden is not None:
        return verdict, None, str(derivative.hidden)
    if verdict != WRONG:
        return verdict, None, ""
    # Every operation is right and nothing is hidden, so it is how they go together.
    if not accumulation.is_smooth(variable):
        distance = min(abs(analytic - slope.left), abs(analytic - slope.right))
        is_rounding = accumulation.may_round_by(variable, distance)
        return (ILL_CONDITIONED, None, _ROUNDING) if is_rounding else (WRONG, None, _KINKS)
    if not accumulation.rounds_to(variable, analytic):
        return WRONG, None, _WIRING
    where = accumulation.where_digits_are_lost(variable, analytic - slope.middle, tolerance.rtol)
    return ILL_CONDITIONED, None, f"{_ROUNDING}: {where}"


def _entry(derivative: Derivative, verdict: str, op: str | None, note: str) -> Entry:
    slope = derivative.slope or Slope(math.nan, math.nan)
    return Entry(
        input=derivative.input,
        verdict=verdict,
        analytic=derivative.analytic,
        numeric=slope.middle,
        error=relative_error(derivative.analytic, slope) if derivative.slope else 0.0,
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
