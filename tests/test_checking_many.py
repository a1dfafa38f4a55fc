"""check_gradient on arrays: what it knows of the grain of f, Jacobians, and thousands of components."""

import json
import math
import random

import numpy as np
import pytest

from autograd import GradcheckError, check_gradient

RNG = np.random.default_rng(0)
A = RNG.normal(size=(6, 5))


def failure(f, df, x, **kwargs):
    with pytest.raises(GradcheckError) as caught:
        check_gradient(f, df, x, **kwargs)
    return caught.value.report


def wrong(report):
    return [entry.input for entry in report.entries if entry.verdict == "wrong"]


# The grain of f


def hashed(x):
    return 2.0 * random.Random(float(x).hex()).random() - 1.0


FUNCTIONS = {
    "sin": (np.sin, np.cos, (-6.0, 6.0)),
    "exp": (np.exp, np.exp, (-6.0, 6.0)),
    "log": (np.log, lambda x: 1 / x, (1e-3, 9.0)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, (-4.0, 4.0)),
    "softplus": (lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x)), (-8.0, 8.0)),
    "cube": (lambda x: x * x * x, lambda x: 3 * x * x, (-9.0, 9.0)),
    "abs": (np.abs, np.sign, (-5.0, 5.0)),
    "1 - cos": (lambda x: 1 - np.cos(x), np.sin, (-3.0, 3.0)),
    "wave": (lambda x: x * np.sin(50 * x), lambda x: np.sin(50 * x) + 50 * x * np.cos(50 * x), (-5.0, 5.0)),
    "arcsin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), (-0.999, 0.999)),
}
GRAINS = {
    "float64": lambda f, rng: lambda x: float(f(np.float64(x))),
    "float32 inside": lambda f, rng: lambda x: float(f(np.float32(x))),
    "float32": lambda f, rng: lambda x: np.float32(f(np.float64(x))),
    "noise": lambda f, rng: lambda x: float(f(np.float64(x))) + 1e-9 * hashed(x),
    "random noise": lambda f, rng: lambda x: float(f(np.float64(x))) + 1e-9 * rng.gauss(0.0, 1.0),
}


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_derivatives_pass_and_errors_above_the_resolution_do_not(name, grain):
    f, df, (low, high) = FUNCTIONS[name]
    rng = random.Random(name)
    g = GRAINS[grain](f, rng)
    for _ in range(12):
        x = rng.uniform(low, high)
        if abs(f(x)) < 1e-3:
            continue
        report = check_gradient(g, lambda x: float(df(np.float64(x))), x)
        assert report.entries[0].verdict in ("ok", "ill-conditioned")
        factor = 1.0 + 3.0 * report.resolution
        assert wrong(failure(g, lambda x, factor=factor: factor * float(df(np.float64(x))), x)) == ["x"]


def test_a_difference_of_0_below_the_grain_is_no_truth():
    assert check_gradient(lambda x: float(np.sin(np.float32(x))), np.cos, 0.25).ok
    assert wrong(failure(lambda x: 0.0, np.cos, 0.25)) == ["x"]
    assert wrong(failure(lambda x: float(np.sin(np.float32(x))), lambda x: 0.0, 0.25)) == ["x"]
    assert check_gradient(lambda x: float(1 - np.cos(np.float32(x))), np.sin, 1e-5).ok


def test_a_poor_resolution_comes_with_a_remedy():
    report = check_gradient(lambda x: np.float16(x * x), lambda x: 2 * x, 1.3)
    assert 1e-3 < report.resolution < 1.0
    assert "an error shows from" in str(report)
    assert "return float64" in str(report)
    assert check_gradient(lambda x: x * x, lambda x: 2 * x, 1.3).resolution < 1.1e-6


def test_a_function_that_takes_a_random_branch_is_noticed():
    rng = random.Random(0)
    for _ in range(100):
        with pytest.raises((ValueError, GradcheckError)):
            check_gradient(lambda x: x * x * (rng.random() if rng.random() < 0.5 else 1.0), lambda x: 2 * x, 1.0)


def test_a_derivative_that_changes_its_argument_is_said_to():
    def df(x):
        x *= 2
        return 2 * x

    x = np.array([1.0, 2.0])
    report = failure(lambda x: float((x * x).sum()), df, x)
    assert "df changes its argument in place" in report.hints[0]
    assert x.tolist() == [1.0, 2.0]


def test_a_derivative_that_is_random_is_an_error():
    rng = random.Random(0)
    with pytest.raises(ValueError, match="df gives other derivatives when it is called again"):
        check_gradient(lambda x: x * x, lambda x: rng.random(), 1.0)


# Jacobians


def vector(x):
    return np.tanh(A @ x)


