"""What might break a compiled program: odd structures, odd arrays, odd moments to call it."""

import copy
import inspect
import math
import os
import pickle
import re
import subprocess
import sys
import threading
import types
import typing

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile, operation, ops
from autograd.compiler import costs
from autograd.compiler.engines import float_text, parts, places
from autograd.value import apply

from .forking import assert_children_compute, needs_fork
from .test_compiler import ARRAYS, BACKENDS, assert_close, eager, values

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def trained(rng):
    """A network's loss, its parameters, its placeholders, and data."""
    model = nn.MLP([3, 5, 2], activation="tanh", rng=rng)
    x, y = values(rng, 3), values(rng, 2)
    return nn.ssr(model(x), y), list(model.parameters()), (x, y), (rng.normal(size=(12, 3)), rng.normal(size=(12, 2)))


# Structures that nearly pack


def _slices(rng, pool, rows, width):
    """Rows of weights that overlap, run backwards or as columns, repeat, or are plain numbers."""
    kind = rng.integers(0, 6)
    if kind == 0:
        return [[float(rng.choice([0.0, 1.0, -1.0, 0.5])) for _ in range(width)] for _ in range(rows)]
    if kind == 1:
        return [[pool[i] for i in rng.integers(0, len(pool), width)] for _ in range(rows)]
    start = int(rng.integers(0, len(pool) - rows * width + 1))
    if kind == 2:  # columns
        return [[pool[start + j * rows + i] for j in range(width)] for i in range(rows)]
    step = width if kind < 5 else 1  # rows beside each other, or overlapping
    matrix = [pool[start + i * step : start + i * step + width] for i in range(rows)]
    return [row[::-1] for row in matrix] if kind == 4 else matrix


def _linear(rng, pool, x):
    rows = int(rng.integers(1, 4))
    weights = _slices(rng, pool, rows, len(x))
    forms = [
        lambda row, b: autograd.dot(row, x) + b,
        lambda row, b: sum((w * v for w, v in zip(row, x, strict=True)), b),
        lambda row, b: b - autograd.sum([v * w for w, v in zip(row, x, strict=True)]),
        lambda row, b: -(autograd.dot(x, row) - b) - x[0],
        lambda row, b: autograd.dot(row, x) - autograd.dot(x, row[::-1]) * 0.5 + b,
    ]
    form = forms[rng.integers(0, len(forms))]
    biases = pool[:rows] if rng.random() < 0.5 else [0.0] * rows
    return [form(row, b) for row, b in zip(weights, biases, strict=True)]


_PAIRS = [
    lambda a, b: a * b,
    lambda a, b: a - b * 0.0,
    autograd.maximum,
    autograd.logaddexp,
    autograd.leaky_relu,
    lambda a, b: autograd.where(a, b, a),
    lambda a, b: autograd.where(autograd.relu(a), b, 1.5),
    lambda a, b: a / (b * b + 1),
    lambda a, b: (a * a + 0.1) ** b,
    lambda a, b: autograd.clip(a, b, 0.75),
]
_ROWS = [autograd.logsumexp, autograd.max, autograd.min, autograd.prod, autograd.mean, autograd.sum]
_EACH = [autograd.tanh, autograd.relu, autograd.gelu, autograd.square, autograd.sign, autograd.sin, autograd.sigmoid]


def _next_row(rng, pool, x, y):
    """One more row of Values, made of earlier ones."""
    kind = rng.integers(0, 9)
    short = min(len(x), len(y))
    if kind < 2:
        return _linear(rng, pool, x)
    if kind == 2:
        return [a * b for a in x[:3] for b in y[:3]]
    if kind == 3:
        pair = _PAIRS[rng.integers(0, len(_PAIRS))]
        return [pair(a, b) for a, b in zip(x[:short], y[-short:], strict=True)]
    if kind == 4:
        return [autograd.softmax(x)[i] for i in rng.permutation(len(x))[:2]]
    if kind == 5:
        function = _ROWS[rng.integers(0, len(_ROWS))]
        return [function(row) for row in (x, x + y, [*x, 0.5], x[:1] + x)]
    if kind == 6:
        return [x[i] for i in rng.integers(0, len(x), 4)] + y[:1]
    if kind == 7:
        return [autograd.dot(x[i : i + 2], y[j : j + 2]) for i in range(short - 1) for j in range(short - 1)][:6]
    function = _EACH[rng.integers(0, len(_EACH))]
    return [function(v) for v in x]


