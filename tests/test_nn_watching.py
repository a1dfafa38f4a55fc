"""fit watched and weighted: metrics, on_epoch, sample and class weights, best epoch, divergence in words."""

import itertools
import json
import types

import numpy as np
import pytest

import nn
from autograd import AnomalyError, Value, exp, relu, where
from nn.prediction import Outputs, applied
from nn.training import evaluation, program
from nn.training.state import Training
from nn.training.steps import EagerLoss, EagerStep

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
CLASSES = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
SUMS = 2 * X[:, 0] - X[:, 1] + 0.5
WEIGHTS = RNG.uniform(0.0, 3.0, size=40)
WEIGHTS[::7] = 0.0
ENGINES = pytest.mark.parametrize("compile", [True, False])


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


def classifier(seed=0):
    return nn.MLP([2, 3, 2], activation="tanh", seed=seed)


def trained(model=None, targets=CLASSES, **settings):
    model = model or classifier()
    settings = {"loss": nn.cross_entropy, "epochs": 6, "lr": 0.3, **settings}
    return model, nn.fit(model, X, targets, **settings)


# Metrics


def first_weight(model):
    return model[0].weight[0][0]


PARAMETER_METRICS = {
    "in the graph": lambda model: lambda outputs, target: outputs[0] * 0.0 + first_weight(model),
    "alone": lambda model: lambda outputs, target: first_weight(model),
    "its number": lambda model: lambda outputs, target: first_weight(model).data,
    "its size": lambda model: lambda outputs, target: outputs[0] * 0.0 + abs(float(first_weight(model))),
}


@pytest.mark.parametrize("metric", PARAMETER_METRICS.values(), ids=PARAMETER_METRICS)
def test_a_metric_may_look_at_the_parameters(metric):
    found = []
    for compile in (True, False):
        model = classifier()
        _, history = trained(model, metrics={"w": metric(model)}, validation=(X[:9], CLASSES[:9]), compile=compile)
        assert history.engine == ("compiled" if compile else "eager")
        assert len(set(history.metrics["w"])) == len(history)
        assert history.validation_metrics["w"] == pytest.approx(history.metrics["w"], rel=1e-12)
        assert abs(history.metrics["w"][-1]) == pytest.approx(abs(first_weight(model).data), rel=1e-12)
        found.append(history.metrics["w"])
    assert found[0] == pytest.approx(found[1], rel=1e-9)


FIRST, SECOND = np.sort(X[:, 0])[:2].tolist()
RULED_OUT = {
    "always": lambda x: -1.0 / relu(-exp(x)),
    "below 0": lambda x: where(relu(-x), -exp(exp(exp(3.0 - x))), -2.0),
    "once": lambda x: where(relu((FIRST + SECOND) / 2.0 - x), -exp(exp(exp(3.0 - x))), -2.0),
}


class RulingOut(nn.Module):
    """Gives a class that never occurs the output -inf for some rows."""

    def __init__(self, when):
        self.line, self.when = nn.Linear(2, 2, seed=0), when

    def forward(self, xs):
        return [*self.line(xs), RULED_OUT[self.when](xs[0] if isinstance(xs[0], Value) else Value(xs[0]).detach())]


@pytest.mark.parametrize("when", RULED_OUT)
def test_outputs_may_be_infinite(when):
    """A program of a class multiplies its output by 1 and the others by 0, which is nan where these are infinite."""
    found = []
    for compile in (True, False):
        settings = {"metrics": {"loss": nn.cross_entropy}, "validation": (X[:9], CLASSES[:9]), "compile": compile}
        _, history = trained(RulingOut(when), batch_size=5, seed=0, **settings)
        assert history.engine == ("compiled" if compile else "eager")
        found.append([history.loss, history.validation_loss, history.metrics["loss"]])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(*found, rtol=1e-9)


@pytest.mark.parametrize("when", RULED_OUT)
def test_a_program_that_meets_an_infinite_output_needs_no_graphs(when, monkeypatch):
    """But for comparisons, which have one observation each."""
    batches, step = [], EagerStep.__call__
    monkeypatch.setattr(
        EagerStep, "__call__", lambda s, t, positions: batches.append(len(positions)) or step(s, t, positions)
    )
    _, history = trained(RulingOut(when), batch_size=5, seed=0)
    assert history.engine == "compiled"
    assert set(batches) == {1}


