"""nn.fit trains with a compiled program, to the same results as with graphs; or with graphs, and says why."""

import random

import numpy as np
import pytest

import autograd
import nn
from autograd import AnomalyError, detect_anomaly, no_grad
from nn.training.program import Graph, Program
from nn.training.steps import EagerStep

ROWS = np.random.default_rng(3).normal(size=(20, 3))
REGRESSION = np.random.default_rng(1).normal(size=(20, 4))
CLASSES = np.random.default_rng(1).integers(0, 4, 20)


def numbers(model):
    return np.array([p.data for p in model.parameters()])


def trained(compile, loss=nn.mse, targets=REGRESSION, optimizer=None, model=None, inputs=ROWS, **settings):
    model = model or nn.MLP([3, 6, 4], "tanh", seed=1)
    optimizer = None if optimizer is None else optimizer(model.parameters())
    schedule = settings.pop("schedule", None)
    history = nn.fit(
        model, inputs, targets, loss=loss, optimizer=optimizer, compile=compile,
        schedule=None if schedule is None else schedule(optimizer),
        **{"epochs": 12, "seed": 5, "progress": False, **settings},
    )  # fmt: skip
    return history, numbers(model)


def check_same(compiled, eager, rtol=1e-9):
    """Two trainings that differ in their engine alone."""
    (history, theta), (expected, expected_theta) = compiled, eager
    assert (history.engine, expected.engine) == ("compiled", "eager")
    assert (history.why_eager, expected.why_eager) == ("", "compile=False was given")
    assert (len(history), history.stopped) == (len(expected), expected.stopped)
    for name in ("loss", "validation_loss", "step_sizes", "learning_rates"):
        np.testing.assert_allclose(getattr(history, name), getattr(expected, name), rtol=rtol, atol=1e-11)
    np.testing.assert_allclose(theta, expected_theta, rtol=rtol, atol=1e-11)


@pytest.mark.parametrize("batch_size", [None, 1, 6, 20, 50])
@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (nn.ssr, 0.1 * REGRESSION),
        (nn.mse, REGRESSION),
        (nn.mae, REGRESSION),
        (nn.huber, REGRESSION.tolist()),
        (nn.hinge, np.sign(REGRESSION)),
        (nn.binary_cross_entropy_with_logits, (REGRESSION > 0).tolist()),
        (nn.cross_entropy, CLASSES),
        (nn.cross_entropy, CLASSES.tolist()),
        (nn.cross_entropy, np.eye(4)[CLASSES]),
        (lambda p, o: nn.nll(nn.log_softmax(p), o), CLASSES),
        (lambda p, o: nn.cross_entropy_of_probabilities(nn.softmax(p), o), CLASSES),
    ],
)
def test_same_as_eager(loss, targets, batch_size):
    settings = {"batch_size": batch_size, "lr": 0.01}
    check_same(trained(True, loss, targets, **settings), trained(False, loss, targets, **settings))


@pytest.mark.parametrize("settings", [
    {"optimizer": lambda p: nn.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)},
    {"optimizer": lambda p: nn.Adam(p, 0.01)},
    {"optimizer": lambda p: nn.AdamW(p, 0.01), "schedule": lambda o: nn.CosineAnnealingLR(o, 12)},
    {"optimizer": lambda p: nn.RMSprop(p, 0.01), "schedule": lambda o: nn.StepLR(o, 3), "batch_size": 7},
    {"tolerance": 2e-3, "epochs": 500, "lr": 0.1},
    {"validation": (ROWS[:7], REGRESSION[:7]), "lr": 0.1},
    {"validation": (ROWS[:7], -REGRESSION[:7]), "patience": 3, "epochs": 500, "lr": 0.1},
    {"loss": nn.cross_entropy, "targets": CLASSES, "validation": (ROWS[:7], CLASSES[:7])},
    {"loss": nn.ssr, "validation": (ROWS[:7], REGRESSION[:7]), "lr": 0.001},
    {"inputs": ROWS.tolist(), "targets": REGRESSION.tolist()},
    {"inputs": [tuple(row) for row in ROWS], "targets": np.float32(REGRESSION)},
    {"inputs": ROWS.astype(int), "targets": np.int8(REGRESSION)},
])  # fmt: skip
def test_all_settings(settings):
    check_same(trained(True, **settings), trained(False, **settings), rtol=1e-8)


