"""`backend="jax"` and `to_jax`: the same numbers, under all of JAX's transformations."""

import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile, operation, ops
from autograd.compiler.engines.jax_text import jax_text
from autograd.compiler.ir import Builder, View
from autograd.value import apply
from tests import test_compiler as cases
from tests.test_compiler_exports import attention

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'chainrule[jax]'")
import jax.numpy as jnp  # noqa: E402

SMALLEST = np.finfo(float).tiny  # below it, XLA takes numbers for 0


@pytest.fixture(autouse=True)
def settings(request):
    """64 bits; and XLA's passes, which take it most of the time, only in slow tests."""
    before = jax.config.jax_enable_x64
    is_slow = request.node.get_closest_marker("slow") is not None
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_disable_most_optimizations", not is_slow)
    yield
    jax.config.update("jax_enable_x64", before)
    jax.config.update("jax_disable_most_optimizations", False)


def classifier(seed=0, **options):
    """A loss, its parameters, placeholders and rows."""
    rng = np.random.default_rng(seed)
    model = nn.MLP([2, 5, 3], activation="softplus", rng=rng)
    x, y = [Value(0.1), Value(0.2)], [Value(1.0), Value(0.0), Value(0.0)]
    step = compile(nn.cross_entropy(model(x), y), wrt=list(model.parameters()), inputs=(x, y), **options)
    return step, (rng.normal(size=(12, 2)), np.eye(3)[rng.integers(0, 3, 12)])


def attending(seed=0):
    """The same of causal attention, whose sums are of several lengths."""
    rng = np.random.default_rng(seed)
    x = cases.values(rng, 12)
    loss, weights, _ = attention(rng, x)
    return compile(loss, wrt=weights, inputs=(x,)), (rng.normal(size=(12, 12)),)


# Operations

ROWS = [row for row in ops.TABLE.values() if row is not ops.dot]
EXTREMES = [x for x in cases.EXTREMES if x == 0 or not abs(x) < SMALLEST]


def arities(row):
    if row in (ops.leaky_relu, ops.elu):
        return [1, 2]
    return [1, 2, 3] if row.arity is None else [row.arity]


def domain(row, arity):
    return [row.domain[min(i, len(row.domain) - 1)] for i in range(arity)]


def assert_same(actual, expected, tolerance=1e-12):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=SMALLEST)


def test_every_operation_and_its_derivative_by_jax():
    """In one program, with operands of their own."""
    rng = np.random.default_rng(1)
    uses = [(row, arity) for row in ROWS for arity in arities(row)]
    leaves = [Value(rng.uniform(*interval)) for use in uses for interval in domain(*use)]
    start = np.cumsum([0, *[arity for _, arity in uses]])
    outputs = [apply(row, *leaves[i : i + arity]) for i, (row, arity) in zip(start, uses, strict=False)]
    predict = compile(outputs, inputs=(leaves,))
    function = predict.to_jax()

    def total(row):
        results = function(predict.theta, row[None])
        return results.sum(), results

    slopes, results = jax.jit(jax.grad(total, has_aux=True))(np.array([leaf.data for leaf in leaves]))
    autograd.sum(outputs).backward()
    assert_same(results[0], [output.data for output in outputs])
    assert_same(slopes, [leaf.grad for leaf in leaves])


