"""Diagrams of networks: what stands on the connections and in the nodes, and what cannot be drawn."""

import math
import re
from html import unescape
from itertools import pairwise

import pytest

import nn
from autograd import Value, explain
from tests.test_drawing import HOSTILE


def dosage():
    """The fitted network of the lectures, with their parameters' names."""
    model = nn.MLP([1, 2, 1], activation="softplus")
    numbers = {"w1": -34.4, "w2": -2.52, "b1": 2.14, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}
    for parameter, (name, number) in zip(model.parameters(), numbers.items(), strict=True):
        parameter.name, parameter.data = name, number
    return model


def labels(drawing):
    """All visible words."""
    found = re.findall(r"label=<(.*?)>(?: \w+=|\])", drawing.source)
    return [unescape(word) for label in found for word in re.split(r"<[^<>]*>", label) if word]


def places(drawing):
    """The place of each node that shows some text."""
    found = re.findall(r'\[pos="([-\d.]+),([-\d.]+)" label=<.*?>([^<>]+)<', drawing.source)
    return {unescape(text): (float(x), float(y)) for x, y, text in found}


def test_weights_biases_and_names_stand_where_the_lectures_have_them():
    shown = labels(nn.diagram(dosage(), inputs=["dose"], outputs=["effectiveness"]))
    for text in ("dose", "effectiveness", "w1: × -34.4", "w4: × 2.28", "b1: + 2.14", "b3: + -0.58"):
        assert text in shown


def test_every_hidden_node_has_its_curve():
    source = nn.diagram(nn.MLP([2, 3, 1], activation="tanh", seed=0)).source
    assert source.count('tooltip="Tanh"') == 3
    assert len(re.findall(r'pos="[^"]{600,}"', source)) == 3


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.GELU, nn.ELU, nn.SiLU])
def test_curves_follow_their_function(activation):
    drawing = nn.diagram(nn.Sequential(nn.Linear(1, 1, seed=0), activation()), legend=False)
    (curve,) = re.findall(r'pos="([^"]{600,})"', drawing.source)
    points = [tuple(map(float, point.split(","))) for point in curve.split()][::3]
    function = [float(activation()(Value(-4.0 + 0.25 * step))) for step in range(33)]
    scale = max(map(abs, function)) / max(abs(y) for _, y in points)
    assert [y * scale for _, y in points] == pytest.approx(function, abs=2e-2 * max(map(abs, function)))


def test_an_observation_flows_through():
    shown = labels(nn.diagram(dosage(), [0.5], precision=4))
    assert {"0.5", "2.881e-07", "0.7083", "1.035"} <= set(shown)


def test_the_softmax_of_several_outputs_is_a_box_of_its_own():
    model = nn.Sequential(nn.Linear(2, 2, seed=0), nn.ReLU(), nn.Linear(2, 3, seed=1), nn.Softmax())
    x = [0.04, 0.42]
    shown = labels(nn.diagram(model, x))
    assert "Softmax" in shown
    assert {f"{p.data:.3g}" for p in model(x)} <= set(shown)


def test_gradients_stand_below_the_weights_once_they_are_computed():
    model = dosage()
    assert not any("grad" in text for text in labels(nn.diagram(model)))
    nn.ssr([model([x]) for x in (0.0, 0.5, 1.0)], [[0.0], [1.0], [0.0]]).backward()
    shown = labels(nn.diagram(model))
    for parameter in model.parameters():
        assert f"grad {parameter.grad + 0.0:.3g}" in shown


@pytest.mark.parametrize("sizes", [[1, 2, 1], [2, 3, 2], [3, 3, 3], [5, 8, 2], [8, 5, 1], [4, 4]])
def test_labels_do_not_cover_each_other(sizes):
    found = places(nn.diagram(nn.MLP(sizes, seed=3), precision=9))
    weights = [place for text, place in found.items() if text.startswith("×")]
    assert len(weights) == sum(a * b for a, b in pairwise(sizes))
    for index, (x, y) in enumerate(weights):
        for x2, y2 in weights[:index]:
            assert abs(y - y2) > 12 or abs(x - x2) > 50


def test_large_layers_say_what_they_leave_out():
    shown = labels(nn.diagram(nn.MLP([3, 50, 2], seed=0)))
    assert "42 more" in shown


def test_pictures_render_in_every_format():
    drawing = nn.diagram(dosage(), [0.5], theme="dark", caption="The fitted network")
    assert drawing.pipe(format="png").startswith(b"\x89PNG")
    assert drawing.pipe(format="pdf").startswith(b"%PDF")
    svg = drawing.pipe(format="svg", encoding="utf-8")
    assert "The fitted network" in svg
    assert drawing.copy().pipe(format="svg", encoding="utf-8") == svg


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_literal(name):
    plain = nn.diagram(dosage(), inputs=["x"], caption="x")
    hostile = nn.diagram(dosage(), inputs=[name], caption=name)
    assert len(hostile.body) == len(plain.body)
    assert hostile.pipe(format="svg").startswith(b"<?xml")


