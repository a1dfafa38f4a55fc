"""LBFGS and LevenbergMarquardt: closed forms, minima, checkpoints, standard errors, refusals."""

import math

import numpy as np
import pytest

import nn
from autograd import AnomalyError, exp
from nn.optim.lbfgs import strong_wolfe

RNG = np.random.default_rng(0)
X = np.linspace(-1.0, 1.0, 60)
CURVE = np.exp(-4.0 * X**2)
LINE = 2.0 * X + 1.0 + 0.1 * RNG.normal(size=60)
KINDS = pytest.mark.parametrize("kind", [nn.LBFGS, nn.LevenbergMarquardt])
ENGINES = pytest.mark.parametrize("compile", [True, False])


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


def trained(kind, model, y, epochs=100, **settings):
    settings = {"loss": nn.mse, "optimizer": kind(model.parameters()), **settings}
    return nn.fit(model, X, y, epochs=epochs, **settings)


def curve(seed=1):
    return nn.MLP([1, 8, 1], activation="tanh", seed=seed)


@KINDS
@ENGINES
@pytest.mark.parametrize("loss", [nn.mse, nn.ssr])
def test_a_line_is_least_squares(kind, compile, loss):
    model = nn.Linear(1, 1, seed=0)
    history = trained(kind, model, LINE, loss=loss, compile=compile)
    expected = np.polyfit(X, LINE, 1)
    assert numbers(model) == pytest.approx(expected.tolist(), rel=1e-7)
    residuals = LINE - np.polyval(expected, X)
    assert history.loss[-1] == pytest.approx((residuals**2).sum() if loss is nn.ssr else (residuals**2).mean())


@KINDS
def test_weights_are_those_of_weighted_least_squares(kind):
    weights = RNG.uniform(0.0, 2.0, size=60)
    weights[:5] = 0.0
    model = nn.Linear(1, 1, seed=0)
    trained(kind, model, LINE, sample_weight=weights)
    assert numbers(model) == pytest.approx(np.polyfit(X, LINE, 1, w=np.sqrt(weights)).tolist(), rel=1e-7)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_curve_is_fitted_to_nine_digits(seed):
    """In as many epochs as the acceleration needs; without it they are 80 to 200."""
    assert trained(nn.LevenbergMarquardt, curve(seed), CURVE, epochs=45).loss[-1] < 1e-9


class Formula(nn.Module):
    """A function of one number and of parameters b."""

    def __init__(self, function, start):
        self.function, self.b = function, [nn.Parameter(float(number)) for number in start]

    def forward(self, xs):
        return [self.function(self.b, xs[0])]


def saturating(b, x):
    return b[0] * (1.0 - exp(-b[1] * x))