def jacobian(x):
    return (1 - np.tanh(A @ x) ** 2)[:, np.newaxis] * A


def test_functions_of_arrays_are_checked_against_their_jacobian():
    x = RNG.normal(size=5)
    report = check_gradient(vector, jacobian, x)
    assert [entry.input for entry in report.entries] == [f"x[{i}]" for i in range(5)]
    assert {entry.verdict for entry in report.entries} == {"ok"}
    matrix = RNG.normal(size=(2, 3))
    square = check_gradient(lambda m: m * m, lambda m: np.diag(2 * m.ravel()).reshape(2, 3, 2, 3), matrix)
    assert {entry.verdict for entry in square.entries} == {"ok"}


def test_a_wrong_derivative_of_an_array_is_named_with_its_result():
    def bad(x):
        found = jacobian(x)
        found[3, 2] *= 1.001
        return found

    report = failure(vector, bad, RNG.normal(size=5))
    [entry] = [entry for entry in report.entries if entry.verdict == "wrong"]
    assert (entry.input, entry.output, entry.error) == ("x[2]", "[3]", pytest.approx(1e-3, rel=1e-3))
    assert "transposed" in str(failure(vector, lambda x: jacobian(x).T, RNG.normal(size=5)))
    with pytest.raises(ValueError, match=r"Jacobian of f, of shape \(6, 5\): f's \(6,\), then x's \(5,\)"):
        check_gradient(vector, lambda x: x, RNG.normal(size=5))


def test_second_derivatives_are_checked_as_those_of_the_first():
    def gradient(x):
        t = np.tanh(A @ x)
        return A.T @ (t * (1 - t * t))

    def hessian(x):
        t = np.tanh(A @ x)
        return A.T @ (((1 - t * t) ** 2 - 2 * t * t * (1 - t * t))[:, np.newaxis] * A)

    x = RNG.normal(size=5)
    assert check_gradient(gradient, hessian, x).ok
    assert not failure(gradient, lambda x: hessian(x) + np.eye(5) * 1e-3, x).ok


# Thousands of components

X, Y = RNG.normal(size=(32, 100)), RNG.normal(size=(32, 100))
W = RNG.normal(size=(100, 100)) / 10.0


def loss(w):
    loss.calls += 1
    return ((np.tanh(X @ w) - Y) ** 2).mean()


loss.calls = 0


def gradient(w):
    h = np.tanh(X @ w)
    return X.T @ (2 * (h - Y) * (1 - h * h) / h.size)


def test_many_components_need_few_calls():
    loss.calls = 0
    report = check_gradient(loss, gradient, W)
    assert loss.calls <= 250
    assert len(report.entries) == 10_000
    assert report.resolution < 0.01
    assert report.summary == "check_gradient: 10,000 derivatives ok"
    assert "an error in a single component shows from 0." in str(report)
    assert "10,000 derivatives, all ok, along random directions" in str(report)


@pytest.mark.parametrize("seed", range(12))
def test_one_wrong_component_among_thousands_is_named(seed):
    index = np.random.default_rng(seed).integers(100, size=2)

    def bad(w):
        found = gradient(w)
        found[*index] *= 1.01
        return found

    loss.calls = 0
    report = failure(loss, bad, W, seed=seed)
    name = f"w[{index[0]}, {index[1]}]"
    assert wrong(report) == [name]
    assert loss.calls <= 5000
    assert report.summary.startswith(f"check_gradient FAILED at {name}: 10,000 derivatives, 1 wrong")
    assert report.hints == [f"only {name} is wrong, all others agree"]


def test_a_component_that_is_missing_or_alone_is_found():
    def missing(w):
        found = gradient(w)
        found[7, 9] = 0.0
        return found

    def surplus(w):
        found = gradient(w)
        found[50] = 0.0
        return found

    assert wrong(failure(loss, missing, W)) == ["w[7, 9]"]
    report = failure(loss, surplus, W)
    assert "all that is wrong is in row 50, w[50, :]" in report.hints
    assert set(wrong(report)) <= {f"w[50, {i}]" for i in range(100)}


