"""fit: the loop of the lectures, batches, validation, stops, interruptions, bad input."""

import functools
import math

import numpy as np
import pytest

import autograd
import nn
from autograd import AnomalyError

DOSES, EFFECTS = [0.0, 0.5, 1.0], [0.0, 1.0, 0.0]
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(12, 2))
SUMS = (2 * ROWS[:, 0] - ROWS[:, 1] + 0.5).tolist()


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


def dosage(seed=0):
    return nn.MLP([1, 2, 1], seed=seed)


def test_it_is_the_loop_of_the_lectures():
    """Step size = learning rate * derivative; new = old - step size; for all parameters at once."""
    by_fit, by_hand = dosage(), dosage()
    history = nn.fit(by_fit, DOSES, EFFECTS, loss=nn.ssr, lr=0.05, epochs=20)
    losses, sizes = [], []
    for _ in range(20):
        by_hand.zero_grad()
        ssr = nn.ssr([by_hand([dose]) for dose in DOSES], EFFECTS)
        ssr.backward()
        losses.append(ssr.data)
        sizes.append(max(abs(0.05 * p.grad) for p in by_hand.parameters()))
        for p in by_hand.parameters():
            p.data = p.data - 0.05 * p.grad
    assert numbers(by_fit) == pytest.approx(numbers(by_hand), rel=1e-13)
    assert history.loss == pytest.approx(losses, rel=1e-13)
    assert history.step_sizes == pytest.approx(sizes, rel=1e-10)
    assert history.learning_rates == [0.05] * 20
    assert (len(history), len(history.times), history.stopped) == (20, 20, "epochs")


@pytest.mark.parametrize(("loss", "total"), [(nn.ssr, sum), (nn.mse, np.mean)])
def test_ssr_is_added_and_other_losses_are_averaged(loss, total):
    model = nn.Linear(2, 1, seed=0)
    each = [loss(model(row), y).data for row, y in zip(ROWS, SUMS, strict=True)]
    history = nn.fit(model, ROWS, SUMS, loss=loss, lr=0.0, epochs=1)
    assert history.loss[0] == pytest.approx(total(each), rel=1e-14)


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_batches_go_through_all_observations_once(batch_size):
    seen = []

    def loss(outputs, target):
        seen.append(target)
        return nn.mse(outputs, target)

    model = nn.Linear(2, 1, seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.0)
    settings = {"epochs": 1, "batch_size": batch_size, "seed": 0}
    history = nn.fit(model, ROWS, SUMS, loss=loss, optimizer=optimizer, **settings)
    assert sorted(seen[-12:]) == sorted(SUMS)
    assert seen[-12:] != SUMS
    assert optimizer.steps == math.ceil(12 / batch_size)
    each = [nn.mse(model(row), y).data for row, y in zip(ROWS, SUMS, strict=True)]
    assert history.loss[0] == pytest.approx(np.mean(each), rel=1e-14)


def test_the_order_depends_on_the_seed_alone():
    def trained(seed):
        model = nn.Linear(2, 1, seed=0)
        nn.fit(model, ROWS, SUMS, loss=nn.mse, lr=0.1, epochs=3, batch_size=4, seed=seed)
        return numbers(model)

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


def test_tolerance_and_step_size_are_of_the_largest_step_in_an_epoch():
    """The rows differ in size, so the steps do; the last one of an epoch is not always the largest."""
    model, again = nn.Linear(1, 1, seed=0), nn.Linear(1, 1, seed=0)
    rows, targets = [0.0, 1.0, 10.0], [0.0, 3.0, 1.0]
    history = nn.fit(model, rows, targets, loss=nn.mse, lr=1e-3, epochs=4, batch_size=1, seed=0)
    largest, last = [], []
    rng = np.random.default_rng(0)
    for _ in range(4):
        steps = []
        for position in rng.permutation(3):
            again.zero_grad()
            nn.mse(again([rows[position]]), targets[position]).backward()
            steps.append(max(abs(1e-3 * p.grad) for p in again.parameters()))
            for p in again.parameters():
                p.data -= 1e-3 * p.grad
        largest.append(max(steps))
        last.append(steps[-1])
    assert history.step_sizes == pytest.approx(largest, rel=1e-9)
    assert largest != last


