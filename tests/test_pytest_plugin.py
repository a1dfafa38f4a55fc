"""The pytest plugin: fixture, marker, failure section, and what it costs."""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy  # noqa: F401  # a process loads it once, and so not in the sessions that are run inside of this one
import pytest

from autograd.checking.report import Report  # now, as what a run inside imports is forgotten afterwards

pytest_plugins = ["pytester"]

SET_UP = """
import pytest
from autograd import *
cube = operation("cube", lambda m, x: x * x * x, lambda m, y, x: (2 * x * x,))
"""

RIGHT = """
@pytest.mark.gradcheck(points=4, seed=1)
def test_right(x, y):
    return (x * y).sigmoid() + x.log()
"""

WRONG = """
@pytest.mark.gradcheck
def test_wrong(x, y):
    with scope("hidden"):
        z = cube(x * y)
    return z + y
"""


@pytest.fixture
def run(pytester):
    def run(text, *arguments):
        pytester.makepyfile(SET_UP + text)
        plugin = [] if "chainrule" in registered() else ["-p", "autograd.pytest_plugin"]
        return pytester.runpytest_inprocess(*plugin, "--strict-markers", "-W", "error", *arguments)

    return run


def registered():
    """The names of the plugins that pytest loads by itself here."""
    from importlib.metadata import entry_points

    return [entry.name for entry in entry_points(group="pytest11")]


def test_the_fixture_is_gradcheck(run):
    outcome = run("""
def test_fixture(gradcheck):
    assert gradcheck(lambda x: x.exp(), [1.0]).ok
    with pytest.raises(GradcheckError, match="operation 'cube'"):
        gradcheck(cube, [2.0])
""")
    outcome.assert_outcomes(passed=1)


def test_a_marked_function_is_the_function_to_check(run):
    run(RIGHT).assert_outcomes(passed=1)


def test_a_failure_has_a_section_with_table_point_and_picture(run):
    outcome = run(WRONG)
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "E   autograd.GradcheckError: gradcheck FAILED at 'cube': 2 derivatives, 2 wrong",
            "*- gradcheck -*",
            "point 1 of 20: x = *, y = *",
            "this point alone: @pytest.mark.gradcheck(points=[[](*, *)[]])",
            "operation 'cube' in hidden has a wrong derivative",
            "*z = cube(x * y)",
            "input  verdict *",
            "the graph: *.svg",
        ]
    )
    text = outcome.stdout.str()
    path = pathlib.Path(re.search(r"the graph: (.*\.svg)", text)[1])
    assert ET.parse(path).getroot().tag.endswith("svg")
    assert "wrong derivative by operand 0" in path.read_text(encoding="utf-8")
    assert "pytest_plugin.py" not in text  # the plugin's own frames are no news
    assert "--full-trace" not in text
    assert text.count("has a wrong derivative") == 1


def test_the_fixture_fails_with_the_same_section(run):
    outcome = run("""
def test_fixture(gradcheck):
    gradcheck(cube, [2.0])
""")
    outcome.stdout.fnmatch_lines([">*gradcheck(cube, [[]2.0[]])", "*- gradcheck -*", "input *", "the graph: *.svg"])


def test_the_printed_point_runs_alone(run):
    first = run(WRONG).stdout.str()
    again = re.search(r"this point alone: (.*)", first)[1]
    point = re.search(r"point 1 of 20: (.*)", first)[1]
    second = run(WRONG.replace("@pytest.mark.gradcheck", again)).stdout.str()
    assert f"point 1 of 1: {point}" in second


def test_points_depend_on_the_seed_alone(run):
    def point(seed):
        text = WRONG.replace("gradcheck\n", f"gradcheck(seed={seed})\n")
        return re.search(r"point 1 of 20: (.*)", run(text).stdout.str())[1]

    assert point(3) == point(3) != point(4)


def test_all_points_are_checked(run):
    outcome = run("""
seen = []
@pytest.mark.gradcheck(points=7)
def test_points(x):
    seen.append(float(x))
    return x.square()

def test_seen():
    assert len(set(seen)) >= 7
""")
    outcome.assert_outcomes(passed=2)


def test_points_come_from_the_domains_of_the_operations(run):
    outcome = run("""
@pytest.mark.gradcheck(points=50)
def test_domains(x, y, z):
    assert 0.05 <= float(x) <= 6.0
    assert -0.95 <= float(y) <= 0.95
    return x.log() + y.arcsin() + (z - 3).sqrt()
""")
    outcome.assert_outcomes(passed=1)


