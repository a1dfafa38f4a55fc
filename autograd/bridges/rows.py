"""Operations of the frameworks that the table does not have, as rows of their own or in a few of its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .. import ops
from ..custom import operation
from ..operation import N, NumberSystem, Operation
from ..value import Value, constant
from .cells import minus, plus, recorded, times

if TYPE_CHECKING:
    from ..operation import Formula, Kinks, Partials


ARCS = {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
"""What frameworks call the inverse functions, and what the table does."""


def _firsts(m: NumberSystem[N], at_the_end: Sequence[N]) -> tuple[N, ...]:
    """1 for the first of the indicators that is 1, 0 for all others."""
    found: list[N] = []
    free: N | float = 1.0
    for indicator in at_the_end:
        found.append(free * indicator)
        free = free * (1.0 - indicator)
    return tuple(found)


def _operation(
    name: str, formula: Formula, partials: Partials, latex: str | None = None, kinks: Kinks | None = None
) -> Operation:
    row: Operation = operation(name, formula, partials, latex=latex, kinks=kinks).operation  # type: ignore[attr-defined]
    return row


def _first(name: str, of_many: Operation, is_largest: bool) -> Operation:
    """The largest or smallest of many numbers, of which equal ones do not share the derivative: the first has it."""

    def partials(m: NumberSystem[N], y: N, *xs: N) -> tuple[N, ...]:
        return _firsts(m, [m.step(x, y, 1.0) if is_largest else m.step(y, x, 1.0) for x in xs])

    return _operation(name, of_many.formula, partials, latex=of_many.latex, kinks=of_many.kinks)


FIRST_MAX = _first("first_max", ops.max, is_largest=True)
"""The maximum that pooling takes, and reductions that return positions too."""

FIRST_MIN = _first("first_min", ops.min, is_largest=False)
"""The minimum of reductions that return positions too."""


def first_max(xs: list[Value]) -> Value:
    """The largest as one node; of equal ones the first has the derivative."""
    return xs[0] if len(xs) == 1 else recorded(FIRST_MAX, *xs)


def first_min(xs: list[Value]) -> Value:
    """The smallest as one node; of equal ones the first has the derivative."""
    return xs[0] if len(xs) == 1 else recorded(FIRST_MIN, *xs)


def _fmod_partials(m: NumberSystem[N], z: N, x: N, y: N) -> tuple[N | float, N]:
    return 1.0, -m.trunc(m.div(x, y))


def _huber_partials(m: NumberSystem[N], y: N, r: N, delta: N) -> tuple[N, N]:
    return m.where(m.step(delta, m.abs(r), 0.0), r, delta * m.sign(r)), m.relu(m.abs(r) - delta)


def _huber_formula(m: NumberSystem[N], r: N, delta: N) -> N:
    inside = m.minimum(m.abs(r), delta)
    return inside * (m.abs(r) - 0.5 * inside)


def _norm_partials(m: NumberSystem[N], y: N, *xs: N) -> tuple[N, ...]:
    return tuple(m.where(y, m.div(x, y), 0.0) for x in xs)


_FMOD = _operation("fmod", lambda m, x, y: m.sign(x) * m.mod(m.abs(x), m.abs(y)), _fmod_partials)
_HUBER = _operation("huber_loss", _huber_formula, _huber_partials)
_NORM = _operation("norm", lambda m, *xs: m.sqrt(m.dot(xs, xs)), _norm_partials, latex=r"\left\|{all}\right\|")


def fmod(x: Value, y: Value) -> Value:
    """The rest of x / y with the sign of x, as C has it."""
    return recorded(_FMOD, x, y)


def huber(r: Value, delta: float) -> Value:
    """r^2 / 2 inside a band, delta (|r| - delta / 2) outside (Huber 1964), as one node without a kink."""
    return recorded(_HUBER, r, constant(delta))


def euclidean(xs: list[Value]) -> Value:
    """The length of a vector as one node, whose derivative at the origin is 0."""
    return recorded(ops.abs, xs[0]) if len(xs) == 1 else recorded(_NORM, *xs)


# Conditions: 1 where they hold, 0 elsewhere


def greater(x: Value, y: Value) -> Value:
    """Whether x is above y."""
    return recorded(ops.step, x, y, constant(0.0))


def at_least(x: Value, y: Value) -> Value:
    """Whether x is not below y."""
    return recorded(ops.step, x, y, constant(1.0))


def both(x: Value, y: Value) -> Value:
    """Whether two conditions hold."""
    return times(x, y)


def either(x: Value, y: Value) -> Value:
    """Whether at least one of two conditions holds."""
    return recorded(ops.maximum, x, y)


def opposite(x: Value) -> Value:
    """Whether a condition does not hold."""
    return minus(constant(1.0), x)


CONDITIONS: dict[str, Callable[..., Value]] = {
    "gt": greater,
    "ge": at_least,
    "lt": lambda x, y: greater(y, x),
    "le": lambda x, y: at_least(y, x),
}
"""Comparisons under the names that torch and JAX give them."""


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
    return _times_logarithm(x, y, recorded(ops.log, y))


def xlog1py(x: Value, y: Value) -> Value:
    """x log(1 + y), 0 where x is 0."""
    return _times_logarithm(x, y, recorded(ops.log1p, y))


def _times_logarithm(x: Value, y: Value, logarithm: Value) -> Value:
    """The product; where it would be 0 times infinity or nan, 0 without a derivative."""
    is_flat = x.number == 0.0 and not math.isnan(y.number) and not math.isfinite(logarithm.number)
    return scaled(x, 0.0) if is_flat else times(x, logarithm)