def structured_loss(rng, pool, rows):
    """A loss of layers that share weights, overlap, repeat and are used in part."""
    rows = [row for row in rows if row] or [pool[:4]]
    for _ in range(int(rng.integers(2, 9))):
        x, y = (rows[i] for i in rng.integers(0, len(rows), 2))
        new = _next_row(rng, pool, x, y)
        if new:
            rows.append([v.tanh() if abs(float(v)) > 2 else v for v in new[:8]])
    return autograd.mean([v for row in rows[-3:] for v in row])


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(i, marks=pytest.mark.slow) for i in range(40, 120))])
def test_structured_graph(seed, packs, monkeypatch):
    monkeypatch.setattr(costs, "choose", lambda *_: costs.Choice(packs, 2))
    rng = np.random.default_rng(seed)
    pool = values(rng, 30, 0.7)
    widths = [int(rng.choice([0, 1, 2, 4])) for _ in range(rng.integers(0, 3))]
    inputs = [values(rng, width, 1.0) for width in widths]
    loss = structured_loss(rng, pool, inputs)
    wrt = [pool[i] for i in rng.permutation(30)[: rng.integers(1, 31)]] + [Value(3.0)]
    row = [[x.data for x in values] for values in inputs]
    expected = eager(loss, wrt)
    steps = [compile(loss, wrt=wrt, inputs=inputs, backend=backend) for backend in BACKENDS]
    # what a program does not write is nan
    monkeypatch.setattr(np, "empty", lambda shape, dtype=float: np.full(shape, math.nan, dtype))
    for step in steps:
        for batch in (1, 3, 1):
            value, gradient = step(*[np.array([each] * batch).reshape(batch, len(each)) for each in row])
            assert_close(value, expected[0])
            np.testing.assert_allclose(gradient, expected[1], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ops.TABLE.values()])
@pytest.mark.parametrize("backend", ["floats", *ARRAYS])
def test_graph_of_second_derivatives(row, backend, rng):
    optional = row in (ops.leaky_relu, ops.elu)
    for number in {row.arity} if row.arity is not None else {1, 2} if optional else {2, 4}:
        point = [Value(float(rng.uniform(*row.domain[min(i, len(row.domain) - 1)]))) for i in range(number)]
        result = apply(row, *point)
        first = [d for d in autograd.derivative(result, point) if isinstance(d, Value)]
        loss = autograd.sum([d * d for d in first] + [result])
        expected = eager(loss, point)
        value, gradient = compile(loss, wrt=point, backend=backend)()
        np.testing.assert_allclose(value, expected[0], rtol=1e-11)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-11, atol=1e-12)


branching = operation(
    "branching in test_compiler_hostile",
    lambda m, x, y: x * y if x > 0 else math.sin(x),
    lambda m, z, x, y: (y, x) if x > 0 else (math.cos(x), 0.0),
)


