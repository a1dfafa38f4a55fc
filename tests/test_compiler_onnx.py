"""Programs as models of ONNX, checked by onnx and run by ONNX Runtime, against the compiled programs."""

import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile
from autograd.compiler import compile_outputs
from autograd.ops import TABLE
from autograd.value import apply

from .test_compiler import assert_close, cube, many, random_graph, values
from .test_compiler_exports import BAD_ROWS, attention, packing, ragged, same, table_of_operands, width
from .test_compiler_hostile import structured_loss

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

__all__ = ["packing"]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def run(program, arrays, path):
    """What the exported model gives."""
    program.save_onnx(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    given = {f"x{k}": np.asarray(array, program.theta.dtype) for k, array in enumerate(arrays)}
    taken = {each.name for each in session.get_inputs()}
    [outputs] = session.run(["outputs"], {name: array for name, array in given.items() if name in taken})
    return outputs


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("copies", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_every_operation(copies, tmp_path):
    rows = [row for row in TABLE.values() for _ in range(copies)]
    x = [[Value(0.5) for _ in range(width(row))] for row in rows]
    flat = [each for part in x for each in part]
    outputs = [apply(row, *part) for row, part in zip(rows, x, strict=True)]
    predict = compile(outputs, inputs=(flat,), backend="arrays")
    points = list(zip(*[table_of_operands(row, 40) for row in rows], strict=True))
    batch = np.array([[number for part in point for number in part] for point in points])
    found = run(predict, [batch], tmp_path / "table.onnx")
    for row, *columns in zip(rows, found.T, predict(batch).T, strict=True):
        same(*columns, [row.name] * len(batch))


def check(programs, arrays, tmp_path):
    for program, given in zip(programs, arrays, strict=True):
        assert_close(run(program, given, tmp_path / "model.onnx"), program(*given))


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 120), marks=pytest.mark.slow)], ids=["few", "all"])
def test_random_graphs(seeds, tmp_path):
    programs, arrays = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        pool, x, y = values(rng, 30), values(rng, 4), values(rng, 1)[0]
        loss = structured_loss(rng, pool, [x, [y]]) if seed % 2 else random_graph(rng, pool[:5], [*x, y], 40)
        programs.append(compile([loss, x[1], loss * 2.0] if seed % 4 else loss, inputs=(x, y)))
        arrays.append([rng.normal(size=(3, 4)), rng.normal(size=3)])
    check(programs, arrays, tmp_path)


