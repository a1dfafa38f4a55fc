"""The text of drawings: what is in the picture, before anything is rendered."""

import copy
import re
import subprocess
import sys
from html import unescape

import numpy as np
import pytest

import nn
from autograd import Value, draw, no_grad, scope, sum as sum_of
from autograd.drawing.theme import THEMES


class Parameter(Value):
    """As `nn.Parameter`: anything more special than a plain Value counts as a parameter."""


def neuron():
    x = Value(0.5, name="dose")
    w = Parameter(2.74, name="w1")
    b = Parameter(-1.0, name="b1")
    with scope("hidden"):
        y = (x * w + b).softplus()
    loss = (1.0 - y) ** 2
    loss.name = "SSR"
    return x, w, b, loss


def nodes(source):
    """The attributes of each node, by its id."""
    return dict(re.findall(r"^\t([ov]\d+) \[(.*)\]$", source, re.MULTILINE))


def edges(source):
    """(tail, head, attributes) of each edge, in the order of the text."""
    return re.findall(r"^\t([ov]\d+) -> ([ov]\d+) \[(.*)\]$", source, re.MULTILINE)


def words(attributes):
    """The visible words of a node, line by line."""
    label = attributes.split("tooltip=")[0].removeprefix("label=")
    return [unescape(word) for word in re.findall(r">([^<>]+)<", label)]


def legend_of(source):
    """The words of the legend."""
    return words(re.search(r"\tgraph \[.*? label=(.*) labelloc", source)[1])


def local_derivatives(source):
    return [words(attributes)[0] for _, _, attributes in edges(source) if "label=" in attributes]


def the_node(source, name):
    """The attributes of the one node that shows this name."""
    (found,) = [attributes for attributes in nodes(source).values() if name in words(attributes)]
    return found


def test_every_value_shows_name_data_and_gradient():
    x, w, b, loss = neuron()
    loss.backward()
    source = draw(loss).source
    for value in (x, w, b, loss):
        assert words(the_node(source, value.name)) == [
            value.name,
            "data",
            f"{value.data:.4g}",
            "grad",
            f"{value.grad:.4g}",
        ]


def test_before_backward_gradients_are_not_computed_and_never_zero():
    *_, loss = neuron()
    source = draw(loss).source
    assert words(the_node(source, "SSR"))[-1] == "not computed"
    assert "grad 0" not in source
    assert all("color" not in attributes.replace("fontcolor", "") for _, _, attributes in edges(source))


def test_a_gradient_of_zero_is_not_the_same_as_none():
    x = Value(-1.0, name="x")
    y = x.relu()
    y.backward()
    assert words(the_node(draw(y).source, "x"))[-1] == "0"


def test_each_edge_shows_its_local_derivative():
    a, b = Value(3.0), Value(-2.0)
    assert local_derivatives(draw(a * b).source) == ["-2", "3"]
    assert local_derivatives(draw(a - b).source) == ["1", "-1"]
    assert local_derivatives(draw(a.relu()).source) == ["1"]


def test_squaring_by_itself_has_two_edges():
    a = Value(3.0, name="a")
    source = draw(a * a).source
    assert [(tail, head) for tail, head, _ in edges(source)] == [("v0", "o1"), ("v0", "o1"), ("o1", "v1")]


def test_operands_keep_their_order():
    a, b = Value(3.0, name="a"), Value(2.0, name="b")
    source = draw(sum_of([b, a, a / b, b])).source
    ids = {words(attributes)[0]: node for node, attributes in nodes(source).items() if node[0] == "v"}
    last = max(nodes(source), key=lambda node: (node[0] == "o", int(node[1:])))
    tails = [tail for tail, head, _ in edges(source) if head == last]
    assert tails[0] == tails[3] == ids["b"]
    assert tails[1] == ids["a"]
    assert "ordering=in" in nodes(source)[last]


def test_a_constant_shows_its_number_and_no_local_derivative():
    x = Value(3.0)
    source = draw(x * 0.25).source
    assert "label=<0.25>" in source
    assert local_derivatives(source) == ["0.25"]
    with no_grad():
        c = x + 1
    c.name = "c"
    assert "label=<c = 4>" in draw(x * c).source


