"""The functions of the module, and operations of one's own."""

import math

import numpy as np
import pytest

import autograd
from autograd import Value, derivative, grad, operation, ops
from autograd.chain import pull
from autograd.value import Value as ValueClass, apply

UNARY = [
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "square",
    "reciprocal",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "softplus",
    "relu",
    "leaky_relu",
    "elu",
    "silu",
    "gelu",
    "erf",
    "abs",
    "sign",
]
BINARY = ["maximum", "minimum", "logaddexp", "arctan2", "hypot"]
ANY_NUMBER = ["sum", "mean", "prod", "logsumexp", "max", "min"]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand(name):
    function = getattr(autograd, name)
    x = Value(0.5)
    y = function(x)
    assert (y.op, y.parents) == (name, (x,))
    assert y.data == getattr(x, name)().data == function(0.5)
    assert type(function(0.5)) is float
    assert type(function(1)) is float
    with pytest.raises(TypeError, match=f"{name} takes a real number, got 'a' of type str"):
        function("a")


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_operands(name):
    function = getattr(autograd, name)
    a, b = Value(0.5), Value(2.0)
    assert function(a, b).op == name
    assert function(a, b).parents == (a, b)
    assert function(a, 2).data == function(0.5, b).data == function(0.5, 2.0)
    assert type(function(1, 2)) is float
    with pytest.raises(TypeError, match=f"{name} takes a real number"):
        function(a, None)


@pytest.mark.parametrize("name", ANY_NUMBER)
def test_functions_of_any_number_of_operands(name):
    function = getattr(autograd, name)
    xs = [Value(0.5), 2.0, Value(1.5)]
    y = function(x for x in xs)
    assert y.op == name
    assert [p.data for p in y.parents] == [0.5, 2.0, 1.5]
    assert y.data == function([0.5, 2, 1.5]) == function(np.array([0.5, 2.0, 1.5])) == function(np.array(xs)).data
    assert type(function([1, 2])) is float
    assert function([Value(2.0)]).data == 2.0
    with pytest.raises(TypeError, match=f"{name} takes an iterable of numbers in an order, such as a list, got 3.0"):
        function(3.0)


def test_no_operands():
    assert (autograd.sum([]), autograd.prod([]), autograd.dot([], [])) == (0.0, 1.0, 0.0)
    assert math.isnan(autograd.mean([]))
    assert autograd.logsumexp([]) == -math.inf
    for function in (autograd.max, autograd.min, autograd.softmax):
        with pytest.raises(ValueError, match="at least one number"):
            function([])


def test_dot():
    xs, ys = [Value(1.0), Value(2.0)], [Value(3.0), 4.0]
    y = autograd.dot(xs, ys)
    assert y.data == 11.0
    assert y.parents[:3] == (*xs, ys[0])
    y.backward()
    assert (xs[0].grad, xs[1].grad, ys[0].grad) == (3.0, 4.0, 1.0)
    with pytest.raises(ValueError, match="equal length, got 2 and 1"):
        autograd.dot(xs, [1.0])


def test_softmax():
    xs = [Value(1.43), Value(-0.44), Value(0.23)]
    shares = autograd.softmax(xs)
    assert [f"{p:.2f}" for p in shares] == ["0.69", "0.11", "0.21"]
    assert autograd.softmax([1.43, -0.44, 0.23]) == [p.data for p in shares]
    shares[0].backward()
    p = [share.data for share in shares]
    assert [x.grad for x in xs] == pytest.approx([p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]], rel=1e-15)


@pytest.mark.parametrize(
    ("condition", "taken"),
    [(True, 1.0), (False, 2.0), (0, 2.0), (0.5, 1.0), (np.bool_(False), 2.0), (math.nan, 1.0), (Value(0.0), 2.0)],
)
def test_where(condition, taken):
    a, b = Value(1.0), Value(2.0)
    y = autograd.where(condition, a, b)
    assert (y.op, y.data) == ("where", taken)
    y.backward()
    assert (a.grad, b.grad) == (float(taken == 1.0), float(taken == 2.0))