FORMULAS = {
    "power of Python": (lambda m, x: x**2, lambda m, y, x: (2 * x,)),
    "divided by": (lambda m, x: 1 / (x + 2), lambda m, y, x: (-y * y,)),
    "remainder": (lambda m, x: x % 2, lambda m, y, x: (1.0,)),
    "no derivative": (lambda m, x: m.sign(x), lambda m, y, x: (None,)),
    "of NumPy": (lambda m, x: np.sin(x), lambda m, y, x: (np.cos(x),)),
    "list of partials": (lambda m, x: m.sin(x), lambda m, y, x: [m.cos(x)]),
    "repeated in dot": (lambda m, x: m.dot([x, x, 1.0], [x, 2.0, x]), lambda m, y, x: (2 * x + 3,)),
    "part of softmax": (lambda m, x: m.softmax([x, 0.0, x])[2], lambda m, y, x: (y * (1 - 2 * y),)),
    "softmax of numbers": (lambda m, x: x * m.softmax((1.0, 2.0))[1], lambda m, y, x: (m.softmax([1.0, 2.0])[1],)),
    "short floats": (lambda m, x: 0.1 * x, lambda m, y, x: (np.float32(0.1),)),
    "Python's int": (lambda m, x: int(x) + 0.5, lambda m, y, x: (0,)),
    "itself": (lambda m, x: x, lambda m, y, x: (1,)),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("batched", [True, False])
def test_formula(name, batched):
    own = operation(f"{name} in test_compiler_hostile", *FORMULAS[name])
    weights, x = [Value(0.3), Value(1.7), Value(-0.6)], Value(0.9)
    loss = autograd.sum([own(w * x) * w for w in weights])
    expected = eager(loss, weights)
    for backend in BACKENDS:
        step = compile(loss, wrt=weights, inputs=(x,) if batched else (), backend=backend)
        value, gradient = step([0.9, 0.9]) if batched else step()
        assert_close(value, expected[0])
        assert_close(gradient, expected[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_to_compute(backend):
    w, x, unused = Value(2.0), Value(1.0), Value(5.0)
    results = compile([x, w, x, w.detach(), unused], inputs=(x, [], unused), backend=backend)
    rows = results([1.0, 3.0], np.empty((2, 0)), [7.0, 8.0])
    assert rows.tolist() == [[1.0, 2.0, 1.0, 2.0, 7.0], [3.0, 2.0, 3.0, 2.0, 8.0]]
    for loss, value, gradient in ((w, 4.0, 2.0), (x, 4.0, 0.0), (unused, 15.0, 0.0), (Value(4.0), 8.0, 0.0)):
        step = compile(loss, wrt=[w], inputs=(x, unused), backend=backend, reduction="sum")
        assert step([1.0, 3.0], [7.0, 8.0]) == (value, [gradient])


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_every_row_has_alike_is_summed_in_the_loop(backend):
    """The only share's logarithm is 0 whatever the row, so these sums over the rows are of constants."""
    u, v, w, x = Value(0.5), Value(0.3), Value(0.2), Value(1.0)
    zero = nn.log_softmax([x])[0]
    loss = (u + w) * zero + ((u + w) * v) * zero + x * x
    value, gradient = compile(loss, wrt=[u, v, w], inputs=(x,), backend=backend)([1.0, 2.0])
    assert value == 2.5
    assert gradient.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_thousand_parameters(backend, rng):
    weights = values(rng, 10_000, 0.01)
    rows = [autograd.dot(weights[i : i + 100], weights[5000:5100]).tanh() for i in range(0, 5000, 100)]
    loss = autograd.sum(rows) + autograd.sum([w * w for w in weights[::2]]) + weights[3] * weights[9]
    step = compile(loss, wrt=weights[::-1], backend=backend)
    value, gradient = step()
    kept = gradient.copy()
    assert_close(value, loss.data)
    assert_close(gradient, eager(loss, weights)[1][::-1])
    step.theta[:] = 0.0
    step()
    assert (gradient == kept).all()


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(i, marks=pytest.mark.slow) for i in range(6, 20))])
@pytest.mark.parametrize("backend", ["floats", *ARRAYS])
def test_a_program_in_parts(seed, backend, monkeypatch, imported):
    """Long programs are several functions, none of which takes Python much memory to compile."""
    rng = np.random.default_rng(seed)
    pool, x, y = values(rng, 30, 0.7), values(rng, 4, 1.0), Value(0.3)
    loss = structured_loss(rng, pool, [x, [*x, y], pool[:5]])
    outputs = [loss, autograd.logsumexp([*x, loss]), Value(3.0), branching(loss, y)]
    requests = [(loss, pool), (loss * autograd.sum(x), pool[:3]), (outputs, None), (loss, None)]
    arrays = rng.normal(size=(3, 4)), rng.normal(size=3)

    def programs():
        return [compile(each, wrt=wrt, inputs=(x, y), backend=backend) for each, wrt in requests]

    expected = [step(*arrays) for step in programs()]
    for module in (float_text, places):
        monkeypatch.setattr(module, "LONG", 0)
    monkeypatch.setattr(parts, "_PART", 2)
    for step, whole, (_, wrt) in zip(programs(), expected, requests, strict=True):
        for result, other in zip(step(*arrays), whole, strict=True):
            np.testing.assert_array_equal(result, other)
        assert wrt is None or re.search(r"def \w+_0\(", step.source)
        if backend == "arrays" and wrt:
            assert imported(step).step(*arrays)[0] == whole[0]


