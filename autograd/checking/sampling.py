"""Points at which to check a function: drawn at random, reproducibly, from where its operations are defined."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

from ..graph import history
from ..structures import flatten
from ..value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    Interval = tuple[float, float]

_ANYWHERE = (-4.0, 4.0)
_TRIES = 1000


def sample_points(
    f: Callable[..., Any], names: Sequence[str], number: int, seed: int, ranges: Mapping[str, Any]
) -> Iterator[list[Any]]:
    """Points at which a function is finite, as one argument for each name.

    Args:
        f: takes Values.
        names: of its arguments.
        number: of points.
        seed: the same seed gives the same points.
        ranges: for some of the names an interval `(low, high)`, or a list of intervals for an argument that is a list.
            Other arguments are numbers from the domains of the operations that use them.

    Raises:
        ValueError: a range that is none, or for a name that f does not have; or f is finite almost nowhere.
    """
    for name in ranges:
        if name not in names:
            raise ValueError(f"ranges: the function has no argument {name!r}, only {', '.join(map(repr, names))}")
    intervals = {name: _checked(ranges[name], name) for name in names if name in ranges}
    intervals.update(_domains(f, names, intervals))
    random = Random(seed)
    for _ in range(number):
        yield _finite_point(f, [intervals[name] for name in names], random)


def _finite_point(f: Callable[..., Any], intervals: Sequence[Any], random: Random) -> list[Any]:
    for _ in range(_TRIES):
        point = [_drawn(interval, random.uniform) for interval in intervals]
        if _is_finite(f, point):
            return point
    raise ValueError(
        f"no point was found in {_TRIES} tries where the function is finite; give ranges={{'x': (low, high), ...}}"
    )


def _is_finite(f: Callable[..., Any], point: Sequence[Any]) -> bool:
    try:
        return all(map(math.isfinite, flatten(f(*map(_lifted, point)), "the result of the function")))
    except ArithmeticError:
        return False


def _domains(f: Callable[..., Any], names: Sequence[str], known: Mapping[str, Any]) -> dict[str, Interval]:
    """For arguments without a range, where all operations are defined that use them directly."""
    arguments = [_lifted(_drawn(known.get(name, (0.0, 1.0)), _middle)) for name in names]
    results = [y for y in flatten(f(*arguments), "the result of the function") if isinstance(y, Value)]
    users = history(results)
    return {
        name: _common_domain(argument, users)
        for name, argument in zip(names, arguments, strict=True)
        if name not in known
    }


def _common_domain(argument: Value, users: Sequence[Value]) -> Interval:
    low, high = _ANYWHERE
    for node in users:
        domain = node._operation.domain  # type: ignore[union-attr]
        for position, operand in enumerate(node.parents):
            if operand is argument and domain:
                least, most = domain[min(position, len(domain) - 1)]
                low, high = max(low, least), min(high, most)
    return (low, high) if low < high else _ANYWHERE


def _drawn(interval: Any, draw: Callable[[float, float], float]) -> Any:
    return [_drawn(part, draw) for part in interval] if isinstance(interval, list) else draw(*interval)


def _middle(low: float, high: float) -> float:
    return 0.5 * (low + high)


def _lifted(point: Any) -> Any:
    return [_lifted(part) for part in point] if isinstance(point, list) else Value(point)


def _checked(interval: Any, name: str) -> Any:
    if isinstance(interval, list):
        return [_checked(part, f"{name}[{i}]") for i, part in enumerate(interval)]
    if not isinstance(interval, tuple) or len(interval) != 2 or not interval[0] < interval[1]:
        raise ValueError(f"ranges: {name} must be (low, high) with low < high, or a list of these, got {interval!r}")
    return float(interval[0]), float(interval[1])


def named_values(names: Sequence[str], point: Sequence[Any]) -> list[Any]:
    """The point with a Value for each number, which is named after its argument."""
    return [_named(part, name) for name, part in zip(names, point, strict=True)]


def _named(part: Any, name: str) -> Any:
    if isinstance(part, (list, tuple)):
        return [_named(inner, f"{name}[{i}]") for i, inner in enumerate(part)]
    return Value(part, name)