def test_frozen_parameters_stay():
    def partly_frozen(compile):
        model = nn.MLP([3, 6, 4], "tanh", seed=1)
        for p in model[0].parameters():
            p.trainable = False
        return trained(compile, model=model, optimizer=lambda p: nn.Adam(p, 0.01))

    check_same(partly_frozen(True), partly_frozen(False))


class Twofold(nn.Module):
    """Two networks, the second of which is not used; the bias of the first is frozen."""

    def __init__(self):
        self.used = nn.Linear(1, 1, seed=0)
        self.unused = nn.Linear(1, 1, seed=1)
        self.used.bias[0].trainable = False

    def forward(self, xs):
        return self.used(xs)


@pytest.mark.parametrize("make", [
    lambda p: nn.SGD(p, 0.05, momentum=0.9, weight_decay=0.1),
    lambda p: nn.AdamW(p, 0.05),
])  # fmt: skip
@pytest.mark.parametrize("compile", [True, False])
def test_parameters_without_a_gradient_stay_as_in_the_loop_by_hand(compile, make):
    model, by_hand = Twofold(), Twofold()
    rows, targets = [[1.0], [2.0], [-1.0]], [1.0, 0.0, 3.0]
    history = nn.fit(model, rows, targets, loss=nn.mse, optimizer=make(model.parameters()), epochs=30, compile=compile)
    optimizer = make(by_hand.parameters())
    for _ in range(30):
        optimizer.zero_grad()
        nn.mse([by_hand(row) for row in rows], [[y] for y in targets]).backward()
        optimizer.step()
    assert history.engine == ("compiled" if compile else "eager")
    assert (numbers(model)[1:] == numbers(Twofold())[1:]).all()
    np.testing.assert_allclose(numbers(model), numbers(by_hand), rtol=1e-10)


def test_parameters_that_some_observations_do_not_reach_stay_in_those_steps():
    def loss(outputs, target):
        return (outputs[0] - 1.0) ** 2 if target else (outputs[1] + 1.0) ** 2

    model, by_hand = nn.Linear(1, 2, seed=0), nn.Linear(1, 2, seed=0)
    optimizer = nn.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=0.1)
    rows, targets = [1.0, 2.0, 3.0], [True, False, False]
    history = nn.fit(model, rows, targets, loss=loss, optimizer=optimizer, epochs=20, batch_size=1, seed=2)
    assert history.engine == "eager"
    optimizer, rng = nn.SGD(by_hand.parameters(), 0.05, momentum=0.9, weight_decay=0.1), np.random.default_rng(2)
    for _ in range(20):
        for position in rng.permutation(3):
            optimizer.zero_grad()
            loss(by_hand([rows[position]]), targets[position]).backward()
            optimizer.step()
    np.testing.assert_allclose(numbers(model), numbers(by_hand), rtol=1e-12)


# What keeps a training eager


class Bent(nn.MLP):
    """A network whose first output is replaced by a function of it and of the inputs, and of the module itself."""

    def __init__(self, bend):
        super().__init__([3, 6, 4], "tanh", seed=1)
        self.bend = bend
        self.rng = np.random.default_rng(0)
        self.calls = 0
        self.seen = []

    def forward(self, xs):
        first, *others = super().forward(xs)
        return [self.bend(self, first, xs), *others]


def counted(model, h, xs):
    model.calls += 1
    return h * 0.9**model.calls


def collected(model, h, xs):
    model.seen.append(h)
    return h


def by_class(outputs, target):
    return nn.cross_entropy(outputs, target) * (5.0 if target == 3 else 1.0)


def weighted(outputs, target):
    return nn.cross_entropy(outputs, target) * {3: 5.0}.get(target, 1.0)


def detached(outputs, target):
    return nn.mse(outputs, [o.detach() for o in outputs]) + nn.mse(outputs, target)


