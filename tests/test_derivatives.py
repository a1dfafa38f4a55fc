"""derivative, grad, jacobian, hessian, jvp, vjp, hvp."""

import copy
import inspect
import math
import pickle
from collections import namedtuple

import numpy as np
import pytest

import autograd
from autograd import (
    AnomalyError,
    Value,
    derivative,
    detect_anomaly,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
    where,
)
from autograd.node import history


def f(x):
    return x[0] ** 2 * x[1] + autograd.exp(x[0] * x[1])


AT = [0.5, -1.5]
E = math.exp(-0.75)
GRADIENT = [2 * 0.5 * -1.5 - 1.5 * E, 0.25 + 0.5 * E]
HESSIAN = [[2 * -1.5 + 2.25 * E, 2 * 0.5 + E - 0.75 * E], [2 * 0.5 + E - 0.75 * E, 0.25 * E]]


def test_derivative_of_one_and_of_several():
    a, b = Value(2.0), Value(3.0)
    y = a * a * b
    assert derivative(y, a).data == 12.0
    assert [d.data for d in derivative(y, [a, b])] == [12.0, 4.0]
    assert isinstance(derivative(y, (a, b)), tuple)
    assert derivative(y, y).data == 1.0
    assert a.grad == b.grad == 0.0


def test_derivative_with_respect_to_a_result():
    a = Value(2.0)
    squared = a * a
    y = squared * 3 + a
    assert derivative(y, squared).data == 3.0
    assert [d.data for d in derivative(y, [squared, a])] == [3.0, 13.0]


def test_independence_is_zero_as_a_value():
    a, b = Value(2.0), Value(3.0)
    zero = derivative(a * a, b)
    assert isinstance(zero, Value)
    assert zero.data == 0.0
    assert derivative(zero, b).data == 0.0


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_orders(order):
    x = Value(2.0)
    assert derivative(x**4, x, order).data == [32.0, 48.0, 48.0, 24.0, 0.0][order - 1]
    assert derivative(x.sin(), x, order).data == pytest.approx(math.sin(2.0 + order * math.pi / 2))


def test_second_order_of_several_is_each_ones_own():
    a, b = Value(2.0), Value(3.0)
    assert [d.data for d in derivative(a**3 * b**2, [a, b], order=2)] == [12 * 9.0, 2 * 8.0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3.0, Value(1.0)), TypeError, "y must be a Value, got 3.0 of type float"),
        ((Value(1.0), 3.0), TypeError, "wrt must be a Value, got 3.0"),
        ((Value(1.0), [Value(1.0), "a"]), TypeError, r"wrt\[1\] must be a number, a Value.*got 'a'"),
        ((Value(1.0), Value(1.0), 0), ValueError, "order must be at least 1, got 0"),
        ((Value(1.0), Value(1.0), 1.5), TypeError, "order must be an integer, got 1.5"),
        ((Value(1.0), Value(1.0).detach()), ValueError, "is a constant"),
    ],
)
def test_mistakes_in_derivative(arguments, error, message):
    with pytest.raises(error, match=message):
        derivative(*arguments)


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, lambda x: dict(enumerate(x)), lambda x: namedtuple("Point", "a b")(*x)],
    ids=["list", "tuple", "array", "dict", "named tuple"],
)  # fmt: skip
def test_the_gradient_has_the_structure_of_the_argument(kind):
    x = kind(AT)
    value, gradient = value_and_grad(f)(x)
    assert value == pytest.approx(0.25 * -1.5 + E)
    assert type(gradient) is type(x)
    assert [gradient[0], gradient[1]] == pytest.approx(GRADIENT)
    assert all(type(g) in (float, np.float64) for g in (gradient[0], gradient[1]))


def test_nested_structures_and_several_arguments():
    def loss(parameters, x, *, power=2):
        return (parameters["w"][0] * x + parameters["b"]) ** power

    gradient = grad(loss, argnums=(0, 1))({"w": [2.0], "b": 1}, 3.0, power=2)
    assert gradient == ({"w": [42.0], "b": 14.0}, 28.0)
    assert grad(loss, argnums=-1)({"w": [2.0], "b": 1}, 3.0) == 28.0
    assert grad(lambda m: m[0][1] * m[1][0])(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[0.0, 3.0], [2.0, 0.0]]


def test_derivatives_nest():
    cubed = grad(grad(grad(lambda x: x**4)))
    assert cubed(2.0) == 48.0
    # x * d/dy (x * y) at y = x: the inner derivative must not see that y is x.
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x * y)(1.0) * x)(3.0) == 6.0
    assert jvp(grad(lambda x: x**3), (2.0,), (1.0,)) == (12.0, 12.0)
    assert grad(lambda x: jvp(lambda y: x * y**2, (x,), (1.0,))[1])(3.0) == 12.0
    assert jacobian(jacobian(f))(AT).tolist() == hessian(f)(AT).tolist()


