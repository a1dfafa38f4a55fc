"""cross_entropy with class weights, label smoothing and an ignored class, as in PyTorch; in fit too."""

import functools

import numpy as np
import pytest

import nn
from autograd import Value

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(5, 3)) * 3
WEIGHT = [0.5, 2.0, 0.0]
TARGETS = {
    "classes": [0, 1, 1, 2, 0],
    "ignored": [0, -100, 1, 2, -100],
    "one-hot": np.eye(3)[[0, 1, 1, 2, 0]].tolist(),
    "shares": RNG.dirichlet([1.0, 1.0, 1.0], size=5).tolist(),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(
    ("kind", "ignore"), [("classes", None), ("one-hot", None), ("shares", None), ("classes", 1), ("ignored", -100)]
)
def test_values_and_gradients_are_those_of_torch(reduction, weight, smoothing, kind, ignore):
    torch = pytest.importorskip("torch")
    target = TARGETS[kind]
    rows = [[Value(x) for x in row] for row in LOGITS]
    found = nn.cross_entropy(
        rows, target, reduction=reduction, weight=weight, label_smoothing=smoothing, ignore_index=ignore
    )
    z = torch.tensor(LOGITS, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        z,
        torch.tensor(target, dtype=torch.float64 if kind in ("one-hot", "shares") else torch.int64),
        reduction=reduction,
        weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
        label_smoothing=smoothing,
        ignore_index=-100 if ignore is None else ignore,
    )
    each = found if reduction == "none" else [found]
    assert [float(x) for x in each] == pytest.approx(expected.reshape(-1).tolist(), rel=1e-12, abs=1e-15)
    sum(each).backward()
    expected.sum().backward()
    gradient = np.array([[x.grad for x in row] for row in rows])
    assert gradient == pytest.approx(z.grad.numpy(), rel=1e-11, abs=1e-14)


def test_one_observation_is_a_batch_of_one():
    weight = [1.0, 3.0, 2.0]
    for settings in ({"weight": weight}, {"label_smoothing": 0.1}, {"weight": weight, "label_smoothing": 0.3}):
        for target in (1, [0.2, 0.5, 0.3]):
            single = nn.cross_entropy([1.0, 2.0, 0.5], target, **settings)
            assert single == pytest.approx(nn.cross_entropy([[1.0, 2.0, 0.5]], [target], **settings), rel=1e-15)


def test_the_mean_of_none_is_nan():
    assert np.isnan(nn.cross_entropy([[1.0, 2.0]], [-100], ignore_index=-100))
    assert nn.cross_entropy([[1.0, 2.0]], [-100], ignore_index=-100, reduction="sum") == 0.0


def test_whole_floats_are_classes():
    assert nn.cross_entropy([1.0, 2.0], 1.0) == nn.cross_entropy([1.0, 2.0], 1)
    assert nn.nll([[-1.0, -2.0]], np.array([1.0])) == 2.0
    for bad in (0.5, np.nan, np.inf, True):
        with pytest.raises(TypeError, match="a class is an integer"):
            nn.cross_entropy([1.0, 2.0], bad)


def test_masked_classes_count_only_with_smoothing():
    masked = [1.0, -np.inf, 0.5]
    assert np.isfinite(nn.cross_entropy(masked, 0, weight=[1.0, 2.0, 3.0]))
    assert nn.cross_entropy(masked, 0, label_smoothing=0.1) == np.inf
    assert np.isfinite(nn.cross_entropy(masked, 0, label_smoothing=0.1, weight=[1.0, 0.0, 1.0]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": [1.0]}, "weight: expected one number for each of 2 classes, got 1"),
        ({"weight": [1.0, -1.0]}, r"weight\[1\] must be finite and at least 0"),
        ({"weight": 2.0}, "weight must be"),
        ({"label_smoothing": 1.5}, "label_smoothing must be less than 1"),
        ({"label_smoothing": "a lot"}, "label_smoothing must be a number"),
        ({"ignore_index": 0.5}, "ignore_index must be an integer"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        nn.cross_entropy([1.0, 2.0], 0, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"label_smoothing": 0.1},
        {"weight": [1.0, 3.0], "reduction": "sum"},
        {"weight": [1.0, 3.0]},
        {"weight": [1.0, 3.0], "label_smoothing": 0.2},
        {"ignore_index": 1, "reduction": "sum"},
    ],
)
@pytest.mark.parametrize("kind", [int, float, np.array])
def test_fit_trains_with_all_of_them_by_a_program(settings, kind):
    xs = RNG.normal(size=(30, 2))
    classes = (xs[:, 0] > 0).astype(float)
    targets = classes if kind is np.array else classes.astype(kind).tolist()

    def loss(outputs, target):
        return nn.cross_entropy(outputs, target, **settings)

    found = []
    for compile in (True, False):
        model = nn.Linear(2, 2, seed=0)
        history = nn.fit(model, xs, targets, loss=loss, epochs=5, compile=compile)
        found.append([*history.loss, *(parameter.data for parameter in model.parameters())])
        assert history.engine == ("compiled" if compile else "eager"), history.why_eager
    assert found[0] == pytest.approx(found[1], rel=1e-11)


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(
    ("settings", "leaves_out"),
    [
        ({"reduction": "sum"}, False),
        ({"reduction": "sum", "weight": [1.0, 3.0]}, False),
        ({"reduction": "sum", "label_smoothing": 0.2}, False),
        ({}, True),  # of which the mean, of none, would be nan
        ({"weight": [1.0, 3.0]}, True),
    ],
)
def test_fit_ignores_what_is_no_class_by_a_program_too(settings, leaves_out, kind):
    xs = RNG.normal(size=(30, 2))
    classes = np.where(np.arange(30) % 7 == 3, -100, xs[:, 0] > 0)
    weights = np.where(classes < 0, 0.0, 1.0) if leaves_out else None

    def trained(rows, targets, **options):
        model = nn.Linear(2, 2, seed=0)
        loss = functools.partial(nn.cross_entropy, ignore_index=-100, **settings)
        history = nn.fit(model, rows, targets.astype(kind), loss=loss, epochs=5, **options)
        return history, [*history.loss, *(parameter.data for parameter in model.parameters())]

    history, found = trained(xs, classes, sample_weight=weights)
    assert history.engine == "compiled", history.why_eager
    assert found == pytest.approx(trained(xs, classes, sample_weight=weights, compile=False)[1], rel=1e-11)
    if leaves_out:
        assert found == pytest.approx(trained(xs[classes >= 0], classes[classes >= 0])[1], rel=1e-11)


def test_fit_finds_a_class_that_is_none_wherever_it_is():
    xs, classes = RNG.normal(size=(30, 2)), RNG.integers(0, 2, size=30)
    classes[17] = 5
    with pytest.raises(ValueError, match="must be from 0 to 1, got 5") as caught:
        nn.fit(nn.Linear(2, 2, seed=0), xs, classes, loss=nn.cross_entropy, epochs=5)
    assert "row 17" in caught.value.__notes__[0]
