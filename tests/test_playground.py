"""The page of one's own network: its arithmetic against Python's, and what it says without a browser."""

import json
import math
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import autograd
import nn
from autograd import operation
from autograd.ops import TABLE
from demos.gallery import DOSES, EFFECTS, FITTED, START, network
from demos.iris import SPECIES, flowers, published_network
from tests.test_drawing import HOSTILE

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on PATH: apt-get install nodejs")
ACTIVATIONS = ("softplus", "relu", "tanh", "sigmoid", "leaky_relu", "elu", "silu", "gelu", "identity")


def dosage(parameters=START, **options):
    model = network(parameters)
    return nn.playground(model, DOSES, EFFECTS, inputs=["dose"], outputs=["effectiveness"], **options)


def data_in(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page.html).group(1))


def arithmetic_of(page):
    """The part of the page's script that needs no document, and its data as `state`."""
    script = re.search(r"</script>\n<script>(.*?)</script>", page.html, re.DOTALL).group(1)
    before, _, _ = script.partition("const panels = {};")
    return f"{before}\nconst state = createState({json.dumps(data_in(page))});\n"


def computed(pages, code):
    """What code gives for each page: `code` is the body of a function in which `state` is that of the page."""
    runs = [f"{arithmetic_of(page)}return (() => {{ {code} }})();\n}})()" for page in pages]
    program = "console.log(JSON.stringify([" + ",\n".join(runs) + "]));"
    finished = subprocess.run([NODE, "-"], input=program, capture_output=True, text=True, check=True)
    return json.loads(finished.stdout)


def eager(model, inputs, targets, loss, added):
    """Loss and gradient by graphs."""
    for parameter in model.parameters():
        parameter.grad = None
    values = [loss(model(row), target) for row, target in zip(inputs, targets, strict=True)]
    share = 1.0 if added else 1.0 / len(values)
    for value in values:
        value.backward(share)
    return share * math.fsum(v.data for v in values), [p.grad for p in model.parameters()]


LOSS_AND_GRADIENT = "return [state.loss, [...state.gradient]];"


def assert_equal_numbers(found, expected):
    loss, gradient = found
    scale = max(1e-300, *map(abs, expected[1]))
    assert loss == pytest.approx(expected[0], rel=1e-12, abs=1e-15)
    assert gradient == pytest.approx(expected[1], rel=1e-12, abs=1e-12 * scale)


class OneOperation(nn.Module):
    """Applies one operation to weighted inputs."""

    def __init__(self, row, count, rng):
        self.row = row
        domains = [row.domain[min(i, len(row.domain) - 1)] for i in range(count)]
        self.weight = [nn.Parameter(float(rng.uniform(low, high))) for low, high in domains]

    def forward(self, xs):
        operands = [w * x for w, x in zip(self.weight, xs, strict=True)]
        function = getattr(autograd, self.row.name, None) or {
            "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
            "neg": lambda x: -x, "pow": lambda x, y: x**y, "abs": abs,
        }[self.row.name]  # fmt: skip
        if self.row.name == "softmax":
            return [function(operands)[0]]
        half = len(operands) // 2
        arguments = {0: operands, 1: [operands], 2: [operands[:half], operands[half:]]}[self.row.sequences]
        return [function(*arguments)]


ROWS = [row for row in TABLE.values() if not row.is_helper]


@needs_node
def test_every_operation_is_computed_and_differentiated_as_by_python():
    rng = np.random.default_rng(0)
    cases = []
    for row in ROWS:
        count = row.arity or (4 if row.sequences else 1)
        cases.append((OneOperation(row, count, rng), [[1.0] * count, [0.875] * count], [0.25, -0.5], nn.ssr))
    pages = [nn.playground(model, inputs, targets) for model, inputs, targets, _ in cases]
    for case, found in zip(cases, computed(pages, LOSS_AND_GRADIENT), strict=True):
        assert_equal_numbers(found, eager(*case, added=True))