def test_a_training_with_infinite_outputs_goes_on_exactly(tmp_path):
    settings = {"batch_size": 5, "seed": 0, "validation": (X, CLASSES), "epochs": 9}
    model, whole = trained(RulingOut("once"), **settings)
    trained(RulingOut("once"), checkpoint=tmp_path / "run.json", **settings | {"epochs": 4})
    again, resumed = trained(RulingOut("once"), checkpoint=tmp_path / "run.json", **settings)
    assert numbers(again) == numbers(model)
    assert (resumed.loss, resumed.validation_loss) == (whole.loss, whole.validation_loss)


class Remembering(nn.Module):
    """Keeps something of its input, which the loss looks at."""

    def __init__(self):
        self.line = nn.Linear(2, 1, seed=0)

    def forward(self, xs):
        outputs = self.line(xs)
        PENALTIES[0][0] = xs[0] * xs[1] * outputs[0]
        return outputs


PENALTIES = [[None]]  # so deep inside that it does not count as a change


def beside_the_outputs(outputs, target):
    return nn.mse(outputs, target) + PENALTIES[0][0] ** 2


def of_all_weights(model):
    return lambda outputs, target: nn.mse(outputs, target) + 0.1 * sum(w * w for w in model.line.weight[0])


@pytest.mark.parametrize("loss", [lambda model: beside_the_outputs, of_all_weights], ids=["input", "weights"])
def test_a_validation_loss_may_look_at_more_than_outputs(loss, monkeypatch):
    found, batches = [], {True: [], False: []}
    call = EagerLoss.__call__
    monkeypatch.setattr(
        EagerLoss, "__call__", lambda s, theta, rows: batches[compile].append(len(rows)) or call(s, theta, rows)
    )
    for compile in (True, False):
        model = Remembering()
        settings = {"validation": (X[::-1], SUMS[::-1]), "metrics": {"mse": nn.mse}, "compile": compile}
        _, history = trained(model, SUMS, loss=loss(model), lr=0.01, **settings)
        found.append([history.loss, history.validation_loss, history.validation_metrics["mse"]])
    for by_program, by_graphs in zip(*found, strict=True):
        assert by_program == pytest.approx(by_graphs, rel=1e-9)
    assert set(batches[True]) == {1}
    assert set(batches[False]) == {len(X)}


def test_metrics_read_the_outputs_that_the_validation_loss_was_made_of(monkeypatch):
    """They are computed anew only if these belong to other rows or numbers."""
    asked = []
    monkeypatch.setattr(
        evaluation, "applied", lambda run, theta, rows: asked.append(len(rows)) or applied(run, theta, rows)
    )
    settings = {"validation": (X[:9], CLASSES[:9]), "metrics": {"accuracy": nn.accuracy, "loss": nn.cross_entropy}}
    _, history = trained(on_epoch=lambda history: asked.append("epoch"), **settings)
    assert history.validation_metrics["loss"] == pytest.approx(history.validation_loss, rel=1e-12)
    assert asked[asked.index("epoch") :] == ["epoch", 40] * 5 + ["epoch"]


@pytest.mark.parametrize("row", [0, 39])
def test_metrics_of_data_where_the_program_differs_come_from_graphs(row, monkeypatch):
    """That of the validation loss is compared at rows of the other data, too."""
    settings = {"metrics": {"loss": nn.cross_entropy}, "validation": (X[:9], CLASSES[:9])}
    expected, compute = trained(**settings)[1], Outputs.__call__

    def elsewhere(self, theta, rows):
        outputs = compute(self, theta, rows)
        if len(rows) == len(X):
            outputs[row, 0] += 1.0
        return outputs

    monkeypatch.setattr(Outputs, "__call__", elsewhere)
    assert trained(**settings)[1].metrics["loss"] == pytest.approx(expected.metrics["loss"], rel=1e-12)


def test_metrics_do_not_read_outputs_of_earlier_numbers(monkeypatch):
    """As they would where graphs have come to compute the validation loss."""
    settings = {"validation": (X[:9], CLASSES[:9]), "metrics": {"loss": nn.cross_entropy}}
    _, expected = trained(**settings)
    compute, epochs = Training._validation_loss, itertools.count()
    monkeypatch.setattr(Training, "_validation_loss", lambda self: 0.0 if next(epochs) else compute(self))
    _, history = trained(**settings)
    assert history.validation_loss[1:] == [0.0] * 5
    assert history.validation_metrics == expected.validation_metrics


