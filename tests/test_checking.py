"""gradcheck: four verdicts, a report that names the culprit, and nothing left behind."""

import math
import re
import subprocess
import sys

import pytest

import autograd
from autograd import (
    GradcheckError,
    Value,
    detect_anomaly,
    gradcheck,
    maximum,
    no_grad,
    operation,
    scope,
    specialize,
    where,
)
from autograd.checking.check import gradcheck as _gradcheck_itself
from autograd.node import edges, nodes
from autograd.operation import FLOATS

cube = operation("cube", lambda m, x: x * x * x, lambda m, y, x: (2 * x * x,))
float_exp = operation("float_exp", lambda m, x: math.exp(x), lambda m, y, x: (y,))
wrong_float_exp = operation("wrong_float_exp", lambda m, x: math.exp(x), lambda m, y, x: (1.01 * y,))


def verdicts(report):
    return [entry.verdict for entry in report.entries]


def failure(f, *args, **kwargs):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, *args, **kwargs)
    assert not caught.value.report.ok
    assert str(caught.value) == str(caught.value.report)
    return caught.value.report


# Where differences of floats raise false alarms, or see nothing


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: 1 / x, 1e-5),
        (lambda x: 1 / x, 1e-300),
        (lambda x: x.log(), 1e-6),
        (lambda x: x + 1e9, 1.0),
        (lambda x: (x + 1e9) * 1e-9, 1e-9),
        (lambda x: x.sigmoid(), 12.0),
        (lambda x: x.sigmoid(), -740.0),
        (lambda x: x.sigmoid(), 800.0),
        (lambda x: (1e-6 * x) ** 2, 1e-3),
        (lambda x: x.exp(), -700.0),
        (lambda x: x.exp(), 1000.0),
        (lambda x: x.sqrt(), 0.0),
        (lambda x: x**1.5, 0.0),
        (lambda x: x.cos(), 0.0),
        (lambda x: (x - 1) ** 3, 1.0),
        (lambda x: abs(x) * x, 0.0),
        (lambda x: (1e10 * x).sin(), 0.125),
        (lambda x: x, 2.0),
        (lambda x: 3 * x - 3 * x, 2.0),
    ],
)
def test_right_derivatives_are_ok_however_small_or_steep(f, x):
    report = gradcheck(f, [x])
    assert report.ok
    assert verdicts(report) == ["ok"]
    assert report.entries[0].analytic == pytest.approx(report.entries[0].numeric, rel=1e-12)


@pytest.mark.parametrize(
    ("factor", "scale"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (1.0 + 1e-4, 1.0), (1.0 + 1e-5, 1.0), (2.0, 1e-6)]
)
def test_a_wrong_factor_is_wrong_at_any_magnitude(factor, scale):
    squash = operation(
        "squash", lambda m, x: scale * m.sigmoid(x), lambda m, y, x: (factor * scale * m.sigmoid(x) * m.sigmoid(-x),)
    )
    for x in (12.0, -20.0, 0.3):
        [entry] = failure(squash, [x]).entries
        assert (entry.verdict, entry.op, entry.input) == ("wrong", "squash", "x")
        assert entry.numeric == pytest.approx(scale / (2 + 2 * math.cosh(x)), rel=1e-12)
        assert entry.error == pytest.approx(abs(factor - 1.0), rel=1e-6)


# Kinks


KINKS = [
    (lambda x: x.relu(), 0.0, (0.0, 1.0), 0.0),
    (abs, 0.0, (-1.0, 1.0), 0.0),
    (lambda x: maximum(x, 1.0), 1.0, (0.0, 1.0), 0.5),
    (lambda x: x.leaky_relu(0.1), 0.0, (0.1, 1.0), 0.1),
    (lambda x: where(x > 0, 2 * x, -x), 0.0, (-1.0, 2.0), -1.0),
    (lambda x: x if x.data > 1.0 else x * x, 1.0, (2.0, 1.0), 2.0),
    (lambda x: abs(x - 3).exp(), 3.0, (-1.0, 1.0), 0.0),
]


