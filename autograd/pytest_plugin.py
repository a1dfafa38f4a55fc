"""The pytest plugin: fixtures for the checks, and markers for tests that are themselves what is checked.

It imports nothing but pytest before a test uses it, so it costs nothing unused.
"""

from __future__ import annotations

import inspect
import re
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from .checking.report import Report
    from .checking.sampling import Argument
    from .value import Value

_folders = pytest.StashKey[pytest.TempPathFactory]()
_points = pytest.StashKey[str]()

_MARKERS = {
    "gradcheck": """\
gradcheck(points=20, seed=0, ranges={}, rtol=1e-6, atol=0.0, kinks="report"): the test function is itself the function \
to check. Its positional arguments are Values, and it returns the Value to differentiate, or several. `points` random \
points are drawn from where its operations are defined, or from ranges={"x": (low, high)}; a list of tuples are the \
points themselves. Keyword-only arguments are fixtures.""",
    "check_backward": """\
check_backward(shapes=[(3, 4), (4, 5)], dtypes=["float64"], framework=None, reference=None, rtol=None, atol=0.0, \
kinks="report", seed=0): the test function calls a torch or JAX function on its positional arguments, random arrays of \
these shapes, once for each dtype, and returns the result, whose backward is checked. Keyword-only arguments are \
fixtures. framework="torch" or "jax" says which one if the test's module imports both.""",
}
_KEYWORDS = {
    "gradcheck": ("points", "seed", "ranges", "rtol", "atol", "kinks"),
    "check_backward": ("shapes", "dtypes", "framework", "reference", "rtol", "atol", "kinks", "seed"),
}


class _MisuseError(Exception):
    """A marker or a marked function that cannot be understood; the message is all that pytest shows."""


def pytest_configure(config: pytest.Config) -> None:
    """Tells pytest about the markers."""
    for text in _MARKERS.values():
        config.addinivalue_line("markers", text)


# Fixtures of a session, so that fixtures of every scope and tests under `@given` may use them.


@pytest.fixture(scope="session")
def gradcheck(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Report]:
    """`autograd.gradcheck`; a failure has a section of its own in the report, with a picture of the graph."""
    from .checking import gradcheck as check  # only here, where it is used

    request.config.stash[_folders] = tmp_path_factory
    return check


@pytest.fixture(scope="session")
def check_gradient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Report]:
    """`autograd.check_gradient`; a failure has a section of its own in the report."""
    from .checking import check_gradient as check  # only here, where it is used

    request.config.stash[_folders] = tmp_path_factory
    return check


@pytest.fixture(scope="session")
def check_backward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Report]:
    """`autograd.check_backward`; a failure has a section of its own in the report."""
    from .checking import check_backward as check  # only here, where it is used

    request.config.stash[_folders] = tmp_path_factory
    return check


# A marked function asks pytest for the marker's fixture and its keyword-only arguments, not for its positional ones.


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Removes the sampled arguments from a marked function's signature, before pytest looks for fixtures."""
    function = getattr(obj, "__func__", obj)
    if not inspect.isfunction(function) or not collector.istestfunction(obj, name):
        return
    marks = [*getattr(function, "pytestmark", ()), *collector.iter_markers()]
    marked = [mark.name for mark in marks if mark.name in _MARKERS]
    if marked and not inspect.iscoroutinefunction(inspect.unwrap(function)):
        sampled = _sampled_names(function, [mark for mark in marks if mark.name == "parametrize"])
        signature = _signature_without(inspect.signature(function), sampled, marked[0])
        function.__signature__ = signature  # type: ignore[attr-defined]


def _sampled_names(function: Callable[..., Any], parametrizations: Sequence[pytest.Mark]) -> list[str]:
    given = {"self", "cls"}.union(*map(_parametrized, parametrizations))
    positional = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name not in ("self", "cls")
    ]
    return [
        parameter.name
        for parameter in positional[_number_of_mocks(function) :]
        if parameter.default is parameter.empty and parameter.name not in given
    ]


def _number_of_mocks(function: Callable[..., Any]) -> int:
    """How many arguments `mock.patch` passes: the first ones."""
    mock = sys.modules.get("unittest.mock")
    patchings = getattr(function, "patchings", ())
    return sum(not patching.attribute_name and patching.new is mock.DEFAULT for patching in patchings) if mock else 0


def _parametrized(mark: pytest.Mark) -> list[str]:
    names = mark.args[0] if mark.args else mark.kwargs["argnames"]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


