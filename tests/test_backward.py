"""backward and the graph: order, accumulation, depth, contexts, scopes."""

import asyncio
import contextlib
import gc
import math
import pickle
import threading

import numpy as np
import pytest

from autograd import AnomalyError, Value, detect_anomaly, dot, no_grad, scope, sum, where
from autograd.chain import accumulate, pull_all
from autograd.node import history, leaves, nodes, scopes


def test_the_seed_multiplies():
    x = Value(3.0)
    (x * x).backward(seed=0.5)
    assert x.grad == 3.0
    with pytest.raises(TypeError, match="seed takes a real number"):
        (x * x).backward("a")


def test_backward_on_a_leaf():
    x = Value(3.0)
    x.backward()
    x.backward(2)
    assert x.grad == 3.0


def test_shared_results_are_cleared_between_calls():
    x = Value(2.0)
    shared = x * 3
    first, second = shared * shared, shared + 1
    first.backward()
    assert shared.grad == 12.0
    second.backward()
    assert shared.grad == 1.0
    assert x.grad == 36.0 + 3.0


@pytest.mark.parametrize(
    "places", [([0, 1, 2], [4, 0, 0]), ([0, 2, 1], [3, 0, 0]), ([0, 3, 1, 0], [4, 2, 0, 0]), ([1], [1]), ([3], [0])]
)
def test_the_derivative_of_dot_is_the_chain_rule_to_the_last_bit(places):
    """Also where factors are constants, or occur more than once, so that the order of additions counts."""
    values = [Value(x) for x in (0.1, 1.7e-3, -2.3)] + [Value(1.1).detach(), Value(0.7).detach()]
    xs, ys = ([values[place] for place in side] for side in places)
    result = dot(xs, ys) * 0.3
    result.backward(0.7)
    found = [value.gradient for value in values]
    for node in nodes([result]):
        node.gradient = None
    accumulate(result, 0.7)
    pull_all(history([result]))
    assert found == [value.gradient for value in values]
    assert found[3:] == [None, None]


def test_a_condition_passes_nothing_on():
    x = Value(0.0)
    y = where(x.log(), x * 2, x * 3)  # log(0) is not 0
    y.backward()
    assert x.grad == 2.0


def test_history_puts_results_before_their_operands():
    a, b = Value(1.0, name="a"), Value(2.0, name="b")
    c = a * b
    d = c + a
    e = sum([d, c, b])
    order = history([e])
    assert order[0] is e
    assert all(order.index(node) < order.index(p) for node in order for p in node.parents if p.parents)
    assert nodes([e]) == [a, b, c, d, e]
    assert set(leaves([e])) == {a, b}


def chain(length, extend):
    x = y = Value(1.0)
    for _ in range(length):
        y = extend(y, x)
    return x, y


@pytest.mark.parametrize(
    ("extend", "length"),
    [
        pytest.param(lambda y, x: y + x, 1_000_000, marks=pytest.mark.slow),
        (lambda y, x: -y, 200_000),
        pytest.param(lambda y, x: sum([y, 0.0, 0.0]), 200_000, marks=pytest.mark.slow),
        (lambda y, x: y.maximum(0.0), 200_000),
    ],
    ids=["shared leaf", "one operand", "three operands", "two operands"],
)
def test_deep_graphs(extend, length):
    x, y = chain(length, extend)
    y.backward()
    assert abs(x.grad) in (1.0, 1_000_001.0)
    del y  # freed without overflowing the C stack
    assert x.grad


def test_graphs_are_free_of_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        x, y = chain(1000, lambda y, x: y * x)
        y.backward()
        del x, y
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_wide_graphs():
    xs = [Value(1.0) for _ in range(100_000)]
    sum(xs).backward()
    assert all(x.grad == 1.0 for x in xs)


def test_no_grad_is_local_to_its_thread():
    x = Value(2.0)
    found = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(x * 2))
        thread.start()
        thread.join()
        here = x * 2
    assert here.is_constant
    assert not found[0].is_constant


def test_no_grad_is_local_to_its_task():
    x = Value(2.0)

    async def without(entered, done):
        with no_grad():
            entered.set()
            await done.wait()
            return x * 2

    async def plain(entered, done):
        await entered.wait()
        y = x * 2
        done.set()
        return y

    async def both():
        entered, done = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(without(entered, done), plain(entered, done))

    silent, recorded = asyncio.run(both())
    assert silent.is_constant
    assert not recorded.is_constant


