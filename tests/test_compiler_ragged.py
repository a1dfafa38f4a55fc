"""Rows of several lengths, and grids in which pairs are absent: padded into one array, with the Values' numbers."""

import math

import numpy as np
import pytest

import autograd
from autograd import Value, compile
from autograd.compiler import signatures
from autograd.compiler.elements import MISSING
from autograd.compiler.grids import extended, in_grids
from autograd.compiler.pipeline import Request, packed, traced
from autograd.compiler.signatures import grouped
from autograd.ops import TABLE
from autograd.value import apply

from .test_compiler import ARRAYS


@pytest.fixture(params=["only where it pays", "always"])
def padding(request, monkeypatch):
    """What is padded: in graphs as small as those of tests, nothing would be."""
    if request.param == "always":
        monkeypatch.setattr(signatures, "_MANY", 0)
        monkeypatch.setattr(signatures, "_FEWER", 10.0)
        monkeypatch.setattr(signatures, "_LENGTHS", 2)
        monkeypatch.setattr(signatures, "_WASTE", 100.0)


def check(outputs, leaves, dtype="float64", digits=1e-11):
    """Loss, gradient and outputs as those of the Values, and at the same places not finite."""
    loss = autograd.sum([output * (1.0 + 0.1 * i) for i, output in enumerate(outputs)])
    for leaf in leaves:
        leaf.grad = 0.0
    loss.backward()
    expected = np.array([leaf.grad for leaf in leaves])
    rows = np.array([[leaf.data for leaf in leaves]] * 2, dtype)
    for backend in ARRAYS if dtype == "float64" else ["arrays"]:
        value, gradient = compile(loss, wrt=leaves, backend=backend, dtype=dtype)()
        np.testing.assert_allclose(value, loss.data, rtol=digits, atol=digits)
        np.testing.assert_allclose(gradient, expected, rtol=digits, atol=digits)
        found = compile(outputs, wrt=None, inputs=(leaves,), backend=backend, dtype=dtype)
        np.testing.assert_allclose(found(rows)[1], [output.data for output in outputs], rtol=digits, atol=digits)


def values(rng, *shape):
    return np.vectorize(Value, otypes=[object])(rng.normal(size=shape)).tolist()


def leaves_of(*nested):
    return [leaf for each in nested for leaf in np.ravel(np.array(each, dtype=object)).tolist()]


def visible(kind, i, steps):
    """The positions that position i sees."""
    return {
        "those before": range(i + 1),
        "those after": range(i, steps),
        "a window": range(max(0, i - 2), i + 1),
        "every second": range(i % 2, i + 1, 2),
        "those before, backwards": range(i, -1, -1),
    }[kind]


KINDS = ["those before", "those after", "a window", "every second", "those before, backwards"]


def attention(q, k, v, kind, heads=1):
    steps, width = len(q), len(q[0])
    outputs = []
    for i in range(steps):
        for h in range(heads):
            part = slice(h * width // heads, (h + 1) * width // heads)
            seen = visible(kind, i, steps)
            shares = autograd.softmax([autograd.dot(q[i][part], k[j][part]) * 0.7 for j in seen])
            columns = zip(*[v[j][part] for j in seen], strict=True)
            outputs += [autograd.dot(shares, column) for column in columns]
    return outputs


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_attention_to_some_positions(padding, kind, heads):
    q, k, v = (values(np.random.default_rng(seed), 5, 4) for seed in range(3))
    check(attention(q, k, v, kind, heads), leaves_of(q, k, v))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("where", ["query", "key", "value"])
def test_what_is_masked_makes_no_nan(padding, number, where):
    """An infinity at the last position reaches that one only: 0 times infinity must not count as nan for the others."""
    q, k, v = (values(np.random.default_rng(seed), 5, 4) for seed in range(3))
    {"query": q, "key": k, "value": v}[where][4][1].data = number
    outputs = attention(
        [[x + 0.0 for x in row] for row in q], [[x + 0.0 for x in row] for row in k],
        [[x + 0.0 for x in row] for row in v], "those before",
    )  # fmt: skip
    assert all(math.isfinite(output.data) for output in outputs[:16])
    check(outputs[:16], leaves_of(q, k, v))
    if where != "value":  # an infinite derivative of shares is nan for each of them in arrays, for some in Values
        check(outputs, leaves_of(q, k, v))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 0.0])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "prod", "mean", "sum", "max", "min"])
