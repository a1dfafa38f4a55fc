"""The partial derivatives of an operation on many operands, all at once.

One by one they take one evaluation of the formula per operand. Instead the row's own partials are computed with
hundreds of bits and proven: along a direction that weighs them equally, the difference quotient of the formula must be
their sum. If it is not, the partials are found one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..operation import Operation
from .precise import Precise, mpf
from .slopes import Slope, slope, spread_of

_BITS = 320
# A sum that agrees with the quotient up to this share proves its partials.
_AGREEMENT = 2.0**-60
# The weights are out of proportion, so that mistakes in two partials do not cancel.
_GOLDEN = 0.6180339887498949


def proven_slopes(
    numbers: Precise, operation: Operation, operands: Sequence[mpf], positions: Sequence[int]
) -> list[Slope] | None:
    """The true partial derivatives for some of the operands, or None if the row's own ones are not true.

    Args:
        numbers: the number system; its precision is changed.
        operation: the operation, whose formula works on precise numbers.
        operands: where to differentiate.
        positions: the operands to differentiate by.
    """
    numbers.context.prec = _BITS + spread_of(numbers, operands)
    claimed = _claimed(numbers, operation, operands, positions)
    if claimed is None:
        return None
    groups = [{i: partial for i, partial in claimed.items() if (partial == 0) == zero} for zero in (False, True)]
    if all(_are_proven(numbers, operation, operands, group) for group in groups if group):
        return [Slope(claimed[position], claimed[position]) for position in positions]
    return None


def _claimed(
    numbers: Precise, operation: Operation, operands: Sequence[mpf], positions: Sequence[int]
) -> dict[int, mpf] | None:
    try:
        partials = numbers.partials(operation, numbers.evaluate(operation, operands), operands)
        claimed = {position: numbers.real(partials[position]) for position in positions}
    except Exception:  # the partials may do anything with their operands
        return None
    return claimed if all(map(numbers.is_finite, claimed.values())) else None


def _are_proven(numbers: Precise, operation: Operation, operands: Sequence[mpf], partials: Mapping[int, mpf]) -> bool:
    weights = _weights(partials)
    expected = numbers.sum([weights[position] * partial for position, partial in partials.items()])
    spread = spread_of(numbers, [*operands, *partials.values(), numbers.evaluate(operation, operands)])

    def along(t: mpf) -> mpf:
        moved = [x + t * weights[position] if position in weights else x for position, x in enumerate(operands)]
        return numbers.evaluate(operation, moved)

    found = slope(numbers, along, numbers.number(0), spread)
    return not found.is_kink and bool(abs(found.middle - expected) <= _AGREEMENT * abs(expected))


def _weights(partials: Mapping[int, mpf]) -> dict[int, mpf]:
    """Weights up to 2 that make all partials count about equally, however small; any weights if all are 0."""
    smallest = min(map(abs, partials.values()))
    return {
        position: (1.0 + _GOLDEN * position % 1.0) * (smallest / partial if partial else 1)
        for position, partial in partials.items()
    }