def tame(row, point):
    """Whether XLA, which divides by a product instead of dividing twice, neither overflows nor underflows."""
    return row is not ops.div or all(x == 0 or not math.isfinite(x) or 1e-150 < abs(x) < 1e150 for x in point)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_operation_at_extremes(row):
    """Value, gradient and JAX's own derivative: nan, infinities and conventions at kinks."""
    subnormal_slope = {ops.elu: -745.0, ops.pow: 1.7e308}.get(row, math.nan)  # of one factor of it
    for arity in arities(row):
        grid = itertools.product(EXTREMES if arity < 3 else cases.FEW_EXTREMES, repeat=arity)
        points = [point for point in grid if tame(row, point) and point[0] != subnormal_slope]
        expected = []
        for point in points:
            leaves = [Value(x) for x in point]
            value, gradient = cases.eager(apply(row, *leaves), leaves)
            expected.append([value, *gradient])
        leaves = [Value(1.5) for _ in range(arity)]
        function = jax.vmap(compile(apply(row, *leaves), wrt=leaves).to_jax())
        value, gradient = jax.jit(function)(np.array(points))
        assert_same(np.column_stack([value, gradient]), expected)
        slopes = jax.jit(jax.grad(lambda thetas, function=function: function(thetas)[0].sum()))(np.array(points))
        assert_same(slopes, gradient)


def test_conventions_at_kinks():
    """All at once: each row of the Jacobian is one function's."""
    w, names = Value(0.0), ["relu", "abs", "leaky_relu", "sign", "floor"]
    predict = compile([getattr(autograd, name)(w) for name in names], inputs=(w,))
    function = predict.to_jax()
    slopes = jax.jit(jax.jacobian(lambda x: function(predict.theta, x)[0]))(np.zeros(1))
    assert slopes[:, 0].tolist() == [autograd.grad(getattr(autograd, name))(0.0) for name in names]


def spread(array, axes, labels):
    """The array with an axis for each label."""
    ordered = array.transpose([axes.index(label) for label in labels if label in axes])
    return np.expand_dims(ordered, tuple([i for i, label in enumerate(labels) if label not in axes]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("spec", ["blk,brk,rk->brl", "brl,brk,rl->blk", "lk,brk,lk->brl", "brl,brk,rk->lk"])
def test_masked_products(spec, dtype):
    """Where factors of a sum are infinite, of either sign, nan or 0, those that do not count among them."""
    from autograd.compiler.jax_numbers import masked_products

    rng = np.random.default_rng(0)
    *axes, of_mask, result = spec.replace("->", ",").split(",")
    labels = result + "".join(sorted(set("brlk") - set(result)))
    lengths = dict(zip("brlk", (9, 4, 5, 6), strict=True))
    factors = [rng.normal(size=[lengths[label] for label in each]).astype(dtype) for each in axes]
    for factor in factors:
        strange = rng.random(factor.shape) < 0.02
        factor[strange] = rng.choice([math.inf, -math.inf, math.nan, 0.0], strange.sum())
    mask = rng.random([lengths[label] for label in of_mask]) < 0.6
    masked = 0 if set(of_mask) <= set(axes[0]) else 1
    factors[masked] = np.where(spread(mask, of_mask, axes[masked]), factors[masked], 0.0).astype(dtype)
    x, y = factors
    with np.errstate(invalid="ignore"):
        products = spread(x, axes[0], labels) * spread(y, axes[1], labels)
    counting = np.where(spread(mask, of_mask, labels), products, 0.0)
    expected = counting.sum(axis=tuple(range(len(result), 4)))
    assert 0 < np.isfinite(expected).sum() < expected.size
    found = masked_products(spec, jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask.astype(dtype)))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-4 if dtype == "float32" else 1e-11, atol=1e-5)


# The function


@pytest.mark.parametrize("made", [classifier, attending])
def test_the_function_under_transformations(made):
    step, data = made()
    function = step.to_jax()
    value, gradient = step(*data)

    @jax.jit
    def under_all(theta, tangent):
        loss = lambda theta: function(theta, *data)[0]  # noqa: E731
        thetas = jnp.stack([theta, 2.0 * theta])
        many = jax.vmap(function, (0, *[None] * len(data)))(thetas, *data)
        together = jax.grad(lambda thetas: jax.vmap(loss)(thetas).sum())(thetas)
        by_jax, bent = jax.jvp(jax.grad(loss), (theta,), (tangent,))
        return function(theta, *data), many, together, by_jax, jax.jvp(loss, (theta,), (tangent,))[1], bent

    theta, tangent = step.theta.copy(), np.linspace(-1.0, 1.0, gradient.size)
    alone, (values, gradients), together, by_jax, along, bent = under_all(jnp.array(step.theta), tangent)
    assert all(isinstance(each, jax.Array) and each.dtype == "float64" for each in alone)
    cases.assert_close(values, [alone[0], compiled_at(step, 2.0 * step.theta, data)[0]])
    for slopes in (alone[1], gradients[0], together[0], by_jax):
        cases.assert_close(slopes, gradient)
    cases.assert_close(alone[0], value)
    cases.assert_close(along, tangent @ gradient)
    ahead, behind = [compiled_at(step, theta + sign * tangent, data)[1] for sign in (1e-5, -1e-5)]
    np.testing.assert_allclose(bent, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-9)


