"""Folding: large graphs become small pictures in which nothing is dropped silently."""

import math
import random
import re
import time

import pytest

import nn
from autograd import Value, draw, scope, sum as sum_of, where
from autograd.drawing.folding import (
    blocks_folded,
    chains_folded,
    constants_folded,
    folded,
    modules_folded,
    siblings_folded,
)
from autograd.drawing.sketch import in_reading_order, sketched
from autograd.node import nodes as values_of
from tests.test_drawing import Parameter, edges, nodes, words


def boxes(source):
    """The words of each box, without the circles of operations."""
    return [words(attributes) for node, attributes in nodes(source).items() if node[0] == "v"]


def circles(source):
    return re.findall(r"^\to\d+ \[.*label=<(.*?)> ", source, re.MULTILINE)


def stands_for(sketch):
    return sum(len(part.values) for part in sketch.values())


def nothing_named(value):
    return value.name


def siblings(roots, parameters_differ=True):
    return siblings_folded(sketched(roots), parameters_differ)


def times(sketch, *steps):
    """How many equal parts each part with these steps stands for."""
    return [part.times for part in sketch.values() if part.steps == steps]


def leaves(sketch):
    """The title, or else the name, of each leaf."""
    return [part.title or part.value.name for part in sketch.values() if part.is_leaf]


def batch(points, sizes=(2, 3, 3), seed=0):
    """The mean cross entropy of a network on so many points."""
    rng = random.Random(seed)
    model = nn.MLP(sizes, activation="relu", seed=seed)
    outputs = [model([Value(rng.gauss(0, 1)) for _ in range(sizes[0])]) for _ in range(points)]
    loss = nn.cross_entropy(outputs, [rng.randrange(sizes[-1]) for _ in range(points)])
    loss.name = "loss"
    return model, loss


def by_hand(points):
    """A sum of squares over points, in plain Values and Python's `sum`."""
    w = Value(0.5, name="w")
    return w, sum((w * Value(float(i)) - 1) ** 2 for i in range(points))


def recurrence(steps):
    """A graph without any equal parts: every result is used twice, in steps that differ."""
    value, w = Value(1.0, name="x"), Value(0.3, name="w")
    for step in range(steps):
        value = value * w + (value.sin() if step % 3 else value.cos())
    return value


def test_a_small_graph_is_not_folded():
    _, loss = by_hand(3)
    assert len(boxes(draw(loss).source)) == len(values_of([loss])) - 3  # the exponents of three squares


def test_constants_move_into_their_operation():
    x = Value(2.0, name="x")
    sketch = constants_folded(sketched([1 - (0.5 * x) ** 2]))
    assert [part.steps for part in sketch.values()] == [(), ("0.5 ×",), ("square",), ("1 −",)]
    assert stands_for(sketch) == 7


def test_a_constant_that_is_named_or_shared_stays():
    x = Value(2.0)
    shared = x.detach()
    assert len(constants_folded(sketched([x * shared + shared]))) == 4
    named = x.detach()
    named.name = "c"
    assert len(constants_folded(sketched([x * named]))) == 3


def test_rows_of_operations_become_one_with_the_product_of_their_derivatives():
    x = Value(0.3, name="x")
    y = (x * 2).sin().exp()
    y.backward()
    *_, row = chains_folded(constants_folded(sketched([y])), nothing_named).values()
    assert row.steps == ("× 2", "sin", "exp")
    (edge,) = row.edges
    assert edge.local[0] == pytest.approx(x.grad, rel=1e-12)
    assert edge.flow == pytest.approx(x.grad, rel=1e-12)


def test_a_named_result_stays_in_the_picture():
    x = Value(0.3, name="x")
    middle = x.sin()
    middle.name = "middle"
    assert len(chains_folded(sketched([middle.exp().cos()]), nothing_named)) == 3


