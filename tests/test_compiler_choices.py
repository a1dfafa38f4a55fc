"""Sums of `p * where(p, x, 0)`: products of which those of a share p of 0 do not count, on every engine."""

import math

import numpy as np
import pytest

import autograd
from autograd import Value, compile
from autograd.compiler import costs

from .exported import LANGUAGES, results
from .test_compiler import BACKENDS, assert_close, check_batch
from .test_compiler_exports import assert_agree

INF, NAN = math.inf, math.nan
ONE_HOT = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
BAD = [[0.5, bad, 1.0] for bad in (INF, -INF, NAN)]
ROWS = [(shares, row) for shares in ONE_HOT for row in BAD] + [
    ([0.3, 0.7, 0.0], [-INF, 0.5, INF]),
    ([0.3, 0.7, -0.0], [0.5, 1.0, NAN]),
    ([0.0, 0.0, 0.0], BAD[1]),
    ([0.0, NAN, 0.0], BAD[0]),
    ([0.0, INF, -2.0], BAD[1]),
    ([1.0, 0.0, 0.0], [INF, 1.0, 2.0]),
]
FINITE = [([0.0, 0.0, 1.0], [0.1, 0.2, 0.3]), ([0.5, 0.25, 0.25], [3.0, -1.0, 0.7])]


def chosen(shares, xs, other=0.0):
    return [autograd.where(share, x, other) for share, x in zip(shares, xs, strict=True)]


LOSSES = {
    "cross entropy": lambda shares, xs: autograd.logsumexp(xs) - autograd.dot(shares, chosen(shares, xs)),
    "one factor first": lambda shares, xs: -autograd.dot(chosen(shares, xs), shares),
    "an infinite slope": lambda shares, xs: autograd.sqrt(autograd.dot(shares, chosen(shares, xs))),
    "terms": lambda shares, xs: sum((s * x for s, x in zip(shares, chosen(shares, xs), strict=True)), xs[0]),
    "another choice": lambda shares, xs: autograd.dot(shares, chosen([share - 1.0 for share in shares], xs)),
    "another number": lambda shares, xs: autograd.dot(shares, chosen(shares, xs, INF)),
}


def loss_of(name, weights):
    """The loss of shares and of what is added to the weights."""
    return lambda shares, row: LOSSES[name](shares, [w + x for w, x in zip(weights, row, strict=True)])


@pytest.fixture(autouse=True)
def packing(monkeypatch):
    """Small graphs are packed only if they are told to be."""
    monkeypatch.setattr(costs, "choose", lambda *_: costs.Choice(True, 2))


def leaves():
    return [Value(x) for x in (0.25, -0.5, 0.125)], [[Value(1.0) for _ in range(3)] for _ in range(2)]


def batches():
    """Each row alone, and among finite ones."""
    return [FINITE, *[[row] for row in ROWS], *[[FINITE[0], row, FINITE[1]] for row in ROWS]]


def arrays(batch):
    return [np.array(column) for column in zip(*batch, strict=True)]


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_are_those_of_the_graph(name):
    weights, _ = leaves()
    for batch in batches():
        check_batch(loss_of(name, weights), weights, arrays(batch))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_row_of_a_batch_has_its_own_result(dtype):
    weights, inputs = leaves()
    rows = ROWS + FINITE
    expected = [loss_of("cross entropy", weights)(*row).data for row in rows]
    for backend in BACKENDS if dtype == "float64" else ["arrays"]:
        program = compile(loss_of("cross entropy", weights)(*inputs), inputs=inputs, backend=backend, dtype=dtype)
        np.testing.assert_allclose(program(*arrays(rows)), expected, rtol=1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("name", ["cross entropy", "one factor first"])
def test_arrays_multiply_without_a_choice_and_mend_what_is_not_finite(name):
    weights, inputs = leaves()
    source = compile(loss_of(name, weights)(*inputs), wrt=weights, inputs=inputs, backend="arrays").source
    assert "add_unmasked" in source
    assert "where" not in source.replace("add_unmasked", "")


def test_shares_that_are_parameters_have_their_own_slopes():
    """By a share of 0 it is 0 here, as `where` has it, and not the number that is left out."""
    for number in (7.0, INF, NAN):
        shares, inputs = [Value(1.0), Value(0.0), Value(2.0)], [Value(0.5) for _ in range(3)]
        check_batch(
            lambda row, shares=shares: LOSSES["one factor first"](shares, row), shares, [np.array([[1.0, number, 3.0]])]
        )
        step = compile(LOSSES["one factor first"](shares, inputs), wrt=shares, inputs=(inputs,), backend="arrays")
        assert step([[1.0, number, 3.0]])[1].tolist() == [-1.0, 0.0, -3.0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_exported(language, tmp_path):
    weights, inputs = leaves()
    losses = [loss_of(name, weights)(*inputs) for name in LOSSES]
    programs = [compile(loss, wrt=weights, inputs=inputs) for loss in losses]
    programs.append(compile(losses, inputs=inputs))
    calls = [[(program.theta.tolist(), arrays(batch)) for batch in batches()] for program in programs]
    for program, given, found in zip(programs, calls, results(language, programs, calls, tmp_path), strict=True):
        for (_, batch), each in zip(given, found, strict=True):
            assert_agree(each, program(*batch))


def test_onnx(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from .test_compiler_onnx import run

    weights, inputs = leaves()
    program = compile([loss_of(name, weights)(*inputs) for name in LOSSES], inputs=inputs)
    for batch in batches():
        assert_close(run(program, arrays(batch), tmp_path / "model.onnx"), program(*arrays(batch)))


@pytest.mark.parametrize("name", LOSSES)
def test_jax_and_its_own_derivatives_by_everything(name):
    """Those by the shares too, which a program does not give."""
    jax = pytest.importorskip("jax")
    weights, inputs = leaves()
    step = compile(loss_of(name, weights)(*inputs), wrt=weights, inputs=inputs, backend="jax")
    with jax.enable_x64(True):
        slopes = jax.jit(jax.grad(lambda *given: step.to_jax()(*given)[0], argnums=(0, 1, 2)))
        for shares, row in ROWS + FINITE:
            values = [[Value(x) for x in each] for each in (step.theta, shares, row)]
            loss = loss_of(name, values[0])(*values[1:])
            loss.backward()
            expected = [[value.grad for value in each] for each in values]
            value, gradient = step([shares], [row])
            assert_close(value, loss.data)
            assert_close(gradient, expected[0])
            for got, wanted in zip(slopes(step.theta, np.array([shares]), np.array([row])), expected, strict=True):
                assert_close(np.ravel(got), wanted)
