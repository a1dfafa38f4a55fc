"""What a reader sees: the size of text at the width of a column or slide, overlaps, and who needs which arguments."""

import csv
import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import nn
from autograd import Value, draw, sum as sum_of
from tests.test_diagram import dosage
from tests.test_drawing import HOSTILE, boxes_of, edges, legend_of, neuron, nodes, the_node, words
from tests.test_drawing_rendering import texts

LEAST = 9.0  # pixels
WIDTHS = {"column": 600, "slide": 1280}
TALLEST = {"column": 3.0, "slide": 9 / 16}  # widths
OF_TWO_ROWS = ("three doses", "MLP 4-8-8-3", "MLP 64-32-10", "irises")  # folded ones have more to explain


def one_dose():
    return nn.ssr(dosage()([0.5]), [1.0])


def three_doses():
    model = dosage()
    return nn.ssr([model([x]) for x in (0.0, 0.5, 1.0)], [[0.0], [1.0], [0.0]])


def classifier(*sizes):
    model = nn.MLP(sizes, activation="relu", seed=0)
    return nn.cross_entropy(model([Value(0.1 * i) for i in range(sizes[0])]), 1)


class Recurrent(nn.Module):
    def __init__(self):
        self.cell = nn.Linear(2, 1, seed=0)
        self.bend = nn.Tanh()
        self.out = nn.Linear(1, 1, seed=1)

    def forward(self, xs):
        state = Value(0.0).detach()
        for x in xs:
            state = self.bend(self.cell([x, state]))[0]
        return self.out([state])


def recurrent():
    return nn.ssr(Recurrent()([Value(0.1 * i) for i in range(6)]), [0.5])


def shared():
    layer = nn.Linear(2, 2, seed=0)
    return nn.ssr(nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh())([0.1, 0.2]), [0.0, 1.0])


def irises():
    with open(Path(__file__).parents[1] / "demos" / "iris.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    model = nn.MLP([2, 4, 3], activation="relu", seed=0)
    flowers = [[Value(float(row[name]), name=name) for name in ("petal_width", "sepal_width")] for row in rows]
    species = ["setosa", "versicolor", "virginica"]
    return nn.cross_entropy([model(flower) for flower in flowers], [species.index(row["species"]) for row in rows])


GRAPHS = {
    "neuron": lambda: neuron()[-1],
    "one dose": one_dose,
    "three doses": three_doses,
    "MLP 4-8-8-3": lambda: classifier(4, 8, 8, 3),
    "MLP 64-32-10": lambda: classifier(64, 32, 10),
    "recurrent": recurrent,
    "shared": shared,
    "irises": irises,
}


def graph(name):
    loss = GRAPHS[name]()
    loss.name = "loss"
    loss.backward()
    return loss


def extent(svg):
    _, _, width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split())
    return width, height


def smallest_text(svg, width):
    """In pixels, where the picture is shown at this width."""
    sizes = [float(size) for size in re.findall(rb'font-size="([\d.]+)"', svg)]
    return min(sizes) * width / extent(svg)[0]


def places(svg):
    """A rectangle around each text, a little less than it takes."""
    found = []
    for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        text, size = "".join(element.itertext()), float(element.get("font-size"))
        x, y, width = float(element.get("x")), float(element.get("y")), 0.42 * size * len(text)
        left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")] * width
        found.append((left, y - 0.7 * size, left + width, y, text))
    return found