def test_sums_of_sums_become_one_sum():
    terms = [Value(float(i)) for i in range(50)]
    *_, total = chains_folded(constants_folded(sketched([sum(terms)])), nothing_named).values()
    assert len(total.edges) == 50
    assert total.value.data == sum(range(50))


def test_modules_become_one_box_with_the_norm_of_their_gradient():
    model, loss = batch(1)
    loss.backward()
    source = draw(loss, depth=0).source
    (mlp,) = [box for box in boxes(source) if box[0] == "MLP"]
    norm = sum(p.grad**2 for p in model.parameters()) ** 0.5
    assert mlp[mlp.index("parameters") + 1] == str(len(model.parameters()))
    assert mlp[mlp.index("‖grad‖") + 1] == f"{norm:.4g}"
    inner = draw(loss, depth=1).source
    assert {box[0] for box in boxes(inner) if "operations" in box} == {"0 (Linear)", "1 (ReLU)", "2 (Linear)"}
    assert "subgraph" in inner


def test_a_folded_module_before_backward_has_no_norm():
    _, loss = batch(1)
    (mlp,) = [box for box in boxes(draw(loss, depth=0).source) if box[0] == "MLP"]
    assert mlp[-1] == "not computed"


def test_a_parameter_that_is_used_elsewhere_too_is_not_hidden():
    w, x = Parameter(2.0, name="w"), Value(1.0, name="x")
    outside = Parameter(3.0, name="outside")
    with scope("inside"):
        y = w * x
    shown = [box[0] for box in boxes(draw(y + w * outside, depth=0).source)]
    assert {"inside", "w", "x", "outside"} <= set(shown)


def test_observations_become_one_that_says_how_many():
    w, loss = by_hand(100)
    loss.backward()
    source = draw(loss, max_nodes=20).source
    assert any(box[0] == "× 100" for box in boxes(source))
    assert ["w", "data", "0.5", "grad", f"{w.grad:.4g}"] in boxes(source)
    assert "equal parts, lowest … highest" in source
    assert "Σ<BR/>100 additions" in circles(source)


def test_the_flow_of_joined_edges_is_the_norm_of_the_gradients_with_their_common_sign():
    w, loss = by_hand(100)
    loss.backward()
    sketch = siblings_folded(chains_folded(constants_folded(sketched([loss])), nothing_named), True)
    (edge,) = [edge for part in sketch.values() for edge in part.edges if edge.source is w]
    flows = [2 * (0.5 * i - 1) * i for i in range(100)]
    assert edge.flow == pytest.approx(math.hypot(*flows), rel=1e-12)
    assert edge.is_mixed  # i = 1 pulls the other way


def test_what_cancels_in_the_sum_is_drawn_by_its_norm_and_both_signs():
    model = nn.MLP([4, 6, 5], activation="relu", seed=0)
    loss = nn.cross_entropy(model([Value(0.3 * i) for i in range(4)]), 1)  # gradients of logits add up to 0
    loss.backward()
    source = draw(loss, depth=0).source
    (box,) = [node for node, attributes in nodes(source).items() if "MLP" in words(attributes)]
    (line,) = [line for tail, _, line in edges(source) if tail == box]
    assert re.search('color="#\\w+:#\\w+"', line)
    flows = [logit.gradient for logit in loss.parents[0].parents]
    assert abs(sum(flows)) < 1e-15
    assert float(re.search(r"penwidth=([\d.]+)", line)[1]) > 3
    assert f'tooltip="5 operands, gradients of both signs of norm {math.hypot(*flows):.4g}"' in line
    assert "both signs" in draw(loss, depth=0).source.split("label=<<TABLE", 2)[1]  # the legend


def test_joined_gradients_of_one_sign_keep_it():
    x = Value(3.0, name="x")
    y = sum_of([-(x * i).exp() for i in (0.1, 0.2, 0.3)])
    y.backward()
    flows = [-i * math.exp(3 * i) for i in (0.1, 0.2, 0.3)]
    (edge,) = [edge for part in siblings([y]).values() for edge in part.edges if edge.source is x]
    assert edge.flow == pytest.approx(-math.hypot(*flows), rel=1e-12)
    assert not edge.is_mixed


