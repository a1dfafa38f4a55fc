"""Properties of random expressions: reverse, forward and numeric derivatives agree, copies and orders do not matter."""

import copy
import math
import pickle

import pytest
from hypothesis import assume, given, settings, strategies as st

import autograd
from autograd import Value, derivative, grad, hessian, hvp, jvp, vjp
from autograd.node import history, nodes

SMOOTH = ["exp", "sin", "cos", "arctan", "tanh", "sigmoid", "softplus", "silu", "gelu", "erf", "square"]
BENT = ["relu", "leaky_relu", "elu", "abs"]
PAIRS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b * b + 1.0),
    "hypot": lambda a, b: autograd.hypot(a, b + 3.0),
    "logaddexp": autograd.logaddexp,
    "sum": lambda a, b: autograd.sum([a, b, a]),
    "dot": lambda a, b: autograd.dot([a, b], [b, 2.0]),
    "logsumexp": lambda a, b: autograd.logsumexp([a, b, 0.0]),
    "softmax": lambda a, b: autograd.softmax([a, b])[0],
}
moderate = st.floats(-2.0, 2.0)


@st.composite
def programs(draw, unary=tuple(SMOOTH)):
    """A straight-line program on three inputs: each line applies an operation to earlier results."""
    lines = []
    for i in range(draw(st.integers(1, 12))):
        earlier = st.integers(0, 2 + i)
        if draw(st.booleans()):
            lines.append((draw(st.sampled_from(unary)), draw(earlier), None))
        else:
            lines.append((draw(st.sampled_from(sorted(PAIRS))), draw(earlier), draw(earlier)))
    return lines


def run(program, xs):
    found = list(xs)
    for name, i, j in program:
        found.append(getattr(autograd, name)(found[i]) if j is None else PAIRS[name](found[i], found[j]))
    return found[-1] * 0.1 + autograd.sum(xs)  # every input is used


def reasonable(numbers):
    assume(all(math.isfinite(x) and abs(x) < 1e6 for x in numbers))


inputs = st.tuples(moderate, moderate, moderate)


@given(programs(), inputs)
def test_reverse_forward_and_derivative_agree(program, point):
    xs = [Value(x) for x in point]
    y = run(program, xs)
    y.backward()
    gradient = [x.grad for x in xs]
    reasonable([n.data for n in nodes([y])])
    reasonable(gradient)
    assert [d.data for d in derivative(y, xs)] == pytest.approx(gradient, rel=1e-9, abs=1e-9)
    for i in range(3):
        tangent = tuple(float(i == k) for k in range(3))
        assert jvp(lambda *xs: run(program, xs), point, tangent)[1] == pytest.approx(gradient[i], rel=1e-9, abs=1e-9)
    assert vjp(lambda *xs: run(program, xs), point, 1.0)[1] == pytest.approx(tuple(gradient), rel=1e-9, abs=1e-9)


@given(programs(), inputs)
def test_the_gradient_is_the_limit_of_differences(program, point):
    gradient = grad(lambda xs: run(program, xs))(list(point))
    matrix = hessian(lambda xs: run(program, xs))(list(point))
    reasonable(gradient)
    reasonable(matrix.ravel())
    step = 1e-5
    for i in range(3):
        moved = [[x + sign * step * (i == k) for k, x in enumerate(point)] for sign in (1, -1)]
        above, below = (run(program, xs) for xs in moved)
        reasonable([above, below])
        scale = 1.0 + max(abs(above), abs(matrix).max())
        assert (above - below) / (2 * step) == pytest.approx(gradient[i], rel=1e-4, abs=1e-4 * scale)


@settings(max_examples=50)
@given(programs(), inputs, inputs)
def test_the_hessian_is_symmetric_and_hvp_is_its_product(program, point, direction):
    def f(xs):
        return run(program, xs)

    matrix = hessian(f)(list(point))
    reasonable(matrix.ravel())
    scale = 1.0 + abs(matrix).max()
    assert matrix == pytest.approx(matrix.T, rel=1e-9, abs=1e-9 * scale)
    product = hvp(f, list(point), list(direction))[1]
    assert product == pytest.approx((matrix @ direction).tolist(), rel=1e-9, abs=1e-9 * scale)


@given(programs(unary=tuple(SMOOTH + BENT)), inputs)
def test_copies_compute_the_same(program, point):
    y = run(program, [Value(x) for x in point])
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        assert [(n.op, n.data) for n in history([twin])] == [(n.op, n.data) for n in history([y])]


@given(programs(unary=tuple(SMOOTH + BENT)), inputs)
def test_values_and_numbers_compute_the_same(program, point):
    assert run(program, [Value(x) for x in point]).data == pytest.approx(run(program, point), nan_ok=True, rel=1e-15)


@given(programs(unary=tuple(SMOOTH + BENT)), inputs)
def test_backward_twice_doubles_the_leaves_only(program, point):
    xs = [Value(x) for x in point]
    y = run(program, xs)
    y.backward()
    once = [n.gradient for n in history([y])]
    gradient = [x.grad for x in xs]
    reasonable(gradient)
    y.backward()
    assert [n.gradient for n in history([y])] == once
    assert [x.grad for x in xs] == pytest.approx([2 * g for g in gradient], rel=1e-12)
