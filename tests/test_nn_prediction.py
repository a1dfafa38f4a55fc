"""predict: the outputs for whole arrays, always with the numbers of now; accuracy."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd import Value

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))


def by_hand(model, rows):
    return np.array([[float(output.data) for output in model(list(row))] for row in rows])


def model_of(seed=0):
    return nn.MLP([2, 4, 3], activation="tanh", seed=seed)


@pytest.mark.parametrize("rows", [1, 60, pytest.param(3000, marks=pytest.mark.slow)])
def test_it_is_what_the_model_gives_row_by_row(rows):
    model, xs = model_of(), RNG.normal(size=(rows, 2))
    for _ in range(3):
        assert model.predict(xs) == pytest.approx(by_hand(model, xs), rel=1e-12)
    assert model.predict(xs).shape == (rows, 3)
    assert model.predict(xs.tolist()).tolist() == model.predict(xs).tolist()


def test_it_is_compiled_unless_rows_are_few_or_choices_are_made():
    model, few, branching = model_of(), model_of(), Branching()
    for network, rows in ((model, X), (few, X[:5]), (branching, X)):
        network.predict(rows)
    programs = [vars(network)["_prediction"]._program is not None for network in (model, few, branching)]
    assert programs == [True, False, False]


def test_plain_numbers_are_rows_of_one():
    line = nn.Linear(1, 1, seed=0)
    assert line.predict([0.0, 1.0, 2.0]).tolist() == by_hand(line, [[0.0], [1.0], [2.0]]).tolist()


def without_comparison(model):
    """Predictions after which the next call does not compare program and graph, which would see a change too."""
    return [model.predict(X) for _ in range(3)][-1]


def replaced(model):
    model[0].weight[1][0] = nn.Parameter(7.0)


def layer(model):
    model[2].weight = nn.Linear(4, 3, seed=5).weight


CHANGES = {
    "data": lambda model: setattr(model[0].weight[0][0], "data", 9.0),
    "optimiser": lambda model: (model(X[0].tolist())[0].backward(), nn.SGD(model.parameters(), lr=1.0).step()),
    "loaded": lambda model: model.load_state_dict(model_of(3).state_dict()),
    "fit": lambda model: nn.fit(model, X, [0] * 60, loss=nn.cross_entropy, epochs=3),
    "one parameter replaced": replaced,
    "weights replaced": layer,
    "a module replaced": lambda model: setattr(model, "1", nn.Softplus()),
    "a module added": lambda model: setattr(model, "3", nn.Softplus()),
    "frozen": lambda model: (setattr(model[0].bias[0], "trainable", False), setattr(model[0].bias[0], "data", 3.0)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_has_the_weights_of_now(change):
    model = model_of()
    before = without_comparison(model)
    CHANGES[change](model)
    assert model.predict(X) == pytest.approx(by_hand(model, X), rel=1e-12)
    assert (model.predict(X) != before).any()


SCALE = 2.0


class Scaled(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(1.0)
        self.shift = Value(0.5)
        self.power = 1

    def forward(self, xs):
        return self.w * xs[0] ** self.power * SCALE + self.shift


def test_attributes_values_and_variables_count(monkeypatch):
    model = Scaled()
    assert model.predict(X)[:, 0] == pytest.approx(2 * X[:, 0] + 0.5)
    model.shift.data = 1.0
    assert model.predict(X)[:, 0] == pytest.approx(2 * X[:, 0] + 1.0)
    model.power = 2
    assert model.predict(X)[:, 0] == pytest.approx(2 * X[:, 0] ** 2 + 1.0)
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert model.predict(X)[:, 0] == pytest.approx(3 * X[:, 0] ** 2 + 1.0)


class Deep(nn.Module):
    def __init__(self):
        self.nets = {"a": [[nn.Linear(2, 1, seed=0)]]}
        self.table = [[Value(2.0)], [3.0]]
        self.settings = Settings()
        self.buffers = {"a": [np.array([1.0])]}

    def forward(self, xs):
        factor = self.settings.factor * self.settings.inner.factor * float(self.buffers["a"][0][0])
        return self.nets["a"][0][0](xs)[0] * self.table[0][0] + self.table[1][0] * factor


class Slotted:
    __slots__ = ("factor",)

    def __init__(self):
        self.factor = 1.0


class Settings:
    factor = 1.0

    def __init__(self):
        self.inner = Slotted()


def emptied(model):
    model.table[1][:] = [5.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.nets["a"][0].__setitem__(0, nn.Linear(2, 1, seed=1)),
        lambda model: model.nets["a"][0][0].weight[0].__setitem__(1, nn.Parameter(9.0)),
        lambda model: model.table[0].__setitem__(0, Value(4.0)),
        lambda model: model.table[0].__setitem__(0, np.array(4.0)),
        lambda model: setattr(model.table[0][0], "data", 4.0),
        lambda model: setattr(model.settings, "factor", 2.0),
        lambda model: setattr(model.settings.inner, "factor", 2.0),
        lambda model: model.buffers["a"][0].__setitem__(0, 2.0),
        emptied,
    ],
)
def test_what_lies_deep_inside_counts(change):
    model = Deep()
    before = without_comparison(model)
    change(model)
    expected = np.array([[model(row).data] for row in X.tolist()])
    assert model.predict(X) == pytest.approx(expected, rel=1e-12)
    assert (model.predict(X) != before).all()


class Base(nn.Module):
    factor, terms = 2.0, (1.0,)

    def __init__(self):
        self.w = nn.Parameter(1.0)

    def forward(self, xs):
        return self.helper(xs[0]) * self.factor + self.terms[0]

    def helper(self, x):
        return self.w * x * SCALE


@pytest.mark.parametrize(("where", "name", "what"), [
    (globals(), "SCALE", 5.0), (Base, "factor", 3.0), (Base, "terms", (7.0,)),
    (Base, "helper", lambda self, x: self.w - x),
    (Base, "forward", lambda self, xs: self.w * xs[1]), (Base, "__call__", lambda self, xs: self.w + xs[0]),
])  # fmt: skip
def test_what_a_class_has_and_its_methods_name_counts(where, name, what, monkeypatch):
    class Derived(Base):
        pass

    model = Derived()
    before = without_comparison(model)
    if isinstance(where, dict):
        monkeypatch.setitem(where, name, what)
    else:
        monkeypatch.setattr(where, name, what, raising=False)
    found = model.predict(X)
    assert found[:, 0] == pytest.approx([model(row).data for row in X.tolist()], rel=1e-12)
    assert (found != before).all()


def test_predictions_in_between_cost_no_new_program():
    model = model_of()
    model.predict(X)
    program = vars(model)["_prediction"]._program
    for call in range(3):
        model.train(call == 1)
        model.named_parameters()
        model[0].weight[0][0].data = float(call)
        assert model.predict(X) == pytest.approx(by_hand(model, X), rel=1e-12)
    assert vars(model)["_prediction"]._program is program


class Branching(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(2.0)

    def forward(self, xs):
        return [self.w * xs[0] if xs[0] > 0 else self.w]


class Dropout(nn.Module):
    def __init__(self):
        self.w, self.rng = nn.Parameter(2.0), np.random.default_rng(0)

    def forward(self, xs):
        return [self.w * xs[0] * (self.rng.integers(2) if self.training else 1)]


def test_weights_that_another_thread_changes_meanwhile_do_no_harm(monkeypatch):
    model = model_of()
    model.predict(X)
    graph = nn.prediction.numbers_of

    def trained_meanwhile(*model_and_row):
        model[0].bias[0].data += 1.0
        return graph(*model_and_row)

    monkeypatch.setattr("nn.prediction.numbers_of", trained_meanwhile)
    model.predict(X)
    assert vars(model)["_prediction"]._program is not None

    def given_up_meanwhile(*model_and_row):
        vars(model)["_prediction"]._forget()
        return graph(*model_and_row)

    monkeypatch.setattr("nn.prediction.numbers_of", given_up_meanwhile)
    assert model.predict(X) == pytest.approx(by_hand(model, X), rel=1e-12)


def test_choices_by_number_fall_back_to_graphs():
    assert Branching().predict(X)[:, 0].tolist() == [2 * x if x > 0 else 2.0 for x in X[:, 0]]
    network = nn.Sequential(model_of(), nn.ArgMax())
    assert network.predict(X).sum(axis=1).tolist() == [1.0] * 60


def test_it_evaluates_and_leaves_the_modes_alone():
    model = nn.Sequential(Dropout(), Branching())
    model[1].eval()
    assert model.predict(X).tolist() == model.predict(X).tolist()
    assert (model.training, model[0].training, model[1].training) == (True, True, False)


def test_copies_and_pickles_predict_for_themselves():
    model = model_of()
    expected = model.predict(X)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
        assert twin.predict(X).tolist() == expected.tolist()
    twin = copy.deepcopy(model)
    twin[0].bias[0].data = 3.0
    assert model.predict(X).tolist() == expected.tolist() != twin.predict(X).tolist()


def test_nothing_is_recorded_and_nan_stays_nan():
    model = model_of()
    assert np.isnan(model.predict([[np.nan, 1.0]])).all()
    assert all(not parameter.has_grad for parameter in model.parameters())


def test_errors_name_the_row_and_point_to_predict():
    model = model_of()
    with pytest.raises(ValueError, match="X is empty"):
        model.predict([])
    with pytest.raises(ValueError, match="expected 2 inputs, got 3") as caught:
        model.predict([[1.0, 2.0, 3.0]])
    assert "row 0 of X" in caught.value.__notes__[-1]
    for rows in (X, X[:2], X.tolist()):
        with pytest.raises((TypeError, ValueError), match=r"model\.predict\(X\)"):
            model(rows)
    with pytest.raises(ValueError, match=r"model\.predict\(X\)"):
        nn.Linear(1, 1)(np.array([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError) as caught:
        nn.Softmax()(X)
    assert "model.predict(X)" in caught.value.__notes__[-1]


def test_a_read_of_the_weights_is_seen():
    model = nn.Linear(2, 1, seed=0)
    model.predict(X)
    with autograd.detect_reads(model.parameters()) as reads:
        model.predict(X)
    assert reads.first is not None


@pytest.mark.parametrize(
    ("outputs", "target", "expected"),
    [
        ([0.1, 2.0, -1.0], 1, 1.0),
        ([0.1, 2.0, -1.0], 0, 0.0),
        ([0.1, 2.0, -1.0], 1.0, 1.0),
        ([Value(0.1), Value(2.0)], [0.0, 1.0], 1.0),
        ([0.1, 0.0], [0.2, 0.8], 0.0),
        ([0.3], 1, 1.0),
        ([-0.3], 1, 0.0),
        ([-0.3], -1, 1.0),
        (0.3, [1.0], 1.0),
        ([[0.1, 2.0], [0.3, 0.2]], [1, 1], 0.5),
        (np.array([[0.1, 2.0], [0.3, 0.2]]), np.array([1, 0]), 1.0),
    ],
)
def test_accuracy(outputs, target, expected):
    assert nn.accuracy(outputs, target) == expected


@pytest.mark.parametrize(
    ("outputs", "target", "error"),
    [
        ([], 0, ValueError),
        ([1.0, 2.0], 2, ValueError),
        ([1.0, 2.0], 0.5, TypeError),
        ([1.0, 2.0], np.nan, TypeError),
        ([1.0, 2.0], [1.0], ValueError),
    ],
)
def test_accuracy_refuses(outputs, target, error):
    with pytest.raises(error):
        nn.accuracy(outputs, target)


def test_the_engine_for_many_rows_is_compared_too(monkeypatch):
    """One that is wrong only for batches as long as this one."""
    compiled = nn.prediction.compile_outputs

    class Wrong:
        def __init__(self, *arguments):
            self._program = compiled(*arguments)

        def __call__(self, rows):
            self._program.theta = self.theta
            return self._program(rows) + (len(rows) > 150)

    model, x = model_of(), np.random.default_rng(0).normal(size=(200, 2))
    expected = by_hand(model, x)
    monkeypatch.setattr("nn.prediction.compile_outputs", Wrong)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-12)