@ENGINES
def test_metrics_are_averages_after_the_last_step_of_each_epoch(compile):
    """As predict gives them there, over both sets of data."""
    seen = []

    def watch(history):
        outputs, held_out = model.predict(X), model.predict(X[:9])
        squares = [nn.mse(row.tolist(), [y, 1.0 - y]) for row, y in zip(outputs, CLASSES.tolist(), strict=True)]
        seen.append((nn.accuracy(outputs, CLASSES), nn.accuracy(held_out, CLASSES[:9]), np.mean(squares)))

    model = classifier()
    _, history = trained(
        model,
        batch_size=16,
        seed=1,
        metrics={
            "accuracy": nn.accuracy,
            "loss": nn.cross_entropy,
            "squares": lambda outputs, target: nn.mse(outputs, [target, 1.0 - target]),
            "python": lambda outputs, target: 1 if (outputs[1] > outputs[0]) == (target == 1) else 0,
        },
        validation=(X[:9], CLASSES[:9]),
        on_epoch=watch,
        compile=compile,
    )
    assert history.metrics["accuracy"] == [accuracy for accuracy, _, _ in seen]
    assert history.metrics["python"] == pytest.approx(history.metrics["accuracy"])
    assert history.validation_metrics["accuracy"] == [accuracy for _, accuracy, _ in seen]
    assert history.metrics["squares"] == pytest.approx([squares for *_, squares in seen], rel=1e-12)
    assert history.validation_metrics["loss"] == pytest.approx(history.validation_loss, rel=1e-12)
    assert len(set(history.metrics["loss"])) == len(history) == 6


def test_metrics_do_not_change_the_training():
    plain, _ = trained(batch_size=7, seed=0)
    watched, history = trained(
        batch_size=7, seed=0, metrics={"accuracy": nn.accuracy}, validation=(X, CLASSES), on_epoch=lambda history: None
    )
    assert numbers(plain) == numbers(watched)
    assert history.engine == "compiled"


def test_metrics_of_one_output_and_of_lists():
    model = nn.Linear(2, 1, seed=0)
    _, history = trained(model, SUMS, loss=nn.mse, metrics={"mae": nn.mae, "mse": nn.mse}, lr=0.1)
    errors = model.predict(X)[:, 0] - SUMS
    assert history.metrics["mae"][-1] == pytest.approx(np.abs(errors).mean())
    assert history.metrics["mse"][-1] == pytest.approx((errors**2).mean())
    _, history = trained(targets=np.eye(2)[CLASSES], metrics={"accuracy": nn.accuracy})
    assert history.metrics == trained(metrics={"accuracy": nn.accuracy})[1].metrics