def test_a_module_of_ones_own_is_drawn_if_it_computes_its_layers_in_a_row():
    class Network(nn.Module):
        def __init__(self):
            self.hidden = nn.Linear(2, 2, seed=0)
            self.bend = nn.ReLU()
            self.last = nn.Linear(2, 1, seed=1)

        def forward(self, x):
            return self.last(self.bend(self.hidden(x)))

    class Skipping(Network):
        def forward(self, x):
            return [y + x[0] for y in super().forward(x)]

    assert "× " in nn.diagram(Network()).source
    with pytest.raises(ValueError, match="computes something else with them"):
        nn.diagram(Skipping())


def test_what_cannot_be_drawn_is_told():
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match="diagram takes a Module, got 3"):
        nn.diagram(3)
    with pytest.raises(TypeError, match=r"cannot draw Empty; use autograd\.draw"):
        nn.diagram(Empty())
    with pytest.raises(TypeError, match="needs a linear layer first, got ReLU"):
        nn.diagram(nn.Sequential(nn.ReLU(), nn.Linear(1, 1)))
    with pytest.raises(ValueError, match="x must have a number for each of 1 inputs"):
        nn.diagram(dosage(), [1.0, 2.0])
    with pytest.raises(ValueError, match="outputs must be 1 strings"):
        nn.diagram(dosage(), outputs=["a", "b"])


def test_the_observed_value_and_the_residual_stand_beside_the_prediction():
    drawing = nn.diagram(dosage(), [0.5], target=1.0, precision=4)
    assert {"predicted", "1.035", "observed 1", "residual -0.03483"} <= set(labels(drawing))
    assert "residual: observed − predicted" in drawing.source
    classes = labels(nn.diagram(nn.MLP([2, 3], seed=0), [0.5, 0.25], target=1))
    assert [text for text in classes if text.startswith("observed")] == ["observed 0", "observed 1", "observed 0"]
    assert not any("residual" in text for text in labels(nn.diagram(dosage(), [0.5])))
    with pytest.raises(ValueError, match="so it needs x"):
        nn.diagram(dosage(), target=[1.0])
    assert nn.diagram(nn.MLP([2, 3], seed=0), [0.5, 0.25], target=1.0).source == (
        nn.diagram(nn.MLP([2, 3], seed=0), [0.5, 0.25], target=1).source
    )
    with pytest.raises(ValueError, match="target must be a class from 0 to 2, got 3"):
        nn.diagram(nn.MLP([2, 3], seed=0), [0.5, 0.25], target=3)
    with pytest.raises(ValueError, match="target must have a number for each of 1 outputs"):
        nn.diagram(dosage(), [0.5], target=[1.0, 2.0])


def test_what_has_no_name_is_called_as_in_draw():
    assert {"input", "predicted"} <= set(labels(nn.diagram(nn.MLP([1, 1], seed=0))))
    assert {"input1", "input2", "predicted1", "predicted2"} <= set(labels(nn.diagram(nn.MLP([2, 2], seed=0))))