# Arrays of every kind


LAYOUTS = {
    "columns first": np.asfortranarray,
    "backwards": lambda a: a[::-1].copy()[::-1],
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "part of the columns": lambda a: np.hstack([a, a])[:, : a.shape[1]],
    "other byte order": lambda a: a.astype(">f8"),
    "wider": lambda a: a.astype(np.longdouble),
    "tuples": lambda a: tuple(map(tuple, a.tolist())),
    "subclass": lambda a: a.view(type("Subclass", (np.ndarray,), {})),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_layout_of_arguments(layout, backend, trained):
    loss, parameters, inputs, (x, y) = trained
    step = compile(loss, wrt=parameters, inputs=inputs, backend=backend)
    expected = step(x, y)
    for _ in range(2):
        value, gradient = step(LAYOUTS[layout](x), y)
        assert value == expected[0]
        assert type(gradient) is np.ndarray
        assert (gradient == expected[1]).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_of_arguments_that_windows_slide_over(layout, rng):
    x, kernel = values(rng, 8), values(rng, 3)
    windows = [autograd.dot(kernel, x[i : i + 3]) for i in range(6)]
    step = compile(windows, inputs=(x,), backend="arrays")
    rows = rng.normal(size=(4, 8))
    expected = step(rows)
    assert (step(LAYOUTS[layout](rows)) == expected).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("backend", ["floats", *ARRAYS])
def test_layout_of_arguments_that_functions_of_many_steps_take(layout, backend, rng):
    x = values(rng, 4)
    outputs = [each for v in x for each in (autograd.gelu(v), autograd.softmax([v])[0], autograd.logsumexp([v, 0.5]))]
    rows = rng.normal(size=(5, 4))
    expected = compile(outputs, inputs=(x,), backend=backend)(rows)
    assert_close(compile(outputs, inputs=(x,), backend=backend)(LAYOUTS[layout](rows)), expected)


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint64, np.float16])
def test_type_of_arguments(kind, trained):
    loss, parameters, inputs, (x, y) = trained
    step = compile(loss, wrt=parameters, inputs=inputs)
    odd = np.abs(3 * x).astype(kind)
    odd.flags.writeable = False
    assert step(odd, y)[0] == step(odd.astype(float), y)[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_share_no_memory(backend, trained):
    loss, parameters, (x, y), data = trained
    step = compile(loss, wrt=parameters, inputs=(x, y), backend=backend)
    value, gradient = step(*data)
    kept = gradient.copy()
    assert type(value) is float
    step(data[0] + 1, data[1])
    step(data[0][:5], data[1][:5])
    step.theta[:] = 0.0
    assert (gradient == kept).all()
    for outputs in (x, x[1], [x[1], x[1].tanh()], x[::-1]):
        rows = data[0].copy()
        result = compile(outputs, inputs=(x,), backend=backend)(rows)
        kept = result.copy()
        rows[:] = 0.0
        assert (result == kept).all()
        assert result.flags.writeable


# Moments to call it


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_with_batches_of_many_sizes(backend, trained, rng):
    loss, parameters, inputs, _ = trained
    step = compile(loss, wrt=parameters, inputs=inputs, backend=backend)
    data = [(rng.normal(size=(n, 3)), rng.normal(size=(n, 2))) for n in range(1, 20)]
    expected = [step(*arrays) for arrays in data]
    wrong = []

    def work(seed):
        for i in np.random.default_rng(seed).integers(0, len(data), 100):
            value, gradient = step(*data[i])
            if value != expected[i][0] or (gradient != expected[i][1]).any():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORKING = """
w, x = [Value(0.01 * i) for i in range(200)], [Value(0.0) for _ in range(200)]
loss = autograd.sum([(a * b).tanh() for a, b in zip(w, x)]) + autograd.dot(w, x)
step = compile(loss, wrt=w, inputs=(x,), backend="arrays")
others = [compile(loss * i, wrt=w, inputs=(x,), backend="arrays") for i in range(20)]
"""


@needs_fork
def test_a_fork_while_threads_call():
    assert_children_compute(FORKING, rows=1000)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_in_the_middle(backend):
    interrupted = False

    def formula(m, x):
        if interrupted:
            raise KeyboardInterrupt
        return x if x > 0 else math.sin(x)

    own = operation("interrupted in test_compiler_hostile", formula, lambda m, y, x: (1.0 if x > 0 else math.cos(x),))
    w, x = Value(1.2), Value(0.3)
    step = compile(own(w * x), wrt=[w], inputs=(x,), backend=backend)
    expected = step([0.1, -1.0])
    interrupted = True
    for rows in ([0.1, -1.0], [0.5, 0.6, 0.7]):  # on used buffers, on new ones
        with pytest.raises(KeyboardInterrupt):
            step(rows)
    interrupted = False
    assert step([0.1, -1.0]) == expected


def test_compiled_anywhere():
    w, x = Value(1.5), Value(0.2)
    loss = (w * x).sin()
    with autograd.no_grad():
        value, gradient = compile(loss, wrt=[w], inputs=(x,))([0.2])
    with autograd.detect_anomaly():
        assert compile(loss, wrt=[w], inputs=(x,))([0.2]) == (value, gradient)
    assert_close([value, gradient[0]], [math.sin(0.3), 0.2 * math.cos(0.3)])
    assert autograd.grad(lambda v: v * compile(loss, wrt=[w], inputs=(x,))([0.2])[0])(1.0) == value


def test_constants_stay_as_they_were():
    w, c = Value(2.0), Value(3.0)
    for backend in BACKENDS:
        c.data = 3.0
        step = compile(w * c, wrt=[w], backend=backend)
        c.data = 9.0
        assert step() == (6.0, [3.0])


# Text


@pytest.mark.slow
def test_source_does_not_depend_on_the_hash_seed():
    program = (
        "import numpy, autograd, nn\n"
        "from tests.test_compiler_hostile import structured_loss, values\n"
        "for seed in range(12):\n"
        "    rng = numpy.random.default_rng(seed)\n"
        "    pool, x = values(rng, 30), values(rng, 4)\n"
        "    loss = structured_loss(rng, pool, [x])\n"
        "    for backend in ('floats', 'arrays'):\n"
        "        print(autograd.compile(loss, wrt=pool, inputs=(x,), backend=backend).source)\n"
    )
    sources = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert sources[0] == sources[1]
    assert len(sources[0]) > 10_000


# Programs that were saved as modules


@pytest.fixture
def imported(tmp_path):
    """Saves a program and gives the module."""

    def of(step):
        path = tmp_path / "a module, ü.py"
        step.save_source(path)
        module = types.ModuleType("saved")
        exec(path.read_text(encoding="utf-8"), vars(module))
        return module

    return of


@pytest.mark.parametrize("seed", range(10))
def test_saved_module_gives_the_same_bits(seed, imported):
    rng = np.random.default_rng(seed)
    pool, x, y = values(rng, 30), values(rng, 4), values(rng, 1)
    step = compile(structured_loss(rng, pool, [x, y]), wrt=pool, inputs=(x, y), backend="arrays")
    module = imported(step)
    for batch in (1, 3, 7, 3):
        arrays = rng.normal(size=(batch, 4)), rng.normal(size=(batch, 1))
        value, gradient = module.step(*arrays)
        expected = step(*arrays)
        assert value == expected[0]
        assert (gradient == expected[1]).all()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ops.TABLE.values()])