def test_metrics_see_evaluation_mode():
    class Halved(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(1.0)

        def forward(self, xs):
            return [self.w * xs[0] * (0.5 if self.training else 1.0)]

    model = Halved()
    _, history = trained(model, X[:, 0], loss=nn.mse, lr=0.0, metrics={"mse": nn.mse}, validation=(X, X[:, 0]))
    assert history.metrics["mse"][-1] == history.validation_loss[-1] == 0.0 < history.loss[-1]


class Named(nn.Module):
    """Gives its outputs names, which losses may take, but no program and no metric."""

    def __init__(self):
        self.line = nn.Linear(2, 2, seed=0)

    def forward(self, xs):
        return dict(zip("ab", self.line(xs), strict=True))


@ENGINES
def test_metrics_take_numbers(compile):
    settings = {"loss": lambda outputs, target: nn.mse(outputs["a"], target), "compile": compile}
    assert len(trained(Named(), SUMS, validation=(X, SUMS), **settings)[1]) == 6
    with pytest.raises(TypeError, match=r"the outputs of the model must be Values or numbers, got \{'a': Value"):
        trained(Named(), SUMS, metrics={"mse": nn.mse}, **settings)


@ENGINES
def test_truth_values_are_no_classes_of_a_metric(compile):
    settings = {"loss": lambda outputs, target: nn.mse(outputs[:1], [target]), "metrics": {"accuracy": nn.accuracy}}
    with pytest.raises(TypeError, match="a class is an integer from 0 to 1"):
        trained(targets=CLASSES.astype(bool), compile=compile, **settings)


@pytest.mark.parametrize("metrics", [[nn.accuracy], {1: nn.accuracy}, {"a": 1}, {"a": lambda outputs, target: "x"}])
def test_bad_metrics(metrics):
    with pytest.raises(TypeError, match="metric"):
        trained(metrics=metrics)


def test_an_error_in_a_metric_says_where():
    def metric(outputs, target):
        raise KeyError("no such class")

    with pytest.raises(KeyError) as caught:
        trained(metrics={"mine": metric})
    assert "in the metric 'mine' at row 0" in caught.value.__notes__[-1]


# on_epoch


@ENGINES
def test_on_epoch_sees_the_weights_of_now_and_stops(compile):
    model, twin, losses = classifier(), classifier(), []

    def watch(history):
        losses.append(np.mean([nn.cross_entropy(model(x), y).data for x, y in zip(X.tolist(), CLASSES, strict=True)]))
        return len(history) == 4

    _, history = trained(model, epochs=9, on_epoch=watch, compile=compile)
    assert (len(history), history.stopped) == (4, "on_epoch")
    assert history.loss[1:] == pytest.approx(losses[:-1], rel=1e-12)  # a loss is taken before the step
    trained(twin, epochs=4)
    assert numbers(model) == pytest.approx(numbers(twin), rel=1e-12)


def test_on_epoch_may_change_weights_and_learning_rate():
    model = nn.Linear(2, 1, seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)

    def clip(history):
        optimizer.lr *= 0.5
        model.bias[0].data = 0.25

    settings = {"loss": nn.mse, "optimizer": optimizer, "lr": None, "on_epoch": clip}
    _, history = trained(model, SUMS, **settings)
    assert model.bias[0].data == 0.25
    assert history.learning_rates == [0.1 * 0.5**epoch for epoch in range(6)]


@pytest.mark.parametrize("kind", [nn.LevenbergMarquardt, nn.LBFGS, nn.SGD])
def test_on_epoch_may_freeze_and_unfreeze(kind):
    model, seen = nn.Linear(2, 1, seed=0), []
    model.bias[0].trainable = False

    def change(history):
        seen.append(numbers(model))
        if len(history) == 2:
            model.bias[0].trainable, model.weight[0][0].trainable = True, False

    optimizer = kind(model.parameters(), **({"lr": 0.1} if kind is nn.SGD else {}))
    trained(model, SUMS, loss=nn.mse, optimizer=optimizer, lr=None, on_epoch=change, epochs=3)
    assert seen[1][2] == 0.0
    assert [now == before for now, before in zip(seen[2], seen[1], strict=True)] == [True, False, False]


TEMPERATURE = 1.0


def tempered(outputs, target):
    return nn.mse([output * TEMPERATURE for output in outputs], target)


@pytest.mark.parametrize(("kind", "what"), [
    *itertools.product([nn.LevenbergMarquardt, nn.LBFGS, nn.SGD], ["a parameter of no optimiser", "an attribute"]),
    (nn.SGD, "a variable of the loss"),
])  # fmt: skip
def test_what_on_epoch_changes_besides_is_seen_at_once(kind, what, monkeypatch):
    class Scaled(nn.Module):
        def __init__(self):
            self.line, self.shift, self.factor = nn.Linear(2, 1, seed=0), nn.Parameter(0.5), 1.0

        def forward(self, xs):
            return [self.line(xs)[0] * self.factor + self.shift]

    found = []
    loss = tempered if what == "a variable of the loss" else nn.mse
    for compile in (True, False):
        model = Scaled()
        monkeypatch.setitem(globals(), "TEMPERATURE", 1.0)

        def change(history, model=model):
            if len(history) == 4:  # the next comparison would come in step 8
                if what == "a parameter of no optimiser":
                    model.shift.data = 2.0
                elif what == "an attribute":
                    model.factor = 3.0
                else:
                    globals()["TEMPERATURE"] = 0.5

        optimizer = kind(model.line.parameters(), **({"lr": 0.01} if kind is nn.SGD else {}))
        settings = {"validation": (X, SUMS), "metrics": {"m": nn.mse}, "compile": compile, "on_epoch": change}
        _, history = trained(model, SUMS, loss=loss, optimizer=optimizer, lr=None, epochs=7, **settings)
        found += [[history.loss, history.validation_loss, history.metrics["m"]]]
    for by_program, by_graphs in zip(*found, strict=True):
        epochs = min(len(by_program), len(by_graphs))  # where a line is found, one more may be mere rounding
        assert epochs > 5
        assert by_program[:epochs] == pytest.approx(by_graphs[:epochs], rel=1e-9, abs=1e-12)


class Reading(nn.Module):
    """Reads settings from many places."""

    def __init__(self):
        self.line, self.threshold, self.plain = nn.Linear(2, 1, seed=0), nn.Parameter(9.0), Value(1.0)
        self.buffers, self.nested = {"scale": np.array([1.0])}, {"a": {"b": [1.0]}}
        self.slotted = Slotted()

    def forward(self, xs):
        scale = float(self.buffers["scale"][0]) * self.nested["a"]["b"][0] * self.slotted.scale * settings_of_this.scale
        return [self.line(xs)[0] * scale * self.plain + relu(xs[0] - self.threshold)]


class Slotted:
    __slots__ = ("scale",)

    def __init__(self):
        self.scale = 1.0


settings_of_this = types.ModuleType("settings_of_this")

CHANGES = {
    "a number that few rows depend on": lambda model: setattr(model.threshold, "data", 1.5),
    "the number of a plain Value": lambda model: setattr(model.plain, "data", 2.0),
    "an array in a dict": lambda model: model.buffers["scale"].__setitem__(0, 2.0),
    "a list in dicts": lambda model: model.nested["a"]["b"].__setitem__(0, 2.0),
    "an object with slots": lambda model: setattr(model.slotted, "scale", 2.0),
    "a module of Python": lambda model: setattr(settings_of_this, "scale", 2.0),
    "a bending": lambda model: setattr(model, "forward", lambda xs: [model.line(xs)[0].tanh()]),
    "nothing": lambda model: setattr(model, "note", "seen"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_programs_follow_what_on_epoch_changes(what, monkeypatch):
    """Without graphs for all later epochs: the same losses, validation losses, metrics and predictions."""
    found = []
    for compile in (True, False):
        monkeypatch.setattr(settings_of_this, "scale", 1.0, raising=False)
        model = Reading()

        def change(history, model=model):
            if len(history) == 3:
                CHANGES[what](model)

        settings = {"validation": (X[:9], SUMS[:9]), "metrics": {"m": nn.mse}, "compile": compile, "on_epoch": change}
        optimizer = nn.SGD(model.line.parameters(), lr=0.01)
        _, history = trained(model, SUMS, loss=nn.mse, optimizer=optimizer, lr=None, epochs=7, **settings)
        assert history.engine == ("compiled" if compile else "eager")
        found.append([*history.loss, *history.validation_loss, *history.metrics["m"], *model.predict(X)[:, 0]])
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_a_program_whose_graph_stays_the_same_is_kept(monkeypatch):
    """Such as where `on_epoch` only notes something in the model."""
    made, compile_it = [], program.compile
    monkeypatch.setattr(program, "compile", lambda *given, **settings: made.append(1) or compile_it(*given, **settings))
    model = classifier()
    model.notes = []
    trained(model, on_epoch=lambda history: model.notes.append(history.loss[-1]))
    assert (len(model.notes), len(made)) == (6, 1)


class Scaling:
    scale = 1.0

    def __call__(self, outputs, target):
        return self.scale * nn.mse(outputs, target)


@pytest.mark.parametrize("kind", ["object", "closure"])
def test_metrics_follow_what_on_epoch_changes(kind):
    found = []
    for compile in (True, False):
        scaling, scales = Scaling(), [1.0]

        def closure(outputs, target, scales=scales):
            return scales[0] * nn.mse(outputs, target)

        def change(history, scaling=scaling, scales=scales):
            scaling.scale = scales[0] = 1.0 + len(history)

        metrics = {"m": scaling if kind == "object" else closure}
        model = nn.Linear(2, 1, seed=0)
        _, history = trained(model, SUMS, loss=nn.mse, metrics=metrics, on_epoch=change, compile=compile, lr=0.01)
        found.append(history.metrics["m"])
    np.testing.assert_allclose(*found, rtol=1e-9)


class Warm(nn.Module):
    def __init__(self):
        self.line, self.seen = nn.Linear(2, 1, seed=0), 0

    def forward(self, xs):
        self.seen += self.training
        return [self.line(xs)[0] * (1.0 if self.seen > 110 else 0.5)]


def test_validation_and_metrics_follow_a_model_that_training_changes():
    found = []
    for compile in (True, False):
        settings = {"validation": (X, SUMS), "metrics": {"m": nn.mse}, "compile": compile}
        _, history = trained(Warm(), SUMS, loss=nn.mse, lr=0.0, epochs=6, **settings)
        found.append([*history.validation_loss, *history.metrics["m"]])
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_modules_keep_their_modes():
    model = nn.MLP([2, 3, 2], seed=0)
    model[1].eval()
    trained(model)
    assert [model.training, model[0].training, model[1].training] == [True, True, False]


def test_a_metric_may_give_a_truth_value_of_numpy():
    _, history = trained(metrics={"right": lambda outputs, target: np.argmax(outputs) == target, "same": nn.accuracy})
    assert history.metrics["right"] == pytest.approx(history.metrics["same"])
    assert {type(number) for number in history.metrics["same"]} == {float}


def test_on_epoch_must_be_a_function():
    with pytest.raises(TypeError, match="on_epoch must be a function"):
        trained(on_epoch=True)


# Weights


def weighted_by_hand(model, weights, loss, targets, steps, lr):
    for _ in range(steps):
        model.zero_grad()
        total = sum(
            w * loss(model(x), y) for w, x, y in zip(weights.tolist(), X.tolist(), targets.tolist(), strict=True)
        )
        total = total if loss is nn.ssr else total / weights.sum()
        total.backward()
        for parameter in model.parameters():
            parameter.data = parameter.data - lr * parameter.grad
    return total.data


@ENGINES
@pytest.mark.parametrize("loss", [nn.mse, nn.ssr])
def test_sample_weights_divide_by_their_sum(loss, compile):
    by_fit, by_hand = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=0)
    _, history = trained(by_fit, SUMS, loss=loss, lr=0.01, sample_weight=WEIGHTS, compile=compile)
    last = weighted_by_hand(by_hand, WEIGHTS, loss, SUMS, 6, 0.01)
    assert numbers(by_fit) == pytest.approx(numbers(by_hand), rel=1e-11)
    assert history.loss[-1] == pytest.approx(last, rel=1e-12)
    assert history.engine == ("compiled" if compile else "eager")


def test_class_weights_are_those_of_torch():
    torch = pytest.importorskip("torch")
    model = classifier()
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).double()
    layers.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
    criterion = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 4.0], dtype=torch.float64))
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.3)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = criterion(layers(torch.tensor(X)), torch.tensor(CLASSES))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    _, history = trained(model, class_weight={1: 4.0})
    assert history.loss == pytest.approx(losses, rel=1e-12)
    one_hot = trained(targets=np.eye(2)[CLASSES], class_weight={0: 1.0, 1: 4})[1]
    assert one_hot.loss == pytest.approx(losses, rel=1e-12)


