"""Linear, Sequential and MLP: what they compute, how they start, bad input."""

import numpy as np
import pytest

import nn
from autograd import Value


@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_adds_weighted_inputs_and_bias(inputs, bias):
    layer = nn.Linear(inputs, 2, bias=bias, seed=0)
    xs = np.arange(1.0, inputs + 1)
    expected = layer.state_dict()["weight"] @ xs
    if bias:
        layer.bias[0].data, layer.bias[1].data = 0.5, -2.0
        expected += [0.5, -2.0]
    for form in (xs, xs.tolist(), tuple(xs), [Value(x) for x in xs]):
        outputs = layer(form)
        assert isinstance(outputs, list)
        assert [y.data for y in outputs] == pytest.approx(expected.tolist(), rel=1e-15)


def test_gradients_reach_weights_biases_and_inputs():
    layer = nn.Linear(2, 1, seed=0)
    xs = [Value(3.0), Value(-2.0)]
    layer(xs)[0].backward()
    assert [w.grad for w in layer.weight[0]] == [3.0, -2.0]
    assert layer.bias[0].grad == 1.0
    assert [x.grad for x in xs] == [w.data for w in layer.weight[0]]


def test_a_plain_number_is_one_constant_for_all_nodes():
    first, second = nn.Linear(1, 2)([2.0])
    products = [output.parents[0] for output in (first, second)]
    assert products[0].parents[1] is products[1].parents[1]
    assert products[0].parents[1].is_constant


def test_weights_start_as_the_lectures_start():
    layer = nn.Linear(100, 100, seed=0)
    weights = layer.state_dict()["weight"]
    assert weights.std() == pytest.approx(0.1, rel=0.02)
    assert abs(weights.mean()) < 0.003
    assert not layer.state_dict()["bias"].any()


def test_randomness_is_explicit_and_reproducible():
    def weights(**source):
        return nn.MLP([2, 3, 1], **source).state_dict()["2.weight"].tolist()

    assert weights(seed=1) == weights(seed=1) == weights(rng=np.random.default_rng(1))
    assert weights(seed=1) != weights(seed=2)
    assert weights() != weights()


def test_layers_of_an_mlp_draw_from_one_source():
    model = nn.MLP([2, 2, 2], seed=0)
    assert model.state_dict()["0.weight"].tolist() != model.state_dict()["2.weight"].tolist()


def test_sequential_runs_its_modules_in_order():
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    model[0].weight[0][0].data = -2.0
    assert model([1.0])[0].data == 0.0
    assert model([-1.0])[0].data == 2.0
    assert (len(model), list(model)) == (2, [model[0], model[1]])
    assert model[1:]([-1.0]) == [0.0]
    assert nn.Sequential()([1.0]) == [1.0]


def test_names_count_all_modules_as_torch_does():
    assert list(nn.MLP([1, 2, 2, 1]).state_dict()) == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
        "4.weight",
        "4.bias",
    ]
    assert list(nn.Linear(1, 1).state_dict()) == ["weight", "bias"]


def test_outputs_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    model = nn.MLP([3, 4, 2], "gelu", seed=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 2)).double()
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in model.state_dict().items()})
    row = [0.3, -1.0, 2.5]
    expected = theirs(torch.tensor(row, dtype=torch.float64))
    assert [y.data for y in model(row)] == pytest.approx(expected.tolist(), rel=1e-14)


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: nn.Linear(2, 3)([1.0]), ValueError, r"Linear\(in_features=2, .* expected 2 inputs, got 1"),
    (lambda: nn.MLP([1, 2, 1])([1.0, 2.0]), ValueError, r"layer '0', Linear.* expected 1 inputs, got 2"),
    (lambda: nn.Linear(1, 1)(1.0), TypeError, "takes a list, got one float: 1.0"),
    (lambda: nn.Linear(1, 1)([None]), TypeError, r"Linear.*: Value takes a real number, got None of type NoneType$"),
    (lambda: nn.Linear(2, 1)([]), ValueError, "got 0$"),
    (lambda: nn.MLP([1, 2, 1])([[1.0], [2.0]]), ValueError, "expected 1 inputs, got 2; .* one observation at a time"),
    (lambda: nn.Linear(2, 1)(np.ones((2, 2))), TypeError, "one observation at a time: call it for each row"),
    (lambda: nn.Linear(0, 1), ValueError, "in_features must be at least 1, got 0"),
    (lambda: nn.Linear(1, -1), ValueError, "out_features must be at least 1, got -1"),
    (lambda: nn.Linear(1.5, 1), TypeError, "in_features must be an integer, got 1.5"),
    (lambda: nn.Linear(1, 1, seed=1, rng=np.random.default_rng()), ValueError, "either rng or seed"),
    (lambda: nn.Linear(1, 1, rng=3), TypeError, "rng must be a numpy.random.Generator, got 3"),
    (lambda: nn.Sequential([nn.ReLU()]), TypeError, "takes modules one by one; argument 0"),
    (lambda: nn.Sequential(nn.ReLU), TypeError, "argument 0"),
    (lambda: nn.MLP([1]), ValueError, r"at least two sizes.*got \[1\]"),
    (lambda: nn.MLP(3), TypeError, r"sizes must be a list of integers, such as \[2, 16, 1\], got 3"),
    (lambda: nn.MLP("321"), TypeError, "sizes must be a list of integers"),
    (lambda: nn.Linear(1, 1, seed="a"), TypeError, "seed must be an integer, got 'a'"),
    (lambda: nn.Linear(1, 1, seed=-1), ValueError, "seed must be at least 0, got -1"),
    (lambda: nn.MLP([1, 0, 1]), ValueError, r"sizes\[1\] must be at least 1"),
])  # fmt: skip
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
