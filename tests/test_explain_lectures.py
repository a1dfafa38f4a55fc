"""explain as a teacher writes it: the derivations of the lectures, line by line, and worked solutions."""

import math
import re

import pytest

import nn
from autograd import Value, animate, draw, explain, hypot, softmax, sum as sum_of
from autograd.operation import literal_latex
from tests.test_explain import DATA, lectures_network, named


def lecture_loss(data=DATA):
    model = lectures_network()
    loss = nn.ssr([model([dose]) for dose, _ in data], [[observed] for _, observed in data])
    loss.name = "SSR"
    return {p.name: p for p in model.parameters()}, loss


def lines(text):
    return [line.strip() for line in str(text).splitlines()]


def test_idea_3_the_derivative_of_ssr_for_w1_has_a_row_for_each_dose_in_the_order_of_the_data():
    w, loss = lecture_loss()
    assert lines(explain(loss, w["w1"])) == [
        "dSSR/dw1 = Σ dSSR/dpredicted × dpredicted/dy1 × dy1/dx1 × dx1/dw1",
        "= Σ -2·(observed - predicted) × w3 × sigmoid(x1) × input",
        "= -0.022 × (-1.3) × 0.8947 × 0  (observation 1: input 0, observed 0)",
        "+ 0.06966 × (-1.3) × 2.881e-07 × 0.5  (observation 2: input 0.5, observed 1)",
        "+ 0.009265 × (-1.3) × 9.765e-15 × 1  (observation 3: input 1, observed 0)",
        "= -1.304e-08",
    ]


def test_idea_3_the_last_bias_comes_first():
    w, loss = lecture_loss()
    assert lines(explain(loss, w["b3"])) == [
        "dSSR/db3 = Σ dSSR/dpredicted × dpredicted/db3",
        "= Σ -2·(observed - predicted) × 1",
        "= -0.022 × 1  (observation 1: input 0, observed 0)",
        "+ 0.06966 × 1  (observation 2: input 0.5, observed 1)",
        "+ 0.009265 × 1  (observation 3: input 1, observed 0)",
        "= 0.05693",
    ]


def test_the_slope_of_softplus_is_typeset_as_in_the_lectures():
    w, loss = lecture_loss()
    assert r"\frac{e^{x_{1}}}{1 + e^{x_{1}}}" in explain(loss, w["w1"]).latex()


def test_a_sum_of_numbers_has_parentheses_where_a_sign_needs_them():
    model = lectures_network()
    loss = nn.ssr(model([0.5]), [1.0])
    text = str(explain(loss, model.parameters()[0]))
    assert "0.06966 × (-1.3) × 2.881e-07 × 0.5" in text
    w, loss = lecture_loss([(1.0, 0.0), (0.0, 0.0)])
    assert "+ (-0.022) × (-1.3) × 0.8947 × 0" in str(explain(loss, w["w1"]))
    assert not re.search(r"[+×] -", str(explain(loss, w["w1"])))


@pytest.mark.parametrize("size", [2, 3, 6])
def test_the_rows_of_observations_follow_the_data_whatever_their_size(size):
    data = [(i / 3, (-1.0) ** i) for i in range(size)]
    w, loss = lecture_loss(data)
    labels = re.findall(r"observation (\d+): input ([\d.e-]+)", str(explain(loss, w["w2"])))
    assert [int(number) for number, _ in labels] == list(range(1, size + 1))
    assert [float(dose) for _, dose in labels] == pytest.approx([dose for dose, _ in data], rel=1e-3)


RAW = {"setosa": 1.43, "versicolor": -0.4, "virginica": 0.23}


def raw_outputs():
    return [Value(number, name=name) for name, number in RAW.items()]


def test_idea_6_the_derivatives_of_softmax():
    raw = raw_outputs()
    p = named(softmax(raw)[0], "p_setosa")
    assert [lines(explain(p, each))[1:] for each in raw] == [
        ["= p_setosa·(1 - p_setosa)", "= 0.2161"],
        ["= -p_setosa·p_versicolor", "= -0.07509"],
        ["= -p_setosa·p_virginica", "= -0.141"],
    ]


