"""Value: construction, operators, comparisons, formatting, copies."""

import copy
import fractions
import math
import operator
import pickle

import numpy as np
import pytest

import autograd
from autograd import Value, derivative, no_grad, operation, ops, scope
from autograd.node import nodes

OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
}


@pytest.mark.parametrize(
    "number", [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2), np.uint8(3), fractions.Fraction(1, 4)]
)
def test_data_is_any_real_number(number):
    value = Value(number)
    assert type(value.data) is float
    assert value.data == float(number)


@pytest.mark.parametrize("wrong", ["a", None, [1], 1j, (1.0,), {}, np.array([1.0]), b"1"])
def test_anything_else_is_refused_by_name(wrong):
    with pytest.raises(TypeError, match=rf"Value.*{type(wrong).__name__}"):
        Value(wrong)


def test_integers_beyond_the_largest_float_are_infinite():
    assert Value(10**400).data == math.inf
    assert Value(-(10**400)).data == -math.inf


def test_the_name_must_be_a_string():
    with pytest.raises(TypeError, match="name of a Value must be a string, got 3 of type int"):
        Value(1.0, name=3)
    value = Value(1.0)
    value.name = "loss"
    assert value.name == "loss"


@pytest.mark.parametrize("number", [3, 3.0, np.float64(3.0), np.float32(3.0), np.int64(3)])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_take_numbers_on_either_side(name, number):
    x = Value(2.0)
    for y, expected, place in (
        (OPERATORS[name](x, number), OPERATORS[name](2.0, 3.0), 0),
        (OPERATORS[name](number, x), OPERATORS[name](3.0, 2.0), 1),
    ):
        assert isinstance(y, Value)
        assert y.data == expected
        assert y.op == name
        assert y.parents[place] is x
        assert y.parents[1 - place].is_constant
        assert y.parents[1 - place].data == 3.0


def test_unary_operators():
    x = Value(-2.0)
    assert ((-x).op, (-x).data, (-x).parents) == ("neg", 2.0, (x,))
    assert (abs(x).op, abs(x).data) == ("abs", 2.0)
    assert +x is x


@pytest.mark.parametrize("wrong", ["x", None, [1.0], {}, 1j, object()])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_refuse_what_numbers_refuse(name, wrong):
    for left, right in ((Value(2.0), wrong), (wrong, Value(2.0))):
        with pytest.raises(TypeError):
            OPERATORS[name](left, right)


@pytest.mark.parametrize("name", OPERATORS)
def test_arrays_give_arrays_of_values(name):
    x = Value(2.0)
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    for result, expected in (
        (OPERATORS[name](x, array), OPERATORS[name](2.0, array)),
        (OPERATORS[name](array, x), OPERATORS[name](array, 2.0)),
    ):
        assert result.dtype == object
        assert all(isinstance(y, Value) for y in result.flat)
        assert result.astype(float).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "log",
        "log1p",
        "expm1",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "square",
        "reciprocal",
    ],
)
def test_numpy_functions_reach_values(name):
    function = getattr(np, name)
    assert function(Value(0.5)).data == pytest.approx(function(0.5), rel=1e-15)
    several = function(np.array([Value(0.25), Value(0.5)]))
    assert several.astype(float) == pytest.approx(function(np.array([0.25, 0.5])), rel=1e-15)


def test_numpy_functions_of_two_operands_reach_values():
    assert np.arctan2(Value(1.0), Value(2.0)).data == math.atan2(1.0, 2.0)
    assert np.hypot(Value(3.0), Value(4.0)).data == 5.0
    assert np.dot(np.array([Value(1.0), Value(2.0)]), np.array([3.0, 4.0])).data == 11.0


def test_comparisons_compare_data():
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert a <= b
    assert b > a
    assert b >= 2
    assert a > 0.5
    assert not a > np.float64(1.0)
    assert max([a, b]) is b
    with pytest.raises(TypeError):
        a < "x"  # noqa: B015


def test_comparisons_with_integers_beyond_the_largest_float():
    assert Value(1.0) < 10**400


def test_equality_and_hash_are_identity():
    a, b = Value(1.0), Value(1.0)
    assert a != b
    assert a == a
    assert len({a: 1, b: 2}) == 2


def test_truth_is_ambiguous():
    with pytest.raises(TypeError, match="ambiguous"):
        bool(Value(1.0))


def test_formatting():
    value = Value(2.74159, name="w1")
    assert f"{value:.3f}" == "2.742"
    assert f"{value}" == repr(value) == "Value(2.74159, name='w1')"
    y = value * 1
    y.backward()
    assert repr(y) == "Value(2.74159, grad=1.0, op='mul')"
    assert float(value) == 2.74159


def test_data_of_results_cannot_be_assigned():
    x = Value(2.0)
    x.data = np.float32(3.0)
    assert x.data == 3.0
    y = x * 2
    with pytest.raises(AttributeError, match="result of 'mul'"):
        y.data = 1.0
    with pytest.raises(TypeError, match="data takes a real number, got 'a' of type str"):
        x.data = "a"


def test_detach_cuts_off():
    x = Value(2.0, name="x")
    constant = (x * 1).detach()
    assert (constant.data, constant.parents, constant.is_constant) == (2.0, (), True)
    (constant * x).backward()
    assert x.grad == 2.0