def test_contexts_nest_and_decorate():
    x = Value(2.0)

    @no_grad()
    def computed():
        with no_grad():
            pass
        return x * 2

    assert computed().is_constant
    assert not (x * 2).is_constant


def test_one_context_object_may_serve_two_threads():
    silent = no_grad()
    x = Value(2.0)
    entered, done = threading.Event(), threading.Event()
    found = []

    def compute():
        with silent:
            entered.set()
            done.wait()
            found.append(x * 2)

    thread = threading.Thread(target=compute)
    thread.start()
    entered.wait()
    with silent:
        pass
    done.set()
    thread.join()
    assert found[0].is_constant
    assert not (x * 2).is_constant


def test_what_computes_later_cannot_be_decorated():
    with pytest.raises(TypeError, match=r"no_grad cannot decorate the generator or coroutine function .*later"):

        @no_grad()
        def later():
            yield 1

    with pytest.raises(TypeError, match="use `with scope"):

        @scope("s")
        async def later_too():
            pass


@pytest.mark.parametrize("inner", [detect_anomaly, no_grad, lambda: scope("inner")])
@pytest.mark.parametrize("outer", [detect_anomaly, no_grad, lambda: scope("outer")])
def test_contexts_keep_what_they_do_not_change(outer, inner):
    x = Value(0.0)
    with scope("here"), outer(), inner():
        y = x + 1
        anomalous = detect_anomaly in (outer, inner)
        with pytest.raises(AnomalyError) if anomalous else contextlib.nullcontext():
            x.log()
    assert y.is_constant == (no_grad in (outer, inner))
    if not y.is_constant:
        assert y.scope.name in ("here", "outer", "inner")


def test_contexts_end_with_an_error():
    x = Value(2.0)
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert not (x * 2).is_constant


@pytest.mark.parametrize(
    ("compute", "op"),
    [
        (lambda x: x.log() + 1, "log"),
        (lambda x: (x * 1e308 * 1e308).relu(), "mul"),
        (lambda x: 1 / (x - x), "div"),
        (lambda x: sum([x, math.inf, x]), "sum"),
    ],
)
def test_an_anomaly_names_operation_operands_and_line(compute, op):
    x = Value(-1.0, name="x")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        compute(x)
    assert caught.value.op == op
    assert caught.value.filename == __file__
    assert "lambda x" in str(caught.value)
    assert caught.value.operands


def test_an_anomaly_in_backward_knows_the_line_that_made_the_operation():
    x = Value(0.0, name="x")
    with detect_anomaly():
        y = x.sqrt() * 2
        with pytest.raises(AnomalyError, match=r"backward through sqrt at x = 0.0 gave inf") as caught:
            y.backward()
    assert "y = x.sqrt() * 2" in str(caught.value)


def test_an_anomaly_in_a_graph_from_outside():
    y = Value(0.0).sqrt()
    with pytest.raises(AnomalyError, match="recorded outside of detect_anomaly") as caught, detect_anomaly():
        y.backward()
    assert caught.value.line is None


def test_an_anomaly_inside_numpy_is_blamed_on_the_caller():
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        np.mean(np.array([Value(math.inf), Value(1.0)]))
    assert caught.value.filename == __file__


def test_anomaly_errors_are_pickled():
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        Value(0.0).log()
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (str(twin), twin.op, twin.line) == (str(caught.value), "log", caught.value.line)


def test_no_anomaly_no_error():
    x = Value(2.0)
    with detect_anomaly():
        (x.exp() * 3).backward()
    assert x.grad == 3 * math.exp(2.0)


def test_anomalies_are_found_without_recording_too():
    with pytest.raises(AnomalyError), detect_anomaly(), no_grad():
        Value(0.0).log()


def test_scopes_nest_and_belong_to_results():
    x = Value(1.0)
    with scope("network"):
        a = x * 2
        with scope("layer", owner="the layer"):
            b = a.exp()
        c = b + a
    d = c * 1
    assert [s.name for s in scopes([d])] == ["network", "layer"]
    assert (a.scope.name, b.scope.name, b.scope.outer.name, d.scope) == ("network", "layer", "network", None)
    assert b.scope.owner == "the layer"
    assert c.scope is a.scope


def test_every_call_of_a_decorated_function_is_a_scope():
    @scope("square")
    def squared(x):
        return x * x

    assert squared.__name__ == "squared"
    assert len(scopes([squared(squared(Value(2.0)))])) == 2


def test_a_scope_has_a_name():
    with pytest.raises(TypeError, match="name of a scope must be a string, got 3"):
        scope(3)
