"""Every figure that the lectures publish, from plain Values and from `nn`, to the printed digits."""

from dataclasses import dataclass

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, derivative, relu, softplus

# The dosage network: one input, two hidden nodes, one output

DOSAGE = {"w1": -34.4, "b1": 2.14, "w2": -2.52, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}
DOSES, EFFECTS = [0.0, 0.5, 1.0], [0.0, 1.0, 0.0]


def dosage_from_values(w: dict[str, Value], dose):
    y1 = softplus(dose * w["w1"] + w["b1"])
    y2 = softplus(dose * w["w2"] + w["b2"])
    return y1 * w["w3"] + y2 * w["w4"] + w["b3"]


def dosage_module() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(1, 2), nn.Softplus(), nn.Linear(2, 1))
    hidden, last = model[0], model[2]
    places = {
        "w1": hidden.weight[0][0],
        "b1": hidden.bias[0],
        "w2": hidden.weight[1][0],
        "b2": hidden.bias[1],
        "w3": last.weight[0][0],
        "w4": last.weight[0][1],
        "b3": last.bias[0],
    }
    for name, parameter in places.items():
        parameter.data, parameter.name = DOSAGE[name], name
    return model


@dataclass
class Dosage:
    """The fitted network, however it was built: its output and its parameters by their names in the lectures."""

    predict: object
    parameters: dict[str, Value]


@pytest.fixture(params=["values", "nn"])
def dosage(request) -> Dosage:
    if request.param == "values":
        parameters = {name: Value(number, name=name) for name, number in DOSAGE.items()}
        return Dosage(lambda dose: dosage_from_values(parameters, dose), parameters)
    model = dosage_module()
    return Dosage(lambda dose: model([dose])[0], {p.name: p for p in model.parameters()})


def test_the_fitted_dosage_network_predicts_1_03(dosage):
    assert f"{dosage.predict(0.5).data:.2f}" == "1.03"


def test_the_gradient_is_the_chain_rule_of_the_lectures(dosage):
    """DSSR/dw1 = sum_i -2 (observed_i - predicted_i) * w3 * e^x / (1 + e^x) * input_i, and its companions."""
    ssr = nn.ssr([dosage.predict(dose) for dose in DOSES], EFFECTS)
    ssr.backward()
    w = DOSAGE
    expected = dict.fromkeys(DOSAGE, 0.0)
    for dose, observed in zip(DOSES, EFFECTS, strict=True):
        x1, x2 = dose * w["w1"] + w["b1"], dose * w["w2"] + w["b2"]
        y1, y2 = np.log(1 + np.exp(x1)), np.log(1 + np.exp(x2))
        residual = -2 * (observed - (y1 * w["w3"] + y2 * w["w4"] + w["b3"]))
        bend1, bend2 = np.exp(x1) / (1 + np.exp(x1)), np.exp(x2) / (1 + np.exp(x2))
        expected["w1"] += residual * w["w3"] * bend1 * dose
        expected["b1"] += residual * w["w3"] * bend1
        expected["w2"] += residual * w["w4"] * bend2 * dose
        expected["b2"] += residual * w["w4"] * bend2
        expected["w3"] += residual * y1
        expected["w4"] += residual * y2
        expected["b3"] += residual
    assert {name: p.grad for name, p in dosage.parameters.items()} == pytest.approx(expected, rel=1e-12)


def test_gradient_descent_on_b3_alone_finds_the_published_bias(dosage):
    """The first lecture on backpropagation: all other parameters are known, b3 starts at 0."""
    b3 = dosage.parameters["b3"]
    b3.data = 0.0
    for _ in range(200):
        step = 0.1 * derivative(nn.ssr([dosage.predict(dose) for dose in DOSES], EFFECTS), b3).data
        b3.data -= step
        if abs(step) < 1e-6:
            break
    assert abs(step) < 1e-6
    assert b3.data == pytest.approx(DOSAGE["b3"], abs=0.01)


# The iris network: petal and sepal width, two ReLU nodes, three raw outputs

HIDDEN_WEIGHT, HIDDEN_BIAS = [[-2.5, 0.6], [-1.5, 0.4]], [1.6, 0.7]
OUTPUT_WEIGHT, OUTPUT_BIAS = [[-0.1, 1.5], [2.4, -5.2], [-2.2, 3.7]], [0.0, 0.0, 1.0]
SETOSA, VERSICOLOR, VIRGINICA = range(3)


