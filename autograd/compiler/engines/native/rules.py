"""Rewrites operations for machine code, which has functions of up to three numbers, and sums."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING

from .... import ops
from ...ir import Instruction
from ...lower import for_arrays
from ...terms import OF_ALL, ArrayTerm
from .tape import ELEMENTWISE, KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...ir import Action
    from ...lower import Lowering


def for_fused(m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
    """The rule of `lower` for programs on arrays: what machine code has stays as it is."""
    if operation in ELEMENTWISE:
        return m.builder.map(operation, *operands)
    if operation in (ops.square, ops.reciprocal):
        return m.formula(operation, operands)
    return for_arrays(m, operation, operands)


class ForNative:
    """The rule of `lower` for tapes.

    Sums over the same operands in another order, as in all the shares of one softmax, are computed once: operands are
    put into the order in which they were seen first.
    """

    def __init__(self) -> None:
        self._seen: dict[Instruction, int] = {}

    def __call__(self, m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
        """What an operation on operands becomes."""
        if operation in KNOWN:
            return m.builder.map(operation, *operands)
        xs = [ArrayTerm(m, operand) for operand in operands]
        if operation in OF_ALL.values():
            every = self._softmax if operation == OF_ALL[ops.softmax] else self._log_softmax
            return m.builder.map("bundle", *[result.instruction for result in every(m, xs)])
        if operation is ops.logsumexp:
            return self._logsumexp(m, xs).instruction
        if operation is ops.log_softmax and len(xs) > 1:  # of one number it is 0, even of nan
            return self._log_softmax(m, xs)[0].instruction
        rewrite = _ON_NUMBERS.get(operation)
        if rewrite and xs:
            return rewrite(m, xs).instruction
        if isinstance(operation, ops.Operation):
            return m.expanded(operation, operands)
        return m.builder.map(operation, *operands)

    def _ordered(self, xs: Sequence[ArrayTerm]) -> list[ArrayTerm]:
        for x in xs:
            self._seen.setdefault(x.instruction, len(self._seen))
        return sorted(xs, key=lambda x: self._seen[x.instruction])

    def _exponentials(
        self, m: Lowering, xs: Sequence[ArrayTerm]
    ) -> tuple[ArrayTerm, list[ArrayTerm], list[ArrayTerm], ArrayTerm, ArrayTerm]:
        """What softmax and logsumexp share.

        Returns:
            The maximum; for each x whether it is at the top, and exp(x - maximum) if not; how many others are at the
            top; and the sum of the exponentials without the 1 of one maximum, beside which a small sum would be lost.
        """
        top = _extreme(m, ops.maximum, self._ordered(xs))
        at_the_top = [m.step(x, top, 1.0) for x in xs]
        others = [m.where(t, 0.0, m.exp(x - top)) for t, x in zip(at_the_top, xs, strict=True)]
        ties = m.maximum(m.sum(self._ordered(at_the_top)) - 1.0, 0.0)
        return top, at_the_top, others, ties, ties + m.sum(self._ordered(others))

    def _logsumexp(self, m: Lowering, xs: Sequence[ArrayTerm]) -> ArrayTerm:
        top, _, _, _, rest = self._exponentials(m, xs)
        return m.where(0.0 * top, top, top + m.log1p(rest))  # 0 * top is nan, which counts as true, unless it is finite

    def _log_softmax(self, m: Lowering, xs: Sequence[ArrayTerm]) -> list[ArrayTerm]:
        """The logarithms of shares: the difference from the maximum first, which at the top is exactly 0."""
        top, at_the_top, _, ties, rest = self._exponentials(m, xs)
        infinite = m.where(ties, m.where(m.step(top, 0.0, 0.0), math.nan, top), 0.0)
        nothing, log = m.where(0.0 * top, infinite, 0.0), m.log1p(rest)
        return [m.where(is_top, nothing, x - top) - log for is_top, x in zip(at_the_top, xs, strict=True)]

    def _softmax(self, m: Lowering, xs: Sequence[ArrayTerm]) -> list[ArrayTerm]:
        top, at_the_top, others, ties, rest = self._exponentials(m, xs)
        only_one = m.where(m.step(top, 0.0, 0.0), m.where(ties, math.nan, 0.0), math.nan)  # has everything, if infinite
        total = 1.0 + rest + m.where(0.0 * top, only_one, 0.0)
        return [m.div(other + t, total) for other, t in zip(others, at_the_top, strict=True)]


def _extreme(m: Lowering, choice: ops.Operation, xs: Sequence[ArrayTerm]) -> ArrayTerm:
    """The largest or smallest, by rounds in which neighbours are compared: the fewest levels."""
    while len(xs) > 1:
        pairs = [m.apply(choice, x, y) for x, y in zip(xs[::2], xs[1::2], strict=False)]
        xs = [*pairs, *xs[2 * len(pairs) :]]
    return xs[0]


def _mean(m: Lowering, xs: Sequence[ArrayTerm]) -> ArrayTerm:
    """The sum divided by the number; if it overflows, the sum of the terms divided."""
    total = m.sum(xs)
    return m.where(0.0 * total, m.sum([x * (1.0 / len(xs)) for x in xs]), m.div(total, float(len(xs))))


_ON_NUMBERS: dict[Action, Callable[[Lowering, Sequence[ArrayTerm]], ArrayTerm]] = {
    ops.mean: _mean,
    ops.max: lambda m, xs: _extreme(m, ops.maximum, xs),
    ops.min: lambda m, xs: _extreme(m, ops.minimum, xs),
    ops.prod: lambda m, xs: reduce(lambda x, y: x * y, xs),
}
