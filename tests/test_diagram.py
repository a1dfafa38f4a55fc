"""Diagrams of networks: what stands on the connections and in the nodes, and what cannot be drawn."""

import re
from html import unescape
from itertools import pairwise

import pytest

import nn
from autograd import Value
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
    with pytest.raises(ValueError, match="target must have a number for each of 1 outputs"):
        nn.diagram(dosage(), [0.5], target=[1.0, 2.0])


def test_what_has_no_name_is_called_as_in_draw():
    assert {"input", "predicted"} <= set(labels(nn.diagram(nn.MLP([1, 1], seed=0))))
    assert {"input1", "input2", "predicted1", "predicted2"} <= set(labels(nn.diagram(nn.MLP([2, 2], seed=0))))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sizes", [[1, 2, 1], [4, 8, 8, 3], [64, 32, 10], [2, 4, 3]])
def test_nothing_collides(sizes, theme):
    from tests.test_drawing_sizes import overlaps

    model = nn.MLP(sizes, activation="relu", seed=0)
    x = [0.1 * i for i in range(sizes[0])]
    outputs = model(x)
    nn.ssr(outputs, [0.5] * sizes[-1]).backward()
    drawing = nn.diagram(model, x, target=[1.0] * sizes[-1], theme=theme, caption="A network")
    assert overlaps(drawing.pipe(format="svg")) == []


def test_a_network_for_markdown_pages():
    text = nn.diagram(dosage(), [0.5], target=[1.0]).mermaid()
    assert text.startswith("flowchart LR\n")
    assert '-->|"w1: × -34.4"|' in text
    assert '["<b>predicted</b><br/>1.03<br/>observed 1<br/>residual -0.0348"]' in text
    assert "… 42 more" in nn.diagram(nn.MLP([50, 2], seed=0)).mermaid()
    assert "Softmax" in nn.diagram(nn.Sequential(nn.Linear(2, 2, seed=0), nn.Softmax())).mermaid()
    assert nn.diagram(dosage(), inputs=['"] evil'], outputs=["<b>"]).mermaid().count('"') == text.count('"')
