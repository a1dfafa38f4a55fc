"""The explained chain rule: its numbers against the gradients, its words against the lectures."""

import copy
import math
import pickle
import re

import pytest

import nn
from autograd import Value, derivative, explain, operation, softmax, sum as sum_of, where
from autograd.operation import literal_latex

FITTED = {"w1": -34.4, "b1": 2.14, "w2": -2.52, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}
DATA = [(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]


def named(value, name):
    value.name = name
    return value


def dosage_loss(data=DATA):
    """The parameters and the loss of the lectures' network, every step named as the lectures name it."""
    w = {name: Value(number, name=name) for name, number in FITTED.items()}

    def residual(dose, observed):
        dose = Value(dose, name="input")
        y1 = named(named(dose * w["w1"] + w["b1"], "x1").softplus(), "y1")
        y2 = named(named(dose * w["w2"] + w["b2"], "x2").softplus(), "y2")
        return Value(observed, name="observed") - named(y1 * w["w3"] + y2 * w["w4"] + w["b3"], "predicted")

    return w, named(sum_of([residual(*pair) ** 2 for pair in data]), "SSR")


def test_the_chain_rule_reads_as_in_the_lectures():
    w, loss = dosage_loss()
    names, formulas, *numbers, total = str(explain(loss, w["w1"])).splitlines()
    assert names == "dSSR/dw1 = Σ dSSR/dpredicted × dpredicted/dy1 × dy1/dx1 × dx1/dw1"
    assert formulas.strip() == "= Σ -2·(observed - predicted) × w3 × sigmoid(x1) × input"
    assert len(numbers) == 3
    assert total.strip() == f"= {derivative(loss, w['w1']).data:.4g}"


@pytest.mark.parametrize("name", FITTED)
def test_paths_multiply_and_add_up_to_the_gradient(name):
    w, loss = dosage_loss()
    loss.backward()
    explanation = explain(loss, w[name])
    assert explanation.total == pytest.approx(w[name].grad, rel=1e-14)
    assert math.fsum(path.product for path in explanation.paths) == pytest.approx(w[name].grad, rel=1e-12)
    for path in explanation.paths:
        assert math.prod(path.factors) == path.product
        assert all(isinstance(factor, float) for factor in path.factors)
    assert explanation.number_of_paths == len(explanation.paths) == 3
    assert explanation.remainder == 0.0


def test_explaining_leaves_gradients_alone():
    w, loss = dosage_loss()
    explain(loss, w["w1"])
    assert w["w1"].gradient is None


def test_both_ways_of_a_square_count():
    a = Value(3.0, name="a")
    explanation = explain(a * a, a)
    assert [path.product for path in explanation.paths] == [3.0, 3.0]
    assert explanation.total == 6.0
    assert str(explanation).splitlines()[0] == "dy/da = dy/da"


def test_several_paths_are_listed_by_size():
    a = Value(2.0, name="a")
    b, c = named(a * 5, "b"), named(a.exp(), "c")
    explanation = explain(named(b * 3 - c, "y"), a)
    assert [path.product for path in explanation.paths] == [15.0, -math.exp(2.0)]
    assert str(explanation).splitlines()[:2] == ["dy/da = dy/db × db/da", "      + dy/dc × dc/da"]


def test_a_value_explains_itself_and_nothing_else():
    a = Value(2.0, name="a")
    assert str(explain(a, a)) == "da/da = 1"
    assert explain(a, a).total == 1.0
    independent = explain(a * 2, Value(1.0, name="x"))
    assert independent.paths == ()
    assert independent.total == 0.0
    assert "does not depend on" in str(independent)


def test_detached_values_and_constants_carry_no_path():
    a = Value(2.0, name="a")
    assert explain(a.detach() * a, a).total == 2.0
    assert explain(a.detach() * 3, a).number_of_paths == 0


def test_the_condition_of_a_choice_is_no_path():
    x = Value(2.0, name="x")
    explanation = explain(where(x, x * 5, x), x)
    assert explanation.number_of_paths == 2
    assert explanation.total == 5.0


def test_variables_name_the_steps():
    x = Value(2.0)
    inner = x * 3
    loss = inner.tanh()
    text = str(explain(loss, x, names=locals()))
    assert text.startswith("dloss/dx = dloss/dinner × dinner/dx")


def test_steps_without_names_are_numbered():
    x = Value(2.0)
    assert str(explain((x * 3).tanh().exp(), x)).startswith("dy/dx = dy/dv2 × dv2/dv1 × dv1/dx")


def lectures_network():
    """The network as a model whose parameters alone have names."""
    model = nn.MLP([1, 2, 1], activation="softplus")
    for parameter, name in zip(model.parameters(), ("w1", "w2", "b1", "b2", "w3", "w4", "b3"), strict=True):
        parameter.name, parameter.data = name, FITTED[name]
    return model


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("w1", "dy/dpredicted × dpredicted/dy1 × dy1/dx1 × dx1/dw1"),
        ("w2", "dy/dpredicted × dpredicted/dy2 × dy2/dx2 × dx2/dw2"),
        ("w3", "dy/dpredicted × dpredicted/dw3"),
        ("b3", "dy/dpredicted × dpredicted/db3"),
    ],
)
@pytest.mark.parametrize("count", [1, 3, 20])
def test_the_steps_of_a_network_are_called_as_in_the_lectures(name, chain, count):
    model = lectures_network()
    data = [(i / 7, float(i % 2)) for i in range(count)]
    loss = nn.ssr([model([dose]) for dose, _ in data], [[observed] for _, observed in data])
    parameter = next(each for each in model.parameters() if each.name == name)
    explanation = explain(loss, parameter)
    assert str(explanation).splitlines()[0] == f"dy/d{name} = {'Σ ' if count > 1 else ''}{chain}"
    loss.backward()
    assert explanation.total == pytest.approx(parameter.grad, rel=1e-12)


