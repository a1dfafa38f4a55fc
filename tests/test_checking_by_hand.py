"""check_gradient: derivatives worked out by hand, anybody's code, and the usual mistakes in them."""

import math
import random

import numpy as np
import pytest

from autograd import GradcheckError, check_gradient
from autograd.checking.differences import slope_of_floats

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
Y = np.arange(5.0)
W = np.array([0.3, -0.2, 0.9])
SQUARE = RNG.normal(size=(3, 3))
WIDE = RNG.normal(size=(2, 3))
V = np.array([1.0, 2.0, 3.0])


def mse(w):
    return ((X @ w - Y) ** 2).mean()


def mse_gradient(w):
    return 2 * X.T @ (X @ w - Y) / 5


def layer(weights):
    return np.tanh(weights @ V).sum()


def layer_gradient(weights):
    return np.outer(1 - np.tanh(weights @ V) ** 2, V)


def failure(f, df, x, **kwargs):
    with pytest.raises(GradcheckError) as caught:
        check_gradient(f, df, x, **kwargs)
    return caught.value.report


def bad(report):
    return [entry.input for entry in report.entries if entry.verdict == "wrong"]


@pytest.mark.parametrize(
    ("f", "df", "x"),
    [
        (lambda x: 1 / x, lambda x: -1 / x**2, 1e-5),
        (lambda x: 1 / x, lambda x: -1 / x**2, -1e-100),
        (math.log, lambda x: 1 / x, 1e-6),
        (lambda x: x + 1e9, lambda x: 1.0, 1.0),
        (lambda x: 1 / (1 + math.exp(-x)), lambda x: 1 / (2 + 2 * math.cosh(x)), 12.0),
        (lambda x: 1e-6 * x * x, lambda x: 2e-6 * x, 1.5),
        (math.log1p, lambda x: 1 / (1 + x), -0.999999),
        (lambda x: math.sin(1000 * x), lambda x: 1000 * math.cos(1000 * x), 3.0),
        (math.exp, math.exp, 30.0),
        (lambda x: x * x, lambda x: 2 * x, 0.0),
        (lambda x: 3.0, lambda x: 0.0, 2.0),
        (math.asin, lambda x: 1 / math.sqrt(1 - x * x), 0.999),
        (lambda p: p[0] * p[1], lambda p: [p[1], p[0]], [2.0, 3.0]),
        (lambda p: p[0][0] * p[1][0], lambda p: [[p[1][0]], [p[0][0]]], [[2], [3]]),
        (mse, mse_gradient, W),
        (layer, layer_gradient, SQUARE),
        (layer, layer_gradient, WIDE),
    ],
)
def test_right_derivatives_are_ok(f, df, x):
    report = check_gradient(f, df, x)
    assert {entry.verdict for entry in report.entries} == {"ok"}
    assert len(report.entries) == np.size(x)


@pytest.mark.parametrize(
    ("f", "df", "x", "hint"),
    [
        (mse, lambda w: -mse_gradient(w), W, "sign"),
        (mse, lambda w: mse_gradient(w) / 2, W, "factor of 2 is missing"),
        (mse, lambda w: mse_gradient(w) * 2, W, "factor of 2 too much"),
        (mse, lambda w: mse_gradient(w) * 5, W, "1/n of a mean missing, with n = 5"),
        (mse, lambda w: mse_gradient(w) * 3, W, "3 times too large: is the 1/n"),
        (mse, lambda w: mse_gradient(w) * -3, W, "3 times too large and the sign is wrong"),
        (mse, lambda w: mse_gradient(w) / -5, W, "1/n too much, with n = 5"),
        (mse, lambda w: 0 * w, W, "0 everywhere"),
        (
            mse,
            lambda w: mse_gradient(w) / 2.5,
            W,
            "everything is 0.4 times the true derivative: a common factor of 2.5",
        ),
        (mse, lambda w: mse_gradient(w) * math.pi, W, "a common factor of 0.31831 is missing"),
        (mse, lambda w: mse_gradient(w) + 0.3, W, "-0.3 has to be added"),
        (lambda w: mse(w) + 0.05 * w @ w, mse_gradient, W, "an L2 penalty, 0.05 * sum(x**2)"),
        (mse, lambda w: mse_gradient(w) * [2, 2, 1], W, "all 2 times the true ones: are they counted twice?"),
        (mse, lambda w: mse_gradient(w)[[1, 0, 2]], W, "another argument, w[1]"),
        (layer, lambda w: layer_gradient(w).T, SQUARE, "transposed"),
        (layer, lambda w: layer_gradient(w).T, WIDE, "transposed"),
        (lambda x: 1e-6 * x * x, lambda x: 1e-6 * x, 1.5, "factor of 2 is missing"),
        (lambda x: 1 / (1 + math.exp(-x)), lambda x: 0.0, 12.0, "0 everywhere"),
    ],
)
def test_usual_mistakes_are_recognised(f, df, x, hint):
    report = failure(f, df, x)
    assert any(hint in line for line in report.hints)
    assert hint in str(report)