def test_optimizers_and_schedules():
    model = nn.Linear(2, 1, seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    schedule = nn.StepLR(optimizer, 100, gamma=0.5)
    history = nn.fit(model, ROWS, SUMS, loss=nn.mse, optimizer=optimizer, schedule=schedule, epochs=500)
    assert history.loss[-1] < 1e-8
    assert history.learning_rates[99:101] == [0.1, 0.05]


def test_frozen_parameters_stay():
    model = nn.Linear(2, 1, seed=0)
    frozen = model.weight[0][0]
    frozen.trainable = False
    before = frozen.data
    nn.fit(model, ROWS, SUMS, loss=nn.mse, lr=0.1, epochs=5)
    assert frozen.data == before
    assert model.bias[0].data != 0.0


def test_tolerance_stops_when_the_largest_step_is_smaller():
    history = nn.fit(nn.Linear(2, 1, seed=0), ROWS, SUMS, loss=nn.mse, lr=0.1, epochs=10_000, tolerance=1e-4)
    assert history.stopped == "tolerance"
    assert history.step_sizes[-1] < 1e-4 <= history.step_sizes[-2]


def test_patience_stops_and_goes_back_to_the_best_epoch():
    """The validation data want the opposite of the training data, so the first epoch is the best."""
    states = []

    def loss(outputs, target):
        states.append(outputs[0].data)
        return nn.mse(outputs, target)

    model = nn.Linear(1, 1, seed=0)
    model.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    history = nn.fit(model, [1.0], [10.0], loss=loss, lr=0.01, epochs=50, validation=([1.0], [0.0]), patience=3)
    assert history.stopped == "patience"
    assert len(history) == len(history.validation_loss) == 4
    assert model([1.0])[0].data ** 2 == history.validation_loss[0] == min(history.validation_loss)


def test_an_equal_validation_loss_is_no_new_minimum():
    model = nn.Linear(1, 1, seed=0)
    settings = {"validation": ([1.0], [0.0]), "patience": 3, "lr": 0.0, "epochs": 50}
    history = nn.fit(model, [1.0], [10.0], loss=nn.mse, **settings)
    assert (history.stopped, len(history)) == ("patience", 4)


@pytest.mark.parametrize(("loss", "total"), [(nn.ssr, sum), (nn.mse, np.mean)])
def test_validation_losses_are_added_or_averaged_as_those_in_training(loss, total):
    model = nn.Linear(2, 1, seed=0)
    each = [loss(model(row), y).data for row, y in zip(ROWS[:5], SUMS[:5], strict=True)]
    history = nn.fit(model, ROWS, SUMS, loss=loss, lr=0.0, epochs=1, validation=(ROWS[:5], SUMS[:5]))
    assert history.validation_loss == pytest.approx([total(each)], rel=1e-14)


@pytest.mark.parametrize("compile", [True, False])
def test_patience_refuses_a_validation_without_a_loss(compile):
    """The class that the loss ignores has none: its mean is over nothing, nan as in torch."""
    loss = functools.partial(nn.cross_entropy, ignore_index=-100)
    x, classes = np.linspace(-1.0, 1.0, 20), [int(k > 9) for k in range(20)]
    validation = x, [*classes[:7], -100, *classes[8:]]
    settings = {"loss": loss, "epochs": 5, "validation": validation, "compile": compile}
    with pytest.raises(ValueError, match="validation loss is nan, first at row 7 of the validation, with target -100"):
        nn.fit(nn.MLP([1, 3, 2], seed=0), x, classes, patience=3, **settings)
    assert np.isnan(nn.fit(nn.MLP([1, 3, 2], seed=0), x, classes, **settings).validation_loss).all()


def test_validation_without_patience_only_looks():
    model, same = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=0)
    settings = {"loss": nn.mse, "lr": 0.1, "epochs": 5}
    history = nn.fit(model, ROWS, SUMS, validation=(ROWS[:3], SUMS[:3]), **settings)
    nn.fit(same, ROWS, SUMS, **settings)
    assert numbers(model) == numbers(same)
    each = [nn.mse(model(row), y).data for row, y in zip(ROWS[:3], SUMS[:3], strict=True)]
    assert history.validation_loss[-1] == pytest.approx(np.mean(each), rel=1e-14)


def test_modules_are_in_training_mode_only_while_training():
    modes = []

    class Watching(nn.Linear):
        def forward(self, xs):
            modes.append(self.training)
            return super().forward(xs)

    model = Watching(1, 1).eval()
    nn.fit(model, [1.0], [1.0], loss=nn.mse, epochs=2, validation=([2.0], [2.0]))
    assert modes[-4:] == [True, False, True, False]
    nn.fit(model, [1.0], [1.0], loss=nn.mse, epochs=1)
    assert modes[-1]
    assert not model.training