def test_idea_7_cross_entropy_reads_p_minus_1_and_p():
    raw = raw_outputs()
    loss = named(nn.cross_entropy(raw, 0), "CE")
    assert [lines(explain(loss, each))[1:] for each in raw] == [
        ["= p_setosa - 1", "= -0.3158"],
        ["= p_versicolor", "= 0.1098"],
        ["= p_virginica", "= 0.2061"],
    ]


def test_idea_7_step_by_step_from_the_probabilities():
    raw = raw_outputs()
    p = softmax(raw)
    for each, name in zip(p, RAW, strict=True):
        each.name = f"p_{name}"
    loss = named(-p[0].log(), "CE")
    assert [lines(explain(loss, each))[0:3] for each in raw[:2]] == [
        [
            "dCE/dsetosa = dCE/dp_setosa × dp_setosa/dsetosa",
            "= -1/p_setosa × p_setosa·(1 - p_setosa)",
            "= p_setosa - 1",
        ],
        [
            "dCE/dversicolor = dCE/dp_setosa × dp_setosa/dversicolor",
            "= -1/p_setosa × (-p_setosa·p_versicolor)",
            "= p_versicolor",
        ],
    ]


def logsumexp_form(raw, observed):
    import autograd

    return autograd.logsumexp(raw) - raw[observed]


def by_probabilities(raw, observed):
    return nn.cross_entropy_of_probabilities(nn.softmax(raw), observed)


@pytest.mark.parametrize("form", [nn.cross_entropy, logsumexp_form, by_probabilities])
@pytest.mark.parametrize("observed", [0, 1, 2])
def test_every_way_to_compute_a_cross_entropy_reads_alike(form, observed):
    raw = raw_outputs()
    loss = form(raw, observed)
    loss.backward()
    for position, (each, name) in enumerate(zip(raw, RAW, strict=True)):
        explanation = explain(loss, each)
        assert explanation.total == pytest.approx(each.grad, rel=1e-12)
        assert lines(explanation)[1] == (f"= p_{name} - 1" if position == observed else f"= p_{name}")


def test_a_probability_close_to_one_keeps_its_digits():
    raw = [Value(40.0, name="a"), Value(0.0, name="b")]
    assert explain(nn.cross_entropy(raw, 0), raw[0]).total == pytest.approx(-math.exp(-40.0), rel=1e-12)


@pytest.mark.parametrize("observed", [0, 1, 2])
def test_classes_stand_in_their_order(observed):
    model = nn.MLP([2, 2, 3], activation="relu", seed=0)
    loss = nn.cross_entropy(model([0.5, 0.1]), observed)
    names, formulas = (lines(explain(loss, model.parameters()[0]))[start : start + 3] for start in (0, 3))
    assert [re.search(r"/dpredicted(\d)", line)[1] for line in names] == ["1", "2", "3"]
    expected = [f"(p{i + 1} - 1)" if i == observed else f"p{i + 1}" for i in range(3)]
    assert [re.match(r"[=+] (\(?p.*?) ×", line)[1] for line in formulas] == expected


@pytest.mark.parametrize(("x", "number"), [(2.0, "1"), (-2.0, "0")])
def test_relu_has_two_cases(x, number):
    x = Value(x, name="x")
    assert lines(explain(named(x.relu(), "y"), x)) == ["dy/dx = dy/dx", "= (1 if x > 0 else 0)", f"= {number}"]
    assert r"\begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}" in explain(x.relu(), x).latex()


@pytest.mark.parametrize(
    ("bent", "otherwise"),
    [
        (lambda x: x.leaky_relu(), "0.01"),
        (lambda x: x.leaky_relu(0.2), "0.2"),
        (lambda x: x.elu(), "exp(x)"),
        (lambda x: x.elu(0.5), "0.5·exp(x)"),
    ],
)
@pytest.mark.parametrize("number", [2.0, -2.0])
def test_other_bends_have_two_cases_too(bent, otherwise, number):
    x = Value(number, name="x")
    y = named(bent(x), "y")
    y.backward()
    explanation = explain(y, x)
    assert lines(explanation) == ["dy/dx = dy/dx", f"= (1 if x > 0 else {otherwise})", f"= {x.grad:.4g}"]
    assert explanation.total == pytest.approx(x.grad, rel=1e-12)


