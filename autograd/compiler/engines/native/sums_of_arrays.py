"""Sums over elements that are equally far apart, in any order, so that a processor adds up several at once.

Like `interpreter.py` this is Python that numba can compile too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .interpreter import Numbers


def total(numbers: Numbers, x: int, apart: int, length: int) -> float:
    """The sum of elements."""
    result = 0.0
    if apart == 1:
        for i in range(length):
            result += numbers[x + i]
    else:
        for i in range(length):
            result += numbers[x + i * apart]
    return result


def dot(numbers: Numbers, x: int, x_apart: int, y: int, y_apart: int, length: int) -> float:
    """The sum of products."""
    result = 0.0
    if x_apart == 1 and y_apart == 1:
        for i in range(length):
            result += numbers[x + i] * numbers[y + i]
    elif x_apart == 1 and y_apart == 0:
        factor = numbers[y]
        for i in range(length):
            result += numbers[x + i] * factor
    else:
        for i in range(length):
            result += numbers[x + i * x_apart] * numbers[y + i * y_apart]
    return result


def dot_where(
    numbers: Numbers, x: int, x_apart: int, y: int, y_apart: int, mask: int, mask_apart: int, length: int
) -> float:
    """The sum of the products that count: where the mask is not 0."""
    result = 0.0
    for i in range(length):
        product = numbers[x + i * x_apart] * numbers[y + i * y_apart]
        result += product if numbers[mask + i * mask_apart] != 0.0 else 0.0
    return result