def test_parameters_keep_their_own_box_while_observations_are_joined():
    model, loss = batch(60, sizes=(1, 2, 2))
    sketch = siblings_folded(chains_folded(constants_folded(sketched([loss])), nothing_named), True)
    assert sum(part.kind == "parameter" for part in sketch.values()) == len(model.parameters())


def test_siblings_with_swapped_operands_stay_apart():
    a, b = Parameter(2.0, name="a"), Parameter(3.0, name="b")
    assert times(siblings([sum_of([a - b, a - b, b - a])]), "−") == [2, 1]


def test_swapped_operands_of_a_symmetric_operation_are_the_same():
    a, b = Parameter(2.0, name="a"), Parameter(3.0, name="b")
    assert times(siblings([sum_of([sum_of([a, b]).exp(), sum_of([b, a]).exp()])]), "exp") == [2]


def test_leaves_in_different_positions_stay_apart_unless_order_does_not_matter():
    x, y = Value(1.0), Value(2.0)
    assert len(siblings([x - y])) == 3
    assert len(siblings([sum_of([x, y])])) == 2


def test_joined_edges_keep_their_positions_and_the_range_of_their_derivatives():
    doses = [Value(2.0), Value(4.0), Value(3.0)]
    y = sum_of([dose - dose * dose for dose in doses])
    square, difference = (part for part in siblings([y]).values() if part.steps in (("−",), ("×",)))
    assert [(edge.position, edge.local) for edge in difference.edges] == [(0, (1.0, 1.0)), (1, (-1.0, -1.0))]
    assert [(edge.position, edge.local, edge.times) for edge in square.edges] == [
        (0, (2.0, 4.0), 3),
        (1, (2.0, 4.0), 3),
    ]


def test_joined_edges_add_up_what_flows_and_what_they_stand_for():
    x = Value(3.0, name="x")
    y = sum_of([sum_of([(x * i).exp() for i in (0.1, 0.2)]).tanh() for _ in range(3)])
    y.backward()
    sketch = siblings([y])
    assert times(sketch, "exp") == [6]
    assert times(sketch, "tanh") == [3]
    (edge,) = [edge for part in sketch.values() for edge in part.edges if edge.source is x]
    assert edge.times == 6
    halves = [i * math.exp(3 * i) for i in (0.1, 0.2)]
    slope = 1 - math.tanh(sum(math.exp(3 * j) for j in (0.1, 0.2))) ** 2
    assert edge.flow == pytest.approx(slope * math.hypot(*halves * 3), rel=1e-9)


def test_siblings_of_siblings_stand_for_all_of_them():
    first = siblings([sum_of([Value(float(i)).exp() for i in range(5)] + [Value(1.0).sin() for _ in range(2)])])
    merged = blocks_folded(first, 4)
    assert [part.times for part in merged.values() if part.is_leaf] == [7]


def test_parameters_are_alike_in_the_end_if_only_their_numbers_differ():
    ws = [Parameter(float(i), name=f"w{i}") for i in range(4)] + [Parameter(1.0, name="bias")]
    y = sum_of([w.exp() for w in ws])
    assert leaves(siblings([y])) == [w.name for w in ws]
    assert leaves(siblings([y], parameters_differ=False)) == ["w…", "bias"]


def test_a_leaf_with_a_name_of_its_own_stays_apart_and_leaves_with_one_name_do_not():
    y = sum_of([Value(1.0, name=name).exp() for name in ("a", "b", "x", "x", "x")])
    assert leaves(siblings([y])) == ["a", "b", "x"]


def test_only_equal_computations_are_joined():
    x = Value(1.0, name="x")
    with scope("one"):
        first = x.exp()
    with scope("two"):
        second = x.exp()
    assert times(siblings([sum_of([first, second])]), "exp") == [1, 1]
    rows = chains_folded(sketched([sum_of([x.exp().sin(), x.cos().sin()])]), nothing_named)
    assert len(siblings_folded(rows, True)) == 4


