"""What the emitted programs call that NumPy does not have, or not to the last digits. Needs NumPy only.

The source of these functions is copied into programs that are saved to stand alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def erf(x: Any) -> Any:
    """The error function."""
    return np.asarray(_erf(x), dtype=float)


def erfc(x: Any) -> Any:
    """1 - erf(x), without the cancellation."""
    return np.asarray(_erfc(x), dtype=float)


def where(condition: Any, x: Any, y: Any) -> Any:
    """X where the condition is not 0, otherwise y."""
    return np.where(np.not_equal(condition, 0.0), x, y)


def unit_step(x: Any, threshold: Any, tie: Any) -> Any:
    """1 above the threshold, 0 below, `tie` at it; nan where they do not compare."""
    known = np.where(np.equal(x, threshold), tie, np.nan)
    return np.where(np.greater(x, threshold), 1.0, np.where(np.less(x, threshold), 0.0, known))


def direction(x: Any, y: Any) -> Any:
    """X / hypot(x, y), also where hypot overflows or is subnormal."""
    wide = np.abs(x) >= np.abs(y)
    flat = np.copysign(1.0 / np.hypot(1.0, np.divide(y, x)), x)
    ratio = np.divide(x, y)
    return np.where(wide, flat, np.copysign(1.0, y) * ratio / np.hypot(1.0, ratio))


def gaussian(x: Any) -> Any:
    """exp(-x**2 / 2), the square split into an exact part and a small rest (W. J. Cody 1969)."""
    near = np.clip(x, -41.0, 41.0)
    exact = np.floor(near * 16.0) / 16.0
    inside = np.exp(-0.5 * exact * exact) * np.exp(-0.5 * (near - exact) * (near + exact))
    return np.where(np.abs(x) > 40.0, 0.0, inside)


def normal_cdf(x: Any) -> Any:
    """The standard normal distribution function, with the rounding error of its argument put right."""
    half, rest_of_half = 0.7071067811865476, -4.833646656726457e-17  # sqrt(1/2) to twice the precision
    near = np.clip(x, -41.0, 41.0)
    scaled = 134217729.0 * near  # 2**27 + 1 splits a float into halves (T. J. Dekker 1971)
    high = scaled - (scaled - near)
    low = near - high
    half_high = 134217729.0 * half - (134217729.0 * half - half)
    half_low = half - half_high
    error = ((high * half_high - near * half) + high * half_low + low * half_high) + low * half_low
    rest = -(error + near * rest_of_half)
    return 0.5 * erfc(-np.asarray(x, dtype=float) * half) - rest * gaussian(x) / math.sqrt(math.pi)


def exponentials(x: Any, starts: Any, ones: Any) -> Any:
    """What logsumexp and softmax have in common.

    Args:
        x: rows of numbers.
        starts: the number of each row's first element.
        ones: as many as a row is long.

    Returns:
        The largest x of each row, where it is, exp(x - largest) of the others, the sum of those, and whether all rows
        are finite. The largest one's own 1 is kept apart, so that a small rest beside it is not lost.
    """
    rows = x.reshape(-1, x.shape[-1])
    top_at = rows.argmax(axis=1)
    top_at += starts
    top = rows.take(top_at)
    e = rows - top[:, None]
    np.exp(e, out=e)
    e.put(top_at, 0.0)
    return top, top_at, e, e.dot(ones), math.isfinite(top.dot(top))


def logsumexp(common: Any, out: Any) -> None:
    """log(sum(exp(x))) of each row, from the `exponentials` of x."""
    top, _, _, rest, finite = common
    result = out.reshape(-1)
    np.log1p(rest, out=result)
    result += top
    if not finite:
        np.copyto(result, top, where=~np.isfinite(top))


def softmax(common: Any, out: Any) -> None:
    """exp(x) / sum(exp(x)) of each row, from the `exponentials` of x."""
    top, top_at, e, rest, finite = common
    e.put(top_at, 1.0)
    total = 1.0 + rest
    if not finite:
        total[~np.isfinite(top)] = np.nan
    np.divide(e, total[:, None], out=out.reshape(e.shape))


def softmax_pull(p: Any, cotangent: Any) -> Any:
    """The cotangent of x from that of p = softmax(x), p (c - sum(p c)) row by row.

    Measured from the cotangent of the largest p, which changes nothing but the rounding: 1 - p keeps its digits.
    """
    top_at = np.expand_dims(np.argmax(p, axis=-1), -1)
    c = cotangent - np.take_along_axis(np.broadcast_to(cotangent, p.shape), top_at, axis=-1)
    return p * (c - (p * c).sum(axis=-1, keepdims=True))


def softmaxes(xs: Any) -> Any:
    """The shares exp(x) / sum(exp(xs)) for arrays xs."""
    rows = np.stack(np.broadcast_arrays(*xs), axis=-1)
    shares = np.empty_like(rows)
    softmax(_exponentials_of(rows), shares)
    return np.moveaxis(shares, -1, 0)


def logsumexps(xs: Any) -> Any:
    """log(sum(exp(xs))) for arrays xs."""
    rows = np.stack(np.broadcast_arrays(*xs), axis=-1)
    result = np.empty_like(rows, shape=rows.shape[:-1])
    logsumexp(_exponentials_of(rows), result)
    return result


def _exponentials_of(rows: Any) -> Any:
    return exponentials(rows, np.arange(0, rows.size, rows.shape[-1]), np.ones(rows.shape[-1], rows.dtype))


def products_of_the_others(x: Any) -> Any:
    """For each element the product of the others of its row: no division, so zeros are fine."""
    ones = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate((ones, x[..., :-1]), axis=-1), axis=-1)
    after = np.cumprod(np.concatenate((ones, x[..., :0:-1]), axis=-1), axis=-1)
    return before * after[..., ::-1]


def largest_shares(x: Any) -> Any:
    """1 at the largest element of each row, shared equally by ties, 0 elsewhere; nan where they do not compare."""
    top = np.max(x, axis=-1, keepdims=True)
    at_the_top = np.where(np.isnan(top), np.nan, np.equal(x, top))
    return at_the_top / at_the_top.sum(axis=-1, keepdims=True)


def smallest_shares(x: Any) -> Any:
    """1 at the smallest element of each row, shared equally by ties, 0 elsewhere; nan where they do not compare."""
    return largest_shares(np.negative(x))


def add_by_number(total: Any, array: Any, numbers: Any) -> None:
    """Adds each element of an array to that element of the total which has its number, several to one perhaps."""
    total += np.bincount(numbers, array.ravel(), total.size).reshape(total.shape)


def strided(array: Any, offset: Any, shape: Any, strides: Any) -> Any:
    """The elements of each row from `offset` on, in steps of `strides` along the axes of `shape`."""
    *rows, element = array.strides
    steps = (*rows, *[element * stride for stride in strides])
    return np.lib.stride_tricks.as_strided(array[..., offset:], array.shape[:-1] + shape, steps)
