"""Where a number would be wrong, or missing, without a word: each test stands for a kind of report."""

import itertools
import math
import pickle
import threading
import warnings

import numpy as np
import pytest

import autograd
from autograd import Value, derivative, grad, hessian, hvp, jacobian, jvp, no_grad, scope, value_and_grad, vjp
from autograd.node import assign_all
from autograd.operation import FLOATS, TABLE
from autograd.value import apply

inf, nan = math.inf, math.nan

# Numbers that leave the graph while a function is differentiated


def stored(x):
    array = np.zeros(2)
    array[0] = x[0]
    return x[0] * array[0]


LOSSES = {
    "math.cosh": lambda x: x[0] * math.cosh(x[0]),
    "float": lambda x: x[0] * float(x[1] * 2.0),
    "int": lambda x: x[0] * int(x[0]),
    "astype": lambda x: x[0] * np.sum(np.array(x, dtype=object).astype(float)),
    "asarray": lambda x: x[0] * np.asarray(list(x), dtype=float)[1],
    "a float array": stored,
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    "differentiate",
    [
        lambda f: grad(f)([2.0, 3.0]),
        lambda f: value_and_grad(f)([2.0, 3.0]),
        lambda f: jacobian(f)([2.0, 3.0]),
        lambda f: hessian(f)([2.0, 3.0]),
        lambda f: jvp(f, ([2.0, 3.0],), ([1.0, 0.0],)),
        lambda f: vjp(f, ([2.0, 3.0],), 1.0),
        lambda f: hvp(f, [2.0, 3.0], [1.0, 0.0]),
    ],
)
def test_a_number_does_not_leave_the_graph(differentiate, name):
    with pytest.raises(TypeError, match=r"leaves the graph.*autograd\.exp.*detach.*test_no_silent_answers") as caught:
        differentiate(LOSSES[name])
    assert "LOSSES" in str(caught.value) or "array[0]" in str(caught.value) or "lambda" in str(caught.value)


def test_what_stays_free_while_a_function_is_differentiated():
    weight = Value(3.0)

    def f(x):
        assert f"{x:.1f}" == "2.0"
        scale = float(weight) + x.data + float(x.detach())
        return x * scale if x > 1.0 else x

    assert grad(f)(2.0) == 7.0


def test_a_number_of_an_outer_variable_does_not_leave_either():
    with pytest.raises(TypeError, match="leaves the graph"):
        grad(lambda x: grad(lambda y: y * float(x))(1.0))(2.0)


def test_outside_of_these_functions_float_gives_the_data():
    x = Value(2.0)
    assert float(x * x) == math.floor(4.0)
    assert int(Value(2.7)) == 2


# Leaves that change after a graph was computed


@pytest.mark.parametrize("use", [lambda y, x: y.backward(), lambda y, x: derivative(y, x), autograd.gradcheck])
def test_a_stale_leaf_is_named(use):
    x = Value(1.0, name="x")
    y = x * x.exp()
    x.data = 2.0
    with pytest.raises(RuntimeError, match=r"'x', Value 2\.0 changed after the graph was computed"):
        use(y, wrt=[x]) if use is autograd.gradcheck else use(y, x)


def test_the_same_number_again_is_no_change():
    x, y = Value(3.0), Value(nan)
    z = x * x + y
    x.data, y.data = 3.0, nan
    z.backward()
    assert x.grad == 6.0


def test_time_does_not_go_back_when_two_threads_assign():
    """As one thread assigns to many leaves at once, another one may assign to others."""
    x, y, other = Value(1.0), Value(2.0), Value(3.0)

    def numbers():
        for number in range(9):
            y.data = float(number)
        yield 5.0

    assign_all([x], numbers())
    z = x * y
    other.data = 4.0
    z.backward()
    assert (x.grad, y.grad) == (8.0, 5.0)


def test_only_graphs_from_before_are_stale():
    x = Value(3.0)
    before, unaffected = x * x, Value(2.0).exp()
    x.data = 5.0
    after = x * x
    after.backward()
    assert x.grad == 10.0
    unaffected.backward()
    with pytest.raises(RuntimeError):
        (before + after).backward()


def test_a_change_deep_in_a_graph_is_seen():
    x = Value(0.5)
    inner = x.sin()
    x.data = 0.7
    with pytest.raises(RuntimeError, match="changed"):
        (inner * Value(2.0)).exp().backward()


# Comparisons


def test_equality_with_numbers_compares_data_and_between_values_identity():
    x, other = Value(3.0), Value(3.0)
    assert x == 3
    assert not x != 3  # noqa: SIM202
    assert np.float64(3.0) == x
    assert x != other
    assert x == x
    assert {x: 1, other: 2}[other] == 2
    zero = Value(0.0)
    assert (zero.sin() / zero if zero != 0 else 1.0) == 1.0