def test_a_result_that_was_asked_for_is_never_joined_with_others():
    x = Value(1.0)
    asked, other = x.exp(), x.exp()
    assert times(siblings([asked, sum_of([other.sin(), asked.sin()])]), "exp") == [1, 1]
    assert len(chains_folded(sketched([asked, asked.sin()]), nothing_named)) == 3
    constant = x.detach()
    assert len(constants_folded(sketched([x * constant, constant]))) == 3


def test_equal_results_that_were_asked_for_become_one_which_shows_their_range():
    sketch = siblings([Value(number).exp() for number in (1.0, 3.0, 2.0)])
    assert [(part.is_root, part.times) for part in sketch.values()] == [(False, 3), (True, 3)]
    assert boxes(draw([Value(i).exp() for i in (0.0, 1.0, -1.0)], max_nodes=2).source)[0][:3] == [
        "× 3",
        "data",
        "-1 … 1",
    ]


def test_a_block_of_leaves_is_titled_by_all_of_them():
    y = sum_of([Parameter(1.0, name=f"w{i}").exp() for i in range(4)] + [Parameter(1.0, name="bias").sin()])
    assert leaves(blocks_folded(siblings([y], parameters_differ=False), 3)) == ["w…, bias"]


def test_inner_modules_are_folded_before_outer_ones():
    sketch = chains_folded(constants_folded(sketched([batch(1)[1]])), nothing_named)
    most = len(modules_folded(sketch, 1))
    assert len(modules_folded(sketch, 0)) < most < len(sketch)
    titles = {part.title for part in folded(sketch, most, None, nothing_named).values()}
    assert {"0 (Linear)", "1 (ReLU)", "2 (Linear)"} <= titles


def test_what_is_small_enough_though_not_readable_is_better_than_blocks():
    value = Value(1.0, name="x")
    for step in range(80):
        with scope(f"step {step}"):
            value = value * value.sin()
    source = draw(value, max_nodes=100).source
    assert "block of operations" not in source
    assert [box[0] for box in boxes(source)] == ["x", *(f"step {step}" for step in range(80))]


def test_a_row_of_operations_ends_where_a_scope_does():
    x = Value(1.0, name="x")
    with scope("inside"):
        y = x.exp().sin()
    assert [part.steps for part in chains_folded(sketched([y.cos()]), nothing_named).values()] == [
        (),
        ("exp", "sin"),
        ("cos",),
    ]


def test_a_row_of_operations_keeps_the_order_of_its_first_operands():
    x, y = Parameter(1.0, name="x"), Parameter(2.0, name="y")
    sketch = chains_folded(sketched([sum_of([(x - y).exp(), (y - x).exp()])]), nothing_named)
    assert times(siblings_folded(sketch, True), "−", "exp") == [1, 1]


def test_a_sum_of_sums_does_not_care_for_order():
    x, y, z = (Parameter(float(i), name=name) for i, name in enumerate("xyz"))
    sketch = chains_folded(sketched([sum_of([(x + y + z).exp(), (z + (y + x)).exp()])]), nothing_named)
    assert times(siblings_folded(sketch, True), "+", "+", "exp") == [2]


def test_a_module_is_called_with_the_same_parameters_again_and_again():
    layer = nn.Linear(1, 1)
    y = layer([Value(2.0, name="x")])[0]
    z = layer([y])[0]
    calls = [part for part in modules_folded(sketched([z]), 0).values() if part.kind == "module"]
    assert [part.parameters for part in calls] == [tuple(layer.parameters())] * 2


def test_an_edge_into_a_module_has_no_local_derivative():
    x = Value(1.0, name="x")
    with scope("f"):
        y = x * x
    (module,) = (part for part in modules_folded(sketched([y.exp()]), 0).values() if part.kind == "module")
    assert [(edge.source, edge.local, edge.times) for edge in module.edges] == [(x, None, 2)]


