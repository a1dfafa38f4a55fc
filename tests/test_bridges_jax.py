"""from_jax: numbers and gradients are JAX's, for functions of one or a few primitives and for whole layers."""

import math

import numpy as np
import pytest

from autograd import Value, compile, draw, explain, from_jax, gradcheck
from autograd.node import leaves, scopes

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

ARGUMENTS = ("a", "b", "c")


def numbers(*shape, low=-1.0, high=1.0, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return rng.uniform(low, high, shape)


def flat(values):
    return [value for part in values for value in flat(part)] if isinstance(values, (list, tuple)) else [values]


def joined(results):
    return jnp.concatenate([jnp.ravel(y) for y in jax.tree.leaves(results)])


def gradients_agree(function, arguments):
    """Compares numbers, and the gradients of a weighted sum of all results, with JAX's."""
    f = {
        1: lambda a: function(a),
        2: lambda a, b: function(a, b),
        3: lambda a, b, c: function(a, b, c),
    }[len(arguments)]
    values = flat(from_jax(f, *arguments))
    weights = np.cos(np.arange(len(values)) + 1.0)
    with jax.enable_x64(True):
        arrays = [jnp.asarray(x) for x in arguments]
        results = jax.jit(lambda *args: joined(f(*args)))(*arrays)
        every = tuple(range(len(arrays)))
        expected = jax.jit(jax.grad(lambda *args: joined(f(*args)) @ weights, argnums=every))(*arrays)
    assert [v.data for v in values] == pytest.approx(results.tolist(), rel=1e-12, abs=1e-12)
    loss = sum((w * v for w, v in zip(weights.tolist(), values, strict=True)), Value(0.0).detach())
    loss.backward()
    found = {leaf.name: leaf.grad for leaf in leaves([loss]) if not leaf.is_constant}
    for name, truth in zip(ARGUMENTS, expected, strict=False):
        truth = np.asarray(truth)
        scale = max(1.0, float(np.abs(truth).max(initial=0.0)))
        for index in np.ndindex(*truth.shape):
            own = name + "".join(f"[{i}]" for i in index)
            assert found.pop(own, 0.0) == pytest.approx(float(truth[index]), rel=1e-12, abs=1e-12 * scale), own
    assert not found
    return loss


def case(function, *shapes, **interval):
    return function, shapes or ((2, 3),), interval


@jax.custom_vjp
def tripled(x):
    return 2.0 * x


tripled.defvjp(lambda x: (tripled(x), x), lambda x, g: (3.0 * g * x,))


@jax.custom_vjp
def exact(x):
    return jnp.sin(x)


exact.defvjp(lambda x: (exact(x), x), lambda x, g: (g * jnp.cos(x),))


@jax.custom_jvp
def straight(x):
    return jnp.round(x)


straight.defjvps(lambda t, y, x: t)


FUNCTIONS = {
    **{name: case(getattr(jnp, name)) for name in ("negative", "exp", "exp2", "expm1", "sin", "cos", "tan", "sinh")},
    **{name: case(getattr(jnp, name)) for name in ("cosh", "tanh", "arctan", "arcsinh", "abs", "square")},
    **{name: case(getattr(jnp, name), low=0.2, high=3.0) for name in ("log", "log1p", "log2", "log10", "sqrt", "cbrt")},
    **{name: case(getattr(jnp, name), low=0.2, high=0.9) for name in ("arcsin", "arccos", "arctanh", "reciprocal")},
    "arccosh": case(jnp.arccosh, low=1.2, high=3.0),
    "rsqrt": case(lax.rsqrt, low=0.2),
    "erf": case(lax.erf),
    "erfc": case(lax.erfc),
    "logistic": case(jax.nn.sigmoid),
    "integer_pow": case(lambda a: a**3 + a**-2 + a**5, low=0.3),
    "sign floor ceil": case(lambda a: a * (jnp.sign(a) + jnp.floor(a) + jnp.ceil(3 * a) + jnp.round(2 * a))),
    "clip": case(lambda a: jnp.clip(a, -0.4, 0.5)),
    "clamp": case(lambda a: lax.clamp(-0.4, a, 0.5)),
    "sinc": case(jnp.sinc),
    "relu": case(jax.nn.relu),
    "abs at 0": case(lambda a: jnp.abs(a * 0.0) + a),
    "relu at 0": case(lambda a: jax.nn.relu(a * 0.0) + a),
    "silu": case(jax.nn.silu),
    "gelu": case(jax.nn.gelu),
    "gelu exact": case(lambda a: jax.nn.gelu(a, approximate=False)),
    "elu": case(jax.nn.elu),
    "selu": case(jax.nn.selu),
    "leaky_relu": case(jax.nn.leaky_relu),
    "softplus": case(jax.nn.softplus),
    "log_sigmoid": case(jax.nn.log_sigmoid),
    "hard_tanh": case(jax.nn.hard_tanh),
    "mish": case(jax.nn.mish),
    "add": case(jnp.add, (2, 3), (3,)),
    "sub": case(jnp.subtract, (2, 3), (2, 1)),
    "mul": case(jnp.multiply, (2, 3), (3,)),
    "div": case(jnp.divide, (2, 3), (3,), low=0.3),
    "pow": case(jnp.power, (2, 3), (3,), low=0.3),
    "max": case(jnp.maximum, (2, 3), (3,)),
    "min": case(jnp.minimum, (2, 3), (3,)),
    "atan2": case(jnp.arctan2, (2, 3), (3,)),
    "hypot": case(jnp.hypot, (2, 3), (3,), low=0.3),
    "rem": case(lax.rem, (2, 3), (2, 3)),
    "mod": case(jnp.mod, (2, 3), (3,)),
    "logaddexp": case(jnp.logaddexp, (2, 3), (3,)),
    "where": case(lambda a, b: jnp.where(a > 0.0, a * b, b), (2, 3), (3,)),
    "select": case(lambda a: jnp.select([a > 0.5, a > 0.0], [a, 2.0 * a], 3.0 * a)),
    "dot": case(jnp.dot, (2, 3), (3, 4)),
    "matmul": case(jnp.matmul, (2, 2, 3), (2, 3, 2)),
    "einsum": case(lambda a, b: jnp.einsum("bij,kj->bik", a, b), (2, 2, 3), (4, 3)),
    "outer": case(jnp.outer, (3,), (2,)),
    "tensordot": case(lambda a, b: jnp.tensordot(a, b, 2), (2, 3), (2, 3)),
    "sum": case(lambda a: a.sum(0)),
    "mean var": case(lambda a: a.mean() + a.var(1) + a.std(1)),
    "prod": case(lambda a: a.prod(1)),
    "reduce_max": case(lambda a: a.max(1) - a.min()),
    "argmax": case(lambda a: a * jnp.argmax(a, 1, keepdims=True)),
    "logsumexp": case(lambda a: jax.scipy.special.logsumexp(a, 1)),
    "logsumexp of all": case(jax.scipy.special.logsumexp),
    "std of all": case(lambda a: a.std() + jnp.nanmax(a)),
    "softmax": case(lambda a: jax.nn.softmax(a, 1)),
    "log_softmax": case(lambda a: jax.nn.log_softmax(a, 1)),
    "norm": case(lambda a: jnp.linalg.norm(a, axis=1)),
    "cumsum": case(lambda a: jnp.cumsum(a, 1) + lax.cumsum(a, 0, reverse=True)),
    "cumprod": case(lambda a: jnp.cumprod(a, 1)),
    "cummax": case(lambda a: lax.cummax(a, 1) + lax.cummin(a, 1)),
    "cumlogsumexp": case(lambda a: lax.cumlogsumexp(a, 1)),
    "sort": case(lambda a: jnp.sort(a, 1) * jnp.arange(3)),
    "top_k": case(lambda a: lax.top_k(a, 2)[0]),
    "median": case(lambda a: jnp.median(a, axis=1)),
    "reshape": case(lambda a: a.T.reshape(2, 3)[::-1][None].squeeze(0)),
    "slice": case(lambda a: a[:, ::2] * a[0, 1]),
    "gather": case(lambda a: a[jnp.array([1, 0, 1]), jnp.array([2, 2, 0])]),
    "take": case(lambda a: jnp.take(a, jnp.array([2, 0, 2]), axis=1)),
    "take filled": case(
        lambda a: jnp.concatenate(
            [
                jnp.take(a, jnp.array([0, 7, -9]), axis=1, mode="fill", fill_value=fill)
                for fill in (3.0, -1.0, 50.0, 0.0)
            ]
        )
    ),
    "take clipped": case(lambda a: jnp.take(a, jnp.array([0, 7, -9]), axis=1, mode="clip")),
    "take_along_axis": case(lambda a: jnp.take_along_axis(a, jnp.array([[0], [2]]), 1)),
    "dynamic_slice": case(lambda a: lax.dynamic_slice(a, (0, 1), (2, 2)) * lax.dynamic_index_in_dim(a, 1, 0)[0, 0]),
    "dynamic_update_slice": case(lambda a, b: lax.dynamic_update_slice(a, b, (0, 1)), (2, 3), (1, 2)),
    "set": case(lambda a, b: a.at[0].set(b), (2, 3), (3,)),
    "at add": case(lambda a, b: a.at[jnp.array([0, 0])].add(b), (2, 3), (3,)),
    "at mul": case(lambda a, b: a.at[1].mul(b, unique_indices=True), (2, 3), (3,)),
    "at max": case(lambda a, b: a.at[jnp.array([0, 1, 0]), 1].max(b), (2, 3), (3,)),
    "at min": case(lambda a, b: a.at[:, 1:].min(b), (2, 3), (2, 2)),
    "segment_max": case(lambda a: jax.ops.segment_max(a, jnp.array([0, 0, 1]), 2), (3, 2)),
    "segment_sum": case(lambda a: jax.ops.segment_sum(a, jnp.array([0, 0, 1]), 2), (3, 2)),
    "concatenate": case(lambda a, b: jnp.concatenate([a, b]), (2, 3), (1, 3)),
    "stack split": case(lambda a: jnp.stack(jnp.split(a, 3, 1)[::-1])),
    "unstack": case(lambda a: a * jnp.unstack(a, axis=1)[1][:, None]),
    "pad": case(lambda a: lax.pad(a, 2.0, [(1, 0, 0), (0, -1, 1)])),
    "roll tile": case(lambda a: jnp.tile(jnp.roll(a, 1, 1), (2, 1))),
    "tril": case(lambda a: jnp.tril(a) + jnp.diag(jnp.diag(a)), (3, 3)),
    "trace": case(jnp.trace, (3, 3)),
    "cholesky": case(lambda a: lax.linalg.cholesky(a @ a.T + jnp.eye(2))),
    "triangular_solve": case(
        lambda a, b: sum(
            lax.linalg.triangular_solve(
                a + 3.0 * jnp.eye(3), b if left else b.T, left_side=left, lower=lower, transpose_a=turned
            ).reshape(2, 3)
            for left in (True, False)
            for lower in (True, False)
            for turned in (True, False)
        ),
        (3, 3),
        (3, 2),
    ),
    "solve": case(jnp.linalg.solve, (2, 3, 3), (2, 3, 1)),
    "solve a vector": case(jnp.linalg.solve, (3, 3), (3,)),
    "inv": case(jnp.linalg.inv, (3, 3)),
    "det": case(lambda a: jnp.linalg.det(a) * jnp.linalg.slogdet(a)[1], (4, 4)),
    "lu": case(lambda a: jax.scipy.linalg.lu(a)[2], (3, 3)),
    "normal distribution": case(
        lambda a, b: jax.scipy.stats.multivariate_normal.logpdf(b, 0.0 * b, a @ a.T + jnp.eye(3)), (3, 3), (3,)
    ),
    "conv": case(
        lambda a, b: lax.conv_general_dilated(a, b, (1, 2), [(1, 0), (2, 1)], rhs_dilation=(2, 1)),
        (1, 2, 5, 4),
        (2, 2, 2, 3),
    ),
    "conv nhwc": case(
        lambda a, b: lax.conv_general_dilated(
            a, b, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
        ),
        (1, 3, 3, 2),
        (2, 2, 1, 4),
    ),
    "conv_transpose": case(lambda a, b: lax.conv_transpose(a, b, (2,), "SAME"), (1, 3, 2), (2, 2, 2)),
    "max_pool": case(lambda a: lax.reduce_window(a, -jnp.inf, lax.max, (1, 2, 2), (1, 2, 1), "SAME"), (1, 4, 3)),
    "avg_pool": case(lambda a: lax.reduce_window(a, 0.0, lax.add, (1, 2, 2), (1, 2, 1), "VALID") / 4.0, (1, 4, 3)),
    "scan": case(lambda a: lax.scan(lambda c, x: (jnp.tanh(c + x), c * x), jnp.ones(3), a)),
    "scan reverse": case(lambda a: lax.scan(lambda c, x: (c * x, c), 1.0, a, reverse=True), (3,)),
    "fori_loop": case(lambda a: lax.fori_loop(0, 3, lambda i, v: v * a + i, a)),
    "associative_scan": case(lambda a: lax.associative_scan(jnp.multiply, a, axis=1)),
    "cond": case(lambda a: lax.cond(a.sum() > 0.0, jnp.sin, jnp.cos, a)),
    "switch": case(lambda a: lax.switch(2, [jnp.sin, jnp.cos, jnp.tanh], a)),
    "map": case(lambda a: lax.map(lambda row: row * row.sum(), a)),
    "vmap": case(lambda a: jax.vmap(lambda row: jnp.outer(row, row))(a)),
    "jit": case(lambda a: jax.jit(lambda v: v * jnp.sin(v))(a)),
    "checkpoint": case(lambda a: jax.checkpoint(lambda v: jnp.sin(jnp.sin(v)))(a)),
    "stop_gradient": case(lambda a: a * lax.stop_gradient(a)),
    "grad": case(lambda a: jax.grad(lambda v: jnp.sum(jnp.tanh(v) ** 3))(a)),
    "custom_vjp": case(exact),
    "custom_vjp of its own": case(tripled),
    "custom_jvp of its own": case(lambda a: straight(3.0 * a) * a),
    "cross_entropy": case(lambda a: -jnp.mean(jnp.sum(jax.nn.log_softmax(a) * jnp.eye(2, 3), axis=1))),
    "layer_norm": case(lambda a: (a - a.mean(1, keepdims=True)) * lax.rsqrt(a.var(1, keepdims=True) + 1e-5)),
    "attention": case(
        lambda a, b, c: jax.nn.softmax(jnp.where(jnp.tri(3) > 0, a @ b.T, -jnp.inf), 1) @ c, (3, 2), (3, 2), (3, 2)
    ),
}
QUICK = {"solve", "relu at 0", "take filled", "std of all", "einsum", "at add", "scan reverse", "custom_vjp of its own"}


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FUNCTIONS]
)
def test_gradients_are_those_of_jax(name):
    function, shapes, interval = FUNCTIONS[name]
    gradients_agree(function, [numbers(*shape, seed=i, **interval) for i, shape in enumerate(shapes)])