def compiled_at(step, theta, data):
    step.theta = theta
    return step(*data)


@pytest.mark.slow
def test_second_derivatives():
    """Also by the arrays, and at a kink, where the library's slope of relu is flat."""
    w, x = Value(0.5), Value(0.0)
    build = autograd.relu(w * x).square() + autograd.sigmoid(w + x * x)
    function = compile(build, wrt=[w], inputs=(x,)).to_jax()

    def value(w, x):
        return function(jnp.array([w]), jnp.array([x]))[0]

    second = jax.jit(jax.grad(jax.grad(value), (0, 1)))
    for at in (0.0, 1.3, -0.4):
        leaves = [Value(0.5), Value(at)]
        y = autograd.relu(leaves[0] * leaves[1]).square() + autograd.sigmoid(leaves[0] + leaves[1] * leaves[1])
        expected = [d.data for d in autograd.derivative(autograd.derivative(y, leaves[0]), leaves)]
        assert_same(second(0.5, at), expected)


def test_the_type_is_that_of_theta():
    step, data = classifier()
    function = jax.jit(step.to_jax())
    shapes = jax.eval_shape(function, jnp.asarray(step.theta, "float16"), *data)
    assert [each.dtype for each in shapes] == ["float16", "float16"]
    assert repr(step.to_jax()) == "<function for JAX of arrays with shapes (33,), (batch, 2), (batch, 3)>"
    jax.config.update("jax_enable_x64", False)
    value, gradient = function(step.theta, *data)
    assert value.dtype == gradient.dtype == "float32"
    np.testing.assert_allclose(gradient, step(*data)[1], atol=1e-6)


def test_outputs():
    w, x = Value(2.0), [Value(0.0), Value(1.0)]
    rows = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]])
    for outputs in (w * x[0], [w * x[0], x[1], w * 3.0], w * 3.0):
        predict = compile(outputs, inputs=(x,))
        result = jax.jit(predict.to_jax())(predict.theta, rows)
        np.testing.assert_array_equal(result, predict(rows))
    value, gradient = compile(w * w, wrt=[w]).to_jax()(np.array([3.0]))
    assert (value, gradient.tolist()) == (9.0, [6.0])


def test_what_the_function_refuses():
    step, (x, y) = classifier()
    function = step.to_jax()
    for arguments, message in (
        ((x,), "this program takes 2 arrays, one for each element of `inputs`; got 1"),
        ((x, y[:3]), "argument 1 has 3 rows, but argument 0 has 12"),
        ((x[:, 0], y), "argument 0 must have shape (batch, 2) with at least one row, got (12,)"),
        ((x[:0], y[:0]), "argument 0 must have shape (batch, 2) with at least one row, got (0, 2)"),
        ((x + 1j, y), "argument 0 must hold real numbers, got dtype complex128"),
    ):
        for run in (function, jax.jit(function)):
            with pytest.raises((TypeError, ValueError)) as caught:
                run(step.theta, *arguments)
            assert str(caught.value).startswith(message)
    with pytest.raises(ValueError, match=r"theta must be a vector of 33 numbers, got shape \(3,\)"):
        function(step.theta[:3], x, y)


