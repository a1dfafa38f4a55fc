"""Every row of the table against 60-digit arithmetic: value, first and second derivative, at the extremes too."""

import itertools
import math
import random
import sys

import mpmath
import numpy as np
import pytest

from autograd import Value, arithmetic, derivative, logsumexp, ops, sigmoid, softplus
from autograd.compiler import arrays
from autograd.value import apply
from tests import truth

EXTREMES = (-1e5, -1000.0, -745.0, -40.0, -21.0, -1.5, -1e-10, 1e-30, 1e-10, 0.3, 1.5, 21.0, 40.0, 700.3, 1000.0, 1e300)
SEVERAL = {"leaky_relu": 2, "elu": 2, "dot": 4}
HELPERS = (
    "sech",
    "direction",
    "step",
    "pow_slope",
    "pow_log",
)  # their own second derivatives are third derivatives of public functions
POINTS_AT_THE_EDGE = {
    "hypot": [(1.7e308, 1.7e308), (3e-320, 4e-320), (1e-200, 1e-200), (1e200, -1e-200)],
    "arctan2": [(1e-300, 1e300), (1e-200, 2e-200), (-1e150, 1e150)],
    "logsumexp": [
        (1000.0, -1000.0),
        (1000.0, 1000.7, 999.0),
        (1e308, 1e308),
        (-1000.0, -1000.5),
        (-700.3, 0.1),
        (0.0, -40.0),
    ],
    "logaddexp": [(1000.1, 999.3), (-700.3, 0.1)],
    "softmax": [(1000.0, 990.0, -1000.0), (0.0, 40.0), (0.3, 100.1)],
    "log_softmax": [(1000.0, 990.0, -1000.0), (40.0, 0.0), (0.3, 100.1), (700.0, 0.1, -3.0)],
    "gelu": [(-37.0,), (9.0,)],
    "erf": [(26.0,), (5.8,), (-6.0,)],
    "normal_cdf": [(-37.0,), (8.0,)],
    "gaussian": [(-37.0,), (12.3,)],
    "arcsin": [(1 - 1e-10,), (-1 + 1e-12,)],
    "log1p": [(-1 + 1e-10,), (1e-20,)],
    "expm1": [(1e-20,), (-50.0,)],
    "pow": [(1e-5, 3.0), (2.0, 1000.0), (-3.0, 3.0), (1e-300, -0.5)],
    "div": [(1e300, 1e-10), (1e-200, -1e-200)],
    "mean": [(1e308, 1e308, 1e308)],
    "sum": [(1e308, 1e308, -1e308), (1e16, 1.0, -1e16)],
    "prod": [(0.0, 3.0, 2.0), (0.0, 0.0, 2.0)],
    "dot": [(1e16, 1.0, -1e16, 1.0, 1.0, 1.0)],
}


def points(name: str) -> list[tuple[float, ...]]:
    operation = ops.TABLE[name]
    number = operation.arity or SEVERAL.get(name, 3)
    intervals = [operation.domain[min(i, len(operation.domain) - 1)] for i in range(number)]
    rng = random.Random(name)
    inside = [tuple(rng.uniform(*interval) for interval in intervals) for _ in range(6)]
    far = [(x,) for x in EXTREMES] if number == 1 else []
    return inside + far + POINTS_AT_THE_EDGE.get(name, [])


def true_or_none(compute, *args):
    """The truth, unless the operation is not real or not defined there."""
    try:
        found = compute(*args)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(found, mpmath.mpc) or mpmath.isnan(found) else found


def require_close(found: float, name: str, point: tuple[float, ...], order: list[int]) -> None:
    """Within 8 units in the last place of the true derivative, or of the value where all orders are 0.

    Where it crosses 0 the operands' own last digits move it by more than that: then within 8 times what they do.
    Below the smallest normal number nothing is promised, and a derivative that is not real is nan.
    """
    true = true_or_none(truth.derivative, name, point, *order)
    if true is None:
        assert math.isnan(found)
    elif abs(true) > 1e300 and any(order):
        assert not abs(found) < 1e300
    elif truth.ulps(found, true) > 8 and not abs(true) < sys.float_info.min > abs(found):
        assert abs(found - float(true)) <= 8 * truth.sensitivity(name, point, order)


@pytest.mark.parametrize("row", POINTS_AT_THE_EDGE["log_softmax"] + POINTS_AT_THE_EDGE["softmax"])
def test_logarithms_of_all_shares_at_once(row):
    found = arithmetic.log_softmaxes(row)
    for place, x in enumerate(row):
        true = truth.value("log_softmax", (x, *row[:place], *row[place + 1 :]))
        assert truth.ulps(found[place], true) <= 4