@pytest.mark.parametrize(("f", "x", "sides", "analytic"), KINKS)
def test_kinks_are_reported_with_both_sides(f, x, sides, analytic):
    report = gradcheck(f, [x])
    assert report.ok
    [entry] = report.entries
    assert (entry.verdict, entry.analytic, entry.op) == ("kink", analytic, None)
    assert (entry.left, entry.right) == pytest.approx(sides, rel=1e-6)
    assert f"{entry.left:.10g} left, {entry.right:.10g} right" in str(report)
    assert entry.error == 0.0


@pytest.mark.parametrize(("f", "x", "sides", "analytic"), KINKS)
def test_kinks_can_fail(f, x, sides, analytic):
    report = failure(f, [x], kinks="fail")
    assert verdicts(report) == ["wrong"]
    assert 'the left and the right differ, and kinks="fail"' in str(report)
    assert verdicts(gradcheck(f, [x], kinks="subgradient")) == ["ok"]
    assert verdicts(gradcheck(f, [x + 0.5], kinks="fail")) == ["ok"]


@pytest.mark.parametrize("kinks", ["report", "subgradient", "fail"])
def test_a_derivative_outside_of_both_sides_is_wrong(kinks):
    bent = operation("bent", lambda m, x: m.abs(x), lambda m, y, x: (m.where(x, m.sign(x), 3.0),))
    [entry] = failure(bent, [0.0], kinks=kinks).entries
    assert (entry.verdict, entry.op) == ("wrong", "bent")


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x.floor(), 1.0),
        (lambda x: x.sign(), 0.0),
        (lambda x: where(x > 0, 1.0 + x, x), 0.0),
        (lambda x: x % 2.0, 4.0),
    ],
)
@pytest.mark.parametrize("kinks", ["report", "subgradient", "fail"])
def test_a_jump_is_wrong(f, x, kinks):
    report = failure(f, [x], kinks=kinks)
    assert verdicts(report) == ["wrong"]
    assert "the function jumps here" in str(report)
    assert gradcheck(f, [x + 0.25], kinks=kinks).ok


def test_a_jump_of_an_operation_on_the_way_is_none_of_the_whole():
    assert verdicts(gradcheck(lambda x: 0.0 * x.floor() + x * x, [1.0])) == ["ok"]


@pytest.mark.parametrize("kinks", ["report", "subgradient", "fail"])
def test_where_both_sides_agree_there_is_no_kink_whatever_the_operations_say(kinks):
    report = failure(lambda x: x.relu() - (-x).relu(), [0.0], kinks=kinks)  # which is x, with derivative 1
    assert (verdicts(report), report.entries[0].analytic, report.entries[0].numeric) == (["wrong"], 0.0, 1.0)
    assert verdicts(gradcheck(lambda x: abs(x) * abs(x), [0.0], kinks=kinks)) == ["ok"]


def test_a_gradient_of_nan_where_the_sides_have_slopes_is_wrong():
    [entry] = failure(lambda x: (x * x).sqrt(), [0.0]).entries
    assert (entry.verdict, entry.op) == ("wrong", "sqrt")


# Rounding and overflow


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: (1e15 * x).sin(), 0.7),  # the product is rounded by more than a period
        (lambda x: (1 - x.cos()) / x**2, 1e-8),
        (lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()), 20.0),
        (lambda x: (0.1 * x - 1.0).relu(), 10.0),  # 0.1 is a little more than a tenth
    ],
)
def test_what_rounding_explains_is_ill_conditioned(f, x):
    report = gradcheck(f, [x])
    assert report.ok
    assert verdicts(report) == ["ill-conditioned"]
    assert report.entries[0].error > 1e-6
    assert "rounding" in str(report)


def by_exponentials(x):
    up, down = x.exp(), (-x).exp()
    return (up - down) / (up + down)