def graphs():
    w, loss = lecture_loss([(i / 10, 1.0) for i in range(12)])
    yield loss, w["w1"]
    model = nn.MLP([4, 8, 8, 3], activation="relu", seed=0)
    loss = nn.cross_entropy(model([0.1, 0.2, 0.3, 0.4]), 1)
    yield loss, model.parameters()[0]
    yield sum_of([(w["w1"] * i).tanh() for i in range(9)]) ** 2, w["w1"]


@pytest.mark.parametrize("index", range(3))
def test_lines_of_latex_fit_a_page(index):
    loss, w = list(graphs())[index]
    for latex in (explain(loss, w).latex(), explain(loss).latex()):
        assert max(map(len, latex.splitlines())) <= 100
        bare = latex.replace(r"\{", "").replace(r"\}", "")
        assert bare.count("{") == bare.count("}")
        assert bare.count(r"\left") == bare.count(r"\right")
        assert all(line.count("&") - line.count("1 &") - line.count("0 &") <= 1 for line in latex.splitlines())


def test_the_worked_solution_has_a_line_for_each_value():
    w, loss = lecture_loss([(0.5, 1.0)])
    assert lines(explain(loss)) == [
        "Forward:",
        "v1 = w1·input = -17.2",
        "x1 = v1 + b1 = -15.06",
        "y1 = softplus(x1) = 2.881e-07",
        "v2 = w2·input = -1.26",
        "x2 = v2 + b2 = 0.03",
        "y2 = softplus(x2) = 0.7083",
        "v3 = w3·y1 + w4·y2 = 1.615",
        "predicted = v3 + b3 = 1.035",
        "v4 = observed - predicted = -0.03483",
        "SSR = v4^2 = 0.001213",
        "Backward:",
        "dSSR/dSSR = 1",
        "dSSR/dv4 = 2·v4 = -0.06966",
        "dSSR/dpredicted = dSSR/dv4 × dv4/dpredicted = dSSR/dv4 × (-1) = -0.06966 × (-1) = 0.06966",
        "dSSR/db3 = dSSR/dpredicted × dpredicted/db3 = dSSR/dpredicted × 1 = 0.06966 × 1 = 0.06966",
        "dSSR/dv3 = dSSR/dpredicted × dpredicted/dv3 = dSSR/dpredicted × 1 = 0.06966 × 1 = 0.06966",
        "dSSR/dw4 = dSSR/dv3 × dv3/dw4 = dSSR/dv3 × y2 = 0.06966 × 0.7083 = 0.04934",
        "dSSR/dw3 = dSSR/dv3 × dv3/dw3 = dSSR/dv3 × y1 = 0.06966 × 2.881e-07 = 2.007e-08",
        "dSSR/dy2 = dSSR/dv3 × dv3/dy2 = dSSR/dv3 × w4 = 0.06966 × 2.28 = 0.1588",
        "dSSR/dx2 = dSSR/dy2 × dy2/dx2 = dSSR/dy2 × sigmoid(x2) = 0.1588 × 0.5075 = 0.08061",
        "dSSR/db2 = dSSR/dx2 × dx2/db2 = dSSR/dx2 × 1 = 0.08061 × 1 = 0.08061",
        "dSSR/dv2 = dSSR/dx2 × dx2/dv2 = dSSR/dx2 × 1 = 0.08061 × 1 = 0.08061",
        "dSSR/dw2 = dSSR/dv2 × dv2/dw2 = dSSR/dv2 × input = 0.08061 × 0.5 = 0.0403",
        "dSSR/dy1 = dSSR/dv3 × dv3/dy1 = dSSR/dv3 × w3 = 0.06966 × (-1.3) = -0.09056",
        "dSSR/dx1 = dSSR/dy1 × dy1/dx1 = dSSR/dy1 × sigmoid(x1) = -0.09056 × 2.881e-07 = -2.609e-08",
        "dSSR/db1 = dSSR/dx1 × dx1/db1 = dSSR/dx1 × 1 = -2.609e-08 × 1 = -2.609e-08",
        "dSSR/dv1 = dSSR/dx1 × dx1/dv1 = dSSR/dx1 × 1 = -2.609e-08 × 1 = -2.609e-08",
        "dSSR/dw1 = dSSR/dv1 × dv1/dw1 = dSSR/dv1 × input = -2.609e-08 × 0.5 = -1.304e-08",
    ]
    loss.backward()
    numbers = {line.name: line.number for line in explain(loss).backward}
    assert {name: numbers[name] for name in w} == {name: pytest.approx(p.grad, rel=1e-12) for name, p in w.items()}


