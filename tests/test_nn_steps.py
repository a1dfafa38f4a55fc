"""The eager step: the loss of a batch and its gradient, as a compiled step would give them."""

import numpy as np
import pytest

import nn
from autograd import Value, value_and_grad
from nn.training.steps import EagerStep

ROWS, SUMS = [[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [1.0, 0.0, -2.0]


@pytest.mark.parametrize("added", [True, False])
def test_value_and_gradient_of_a_batch(added):
    model = nn.Linear(2, 1, seed=0)

    def whole(theta):
        losses = [(theta[0] * a + theta[1] * b + theta[2] - y) ** 2 for (a, b), y in zip(ROWS, SUMS, strict=True)]
        return sum(losses) / (1 if added else 3)

    step = EagerStep(model, nn.mse, (ROWS, SUMS), model.parameters(), added)
    theta = np.array([0.5, -2.0, 0.25])
    slope = step(theta, [0, 1, 2])
    expected, slopes = value_and_grad(whole)(theta.tolist())
    assert slope.loss == pytest.approx(expected, rel=1e-14)
    assert slope.gradient.tolist() == pytest.approx(slopes, rel=1e-13)
    assert slope.reached is None


def test_every_call_starts_from_theta():
    model = nn.Linear(1, 1, seed=0)
    step = EagerStep(model, nn.mse, ([[9.0], [3.0]], [9.0, 0.0]), model.parameters(), added=False)
    theta = np.array([2.0, 1.0])
    slope = step(theta, [1])
    assert (slope.loss, slope.gradient.tolist()) == (49.0, [42.0, 14.0])
    assert [p.data for p in model.parameters()] == [2.0, 1.0]
    assert np.array_equal(step(theta, [1]).gradient, slope.gradient)


def test_an_observation_that_is_cut_off_adds_nothing():
    def loss(outputs, target):
        return Value(5.0).detach() if target else outputs[0]

    model = nn.Linear(1, 1, seed=0)
    step = EagerStep(model, loss, ([[2.0], [3.0]], [1, 0]), model.parameters(), added=True)
    slope = step(np.array([2.0, 1.0]), [0, 1])
    assert (slope.loss, slope.gradient.tolist(), slope.reached) == (5.0 + 7.0, [3.0, 1.0], None)
    assert step(np.array([2.0, 1.0]), [0]).reached.tolist() == [False, False]


def test_what_the_loss_does_not_depend_on_has_no_gradient():
    model = nn.Linear(1, 2, seed=0)
    step = EagerStep(model, lambda outputs, target: outputs[target], ([[2.0], [2.0]], [1, 0]), model.parameters(), True)
    slope = step(np.array([3.0, 4.0, 0.0, 0.0]), [0])
    assert slope.gradient.tolist() == [0.0, 2.0, 0.0, 1.0]
    assert slope.reached.tolist() == [False, True, False, True]
    assert step(np.zeros(4), [0, 1]).reached is None