def test_saved_module_has_all_that_it_needs(row, rng, imported):
    point = [Value(float(rng.uniform(*row.domain[min(i, len(row.domain) - 1)]))) for i in range(row.arity or 2)]
    step = compile(apply(row, *point), wrt=point, backend="arrays")
    module = imported(step)
    assert module.step() == (step()[0], pytest.approx(step()[1], rel=0, nan_ok=True))
    for function in filter(inspect.isfunction, [*vars(module).values(), *vars(module.ArrayProgram).values()]):
        typing.get_type_hints(function)  # every name in them is there


def test_saved_module_has_only_what_it_needs(trained, tmp_path):
    loss, parameters, inputs, _ = trained
    compile(loss, wrt=parameters, inputs=inputs).save_source(tmp_path / "step.py")
    text = (tmp_path / "step.py").read_text()
    assert "def erf" not in text
    assert "def shaped" not in text
    assert "import math" not in text


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("is_list", [True, False])
def test_saved_float_types(dtype, is_list, rng, imported):
    x = values(rng, 8)
    outputs = [autograd.dot(row, x).tanh() for row in rng.normal(size=(8, 8)).tolist()]
    rows = rng.normal(size=(4, 8))
    step = compile(outputs if is_list else outputs[0], inputs=(x,), dtype=dtype, backend="arrays")
    module = imported(step)
    assert module.step(rows).dtype == dtype
    assert (module.step(rows) == step(rows)).all()
    assert (module.step(rows.astype(int).tolist()) == step(rows.astype(int))).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_saving_reads_no_constant_again(backend, imported):
    w, c = Value(2.0), Value(3.0)
    step = compile(w * c, wrt=[w], backend=backend)
    c.data = 5.0
    assert imported(step).step() == (6.0, [3.0])


