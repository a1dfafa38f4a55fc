"""Sixty bad values for every argument of `compile` and of programs: one sentence that names the argument."""

import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import nn
from autograd import Value, compile

pytestmark = pytest.mark.filterwarnings("error")


class Raises:
    """Raises whatever it is asked for."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")

    def __repr__(self):
        raise RuntimeError("no text")

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None


class NoFloat(float):
    def __float__(self):
        raise RuntimeError("no float")


class NoArray:
    def __array__(self, dtype=None, copy=None):
        raise IndexError("no array")


def bad_values():
    in_itself, deep, within = [], [], np.empty(1, object)
    in_itself.append(in_itself)
    within[0] = within
    for _ in range(5000):
        deep = [deep]
    texts = ["", "x", "\ud800", "a\0b", b"x", b"", bytearray(b"xy"), memoryview(b"ab"), ["mean"]]
    sets = [{1.0}, frozenset([1.0]), {"a": 1.0}, {1: 2}.values(), set()]
    numbers = [True, 0, -1, 1.5, math.nan, math.inf, 10**400, 1j, Decimal("1.5"), Fraction(1, 3), NoFloat(1.0)]
    arrays = [np.arange(3.0), np.array(1.0), np.array([None]), np.array(["a"]), np.array([1j]), np.zeros((0, 3))]
    arrays += [np.zeros(2, [("a", float)]), np.array(["2020-01-01"], "datetime64[D]"), np.array([10**400]), within]
    masked = [np.ma.array([1.0, 2.0], mask=[True, False]), np.ma.masked, [1.0, np.ma.masked]]
    objects = [None, ..., object(), type, math, slice(3), ValueError("x"), range(3), Raises(), Raises, NoArray(), print]
    return [*texts, *sets, *numbers, *arrays, *masked, *objects, in_itself, deep, [None], [[None]], nn.Linear(1, 1)]


BAD_VALUES = bad_values()


def is_meant(name, bad):
    """Whether an argument may take this value after all."""
    if name in ("inputs", "inputs[0]"):
        return type(bad) is np.ndarray and bad.shape == (0, 3)  # no placeholders
    if name == "theta":
        return type(bad) is np.ndarray and bad.shape == (1,) and type(bad[0]) is int
    if name == "theta[0]":
        is_array = type(bad) is np.ndarray and bad.shape == ()
        return is_array or (isinstance(bad, (int, float, Fraction)) and not isinstance(bad, NoFloat))
    return bad is None and name in ("wrt", "backend")


def step(request):
    loss, w, x = request
    return compile(loss, wrt=[w], inputs=(x,), backend="arrays")


CALLS = {
    "output": lambda loss, w, x, bad: compile(bad, wrt=[w], inputs=(x,)),
    "outputs[0]": lambda loss, w, x, bad: compile([bad, loss], inputs=(x,)),
    "wrt": lambda loss, w, x, bad: compile(loss, wrt=bad, inputs=(x,)),
    "wrt[0]": lambda loss, w, x, bad: compile(loss, wrt=[bad], inputs=(x,)),
    "inputs": lambda loss, w, x, bad: compile(loss, wrt=[w], inputs=bad),
    "inputs[0]": lambda loss, w, x, bad: compile(loss, wrt=[w], inputs=[bad]),
    "inputs[0][1]": lambda loss, w, x, bad: compile(loss, wrt=[w], inputs=[[x[0], bad]]),
    "reduction": lambda loss, w, x, bad: compile(loss, wrt=[w], reduction=bad),
    "backend": lambda loss, w, x, bad: compile(loss, wrt=[w], backend=bad),
    "dtype": lambda loss, w, x, bad: compile(loss, wrt=[w], dtype=bad),
    "argument 0": lambda *request, bad: step(request)(bad),
    "theta": lambda *request, bad: setattr(step(request), "theta", bad),
    "theta[0]": lambda *request, bad: setattr(step(request), "theta", [bad]),
    "save_source: path": lambda *request, bad: step(request).save_source(bad),
}


@pytest.mark.parametrize("i", range(len(BAD_VALUES)))
@pytest.mark.parametrize("name", CALLS)
def test_bad_values(name, i, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    w, x, bad = Value(1.0), [Value(0.5), Value(0.2)], BAD_VALUES[i]
    loss = w * x[0] + x[1]
    if is_meant(name, bad):
        CALLS[name](loss, w, x, bad=bad)
        return
    pattern = f"^(compile: (the )?)?{re.escape(name.removesuffix('[0]'))}"
    with pytest.raises((TypeError, ValueError), match=pattern) as caught:
        CALLS[name](loss, w, x, bad=bad)
    assert len(str(caught.value)) < 450
    assert "\n" not in str(caught.value)
