"""Compiled programs against the Values that they were made from."""

import importlib.util
import itertools
import json
import math
import random
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile, operation, ops
from autograd.compiler import compile_outputs, costs

NATIVE = importlib.util.find_spec("numba") is not None
ARRAYS = ["arrays", *(["fused"] if NATIVE else [])]
BACKENDS = ("floats", *ARRAYS, *(["native"] if NATIVE else []), None)


def assert_close(actual, expected):
    """Equal to 1e-12 of the largest number, nan and inf in the same places."""
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size else 0.0
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13 * scale)


def eager(loss, parameters):
    """Value and gradient by `backward`."""
    for parameter in parameters:
        parameter.grad = None
    loss.backward()
    return loss.data, np.array([parameter.grad for parameter in parameters])


def eager_batch(build, parameters, rows, mean=True):
    """Value and gradient of the loss `build(*row)`, over the batch."""
    results = [eager(build(*row), parameters) for row in rows]
    scale = 1.0 / len(results) if mean else 1.0
    value = math.fsum(value for value, _ in results) * scale
    return value, np.sum([gradient for _, gradient in results], axis=0) * scale


def check_whole(build, parameters, backends=None):
    """A graph without placeholders on every backend."""
    expected = eager(build(), parameters)
    for backend in backends or BACKENDS:
        value, gradient = compile(build(), wrt=parameters, backend=backend)()
        assert_close(value, expected[0])
        assert_close(gradient, expected[1])


def check_batch(build, parameters, arrays, mean=True, backends=None):
    """A graph for one observation, compiled, against eager on every row."""
    placeholders = [[Value(x) for x in row] if np.ndim(row) else Value(row) for row in (a[0] for a in arrays)]
    rows = list(zip(*[array.tolist() for array in arrays], strict=True))
    expected = eager_batch(build, parameters, rows, mean)
    for backend in backends or BACKENDS:
        reduction = "mean" if mean else "sum"
        step = compile(build(*placeholders), wrt=parameters, inputs=placeholders, reduction=reduction, backend=backend)
        for _ in range(2):  # the second time on used buffers
            value, gradient = step(*arrays)
            assert_close(value, expected[0])
            assert_close(gradient, expected[1])


def values(rng, number, scale=0.5):
    return [Value(float(x)) for x in rng.normal(size=number) * scale]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# Every operation


def table():
    rows = [row for row in ops.TABLE.values() if row is not ops.dot]
    return [pytest.param(row, id=row.name) for row in rows]


@pytest.mark.parametrize("row", table())
@pytest.mark.parametrize("backend", BACKENDS)
def test_operation(row, backend, rng):
    from autograd.value import apply

    arities = {row.arity} if row.arity is not None else {1, 2} if row.name in ("leaky_relu", "elu") else {1, 2, 5}
    for arity in arities:
        domain = [row.domain[min(i, len(row.domain) - 1)] for i in range(arity)]
        scale = values(rng, arity)
        points = np.array([[rng.uniform(low, high) for low, high in domain] for _ in range(6)])

        def build(xs, row=row, scale=scale):
            return apply(row, *[x + 1e-3 * s for x, s in zip(xs, scale, strict=True)])

        check_batch(build, scale, [points], backends=[backend])
        check_whole(lambda build=build, points=points: autograd.sum(map(build, points.tolist())), scale, [backend])


EXTREMES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    745.0,
    -745.0,
    1e-300,
    5e-324,
    1.7e308,
    -1e300,
    math.inf,
    -math.inf,
    math.nan,
    -21.0,
]
FEW_EXTREMES = [0.0, -0.0, 1.0, -2.5, 1e300, math.inf, -math.inf, math.nan]


def same_at_extremes(row, build, parameters, points, backend):
    """Value and gradient of a program against eager: nan, infinities and zeros in the same places."""
    step = compile(build(parameters), wrt=parameters, backend=backend)
    for point in points:
        leaves = [Value(x) for x in point]
        expected = eager(build(leaves), leaves)
        step.theta[:] = point
        value, gradient = step()
        message = f"{row.name} at {point}"
        np.testing.assert_allclose(value, expected[0], rtol=1e-12, atol=5e-323, err_msg=message)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=5e-323, err_msg=message)


@pytest.fixture(params=["floats", "packed arrays", "one array per node", *(["fused", "native"] if NATIVE else [])])
def engine(request, monkeypatch):
    """A backend's name; small graphs are packed only if they are told to be."""
    monkeypatch.setattr(costs, "choose", lambda *_: costs.Choice(request.param in ("packed arrays", "fused"), 2))
    return "arrays" if "array" in request.param else request.param


@pytest.mark.parametrize("row", table())
def test_operation_at_extremes(row, engine):
    """Every operation at 0, infinities, equal operands, subnormal and huge numbers."""
    from autograd.value import apply

    optional = row in (ops.leaky_relu, ops.elu)
    for arity in {1, 2} if optional else {row.arity} if row.arity is not None else {1, 2, 3}:
        points = itertools.product(EXTREMES if arity < 3 else FEW_EXTREMES, repeat=arity)
        same_at_extremes(row, lambda xs: apply(row, *xs), [Value(1.5) for _ in range(arity)], points, engine)


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in table() if row.values[0].arity != 1])
def test_operation_on_a_literal_at_extremes(row, engine):
    """Rewrites look at literals."""
    from autograd.value import apply

    others = [1.0] * ((row.arity or 2) - 2)
    for x in EXTREMES:
        points = [(y,) for y in EXTREMES]
        same_at_extremes(row, lambda ys, x=x: apply(row, x, *ys, *others), [Value(1.5)], points, engine)
        same_at_extremes(row, lambda ys, x=x: apply(row, *ys, x, *others), [Value(1.5)], points, engine)