@pytest.mark.parametrize(
    ("f", "point", "culprit"),
    [
        (lambda x: (1e15 * x).sin(), [0.7], "digits are lost in 'sin' at "),
        (lambda x: (1 - x.cos()) / x**2, [1e-8], "sub(1.0, 1.0 from cos) = 0.0, without rounding 5e-17"),
        (lambda x: ((1 - x.cos()) / x**2).exp() * 3, [1e-8], "digits are lost in 'sub'"),
        (lambda x: (0.1 * x - 1.0).relu(), [10.0], "digits are lost in 'sub'"),
        (lambda x, y: ((y + 1e16) - 1e16) * x, [2.0, 1.3], "without rounding 1.3"),
        (lambda a, b: (-b + (b * b - 4 * a).sqrt()) / (2 * a), [1.0, 1e9], "digits are lost in 'add'"),
        (by_exponentials, [20.0], "the parts of the derivative that meet in 485165195.4097903 from exp cancel"),
        (lambda x: x.exp() / (x.exp() + 1), [40.0], "the parts of the derivative that meet in x = 40.0 cancel"),
    ],
)
def test_the_operation_that_loses_digits_is_named(f, point, culprit):
    report = gradcheck(f, point)
    for entry in report.entries:
        assert entry.verdict == ("ok" if entry.input == "y" else "ill-conditioned")  # y's way loses no digits
    assert culprit in str(report)


def test_a_wrong_operation_does_not_hide_behind_rounding():
    [entry] = failure(lambda x: cube(1e15 * x).sin(), [0.7]).entries
    assert (entry.verdict, entry.op) == ("wrong", "cube")


def test_an_overflow_is_wrong_and_the_operation_named():
    report = failure(lambda x: x.exp().log(), [1000.0])
    assert (report.entries[0].op, report.entries[0].numeric) == ("exp", 1.0)
    assert "exp is inf" in str(report)


@pytest.mark.parametrize(
    ("f", "op"),
    [
        (lambda x: where(x > 0, x * x.log(), 0.0), "log"),
        (lambda x: where(x > 0, x.sqrt(), 0.0), "sqrt"),
    ],
)
def test_a_gradient_of_nan_is_no_convention_at_a_kink(f, op):
    [entry] = failure(f, [0.0]).entries
    assert (entry.verdict, entry.op) == ("wrong", op)


def test_the_origin_of_hypot_is_a_kink():
    assert verdicts(gradcheck(lambda x: autograd.hypot(x, 2 * x), [0.0])) == ["kink"]


def test_no_slope_and_no_derivative_is_a_kink():
    assert verdicts(gradcheck(lambda x, y: x**y, [-2.0, 2.0])) == ["ok", "kink"]


# What the graph does not see


@pytest.mark.parametrize(
    ("f", "x", "true"),
    [
        (lambda x: x * float(x), 3.0, 6.0),
        (lambda x: x * x.data, 3.0, 6.0),
        (lambda x: x.detach() * x + x, 3.0, 7.0),
        (lambda x: x.detach() * 2, 3.0, 2.0),
        (lambda x: x * Value(float(x)).exp(), 1.0, 2 * math.e),
        (lambda x: x + math.sin(x), 1.0, 1.0 + math.cos(1.0)),
        (lambda x: x + 1e-12 * float(x) ** 2, 1e12, 3.0),
    ],
)
def test_a_dependence_outside_of_the_graph_is_wrong(f, x, true):
    report = failure(f, [x])
    [entry] = report.entries
    assert (entry.verdict, entry.op) == ("wrong", None)
    assert entry.numeric == pytest.approx(true, rel=1e-6)
    assert "does not see" in str(report)
    assert "test_checking.py:" in str(report)


def test_what_no_grad_hides_is_found():
    def f(x):
        with no_grad():
            y = x.exp()
        return x * y

    assert failure(f, [0.5]).entries[0].numeric == pytest.approx(1.5 * math.exp(0.5))


def test_a_number_from_outside_that_cancels_is_no_dependence():
    def logsumexp(xs):
        top = max(float(x) for x in xs)
        return autograd.sum([(x - top).exp() for x in xs]).log() + top

    assert gradcheck(logsumexp, [[1.0, 3.0, 2.0]]).ok