def test_while_takes_as_many_turns_as_the_numbers_at_hand():
    def f(x):
        return lax.while_loop(lambda v: jnp.sum(v**2) > 0.01, lambda v: v / 2.0, x)

    results = from_jax(f, np.array([0.3, 0.4]))
    assert [y.data for y in results] == [0.3 / 8, 0.4 / 8]
    results[0].backward()
    assert {leaf.name: leaf.grad for leaf in leaves(results) if not leaf.is_constant} == {"x[0]": 1 / 8, "x[1]": 0.0}


def test_conditions_are_decided_anew_by_a_program():
    def f(x):
        return jnp.sum(jnp.where((x > -1.0) & ~(x >= 2.0), x * x, jax.nn.leaky_relu(x)) + jnp.clip(x, -3.0, 1.0))

    y = from_jax(f, np.array([-2.0, 0.5, 3.0]))
    x = {leaf.name: leaf for leaf in leaves([y]) if not leaf.is_constant}
    program = compile(y, inputs=[[x[f"x[{i}]"] for i in range(3)]])
    with jax.enable_x64(True):
        for numbers in ([-2.0, 0.5, 3.0], [1.5, -0.25, -4.0]):
            assert program([numbers])[0] == pytest.approx(float(f(jnp.array(numbers))), rel=1e-12)


