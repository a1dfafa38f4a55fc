"""check_gradient: derivatives worked out by hand, against extrapolated differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from ..structures import describe, flatten, is_array, rebuild, shape
from ..value import Value
from .differences import slope_of_floats
from .evidence import Derivative, Evidence
from .judge import judge
from .mistakes import likely_mistakes
from .report import Report
from .subject import argument_names, paths
from .verdicts import Tolerance


def check_gradient(
    f: Callable[[Any], Any],
    df: Callable[[Any], Any],
    x: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 0.0,
    kinks: str = "report",
) -> Report:
    """Checks a derivative written by hand, in any code.

    f may be anything that takes and returns numbers, so there is nothing to replay: the truth comes from differences,
    extrapolated until their error is known to be small. If it stays large, for instance because f works in float32, a
    derivative that agrees as far as one can tell passes and is reported as "ill-conditioned".

    Args:
        f: takes what x is and returns one number.
        df: takes what x is and returns the derivatives of f in the same structure. Both may return tensors of other
            libraries, such as PyTorch's.
        x: where to check: a number, a (nested) list of numbers, or a NumPy array of any shape. Check a function of
            several arguments as a function of their list: `lambda x: f(*x)`.
        rtol: the relative error allowed.
        atol: the absolute error allowed on top.
        kinks: what to do where the derivatives from the left and the right differ: "report" them and pass, "fail", or
            "subgradient": pass if the derivative lies between them.

    Returns:
        A Report with one entry per component of x.

    Raises:
        GradcheckError: a derivative is wrong. The message names the components, and suggests the mistake if one of the
            usual ones explains all of them exactly.
        TypeError: f or df is no function, x is not made of numbers, or f does not return one number.
        ValueError: df's result does not have the structure of x; f is nan at x.

    >>> from autograd import check_gradient
    >>> print(check_gradient(lambda w: (3 * w - 1) ** 2, lambda w: 6 * (3 * w - 1), 2.0).summary)
    check_gradient: 1 derivative ok
    """
    __tracebackhide__ = True  # pytest shows the caller's line instead
    for role, function in (("f", f), ("df", df)):
        if not callable(function):
            raise TypeError(f"check_gradient: {role} must be a function of x, got {function!r}")
    tolerance = Tolerance(rtol, atol, kinks)
    point = [_real(number, "x") for number in flatten(x, "check_gradient: x")]
    value = _of_numbers(f, x)
    if value(point) != value(point):
        raise ValueError(f"check_gradient: f is nan or not the same number at each call, at x = {x!r}")
    analytic, misshapen = _derivatives(df(rebuild(x, point)), x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # f may overflow far away from x
        slopes = [slope_of_floats(_along(value, point, i), point[i], 0.01 * tolerance.rtol) for i in range(len(point))]
    names = paths(x, argument_names(f, 1, "x")[0])
    derivatives = [
        Derivative(name, "", derivative, slope, is_misplaced=bool(misshapen))
        for name, derivative, slope in zip(names, analytic, slopes, strict=True)
    ]
    report = judge(Evidence("check_gradient", [derivatives]), tolerance)
    report.hints = likely_mistakes(report.entries, shape(x)) + ([misshapen] if misshapen else [])
    report.raise_if_wrong()
    return report


def _of_numbers(f: Callable[[Any], Any], x: Any) -> Callable[[Sequence[float]], float]:
    """A function of structures like x as a function of their numbers."""

    def value(numbers: Sequence[float]) -> float:
        result = _without_tensors(f(rebuild(x, numbers)))  # a structure of its own, which f may change
        if is_array(result) and result.size == 1:
            result = result.item()
        return _real(result, "the result of f")

    return value


def _along(value: Callable[[Sequence[float]], float], point: Sequence[float], i: int) -> Callable[[float], float]:
    """The function of component i alone."""
    return lambda number: value([*point[:i], number, *point[i + 1 :]])


def _derivatives(result: object, x: object) -> tuple[list[float], str]:
    """The derivatives in the order of x's components, and what is wrong with their shape if they fit transposed."""
    result = _without_tensors(result)
    found = [_real(number, "the result of df") for number in flatten(result, "check_gradient: the result of df")]
    if shape(result) == shape(x) or (len(found) == 1 and shape(x) == ()):
        return found, ""
    if len(shape(x)) == 2 and shape(result) == shape(x)[::-1]:
        rows, columns = shape(x)
        transposed = [found[column * rows + row] for row in range(rows) for column in range(columns)]
        return transposed, f"the derivatives are transposed: df gives {describe(result)} for x, {describe(x)}"
    raise ValueError(
        "check_gradient: df must return derivatives in the structure of x: "
        f"expected {describe(x)}, got {describe(result)}"
    )


def _without_tensors(result: Any) -> Any:
    """A result with NumPy arrays in place of other libraries' tensors, and numbers for tensors without dimensions."""
    if type(result) in (list, tuple):
        return type(result)(map(_without_tensors, result))
    if isinstance(result, dict):
        return {key: _without_tensors(part) for key, part in result.items()}
    if is_array(result) or not hasattr(result, "tolist"):
        return result
    import numpy  # only here: numbers and lists do without it

    numbers = result.tolist()
    return numpy.array(numbers) if isinstance(numbers, list) else numbers


def _real(number: object, what: str) -> float:
    if isinstance(number, (Real, Value)):
        return float(number)
    raise TypeError(
        f"check_gradient: {what} must be made of real numbers, got {number!r} of type {type(number).__name__}"
    )