def test_the_worked_solution_of_several_observations_says_which_is_which():
    _, loss = lecture_loss()
    text = lines(explain(loss))
    assert "predicted = v3 + b3 = -0.011  (observation 1: input 0, observed 0)" in text

    assert (
        "dSSR/db3 = Σ dSSR/dpredicted × dpredicted/db3 = Σ dSSR/dpredicted × 1"
        " = -0.022 × 1 + 0.06966 × 1 + 0.009265 × 1 = 0.05693"
    ) in text


def by_hand(start):
    w, b = Value(2.74, name="w"), Value(0.0, name="b")
    terms = [(observed - (w * dose + b).softplus()) ** 2 for dose, observed in DATA]
    return w, b, sum(terms, start)


@pytest.mark.parametrize("start", [0, Value(0.0).detach()])
def test_the_0_that_a_sum_starts_from_is_no_observation(start):
    w, _, loss = by_hand(start)
    labels = re.findall(r"\((observation .*)\)", str(explain(loss, w)))
    assert labels == ["observation 1", "observation 2", "observation 3"]


def test_a_penalty_for_large_weights_is_no_observation():
    model = lectures_network()
    loss = nn.ssr([model([dose]) for dose, _ in DATA], [[observed] for _, observed in DATA])
    w1 = model.parameters()[0]
    total = loss + 0.01 * w1**2
    text = str(explain(total, w1))
    assert re.findall(r"observation (\d): input", text) == ["1", "2", "3"]
    assert "observation 4" not in text + str(explain(total))
    w, b, loss = by_hand(0)
    assert "observation 4" not in str(explain(loss + 0.01 * (w**2 + b**2), w))


def test_classes_of_several_observations_stand_in_the_order_of_the_data_and_are_one_sum():
    model = nn.MLP([2, 2, 3], activation="relu", seed=0)
    loss = nn.cross_entropy([model([0.5, 0.2]), model([0.1, 0.4])], [1, 2])
    text = lines(explain(loss, model.parameters()[-1]))
    assert text[:3] == [
        "dy/d2.bias[2] = Σ dy/dpredicted3 × dpredicted3/d2.bias[2]",
        "= 0.5·p3 × 1",
        "+ 0.5·(p3 - 1) × 1",
    ]


@pytest.mark.parametrize("observed", [0, 1, 2])
def test_a_worked_solution_has_the_classes_in_their_order(observed):
    model = nn.MLP([2, 2, 3], activation="relu", seed=0)
    solution = explain(nn.cross_entropy(model([0.5, 0.1]), observed))
    outputs = [line.name for line in solution.forward if line.name.startswith("predicted")]
    assert outputs == ["predicted1", "predicted2", "predicted3"]
    numbers = [int(line.name[1:]) for line in solution.forward if re.fullmatch(r"v\d+", line.name)]
    assert numbers == sorted(numbers)


ON_PAPER = {
    "tanh": "1 - y^2",
    "sigmoid": "y·(1 - y)",
    "arctan": "1/(1 + x^2)",
    "arcsin": "1/sqrt(1 - x^2)",
    "arcsinh": "1/sqrt(1 + x^2)",
    "arctanh": "1/(1 - x^2)",
    "reciprocal": "-(1/x)^2",
    "erf": "1.128·exp(-x^2/2)^2",
}


@pytest.mark.parametrize("number", [0.5, 1e-9, 0.999])
@pytest.mark.parametrize("name", ON_PAPER)
def test_derivatives_are_written_as_on_paper_with_the_number_to_all_digits(name, number):
    x = Value(number, name="x")
    y = getattr(x, name)()
    y.backward()
    explanation = explain(y, x)
    assert lines(explanation)[1] == f"= {ON_PAPER[name]}"
    assert explanation.total == pytest.approx(x.grad, rel=1e-12)


def test_a_saturated_bend_keeps_its_digits():
    x = Value(40.0, name="x")
    p = named(x.sigmoid(), "p")
    assert lines(explain(p, x)) == ["dp/dx = dp/dx", "= p·(1 - p)", "= 4.248e-18"]