@pytest.mark.parametrize("g", [lambda x: 3 * x, lambda x: x**1, lambda x: x**0, autograd.sign, lambda x: x.relu() * 2])
def test_derivatives_that_are_constant_nest(g):
    assert grad(grad(g))(2.0) == 0.0
    assert hessian(g)(2.0) == 0.0
    assert jvp(grad(g), (2.0,), (1.0,))[1] == 0.0
    assert vjp(grad(g), (2.0,), 1.0)[1] == (0.0,)
    assert isinstance(grad(g)(Value(2.0)), Value)
    assert grad(lambda x: grad(g)(x).exp() * x)(2.0) == math.exp(grad(g)(2.0))


def test_integers_of_numpy_count_as_integers():
    assert grad(lambda a, b: a * b, argnums=np.int64(1))(2.0, 3.0) == 2.0
    x = Value(2.0)
    assert derivative(x**3, x, order=np.int64(2)).data == 12.0


def test_wrt_may_have_any_structure():
    a, b = Value(2.0), Value(3.0)
    assert {key: d.data for key, d in derivative(a * b, {"a": a, "b": b}).items()} == {"a": 3.0, "b": 2.0}
    assert [d.data for d in derivative(a * b, np.array([a, b]))] == [3.0, 2.0]


def test_dicts_may_come_in_any_order():
    primals = ({"a": 2.0, "b": 3.0},)
    assert jvp(lambda p: p["a"] * p["b"] ** 2, primals, ({"b": 1.0, "a": 0.0},))[1] == 12.0


def test_derivatives_see_the_same_zero_times_infinity_as_backward():
    x = Value(2.0)
    y = (x * 0.0).sqrt()
    y.backward()
    assert math.isnan(x.grad)
    assert math.isnan(derivative(y, x).data)
    assert math.isnan(grad(lambda x: (x * 0.0).sqrt())(2.0))


def test_small_derivatives_have_small_graphs():
    x = Value(3.0)
    assert len(history([derivative(x**2, x)])) == 1
    assert len(history([derivative(x**3 + 5 * x, x)])) <= 4


@pytest.mark.parametrize(
    "differentiate",
    [
        lambda f: grad(f)(0.0),
        lambda f: jvp(f, (0.0,), (1.0,)),
        lambda f: vjp(f, (0.0,), 1.0),
        lambda f: hessian(f)(0.0),
        lambda f: derivative(f(x := Value(0.0)), x),
    ],
)
def test_anomalies_are_found_in_every_derivative(differentiate):
    with pytest.raises(AnomalyError, match=r"backward through sqrt at 0\.0 gave inf"), detect_anomaly():
        differentiate(lambda x: 2 * x.sqrt())


def test_closed_over_values_are_left_alone():
    w = Value(3.0)
    assert grad(lambda x: w * x)(2.0) == 3.0
    assert w.grad == 0.0
    assert isinstance(grad(lambda x: w * x)(2.0), float)


def test_values_as_arguments_stay_in_their_graph():
    x = Value(3.0)
    slope = grad(lambda x: x**3)(x)
    assert slope.data == 27.0
    slope.backward()
    assert x.grad == 18.0


def test_jacobian_and_hessian():
    def g(x):
        return [x[0] * x[1], x[0], 7.0 * x[1] ** 2]

    assert jacobian(g)([2.0, 3.0]).tolist() == [[3.0, 2.0], [1.0, 0.0], [0.0, 42.0]]
    assert np.allclose(hessian(f)(AT), HESSIAN, rtol=1e-15)
    assert np.allclose(hessian(f)(np.array(AT)), HESSIAN, rtol=1e-15)


@pytest.mark.parametrize(
    ("g", "x", "shape"),
    [
        (lambda x: x**2, 2.0, ()),
        (lambda x: [x, x**2], 2.0, (2,)),
        (lambda x: x["a"] * x["b"], {"a": 1.0, "b": 2.0}, (2,)),
        (lambda x: np.sin(x), np.ones((2, 3)), (2, 3, 2, 3)),
        (lambda x: x[0][0], [[1.0, 2.0], [3.0, 4.0]], (2, 2)),
        (lambda x: x[0], [1.0, [2.0, 3.0]], (3,)),
    ],
)
def test_shapes_of_jacobians(g, x, shape):
    found = jacobian(g)(x)
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == (shape, float)


