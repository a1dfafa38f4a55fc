"""Folding: large graphs become small pictures in which nothing is dropped silently."""

import random
import re
import time

import pytest

import nn
from autograd import Value, draw, scope, sum as sum_of
from autograd.drawing.folding import chains_folded, constants_folded, folded, modules_folded, siblings_folded
from autograd.drawing.sketch import sketched
from autograd.node import nodes as values_of
from tests.test_drawing import Parameter, edges, nodes, words


def boxes(source):
    """The words of each box, without the circles of operations."""
    return [words(attributes) for node, attributes in nodes(source).items() if node[0] == "v"]


def circles(source):
    return re.findall(r"^\to\d+ \[.*label=<(.*?)> ", source, re.MULTILINE)


def stands_for(parts):
    return sum(len(part.values) for part in parts)


def nothing_named(value):
    return value.name


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
    assert len(boxes(draw(loss).source)) == len(values_of([loss]))


def test_constants_move_into_their_operation():
    x = Value(2.0, name="x")
    parts = constants_folded(sketched([1 - (0.5 * x) ** 2]))
    assert [part.steps for part in parts] == [[], ["0.5 ×"], ["^ 2"], ["1 −"]]
    assert stands_for(parts) == 7


def test_a_constant_that_is_named_or_shared_stays():
    x = Value(2.0, name="x")
    shared = x.detach()
    assert len(constants_folded(sketched([x * shared + shared]))) == 4


def test_rows_of_operations_become_one_with_the_product_of_their_derivatives():
    x = Value(0.3, name="x")
    y = (x * 2).sin().exp()
    y.backward()
    *_, row = chains_folded(constants_folded(sketched([y])), nothing_named)
    assert row.steps == ["× 2", "sin", "exp"]
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
    *_, total = chains_folded(constants_folded(sketched([sum(terms)])), nothing_named)
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
    assert [box[0] for box in boxes(inner) if "operations" in box] == ["0 (Linear)", "1 (ReLU)", "2 (Linear)"]
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
    assert "equal parts, folded into one" in source
    assert "Σ<BR/>100 additions" in circles(source)


def test_the_flow_of_joined_edges_is_the_gradient_that_arrives():
    w, loss = by_hand(100)
    loss.backward()
    parts = siblings_folded(chains_folded(constants_folded(sketched([loss])), nothing_named), True)
    (flow,) = [edge.flow for part in parts for edge in part.edges if edge.source.value is w]
    assert flow == pytest.approx(w.grad, rel=1e-12)


def test_parameters_keep_their_own_box_while_observations_are_joined():
    model, loss = batch(60, sizes=(1, 2, 2))
    parts = siblings_folded(chains_folded(constants_folded(sketched([loss])), nothing_named), True)
    assert sum(part.kind == "parameter" for part in parts) == len(model.parameters())


@pytest.mark.parametrize("step", [0, 1, 2])
def test_no_value_is_lost(step):
    _, loss = batch(12)
    count = len(values_of([loss]))
    parts = constants_folded(sketched([loss]))
    assert stands_for(parts) == count
    parts = chains_folded(parts, nothing_named)
    assert stands_for(parts) == count
    if step == 1:
        parts = modules_folded(parts, 0)
        parameters = {p for part in parts for p in part.parameters} | {p.value for p in parts if p.kind == "parameter"}
        assert len({value for part in parts for value in part.values}) == count
        assert len(parameters) == 21
    if step == 2:
        assert stands_for(siblings_folded(parts, True)) == count


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
    parts = folded(sketched([batch(100)[1]]), 30, None, nothing_named)
    ready = set()
    waiting = list(parts)
    while waiting:
        free = [part for part in waiting if all(edge.source in ready for edge in part.edges)]
        assert free
        ready.update(free)
        waiting = [part for part in waiting if part not in ready]


def test_scopes_do_not_matter_without_groups():
    assert "MLP" not in draw(batch(100)[1], group=None, max_nodes=50).source


def test_a_marked_value_is_still_marked_when_folded():
    _, loss = by_hand(100)
    wrong = values_of([loss])[50]
    assert "look here" in draw(loss, max_nodes=10, marked={wrong: "look here"}).source


def test_the_folded_text_is_small_and_quick():
    loss = batch(700)[1]
    loss.backward()
    start = time.perf_counter()
    source = draw(loss).source
    assert time.perf_counter() - start < 10.0
    assert len(source) < 30_000
    assert len(edges(source)) < 60
    assert re.search("× 700|× 1400", source)


@pytest.mark.parametrize("make", [lambda: sum(Value(1.0) for _ in range(30_000)), lambda: recurrence(10_000)])
def test_folding_takes_linear_time(make):
    start = time.perf_counter()
    draw(make())
    assert time.perf_counter() - start < 10.0


def test_a_symmetric_operation_of_many_equal_operands_has_one_edge():
    loss = sum_of([Value(float(i)).exp() for i in range(500)])
    source = draw(loss, max_nodes=10).source
    assert len(edges(source)) == 4
    assert 'tooltip="500 operands"' in source