def test_powers_and_lengths_as_on_paper():
    x, y = Value(0.5, name="x"), Value(0.7, name="y")
    assert [lines(explain(x**y, each))[1] for each in (x, y)] == ["= y·x^(y - 1)", "= x^y·log(x)"]
    assert lines(explain(hypot(x, y), x))[1] == "= x/sqrt(x^2 + y^2)"


def test_stand_ins_do_not_collide_with_names():
    x, y = Value(2.0, name="x"), Value(3.0, name="y")
    assert lines(explain(x * y, y))[0] == "dv1/dy = dv1/dy"
    assert lines(explain(x * y + y))[1:5] == ["v1 = x·y = 6", "v2 = v1 + y = 9", "Backward:", "dv2/dv2 = 1"]
    a = Value(4.0)
    assert lines(explain(x * a, a)) == ["dy/dv1 = dy/dv1", "= x", "= 2"]


def test_numbers_of_a_factor_are_multiplied():
    model = lectures_network()
    loss = nn.mse([model([dose]) for dose, _ in DATA], [[observed] for _, observed in DATA])
    assert "= Σ -0.6667·(observed - predicted) × 1" in lines(explain(loss, model.parameters()[-1]))


def test_a_worked_solution_goes_into_a_notebook():
    _, loss = lecture_loss([(0.5, 1.0)])
    solution = explain(loss)
    assert solution._repr_markdown_() == f"$$\n{solution.latex()}\n$$"
    assert r"\frac{d\,\mathrm{SSR}}{d\,\mathrm{predicted}} &= " in solution.latex()
    assert repr(solution) == "<worked solution of SSR: 17 derivatives>"


def changed():
    w, loss = lecture_loss([(0.5, 1.0)])
    loss.backward()
    w["w2"].data = 100.0
    return w, loss


def test_a_graph_whose_leaf_has_changed_is_explained_with_its_own_numbers():
    w, loss = changed()
    explanation = explain(loss, w["w4"])
    assert explanation.total == pytest.approx(w["w4"].grad, rel=1e-12)
    _, before = lecture_loss([(0.5, 1.0)])
    remark = "(changed since: w2 (now 100); these are the numbers that it was computed from)"
    assert lines(explain(loss)) == [*lines(explain(before)), remark]
    assert lines(explanation)[-1] == remark
    assert "now 100" in explanation.latex()
    assert explain(loss, w["w2"]).total == pytest.approx(w["w2"].grad, rel=1e-12)


def test_a_graph_whose_leaf_has_changed_is_animated_with_its_own_numbers():
    w, loss = changed()
    page = animate(loss).html
    assert "v2 = w2\\u00b7input = -1.26" in page.replace("·", "\\u00b7")
    assert "dSSR/dw2 = dSSR/dv2 × dv2/dw2 = 0.08061 × 0.5 = 0.0403".replace("×", "\\u00d7") in page
    assert "w2 (now 100)" in page
    assert w["w4"].grad == pytest.approx(0.04934, rel=1e-3)


def test_the_same_names_stand_in_draw_explain_and_animate():
    _, loss = lecture_loss([(0.5, 1.0)])
    page = animate(loss).html
    for name in ("input", "x1", "x2", "y1", "y2", "predicted", "observed"):
        assert re.search(rf"\b{name}\b", str(explain(loss)))
        assert re.search(rf"\b{name}\b", draw(loss).source)
        assert re.search(rf"\b{name}\b", page)


@pytest.mark.parametrize("name", ["a" * 300, "重" * 300, r"\frac{" * 40, "50% " * 60, "x_" * 120])
def test_long_names_do_not_make_long_lines_of_latex(name):
    x = Value(2.0, name=name)
    latex = explain((x * 3).tanh(), x).latex()
    assert max(map(len, latex.splitlines())) <= 100
    whole = explain(Value(2.0, name="x") * 3, Value(2.0, name="x")).latex()
    assert r"\begin{aligned}" in whole
    joined = re.sub(r"(?<!\\)%\n", "", latex).replace("\n", " ")
    assert re.sub(r"\s+", " ", literal_latex(name)).strip() in re.sub(r"\s+", " ", joined)


def test_draw_tells_the_numbered_names_where_one_points():
    x = Value(2.0, name="x")
    loss = (x * 3).tanh()
    assert str(explain(loss, x)).startswith("dy/dx = dy/dv1 × dv1/dx")
    assert re.findall(r'tooltip="(v1|y)&#10;', draw(loss).source) == ["v1", "y"]