def without_gradient(outputs, target):
    with no_grad():
        scale = outputs[0] * 2.0
    return nn.mse(outputs, target) * scale


READING = {
    "comparison": {"model": lambda m, h, xs: h if h > 0 else 2.0 * h},
    "comparison of an input": {"model": lambda m, h, xs: h if xs[0] > 0 else 2.0 * h},
    "equality of an input": {"model": lambda m, h, xs: h if xs[0] == 0.5 else 2.0 * h},
    "data": {"model": lambda m, h, xs: h / (1.0 + abs(h.data))},
    "parameter": {"model": lambda m, h, xs: h * m[0].weight[0][0].data},
    "max": {"model": lambda m, h, xs: max(h, 0.0)},
    "float": {"model": lambda m, h, xs: h * float(xs[0])},
    "grad": {"model": lambda m, h, xs: h + m[0].weight[0][0].grad},
    "backward": {"model": lambda m, h, xs: (h.backward(), h)[1]},
    "text": {"model": lambda m, h, xs: h * len(f"{h:.3f}")},
    "NumPy": {"model": lambda m, h, xs: h * np.asarray(xs, dtype=float).sum()},
    "argmax": {"loss": lambda o, t: o[nn.argmax(o)] ** 2 + nn.mse(o, t)},
    "detach": {"loss": detached},
    "no_grad": {"loss": without_gradient},
    "class": {"loss": by_class, "targets": CLASSES},
    "class, times a number": {"loss": lambda o, t: nn.cross_entropy(o, t * 1), "targets": CLASSES},
    "number, times a class": {"loss": lambda o, t: nn.cross_entropy(o, 1 * t), "targets": CLASSES},
    "class is not": {"loss": lambda o, t: nn.mse(o, [0.0 + (t != 3)] * 4), "targets": CLASSES},
    "class as a key": {"loss": weighted, "targets": CLASSES},
    "class as an index": {"loss": lambda o, t: -nn.log_softmax(o)[t], "targets": CLASSES},
    "truth": {"loss": lambda o, t: nn.mse(o, [1.0] * 4) if t else nn.mse(o, [0.0] * 4), "targets": CLASSES},
}


def settings_of(case):
    return {**case, "model": Bent(case["model"])} if "model" in case else case


@pytest.mark.parametrize("case", READING.values(), ids=READING)
def test_what_python_decides_by_a_number_is_decided_for_each_observation(case):
    history, theta = trained(True, lr=0.05, **settings_of(case))
    expected, expected_theta = trained(False, lr=0.05, **settings_of(case))
    assert (history.engine, history.loss) == ("eager", expected.loss)
    assert (theta == expected_theta).all()
    assert history.why_eager.startswith(f"Python code reads the number of a Value, in {__file__}:")


def test_the_line_is_named():
    history, _ = trained(True, model=Bent(lambda m, h, xs: h if h < 1e9 else 0.0))
    assert history.why_eager.endswith(
        "\n    history, _ = trained(True, model=Bent(lambda m, h, xs: h if h < 1e9 else 0.0))"
    )


RANDOM = random.Random(0)
GENERATOR = np.random.default_rng(0)
CHANGING = {
    "counter": (counted, "each call of model or loss changes calls"),
    "list": (collected, "each call of model or loss changes seen"),
    "generator of the module": (lambda m, h, xs: h * (m.rng.random() > 1e-9), "each call of model or loss changes rng"),
    "Python's random numbers": (lambda m, h, xs: h * random.uniform(1.0, 1.0), "changes the state of Python's module"),
    "NumPy's random numbers": (lambda m, h, xs: h * np.random.uniform(1.0, 1.0), "changes the state of numpy.random"),
    "generator elsewhere": (lambda m, h, xs: h * GENERATOR.uniform(0.5, 1.0), "changes GENERATOR in <lambda>"),
}


@pytest.mark.parametrize(("bend", "why"), CHANGING.values(), ids=CHANGING)
def test_a_model_that_changes_with_each_call(bend, why):
    history, _ = trained(True, model=Bent(bend))
    assert history.engine == "eager"
    assert why in history.why_eager


