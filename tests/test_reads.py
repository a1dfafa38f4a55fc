"""detect_reads: every way in which Python code learns the number of a Value is noted, and nothing else."""

import copy
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from autograd import Placeholder, Value, derivative, detect_anomaly, detect_reads, grad, gradcheck, jvp, no_grad


def under_no_grad(x):
    with no_grad():
        return x * 2


def watched_for_anomalies(x):
    with detect_anomaly():
        return x * 2


def comparing_partials(x):
    bent = autograd.operation("bent", lambda m, x: m.relu(x), lambda m, y, x: (1.0 if x > 0 else 0.0,))
    return derivative(bent(x), x)


def assign(name, number):
    return lambda x: setattr(x, name, number)


READS = {
    "data": lambda x: x.data,
    "data of an operand": lambda x: (x * 2).parents[0].data,
    "data, assigned": assign("data", 3.0),
    "grad": lambda x: x.grad,
    "grad, assigned": assign("grad", None),
    "has_grad": lambda x: x.has_grad,
    "backward": lambda x: x.backward(),
    "float": float,
    "complex": complex,
    "less": lambda x: x < 1,
    "less or equal": lambda x: x <= 1,
    "greater": lambda x: x > 1,
    "greater or equal": lambda x: x >= 1,
    "less, number first": lambda x: 1 < x,  # noqa: SIM300
    "less, constant first": lambda x: Value(1.0).detach() < x,
    "less, other leaf first": lambda x: Value(1.0) < x,
    "max": lambda x: max([x, 1.0]),
    "min": lambda x: min([x, x * 2]),
    "sorted": lambda x: sorted([x, 1.0]),
    "list.sort": lambda x: [x, 1.0].sort(),
    "math.sqrt": math.sqrt,
    "math.isnan": math.isnan,
    "math.fsum": lambda x: math.fsum([x]),
    "math.isclose": lambda x: math.isclose(x, 1.0),
    "format": lambda x: f"{x:.3f}",
    "format without specification": lambda x: f"{x}",
    "percent format": lambda x: "%.3f" % x,  # noqa: UP031
    "str": str,
    "repr": repr,
    "repr of a list": lambda x: repr([x]),
    "detach": lambda x: x.detach(),
    "no_grad": under_no_grad,
    "no_grad, other order": lambda x: no_grad()(lambda: 2 * x)(),
    "no_grad, n-ary": lambda x: no_grad()(autograd.sum)([1.0, x]),
    "detect_anomaly": watched_for_anomalies,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy of a list": lambda x: copy.deepcopy([x]),
    "pickle": pickle.dumps,
    "np.asarray": lambda x: np.asarray([x], dtype=float),
    "np.float64": np.float64,
    "np.array.astype": lambda x: np.array([x]).astype(float),
    "filling an array": lambda x: np.zeros(2).__setitem__(0, x),
    "np.argmax": lambda x: np.argmax(np.array([x, x * 2])),
    "np.sort": lambda x: np.sort(np.array([x, x * 2])),
    "np.maximum": lambda x: np.maximum(np.array([x]), np.array([1.0])),
    "np.clip": lambda x: np.clip(np.array([x]), 0.0, 1.0),
    "np.unique": lambda x: np.unique(np.array([x, x * 2])),
    "comparing an array": lambda x: np.array([x, x]) > 1,
    "nn.argmax": lambda x: nn.argmax([x, x * 2]),
    "ArgMax": lambda x: nn.ArgMax()([x, x * 2]),
    "derivative as a float": lambda x: float(derivative(x * x, x)),
    "jvp": lambda x: jvp(lambda a: a * x, (1.0,), (1.0,)),
    "a partial derivative that compares": comparing_partials,
    "inside gradcheck": lambda x: gradcheck(lambda a: a * 2 if x > 0 else a, [1.0]),
    "random numbers": lambda x: np.random.default_rng(0).normal(x),
}  # fmt: skip


def of_kinds():
    """Something to read: a leaf that is named, a result, a Placeholder."""
    leaf = nn.Parameter(0.5)
    return {"leaf": leaf, "result": leaf * 1.0, "placeholder": Placeholder([0.5, 2.0])}


@pytest.mark.parametrize("kind", ["leaf", "result", "placeholder"])
@pytest.mark.parametrize("way", READS)
def test_reads_are_noted(way, kind):
    values = of_kinds()
    if way == "data, assigned" and kind == "result":
        pytest.skip("the data of results cannot be assigned")
    with detect_reads([values["leaf"]]) as reads:
        READS[way](values[kind])
    assert reads.first is not None


@pytest.mark.parametrize("make", [lambda: Value(0.5), lambda: Value(0.5).detach()], ids=["leaf", "constant"])
@pytest.mark.parametrize("way", ["data", "data, assigned", "grad", "float", "less", "format", "repr", "detach", "copy",
    "no_grad", "no_grad, n-ary", "deepcopy", "pickle", "np.asarray"])  # fmt: skip