def iris(last=None):
    """The lectures' network of two inputs and three flowers."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3), *[last] * (last is not None))
    weights = {"0.weight": [[-2.5, 0.6], [-1.5, 0.4]], "2.weight": [[-0.1, 1.5], [2.4, -5.2], [-2.2, 3.7]]}
    model.load_state_dict({**weights, "0.bias": [1.6, 0.7], "2.bias": [0, 0, 1]})
    return model


@pytest.mark.parametrize(("model", "has_gradients", "weights"), [
    (dosage, True, 4),
    (lambda: iris(nn.Softmax()), True, 10),
    (lambda: nn.MLP([4, 8, 8, 3], seed=0), False, 32 + 24),
    (lambda: nn.MLP([4, 8, 8, 3], seed=0), True, 24),
    (lambda: nn.MLP([64, 32, 10], seed=0), False, 0),
])  # fmt: skip
def test_as_many_weights_have_their_number_as_there_is_room_for(model, has_gradients, weights):
    model = model()
    outputs = model([0.5] * model[0].in_features)
    if has_gradients:
        nn.ssr(outputs, [0.5] * len(outputs)).backward()
    drawing = nn.diagram(model)
    assert sum("× " in text and "weight" not in text for text in labels(drawing)) == weights
    if weights == len([w for w in model.parameters() if "weight" in w.path]):
        assert "no room for every weight" not in drawing.source


def test_what_has_no_number_is_summed_up_below():
    model = nn.MLP([8, 8], seed=0)
    nn.ssr(model([0.5] * 8), [0.0] * 8).backward()
    drawing = nn.diagram(model)
    weights = [weight for row in model[0].weight for weight in row]
    numbers = [weight.data for weight in weights]
    norm = math.hypot(*(weight.grad for weight in weights))
    for text in ("8 × 8 weights", f"{min(numbers):.3g} … {max(numbers):.3g}", f"‖grad‖ {norm:.3g}"):
        assert text in labels(drawing)
    first = weights[0]
    assert f'tooltip="0.weight[0][0]: {first.data!r}, grad {first.grad!r}"' in drawing.source


def test_a_class_is_compared_with_the_softmax_of_raw_outputs():
    model = iris()
    x = [0.04, 0.42]
    nn.cross_entropy(model(x), 0).backward()
    shown = labels(nn.diagram(model, x, target=0))
    for p, bias, observed in zip(nn.softmax(model(x)), model[2].bias, (1, 0, 0), strict=True):
        assert f"p {p.data:.3g}" in shown
        assert bias.grad == pytest.approx(p.data - observed, rel=1e-9)  # minus the residual
        assert f"residual {observed - p.data:.3g}" in shown
    of_probabilities = labels(nn.diagram(iris(nn.Softmax()), x, target=0))
    assert not any(text.startswith("p ") for text in of_probabilities)
    assert [text for text in shown if text.startswith("residual ")] == [
        text for text in of_probabilities if text.startswith("residual ")
    ]
    numbers = labels(nn.diagram(model, x, target=[1, 0, 0]))
    assert f"residual {1.0 - model(x)[0].data:.3g}" in numbers


def test_the_observed_class_is_always_drawn():
    model = nn.MLP([3, 50], seed=0)
    drawing = nn.diagram(model, [0.1, 0.2, 0.3], target=40)
    assert {"predicted1", "predicted41", "42 more"} <= set(labels(drawing))
    assert "observed 1" in labels(drawing)
    weight = model[0].weight[40][0]
    assert weight.name in drawing.source
    assert "predicted41" in drawing.mermaid()
    assert nn.diagram(nn.MLP([3, 10], seed=0)).source.count("predicted") == nn.MLP([3, 10])[0].out_features * 2


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Linear(1, 2, seed=0), nn.Softplus(), nn.Linear(2, 1, seed=1)],
        lambda: [nn.Linear(2, 3, seed=0), nn.Tanh(), nn.Linear(3, 2, seed=1), nn.Tanh(), nn.Linear(2, 2, seed=2)],
        lambda: [nn.Linear(2, 2, seed=0), nn.Tanh(), nn.Linear(2, 3, seed=1), nn.Softmax()],
        lambda: [nn.Linear(2, 2, seed=0), nn.Linear(2, 3, seed=1), nn.Tanh(), nn.Sigmoid(), nn.Linear(3, 1, seed=2)],
        lambda: [
            nn.Linear(2, 2, seed=0),
            nn.Identity(),
            nn.Linear(2, 2, seed=1),
            nn.Softmax(),
            nn.Linear(2, 2, seed=2),
        ],
        lambda: [nn.Linear(2, 2, bias=False, seed=0), nn.Tanh(), nn.Linear(2, 1, seed=1)],
    ],
)
def test_what_leaves_a_node_is_called_as_in_explanations(layers):
    model = nn.Sequential(*layers())
    x = [0.5, 0.2][: model[0].in_features]
    outputs = model(x)
    explained = {line.name: f"{line.number:.9g}" for line in explain(nn.ssr(outputs, [0.0] * len(outputs))).forward}
    shown = labels(nn.diagram(model, x, precision=9))
    found = {name[:-1]: number for name, number in pairwise(shown) if re.fullmatch(r"[xy]\d+\xa0", name)}
    assert len(found) >= 2
    assert {name: explained[name] for name in found} == found


def test_a_network_for_markdown_pages():
    text = nn.diagram(dosage(), [0.5], target=[1.0]).mermaid()
    assert text.startswith("flowchart LR\n")
    assert '-->|"w1: × -34.4"|' in text
    assert '["<b>predicted</b><br/>1.03<br/>observed 1<br/>residual -0.0348"]' in text
    assert "… 42 more" in nn.diagram(nn.MLP([50, 2], seed=0)).mermaid()
    assert "Softmax" in nn.diagram(nn.Sequential(nn.Linear(2, 2, seed=0), nn.Softmax())).mermaid()
    assert nn.diagram(dosage(), inputs=['"] evil'], outputs=["<b>"]).mermaid().count('"') == text.count('"')