NOT_YET = float("nan")


def test_what_is_no_number_stays_what_it_is():
    """Nan does not equal itself, but neither a model that holds it nor a function that names it has changed."""
    model = Bent(lambda m, h, xs: h if NOT_YET is not None else -h)
    model.best_so_far = NOT_YET
    history, _ = trained(True, model=model)
    assert history.engine == "compiled"


def test_a_state_that_no_call_can_show():
    """It changes while the training goes on, outside of the model; found when program and graph are compared again."""
    scale = [1.0]

    class Annealing(nn.StepLR):
        def step(self):
            super().step()
            scale[0] *= 0.9

    history, _ = trained(
        True,
        lambda outputs, target: nn.mse(outputs, target) * scale[0],
        optimizer=lambda p: nn.SGD(p, 0.1),
        schedule=lambda o: Annealing(o, 100),
    )
    assert history.engine == "compiled, then eager"
    assert history.why_eager.startswith(
        "program and graph differed at row 6 in step 2: model or loss depend on something that is not in the graph; "
    )


class Dropout(nn.Module):
    """Drops values in training, and none in evaluation."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, xs):
        return [2.0 * x if self.rng.random() < 0.5 else 0.0 * x for x in xs] if self.training else xs


def test_dropout_is_trained_eagerly_and_validated_without():
    model = nn.Sequential(nn.Linear(3, 6, seed=0), Dropout(), nn.Linear(6, 4, seed=1))
    history, _ = trained(True, model=model, validation=(ROWS, REGRESSION))
    assert (history.engine, history.why_eager) == ("eager", "each call of model or loss changes 1.rng")
    each = [nn.mse(model.eval()(row), target).data for row, target in zip(ROWS, REGRESSION, strict=True)]
    assert history.validation_loss[-1] == pytest.approx(np.mean(each), rel=1e-12)


class Summing(nn.Module):
    """Takes any number of inputs, alone or in lists."""

    def __init__(self):
        self.weight = nn.Parameter(0.5)

    def forward(self, xs):
        return [self.weight * autograd.sum(x if isinstance(x, list) else [x]) for x in xs]


@pytest.mark.parametrize(("changes", "why"), [
    ({"compile": False}, "compile=False was given"),
    ({"epochs": 4, "inputs": ROWS[:12], "targets": REGRESSION[:12]}, "for 48 graphs (epochs times observations) a"),
    ({"inputs": [[1.0], [1.0, 2.0]] * 10, "model": Summing()}, "the inputs are not numbers, all rows in one form"),
    ({"inputs": [[[1.0, 2.0]], [1.0]] * 10, "model": Summing()}, "the inputs are not numbers, all rows in one form"),
    ({"targets": ["a"] * 20}, "the targets are not numbers, all rows in one form"),
    ({"targets": [None] * 20}, "the targets are not numbers, all rows in one form"),
    ({"loss": lambda o, t: o[0] * t[0].is_integer()}, "called with Values for numbers, AttributeError: 'Placeholder'"),
])  # fmt: skip
def test_the_reason_for_training_eagerly(changes, why):
    history, _ = trained(**{"compile": True, "loss": lambda o, t: o[0] ** 2, **changes})
    assert history.engine == "eager"
    assert history.why_eager.startswith(why)


def test_rows_that_are_tuples_stay_tuples():
    class Longer(nn.Linear):
        def forward(self, xs):
            return super().forward(xs + (1.0,))  # noqa: RUF005

    def fitted(compile):
        return trained(compile, model=Longer(4, 4, seed=0), inputs=list(map(tuple, ROWS.tolist())), lr=0.01)

    check_same(fitted(True), fitted(False))


def test_rows_may_be_nested():
    def fitted(compile):
        rows = ROWS.reshape(20, 1, 3)
        return trained(compile, lambda o, t: (o[0] - t) ** 2, REGRESSION[:, 0], model=Summing(), inputs=rows, lr=0.01)

    check_same(fitted(True), fitted(False))


def test_detect_anomaly_looks_at_each_operation():
    with detect_anomaly():
        history, _ = trained(True)
    assert history.engine == "eager"
    with detect_anomaly(), pytest.raises(AnomalyError, match="exp gave inf"):
        trained(True, lambda outputs, target: outputs[0] + 1.0 / autograd.exp(1000.0 + autograd.square(outputs[0])))


@pytest.mark.parametrize(("loss", "targets"), [
    (nn.hinge, [[1.0, -1.0, 1.0, 2.0]]),
    (nn.binary_cross_entropy_with_logits, [[1.0, 0.5, 1.0, -0.1]]),
    (nn.cross_entropy, [[1.0, 0.5, 0.0, 0.0]]),
    (nn.cross_entropy, [[1.5, -0.5, 0.0, 0.0]]),
    (nn.cross_entropy, [4]),
    (nn.cross_entropy, [-1]),
    (nn.cross_entropy, [True]),
])  # fmt: skip
def test_a_target_that_the_loss_refuses_is_refused_when_its_row_is_met(loss, targets):
    """The program takes all targets as they are, so the losses look at all of them while it is made."""
    good = [0] if isinstance(targets[0], int) else [[1.0, 0.0, 0.0, 0.0]]
    good = [[1.0] * 4] if loss is nn.hinge else good
    rows = good * 13 + targets + good * 6
    errors, parameters = [], []
    for compile in (True, False):
        model = nn.MLP([3, 6, 4], "tanh", seed=1)
        with pytest.raises((ValueError, TypeError)) as error:
            trained(compile, loss, rows, model=model, batch_size=5)
        errors.append((type(error.value), str(error.value), error.value.__notes__))
        parameters.append(numbers(model).tolist())
    assert errors[0] == errors[1]
    assert errors[0][2][0].startswith("This happened at row 13 of the inputs, [")
    assert parameters[0] == parameters[1]


@pytest.mark.parametrize("lr", [1e-3, 1e80])
def test_anomalies_are_those_of_eager_training(lr):
    def diverging(outputs, target):
        return autograd.log(outputs[0] - target) if lr < 1 else nn.ssr(outputs[0], target)

    messages = []
    for compile in (True, False):
        model = nn.MLP([1, 2, 1], seed=0)
        with pytest.raises(AnomalyError) as error:
            nn.fit(
                model, [0.0, 0.5, 1.0, 2.0], [-9.0, -9.0, -9.0, 9.0 if lr < 1 else 0.0], loss=diverging, lr=lr,
                epochs=100, batch_size=2, seed=0, compile=compile,
            )  # fmt: skip
        messages.append((str(error.value), error.value.op, error.value.line, numbers(model).tolist()))
    assert messages[0] == messages[1]


# Comparing program and graph


class UnseenCounter:
    """A state of a loss that lies too deep to be noticed when the program is made."""

    def __init__(self):
        self.nested = [[[[[0]]]]]

    @property
    def innermost(self):
        return self.nested[0][0][0][0]

    def next(self):
        self.innermost[0] += 1
        return self.count

    @property
    def count(self):
        return self.innermost[0]


def branching_by_row(odd):
    """A choice that no Value takes part in: the targets are compared as a part of the array that they came from."""
    calls = UnseenCounter()

    def loss(outputs, target):
        return nn.mse(outputs, target) * (3.0 if calls.next() == odd + 1 else 1.0)

    return loss


# Model and loss are called once to make the program, and once for each row that is compared first.
BEFORE_THE_FIRST_STEP = 1 + 5


@pytest.mark.parametrize("call", range(1, BEFORE_THE_FIRST_STEP))
def test_rows_are_compared_before_the_first_step(call):
    history, _ = trained(True, branching_by_row(call))
    assert history.engine == "eager"
    row = [0, 4, 9, 14, 19][call - 1]
    assert history.why_eager.startswith(f"program and graph differed at row {row}: model or loss give something else")


@pytest.mark.parametrize("step", [1, 2, 4, 8])
def test_rows_are_compared_in_training(step):
    history, _ = trained(True, branching_by_row(BEFORE_THE_FIRST_STEP + [1, 2, 4, 8].index(step)))
    assert history.engine == "compiled, then eager"
    assert f" in step {step}: " in history.why_eager


def test_the_graph_takes_over_with_the_step_in_which_it_differs():
    calls = UnseenCounter()

    def loss(outputs, target):
        return nn.mse(outputs, target) * (1.0 if calls.next() <= BEFORE_THE_FIRST_STEP + 2 else 3.0)

    history, _ = trained(True, loss)
    assert history.engine == "compiled, then eager"
    assert calls.count == BEFORE_THE_FIRST_STEP + 3 + 1 + 20 * 9  # one call to see why they differ
    assert history.loss[3] > 2.0 * history.loss[2]


def test_an_error_while_the_program_is_made_is_left_to_the_graphs():
    calls = UnseenCounter()

    def loss(outputs, target):
        if calls.next() == 3:
            raise RuntimeError("the third")
        return nn.mse(outputs, target)

    history, theta = trained(True, loss)
    assert (history.engine, history.why_eager) == ("eager", "at row 4, RuntimeError: the third")
    assert (theta == trained(False)[1]).all()


def test_an_error_in_a_comparison_is_left_to_the_graphs():
    """They are built in the order of the observations, and raise what eager training would."""
    calls = UnseenCounter()

    def loss(outputs, target):
        if calls.next() == BEFORE_THE_FIRST_STEP + 1:
            raise RuntimeError
        return nn.mse(outputs, target)

    history, theta = trained(True, loss)
    assert history.engine == "compiled, then eager"
    assert (theta == trained(False)[1]).all()


def test_the_larger_the_graph_the_rarer_is_it_compared():
    calls = UnseenCounter()

    def loss(outputs, target):
        calls.next()
        return (outputs[0] - target) ** 2

    for sizes, rarity in (([3, 1], 1), ([3, 40, 1], 4), ([3, 100, 1], 15)):
        calls.innermost[0] = 0
        model = nn.MLP(sizes, "tanh", seed=0)
        history, _ = trained(True, loss, list(range(20)), model=model, epochs=1000, lr=0.001)
        assert history.engine == "compiled"
        often = (1, 2, 4, 8, 16, 32) if rarity == 1 else (1, 4, 16)
        turns = [n for n in range(1, 1000 // rarity + 1) if n in often or n % 64 == 0]
        assert calls.count == BEFORE_THE_FIRST_STEP + len(turns)


@pytest.mark.parametrize(("noise", "agrees"), [((1e-12, 1e-12), True), ((1e-6, 0.0), False), ((0.0, 1e-6), False)])
@pytest.mark.parametrize("added", [True, False])
def test_rounding_counts_by_the_largest_numbers_met(noise, agrees, added):
    """At the minimum loss and gradient are 0 in the graph; what rounding leaves of them in a program is no branch."""
    model = nn.Linear(1, 1, seed=0)
    eager = EagerStep(model, nn.mse, ([[1.0]], [1.0]), model.parameters(), added)

    class Rounding:
        theta = np.zeros(2)

        def __call__(self, inputs, targets):
            slope = eager(self.theta, [0] * len(inputs))
            return slope.loss + noise[0], slope.gradient - noise[1]

    graph = Graph(None, None, nn.mse(model([1.0]), 1.0), [])
    step = Program(eager, Rounding(), (np.array([[1.0]]), np.array([[1.0]])), graph)
    far, minimum = np.array([3.0, 0.0]), np.array([1.0, 0.0])
    for batches in ([1], [3], [1, 3]):
        assert (step.problem_at(far, 0, batches) == "") == agrees
        assert (step.problem_at(minimum, 0, batches) == "") == agrees


def test_the_parameters_with_a_gradient_are_compared_too():
    """An observation reaches the second output with a derivative of 0, the other not at all."""
    model = nn.Linear(1, 2, bias=False, seed=0)
    loss = lambda outputs, target: outputs[0] + 0.0 * outputs[1] if target else 1.0 * outputs[0]  # noqa: E731
    eager = EagerStep(model, loss, ([[1.0], [1.0]], [True, False]), model.parameters(), added=False)

    class Compiled:
        theta = np.zeros(2)

        def __call__(self, inputs, targets):
            return self.theta[0], np.array([1.0, 0.0])

    step = Program(eager, Compiled(), (np.ones((2, 1)), np.ones((2, 1))), Graph(None, None, sum(model([1.0])), []))
    theta = np.array([3.0, 2.0])
    assert step.problem_at(theta, 0) == ""
    assert step.problem_at(theta, 0) == ""
    assert step.problem_at(theta, 1) == "its loss depends on other parameters than that of the first row"


@pytest.mark.parametrize("scale", [1.0, 2.0, 4.0, 8.0])
def test_a_classifier_whose_losses_are_all_rounding_stays_compiled(scale):
    """Losses down to e^-320, where graphs and programs add up other numbers; now and after more training."""
    model = nn.Linear(1, 2, seed=0)
    model.load_state_dict({"weight": [[-10.0 * scale], [10.0 * scale]], "bias": [0.0, 0.0]})
    rows, classes = [-1.0, 1.0, -1.1, 2.0] * 10, [0, 1, 0, 1] * 10
    for loss in (nn.cross_entropy, lambda outputs, c: nn.cross_entropy_of_probabilities(nn.softmax(outputs), c)):
        for _ in range(2):
            history, _ = trained(True, loss, classes, model=model, inputs=rows, lr=0.5)
            assert (history.engine, history.why_eager) == ("compiled", "")
            assert history.loss[0] < 1e-8


def test_a_regression_without_residuals_stays_compiled():
    model = nn.Linear(3, 1, seed=0)
    for _ in range(3):
        history, _ = trained(True, nn.mse, (ROWS @ [0.3, -0.7, 0.1]).tolist(), model=model, epochs=600, lr=0.2)
        assert (history.engine, history.why_eager) == ("compiled", "")
    assert history.loss[0] < 1e-28


def test_a_small_difference_is_no_rounding_where_all_is_small():
    model = nn.Linear(1, 2, seed=0)
    model.load_state_dict({"weight": [[-10.0], [10.0]], "bias": [0.0, 0.0]})
    odd = UnseenCounter()

    def loss(outputs, c):
        return nn.cross_entropy(outputs, c) * (1.01 if odd.next() == 4 else 1.0)

    history, _ = trained(True, loss, [0, 1] * 10, model=model, inputs=[-1.0, 1.0] * 10)
    assert history.engine == "eager"
    assert "give something else at each call" in history.why_eager


@pytest.mark.parametrize("wrong", [1, 2, 5])
def test_the_program_is_compared_with_batches_of_all_sizes(wrong, monkeypatch):
    """Programs compute small batches in another way than large ones."""
    original = Program.__call__

    def by_program(self, theta, positions):
        slope = original(self, theta, positions)
        return slope._replace(loss=slope.loss + 1.0) if len(positions) == wrong else slope

    monkeypatch.setattr(Program, "__call__", by_program)
    for batch_size, sizes in ((None, {20}), (5, {5}), (6, {6, 2}), (1, {1}), (100, {20}), (19, {19, 1})):
        assert trained(True, batch_size=batch_size)[0].engine == ("eager" if wrong in sizes else "compiled")


def test_a_class_of_no_share_does_no_harm_in_a_program():
    """The third step is the first in which the probability of the other class, which the graph leaves out, is 0."""

    def loss(outputs, target):
        return nn.cross_entropy_of_probabilities(nn.softmax([100.0 * o for o in outputs]), target)

    def fitted(compile, epochs):
        model = nn.Linear(3, 2, seed=0)
        model.load_state_dict({"weight": [[0.0] * 3] * 2, "bias": [0.0, 0.0]})
        settings = {"optimizer": lambda p: nn.SGD(p, 0.05, momentum=0.9), "inputs": 0.0 * ROWS, "epochs": epochs}
        return trained(compile, loss, np.zeros(20, dtype=int), model=model, **settings)

    check_same(fitted(True, 3), fitted(False, 3))
    history, theta = fitted(True, 12)
    expected, expected_theta = fitted(False, 12)
    assert history.engine == "compiled"
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-12)
    np.testing.assert_allclose(theta, expected_theta, rtol=1e-12)


@pytest.mark.parametrize("call", [1, 2, 5, BEFORE_THE_FIRST_STEP + 1])
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
    history = nn.fit(model, list(range(20)), list(range(20)), loss=loss, epochs=3)
    assert (history.stopped, len(history)) == ("interrupted", 0)
    assert (history.engine, history.why_eager == "no epoch was computed, so no program was made") == (
        "eager",
        call == 1,
    )
    assert [p.data for p in model.parameters()] == before
    assert not model.training


def test_a_loss_that_counts_its_calls_is_called_for_each_observation():
    calls = 0

    def loss(outputs, target):
        nonlocal calls
        calls += 1
        if calls > 100:
            raise KeyboardInterrupt
        return nn.mse(outputs, target)

    history, _ = trained(True, loss, epochs=50)
    assert (history.engine, history.why_eager) == (
        "eager",
        f"each call of model or loss changes calls in {loss.__qualname__}",
    )
    assert (history.stopped, len(history)) == ("interrupted", 4)  # one call finds that it counts


@pytest.mark.parametrize("validation", [None, ([1.0, -1.0], [2.0, 2.0])])
def test_programs_are_those_of_training_and_of_evaluation(validation):
    evaluations = UnseenCounter()

    class Doubled(nn.Linear):
        def forward(self, xs):
            (output,) = super().forward(xs)
            if not self.training:
                evaluations.next()
            return [2.0 * output if self.training else output]

    def fitted(compile):
        model = Doubled(1, 1, seed=0).eval()
        settings = {"lr": 0.01, "epochs": 40, "validation": validation}
        return trained(compile, model=model, inputs=[1.0, 2.0], targets=[3.0, 5.0], **settings)

    history = fitted(True)
    assert evaluations.count < 20  # for 40 epochs with two rows
    check_same(history, fitted(False))


def test_the_validation_loss_comes_from_a_program():
    calls = UnseenCounter()

    def loss(outputs, target):
        calls.next()
        return nn.mse(outputs, target)

    trained(True, loss, validation=(ROWS, REGRESSION))
    compared = 2 * sum(n & (n - 1) == 0 for n in range(1, 13))
    assert calls.count == BEFORE_THE_FIRST_STEP + (1 + 2) + compared


@pytest.mark.parametrize(
    "classes",
    [
        [0, 1] * 6,
        [0.0, 1.0] * 6,
        list(np.array([0.0, 1.0] * 6)),
        np.array([0, 1] * 6, np.uint8),
        np.array([0, 1] * 6, np.float32),
    ],
    ids=["integers", "floats", "numbers of NumPy's", "array of integers", "array of floats"],
)
def test_classes_in_whatever_form_have_a_program(classes):
    model, rows = nn.MLP([1, 3, 2], seed=0), np.linspace(-1.0, 1.0, 12)
    history = nn.fit(model, rows, classes, loss=nn.cross_entropy, epochs=5, lr=0.1)
    assert history.engine == "compiled", history.why_eager


@pytest.mark.parametrize("classes", [[False, True] * 6, np.array([False, True] * 6)], ids=["list", "array"])
def test_truth_values_are_no_classes(classes):
    model, rows = nn.MLP([1, 3, 2], seed=0), np.linspace(-1.0, 1.0, 12)
    with pytest.raises(TypeError, match="a class"):
        nn.fit(model, rows, classes, loss=nn.cross_entropy, epochs=5, lr=0.1)


@pytest.mark.parametrize("compile", [True, False])
def test_no_gradient_is_left(compile):
    """The gradient of the last step was taken at other numbers than the parameters have now."""
    model = nn.Linear(1, 1, seed=0)
    only_some = nn.SGD(model.bias, lr=0.1)
    nn.fit(model, [1.0, 2.0], [3.0, 5.0], loss=nn.mse, optimizer=only_some, epochs=30, compile=compile)
    assert not any(p.has_grad for p in model.parameters())