def test_what_was_not_looked_at_alone_is_no_more_than_suspected():
    turned = np.where(np.arange(W.size).reshape(W.shape) % 5, 1.0, -1.0)
    report = failure(loss, lambda w: turned * gradient(w), W)
    alone = [entry for entry in report.looked_at if not entry.is_sampled]
    assert all((entry.verdict == "wrong") == (turned[*map(int, entry.input[2:-1].split(", "))] < 0) for entry in alone)
    assert "10,000 derivatives, up to " in report.summary


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 1e300, -1e308, 1e200])
def test_one_component_that_is_not_finite_or_huge_is_named(number):
    x = np.random.default_rng(0).normal(size=300)

    def bad(x):
        found = 2 * x
        found[123] = number
        return found

    report = failure(lambda x: (x**2).sum(), bad, x)
    assert wrong(report) == ["x[123]"]
    assert report.hints == ["only x[123] is wrong, all others agree"] * math.isfinite(number)
    assert "300 wrong" in failure(lambda x: (x**2).sum(), lambda x: np.full_like(x, number), x).summary


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda g: 2 * g, "a factor of 2 too much"),
        (lambda g: g * math.pi, "a common factor of 0.31831 is missing"),
        (lambda g: g.T, "df/dx[i, j] is where df/dx[j, i] should be"),
        (lambda g: g + 1e-3 * W, "-0.001 times x: the derivative of an L2 penalty, -0.0005 * sum(x**2)"),
        (lambda g: g - 1e-4, "every component differs by the same number: 0.0001 has to be added"),
    ],
)
def test_mistakes_in_all_of_thousands_are_recognised(change, hint):
    report = failure(loss, lambda w: change(gradient(w)), W)
    assert any(hint in line for line in report.hints)
    lines = str(report).splitlines()
    assert len(lines) < 60
    assert "more, " in lines[-1]


def test_kinks_among_thousands_are_no_mistakes():
    def f(w):
        return np.maximum(X @ w, 0.0).sum()

    def df(w):
        return X.T @ (X @ w > 0.0).astype(float)

    assert {entry.verdict for entry in check_gradient(f, df, W).entries} == {"ok"}
    w = W.copy()
    w[:, 5] = 0.0  # the kink of every unit in this column
    report = check_gradient(f, df, w)
    assert {entry.input for entry in report.entries if entry.verdict == "kink"} == {f"w[{i}, 5]" for i in range(100)}


def test_every_component_can_be_asked_for():
    w = RNG.normal(size=250)
    sampled = check_gradient(lambda w: float((w**3).sum()), lambda w: 3 * w * w, w)
    assert all(math.isnan(entry.numeric) for entry in sampled.entries)
    every = check_gradient(lambda w: float((w**3).sum()), lambda w: 3 * w * w, w, every=True)
    assert all(entry.numeric == pytest.approx(entry.analytic) for entry in every.entries)


def test_a_jacobian_of_thousands():
    m, x = RNG.normal(size=(50, 300)), RNG.normal(size=300)

    def df(x, fault=0.0):
        found = np.cos(m @ x)[:, np.newaxis] * m
        found[7, 123] += fault
        return found

    assert check_gradient(lambda x: np.sin(m @ x), df, x).ok
    report = failure(lambda x: np.sin(m @ x), lambda x: df(x, 0.1), x)
    [entry] = [entry for entry in report.entries if entry.verdict == "wrong"]
    assert (entry.input, entry.output) == ("x[123]", "[7]")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_tensors(dtype):
    torch = pytest.importorskip("torch")
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).to(getattr(torch, dtype))
    seen = []

    def f(t):
        seen.append(t)
        return (t**3).sum()

    assert check_gradient(f, lambda t: 3 * t**2, x).ok
    assert {t.dtype for t in seen} == {x.dtype}
    report = failure(f, lambda t: 2 * t**2, x)
    assert wrong(report)[0] == "t[0, 0]"
    assert "a common factor of 1.5 is missing" in report.hints[0]
    big = torch.randn(30, 30, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    assert check_gradient(lambda t: (t.double() ** 3).sum(), lambda t: 3 * t**2, big).ok


def test_jax_arrays():
    jax = pytest.importorskip("jax")
    x = jax.random.normal(jax.random.PRNGKey(0), (4, 3))
    assert check_gradient(lambda x: (x**3).sum(), lambda x: 3 * x**2, x).ok
    assert not failure(lambda x: (x**3).sum(), lambda x: 2 * x**2, x).ok


# Reports


def test_reports_as_data_and_in_notebooks():
    report = failure(lambda p: p[0] * p[1], lambda p: [p[0], p[1]], [2.0, math.pi])
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (data["check"], data["ok"]) == ("check_gradient", False)
    assert [entry["verdict"] for entry in data["entries"]] == ["wrong", "wrong"]
    assert data["entries"][0]["numeric"] == pytest.approx(math.pi)
    page = report._repr_html_()
    assert page.count("<tr") == 3
    assert "derivative by another argument, p[1]" in page
    infinite = check_gradient(math.sqrt, lambda x: math.inf, 0.0).to_dict()
    assert infinite["entries"][0]["analytic"] == "inf"


def test_names_are_data_in_a_page():
    report = check_gradient(lambda p: p["<b>"], lambda p: {"<b>": 1.0}, {"<b>": 2.0})
    assert "p[&#x27;&lt;b&gt;&#x27;]" in report._repr_html_()
