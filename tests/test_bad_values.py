"""Sixty bad values for each argument of each public function: one clear sentence, or the right result."""

import decimal
import fractions
import inspect
import math
import sys

import numpy as np
import pytest

import autograd
from autograd import Value


class Hostile:
    def __getattr__(self, name):
        raise ValueError("hostile")


def bad_values():
    """New ones at each call: generators are used up, and lists may be changed."""
    endless: list = []
    endless.append(endless)
    ring: dict = {}
    ring["a"] = ring
    return {
        "None": None, "True": True, "a string": "x", "no string": "", "bytes": b"x", "bytearray": bytearray(b"ab"),
        "memoryview": memoryview(b"ab"), "complex": 1j, "nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-1": -1,
        "0": 0, "huge": 10**400, "1.5": 1.5, "Decimal": decimal.Decimal("1.5"), "Fraction": fractions.Fraction(1, 3),
        "int8": np.int8(3), "float16": np.float16(1.5), "longdouble": np.longdouble(1.5), "datetime":
        np.datetime64("2020-01-01"), "numpy string": np.str_("a"), "[]": [], "[[]]": [[]], "()": (), "{}": {}, "set()":
        set(), "{1}": {1}, "frozenset": frozenset([1.0]), "[None]": [None], "['a']": ["a"], "[1j]": [1j], "nested":
        [1.0, [2.0, [3.0]]], "tuple": (1.0,), "dict": {"a": 1.0}, "range": range(3), "zip": zip([1], [2], strict=True),
        "generator": (x for x in [1.0, "a"]), "endless": endless, "ring": ring, "object": object(), "class": int,
        "type": type, "lambda": lambda: 0, "identity": lambda x: x, "module": math, "exception": ValueError("x"),
        "Ellipsis": ..., "NotImplemented": NotImplemented, "slice": slice(1), "property": property(),
        "file": sys.stdout, "Value": Value(2.0), "constant": Value(2.0).detach(), "result": Value(2.0) * 2,
        "hostile": Hostile(),
        "masked": np.ma.masked_array([1.0, 2.0], mask=[True, False]), "0-d": np.array(1.0), "strings":
        np.array(["a", "b"]), "complex array": np.array([1j]), "empty array": np.array([]), "2-d": np.ones((2, 2)),
        "objects": np.array([Value(1.0), 2.0], dtype=object), "booleans": np.array([True, False]),
    }  # fmt: skip


def square(x):
    return x * x


def good_arguments():
    x = Value(2.0, name="x")
    y = (x * 3).exp()
    special = {
        "derivative": {"y": y, "wrt": x, "order": 1},
        "grad": {"f": square, "argnums": 0},
        "value_and_grad": {"f": square, "argnums": 0},
        "jacobian": {"f": square, "argnums": 0},
        "hessian": {"f": square, "argnums": 0},
        "jvp": {"f": square, "primals": (1.0,), "tangents": (1.0,)},
        "vjp": {"f": square, "primals": (1.0,), "cotangent": 1.0},
        "hvp": {"f": square, "x": 1.0, "v": 1.0},
        "dot": {"xs": [1.0], "ys": [x]},
        "operation": {
            "name": "own", "formula": lambda m, x: x * x, "partials": lambda m, y, x: (2 * x,), "symbol": "o",
            "latex": "{0}", "kinks": None, "domain": (0.0, 1.0),
        },
        "scope": {"name": "a"},
        "Value": {"data": 1.0, "name": "n"},
        "Placeholder": {"numbers": [1.0]},
        "detect_reads": {"leaves": [x]},
    }  # fmt: skip
    for name in [*autograd.__all__, "abs", "sum", "max", "min"]:
        function = getattr(autograd, name)
        if name not in special and function.__module__ == "autograd.functions":
            parameters = list(inspect.signature(function).parameters)
            special[name] = {"xs": [1.0, x]} if parameters == ["xs"] else dict.fromkeys(parameters, x)
    return special


CASES = [(name, argument) for name, arguments in good_arguments().items() for argument in arguments]


def called(name, arguments):
    result = getattr(autograd, name)(**arguments)
    if name in ("grad", "value_and_grad", "jacobian", "hessian"):
        result = result(1.5)
    return result


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_a_bad_value_is_one_sentence_or_the_right_result(name, argument):
    for kind in bad_values():
        bad = bad_values()[kind]
        try:
            called(name, {**good_arguments()[name], argument: bad})
        except (TypeError, ValueError) as error:
            message = str(error)
            assert 10 < len(message) < 500, (kind, message)
            assert "object is not" not in message, (kind, message)
            assert "has no" not in message or "rule" in message, (kind, message)
        except Exception as error:
            pytest.fail(f"{kind}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview", "a string", "{1}", "frozenset", "dict", "masked"])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "logsumexp", "softmax", "dot"])
def test_what_has_no_order_or_no_numbers_is_no_sequence(name, kind):
    function = getattr(autograd, name)
    bad = bad_values()[kind]
    with pytest.raises((TypeError, ValueError), match=name):
        function(bad, [1.0]) if name == "dot" else function(bad)


@pytest.mark.parametrize("differentiate", [autograd.grad, autograd.value_and_grad, autograd.jacobian, autograd.hessian])
def test_bad_points_of_functions(differentiate):
    for kind in bad_values():
        try:
            differentiate(square)(bad_values()[kind])
        except (TypeError, ValueError) as error:
            if not 10 < len(str(error)) < 500:
                pytest.fail(f"{kind}: {error}")
        except Exception as error:
            pytest.fail(f"{kind}: {type(error).__name__}: {error}")


def test_a_template_with_a_field_too_many_is_refused_where_it_is_made():
    with pytest.raises(ValueError, match=r"latex must be a template for 1 operands"):
        autograd.operation("own", lambda m, x: x, lambda m, y, x: (1.0,), latex="{5}")