@ENGINES
def test_whole_weights_count_as_repeated_rows(compile):
    counts = RNG.integers(0, 3, size=40)
    repeated = np.repeat(np.arange(40), counts)
    a, b = classifier(), classifier()
    nn.fit(a, X, CLASSES, loss=nn.cross_entropy, epochs=5, sample_weight=counts, compile=compile)
    nn.fit(b, X[repeated], CLASSES[repeated], loss=nn.cross_entropy, epochs=5, compile=compile)
    assert numbers(a) == pytest.approx(numbers(b), rel=1e-12)


@ENGINES
def test_weights_in_batches_add_up(compile):
    settings = {"batch_size": 8, "seed": 3, "lr": 0.0, "epochs": 1, "sample_weight": WEIGHTS, "compile": compile}
    model, history = trained(**settings)
    each = [nn.cross_entropy(model(x), int(y)).data for x, y in zip(X.tolist(), CLASSES, strict=True)]
    assert history.loss == pytest.approx([np.average(each, weights=WEIGHTS)])


def test_both_kinds_of_weights_multiply():
    both = trained(sample_weight=WEIGHTS, class_weight={1: 3.0})[1]
    assert both.loss == trained(sample_weight=WEIGHTS * np.where(CLASSES == 1, 3.0, 1.0))[1].loss