@pytest.mark.parametrize(("x", "slope"), [(-2.0, 0.0), (-1.0, 1.0), (0.0, 1.0), (1.0, 1.0), (2.0, 0.0)])
def test_clip(x, slope):
    value = Value(x)
    y = autograd.clip(value, -1, 1)
    y.backward()
    assert (y.data, value.grad) == (min(max(x, -1.0), 1.0), slope)
    assert autograd.clip(x, None, 0) == min(x, 0.0)


def test_ties_share_the_derivative():
    xs = [Value(1.0), Value(3.0), Value(3.0)]
    autograd.max(xs).backward()
    assert [x.grad for x in xs] == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("name", ["max", "min"])
def test_nan_is_the_largest_and_the_smallest(name):
    assert math.isnan(getattr(autograd, name)([1.0, math.nan]))
    assert math.isnan(getattr(autograd, name)([math.nan, 1.0]))


def test_clip_with_bounds_that_cross_gives_the_upper_one():
    x, low, high = Value(0.0), Value(2.0), Value(1.0)
    autograd.clip(x, low, high).backward()
    assert (x.grad, low.grad, high.grad) == (0.0, 0.0, 1.0)
    x, low, high = Value(-1.0), Value(0.0), Value(1.0)
    autograd.clip(x, low, high).backward()
    assert (x.grad, low.grad, high.grad) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "operands", "at_kink"),
    [
        ("relu", (0.0,), True),
        ("relu", (0.5,), False),
        ("elu", (0.0,), False),
        ("elu", (0.0, 2.0), True),
        ("max", (3.0, 1.0, 3.0), True),
        ("max", (3.0, 1.0, 1.0), False),
        ("min", (3.0, 1.0, 1.0), True),
        ("clip", (1.0, -1.0, 1.0), True),
        ("hypot", (0.0, 0.0), True),
    ],
)
def test_operations_know_their_kinks(name, operands, at_kink):
    assert any(x == 0.0 for x in ops.TABLE[name].kinks(*operands)) == at_kink


def test_parameters_of_a_shape_may_be_values():
    x, slope = Value(-2.0), Value(0.25)
    y = autograd.leaky_relu(x, slope)
    y.backward()
    assert (y.data, x.grad, slope.grad) == (-0.5, 0.25, -2.0)
    assert autograd.elu(-1.0, 2.0) == 2.0 * math.expm1(-1.0)


@pytest.mark.parametrize("name", [n for n, row in ops.TABLE.items() if row.arity in (1, 2)])
def test_the_code_written_for_an_operation_does_what_its_row_says(name):
    row = ops.TABLE[name]
    numbers = [low + 0.7 * (high - low) for low, high in (row.domain * 2)[: row.arity]]
    written, plain = [Value(x) for x in numbers], [Value(x) for x in numbers]
    apply(row, *written).backward(2.5)
    pull(apply(row, *plain), 2.5)
    assert [x.gradient for x in written] == [x.gradient for x in plain]


def test_a_custom_operation_is_like_a_built_in_one():
    mix = operation(
        "mix", lambda m, x, y: m.exp(x) / y, lambda m, z, x, y: (z, -z / y), symbol="m", domain=[(0, 1), (1, 2)]
    )
    a, b = Value(0.5), Value(2.0)
    y = mix(a, b)
    assert (y.op, y.parents, mix(0.5, 2)) == ("mix", (a, b), y.data)
    y.backward()
    assert (a.grad, b.grad) == pytest.approx((y.data, -y.data / 2))
    assert derivative(y, b, order=2).data == pytest.approx(2 * y.data / 4)
    assert mix(0.5, 0) == math.inf
    assert isinstance(y, ValueClass)


def test_a_custom_operation_may_look_at_its_operands():
    bent = operation("bent", lambda m, x: x if x > 0 else 0.1 * x, lambda m, y, x: (1.0 if x > 0 else 0.1,))
    for at, slope in ((2.0, 1.0), (-2.0, 0.1)):
        x = Value(at)
        bent(x).backward()
        assert x.grad == slope


def test_a_custom_operation_of_any_number_of_operands():
    norm1 = operation("norm1", lambda m, *xs: m.sum([m.abs(x) for x in xs]), lambda m, y, *xs: tuple(map(m.sign, xs)))
    xs = [Value(1.0), Value(-2.0), Value(3.0)]
    y = norm1(*xs)
    y.backward()
    assert (y.data, [x.grad for x in xs]) == (6.0, [1.0, -1.0, 1.0])