def graph():
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    y = (a * b + a.detach() * 2).softplus()
    y.name = "y"
    y.backward()
    return a, b, y


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_keep_data_grad_name_and_the_graph(copied):
    a, b, y = copied(graph())
    original = graph()
    assert [(n.data, n.grad, n.name, n.op, n.is_constant) for n in nodes([y])] == [
        (n.data, n.grad, n.name, n.op, n.is_constant) for n in nodes([original[2]])
    ]
    a.grad = b.grad = 0.0
    y.backward()
    assert (a.grad, b.grad) == (original[0].grad, original[1].grad)


def test_a_deep_copy_keeps_sharing_inside_a_structure():
    a, _, y = graph()
    found = copy.deepcopy({"part": y.parents[0], "whole": y, "leaf": a})
    assert found["whole"].parents[0] is found["part"]
    assert found["part"].parents[0].parents[0] is found["leaf"]


def test_a_shallow_copy_shares_its_operands():
    _, _, y = graph()
    twin = copy.copy(y)
    assert twin is not y
    assert twin.parents == y.parents


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_of_deep_graphs(copied):
    y = Value(1.0)
    for _ in range(20_000):
        y = y + 1
    assert copied(y).data == 20_001.0


def test_pickles_know_custom_operations_by_name():
    row = operation("thrice", lambda m, x: 3 * x, lambda m, y, x: (3.0,)).operation
    y = pickle.loads(pickle.dumps(Value(2.0).exp()))
    assert y.op == "exp"
    tripled = pickle.dumps(_apply(row, Value(2.0)))
    assert pickle.loads(tripled).op == "thrice"
    del ops.CUSTOM["thrice"]
    with pytest.raises(ValueError, match="operation 'thrice'; define it before loading"):
        pickle.loads(tripled)


def test_a_node_of_a_replaced_operation_is_not_pickled_as_another():
    first = operation("twice", lambda m, x: 2 * x, lambda m, y, x: (2.0,))
    y = first(Value(1.0))
    operation("twice", lambda m, x: x + x, lambda m, y, x: (2.0,))
    with pytest.raises(pickle.PicklingError, match="another operation named 'twice'"):
        pickle.dumps(y)


def _apply(row, *operands):
    from autograd.value import apply

    return apply(row, *operands)


def test_ieee_arithmetic():
    one, zero = Value(1.0), Value(0.0)
    assert (one / zero).data == math.inf
    assert (-one / 0).data == -math.inf
    assert (1 / Value(-0.0)).data == -math.inf
    assert math.isnan((zero / zero).data)
    assert (Value(-1e200) ** 3).data == -math.inf
    assert (zero**-1).data == math.inf
    assert (Value(-0.0) ** -1).data == -math.inf
    assert (Value(-0.0) ** -2).data == math.inf
    assert (Value(1e308) * 10).data == math.inf
    assert math.isnan(Value(math.nan).relu().data)
    assert Value(1000.0).cosh().data == math.inf
    assert math.isnan(Value(math.inf).sin().data)


@pytest.mark.parametrize(
    ("compute", "at", "expected"),
    [
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**2, -3.0, -6.0),
        (lambda x: x**1, 0.0, 1.0),
        (lambda x: x.relu(), 0.0, 0.0),
        (lambda x: abs(x), 0.0, 0.0),
        (lambda x: x.maximum(0.0), 0.0, 0.5),
        (lambda x: x.sign(), 0.0, 0.0),
        (lambda x: x.leaky_relu(), 0.0, 0.01),
        (lambda x: x.elu(), 0.0, 1.0),
        (lambda x: x.sqrt(), 0.0, math.inf),
        (lambda x: x.relu(), math.nan, math.nan),
        (lambda x: x / 2, 4.0, 0.5),
    ],
)
def test_conventions_at_special_points(compute, at, expected):
    x = Value(at)
    y = compute(x)
    y.backward()
    assert x.grad == pytest.approx(expected, nan_ok=True)
    assert derivative(y, x).data == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("exponent", "slope"), [(0.5, 0.0), (0.0, 0.0), (-1.0, -math.inf)])
def test_zero_to_a_power_that_varies(exponent, slope):
    y = Value(exponent)
    (0.0**y).backward()
    assert y.grad == slope


def test_constants_among_many_operands_receive_nothing():
    y = autograd.sum([Value(1.0), 2.0, 3.0])
    y.backward()
    assert [p.grad for p in y.parents] == [1.0, 0.0, 0.0]


def test_the_slope_may_be_a_value_that_happens_to_be_the_usual_one():
    x, slope = Value(-2.0), Value(0.01)
    x.leaky_relu(slope).backward()
    assert slope.grad == -2.0


def test_deep_copies_copy_what_subclasses_add():
    class Tagged(Value):
        pass

    original = Tagged(1.0)
    original.tags = ["a"]
    twin = copy.deepcopy(original)
    assert type(twin) is Tagged
    assert twin.tags == ["a"]
    assert twin.tags is not original.tags


def test_copies_keep_their_scope():
    with scope("layer"):
        y = Value(1.0) * 2
    assert copy.deepcopy(y).scope.name == "layer"


def test_constants_receive_nothing():
    y = Value(-3.0) ** 2
    y.backward()
    base, exponent = y.parents
    assert base.grad == -6.0
    assert exponent.grad == 0.0


def test_results_under_no_grad_are_constants():
    x = Value(2.0)
    with no_grad():
        y = x * 3 + x.exp()
    assert y.is_constant
    assert y.parents == ()
    with pytest.raises(RuntimeError, match=r"backward: .* is a constant.*no_grad"):
        y.backward()
