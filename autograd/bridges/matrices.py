"""Factors of matrices, and what is solved with them (G. Golub and C. Van Loan, Matrix Computations, 2013, chapter 3).

The order of pivots is decided with the numbers at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .. import ops
from ..value import constant
from .cells import Cells, constants, filled, inner, minus, over, product_of, recorded, times, total


def each(function: Callable[..., Cells], *arrays: Cells) -> Cells:
    """A function of matrices for stacks of them, which are broadcast as in NumPy."""
    lead = np.broadcast_shapes(*(array.shape[:-2] for array in arrays))
    stacks = [np.broadcast_to(array, (*lead, *array.shape[-2:])) for array in arrays]
    found = [function(*(stack[place] for stack in stacks)) for place in np.ndindex(*lead)]
    if not found:
        return filled([], (*lead, *arrays[-1].shape[-2:]))
    return np.stack(found).reshape(*lead, *found[0].shape)


def cholesky(matrix: Cells) -> Cells:
    """The lower triangular factor of a symmetric matrix (the same, 4.2)."""
    n = len(matrix)
    low = constants(np.zeros(matrix.shape))
    for j in range(n):
        for i in range(j, n):
            rest = minus(matrix[i, j], inner(low[i, :j].tolist(), low[j, :j].tolist()))
            low[i, j] = recorded(ops.sqrt, rest) if i == j else over(rest, low[j, j])
    return low


def eliminated(matrix: Cells, order: Sequence[int] | None = None) -> tuple[Cells, list[int], float]:
    """The factors of a matrix whose rows are put in order, L without its diagonal of ones and U, in one matrix.

    Args:
        matrix: the matrix.
        order: of the rows; without it that of the largest pivots.

    Returns:
        The factors, the order, and the sign of that permutation.
    """
    rows = list(range(len(matrix))) if order is None else list(order)
    sign = round(float(np.linalg.det(np.eye(len(rows))[rows]))) if rows else 1
    a = matrix[rows].copy()
    for k in range(len(a)):
        above = a[:k, k].tolist()
        for i in range(k, len(a)):
            a[i, k] = minus(a[i, k], inner(a[i, :k].tolist(), above))
        pivot = max(range(k, len(a)), key=lambda i: abs(a[i, k].number)) if order is None else k
        if pivot != k:
            a[[k, pivot]] = a[[pivot, k]]
            rows[k], rows[pivot] = rows[pivot], rows[k]
            sign = -sign
        left = a[k, :k].tolist()
        for j in range(k + 1, len(a)):
            a[k, j] = minus(a[k, j], inner(left, a[:k, j].tolist()))
        for i in range(k + 1, len(a)):
            a[i, k] = over(a[i, k], a[k, k])
    return a, rows, float(sign)


def solved_triangular(matrix: Cells, right: Cells, is_lower: bool, is_unit: bool = False) -> Cells:
    """The X of matrix X = right, of a triangular matrix; the rest of it, and a diagonal of ones, are not looked at."""
    n = len(matrix)
    found = np.empty(right.shape, dtype=object)
    for i in range(n) if is_lower else reversed(range(n)):
        known = slice(0, i) if is_lower else slice(i + 1, n)
        line = matrix[i, known].tolist()
        for j in range(right.shape[1]):
            rest = minus(right[i, j], inner(line, found[known, j].tolist()))
            found[i, j] = rest if is_unit else over(rest, matrix[i, i])
    return found


def solved(matrix: Cells, right: Cells) -> Cells:
    """The X of matrix X = right."""
    factors, order, _ = eliminated(matrix)
    return solved_triangular(factors, solved_triangular(factors, right[order], True, is_unit=True), False)


def inverse(matrix: Cells) -> Cells:
    """The inverse of a matrix."""
    return solved(matrix, constants(np.eye(len(matrix))))


def determinant(matrix: Cells) -> Cells:
    """The determinant, as a matrix of one element."""
    factors, _, sign = eliminated(matrix)
    return filled([times(constant(sign), product_of(factors.diagonal().tolist()))], (1, 1))


def log_determinant(matrix: Cells) -> Cells:
    """The logarithm of the size of the determinant, as a matrix of one element."""
    diagonal = eliminated(matrix)[0].diagonal().tolist()
    return filled([total([recorded(ops.log, recorded(ops.abs, pivot)) for pivot in diagonal])], (1, 1))
