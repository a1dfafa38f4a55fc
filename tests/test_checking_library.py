"""The library checks itself, and the checker is checked: right derivatives pass, planted faults do not."""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings

import autograd
import nn
from autograd import GradcheckError, Value, check_gradient, gradcheck, ops, specialize
from autograd.node import leaves, nodes
from autograd.operation import Operation
from autograd.testing import expressions, values
from autograd.value import apply
from benchmarks import gradcheck as benchmark

ROWS = pytest.mark.parametrize("row", ops.TABLE.values(), ids=lambda row: row.name)


def points(row, number):
    rng = random.Random(row.name)
    count = row.arity or (2 if row.formula.__defaults__ else 4)
    for _ in range(number):
        yield [rng.uniform(*row.domain[min(i, len(row.domain) - 1)]) for i in range(count)]


@ROWS
def test_every_row_of_the_table_is_right(row):
    for point in points(row, 5):
        fixed = [point.pop()] if row is ops.pow_log else []  # how often one differentiates is no variable
        report = gradcheck(lambda *xs, fixed=fixed: apply(row, *xs, *fixed), point, rtol=1e-13)
        assert {entry.verdict for entry in report.entries} == {"ok"}


@pytest.mark.parametrize("row", [ops.relu, ops.abs, ops.leaky_relu], ids=lambda row: row.name)
def test_kinks_are_where_the_row_says(row):
    [entry] = gradcheck(lambda x: apply(row, x), [0.0]).entries
    assert row.kinks(0.0) == (0.0,)
    assert entry.verdict == "kink"


# Planted faults


def changed(row, change):
    """The row with one partial changed: `change(m, partial, operand)` is the new one."""

    def partials(m, y, *operands):
        right = row.partials(m, y, *operands)
        i = 1 if row is ops.where else 0
        return (*right[:i], change(m, right[i], operands[i]), *right[i + 1 :])

    return Operation(f"faulty_{row.name}", row.formula, partials, kinks=row.kinks, domain=row.domain)


FLAT = (ops.sign, ops.floor, ops.ceil, ops.trunc, ops.rint)

FAULTS = {
    "sign": lambda m, partial, x: -partial,
    "factor of 2": lambda m, partial, x: 2.0 * partial,
    "zero": lambda m, partial, x: 0.0,
    "missing operand": lambda m, partial, x: None,
    "off by 1e-4": lambda m, partial, x: partial * (1.0 + 1e-4),
    "wrong in one region": lambda m, partial, x: m.where(m.step(x, 0.5, 0.0), 2.0 * partial, partial),
}


@pytest.mark.parametrize("row", [row for row in ops.TABLE.values() if row is not ops.step], ids=lambda row: row.name)
@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[pytest.mark.slow] * (number % 2)) for number, fault in enumerate(FAULTS)]
)
def test_planted_faults_are_refused(row, fault):
    faulty = changed(row, FAULTS[fault])
    found = 0
    for point in points(row, 6):
        position = 1 if row is ops.where else 0
        x = Value(point[position])
        operands = [*point[:position], x, *point[position + 1 :]]
        right = apply(row, *operands)
        right.backward()
        if x.grad == 0.0 or (fault == "wrong in one region" and point[position] <= 0.5):
            gradcheck(lambda x, o=operands, i=position: apply(faulty, *o[:i], x, *o[i + 1 :]), [x])
            continue
        with pytest.raises(GradcheckError) as caught:
            gradcheck(lambda x, o=operands, i=position: apply(faulty, *o[:i], x, *o[i + 1 :]), [x])
        [entry] = caught.value.report.entries
        assert (entry.verdict, entry.op) == ("wrong", faulty.name)
        found += 1
    assert found or row in FLAT or fault == "wrong in one region"


def test_a_fault_in_the_written_out_code_is_refused(monkeypatch):
    """`backward` does not read the partials of common rows, but code that was written from them."""

    def pull(node, cotangent):
        for operand in node.parents:
            operand.gradient = cotangent

    monkeypatch.setitem(specialize.PULLS, ops.tanh, pull)
    with pytest.raises(GradcheckError, match="operation 'tanh'"):
        gradcheck(lambda x: x.tanh(), [0.5])