MISRA = (
    saturating,
    [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0],
    [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78],
    {"b[0]": (2.3894212918e02, 2.7070075241), "b[1]": (5.5015643181e-04, 7.2668688436e-06)},
)
KOWALIK = (
    lambda b, x: b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3]),
    [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
    [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
    {
        "b[0]": (1.9280693458e-01, 1.1435312227e-02),
        "b[1]": (1.9128232873e-01, 1.9633220911e-01),
        "b[2]": (1.2305650693e-01, 8.0842031232e-02),
        "b[3]": (1.3606233068e-01, 9.0025542308e-02),
    },
)


@pytest.mark.parametrize(
    ("case", "start"),
    [(MISRA, [500, 1e-4]), (MISRA, [250, 5e-4]), (KOWALIK, [25, 39, 41.5, 39]), (KOWALIK, [0.25, 0.39, 0.415, 0.39])],
)
def test_certified_values_of_nist(case, start):
    """Misra1a and MGH09 of the Statistical Reference Datasets, whose parameters differ in size by up to a million."""
    function, x, y, certified = case
    model = Formula(function, start)
    optimizer = nn.LevenbergMarquardt(model.parameters())
    history = nn.fit(model, x, y, loss=nn.ssr, optimizer=optimizer, epochs=150)
    assert history.stopped == "converged"
    errors = history.standard_errors()
    for name, parameter in model.named_parameters():
        value, error = certified[name]
        assert parameter.data == pytest.approx(value, rel=1e-7)
        assert errors[name] == pytest.approx(error, rel=1e-7)


@pytest.mark.parametrize("unit", [1e2, 1e-3, 1e-8])
def test_units_of_parameters_matter_little(unit):
    model = Formula(lambda b, x: b[0] * (1.0 - exp(-b[1] * (x * unit))), [500, 1e-4 / unit])
    optimizer = nn.LevenbergMarquardt(model.parameters())
    history = nn.fit(model, *MISRA[1:3], loss=nn.ssr, optimizer=optimizer, epochs=60)
    assert (history.stopped, history.loss[-1]) == ("converged", pytest.approx(0.12455138894, rel=1e-9))


@pytest.mark.parametrize("seed", range(8))
def test_no_start_ends_where_units_are_flat(seed):
    """The mean of a parabola is where weights that are hardly held back run to."""
    model = nn.MLP([1, 3, 1], activation="tanh", seed=seed)
    xs = np.linspace(-1.0, 1.0, 21)
    optimizer = nn.LevenbergMarquardt(model.parameters())
    assert nn.fit(model, xs, xs * xs, loss=nn.mse, optimizer=optimizer, epochs=60).loss[-1] < 1e-6


@KINDS
def test_an_optimiser_may_go_on_with_other_data(kind):
    model = nn.Linear(1, 1, seed=0)
    optimizer = kind(model.parameters())
    for y in (LINE, 1e3 * LINE[::-1]):
        trained(kind, model, y, optimizer=optimizer)
        assert numbers(model) == pytest.approx(np.polyfit(X, y, 1).tolist(), rel=1e-6)


def test_lbfgs_ends_where_the_loss_is_flat_up_to_rounding():
    model = curve(0)
    history = trained(nn.LBFGS, model, np.where(X > 0.2, 1.0, 0.0), epochs=2000)
    assert (history.stopped, history.loss[-1] < 1e-20) == ("converged", True)


def test_lbfgs_goes_straight_downhill_where_its_curvature_misleads():
    """At the kinks of relu; it would end at 0.0048."""
    model = nn.MLP([1, 8, 1], activation="relu", seed=3)
    assert trained(nn.LBFGS, model, np.sin(3.0 * X) + 0.5 * X**2, epochs=600).loss[-1] < 0.0045


@KINDS
def test_rows_that_count_for_nothing_may_overflow(kind):
    model = Formula(saturating, [1.0, 1.0])
    x, y, weights = [*np.linspace(0.0, 2.0, 9), -1e4], [*(1.0 - np.exp(-2.0 * np.linspace(0.0, 2.0, 9))), 0.0], [1] * 9
    nn.fit(model, x, y, loss=nn.mse, optimizer=kind(model.parameters()), epochs=80, sample_weight=[*weights, 0])
    assert numbers(model) == pytest.approx([1.0, 2.0], rel=1e-4)


@KINDS
@pytest.mark.parametrize("call", [5, 110, 155])
def test_an_interrupted_step_is_none(kind, call, tmp_path):
    calls = 0

    class Interrupted(nn.Module):
        def __init__(self):
            self.net = curve()

        def forward(self, xs):
            nonlocal calls
            calls += 1
            if calls == call:
                raise KeyboardInterrupt
            return self.net(xs)

    def run(epochs, path, model):
        optimizer = kind(model.parameters())
        history = nn.fit(
            model, X[::6], LINE[::6], loss=nn.mse, optimizer=optimizer, epochs=epochs, compile=False, checkpoint=path
        )
        assert optimizer.steps == len(history)
        return history

    history = run(12, tmp_path / "run.json", model := Interrupted())
    assert history.stopped == "interrupted"
    run(12, tmp_path / "run.json", model := Interrupted())
    expected = Interrupted()
    run(12, None, expected)
    assert numbers(model) == numbers(expected)


def test_what_no_program_computes_is_trained_eagerly():
    class Reads(nn.Module):
        def __init__(self):
            self.line = nn.Linear(1, 1, seed=0)

        def forward(self, xs):
            return [self.line(xs)[0] * (1.0 if float(xs[0]) > -5.0 else 2.0)]

    model = Reads()
    history = trained(nn.LevenbergMarquardt, model, LINE, epochs=20)
    assert (history.engine, "reads the number of a Value" in history.why_eager) == ("eager", True)
    assert numbers(model) == pytest.approx(np.polyfit(X, LINE, 1).tolist(), rel=1e-7)


@ENGINES
def test_a_model_of_which_an_output_is_constant(compile):
    class Half(nn.Module):
        def __init__(self):
            self.line = nn.Linear(1, 1, seed=0)

        def forward(self, xs):
            return [*self.line(xs), 3.0]

    model = Half()
    history = trained(nn.LevenbergMarquardt, model, np.stack([LINE, LINE], axis=1), compile=compile)
    assert history.engine == ("compiled" if compile else "eager")
    assert numbers(model) == pytest.approx(np.polyfit(X, LINE, 1).tolist(), rel=1e-7)


@ENGINES
def test_errors_say_at_which_row(compile):
    with pytest.raises(ValueError, match="must have equal lengths, got 2 and 1") as caught:
        trained(nn.LevenbergMarquardt, nn.Linear(1, 2, seed=0), LINE, compile=compile)
    assert any("row 0 of the inputs" in note for note in caught.value.__notes__)


def test_lbfgs_needs_far_fewer_epochs_than_gradient_descent():
    descent = nn.fit(curve(), X, CURVE, loss=nn.mse, lr=0.1, epochs=300).loss[-1]
    assert trained(nn.LBFGS, curve(), CURVE, epochs=100).loss[-1] < 0.02 * descent


def test_lbfgs_takes_any_loss():
    rows, classes = RNG.normal(size=(50, 2)), RNG.integers(0, 3, size=50)
    model = nn.Linear(2, 3, seed=0)
    history = nn.fit(model, rows, classes, loss=nn.cross_entropy, optimizer=nn.LBFGS(model.parameters()), epochs=200)
    model.zero_grad()
    nn.cross_entropy([model(row) for row in rows.tolist()], classes.tolist()).backward()
    assert max(abs(parameter.grad) for parameter in model.parameters()) < 1e-6
    assert history.loss == sorted(history.loss, reverse=True)


@KINDS
def test_steps_never_go_uphill_and_end_when_there_is_none(kind):
    history = trained(kind, nn.Linear(1, 1, seed=0), LINE, epochs=500)
    assert all(later <= earlier + 1e-15 for earlier, later in zip(history.loss, history.loss[1:], strict=False))
    assert history.stopped == "converged"
    assert len(history) < 100


@KINDS
@ENGINES
def test_resumed_to_the_last_bit(kind, compile, tmp_path):
    def run(epochs, path):
        model = curve()
        trained(kind, model, CURVE, epochs=epochs, checkpoint=path, compile=compile)
        return numbers(model)

    whole = run(12, tmp_path / "whole.json")
    run(5, tmp_path / "run.json")
    assert run(12, tmp_path / "run.json") == whole


@KINDS
def test_frozen_parameters_stay(kind):
    model = curve()
    model[0].weight[0][0].trainable = False
    before = numbers(model)
    history = trained(kind, model, CURVE, epochs=20)
    assert numbers(model)[0] == before[0]
    assert numbers(model)[1] != before[1]
    assert history.loss[-1] < history.loss[0]


def test_several_outputs():
    targets = np.stack([CURVE, LINE], axis=1)
    for loss in (nn.mse, nn.ssr):
        model = nn.Linear(1, 2, seed=0)
        history = trained(nn.LevenbergMarquardt, model, targets, loss=loss)
        each = [np.polyfit(X, column, 1) for column in targets.T]
        assert model.state_dict()["weight"][:, 0].tolist() == pytest.approx([fit[0] for fit in each], abs=1e-7)
        assert len(history.standard_errors()) == 4


@ENGINES
def test_standard_errors_of_a_line_are_the_textbook_s(compile):
    """s / sqrt(Sxx) for the slope, s * sqrt(1/n + mean^2 / Sxx) for the intercept; s^2 = SSR / (n - 2)."""
    model = nn.Linear(1, 1, seed=0)
    history = trained(nn.LevenbergMarquardt, model, LINE, compile=compile)
    residuals = LINE - np.polyval(np.polyfit(X, LINE, 1), X)
    s, spread = math.sqrt((residuals**2).sum() / 58), ((X - X.mean()) ** 2).sum()
    expected = [s / math.sqrt(spread), s * math.sqrt(1 / 60 + X.mean() ** 2 / spread)]
    errors = history.standard_errors()
    assert list(errors) == ["weight[0][0]", "bias[0]"]
    assert list(errors.values()) == pytest.approx(expected, rel=1e-6)


def test_what_the_data_do_not_determine_has_an_infinite_error():
    class Redundant(nn.Module):
        def __init__(self):
            self.a, self.b, self.c = nn.Parameter(1.0), nn.Parameter(1.0), nn.Parameter(0.0)

        def forward(self, xs):
            return [(self.a + self.b) * xs[0] + self.c]

    errors = trained(nn.LevenbergMarquardt, Redundant(), LINE).standard_errors()
    assert errors["a"] == errors["b"] == math.inf > errors["c"] > 0


def test_parameters_that_share_a_name_have_an_error_each():
    class Plane(nn.Module):
        def __init__(self):
            self.a, self.b, self.c = nn.Parameter(1.0, name="w"), nn.Parameter(1.0, name="w"), nn.Parameter(0.0)

        def forward(self, xs):
            return self.a * xs[0] + self.b * xs[0] ** 2 + self.c

    errors = trained(nn.LevenbergMarquardt, Plane(), LINE).standard_errors()
    assert list(errors) == ["w (parameters[0])", "w (parameters[1])", "c"]


def test_a_model_that_fails_leaves_the_weights_of_the_last_step():
    class Failing(nn.Linear):
        calls = 0

        def forward(self, xs):
            self.calls += 1
            if self.calls > 500:
                raise ZeroDivisionError("no more")
            return super().forward(xs)

    model, seen = Failing(1, 1, seed=0), []
    with pytest.raises(ZeroDivisionError, match="no more") as failure:
        trained(nn.LevenbergMarquardt, model, LINE, compile=False, on_epoch=lambda history: seen.append(numbers(model)))
    assert failure.value.__context__ is None
    assert numbers(model) == seen[-1]
    assert not any(parameter.has_grad for parameter in model.parameters())


def test_standard_errors_that_do_not_exist():
    with pytest.raises(ValueError, match=r"only nn\.LevenbergMarquardt"):
        trained(nn.LBFGS, nn.Linear(1, 1, seed=0), LINE).standard_errors()
    model = nn.Linear(1, 1, seed=0)
    history = nn.fit(
        model, [0.0, 1.0], [1.0, 2.0], loss=nn.ssr, optimizer=nn.LevenbergMarquardt(model.parameters()), epochs=5
    )
    with pytest.raises(ValueError, match="more residuals than parameters, and there are 2 for 2"):
        history.standard_errors()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": nn.huber}, "with loss=nn.ssr or loss=nn.mse; the squares of huber are not known"),
        ({"loss": lambda outputs, target: nn.mse(outputs, target)}, "the squares of <lambda> are not known"),
        ({"batch_size": 10}, "takes the whole data set; leave batch_size and schedule out"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        trained(nn.LevenbergMarquardt, nn.Linear(1, 1, seed=0), LINE, **settings)


@KINDS
def test_there_is_no_learning_rate(kind):
    parameters = nn.Linear(1, 1, seed=0).parameters()
    for wrong in (
        lambda: kind(parameters, lr=0.1),
        lambda: kind(parameters, 0.1),
        lambda: kind([{"params": parameters, "lr": 0.1}]),
    ):
        with pytest.raises(TypeError, match=f"{kind.__name__} takes nothing but parameters"):
            wrong()
    with pytest.raises(AttributeError, match="it has no learning rate"):
        kind(parameters).lr = 0.1
    assert repr(kind(parameters)) == f"{kind.__name__}(2 parameters)"


def test_huge_and_tiny_numbers_warn_of_nothing():
    with pytest.raises(AnomalyError, match="the loss is inf"):
        nn.fit(
            model := curve(), 1e200 * X, 1e200 * X, loss=nn.mse, optimizer=nn.LevenbergMarquardt(model.parameters()),
            epochs=20,
        )  # fmt: skip
    assert trained(nn.LevenbergMarquardt, nn.Linear(1, 1, seed=0), 1e150 * X, epochs=20).loss[-1] < 1e280
    model = nn.Linear(1, 1, seed=0)
    errors = nn.fit(
        model, 1e-200 * X, 1e-200 * X, loss=nn.mse, optimizer=nn.LevenbergMarquardt(model.parameters()), epochs=20
    ).standard_errors()
    assert errors["weight[0][0]"] == math.inf > errors["bias[0]"]


@KINDS
def test_a_step_by_hand_points_to_fit(kind):
    with pytest.raises(TypeError, match=r"give it to nn\.fit"):
        kind([nn.Parameter(1.0)]).step()


@pytest.mark.parametrize(
    "line",
    [
        lambda t: ((t - 3.0) ** 2, 2.0 * (t - 3.0)),
        lambda t: (-t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0) ** 2),  # More and Thuente 1994, example 1
        lambda t: (math.inf, math.nan) if t > 0.5 else ((t - 0.4) ** 2, 2.0 * (t - 0.4)),
        lambda t: (math.cosh(t - 40.0) if t < 700 else math.inf, math.sinh(t - 40.0) if t < 700 else math.nan),
    ],
)
@pytest.mark.parametrize("first", [1e-3, 1.0, 100.0])
def test_strong_wolfe_steps(line, first):
    step = strong_wolfe(line, first)
    (value0, slope0), (value, slope) = line(0.0), line(step)
    assert step > 0
    assert value <= value0 + 1e-4 * step * slope0
    assert abs(slope) <= 0.9 * abs(slope0)