CLASSES = [0, 2, 1]
LOSSES = {
    "ssr": (nn.ssr, [0.3, -0.2, 0.9]),
    "mse": (nn.mse, [0.3, -0.2, 0.9]),
    "mae": (nn.mae, [0.3, -0.2, 0.9]),
    "huber": (nn.huber, [0.3, -0.2, 5.0]),
    "hinge": (nn.hinge, [-1, 1, 1]),
    "binary": (nn.binary_cross_entropy_with_logits, [0, 1, 1]),
    "cross_entropy": (nn.cross_entropy, CLASSES),
    "shares": (nn.cross_entropy, [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8]]),
    "nll": (nn.nll, CLASSES),
    "probabilities": (nn.cross_entropy_of_probabilities, CLASSES),
    "ssr of several": (nn.ssr, [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8]]),
}
INPUTS = [[0.5, -1.0], [0.25, 2.0], [-0.75, 0.1]]


def model_for(name, activation="tanh", seed=0):
    several = name in ("cross_entropy", "shares", "nll", "probabilities", "ssr of several")
    model = nn.MLP([2, 3, 3 if several else 1], activation=activation, seed=seed)
    last = {"nll": [nn.LogSoftmax()], "probabilities": [nn.Softmax()]}.get(name, [])
    return nn.Sequential(model, *last)


def cases():
    for activation in ACTIVATIONS:
        yield "ssr", model_for("ssr", activation, seed=3)
    for name in LOSSES:
        yield name, model_for(name)


@needs_node
def test_every_activation_and_loss_agrees_with_python():
    made = [(name, model, *LOSSES[name]) for name, model in cases()]
    pages = [nn.playground(model, INPUTS, targets, loss=loss) for _, model, loss, targets in made]
    for (_, model, loss, targets), found in zip(made, computed(pages, LOSS_AND_GRADIENT), strict=True):
        assert_equal_numbers(found, eager(model, INPUTS, targets, loss, loss is nn.ssr))


@needs_node
def test_fifty_steps_are_those_of_sgd():
    code = "for (let k = 0; k < 50; k++) state.step(); return [...state.theta];"
    model, (inputs, species) = published_network(), [each[::10] for each in flowers()]
    rate = 0.1
    found = computed([dosage(lr=rate), nn.playground(model, inputs, species, lr=rate)], code)
    for (trained, data, targets, loss), theta in zip(
        [(network(START), [[dose] for dose in DOSES], EFFECTS, nn.ssr), (model, inputs, species, nn.cross_entropy)],
        found,
        strict=True,
    ):
        optimizer = nn.SGD(trained.parameters(), lr=rate)
        for _ in range(50):
            optimizer.zero_grad()
            eager(trained, data, targets, loss, loss is nn.ssr)
            optimizer.step()
        assert theta == pytest.approx([p.data for p in trained.parameters()], rel=1e-9, abs=1e-12)


@needs_node
def test_the_links_of_every_parameter_multiply_to_its_derivative():
    code = """
        return state.gradient.map((slope, i) => {
          const links = state.data.chains[i].map((number) => state.data.links[number]);
          const products = state.traces.map(([, locals]) => links.reduce((product, { top, bottom }) => product *
            state.derivatives(locals, top, bottom, (node) => node === bottom)[bottom], links.length ? 1 : 0));
          return [slope, state.share * total(products)];
        });"""
    deep = nn.MLP([2, 3, 2, 1], activation="tanh", seed=1)
    pages = [
        dosage(),
        nn.playground(published_network(), *[each[::10] for each in flowers()]),
        nn.playground(deep, INPUTS, [0.1, 0.2, 0.3]),
    ]
    for pairs in computed(pages, code):
        for slope, product in pairs:
            assert product == pytest.approx(slope, rel=1e-10, abs=1e-15)


