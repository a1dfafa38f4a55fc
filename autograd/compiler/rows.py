"""Functions along the last axis of an array, and how a gradient passes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops

if TYPE_CHECKING:
    from .ir import Builder, Instruction

OF_EXPONENTIALS = {"logsumexp", "softmax"}
"""The functions that start from the exponentials of a row, which they share."""


def pulled(builder: Builder, y: Instruction, cotangent: Instruction) -> Instruction:
    """The cotangent of the operand of y, which is a function of its rows."""
    [x] = y.operands
    if y.data == "softmax":
        return builder.rows("softmax_pull", x.shape, y, builder.filled(cotangent, y.shape, y.batched))
    partials = builder.rows(PARTIALS[y.data], x.shape, x)
    return builder.map(ops.mul, builder.stretched(cotangent, x.shape[-1]), partials)


PARTIALS = {
    "logsumexp": "softmax",
    "prod": "products_of_the_others",
    "max": "largest_shares",
    "min": "smallest_shares",
}
"""The partial derivatives of functions with one result per row, functions of rows themselves."""