def _signature_without(signature: inspect.Signature, names: Collection[str], fixture: str) -> inspect.Signature:
    kept = [parameter for parameter in signature.parameters.values() if parameter.name not in names]
    if all(parameter.name != fixture for parameter in kept):
        kept.append(inspect.Parameter(fixture, inspect.Parameter.KEYWORD_ONLY))
    return signature.replace(parameters=kept)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuses marked methods of unittest's classes, which pytest does not call itself."""
    unittest = sys.modules.get("unittest")
    kind = getattr(item, "cls", None)
    if unittest is None or kind is None or not issubclass(kind, unittest.TestCase):
        return
    for marker in item.iter_markers():
        if marker.name in _MARKERS:
            pytest.fail(f"{item.name} is marked {marker.name}, but unittest calls it; use a plain class", pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Checks a marked function instead of calling it once."""
    marker = next((mark for mark in pyfuncitem.iter_markers() if mark.name in _MARKERS), None)
    if marker is None or marker.name not in pyfuncitem.funcargs:
        return None
    __tracebackhide__ = True
    try:
        options = _options(marker)
        if marker.name == "gradcheck":
            _check_function(pyfuncitem, **options)
        else:
            _check_layer(pyfuncitem, **options)
    except _MisuseError as error:
        message = str(error)
    else:
        return True
    pytest.fail(message, pytrace=False)


def _options(marker: pytest.Mark) -> dict[str, Any]:
    """The marker's arguments by name."""
    known = _KEYWORDS[marker.name]
    if len(marker.args) > 1:
        raise _MisuseError(f"{marker.name}: all arguments but {known[0]} are keywords, got {marker.args!r}")
    for name in marker.kwargs:
        if name not in known:
            similar = get_close_matches(name, known, 1)
            meant = f"did you mean {similar[0]!r}?" if similar else f"there are {', '.join(known)}"
            raise _MisuseError(f"{marker.name} has no argument {name!r}; {meant}")
    if marker.args and known[0] in marker.kwargs:
        raise _MisuseError(f"{marker.name}: {known[0]} is given twice")
    return {**dict(zip(known, marker.args, strict=False)), **marker.kwargs}


def _check_function(
    item: pytest.Function,
    points: object = 20,
    seed: int = 0,
    ranges: dict[str, object] | None = None,
    **tolerances: Any,
) -> None:
    from .checking.sampling import UnusableRangesError, named_values, sample_points  # only here, where it is used

    __tracebackhide__ = True
    check: Any = item.funcargs["gradcheck"]
    function, names = _function_of_values(item, "gradcheck", "the Value to check")
    _require_tolerances(tolerances)
    if not isinstance(ranges, (dict, type(None))):
        raise _MisuseError(f"gradcheck(ranges=...) must be a dict such as {{'x': (0.0, 1.0)}}, got {ranges!r}")
    if isinstance(points, int) and points > 0:
        try:
            points = list(sample_points(function, names, points, seed, ranges or {}))
        except UnusableRangesError as error:
            raise _MisuseError(f"gradcheck: {error}") from None
    given = _checked_points(points, names)
    for i, point in enumerate(given):
        item.stash[_points] = _described_point(names, point, i, len(given))
        check(function, list(map(named_values, point, names)), **tolerances)


def _require_tolerances(tolerances: dict[str, Any]) -> None:
    from .checking.verdicts import Tolerance  # only here, where it is used

    rtol = tolerances.get("rtol", 1e-6)
    try:
        Tolerance(1e-6 if rtol is None else rtol, tolerances.get("atol", 0.0), tolerances.get("kinks", "report"))
    except ValueError as error:
        raise _MisuseError(str(error)) from None


def _check_layer(
    item: pytest.Function,
    shapes: object = None,
    dtypes: object = ("float64",),
    framework: str | None = None,
    seed: int = 0,
    **options: Any,
) -> None:
    __tracebackhide__ = True
    check: Any = item.funcargs["check_backward"]
    function, names = _function_of_values(item, "check_backward", "what the function under test gives")
    if not isinstance(shapes, (list, tuple)) or len(shapes) != len(names):
        raise _MisuseError(
            f"check_backward(shapes=...) must have one shape for each of {', '.join(names)}, got {shapes!r}"
        )
    _require_tolerances({key: options[key] for key in ("rtol", "atol", "kinks") if key in options})
    make = _maker(framework or _framework_of(item))
    names_of_types = list(map(_name_of, dtypes if isinstance(dtypes, (list, tuple)) else [dtypes]))
    if not names_of_types:
        raise _MisuseError("check_backward(dtypes=...) must name at least one dtype, got none")
    for dtype in names_of_types:
        item.stash[_points] = f"shapes {', '.join(map(str, shapes))}, dtype {dtype}, seed {seed}"
        check(function, *make(shapes, dtype, seed), seed=seed, **options)


def _name_of(dtype: object) -> str:
    """The name of a dtype, which may be given itself, as in `dtypes=[torch.float32]`."""
    return dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype).rpartition(".")[2])