@pytest.mark.parametrize(
    ("targets", "loss"),
    [
        ([0, 1, 2], nn.cross_entropy),
        (np.array([0, 1, 2]), nn.cross_entropy),
        (np.eye(3), nn.cross_entropy),
        (np.eye(3).tolist(), nn.ssr),
        ([(1, -1, 1)] * 3, nn.hinge),
    ],
)
def test_targets_are_what_the_loss_takes(targets, loss):
    model = nn.Linear(2, 3, seed=0)
    history = nn.fit(model, ROWS[:3], targets, loss=loss, lr=0.05, epochs=30)
    assert history.loss[-1] < history.loss[0]


def test_ctrl_c_returns_the_history_with_the_last_complete_step():
    calls = 0

    def loss(outputs, target):
        nonlocal calls
        calls += 1
        if calls == 40:
            raise KeyboardInterrupt
        return nn.mse(outputs, target)

    model, same = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=0)
    history = nn.fit(model, ROWS, SUMS, loss=loss, lr=0.1, epochs=100, compile=False)
    assert (len(history), history.stopped) == (3, "interrupted")
    nn.fit(same, ROWS, SUMS, loss=nn.mse, lr=0.1, epochs=3)
    assert numbers(model) == numbers(same)


def test_an_interruption_while_an_epoch_is_entered_leaves_lists_of_equal_length(monkeypatch):
    class Interrupting(list):
        def append(self, entry):
            if len(self) == 2:
                raise KeyboardInterrupt
            super().append(entry)

    original = nn.History.__init__

    def init(self):
        original(self)
        self.times = Interrupting()

    monkeypatch.setattr(nn.History, "__init__", init)
    history = nn.fit(nn.Linear(1, 1, seed=0), [1.0], [1.0], loss=nn.mse, epochs=5, validation=([1.0], [1.0]))
    assert history.stopped == "interrupted"
    assert {name: len(entries) for name, entries in history.state_dict().items()} == {
        "loss": 2, "validation_loss": 2, "step_sizes": 2, "learning_rates": 2, "times": 2,
    }  # fmt: skip


def test_an_error_leaves_the_last_complete_step():
    calls = 0

    def loss(outputs, target):
        nonlocal calls
        calls += 1
        if calls == 40:
            raise RuntimeError("no more")
        return nn.mse(outputs, target)

    model, same = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=0)
    with pytest.raises(RuntimeError, match="no more"):
        nn.fit(model, ROWS, SUMS, loss=loss, lr=0.1, epochs=100, compile=False)
    nn.fit(same, ROWS, SUMS, loss=nn.mse, lr=0.1, epochs=3)
    assert numbers(model) == numbers(same)


@pytest.mark.parametrize("settings", [{}, {"validation": ([1.0], [1.0]), "patience": 10_000}])
def test_divergence_names_the_first_operation_and_keeps_the_last_finite_step(settings):
    """Even if there was a better epoch before, to which patience would have gone back."""
    model = nn.Linear(1, 1, seed=0)
    with pytest.raises(AnomalyError, match=r"epoch \d+: .*smaller learning rate.*square gave inf") as error:
        nn.fit(model, [1.0, 2.0], [1.0, 0.0], loss=nn.ssr, lr=10.0, epochs=10_000, **settings)
    assert (error.value.op, error.value.filename) == ("square", __file__)  # the line that calls fit
    assert all(map(math.isfinite, numbers(model)))
    loss = nn.ssr([model([1.0]), model([2.0])], [1.0, 0.0])
    assert math.isfinite(loss.data)
    epoch = int(str(error.value).split()[1].rstrip(":"))  # its loss was not finite, that of the epoch before was
    same = nn.Linear(1, 1, seed=0)
    nn.fit(same, [1.0, 2.0], [1.0, 0.0], loss=nn.ssr, lr=10.0, epochs=epoch - 2)
    assert numbers(model) == numbers(same)


