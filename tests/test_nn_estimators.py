"""scikit-learn's own checks of MLPClassifier and MLPRegressor, and what people do with them."""

import functools
import pathlib
import pickle
import sys

import numpy as np
import pytest

import nn
from demos import iris

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

FLOWERS = np.loadtxt(pathlib.Path(iris.__file__).with_name("iris.csv"), delimiter=",", skiprows=1, dtype=str)
MEASURED, SPECIES = FLOWERS[:, :-1].astype(float), FLOWERS[:, -1]
CURVE = np.linspace(-1.0, 1.0, 40)[:, np.newaxis]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks warn about themselves
@pytest.mark.parametrize("estimator", [nn.MLPClassifier(), nn.MLPRegressor()], ids=["classifier", "regressor"])
def test_scikit_learn_finds_nothing_to_object_to(estimator):
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 50
    assert {each["check_name"] for each in results if each["status"] not in ("passed", "skipped")} == set()


def test_in_a_pipeline_and_a_search():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), nn.MLPClassifier(random_state=0, epochs=60)),
        {"mlpclassifier__hidden_layer_sizes": [(2,), (4,)]},
        cv=2,
    )
    search.fit(MEASURED, SPECIES)
    assert search.score(MEASURED, SPECIES) > 0.9
    found = search.best_estimator_[-1]
    assert found.classes_.tolist() == sorted(set(SPECIES))
    assert isinstance(found.module_, nn.MLP)
    assert found.n_iter_ == len(found.history_) == 60
    assert all(name in found.diagram().source for name in found.classes_)


def test_shares_are_the_softmax_of_the_outputs():
    model = nn.MLPClassifier(3, random_state=1, epochs=20).fit(MEASURED, SPECIES)
    outputs = model.decision_function(MEASURED)
    np.testing.assert_allclose(outputs, model.module_.predict(MEASURED), rtol=1e-15)
    shares = model.predict_proba(MEASURED)
    np.testing.assert_allclose(shares[7], nn.softmax(outputs[7].tolist()))
    np.testing.assert_allclose(np.log(shares), model.predict_log_proba(MEASURED), rtol=1e-12)
    far = nn.MLPClassifier(1, random_state=0, epochs=1).fit(MEASURED, SPECIES).predict_log_proba(MEASURED * 1e6)
    assert np.isfinite(far).all()


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.mse, functools.partial(nn.cross_entropy, label_smoothing=0.1)])
@pytest.mark.parametrize("optimizer", [None, nn.LBFGS, functools.partial(nn.SGD, lr=0.05, momentum=0.9)])
def test_any_loss_and_any_optimizer(loss, optimizer):
    scaled = StandardScaler().fit_transform(MEASURED)
    model = nn.MLPClassifier(4, loss=loss, optimizer=optimizer, epochs=50, random_state=0).fit(scaled, SPECIES)
    assert model.history_.engine == "compiled"
    assert model.score(scaled, SPECIES) > 0.85


def test_many_rows_go_in_batches():
    many = np.repeat(MEASURED, 4, axis=0)
    labels = np.repeat(SPECIES, 4)
    found = {
        size: nn.MLPClassifier(2, epochs=2, random_state=0, batch_size=size).fit(many, labels).predict_proba(many)
        for size in ("auto", 128, None)
    }
    assert np.array_equal(found["auto"], found[128])
    assert not np.array_equal(found["auto"], found[None])
    with pytest.raises(ValueError, match="batch_size must be a number of rows, None or 'auto', got 'all'"):
        nn.MLPClassifier(batch_size="all").fit(MEASURED, SPECIES)


def test_classes_count_by_their_weights():
    rows, labels = np.zeros((10, 1)), np.array([0] * 8 + [1] * 2)
    plain, balanced = (
        nn.MLPClassifier(1, class_weight=weight, random_state=0).fit(rows, labels).predict_proba([[0.0]])[0, 1]
        for weight in (None, "balanced")
    )
    assert plain == pytest.approx(0.2, abs=0.01)
    assert balanced == pytest.approx(0.5, abs=0.01)


def test_a_curve_by_least_squares():
    observed = np.column_stack([np.sin(3.0 * CURVE[:, 0]), CURVE[:, 0] ** 2])
    model = nn.MLPRegressor(6, optimizer=nn.LevenbergMarquardt, epochs=200, random_state=0).fit(CURVE, observed)
    assert model.predict(CURVE).shape == (40, 2)
    assert model.score(CURVE, observed) > 0.9999


def test_the_same_seed_gives_the_same_network_and_a_pickle_too():
    model = nn.MLPRegressor(3, epochs=30, random_state=5).fit(CURVE, CURVE[:, 0])
    again = clone(model).fit(CURVE, CURVE[:, 0])
    loaded = pickle.loads(pickle.dumps(model))
    assert model.predict(CURVE).tolist() == again.predict(CURVE).tolist() == loaded.predict(CURVE).tolist()


def test_a_failed_fit_leaves_the_estimator_as_it_was():
    model = nn.MLPRegressor(3, epochs=30, random_state=5).fit(CURVE, CURVE[:, 0])
    before = model.predict(CURVE)
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        model.set_params(epochs=0).fit(CURVE, CURVE[:, 0])
    np.testing.assert_allclose(model.predict(CURVE), before, rtol=1e-12)


@pytest.mark.parametrize(("settings", "error", "message"), [
    ({"hidden_layer_sizes": 4.7}, TypeError, "must be an integer, got 4.7"),
    ({"hidden_layer_sizes": (4, "3")}, TypeError, "must be an integer, got '3'"),
    ({"hidden_layer_sizes": True}, TypeError, "must be an integer, got True"),
    ({"batch_size": [32]}, TypeError, "batch_size must be an integer"),
    ({"optimizer": "adam"}, TypeError, "optimizer must be a function of the parameters"),
    ({"optimizer": nn.SGD([nn.Parameter(1.0)], 0.1)}, TypeError, "optimizer must be a function of the parameters"),
    ({"loss": nn.nll}, ValueError, "nn.nll takes logarithms"),
])  # fmt: skip
def test_bad_settings_are_told_by_fit(settings, error, message):
    with pytest.raises(error, match=message):
        nn.MLPClassifier(**settings).fit([[0.0], [1.0], [2.0]], [0, 1, 1])


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "nn.training.estimators")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r'pip install "chainrule\[sklearn\]"'):
        nn.MLPClassifier  # noqa: B018
