"""Programs exported to JavaScript and C, run by node and by what gcc makes, against the compiled programs."""

import os
import random
import re
import shutil
import subprocess

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import compile_outputs, costs
from autograd.ops import TABLE
from autograd.value import apply

from .exported import LANGUAGES, STRICT, on_node, results
from .test_compiler import FORWARDED, OF_FORWARDED, assert_close, branching, cube, many, random_graph, values
from .test_compiler_hostile import structured_loss

inf, nan = float("inf"), float("nan")

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1.5, -2.5, 30.0, -30.0, 1e-9, 1e300, -1e10, inf, -inf, nan]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=["packed", pytest.param("one array per node", marks=pytest.mark.slow)])
def packing(request, monkeypatch):
    """Small graphs are packed only if they are told to be."""
    monkeypatch.setattr(costs, "choose", lambda *_: costs.Choice(request.param == "packed", 2))


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
    points = list(zip(*[table_of_operands(row, 40) for row in rows], strict=True))
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
@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 120), marks=pytest.mark.slow)], ids=["few", "all"])
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


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_operand_as_the_result(language, tmp_path, rng):
    programs, arrays = [], []
    for function in FORWARDED.values():
        for build in OF_FORWARDED.values():
            w, x = values(rng, 5), values(rng, 5)
            programs.append(compile(build(function, w, x), wrt=w, inputs=(x,)))
            programs.append(compile([function(x[i], x[0]) for i in (1, 4, 0, 3)], inputs=(x,)))
            arrays += [[rng.normal(size=(3, 5))]] * 2
    check(language, programs, arrays, tmp_path)


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_outputs_without_an_input(language, tmp_path):
    """All rows have the same, which is computed once."""
    a, b, x = Value(1.0), Value(2.0), Value(0.5)
    outputs = [[a.exp()], [autograd.sum([a, b])], [a.exp(), b * a], a * b, [a, a * b], [x]]
    programs = [compile(each, inputs=(x,)) for each in outputs]
    programs += [compile_outputs(each, [a, b], [x]) for each in outputs]
    check(language, programs, [[np.array([0.5, 0.25, 2.0])]] * len(programs), tmp_path)


def attention(rng, x, tokens=3, dimension=4):
    """A mean square after one head of causal attention among tokens, its parameters, and what it is the mean of."""
    query, key, value = ([values(rng, dimension) for _ in range(dimension)] for _ in range(3))
    rows = [x[i * dimension : (i + 1) * dimension] for i in range(tokens)]
    q, k, v = ([[autograd.dot(w, row) for w in weights] for row in rows] for weights in (query, key, value))
    out = []
    for i in range(tokens):
        shares = autograd.softmax([autograd.dot(q[i], each) for each in k[: i + 1]])
        out += [autograd.dot(shares, [each[d] for each in v[: i + 1]]) for d in range(dimension)]
    weights = [w for part in (query, key, value) for row in part for w in row]
    return autograd.mean([o.square() for o in out]), weights, out


def networks(rng):
    """Programs of networks with their arguments: a loss and its gradient, and the outputs."""
    x, target, tokens = values(rng, 4), [Value(1.0), Value(0.0), Value(0.0)], values(rng, 12)
    arrays = [rng.normal(size=(5, 4)), np.eye(3)[rng.integers(0, 3, 5)]]
    for activation in ("relu", "gelu", "tanh"):
        model = nn.MLP([4, 6, 3], activation=activation, rng=rng)
        parameters = list(model.parameters())
        yield compile(nn.cross_entropy(model(x), target), wrt=parameters, inputs=(x, target)), arrays
        yield compile(nn.softmax(model(x)), inputs=(x,)), arrays[:1]
    loss, parameters, _ = attention(rng, tokens)
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
def test_parameters_of_a_program_of_outputs(language, rng, tmp_path):
    x, model = values(rng, 3), nn.Linear(3, 2, rng=rng)
    program = compile_outputs(model(x), list(model.parameters()), (x,))
    check(language, [program], [[rng.normal(size=(4, 3))]], tmp_path)


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


# What users call


@pytest.fixture
def trained(rng):
    """A program of a loss and its gradient, with its arguments."""
    model = nn.MLP([2, 3, 1], activation="tanh", rng=rng)
    x, y = values(rng, 2), Value(0.0)
    step = compile(nn.ssr(model(x), [y]), wrt=list(model.parameters()), inputs=(x, y))
    return step, [rng.normal(size=(5, 2)), rng.normal(size=5)]


needs_node = LANGUAGES[0].marks[0]
needs_gcc = LANGUAGES[1].marks[0]