def test_a_dependence_outside_of_the_graph_is_the_same_for_formulas_of_floats():
    report = failure(lambda x: float_exp(x) * float(x), [0.5])
    assert report.entries[0].numeric == pytest.approx(1.5 * math.exp(0.5), rel=1e-6)


def entropy(probabilities):
    if abs(sum(map(float, probabilities)) - 1.0) > 1e-9:
        raise ValueError("probabilities must add up to 1")
    return -autograd.sum([p * p.log() for p in probabilities])


def square_from_one_on(x):
    assert float(x) >= 1.0
    return x * float(x)


def test_where_a_function_is_not_defined_it_hides_nothing():
    assert verdicts(gradcheck(entropy, [[0.25, 0.75]])) == ["ok", "ok"]
    assert verdicts(gradcheck(lambda x: entropy([x * 0.5, x * 0.5]), [1.0])) == ["ok"]
    assert failure(square_from_one_on, [1.0]).entries[0].numeric == pytest.approx(2.0)


def test_a_choice_in_python_is_fine_away_from_its_edge():
    assert verdicts(gradcheck(lambda x: x * x if x > 1 else 2 * x, [1.5])) == ["ok"]


def test_a_function_that_changes_from_call_to_call_is_refused():
    calls = iter(range(100))
    with pytest.raises(ValueError, match="random numbers"):
        gradcheck(lambda x: x * next(calls), [1.0])


@pytest.mark.parametrize("period", [2, 3, 7])
def test_a_function_that_keeps_state_is_refused(period):
    calls = iter(range(100))
    with pytest.raises(ValueError, match="random numbers"):
        gradcheck(lambda x: x * (next(calls) % period), [1.0])


def test_wiring_mistakes_are_found_by_the_whole(monkeypatch):
    def forgetful(value, contribution):  # `=` where it should be `+=`
        value.gradient = contribution

    def pull_all(results):
        for node in results:
            for _, operand, partial in edges(node, FLOATS):
                forgetful(operand, node.gradient * partial)

    monkeypatch.setattr(specialize, "pull_all", pull_all)
    report = failure(lambda x: x * x + x.exp(), [2.0])
    assert [(entry.verdict, entry.op) for entry in report.entries] == [("wrong", None)]
    assert not report.faults
    assert "every operation is right by itself" in str(report)


@pytest.mark.slow
def test_thousands_of_wrong_operations_cost_no_more_than_right_ones():
    def f(x):
        total = x
        for _ in range(2000):
            total = total + cube(x)
        return total

    report = failure(f, [1.0])
    assert len(report.faults) == 2000
    assert report.faults[0].reaches == ("x",)
    assert "and 1995 more" in str(report)


def test_the_worst_operation_on_the_way_is_blamed():
    slightly = operation("slightly", lambda m, x: m.exp(x), lambda m, y, x: (1.001 * y,))
    report = failure(lambda x, y, z: slightly(cube(x) + y) + z, [1.0, 1.0, 1.0])
    assert [(entry.verdict, entry.op) for entry in report.entries] == [
        ("wrong", "cube"),
        ("wrong", "slightly"),
        ("ok", None),
    ]


# The report


def faulty(x, weights):
    with scope("net"), scope("hidden"):
        hidden = cube(x * weights[0])
    return hidden + weights[1].exp()


def test_the_report_names_operation_operand_module_place_and_inputs():
    report = failure(faulty, [1.5, [2.0, 3.0]])
    [fault] = report.faults
    assert (fault.node.op, fault.position, fault.analytic, fault.slope.middle) == ("cube", 0, 18.0, 27.0)
    assert fault.reaches == ("x", "weights[0]")
    text = str(report)
    for part in (
        "operation 'cube' in net.hidden",
        "hidden = cube(x * weights[0])",
        "test_checking.py:",
        "18.0",
        "27.0",
    ):
        assert part in text
    table = text.splitlines()[-4:]
    assert [line.split()[:2] for line in table] == [
        ["input", "verdict"],
        ["x", "wrong"],
        ["weights[0]", "wrong"],
        ["weights[1]", "ok"],
    ]
    assert [(entry.input, entry.verdict, entry.op) for entry in report.entries] == [
        ("x", "wrong", "cube"),
        ("weights[0]", "wrong", "cube"),
        ("weights[1]", "ok", None),
    ]


