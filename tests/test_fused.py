"""Machine code between the products of programs on arrays: its steps beside NumPy; where it is chosen, and not."""

import ctypes
import inspect
import itertools
import math
import threading

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile, operation
from autograd.compiler import arrays, costs, plan, requests
from autograd.compiler.engines.native import compilation, elementary, machine_code, primitives
from autograd.compiler.engines.native.tape import ELEMENTWISE

from .test_compiler import EXTREMES, NATIVE, assert_close, values

pytestmark = pytest.mark.skipif(not NATIVE, reason="needs numba")


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture(scope="module")
def machine():
    """Takes steps at once."""
    from autograd.compiler.engines.native.array_tape import MachineCode

    code = MachineCode(machine_code.functions().run_arrays)
    return lambda *steps: code(*steps)()


# Element by element

NAMES = list(ELEMENTWISE.values())
SHAPE = (6, 5, 70)


def number_of_operands(name):
    function = getattr(primitives, name, None) or getattr(elementary, name)
    return len(inspect.signature(function).parameters)


def every_second(array):
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]))
    wide[..., ::2] = array
    return wide[..., ::2]


LAYOUTS = {
    "one after the other": lambda x: x.copy(),
    "columns first": np.asfortranarray,
    "every second": every_second,
    "backwards": lambda x: x[..., ::-1].copy()[..., ::-1],
    "rows backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "the same row": lambda x: np.broadcast_to(x[:1, :1].copy(), x.shape),
    "the same row, apart": lambda x: np.broadcast_to(every_second(x[:1, :1]), x.shape),
    "the same column": lambda x: np.broadcast_to(x[..., :1].copy(), x.shape),
    "the same table": lambda x: np.broadcast_to(x[:1].copy(), x.shape),
    "one number": lambda x: np.broadcast_to(x[:1, :1, :1].copy(), x.shape),
}


@pytest.mark.parametrize("name", NAMES)
def test_operands_of_every_layout(name, machine, rng):
    """As with all elements one after the other."""
    layouts = list(LAYOUTS.values())
    for first, apart in itertools.product(range(len(layouts)), (0, 1, 4)):
        chosen = [layouts[(first + apart * k) % len(layouts)] for k in range(number_of_operands(name))]
        operands = [layout(rng.uniform(0.2, 0.9, SHAPE)) for layout in chosen]
        expected, found, turned = np.empty(SHAPE), np.empty(SHAPE), np.empty(SHAPE[::-1]).T
        machine((name, expected, *[each.copy() for each in operands]))
        machine((name, found, *operands), (name, turned, *operands))
        np.testing.assert_allclose(found, expected, rtol=4e-16, equal_nan=True)
        np.testing.assert_allclose(turned, expected, rtol=4e-16, equal_nan=True)
        assert np.isfinite(found).any() or name == "arccosh"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1, 3, 70])
def test_results_in_the_place_of_an_operand(name, width, machine, rng):
    number = number_of_operands(name)
    for place in range(number):
        operands = [rng.uniform(0.2, 0.9, (90, width)) for _ in range(number)]
        expected = np.empty((90, width))
        machine((name, expected, *[each.copy() for each in operands]))
        machine((name, operands[place], *operands))
        np.testing.assert_allclose(operands[place], expected, rtol=4e-16, equal_nan=True)
    same = rng.uniform(0.2, 0.9, (90, width))
    expected = np.empty((90, width))
    machine((name, expected, *[same.copy() for _ in range(number)]))
    machine((name, same, *[same] * number))
    np.testing.assert_allclose(same, expected, rtol=4e-16, equal_nan=True)


@pytest.mark.parametrize("name", elementary.BOUNDED)
def test_one_large_number_in_the_place_of_the_result(name, machine):
    """The operand is read again once the result is there."""
    x = np.array([1e17])
    machine((name, x, x))
    assert x == getattr(math, name)(1e17)


def test_more_axes_than_loops(machine, rng):
    x = rng.normal(size=(3, 2, 4, 3, 2, 5))
    out = np.empty((2, 4, 3, 3, 5, 2))
    machine(("exp", out, x.transpose(1, 2, 0, 3, 5, 4)))
    np.testing.assert_allclose(out, np.exp(x.transpose(1, 2, 0, 3, 5, 4)), rtol=1e-15)