def test_other_leaves_and_constants_do_not_count(way, make):
    with detect_reads() as reads:
        READS[way](make())
    assert reads.first is None


ASKED = {
    "==": lambda x: x == 1,
    "!=": lambda x: x != 1,
    "number first": lambda x: 1.0 == x,  # noqa: SIM300
    "in a list": lambda x: x in [0, 1],
    "in a set": lambda x: x in {0, 1},
    "index": lambda x: [x, 0.5].index(0.5),
    "lists": lambda x: [x] == [1],
    "key": lambda x: {0.5: 1.0}.get(x),
    "key of two": lambda x: {(0.5, 1.0): 1.0}.get((x, 1.0)),
    "another placeholder": lambda x: x == Placeholder([0.5]),
    "a parameter": lambda x: nn.Parameter(0.5) == x,
    "a result": lambda x: 2 * x == x,
    "two results": lambda x: 2 * x != x * 2,
    "lists of results": lambda x: [2 * x] == [abs(x)],
    "a result of parameters": lambda x: x + 1 == nn.Parameter(0.5) * x,
    "set": lambda x: {x},
    "hash": hash,
    "NumPy array": lambda x: np.array([x, x]) == 0.5,
}


@pytest.mark.parametrize("way", ASKED)
def test_a_number_would_answer_where_a_placeholder_cannot(way):
    with detect_reads() as reads:
        ASKED[way](Placeholder([0.5, 2.0]))
    assert reads.first is not None


RECORDED = {
    "arithmetic": lambda x, w: -((w * x + 1) ** 2) / (3 - x) - abs(x),
    "functions": lambda x, w: autograd.softmax([x.exp(), autograd.maximum(w, x), autograd.where(x, w, 1.0)]),
    "NumPy": lambda x, w: np.exp(np.array([x, w]) @ np.array([2.0, 3.0])),
    "derivatives as graphs": lambda x, w: derivative((w * x).tanh(), x),
    "derivatives of functions": lambda x, w: grad(lambda a: a * w)(x),
    "second derivatives": lambda x, w: derivative((w * x).tanh(), [x, w], order=2),
    "parents": lambda x, w: (x * w).parents[0].name,
    "identity": lambda x, w: (x is w, w in [w, x], x == x, w * x == w, w * x in [w, w * 2]),
    "sets of other Values": lambda x, w: {w: 1, w * x: 2},
    "layers": lambda x, w: nn.MLP([2, 3, 2], "gelu", seed=0)([x, w]),
    "losses": lambda x, w: (nn.cross_entropy([x, w], [0.0, 1.0]), nn.huber([w], [x]), nn.hinge([w], [1])),
}


@pytest.mark.parametrize("way", RECORDED)
def test_what_is_in_the_graph_is_no_read(way):
    w = nn.Parameter(0.5)
    with detect_reads([w]) as reads:
        RECORDED[way](Placeholder([0.25, 2.0]), w)
    assert reads.first is None


def test_reads_that_do_not_count_search_the_leaves_once():
    class Counted(list):
        times = 0

        def __iter__(self):
            self.times += 1
            return super().__iter__()

    leaves, other = Counted([Value(1.0), Value(2.0)]), Value(3.0)
    reads = detect_reads(leaves)
    reads._leaves = leaves
    before = leaves.times
    with reads:
        assert sum(other.data for _ in range(9)) == 27.0
    assert (leaves.times - before, reads.first) == (1, None)


def test_the_first_line_of_the_user_is_named():
    x = Value(1.0)
    with detect_reads(x) as reads:
        y = x * 2
        nn.ArgMax()([y, x])  # the first: line by the library's help
        float(x)
    filename, line = reads.first
    assert Path(filename) == Path(__file__)
    assert Path(__file__).read_text().splitlines()[line - 1].endswith("# the first: line by the library's help")
    assert repr(reads) == f"<detect_reads: {filename}:{line}>"
    assert repr(detect_reads()) == "<detect_reads: none>"


def test_it_ends_with_its_block():
    x = Value(1.0)
    with detect_reads([x]) as reads:
        pass
    float(x)
    assert reads.first is None


def test_inside_another_one_both_are_told():
    x = Value(1.0)
    with detect_reads([x]) as outer, detect_reads() as inner:
        float(x * 2)
        assert outer.first == inner.first != None  # noqa: E711
    with detect_reads([x]) as outer:
        with detect_reads() as inner:
            float(x)
        assert inner.first is None
        assert outer.first is not None


def test_a_decorated_function_may_call_itself():
    @detect_reads()
    def down(x):
        return down(x - 1.0) if x > 0 else x

    assert down(Value(3.0)).data == 0.0


@pytest.mark.parametrize("inner", [no_grad, autograd.scope, detect_anomaly])
def test_other_contexts_keep_it(inner):
    x = Value(1.0)
    with detect_reads([x]) as reads, inner("inside") if inner is autograd.scope else inner():
        float(x)
    assert reads.first is not None
