"""The usual mistakes in a backward, and the hint that each gets: in NumPy, in torch and in JAX."""

import numpy as np
import pytest

from autograd import GradcheckError, check_backward, check_gradient

TARGETS = np.eye(4)[[0, 3, 1, 2, 1, 0]]
PENALTY = 0.05


def dense(m, x, W, b):
    return m.tanh(x @ W + b)


def dense_backward(m, c, x, W, b):
    d = c * (1 - m.tanh(x @ W + b) ** 2)
    return d @ W.T, x.T @ d, d.sum(0)


def mean_error(m, x, W, b):
    return ((x @ W + b) ** 2).sum(1).mean()


def mean_error_backward(m, c, x, W, b):
    d = 2 * c * (x @ W + b) / len(x)
    return d @ W.T, x.T @ d, d.sum(0)


def penalized(m, x, W, b):
    return (x @ W + b).sum() ** 2 + PENALTY * (W**2).sum()


def penalized_backward(m, c, x, W, b):
    d = 2 * c * (x @ W + b).sum() * m.ones_like(x @ W)
    return d @ W.T, x.T @ d + 2 * PENALTY * c * W, d.sum(0)


def cross_entropy(m, z):
    return (m.log(m.exp(z).sum(1)) - (z * m.asarray(TARGETS.astype(str(z.dtype).split(".")[-1]))).sum(1)).sum()


def shares(m, z):
    return m.exp(z) / m.exp(z).sum(1)[:, None]


def cross_entropy_backward(m, c, z):
    return (c * (shares(m, z) - m.asarray(TARGETS.astype(str(z.dtype).split(".")[-1]))),)


def changed(backward, position, change):
    """A backward with one gradient that is changed, knowing the inputs."""

    def faulty(m, c, *inputs):
        gradients = list(backward(m, c, *inputs))
        gradients[position] = change(m, gradients[position], c, *inputs)
        return tuple(gradients)

    return faulty


def one_off(m, gradient, *_):
    factor = np.ones(gradient.shape)
    factor[2, 1] = 1.25
    return gradient * m.asarray(factor.astype(str(gradient.dtype).split(".")[-1]))


def twice_a_row(m, gradient, *_):
    factor = np.ones(gradient.shape)
    factor[1] = 2.0
    return gradient * m.asarray(factor.astype(str(gradient.dtype).split(".")[-1]))


LAYER = ((6, 4), (4, 4), (4,))
MISTAKES = {
    "the cotangent": (
        dense,
        lambda m, c, *inputs: dense_backward(m, m.ones_like(c), *inputs),
        LAYER,
        "the gradient of W does not depend on the cotangent: multiply by it",
    ),
    "the cotangent is added": (
        dense,
        changed(dense_backward, 2, lambda m, g, c, *_: g + c.sum(0)),
        LAYER,
        None,
    ),
    "the mean over the batch": (
        mean_error,
        lambda m, c, *inputs: tuple(len(inputs[0]) * g for g in mean_error_backward(m, c, *inputs)),
        LAYER,
        "W: everything is 6 times too large: is the 1/n of a mean missing, with n = 6?",
    ),
    "minus the one-hot": (
        cross_entropy,
        lambda m, c, z: (c * shares(m, z),),
        ((6, 4),),
        "as if the one-hot of the targets were missing",
    ),
    "the L2 term": (
        penalized,
        changed(penalized_backward, 1, lambda m, g, c, x, W, b: g - 2 * PENALTY * c * W),
        LAYER,
        "times x: the derivative of an L2 penalty",
    ),
    "transposed": (
        dense,
        changed(dense_backward, 1, lambda m, g, *_: g.T),
        LAYER,
        "W: the derivatives are transposed: df/dx[i, j] is where df/dx[j, i] should be",
    ),
    "swapped": (
        dense,
        lambda m, c, *inputs: [dense_backward(m, c, *inputs)[i] for i in (1, 0, 2)],
        ((4, 4), (4, 4), (4,)),
        "x: what is right is given for W: are the two swapped?",
    ),
    "a common factor": (
        dense,
        changed(dense_backward, 1, lambda m, g, *_: 1.37 * g),
        LAYER,
        "W: everything is 1.37 times the true derivative: a common factor of 0.729927 is missing",
    ),
    "the sign": (dense, changed(dense_backward, 0, lambda m, g, *_: -g), LAYER, "x: the sign is wrong everywhere"),
    "a constant": (
        dense,
        changed(dense_backward, 2, lambda m, g, *_: g - 0.25),
        LAYER,
        "b: every component differs by the same number: 0.25 has to be added",
    ),
    "one component": (dense, changed(dense_backward, 1, one_off), LAYER, "W: only W[2, 1] is wrong, all others agree"),
    "all counted twice": (
        dense,
        changed(dense_backward, 1, lambda m, g, *_: 2 * g),
        LAYER,
        "W: everything has a factor of 2 too much: is it counted twice",
    ),
    "some counted twice": (
        dense,
        changed(dense_backward, 1, twice_a_row),
        LAYER,
        "W: the derivatives that are wrong are all 2 times the true ones: are they counted twice?",
    ),
    "nothing": (
        dense,
        changed(dense_backward, 1, lambda m, g, *_: 0 * g),
        LAYER,
        "W: the derivative is 0 everywhere: is it returned at all?",
    ),
}


def in_numpy(forward, backward, inputs):
    return (lambda *xs: forward(np, *xs)), (lambda c, *xs: backward(np, c, *xs)), *inputs


