"""nn.fit(compile=True) trains to the same results as the eager loop, or with it."""

import numpy as np
import pytest

import nn
from nn.compiled import CompiledStep
from nn.steps import EagerStep


def trained(compile, loss, targets, optimizer=None, sizes=(3, 6, 4), activation="tanh", **settings):
    rng = np.random.default_rng(3)
    model = nn.MLP(list(sizes), activation=activation, seed=1)
    inputs = rng.normal(size=(20, sizes[0]))
    optimizer = None if optimizer is None else optimizer(model.parameters())
    history = nn.fit(
        model, inputs, targets, loss=loss, optimizer=optimizer, epochs=12, seed=5, progress=False, compile=compile,
        **settings,
    )  # fmt: skip
    return history, np.array([p.data for p in model.parameters()])


REGRESSION = np.random.default_rng(1).normal(size=(20, 4))
CLASSES = np.random.default_rng(1).integers(0, 4, 20)


@pytest.mark.parametrize("batch_size", [None, 6])
@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (nn.ssr, 0.1 * REGRESSION),
        (nn.mse, REGRESSION),
        (nn.mae, REGRESSION),
        (nn.cross_entropy, CLASSES),
        (nn.cross_entropy, np.eye(4)[CLASSES]),
        (lambda p, o: nn.cross_entropy_of_probabilities(nn.softmax(p), o), CLASSES),
    ],
)
def test_same_as_eager(loss, targets, batch_size):
    compiled, theta = trained(True, loss, targets, batch_size=batch_size, lr=0.01)
    eager, expected = trained(False, loss, targets, batch_size=batch_size, lr=0.01)
    assert (compiled.engine, eager.engine) == ("compiled", "eager")
    np.testing.assert_allclose(compiled.loss, eager.loss, rtol=1e-10)
    np.testing.assert_allclose(theta, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: nn.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
        lambda p: nn.Adam(p, 0.01),
        lambda p: nn.AdamW(p, 0.01),
        lambda p: nn.RMSprop(p, 0.01),
    ],
)
def test_all_optimizers(optimizer):
    compiled, theta = trained(True, nn.mse, REGRESSION, optimizer)
    _, expected = trained(False, nn.mse, REGRESSION, optimizer)
    assert compiled.engine == "compiled"
    np.testing.assert_allclose(theta, expected, rtol=1e-8, atol=1e-10)


def branching_loss(outputs, target):
    first = outputs[0]
    return nn.mse(outputs, target) if first > 0 else 2.0 * nn.mse(outputs, target)


def test_a_model_that_decides_by_the_data_is_trained_eagerly():
    compiled, theta = trained(True, branching_loss, REGRESSION)
    _, expected = trained(False, branching_loss, REGRESSION)
    assert compiled.engine == "eager"
    assert (theta == expected).all()


def test_eager_is_the_default():
    history = nn.fit(nn.Linear(1, 1, seed=0), [1.0, 2.0], [1.0, 2.0], loss=nn.mse, epochs=2)
    assert history.engine == "eager"


def fit_one_odd_target(compile):
    """Forty observations; the loss decides in Python by the target, and only the second has another one."""

    def loss(outputs, target):
        return (outputs[0] - 5.0) ** 2 if target == 1 else outputs[0] ** 2

    model = nn.MLP([1, 3, 1], seed=0)
    targets = [int(position == 1) for position in range(40)]
    history = nn.fit(model, [i / 40 for i in range(40)], targets, loss=loss, lr=0.05, epochs=20, compile=compile)
    return history, [p.data for p in model.parameters()]


def test_all_observations_are_compared_before_the_first_step():
    compiled, theta = fit_one_odd_target(True)
    eager, expected = fit_one_odd_target(False)
    assert compiled.engine == "eager"
    assert (compiled.loss, theta) == (eager.loss, expected)


# Tracing calls the loss once, and comparing at the start once for each of the 20 observations.
BEFORE_THE_FIRST_STEP = 21


