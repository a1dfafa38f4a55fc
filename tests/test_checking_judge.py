"""Verdicts: from a derivative beside the true one, however far off, and from what rounding can explain."""

import math

import pytest

from autograd import GradcheckError, Value, gradcheck, hypot, maximum, ops
from autograd.checking.accumulation import Accumulation
from autograd.checking.check import _partials
from autograd.checking.evidence import Derivative, Evidence
from autograd.checking.judge import judge
from autograd.checking.precise import Precise
from autograd.checking.replay import Replay
from autograd.checking.slopes import Slope
from autograd.checking.subject import of_function
from autograd.checking.verdicts import Tolerance
from autograd.operation import Operation
from autograd.value import apply

UNIT = 2.0**-53
SMALLEST = 2.0**-1022


def entry(analytic, slope, rtol=1e-6, atol=0.0, kinks="report"):
    evidence = Evidence("a check", [[Derivative("x", "", analytic, slope)]])
    return judge(evidence, Tolerance(rtol, atol, kinks)).entries[0]


# One derivative beside the true one


@pytest.mark.parametrize("true", [1.0, -2.5, 1e-12, -1e-300, 1e12, -1e200])
@pytest.mark.parametrize("error", [1.1e-6, 1e-4, 0.5, 1.0, 2.0, 1e3, 1e6, 1e15, 1e90])
def test_an_error_beyond_the_tolerance_is_wrong_however_large(true, error):
    for analytic in (true * (1.0 + error), true * (1.0 - error)):
        found = entry(analytic, Slope(true, true))
        assert found.verdict == "wrong"
        assert found.error == pytest.approx(error, rel=1e-6)
        assert entry(analytic, Slope(true, true), rtol=1.01 * error).verdict == "ok"


@pytest.mark.parametrize("true", [0.0, 1.0, 1e300])
@pytest.mark.parametrize("analytic", [math.inf, -math.inf, math.nan, 1.7e308, -1.7e308])
def test_nothing_near_infinity_passes_for_a_finite_derivative(true, analytic):
    assert entry(analytic, Slope(true, true)).verdict == "wrong"
    assert entry(analytic, Slope(true - 1.0, true + 1.0), kinks="subgradient").verdict == "wrong"


@pytest.mark.parametrize(
    ("analytic", "slope", "kinks", "verdict"),
    [
        (0.5, Slope(0.0, 1.0), "report", "kink"),
        (0.5, Slope(0.0, 1.0), "subgradient", "ok"),
        (0.5, Slope(0.0, 1.0), "fail", "wrong"),
        (1.0 + 1e-7, Slope(0.0, 1.0), "report", "kink"),
        (1.5, Slope(0.0, 1.0), "report", "wrong"),
        (1.5, Slope(0.0, 1.0, 0.6), "report", "kink"),
        (0.5, Slope(0.0, 1.0, jumps=True), "report", "wrong"),
        (1.0, Slope(1.0, 1.0, jumps=True), "subgradient", "wrong"),
        (1.5, Slope(0.0, 1.0), "subgradient", "wrong"),
        (1e30, Slope(0.0, 1.0), "subgradient", "wrong"),
        (0.0, Slope(0.0, math.inf), "report", "kink"),
        (math.inf, Slope(math.inf, math.inf), "report", "ok"),
        (math.nan, Slope(math.nan, math.nan), "report", "kink"),
        (1.0, Slope(1.0, 1.0, 1e-3), "report", "ok"),  # the same number: no error of the truth matters
        (1.0 + 1e-7, Slope(1.0, 1.0, 1e-3), "report", "ill-conditioned"),
        (1.0 + 9e-4, Slope(1.0, 1.0, 1e-3), "report", "ill-conditioned"),
        (1.0 + 3e-3, Slope(1.0, 1.0, 1e-3), "report", "wrong"),
        (1e9, Slope(1.0, 1.0, 1e-3), "report", "wrong"),
    ],
)
def test_kinks_and_truths_that_are_not_exact(analytic, slope, kinks, verdict):
    assert entry(analytic, slope, kinks=kinks).verdict == verdict


@pytest.mark.parametrize("true", [SMALLEST / 2.0, SMALLEST * UNIT, 0.0])
def test_below_the_normal_numbers_derivatives_need_not_be_exact(true):
    for analytic in (true + SMALLEST / 4.0, true - SMALLEST / 4.0, true + 0.9 * SMALLEST):
        assert entry(analytic, Slope(true, true)).verdict == "ok"
    assert entry(true + 3.0 * SMALLEST, Slope(true, true)).verdict == "wrong"
    assert entry(1.01e-300, Slope(1e-300, 1e-300)).verdict == "wrong"


def test_a_product_of_partials_that_is_rounded_below_the_normal_numbers_is_ok():
    [found] = gradcheck(lambda x: ((x * 1.7) * 3.3) * 1e-320, [1.0]).entries
    assert found.verdict == "ok"
    assert found.error > 1e-5


