"""Every option of the optimisers, alone and together, and groups of parameters: trajectories are PyTorch's."""

import itertools
import json

import pytest

import nn
from tests.test_nn_optim import START, bowl, trajectory

torch = pytest.importorskip("torch", reason="compares with PyTorch")

OPTIONS = {
    "SGD": {"momentum": [0.0, 0.8], "dampening": [0.0, 0.3], "weight_decay": [0.0, 0.1], "maximize": [False, True]},
    "Adam": {"betas": [(0.8, 0.9)], "weight_decay": [0.0, 0.1], "amsgrad": [False, True], "maximize": [False, True]},
    "AdamW": {"weight_decay": [0.0, 0.3], "amsgrad": [False, True], "maximize": [False, True]},
    "RMSprop": {
        "alpha": [0.9], "momentum": [0.0, 0.8], "weight_decay": [0.0, 0.1], "centered": [False, True],
        "maximize": [False, True],
    },
}  # fmt: skip
CASES = [
    (kind, dict(zip(options, values, strict=True)))
    for kind, options in OPTIONS.items()
    for values in itertools.product(*options.values())
]
CASES.append(("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}))


def reference(make, steps, after=lambda optimizer: None):
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    optimizer, path = make(tensors), []
    for _ in range(steps):
        optimizer.zero_grad()
        bowl(*tensors, m=torch).backward()
        optimizer.step()
        after(optimizer)
        path.append([tensor.item() for tensor in tensors])
    return path


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_options(kind, settings):
    steps = 8 if settings["maximize"] else 40  # uphill there is no end
    expected = reference(lambda tensors: getattr(torch.optim, kind)(tensors, lr=0.01, **settings), steps)
    parameters = [nn.Parameter(x) for x in START]
    found = trajectory(getattr(nn, kind)(parameters, lr=0.01, **settings), parameters, steps)
    assert found == [pytest.approx(numbers, rel=1e-10) for numbers in expected]


@pytest.mark.parametrize("kind", OPTIONS)
def test_options_are_in_the_order_of_torch(kind):
    positional = {"SGD": (0.05, 0.9, 0.1, 0.2), "Adam": (0.05, (0.8, 0.9), 1e-6, 0.1, True)}
    positional |= {"AdamW": positional["Adam"], "RMSprop": (0.05, 0.9, 1e-6, 0.1, 0.8, True)}
    expected = reference(lambda tensors: getattr(torch.optim, kind)(tensors, *positional[kind]), 10)
    parameters = [nn.Parameter(x) for x in START]
    found = trajectory(getattr(nn, kind)(parameters, *positional[kind]), parameters, 10)
    assert found == [pytest.approx(numbers, rel=1e-10) for numbers in expected]


def grouped(parameters, own):
    return [{"params": parameters[:1], **own}, {"params": parameters[1:]}]


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("SGD", {"lr": 0.002, "momentum": 0.9, "nesterov": True}),
        ("SGD", {"momentum": 0.9, "dampening": 0.5}),
        ("Adam", {"betas": (0.5, 0.9), "amsgrad": True}),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.5, "maximize": True}),
        ("RMSprop", {"centered": True, "eps": 1e-3}),
    ],
)
def test_groups(kind, own):
    expected = reference(lambda tensors: getattr(torch.optim, kind)(grouped(tensors, own), lr=0.01), 40)
    parameters = [nn.Parameter(x) for x in START]
    optimizer = getattr(nn, kind)(grouped(parameters, own), lr=0.01)
    assert trajectory(optimizer, parameters, 40) == [pytest.approx(numbers, rel=1e-10) for numbers in expected]
    twins = [nn.Parameter(parameter.data) for parameter in parameters]
    twin = getattr(nn, kind)(grouped(twins, {}), lr=0.5)
    twin.steps = 1
    if set(twin.memory) == set(optimizer.memory):
        twin.load_state_dict(json.loads(json.dumps(optimizer.state_dict())))
        assert trajectory(twin, twins, 5) == trajectory(optimizer, parameters, 5)


def test_frozen_parameters_stay_in_their_group():
    parameters = [nn.Parameter(x, trainable=place != 1) for place, x in enumerate([*START, 1.0])]
    optimizer = nn.SGD([{"params": parameters[:2], "lr": 1.0}, {"params": parameters[2:]}], lr=0.1, momentum=0.9)
    sum(parameters).backward()
    before = [parameter.data for parameter in parameters]
    optimizer.step()
    moved = [old - parameter.data for old, parameter in zip(before, parameters, strict=True)]
    assert moved == pytest.approx([1.0, 0.0, *[0.1] * (len(parameters) - 2)])