def test_ranges_and_lists(run):
    outcome = run("""
@pytest.mark.gradcheck(points=5, ranges={"x": (10.0, 11.0), "ws": [(0.0, 1.0), [(2.0, 3.0)]]})
def test_ranges(x, ws):
    assert 10.0 <= float(x) <= 11.0 and 0.0 <= float(ws[0]) <= 1.0 and 2.0 <= float(ws[1][0]) <= 3.0
    return x * ws[0] + ws[1][0]
""")
    outcome.assert_outcomes(passed=1)


def test_fixtures_parameters_methods_and_several_results(run):
    outcome = run("""
@pytest.fixture
def two():
    return 2.0

@pytest.mark.gradcheck(points=2)
def test_fixture(x, *, two, tmp_path):
    assert two == 2.0 and tmp_path.exists()
    return [x * two, x.exp()]

@pytest.mark.gradcheck(points=2)
@pytest.mark.parametrize("power", [1, 2, 3])
def test_parametrized(x, power):
    return x**power

class TestMethods:
    @pytest.mark.gradcheck(points=2)
    def test_method(self, x):
        return x.tanh()

def test_plain():
    pass
""")
    outcome.assert_outcomes(passed=6)


def test_classes_and_modules_can_be_marked(run):
    outcome = run("""
pytestmark = pytest.mark.gradcheck(points=2)

def helper(a, b):
    return a

def test_in_a_marked_module(x):
    return helper(x, b=1)

class TestClass:
    @staticmethod
    def test_static(x):
        return x * 3

    def test_method(self, x, y):
        return x * y

@pytest.mark.parametrize("f", [abs, Value.tanh])
class TestParametrized:
    def test_parameter_of_the_class(self, x, f):
        return f(x)
""")
    outcome.assert_outcomes(passed=5)


def test_expected_failures_are_expected(run):
    outcome = run("""
@pytest.mark.xfail(raises=GradcheckError, strict=True)
@pytest.mark.gradcheck(2)
def test_expected(x):
    return cube(x)

@pytest.mark.gradcheck(2)
def test_skipped(x):
    pytest.skip("not here")
""")
    outcome.assert_outcomes(xfailed=1, skipped=1)
    assert "gradcheck -" not in outcome.stdout.str()


def test_an_error_at_a_point_says_at_which(run):
    outcome = run("""
@pytest.mark.gradcheck(points=[(1.0,), (2.0,), (3.0,)])
def test_error(x):
    assert x < 2, "too large"
    return x * x
""")
    outcome.stdout.fnmatch_lines([">*assert x < 2*", "*- gradcheck -*", "point 2 of 3: x = 2.0", "this point alone: *"])


def test_without_graphviz_the_section_says_that_there_is_no_picture(run, monkeypatch):
    def draw(report):
        raise ImportError("no graphviz here")

    monkeypatch.setattr(Report, "draw", draw)
    outcome = run(WRONG)
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["input  verdict *", "no picture of the graph: no graphviz here"])


def test_a_failure_that_is_no_gradients_has_no_section(run):
    outcome = run("""
def test_caught(gradcheck):
    with pytest.raises(GradcheckError):
        gradcheck(cube, [1.0])
    assert False
""")
    outcome.assert_outcomes(failed=1)
    assert "gradcheck -" not in outcome.stdout.str()