def test_what_the_data_is_has_a_name_without_being_given_one():
    model = lectures_network()
    loss = nn.ssr([model([dose]) for dose, _ in DATA], [[observed] for _, observed in DATA])
    formulas = str(explain(loss, next(iter(model.parameters())))).splitlines()[1]
    assert formulas.strip() == "= Σ -2·(observed - predicted) × w3 × sigmoid(x1) × input"


def test_several_outputs_of_a_network_are_numbered():
    model = nn.MLP([1, 2, 3], seed=0)
    loss = nn.cross_entropy(model([0.5]), 0)
    names = {name for path in explain(loss, next(iter(model.parameters()))).paths for name in path.names()}
    assert names == {"y", "predicted1", "predicted2", "predicted3", "y1", "x1", "0.weight[0][0]"}


def test_values_that_meet_in_an_observation_have_different_names():
    model = lectures_network()
    loss = nn.ssr([model([0.1])[0] - model([0.2])[0], model([0.3])[0] - model([0.4])[0]], [0.0, 0.0])
    names = {name for path in explain(loss, next(iter(model.parameters()))).paths for name in path.names()}
    assert {"predicted1", "predicted2"} < names
    w = Value(2.0, name="w")
    product = (w * Value(3.0)).tanh() * (w * Value(4.0)).tanh()
    assert str(explain(product, w)).splitlines()[0] == "dy/dw = dy/dv2 × dv2/dv1 × dv1/dw"


def test_observations_that_share_a_step_keep_their_own_names():
    w = Value(2.0, name="w")
    first, shared, last = (w * Value(x) for x in (1.0, 2.0, 3.0))
    paths = explain((first * shared).tanh() + (shared * last).tanh(), w).paths
    assert len({path.names()[-2] for path in paths}) == 3