def iris_from_values(petal, sepal):
    h1 = relu(-2.5 * petal + 0.6 * sepal + 1.6)
    h2 = relu(-1.5 * petal + 0.4 * sepal + 0.7)
    return [-0.1 * h1 + 1.5 * h2, 2.4 * h1 - 5.2 * h2, -2.2 * h1 + 3.7 * h2 + 1]


def iris_module() -> nn.Sequential:
    model = nn.MLP([2, 2, 3], activation="relu")
    model.load_state_dict(
        {"0.weight": HIDDEN_WEIGHT, "0.bias": HIDDEN_BIAS, "2.weight": OUTPUT_WEIGHT, "2.bias": OUTPUT_BIAS}
    )
    return model


@pytest.fixture(params=["values", "nn"])
def iris(request):
    """Raw outputs from petal and sepal width."""
    if request.param == "values":
        return lambda petal, sepal: iris_from_values(Value(petal), Value(sepal))
    model = iris_module()
    return lambda petal, sepal: model([petal, sepal])


def agrees(number, printed: str) -> bool:
    """Whether a number is what the lecture prints, up to one unit in the last digit.

    Some of the published figures were computed from rounded ones, or cut instead of rounded: 0.1059 is printed as 0.10.
    """
    unit = 10.0 ** -len(printed.partition(".")[2])
    return abs(float(number) - float(printed)) < unit


def all_agree(numbers, printed: str) -> bool:
    return all(agrees(*pair) for pair in zip(numbers, printed.split(), strict=True))


def softmax_from_values(raw):
    powers = [autograd.exp(x) for x in raw]
    return [power / sum(powers) for power in powers]


SOFTMAX = [
    pytest.param(softmax_from_values, id="values"),
    pytest.param(nn.softmax, id="nn"),
    pytest.param(nn.Softmax(), id="module"),
]


def test_raw_outputs_of_petal_0_sepal_1(iris):
    setosa, versicolor, virginica = iris(0.0, 1.0)
    assert f"{setosa:.2f} {versicolor:.1f} {virginica:.2f}" == "1.43 -0.4 0.23"


def test_argmax_of_petal_0_sepal_1(iris):
    raw = iris(0.0, 1.0)
    assert nn.argmax(raw) == SETOSA
    assert [output.data for output in nn.ArgMax()(raw)] == [1, 0, 0]


@pytest.mark.parametrize("softmax", SOFTMAX)
def test_softmax_of_petal_0_sepal_1(iris, softmax):
    p = softmax(iris(0.0, 1.0))
    assert all_agree(p, "0.69 0.10 0.21")
    assert sum(float(share) for share in p) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("softmax", SOFTMAX)
def test_softmax_derivatives_of_petal_0_sepal_1(iris, softmax):
    raw = [Value(output.data) for output in iris(0.0, 1.0)]
    p = softmax(raw)
    p[SETOSA].backward()
    assert all_agree([x.grad for x in raw], "0.21 -0.07 -0.15")
    setosa, versicolor, virginica = (float(share) for share in p)
    exact = [setosa * (1 - setosa), -setosa * versicolor, -setosa * virginica]
    assert [x.grad for x in raw] == pytest.approx(exact, rel=1e-12)


@dataclass
class Flower:
    """A row of the published table."""

    petal: float
    sepal: float
    species: int
    raw: str
    probabilities: str
    cross_entropy: str


FLOWERS = [
    pytest.param(Flower(0.04, 0.42, SETOSA, "1.04 0.0 0.14", "0.57 0.20 0.23", "0.56"), id="setosa"),
    pytest.param(Flower(1.0, 0.54, VIRGINICA, "0 0 1", "0.22 0.22 0.58", "0.54"), id="virginica"),
    pytest.param(Flower(0.50, 0.37, VERSICOLOR, "0.09 0.86 0.1", "0.24 0.52 0.24", "0.65"), id="versicolor"),
]


def cross_entropy_from_values(raw, species):
    return -autograd.log(softmax_from_values(raw)[species])