def overlaps(svg):
    return [
        (one[-1], other[-1])
        for one, other in itertools.combinations(places(svg), 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]


def rows_of_legend(source):
    label = re.search(r"\tgraph \[.*? label=(.*) labelloc", source)[1]
    return label.count("<TR><TD><FONT") - label.count('<FONT POINT-SIZE="14">')


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("name", GRAPHS)
def test_text_can_be_read_at_the_stated_width(name, size):
    drawing = draw(graph(name), size=size, caption=f"The graph of {name}")
    svg = drawing.pipe(format="svg")
    width, height = extent(svg)
    assert smallest_text(svg, WIDTHS[size]) >= LEAST
    assert height <= TALLEST[size] * width
    assert overlaps(svg) == []
    assert rows_of_legend(drawing.source) <= (2 if size == "column" and name in OF_TWO_ROWS else 1)


def test_a_network_of_59_units_can_be_read_without_any_arguments():
    svg = draw(graph("MLP 4-8-8-3")).pipe(format="svg")
    assert smallest_text(svg, 600) >= LEAST
    assert overlaps(svg) == []


@pytest.mark.parametrize("name", GRAPHS)
def test_no_two_texts_overlap_at_any_size(name):
    assert overlaps(draw(graph(name), theme="dark").pipe(format="svg")) == []


def test_size_keeps_what_fits():
    *_, loss = neuron()
    source = draw(loss, size="column").source
    assert len(nodes(source)) == len(nodes(draw(loss).source))
    with pytest.raises(ValueError, match=r"size must be None or one of 'column', 'slide', got 'page'"):
        draw(loss, size="page")


@pytest.mark.parametrize("size", WIDTHS)
def test_a_long_caption_is_wrapped(size):
    *_, loss = neuron()
    caption = "How the squared residual of one neuron depends on its weight, its bias and the dose. " * 3
    drawing = draw(loss, size=size, caption=caption)
    assert smallest_text(drawing.pipe(format="svg"), WIDTHS[size]) >= LEAST
    assert len(nodes(drawing.source)) == len(nodes(draw(loss).source))
    assert " ".join(legend_of(drawing.source)[:6]).split()[: len(caption.split())] == caption.split()


def test_titles_stand_beside_the_edges_into_their_boxes():
    down, across = (draw(graph("one dose"), direction=direction).source for direction in ("TB", "LR"))
    justified = re.findall(r"label=<(1|2) \((?:Softplus|Linear)\)>.*labeljust=(.)", down)
    assert dict(justified) == {"1": "c", "2": "l"}
    assert "labeljust=c" not in across
    assert "labeljust=c" not in draw(graph("recurrent"), size="column").source


@pytest.mark.parametrize("arguments", [{}, {"direction": "TB"}, {"size": "slide"}])
def test_operands_stand_in_their_order_inside_modules_too(arguments):
    pytest.importorskip("pygraphviz")
    loss = nn.ssr(dosage()([Value(0.5)]), [1.0])
    drawing = draw(loss, legend=False, **arguments)
    plain = [line.split() for line in drawing.pipe(format="plain", encoding="utf-8").splitlines()]
    places = {line[1]: (float(line[2]), -float(line[3])) for line in plain if line[0] == "node"}  # it counts y upwards
    operands = {}
    for tail, head, _ in edges(drawing.source):
        operands.setdefault(head, []).append(places[tail]["rankdir=LR" in drawing.source])
    assert len(operands) > 8
    assert all(each == sorted(each) for each in operands.values())


def test_a_slide_puts_operations_into_boxes_before_it_folds():
    loss = graph("one dose")
    assert nodes(draw(loss, size="slide").source) == nodes(draw(loss, compact=True).source)


def test_without_graphviz_size_still_draws(monkeypatch):
    import autograd.drawing.fitting as fitting

    def missing(*_):
        raise fitting.RenderingError("no Graphviz")

    monkeypatch.setattr(fitting, "rendered", missing)
    assert "loss" in draw(graph("irises"), size="column").source


def test_compact_puts_an_operation_and_its_result_into_one_node():
    *_, loss = neuron()
    plain, compact = draw(loss).source, draw(loss, compact=True).source
    assert len(nodes(compact)) == len(nodes(plain)) - 5
    assert words(the_node(compact, "SSR"))[:2] == ["square", "SSR"]
    assert "ordering=in" in the_node(compact, "SSR")
    assert len(edges(compact)) == len(edges(plain)) - 5


def test_constants_can_be_left_out():
    x = Value(2.0, name="x")
    shared_constant = x.detach()
    shared_constant.name = "c"
    y = (x * 0.25 + shared_constant) * shared_constant
    assert all(label in draw(y).source for label in ("label=<0.25>", "label=<c = 2>"))
    source = draw(y, constants=False).source
    assert len(boxes_of(source)) == 4  # x and three results
    assert "label=<0.25>" not in source
    assert "c = 2" not in source


@pytest.mark.parametrize("arguments", [{}, {"size": "column"}, {"constants": False}, {"max_nodes": 4}])
def test_squares_are_called_so(arguments):
    x = Value(2.0, name="x")
    source = draw((x + 1) ** 2, **arguments).source
    assert "square" in source
    assert "^" not in source
    assert "label=<2>" not in source


def test_only_squares_of_mere_numbers_are_called_so():
    x, two = Value(2.0, name="x"), Value(2.0).detach()
    two.name = "two"
    assert "label=<^ 3>" in draw((x + 1) ** 3, constants=False).source
    exponent = Value(2.0).detach()
    for y in (x**3, x**two, x ** Value(2.0), 2**x, x**exponent):
        source = draw(y, names={"exponent": exponent}).source
        assert "label=<^>" in source
        assert "square" not in source


def test_the_legend_says_which_way_is_which():
    x, y = Value(1.0), Value(1.0)
    loss = 2 * x - y
    loss.backward()
    gradient = ["gradient: raising it", "raises", "lowers the result", "size"]
    assert legend_of(draw(loss).source)[-4:] == gradient
    assert legend_of(draw(loss, max_nodes=2).source)[-5:] == [*gradient[:-1], "both signs", "norm"]
    for one, meaning in ((2 * Value(1.0), "raises the result"), (-Value(1.0), "lowers the result")):
        one.backward()
        assert legend_of(draw(one).source)[-2:] == [meaning, "size"]


def test_the_weights_of_a_layer_are_one_table():
    loss = graph("MLP 64-32-10")
    source = draw(loss, size="column").source
    assert words(the_node(source, "0.weight"))[1].startswith("32 × 64: ")
    model = nn.MLP([2, 8, 3], activation="relu", seed=0)
    loss = nn.cross_entropy(model([0.5, 0.25]), 0)
    loss.backward()
    table = words(the_node(draw(loss).source, "0.weight"))
    assert table[1:17] == [f"{weight.data:.3g}" for row in model[0].weight for weight in row]
    norm = sum(weight.grad**2 for row in model[0].weight for weight in row) ** 0.5
    assert table[17] == f"‖grad‖ {norm:.4g}"


def test_names_of_the_lectures_stand_in_the_table():
    model = dosage()
    loss = nn.ssr(model([0.5]), [1.0])
    assert {"w1 -34.4", "w2 -2.52"} <= set(words(the_node(draw(loss, max_nodes=16).source, "0.weight")))


def test_a_shared_module_is_described_once():
    boxes = [words(each) for each in nodes(draw(graph("recurrent"), size="column").source).values()]
    first, *others = (box for box in boxes if box and box[0].startswith("cell"))
    assert first[:5] == ["cell (Linear)", "operations", "2", "cell.weight", "1 × 2"]
    assert first[-1] == "shared"
    assert others == [["cell", "shared"]] * 5


def test_cross_entropy_is_called_so():
    assert "label=<cross entropy>" in draw(graph("MLP 4-8-8-3"), size="column").source


def test_shared_weights_have_a_box_beside_each_use():
    boxes = [words(each) for each in nodes(draw(graph("shared")).source).values()]
    assert [box[-1] for box in boxes if "0.weight[0][0]" in box] == ["shared", "shared"]
    assert "shared" not in draw(graph("three doses")).source


def test_a_picture_for_markdown_pages():
    *_, loss = neuron()
    loss.backward()
    text = draw(loss, direction="TB", names=locals()).mermaid()
    assert text.startswith("flowchart TB\n")
    assert '["<b>w1</b><br/>data 2.74<br/>grad ' in text
    assert re.search(r'v\d+ -->\|"0.5"\| o\d+', text)
    assert "stroke-dasharray" in text
    assert text.count("subgraph") == text.count("\n  end") == 1
    assert draw(loss).copy().mermaid() == draw(loss).mermaid()
    assert "classDef parameter" in draw(loss, compact=True, constants=False).mermaid()
    long = draw((Value(1.0) * 2).tanh()).mermaid()  # a circle around a word is as high as the word is wide
    assert '(("×"))' in long
    assert '(["tanh"])' in long
    with pytest.raises(NotImplementedError, match="Mermaid"):
        type(draw(loss))().mermaid()


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_data_in_mermaid_too(name):
    text = draw(Value(2.0, name=name) * 3).mermaid()
    plain = draw(Value(2.0, name="plain") * 3).mermaid()
    assert text.count("\n") == plain.count("\n")
    assert text.count('"') == plain.count('"')
    label = re.search(r'\["<b>(.*?)</b>', text)[1]
    shown = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label.replace("<br/>", "\n"))
    visible = name.replace("\t", "    ").replace("\0", "\ufffd").replace("\a", "\ufffd").replace("\ud800", "\ufffd")
    assert shown == (visible if len(visible) <= 28 else visible[:27] + "…")


