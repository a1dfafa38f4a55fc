"""Programs exported to JavaScript and C, run by node and by what gcc makes, against the compiled programs."""

import random

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import costs
from autograd.ops import TABLE
from autograd.value import apply

from .exported import LANGUAGES, results
from .test_compiler import assert_close, cube, many, random_graph, values
from .test_compiler_hostile import structured_loss

inf, nan = float("inf"), float("nan")

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1.5, -2.5, 30.0, -30.0, 1e-9, 1e300, inf, -inf, nan]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=["packed", "one array per node"])
def packing(request, monkeypatch):
    """Small graphs are packed only if they are told to be."""
    monkeypatch.setattr(costs, "choose", lambda size: costs.Choice(request.param == "packed", 2))


# Every operation


def width(row):
    """How many operands to give an operation."""
    if row.arity is not None:
        return row.arity
    return {"leaky_relu": 2, "elu": 2, "dot": 6}.get(row.name, 3)


def table_of_operands(row, number):
    """Operands: some from the row's domain, then special ones."""
    generator = random.Random(row.name)
    domains = [row.domain[min(i, len(row.domain) - 1)] for i in range(width(row))]
    for i in range(number):
        if i < 5:
            yield [generator.uniform(*domain) for domain in domains]
        elif width(row) == 1:
            yield [SPECIAL[i % len(SPECIAL)]]
        else:
            yield [generator.choice(SPECIAL) for _ in domains]


