"""The library in twenty short tests. Read them in order."""

import math

import numpy as np
import pytest

import autograd
from autograd import Value, derivative, detect_anomaly, grad, no_grad, operation


def test_a_value_is_a_number():
    x = Value(2.74, name="w1")
    assert (x.data, x.grad, x.name, x.op, x.parents) == (2.74, 0.0, "w1", None, ())


def test_arithmetic_remembers_how_a_number_was_made():
    a, b = Value(2.0), Value(3.0)
    y = a * b
    assert y.data == 6.0
    assert y.op == "mul"
    assert y.parents == (a, b)


def test_numbers_among_the_operands_are_constants():
    a = Value(2.0)
    y = 1 - a
    one, same = y.parents
    assert (one.data, one.is_constant) == (1.0, True)
    assert same is a


def test_backward_finds_the_derivative_with_respect_to_every_leaf():
    a, b = Value(2.0), Value(3.0)
    (a * b + a).backward()
    assert (a.grad, b.grad) == (4.0, 2.0)  # b + 1 and a


def test_several_paths_add_up():
    a = Value(3.0)
    y = a * a  # two edges to the same operand
    y.backward()
    assert y.parents == (a, a)
    assert a.grad == 6.0


def test_the_chain_rule_multiplies_along_a_path():
    x = Value(1.0)
    (x * 2).softplus().backward()
    assert x.grad == pytest.approx(2 * math.exp(2) / (1 + math.exp(2)))


def test_leaves_accumulate_and_results_do_not():
    x = Value(3.0)
    y = x**4
    y.backward()
    y.backward()
    assert x.grad == 216.0  # 108 twice
    assert y.grad == 1.0


def test_data_of_leaves_can_be_assigned_and_that_is_gradient_descent():
    w = Value(5.0)
    for _ in range(100):
        w.grad = 0.0
        ((w - 2) ** 2).backward()
        w.data -= 0.1 * w.grad
    assert w.data == pytest.approx(2.0)


def test_infinities_and_nan_follow_ieee_arithmetic():
    assert Value(1000.0).exp().data == math.inf
    assert Value(0.0).log().data == -math.inf
    assert (Value(1.0) / 0).data == math.inf
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)


def test_detect_anomaly_finds_where_a_nan_began():
    x = Value(-1.0, name="x")
    with pytest.raises(autograd.AnomalyError, match=r"log gave nan at x = -1.0, in .*test_tour.py"), detect_anomaly():
        x.log() + 1


def test_no_grad_only_computes():
    x = Value(2.0)
    with no_grad():
        y = x * x
    assert y.data == 4.0
    assert y.is_constant


def test_functions_take_values_or_numbers():
    assert isinstance(autograd.exp(1.0), float)
    assert isinstance(autograd.exp(Value(1.0)), Value)


def test_a_sum_is_one_node():
    xs = [Value(1.0), Value(2.0), Value(3.0)]
    y = autograd.sum(xs)
    assert y.parents == tuple(xs)


def test_numpy_functions_work_on_values_and_arrays_of_values():
    xs = np.array([Value(0.0), Value(1.0)])
    ys = np.exp(2 * xs)
    ys.sum().backward()
    assert [x.grad for x in xs] == pytest.approx([2.0, 2 * math.exp(2)])


def test_a_derivative_is_a_value_with_a_graph_of_its_own():
    x = Value(3.0)
    dy = derivative(x**3, x)
    assert dy.data == 27.0
    assert derivative(dy, x).data == 18.0
    assert x.grad == 0.0


def test_grad_of_a_function_of_numbers_is_a_function_of_numbers():
    slope = grad(lambda x: x**3)
    assert slope(2.0) == 12.0
    assert grad(slope)(2.0) == 12.0


def test_a_gradient_has_the_structure_of_the_argument():
    gradient = grad(lambda p: p["w"] * p["xs"][1])({"w": 3.0, "xs": [4.0, 5.0]})
    assert gradient == {"w": 5.0, "xs": [0.0, 3.0]}


def test_an_operation_of_your_own():
    cube = operation("cube", lambda m, x: x * x * x, lambda m, y, x: (3 * x * x,))
    x = Value(2.0)
    y = cube(x)
    assert (y.op, y.data) == ("cube", 8.0)
    assert derivative(y, x, order=2).data == 12.0


def test_graphs_may_be_deep():
    x = y = Value(1.0)
    for _ in range(100_000):
        y = y * 1.0
    y.backward()
    assert x.grad == 1.0


def test_backpropagation_through_the_lectures_network():
    w1, b1, w2, b2, w3, w4, b3 = map(Value, (-34.4, 2.14, -2.52, 1.29, -1.30, 2.28, -0.58))
    dose = 0.5
    predicted = (dose * w1 + b1).softplus() * w3 + (dose * w2 + b2).softplus() * w4 + b3
    assert f"{predicted:.2f}" == "1.03"
    residual = 1 - predicted
    (residual**2).backward()
    assert b3.grad == pytest.approx(-2 * residual.data)
