"""The native engine: its functions against many digits, its tapes, how it is chosen, loaded and done without.

That its programs give what Values give is tested with all backends in `test_compiler.py`.
"""

import itertools
import math
import os
import random
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import autograd
from autograd import Value, arithmetic, compile, operation, ops
from autograd.compiler import arrays, plan, requests
from autograd.compiler.engines.native import compilation, elementary, machine_code, primitives
from autograd.compiler.engines.native.interpreter import LANES
from autograd.compiler.engines.native.tape import ELEMENTWISE
from autograd.compiler.kernels import UnavailableError

from .forking import assert_children_compute, needs_fork
from .test_compiler import EXTREMES, FEW_EXTREMES, NATIVE, assert_close, random_graph, values

pytestmark = pytest.mark.filterwarnings("error")
needs_numba = pytest.mark.skipif(not NATIVE, reason="needs numba")

RANGES = {
    "exp": [(-745.0, 709.7), (-1.0, 1.0)],
    "exp2": [(-1074.0, 1023.9), (-1.0, 1.0)],
    "expm1": [(-50.0, 709.0), (-1.0, 1.0), (-1e-5, 1e-5)],
    "log": [(0.0, 1e-307), (0.5, 2.0), (0.0, 1e300)],
    "log1p": [(-0.999, 5.0), (-1e-6, 1e-6), (0.0, 1e20)],
    "log2": [(0.5, 2.0), (0.0, 1e5)],
    "log10": [(0.5, 2.0), (0.0, 1e5)],
    "sin": [(-4.0, 4.0), (-5e5, 5e5)],
    "cos": [(-4.0, 4.0), (-5e5, 5e5)],
    "tanh": [(-20.0, 20.0), (-1.0, 1.0), (-1e-5, 1e-5)],
    "sinh": [(-710.0, 710.0), (-1.0, 1.0)],
    "cosh": [(-710.0, 710.0), (-2.0, 2.0)],
    "cbrt": [(-1e300, 1e300), (-2.0, 2.0), (0.0, 1e-305)],
    "gaussian": [(-37.0, 37.0), (-1.0, 1.0)],
    "erfc": [(-6.0, 26.0), (-1.0, 1.0)],
    "normal_cdf": [(-37.0, 8.0), (-1.0, 1.0)],
}


@pytest.mark.parametrize("name", RANGES)
def test_functions_are_right_to_a_few_units_in_the_last_place(name):
    """As Python runs them; numba computes the same, or a little better where the processor rounds twice at once."""
    mp = pytest.importorskip("mpmath").mp
    exact = {"exp2": lambda x: mp.mpf(2) ** x, "log2": lambda x: mp.log(x, 2), "cbrt": lambda x: mp.cbrt(abs(x))}
    exact |= {"gaussian": lambda x: mp.exp(-x * x / 2), "normal_cdf": mp.ncdf}
    units = 4 if name in ("erfc", "normal_cdf") else 3
    rng = random.Random(name)
    with mp.workdps(60):
        for low, high in RANGES[name]:
            for x in [rng.uniform(low, high) for _ in range(60)]:
                true = exact.get(name, getattr(mp, name, None))(mp.mpf(x))
                true = -true if name == "cbrt" and x < 0.0 else true
                error = abs(mp.mpf(getattr(elementary, name)(x)) - true)
                assert error <= units * max(math.ulp(float(true)), 5e-324), (name, x)


def test_sines_near_multiples_of_a_right_angle():
    """Where all leading digits cancel."""
    mp = pytest.importorskip("mpmath").mp
    with mp.workdps(60):
        for k in range(1, 300_000, 4999):
            x = float(mp.pi / 2 * k)
            for name in ("sin", "cos"):
                true = getattr(mp, name)(mp.mpf(x))
                assert abs(getattr(elementary, name)(x) - true) <= 3 * math.ulp(float(true)), (name, x)


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE.values() if hasattr(arithmetic, name)])
def test_functions_at_extremes(name):
    """As `arithmetic` has them; what raises in Python is what C gives there."""
    function = getattr(primitives, name, None) or getattr(elementary, name)
    arity = function.__code__.co_argcount
    points = EXTREMES if arity == 1 else FEW_EXTREMES
    for point in itertools.product(points, repeat=arity):
        if name in elementary.BOUNDED and not abs(point[0]) <= elementary.BOUND:
            continue
        try:
            with np.errstate(all="ignore"):
                actual = function(*point)
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        expected = getattr(arithmetic, name)(*point)
        np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=5e-324, err_msg=f"{name}{point}")