@pytest.mark.parametrize("numbers", [[1e308, 1e308], [1.7e308, -1.0, 1.7e308], [math.inf, 1e308], [5e-324, 5e-324]])
def test_a_mean_does_not_overflow(numbers, engine):
    """Nor among others in an array, or in rows of a batch."""
    x = [Value(1.0) for _ in numbers]
    means = compile(
        [autograd.mean(x), autograd.mean([2.0 * a for a in x]), autograd.mean(x[::-1])], inputs=(x,), backend=engine
    )
    expected = autograd.mean([Value(a) for a in numbers]).data
    np.testing.assert_allclose(means([numbers] * 2)[:, [0, 2]], expected, rtol=1e-15, atol=5e-324)


def test_a_root_of_minus_zero(engine):
    x = Value(-0.0)
    assert compile(1.0 / x**0.5, inputs=(x,), backend=engine)([-0.0, 4.0, -math.inf]).tolist() == [math.inf, 0.5, 0.0]


def test_only_one_share_is_infinite(engine):
    """The softmax of rows with one infinity and with several."""
    x = [Value(0.1 * i) for i in range(3)]
    rows = [[1.0, math.inf, 2.0], [-math.inf, 0.0, math.inf], [math.inf, math.inf, 0.0], [-math.inf] * 3]
    shares = compile(autograd.softmax(x), inputs=(x,), backend=engine)(rows)
    np.testing.assert_array_equal(shares, [[0, 1, 0], [0, 0, 1], [math.nan] * 3, [math.nan] * 3])
    total = compile(autograd.logsumexp(x), inputs=(x,), backend=engine)(rows)
    np.testing.assert_array_equal(total, [math.inf, math.inf, math.inf, -math.inf])


INFINITE = [
    [1.0, math.inf, 2.0],
    [-math.inf, 0.0, math.inf],
    [math.inf, math.inf, 0.0],
    [-math.inf] * 3,
    [-math.inf, 5.0, -2.0],
    [math.nan, 1.0, math.inf],
    [40.0, -1.0, 0.5],
]


@pytest.mark.parametrize("row", INFINITE)
def test_the_surprise_of_each_class(engine, row):
    """Cross entropy with the index of a class, in rows with infinities and in one that is all but certain."""
    for observed in range(3):
        p = [Value(z) for z in row]
        loss = nn.cross_entropy([p[0] + 0.0, p[1] + 0.0, p[2] + 0.0], observed)
        value, gradient = compile(loss, wrt=p, backend=engine)()
        expected = eager(loss, p)
        np.testing.assert_allclose(value, expected[0], rtol=1e-13)
        if not np.isnan(expected[1]).any():
            np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)


def test_all_logarithms_of_shares_at_once(rng):
    logits = [Value(z) for z in rng.normal(size=5)]
    weights = rng.normal(size=5).tolist()
    check_whole(lambda: autograd.dot(weights, nn.log_softmax([z * 1.5 for z in logits])), logits)


@pytest.mark.parametrize("function", [autograd.softmax, nn.log_softmax])
@pytest.mark.parametrize("seed", range(6))
def test_rows_of_several_kinds_made_in_any_order(function, seed):
    rng = np.random.default_rng(seed)
    kinds = [autograd.tanh, autograd.sin, autograd.exp, lambda z: Value(0.3).detach(), lambda z: z]
    logits = [Value(z) for z in rng.normal(size=12)]

    def loss():
        shuffled = np.random.default_rng(seed)
        rows = [[None] * len(kinds) for _ in range(3)]
        for cell in shuffled.permutation(3 * len(kinds)).tolist():
            row, kind = divmod(cell, len(kinds))
            rows[row][kind] = kinds[kind](logits[shuffled.integers(12)] * logits[shuffled.integers(12)])
        shares = [share for row in rows for share in function(row)]
        return autograd.sum([share * (share + weight) for share, weight in zip(shares, range(15), strict=True)])

    check_whole(loss, logits)


# Networks


def network(sizes, activation, rng):
    return nn.MLP(sizes, activation=activation, rng=rng)