def test_program_keeps_no_graph():
    w = Value(2.0)
    loss = w.sin()
    references = sys.getrefcount(loss)
    steps = [compile(loss, wrt=[w], backend=backend) for backend in BACKENDS]
    assert sys.getrefcount(loss) == references
    assert [step()[0] for step in steps] == [loss.data] * len(BACKENDS)


WRONG_ARGUMENTS = {
    "number of rows": ([[1.0, 2.0], [3.0, 4.0]], [1.0]),
    "no rows": (np.empty((0, 2)), []),
    "width": ([[1.0, 2.0, 3.0]], [1.0]),
    "one axis": ([1.0, 2.0], [1.0]),
    "number": ([[1.0, 2.0]], 1.0),
    "text": ([["1", "2"]], [1.0]),
    "ragged": ([[1.0, 2.0], [1.0]], [1.0, 2.0]),
    "complex": ([[1.0, 2j]], [1.0]),
    "masked": ([[1.0, 2.0]], np.ma.array([1.0], mask=[True])),
    "None": ([[1.0, None]], [1.0]),
    "Value": ([[1.0, Value(2.0)]], [1.0]),
}


@pytest.mark.parametrize("arrays", [pytest.param(arrays, id=name) for name, arrays in WRONG_ARGUMENTS.items()])
def test_saved_module_checks_as_the_program_does(arrays, imported):
    x, y, w = [Value(0.0), Value(0.0)], Value(0.0), Value(1.0)
    step = compile((w * x[0] + x[1] - y).square(), wrt=[w], inputs=(x, y))
    with pytest.raises((TypeError, ValueError), match=r"argument [01] ") as of_program:
        step(*arrays)
    with pytest.raises(of_program.type, match=f"^{re.escape(str(of_program.value))}$"):
        imported(step).step(*arrays)


