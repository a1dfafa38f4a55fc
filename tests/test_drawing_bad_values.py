"""Sixty bad values for each argument of draw, explain and animate: one clear sentence, or a picture."""

import warnings

import pytest

from autograd import Value, animate, draw, explain
from tests.test_bad_values import bad_values


def graph():
    x = Value(2.0, name="x")
    y = (x * 3).exp()
    y.backward()
    return x, y


DRAW = (
    "root", "show", "group", "depth", "max_nodes", "size", "constants", "compact", "direction", "precision", "names",
    "theme", "legend", "caption",
)  # fmt: skip
EXPLAIN = ("y", "x", "names", "max_paths", "precision")
ANIMATE = ("loss", "names", "theme", "direction", "precision", "seconds")


def check(kind, call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except (TypeError, ValueError) as error:
            message = str(error)
            assert 10 < len(message) < 500, (kind, message)
            assert "\n" not in message, (kind, message)
            assert "got" in message, (kind, message)
        except Exception as error:
            pytest.fail(f"{kind}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("argument", DRAW)
def test_draw(argument):
    for kind in bad_values():
        arguments = {"root": graph()[1], argument: bad_values()[kind]}
        check(kind, lambda: draw(arguments.pop("root"), **arguments).source)  # noqa: B023


@pytest.mark.parametrize("argument", EXPLAIN)
def test_explain(argument):
    for kind in bad_values():
        x, y = graph()
        arguments = {"y": y, "x": x, argument: bad_values()[kind]}
        check(kind, lambda: str(explain(arguments.pop("y"), arguments.pop("x"), **arguments)))  # noqa: B023


@pytest.mark.parametrize("argument", ANIMATE)
def test_animate(argument, tmp_path):
    for kind in bad_values():
        arguments = {"loss": graph()[1], argument: bad_values()[kind]}
        check(kind, lambda: animate(arguments.pop("loss"), tmp_path / "y.html", **arguments))  # noqa: B023
