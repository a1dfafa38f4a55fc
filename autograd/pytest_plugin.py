"""The pytest plugin: the fixture `gradcheck`, and the marker that makes a test of a function of Values.

It imports nothing but pytest before a test uses it, so it costs nothing unused.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from .checking.report import Report
    from .checking.sampling import Argument
    from .value import Value

_requests = pytest.StashKey[pytest.FixtureRequest]()
_points = pytest.StashKey[str]()

_MARKER = """\
gradcheck(points=20, seed=0, ranges={}, rtol=1e-6, atol=0.0, kinks="report"): the test function is itself the function \
to check. Its positional arguments are Values, and it returns the Value to differentiate, or several. `points` random \
points are drawn from where its operations are defined, or from ranges={"x": (low, high)}; a list of tuples are the \
points themselves. Keyword-only arguments are fixtures.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Tells pytest about the marker."""
    config.addinivalue_line("markers", _MARKER.strip())


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """`autograd.gradcheck`; a failure has a section of its own in the report, with a picture of the graph."""
    from .checking import gradcheck as check  # only here, where it is used

    request.node.stash[_requests] = request
    return check


# A marked function asks pytest for the fixture and its keyword-only arguments, not for its positional ones.


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Removes the sampled arguments from a marked function's signature, before pytest looks for fixtures."""
    function = getattr(obj, "__func__", obj)
    if inspect.isfunction(function) and collector.istestfunction(obj, name):
        marks = [*getattr(function, "pytestmark", ()), *collector.iter_markers()]
        if any(mark.name == "gradcheck" for mark in marks):
            sampled = _sampled_names(function, [mark for mark in marks if mark.name == "parametrize"])
            function.__signature__ = _signature_without(inspect.signature(function), sampled)  # type: ignore[attr-defined]


def _sampled_names(function: Callable[..., Any], parametrizations: Sequence[pytest.Mark]) -> list[str]:
    given = {"self", "cls"}.union(*map(_parametrized, parametrizations))
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and parameter.default is parameter.empty
        and parameter.name not in given
    ]


def _parametrized(mark: pytest.Mark) -> list[str]:
    names = mark.args[0] if mark.args else mark.kwargs["argnames"]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


def _signature_without(signature: inspect.Signature, names: Sequence[str]) -> inspect.Signature:
    kept = [parameter for parameter in signature.parameters.values() if parameter.name not in names]
    if all(parameter.name != "gradcheck" for parameter in kept):
        kept.append(inspect.Parameter("gradcheck", inspect.Parameter.KEYWORD_ONLY))
    return signature.replace(parameters=kept)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Checks a marked function at its points instead of calling it once."""
    marker = pyfuncitem.get_closest_marker("gradcheck")
    if marker is None:
        return None
    __tracebackhide__ = True
    _check_function(pyfuncitem, *marker.args, **marker.kwargs)
    return True


def _check_function(
    item: pytest.Function,
    points: object = 20,
    seed: int = 0,
    ranges: dict[str, object] | None = None,
    **tolerances: float | str,
) -> None:
    from .checking.sampling import named_values, sample_points  # only here, where it is used

    __tracebackhide__ = True
    check: Any = item.funcargs["gradcheck"]
    function, names = _function_of_values(item)
    if not names:
        raise TypeError(f"{item.name} is marked gradcheck and has no positional arguments, there is nothing to check")
    if isinstance(points, int):
        points = list(sample_points(function, names, points, seed, ranges or {}))
    given = _checked_points(points, names)
    for i, point in enumerate(given):
        item.stash[_points] = _described_point(names, point, i, len(given))
        check(function, list(map(named_values, point, names)), **tolerances)


def _checked_points(points: object, names: Sequence[str]) -> Sequence[Sequence[Argument]]:
    """The points, if there are any and each has a number or list per argument."""
    __tracebackhide__ = True
    if not isinstance(points, (list, tuple)) or not points:
        raise ValueError(f"gradcheck(points=...) must be a positive number or a list of tuples, got {points!r}")
    for point in points:
        if not isinstance(point, (list, tuple)) or len(point) != len(names):
            raise ValueError(
                f"gradcheck(points=...): a point must be a tuple with one element for each of {', '.join(names)}, "
                f"got {point!r}"
            )
    return points


def _function_of_values(item: pytest.Function) -> tuple[Callable[..., Any], list[str]]:
    """The marked function with its fixtures filled in, and the names of its other arguments."""
    own = inspect.unwrap(item.function).__code__
    asked_for = inspect.signature(item.function).parameters
    names = [name for name in own.co_varnames[: own.co_argcount] if name not in asked_for]
    every = own.co_varnames[: own.co_argcount + own.co_kwonlyargcount]
    fixtures = {name: item.funcargs[name] for name in asked_for if name in every and name in item.funcargs}

    def function(*values: Value | list[Any]) -> object:
        __tracebackhide__ = True
        result = item.obj(**dict(zip(names, values, strict=True)), **fixtures)
        if result is None:
            raise TypeError(f"{item.name} is marked gradcheck and must return the Value to check, got None")
        return result

    return function, names


def _described_point(names: Sequence[str], point: Sequence[Argument], i: int, number: int) -> str:
    """Which point it is, and how to run it alone."""
    shown = ", ".join(f"{name} = {part!r}" for name, part in zip(names, point, strict=True))
    again = f"@pytest.mark.gradcheck(points=[{tuple(point)!r}])"
    return f"point {i + 1} of {number}: {shown}\nthis point alone: {again}"


# Failures


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Moves a check's report from the end of the traceback into a section of its own, and adds a picture."""
    error = call.excinfo.value if call.excinfo is not None else None
    checking = sys.modules.get("autograd.checking.report") if _requests in item.stash else None
    report = None
    if checking is not None and isinstance(error, checking.GradcheckError):
        report = error.report
        error.args = (report.summary,)
    outcome = yield
    if outcome.failed and call.when == "call":
        text = _section(item, report)
        if text:
            outcome.sections.append(("gradcheck", text))
        if item.get_closest_marker("gradcheck") is not None:
            _without_advice(outcome)
    return outcome


def _section(item: pytest.Item, report: Report | None) -> str:
    parts = [item.stash.get(_points, "")]
    if report is not None:
        folder = item.stash[_requests].getfixturevalue("tmp_path")
        try:
            picture = f"the graph: {report.draw().render(outfile=folder / 'gradcheck.svg')}"
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            picture = f"no picture of the graph: {error}"
        parts += [str(report), picture]
    return "\n\n".join(filter(None, parts))


def _without_advice(outcome: pytest.TestReport) -> None:
    """Drops pytest's advice to look at the plugin's own lines, if no line of the test itself is shown."""
    traceback = getattr(outcome.longrepr, "reprtraceback", None)
    if traceback is not None and all(getattr(entry, "reprfileloc", "") is None for entry in traceback.reprentries):
        traceback.extraline = None
