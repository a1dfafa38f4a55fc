"""Losses: values and gradients against closed forms and PyTorch, forms of data, reductions, bad input."""

import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, derivative, grad, gradcheck, hessian

NUMBERS = [[0.5, -2.0, 3.0], [1.5, 0.0, -0.25]]
OBSERVED = [[1.0, -2.0, 0.5], [0.0, 1.0, 0.0]]
LABELS = [[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]
SHARES = [[0.0, 1.0, 0.25], [0.5, 1.0, 0.0]]
DISTRIBUTIONS = [[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]]


def values(rows):
    return [[Value(x) for x in row] for row in rows]


def flat(structure):
    return [x for part in structure for x in flat(part)] if isinstance(structure, list) else [structure]


@pytest.mark.parametrize(
    ("loss", "target", "expected"),
    [
        (nn.ssr, OBSERVED, lambda p, o: (o - p) ** 2),
        (nn.mse, OBSERVED, lambda p, o: (o - p) ** 2),
        (nn.mae, OBSERVED, lambda p, o: abs(o - p)),
        (nn.huber, OBSERVED, lambda p, o: (o - p) ** 2 / 2 if abs(o - p) <= 1 else abs(o - p) - 0.5),
        (nn.hinge, LABELS, lambda p, o: max(0.0, 1 - o * p)),
        (
            nn.binary_cross_entropy_with_logits,
            SHARES,
            lambda p, o: o * math.log1p(math.exp(-p)) + (1 - o) * math.log1p(math.exp(p)),
        ),
    ],
)
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_losses_of_numbers(loss, target, expected, reduction):
    each = [[expected(p, o) for p, o in zip(*rows, strict=True)] for rows in zip(NUMBERS, target, strict=True)]
    truth = {"none": each, "sum": np.sum(each), "mean": np.mean(each)}[reduction]
    result = loss(values(NUMBERS), target, reduction=reduction)
    numbers = [float(x) for x in flat(result)]
    assert numbers == pytest.approx(np.ravel(truth).tolist(), rel=1e-14, abs=1e-16)


def losses_of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    f = torch.nn.functional
    return torch, {
        "mse": (nn.mse, f.mse_loss, OBSERVED),
        "mae": (nn.mae, f.l1_loss, OBSERVED),
        "huber": (nn.huber, f.huber_loss, OBSERVED),
        "binary": (nn.binary_cross_entropy_with_logits, f.binary_cross_entropy_with_logits, SHARES),
        "huber, narrow": (nn.huber, f.huber_loss, OBSERVED, {"delta": 0.5}),
        "huber, wide": (nn.huber, f.huber_loss, OBSERVED, {"delta": 2.0}),
        "classes": (nn.cross_entropy, f.cross_entropy, [2, 0]),
        "distributions": (nn.cross_entropy, f.cross_entropy, DISTRIBUTIONS),
        "nll": (nn.nll, f.nll_loss, [1, 2]),
    }


@pytest.mark.parametrize(
    "name", ["mse", "mae", "huber", "huber, narrow", "huber, wide", "binary", "classes", "distributions", "nll"]
)
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_values_and_gradients_are_those_of_torch(name, reduction):
    torch, losses = losses_of_torch()
    ours, theirs, target, *settings = losses[name]
    settings = dict(*settings)
    rows = values(NUMBERS)
    result = flat(ours(rows, target, reduction=reduction, **settings))
    tensor = torch.tensor(NUMBERS, dtype=torch.float64, requires_grad=True)
    kind = torch.int64 if isinstance(target[0], int) else torch.float64
    expected = theirs(tensor, torch.tensor(target, dtype=kind), reduction=reduction, **settings)
    assert [x.data for x in result] == pytest.approx(expected.ravel().tolist(), rel=1e-14, abs=1e-15)
    expected.sum().backward()
    for x in result:
        x.backward()
    assert [x.grad for x in flat(rows)] == pytest.approx(tensor.grad.ravel().tolist(), rel=1e-13, abs=1e-15)


def test_one_observation_or_one_number():
    assert nn.ssr(Value(3.0), 1.0).data == 4.0
    assert nn.ssr([Value(3.0)], 1.0).data == 4.0  # one output, and a target that is a plain number
    assert nn.ssr([[Value(3.0)], [Value(2.0)]], [1.0, 2.0]).data == 4.0
    assert nn.mse([1.0, 3.0], np.array([1.0, 1.0])) == 2.0


def test_arrays_without_dimensions_are_numbers():
    assert nn.mse(Value(3.0), np.array(1.0)).data == 4.0
    assert nn.mse([Value(3.0)], np.array([np.array(1.0)])).data == 4.0
    assert nn.mse([np.array(3.0), 1.0], [1.0, np.array(1.0)]) == 2.0
    assert nn.cross_entropy(NUMBERS[0], np.array(1)) == nn.cross_entropy(NUMBERS[0], 1)
    assert nn.cross_entropy([np.array(z) for z in NUMBERS[0]], 1) == nn.cross_entropy(NUMBERS[0], 1)


def test_cross_entropy_of_a_batch_is_over_observations():
    each = nn.cross_entropy(NUMBERS, [2, 0], reduction="none")
    assert len(each) == 2
    assert nn.cross_entropy(NUMBERS, [2, 0]) == pytest.approx(sum(each) / 2)
    assert nn.cross_entropy(NUMBERS[0], 2) == each[0]


@pytest.mark.parametrize("target", [1, np.int64(1), [0.0, 1.0, 0.0], (0, 1, 0), np.eye(3)[1]])
def test_forms_of_a_class(target):
    truth = -math.log(math.exp(-2.0) / sum(map(math.exp, NUMBERS[0])))
    assert nn.cross_entropy(NUMBERS[0], target) == pytest.approx(truth, rel=1e-14)
    p = nn.softmax(NUMBERS[0])
    assert nn.cross_entropy_of_probabilities(p, target) == pytest.approx(truth, rel=1e-14)
    assert nn.nll(nn.log_softmax(NUMBERS[0]), target) == pytest.approx(truth, rel=1e-14)


def test_targets_may_be_values():
    target = [Value(0.2), Value(0.5), Value(0.3)]
    loss = nn.cross_entropy([Value(x) for x in NUMBERS[0]], target)
    assert loss.data == pytest.approx(nn.cross_entropy(NUMBERS[0], [0.2, 0.5, 0.3]), rel=1e-14)
    loss.backward()
    assert [t.grad for t in target] == pytest.approx([-x for x in nn.log_softmax(NUMBERS[0])], rel=1e-13)


def test_classes_of_probability_0_are_left_out():
    assert nn.cross_entropy_of_probabilities([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("logits", "target", "loss", "slope"),
    [
        ([1000.0, -1000.0], 0, 0.0, 0.0),
        ([1000.0, -1000.0], 1, 2000.0, 1.0),
        ([40.0, 0.0], 0, math.exp(-40.0), -math.exp(-40.0)),
        ([1000.0, 1000.0], 0, math.log(2.0), -0.5),
    ],
)
def test_cross_entropy_keeps_its_digits_at_extremes(logits, target, loss, slope):
    xs = [Value(x) for x in logits]
    y = nn.cross_entropy(xs, target)
    assert y.data == pytest.approx(loss, rel=1e-14)
    assert derivative(y, xs[0]).data == pytest.approx(slope, rel=1e-14)
    assert math.isfinite(derivative(y, xs[0], order=2).data)


@pytest.mark.parametrize(
    ("logit", "target", "loss", "slope"),
    [
        (1000.0, 1.0, 0.0, 0.0),
        (-1000.0, 1.0, 1000.0, -1.0),
        (40.0, 1.0, math.exp(-40.0), -math.exp(-40.0)),
    ],
)
def test_binary_cross_entropy_keeps_its_digits_at_extremes(logit, target, loss, slope):
    x = Value(logit)
    y = nn.binary_cross_entropy_with_logits(x, target)
    assert y.data == pytest.approx(loss, rel=1e-14)
    assert derivative(y, x).data == pytest.approx(slope, rel=1e-14)
    assert math.isfinite(derivative(y, x, order=2).data)


@pytest.mark.parametrize(("r", "slope"), [(0.0, 0.0), (1.0, 1.0), (1.5, 1.0), (-2.0, -1.0), (0.25, 0.25)])
def test_huber_is_smooth_where_its_halves_meet(r, slope):
    x = Value(r)
    nn.huber(x, 0.0).backward()
    assert x.grad == slope


@pytest.mark.parametrize("r", [0.0, 0.5, 1.0, -1.0, -0.3, 2.0, 1e200, -1e-200])
def test_huber_has_the_second_derivative_of_torch(r):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x, y = torch.tensor(r, dtype=torch.float64, requires_grad=True), Value(r)
    theirs, ours = torch.nn.functional.huber_loss(x, torch.zeros_like(x)), nn.huber(y, 0.0)
    assert ours.op == "huber"
    (slope,) = torch.autograd.grad(theirs, x, create_graph=True)
    (bend,) = torch.autograd.grad(slope, x)
    assert (ours.data, derivative(ours, y).data, derivative(ours, y, order=2).data) == (theirs, slope, bend)


def test_huber_at_a_residual_of_0_bends_as_everywhere_in_its_band():
    assert hessian(lambda p: nn.huber([2 * (1 - 0.5 * p[0])], [0.0]))([2.0]) == [[1.0]]


def test_huber_is_a_right_operation():
    assert gradcheck(lambda r: nn.huber(r, 0.5, delta=2.0), [1.0]).ok
    assert gradcheck(lambda r: nn.huber(r, 0.5, delta=2.0), [-7.0]).ok


INF = math.inf
MASKED = {
    "cross entropy": (nn.cross_entropy, [0.5, -INF, 0.5], math.log(2.0), [-0.5, 0.0, 0.5]),
    "nll": (nn.nll, [-0.5, -INF, -1.0], 0.5, [-1.0, 0.0, 0.0]),
    "probabilities": (nn.cross_entropy_of_probabilities, [0.5, 0.0, 0.5], math.log(2.0), [-2.0, 0.0, 0.0]),
}


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize("kind", ["class", "numbers", "values", "program"])
def test_a_share_of_0_meets_no_infinity(name, kind):
    loss, numbers, expected, slopes = MASKED[name]
    outputs, shares = [Value(x) for x in numbers], [Value(x) for x in (1.0, 0.0, 0.0)]
    if kind == "program":
        program = autograd.compile(loss(outputs, shares), wrt=outputs, inputs=(shares,))
        for rows in (1, 300):
            value, gradient = program(np.repeat([[1.0, 0.0, 0.0]], rows, axis=0))
            assert value == pytest.approx(expected, rel=1e-14)
            assert gradient.tolist() == pytest.approx(slopes, rel=1e-13)
        return
    result = loss(outputs, {"class": 0, "numbers": [1, 0, 0], "values": shares}[kind])
    result.backward()
    assert result.data == pytest.approx(expected, rel=1e-14)
    assert [x.grad for x in outputs] == pytest.approx(slopes, rel=1e-14)
    assert all(map(math.isfinite, (share.grad for share in shares)))
    assert all(math.isfinite(second.data) for second in derivative(result, outputs, order=2))


@pytest.mark.parametrize(("yes", "logit"), [(0.0, -INF), (1.0, INF)])
@pytest.mark.parametrize("kind", [float, int, Value])
def test_binary_cross_entropy_of_what_is_certain(yes, logit, kind):
    x = Value(logit)
    loss = nn.binary_cross_entropy_with_logits(x, kind(yes))
    loss.backward()
    assert (loss.data, x.grad) == (0.0, 0.0)


def test_a_share_that_is_a_value_of_0_has_its_own_slope():
    share = [Value(1.0), Value(0.0)]
    nn.cross_entropy([Value(0.3), Value(-0.2)], share).backward()
    assert [s.grad for s in share] == pytest.approx([-x for x in nn.log_softmax([0.3, -0.2])], rel=1e-14)


def test_masked_logits_are_impossible():
    assert nn.log_softmax([0.0, -INF, -INF]) == [0.0, -INF, -INF]
    xs = [Value(0.0), Value(-INF), Value(1.0)]
    nn.cross_entropy(xs, 2).backward()
    assert [x.grad for x in xs] == pytest.approx([1 / (1 + math.e), 0.0, -1 / (1 + math.e)], rel=1e-14)


def test_the_class_of_the_largest_output_may_be_asked_for_within_grad():
    def loss(x):
        return nn.cross_entropy(x, nn.argmax(x))

    assert grad(loss)([1.0, 2.0]) == pytest.approx([1 / (1 + math.e), -1 / (1 + math.e)], rel=1e-14)


def test_the_graph_of_one_residual_is_one_square():
    assert nn.ssr([Value(1.0)], [0.0]).op == "square"


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: nn.ssr([1.0, 2.0], [1.0]), ValueError, "equal lengths, got 2 and 1"),
    (lambda: nn.ssr([[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0, 4.0]]), ValueError, r"predicted\[1\] and observed\[1\]"),
    (lambda: nn.ssr([1.0, 2.0], 1.0), ValueError, "equal lengths, got 2 and 1"),
    (lambda: nn.ssr([], []), ValueError, "predicted is empty"),
    (lambda: nn.ssr([1.0], "a"), TypeError, "observed must be numbers or lists of them, got 'a'"),
    (lambda: nn.ssr([1.0], None), TypeError, "observed must be numbers"),
    (lambda: nn.mse([1.0], [1.0], reduction="average"), ValueError, "reduction must be one of mean, sum, none"),
    (lambda: nn.huber([1.0], [1.0], delta=0), ValueError, "delta must be greater than 0"),
    (lambda: nn.huber([1.0], [1.0], delta=-1), ValueError, "delta must be finite and at least 0, got -1"),
    (lambda: nn.hinge([1.0], [0]), ValueError, "labels must be -1 or 1, got 0"),
    (lambda: nn.binary_cross_entropy_with_logits([1.0], [-1]), ValueError, "between 0 and 1, got -1"),
    (lambda: nn.cross_entropy([1.0, 2.0], 2), ValueError, "from 0 to 1, got 2"),
    (lambda: nn.cross_entropy([1.0, 2.0], -1), ValueError, "from 0 to 1, got -1"),
    (lambda: nn.cross_entropy([1.0, 2.0], 0.5), TypeError, "a class is an integer from 0 to 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], True), TypeError, "a class is an integer from 0 to 1, .* got True"),
    (lambda: nn.cross_entropy([1.0, 2.0], np.array(0.5)), TypeError, "a class is an integer from 0 to 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], [0.5, 0.55]), ValueError, "add up to 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], [0.5, 0.50001]), ValueError, "add up to 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], [1.0]), ValueError, "probabilities of 2 classes, got 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], [0.5, 0.6]), ValueError, "add up to 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], [1.5, -0.5]), ValueError, "at least 0"),
    (lambda: nn.cross_entropy([1.0, 2.0], [float("nan"), 1.0]), ValueError, "add up to 1"),
    (lambda: nn.cross_entropy([1.0, 2.0], [None, 1.0]), TypeError, r"target\[0\] must be a number, got None"),
    (lambda: nn.cross_entropy([[1.0, 2.0]], [0, 1]), ValueError, "equal lengths, got 1 and 2"),
    (lambda: nn.cross_entropy([[1.0, 2.0], [1.0, 2.0]], [0, 5]), ValueError, r"target\[1\]"),
    (lambda: nn.cross_entropy([], 0), ValueError, "empty"),
])  # fmt: skip
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
