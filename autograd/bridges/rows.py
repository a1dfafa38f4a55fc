"""Two rows for what frameworks decide otherwise than the table, and small functions made of the table's rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import ops
from ..custom import operation
from ..operation import N, NumberSystem, Operation
from ..value import Value, constant
from .cells import minus, plus, recorded, times


def _firsts(m: NumberSystem[N], at_the_end: Sequence[N]) -> tuple[N, ...]:
    """1 for the first of the indicators that is 1, 0 for all others."""
    found: list[N] = []
    free: N | float = 1.0
    for indicator in at_the_end:
        found.append(free * indicator)
        free = free * (1.0 - indicator)
    return tuple(found)


def _row(name: str, of_many: Operation, is_largest: bool) -> Operation:
    """The largest or smallest of many numbers, of which equal ones do not share the derivative: the first has it."""

    def partials(m: NumberSystem[N], y: N, *xs: N) -> tuple[N, ...]:
        return _firsts(m, [m.step(x, y, 1.0) if is_largest else m.step(y, x, 1.0) for x in xs])

    function = operation(name, of_many.formula, partials, latex=of_many.latex, kinks=of_many.kinks)
    found: Operation = function.operation  # type: ignore[attr-defined]
    return found


FIRST_MAX = _row("first_max", ops.max, is_largest=True)
"""The maximum that pooling takes, and reductions that return positions too."""

FIRST_MIN = _row("first_min", ops.min, is_largest=False)
"""The minimum of reductions that return positions too."""


def first_max(xs: list[Value]) -> Value:
    """The largest as one node; of equal ones the first has the derivative."""
    return xs[0] if len(xs) == 1 else recorded(FIRST_MAX, *xs)


def first_min(xs: list[Value]) -> Value:
    """The smallest as one node; of equal ones the first has the derivative."""
    return xs[0] if len(xs) == 1 else recorded(FIRST_MIN, *xs)


def fmod(x: Value, y: Value) -> Value:
    """The rest of x / y with the sign of x, as C has it."""
    if y.number < 0.0:
        y = recorded(ops.neg, y)
    return recorded(ops.neg, recorded(ops.mod, recorded(ops.neg, x), y)) if x.number < 0.0 else recorded(ops.mod, x, y)


def erfc(x: Value) -> Value:
    """1 - erf(x)."""
    return minus(constant(1.0), recorded(ops.erf, x))


def rsqrt(x: Value) -> Value:
    """1 / sqrt(x) as one node."""
    return recorded(ops.pow, x, constant(-0.5))


def scaled(x: Value, factor: float) -> Value:
    """x times a number; x itself for 1."""
    return times(x, constant(factor))


def shifted(x: Value, number: float) -> Value:
    """x plus a number; x itself for 0."""
    return plus(x, constant(number))


def xlogy(x: Value, y: Value) -> Value:
    """x log(y), 0 where x is 0."""
    if x.number == 0.0 and not math.isnan(y.number):
        return scaled(x, 0.0) if x.operation is not None else x
    return times(x, recorded(ops.log, y))