@pytest.mark.parametrize("make", [lambda: draw(neuron()[-1]), lambda: nn.diagram(dosage())])
def test_dots_per_inch(make, tmp_path):
    drawing = make()
    for dpi in (96, 288):
        drawing.render(outfile=tmp_path / f"{dpi}.png", dpi=dpi)
    widths = [int.from_bytes((tmp_path / f"{dpi}.png").read_bytes()[16:20], "big") for dpi in (96, 288)]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.02)
    assert drawing.pipe(format="svg", dpi=288) == drawing.pipe(format="svg")
    for wrong in (0, "high", True, float("inf")):
        with pytest.raises(ValueError, match="dpi must be a number above 0, got"):
            drawing.pipe(format="png", dpi=wrong)


def test_notebooks_show_it_no_wider_than_the_cell():
    (svg,) = draw(neuron()[-1])._repr_mimebundle_().values()
    assert '<svg style="max-width: 100%; height: auto"' in svg
    assert "w1" in texts(svg)


@pytest.mark.parametrize("caption", [1.5, b"x"])
def test_a_caption_is_a_string(caption):
    with pytest.raises(TypeError, match="caption must be a string, got"):
        draw(Value(1.0), caption=caption)


def dense(order):
    """A second derivative in which everything depends on everything."""
    from autograd import derivative

    xs = [Value(0.1 * i, name=f"x{i}") for i in range(order)]
    y = sum_of([(a * b).tanh() for a, b in itertools.combinations(xs, 2)]).exp()
    return sum_of(derivative(sum_of(derivative(y, xs)), xs))


def test_the_picture_of_a_dense_graph_does_not_take_minutes():
    loss = dense(6)
    drawing = draw(loss, max_nodes=1000)
    assert len(boxes_of(drawing.source)) > 300
    assert drawing.pipe(format="svg").startswith(b"<?xml")