def test_operands_are_shown_by_name():
    x = Value(2.0, name="<x>")
    text = str(failure(cube, [x]))
    assert "cube(<x> = 2.0) = 8.0" in text
    assert "by operand 0 (<x>):" in text


def test_of_many_operands_the_first_are_shown():
    wide = operation("wide", lambda m, *xs: m.sum(xs), lambda m, y, *xs: (2.0,) * len(xs))
    text = str(failure(lambda xs: wide(*xs), [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]))
    assert "xs[5] = 6.0, ...) = 36.0" in text
    assert "and 3 more wrong derivatives of operations" in text


def test_a_wrong_operation_is_found_though_its_mistake_vanishes():
    assert failure(lambda x: cube(x) * 0.0 + x, [2.0]).entries[0].op == "cube"
    half_cube = operation("half_cube", lambda m, x: x * x * x, lambda m, y, x: (6 * x * x,))
    assert failure(lambda x: half_cube(cube(x)), [1.5]).entries[0].op == "half_cube"  # whose error is larger


def test_when_all_is_well_the_report_is_a_line_and_the_table():
    report = gradcheck(lambda x, y: x * y + x, [1.0, 2.0])
    summary, empty, heads, *rows = str(report).splitlines()
    assert (summary, empty) == ("gradcheck: 2 derivatives and 2 operations ok", "")
    assert heads.split() == ["input", "verdict", "derivative", "true", "error"]
    assert [row.split() for row in rows] == [["x", "ok", "3", "3", "0.0e+00"], ["y", "ok", "1", "1", "0.0e+00"]]
    assert repr(report) == f"<report {summary}>"
    assert "passed" in repr(gradcheck(abs, [0.0]))


def test_a_wrong_operation_of_a_built_graph_is_found_in_the_source():
    """Where the graph was computed is not known any more; where the derivative is written is."""
    x = Value(2.0, name="x")
    with pytest.raises(GradcheckError) as caught:
        gradcheck(cube(x * 3), wrt=[x])
    assert re.search(rf"  defined at {re.escape(__file__)}:\d+\n    cube = operation\(", str(caught.value))
    assert "computed at" not in str(caught.value)


def test_a_row_is_one_line_whatever_the_name():
    x = Value(2.0, name="two\nlines")
    assert "\ntwo lines  ok       4  " in str(gradcheck(x * x, wrt=[x]))


def test_a_long_table_shows_all_that_is_not_ok_and_counts_the_rest():
    text = str(failure(lambda xs: cube(xs[70]) + autograd.sum(xs), [[1.0] * 100]))
    assert "xs[70]  wrong" in text
    assert "... and 80 more, all ok" in text


def test_several_outputs_give_each_input_its_worst_entry():
    report = failure(lambda x, y: {"a": x * y, "b": [x / y, cube(x)]}, [2.0, 3.0])
    assert [(e.input, e.verdict, e.output) for e in report.entries] == [
        ("x", "wrong", "['b'][1]"),
        ("y", "ok", "['a']"),
    ]
    assert "x → ['b'][1]  wrong" in str(report)


def test_the_picture_has_the_wrong_operation_in_red():
    report = failure(faulty, [1.5, [2.0, 3.0]])
    drawing = report.draw()
    assert "wrong derivative by operand 0: 18 instead of 27" in drawing.source
    assert report.draw(theme="dark").source != drawing.source
    assert drawing.pipe(format="svg", encoding="utf-8").count("wrong derivative") >= 1


# Inputs