def test_numbers_are_read_when_it_runs(rng):
    """Those in arrays; others are part of the step."""
    from autograd.compiler.engines.native.array_tape import MachineCode

    x, factor, out = rng.normal(size=9), np.array(2.0), np.empty(9)
    run = MachineCode(machine_code.functions().run_arrays)(("mul", out, x, factor), ("add", out, out, 1.5))
    for number in (2.0, 3.0):
        factor[...] = number
        run()
        np.testing.assert_array_equal(out, number * x + 1.5)


def test_copies(machine, rng):
    x = rng.normal(size=(4, 6, 7))
    for source in (x, x.T, every_second(x), np.broadcast_to(x[0, 0], x.shape), x[0, 0, 0]):
        out = np.empty(np.shape(source) or (3, 5))
        machine(("copy", out, source))
        np.testing.assert_array_equal(out, np.broadcast_to(source, out.shape))


# Sums and products


@pytest.mark.parametrize(
    "shape", [(1, 4), (5, 3), (100, 16), (33, 128), (40, 200), (7, 2, 30), (50,), (1,), (9, 1), (3, 2, 4, 3, 2, 5)]
)
def test_sums_over_rows(shape, machine, rng):
    x = rng.normal(size=shape)
    for each in (x, np.asfortranarray(x), every_second(x)):
        out, apart = np.empty(shape[1:]), every_second(np.empty((1, *shape[1:], 1)))[0, ..., 0]
        machine(("rows_total", out, each), ("rows_total", apart, each))
        np.testing.assert_allclose(out, x.sum(axis=0), rtol=1e-13, atol=1e-13)
        np.testing.assert_array_equal(apart, out)


def test_sums_over_rows_of_more_axes_than_loops(machine, rng):
    x = rng.normal(size=(3, 4, 4, 4, 4, 4))[:, ::2, ::2, ::2, ::2, ::2]
    out = np.empty(x.shape[1:])
    machine(("rows_total", out, x))
    np.testing.assert_allclose(out, x.sum(axis=0), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", [(4, 1), (5, 33), (2, 3, 20), (50,), (3, 2, 2, 3, 7)])
def test_sums_along_rows(shape, machine, rng):
    x = rng.normal(size=shape)
    for each in (x, np.asfortranarray(x), every_second(x)):
        out = np.empty(shape[:-1])
        machine(("total", out, each, -0.5))
        np.testing.assert_allclose(out, -0.5 * x.sum(axis=-1), rtol=1e-13, atol=1e-13)
    machine(("total", out, np.full(shape, 1e308), 1.0 / shape[-1]))
    np.testing.assert_allclose(out, 1e308, rtol=1e-14)  # no partial sum overflows


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)),
        ((4, 3), (3,)),
        ((3,), (3, 5)),
        ((4, 3), (3, 5)),
        ((6, 2, 3), (6, 3, 4)),
        ((6, 1, 9), (6, 9, 1)),
        ((), (4,)),
    ],
)
def test_products(left, right, machine, rng):
    x, y = rng.normal(size=left), rng.normal(size=right)
    for order in "CF":
        expected = np.matmul(x, y) if left else x * y
        out = np.empty_like(expected)
        machine(("product", out, np.array(x, order=order), np.array(y, order=order)))
        np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)


def test_products_that_count_where_a_factor_is_not_zero(machine):
    shares, outputs = np.array([[[0.0, 0.5, 0.5, -0.0]]]), np.array([[[math.inf], [2.0], [4.0], [math.nan]]])
    out = np.empty((1, 1, 1))
    machine(("product", out, shares, outputs, 0.0))
    assert out == 3.0
    machine(("product", out, outputs.transpose(0, 2, 1), shares.transpose(0, 2, 1), 1.0))
    assert out == 3.0


# Along rows


def rows_of_extremes(rng):
    """Rows of every two extremes among others, and usual rows."""
    mixed = [[x, 0.5, y, -1.0] for x in EXTREMES for y in EXTREMES]
    return np.array([*mixed, *rng.normal(size=(20, 4)).tolist(), [math.inf] * 4, [-math.inf] * 4, [math.nan] * 4])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("wide", [False, True])