def test_equal_steps_of_observations_without_names_are_gathered():
    w = Value(2.0, name="w")
    loss = sum(((w * x).tanh() - 0.5) ** 2 for x in (0.1, 0.2, 0.3)) / 3
    first, formulas, *_ = str(explain(loss, w)).splitlines()
    assert first == "dy/dw = Σ dy/dv4 × dv4/dv3 × dv3/dv2 × dv2/dv1 × dv1/dw"
    assert formulas.strip().startswith("= Σ")


def test_stand_ins_keep_clear_of_names_that_are_taken():
    model = lectures_network()
    loss = nn.ssr(model([Value(0.5, name="x1")]), [1.0])
    names = explain(loss, next(iter(model.parameters()))).paths[0].names()
    assert "x1" not in names
    v1 = Value(2.0, name="v1")
    assert str(explain((v1 * 3).tanh(), v1)).startswith("dy/dv1 = dy/dv2 × dv2/dv1")


def test_a_variable_called_as_its_role_keeps_the_names_of_the_steps():
    """names=locals() has "predicted" in it nearly always, in a loop that of the last observation."""
    model = lectures_network()
    predicted = [model([Value(dose)])[0] for dose in (0.5, 1.0)]
    loss = nn.ssr(predicted, [1.0, 0.0])
    named = explain(loss, model.parameters()[0], names={"predicted": predicted[1]})
    assert str(named) == str(explain(loss, model.parameters()[0]))
    assert "dpredicted/dy1 × dy1/dx1" in str(named)
    elsewhere = explain(loss, model.parameters()[0], names={"x1": predicted[0]})
    assert "dy1/dx1" not in str(elsewhere)


def doubling(steps):
    """A graph with 2**steps paths from its end to its beginning."""
    x = y = Value(1.1)
    for _ in range(steps):
        y = y * 0.7 + y.sin()
    return x, y


def all_paths(steps):
    """Every product of the doubling graph, one by one."""
    _, y = doubling(steps)
    products = [1.0]
    for _ in range(steps):
        inner = y.parents[0].parents[0]
        products = [p * factor for p in products for factor in (0.7, math.cos(inner.data))]
        y = inner
    return products


def test_the_largest_paths_come_first_and_the_remainder_is_exact():
    x, y = doubling(10)
    expected = sorted(all_paths(10), key=abs, reverse=True)
    explanation = explain(y, x, max_paths=50)
    assert [abs(p.product) for p in explanation.paths] == pytest.approx([abs(p) for p in expected[:50]], rel=1e-12)
    assert explanation.number_of_paths == 1024
    assert explanation.total == pytest.approx(math.fsum(expected), rel=1e-12)
    assert explanation.remainder == pytest.approx(explanation.total - math.fsum(p.product for p in explanation.paths))
    assert re.search(r"\([\d,]+ more paths\)", str(explanation))


@pytest.mark.parametrize("steps", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_paths_beyond_counting_are_not_followed(steps):
    x, y = doubling(steps)
    y.backward()
    explanation = explain(y, x, max_paths=5)
    assert explanation.number_of_paths == 2**steps
    assert explanation.total == pytest.approx(x.grad, rel=1e-9)
    assert "about 10^" in str(explanation)


@pytest.mark.slow
def test_deep_chains_are_explained_by_their_ends():
    x = y = Value(1.0)
    for _ in range(20_000):
        y = y * 1.00001
    explanation = explain(y, x)
    assert len(explanation.paths[0].factors) == 20_000
    assert "… 19988 factors …" in str(explanation)


def test_alike_paths_are_gathered_when_there_are_many():
    w = Value(0.5, name="w")
    loss = named(sum_of([named((Value(float(i), name=f"x{i}") * w).tanh(), f"p{i}") for i in range(40)]), "loss")
    text = str(explain(loss, w))
    assert text.splitlines()[0] == "dloss/dw = Σ dloss/dp… × dp…/dw"
    assert "(34 more paths)" in text


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda x: x**2, "2·x"),
        (lambda x: x**3, "3·x^2"),
        (lambda x: 1 / x, "-1/x^2"),
        (lambda x: x.exp(), "exp(x)"),
        (lambda x: x.log(), "1/x"),
        (lambda x: x.relu(), "(1 if x > 0 else 0)"),
        (lambda x: x - 7, "1"),
        (lambda x: 7 - x, "-1"),
        (lambda x: x.softplus(), "sigmoid(x)"),
        (lambda x: x.maximum(0.5), "1"),
    ],
)
def test_factors_have_formulas(make, formula):
    x = Value(2.0, name="x")
    (factor,) = explain(make(x), x).paths[0].factors
    assert factor.formula == formula