def _framework_of(item: pytest.Function) -> str:
    """The framework that a test's module imports."""
    modules = {
        getattr(part, "__module__", None) or getattr(part, "__name__", "") for part in vars(item.module).values()
    }
    modules |= {part.__name__ for part in vars(item.module).values() if inspect.ismodule(part)}
    found = [name for name in ("torch", "jax") if any(str(module).partition(".")[0] == name for module in modules)]
    if len(found) != 1:
        what = "both torch and jax" if found else "neither torch nor jax"
        raise _MisuseError(f'check_backward: the test\'s module imports {what}; say framework="torch" or "jax"')
    return found[0]


def _maker(framework: str) -> Callable[[Sequence[Any], str, int], list[Any]]:
    """Draws arrays of a framework."""
    if framework not in ("torch", "jax"):
        raise _MisuseError(f'check_backward: framework must be "torch" or "jax", got {framework!r}')

    def make(shapes: Sequence[Any], dtype: str, seed: int) -> list[Any]:
        import numpy

        rng = numpy.random.default_rng(seed)
        try:
            drawn = [rng.normal(size=shape) for shape in shapes]
        except (TypeError, ValueError) as error:
            raise _MisuseError(f"check_backward(shapes=...) must hold shapes, got {shapes!r}: {error}") from None
        if not dtype.startswith(("float", "bfloat", "double", "half")):
            raise _MisuseError(f"check_backward: nothing is differentiated by arrays of dtype {dtype!r}")
        try:
            if framework == "torch":
                import torch

                return [torch.from_numpy(numpy.asarray(x)).to(getattr(torch, dtype)) for x in drawn]
            import jax.numpy

            return [jax.numpy.asarray(x, dtype=getattr(jax.numpy, dtype)) for x in drawn]
        except (AttributeError, TypeError):
            raise _MisuseError(f"check_backward: {framework} has no dtype {dtype!r}") from None

    return make


def _checked_points(points: object, names: Sequence[str]) -> Sequence[Sequence[Argument]]:
    """The points, if there are any and each has a number or list per argument."""
    __tracebackhide__ = True
    if not isinstance(points, (list, tuple)) or not points:
        raise _MisuseError(f"gradcheck(points=...) must be a positive number or a list of tuples, got {points!r}")
    for point in points:
        if not isinstance(point, (list, tuple)) or len(point) != len(names):
            raise _MisuseError(
                f"gradcheck(points=...): a point must be a tuple with one element for each of {', '.join(names)}, "
                f"got {point!r}"
            )
    return points


def _function_of_values(item: pytest.Function, marker: str, result: str) -> tuple[Callable[..., Any], list[str]]:
    """The marked function with its fixtures filled in, and the names of its other arguments."""
    own = inspect.unwrap(item.function).__code__
    asked_for = inspect.signature(item.function).parameters
    names = [name for name in own.co_varnames[: own.co_argcount] if name not in asked_for]
    every = own.co_varnames[: own.co_argcount + own.co_kwonlyargcount]
    fixtures = {name: item.funcargs[name] for name in asked_for if name in every and name in item.funcargs}

    def function(*values: Value | list[Any]) -> object:
        __tracebackhide__ = True
        found = item.obj(**dict(zip(names, values, strict=True)), **fixtures)
        if found is None:
            raise _MisuseError(f"{item.name} is marked {marker} and must return {result}, got None")
        return found

    if not names:
        raise _MisuseError(f"{item.name} is marked {marker} and has no positional arguments, there is nothing to check")
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
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
    checking = sys.modules.get("autograd.checking.report") if _folders in item.config.stash else None
    report = None
    if checking is not None and isinstance(error, checking.GradcheckError):
        report = error.report
        error.args = (report.summary,)
    outcome = yield
    if outcome.failed and call.when in ("setup", "call"):
        text = _section(item, report)
        if text:
            outcome.sections.append(("gradcheck", text))
        if any(item.get_closest_marker(name) for name in _MARKERS):
            _without_advice(outcome)
    return outcome


def _section(item: pytest.Item, report: Report | None) -> str:
    parts = [item.stash.get(_points, "")]
    if report is not None:
        parts += [str(report), _picture(item, report)]
    return "\n\n".join(filter(None, parts))


def _picture(item: pytest.Item, report: Report) -> str:
    """The path of a picture of the graph, if there is one."""
    if not report.has_graph:
        return ""
    try:
        folder = item.config.stash[_folders].mktemp(re.sub(r"\W", "_", item.name)[:30])
        return f"the graph: {report.draw().render(outfile=folder / 'gradcheck.svg')}"
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return f"no picture of the graph: {error}"


def _without_advice(outcome: pytest.TestReport) -> None:
    """Drops pytest's advice to look at the plugin's own lines, if no line of the test itself is shown."""
    traceback = getattr(outcome.longrepr, "reprtraceback", None)
    if traceback is not None and all(getattr(entry, "reprfileloc", "") is None for entry in traceback.reprentries):
        traceback.extraline = None