def test_a_mistake_that_is_not_a_usual_one_gets_no_guess():
    assert failure(mse, lambda w: mse_gradient(w) * np.array([1.0, 1.01, 1.02]), W).hints == []
    assert failure(lambda x: x**3, lambda x: 2.5 * x, 2.0).hints == []  # one number proves nothing
    report = failure(mse, lambda w: mse_gradient(w) * np.array([1.0, 1.0, 1.0001]), W)
    assert report.hints == ["only w[2] is wrong, all others agree"]
    assert bad(report) == ["w[2]"]
    assert report.entries[2].error == pytest.approx(1e-4, rel=1e-4)


def test_components_are_named_as_they_are_indexed():
    assert bad(failure(layer, lambda weights: layer_gradient(weights) + np.eye(2, 3), WIDE)) == [
        "weights[0, 0]",
        "weights[1, 1]",
    ]
    assert bad(failure(lambda p: p[0][1] ** 2, lambda p: [[0.0, 1.0]], [[1.0, 2.0]])) == ["p[0][1]"]


def test_the_derivative_of_the_ssr_of_the_lectures():
    doses, observed = [0.0, 0.5, 1.0], [0.0, 1.0, 0.0]

    def predicted(dose, w1):
        y1 = math.log1p(math.exp(dose * w1 + 2.14))
        y2 = math.log1p(math.exp(dose * -2.52 + 1.29))
        return -1.30 * y1 + 2.28 * y2 - 0.58

    def ssr(w1):
        return sum((o - predicted(d, w1)) ** 2 for d, o in zip(doses, observed, strict=True))

    def dssr_dw1(w1, factor=-2):
        total = 0.0
        for dose, o in zip(doses, observed, strict=True):
            e = math.exp(dose * w1 + 2.14)
            total += factor * (o - predicted(dose, w1)) * -1.30 * e / (1 + e) * dose
        return total

    assert check_gradient(ssr, dssr_dw1, -34.4).ok
    assert "sign" in str(failure(ssr, lambda w1: dssr_dw1(w1, factor=2), -34.4))


# Verdicts that respect what differences can tell


def test_kinks_have_both_sides():
    report = check_gradient(abs, lambda x: 0.0, 0.0)
    [entry] = report.entries
    assert (entry.verdict, entry.left, entry.right) == ("kink", -1.0, 1.0)
    assert check_gradient(lambda x: max(x, 0.0), lambda x: 0.0, 0.0).entries[0].numeric == 0.5
    assert not failure(abs, lambda x: 0.0, 0.0, kinks="fail").ok
    assert not failure(abs, lambda x: 2.0, 0.0, kinks="subgradient").ok
    assert check_gradient(lambda x: max(x, 0.0), lambda x: 1.0, 1e-9).entries[0].verdict == "ok"