ACTIVATIONS = ["softplus", "relu", "tanh", "sigmoid", "leaky_relu", "elu", "silu", "gelu"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("mean", [True, False])
def test_mlp(activation, mean, rng):
    model = network([3, 5, 4, 2], activation, rng)
    parameters = list(model.parameters())
    arrays = [rng.normal(size=(7, 3)), rng.normal(size=(7, 2))]
    check_batch(lambda x, y: nn.ssr(model(x), y), parameters, arrays, mean)


def test_softmax_cross_entropy(rng):
    model = network([4, 6, 3], "relu", rng)
    parameters = list(model.parameters())
    arrays = [rng.normal(size=(5, 4)), np.eye(3)[rng.integers(0, 3, 5)]]
    check_batch(lambda x, y: nn.cross_entropy(model(x), y), parameters, arrays)
    check_batch(
        lambda x, y: nn.cross_entropy_of_probabilities(nn.softmax(model(x)), y),
        parameters,
        [arrays[0], 0.7 * arrays[1] + 0.1],
    )


def test_whole_data_set(rng):
    model = network([2, 8, 8, 1], "relu", rng)
    parameters = list(model.parameters())
    points, labels = rng.normal(size=(20, 2)), np.sign(rng.normal(size=20))

    def build():
        scores = [model(point)[0] for point in points.tolist()]
        losses = [(1 + -label * score).relu() for label, score in zip(labels.tolist(), scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)

    check_whole(build, parameters)


@pytest.mark.parametrize("order", ["shuffled", "reversed", "half"])
def test_parameter_order(order, rng):
    model = network([3, 6, 5, 2], "tanh", rng)
    parameters = list(model.parameters())
    if order == "shuffled":
        random.Random(0).shuffle(parameters)
    parameters = parameters[::-1] if order == "reversed" else parameters[::2] if order == "half" else parameters
    check_batch(lambda x, y: nn.ssr(model(x), y), parameters, [rng.normal(size=(4, 3)), rng.normal(size=(4, 2))])


def test_tied_weights(rng):
    weights = [values(rng, 4) for _ in range(4)]
    parameters = [w for row in weights for w in row]

    def build(x):
        for _ in range(3):
            x = [autograd.tanh(autograd.dot(row, x)) for row in weights]
        # and the transpose, as in an autoencoder
        x = [autograd.sum([weights[i][j] * x[i] for i in range(4)]) for j in range(4)]
        return autograd.sum([v.square() for v in x])

    check_batch(build, parameters, [rng.normal(size=(5, 4))])


def test_pruned_network(rng):
    weights = [values(rng, 6) for _ in range(8)]
    keep = rng.random((8, 6)) < 0.5
    parameters = [w for row in weights for w in row]

    def build(x):
        hidden = [
            autograd.sum([w * v for w, v, k in zip(row, x, kept, strict=True) if k] + [0.1]).softplus()
            if kept.any()
            else Value(0.0)
            for row, kept in zip(weights, keep, strict=True)
        ]
        return autograd.mean(hidden)

    check_batch(build, parameters, [rng.normal(size=(5, 6))])


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_1d(stride, rng):
    kernels = [values(rng, 3) for _ in range(2)]
    bias = values(rng, 2)

    def build(x):
        maps = [
            [(sum(k * x[i + j] for j, k in enumerate(kernel)) + b).relu() for i in range(0, len(x) - 2, stride)]
            for kernel, b in zip(kernels, bias, strict=True)
        ]
        return autograd.sum([v.square() for row in maps for v in row])

    check_batch(build, [k for kernel in kernels for k in kernel] + bias, [rng.normal(size=(4, 9))])


@pytest.mark.parametrize("channels", [1, 2])
def test_convolution_2d(channels, rng):
    kernels = [[values(rng, 4) for _ in range(channels)] for _ in range(3)]
    head = values(rng, 3 * 9)

    def build(image):
        planes = [image[c * 16 : (c + 1) * 16] for c in range(channels)]
        hidden = []
        for kernel in kernels:
            for i in range(3):
                for j in range(3):
                    total = 0.0
                    for part, plane in zip(kernel, planes, strict=True):
                        for a in range(2):
                            for b in range(2):
                                total = total + part[2 * a + b] * plane[4 * (i + a) + j + b]
                    hidden.append(total.tanh())
        return autograd.dot(head, hidden).square()

    parameters = [w for kernel in kernels for part in kernel for w in part] + head
    check_batch(build, parameters, [rng.normal(size=(3, 16 * channels))])


def test_recurrent_network(rng):
    size = 4
    inner, outer = [values(rng, 2) for _ in range(size)], [values(rng, size) for _ in range(size)]
    bias, head = values(rng, size), values(rng, size)

    def build(x):
        state = [0.0] * size
        for t in range(5):
            step = x[2 * t : 2 * t + 2]
            state = [
                (autograd.dot(u, step) + autograd.dot(w, state) + b).tanh()
                for u, w, b in zip(inner, outer, bias, strict=True)
            ]
        return autograd.dot(head, state) ** 2

    parameters = [p for rows in (inner, outer) for row in rows for p in row] + bias + head
    check_batch(build, parameters, [rng.normal(size=(6, 10))])


def test_attention_with_layer_norm_and_residuals(rng):
    tokens, width = 3, 4
    query, key, value = ([values(rng, width) for _ in range(width)] for _ in range(3))
    gain, shift = values(rng, width), values(rng, width)

    def linear(rows, x):
        return [autograd.dot(row, x) for row in rows]

    def norm(x):
        mean = autograd.mean(x)
        centred = [v - mean for v in x]
        deviation = (autograd.mean([c * c for c in centred]) + 1e-5) ** 0.5
        return [g * (c / deviation) + s for g, c, s in zip(gain, centred, shift, strict=True)]

    def build(x):
        rows = [norm(x[i * width : (i + 1) * width]) for i in range(tokens)]
        q, k, v = ([linear(w, row) for row in rows] for w in (query, key, value))
        out = []
        for i in range(tokens):
            weights = autograd.softmax([autograd.dot(q[i], k[j]) / math.sqrt(width) for j in range(tokens)])
            mixed = [autograd.dot(weights, [v[j][d] for j in range(tokens)]) for d in range(width)]
            out.append([a + b for a, b in zip(rows[i], mixed, strict=True)])
        return autograd.mean([o.square() for row in out for o in row])

    parameters = [p for rows in (query, key, value) for row in rows for p in row] + gain + shift
    check_batch(build, parameters, [rng.normal(size=(4, tokens * width))])


def test_two_towers(rng):
    left, right = network([3, 4, 4], "relu", rng), network([2, 5, 4], "tanh", rng)
    shared = network([3, 4], "relu", rng)

    def build(x, y):
        a, b = left(x), right(y)
        return autograd.dot(a, b).sigmoid() + autograd.dot(shared(x), a)

    parameters = [*left.parameters(), *right.parameters(), *shared.parameters()]
    check_batch(build, parameters, [rng.normal(size=(4, 3)), rng.normal(size=(4, 2))])


def test_second_derivative_graph(rng):
    w = values(rng, 3)

    def build(x):
        y = autograd.dot(w, x).tanh().square() + autograd.logsumexp([a * b for a, b in zip(w, x, strict=True)])
        return autograd.sum([d.square() for d in autograd.derivative(y, w)])

    check_batch(build, w, [rng.normal(size=(3, 3))])


# Operations of one's own

cube = operation("cube in test_compiler", lambda m, x: x * x * x, lambda m, y, x: (3 * x * x,))
branching = operation(
    "branching in test_compiler",
    lambda m, x, y: x * y if x > 0 else math.sin(x),
    lambda m, z, x, y: (y, x) if x > 0 else (math.cos(x), 0.0),
)
many = operation(
    "many in test_compiler",
    lambda m, *xs: m.exp(m.sum(xs)),
    lambda m, y, *xs: (y,) * len(xs),
)


@pytest.mark.parametrize("function", [cube, lambda x: branching(x, 2.0 * x), lambda x: many(x, 1.0, x, 0.5 * x)])
def test_own_operation(function, rng):
    weights = [values(rng, 3) for _ in range(4)]
    check_batch(
        lambda x: autograd.sum([function(autograd.dot(row, x)) for row in weights]),
        [w for row in weights for w in row],
        [rng.normal(size=(5, 3))],
    )


# Irregular graphs

half_square = operation("half square", lambda m, x: 0.5 * x * x, lambda m, y, x: (x,))
always_three = operation("always three", lambda m, x: 3.0, lambda m, y, x: (0.0,))
one_sided = operation(
    "one-sided",
    lambda m, x, y: x * y if x > 0 else math.sin(x),
    lambda m, z, x, y: (y, x) if x > 0 else (math.cos(x), None),
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_that_is_the_parameter_itself(backend):
    w = Value(3.0)
    assert compile(half_square(w), wrt=[w], backend=backend)() == (4.5, [3.0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_formula_that_does_not_look_at_its_operands(backend):
    ws, z = [Value(0.3), Value(1.7), Value(-0.6)], Value(0.9)
    step = compile(autograd.sum([always_three(w * z) * w for w in ws]), wrt=ws, inputs=(z,), backend=backend)
    value, gradient = step([0.9, 0.8])
    assert_close([value, *gradient], [4.2, 3.0, 3.0, 3.0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_partial_is_no_contribution(backend):
    """Also where a partial of 0 would make an infinite cotangent nan."""
    x, y = Value(-1.0), Value(2.0)
    _, gradient = compile(one_sided(x, y) * math.inf, wrt=[x, y], backend=backend)()
    assert gradient.tolist() == eager(one_sided(x, y) * math.inf, [x, y])[1].tolist() == [math.inf, 0.0]


CONDITIONS = {
    "conditions": (lambda w: [autograd.where(a.log(), b.log(), 0.0) for a, b in itertools.pairwise(w)], [0.0]),
    "roots": (lambda w: [autograd.where(a.sqrt(), b.sqrt(), 0.0) for a, b in itertools.pairwise(w)], [-1.0]),
    "no partial": (lambda w: [one_sided_root(a.sqrt(), b.sqrt()) for a, b in itertools.pairwise(w)], [0.0]),
}
one_sided_root = operation("one-sided root", lambda m, x, y: m.exp(x) * y, lambda m, z, x, y: (None, m.exp(x)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("build", "start"), CONDITIONS.values(), ids=CONDITIONS)
def test_nothing_flows_where_others_built_alike_get_a_derivative(build, start, backend):
    """A cotangent of 0 beside theirs would meet the infinite slope of the first ones and be nan."""
    w = [Value(x) for x in [*start, *(0.5 * k for k in range(1, 40))]]
    check_whole(lambda: autograd.sum(build(w)), w, [backend])
    assert np.isfinite(eager(autograd.sum(build(w)), w)[1]).all()


FORWARDED = {
    "itself": operation("itself", lambda m, x, k: x, lambda m, y, x, k: (1.0, None)),
    "reversed": operation("reversed", lambda m, x, k: x, lambda m, y, x, k: (-1.0, None)),
    "gated": operation("gated", lambda m, x, k: x, lambda m, y, x, k: (k, None)),
    "half": operation("half", lambda m, x, k: 0.5 * x, lambda m, y, x, k: (k, None)),
}
"""Formulas whose result is an operand, or does not depend on all of them."""

OF_FORWARDED = {
    "one": lambda f, w, x: f(w[0], x[0]) ** 2,
    "two": lambda f, w, x: f(w[0], x[0]) + f(w[1], x[1]),
    "shared": lambda f, w, x: f(w[0], x[0]) + f(w[1], x[0]),
    "mixed": lambda f, w, x: f(w[0], x[0]) * w[1] + f(x[0], x[1]) * w[0],
    "in no order": lambda f, w, x: autograd.dot([f(w[i], x[i]) for i in (1, 4, 0, 3)], [1.0, 2.0, 3.0, 4.0]) * w[2],
    "of inputs": lambda f, w, x: autograd.dot([f(x[i], x[0]) for i in (1, 4, 0, 3)], [1.0, 2.0, 3.0, 4.0]) * w[2],
    "squares": lambda f, w, x: autograd.sum([f(w[i], x[1]) ** 2 * k for k, i in enumerate((1, 3, 2, 2, 4))]),
    "rows": lambda f, w, x: autograd.logsumexp([f(w[i], 1.0) for i in (1, 4, 0, 3)]) * x[0],
}


@pytest.mark.parametrize("function", FORWARDED.values(), ids=FORWARDED)
@pytest.mark.parametrize("build", OF_FORWARDED.values(), ids=OF_FORWARDED)
def test_an_operand_as_the_result(function, build, rng):
    """What is computed of it reads it as the operation's own array, contiguous and with a row for each observation."""
    w = values(rng, 5)
    check_batch(lambda x: build(function, w, x), w, [rng.normal(size=(40, 5))])
    check_whole(lambda: build(function, w, [0.3, 0.5, -0.4, 0.1, 0.7]), w)


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_sign_of_the_zero_that_bounds(backend, zero):
    w = Value(-0.0)
    value, _ = compile(autograd.arctan2(autograd.maximum(w, zero), -1.0), wrt=[w], backend=backend)()
    assert value == autograd.arctan2(autograd.maximum(w, zero), -1.0).data


def test_a_product_beside_another_column(rng):
    """The columns of a product do not lie one after the other there: it must not be computed into a copy of them."""
    x = [Value(0.0) for _ in range(6)]
    outputs = [x[5].tanh(), *[0.5 * x[i] + -2.0 * x[i + 1] for i in range(5)]]
    rows = rng.normal(size=(4, 6))
    expected = np.column_stack([np.tanh(rows[:, 5]), 0.5 * rows[:, :5] - 2.0 * rows[:, 1:]])
    assert_close(compile(outputs, inputs=(x,), backend="arrays")(rows), expected)


def test_contributions_from_a_part_of_each_row(rng):
    """They are added by number after a copy, which must be made in every call."""
    w = values(rng, 12)
    rows = [(7, 2, 1), (0, 11, 9), (5, 6, 4)]  # in no order

    def build():
        return autograd.mean([autograd.logsumexp([w[i], w[j], w[k].exp()]) for i, j, k in rows])

    check_whole(build, w, ["arrays"])
    assert re.search(r"add_by_number|\[\.\.\., i\d+\]", compile(build(), wrt=w, backend="arrays").source)


def test_a_product_of_a_part_of_a_layer(rng):
    weights = [values(rng, 3) for _ in range(6)]

    def build(x):
        h = [autograd.dot(row, x) for row in weights]
        pooled = [(0.5 * h[i] + -2.0 * h[i + 1]).tanh() for i in (0, 2)]
        return autograd.sum([p * p for p in pooled]) + h[4].sin() * h[5].cos()

    check_batch(build, [w for row in weights for w in row], [rng.normal(size=(40, 3))])


UNARY = ["tanh", "sigmoid", "relu", "sin", "softplus", "exp", "square", "abs", "gelu", "silu", "neg"]


def random_graph(rng, parameters, inputs, size):
    """A graph of random operations on random earlier nodes."""
    pool = [*parameters, *inputs]
    for _ in range(size):
        kind = rng.integers(0, 10)
        a, b, c = (pool[i] for i in rng.integers(0, len(pool), 3))
        if kind < 3:
            new = a + b if kind else a - b
        elif kind < 5:
            new = a * b
        elif kind == 5:
            new = a * float(rng.normal()) + float(rng.integers(-1, 2))
        elif kind == 6:
            new = autograd.dot([a, b], [c, a]) if rng.random() < 0.5 else autograd.logsumexp([a, b, c])
        elif kind == 7:
            new = autograd.maximum(a, b) if rng.random() < 0.5 else autograd.where(a > 0, b, c)
        else:
            name = UNARY[rng.integers(0, len(UNARY))]
            new = -a if name == "neg" else getattr(autograd, name)(a)
        if isinstance(new, Value):
            pool.append(new.tanh() if abs(float(new)) > 3 else new)
    return autograd.mean(pool[-8:])


@pytest.fixture(params=["packed", "one array per node"])
def packing(request, monkeypatch):
    """Small graphs are packed only if they are told to be."""
    monkeypatch.setattr(costs, "choose", lambda *_: costs.Choice(request.param == "packed", 2))


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("seed", [*range(30), *(pytest.param(i, marks=pytest.mark.slow) for i in range(30, 300))])
def test_random_graph(seed):
    rng = np.random.default_rng(seed)
    parameters = values(rng, int(rng.integers(1, 6)))
    inputs = values(rng, int(rng.integers(1, 4)))
    loss = random_graph(rng, parameters, inputs, int(rng.integers(5, 60)))
    expected = eager(loss, parameters)
    row = np.array([[x.data for x in inputs]] * 3)
    for backend in BACKENDS:
        for step, arrays in (
            (compile(loss, wrt=parameters, inputs=[inputs], backend=backend), [row]),
            (compile(loss, wrt=parameters, backend=backend), []),
        ):
            value, gradient = step(*arrays)
            assert_close(value, expected[0])
            assert_close(gradient, expected[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_and_infinity(backend, rng):
    model = network([2, 3, 1], "relu", rng)
    parameters = list(model.parameters())
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    step = compile(nn.ssr(model(x), [y]), wrt=parameters, inputs=(x, y), backend=backend)
    for bad in (math.nan, math.inf, -math.inf):
        rows = [[1.0, bad], [0.5, 2.0]]
        targets = [0.5, 1.0]
        expected = eager_batch(lambda a, b: nn.ssr(model(a), [b]), parameters, list(zip(rows, targets, strict=True)))
        value, gradient = step(rows, targets)
        np.testing.assert_allclose(value, expected[0], rtol=1e-12)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-15)
    parameters[0].data = math.nan
    step.pull()
    assert math.isnan(step([[1.0, 1.0]], [0.0])[0])


@pytest.mark.slow
def test_a_long_program(rng):
    """So long that its arrays are no longer variables of their own."""
    w = Value(0.5)
    x = w
    for _ in range(1000):
        x = (x * 0.999 + w).sin()
    expected = eager(x, [w])
    for backend in BACKENDS:
        value, gradient = compile(x, wrt=[w], backend=backend)()
        assert_close(value, expected[0])
        assert_close(gradient, expected[1])


@pytest.mark.slow
def test_deep_graph():
    w = Value(0.5)
    y = w
    for i in range(100_000):
        y = y * 0.9 + w if i % 2 else y.sin()
    check_whole(lambda: y, [w], [None])


# The program as an object


def test_predicts(rng):
    model = network([3, 4, 2], "relu", rng)
    x = values(rng, 3)
    data = rng.normal(size=(6, 3))
    expected = np.array([[float(out) for out in model(row)] for row in data.tolist()])
    for backend in BACKENDS:
        predict = compile(model(x), inputs=(x,), backend=backend)
        assert_close(predict(data), expected)
        one = compile(model(x)[0], inputs=(x,), backend=backend)
        assert_close(one(data), expected[:, 0])
    assert compile([x[0], x[0] * 2, 3 * x[1], autograd.sum(x)], inputs=[x])(data).shape == (6, 4)


def test_the_inputs_of_outputs_may_be_results(rng):
    """As those of a model, from which a program makes the loss: what they are computed from is not in it."""
    w, x, y = Value(2.0), Value(0.5), Value(0.0)
    below = w * x
    between = [below.tanh(), below, x, below]  # one of them from another, a leaf, and one of them twice
    loss = nn.mse(between, [y] * 4) * between[0]
    program = compile_outputs(loss, [], [between, [y]])
    rows, targets = rng.normal(size=(7, 4)), rng.normal(size=(7, 1))
    rows[:, 3] = rows[:, 1]
    np.testing.assert_allclose(program(rows, targets), ((rows - targets) ** 2).mean(axis=1) * rows[:, 0], rtol=1e-12)


def test_constant_outputs_fill_the_batch():
    w, x = Value(2.0), Value(0.0)
    for backend in BACKENDS:
        assert compile(w * 3, inputs=(x,), backend=backend)([1.0, 2.0]).tolist() == [6.0, 6.0]
        assert compile([w * 3, x], inputs=(x,), backend=backend)([1.0, 2.0]).tolist() == [[6.0, 1.0], [6.0, 2.0]]
        assert compile(w * 3, backend=backend)() == 6.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_loss_without_inputs_in_it(backend):
    w, u, x = Value(2.0), Value(1.0), Value(0.0)
    step = compile(w * w, wrt=[u, w], inputs=(x,), backend=backend)
    value, gradient = step([1.0, 2.0, 3.0])
    assert (value, gradient.tolist()) == (4.0, [0.0, 4.0])
    step = compile(w * w, wrt=[u, w], inputs=(x,), backend=backend, reduction="sum")
    value, gradient = step([1.0, 2.0, 3.0])
    assert (value, gradient.tolist()) == (12.0, [0.0, 12.0])
    value, gradient = compile(x * 3, wrt=[u], inputs=(x,), backend=backend)([1.0, 2.0])
    assert (value, gradient.tolist()) == (4.5, [0.0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_theta(backend):
    w, b, x = Value(2.0), Value(1.0), Value(0.0)
    step = compile((w * x + b).square(), wrt=[w, b], inputs=(x,), backend=backend)
    assert step.theta.tolist() == [2.0, 1.0]
    first = step([1.0])[1]
    step.theta -= 0.1 * first
    assert step.theta.tolist() == pytest.approx([1.4, 0.4])
    second = step([1.0])[1]
    assert first.tolist() == [6.0, 6.0]
    assert second.tolist() == pytest.approx([3.6, 3.6])
    assert w.data == 2.0
    step.push()
    assert w.data == pytest.approx(1.4)
    w.data = 5.0
    step.pull()
    assert step.theta[0] == 5.0
    step.theta = [0.0, 3.0]
    assert step([1.0])[0] == 9.0


def test_results_are_kept(rng):
    model = network([2, 3, 2], "tanh", rng)
    x = values(rng, 2)
    predict = compile(model(x), inputs=(x,), backend="arrays")
    first = predict([[1.0, 2.0]])
    kept = first.copy()
    predict([[3.0, -2.0]])
    assert (first == kept).all()


@pytest.mark.parametrize("convert", [np.ndarray.tolist, lambda a: a.astype(np.float32), np.asfortranarray, lambda a: a])
def test_conversions(convert):
    x = [Value(0.0), Value(0.0)]
    predict = compile(x[0] - x[1], inputs=(x,))
    assert predict(convert(np.array([[1.0, 2.0], [5.0, 3.0]]))).tolist() == [-1.0, 2.0]
    assert predict([[1, 2], [5, 3]]).tolist() == [-1.0, 2.0]


def test_float32(rng):
    model = network([3, 8, 2], "gelu", rng)
    parameters = list(model.parameters())
    x, y = values(rng, 3), values(rng, 2)
    loss = nn.ssr(model(x), y)
    data = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    exact = compile(loss, wrt=parameters, inputs=(x, y))(*data)
    value, gradient = compile(loss, wrt=parameters, inputs=(x, y), dtype=np.float32)(*data)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(exact[0], rel=1e-5)
    np.testing.assert_allclose(gradient, exact[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("backend", "dtype", "width", "has_arrays", "has_floats"),
    [
        ("arrays", "float64", 2, True, False),
        ("floats", "float64", 2, False, True),
        ("floats", "float64", 50, False, True),
        (None, "float64", 2, True, True),
        (None, "float64", 50, True, False),
        (None, "float32", 2, True, False),
    ],
)
def test_backends_of_a_program(backend, dtype, width, has_arrays, has_floats, rng):
    x = values(rng, width)
    hidden = [autograd.dot(values(rng, width), x).tanh() for _ in range(width)]
    step = compile(hidden, inputs=(x,), backend=backend, dtype=dtype)
    assert ("def prepare(" in step.source, "def program(numbers" in step.source) == (has_arrays, has_floats)
    if width == 50:
        assert has_floats or step.source.count("tanh(") == 1  # alike nodes are one array


def test_names_are_not_in_the_text():
    w, x = Value(1.0, name="wombat"), Value(0.0, name="xenon")
    for backend in BACKENDS:
        source = compile((w * x).exp(), wrt=[w], inputs=(x,), backend=backend).source
        assert "wombat" not in source
        assert "xenon" not in source


def test_source_is_deterministic(rng):
    model = network([3, 4, 2], "relu", rng)
    x = values(rng, 3)
    first, second = (compile(model(x), inputs=(x,)).source for _ in range(2))
    assert first == second


@pytest.mark.parametrize("backend", BACKENDS)
def test_saved_source_stands_alone(backend, rng, tmp_path):
    model = network([2, 5, 3], "gelu", rng)
    parameters = list(model.parameters())
    x, y = values(rng, 2), values(rng, 3)
    step = compile(nn.cross_entropy(model(x), nn.softmax(y)), wrt=parameters, inputs=(x, y), backend=backend)
    predict = compile(model(x), inputs=(x,), backend=backend)
    data = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    step.save_source(tmp_path / "step.py")
    predict.save_source(tmp_path / "predict.py")
    program = (
        "import sys, json, step, predict\n"
        f"x, y = {data[0].tolist()}, {data[1].tolist()}\n"
        "value, gradient = step.step(x, y)\n"
        "losses = step.train(x, y, learning_rate=0.1, steps=3)\n"
        "assert not any(name.startswith('autograd') for name in sys.modules)\n"
        "print(json.dumps([value, gradient.tolist(), predict.step(x).tolist(), losses, step.theta.tolist()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.stderr
    value, gradient, outputs, losses, theta = json.loads(done.stdout)
    expected = step(*data)
    assert_close(value, expected[0])
    assert_close(gradient, expected[1])
    assert_close(outputs, predict(data[0]))
    for loss in losses:
        value, gradient = step(*data)
        assert_close(loss, value)
        step.theta -= 0.1 * gradient
    assert_close(theta, step.theta)


def test_saving_an_operation_without_text():
    w = Value(2.0)
    step = compile(branching(w, w), wrt=[w])
    with pytest.raises(ValueError, match="cannot be saved: the formula of <operation branching"):
        step.save_source("never.py")


def test_threads(rng):
    model = network([2, 6, 1], "tanh", rng)
    parameters = list(model.parameters())
    x, y = values(rng, 2), Value(0.0)
    step = compile(nn.ssr(model(x), [y]), wrt=parameters, inputs=(x, y), backend="arrays")
    data = [(rng.normal(size=(50, 2)), rng.normal(size=50)) for _ in range(4)]
    expected = [step(*each) for each in data]
    wrong = []

    def work(i):
        for _ in range(200):
            value, gradient = step(*data[i])
            if value != expected[i][0] or (gradient != expected[i][1]).any():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# Bad input


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"outputs": 3.0}, TypeError, "the outputs must be a Value or a sequence of Values, got 3.0 of type float"),
        ({"outputs": "constant"}, ValueError, "is constant, .*outside no_grad"),
        ({"outputs": "constants", "wrt": None}, ValueError, "is constant, .*without detach"),
        ({"outputs": nn.Linear(1, 1)}, TypeError, r"got Linear.*call it with placeholders first.*compile\(model\(x\)"),
        ({"wrt": nn.Linear(1, 1)}, TypeError, r"give model.parameters\(\), not the model"),
        ({"wrt": []}, ValueError, "wrt is empty"),
        ({"wrt": "set"}, TypeError, "wrt must have an order, such as that of a list; got a set"),
        ({"inputs": "set"}, TypeError, r"inputs must have an order.*got a set"),
        ({"inputs": "sets"}, TypeError, r"inputs\[0\] must have an order.*got a set"),
        ({"inputs": "twice"}, ValueError, r"inputs\[1\] is the same Value as inputs\[0\]"),
        ({"inputs": "twice in a list"}, ValueError, r"inputs\[0\]\[1\] is the same Value as inputs\[0\]\[0\]"),
        ({"wrt": [1.0]}, TypeError, r"wrt\[0\] must be a Value, got 1.0"),
        ({"wrt": 3}, TypeError, "wrt must be a Value or a sequence of Values, got 3 of type int"),
        ({"outputs": []}, ValueError, "the outputs are none; give a Value"),
        ({"outputs": [None]}, TypeError, r"the outputs\[0\] must be a Value"),
        ({"outputs": "list"}, ValueError, "a gradient needs one loss, got a list of 2"),
        ({"wrt": "result"}, ValueError, r"wrt\[0\] must be a leaf.*'mul'"),
        ({"inputs": "results"}, ValueError, r"inputs\[0\]\[0\] must be a leaf"),
        ({"inputs": "value"}, TypeError, "inputs is a sequence"),
        ({"inputs": "parameter"}, ValueError, r"inputs\[0\] is the same Value as wrt\[0\]"),
        ({"reduction": "max"}, ValueError, "reduction must be 'mean' or 'sum', got 'max'"),
        ({"backend": "gpu"}, ValueError, "backend must be one of 'floats', 'arrays'"),
        ({"dtype": "int64"}, ValueError, "dtype must be float64 or float32, got 'int64'"),
        ({"dtype": "foo"}, ValueError, "dtype must be float64 or float32, got 'foo'"),
        ({"dtype": None}, ValueError, "dtype must be float64 or float32, got None"),
    ],
)
def test_bad_request(arguments, error, message):
    w, x = Value(1.0), Value(2.0)
    y = w * x
    words = {"list": [y, y], "result": [y], "results": ([y],), "value": x, "parameter": (w,), "constant": y.detach()}
    words["constants"] = [y.detach(), y.detach()]
    words |= {"set": {x}, "sets": [{x}], "twice": (x, x), "twice in a list": ([x, x],)}
    request = {"outputs": y, "wrt": [w], "inputs": (x,)} | {
        key: words.get(value, value) if isinstance(value, str) else value for key, value in arguments.items()
    }
    with pytest.raises(error, match=message):
        compile(**request)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ([[1.0]], TypeError, "takes 2 arrays.*got 1"),
        ([[[1.0, 2.0]], [1.0], [1.0]], TypeError, "takes 2 arrays.*got 3"),
        ([[1.0, 2.0], [1.0]], ValueError, r"argument 0 must have shape \(batch, 2\).*got \(2,\)"),
        ([[[1.0, 2.0, 3.0]], [1.0]], ValueError, r"argument 0 must have shape \(batch, 2\).*got \(1, 3\)"),
        ([[[1.0, 2.0]], [[1.0]]], ValueError, r"argument 1 must have shape \(batch,\).*got \(1, 1\)"),
        ([[[1.0, 2.0]], [1.0, 2.0]], ValueError, "argument 1 has 2 rows, but argument 0 has 1"),
        ([np.empty((0, 2)), []], ValueError, "at least one row"),
        ([[["a", "b"]], [1.0]], TypeError, "argument 0 must hold real numbers, got dtype <U1"),
        ([np.array([[1.0, None]]), [1.0]], TypeError, "argument 0 must hold real numbers, got None of type"),
        ([[[1.0, Value(2.0)]], [1.0]], TypeError, r"argument 0 must hold real numbers, got Value\(2.0\) of type"),
        ([[[1.0, 2.0]], np.ma.array([1.0], mask=[True])], ValueError, "argument 1 has masked elements.*`filled`"),
        ([[[1.0, 2j]], [1.0]], TypeError, "got dtype complex128"),
        ([[[1.0, 2.0], [1.0]], [1.0, 2.0]], ValueError, "argument 0 is not an array"),
        ([[[1.0, 2.0]], 1.0], ValueError, r"got \(\)"),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_arrays(arrays, error, message, backend):
    x, y, w = [Value(0.0), Value(0.0)], Value(0.0), Value(1.0)
    step = compile((w * x[0] + x[1] - y).square(), wrt=[w], inputs=(x, y), backend=backend)
    with pytest.raises(error, match=message):
        step(*arrays)


def test_one_array_for_many_placeholders():
    x = [Value(0.0), Value(0.0)]
    with pytest.raises(TypeError, match=r"takes 2 arrays.*got 1 \(one array of shape \(batch, 2\) is inputs=\(x,\)"):
        compile(x[0] - x[1], inputs=x)([[1.0, 2.0]])