def test_the_polynomial_of_erfc_is_that_of_arrays():
    z = np.linspace(0.0, 28.0, 300)
    expected = arrays._scaled_erfc(z)
    np.testing.assert_allclose([elementary._scaled_erfc(x) for x in z.tolist()], expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["sin", "sinh", "tanh", "expm1", "tan", "arcsin", "arctan", "erf"])
def test_zero_keeps_its_sign(name):
    function = getattr(primitives, name, None) or getattr(elementary, name)
    assert math.copysign(1.0, function(-0.0)) == -1.0 == -math.copysign(1.0, function(0.0))


def test_the_bits_of_floats():
    for x in EXTREMES:
        n = elementary.bits(x)
        assert struct.pack("<d", elementary.from_bits(n)) == struct.pack("<q", n) == struct.pack("<d", x)


# Programs


def irregular(rng, size=400):
    parameters, inputs = values(rng, 6), values(rng, 4)
    return random_graph(rng, parameters, inputs, size), parameters, inputs


@needs_numba
@pytest.mark.parametrize("size", [5, 40, 400, pytest.param(3000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(3))
def test_batches_of_all_sizes(size, seed):
    """Blocks of every width, whole and in part, rows copied at a time and more."""
    rng = np.random.default_rng(seed)
    loss, parameters, inputs = irregular(rng, size)
    native, floats = (
        compile(loss, wrt=parameters, inputs=(inputs[:3], inputs[3]), backend=backend)
        for backend in ("native", "floats")
    )
    rows = 0.5 * rng.normal(size=(1030, 4))
    for batch in (1, 2, 7, 8, 9, 31, 64, 65, 129, 1023, 1024, 1025, 1030):
        actual = native(rows[:batch, :3], rows[:batch, 3])
        if batch < 130 or size == 40:
            expected = floats(rows[:batch, :3], rows[:batch, 3])
            assert_close(actual[0], expected[0])
            assert_close(actual[1], expected[1])
    assert native(rows[:1, :3], rows[:1, 3])[0] == native(rows[:1, :3], rows[:1, 3])[0]


@needs_numba
@pytest.mark.parametrize("batch", [1, 5, 200])
def test_predictions_of_all_rows(batch):
    rng = np.random.default_rng(3)
    x, w = values(rng, 3), [Value(0.3), Value(-0.7)]
    outputs = [autograd.softmax([w[0] * x[0], x[1], x[2]])[0], w[0] * w[1], x[2], autograd.logsumexp(x)]
    rows = rng.normal(size=(batch, 3))
    actual = compile(outputs, inputs=(x,), backend="native")(rows)
    np.testing.assert_allclose(actual, compile(outputs, inputs=(x,), backend="floats")(rows), rtol=1e-13)
    one = compile(outputs[0], inputs=(x,), backend="native")(rows)
    np.testing.assert_array_equal(one, actual[:, 0])


@needs_numba
def test_large_arguments_of_sines():
    """Alone and beside small ones in a block."""
    x = Value(1.0)
    rows = np.array([1e6, 0.5, -3e15, math.inf, math.nan, 499_999.0, 500_001.0, 1e300, -0.0, 2.0])
    for name in ("sin", "cos"):
        actual = compile(getattr(autograd, name)(x), inputs=(x,), backend="native")(rows)
        expected = [getattr(arithmetic, name)(each) for each in rows.tolist()]
        np.testing.assert_allclose(actual, expected, rtol=1e-15)


@needs_numba
def test_memory_is_for_blocks_only():
    rng = np.random.default_rng(0)
    loss, parameters, inputs = irregular(rng)
    step = compile(loss, wrt=parameters, inputs=(inputs,), backend="native")
    rows = rng.normal(size=(20_000, 4))
    step(rows[:2000])
    kernel = step._plan.on("native")
    before = sum(each.array.nbytes for each in kernel._numbers.values())
    step(rows)
    assert sum(each.array.nbytes for each in kernel._numbers.values()) == before < 4_000_000


@needs_numba
def test_float32_is_rounded_at_the_end():
    x, w = Value(1.0), Value(1e30)
    step = compile((w * x * w).log(), wrt=[w], inputs=(x,), dtype="float32", backend="native")
    value, gradient = step([1e20])
    assert value == pytest.approx(math.log(1e80), rel=1e-6)  # float32 cannot hold 1e80
    assert gradient.dtype == np.float32
    assert compile(w * x, inputs=(x,), dtype="float32", backend="native")([1e20]).tolist() == [math.inf]


# Tapes


TEXT = """\
for each row:
    v0 = x0
    v1 = x1
    v2 = 1.0 * 1.0
    v3 = p0 * v0 + p1 * v2 - v1
    v4 = scale * v3
    v5 = 2.0 * v4
    s0 += v3 * v3
    s1 += v5
    s2 += v5 * v0
t0 = s0 * scale
return t0, s2, s1
"""


@needs_numba
def test_the_text_of_a_tape():
    a, b, x, y = Value(2.0), Value(3.0), Value(0.0), Value(0.0)
    step = compile((a * x + b - y) ** 2, wrt=[a, b], inputs=(x, y), backend="native")
    assert step.source == TEXT


@needs_numba
def test_sums_of_totals_are_totals_of_sums():
    """A parameter that is used in many places has one sum over the rows."""
    w, x = Value(0.5), [Value(0.1) for _ in range(5)]
    step = compile(autograd.sum([(w * a).exp() for a in x]), wrt=[w], inputs=(x,), backend="native")
    assert step.source.count("s1 += ") == 1
    total = next(line for line in step.source.splitlines() if "s1 += " in line)
    assert total.count(" * ") == 5


@needs_numba
def test_runs_of_alike_instructions():
    x = [Value(0.1 * i) for i in range(40)]
    step = compile([autograd.sin(a * a) for a in x], inputs=(x,), backend="native")
    assert step([[0.5] * 40]).tolist() == [[math.sin(0.25)] * 40]
    code = step._plan.on("native")._tape.code
    begins, end = code[0], code[3]
    assert (end - begins) // 5 == 4  # in, squares, sines, out
    assert step._plan.on("native")._tape.layout.scalars % LANES == 0


def test_making_takes_time_in_proportion():
    """Calls of functions, counted for a graph and one four times as large."""
    counts = []
    for size in (500, 2000):
        rng = np.random.default_rng(1)
        loss, parameters, inputs = irregular(rng, size)
        calls = 0

        def count(frame, event, argument):
            nonlocal calls
            calls += event == "call"

        step = compile(loss, wrt=parameters, inputs=(inputs,), backend="native" if NATIVE else "floats")
        sys.setprofile(count)
        try:
            step([[0.5] * 4])
        finally:
            sys.setprofile(None)
        counts.append(calls)
    assert counts[1] < 5 * counts[0]


# When it runs


def many(size=300):
    w, x = [Value(0.01 * i) for i in range(5)], [Value(0.1), Value(0.2)]
    nodes = [*w, *x]
    rng = random.Random(0)
    for _ in range(size):
        a, b = rng.sample(nodes[-12:], 2)
        nodes.append(rng.choice([a * b, a + b, a.sin(), (a - b).tanh()]))
    return autograd.sum(nodes[-12:]), w, x


@needs_numba
def test_it_is_chosen_where_it_pays():
    loss, w, x = many(1000)
    assert "\n  native: " in repr(compile(loss, wrt=w, inputs=(x,)))
    assert "\n  native: " in repr(compile(loss, wrt=w))
    loss, w, x = many(20)
    assert "\n  native: " not in repr(compile(loss, wrt=w))  # one row, though many would pay
    weights = [[Value(0.1) for _ in range(30)] for _ in range(30)]
    x = [Value(0.1) for _ in range(30)]
    layer = [autograd.dot(row, x).tanh() for row in weights]
    assert "\n  native: " not in repr(
        compile(autograd.sum(layer), wrt=[w for row in weights for w in row], inputs=(x,))
    )


def test_without_numba(monkeypatch):
    monkeypatch.setattr(plan, "native_installed", lambda: False)
    monkeypatch.setattr(requests, "is_installed", lambda name: False)
    loss, w, x = many(1000)
    assert "one array per node: " in repr(compile(loss, wrt=w, inputs=(x,)))
    with pytest.raises(ImportError, match=r'needs the extra "native": pip install "chainrule\[native\]"'):
        compile(loss, wrt=w, inputs=(x,), backend="native")


@needs_numba
def test_a_formula_that_decides_by_if(monkeypatch):
    """It falls back, and says why."""
    own = operation(
        "branching in test_native",
        lambda m, x: x if x > 0 else 2.0 * x,
        lambda m, y, x: (1.0 if x > 0 else 2.0,),
    )
    loss, w, x = many(1000)
    step = compile(own(loss), wrt=w, inputs=(x,), backend="native")
    expected = compile(own(loss), wrt=w, inputs=(x,), backend="floats")([[0.3, 0.4]])
    assert_close(step([[0.3, 0.4]])[1], expected[1])
    assert "not native: the formula of 'branching in test_native' decides by Python's `if`" in repr(step)
    assert "\n  native: " not in repr(step)
    assert "def " in compile(own(loss), wrt=w, inputs=(x,)).source


@needs_numba
def test_a_formula_of_rows_is_lowered():
    own = operation(
        "rows in test_native",
        lambda m, x, y: m.where(m.step(x, y, 1.0), m.sin(x) * m.logsumexp([x, y]), m.erf(y) / x),
        lambda m, z, x, y: (m.where(m.step(x, y, 1.0), m.cos(x), y), m.max([x, y])),
    )
    rng = np.random.default_rng(5)
    w, x = values(rng, 2), values(rng, 2)
    loss = own(w[0] * x[0], w[1] + x[1])
    rows = rng.normal(size=(20, 2))
    native, floats = (compile(loss, wrt=w, inputs=(x,), backend=backend) for backend in ("native", "floats"))
    assert_close(native(rows)[1], floats(rows)[1])
    assert "not native" not in repr(native)


@needs_numba
def test_when_nothing_can_be_compiled(monkeypatch):
    """As where LLVM does not know the processor."""
    monkeypatch.setattr(machine_code, "_loaded", [])
    monkeypatch.setattr(machine_code, "_read", lambda key: None)
    monkeypatch.setattr(compilation, "compiled", lambda machine: 1 / 0)
    loss, w, x = many(1000)
    step = compile(loss, wrt=w, inputs=(x,))
    assert step([[0.1, 0.2]])[1].shape == (5,)
    assert "not native: numba cannot compile here: ZeroDivisionError: division by zero" in repr(step)


@needs_numba
@pytest.mark.parametrize(("is_terminal", "lines"), [(True, 1), (False, 0)])
def test_a_terminal_says_that_compiling_takes_time(is_terminal, lines, monkeypatch, capsys):
    monkeypatch.setattr(machine_code, "_loaded", [])
    monkeypatch.setattr(machine_code, "_read", lambda key: None)
    monkeypatch.setattr(compilation, "compiled", lambda machine: 1 / 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            machine_code.functions()
    assert capsys.readouterr().err.count("some ten seconds the first time\n") == lines


# Machine code in files


def test_files_that_are_not_whole_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_code, "_directories", lambda: [tmp_path / "missing" / "cache"])
    parts = [("one", b"\x00\x01\n"), ("two", b"more")]
    machine_code._write("key", parts)
    assert machine_code._read("key") == parts
    assert machine_code._read("other key") is None
    [file] = (tmp_path / "missing" / "cache").iterdir()
    whole = file.read_bytes()
    for content in (whole[:-1], b"", b"text", whole.replace(b"one", b"two")):
        file.write_bytes(content)
        assert machine_code._read("key") is None


def test_the_first_directory_that_can_be_written_is_taken(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(machine_code, "_directories", lambda: [tmp_path / "file" / "no", tmp_path / "yes"])
    machine_code._write("key", [("one", b"code")])
    assert (tmp_path / "yes").is_dir()
    monkeypatch.setattr(machine_code, "_directories", lambda: [tmp_path / "file" / "no"])
    machine_code._write("key", [("one", b"code")])  # nowhere: it is made again next time


def test_directories(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert [each.name for each in machine_code._directories()] == ["__pycache__", "chainrule"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert list(machine_code._directories()) == [tmp_path]


LOADING = """
import sys
from autograd import Value, compile
assert not {"numba", "llvmlite"} & set(sys.modules)
w, x = Value(1.5), Value(0.0)
assert compile((w * x).tanh(), wrt=[w], inputs=(x,), backend="native")([0.0, 0.0])[0] == 0.0
assert ("numba" in sys.modules) is (sys.argv[1] == "compiles")
"""


def run(*arguments, **environment):
    command = [sys.executable, "-W", "error", "-c", LOADING, *arguments]
    subprocess.run(command, check=True, timeout=600, env={**os.environ, **environment})


@needs_numba
def test_numba_is_not_imported_if_there_is_a_file():
    compile(Value(1.0).exp(), wrt=None, inputs=(), backend="native")()
    run("loads")


@needs_numba
@pytest.mark.slow
def test_numba_compiles_without_a_warning(tmp_path):
    """Once: the second process finds the file. Where none can be written it works too."""
    run("compiles", NUMBA_CACHE_DIR=str(tmp_path / "new"))
    run("loads", NUMBA_CACHE_DIR=str(tmp_path / "new"))
    (tmp_path / "file").touch()
    run("compiles", NUMBA_CACHE_DIR=str(tmp_path / "file"))


# Threads and processes


@needs_numba
def test_other_threads_run_meanwhile():
    """The engine lets go of Python's lock: a counter goes on while a long call runs."""
    rng = np.random.default_rng(0)
    loss, parameters, inputs = irregular(rng, 3000)
    step = compile(loss, wrt=parameters, inputs=(inputs,), backend="native")
    rows = rng.normal(size=(1024, 4))
    step(rows)
    counted, stop = [], threading.Event()

    def count():
        while not stop.is_set():
            counted.append(time.perf_counter())
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    kernel = step._plan.on("native")
    numbers = kernel._numbers[kernel._widest]
    inside = 0
    for _ in range(20):
        start = time.perf_counter()
        kernel._functions.run(numbers.address, numbers.code_address)
        end = time.perf_counter()
        inside += sum(start < each < end for each in counted[:])
    stop.set()
    thread.join()
    assert inside


FORKING = """
w, x = [Value(0.01 * i) for i in range(100)], [Value(0.0) for _ in range(100)]
step = compile((autograd.dot(w, x).tanh() + sum(w[:50])).exp(), wrt=w, inputs=(x,), backend="native")
others = []
"""


@needs_numba
@needs_fork
def test_children_of_a_busy_process():
    assert_children_compute(FORKING, rows=300)


def test_every_row_of_the_table_has_a_formula_or_a_function():
    """Operations that are neither a function here nor rewritten expand into those that are."""
    known = {row.name for row in ELEMENTWISE if isinstance(row, ops.Operation)}
    assert {"add", "exp", "where", "direction", "normal_cdf"} <= known <= set(ops.TABLE)