def test_arguments_give_the_names():
    def f(params, x, power=2):
        return sum(jnp.sum(layer["w"] @ x + layer["b"]) for layer in params) ** power

    params = [{"w": np.ones((1, 2)), "b": np.zeros(1)}, {"w": np.ones((1, 2)), "b": np.ones(1)}]
    y = from_jax(f, params, np.array([1.0, 2.0]), 3)
    found = {leaf.name: leaf for leaf in leaves([y]) if not leaf.is_constant}
    assert {"params.0.w[0][1]", "params.1.b[0]", "x[1]"} <= set(found)
    assert type(found["x[1]"]) is Value is not type(found["params.1.b[0]"])


def test_integers_are_constants_and_steer():
    y = from_jax(lambda x, i, n: x[i].sum() * n, np.array([1.0, 2.0, 3.0]), np.array([0, 2]), 2)
    y.backward()
    assert {leaf.name: leaf.grad for leaf in leaves([y]) if not leaf.is_constant} == {"x[0]": 2.0, "x[2]": 2.0}


def test_a_rule_for_what_cannot_be_differentiated_is_kept():
    @jax.custom_vjp
    def root(x):
        return lax.while_loop(lambda r: jnp.abs(r * r - x) > 1e-12, lambda r: 0.5 * (r + x / r), x)

    root.defvjp(lambda x: (root(x), root(x)), lambda r, g: (g / (2.0 * r),))
    y = from_jax(lambda x: root(x) * 3.0, 2.0)
    y.backward()
    x = next(leaf for leaf in leaves([y]) if leaf.name == "x")
    assert (y.parents[0].op, x.grad) == ("root", pytest.approx(1.5 / math.sqrt(2.0), rel=1e-12))


