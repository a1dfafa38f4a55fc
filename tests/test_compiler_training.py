"""nn.fit trains compiled, to the same results as eager."""

import numpy as np
import pytest

import nn


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


def test_a_decision_that_is_met_later():
    """All observations agree at first; when one does not any more, the graph takes over."""
    seen = []

    def loss(outputs, target):
        seen.append(1)
        return nn.mse(outputs, target) * (1.0 if len(seen) < 11 else 3.0)

    history, _ = trained(True, loss, REGRESSION)
    assert len(seen) > 20 * 4, "the eager loop has taken over"
    assert history.loss[-1] > 1.5 * history.loss[0]