def test_functions_of_rows(padding, name, number):
    x = values(np.random.default_rng(0), 6)
    x[5].data = number
    scaled = [2.0 * z for z in x]
    rows = [apply(TABLE[name], *scaled[: i + 1]) for i in range(6)]
    rows += [apply(TABLE[name], *scaled[i : i + 2 + i % 2]) for i in range(3)]
    check([row.tanh() for row in rows[:5]], x)
    check([row.tanh() if name == "log_softmax" else row * row for row in rows], x)  # no infinite derivative of rows


@pytest.mark.parametrize("number", [math.inf, 0.0, 1.5])
def test_sums_of_every_form(padding, number):
    """Terms and products, added and subtracted, of one length and of several, with constants."""
    rng = np.random.default_rng(1)
    x, w = values(rng, 6), values(rng, 6)
    x[5].data = number
    constants = rng.normal(size=6).tolist()
    y = [z.tanh() for z in x]
    outputs = []
    for i in range(1, 6):
        outputs += [
            autograd.dot(w[:i], x[:i]) - autograd.sum(y[:i]),
            autograd.sum(x[:i]) * 1.0 + autograd.dot(constants[:i], y[:i]) + 0.5,
            autograd.dot(x[:i], y[:i]) - autograd.dot(w[:i], y[:i]) + autograd.dot(w[:3], x[:3]) + w[i],
            autograd.sum(y[:i]) + constants[i],
        ]
    check([output.tanh() for output in outputs], leaves_of(x, w))


@pytest.mark.parametrize("name", ["sum", "mean", "logsumexp", "prod", "dot"])
def test_an_infinite_derivative_of_a_short_row(padding, name):
    """It flows back to the row's own terms, not to those that stand where it is padded."""
    x = [Value(number) for number in (0.0, 1.0, 2.0, 3.0, 0.5, 1.5)]
    y, w = [2.0 * z for z in x], [z + 1.0 for z in x]
    rows = [y[: i + 1] * 1 for i in range(6)]
    if name == "dot":
        results = [autograd.dot(row, w[: len(row)]) for row in rows]
    elif name == "prod":
        results = [apply(TABLE[name], *row[::-1]) for row in [y[:1], y[1:2], y[1:3], y[1:4]]]
    else:
        results = [apply(TABLE[name], *row) for row in rows]
    check([autograd.sqrt(result) for result in results], x)


def test_products_of_which_pairs_have_lengths_of_their_own(padding):
    """Beside a product of matrices, products that look like one but for how many terms each sum has."""
    rng = np.random.default_rng(4)
    q, k, u, v = values(rng, 4, 3), values(rng, 4, 3), values(rng, 4, 3), values(rng, 4, 3)
    waves = [[[z.tanh() for z in row] for row in each] for each in (u, v)]
    outputs = []
    for i in range(4):
        for j in range(4):
            number = 1 + i * j % 3
            outputs.append(autograd.dot(q[i], k[j]) + autograd.dot(waves[0][i][:number], waves[1][j][:number]))
    check(outputs, leaves_of(q, k, u, v))


def test_products_of_a_triangle(padding):
    """Rows of a triangular matrix times a vector, as in the logarithm of a Gaussian's density."""
    rng = np.random.default_rng(2)
    triangles, x = [[values(rng, i) if i else [] for i in range(6)] for _ in range(3)], values(rng, 6)
    means = values(rng, 3, 6)
    outputs = []
    for triangle, mean in zip(triangles, means, strict=True):
        centred = [a - b for a, b in zip(x, mean, strict=True)]
        rows = [autograd.dot(row, centred[:i]) + centred[i] if i else centred[i] for i, row in enumerate(triangle)]
        outputs.append(autograd.sum([row * row for row in rows]))
    check(outputs, leaves_of(x, means) + [leaf for triangle in triangles for row in triangle for leaf in row])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_types_of_numbers(padding, dtype):
    q, k, v = (values(np.random.default_rng(seed), 5, 4) for seed in range(3))
    check(attention(q, k, v, "those before"), leaves_of(q, k, v), dtype, 1e-5 if dtype == "float32" else 1e-11)