def test_python_floats_are_computed_with_in_float64():
    y = from_jax(lambda x: jnp.sin(x) * 0.1, 0.3)
    assert y.data == pytest.approx(math.sin(0.3) * 0.1, rel=1e-15)


def test_scopes_are_named_scopes_and_functions_under_jit():
    @jax.jit
    def layer(x):
        return jnp.tanh(x)

    def f(x):
        with jax.named_scope("encoder"):
            h = layer(x) * x
        return jnp.sum(h)

    y = from_jax(f, np.array([1.0, 2.0]))
    assert [scope.name for scope in scopes([y])] == ["encoder", "layer"]
    assert y.scope is None


def test_it_draws_explains_and_checks():
    y = from_jax(lambda w, x: jnp.sum(jax.nn.softplus(w @ x)), np.array([[1.0, -2.0]]), np.array([0.5, 1.0]))
    y.backward()
    w = next(leaf for leaf in leaves([y]) if leaf.name == "w[0][1]")
    assert "w[0][1]" in draw(y).source
    assert explain(y, w).total == w.grad
    assert gradcheck(y, wrt=[w]).ok


def test_unknown_primitives_are_listed_in_one_error():
    with pytest.raises(NotImplementedError) as caught:
        from_jax(lambda x: jnp.sum(jax.scipy.special.gammaln(x) + jnp.real(jnp.fft.fft(x))), np.ones(2))
    assert "the primitive lgamma\n    in " in str(caught.value)
    assert "complex numbers; a Value is a real number\n    in " in str(caught.value)
    assert "test_bridges_jax.py" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((lambda n: n * 2, 3), "3.0 instead of 3"), ((lambda z: z, 1j), "z is complex"), ((3,), "takes a function")],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(TypeError, match=message):
        from_jax(*arguments)


def test_a_backward_that_is_not_linear_is_refused():
    @jax.custom_vjp
    def clipped(x):
        return 2.0 * x

    clipped.defvjp(lambda x: (clipped(x), None), lambda _, g: (jnp.clip(g, -0.5, 0.5),))
    with pytest.raises(NotImplementedError, match="clipped has a backward that is not linear"):
        from_jax(lambda x: clipped(x).sum(), numbers(2))


def test_factors_of_matrices_that_are_not_square_are_refused():
    with pytest.raises(NotImplementedError, match="the primitive lu of a matrix that is not square"):
        from_jax(lambda a: jax.scipy.linalg.lu(a)[2], numbers(2, 3))
