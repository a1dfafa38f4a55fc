"""Programs exported to JavaScript and C, run by node and by what gcc makes, against the compiled programs."""

import random

import numpy as np
import pytest

import autograd
from autograd import Value, compile
from autograd.compiler import costs
from autograd.ops import TABLE
from autograd.value import apply

from .exported import LANGUAGES, results

inf, nan = float("inf"), float("nan")

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1.5, -2.5, 30.0, -30.0, 1e-9, 1e300, inf, -inf, nan]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=["packed", "one array per node"])
def packing(request, monkeypatch):
    """Small graphs are packed only if they are told to be."""
    monkeypatch.setattr(costs, "choose", lambda size: costs.Choice(request.param == "packed", 2))


# Every operation


def width(row):
    """How many operands to give an operation."""
    if row.arity is not None:
        return row.arity
    return {"leaky_relu": 2, "elu": 2, "dot": 6}.get(row.name, 3)


def table_of_operands(row, number):
    """Operands: some from the row's domain, then special ones."""
    generator = random.Random(row.name)
    domains = [row.domain[min(i, len(row.domain) - 1)] for i in range(width(row))]
    for i in range(number):
        if i < 5:
            yield [generator.uniform(*domain) for domain in domains]
        elif width(row) == 1:
            yield [SPECIAL[i % len(SPECIAL)]]
        else:
            yield [generator.choice(SPECIAL) for _ in domains]


def same(found, expected, labels):
    """Equal to 1e-12, nan, infinities and zeros in the same places."""
    for got, wanted, label in zip(found, expected, labels, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=5e-323, err_msg=str(label))


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("copies", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation(language, copies, tmp_path):
    """All rows of the table in one program, for a batch of ordinary and special operands; gradients one by one."""
    rows = [row for row in TABLE.values() for _ in range(copies)]
    x = [[Value(0.5) for _ in range(width(row))] for row in rows]
    flat = [each for part in x for each in part]
    outputs = [apply(row, *part) for row, part in zip(rows, x, strict=True)]
    predict = compile(outputs, inputs=(flat,), backend="arrays")
    step = compile(autograd.sum(outputs), wrt=flat, backend="arrays")
    points = list(zip(*[table_of_operands(row, 60) for row in rows], strict=True))
    batch = np.array([[number for part in point for number in part] for point in points])
    calls = [[([], [batch])], [(point, []) for point in batch]]
    [[found], steps] = results(language, [predict, step], calls, tmp_path)
    for row, *columns in zip(rows, found.T, predict(batch).T, strict=True):
        same(*columns, [row.name] * len(batch))
    names = [row.name for row, part in zip(rows, x, strict=True) for _ in part]
    for point, (_, gradient) in zip(batch, steps, strict=True):
        step.theta = point
        same(gradient, step()[1], zip(names, point, strict=True))