def test_inputs_are_named_after_arguments_and_paths():
    def f(a, *rest):
        return a["w"][1] * rest[0] + rest[1][0]

    report = gradcheck(f, [{"w": [1.0, 2.0]}, 3.0, (4.0,)])
    assert [entry.input for entry in report.entries] == ["a['w'][0]", "a['w'][1]", "rest[0]", "rest[1][0]"]
    assert [entry.analytic for entry in report.entries] == [0.0, 3.0, 2.0, 1.0]


class Model:
    def method(self, x):
        return x * x


@pytest.mark.parametrize(
    ("f", "name"), [(Model().method, "x"), (scope("s")(lambda x: x * x), "x"), (abs, "inputs[0]"), (cube, "x")]
)
def test_names_of_all_sorts_of_functions(f, name):
    assert gradcheck(f, [2.0], rtol=1.0).entries[0].input == name


def test_arrays_are_inputs_too():
    numpy = pytest.importorskip("numpy")
    report = gradcheck(lambda x: (x * x).sum(), [numpy.array([[1.0, 2.0], [3.0, 4.0]])])
    assert [entry.input for entry in report.entries] == ["x[0, 0]", "x[0, 1]", "x[1, 0]", "x[1, 1]"]


def test_values_keep_their_names_and_are_used_themselves():
    w, b = Value(2.0, name="w"), Value(1.0)
    report = gradcheck(lambda *_: (w * 3 + b).exp(), [w, b])  # f does not even look at its arguments
    assert [(entry.input, entry.verdict) for entry in report.entries] == [("w", "ok"), ("_[1]", "ok")]
    assert report.entries[0].analytic == pytest.approx(3 * math.exp(7))


def test_nothing_of_the_users_changes():
    w = Value(2.0, name="w")
    loss = (w * 3 - 1) ** 2
    loss.backward()
    before = [(node, node.data, node.gradient) for node in nodes([loss])]
    gradcheck(loss, wrt=[w])
    gradcheck(lambda w: w * float(w) * 0 + w, [w])
    assert [(node, node.data, node.gradient) for node in nodes([loss])] == before


def test_a_check_is_not_watched():
    with detect_anomaly():
        assert gradcheck(lambda x: x.exp(), [1000.0]).ok  # inf, which is no mistake here
        assert verdicts(gradcheck(lambda x: (1 - x.cos()) / x**2, [1e-8])) == ["ill-conditioned"]
        assert failure(cube, [2.0]).faults


# Graphs that are built already


def test_a_built_graph_is_checked_without_calling_anything():
    w, b = Value(2.0, name="w"), Value(-1.0, name="b")
    loss = (w * 3 + b).softplus() + cube(b)
    report = failure(loss, wrt=[w, b])
    assert [(entry.input, entry.verdict, entry.op) for entry in report.entries] == [
        ("w", "ok", None),
        ("b", "wrong", "cube"),
    ]
    assert gradcheck(loss, wrt=w).ok


def test_results_are_possible_wrt_and_leaves_the_default():
    w = Value(2.0, name="w")
    middle = 3 * w
    loss = (middle - 1) ** 2
    report = gradcheck(loss, wrt=[middle, w])
    assert [(entry.input, entry.analytic, entry.verdict) for entry in report.entries] == [
        ("wrt[0]", 10.0, "ok"),
        ("w", 30.0, "ok"),
    ]
    assert [entry.input for entry in gradcheck(loss).entries] == ["w"]


def test_a_graph_whose_leaves_changed_since_is_refused():
    w = Value(2.0)
    loss = w * w
    w.data = 3.0
    with pytest.raises(RuntimeError, match="compute the result again"):
        gradcheck(loss, wrt=[w])


# Operations that work on floats only


def test_a_formula_of_floats_is_checked_by_differences():
    assert verdicts(gradcheck(lambda x: float_exp(x) * x, [1.3])) == ["ok"]
    assert failure(lambda x: wrong_float_exp(x) * x, [1.3]).entries[0].op == "wrong_float_exp"