def test_an_operation_of_the_users_that_compares_is_explained_by_its_number():
    bent = operation("bent", lambda m, x: x, lambda m, y, x: (2.0 if x > 1 else 3.0,))
    x = Value(2.0, name="x")
    (factor,) = explain(bent(x), x).paths[0].factors
    assert factor == 2.0
    assert factor.formula == "2"


def test_infinite_and_undefined_factors_are_told():
    x = Value(0.0, name="x")
    assert explain(x.log(), x).total == math.inf
    assert math.isnan(explain(x.log() * 0, x).total)
    assert "nan" in str(explain(x.log() * 0, x))


def test_the_softmax_of_the_lectures():
    raw = [Value(1.43, name="setosa"), Value(-0.4, name="versicolor"), Value(0.23, name="virginica")]
    p = named(softmax(raw)[0], "p")
    assert [round(explain(p, each).total, 3) for each in raw] == [0.216, -0.075, -0.141]


def test_latex_is_balanced_and_literal():
    w, loss = dosage_loss()
    loss.name = r"50% of a_b & {c} \ $"
    latex = explain(loss, w["w1"]).latex()
    assert r"\text{50\% of a\_b \& \{c\} \textbackslash{} \$}" in latex
    bare = latex.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert latex.count(r"\left(") == latex.count(r"\right)")
    assert r"\frac{d\,\mathrm{predicted}}{d\,y_{1}}" in latex
    assert explain(loss, w["w1"])._repr_markdown_() == f"$$\n{latex}\n$$"


@pytest.mark.parametrize(("y", "x"), [(1.0, Value(1.0)), (Value(1.0), "x"), (3, None)])
def test_only_values_are_explained(y, x):
    with pytest.raises(TypeError, match="explain takes Values, got"):
        explain(y, x)


def test_wrong_numbers_are_told():
    with pytest.raises(ValueError, match="max_paths must be an integer above 0, got 0"):
        explain(Value(1.0), Value(1.0), max_paths=0)


@pytest.mark.parametrize("name", ["{r}", "{0}", "a_b", "50%", "\\frac", "two\nlines", "pow"])
def test_names_of_operations_are_literal(name):
    x = Value(3.0, name="x")
    y = operation(name, lambda m, x: x * x, lambda m, y, x: (2 * y / x,))(x)
    y.name = None
    explanation = explain(y * 1.0, x)
    assert explanation.total == 6.0
    assert f"{name}(x)" in str(explanation)
    assert rf"\operatorname{{{literal_latex(name)}}}(x)" in explanation.latex()


def test_an_operation_may_have_the_name_of_a_built_in_one():
    x, z = Value(3.0, name="x"), Value(4.0, name="z")
    y = operation("add", lambda m, x, z: x * z, lambda m, y, x, z: (y / x, y / z))(x, z)
    assert explain(y, x).total == 4.0
    assert "add(x, z)/x" in str(explain(y, x))