def test_a_decision_that_is_met_later():
    """Program and graph agree at first; when they do not any more, the graph takes over."""
    calls = 0

    def loss(outputs, target):
        nonlocal calls
        calls += 1
        return nn.mse(outputs, target) * (1.0 if calls <= BEFORE_THE_FIRST_STEP + 2 else 3.0)

    history, _ = trained(True, loss, REGRESSION)  # compared at the first, second and fourth of twelve steps
    assert history.engine == "compiled, then eager"
    assert calls == BEFORE_THE_FIRST_STEP + 3 + 20 * 9
    assert history.loss[3] > 2.0 * history.loss[2]


def test_later_checks_go_through_the_observations():
    calls, targets = 0, list(range(20))
    seen = []

    def loss(outputs, target):
        nonlocal calls
        calls += 1
        if calls > BEFORE_THE_FIRST_STEP:
            seen.append(target)
        return (outputs[0] - target) ** 2

    history, _ = trained(True, loss, targets, lr=0.001)
    assert history.engine == "compiled"
    assert seen == [0, 1, 2, 3]  # at steps 1, 2, 4 and 8


@pytest.mark.parametrize(("noise", "agrees"), [(1e-12, True), (1e-6, False)])
def test_rounding_counts_by_the_largest_numbers_met(noise, agrees):
    """At the minimum loss and gradient are 0 in the graph; what rounding leaves of them in a program is no branch."""
    model = nn.Linear(1, 1, seed=0)
    eager = EagerStep(model, nn.mse, ([[1.0]], [1.0]), model.parameters(), added=False)

    class Rounding:
        def __call__(self, inputs, targets):
            value, gradient = eager(self.theta, [0])
            return value + noise, gradient - noise

    step = CompiledStep(eager, Rounding(), (np.array([[1.0]]), np.array([[1.0]])))
    far, minimum = np.array([3.0, 0.0]), np.array([1.0, 0.0])
    assert step.agrees_at(far, 0) == agrees
    assert step.agrees_at(minimum, 0) == agrees


@pytest.mark.parametrize("call", [1, 2, 15, BEFORE_THE_FIRST_STEP + 1])
@pytest.mark.parametrize("place", ["loss", "forward"])
def test_ctrl_c_returns_the_history_at_any_time(call, place):
    calls = 0

    def interrupt():
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt

    def loss(outputs, target):
        if place == "loss":
            interrupt()
        return nn.mse(outputs, target)

    class Interrupted(nn.Linear):
        def forward(self, xs):
            if place == "forward":
                interrupt()
            return super().forward(xs)

    model = Interrupted(1, 1, seed=0).eval()
    before = [p.data for p in model.parameters()]
    history = nn.fit(model, list(range(20)), list(range(20)), loss=loss, epochs=3, compile=True)
    assert (history.stopped, len(history)) == ("interrupted", 0)
    assert [p.data for p in model.parameters()] == before
    assert not model.training


def test_the_program_is_that_of_training_mode():
    class Doubled(nn.Linear):
        def forward(self, xs):
            (output,) = super().forward(xs)
            return [2.0 * output if self.training else output]

    def fitted(compile):
        model = Doubled(1, 1, seed=0).eval()
        return nn.fit(model, [1.0, 2.0], [3.0, 5.0], loss=nn.mse, lr=0.01, epochs=5, compile=compile)

    assert fitted(True).engine == "compiled"
    assert fitted(True).loss == pytest.approx(fitted(False).loss, rel=1e-12)


@pytest.mark.parametrize("compile", [True, False])
def test_no_gradient_is_left(compile):
    """The gradient of the last step was taken at other numbers than the parameters have now."""
    model = nn.Linear(1, 1, seed=0)
    only_some = nn.SGD(model.bias, lr=0.1)
    nn.fit(model, [1.0, 2.0], [3.0, 5.0], loss=nn.mse, optimizer=only_some, epochs=3, compile=compile)
    assert not any(p.has_grad for p in model.parameters())