def test_a_shape_parameter_that_has_the_usual_number_is_still_trained():
    slope = Value(0.01)
    autograd.leaky_relu(Value(-2.0), slope).backward()
    assert slope.grad == -2.0


# Functions that are constant


@pytest.mark.parametrize("constant", [3.0, 3, np.float64(3.0), True])
def test_a_function_that_returns_a_number_is_a_constant(constant):
    def f(x):
        return constant

    assert grad(f)(1.0) == 0.0
    assert value_and_grad(f)([1.0, 2.0]) == (3.0 if constant is not True else 1.0, [0.0, 0.0])
    assert jacobian(f)(1.0) == hessian(f)(1.0) == 0.0
    assert jvp(f, (1.0,), (1.0,))[1] == 0.0
    assert vjp(f, (1.0,), 1.0)[1] == (0.0,)
    assert hvp(f, 1.0, 1.0)[1] == 0.0


# Derivatives that exist where the formulas would give nan


@pytest.mark.parametrize(("exponent", "second"), [(2.0, 2.0), (3.0, 0.0), (4.0, 0.0)])
def test_the_hessian_of_a_power_at_zero(exponent, second):
    assert hessian(lambda p: p[0] ** p[1])([0.0, exponent]).tolist() == [[second, 0.0], [0.0, 0.0]]


def test_zero_to_a_power_is_flat():
    y = Value(0.7)
    assert derivative(0.0**y, y).data == derivative(0.0**y, y, order=2).data == 0.0


def test_the_mixed_derivative_of_a_power_at_exponent_zero():
    assert hessian(lambda p: p[0] ** p[1])([2.0, 0.0])[0, 1] == 0.5


def test_shares_with_an_infinity():
    assert grad(lambda p: autograd.logaddexp(*p))([inf, 0.0]) == [1.0, 0.0]
    assert grad(lambda p: autograd.logaddexp(*p))([inf, -inf]) == [1.0, 0.0]
    assert grad(autograd.logsumexp)([1.0, inf, 2.0]) == [0.0, 1.0, 0.0]
    assert grad(autograd.logsumexp)([1.0, -inf]) == [1.0, 0.0]
    assert hessian(autograd.logsumexp)([1.0, inf]).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_origin_of_hypot_and_the_bend_of_elu():
    assert grad(lambda p: autograd.hypot(*p))([0.0, 0.0]) == [0.0, 0.0]
    x = Value(0.0)
    assert derivative(x.elu(), x, order=2).data == 0.0
    assert derivative(x.elu(), x).data == 1.0


def test_derivatives_of_high_order_do_not_recurse():
    x = Value(2.0)
    assert derivative(x**3, x, order=1500).data == 0.0


# Functions of NumPy on arrays of Values


@pytest.mark.parametrize("name", ["log2", "log10", "exp2", "cbrt", "arcsinh", "arccosh", "arctanh", "floor", "ceil",
                                  "rint", "trunc", "fabs", "degrees", "radians", "deg2rad", "rad2deg"])  # fmt: skip
def test_ufuncs(name):
    points = {"arccosh": [1.5, 2.5], "arctanh": [-0.5, 0.25]}.get(name, [0.4, 2.5])
    result = getattr(np, name)(np.array([Value(x) for x in points]))
    assert all(isinstance(value, Value) for value in result)
    assert [float(value) for value in result] == pytest.approx(getattr(np, name)(points).tolist(), rel=1e-15)


@pytest.mark.parametrize("function", [
    np.var, np.std, lambda a: np.linalg.norm(a, axis=0), lambda a: np.vdot(a, a[::-1]), np.mean,
    lambda a: np.mod(a, a[::-1] + 3.3), lambda a: a % 0.7, lambda a: np.std(a, axis=1), lambda a: np.var(a, ddof=1),
])  # fmt: skip
def test_functions_made_of_ufuncs(function):
    numbers = np.array([[0.4, 2.5, -1.0], [3.0, -0.5, 1.25]])
    values = np.vectorize(Value)(numbers)
    result = np.asarray(function(values), dtype=object)
    assert [float(value) for value in result.ravel()] == pytest.approx(np.ravel(function(numbers)).tolist())
    gradient = jacobian(function)(numbers)
    steps = [(function(numbers + h) - function(numbers - h)) / 2e-6 for h in 1e-6 * np.eye(6).reshape(6, 2, 3)]
    assert gradient.reshape(-1, 6) == pytest.approx(np.array(steps).reshape(6, -1).T, abs=1e-6)


def test_negative_numbers_to_fractional_powers_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = np.power(np.array([Value(-8.0), Value(-1.0)]), np.array([1 / 3, 0.5]))
    assert all(math.isnan(value) for value in result)
    assert [(Value(-2.0) ** y).data for y in (inf, -inf, 3.0)] == [inf, 0.0, -8.0]


@pytest.mark.parametrize(("theirs", "ours"), [("label", "name"), ("_prev", "parents"), ("_op", "op"),
                                          ("_backward", r"backward\(\)")])  # fmt: skip