@pytest.mark.parametrize(("formula", "partial", "text"), [
    (lambda x: x**3, lambda y, x: 3 * y / x, "3·own(x)/x"),
    (lambda x: 1 / x, lambda y, x: -1 / x**2, "-1/x^2"),
    (lambda x: 2**x, lambda y, x: 2**x * math.log(2), "0.6931·2^x"),
])  # fmt: skip
def test_partials_may_use_the_operators_of_python(formula, partial, text):
    x = Value(2.0, name="x")
    y = operation("own", lambda m, x: formula(x), lambda m, y, x: (partial(y, x),))(x)
    assert str(explain(y, x)).splitlines()[1].strip() == f"= {text}"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_explanations_are_copied_with_their_factors(copied):
    x = Value(2.0, name="x")
    explanation = explain((x * x).exp() + x, x)
    again = copied(explanation)
    assert str(again) == str(explanation)
    assert [path.factors for path in again.paths] == [path.factors for path in explanation.paths]
    assert [f.latex for path in again.paths for f in path.factors] == [
        f.latex for path in explanation.paths for f in path.factors
    ]


def test_paths_through_unequal_steps_come_in_the_order_of_the_data():
    w = Value(0.7, name="w")
    doses = [Value(0.5 * i, name=f"dose{i}") for i in range(3)]
    ssr = nn.ssr([(w * dose).tanh() for dose in doses], [0.1, 0.2, 0.3])
    lines = str(explain(ssr, w)).splitlines()
    assert [re.findall(r"dose\d", line) for line in lines[3:9]] == 2 * [["dose0"], ["dose1"], ["dose2"]]


def test_a_long_stretch_without_names_is_taken_step_by_step():
    v, c = Value(2e8, name="v"), Value(299792458.0, name="c")
    energy = named(named(1 / (1 - (v / c) ** 2).sqrt(), "γ") * c**2, "E")
    explanation = explain(energy, v)
    assert str(explanation).splitlines()[1].strip() == "= c^2 × (-1/v4^2) × 1/(2·sqrt(v3)) × (-1) × 2·v1 × 1/c"
    gamma = 1 / math.sqrt(1 - (2 / 2.99792458) ** 2)
    assert explanation.total == pytest.approx(2e8 * gamma**3, rel=1e-12)
    assert r"\frac{d\,E}{d\,\gamma} \cdot \frac{d\,\gamma}{d\,v_{4}}" in explanation.latex()


def test_numbers_within_a_formula_are_computed():
    x, y = Value(3.0, name="x"), named(Value(2.0) ** 2 + Value(1.0), "")
    assert str(explain(named(x * y, "z"), x)).splitlines()[1].strip() == "= 5"


def test_slopes_of_roots_and_fractions_are_written_as_on_paper():
    x = Value(4.0, name="x")
    texts = [str(explain(y, x)).splitlines()[1].strip() for y in (x.sqrt(), 0.5 / x, 3 / x)]
    assert texts == ["= 1/(2·sqrt(x))", "= -1/(2·x^2)", "= -3/x^2"]


def test_two_values_of_one_name_are_no_square():
    a, b = Value(2.0, name="w"), Value(3.0, name="w")
    assert "= w·w = 6" in str(explain(a * b))
    undefined = Value(math.nan, name="w")
    assert "= w·w = nan" in str(explain(undefined * a))
    assert "= w^2 = nan" in str(explain(undefined * undefined))


def test_the_losses_of_observations_are_added_up_by_a_sign_of_summation():
    """Each has its own number: v1 + v1 + v1 would be said of one."""
    w = Value(2.0, name="w")
    loss = nn.ssr([w * x for x in (1.0, 2.0, 3.0)], [0.0, 1.0, 1.0])
    solution = explain(loss)
    (last,) = [line for line in str(solution).splitlines() if line.strip().startswith("y =")]
    assert re.fullmatch(r"  y = Σ v\d = 38", last)
    assert re.search(r"\\sum v_\{\d\} = 38", solution.latex())
    assert "y = w + w = 4" in str(explain(sum_of([w, w])))
