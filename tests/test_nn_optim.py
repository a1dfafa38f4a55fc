"""Optimisers, schedules, clipping: trajectories of PyTorch, states that resume exactly, bad input."""

import json
import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Value

START = [1.5, -2.0, 0.3]


def bowl(x, y, z, m=autograd):
    """A loss with curvature and coupling, written once for both libraries."""
    return (x - 1.0) ** 2 + 3.0 * (y + x) ** 2 + m.exp(0.3 * z) + z**2 * y**2


OPTIMIZERS = {
    "sgd": (nn.SGD, "SGD", {"lr": 0.01}),
    "sgd with momentum": (nn.SGD, "SGD", {"lr": 0.01, "momentum": 0.9}),
    "sgd, nesterov": (nn.SGD, "SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "sgd with decay": (nn.SGD, "SGD", {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1}),
    "adam": (nn.Adam, "Adam", {}),
    "adam, all settings": (nn.Adam, "Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    "adamw": (nn.AdamW, "AdamW", {"lr": 0.05}),
    "adamw, all settings": (nn.AdamW, "AdamW", {"lr": 0.1, "betas": (0.7, 0.99), "eps": 1e-4, "weight_decay": 0.2}),
    "rmsprop": (nn.RMSprop, "RMSprop", {}),
    "rmsprop, all settings": (
        nn.RMSprop,
        "RMSprop",
        {"lr": 0.02, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.8, "centered": True},
    ),
}


def trajectory(optimizer, parameters, steps):
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        bowl(*parameters).backward()
        optimizer.step()
        path.append([p.data for p in parameters])
    return path


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trajectories_are_those_of_torch(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    kind, theirs, settings = OPTIMIZERS[name]
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    optimizer = getattr(torch.optim, theirs)(tensors, **settings)
    expected = []
    for _ in range(200):
        optimizer.zero_grad()
        bowl(*tensors, m=torch).backward()
        optimizer.step()
        expected.append([t.item() for t in tensors])
    parameters = [nn.Parameter(x) for x in START]
    found = trajectory(kind(parameters, **settings), parameters, 200)
    assert np.abs(np.array(found) - expected).max() < 1e-10


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_resume_exactly(name):
    kind, _, settings = OPTIMIZERS[name]
    parameters = [nn.Parameter(x) for x in START]
    optimizer = kind(parameters, **settings)
    trajectory(optimizer, parameters, 7)
    state = json.loads(json.dumps(optimizer.state_dict()))
    twins = [nn.Parameter(p.data) for p in parameters]
    resumed = kind(twins, lr=0.123)
    resumed.load_state_dict(state)
    assert trajectory(resumed, twins, 9) == trajectory(optimizer, parameters, 9)


def test_sgd_is_the_rule_of_the_lectures():
    """New = old - learning rate * derivative."""
    w = Value(3.0)
    w.grad = 0.5
    nn.SGD([w], 0.1).step()
    assert w.data == 3.0 - 0.1 * 0.5


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_parameters_stay(name):
    kind, _, settings = OPTIMIZERS[name]
    parameters = [nn.Parameter(x) for x in START]
    parameters[1].trainable = False
    optimizer = kind(parameters, **settings)
    path = trajectory(optimizer, parameters, 5)
    assert parameters[1].data == START[1]
    parameters[1].trainable = True
    trajectory(optimizer, parameters, 1)
    assert parameters[1].data != START[1]
    free = [nn.Parameter(START[0]), Value(START[1]), nn.Parameter(START[2])]
    alone = kind([free[0], free[2]], **settings)
    for expected in path:
        for p in free:
            p.grad = 0.0
        bowl(*free).backward()
        alone.step()
        assert [p.data for p in free] == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_without_a_gradient_stay(name):
    """One parameter is in every step, one in every third, one in none: where they go is where PyTorch's go."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    kind, theirs, settings = OPTIMIZERS[name]
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    reference = getattr(torch.optim, theirs)(tensors, **settings)
    parameters = [nn.Parameter(x) for x in START]
    optimizer = kind(parameters, **settings)
    for step in range(60):
        for one, numbers in ((reference, tensors), (optimizer, parameters)):
            one.zero_grad()
            (numbers[0] ** 2 * (1.0 if step % 3 else numbers[1] ** 2 + 1.0)).backward()
            one.step()
        assert [p.data for p in parameters] == pytest.approx([t.item() for t in tensors], abs=1e-12)
    assert parameters[2].data == START[2]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("gradient", [1e200, -math.inf, math.nan])
def test_huge_gradients_do_not_warn(name, gradient):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    kind, theirs, settings = OPTIMIZERS[name]
    tensor, parameter = torch.tensor(1.0, dtype=torch.float64, requires_grad=True), nn.Parameter(1.0)
    reference, optimizer = getattr(torch.optim, theirs)([tensor], **settings), kind([parameter], **settings)
    for _ in range(2):
        tensor.grad, parameter.grad = torch.tensor(gradient, dtype=torch.float64), gradient
        reference.step()
        optimizer.step()
    if not settings.get("centered"):  # there inf - inf is inf or nan, as the compiler of PyTorch fuses it
        assert parameter.data == pytest.approx(tensor.item(), nan_ok=True)


@pytest.mark.parametrize("make", [nn.Adam, lambda p, **settings: nn.AdamW(p, weight_decay=0.0, **settings)])
def test_adam_counts_the_steps_of_each_parameter(make):
    """With a constant gradient both bias corrections are exact, so each step is the learning rate, from the first on.

    A single count for all would take the third step of all for the third of the parameter that had no gradient before.
    """
    parameters = [nn.Parameter(0.0) for _ in range(3)]
    optimizer = make(parameters, lr=0.125, eps=0.0)
    for step in range(1, 8):
        optimizer.zero_grad()
        parameters[0].grad = 0.5
        if step in (3, 4, 7):
            parameters[1].grad = -3.0
        optimizer.step()
        taken = [step, -sum(step >= s for s in (3, 4, 7)), 0]
        assert [p.data for p in parameters] == pytest.approx([-0.125 * number for number in taken], rel=1e-12)
    assert optimizer.state_dict()["memory"]["steps"] == [7.0, 3.0, 0.0]


def test_the_gradient_is_left_alone():
    w = nn.Parameter(1.0)
    w.grad = 2.0
    nn.SGD([w], 0.1, momentum=0.9, nesterov=True, weight_decay=0.5).step()
    assert w.grad == 2.0


def test_zero_grad():
    w = nn.Parameter(1.0)
    w.grad = 2.0
    nn.Adam([w]).zero_grad()
    assert w.grad == 0.0


SCHEDULES = {
    "step": (lambda o: nn.StepLR(o, 3, gamma=0.5), lambda m, o: m.StepLR(o, 3, gamma=0.5)),
    "cosine": (lambda o: nn.CosineAnnealingLR(o, 10, 0.01), lambda m, o: m.CosineAnnealingLR(o, 10, 0.01)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_learning_rates_are_those_of_torch(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    ours, theirs = SCHEDULES[name]
    optimizer = nn.SGD([nn.Parameter(0.0)], lr=0.8)
    schedule = ours(optimizer)
    reference = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    expected = theirs(torch.optim.lr_scheduler, reference)
    for _ in range(25):
        assert optimizer.lr == pytest.approx(reference.param_groups[0]["lr"], abs=1e-12)
        reference.step()
        expected.step()
        schedule.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_resume(name):
    make = SCHEDULES[name][0]
    schedule = make(nn.SGD([nn.Parameter(0.0)], lr=0.8))
    for _ in range(4):
        schedule.step()
    resumed = make(nn.SGD([nn.Parameter(0.0)], lr=0.8))
    resumed.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert resumed.optimizer.lr == schedule.optimizer.lr
    schedule.step()
    resumed.step()
    assert resumed.optimizer.lr == schedule.optimizer.lr


def test_schedules_of_one_optimiser_multiply_and_respect_a_rate_set_by_hand():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    optimizer = nn.SGD([nn.Parameter(0.0)], lr=0.8)
    reference = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    ours, theirs = [], []
    for mine, other in SCHEDULES.values():
        ours.append(mine(optimizer))
        theirs.append(other(torch.optim.lr_scheduler, reference))
    reference.step()
    for epoch in range(25):
        if epoch in (2, 7, 20):
            optimizer.lr = reference.param_groups[0]["lr"] = 0.02 * epoch
        for mine, other in zip(ours, theirs, strict=True):
            mine.step()
            other.step()
        assert optimizer.lr == pytest.approx(reference.param_groups[0]["lr"], rel=1e-12, abs=1e-14)


def test_a_schedule_alone_follows_its_formula_exactly():
    schedule = nn.CosineAnnealingLR(nn.SGD([nn.Parameter(0.0)], lr=0.8), 7)
    for epoch in range(40):
        assert schedule.get_last_lr() == [schedule.rate(epoch)]
        schedule.step()


def test_a_schedule_takes_over_the_settings_of_a_state():
    schedule = nn.StepLR(nn.SGD([nn.Parameter(0.0)], lr=0.8), 3, 0.5)
    other = nn.StepLR(nn.SGD([nn.Parameter(0.0)], lr=0.1), 2, 0.1)
    other.load_state_dict(schedule.state_dict())
    assert (other.step_size, other.gamma, other.get_last_lr()) == (3, 0.5, [0.8])


def test_a_state_of_version_0_1_has_no_settings():
    schedule = nn.StepLR(nn.SGD([nn.Parameter(0.0)], lr=0.8), 3, 0.5)
    schedule.load_state_dict({"first": 0.4, "epoch": 4})
    assert (schedule.first, schedule.epoch, schedule.gamma, schedule.get_last_lr()) == (0.4, 4, 0.5, [0.2])


def test_centred_rmsprop_takes_no_root_of_a_rounding():
    w = nn.Parameter(0.0)
    optimizer = nn.RMSprop([w], centered=True, alpha=0.3)
    for _ in range(100):
        w.grad = 28.76840498395757
        optimizer.step()
        assert math.isfinite(w.data)


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_a_state_with_negative_squares_changes_nothing(name):
    kind, _, settings = OPTIMIZERS[name]
    optimizer = kind([nn.Parameter(0.0)], **settings)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match="memory of mean_square: expected numbers that are not negative"):
        optimizer.load_state_dict({**before, "steps": 3, "memory": {**before["memory"], "mean_square": [-1e-9]}})
    assert optimizer.state_dict() == before


@pytest.mark.parametrize(("norm_type", "norm"), [(2.0, 5.0), (1.0, 7.0), (math.inf, 4.0)])
def test_clipping_scales_all_gradients_together(norm_type, norm):
    parameters = [nn.Parameter(0.0), nn.Parameter(0.0)]
    parameters[0].grad, parameters[1].grad = 3.0, -4.0
    assert nn.clip_grad_norm(parameters, 1.0, norm_type) == norm
    assert [p.grad for p in parameters] == pytest.approx([3.0 / norm, -4.0 / norm], rel=1e-6)
    before = [p.grad for p in parameters]
    nn.clip_grad_norm(parameters, 10.0, norm_type)
    assert [p.grad for p in parameters] == before


def test_clipping_is_that_of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    tensors = [torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    parameters = [nn.Parameter(0.0) for _ in range(2)]
    for tensor, parameter, grad in zip(tensors, parameters, (30.0, -4.0), strict=True):
        tensor.grad, parameter.grad = torch.tensor([grad], dtype=torch.float64), grad
    torch.nn.utils.clip_grad_norm_(tensors, 0.7)
    nn.clip_grad_norm(parameters, 0.7)
    assert [p.grad for p in parameters] == pytest.approx([t.grad.item() for t in tensors], rel=1e-14)


@pytest.mark.parametrize("norm_type", [2, 1, math.inf, 3.5])
@pytest.mark.parametrize(("gradients", "most"), [
    ((1e180, 1e180), 1.0), ((1e-190, 2e-190), 1e-191), ((1e200, 3e-200), 1e-3), ((1.7e308, -1.7e308), 1e-3),
    ((5e-322, 1e-322), 1e-323),
])  # fmt: skip
def test_clipping_at_the_extremes(gradients, most, norm_type):
    parameters = [nn.Parameter(0.0) for _ in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    nn.clip_grad_norm(parameters, most, norm_type)
    clipped = np.array([p.grad for p in parameters])
    assert np.linalg.norm(clipped / most, norm_type) == pytest.approx(1.0, rel=0.5 if most < 1e-300 else 1e-5)


@pytest.mark.parametrize("gradient", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_is_not_clipped(gradient):
    parameters = [nn.Parameter(0.0), nn.Parameter(0.0, name="w2")]
    parameters[0].grad, parameters[1].grad = 1.0, gradient
    with pytest.raises(ValueError, match=f"a gradient is {gradient}.*'w2'"):
        nn.clip_grad_norm(parameters, 0.5)
    assert parameters[0].grad == 1.0


def test_an_infinite_norm_is_only_measured():
    parameters = [nn.Parameter(0.0) for _ in range(3)]
    parameters[0].grad, parameters[1].grad = 3e200, -4.0
    assert nn.clip_grad_norm(parameters, math.inf, math.inf) == 3e200
    assert nn.clip_grad_norm(parameters, math.inf, 1.0) == 3e200
    assert [p.grad for p in parameters] == [3e200, -4.0, 0.0]
    nn.clip_grad_norm(parameters, 1.0, math.inf)
    assert [p.has_grad for p in parameters] == [True, True, False]


def test_a_state_that_does_not_fit_lists_all_and_changes_nothing():
    optimizer = nn.Adam([nn.Parameter(0.0)], lr=0.5)
    state = nn.SGD([nn.Parameter(0.0), nn.Parameter(0.0)], lr=0.1).state_dict()
    with pytest.raises(ValueError, match="does not fit Adam") as error:
        optimizer.load_state_dict(state)
    for problem in (
        "expected 'Adam', got 'SGD'",
        "beta1: missing",
        "momentum: unexpected",
        "memory of mean: expected 1",
    ):
        assert problem in str(error.value)
    assert optimizer.lr == 0.5


@pytest.mark.parametrize("memory", [{}, {"velocity": [1.0, 2.0]}, {"velocity": ["a"]}, {"velocity": 1.0}])
def test_a_damaged_memory_changes_nothing(memory):
    optimizer = nn.SGD([nn.Parameter(0.0)], lr=0.5)
    state = {**optimizer.state_dict(), "lr": 0.1, "memory": memory}
    with pytest.raises(ValueError, match="memory of velocity: expected 1 numbers"):
        optimizer.load_state_dict(state)
    assert optimizer.lr == 0.5


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("damage", [
    {"lr": "fast"}, {"steps": "many"}, {"steps": -1}, {"weight_decay": "x"}, {"weight_decay": -1.0}, {"memory": None},
])  # fmt: skip
def test_a_damaged_state_changes_nothing(name, damage):
    kind, _, settings = OPTIMIZERS[name]
    parameters = [nn.Parameter(x) for x in START]
    optimizer = kind(parameters, **settings)
    trajectory(optimizer, parameters, 2)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=f"nothing was changed:\n  .*{next(iter(damage))}"):
        optimizer.load_state_dict({**before, "lr": 0.123, "steps": 7, **damage})
    assert optimizer.state_dict() == before


def test_all_problems_of_a_state_are_listed():
    optimizer = nn.RMSprop([nn.Parameter(0.0)])
    state = {**optimizer.state_dict(), "alpha": 1.0, "centered": "yes", "memory": {"mean": [True], "more": [1.0]}}
    with pytest.raises(ValueError, match="does not fit RMSprop") as error:
        optimizer.load_state_dict(state)
    for problem in (
        "alpha must be less than 1",
        "centered must be True or False",
        "memory of mean: expected 1 numbers",
        "memory of velocity: expected 1 numbers",
        "memory of more: unexpected",
    ):
        assert problem in str(error.value)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_damaged_state_of_a_schedule_changes_nothing(name):
    schedule = SCHEDULES[name][0](nn.SGD([nn.Parameter(0.0)], lr=0.8))
    before = schedule.state_dict()
    damages = ({"epoch": "x"}, {"first": math.nan}, {"lr": 10**400}, {"lr": -1.0}, {"epoch": 10**400}, {"more": 1})
    for state in ({}, {"first": 0.1}, *({**before, **damage} for damage in damages)):
        with pytest.raises(ValueError, match="nothing was changed"):
            schedule.load_state_dict(state)
    assert schedule.state_dict() == before
    assert schedule.get_last_lr() == [schedule.optimizer.lr] == [0.8]


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda p: nn.SGD([], 0.1), ValueError, "params is empty: there is nothing to train"),
    (lambda p: nn.SGD(p, -0.1), ValueError, "lr must be finite and at least 0, got -0.1"),
    (lambda p: nn.SGD(p, math.nan), ValueError, "lr must be finite"),
    (lambda p: nn.SGD(p, "fast"), TypeError, "lr must be a number, got 'fast'"),
    (lambda p: nn.SGD(p, 0.1, momentum=-1), ValueError, "momentum must be"),
    (lambda p: nn.SGD(p, 0.1, weight_decay=-1), ValueError, "weight_decay must be"),
    (lambda p: nn.SGD(p, 0.1, nesterov=True), ValueError, "give momentum"),
    (lambda p: nn.Adam(p, betas=(0.9, 1.0)), ValueError, "beta2 must be less than 1 and at least 0, got 1.0"),
    (lambda p: nn.RMSprop(p, alpha=1.0), ValueError, "alpha must be less than 1"),
    (lambda p: nn.Adam(p, eps=-1), ValueError, "eps must be"),
    (lambda p: nn.SGD(p[0], 0.1), TypeError, "params must be a list of parameters"),
    (lambda p: nn.SGD([1.0], 0.1), TypeError, r"params\[0\] must be a Parameter or Value, got 1.0"),
    (lambda p: nn.SGD([p[0] * 2], 0.1), ValueError, r"params\[0\] must be a leaf"),
    (lambda p: nn.SGD([p[0].detach()], 0.1), ValueError, r"params\[0\] must be a leaf"),
    (lambda p: nn.SGD([p[0], p[0]], 0.1), ValueError, "more than once"),
    (lambda p: nn.StepLR(nn.SGD(p, 0.1), 0), ValueError, "step_size must be at least 1"),
    (lambda p: nn.StepLR(0.1, 1), TypeError, "a schedule takes an optimiser, got 0.1"),
    (lambda p: nn.CosineAnnealingLR(nn.SGD(p, 0.1), 10, -1.0), ValueError, "eta_min must be"),
    (lambda p: nn.clip_grad_norm(p, -1.0), ValueError, "max_norm must be"),
    (lambda p: nn.clip_grad_norm(p, 1.0, "two"), TypeError, "norm_type must be a number"),
    (lambda p: nn.clip_grad_norm([1.0], 1.0), TypeError, r"params\[0\] must be a Parameter or Value, got 1.0"),
    (lambda p: nn.SGD(nn.Linear(1, 1), 0.1), TypeError, r"such as model.parameters\(\); got one Linear"),
    (lambda p: nn.SGD(nn.MLP([1, 1]), 0.1), TypeError, r"such as model.parameters\(\); got one MLP"),
    (lambda p: nn.SGD(None, 0.1), TypeError, "params must be a list of parameters"),
    (lambda p: nn.SGD(p, 0.1, momentum=True), TypeError, "momentum must be a number, got True"),
    (lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov="yes"), TypeError, "nesterov must be True or False"),
    (lambda p: nn.Adam(p, betas=(0.9,)), ValueError, r"betas must be two numbers, such as \(0.9, 0.999\)"),
    (lambda p: nn.Adam(p, betas=0.9), ValueError, "betas must be two numbers"),
    (lambda p: nn.Adam(p).load_state_dict(None), TypeError, "load_state_dict takes a dict that state_dict gave"),
    (lambda p: nn.StepLR(nn.SGD(p, 0.1), 1).load_state_dict([]), TypeError, "load_state_dict takes a dict"),
])  # fmt: skip
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call([nn.Parameter(1.0)])