def test_kinds_differ_in_more_than_colour():
    *_, loss = neuron()
    source = draw(loss).source
    shapes = {
        re.sub(r'"#\w+"', "", re.search("<TABLE (.*?)>", the_node(source, name)).group(1))
        for name in ("dose", "w1", "SSR")
    }
    assert len(shapes) == 3
    for kind in ("parameter", "input", "local derivative"):
        assert kind in source


def test_plain_leaves_are_called_leaves_where_there_is_no_parameter():
    source = draw(Value(2.0) * Value(3.0)).source
    assert "input or parameter" in source


def test_sign_and_size_of_the_gradient_show_in_colour_dashes_and_width():
    x, y = Value(1.0), Value(1.0)
    loss = 1000 * x - 2 * y
    loss.backward()
    source = draw(loss).source
    labelled = {words(each)[0]: each for _, _, each in edges(source) if "label=" in each}
    up, down = labelled["1000"], labelled["2"]
    width = {attributes: float(re.search(r"penwidth=([\d.]+)", attributes).group(1)) for attributes in (up, down)}
    assert "style=solid" in up
    assert "style=dashed" in down
    assert width[up] > width[down]
    assert re.search('color="(.*?)"', up).group(1) != re.search('color="(.*?)"', down).group(1)


def test_a_gradient_may_vanish_beside_the_largest():
    x, y = Value(1.0), Value(1.0)
    loss = 1e200 * x + 1e-200 * y
    loss.backward()
    assert "penwidth=1 " in draw(loss).source + " "


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_drawn_as_such(number):
    x = Value(number, name="x")
    loss = x * x
    loss.backward()
    source = draw(loss).source
    assert f"{number:g}" in words(the_node(source, "x"))
    if number != number:
        assert legend_of(source)[-3:-1] == ["gradient:", "nan"]


def test_scopes_are_boxes_within_boxes_and_hold_the_parameters_used_only_there():
    x = Value(1.0, name="x")
    w, v = Parameter(2.0, name="w"), Parameter(3.0, name="v")
    with scope("outer"):
        with scope("inner"):
            y = w * x
        z = y + v
    source = draw(z + v).source
    inner = re.search(r"subgraph cluster_\d+ {[^}]*label=<inner>(.*?)\n\t}", source, re.DOTALL).group(1)
    assert ">w<" in inner
    assert ">x<" not in inner
    assert source.index("label=<outer>") < source.index("label=<inner>")
    assert ">v<" not in source[source.index("cluster") : source.rindex("\t}\n")]
    assert "subgraph" not in draw(z, group=None).source


def test_names_may_come_from_variables():
    a, b = Value(1.0), Value(2.0, name="own name")
    xs = [Value(3.0), Value(4.0)]
    grid = np.array([Value(5.0)], dtype=object)
    loss = sum_of([a, b, *xs, grid[0]])
    names = {"_": a, **locals(), "same": xs[0]}
    shown = {word for attributes in nodes(draw(loss, names=names).source).values() for word in words(attributes)}
    assert {"a", "own name", "same", "xs[1]", "grid[0]", "loss"} <= shown
    assert not shown & {"_", "b", "xs[0]"}