# Random expressions


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions())
def test_random_expressions_are_right(y):
    report = outcome(y)  # at a jump, or where conventions at kinks do not add up, no operation is to blame
    assert report.faults == []
    for entry in report.entries:
        assert entry.verdict != "wrong" or "jumps here" in entry.note or "have kinks here" in entry.note


def outcome(y):
    try:
        return gradcheck(y)
    except GradcheckError as error:
        return error.report


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(max_leaves=1, operations=["add", "mul", "sub", "tanh", "square"]), values(0.5, 2.0))
def test_random_expressions_with_a_fault_are_refused(y, z):
    faulty = changed(ops.exp, FAULTS["off by 1e-4"])
    root = y + apply(faulty, z)
    with pytest.raises(GradcheckError, match="faulty_exp"):
        gradcheck(root)


@given(expressions(max_leaves=2, max_operations=3, operations=["mul", "exp"]))
def test_expressions_are_what_was_asked_for(y):
    assert len([leaf for leaf in leaves([y]) if not leaf.is_constant]) <= 2
    assert {node.op for node in nodes([y])} <= {"mul", "exp", None}
    assert abs(y.data) <= 1e6


@given(values(1.0, 2.0, name="w"))
def test_values_are_within_their_bounds(w):
    assert 1.0 <= w.data <= 2.0
    assert (w.name, w.op) == ("w", None)


@pytest.mark.parametrize(
    "bad", [{"max_leaves": 0}, {"max_leaves": 99}, {"max_operations": 0}, {"operations": ["mull"]}, {"operations": []}]
)
def test_bad_strategies_are_one_clear_error(bad):
    with pytest.raises(ValueError, match="mull" if bad == {"operations": ["mull"]} else next(iter(bad))):
        expressions(**bad)


# nn: layers, losses, optimisers

INPUTS = [0.3, -1.2, 0.8]
OBSERVATION = [0.2, 0.5, 0.3]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(3, 2, seed=0),
        nn.Linear(3, 2, bias=False, seed=0),
        nn.MLP([3, 4, 2], seed=0),
        nn.MLP([3, 4, 2], activation="relu", seed=0),
        nn.Sequential(nn.Linear(3, 3, seed=0), nn.Tanh(), nn.Linear(3, 2, seed=1), nn.LogSoftmax()),
        nn.Softplus(),
        nn.ReLU(),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.LeakyReLU(0.1),
        nn.ELU(),
        nn.SiLU(),
        nn.GELU(),
        nn.Softmax(),
        nn.LogSoftmax(),
        nn.ArgMax(),
        nn.Identity(),
    ],
    ids=repr,
)
def test_layers_are_right(layer):
    parameters = list(layer.parameters())
    report = gradcheck(lambda xs, *_: layer(xs), [INPUTS, *parameters], rtol=1e-12)
    assert {entry.verdict for entry in report.entries} == {"ok"}
    assert len(report.entries) == 3 + len(parameters)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (nn.ssr, OBSERVATION),
        (nn.mse, OBSERVATION),
        (nn.mae, OBSERVATION),
        (nn.huber, OBSERVATION),
        (nn.hinge, [1.0, -1.0, 1.0]),
        (nn.binary_cross_entropy_with_logits, [1.0, 0.0, 0.3]),
        (nn.cross_entropy, 1),
        (nn.cross_entropy, OBSERVATION),
        (nn.nll, 2),
    ],
)
def test_losses_are_right(loss, target, reduction):
    report = gradcheck(lambda xs: loss(xs, target, reduction=reduction), [INPUTS], rtol=1e-12)
    assert {entry.verdict for entry in report.entries} == {"ok"}