def test_edges_that_are_joined_again_stand_for_all_operands():
    x, y = Value(1.0, name="x"), []
    for _ in range(3):
        with scope("f"):
            y.append(x * x)
    sketch = siblings_folded(modules_folded(sketched([sum_of(y)]), 0), True)
    assert [edge.times for part in sketch.values() for edge in part.edges] == [6, 3]


def test_a_constant_that_only_one_module_uses_is_part_of_it():
    x = Value(1.0)
    constant = x.detach()
    with scope("f"):
        y = (x * constant).exp() * constant
    sketch = modules_folded(sketched([y]), 0)
    assert [part.kind for part in sketch.values()] == ["leaf", "module"]
    assert stands_for(sketch) == 5


def test_no_derivative_flows_through_a_row_that_ends_in_a_condition():
    x = Value(1.0, name="x")
    y = where(x.sin(), 2.0, 3.0)
    sketch = chains_folded(constants_folded(sketched([y + x])), nothing_named)
    assert [edge.local for part in sketch.values() for edge in part.edges if part.steps[0] == "sin"] == [None]


def test_symbols_of_siblings_leave_open_what_differs():
    x = Value(1.0, name="x")
    parts = siblings_folded(constants_folded(sketched([sum_of([x * 0.5, x * 0.25])])), True).values()
    assert [part.steps for part in parts] == [(), ("× …",), ("Σ",)]


def test_leaves_beside_parameters_are_inputs():
    x, w = Value(1.0), Parameter(2.0)
    assert [part.kind for part in sketched([x * w]).values()] == ["input", "parameter", "result"]
    assert [part.kind for part in sketched([x * x]).values()] == ["leaf", "result"]


def test_the_first_operand_comes_first_whatever_the_order_of_the_parts():
    a, b, c = (Value(1.0, name=name) for name in "abc")
    y = (a - b) / c
    sketch = dict(reversed(sketched([y]).items()))
    assert list(in_reading_order(sketch)) == [a, b, y.parents[0], c, y]


def test_equal_modules_tell_the_operations_of_one():
    x = Value(1.0, name="x")
    results = []
    for number in (1.0, 2.0):
        with scope("f"):
            results.append((x * Value(number)).exp().sin())
    (box,) = (box for box in boxes(draw(sum_of(results), depth=0, max_nodes=4).source) if "f × 2" in box)
    assert box[box.index("operations") + 1] == "3"


def test_a_range_goes_from_the_lowest_to_the_highest_number_and_has_a_colour_if_it_has_one_sign():
    low, high = Value(9.0), Value(10.0)
    loss = sum_of([(low - 9.5) ** 2, (high - 9.5) ** 2])
    loss.backward()
    source = draw(loss, max_nodes=4).source
    leaf, *_ = (attributes for attributes in nodes(source).values() if "× 2" in words(attributes))
    assert words(leaf) == ["× 2", "data", "9 … 10", "grad", "-1 … 1"]
    ink = re.search(r'COLOR="(#\w+)">-1 … 1', leaf)[1]
    assert ink == re.search(r'COLOR="(#\w+)">9 … 10', leaf)[1]


def test_modules_with_other_names_stay_apart():
    x = Value(1.0, name="x")
    results = []
    for name in ("f", "f", "g"):
        with scope(name):
            results.append(x.exp())
    sketch = siblings_folded(modules_folded(sketched([sum_of(results)]), 0), True)
    assert [(part.title, part.times) for part in sketch.values() if part.kind == "module"] == [("f", 2), ("g", 1)]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_no_value_is_lost(step):
    _, loss = batch(12)
    count = len(values_of([loss]))
    sketch = constants_folded(sketched([loss]))
    assert stands_for(sketch) == count
    sketch = chains_folded(sketch, nothing_named)
    assert stands_for(sketch) == count
    if step == 1:
        sketch = modules_folded(sketch, 0)
        parts = sketch.values()
        parameters = {p for part in parts for p in part.parameters} | {p.value for p in parts if p.kind == "parameter"}
        assert len({value for part in parts for value in part.values}) == count
        assert len(parameters) == 21
    if step == 2:
        assert stands_for(siblings_folded(sketch, True)) == count


