"""Points at which to check a function: drawn at random, reproducibly, from where its operations are defined."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

from ..node import history
from ..operation import ANYWHERE
from ..structures import flatten
from ..value import Value

Interval: TypeAlias = tuple[float, float]
Range: TypeAlias = "Interval | list[Range]"
Argument: TypeAlias = "float | list[Argument]"

_TRIES = 1000


class UnusableRangesError(ValueError):
    """No points can be drawn as was asked for."""


def sample_points(
    f: Callable[..., Any], names: Sequence[str], number: int, seed: int, ranges: Mapping[str, object]
) -> Iterator[list[Argument]]:
    """Points at which a function is finite, as one argument per name.

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
            raise UnusableRangesError(
                f"ranges: the function has no argument {name!r}, only {', '.join(map(repr, names))}"
            )
    intervals = {name: _checked(ranges[name], name) for name in names if name in ranges}
    intervals.update(_domains(f, names, intervals))
    random = Random(seed)
    for _ in range(number):
        yield _finite_point(f, [intervals[name] for name in names], random)


def _finite_point(f: Callable[..., Any], intervals: Sequence[Range], random: Random) -> list[Argument]:
    for _ in range(_TRIES):
        point = [_drawn(interval, random.uniform) for interval in intervals]
        try:
            if all(map(math.isfinite, flatten(f(*map(_lifted, point)), "the result of the function"))):
                return point
        except ArithmeticError:
            pass
    raise UnusableRangesError(
        f"no point was found in {_TRIES} tries where the function is finite; give ranges={{'x': (low, high), ...}}"
    )


def _domains(f: Callable[..., Any], names: Sequence[str], known: Mapping[str, Range]) -> dict[str, Interval]:
    """For arguments without a range, where all operations that use them directly are defined."""
    arguments = [_lifted(_drawn(known.get(name, (0.0, 1.0)), lambda low, high: 0.5 * (low + high))) for name in names]
    results = [y for y in flatten(f(*arguments), "the result of the function") if isinstance(y, Value)]
    users = history(results)
    return {
        name: _common_domain(argument, users)
        for name, argument in zip(names, arguments, strict=True)
        if name not in known
    }


def _common_domain(argument: Value | list[Any], users: Sequence[Value]) -> Interval:
    low, high = ANYWHERE
    for node in users:
        assert node.operation is not None
        domain = node.operation.domain
        for position, operand in enumerate(node.parents):
            if operand is argument and domain:
                least, most = domain[min(position, len(domain) - 1)]
                low, high = max(low, least), min(high, most)
    return (low, high) if low < high else ANYWHERE


def _drawn(interval: Range, draw: Callable[[float, float], float]) -> Argument:
    return [_drawn(part, draw) for part in interval] if isinstance(interval, list) else draw(*interval)


def _lifted(argument: Argument) -> Value | list[Any]:
    return [_lifted(part) for part in argument] if isinstance(argument, list) else Value(argument)


def _checked(interval: Any, name: str) -> Range:
    if isinstance(interval, list):
        return [_checked(part, f"{name}[{i}]") for i, part in enumerate(interval)]
    if not isinstance(interval, tuple) or len(interval) != 2 or not interval[0] < interval[1]:
        raise UnusableRangesError(
            f"ranges: {name} must be (low, high) with low < high, or a list of these, got {interval!r}"
        )
    return float(interval[0]), float(interval[1])


def named_values(argument: Argument | tuple[Any, ...], name: str) -> Value | list[Any]:
    """An argument with a Value in place of each number, named after its place."""
    if isinstance(argument, (list, tuple)):
        return [named_values(part, f"{name}[{i}]") for i, part in enumerate(argument)]
    return Value(argument, name)