def test_the_loss_of_probabilities_and_of_targets_that_are_values():
    assert gradcheck(lambda p: nn.cross_entropy_of_probabilities(p, OBSERVATION), [[0.2, 0.3, 0.5]]).ok
    report = gradcheck(lambda xs, ys: nn.cross_entropy(xs, nn.softmax(ys)), [INPUTS, OBSERVATION])
    assert {entry.verdict for entry in report.entries} == {"ok"}


@pytest.mark.parametrize(
    "make",
    [
        lambda params: nn.SGD(params, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda params: nn.Adam(params, lr=0.05),
        lambda params: nn.AdamW(params, lr=0.05),
        lambda params: nn.RMSprop(params, lr=0.05),
    ],
    ids=["SGD", "Adam", "AdamW", "RMSprop"],
)
def test_gradients_stay_right_while_optimisers_step(make):
    model = nn.MLP([3, 3, 1], seed=0)
    optimizer = make(model.parameters())
    for _ in range(3):
        loss = nn.mse(model(INPUTS), [2.0])
        assert gradcheck(loss, wrt=list(model.parameters()), rtol=1e-10).ok
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_a_step_of_gradient_descent_is_the_gradient():
    model = nn.MLP([3, 2, 1], seed=0)
    parameters = list(model.parameters())

    def loss_at(numbers):
        for parameter, number in zip(parameters, numbers, strict=True):
            parameter.data = number
        return nn.mse(model(INPUTS), [2.0])

    def step_of(numbers):
        optimizer = nn.SGD(parameters, lr=0.5)
        optimizer.zero_grad()
        loss_at(numbers).backward()
        optimizer.step()
        return [(before - after.data) / 0.5 for before, after in zip(numbers, parameters, strict=True)]

    start = [parameter.data for parameter in parameters]
    assert check_gradient(loss_at, step_of, start).ok


def test_the_dosage_network_of_the_lectures_is_right():
    fitted = {"w1": -34.4, "b1": 2.14, "w2": -2.52, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}

    def ssr(w1, b1, w2, b2, w3, w4, b3):
        predicted = [(x * w1 + b1).softplus() * w3 + (x * w2 + b2).softplus() * w4 + b3 for x in (0.0, 0.5, 1.0)]
        return nn.ssr(predicted, [0.0, 1.0, 0.0])

    report = gradcheck(ssr, list(fitted.values()))
    assert [(entry.input, entry.verdict) for entry in report.entries] == [(name, "ok") for name in fitted]


# The benchmark, whose claims are tests as well


@pytest.mark.parametrize(("name", "expected", "f", "point"), benchmark.CASES, ids=[case[0] for case in benchmark.CASES])
def test_the_verdicts_of_the_benchmark(name, expected, f, point):
    assert benchmark.our_verdict(f, point) == expected


@pytest.mark.parametrize(("name", "key", "x"), benchmark.FAULTS, ids=[fault[0] for fault in benchmark.FAULTS])
def test_the_faults_of_the_benchmark_are_refused(name, key, x):
    operation = benchmark.OURS_WITH_A_FAULT[key]
    assert benchmark.our_verdict(operation, [x]) == f"fail ({operation.operation.name})"


@pytest.mark.slow
def test_the_random_graphs_of_the_benchmark(capsys):
    benchmark.random_graphs(40)
    printed = capsys.readouterr().out
    assert ": 0 false alarms; " in printed
    assert ": 0 false passes" in printed


@pytest.mark.slow
def test_the_time_grows_with_the_operations(capsys):
    benchmark.speed(1)
    assert capsys.readouterr().out.strip().startswith("gradcheck: 50 derivatives and 9")

    def seconds(operations):
        xs = [0.1 * i for i in range(operations // 20)]
        y = autograd.sum([(x.tanh() * xs[0]).softplus() for x in map(Value, xs) for _ in range(6)])
        start = time.process_time()
        gradcheck(y)
        return time.process_time() - start

    few, many = (min(seconds(operations) for _ in range(3)) for operations in (200, 2000))
    assert many < 30 * few  # 100 times if it were the square