def test_functions_along_rows_are_those_of_numpy(wide, machine, rng):
    from autograd.compiler.engines.native.array_tape import room

    x = rows_of_extremes(rng)
    x = np.hstack([x, rng.normal(size=(len(x), 40))]) if wide else x
    (rows, width), ones = x.shape, np.ones(x.shape[1])
    cotangent = rng.normal(size=x.shape)
    shared, starts = room(rows, width), np.arange(0, x.size, width)
    outs = {name: np.empty(x.shape) for name in ("softmax", "log_softmax", "softmax_pull", "log_softmax_pull")}
    log = np.empty(rows)
    machine(
        ("exponentials", shared, np.asfortranarray(x)),
        ("logsumexp", log, shared),
        ("softmax", outs["softmax"], shared),
        ("log_softmax", outs["log_softmax"], shared, x),
        ("softmax_pull", outs["softmax_pull"], shared, outs["softmax"], cotangent),
        ("log_softmax_pull", outs["log_softmax_pull"], shared, x, cotangent),
    )

    def expected(function, *operands):
        out = np.empty(x.shape if function is not arrays.logsumexp else rows)
        function(arrays.exponentials(x, starts, ones), *operands, out)
        return out

    np.testing.assert_allclose(log, expected(arrays.logsumexp), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(outs["softmax"], expected(arrays.softmax), rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(outs["log_softmax"], expected(arrays.log_softmax, x), rtol=1e-13, atol=1e-15)
    pull = expected(arrays.softmax_pull, outs["softmax"], cotangent, ones)
    np.testing.assert_allclose(outs["softmax_pull"], pull, rtol=1e-12, atol=1e-15)
    pull = expected(arrays.log_softmax_pull, cotangent, ones)
    np.testing.assert_allclose(outs["log_softmax_pull"], pull, rtol=1e-12, atol=1e-14)


# As Python runs it


class Memory:
    """Numbers by their distance from an address."""

    def __init__(self, address, kind):
        self._address, self._kind = address, kind

    def __getitem__(self, i):
        return self._kind.from_address(self._address + 8 * i).value

    def __setitem__(self, i, number):
        self._kind.from_address(self._address + 8 * i).value = number


@pytest.fixture
def python(monkeypatch):
    """Takes steps by the functions that numba compiles, as they stand."""
    from autograd.compiler.engines.native import array_steps, rows_of_arrays
    from autograd.compiler.engines.native.array_tape import MachineCode

    names = {**vars(elementary), **vars(primitives)}
    exec(compilation.elementwise_text(), names)
    monkeypatch.setattr(array_steps, "rows_step", rows_of_arrays.rows_step, raising=False)
    for module in (array_steps, rows_of_arrays):
        monkeypatch.setattr(module, "elementwise", names["elementwise"], raising=False)

    def run(numbers, tape):
        memory = Memory(numbers, ctypes.c_double), Memory(tape, ctypes.c_int64)
        return lambda: array_steps.run_arrays(*memory)

    return lambda *steps: MachineCode(run)(*steps)()


STEPS = {
    "one after the other": lambda x: [("mul", x[0], x[1], x[2])],
    "in place": lambda x: [("add", x[0], x[0], x[1]), ("sub", x[0], x[1], x[0]), ("tanh", x[0], x[0])],
    "the same row": lambda x: [("add", x[0], x[1], x[2][:1])],
    "a number for each row": lambda x: [("sub", x[0], x[1], x[2][:, :1])],
    "columns": lambda x: [("exp", x[0].T, x[1].T), ("where", x[1][:, ::2], x[2][:, ::2], 1.5, x[0][:, 1::2])],
    "backwards": lambda x: [("div", x[0], x[1][:, ::-1], x[2]), ("copy", x[1], x[0][::-1])],
    "large sines": lambda x: [("mul", x[0], x[1], 1e7), ("sin", x[0], x[0])],
    "sums": lambda x: [
        ("rows_total", x[0][0], x[1]),
        ("total", x[0][:, 1], x[2], 0.5),
        ("rows_total", x[1][:, 0], x[2].T),
    ],
    "products": lambda x: [
        ("product", x[0][:2, :2], x[1][:2], x[2].T[:, :2]),
        ("product", x[0][3], x[1][0, :3], x[2][:3]),
        ("product", x[0][4:5, :1], x[1][:1], x[2].T[:, :1], 0.0),
    ],
}


@pytest.mark.parametrize("name", STEPS)
def test_python_takes_the_same_steps(name, python, machine, rng):
    """Machine code is made of it."""
    numbers = rng.normal(size=(3, 30, 6))
    found, expected = list(numbers.copy()), list(numbers.copy())
    python(*STEPS[name](found))
    machine(*STEPS[name](expected))
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-15)


def test_python_computes_functions_along_rows(python, machine, rng):
    from autograd.compiler.engines.native.array_tape import room

    x, results = rows_of_extremes(rng)[::7], []
    for take in (python, machine):
        shared, outs = room(*x.shape), [np.empty(x.shape) for _ in range(4)]
        top = np.empty(len(x))
        take(
            ("exponentials", shared, x),
            ("logsumexp", top, shared),
            ("softmax", outs[0], shared),
            ("log_softmax", outs[1], shared, x),
            ("softmax_pull", outs[2], shared, outs[0], x),
            ("log_softmax_pull", outs[3], shared, x, x),
        )
        results.append(np.hstack([top[:, None], *outs]))
    np.testing.assert_allclose(*results, rtol=1e-13, atol=1e-15)


# Programs


def classifier(**options):
    model = nn.MLP([5, 8, 4], "tanh", seed=0)
    x, y = [Value(0.0) for _ in range(5)], [Value(0.0) for _ in range(4)]
    loss = nn.cross_entropy(model(x), y)
    return compile(loss, wrt=model.parameters(), inputs=(x, y), **options)


def batch_of(rng, rows):
    return rng.normal(size=(rows, 5)), np.eye(4)[rng.integers(0, 4, rows)]


def test_batches_of_all_sizes_and_layouts(rng):
    fused, floats = classifier(backend="fused"), classifier(backend="floats")
    for rows in (1, 2, 7, 100, 5000, 7):
        x, y = batch_of(rng, rows)
        fused.theta[:] = floats.theta[:] = rng.normal(size=fused.theta.shape)
        for forms in ((x, y), (np.asfortranarray(x), y[::-1][::-1]), (x.astype(np.float32).tolist(), y.astype(int))):
            expected = floats(*forms)
            found = fused(*forms)
            assert_close(found[0], expected[0])
            assert_close(found[1], expected[1])


def test_results_are_the_callers(rng):
    step = classifier(backend="fused")
    _, kept = step(*batch_of(rng, 3))
    before = kept.copy()
    step(*batch_of(rng, 3))
    assert (kept == before).all()


def fused_and_floats(monkeypatch, loss, wrt, inputs):
    """Programs whose buffers are nan before something is written."""
    programs = [compile(loss, wrt=wrt, inputs=inputs, backend=backend) for backend in ("fused", "floats")]
    monkeypatch.setattr(np, "empty", lambda shape, dtype=float: np.full(shape, math.nan, dtype))
    return programs


def test_rows_that_run_backwards(monkeypatch, rng):
    x, w = values(rng, 5), values(rng, 5)
    loss = autograd.sum([(a * b - c).tanh() for a, b, c in zip(w, x[::-1], w[::-1], strict=True)])
    fused, floats = fused_and_floats(monkeypatch, loss, w, (x,))
    for rows in (1, 60):
        batch = rng.normal(size=(rows, 5))
        assert_close(fused(batch)[1], floats(batch)[1])


def test_no_copy_of_a_factor_is_kept(monkeypatch, rng):
    """Parts of rows, of several observations, only become one axis by a copy."""
    x, weights, shared = values(rng, 3), values(rng, 3), Value(0.5)
    scores = [shared * (w * v) for w, v in zip(weights, x, strict=True)]
    fused, floats = fused_and_floats(monkeypatch, autograd.logsumexp([*scores, x[2]]), [*weights, shared], (x,))
    for _ in range(2):
        batch = rng.normal(size=(4, 3))
        assert_close(fused(batch)[1], floats(batch)[1])


def test_threads_take_turns(rng):
    step = classifier(backend="fused")
    batches = [batch_of(rng, 3 + k) for k in range(4)]
    expected = [step(*batch)[0] for batch in batches]
    wrong = []

    def run(k):
        wrong.extend([k for _ in range(200) if step(*batches[k])[0] != expected[k]])

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_operation_of_the_users_own_is_asked_between(rng):
    """One whose formula cannot be traced."""
    own = operation(
        "branching in test_fused",
        lambda m, x: x if x > 0 else 2.0 * x,
        lambda m, y, x: (1.0 if x > 0 else 2.0,),
    )
    weights = [values(rng, 6) for _ in range(6)]
    x = values(rng, 6)
    loss = autograd.sum([own(autograd.dot(row, x)).tanh() for row in weights])
    wrt = [w for row in weights for w in row]
    fused, floats = (compile(loss, wrt=wrt, inputs=(x,), backend=backend) for backend in ("fused", "floats"))
    rows = rng.normal(size=(9, 6))
    assert_close(fused(rows)[1], floats(rows)[1])
    assert "operations[0]" in fused.source


# Where it is chosen


def test_it_is_chosen_where_it_pays():
    assert "\n  arrays and machine code: " in repr(classifier())
    assert "\n  arrays and machine code: " not in repr(classifier(dtype="float32"))
    x = [Value(0.0) for _ in range(5)]
    model = nn.MLP([5, 8, 4], "tanh", seed=0)
    assert "\n  arrays below " in repr(compile(model(x), inputs=(x,)))  # a few calls only
    assert "\n  arrays: " in repr(classifier(backend="arrays"))


def test_a_large_model_computes_outputs_by_it_too():
    x = [Value(0.0) for _ in range(5)]
    model = nn.MLP([5] + [8] * 20 + [4], "tanh", seed=0)
    assert "\n  arrays and machine code: " in repr(compile(model(x), inputs=(x,)))


def test_its_text_shows_the_steps():
    source = classifier(backend="fused").source
    assert '("exponentials", ' in source
    assert "run0()" in source


def test_without_numba(monkeypatch):
    monkeypatch.setattr(plan, "native_installed", lambda: False)
    monkeypatch.setattr(requests, "is_installed", lambda name: False)
    assert "\n  arrays: " in repr(classifier())
    with pytest.raises(ImportError, match=r"needs the extra \"native\": pip install \"chainrule\[native\]\""):
        classifier(backend="fused")


def test_when_nothing_can_be_compiled(monkeypatch, rng):
    monkeypatch.setattr(machine_code, "_loaded", [])
    monkeypatch.setattr(machine_code, "_read", lambda key: None)
    monkeypatch.setattr(compilation, "compiled", lambda machine: 1 / 0)
    step = classifier()
    assert step(*batch_of(rng, 3))[1].shape == step.theta.shape
    assert "not native: numba cannot compile here: ZeroDivisionError: division by zero" in repr(step)
    assert "\n  arrays: " in repr(step)


def test_it_computes_in_float64_only():
    with pytest.raises(ValueError, match="backend 'fused' computes in float64, got dtype float32"):
        classifier(backend="fused", dtype="float32")


def test_what_its_calls_save_decides():
    size = costs.Size(500, 5000, 50, groups=6, parts=7, gradient=True, batched=True)
    assert costs.fused(size, 32) < costs.arrays(size, 32)
    assert costs.choose(size, has_native=True).fused_from == 1
    assert not costs.choose(size).fused_from
    few = size._replace(parts=1, gradient=False)
    assert 32 < costs.choose(few, has_native=True).fused_from < 1000  # each element counts, too
    assert not costs.choose(few._replace(batched=False), has_native=True).fused_from
    small = costs.Size(12, 12, 6, groups=5, parts=7, gradient=True, batched=True)
    assert 1 < costs.choose(small, has_native=True).floats_below < costs.choose(small).floats_below