def test_an_observation_without_weight_may_have_an_infinite_loss():
    weights, targets = np.ones(40), SUMS.copy()
    weights[3], targets[3] = 0.0, 1e300
    _, history = trained(nn.Linear(2, 1, seed=0), targets, loss=nn.mse, sample_weight=weights)
    assert np.isfinite(history.loss).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sample_weight": [1.0]}, "sample_weight has 1 numbers for 40 rows"),
        ({"sample_weight": -WEIGHTS}, "at least 0"),
        ({"sample_weight": [np.nan] * 40}, r"sample_weight\[0\] must be finite"),
        ({"sample_weight": ["1"] * 40}, r"sample_weight\[0\] must be a number"),
        ({"sample_weight": np.zeros(40)}, "nothing can be trained"),
        ({"class_weight": [1.0, 2.0]}, "class_weight must be a dict"),
        ({"class_weight": {"a": 2.0}}, "a class must be an integer"),
        ({"class_weight": {np.nan: 2.0}}, "a class must be an integer"),
        ({"class_weight": {0: -1}}, r"class_weight\[0\]"),
        ({"class_weight": {0: 1}, "targets": SUMS}, "the target of row 0"),
    ],
)
def test_bad_weights(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        trained(**settings)


# History


def test_best_epoch_counts_from_0():
    model = classifier()
    _, history = trained(model, epochs=30, lr=3.0, batch_size=4, seed=0, validation=(X, 1 - CLASSES), patience=5)
    assert history.best_epoch == int(np.argmin(history.validation_loss)) == len(history) - 6
    assert nn.History().best_epoch is None
    _, history = trained()
    assert history.best_epoch == int(np.argmin(history.loss)) == 5


def test_the_table_for_notebooks():
    _, history = trained(metrics={"<accuracy>": nn.accuracy}, validation=(X, CLASSES))
    html = history._repr_html_()
    assert "<th>&lt;accuracy&gt;</th>" in html
    assert "<th>validation loss</th>" in html
    assert f"<td>{history.loss[-1]:.6g}</td>" in html
    assert "<svg" in html
    assert "no epochs" in nn.History()._repr_html_()


def test_divergence_is_told_in_words():
    model = nn.Linear(2, 1, seed=0)
    _, history = trained(model, SUMS, loss=nn.mse, lr=2.0, epochs=5)
    assert "the training diverged: the loss rose from" in repr(history)
    assert "diverged" in history._repr_html_()
    assert "diverged" not in repr(trained()[1])
    with pytest.raises(AnomalyError, match=r"so the training diverged, after a loss of .* a smaller learning rate"):
        trained(nn.Linear(2, 1, seed=0), SUMS, loss=nn.mse, lr=2.0, epochs=5000)


@ENGINES
def test_a_sum_of_losses_that_overflows_is_infinite(compile):
    """Not an OverflowError: the sum of 40 finite losses may be no number, while their mean is one."""
    _, history = trained(nn.Linear(2, 1, seed=0), SUMS + 3e153, loss=nn.mse, lr=0.0, epochs=1, compile=compile)
    assert history.loss == [pytest.approx(9e306)]
    with pytest.raises(AnomalyError):
        trained(nn.Linear(2, 1, seed=0), SUMS + 1e154, loss=nn.ssr, lr=0.0, epochs=1, compile=compile)


# Checkpoints


def test_a_resumed_training_has_the_same_metrics(tmp_path):
    settings = {"metrics": {"accuracy": nn.accuracy}, "validation": (X, CLASSES), "sample_weight": WEIGHTS}
    whole, expected = trained(**settings, checkpoint=tmp_path / "whole.json")
    path = tmp_path / "run.json"
    trained(**settings, epochs=3, checkpoint=path)
    resumed, history = trained(**settings, checkpoint=path)
    assert numbers(resumed) == numbers(whole)
    assert history.metrics == expected.metrics
    assert history.validation_metrics == expected.validation_metrics
    for other in ({**settings, "metrics": None}, {**settings, "sample_weight": WEIGHTS + 1}):
        with pytest.raises(nn.StorageError, match="belongs to another training"):
            trained(**other, checkpoint=path)


def test_damaged_metrics_change_nothing():
    _, history = trained(metrics={"accuracy": nn.accuracy})
    state = json.loads(json.dumps(history.state_dict()))
    state["metrics"]["accuracy"].pop()
    twin = nn.History()
    with pytest.raises(ValueError, match="expected shape"):
        twin.load_state_dict(state)
    assert (twin.loss, twin.metrics) == ([], {})
