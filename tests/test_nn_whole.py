"""LBFGS and LevenbergMarquardt: closed forms, minima, checkpoints, standard errors, refusals."""

import math

import numpy as np
import pytest

import nn
from nn.optim.whole import strong_wolfe

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
    assert trained(nn.LevenbergMarquardt, curve(seed), CURVE, epochs=400).loss[-1] < 1e-9


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