def test_tolerances_are_passed_on(run):
    run("""
@pytest.mark.gradcheck(points=[(0.0,)], kinks="fail")
def test_kink(x):
    return x.relu()

@pytest.mark.gradcheck(rtol=0.5)
def test_loose(x):
    return cube(x)
""").assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@pytest.mark.gradcheck\ndef test_it(x):\n    x.exp()\n", "*test_it is marked gradcheck and must return*"),
        ("@pytest.mark.gradcheck(ranges={'y': (0, 1)})\ndef test_it(x):\n    return x\n", "*no argument 'y'*"),
        ("@pytest.mark.gradcheck(ranges={'x': (1, 0)})\ndef test_it(x):\n    return x\n", "*low < high*"),
        ("@pytest.mark.gradcheck\ndef test_it(x):\n    return (-1 - x * x).log()\n", "*no point was found*"),
        (
            "@pytest.mark.gradcheck(point=3)\ndef test_it(x):\n    return x\n",
            "*no argument 'point'; did you mean 'points'?",
        ),
        (
            "@pytest.mark.gradcheck(zzz=3)\ndef test_it(x):\n    return x\n",
            "*no argument 'zzz'; there are points, seed,*",
        ),
        ("@pytest.mark.gradcheck(3, 4)\ndef test_it(x):\n    return x\n", "*all arguments but points are keywords*"),
        ("@pytest.mark.check_backward(shape=[])\ndef test_it(x):\n    return x\n", "*did you mean 'shapes'?"),
        (
            "@pytest.mark.check_backward(shapes=[(2,)])\ndef test_it(x, y):\n    return x\n",
            "*one shape for each of x, y, *",
        ),
        ("@pytest.mark.check_backward(shapes=[(2,)])\ndef test_it(x):\n    return x\n", "*neither torch nor jax; say*"),
        ("@pytest.mark.gradcheck(points=0)\ndef test_it(x):\n    return x\n", "*positive number or a list*, got *"),
        ("@pytest.mark.gradcheck(points=2.5)\ndef test_it(x):\n    return x\n", "*list of tuples, got 2.5"),
        ("@pytest.mark.gradcheck([1.0])\ndef test_it(x):\n    return x\n", "*one element for each of x, got 1.0"),
        ("@pytest.mark.gradcheck([(1, 2)])\ndef test_it(x):\n    return x\n", "*for each of x, got (1, 2)"),
        ("@pytest.mark.gradcheck\ndef test_it():\n    return Value(1)\n", "*test_it*no positional arguments*"),
        ("@pytest.mark.gradcheck(ranges=3)\ndef test_it(x):\n    return x\n", "*ranges=...) must be a dict*, got 3"),
        ("@pytest.mark.gradcheck(rtol='a')\ndef test_it(x):\n    return x\n", "*rtol must be 0 or a positive*'a'"),
    ],
)
def test_bad_use_is_one_clear_error(run, text, message):
    outcome = run(text)
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([message])
    assert "Traceback" not in outcome.stdout.str()
    assert "pytest_plugin.py" not in outcome.stdout.str()


def test_methods_that_unittest_calls_cannot_be_marked(run):
    outcome = run("""
import unittest

class TestIt(unittest.TestCase):
    @pytest.mark.gradcheck
    def test_it(self, x):
        return x
""")
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["test_it is marked gradcheck, but unittest calls it; use a plain class"])


def test_mocks_are_passed_and_not_sampled(run):
    run("""
from unittest import mock
import os

@pytest.mark.gradcheck(points=2)
@mock.patch("os.getcwd")
@mock.patch("os.getpid", return_value=3)
def test_patched(getpid, getcwd, x, y):
    assert os.getcwd is getcwd and os.getpid() == 3
    return x * y

@mock.patch("os.getpid")
class TestPatched:
    @pytest.mark.gradcheck(points=2)
    def test_method(self, getpid, x, *, tmp_path):
        assert os.getpid is getpid and tmp_path.exists()
        return x.exp()

@mock.patch("os.getpid", new=lambda: 4)
@pytest.mark.gradcheck(points=2)
def test_new(x):
    assert os.getpid() == 4
    return x.exp()
""").assert_outcomes(passed=3)


def test_fixtures_work_in_fixtures_of_every_scope_and_under_given(run):
    pytest.importorskip("hypothesis")
    run("""
from hypothesis import given, strategies

@pytest.fixture(scope="module")
def checked(gradcheck, check_gradient, check_backward):
    assert gradcheck(lambda x: x.exp(), [1.0]).ok
    return check_gradient

@pytest.fixture(scope="session")
def early(check_backward):
    return check_backward(lambda x: x * x, lambda c, x: 2 * x * c, 3.0)

def test_module_scope(checked, early):
    assert early.ok and checked(lambda x: x * x, lambda x: 2 * x, 3.0).ok

@given(x=strategies.floats(-2.0, 2.0))
def test_given(gradcheck, check_gradient, x):
    assert gradcheck(lambda x: x.tanh(), [x]).ok
    assert check_gradient(lambda x: x * x, lambda x: 2 * x, x).ok
""").assert_outcomes(passed=2)


def test_a_failing_fixture_has_the_section_too(run):
    outcome = run("""
@pytest.fixture
def broken(gradcheck):
    gradcheck(cube, [2.0])

def test_it(broken):
    pass
""")
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*- gradcheck -*", "input *", "the graph: *.svg"])