def test_the_observation_to_blame_is_named():
    def loss(outputs, target):
        return autograd.log(target * outputs[0])

    model = nn.Linear(1, 1)
    model.load_state_dict({"weight": [[1.0]], "bias": [0.0]})
    with pytest.raises(AnomalyError, match=r"epoch 1: the loss is nan.*look at the data.*observation 1: log gave nan"):
        nn.fit(model, [1.0, 2.0, 3.0], [1.0, -1.0, 1.0], loss=loss, lr=0.0, epochs=1)
    assert numbers(model) == [1.0, 0.0]


def test_an_infinity_that_does_no_harm_is_not_blamed():
    """1 / e^1000 is 0 by way of an infinity; the loss of the first observation is finite all the same."""

    def loss(outputs, target):
        harmless = 1.0 / autograd.exp(1000.0 + 0.0 * outputs[0].detach())
        return autograd.log(target * outputs[0]) + harmless

    model = nn.Linear(1, 1)
    model.load_state_dict({"weight": [[1.0]], "bias": [0.0]})
    with pytest.raises(AnomalyError, match="at observation 1"):
        nn.fit(model, [1.0, 2.0], [1.0, -1.0], loss=loss, lr=0.0, epochs=1)


def test_a_gradient_that_is_not_finite_is_named():
    model = nn.Linear(1, 1)
    model.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    with pytest.raises(AnomalyError, match=r"the gradient is not finite.*backward through sqrt"):
        nn.fit(model, [1.0], [0.0], loss=lambda outputs, target: autograd.sqrt(outputs[0]), epochs=1)


def test_a_step_that_overflows_is_taken_back():
    model = nn.Linear(1, 1)
    model.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    with pytest.raises(AnomalyError, match=r"the step of SGD.* is not finite"):
        nn.fit(model, [1e200], [1e100], loss=nn.mse, lr=1e300, epochs=1)
    assert numbers(model) == [0.0, 0.0]


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(i, marks=pytest.mark.slow) for i in range(4, 10))])
def test_the_dosage_network_is_fitted_from_every_start(seed):
    """Plain gradient descent gets stuck from about half of these starts, at an SSR of 1/2 or 2/3; this does not."""
    model = dosage(seed)
    optimizer = nn.RMSprop(model.parameters(), lr=0.01, momentum=0.9)
    schedule = nn.CosineAnnealingLR(optimizer, 2000)
    history = nn.fit(model, DOSES, EFFECTS, loss=nn.ssr, optimizer=optimizer, schedule=schedule, epochs=2000)
    assert history.loss[-1] < 1e-3


NAN = math.nan
OTHER = nn.Linear(1, 1)