def test_the_edge_of_a_domain_has_one_side():
    assert check_gradient(lambda x: x * math.sqrt(x), lambda x: 1.5 * math.sqrt(x), 0.0).ok
    assert check_gradient(math.sqrt, lambda x: math.inf, 0.0).entries[0].verdict == "ok"
    assert bad(failure(lambda x: x * math.sqrt(x), lambda x: 1.0, 0.0)) == ["x"]


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_coarse_arithmetic_is_believed_as_far_as_it_goes(kind):
    def cube(x):
        return float(kind(x) * kind(x) * kind(x))  # powers of NumPy before 2 are in float64

    report = check_gradient(cube, lambda x: 3 * x * x, 1.3)
    assert report.entries[0].verdict == "ill-conditioned"
    assert 1e-7 < report.resolution < 0.15
    assert bad(failure(cube, lambda x: 2 * x * x, 1.3)) == ["x"]


def test_errors_are_within_the_estimate():
    for f, df in [(math.sin, math.cos), (math.exp, math.exp), (math.tanh, lambda x: 1 / math.cosh(x) ** 2)]:
        for x in np.linspace(-3, 3, 31).tolist():
            slope = slope_of_floats(f, x)
            assert abs(slope.middle - df(x)) <= slope.error + 1e-15
            assert slope.error <= 1e-7 * abs(df(x)) + 1e-14


WAVES = [(math.sin, math.cos, x) for x in (1e6, -77865.80935715517, 34659.984198256156, 1098.946818491735, 1121.27)]
WAVES += [
    (lambda x: x * math.sin(50 * x), lambda x: math.sin(50 * x) + 50 * x * math.cos(50 * x), x)
    for x in (5.462590095115829, -5.385072522949406, 6.779004589485542, -2.6298090757052197)
]


@pytest.mark.parametrize(("f", "df", "x"), WAVES)
def test_steps_of_many_periods_are_not_believed(f, df, x):
    assert check_gradient(f, df, x).entries[0].verdict == "ok"
    assert bad(failure(f, lambda x: 1.001 * df(x), x)) == ["x"]


def logistic(x):
    return 1 / (1 + math.exp(-x))


SMOOTH = {
    "exp": (math.exp, math.exp, 2.5),
    "sin": (math.sin, math.cos, 6.0),
    "log": (lambda x: math.log(abs(x)), lambda x: 1 / x, 6.0),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, 6.0),
    "arctan": (math.atan, lambda x: 1 / (1 + x * x), 6.0),
    "power": (lambda x: abs(x) ** 1.5, lambda x: math.copysign(1.5 * abs(x) ** 0.5, x), 6.0),
    "gaussian": (lambda x: math.exp(-x * x), lambda x: -2 * x * math.exp(-x * x), 0.5),
    "logistic": (logistic, lambda x: 1 / (2 + 2 * math.cosh(x)), 1.5),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_are_smooth_at_any_magnitude(name):
    f, df, largest = SMOOTH[name]
    rng = random.Random(name)
    for _ in range(60):
        x = math.copysign(10.0 ** rng.uniform(-8.0, largest), rng.random() - 0.5)
        lost = abs(f(x)) / abs(x * df(x))  # how many times larger the rounding of f is than that of its derivative
        assert check_gradient(f, df, x).entries[0].verdict == ("ok" if lost < 4e12 else "ill-conditioned")
        assert bad(failure(f, lambda x: -df(x), x)) == ["x"]


@pytest.mark.parametrize(
    ("f", "df", "x", "verdict"),
    [
        (logistic, lambda x: 1 / (2 + 2 * math.cosh(x)), 27.54902320417989, "ill-conditioned"),
        (logistic, lambda x: 1 / (2 + 2 * math.cosh(x)), 30.335556543242944, "ill-conditioned"),
        (lambda x: x + 1e9, lambda x: 1.0, 5.648359406540926e-08, "ill-conditioned"),
        (lambda x: x * x + 1e-9 * math.sin(1e9 * x), lambda x: 2 * x, 1.0, "ill-conditioned"),
    ],
)
def test_rounding_is_no_kink(f, df, x, verdict):
    assert check_gradient(f, df, x).entries[0].verdict == verdict
    assert bad(failure(f, lambda x: -df(x), x)) == ["x"]