@needs_node
def test_training_in_javascript(trained, tmp_path):
    step, (x, y) = trained
    step.save_source(tmp_path / "net.js")
    found = on_node(
        f'import {{ theta, train }} from "{tmp_path}/net.js";\n'
        f"const losses = train([{x.tolist()}, Float64Array.from({y.tolist()})], {{ learningRate: 0.1, steps: 4 }});\n"
        "console.log(JSON.stringify([losses, Array.from(theta), theta instanceof Float64Array]));"
    )
    losses = []
    for _ in range(4):
        loss, gradient = step(x, y)
        losses.append(loss)
        step.theta -= 0.1 * gradient
    assert_close(found[0], losses)
    assert_close(found[1], step.theta)
    assert found[2]


WRONG_CALLS = [
    ("m.step([[1, 2]])", "TypeError: expected 2 arrays with one row per observation, got 1"),
    ("m.step([[1, 2]], 3)", "TypeError: argument 1 must be an array with one row per observation, got a number"),
    ("m.step([[1, 2]], null)", "got null"),
    ("m.step([[1, 2, 3]], [1])", "TypeError: row 0 of argument 0 must be an array of 2 numbers, got an array of 3"),
    ("m.step([1, 2], [1, 2])", "TypeError: row 0 of argument 0 must be an array of 2 numbers, got a number"),
    ("m.step([[1, '2']], [1])", "TypeError: row 0 of argument 0 must hold numbers, got a string"),
    ("m.step([[1, 2]], [[1]])", "TypeError: row 0 of argument 1 must hold numbers, got an array of 1"),
    ("m.step([new BigInt64Array(2)], [1])", "TypeError: row 0 of argument 0 must hold numbers, got a bigint"),
    ("m.step([[1, , 2].slice(0, 2)], [1])", "TypeError: row 0 of argument 0 must hold numbers, got undefined"),
    ("m.step([[1, 2], [1, 2]], [1, true])", "TypeError: row 1 of argument 1 must hold numbers, got a boolean"),
    ("m.step([], [])", "RangeError: argument 0 must have at least one row"),
    ("m.step([[1, 2]], [1, 2])", "RangeError: argument 1 has 2 rows, but argument 0 has 1"),
    ("m.train([[1, 2]], { learningRate: 1, steps: 1 })", "TypeError: expected 2 arrays"),
    ("m.train({}, { learningRate: 1, steps: 1 })", "TypeError: inputs must be an array of the arguments of step"),
    ("m.train([[[1, 2]], [1]])", "TypeError: learningRate must be a number, got undefined"),
    ("m.train([[[1, 2]], [1]], { learningRate: 1, steps: 1.5 })", "TypeError: steps must be a whole number, got 1.5"),
]


@needs_node
def test_javascript_says_what_is_wrong_with_a_call(trained, tmp_path):
    trained[0].save_source(tmp_path / "net.js")
    lines = [f'import * as m from "{tmp_path}/net.js";', "const found = [];"]
    lines += [
        f"try {{ found.push({call}); }} catch (error) {{ found.push(String(error)); }}" for call, _ in WRONG_CALLS
    ]
    for found, (call, message) in zip(
        on_node("\n".join([*lines, "console.log(JSON.stringify(found));"])), WRONG_CALLS, strict=True
    ):
        assert message in str(found), call


def test_a_script_exports_nothing(trained):
    text = trained[0].exports.javascript(module=False)
    assert "export" not in text
    assert "\nfunction step(x0, x1) {" in text


@needs_gcc
@pytest.mark.skipif(shutil.which("size") is None, reason="needs size, of the binutils")
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_the_stated_size_is_about_right(dtype, rng, tmp_path):
    """The code for a factor of 2, the state but for what a compiler adds to align it."""
    x = values(rng, 8)
    networks = [nn.MLP([8, 12, 3], activation=activation, rng=rng) for activation in ("relu", "gelu", "sigmoid")]
    for number, model in enumerate(networks):
        loss = nn.cross_entropy(model(x), [Value(1.0), Value(0.0), Value(0.0)])
        for name, wrt, outputs in (("step", list(model.parameters()), loss), ("predict", None, model(x))):
            path = tmp_path / f"{name}{number}.c"
            compile(outputs, wrt=wrt, inputs=(x,), dtype=dtype).save_source(path)
            subprocess.run(["gcc", *STRICT, "-Os", "-c", str(path), "-o", str(path.with_suffix(".o"))], check=True)
            sizes = subprocess.run(["size", str(path.with_suffix(".o"))], capture_output=True, text=True, check=True)
            text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
            head = " ".join(path.read_text().split("*/")[0].split())
            code, state = (int(found.replace(",", "")) for found in re.findall(r"([\d,]+) bytes of", head))
            assert 0.5 * text < code < 2.0 * text
            assert state <= data + bss < state + 64