@needs_node
@pytest.mark.parametrize("rate", [1.0, 1e160])
def test_steps_that_are_too_long_diverge_with_a_sentence_and_stay_at_numbers(rate):
    code = """
        let steps = 0;
        while (state.step() && steps < 500) steps++;
        return [steps, state.message, [state.loss, ...state.theta]];"""
    steps, message, numbers = computed([dosage(FITTED, lr=rate)], code)[0]
    assert steps < 500
    assert message.startswith("The steps diverge")
    assert "smaller learning rate helps" in message
    assert all(number is not None and math.isfinite(number) for number in numbers)


# What the page says


def table_in(page):
    rows = re.findall(r'<tr data-(?:observation="\d+"|role="sum") data-value="([^"]*)"', page.html)
    return [float(row) for row in rows]


def test_outputs_without_names_leave_the_hidden_nodes_theirs():
    page = nn.playground(nn.MLP([1, 3, 2], seed=1), DOSES, [[0, 1], [1, 0], [0, 0]])
    for link in ("dSSR/dy1", "dy1/dx1", "dx1/d0.weight[0][0]"):
        assert link in page.html


def test_the_chain_rule_of_the_published_start_is_a_table_without_scripts():
    page = dosage()
    assert table_in(page) == pytest.approx([0.0, -0.0407, 0.8016, 0.7609], abs=5e-5)
    heads = re.findall(r'<th scope="col"><bdi>(.*?)</bdi><span class="symbols"><bdi>(.*?)</bdi>', page.html)
    assert heads == [
        ("dSSR/dpredicted", "-2·(observed - predicted)"),
        ("dpredicted/dy1", "w3"),
        ("dy1/dx1", "sigmoid(x1)"),
        ("dx1/dw1", "dose"),
    ]
    assert '<svg class="network"' in page.html
    assert "grad <tspan>0.761</tspan>" in page.html


def symbols_in(page):
    return {link[2] for link in data_in(page)["links"]}


def test_what_has_a_choice_in_its_derivative_is_named_and_not_written_out():
    for activation, slope in (
        ("elu", "elu′(x1)"),
        ("relu", "(1 if x1 > 0 else 0)"),
        ("leaky_relu", "(1 if x1 > 0 else 0.01)"),
    ):
        model = nn.MLP([1, 1, 1], activation=activation, seed=0)
        assert slope in symbols_in(nn.playground(model, [0.5, -0.5], [1.0, 0.0]))
    page = nn.playground(nn.MLP([1, 1, 1], seed=0), [0.5, -0.5], [1.0, 0.0], loss=nn.huber)
    assert "huber′(predicted - observed)" in symbols_in(page)


def test_the_model_is_left_as_it_is():
    model = network(START)
    nn.ssr(model([0.5]), [1.0]).backward()
    before = [(p.data, p.grad, p.name) for p in model.parameters()]
    nn.playground(model, DOSES, EFFECTS)
    assert [(p.data, p.grad, p.name) for p in model.parameters()] == before


def test_lecture_pages_are_small():
    assert len(dosage().html.encode()) < 100_000
    model = nn.MLP([2, 4, 3], activation="relu", seed=0)
    assert len(nn.playground(model, *flowers(), outputs=SPECIES).html.encode()) < 100_000


@pytest.mark.slow
def test_the_page_is_the_same_in_every_process():
    code = """
import nn
model = nn.MLP([1, 2, 1], activation="softplus", seed=0)
print(nn.playground(model, [0.0, 0.5, 1.0], [0.0, 1.0, 0.0], inputs=["dose"]).html)"""
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    assert b"dose" in runs[0]


def test_names_inject_nothing():
    def page(name):
        model = network(START)
        model.parameters()[0].name = name
        return nn.playground(model, DOSES, EFFECTS, inputs=[name], outputs=[name], title=name).html

    plain = page("plain")
    for name in HOSTILE:
        found = page(name)
        for mark in ("<script", "</script", "<style", "<a ", "<g ", "<img", "onclick=", "onload="):
            assert found.count(mark) == plain.count(mark), name