HOSTILE = [
    "<b>bold</b>",
    "a & b &amp; &lt; &#65;",
    'say "hi"',
    "it's",
    "{left|right}",
    r"back\slash \N \G \n \l",
    "trailing\\",
    "two\nlines",
    "tab\tend",
    "</TD></TR></TABLE>>] evil [label=<",
    "]; evil -> node [",
    "<script>alert(1)</script>",
    "ω₁ 重み 🎲 é",
    "\u202eright to left",
    "nul\0 bell\a",
    "lone \ud800 surrogate",
    " spaces  ",
    "-->",
    "]]>",
    'charset="latin-1"',
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_within_their_node(name):
    plain = Value(1.0, name="plain")
    hostile = Value(2.0, name=name)
    with scope("box"):
        safe_loss = plain * 3
    with scope(name):
        loss = hostile * 3
    assert len(nodes(draw(loss).source)) == len(nodes(draw(safe_loss).source))
    assert len(edges(draw(loss).source)) == len(edges(draw(safe_loss).source))
    assert "<script" not in draw(loss, caption=name).source


def test_long_names_are_cut_in_the_box_and_whole_in_the_tooltip():
    name = "a very long name " * 20
    attributes = the_node(draw(Value(1.0, name=name) * 2).source, name[:27] + "…")
    label, tip = attributes.split("tooltip=")
    assert name not in label
    assert name.strip() in tip


def test_the_parts_that_are_shown_can_be_chosen():
    *_, loss = neuron()
    loss.backward()
    assert words(the_node(draw(loss, show=("data",)).source, "w1")) == ["w1", "data", "2.74"]
    assert not local_derivatives(draw(loss, show=("data", "grad")).source)
    assert words(the_node(draw(loss, show=()).source, "w1")) == ["w1"]


def test_precision_direction_theme_caption_and_legend():
    *_, loss = neuron()
    assert words(the_node(draw(loss).source, "SSR"))[2] == "0.01099"
    assert words(the_node(draw(loss, precision=2).source, "SSR"))[2] == "0.011"
    assert "rankdir=TB" in draw(loss, direction="TB").source
    assert 'bgcolor="#0d1117"' in draw(loss, theme="dark").source
    assert "What the &lt;loss&gt; sees" in draw(loss, caption="What the <loss> sees").source
    assert "local derivative of" not in draw(loss, legend=False).source


def test_several_results_may_be_drawn_at_once():
    x = Value(1.0)
    source = draw([x + 1, x * 2]).source
    assert source.count('BORDER="3"') == 2


def test_a_leaf_can_be_drawn():
    assert len(nodes(draw(Value(3.0, name="alone")).source)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"show": ("date",)}, "show must be some of data, grad, local, got"),
        ({"group": "layer"}, "group must be 'module' or None, got 'layer'"),
        ({"direction": "left"}, "direction must be one of LR, RL, TB, BT, got 'left'"),
        ({"max_nodes": 0}, "max_nodes must be an integer above 0, got 0"),
        ({"precision": 2.5}, "precision must be an integer above 0, got 2.5"),
        ({"depth": -1}, "depth must be None or an integer from 0, got -1"),
        ({"theme": "blue"}, "theme must be one of 'light', 'dark', got 'blue'"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(Value(1.0), **arguments)


@pytest.mark.parametrize("root", [None, 1.0, "x", [], [Value(1.0), 2.0]])
def test_only_values_are_drawn(root):
    with pytest.raises(TypeError, match=r"draw takes a Value or a sequence of Values, such as a loss .*; got"):
        draw(root)


@pytest.mark.parametrize("names", [["a"], {1: Value(1.0)}])
def test_names_must_be_a_mapping_from_strings(names):
    with pytest.raises(TypeError, match="names must be a mapping from names to Values"):
        draw(Value(1.0), names=names)


@pytest.mark.slow
def test_the_text_is_the_same_in_every_process():
    program = (
        "from tests.test_drawing import neuron; from autograd import draw; import sys; "
        "loss = neuron()[-1]; loss.backward(); sys.stdout.buffer.write(draw(loss).source.encode())"
    )
    *_, loss = neuron()
    loss.backward()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert run.stdout.decode() == draw(loss).source


def row_of(source, name):
    return words(the_node(source, name))


def test_a_gradient_that_holds_earlier_calls_says_so():
    w, x = Parameter(2.0, name="w"), Value(-1.412, name="x")
    loss = w * x
    loss.backward()
    assert "earlier calls" not in draw(loss).source
    loss.backward()
    source = draw(loss).source
    assert row_of(source, "w")[3:] == ["grad", "-2.824", "last call", "-1.412"]
    assert "earlier calls included" in source
    again = w * x  # a new graph, which backward has not seen
    assert row_of(draw(again).source, "w")[3:] == ["grad", "-2.824", "last call", "none"]


def trained(steps=1):
    w, x = Parameter(2.0, name="w"), Value(3.0, name="x")
    y = w * x
    y.name = "y"
    loss = y * y
    loss.backward()
    for step in range(steps):
        w.data = 1.9 - step
    return w, loss


def test_a_graph_whose_leaf_has_changed_is_drawn_with_the_numbers_that_it_was_computed_from():
    _, loss = trained()
    source = draw(loss).source
    assert row_of(source, "w") == ["w", "data", "2", "grad", "36", "changed since, now 1.9"]
    assert local_derivatives(source) == ["3", "2", "6", "6"]
    assert "changed since" not in the_node(source, "x")
    assert row_of(draw(trained(steps=10)[1]).source, "w")[:3] == ["w", "data", "2"]


def test_a_number_that_changed_too_often_to_be_known_is_not_made_up():
    source = draw(trained(steps=100)[1]).source
    assert row_of(source, "w")[:3] == ["w", "data", "nan"]
    assert "changed since, now -97.1" in row_of(source, "w")


def test_a_leaf_that_changed_in_the_middle_shows_both_numbers():
    x = Value(2.0, name="x")
    y = x * 3
    x.data = 5.0
    source = draw(y + x.exp()).source
    assert row_of(source, "x")[2] == "2 … 5"
    assert "changed since" in the_node(source, "x")


def test_copies_of_a_graph_remember_too():
    _, loss = trained()
    assert row_of(draw(copy.deepcopy(loss)).source, "w")[2] == "2"


def test_without_gradients_nothing_of_them_is_drawn():
    *_, loss = neuron()
    before = draw(loss, show=("data", "local")).source
    loss.backward()
    loss.backward()
    assert draw(loss, show=("data", "local")).source == before


def test_local_derivatives_are_neutral():
    *_, loss = neuron()
    loss.backward()
    assert all("fontcolor" not in attributes for _, _, attributes in edges(draw(loss).source))


def test_the_bar_in_a_box_is_filled_above_zero_and_hollow_below():
    x, y, z = (Value(1.0, name=name) for name in "xyz")
    loss = 1000 * x - 20 * y + 0 * z
    loss.backward()
    source = draw(loss).source
    filled = re.findall(r'WIDTH="(\d+)" HEIGHT="4" BGCOLOR="#14569b"', the_node(source, "x"))
    hollow = re.findall(r'WIDTH="(\d+)" HEIGHT="4" BORDER="1"', the_node(source, "y"))
    assert len(filled) == len(hollow) == 1
    assert int(filled[0]) > int(hollow[0])
    assert 'HEIGHT="4"' not in the_node(source, "z")


def test_what_has_no_name_is_called_by_what_it_is():
    model = nn.MLP([1, 2, 1], activation="softplus", seed=0)
    source = draw(nn.ssr(model([Value(0.5)]), [1.0])).source
    shown = {word for each in nodes(source).values() for word in words(each)}
    assert {"input", "x1", "x2", "y1", "y2", "predicted"} <= shown
    assert "label=<observed = 1>" in source


def test_a_module_used_twice_says_shared():
    layer = nn.Linear(2, 2, seed=0)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    source = draw(sum_of(model([0.1, 0.2])), max_nodes=100).source
    assert source.count("label=<0 (Linear), shared>") == 2
    assert "Tanh), shared" not in source
    loss = nn.ssr([nn.MLP([1, 1], seed=0)([x]) for x in (1.0, 2.0)], [[0.0], [1.0]])
    assert ", shared" not in draw(loss).source  # each observation uses it once


def contrast(*colours):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted(map(luminance, colours))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("ink", ["ink", "faint", "positive", "negative", "broken", "marked"])
@pytest.mark.parametrize("paper", ["background", "box", "parameter", "input", "module", "marked_box"])
def test_text_stands_out_from_its_box(name, ink, paper):
    assert contrast(getattr(THEMES[name], ink), getattr(THEMES[name], paper)) >= 4.5


def boxes_of(source):
    """The boxes, without the circles of operations."""
    return [attributes for node, attributes in nodes(source).items() if node[0] == "v"]
