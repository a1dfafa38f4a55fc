"""Long batches: a block of rows at a time, with the results of all rows at once."""

import importlib.util
import tracemalloc

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import costs, kernels

from .test_compiler import ARRAYS

BACKENDS = [*ARRAYS, "floats"]


@pytest.fixture(params=BACKENDS)
def blocks(request, monkeypatch):
    """The backend, on which blocks of four rows can be asked for."""

    def made(outputs, block=4, **options):
        with monkeypatch.context() as patch:
            patch.setattr(costs, "block", lambda *_: block)
            patch.setattr(kernels, "_FLOAT_ROWS", block)
            step = compile(outputs, backend=request.param, **options)
            _ = step.source  # the kernel is made
        monkeypatch.setattr(kernels, "_FLOAT_ROWS", 4)
        return step

    return made


@pytest.fixture
def model():
    return nn.MLP([3, 4, 2], activation="tanh", seed=0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch", [3, 4, 5, 8, 11])
def test_losses_and_gradients_add_up(blocks, model, reduction, batch):
    x, y = [Value(0.0) for _ in range(3)], [Value(0.0) for _ in range(2)]
    options = {"wrt": list(model.parameters()), "inputs": (x, y), "reduction": reduction}
    loss = nn.ssr(model(x), y) + 0.1 * autograd.sum([w * w for w in options["wrt"]])
    rng = np.random.default_rng(batch)
    rows = rng.normal(size=(batch, 3)), rng.normal(size=(batch, 2))
    value, gradient = blocks(loss, **options)(*rows)
    expected = blocks(loss, block=100, **options)(*rows)
    np.testing.assert_allclose(value, expected[0], rtol=1e-13)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)


@pytest.mark.parametrize("batch", [3, 4, 9])
def test_outputs_follow_one_another(blocks, model, batch):
    x = [Value(0.0) for _ in range(3)]
    rows = np.random.default_rng(0).normal(size=(batch, 3))
    w = model.parameters()[0]
    for outputs in (model(x), model(x)[0], [x[0] * 2.0], x, [w * 2.0] * 2, [x[0], w]):
        step = blocks(outputs, inputs=(x,))
        found = step(rows)
        assert found.shape == (batch, *found.shape[1:])
        np.testing.assert_allclose(found, [step(row[None])[0] for row in rows], rtol=1e-14)
        assert step(rows) is not found


def test_what_depends_on_no_row_counts_once_per_row(blocks):
    w, x = Value(3.0), Value(0.0)
    step = blocks(w * w, wrt=[w], inputs=(x,), reduction="sum")
    value, gradient = step(np.zeros(10))
    assert (value, gradient.tolist()) == (90.0, [60.0])


def test_numbers_that_are_not_finite(blocks):
    w, x = Value(1.0), Value(0.0)
    step = blocks(autograd.log(w * x), wrt=[w], inputs=(x,))
    value, gradient = step(np.array([1.0, 2.0, 0.0, 1.0, 1.0, 3.0]))
    assert value == -np.inf
    assert np.isnan(gradient[0])
    assert np.isnan(step(np.array([1.0, 2.0, 0.0, 1.0, 1.0, -3.0]))[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_module_works_in_blocks_too(model, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "block", lambda *_: 4)
    x = [Value(0.0) for _ in range(3)]
    step = compile(model(x), inputs=(x,), dtype=dtype, backend="arrays")
    step.save_source(tmp_path / "predict.py")
    spec = importlib.util.spec_from_file_location("predict", tmp_path / "predict.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = np.random.default_rng(0).normal(size=(10, 3)).astype(dtype)
    np.testing.assert_array_equal(module.step(rows), step(rows))
    assert step(rows).dtype == dtype


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_blocks_on_jax(model, reduction, monkeypatch):
    pytest.importorskip("jax")
    from autograd.compiler import jax_program

    x, y = [Value(0.0) for _ in range(3)], [Value(0.0) for _ in range(2)]
    options = {"inputs": (x, y), "wrt": model.parameters(), "reduction": reduction}
    steps = [compile(nn.ssr(model(x), y), backend=backend, **options) for backend in ("jax", "arrays")]
    predicted = [compile(model(x), inputs=(x,), backend=backend) for backend in ("jax", "arrays")]
    monkeypatch.setattr(jax_program, "_BLOCK", 4)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    (value, gradient), expected = [step(*rows) for step in steps]
    np.testing.assert_allclose(value, expected[0], rtol=1e-13)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)
    np.testing.assert_allclose(*[predict(rows[0]) for predict in predicted], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "batches"), [("arrays", (200_000, 800_000)), ("floats", (10_000, 40_000))])
def test_memory_does_not_grow_with_the_batch(backend, batches):
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    w = [Value(0.1), Value(0.2)]
    loss = nn.hinge(autograd.dot(w, [z.tanh() for z in x]), y)
    step = compile(loss, wrt=w, inputs=(x, y), backend=backend)
    peaks = []
    for batch in batches:
        rows = np.ones((batch, 2)), np.ones(batch)
        step(*[each[:1] for each in rows])
        tracemalloc.start()
        step(*rows)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 1000