def test_check_gradient_fails_with_a_section_and_no_picture(run):
    outcome = run("""
def test_fixture(check_gradient):
    check_gradient(lambda p: p[0] * p[1], lambda p: [p[0], p[1]], [2.0, 3.0])
""")
    outcome.stdout.fnmatch_lines(["E * check_gradient FAILED at p[[]0[]], p[[]1[]]: *", "*- gradcheck -*", "input *"])
    assert "the graph" not in outcome.stdout.str()


def test_coroutines_are_left_alone(run):
    run(
        """
@pytest.mark.gradcheck(points=2)
async def test_coroutine():
    return None
""",
        "-W",
        "ignore",
    ).assert_outcomes(failed=1)


@pytest.mark.slow
def test_it_lives_with_xdist(pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile(SET_UP + WRONG + RIGHT)
    plugin = [] if "chainrule" in registered() else ["-p", "autograd.pytest_plugin"]
    outcome = pytester.runpytest_subprocess(*plugin, "-n", "1", "-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*- gradcheck -*", "the graph: *.svg"])


LAYERS = """
import {framework}
import pytest

@pytest.mark.check_backward(shapes=[(3, 4), (4, 5)], dtypes=["float32", "float64"])
def test_right(x, W):
    return {tanh}(x @ W)

@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.check_backward(shapes=[(3,)])
def test_parametrized(x, power, *, tmp_path):
    assert tmp_path.exists()
    return x**power

class TestLayers:
    @pytest.mark.check_backward([(3,)], dtypes=["float64"], reference=lambda x: 2 * x, rtol=1e-3)
    def test_method(self, x):
        return x + x

@pytest.mark.check_backward(shapes=[(2, 2)], dtypes=["float32"])
def test_wrong(x):
    return {wrong}

@pytest.mark.check_backward(shapes=[(2, 2)], dtypes=["float33"])
def test_dtype(x):
    return x

@pytest.mark.check_backward(shapes=[(2, 2)])
def test_nothing(x):
    x + x

@pytest.mark.check_backward(shapes=[3], dtypes=[{framework_of_types}.float32, "float32"])
def test_types(x):
    return x * x

@pytest.mark.check_backward(shapes=[("a",)])
def test_shapes(x):
    return x

@pytest.mark.check_backward(shapes=[3], dtypes="int32")
def test_integers(x):
    return x

@pytest.mark.check_backward(shapes=[3], dtypes=[])
def test_no_types(x):
    return x
"""


@pytest.mark.parametrize(
    ("framework", "tanh", "wrong"),
    [
        ("torch", "torch.tanh", "x * x.detach()"),
        ("jax", "jax.numpy.tanh", "x * jax.lax.stop_gradient(x)"),
    ],
)
def test_layers_of_frameworks_are_marked(pytester, framework, tanh, wrong):
    pytest.importorskip(framework)
    pytester.makepyfile(
        LAYERS.format(framework=framework, tanh=tanh, wrong=wrong, framework_of_types=tanh.rpartition(".")[0])
    )
    plugin = [] if "chainrule" in registered() else ["-p", "autograd.pytest_plugin"]
    outcome = pytester.runpytest_subprocess(*plugin, "--strict-markers", "-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=5, failed=6)
    outcome.stdout.fnmatch_lines_random(
        [
            "*GradcheckError: check_backward FAILED at x: 1 gradient, 1 wrong",
            "shapes (2, 2), dtype float32, seed 0",
            f"check_backward: {framework} has no dtype 'float33'",
            "test_nothing is marked check_backward and must return what the function under test gives, got None",
            "check_backward(shapes=...) must hold shapes, got [[]('a',)]: *",
            "check_backward: nothing is differentiated by arrays of dtype 'int32'",
            "check_backward(dtypes=...) must name at least one dtype, got none",
        ]
    )
    assert "a factor of 2 is missing" in outcome.stdout.str()


def test_an_unused_plugin_imports_nothing_heavy(pytester):
    pytester.makepyfile("""
import sys
def test_nothing():
    heavy = {"numpy", "mpmath", "graphviz", "pygraphviz", "matplotlib", "autograd.checking", "hypothesis"}
    assert not heavy & set(sys.modules)
""")
    plugin = [] if "chainrule" in registered() else ["-p", "autograd.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", *plugin]
    subprocess.run(command, cwd=pytester.path, check=True, capture_output=True)
