"""What torch's reductions, scans and products of matrices do, in operations on cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..value import Value, constant
from . import rows
from .aten_names import enter, translation
from .cells import (
    Cells,
    add,
    along,
    average,
    filled,
    inner,
    largest,
    log_shares,
    log_sum_exp,
    matmul,
    minus,
    mul,
    over,
    plus,
    product_of,
    recorded,
    reduced,
    running,
    shares,
    smallest,
    times,
    total,
)

Dims = int | Sequence[int] | None

# Reductions


@translation("sum")
def summed(x: Cells, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The sum over dimensions."""
    return reduced(total, x, dim, keepdim)


@translation()
def nansum(x: Cells, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The sum of what is a number."""
    return reduced(lambda xs: total([v for v in xs if v.number == v.number]), x, dim, keepdim)


@translation("mean")
def mean(x: Cells, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The mean over dimensions."""
    return reduced(average, x, dim, keepdim)


@translation("prod")
def prod(x: Cells, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The product over dimensions."""
    return reduced(product_of, x, dim, keepdim)


enter("amax", lambda x, dim=None, keepdim=False: reduced(largest, x, dim, keepdim))
enter("amin", lambda x, dim=None, keepdim=False: reduced(smallest, x, dim, keepdim))
enter("logsumexp", lambda x, dim, keepdim=False: reduced(log_sum_exp, x, dim, keepdim))


@translation("max")
def greatest(x: Cells, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The largest of all, where equal ones share the derivative; along a dimension the first has it."""
    return reduced(largest if dim is None else rows.first_max, x, dim, keepdim)


@translation("min")
def least(x: Cells, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The smallest, as `greatest`."""
    return reduced(smallest if dim is None else rows.first_min, x, dim, keepdim)


def _deviations(xs: list[Value]) -> list[Value]:
    middle = average(xs)
    return [minus(x, middle) for x in xs]


def spread(xs: list[Value], divisor: float) -> tuple[list[Value], Value]:
    """The deviations from the mean, and the sum of their squares divided by a number: the variance."""
    deviations = _deviations(xs)
    return deviations, over(inner(deviations, deviations), constant(divisor))


def _variance(correction: float | None) -> Callable[[list[Value]], Value]:
    less = 1.0 if correction is None else float(correction)
    return lambda xs: spread(xs, max(len(xs) - less, 0.0))[1]


@translation()
def var(
    x: Cells, dim: Dims = None, correction: float | None = None, keepdim: bool = False, unbiased: bool = True
) -> Cells:
    """The variance over dimensions."""
    return reduced(_variance(correction if unbiased else 0.0), x, dim, keepdim)


@translation()
def std(
    x: Cells, dim: Dims = None, correction: float | None = None, keepdim: bool = False, unbiased: bool = True
) -> Cells:
    """The standard deviation over dimensions; where it is 0, so is its derivative."""
    less = 0.0 if not unbiased else 1.0 if correction is None else float(correction)

    def of_many(xs: list[Value]) -> Value:
        divisor = constant(math.sqrt(max(len(xs) - less, 0.0)))
        return over(rows.euclidean(_deviations(xs)), divisor)

    return reduced(of_many, x, dim, keepdim)


@translation()
def var_mean(x: Cells, dim: Dims = None, correction: float | None = None, keepdim: bool = False) -> tuple[Cells, Cells]:
    """The variance and the mean over dimensions."""
    return var(x, dim, correction, keepdim), mean(x, dim, keepdim)


@translation()
def std_mean(x: Cells, dim: Dims = None, correction: float | None = None, keepdim: bool = False) -> tuple[Cells, Cells]:
    """The standard deviation and the mean over dimensions."""
    return std(x, dim, correction, keepdim), mean(x, dim, keepdim)


def norm_of(p: float) -> Callable[[list[Value]], Value]:
    """The p-norm of many numbers."""

    def one(xs: list[Value]) -> Value:
        if p == 2.0:
            return rows.euclidean(xs)
        if p == 0.0:  # how many are not 0
            return total([recorded(ops.abs, recorded(ops.sign, x)) for x in xs])
        sizes = [recorded(ops.abs, x) for x in xs]
        if math.isinf(p):
            return largest(sizes) if p > 0.0 else smallest(sizes)
        if p == 1.0 or len(xs) == 1:
            return total(sizes)
        if p < 1.0:  # at 0 with an infinite slope, which torch leaves out
            sizes = [size if size.number else constant(0.0) for size in sizes]
        exponent = constant(p)
        return recorded(ops.pow, total([recorded(ops.pow, size, exponent) for size in sizes]), constant(1.0 / p))

    return one


@translation("linalg_vector_norm")
def vector_norm(x: Cells, ord: float = 2.0, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The p-norm over dimensions."""
    return reduced(norm_of(float(ord)), x, dim, keepdim)


@translation("norm")
def norm(x: Cells, p: float | None = 2.0, dim: Dims = None, keepdim: bool = False) -> Cells:
    """The p-norm over dimensions."""
    return vector_norm(x, 2.0 if p is None else p, dim, keepdim)


# Along a dimension

enter("_softmax", lambda x, dim, half_to_float=False: along(shares, x, dim))
enter("_safe_softmax", lambda x, dim: along(_shares_or_none, x, dim))
enter("_log_softmax", lambda x, dim, half_to_float=False: along(log_shares, x, dim))
enter("cumsum", lambda x, dim: along(running(plus), x, dim))
enter("cumprod", lambda x, dim: along(running(times), x, dim))
enter("logcumsumexp", lambda x, dim: along(running(lambda x, y: recorded(ops.logaddexp, x, y)), x, dim))


def _shares_or_none(xs: list[Value]) -> list[Value]:
    is_masked = all(x.operation is not None and x.number == -math.inf for x in xs)
    return [constant(0.0) for _ in xs] if is_masked else shares(xs)


def at_positions(x: Cells, positions: np.ndarray[Any, Any] | None = None, dim: int = -1) -> Cells:
    """Elements along a dimension at the positions that torch found; without them the median, which equal ones share."""
    if positions is None:
        in_order = sorted(x.ravel().tolist(), key=lambda value: value.number)
        middle = in_order[(len(in_order) - 1) // 2]
        return filled([average([each for each in in_order if each.number == middle.number] or [middle])], ())
    if x.ndim == 0:
        return x
    wide = positions if positions.ndim == x.ndim else np.expand_dims(positions, dim)
    found: Cells = np.take_along_axis(x, wide, dim).reshape(positions.shape)
    return found


# Products of matrices


@translation("mm", "bmm")
def product(x: Cells, mat2: Cells) -> Cells:
    """The product of two matrices, or of many pairs of them."""
    return matmul(x, mat2)


@translation("dot", "vdot")
def dot(x: Cells, other: Cells | None = None, tensor: Cells | None = None) -> Cells:
    """The inner product of two vectors."""
    second = other if other is not None else tensor
    assert second is not None
    return matmul(x[None, :], second[:, None])[0, 0:1].reshape(())


@translation()
def mv(x: Cells, vec: Cells) -> Cells:
    """The product of a matrix and a vector."""
    return matmul(x, vec[:, None])[:, 0]


def _plus_product(x: Cells, found: Cells, beta: float, alpha: float) -> Cells:
    found = found if alpha == 1 else mul(found, float(alpha))
    return found if beta == 0 else add(found, x if beta == 1 else mul(x, float(beta)))


@translation("addmm")
def addmm(x: Cells, mat1: Cells, mat2: Cells, beta: float = 1, alpha: float = 1) -> Cells:
    """beta x + alpha mat1 mat2."""
    return _plus_product(x, matmul(mat1, mat2), beta, alpha)


@translation("baddbmm")
def baddbmm(x: Cells, batch1: Cells, batch2: Cells, beta: float = 1, alpha: float = 1) -> Cells:
    """The same for many matrices."""
    return _plus_product(x, matmul(batch1, batch2), beta, alpha)


@translation("addbmm")
def addbmm(x: Cells, batch1: Cells, batch2: Cells, beta: float = 1, alpha: float = 1) -> Cells:
    """The same with the products added up."""
    return _plus_product(x, reduced(total, matmul(batch1, batch2), 0), beta, alpha)


@translation("addmv")
def addmv(x: Cells, mat: Cells, vec: Cells, beta: float = 1, alpha: float = 1) -> Cells:
    """beta x + alpha mat vec."""
    return _plus_product(x, mv(mat, vec), beta, alpha)


@translation("addr")
def addr(x: Cells, vec1: Cells, vec2: Cells, beta: float = 1, alpha: float = 1) -> Cells:
    """beta x + alpha times the outer product of two vectors."""
    return _plus_product(x, mul(vec1[:, None], vec2[None, :]), beta, alpha)


@translation()
def linear(input: Cells, weight: Cells, bias: Cells | None = None) -> Cells:
    """x weight^T + bias."""
    found = matmul(input.reshape(math.prod(input.shape[:-1]), input.shape[-1]), weight.swapaxes(0, 1))
    found = found.reshape(*input.shape[:-1], weight.shape[0])
    return found if bias is None else add(found, bias)
