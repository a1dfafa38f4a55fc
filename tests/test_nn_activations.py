"""Activation modules, softmax and its relatives: values, two derivatives, extremes, bad input."""

import math

import mpmath
import numpy as np
import pytest

import nn
from autograd import Value, derivative

MODULES = {
    "softplus": (nn.Softplus(), lambda x: mpmath.log1p(mpmath.exp(x))),
    "relu": (nn.ReLU(), lambda x: max(x, mpmath.mpf(0))),
    "tanh": (nn.Tanh(), mpmath.tanh),
    "sigmoid": (nn.Sigmoid(), lambda x: 1 / (1 + mpmath.exp(-x))),
    "leaky_relu": (nn.LeakyReLU(0.2), lambda x: x if x > 0 else mpmath.mpf(0.2) * x),
    "elu": (nn.ELU(1.5), lambda x: x if x > 0 else mpmath.mpf(1.5) * mpmath.expm1(x)),
    "silu": (nn.SiLU(), lambda x: x / (1 + mpmath.exp(-x))),
    "gelu": (nn.GELU(), lambda x: x * mpmath.ncdf(x)),
    "identity": (nn.Identity(), lambda x: x),
}
POINTS = [-3.0, -0.5, 0.25, 2.0]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_modules_bend_each_input(name, order):
    module, truth = MODULES[name]
    for point in POINTS:
        x = Value(point)
        (y,) = module([x])
        found = y if order == 0 else derivative(y, x, order=order)
        with mpmath.workdps(40):
            expected = float(mpmath.diff(truth, point, order))
        assert found.data == pytest.approx(expected, rel=1e-12, abs=1e-30)


def test_one_value_gives_one_value():
    assert nn.Tanh()(Value(0.5)).data == math.tanh(0.5)
    assert [y.data for y in nn.ReLU()([Value(-1.0), Value(2.0)])] == [0.0, 2.0]


EXTREMES = [[1000.0, -1000.0, 0.0], [-1000.0, -1000.0], [1e300, -1e300], [0.0], [40.0, 0.0], [-745.0, 0.0, 745.0]]


def softmax_truth(xs):
    powers = [mpmath.exp(mpmath.mpf(x)) for x in xs]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("xs", EXTREMES)
def test_softmax_and_log_softmax_at_extremes(xs):
    with mpmath.workdps(700):
        p = softmax_truth(xs)
        expected, logarithms = [float(share) for share in p], [float(mpmath.log(share)) for share in p]
    assert nn.softmax(xs) == pytest.approx(expected, rel=1e-14, abs=1e-307)
    assert nn.log_softmax(xs) == pytest.approx(logarithms, rel=1e-14, abs=1e-307)


@pytest.mark.parametrize("xs", EXTREMES[:1] + EXTREMES[4:5])
def test_derivatives_of_log_softmax_at_extremes(xs):
    """D log p_i / dx_j = [i = j] - p_j, and once more -p_j ([j = k] - p_k)."""
    with mpmath.workdps(700):
        p = softmax_truth(xs)
        rest = [float(1 - share) for share in p]
        curvature = [float(-share * (1 - share)) for share in p]
        p = [float(share) for share in p]
    values = [Value(x) for x in xs]
    for i, y in enumerate(nn.log_softmax(values)):
        slopes = [rest[j] if i == j else -p[j] for j in range(len(xs))]
        assert [d.data for d in derivative(y, values)] == pytest.approx(slopes, rel=1e-13, abs=1e-307)
        assert [derivative(y, x, order=2).data for x in values] == pytest.approx(curvature, rel=1e-13, abs=1e-307)


def test_the_derivatives_of_softmax_are_those_of_the_lectures():
    raw = [Value(x) for x in (0.3, -1.2, 2.0)]
    p = nn.Softmax()(raw)
    for i, share in enumerate(p):
        slopes = [share.data * ((i == j) - other.data) for j, other in enumerate(p)]
        assert [d.data for d in derivative(share, raw)] == pytest.approx(slopes, rel=1e-12)


@pytest.mark.parametrize(
    ("xs", "index"), [([1.0, 3.0, 2.0], 1), ([2.0, 2.0], 0), ([0.0, math.nan, 9.0], 1), (np.array([1, 5]), 1)]
)
def test_argmax_is_that_of_numpy(xs, index):
    assert nn.argmax(xs) == index == np.argmax(xs)


def test_the_argmax_layer_gives_constants():
    outputs = nn.ArgMax()([Value(1.0), Value(3.0), Value(3.0)])
    assert [output.data for output in outputs] == [0.0, 1.0, 0.0]
    assert all(output.is_constant for output in outputs)


@pytest.mark.parametrize("name", ["LeakyReLU", "ELU"])
@pytest.mark.parametrize("settings", [(), (1.0,), (1,), (0.123456789,)])
def test_settings_are_shown_as_by_torch(name, settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    assert repr(getattr(nn, name)(*settings)) == repr(getattr(torch.nn, name)(*map(float, settings)))


def test_one_hot():
    assert nn.one_hot(1, 3) == [0.0, 1.0, 0.0]
    assert nn.one_hot(np.int64(0), 2) == [1.0, 0.0]


def test_the_names_that_mlp_takes():
    for name, (module, _) in MODULES.items():
        assert type(nn.MLP([1, 1, 1], name)[1]) is type(module)


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: nn.softmax([]), ValueError, "at least one"),
    (lambda: nn.log_softmax([]), ValueError, "at least one"),
    (lambda: nn.argmax([]), ValueError, "at least one"),
    (lambda: nn.argmax("text"), TypeError, "argmax: xs must be a list of numbers, got 'text'"),
    (lambda: nn.argmax(5), TypeError, "argmax: xs must be a list of numbers, got 5"),
    (lambda: nn.argmax([[1, 2]]), TypeError, r"argmax: xs\[0\] must be a number, got \[1, 2\] of type list"),
    (lambda: nn.argmax([1.0, "a"]), TypeError, r"argmax: xs\[1\] must be a number, got 'a' of type str"),
    (lambda: nn.one_hot(True, 3), TypeError, "index of a class, got True"),
    (lambda: nn.LeakyReLU(-math.inf), ValueError, "negative_slope must be finite, got -inf"),
    (lambda: nn.one_hot(3, 3), ValueError, "from 0 to 2, got 3"),
    (lambda: nn.one_hot(-1, 3), ValueError, "from 0 to 2, got -1"),
    (lambda: nn.one_hot(1.0, 3), TypeError, "index of a class, got 1.0"),
    (lambda: nn.one_hot(0, 0), ValueError, "number of classes must be at least 1"),
    (lambda: nn.LeakyReLU("a"), TypeError, "negative_slope must be a number"),
    (lambda: nn.ELU(math.nan), ValueError, "alpha must be finite"),
    (lambda: nn.MLP([1, 1], "softmax"), ValueError, "one of softplus, relu, tanh, sigmoid, leaky_relu, elu"),
    (lambda: nn.MLP([1, 1], None), ValueError, "activation must be one of"),
])  # fmt: skip
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
