"""check_backward: layers of NumPy, torch and JAX, and what people get wrong in their backward."""

from functools import partial

import numpy as np
import pytest

from autograd import GradcheckError, check_backward


class Counted:
    """A layer, tanh(x @ W + b), that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, W, b):
        self.calls += 1
        return np.tanh(x @ W + b)


def forward(x, W, b):
    return np.tanh(x @ W + b)


def backward(c, x, W, b):
    d = c * (1 - np.tanh(x @ W + b) ** 2)
    return d @ W.T, x.T @ d, d.sum(axis=0)


def arrays(*shapes, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


SMALL = ((3, 4), (4, 5), (5,))


def failure(*args, **kwargs):
    with pytest.raises(GradcheckError) as caught:
        check_backward(*args, **kwargs)
    return caught.value.report


def wrong(report):
    return [entry.input for entry in report.entries if entry.verdict == "wrong"]


def changed(position, change):
    def faulty(c, *inputs):
        gradients = list(backward(c, *inputs))
        gradients[position] = change(gradients[position])
        return tuple(gradients)

    return faulty


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_backward_is_ok_with_one_entry_per_input(dtype):
    report = check_backward(forward, backward, *arrays(*SMALL, dtype=dtype))
    assert [(entry.input, entry.verdict) for entry in report.entries] == [("x", "ok"), ("W", "ok"), ("b", "ok")]
    assert report.summary == "check_backward: 3 gradients ok"
    for entry in report.entries:
        assert entry.analytic == pytest.approx(entry.numeric, rel=1e-4 if dtype == "float32" else 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_right_layers_of_float32_are_never_wrong(seed):
    rng = np.random.default_rng(seed)
    k, n, m = rng.integers(1, 40, size=3)
    layer = arrays((k, n), (n, m), (m,), dtype="float32", seed=seed)
    assert {entry.verdict for entry in check_backward(forward, backward, *layer, seed=seed).entries} == {"ok"}


def test_a_large_layer_needs_few_calls():
    layer = Counted()
    inputs = arrays((32, 100), (100, 100), (100,), dtype="float32")
    inputs[1] /= np.float32(10)
    report = check_backward(layer, backward, *inputs, reference=layer)
    assert layer.calls <= 60
    assert report.resolution < 0.05

    def bad(c, *inputs):
        x, W, b = backward(c, *inputs)
        W[37, 61] *= np.float32(1.1)
        return x, W, b

    report = failure(layer, bad, *inputs, reference=layer)
    assert wrong(report) == ["W"]
    assert [component.input for component in report.entries[1].components] == ["W[37, 61]"]
    assert report.summary.startswith("check_backward FAILED at W[37, 61]: 3 gradients, 1 wrong")
    assert "W: only W[37, 61] is wrong, all others agree" in report.hints


@pytest.mark.parametrize(
    ("faulty", "names", "text"),
    [
        (lambda c, *a: backward(np.ones_like(c), *a), ["x", "W", "b"], "of x does not depend on the cotangent"),
        (lambda c, *a: tuple(g + c.sum() for g in backward(np.ones_like(c), *a)), ["x", "W", "b"], "not proportional"),
        (lambda c, *a: backward(c, *a)[:2], ["b"], "backward gives no gradient for b"),
        (changed(1, lambda g: None), ["W"], "backward gives no gradient for W"),
        (changed(2, lambda g: np.ones((3, 5)) * g), ["b"], "has shape (3, 5), not (5,): sum it over axis 0"),
        (changed(1, lambda g: g.T), ["W"], "has shape (5, 4), not (4, 5)"),
        (changed(1, lambda g: g.astype(np.float32)), ["W"], "of W is of dtype float32, not float64"),
        (changed(0, lambda g: 2 * g), ["x"], "x: everything has a factor of 2 too much"),
        (changed(0, lambda g: 3 * g), ["x"], "x: everything is 3 times too large: is the 1/n of a mean missing"),
        (changed(1, lambda g: -g), ["W"], "W: the sign is wrong everywhere"),
        (changed(1, lambda g: 0 * g), ["W"], "W: the derivative is 0 everywhere"),
        (changed(2, lambda g: g + 0.1), ["b"], "b: every component differs by the same number: -0.1 has to be added"),
    ],
)
def test_mistakes_are_found_and_named(faulty, names, text):
    report = failure(forward, faulty, *arrays(*SMALL))
    assert wrong(report) == names
    assert text in str(report)
    assert report.summary.startswith("check_backward FAILED at")


def test_gradients_that_are_swapped_or_transposed():
    def swapped(c, x, W, b):
        x, W, b = backward(c, x, W, b)
        return W, x, b

    assert (
        "x: what is right is given for W: are the two swapped?"
        in failure(forward, swapped, *arrays((4, 4), (4, 4), (4,))).hints
    )
    report = failure(forward, changed(1, lambda g: g.T), *arrays((4, 4), (4, 4), (4,)))
    assert "W: the derivatives are transposed: df/dx[i, j] is where df/dx[j, i] should be" in report.hints


def test_a_forgotten_penalty_and_a_forgotten_one_hot():
    target = np.eye(5)[[0, 3, 1]]

    def cross_entropy(logits, W):
        shifted = logits - logits.max(axis=1, keepdims=True)
        return (np.log(np.exp(shifted).sum(axis=1)) - (shifted * target).sum(axis=1)).sum() + 0.05 * (W**2).sum()

    def share(logits):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    assert check_backward(
        cross_entropy, lambda c, z, W: (c * (share(z) - target), c * 0.1 * W), *arrays((3, 5), (4, 4))
    ).ok
    report = failure(cross_entropy, lambda c, z, W: (c * share(z), c * 0.0 * W), *arrays((3, 5), (4, 4)))
    assert any("as if the one-hot of the targets were missing" in hint for hint in report.hints)
    lost = failure(
        lambda z, W: cross_entropy(z, W) + W.sum() ** 2,
        lambda c, z, W: (c * (share(z) - target), c * 2 * W.sum() * np.ones_like(W)),
        *arrays((3, 5), (4, 4)),
    )
    assert any(hint.startswith("W: what is missing is") and "an L2 penalty" in hint for hint in lost.hints)


def test_changes_in_place_are_reported():
    def careless(c, x, W, b):
        found = backward(c, x, W, b)
        W *= 2
        c *= 2
        return found

    report = failure(forward, careless, *arrays(*SMALL))
    assert report.problems == [
        "backward changes W in place",
        "backward changes the cotangent in place, which others may still need",
    ]
    assert report.summary == "check_backward FAILED: backward changes W in place"

    def forward_in_place(x, W, b):
        x += b[0]
        return forward(x, W, b)

    inputs = arrays(*SMALL)
    before = inputs[0].copy()
    assert "forward changes x in place" in failure(forward_in_place, backward, *inputs).problems
    assert (inputs[0] == before).all()


def test_results_that_differ_from_call_to_call_are_reported():
    rng = np.random.default_rng(0)
    report = failure(lambda x, W, b: forward(x, W, b) * (rng.random(5) > 0.5), backward, *arrays(*SMALL))
    assert "forward gives other results when it is called again" in report.summary

    def random_backward(c, *inputs):
        return [g * rng.random() for g in backward(c, *inputs)]

    assert "backward gives another gradient when it is called again" in str(
        failure(forward, random_backward, *arrays(*SMALL))
    )


def test_several_results_numbers_and_what_is_no_input():
    def both(x, power, name):
        assert (power, name) == (2, "square")
        return x**power, np.sin(x)

    assert check_backward(both, lambda c, x, *rest: 2 * x * c[0] + np.cos(x) * c[1], *arrays((3,)), 2, "square").ok
    assert check_backward(lambda x: x * x, lambda c, x: 2 * x * c, 3.0).ok
    assert wrong(failure(lambda x: x * x, lambda c, x: x * c, 3.0)) == ["x"]


def test_another_reference():
    inputs = arrays(*SMALL, dtype="float16")
    report = check_backward(forward, backward, *inputs, reference=forward)
    assert {entry.verdict for entry in report.entries} == {"ok"}
    hints = check_backward(forward, backward, *arrays(*SMALL), reference=lambda *a: forward(*a) + 1.0).hints
    assert hints == ["forward and reference are not the same function: they differ by 1"]
    with pytest.raises(ValueError, match="reference gives results of shape"):
        check_backward(forward, backward, *arrays(*SMALL), reference=lambda x, W, b: x)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((forward, *arrays(*SMALL)), TypeError, "NumPy has no backward of its own"),
        ((1.0, backward, *arrays(*SMALL)), TypeError, "forward must be a function"),
        ((forward, backward, 1, "a"), TypeError, "at least one array of a floating type"),
        ((lambda x: "a", lambda c, x: x, 1.0), TypeError, "forward must return an array"),
        ((lambda x: x, lambda c, x: (x, x, x), 1.0), TypeError, "a gradient for each of x"),
        ((lambda x: x * np.nan, lambda c, x: x, 1.0), ValueError, "forward gives nan"),
    ],
)
def test_bad_input_is_one_clear_error(arguments, error, message):
    with pytest.raises(error, match=message):
        check_backward(*arguments)


# torch


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def torch_layer(torch, fault):
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, W):
            ctx.save_for_backward(x, W)
            return torch.relu(x @ W)

        @staticmethod
        def backward(ctx, cotangent):
            x, W = ctx.saved_tensors
            d = cotangent * (x @ W > 0)
            return fault(d @ W.T, x.T @ d, (x @ W > 0).to(d.dtype))

    return Layer.apply


def tensors(torch, *shapes, dtype="float32"):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).to(getattr(torch, dtype)) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_torch_function(torch, dtype):
    layer = torch_layer(torch, lambda x, W, mask: (x, W))
    inputs = tensors(torch, (6, 5), (5, 7), dtype=dtype)
    for options in ({}, {"reference": lambda x, W: torch.relu(x @ W)}):
        report = check_backward(layer, *inputs, **options)
        assert [entry.input for entry in report.entries] == ["x", "W"]
        assert all(entry.verdict != "wrong" for entry in report.entries)
    assert not any(x.requires_grad for x in inputs)


@pytest.mark.parametrize(
    ("fault", "names", "text"),
    [
        (lambda x, W, mask: (x, 2 * W), ["W"], "W: everything has a factor of 2 too much"),
        (lambda x, W, mask: (x, None), ["W"], "backward gives no gradient for W"),
        (
            lambda x, W, mask: (x, W.T),
            ["x", "W"],
            "backward fails: Function LayerBackward returned an invalid gradient",
        ),
        (lambda x, W, mask: (x, W * mask.sum()), ["W"], "W: everything is"),
    ],
)
def test_mistakes_in_a_torch_function(torch, fault, names, text):
    report = failure(torch_layer(torch, fault), *tensors(torch, (6, 5), (5, 7)))
    assert wrong(report) == names
    assert text in str(report)


def test_a_torch_module_and_an_input_that_is_not_differentiated(torch):
    torch.manual_seed(0)
    assert check_backward(torch.nn.Linear(5, 3), *tensors(torch, (6, 5))).ok
    index = torch.tensor([1, 0, 3])
    report = check_backward(lambda x, index: x[index], *tensors(torch, (6, 5)), index)
    assert [entry.input for entry in report.entries] == ["x"]


# JAX


@pytest.fixture
def jax():
    return pytest.importorskip("jax")


def jax_layer(jax, fault):
    @jax.custom_vjp
    def layer(x, W):
        return jax.numpy.tanh(x @ W)

    def pull(saved, c):
        x, W = saved
        d = c * (1 - jax.numpy.tanh(x @ W) ** 2)
        return fault(d @ W.T, x.T @ d)

    layer.defvjp(lambda x, W: (layer(x, W), (x, W)), pull)
    return layer


def jax_arrays(jax):
    return [jax.random.normal(jax.random.PRNGKey(seed), shape) for seed, shape in enumerate([(6, 5), (5, 7)])]


def test_a_jax_function(jax):
    before = jax.numpy.ones(1).dtype
    right = jax_layer(jax, lambda x, W: (x, W))
    report = check_backward(right, *jax_arrays(jax))
    assert [(entry.input, entry.verdict) for entry in report.entries] == [("x", "ok"), ("W", "ok")]
    assert check_backward(right, *jax_arrays(jax), reference=lambda x, W: jax.numpy.tanh(x @ W)).ok
    report = failure(jax_layer(jax, lambda x, W: (x, 3 * W)), *jax_arrays(jax))
    assert wrong(report) == ["W"]
    assert "W: everything is 3 times too large" in str(report)
    assert jax.numpy.ones(1).dtype == before  # float64 was for the truth only


def test_arrays_of_two_frameworks_are_refused(torch, jax):
    with pytest.raises(TypeError, match="arrays of one framework"):
        check_backward(lambda x, y: x, *tensors(torch, (2,)), jax.numpy.ones(3))


def test_jax_jvp_is_checked_too(jax):
    @jax.custom_jvp
    def sine(x):
        return jax.numpy.sin(x)

    sine.defjvp(lambda primals, tangents: (sine(*primals), jax.numpy.sin(primals[0]) * tangents[0]))
    assert wrong(failure(sine, jax_arrays(jax)[0])) == ["x"]
    assert check_backward(jax.jit(lambda x, W: jax.nn.softmax(x @ W)), *jax_arrays(jax)).ok


# Rounding in float32


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def back_through_softmax(c, s):
    return s * (c - (c * s).sum(axis=1, keepdims=True))


SATURATED = {
    "softmax": (softmax, back_through_softmax),
    "sigmoid": (sigmoid, lambda c, s: c * s * (1 - s)),
    "tanh": (np.tanh, lambda c, h: c * (1 - h * h)),
}


@pytest.mark.parametrize(
    ("name", "seed"),
    [*(("softmax", seed) for seed in (6, 9, 13, 14, 30)), ("sigmoid", 76), ("sigmoid", 90), ("tanh", 1)],
)
def test_what_rounding_leaves_of_saturated_functions_is_not_blamed(name, seed):
    """The numbers on the way are far larger than such derivatives, and so is what rounding makes of them."""
    function, back = SATURATED[name]
    rng = np.random.default_rng(seed)
    x, W = (4 * rng.normal(size=(3, 4))).astype("float32"), rng.normal(size=(4, 5)).astype("float32")

    def backward(c, x, W, factor=1):
        d = back(c, function(x @ W))
        return factor * (d @ W.T), x.T @ d

    assert check_backward(lambda x, W: function(x @ W), backward, x, W).ok
    for factor in (-1, 2):
        report = failure(lambda x, W: function(x @ W), partial(backward, factor=factor), x, W)
        assert wrong(report) == ["x"]
