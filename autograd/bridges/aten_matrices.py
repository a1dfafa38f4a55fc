"""What torch's operations of linear algebra do."""

from __future__ import annotations

import numpy as np

from ..value import Value
from . import matrices, rows
from .aten_names import translation
from .cells import Cells, constants, data, elementwise, plus


def _turned(x: Cells) -> Cells:
    return x.swapaxes(-1, -2)


@translation("linalg_cholesky_ex", "cholesky")
def cholesky(x: Cells, upper: bool = False, check_errors: bool = False) -> Cells:
    """The lower triangular factor, or its transpose; elements that face each other share the derivative."""
    low = matrices.each(matrices.cholesky, elementwise(_shared, x, _turned(x)))
    return _turned(low) if upper else low


def _shared(x: Value, opposite: Value) -> Value:
    """An element of a symmetric matrix."""
    return rows.scaled(plus(x, opposite), 0.5) if x is not opposite and x.number == opposite.number else x


@translation("linalg_solve_triangular")
def solve_triangular(x: Cells, B: Cells, upper: bool, left: bool = True, unitriangular: bool = False) -> Cells:  # noqa: N803
    """The X of x X = B, or of X x = B, of a triangular x."""
    if not left:
        return _turned(solve_triangular(_turned(x), _turned(B), not upper, True, unitriangular))
    return matrices.each(lambda a, b: matrices.solved_triangular(a, b, not upper, unitriangular), x, B)


@translation("cholesky_solve")
def cholesky_solve(x: Cells, input2: Cells, upper: bool = False) -> Cells:
    """The X of A X = x, given a factor of A."""
    low = _turned(input2) if upper else input2
    halfway = matrices.each(lambda a, b: matrices.solved_triangular(a, b, True), low, x)
    return matrices.each(lambda a, b: matrices.solved_triangular(a, b, False), _turned(low), halfway)


@translation("_linalg_solve_ex")
def solve(A: Cells, B: Cells, left: bool = True, check_errors: bool = False) -> Cells:  # noqa: N803
    """The X of A X = B, or of X A = B."""
    if not left:
        return _turned(solve(_turned(A), _turned(B)))
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]):
        return solve(A, B[..., None])[..., 0]
    return matrices.each(matrices.solved, A, B)


@translation("linalg_inv_ex")
def inverse(A: Cells, check_errors: bool = False) -> Cells:  # noqa: N803
    """The inverse."""
    return matrices.each(matrices.inverse, A)


@translation("_linalg_det")
def determinant(A: Cells) -> Cells:  # noqa: N803
    """The determinant."""
    return matrices.each(matrices.determinant, A)[..., 0, 0:1].reshape(A.shape[:-2])


@translation("_linalg_slogdet")
def log_determinant(A: Cells) -> tuple[Cells, Cells]:  # noqa: N803
    """The sign of the determinant, which has no derivative, and the logarithm of its size."""
    size = matrices.each(matrices.log_determinant, A)[..., 0, 0:1].reshape(A.shape[:-2])
    return constants(np.linalg.slogdet(data(A))[0]), size