@pytest.mark.slow
def test_optimisers_of_both_worlds():
    """Those of optax drive the function, those of nn a program with this backend; they go the same way."""
    optax = pytest.importorskip("optax")
    step, data = classifier(backend="jax")
    theta = jnp.array(step.theta)
    ours = nn.Adam([Value(x) for x in step.theta.tolist()], lr=0.01)
    theirs = optax.adam(0.01)
    state = theirs.init(theta)
    function = step.to_jax()

    @jax.jit
    def update(theta, state):
        value, gradient = function(theta, *data)
        change, state = theirs.update(gradient, state, theta)
        return optax.apply_updates(theta, change), state, value

    for _ in range(20):
        theta, state, loss = update(theta, state)
        value, gradient = step(*data)
        ours.update(step.theta, gradient)
        assert value == pytest.approx(float(loss), rel=1e-12)
    cases.assert_close(theta, step.theta)


# Operations of one's own

straight_through = operation("rounded, straight through", lambda m, x: m.rint(x), lambda m, y, x: (1.0,))


def test_partials_of_ones_own_are_those_of_the_function():
    w = Value(0.7)
    step = compile(straight_through(3.0 * w), wrt=[w])
    function = step.to_jax()
    slopes = [step()[1], function(step.theta)[1], jax.grad(lambda theta: function(theta)[0])(step.theta)]
    assert [slope.tolist() for slope in slopes] == [[3.0]] * 3


def test_a_formula_that_only_works_on_numbers():
    rng = np.random.default_rng(0)
    weights = [Value(x) for x in rng.normal(size=6)]
    x = [Value(0.1), Value(0.2), Value(0.3)]
    sums = [autograd.dot(weights[i : i + 3], x) for i in (0, 3)]
    loss = autograd.sum([cases.branching(each, 2.0 * weights[0]) for each in sums])
    step, rows = compile(loss, wrt=weights, inputs=(x,)), rng.normal(size=(20, 3))
    function = jax.jit(step.to_jax())
    value, gradient = step(rows)
    cases.assert_close(function(step.theta, rows)[1], gradient)
    cases.assert_close(jax.grad(lambda theta: function(theta, rows)[0])(step.theta), gradient)
    both = jax.vmap(function, (0, None))(np.stack([step.theta] * 2), rows)
    cases.assert_close(both[0], [value, value])
    with pytest.raises(Exception, match="the second derivative of 'branching in test_compiler' is unknown"):
        jax.jvp(jax.grad(lambda theta: function(theta, rows)[0]), (step.theta,), (step.theta,))


# The backend


def test_the_backend():
    step, data = classifier(backend="jax")
    expected, _ = classifier(backend="arrays")
    jax.config.update("jax_enable_x64", False)  # the caller's choice is left alone, and changes nothing
    for _ in range(2):
        value, gradient = step(*data)
        cases.assert_close(value, expected(*data)[0])
        cases.assert_close(gradient, expected(*data)[1])
        assert isinstance(value, float)
        gradient[:] = 0.0
        step.theta *= 1.1
        expected.theta = step.theta
    assert not jax.config.jax_enable_x64
    assert "jax: " in repr(step)
    assert "compiled by XLA for cpu" in repr(step)
    assert step.source.startswith("def program(theta, x0, x1):\n    batch = x0.shape[0]\n")
    assert 'jnp.einsum("' in step.source
    with pytest.raises(ValueError, match="argument 1 has 1 rows"):
        step(data[0], data[1][:1])


def test_single_precision():
    step, data = classifier(backend="jax", dtype="float32")
    expected, _ = classifier()
    value, gradient = step(*data)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(expected(*data)[0], rel=1e-6)


bounded = operation("bounded", lambda m, x: m.minimum(x, sys.float_info.max), lambda m, y, x: (1.0,))