def test_a_runtime_has_no_constants_to_warn_of(tmp_path):
    x = [Value(0.0), Value(0.0)]
    compile(nn.MLP([2, 3, 2], seed=0)(x), inputs=(x,)).save_onnx(tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert {each.name for each in graph.initializer} <= {name for node in graph.node for name in node.input}


def test_networks(rng, tmp_path):
    x, tokens, target = values(rng, 4), values(rng, 12), values(rng, 3)
    programs, arrays = [], []
    for activation in ("relu", "gelu", "tanh", "softplus"):
        model = nn.MLP([4, 6, 5, 3], activation=activation, rng=rng)
        programs += [
            compile(nn.softmax(model(x)), inputs=(x,)),
            compile(nn.cross_entropy(model(x), target), inputs=(x, target)),
        ]
        arrays += [[rng.normal(size=(5, 4))], [rng.normal(size=(5, 4)), rng.uniform(size=(5, 3))]]
    programs.append(compile(attention(rng, tokens)[0], inputs=(tokens,)))
    arrays.append([rng.normal(size=(4, 12))])
    kernel = values(rng, 3)
    windows = [autograd.dot(kernel, tokens[i : i + 3]).tanh() for i in range(10)]
    programs.append(compile([autograd.max(windows), autograd.prod(windows), autograd.min(windows)], inputs=(tokens,)))
    arrays.append(arrays[-1])
    check(programs, arrays, tmp_path)


def test_operations_of_ones_own(rng, tmp_path):
    x = values(rng, 3)
    check([compile([cube(x[0]), many(*x, 1.0)], inputs=(x,))], [[rng.normal(size=(5, 3))]], tmp_path)


def test_what_depends_on_little(rng, tmp_path):
    x, y = values(rng, 2), Value(0.5)
    programs = [
        compile([y * 2.0, Value(3.0) * 1.0, x[1]], inputs=(x, y)),
        compile(Value(4.0) + 0.0, inputs=(x,)),
        compile([Value(4.0) + 0.0, Value(2.0) * 1.0], inputs=(x,)),
        compile([x[0].exp(), x[1]]),
        compile(x[0].exp()),
    ]
    rows = rng.normal(size=(3, 2))
    check(programs, [[rows, rng.normal(size=3)], [rows], [rows], [], []], tmp_path)


def test_infinite_shares(tmp_path):
    x = [Value(0.1 * i) for i in range(3)]
    rows = np.array([[1, np.inf, 2], [-np.inf, 0, np.inf], [np.inf, np.inf, 0], [-np.inf] * 3, [np.nan, 1, np.inf]])
    program = compile([*autograd.softmax(x), autograd.logsumexp(x)], inputs=(x,))
    np.testing.assert_array_equal(run(program, [rows], tmp_path / "m.onnx"), program(rows))


@pytest.mark.usefixtures("packing")
def test_all_logarithms_of_shares(rng, tmp_path):
    x = values(rng, 5)
    check([compile(nn.log_softmax([z.tanh() for z in x]), inputs=(x,))], [[rng.normal(size=(4, 5))]], tmp_path)


@pytest.mark.usefixtures("packing")
def test_rows_of_several_lengths_and_infinities(rng, tmp_path):
    x = values(rng, 12)
    loss, _, outputs = ragged(rng, x)
    check([compile([loss, *outputs], inputs=(x,))], [[rng.normal(size=(4, 12))]], tmp_path)
    check([compile(loss, inputs=(x,)), compile(outputs, inputs=(x,))], [[BAD_ROWS]] * 2, tmp_path)


def test_float32(rng, tmp_path):
    x = values(rng, 4)
    program = compile(nn.MLP([4, 6, 3], activation="gelu", rng=rng)(x), inputs=(x,), dtype="float32")
    rows = rng.normal(size=(5, 4))
    found = run(program, [rows], tmp_path / "m.onnx")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, program(rows), rtol=1e-5, atol=1e-6)


def test_a_layer_is_a_product_of_matrices(rng, tmp_path):
    import onnx

    x, model = values(rng, 4), nn.MLP([4, 6, 3], activation="relu", rng=rng)
    for parameter in model.parameters():
        parameter.data += 0.1
    program = compile(model(x), inputs=(x,))
    program.save_onnx(tmp_path / "m.onnx")
    graph = onnx.load(tmp_path / "m.onnx").graph
    kinds = [node.op_type for node in graph.node if node.op_type != "Gather"]
    assert kinds == ["MatMul", "Add", "Relu", "MatMul", "Add", "Identity"]
    assert [each.name for each in graph.input] == ["x0"]
    assert [each.dim_param or each.dim_value for each in graph.input[0].type.tensor_type.shape.dim] == ["batch", 4]


def test_a_program_with_a_gradient_is_refused(tmp_path):
    w = Value(2.0)
    with pytest.raises(TypeError, match=r"^save_onnx: ONNX is for outputs, .*; compile what to predict without wrt"):
        compile(w.exp(), wrt=[w]).save_onnx(tmp_path / "never.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["net", "net.js", "net.onnx.gz"])
def test_another_suffix_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"^save_onnx: path must end in \.onnx, got "):
        compile(Value(2.0).exp()).save_onnx(tmp_path / name)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'the extra "onnx": pip install "chainrule\[onnx\]"'):
        compile(Value(2.0).exp()).save_onnx(tmp_path / "never.onnx")
    assert not list(tmp_path.iterdir())


def test_parameters_of_a_program_of_outputs(rng, tmp_path):
    """They are constants of the model, as they are when it is saved."""
    x, model = values(rng, 3), nn.Linear(3, 2, rng=rng)
    program = compile_outputs(model(x), list(model.parameters()), (x,))
    rows = rng.normal(size=(4, 3))
    program.theta += 1.0
    assert_close(run(program, [rows], tmp_path / "m.onnx"), program(rows))