@pytest.mark.parametrize(
    ("stem", "name"), [("net", "net"), ("my-net 2", "my_net_2"), ("v1.5", "v1_5"), ("Sin", "Sin"), ("int", "int")]
)
def test_names_of_a_c_module(stem, name, trained, tmp_path):
    trained[0].save_source(tmp_path / f"{stem}.c")
    text = (tmp_path / f"{stem}.c").read_text()
    assert f"extern double {name}_theta[13];" in text
    assert f"double {name}_step(const double *x0, const double *x1, size_t batch, double *gradient);" in text


@pytest.mark.parametrize("stem", ["3d", "_net", "réseau", "a+b", "日本"])
def test_a_name_that_no_function_can_begin_with(stem, trained, tmp_path):
    with pytest.raises(
        ValueError, match=r"^save_source: functions of a C module begin with its file's name, so this must"
    ):
        trained[0].save_source(tmp_path / f"{stem}.c")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["net", "net.txt", "net.PY", "net.js.gz", ".js", "net.onnx"])
def test_an_unknown_suffix(name, trained, tmp_path):
    with pytest.raises(ValueError, match=r"^save_source: path must end in \.py, \.js or \.c, got "):
        trained[0].save_source(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".js", ".c", ".onnx"])
def test_an_operation_without_text(suffix, tmp_path):
    x = Value(2.0)
    program = compile(branching(x, x), inputs=(x,))
    with pytest.raises(ValueError, match="cannot be saved: the formula of <operation branching"):
        (program.save_onnx if suffix == ".onnx" else program.save_source)(tmp_path / f"never{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".js", ".c", ".onnx"])
def test_files_are_written_whole_or_not_at_all(suffix, trained, tmp_path, monkeypatch):
    def full(number):
        raise OSError("no space left on device")

    if suffix == ".onnx":
        pytest.importorskip("onnx")
    x = Value(2.0)
    program, path = compile(x.exp(), inputs=(x,)), tmp_path / f"net{suffix}"
    path.write_text("as before")
    save = program.save_onnx if suffix == ".onnx" else program.save_source
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            save(path)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["as before"]
    save(path)
    assert path.read_bytes() != b"as before"


def test_a_text_is_the_same_in_every_program(rng):
    model, x = nn.MLP([3, 4, 2], activation="gelu", rng=rng), values(rng, 3)
    first, second = (compile(model(x), inputs=(x,)).exports for _ in range(2))
    assert first.javascript() == second.javascript()
    assert first.c("net") == second.c("net")


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_large_network(language, rng, tmp_path):
    """784-50-10, as for pictures of digits: a few loops."""
    model, x, target = nn.MLP([784, 50, 10], activation="relu", rng=rng), values(rng, 784), values(rng, 10)
    loss = nn.cross_entropy(model(x), target)
    step = compile(loss, wrt=list(model.parameters()), inputs=(x, target))
    arrays = [rng.normal(size=(4, 784)), rng.uniform(size=(4, 10))]
    check(language, [step], [arrays], tmp_path)
    code = (tmp_path / f"case0.{language}").read_text()
    assert len(code) < 1_000_000
    assert len([line for line in code.splitlines() if not re.match(r"[- \d.,e]*$", line)]) < 250


# Few loops and little memory


def exported_c(program):
    """The text and the number of elements of working memory."""
    text = program.exports.c("net")
    work = re.search(r"static double work\[(\d+)\];", text)
    return text, int(work[1]) if work else 0


def test_a_layer_is_one_loop(rng):
    model, x = nn.MLP([8, 6, 5, 3], activation="tanh", rng=rng), values(rng, 8)
    text, work = exported_c(compile_outputs(model(x), list(model.parameters()), (x,)))
    assert text.count("for (size_t i") == 3
    assert work == 6 + 5


def test_arrays_share_memory(rng):
    """Of ten layers, one after the other, two are needed at a time."""
    model, x = nn.MLP([4, *[5] * 10, 1], activation="relu", rng=rng), values(rng, 4)
    assert exported_c(compile(model(x), inputs=(x,)))[1] == 10


def test_gradients_are_added_up_where_the_caller_wants_them(rng):
    """So the memory is that of the layers, however many weights these have."""
    model, x, y = nn.MLP([100, 20, 1], activation="tanh", rng=rng), values(rng, 100), Value(0.0)
    text, work = exported_c(compile(nn.ssr(model(x), [y]), wrt=list(model.parameters()), inputs=(x, y)))
    assert work <= 3 * 20
    assert "gradient[100 * i + j] += " in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_loops_do_not_merge_with_the_sum_that_they_need(language, rng, tmp_path):
    """Numbers over their sum; weights that are prepared before the rows, and needed for all of these."""
    x, w = values(rng, 6), values(rng, 6)
    e = [a.exp() for a in x]
    prepared = [a.tanh() for a in w]
    hidden = [(a * b).tanh() for a, b in zip(x, prepared, strict=True)]
    later = [(a * b).sigmoid() for a, b in zip(hidden, hidden[::-1], strict=True)]
    last = [(a * b).exp() for a, b in zip(later, later[::-1], strict=True)]
    total = autograd.sum(e)
    programs = [
        compile([a / total for a in e], inputs=(x,), backend="arrays"),
        compile(autograd.dot(last, last[::-1]), wrt=w, inputs=(x,), backend="arrays"),
    ]
    check(language, programs, [[rng.normal(size=(3, 6))]] * 2, tmp_path)


def test_loops_do_not_merge_over_what_needs_all_elements(rng):
    """Each result reads all of the layer before it, or its neighbour: that comes after the loop."""
    x = values(rng, 6)
    h = [a.tanh() for a in x]
    g = [a * b for a, b in zip(h, h[::-1], strict=True)]
    text, work = exported_c(compile([*g, autograd.logsumexp(h)], inputs=(x,)))
    assert work == 6
    assert text.count("for (size_t i = 0; i < 6; i++)") == 2


# Rows of several lengths, and infinities in rows


def ragged(rng, x):
    """Outputs of rows of several lengths, which pack into one array with gaps: causal attention, and what follows."""
    loss, parameters, _ = attention(rng, x)
    rows = [x[: i + 2] for i in range(6)]
    outputs = [autograd.max([a.tanh() for a in row]) for row in rows]
    outputs += [nn.log_softmax([a * 2.0 for a in row])[0] for row in rows]
    outputs += [autograd.logsumexp(row) * autograd.mean(row) for row in rows]
    return loss, parameters, outputs


BAD_ROWS = np.array(
    [[1, inf, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8], [-inf, 0, 1, inf] * 3, [nan, 1, -inf, 2] * 3, [inf] * 12, [-inf] * 12]
)


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_of_several_lengths(language, rng, tmp_path):
    x = values(rng, 12)
    loss, parameters, outputs = ragged(rng, x)
    programs = [compile(loss, wrt=parameters, inputs=(x,)), compile(outputs, inputs=(x,))]
    programs.append(compile(autograd.sum(outputs) * parameters[0], wrt=parameters[:1], inputs=(x,)))
    check(language, programs, [[rng.normal(size=(4, 12))]] * 3, tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_masked_infinity(language, rng, tmp_path):
    """Tokens do not see the last one, which is infinite."""
    x, rows = values(rng, 48), rng.normal(size=(2, 48))
    rows[:, -1] = inf
    program = compile(attention(rng, x, 12)[2], inputs=(x,), backend="arrays")
    assert np.isfinite(program(rows)[:, :44]).all()
    assert not np.isfinite(program(rows)[:, 44:]).any()
    check(language, [program], [[rows]], tmp_path)


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_loss_that_is_read_from_arrays(language, tmp_path):
    """They may have been overwritten by the gradient when the loss is returned."""
    x, y = Value(1.1), Value(-0.3)
    programs = []
    for function in (autograd.softmax, nn.log_softmax):
        a, b = function([x * y, x])
        programs += [compile(loss, wrt=[x, y]) for loss in (a * 2 + b * 3, b.tanh(), a)]
    check(language, programs, [[]] * len(programs), tmp_path)


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_infinities_in_rows(language, rng, tmp_path):
    """Shares, their logarithms and sums of exponentials, and the gradients of all; masked infinities among them."""
    w, x = [Value(0.1 * i) for i in range(12)], values(rng, 12)
    rows = [w[i : i + 3] for i in range(0, 12, 3)]
    losses = [
        autograd.sum([a * b for row in rows for a, b in zip(x, function(row), strict=False)])
        for function in (autograd.softmax, nn.log_softmax, lambda row: [autograd.logsumexp(row), autograd.max(row)])
    ]
    programs = [compile(loss, wrt=w, inputs=(x,)) for loss in [*losses, ragged(rng, w)[0]]]
    programs.append(compile(ragged(rng, x)[2], inputs=(x,)))
    given = [rng.normal(size=(2, 12))]
    calls = [[(row, given) for row in BAD_ROWS]] * 4 + [[([], [BAD_ROWS])]]
    for program, each, found in zip(programs, calls, results(language, programs, calls, tmp_path), strict=True):
        for (theta, arrays), got in zip(each, found, strict=True):
            program.theta = theta
            assert_agree(got, program(*arrays))