def test_an_infinite_slope_on_one_side_is_a_kink():
    [entry] = check_gradient(lambda x: x * math.log(x) if x > 0 else 0.0, lambda x: 0.0, 0.0).entries
    assert (entry.verdict, entry.left, entry.right) == ("kink", pytest.approx(0.0), -math.inf)


def test_an_infinite_slope_on_both_sides_is_none():
    def root(x):
        return math.copysign(abs(x) ** (1 / 3), x)

    assert check_gradient(root, lambda x: math.inf, 0.0).entries[0].verdict == "ok"
    assert bad(failure(root, lambda x: 0.0, 0.0)) == ["x"]


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (math.floor, 1.0),
        (lambda x: x - math.floor(x), 1.0),
        (lambda x: x if x > 1 else 2 * x, 1.0),
        (lambda x: x + 2 if x >= 3 else x, 3.0),
        (lambda x: 1 / x if x > 0 else 0.0, 0.0),
        (lambda x: np.float32(np.sin(x)) + np.float32(x >= 3), 3.0),
    ],
)
@pytest.mark.parametrize("derivative", [0.0, 1.0, 55.0])
@pytest.mark.parametrize("kinks", ["report", "subgradient"])
def test_jumps_are_wrong_whatever_the_derivative(f, x, derivative, kinks):
    report = failure(f, lambda x: derivative, x, kinks=kinks)
    assert bad(report) == ["x"]
    assert "the function jumps here" in str(report)


def test_steep_is_no_jump():
    def steep(x):
        return math.tanh(1e9 * (x - 3.0))

    assert check_gradient(steep, lambda x: 1e9, 3.0).ok
    assert bad(failure(steep, lambda x: 2e9, 3.0)) == ["x"]


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-10, 1e-12])
def test_steps_shrink_until_they_fit_into_the_domain(distance):
    x = 1.0 - distance

    def slope(x):
        return 1.0 / math.sqrt((1.0 - x) * (1.0 + x))

    assert check_gradient(math.asin, slope, x).ok
    assert bad(failure(math.acos, slope, x)) == ["x"]  # the sign
    assert bad(failure(math.asin, lambda x: 1.01 * slope(x), x)) == ["x"]


def test_a_derivative_of_nan_is_wrong_at_a_kink_too():
    assert bad(failure(abs, lambda x: math.nan, 0.0)) == ["x"]
    assert bad(failure(abs, lambda x: math.inf, 0.0)) == ["x"]


def test_large_arrays_need_few_calls():
    calls = []

    def f(w):
        calls.append(1)
        return float(np.sum(w**3))

    check_gradient(f, lambda w: 3 * w * w, RNG.normal(size=50))
    assert len(calls) < 50 * 50


# Bad input


@pytest.mark.parametrize(
    ("f", "df", "x", "error", "message"),
    [
        (abs, lambda x: [1.0, 2.0], 1.0, ValueError, "structure of x: expected number, got"),
        (sum, lambda x: [1.0], [1.0, 2.0], ValueError, "structure of x"),
        (lambda x: "a", abs, 1.0, TypeError, "result of f"),
        (lambda x: np.array([1.0, 2.0]), abs, 1.0, ValueError, r"Jacobian of f, of shape \(2,\)"),
        (abs, lambda x: None, 1.0, TypeError, "result of df"),
        (abs, abs, "a", TypeError, "x must be"),
        (abs, 1.0, 1.0, TypeError, "df must be a function of x, got 1.0"),
        (1.0, abs, 1.0, TypeError, "f must be a function of x, got 1.0"),
        (lambda x: math.nan, abs, 1.0, ValueError, "nan"),
        (abs, abs, 1.0, ValueError, "kinks must be"),
    ],
)
def test_bad_input_is_one_clear_error(f, df, x, error, message):
    with pytest.raises(error, match=message):
        check_gradient(f, df, x, **({"kinks": "no"} if "kinks" in message else {}))


def test_there_is_no_graph_to_draw():
    with pytest.raises(ValueError, match="no graph"):
        check_gradient(abs, lambda x: 1.0, 1.0).draw()