def in_torch(forward, backward, inputs):
    torch = pytest.importorskip("torch")

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            ctx.save_for_backward(*xs)
            return forward(torch, *xs)

        @staticmethod
        def backward(ctx, cotangent):
            return tuple(backward(torch, cotangent, *ctx.saved_tensors))

    return named(forward, Layer.apply), *map(torch.from_numpy, inputs)


def in_jax(forward, backward, inputs):
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def layer(*xs):
        return forward(jax.numpy, *xs)

    layer.defvjp(lambda *xs: (layer(*xs), xs), lambda xs, c: tuple(backward(jax.numpy, c, *xs)))
    return named(forward, layer), *map(jax.numpy.asarray, inputs)


def named(forward, layer):
    """The layer with the parameters' names, for what the reports call its inputs."""
    if forward is cross_entropy:
        return lambda z: layer(z)
    return lambda x, W, b: layer(x, W, b)


QUICK = ("the L2 term", "minus the one-hot")


def each_in_each():
    """All mistakes in NumPy, and a few in the frameworks that take their time; CI has the others."""
    for framework in (in_numpy, in_torch, in_jax):
        for mistake in MISTAKES:
            is_quick = framework is in_numpy or mistake in QUICK
            yield pytest.param(
                mistake, framework, marks=() if is_quick else pytest.mark.slow, id=f"{framework.__name__}-{mistake}"
            )


@pytest.mark.parametrize(("mistake", "framework"), list(each_in_each()))
def test_each_mistake_has_its_hint_in_each_framework(mistake, framework):
    forward, faulty, shapes, hint = MISTAKES[mistake]
    rng = np.random.default_rng(3)
    inputs = [rng.normal(size=shape) for shape in shapes]
    if framework is in_numpy and forward is not cross_entropy:
        call = (lambda x, W, b: forward(np, x, W, b)), (lambda c, *xs: faulty(np, c, *xs)), *inputs
    else:
        call = framework(forward, faulty, inputs)
    with pytest.raises(GradcheckError) as caught:
        check_backward(*call)
    report = caught.value.report
    assert report.summary.startswith("check_backward FAILED at")
    if hint is not None:
        assert any(hint in found for found in report.hints), report.hints


@pytest.mark.parametrize("framework", [in_numpy, in_torch, pytest.param(in_jax, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("forward", "backward", "shapes"),
    [
        (dense, dense_backward, LAYER),
        (mean_error, mean_error_backward, LAYER),
        (penalized, penalized_backward, LAYER),
        (cross_entropy, cross_entropy_backward, ((6, 4),)),
    ],
)
def test_the_same_layers_without_mistakes_pass(framework, forward, backward, shapes):
    rng = np.random.default_rng(3)
    report = check_backward(*framework(forward, backward, [rng.normal(size=shape) for shape in shapes]))
    assert {entry.verdict for entry in report.entries} == {"ok"}
    assert report.hints == []


def test_a_broadcast_axis_that_is_not_summed():
    rng = np.random.default_rng(3)
    inputs = [rng.normal(size=shape) for shape in LAYER]
    faulty = changed(dense_backward, 2, lambda m, g, c, x, W, b: c * (1 - m.tanh(x @ W + b) ** 2))
    with pytest.raises(GradcheckError, match="sum it over axis 0, along which") as caught:
        check_backward(*in_numpy(dense, faulty, inputs))
    assert len(caught.value.report.entries) == 3
    with pytest.raises(GradcheckError, match="check_backward FAILED: backward fails"):
        check_backward(*in_jax(dense, faulty, inputs))
    # torch sums what was broadcast itself.
    assert check_backward(*in_torch(dense, faulty, inputs)).ok


def test_a_kink_explains_no_factor():
    with pytest.raises(GradcheckError) as caught:
        check_gradient(lambda x: max(x, 0.0), lambda x: 1.5, 0.0)
    assert caught.value.report.hints == []


def test_nobody_takes_the_mean_of_a_septillion():
    with pytest.raises(GradcheckError) as caught:
        check_gradient(lambda x: float((x * x).sum()), lambda x: 2e24 * x, np.arange(1.0, 5.0))
    assert caught.value.report.hints == [
        "everything is 1e+24 times the true derivative: a common factor of 1e-24 is missing"
    ]


def hints(f, df, x):
    with pytest.raises(GradcheckError) as caught:
        check_gradient(f, df, x)
    return caught.value.report.hints


def test_a_small_derivative_is_not_said_to_be_0():
    assert hints(lambda x: 1e6 * x, lambda x: 2.5, 1.0) != hints(lambda x: 1e6 * x, lambda x: 0.0, 1.0)
    assert hints(lambda x: 1e6 * x, lambda x: 0.0, 1.0) == ["the derivative is 0 everywhere: is it returned at all?"]


@pytest.mark.parametrize("size", [1e200, 1e308])
def test_huge_derivatives_do_not_lack_a_number(size):
    """Beside them anything is rounding, so adding one number would not give the true ones."""
    x = np.arange(1.0, 6.0)
    assert hints(lambda x: float((x * x).sum()), lambda x: np.full(5, size), x) == []


def test_many_that_are_mixed_up_are_counted():
    x = np.linspace(0.1, 3.0, 30)
    found = hints(lambda x: float(np.sin(x).sum()), lambda x: np.roll(np.cos(x), 1), x)
    assert found[0] == "what is given for x[0] is the derivative by another argument, x[29]"
    assert found[6:] == ["24 others are derivatives by another argument, too"]