@pytest.mark.parametrize(
    "schedules",
    [
        [("StepLR", (3, 0.5))],
        [("CosineAnnealingLR", (10, 1e-3))],
        [("StepLR", (4, 0.5)), ("CosineAnnealingLR", (12, 1e-3))],
    ],
)
def test_schedules_change_every_group(schedules):
    def rates(library, of, schedule_of):
        parameters = of()
        optimizer = library.SGD(grouped(parameters, {"lr": 0.02}), lr=0.01)
        made = [getattr(schedule_of, name)(optimizer, *arguments) for name, arguments in schedules]
        path = []
        for _ in range(10):
            for parameter in parameters:
                parameter.grad = None
            optimizer.step()
            for schedule in made:
                schedule.step()
            path.append([group["lr"] for group in optimizer.param_groups])
        return path

    theirs = rates(
        torch.optim, lambda: [torch.zeros(1, requires_grad=True) for _ in range(2)], torch.optim.lr_scheduler
    )
    ours = rates(nn, lambda: [nn.Parameter(0.0) for _ in range(2)], nn)
    assert ours == [pytest.approx(pair, rel=1e-12) for pair in theirs]


def test_a_schedule_of_groups_goes_on_from_its_state():
    def made(lr):
        parameters = [nn.Parameter(0.0), nn.Parameter(0.0)]
        optimizer = nn.SGD([{"params": parameters[0]}, {"params": parameters[1:], "lr": 3 * lr}], lr=lr)
        return optimizer, nn.CosineAnnealingLR(optimizer, 10)

    (_, schedule), (_, twin) = made(0.1), made(0.7)
    for _ in range(3):
        schedule.step()
    twin.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    for _ in range(3):
        schedule.step()
        twin.step()
        assert twin.get_last_lr() == schedule.get_last_lr()


def test_fit_trains_groups_and_resumes_them(tmp_path):
    xs, ys = [[0.0], [0.5], [1.0]], [0.0, 1.0, 0.0]

    def trained(epochs, compile=True, lr=0.05, path=None):
        model = nn.MLP([1, 2, 1], seed=0)
        groups = [{"params": model[0].parameters(), "lr": lr}, {"params": model[2].parameters(), "momentum": 0.9}]
        optimizer = nn.SGD(groups, lr=0.01)
        settings = {"schedule": nn.StepLR(optimizer, 10), "checkpoint": path, "compile": compile}
        nn.fit(model, xs, ys, loss=nn.ssr, optimizer=optimizer, epochs=epochs, **settings)
        return [parameter.data for parameter in model.parameters()]

    whole = trained(40)
    assert whole == pytest.approx(trained(40, compile=False), rel=1e-10)
    trained(15, path=tmp_path / "run.json")
    assert trained(40, path=tmp_path / "run.json") == whole
    with pytest.raises(nn.StorageError, match="groups"):
        trained(40, lr=0.02, path=tmp_path / "run.json")


def test_states_of_version_0_1_load():
    parameters = [nn.Parameter(1.0)]
    optimizer = nn.SGD(parameters, 0.1, momentum=0.9)
    state = {name: x for name, x in optimizer.state_dict().items() if name not in ("dampening", "maximize")}
    loaded = nn.SGD(parameters, 0.5)
    loaded.load_state_dict(state)
    assert loaded.state_dict() == optimizer.state_dict()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda p: nn.SGD([{"params": p[:1], "mass": 1.0}], 0.1),
            TypeError,
            "unknown 'mass'; a group takes",
        ),
        (
            lambda p: nn.SGD([{"params": p[:1]}, {"lr": 1.0}], 0.1),
            TypeError,
            r"\[1\]: a group is a dict with",
        ),
        (lambda p: nn.SGD([{"params": p[:1]}, p[1]], 0.1), TypeError, r"params\[1\]: a group is a dict"),
        (lambda p: nn.SGD([{"params": []}], 0.1), ValueError, r"params\[0\]: the group has no parameters"),
        (lambda p: nn.SGD([{"params": p}, {"params": p[:1]}], 0.1), ValueError, "more than once"),
        (lambda p: nn.SGD([{"params": p, "lr": -1.0}], 0.1), ValueError, "lr must be finite and at least 0"),
        (lambda p: nn.Adam([{"params": p, "betas": 0.9}]), ValueError, "betas must be two numbers"),
        (lambda p: nn.SGD(p, 0.1, 0.9, 0.1, nesterov=True), ValueError, "leave dampening out"),
        (lambda p: nn.SGD([{"params": p, "nesterov": True}], 0.1), ValueError, "give momentum"),
        (lambda p: nn.SGD(p, 0.1, maximize="yes"), TypeError, "maximize must be True or False"),
    ],
)
def test_bad_groups_and_options(make, error, message):
    with pytest.raises(error, match=message):
        make([nn.Parameter(1.0), nn.Parameter(2.0)])