@pytest.mark.parametrize("is_saved", [True, False])
def test_wrong_arguments_after_right_ones(is_saved, trained, imported):
    loss, parameters, inputs, (x, y) = trained
    step = compile(loss, wrt=parameters, inputs=inputs)
    call = imported(step).step if is_saved else step
    for wrong in ((x[:5], y), (x, y[:5]), (x[:, :2], y), (x, y[:, :1]), (x[:0], y[:0]), (x.astype(str), y)):
        for _ in range(2):
            call(x, y)
        with pytest.raises((TypeError, ValueError), match=r"argument [01] "):
            call(*wrong)


@pytest.mark.parametrize("is_list", [True, False])
def test_saved_constant_outputs_fill_the_batch(is_list, imported):
    w, x = Value(2.0), Value(0.0)
    outputs = [w * 3, w] if is_list else w * 3
    step = compile(outputs, inputs=(x,), backend="arrays")
    rows = imported(step).step([1.0, 2.0])
    assert rows.tolist() == step([1.0, 2.0]).tolist() == ([[6.0, 2.0]] * 2 if is_list else [6.0, 6.0])
    step = compile(outputs, backend="arrays")
    np.testing.assert_array_equal(imported(step).step(), step())


def test_parameters_of_a_saved_module(imported):
    w, x = [Value(2.0), Value(1.0)], Value(0.0)
    module = imported(compile(w[0] * x + w[1], wrt=w, inputs=(x,)))
    assert [module.step([1.0])[0], module.step([1.0, 3.0])[0]] == [3.0, 5.0]
    module.theta = np.array([10.0, 0.0])
    assert [module.step([1.0])[0], module.step([1.0, 3.0])[0]] == [10.0, 20.0]
    module.theta = [0.0, 4.0]
    assert module.train([1.0], learning_rate=0.5, steps=2) == [4.0, 3.0]
    assert module.theta.tolist() == [-1.0, 3.0]
    module.theta[0] = 0.0
    assert module.step([1.0])[0] == 3.0
    module.theta = [1.0]
    with pytest.raises(ValueError, match=r"theta must be a vector of 2 numbers, got shape \(1,\)"):
        module.step([1.0])


def test_saved_module_keeps_few_buffers(imported):
    w, x = Value(2.0), Value(0.0)
    module = imported(compile((w * x).exp(), wrt=[w], inputs=(x,)))
    made = []
    prepare = module._program._prepare
    module._program._prepare = lambda *size: made.append(size[3]) or prepare(*size)
    for batch in [*range(1, 30), 29, 1]:
        module.step([0.1] * batch)
    assert made == [*range(1, 30), 1]
    assert len(module._program._prepared) < 10


def test_saved_module_warns_as_little_as_the_program(imported):
    w = Value(2.0)
    module = imported(compile(1e300 * w, wrt=[w]))
    assert module.train(learning_rate=1e300, steps=2) == [2e300, -math.inf]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308])
def test_saved_parameters_are_exact(bad, imported):
    parameters = [Value(bad), Value(0.1)]
    step = compile(parameters[0] * 2 + parameters[1], wrt=parameters)
    assert imported(step).theta.tobytes() == step.theta.tobytes()


def test_saving_replaces_a_file_whole_or_not_at_all(trained, tmp_path, monkeypatch):
    loss, parameters, inputs, _ = trained
    step, path = compile(loss, wrt=parameters, inputs=inputs), tmp_path / "step.py"
    path.write_text("as before")

    def full(number):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            step.save_source(path)
    assert [each.name for each in tmp_path.iterdir()] == ["step.py"]
    assert path.read_text() == "as before"
    step.save_source(path)
    assert "def train" in path.read_text()