def test_a_derivative_in_the_place_of_another_is_wrong_even_if_it_is_the_same():
    derivative = Derivative("x", "", 1.0, Slope(1.0, 1.0), is_misplaced=True)
    assert judge(Evidence("a check", [[derivative]]), Tolerance(1e-6, 0.0, "report")).entries[0].verdict == "wrong"


# Operations whose partials are far off


@pytest.mark.parametrize("row", [row for row in ops.TABLE.values() if row is not ops.step], ids=lambda row: row.name)
@pytest.mark.parametrize("factor", [-1e4, 1e9, 1e100])
def test_large_errors_in_the_partials_of_every_row_are_refused(row, factor):
    position = 1 if row is ops.where else 0

    def partials(m, y, *operands):
        right = list(row.partials(m, y, *operands))
        right[position] = factor * (right[position] + 0.25)
        return tuple(right)

    faulty = Operation("far_off", row.formula, partials)
    count = row.arity or (1 if row.formula.__defaults__ else 2)
    middles = [0.55 * low + 0.45 * high for low, high in row.domain]
    operands = [middles[min(i, len(middles) - 1)] + 0.01 * i for i in range(count)]
    x = Value(operands[position])
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: apply(faulty, *operands[:position], x, *operands[position + 1 :]), [x])
    [found] = caught.value.report.entries
    assert (found.verdict, found.op) == ("wrong", "far_off")
    assert found.error > 1e3


# What rounding explains


def accumulation_of(f, *point):
    subject = of_function(f, list(point))
    replay = Replay(Precise(), subject)
    return Accumulation(subject, replay, {node: _partials(node) for node in replay.edges}, subject.outputs[0]), subject


def chain_of(length):
    def f(x):
        for i in range(length):
            x = (x * (1.1 + 0.01 * i)).sin()
        return x

    return f


@pytest.mark.parametrize("length", [1, 5, 40])
@pytest.mark.parametrize("x", [0.3, 1e-8, 3e15])
def test_rounding_explains_a_few_units_for_each_step_and_no_more(length, x):
    accumulation, subject = accumulation_of(chain_of(length), x)
    [variable] = subject.inputs
    subject.outputs[0].backward()
    derivative = variable.grad
    assert accumulation.rounds_to(variable, derivative)
    assert accumulation.rounds_to(variable, derivative * (1.0 + 2.0 * UNIT))
    for units in (50 * length, 1e3 * length, 1e6 * length):
        assert not accumulation.rounds_to(variable, derivative * (1.0 + units * UNIT))
        assert not accumulation.rounds_to(variable, derivative * (1.0 - units * UNIT))


def test_what_cancels_is_explained_up_to_the_size_of_its_terms():
    accumulation, subject = accumulation_of(lambda x: 1e10 * x - (1e10 * x - x.sin()), 0.5)
    [variable] = subject.inputs
    assert accumulation.rounds_to(variable, math.cos(0.5) + 1e10 * UNIT)
    assert not accumulation.rounds_to(variable, math.cos(0.5) + 1e3 * 1e10 * UNIT)


def test_rounding_explains_what_cancels_at_ties_too():
    """The larger of two that are the same: 3x / (sqrt(2) x), which does not depend on x."""

    def f(x):
        y = x.log1p()
        ratio = (y + y + y) / hypot(y, y)
        return maximum(ratio, ratio)

    reports = [gradcheck(f, [0.3 + 0.05 * i]) for i in range(40)]
    assert {entry.verdict for report in reports for entry in report.entries} == {"ok", "ill-conditioned"}


def test_an_input_without_a_way_to_the_output_has_the_derivative_0():
    accumulation, subject = accumulation_of(lambda x, y: x.exp(), 1.0, 2.0)
    assert accumulation.rounds_to(subject.inputs[1], 0.0)
    assert not accumulation.rounds_to(subject.inputs[1], 1e-300)


def test_a_mistake_in_backward_does_not_hide_behind_rounding(monkeypatch):
    """All digits of the true derivative are lost, but not those of the chain rule at the recorded numbers."""
    right = Value.backward

    def inexact(root, seed=1.0):
        single = all(not operand.parents for operand in root.parents)  # each operation by itself is right
        right(root, seed if single else seed * (1.0 + 1e-12))

    monkeypatch.setattr(Value, "backward", inexact)
    with pytest.raises(GradcheckError, match="`backward` puts them together wrongly"):
        gradcheck(lambda x: (1e15 * x).sin(), [0.7])


def test_a_product_of_partials_that_underflows_on_the_way_is_ill_conditioned():
    [found] = gradcheck(lambda x: ((x * 1e200) * 1.7e-20) * 3.3e-304, [1.0]).entries
    assert found.verdict == "ill-conditioned"
    assert found.error == pytest.approx(0.12, abs=0.01)