def same(found, expected, labels):
    """Equal to 1e-12, nan, infinities and zeros in the same places."""
    for got, wanted, label in zip(found, expected, labels, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=5e-323, err_msg=str(label))


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("copies", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation(language, copies, tmp_path):
    """All rows of the table in one program, for a batch of ordinary and special operands; gradients one by one."""
    rows = [row for row in TABLE.values() for _ in range(copies)]
    x = [[Value(0.5) for _ in range(width(row))] for row in rows]
    flat = [each for part in x for each in part]
    outputs = [apply(row, *part) for row, part in zip(rows, x, strict=True)]
    predict = compile(outputs, inputs=(flat,), backend="arrays")
    step = compile(autograd.sum(outputs), wrt=flat, backend="arrays")
    points = list(zip(*[table_of_operands(row, 60) for row in rows], strict=True))
    batch = np.array([[number for part in point for number in part] for point in points])
    calls = [[([], [batch])], [(point, []) for point in batch]]
    [[found], steps] = results(language, [predict, step], calls, tmp_path)
    for row, *columns in zip(rows, found.T, predict(batch).T, strict=True):
        same(*columns, [row.name] * len(batch))
    names = [row.name for row, part in zip(rows, x, strict=True) for _ in part]
    for point, (_, gradient) in zip(batch, steps, strict=True):
        step.theta = point
        same(gradient, step()[1], zip(names, point, strict=True))


# Graphs


def assert_agree(found, expected):
    """The same outputs, or value and gradient."""
    if isinstance(expected, tuple):
        assert_close(found[0], expected[0])
        assert_close(found[1], expected[1])
    else:
        assert_close(found, expected)


def check(language, programs, arrays, folder, flags=("-O1",)):
    """Exported programs against the programs, for their own parameters and then others."""
    calls = [
        [(program.theta.tolist(), given), (program.theta[::-1].tolist(), [each[::-1] for each in given])]
        for program, given in zip(programs, arrays, strict=True)
    ]
    for program, given, found in zip(programs, calls, results(language, programs, calls, folder, flags), strict=True):
        for (theta, rows), each in zip(given, found, strict=True):
            program.theta = theta
            assert_agree(each, program(*rows))


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 120), marks=pytest.mark.slow)], ids=["few", "all"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_random_graphs(language, seeds, tmp_path):
    """Graphs of nodes at random, and of layers that share weights, overlap, repeat and are used in part."""
    programs, arrays = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        pool, x, y = values(rng, 30), values(rng, 4), values(rng, 1)[0]
        inputs = (x, y) if seed % 3 else ()
        loss = structured_loss(rng, pool, [x, [y]]) if seed % 2 else random_graph(rng, pool[:5], [*x, y], 40)
        programs.append(compile(loss, wrt=pool, inputs=inputs, reduction=["mean", "sum"][seed % 5 == 0]))
        arrays.append([rng.normal(size=(3, 4)), rng.normal(size=3)] if inputs else [])
        programs.append(compile([loss, x[1], loss * 2.0] if seed % 4 else loss, inputs=inputs))
        arrays.append(arrays[-1])
    check(language, programs, arrays, tmp_path)


def attention(rng, x, tokens=3, dimension=4):
    """A mean square after one head of attention among tokens, and its parameters."""
    query, key, value = ([values(rng, dimension) for _ in range(dimension)] for _ in range(3))
    rows = [x[i * dimension : (i + 1) * dimension] for i in range(tokens)]
    q, k, v = ([[autograd.dot(w, row) for w in weights] for row in rows] for weights in (query, key, value))
    out = []
    for i in range(tokens):
        shares = autograd.softmax([autograd.dot(q[i], each) for each in k[: i + 1]])
        out += [autograd.dot(shares, [each[d] for each in v[: i + 1]]) for d in range(dimension)]
    return autograd.mean([o.square() for o in out]), [w for part in (query, key, value) for row in part for w in row]


def networks(rng):
    """Programs of networks with their arguments: a loss and its gradient, and the outputs."""
    x, target, tokens = values(rng, 4), [Value(1.0), Value(0.0), Value(0.0)], values(rng, 12)
    arrays = [rng.normal(size=(5, 4)), np.eye(3)[rng.integers(0, 3, 5)]]
    for activation in ("relu", "gelu", "tanh"):
        model = nn.MLP([4, 6, 5, 3], activation=activation, rng=rng)
        parameters = list(model.parameters())
        yield compile(nn.cross_entropy(model(x), target), wrt=parameters, inputs=(x, target)), arrays
        yield compile(nn.softmax(model(x)), inputs=(x,)), arrays[:1]
    loss, parameters = attention(rng, tokens)
    yield compile(loss, wrt=parameters, inputs=(tokens,)), [rng.normal(size=(4, 12))]
    kernel = values(rng, 3)
    windows = [autograd.dot(kernel, tokens[i : i + 3]).tanh() for i in range(10)]
    yield (
        compile(autograd.max(windows) + autograd.prod(windows), wrt=kernel, inputs=(tokens,)),
        [rng.normal(size=(4, 12))],
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_networks(language, rng, tmp_path):
    check(language, *zip(*networks(rng), strict=True), tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_operations_of_ones_own(language, rng, tmp_path):
    weights, x = values(rng, 6), values(rng, 3)
    own = [cube(autograd.dot(weights[:3], x)), many(autograd.dot(weights[3:], x), 1.0, 0.5 * weights[0])]
    programs = [compile(own[0] * own[1], wrt=weights, inputs=(x,)), compile(own, inputs=(x,))]
    check(language, programs, [[rng.normal(size=(5, 3))]] * 2, tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_depends_on_little(language, rng, tmp_path):
    """Arguments that nothing reads, outputs and gradients that are constant, no arguments, parameters alone."""
    w, x, y = values(rng, 3), values(rng, 2), Value(0.5)
    programs = [
        compile(w[0] * x[1], wrt=w, inputs=(y, x)),
        compile([y * 2.0, Value(3.0) * 1.0, x[1]], inputs=(x, y)),
        compile(Value(4.0) + 0.0, inputs=(x,)),
        compile(w[0] * w[1] + autograd.logsumexp(w), wrt=w, inputs=(x,), reduction="sum"),
        compile(w[0] * w[1], wrt=w),
        compile(w[0].exp(), wrt=w, inputs=(x,)),
        compile([w[0].exp(), w[1]], inputs=()),
        compile(w[0].exp(), inputs=()),
    ]
    rows, numbers = rng.normal(size=(3, 2)), rng.normal(size=3)
    arrays = [[numbers, rows], [rows, numbers], [rows], [rows], [], [rows], [], []]
    check(language, programs, arrays, tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nan_and_infinity_in_a_network(language, rng, tmp_path):
    model = nn.MLP([2, 3, 1], activation="relu", rng=rng)
    x, y = values(rng, 2), Value(0.0)
    step = compile(nn.ssr(model(x), [y]), wrt=list(model.parameters()), inputs=(x, y))
    rows = [[np.array([[1.0, bad], [0.5, 2.0]]), np.array([0.5, 1.0])] for bad in (nan, inf, -inf)]
    for row in rows:
        folder = tmp_path / str(row[0][0, 1])
        folder.mkdir()
        check(language, [step], [row], folder)


@pytest.mark.parametrize("language", LANGUAGES)
def test_float32(language, rng, tmp_path):
    """C computes in float, JavaScript in double: both to the rounding of the program."""
    model = nn.MLP([4, 6, 3], activation="gelu", rng=rng)
    x, target = values(rng, 4), values(rng, 3)
    parameters = list(model.parameters())
    loss = nn.cross_entropy(model(x), nn.softmax(target)) + 1e300 * autograd.maximum(x[0], 1e39) * 0.0
    programs = [compile(model(x), inputs=(x,), dtype="float32")]
    programs.append(compile(loss, wrt=parameters, inputs=(x, target), dtype="float32"))
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=(3, 3))]
    calls = [[([], arrays[:1])], [(programs[1].theta, arrays)]]
    found = results(language, programs, calls, tmp_path, ["-O1", "-Wdouble-promotion"])
    np.testing.assert_allclose(found[0][0], programs[0](*arrays[:1]), rtol=1e-5, atol=1e-6)
    if language == "c":
        assert "double" not in (tmp_path / "case1.c").read_text()