def test_a_jump_in_a_formula_of_floats_is_wrong_unless_it_cancels():
    rounded = operation("rounded", lambda m, x: float(round(float(x))), lambda m, y, x: (0.0,))
    [entry] = failure(lambda x: (2 * rounded(x)).tanh(), [1.5]).entries
    assert (entry.verdict, entry.left, entry.right) == ("wrong", math.inf, 0.0)
    assert entry.note == "the function jumps here, so it has no derivative"
    assert verdicts(gradcheck(rounded, [1.4])) == ["ok"]
    assert verdicts(gradcheck(lambda x: rounded(x) - rounded(x) + x, [1.5])) == ["ok"]


def test_a_formula_of_floats_that_tells_no_slope_is_ill_conditioned():
    fast = operation("fast", lambda m, x: math.sin(1e17 * float(x)), lambda m, y, x: (1e17 * math.cos(1e17 * x),))
    report = gradcheck(lambda x: 2 * fast(x), [0.4])
    assert verdicts(report) == ["ill-conditioned"]
    assert report.resolution == math.inf


# Bad input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradcheck(lambda x: float(x), [1.0]), TypeError, "must return a Value"),
        (lambda: gradcheck(lambda x: None, [1.0]), TypeError, "got None"),
        (lambda: gradcheck(lambda x: x.log(), [-1.0]), ValueError, "nan at x = -1.0"),
        (lambda: gradcheck(lambda x: x, ["a"]), TypeError, r"inputs\[0\]"),
        (lambda: gradcheck(lambda x: x, "a"), TypeError, "inputs must be a list"),
        (lambda: gradcheck(3.0, [1.0]), TypeError, "f must be a function"),
        (lambda: gradcheck(lambda x: x), TypeError, "needs the inputs at which to check it"),
        (lambda: gradcheck(Value(1.0), [1.0], wrt=[Value(1.0)]), TypeError, "either inputs="),
        (lambda: gradcheck(Value(1.0), wrt=[1.0]), TypeError, "wrt must be Values"),
        (lambda: gradcheck(Value(1.0), wrt=[Value(1.0).detach()]), ValueError, "constant"),
        (lambda: gradcheck(lambda: Value(1.0), []), ValueError, "nothing to check"),
        (lambda: gradcheck(lambda xs: Value(1.0), [[]]), ValueError, "nothing to check"),
        (lambda: gradcheck(Value(1.0).detach()), ValueError, "nothing to check"),
        (lambda: gradcheck(Value(1.0) * 2, wrt=[]), ValueError, "nothing to check"),
        (lambda: gradcheck(abs, [1.0], rtol="tight"), ValueError, "rtol must be"),
        (lambda: gradcheck(abs, [1.0], kinks="pass"), ValueError, "'report', 'fail', 'subgradient'"),
        (lambda: gradcheck(abs, [1.0], rtol=-1.0), ValueError, "rtol"),
        (lambda: gradcheck(abs, [1.0], atol=math.nan), ValueError, "atol"),
    ],
)
def test_bad_input_is_one_clear_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_tolerances_are_what_they_say():
    near = operation("near", lambda m, x: x * x, lambda m, y, x: (2.001 * x,))
    assert failure(near, [1.0]).entries[0].error == pytest.approx(5e-4)
    assert gradcheck(near, [1.0], rtol=1e-3).ok
    assert gradcheck(near, [1.0], atol=2e-3).ok
    assert not failure(near, [1.0], atol=2e-4).ok


def test_without_mpmath_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpmath.ctx_mp", None)
    with pytest.raises(ImportError, match=r"chainrule\[check\]"):
        gradcheck(abs, [1.0])


def test_the_users_mpmath_is_left_alone():
    mpmath = pytest.importorskip("mpmath")
    digits = mpmath.mp.dps
    gradcheck(lambda x: x.exp(), [1.0])
    assert mpmath.mp.dps == digits
    assert float(mpmath.mpf(2)) == 2.0


def test_importing_autograd_does_not_import_the_checks():
    code = "import sys, autograd; print('mpmath' in sys.modules, 'autograd.checking' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_the_function_is_the_one_of_the_package():
    assert autograd.gradcheck is _gradcheck_itself
