"""Initialisers: the distributions that they promise, in place, reproducibly."""

import math

import numpy as np
import pytest

import nn

LAYER = (80, 50)  # inputs, outputs
CASES = {
    "normal": (lambda m, **r: nn.init.normal(m, 1.0, 0.5, **r), 1.0, 0.5),
    "uniform": (lambda m, **r: nn.init.uniform(m, -1.0, 3.0, **r), 1.0, 4 / math.sqrt(12)),
    "xavier_uniform": (lambda m, **r: nn.init.xavier_uniform(m, gain=2.0, **r), 0.0, 2 * math.sqrt(2 / 130)),
    "xavier_normal": (lambda m, **r: nn.init.xavier_normal(m, **r), 0.0, math.sqrt(2 / 130)),
    "kaiming_uniform": (lambda m, **r: nn.init.kaiming_uniform(m, nonlinearity="relu", **r), 0.0, math.sqrt(2 / 80)),
    "kaiming_normal": (lambda m, **r: nn.init.kaiming_normal(m, mode="fan_out", **r), 0.0, math.sqrt(2 / 50)),
    "leaky": (lambda m, **r: nn.init.kaiming_normal(m, a=2.0, **r), 0.0, math.sqrt(2 / 5 / 80)),
    "tanh": (lambda m, **r: nn.init.kaiming_normal(m, nonlinearity="tanh", **r), 0.0, 5 / 3 / math.sqrt(80)),
}


@pytest.mark.parametrize("name", CASES)
def test_mean_and_standard_deviation(name):
    initialise, mean, std = CASES[name]
    layer = nn.Linear(*LAYER)
    initialise(layer, seed=0)
    weights = layer.state_dict()["weight"]
    assert weights.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(weights.size))
    assert weights.std() == pytest.approx(std, rel=0.05)
    if "uniform" in name:
        assert abs(weights - mean).max() <= math.sqrt(3) * std * (1 + 1e-12)
        assert abs(weights - mean).max() > 0.98 * math.sqrt(3) * std
    assert not layer.state_dict()["bias"].any()


@pytest.mark.parametrize("name", CASES)
def test_a_seed_repeats(name):
    initialise = CASES[name][0]
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    initialise(first, seed=7)
    initialise(second, rng=np.random.default_rng(7))
    assert first.state_dict()["weight"].tolist() == second.state_dict()["weight"].tolist()


def test_zeros():
    layer = nn.Linear(2, 2, seed=0)
    nn.init.zeros(layer)
    assert not layer.state_dict()["weight"].any()


def test_a_list_of_parameters_is_set_in_place():
    parameters = [nn.Parameter(0.0) for _ in range(1000)]
    nn.init.kaiming_normal(parameters, nonlinearity="linear", seed=0)
    assert np.std([p.data for p in parameters]) == pytest.approx(1 / math.sqrt(1000), rel=0.1)
    nn.init.zeros(parameters[0])
    assert parameters[0].data == 0.0


def test_linear_starts_as_the_lectures_do():
    weights = nn.Linear(100, 40, seed=0).state_dict()["weight"]
    assert weights.std() == pytest.approx(1 / math.sqrt(100), rel=0.03)
    assert weights.mean() == pytest.approx(0.0, abs=4 / math.sqrt(100 * weights.size))


def test_a_list_is_the_weights_of_one_node():
    """Its inputs are as many as its numbers, its output is one."""
    parameters = [nn.Parameter(0.0) for _ in range(1000)]
    for options, fan in (({"mode": "fan_in"}, 1000), ({"mode": "fan_out"}, 1)):
        nn.init.kaiming_normal(parameters, nonlinearity="linear", seed=0, **options)
        assert np.std([p.data for p in parameters]) == pytest.approx(1 / math.sqrt(fan), rel=0.05)
    nn.init.xavier_normal(parameters, seed=0)
    assert np.std([p.data for p in parameters]) == pytest.approx(math.sqrt(2 / 1001), rel=0.05)


def test_the_names_of_arguments_are_those_of_torch():
    layer = nn.Linear(3, 3)
    nn.init.uniform(layer, a=-1.0, b=-1.0)
    assert (layer.state_dict()["weight"] == -1.0).all()
    nn.init.normal(layer, mean=2.0, std=0.0)
    assert (layer.state_dict()["weight"] == 2.0).all()


def test_a_module_is_searched_for_its_weights():
    model = nn.MLP([2, 2, 1])
    nn.init.normal(model, 5.0, 0.0)
    assert (model.state_dict()["2.weight"] == 5.0).all()
    assert (model.state_dict()["0.bias"] == 0.0).all()


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: nn.init.normal(nn.ReLU()), ValueError, "ReLU has no matrices of weights"),
    (lambda: nn.init.normal([]), TypeError, "a Module, a Parameter, or lists of Parameters"),
    (lambda: nn.init.normal([1.0]), TypeError, "a Module, a Parameter, or lists of Parameters"),
    (lambda: nn.init.normal(nn.Linear(1, 1), std=-1), ValueError, "std must be finite and at least 0, got -1"),
    (lambda: nn.init.normal(nn.Linear(1, 1), mean=math.nan), ValueError, "mean must be finite, got nan"),
    (lambda: nn.init.uniform(nn.Linear(1, 1), 1.0, 0.0), ValueError, "b must not be less than a"),
    (lambda: nn.init.xavier_normal(nn.Linear(1, 1), "a"), TypeError, "gain must be a number"),
    (lambda: nn.init.kaiming_normal(nn.Linear(1, 1), "a"), TypeError, "a must be a number"),
    (lambda: nn.init.kaiming_normal(nn.Linear(1, 1), mode="in"), ValueError, "mode must be one of fan_in, fan_out"),
    (lambda: nn.init.kaiming_normal(nn.Linear(1, 1), nonlinearity="bent"), ValueError, "nonlinearity must be one of"),
])  # fmt: skip
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