def test_the_page_may_load_nothing():
    page = dosage().html
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert not re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(?!#)\w+:', page)


@pytest.mark.parametrize("theme", ["light", "dark", None])
def test_themes(theme):
    assert ("prefers-color-scheme" in dosage(theme=theme).html.partition("</style>")[0]) == (theme is None)


def test_other_parameters_than_the_first_may_stay_still():
    model = network(START)
    model.parameters()[1].trainable = False
    assert data_in(nn.playground(model, DOSES, EFFECTS))["fixed"] == [1]


def test_a_model_of_one_s_own_has_a_page_without_a_network():
    class Own(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Parameter(0.5), nn.Parameter(0.0)

        def forward(self, xs):
            return [(self.a * xs[0]).sin() + self.b]

    page = nn.playground(Own(), [0.1, 0.2], [1.0, 2.0])
    assert '<svg class="network"' not in page.html
    assert 'data-panel="curve"' in page.html


def test_one_weight_has_no_surface():
    page = nn.playground(nn.Linear(1, 1, bias=False, seed=0), [1.0, 2.0], [2.0, 4.0])
    assert 'data-panel="tangent"' in page.html
    assert 'data-panel="surface"' not in page.html


# What cannot be shown


def reads(xs):
    return [xs[0] * 2.0 if xs[0] > 0 else xs[0]]


class Reader(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(1.0)

    def forward(self, xs):
        return reads([self.w * xs[0]])


decides = operation("decides", lambda m, x: x * 2 if x > 0 else x, lambda m, y, x: (2.0 if x > 0 else 1.0,))


class Decider(Reader):
    def forward(self, xs):
        return [decides(self.w * xs[0])]


MLP = nn.MLP([1, 2, 1], seed=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((MLP, [[1.0, 2.0]], [1.0]), ValueError, "expected 1 inputs, got 2"),
        ((MLP, [1.0, 2.0], [1.0]), ValueError, "X has 2 rows and y 1"),
        ((MLP, [1.0], [[1.0, 2.0]]), ValueError, "predicted"),
        ((MLP, ["a"], [1.0]), TypeError, "a"),
        ((3, [1.0], [1.0]), TypeError, "model must be a Module, got 3"),
        ((nn.ReLU(), [1.0], [1.0]), ValueError, "no parameters"),
        (
            (nn.MLP([20, 30, 3], seed=0), [[0.0] * 20], [0]),
            ValueError,
            r"at most 500 .* has 723; draw it with nn\.diagram",
        ),
        ((MLP, [0.5] * 1001, [1.0] * 1001), ValueError, r"at most 1,000 observations; X has 1,001"),
        ((Reader(), [1.0, -1.0], [1.0, 1.0]), ValueError, r"test_playground\.py:\d+"),
        ((Decider(), [1.0, 2.0], [1.0, 1.0]), ValueError, "'decides' cannot be written in JavaScript"),
    ],
)
def test_what_fits_not_is_told(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.playground(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": 0}, ValueError, "lr must be above 0"),
        ({"lr": "a"}, TypeError, "lr"),
        ({"inputs": ["a", "b"]}, ValueError, "inputs must be 1 strings"),
        ({"outputs": [1]}, ValueError, "outputs must be 1 strings"),
        ({"title": 3}, TypeError, "title must be a string, got 3"),
        ({"theme": "blue"}, ValueError, "theme must be"),
        ({"loss": 3}, TypeError, "loss must be a function"),
    ],
)
def test_options_that_fit_not_are_told(options, error, message):
    with pytest.raises(error, match=message):
        nn.playground(MLP, [0.0, 1.0], [0.0, 1.0], **options)


def test_parameters_that_are_no_numbers_are_told():
    model = network(START)
    model.parameters()[0].data = math.nan
    with pytest.raises(ValueError, match="not finite"):
        nn.playground(model, DOSES, EFFECTS)


def test_saving_needs_the_suffix_of_a_page(tmp_path):
    with pytest.raises(ValueError, match=r"saved as \.html"):
        dosage().save(tmp_path / "page.pdf")
    assert not list(tmp_path.iterdir())
    assert dosage().save(tmp_path / "new" / "page.html").read_text(encoding="utf-8") == dosage().html