def test_operations_without_text_are_all_named(tmp_path):
    own = [
        operation(f"{name} in test_compiler_hostile", lambda m, x: x if x > 0 else -x, lambda m, y, x: (1.0,))
        for name in ("first", "second")
    ]
    w = Value(2.0)
    with pytest.raises(ValueError, match=r"cannot be saved: the formula of .*first in.*second in"):
        compile(own[0](w) * own[1](w), wrt=[w]).save_source(tmp_path / "never.py")
    assert not list(tmp_path.iterdir())


# The program as an object, and float32


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_programs_are_not_duplicated(duplicate):
    w = Value(2.0)
    with pytest.raises(TypeError, match=r"a compiled program cannot be copied or pickled.*save_source"):
        duplicate(compile(w.exp(), wrt=[w]))


WRONG_PARAMETERS = {
    "None": (None, TypeError, "theta must hold real numbers, got None of type NoneType"),
    "text": ("3", TypeError, "theta must hold real numbers, got dtype <U1"),
    "texts": (["a", "b"], TypeError, "theta must hold real numbers"),
    "complex": (np.array([1j, 2.0]), TypeError, "theta must hold real numbers, got dtype complex128"),
    "number": (5.0, ValueError, r"theta must be a vector of 2 numbers, got shape \(\)"),
    "short": ([1.0], ValueError, r"theta must be a vector of 2 numbers, got shape \(1,\)"),
    "long": (np.zeros(3), ValueError, r"theta must be a vector of 2 numbers, got shape \(3,\)"),
    "matrix": ([[1.0, 2.0]], ValueError, r"theta must be a vector of 2 numbers, got shape \(1, 2\)"),
    "ragged": ([[1.0], [2.0, 3.0]], ValueError, "theta is not an array"),
}


@pytest.mark.parametrize("case", WRONG_PARAMETERS)
def test_wrong_parameters(case):
    numbers, error, message = WRONG_PARAMETERS[case]
    parameters = [Value(1.0), Value(2.0)]
    step = compile(parameters[0] * parameters[1], wrt=parameters)
    with pytest.raises(error, match=message):
        step.theta = numbers
    assert step.theta.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.uint8, object, list])
def test_type_of_parameters(kind):
    parameters = [Value(1.0), Value(2.0)]
    step = compile(parameters[0] * parameters[1], wrt=parameters)
    step.theta = [3, 4] if kind is list else np.array([3, 4]).astype(kind)
    assert step() == (12.0, pytest.approx([4.0, 3.0]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_integers_beyond_those_of_numpy(backend):
    w, x = Value(2.0), Value(0.0)
    step = compile(w * x, wrt=[w], inputs=(x,), backend=backend)
    assert step([2**64, -(2**70)]) == step([2.0**64, -(2.0**70)])


@pytest.mark.parametrize("where", ["theta", "assigned", "input", "constants", "outputs"])
def test_too_large_for_float32(where):
    large = {where: 1e300}
    parameters, x = [Value(large.get("theta", 1.0)) for _ in range(12)], Value(1.0)
    scale = [large.get("constants", 1.0) * (i + 1) for i in range(12)]
    terms = [w.tanh() * x * s for w, s in zip(parameters, scale, strict=True)]
    if where == "outputs":
        predict = compile([x, Value(1e300)], inputs=(x,), dtype="float32")
        assert predict([1.0]).tolist() == [[1.0, math.inf]]
        assert compile(Value(1e300), inputs=(x,), dtype="float32")([1.0]).tolist() == [math.inf]
        return
    step = compile(autograd.sum(terms), wrt=parameters, inputs=(x,), dtype="float32")
    if where == "assigned":
        step.theta = [1e300] * 12
        assert step.theta.tolist() == [math.inf] * 12
    is_infinite = where in ("input", "constants")
    assert math.isinf(step([large.get("input", 1.0)])[0]) == is_infinite
