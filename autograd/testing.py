"""Hypothesis strategies for tests of code that works on Values.

They need Hypothesis: pip install "chainrule[test]".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import ops
from .extras import missing_extra
from .value import Value, apply

try:
    from hypothesis import currently_in_test_context, note, strategies
except ImportError as missing:
    raise missing_extra("autograd.testing", "test") from missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from .ops import Operation

__all__ = ["expressions", "values"]

# No derivative flows into the condition of `where`; `softmax` here is one share of several.
_OPERATIONS = tuple(
    name for name, row in ops.TABLE.items() if not row.is_helper and row not in (ops.where, ops.softmax)
)
_LARGEST_RESULT = 1e6
_NAMES = "xyzuvwabcdefgh"


def values(min_value: float = -4.0, max_value: float = 4.0, *, name: str | None = None) -> SearchStrategy[Value]:
    """Leaf Values with finite data.

    Args:
        min_value: the smallest data.
        max_value: the largest data.
        name: the Values' name.

    >>> from hypothesis import given
    >>> @given(values(min_value=0.1))
    ... def logarithm_undoes_exp(x):
    ...     assert abs(x.exp().log().data - x.data) < 1e-9
    >>> logarithm_undoes_exp()
    """
    numbers = strategies.floats(min_value, max_value, allow_nan=False, allow_infinity=False)
    return strategies.builds(lambda number: Value(number, name), numbers)


def expressions(
    *,
    max_leaves: int = 3,
    max_operations: int = 12,
    operations: Sequence[str] = _OPERATIONS,
    leaves: SearchStrategy[Value] | None = None,
) -> SearchStrategy[Value]:
    """Values computed by random operations from a few leaves named x, y, z ...

    Each operation is applied where it is defined, and results are finite and at most a million. A failing test prints
    what was drawn.

    Args:
        max_leaves: the largest number of leaves, from 1 to 14.
        max_operations: the largest number of operations, from 1.
        operations: the names to choose from; all that have a derivative by default.
        leaves: a strategy for the leaves; `values()` by default.

    Raises:
        ValueError: a number out of range, or an operation that does not exist.

    >>> from hypothesis import given, settings
    >>> from autograd import gradcheck
    >>> @settings(max_examples=20, deadline=None)
    ... @given(expressions(operations=["add", "mul", "tanh"]))
    ... def derivatives_are_right(y):
    ...     gradcheck(y)
    >>> derivatives_are_right()
    """
    if not 1 <= max_leaves <= len(_NAMES):
        raise ValueError(f"max_leaves must be from 1 to {len(_NAMES)}, got {max_leaves}")
    if max_operations < 1:
        raise ValueError(f"max_operations must be at least 1, got {max_operations}")
    if not operations:
        raise ValueError("operations must name at least one operation")
    for name in operations:
        if name not in ops.TABLE:
            raise ValueError(f"there is no operation {name!r}; there are {', '.join(ops.TABLE)}")
    return _expressions(max_leaves, max_operations, tuple(operations), values() if leaves is None else leaves)


@strategies.composite
def _expressions(
    draw: DrawFn, max_leaves: int, max_operations: int, operations: Sequence[str], leaves: SearchStrategy[Value]
) -> Value:
    known: list[Value] = []
    names: list[str] = []
    for name in _NAMES[: draw(strategies.integers(1, max_leaves))]:
        leaf = draw(leaves)
        leaf.name = leaf.name or name
        known.append(leaf)
        names.append(leaf.name)
    lines = [f"{leaf.name} = {leaf.data!r}" for leaf in known]
    for _ in range(draw(strategies.integers(1, max_operations))):
        operation = ops.TABLE[draw(strategies.sampled_from(operations))]
        chosen = draw(strategies.lists(strategies.integers(0, len(known) - 1), **_sizes(operation)))
        result = _applied(operation, [known[i] for i in chosen])
        if result is not None:
            known.append(result)
            names.append(f"t{len(lines)}")
            lines.append(f"{names[-1]} = {operation.name}({', '.join(names[i] for i in chosen)})")
    if currently_in_test_context():
        note("\n".join(lines))
    return known[-1]


def _sizes(operation: Operation) -> dict[str, Any]:
    """How many operands to draw."""
    if operation.arity is None and operation.sequences != 2 and not operation.formula.__defaults__:
        return {"min_size": 1, "max_size": 4}
    size = operation.arity or operation.sequences or 1  # parameters with a default keep it
    return {"min_size": size, "max_size": size}


def _applied(operation: Operation, operands: Sequence[Value]) -> Value | None:
    """The result, or None where the operation is not defined or its result is too large."""
    domain = operation.domain
    for i, operand in enumerate(operands):
        low, high = domain[min(i, len(domain) - 1)]
        if not low <= operand.data <= high:
            return None
    result: Value = apply(operation, *operands)
    return result if math.isfinite(result.data) and abs(result.data) <= _LARGEST_RESULT else None