@pytest.mark.parametrize(("changes", "kind", "message"), [
    ({"inputs": [], "targets": []}, ValueError, "inputs is empty"),
    ({"inputs": [1.0, 2.0]}, ValueError, "inputs has 2 rows and targets 1"),
    ({"inputs": [[1.0, NAN]]}, ValueError, "inputs, row 0, column 1: expected a finite number, got nan"),
    ({"targets": [math.inf]}, ValueError, "targets, row 0: expected a finite number, got inf"),
    ({"inputs": np.array([[NAN]])}, ValueError, "inputs, row 0, column 0"),
    ({"inputs": 3.0}, TypeError, "inputs must be numbers or lists of them, got 3.0"),
    ({"inputs": [[1.0, 2.0]]}, ValueError, "expected 1 inputs, got 2"),
    ({"targets": [[1.0, 2.0]]}, ValueError, "equal lengths, got 1 and 2"),
    ({"model": lambda x: x}, TypeError, "fit takes a Module"),
    ({"model": nn.ReLU()}, ValueError, "params is empty"),
    ({"optimizer": "adam"}, TypeError, "optimizer must be one such as"),
    ({"optimizer": nn.Adam}, TypeError, "optimizer must be one such as"),
    ({"optimizer": nn.SGD(OTHER.parameters(), 0.1)}, ValueError, "no parameter of this model"),
    ({"lr": -1.0}, ValueError, "lr must be finite and at least 0, got -1.0"),
    ({"epochs": 0}, ValueError, "epochs must be at least 1"),
    ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ({"tolerance": -1.0}, ValueError, "tolerance must be"),
    ({"patience": 2}, ValueError, "give validation"),
    ({"validation": [1.0]}, TypeError, "must be a pair"),
    ({"validation": ([1.0], [])}, ValueError, "validation inputs has 1 rows and validation targets 0"),
    ({"validation": ([1.0], [1.0]), "patience": 0}, ValueError, "patience must be at least 1"),
    ({"schedule": nn.StepLR(nn.SGD(OTHER.parameters(), 0.1), 1)}, ValueError, "schedule must be one of the optimizer"),
    ({"loss": "ssr"}, TypeError, "loss must be a function of outputs and target"),
    ({"compile": "no"}, TypeError, "compile must be True or False, got 'no'"),
    ({"loss": lambda outputs, target: 1.0}, TypeError, "must be one Value, got 1.0"),
    ({"loss": lambda outputs, target: outputs}, TypeError, "must be one Value"),
    ({"loss": lambda outputs, target: outputs[0].detach()}, ValueError, "does not depend on any parameter"),
    ({"model": nn.Sequential(nn.Linear(1, 1), nn.ArgMax())}, ValueError, "an ArgMax has derivative 0"),
])  # fmt: skip
def test_bad_input(changes, kind, message):
    arguments = {"model": nn.Linear(1, 1), "inputs": [1.0], "targets": [1.0], "loss": nn.mse, "epochs": 1, **changes}
    with pytest.raises(kind, match=message):
        nn.fit(arguments.pop("model"), arguments.pop("inputs"), arguments.pop("targets"), **arguments)


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize(("inputs", "targets", "place"), [
    ([[1.0], [2.0], [3.0, 4.0]], [1.0, 2.0, 3.0], "row 2 of the inputs, [3.0, 4.0], and its target, 3.0"),
    ([[1.0], None, [3.0]], [1.0, 2.0, 3.0], "row 1 of the inputs, None, and its target, 2.0"),
    (["one", "two"], [1.0, 2.0], "row 0 of the inputs, 'one', and its target, 1.0"),
    ([1.0, 2.0], [1.0, "two"], "row 1 of the inputs, [2.0], and its target, 'two'"),
    ([1.0, 2.0, 3.0], [1.0, [2.0, 3.0], None], "row 1 of the inputs, [2.0], and its target, [2.0, 3.0]"),
    ([[1.0] * 99], [1.0], "row 0 of the inputs, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...], and its target, 1.0"),
])  # fmt: skip
def test_an_error_of_the_model_or_the_loss_names_the_row(inputs, targets, place, compile):
    with pytest.raises((TypeError, ValueError)) as error:
        nn.fit(nn.Linear(1, 1), inputs, targets, loss=nn.mse, epochs=1, compile=compile)
    assert error.value.__notes__ == [f"This happened at {place}."]


def test_an_error_in_validation_names_the_row():
    with pytest.raises(ValueError, match="expected 1 inputs, got 2") as error:
        nn.fit(nn.Linear(1, 1), [1.0], [1.0], loss=nn.mse, epochs=1, validation=([[1.0], [1.0, 2.0]], [1.0, 1.0]))
    (note,) = error.value.__notes__
    assert note == "This happened at row 1 of the validation inputs, [1.0, 2.0], and its target, 1.0."


def test_a_model_whose_parameters_are_all_frozen():
    model = nn.Linear(1, 1)
    for parameter in model.parameters():
        parameter.trainable = False
    with pytest.raises(ValueError, match=r"all 2 parameters are frozen.*set trainable = True"):
        nn.fit(model, [1.0], [1.0], loss=nn.mse, epochs=1)


@pytest.mark.parametrize(("seed", "kind"), [("a", TypeError), (1.5, TypeError), (-1, ValueError)])
def test_a_seed_is_an_integer_of_at_least_0(seed, kind):
    with pytest.raises(kind, match="seed must be"):
        nn.fit(nn.Linear(1, 1), [1.0], [1.0], loss=nn.mse, epochs=1, seed=seed)


def test_an_optimizer_has_its_own_learning_rate():
    model = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="leave lr out"):
        nn.fit(model, [1.0], [1.0], loss=nn.mse, optimizer=nn.SGD(model.parameters(), 0.1), lr=0.1, epochs=1)


def test_numpy_warns_in_a_loss_as_anywhere_else():
    def loss(outputs, target):
        return nn.mse(outputs, target + float(np.divide(np.zeros(1), 0.0)[0] == 0.0))

    with pytest.warns(RuntimeWarning, match="invalid value"):
        nn.fit(nn.Linear(1, 1, seed=0), [1.0], [1.0], loss=loss, epochs=1, compile=False)
    with np.errstate(all="ignore"):
        nn.fit(nn.Linear(1, 1, seed=0), [1.0], [1.0], loss=loss, epochs=1, compile=False)