def test_names_of_micrograd_lead_to_ours(theirs, ours):
    with pytest.raises(AttributeError, match=f"{theirs}.*{ours}"):
        getattr(Value(1.0), theirs)
    with pytest.raises(AttributeError, match=f"{theirs}.*{ours}"):
        setattr(Value(1.0), theirs, "a")
    with pytest.raises(TypeError, match=f"name=, not {theirs}"):
        Value(1.0, **{theirs: "a"})


# Pickles


def test_what_is_pickled_together_stays_shared():
    x = Value(2.0)
    h = x.exp()
    again, triple = pickle.loads(pickle.dumps((h, h * 3)))
    assert triple.parents[0] is again
    triple.backward()
    assert again.grad == 3.0


def test_losses_on_one_graph_take_little_more_than_their_sum():
    x = Value(0.5)
    h = x
    for _ in range(300):
        h = (h * x + 1).tanh()
    losses = [h * i for i in range(100)]
    assert len(pickle.dumps(losses)) < 2 * len(pickle.dumps(autograd.sum(losses)))


@pytest.mark.slow
def test_deep_graphs_pickle_in_pieces_that_fit_the_stack():
    x = Value(1.0)
    y = x
    for _ in range(30_000):
        y = y * x + y
    again = pickle.loads(pickle.dumps([y, x]))
    assert len(autograd.node.nodes(again)) == len(autograd.node.nodes([y]))


# Contexts that end where they did not begin


def paused():
    with no_grad():
        yield


def test_a_context_left_without_being_entered():
    with pytest.raises(RuntimeError, match="no_grad ends in a thread, task or order other than it began in"):
        no_grad().__exit__(None, None, None)


def test_a_generator_paused_inside_a_context_and_closed_in_another_thread():
    generator = paused()
    context = autograd.context.current_context()
    next(generator)
    caught = []

    def close():
        try:
            generator.close()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert "generator must not be paused" in str(caught[0])
    autograd.context._context.set(context)  # what the docstring warns of


def test_contexts_in_another_order():
    generator = paused()
    context = autograd.context.current_context()
    next(generator)
    with scope("outer"), pytest.raises(RuntimeError, match="order"):
        generator.close()
    autograd.context._context.set(context)


@pytest.mark.parametrize("name", ["sign", "floor", "ceil", "rint", "trunc"])
def test_nothing_flows_through_steps_not_even_an_infinity(name):
    def f(x):
        return (getattr(x, name)() + 1.0 - getattr(x, name)().data).arccosh()  # infinitely steep at 1

    x = Value(1.25)
    f(x).backward()
    assert x.grad == grad(f)(1.25) == 0.0
    assert derivative(f(x), x).data == 0.0
    y = Value(1.25)
    for backend in ("floats", "arrays"):
        _, gradient = autograd.compile(f(y), wrt=[y], backend=backend)()
        assert gradient.tolist() == [0.0]


# Every row where formulas are most likely to give nan: at 0, at 1 and -1, at equal operands

SPECIAL = (0.0, 1.0, -1.0)
WITHOUT_DERIVATIVE = {
    "pow": [(0.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (-1.0, 1.0), (-1.0, -1.0)],  # a negative base has none by the exponent
    "arctan2": [(0.0, 0.0), (0.0, -1.0)],
}


def special_points(row):
    number = row.arity or {"dot": 4}.get(row.name, 2 if row.formula.__defaults__ else 3)
    if number > 2:
        return [(0.0,) * number, (1.0,) * number, (-1.0, *(0.0,) * (number - 1)), (2.0, 2.0, *(1.0,) * (number - 2))]
    return itertools.product(SPECIAL, repeat=number)


def require_right(f, point):
    """All derivatives are right, or there is none because the function jumps."""
    try:
        autograd.gradcheck(f, list(point))
    except autograd.GradcheckError as error:
        wrong = [entry for entry in error.report.entries if entry.verdict == "wrong"]
        if not all("jumps" in entry.note and math.isfinite(entry.analytic) for entry in wrong):
            raise


@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if not row.is_helper and n not in ("where", "clip")])
def test_no_row_gives_a_nan_of_its_own(name):
    """Wherever there is a first or second derivative, or a slope to one side, it is given."""
    row = TABLE[name]
    for point in special_points(row):
        if not math.isfinite(FLOATS.evaluate(row, point)):
            continue
        if point in WITHOUT_DERIVATIVE.get(name, ()) or row.is_flat:
            continue
        require_right(lambda *xs: apply(row, *xs), point)
        if row.kinks is not None and 0.0 in row.kinks(*point):
            continue  # the derivative jumps there
        for position in range(len(point)):

            def slope(*xs, position=position):
                return derivative(apply(row, *xs), xs[position])

            values = [Value(x) for x in point]
            if math.isfinite(slope(*values).data) and not slope(*values).is_constant:
                require_right(slope, point)