CROSS_ENTROPIES = [
    pytest.param(cross_entropy_from_values, id="values"),
    pytest.param(nn.cross_entropy, id="raw outputs"),
    pytest.param(lambda raw, species: nn.cross_entropy_of_probabilities(nn.softmax(raw), species), id="softmax"),
    pytest.param(lambda raw, species: nn.nll(nn.log_softmax(raw), species), id="log softmax"),
    pytest.param(lambda raw, species: nn.cross_entropy(raw, nn.one_hot(species, 3)), id="one-hot"),
]


@pytest.mark.parametrize("flower", FLOWERS)
@pytest.mark.parametrize("softmax", SOFTMAX)
def test_raw_outputs_and_softmax_of_the_flowers(iris, softmax, flower):
    raw = iris(flower.petal, flower.sepal)
    assert all_agree(raw, flower.raw)
    assert all_agree(softmax(raw), flower.probabilities)


@pytest.mark.parametrize("flower", FLOWERS)
@pytest.mark.parametrize("cross_entropy", CROSS_ENTROPIES)
def test_cross_entropy_of_the_flowers(iris, cross_entropy, flower):
    loss = cross_entropy(iris(flower.petal, flower.sepal), flower.species)
    # The lecture takes the logarithm of a probability that it has rounded, so compare in the digits of that.
    assert agrees(np.exp(-loss.data), f"{np.exp(-float(flower.cross_entropy)):.2f}")


@pytest.mark.parametrize("flower", FLOWERS)
def test_cross_entropy_from_the_printed_probabilities(flower):
    """The lecture takes the logarithm of the rounded probability; so the printed digits come out exactly."""
    p = [float(share) for share in flower.probabilities.split()]
    assert f"{nn.cross_entropy_of_probabilities(p, flower.species):.2f}" == flower.cross_entropy


def test_total_cross_entropy_as_printed():
    rounded = [round(-float(np.log(p)), 2) for p in (0.57, 0.58, 0.52)]
    assert f"{sum(rounded):.2f}" == "1.75"


@pytest.mark.parametrize("cross_entropy", CROSS_ENTROPIES)
def test_total_cross_entropy_unrounded(iris, cross_entropy):
    flowers = [parameter.values[0] for parameter in FLOWERS]
    total = sum(cross_entropy(iris(flower.petal, flower.sepal), flower.species) for flower in flowers)
    assert f"{total:.3f}" == "1.775"


@pytest.mark.parametrize("flower", FLOWERS)
@pytest.mark.parametrize("cross_entropy", CROSS_ENTROPIES)
def test_the_derivative_for_the_last_biases_is_p_minus_observed(cross_entropy, flower):
    model = iris_module()
    raw = model([flower.petal, flower.sepal])
    cross_entropy(raw, flower.species).backward()
    p = [float(share) for share in nn.softmax(raw)]
    expected = [share - (species == flower.species) for species, share in enumerate(p)]
    assert [bias.grad for bias in model[2].bias] == pytest.approx(expected, rel=1e-12)


def test_a_bad_prediction_has_a_steep_cross_entropy_and_a_flat_ssr():
    """The lecture compares the slopes of the two losses for a probability near 0 of what was observed."""
    slopes = {}
    for name, loss in (("ssr", lambda p: (1 - p) ** 2), ("cross entropy", lambda p: -autograd.log(p))):
        p = Value(0.01)
        loss(p).backward()
        slopes[name] = abs(p.grad)
    assert slopes["ssr"] == pytest.approx(2 * 0.99)
    assert slopes["cross entropy"] == pytest.approx(100.0)


# Activation functions


def test_softplus_and_its_derivative():
    x = Value(2.14)
    y = softplus(x)
    y.backward()
    assert y.data == pytest.approx(np.log(1 + np.exp(2.14)), rel=1e-15)
    assert x.grad == pytest.approx(np.exp(2.14) / (1 + np.exp(2.14)), rel=1e-15)


@pytest.mark.parametrize(("x", "slope"), [(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)])
@pytest.mark.parametrize("bend", [relu, nn.ReLU()])
def test_relu_is_bent_and_its_derivative_at_0_is_defined_to_be_0(bend, x, slope):
    x = Value(x)
    bend(x).backward()
    assert x.grad == slope


def test_argmax_cannot_train():
    raw = [Value(1.43), Value(-0.4)]
    output = nn.ArgMax()(raw)
    assert [derivative(output[0], x).data for x in raw] == [0.0, 0.0]