def test_arithmetic_of_a_custom_formula_does_not_raise():
    inverse_power = operation("inverse_power", lambda m, x: 1 / x**200, lambda m, y, x: (-200 * y / x,))
    assert inverse_power(0.0) == math.inf
    assert inverse_power(1e10) == 0.0
    assert math.isnan(operation("root", lambda m, x: x**0.5, lambda m, y, x: (0.5 / y,))(-1.0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("f", lambda m, x: x, lambda m, y, x: ("a",)), TypeError, "must be real numbers or None, got 'a'"),
        (
            ("f", lambda m, x: None, lambda m, y, x: (1.0,)),
            TypeError,
            "formula of 'f' must give a real number, got None",
        ),
        ((3, abs, abs), TypeError, "name must be a string"),
        (("", abs, abs), TypeError, "name must be a string"),
        (("f", 3, abs), TypeError, "formula must be a function, got 3"),
        (("f", lambda m, x: x, None), TypeError, "partials must be a function"),
        (("f", lambda x: x**2, lambda x: 2 * x), TypeError, "begin with the number system, as in lambda m, x"),
        (("f", lambda m, x: x, lambda m, y, x: 1.0), TypeError, r"must return a tuple.*a tuple of one is written"),
        (("f", lambda m, x: x, lambda m, y, x: (1.0, 2.0)), ValueError, "each of 1 operands, got 2"),
        (("f", lambda m, x, y: x, lambda m, z, x, y: (1.0,)), ValueError, "each of 2 operands, got 1"),
        (("f", lambda m, x: m.nothing(x), lambda m, y, x: (1.0,)), AttributeError, "nothing"),
    ],
)
def test_mistakes_are_found_where_the_operation_is_made(arguments, error, message):
    with pytest.raises(error, match=message):
        operation(*arguments)


@pytest.mark.parametrize("domain", [3, (), (1, 0), ((0, 1), 2), "ab"])
def test_a_domain_is_an_interval_or_several(domain):
    with pytest.raises(ValueError, match="domain must be an interval"):
        operation("f", lambda m, x: x, lambda m, y, x: (1.0,), domain=domain)


def test_kinks_and_domain_of_a_custom_operation():
    f = operation(
        "f", lambda m, x: m.abs(x - 2), lambda m, y, x: (m.sign(x - 2),), kinks=[2.0], domain=(1, 3)
    ).operation
    assert list(f.kinks(2.5)) == [0.5]
    assert f.domain == ((1.0, 3.0),)


def test_complex_arithmetic_of_a_custom_formula_is_nan():
    root = operation("root3", lambda m, x, a, b: x**1.5 + a + b, lambda m, y, x, a, b: (1.5 * x**0.5, 1.0, 1.0))
    x = Value(-1.0)
    root(x, 0.0, 0.0).backward()
    assert math.isnan(x.grad)
    assert math.isnan(grad(lambda x: root(x, 0.0, 0.0))(-1.0))


def test_formulas_use_the_functions_by_their_names():
    spread = operation(
        "spread",
        lambda m, x, y: m.max([x, y]) - m.min([x, y]) + m.softmax([x, y])[0],
        lambda m, z, x, y: (m.sign(x - y), m.sign(y - x)),
    )
    assert spread(3.0, 3.0) == 0.5


def test_the_number_of_operands_is_checked_at_the_call():
    f = operation("f", lambda m, x: x, lambda m, y, x: (1.0,))
    with pytest.raises(TypeError, match="f takes 1 operands, got 2"):
        f(1.0, 2.0)
    anything = operation("anything", lambda m, *xs: xs[0], lambda m, y, *xs: (1.0,))
    with pytest.raises(ValueError, match="each of 2 operands, got 1"):
        anything(Value(1.0), Value(2.0))


def test_a_custom_operation_may_read_a_variable_that_changes():
    scale = 2.0
    scaled = operation("scaled", lambda m, x: scale * x, lambda m, y, x: (scale,))
    x = Value(1.0)
    scaled(x).backward()
    scale = 5.0
    scaled(x).backward()
    assert x.grad == 2.0 + 5.0