def test_a_function_of_absent_pairs_is_not_read(padding):
    """Scores of pairs that are absent are computed all the same; a logarithm of them is nan, and reaches nothing."""
    rng = np.random.default_rng(3)
    q, k = np.abs(rng.normal(size=(2, 5, 3)))
    k[0] *= -1.0  # seen by nobody: every score with it is negative
    q, k = ([[Value(z) for z in row] for row in each.tolist()] for each in (q, k))
    scores = [autograd.dot(q[i], k[j]) for i in range(5) for j in range(1, 5) if j >= i]
    check([autograd.log(s) * 1.5 for s in scores], leaves_of(q, k))


def random_outputs(rng, x):
    """Sums, products and functions of rows of random lengths, on top of each other."""
    pool, kind = list(x), 0
    for _ in range(3):
        made = []
        start = int(rng.integers(0, 3))
        for i in range(1, 7):
            row = pool[start : start + i] if rng.random() < 0.9 else pool[-i:]
            other = x[: len(row)]
            kind = int(rng.integers(0, 3)) if i == 1 else kind
            if kind == 0:
                made.append(autograd.dot(row, other))
            elif kind == 1:
                made.append(autograd.logsumexp(row) + other[0])
            else:
                made += [s * 2.0 for s in autograd.softmax(row)]
        pool += [m.tanh() for m in made]
    return pool[len(x) :]


@pytest.mark.parametrize("seed", [*range(10), *[pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 300)]])
def test_random_rows(padding, seed):
    rng = np.random.default_rng(seed)
    x = values(rng, 7)
    if seed % 3 == 0:
        x[6].data = [math.inf, -math.inf, math.nan][seed // 3 % 3]
    check(random_outputs(rng, x), x)


def test_the_instructions_of_causal_attention():
    """One product for all scores, one softmax, one product with the values: nothing is taken element by element."""
    q, k, v = ([[Value(0.1 * (i + j)) for j in range(8)] for i in range(16)] for _ in range(3))
    outputs = attention(q, k, v, "those before")
    request = Request(outputs, True, leaves_of(q, k, v), [], [], True)
    graph = traced(request)
    builder, output = packed(request, graph, grouped(graph, request.gives_gradient))
    kinds = [each.op for each in builder.program([output]).instructions]
    assert kinds.count("contract") == 2
    assert kinds.count("rows") == 1
    assert "take" not in kinds
    assert len(kinds) < 20


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ([[0, -9, -9], [1, 4, -9], [2, 5, 8]], [[0, 3, 6], [1, 4, 7], [2, 5, 8]]),
        ([[3, -9, -9], [4, 9, 2]], [[3, 3, 3], [4, 9, 2]]),
        ([[-9, -9, -9], [4, 5, 7]], [[4, 4, 4], [4, 5, 7]]),
    ],
)
def test_positions_of_what_is_missing(positions, expected):
    positions = np.array(positions)
    assert extended(positions, positions >= 0, 10).tolist() == expected


def test_grids_with_absent_pairs():
    pairs = [(i, j) for i in range(3) for j in range(i + 1)]
    left = np.array([[10 * i, 10 * i + 1] for i, _ in pairs])
    right = np.array([[100 * j, 100 * j + 1] for _, j in pairs])
    place, lengths = in_grids(left, right)
    assert lengths == (1, 3, 3)
    assert place.reshape(3, 3).tolist() == [[0, 1, 3], [MISSING, 2, 4], [MISSING, MISSING, 5]]
    assert in_grids(left[:4], np.array([[0, 1], [2, 3], [4, 5], [0, 2]])) is None  # [0, ...] goes on in two ways


@pytest.mark.parametrize("number", [1.5, math.inf])
def test_jax_pads_too(number):
    """Masked products, which count for nothing even where a factor is infinite."""
    pytest.importorskip("jax")
    q, k, v = (values(np.random.default_rng(seed), 16, 3) for seed in range(3))
    outputs = attention(q, k, v, "those before")
    v[15][1].data = number
    seen = autograd.sum([output * output for output in outputs[:45]])
    steps = [compile(seen, wrt=leaves_of(q, k, v), backend=backend) for backend in ("arrays", "jax")]
    (value, gradient), (expected, expected_gradient) = [step() for step in steps]
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-11, atol=1e-13)