def test_products_agree_with_the_matrices():
    v = [0.3, -2.0]
    value, product = hvp(f, AT, v)
    assert value == f([Value(x) for x in AT]).data
    assert product == pytest.approx((np.array(HESSIAN) @ v).tolist(), rel=1e-15)

    def g(x, y):
        return {"a": x[0] * y, "b": [x[1] / y, x[0]]}

    primals = ([2.0, 3.0], 4.0)
    matrix = np.array([[4.0, 0.0, 2.0], [0.0, 0.25, -3.0 / 16], [1.0, 0.0, 0.0]])
    value, pushed = jvp(g, primals, ([1.0, 10.0], 100.0))
    assert value == {"a": 8.0, "b": [0.75, 2.0]}
    assert [pushed["a"], *pushed["b"]] == pytest.approx((matrix @ [1.0, 10.0, 100.0]).tolist())
    value, (pulled_x, pulled_y) = vjp(g, primals, {"a": 1.0, "b": [10.0, 100.0]})
    assert value == {"a": 8.0, "b": [0.75, 2.0]}
    assert [*pulled_x, pulled_y] == pytest.approx(([1.0, 10.0, 100.0] @ matrix).tolist())


def test_an_argument_among_the_results():
    assert jvp(lambda x: (x, x * x), (3.0,), (1.0,)) == ((3.0, 9.0), (1.0, 6.0))
    assert vjp(lambda x: (x, x), (3.0,), (1.0, 10.0)) == ((3.0, 3.0), (11.0,))
    assert grad(lambda x: x)(3.0) == 1.0


def test_forward_mode_is_one_pass():
    calls = 0

    def counted(*xs):
        nonlocal calls
        calls += 1
        return autograd.prod(xs)

    assert jvp(counted, (2.0,) * 10, (1.0,) * 10) == (1024.0, 5120.0)
    assert calls == 1


def test_functions_are_differentiated_under_no_grad_too():
    with no_grad():
        assert grad(lambda x: x**3)(2.0) == 12.0
        assert hvp(lambda x: x**3, 2.0, 1.0) == (8.0, 12.0)


def test_unused_partials_are_no_anomalies():
    x = Value(-3.0)
    with detect_anomaly():
        assert derivative(x**2, x).data == -6.0
        assert derivative(where(True, x, x * 2), x).data == 1.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(3), TypeError, "grad: the first argument must be a function, got 3"),
        (lambda: grad(f, argnums="x"), TypeError, "grad: argnums must be an integer or a tuple of integers, got 'x'"),
        (lambda: jacobian(f, argnums=(0, 1)), TypeError, r"jacobian: argnums must be one integer, got \(0, 1\)"),
        (lambda: grad(f, argnums=()), TypeError, "argnums must be an integer"),
        (lambda: grad(f, argnums=1)(AT), TypeError, "argnums names argument 1, but the call has 1"),
        (lambda: grad(f)("ab"), TypeError, "grad: argument 0 must be a number.*got 'ab' of type str"),
        (lambda: grad(f)([1.0, [None]]), TypeError, r"argument 0\[1\]\[0\] must be a number.*NoneType"),
        (lambda: grad(lambda x: "3.0")(1.0), TypeError, "must return a Value.*got '3.0' of type str"),
        (lambda: grad(lambda x: math.exp(x))(1.0), TypeError, "leaves the graph"),
        (lambda: grad(lambda x: [x])(1.0), TypeError, "must return a Value"),
        (lambda: jacobian(lambda x: "a")(1.0), TypeError, "jacobian: the function must return a Value"),
        (lambda: hessian(lambda x: None)(1.0), TypeError, "hessian"),
        (lambda: jvp(f, AT[0], (1.0,)), TypeError, "primals must be the tuple of the function's arguments"),
        (lambda: jvp(f, (AT,), (1.0,)), ValueError, r"expected \(\[number, number\]\), got \(number\)"),
        (lambda: jvp(f, (AT,), ([1.0],)), ValueError, "jvp: tangents must have the structure of primals"),
        (lambda: vjp(f, (AT,), [1.0]), ValueError, "expected number, got \\[number\\]"),
        (lambda: hvp(f, AT, [1.0]), ValueError, "hvp: v must have the structure of x"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()


def cubes(x, y=1.0):
    return (x[0] ** 3 + x[1] ** 3) * y


@grad
def doubled(x):
    return x * x


@pytest.mark.parametrize("make", [grad, value_and_grad, jacobian, hessian])
def test_derivatives_of_functions_are_pickled_by_reference(make):
    derived = make(cubes)
    for again in (pickle.loads(pickle.dumps(derived)), copy.deepcopy(derived)):
        np.testing.assert_equal(again([1.0, 2.0], y=3.0), derived([1.0, 2.0], y=3.0))
        assert again.__wrapped__ is cubes
    assert pickle.loads(pickle.dumps(grad(make(cubes), argnums=1))).__wrapped__.__wrapped__ is cubes
    assert (derived.__name__, inspect.signature(derived)) == ("cubes", inspect.signature(cubes))
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    with pytest.raises((AttributeError, pickle.PicklingError), match=r"local object|lambda"):
        pickle.dumps(make(lambda x: x * x))


def test_a_derivative_is_a_method_where_its_function_is():
    class Spring:
        stiffness = 3.0

        def energy(self, x):
            return self.stiffness * x**2 / 2

        force = grad(energy, argnums=1)

    assert Spring().force(2.0) == 6.0