@pytest.mark.parametrize("row", [*itertools.product([-math.inf, 0.0, 5.0, math.inf, math.nan], repeat=3)])
def test_logarithms_of_all_shares_with_infinities(row):
    expected = [
        ops.FLOATS.evaluate(ops.log_softmax, [x, *row[:place], *row[place + 1 :]]) for place, x in enumerate(row)
    ]
    np.testing.assert_allclose(arithmetic.log_softmaxes(row), expected, rtol=1e-15)


# Every other point of each row waits for CI.
CASES = [
    pytest.param(name, point, id=f"{name}{point}", marks=[pytest.mark.slow] * (number % 2))
    for name in ops.TABLE
    for number, point in enumerate(points(name))
]


@pytest.mark.parametrize(("name", "point"), CASES)
def test_value_and_first_and_second_derivative(name, point):
    xs = [Value(x) for x in point]
    y = apply(ops.TABLE[name], *xs)
    if true_or_none(truth.value, name, point) is None:
        assert not math.isfinite(y.data)
        return
    require_close(y.data, name, point, [0] * len(point))
    if not math.isfinite(y.data) and name != "hypot":
        return

    y.backward()
    first = derivative(y, xs)
    for i, (x, dy) in enumerate(zip(xs, first, strict=True)):
        order = [int(i == k) for k in range(len(xs))]
        if name in ("sign", "step", "where", "floor", "ceil", "trunc", "rint") and i == 0:
            assert x.grad == dy.data == 0.0  # a jump, and a condition, have no derivative
            continue
        if name == "pow_log" and i == 2:
            continue  # how often one has differentiated is no variable
        require_close(x.grad, name, point, order)
        require_close(dy.data, name, point, order)
        if name in HELPERS:
            continue
        for j, ddy in enumerate(derivative(dy, xs) if not dy.is_constant else []):
            if name == "where" and j == 0:
                continue
            require_close(ddy.data, name, point, [o + int(j == k) for k, o in enumerate(order)])


@pytest.mark.parametrize("x", [-745.0, -708.5, -700.0])
def test_the_lower_tails_keep_their_digits_down_to_the_smallest_number(x):
    value = Value(x)
    for function in (softplus, sigmoid):
        true = truth.value(function.__name__, (x,))
        assert abs(function(x) - float(true)) <= 2 * math.ulp(float(true))
        y = function(value)
        for order in (1, 2):
            true = float(truth.derivative(function.__name__, (x,), order))
            assert abs(derivative(y, value, order).data - true) <= 4 * math.ulp(true)


@pytest.mark.parametrize("number", [50, 2000])
@pytest.mark.parametrize(("name", "true"), [("erfc", mpmath.erfc), ("normal_cdf", truth.normal_cdf)])
def test_the_error_function_of_arrays(name, true, number):
    """By a polynomial, down to the smallest number; in two ways, for few numbers and for many."""
    random_numbers = random.Random(number)
    xs = [
        random_numbers.choice([-1.0, 1.0]) * random_numbers.uniform(0.0, top)
        for top in (1, 6, 38.4)
        for _ in range(number // 3)
    ]
    xs += [0.0, -0.0, 5e-324, -1e-300, 26.5, 27.2, -38.4, 38.4, 1e308, -1e308, math.inf, -math.inf, math.nan]
    found = getattr(arrays, name)(np.array(xs)).tolist()
    assert math.isnan(found[-1])
    with mpmath.workdps(50):
        for x, y in zip(xs[:-1], found[:-1], strict=True):
            exact = true(mpmath.mpf(min(max(x, -1000.0), 1000.0)))  # mpmath takes no larger ones
            assert abs(y - exact) <= 5 * math.ulp(float(exact)), x


@pytest.mark.parametrize("x", [0.0, 21.0, 1000.0, 1e308])
def test_softplus_and_sigmoid_at_zero_and_above(x):
    value = Value(x)
    for y in (softplus(value), sigmoid(value)):
        for order in (1, 2):
            assert math.isfinite(derivative(y, value, order).data)
    assert softplus(x) == max(x, 0.0) + math.log1p(math.exp(-x))
    assert sigmoid(x) == pytest.approx(1 / (1 + math.exp(-x)), rel=1e-15)


def test_the_second_derivative_of_logsumexp_where_one_share_is_nearly_all():
    # p (1 - p) with 1 - p = 4.5e-5: the difference of two rounded numbers would keep 11 digits.
    xs = [Value(1000.0), Value(990.0)]
    curvature = derivative(derivative(logsumexp(xs), xs[0]), xs[0]).data
    with mpmath.workdps(50):
        p = 1 / (1 + mpmath.exp(-10))
        assert curvature == pytest.approx(float(p * (1 - p)), rel=1e-15)