def test_f_may_change_its_argument():
    def f(w):
        w *= 2
        return float(w.sum())

    x = np.array([1.0, 2.0])
    assert check_gradient(f, lambda w: np.full(2, 2.0), x).ok
    assert x.tolist() == [1.0, 2.0]


class Tensor:
    """As other libraries have them: no number, no sequence, with `tolist`."""

    def __init__(self, numbers):
        self._numbers = numbers

    def tolist(self):
        return self._numbers


@pytest.mark.parametrize(("df", "x"), [
    (lambda w: Tensor((2 * w).tolist()), V),
    (lambda w: Tensor([2 * x for x in w]), [1.0, 2.0]),
    (lambda w: [Tensor(2 * x) for x in w], [1.0, 2.0]),
    (lambda w: tuple(Tensor(2 * x) for x in w), (1.0, 2.0)),
    (lambda w: {"a": Tensor(2 * w["a"])}, {"a": 3.0}),
    (lambda w: Tensor(2 * w), 3.0),
    (lambda w: Tensor((2 * w).tolist()), WIDE),
])  # fmt: skip
def test_results_may_be_tensors_of_other_libraries(df, x):
    def f(w):
        numbers = w["a"] if isinstance(w, dict) else w
        return Tensor(float((np.asarray(numbers) ** 2).sum()))

    assert all(entry.verdict == "ok" for entry in check_gradient(f, df, x).entries)


# Where f does not tell


@pytest.mark.parametrize("x", [1e15, -3e16, 1e20, 7e100, 1e300])
def test_a_function_that_varies_between_neighbouring_numbers_tells_nothing(x):
    for df in (math.cos, lambda x: 0.0, lambda x: 2.0):
        report = check_gradient(math.sin, df, x)
        assert report.entries[0].verdict == "ill-conditioned"
        assert report.resolution == math.inf
        assert "no error would have shown" in str(report)
    assert check_gradient(math.sin, math.cos, 1e10).entries[0].verdict == "ok"


def test_a_wiggle_that_may_be_noise_is_no_mistake_either_way():
    def f(x):
        return x + 1e-9 * math.sin(1e9 * x)

    rng, wrong = random.Random(0), 0
    for _ in range(40):
        x = rng.uniform(-5.0, 5.0)
        for df in (lambda x: 1.0, lambda x: 1.0 + math.cos(1e9 * x)):
            try:
                check_gradient(f, df, x)
            except GradcheckError:
                wrong += 1
        assert not failure(f, lambda x: 5.0, x).ok
    assert wrong <= 4  # of 80, as at the top of a wave, where f is flat to all its digits


def test_a_function_that_overflows_is_ill_conditioned():
    [entry] = check_gradient(lambda x: x * x, lambda x: 2 * x, 1e300).entries
    assert entry.verdict == "ill-conditioned"
    assert entry.note.startswith("f does not tell")
    assert bad(failure(lambda x: x * x, lambda x: math.nan, 1e300)) == ["x"]


@pytest.mark.parametrize("x", [math.inf, np.array([1.0, -math.inf]), [0.0, math.nan]])
def test_nothing_has_a_derivative_at_infinity(x):
    with pytest.raises(ValueError, match=r"x(\[1\])? is (inf|-inf|nan), where nothing has a derivative"):
        check_gradient(lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2, x)


def test_there_has_to_be_a_number_to_check():
    with pytest.raises(ValueError, match="x holds no numbers"):
        check_gradient(np.sum, np.ones_like, np.zeros((0, 3)))


def test_a_list_that_contains_itself_is_no_place():
    endless = [1.0]
    endless.append({"again": endless})
    with pytest.raises(ValueError, match=r"x\[1\]\['again'\] contains itself"):
        check_gradient(lambda x: x[0], lambda x: x, endless)


def test_noise_where_a_function_is_small_is_noise():
    rng = random.Random(0)
    for x in (2.5e-3, 1e-4, -7e-4):
        assert check_gradient(lambda x: x**3 + 1e-9 * rng.gauss(0.0, 1.0), lambda x: 3 * x * x, x).ok