def test_numbers_of_elements_are_no_numbers_of_a_type():
    builder = Builder(batched=False)
    theta = builder.make("theta", (), None, (70_000,))
    views = [builder.view(theta, view) for view in (View(69_999, (), ()), View(1, (69_998,), (1,)))]
    source = jax_text(builder.program([*views, builder.number(-70_000.0)]), 0).source
    assert (
        source == "def program(theta):\n    return theta[..., 69999], theta[1:69999], within(-70000.0, theta.dtype)\n"
    )


def test_a_constant_that_is_no_number():
    w, x = Value(1.0), Value(2.0)
    y = w * x + Value(-1.0).log().detach() * x
    value, gradient = compile(y, wrt=[w], inputs=([x],), backend="jax")([[2.0]])
    assert math.isnan(value)
    assert gradient.tolist() == [2.0]


def test_numbers_beyond_the_type():
    """They are the largest of it: no warning, and no infinity that nobody meant."""
    w = Value(2.0)
    largest = float(np.finfo("float32").max)
    step = compile([bounded(w / 0.0), 0.25 * (1e300 * (0.5 * w))], inputs=[w], dtype="float32", backend="jax")
    assert step([2.0]).tolist() == [[largest, 0.25 * largest]]


@pytest.mark.parametrize("use", [lambda: classifier(backend="jax"), lambda: classifier()[0].to_jax()])
def test_without_jax(use, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r'needs the extra "jax": pip install "chainrule\[jax\]"'):
        use()


NETWORKS = [cases.test_softmax_cross_entropy, cases.test_whole_data_set, cases.test_tied_weights]
NETWORKS += [cases.test_pruned_network, cases.test_recurrent_network, cases.test_two_towers]
NETWORKS += [cases.test_attention_with_layer_norm_and_residuals, cases.test_second_derivative_graph]


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_networks(network, monkeypatch):
    monkeypatch.setattr(cases, "BACKENDS", ["jax"])
    network(np.random.default_rng(7))


@pytest.mark.slow
@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed, packs, monkeypatch):
    monkeypatch.setattr(cases, "BACKENDS", ["jax"])
    monkeypatch.setattr(cases.costs, "choose", lambda *_: cases.costs.Choice(packs, 2))
    cases.test_random_graph(seed)


# Meshes and processes

SHARDED = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tests import test_compiler_jax
jax.config.update("jax_enable_x64", True)
step, data = getattr(test_compiler_jax, MADE)()
data = [np.concatenate([each] * 4) for each in data]
expected = step(*data)
function = jax.jit(step.to_jax())
explicit = jax.make_mesh((4,), ("rows",), axis_types=(jax.sharding.AxisType.Explicit,))
for mesh in (Mesh(np.array(jax.devices()), ["rows"]), explicit):
    data = [jax.device_put(each, NamedSharding(mesh, PartitionSpec("rows"))) for each in data]
    theta = jax.device_put(step.theta, NamedSharding(mesh, PartitionSpec()))
    text = function.lower(theta, *data).compile().as_text()
    value, gradient = function(theta, *data)
    same = abs(value - expected[0]) < 1e-14 and abs(gradient - expected[1]).max() < 1e-14
    print(text.count(" all-reduce("), text.count("all-gather"), gradient.sharding.is_fully_replicated, same)
"""


def run(program, **variables):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, env=os.environ | variables
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("made", ["classifier", "attending"])
def test_sharded_by_rows_there_is_one_all_reduce(made):
    lines = run(SHARDED.replace("MADE", repr(made)), XLA_FLAGS="--xla_force_host_platform_device_count=4").splitlines()
    assert lines
    assert set(lines) == {"1 0 True True"}


FORKED = """
import os, warnings
from tests.test_compiler_jax import classifier
step, data = classifier(backend="jax")
value, gradient = step(*data)
warnings.simplefilter("ignore")  # JAX's own about forks
child = os.fork()
if not child:
    again, slopes = step(*data)
    os._exit(int(abs(again - value) > 1e-12 or abs(slopes - gradient).max() > 1e-12))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_computes_with_numpy():
    assert run(FORKED) == "0\n"