@pytest.mark.parametrize("most", [1, 2, 5, 30, 100])
@pytest.mark.parametrize("make", [lambda: batch(40)[1], lambda: by_hand(300)[1], lambda: recurrence(300)])
def test_any_graph_fits(make, most):
    assert len(boxes(draw(make(), max_nodes=most).source)) <= most


def test_a_graph_without_equal_parts_becomes_blocks():
    loss = recurrence(300)
    loss.backward()
    source = draw(loss, max_nodes=10).source
    assert sum(int(box[box.index("operations") + 1]) for box in boxes(source) if "operations" in box) == 900
    assert boxes(source)[-1][-1] == "1"  # the gradient of the end, which is still shown


def test_the_folded_picture_has_no_way_back_to_itself():
    waiting = folded(sketched([batch(100)[1]]), 30, None, nothing_named)
    ready = set()
    while waiting:
        free = [key for key, part in waiting.items() if all(edge.source in ready for edge in part.edges)]
        assert free
        ready.update(free)
        waiting = {key: part for key, part in waiting.items() if key not in ready}


def test_scopes_do_not_matter_without_groups():
    assert "MLP" not in draw(batch(100)[1], group=None, max_nodes=50).source


def test_a_marked_value_is_still_marked_when_folded():
    _, loss = by_hand(100)
    wrong = values_of([loss])[50]
    assert "look here" in draw(loss, max_nodes=10, marked={wrong: "look here"}).source


def test_the_folded_text_is_small():
    loss = batch(700)[1]
    loss.backward()
    source = draw(loss).source
    assert len(source) < 30_000
    assert len(edges(source)) < 60
    assert re.search("× 700|× 1400", source)


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda n: sum(Value(1.0) for _ in range(3 * n)), recurrence])
def test_folding_takes_linear_time(make):
    def seconds(size):
        graph = make(size)
        start = time.process_time()
        draw(graph)
        return time.process_time() - start

    assert seconds(8_000) < 16 * seconds(2_000)  # quadratic time would be 16 times as much, linear 4


def test_a_symmetric_operation_of_many_equal_operands_has_one_edge():
    loss = sum_of([Value(float(i)).exp() for i in range(500)])
    source = draw(loss, max_nodes=10).source
    assert len(edges(source)) == 4
    assert 'tooltip="500 operands"' in source


def test_a_deep_network_folds_to_a_row_of_its_modules():
    layers = [layer for seed in range(6) for layer in (nn.Linear(8, 8, seed=seed), nn.ReLU())]
    loss = sum_of(nn.Sequential(*layers)([Value(1.0)] * 8))
    source = draw(loss).source
    assert all(f"{position} (Linear)" in source for position in range(0, 12, 2))


def test_a_block_of_few_operations_names_them_and_the_result_keeps_its_name():
    q, key, value, bias = (Value(0.5 + i, name=name) for i, name in enumerate(("q", "k1", "v", "bias")))
    loss = (q * key - value / bias).tanh()
    loss.name = "loss"
    inputs, *blocks = [box for box in boxes(draw(loss, max_nodes=3).source) if "data" in box or "operations" in box]
    assert inputs[0] == "q, k1, … × 4"
    assert [block[:2] for block in blocks] == [["×, ÷", "operations"], ["−, tanh", "loss"]]
    drawing = draw(loss, max_nodes=1)
    assert boxes(drawing.source)[0][:2] == ["1 mul, 1 div, 1 sub, …", "loss"]
    assert "<b>loss</b>" in drawing.mermaid()
