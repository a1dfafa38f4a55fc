"""What programs call that NumPy lacks, or does less accurately. Needs NumPy only: `standalone` copies its source."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

_erf = np.frompyfunc(math.erf, 1, 1)

Exponentials = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool]


def erf(x: np.ndarray | float) -> np.ndarray:
    """The error function."""
    return np.asarray(_erf(x), dtype=float)


def where(condition: np.ndarray | float, x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """X if the condition is not 0, else y."""
    return np.where(np.not_equal(condition, 0.0), x, y)


def root(x: np.ndarray | float) -> np.ndarray:
    """X to the power 0.5, which unlike the square root is inf at -inf and 0 at -0."""
    return np.where(np.equal(x, -np.inf), np.inf, np.sqrt(np.add(x, 0.0)))


def pow(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """X to the power y. If y is one number, 0.5, NumPy takes the square root."""
    return np.where(np.equal(y, 0.5), root(x), np.power(x, y))


def means(xs: list[np.ndarray]) -> np.ndarray:
    """The mean of the arrays xs. Only if the sum overflows, all terms are scaled down."""
    mean = np.divide(reduce(np.add, xs), len(xs))
    return mean if np.isfinite(mean).all() else reduce(np.add, [np.divide(x, len(xs)) for x in xs])


def unit_step(x: np.ndarray | float, threshold: np.ndarray | float, tie: np.ndarray | float) -> np.ndarray:
    """1 above the threshold, 0 below, `tie` at it; nan if they do not compare."""
    known = np.where(np.equal(x, threshold), tie, np.nan)
    return np.where(np.greater(x, threshold), 1.0, np.where(np.less(x, threshold), 0.0, known))


def direction(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """X / hypot(x, y), even if hypot overflows or is subnormal; 0 at the origin."""
    wide = np.abs(x) >= np.abs(y)
    flat = np.copysign(1.0 / np.hypot(1.0, np.divide(y, x)), x)
    ratio = np.divide(x, y)
    steep = np.copysign(1.0, y) * ratio / np.hypot(1.0, ratio)
    return np.where(np.equal(np.hypot(x, y), 0.0), 0.0, np.where(wide, flat, steep))


def gaussian(x: np.ndarray | float) -> np.ndarray:
    """exp(-x**2 / 2), without the rounding error of the square."""
    return _in_parts(_gaussian_of, x)


def erfc(x: np.ndarray | float) -> np.ndarray:
    """1 - erf(x), without the cancellation, within 4 units in the last place."""
    return _in_parts(_erfc_of, x)


def normal_cdf(x: np.ndarray | float) -> np.ndarray:
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2, within 5 units in the last place."""
    return _in_parts(_normal_cdf_of, x)


def _gaussian_of(x: np.ndarray) -> np.ndarray:
    return _exp_of_square(np.minimum(np.abs(x), 40.0), -0.5)  # it is 0 from 39 on


def _erfc_of(x: np.ndarray) -> np.ndarray:
    z = np.minimum(np.abs(x), 28.0)  # where the tail is 0
    tail = _scaled_erfc(z) * _exp_of_square(z, -1.0)
    result: np.ndarray = np.abs(2.0 * (x < 0.0) - tail)  # the tail, or 2 minus it, without a branch
    return result


def _normal_cdf_of(x: np.ndarray) -> np.ndarray:
    z = np.minimum(np.abs(x), 39.5)  # the same for erfc(z / sqrt(2))
    tail = 0.5 * _scaled_erfc(z * math.sqrt(0.5)) * _exp_of_square(z, -0.5)
    result: np.ndarray = np.abs((x > 0.0) - tail)
    return result


_PART = 4096  # numbers


def _in_parts(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray | float) -> np.ndarray:
    """A function of many steps, applied to as many numbers at a time as stay close to the processor."""
    numbers = np.array(x, dtype=float, order="C")
    flat = numbers.reshape(-1)
    for start in range(0, flat.size, _PART):
        part = flat[start : start + _PART]
        part[:] = function(part)
    return numbers


def _exp_of_square(z: np.ndarray, factor: float) -> np.ndarray:
    """exp(factor * z**2): the square in two parts, since exp makes a large relative error of one in its argument.

    The first part is the square of the leading 26 bits, which is exact (after W. J. Cody 1969).
    """
    leading = (z.view(np.int64) & (-1 << 27)).view(float)
    result: np.ndarray = np.exp(factor * leading * leading) * np.exp(factor * (z - leading) * (z + leading))
    return result


def _scaled_erfc(z: np.ndarray) -> np.ndarray:
    """exp(z**2) * erfc(z) for 0 <= z <= 28, by one polynomial.

    Times 1 + 2z it is smooth in (z - a) / (z + a), which stays within -1 ... 1 (M. M. Shepherd and J. G. Laframboise,
    Mathematics of Computation 36, 1981); here the interval is stretched to z = 0 ... 27.5, beyond which erfc is 0.
    """
    u = (z * _SCALE - _MIDDLE) / (z + _MIDDLE)
    if z.size < _FEW:
        powers = np.ones((len(_POLYNOMIAL), z.size))
        powers[1:] = u
        result: np.ndarray = _ASCENDING.dot(np.multiply.accumulate(powers, axis=0, out=powers))
    else:
        result = np.full_like(z, _POLYNOMIAL[0])
        for coefficient in _POLYNOMIAL[1:]:
            result *= u
            result += coefficient
    result /= 1.0 + 2.0 * z
    return result


_FEW = 128  # numbers, for which the calls take longer than what they compute
_MIDDLE = 3.5  # the a of the quotient
_SCALE = (27.5 + 2.0 * _MIDDLE) / 27.5  # which makes it 1 at 27.5
_POLYNOMIAL = (  # the Chebyshev series of degree 23 as powers, from the highest on
    -2.762244551264851e-11,
    2.0009421368194975e-10,
    5.149186016513497e-10,
    -2.4766263163780806e-09,
    -5.8097508173632965e-09,
    1.9912647210057915e-08,
    5.390463128603941e-08,
    -1.590990760022889e-07,
    -4.5381927346503626e-07,
    1.5224723416575644e-06,
    3.315581598875285e-06,
    -1.7401602367608503e-05,
    -1.1103404178580255e-05,
    0.000202171819969302,
    -0.00034307080879420425,
    -0.001364989231623473,
    0.009798109119179641,
    -0.03185484852246892,
    0.06949400082459398,
    -0.10843636030835262,
    0.113250564159831,
    -0.04232283623379086,
    -0.11812288346591952,
    1.2578614098384677,
)
_ASCENDING = np.array(_POLYNOMIAL[::-1])


def exponentials(x: np.ndarray, starts: np.ndarray, ones: np.ndarray) -> Exponentials:
    """What logsumexp and softmax share.

    Args:
        x: rows of numbers.
        starts: the number of each row's first element.
        ones: as many as a row is long.

    Returns:
        Per row: the maximum, its position, exp(x - maximum) of the others and their sum; and whether all rows are
        finite. The maximum's own 1 is left out, so that a small sum beside it is not lost.
    """
    rows = x.reshape(-1, x.shape[-1])
    top_at = rows.argmax(axis=1)
    top_at += starts
    top = rows.take(top_at)
    e = rows - top[:, None]
    np.exp(e, out=e)
    e.put(top_at, 0.0)
    return top, top_at, e, e.dot(ones), math.isfinite(top.dot(top))


def logsumexp(common: Exponentials, out: np.ndarray) -> None:
    """log(sum(exp(x))) of each row, from the `exponentials` of x."""
    top, _, _, rest, finite = common
    result = out.reshape(-1)
    np.log1p(rest, out=result)
    result += top
    if not finite:
        np.copyto(result, top, where=~np.isfinite(top))


def softmax(common: Exponentials, out: np.ndarray) -> None:
    """exp(x) / sum(exp(x)) of each row, from the `exponentials` of x."""
    top, top_at, e, rest, finite = common
    e.put(top_at, 1.0)
    total = 1.0 + rest
    if not finite:  # a single inf has everything; several have left nan in e
        total[~np.greater(top, -np.inf)] = np.nan
    np.divide(e, total[:, None], out=out.reshape(e.shape))


def softmax_pull(common: Exponentials, p: np.ndarray, cotangent: np.ndarray, ones: np.ndarray, out: np.ndarray) -> None:
    """The cotangent of x for p = softmax(x): p (c - sum(p c)), row by row, with the `exponentials` of x.

    All c are taken relative to that of the largest p, which changes the rounding only: 1 - p keeps its digits.
    """
    _, top_at, e, _, _ = common
    shares, c = p.reshape(e.shape), cotangent.reshape(e.shape)
    result = out.reshape(e.shape)
    np.subtract(c, c.take(top_at)[:, None], out=result)
    result -= (shares * result).dot(ones)[:, None]
    result *= shares


def log_softmax(common: Exponentials, x: np.ndarray, out: np.ndarray) -> None:
    """x - logsumexp(x) of each row, from the `exponentials` of x: measured from the maximum, it keeps its digits."""
    top, top_at, e, rest, finite = common
    log = np.log1p(rest)
    result = out.reshape(e.shape)
    np.subtract(x.reshape(e.shape), top[:, None], out=result)
    if finite:
        result -= log[:, None]
        return
    result -= np.where(np.isfinite(top), log, np.where(np.isnan(top), np.nan, 0.0))[:, None]
    result.put(top_at, -log)
    np.copyto(result, -np.inf, where=np.equal(top, -np.inf)[:, None])


def log_softmax_pull(common: Exponentials, cotangent: np.ndarray, ones: np.ndarray, out: np.ndarray) -> None:
    """The cotangent of x for log_softmax(x), from the `exponentials` of x: c - p sum(c), row by row.

    For the largest p, the sum of the other shares stands in place of 1 - p, which keeps its digits.
    """
    top, top_at, e, rest, finite = common
    c = cotangent.reshape(e.shape)
    c_top, total, whole = c.take(top_at), c.dot(ones), 1.0 + rest
    if not finite:
        whole[~np.greater(top, -np.inf)] = np.nan
    result = out.reshape(e.shape)
    np.multiply(e, (total / whole)[:, None], out=result)
    np.subtract(c, result, out=result)
    result.put(top_at, (c_top * rest - (total - c_top)) / whole)


def softmaxes(xs: list[np.ndarray]) -> np.ndarray:
    """exp(x) / sum(exp(xs)) for each of the arrays xs."""
    rows = np.stack(np.broadcast_arrays(*xs), axis=-1)
    shares = np.empty(rows.shape, rows.dtype)
    softmax(_exponentials_of(rows), shares)
    return np.moveaxis(shares, -1, 0)


def log_softmaxes(xs: list[np.ndarray]) -> np.ndarray:
    """x - log(sum(exp(xs))) for each of the arrays xs."""
    rows = np.stack(np.broadcast_arrays(*xs), axis=-1)
    logarithms = np.empty(rows.shape, rows.dtype)
    log_softmax(_exponentials_of(rows), rows, logarithms)
    return np.moveaxis(logarithms, -1, 0)


def logsumexps(xs: list[np.ndarray]) -> np.ndarray:
    """log(sum(exp(xs))) for arrays xs."""
    rows = np.stack(np.broadcast_arrays(*xs), axis=-1)
    result = np.empty(rows.shape[:-1], rows.dtype)
    logsumexp(_exponentials_of(rows), result)
    return result


def _exponentials_of(rows: np.ndarray) -> Exponentials:
    return exponentials(rows, np.arange(0, rows.size, rows.shape[-1]), np.ones(rows.shape[-1], rows.dtype))


def products_of_the_others(x: np.ndarray) -> np.ndarray:
    """For each element, the product of the others in its row: no division, so zeros are fine."""
    ones = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate((ones, x[..., :-1]), axis=-1), axis=-1)
    after = np.cumprod(np.concatenate((ones, x[..., :0:-1]), axis=-1), axis=-1)
    return np.multiply(before, after[..., ::-1])


def largest_shares(x: np.ndarray) -> np.ndarray:
    """1 at the maximum of each row, shared equally by ties, 0 elsewhere; nan if they do not compare."""
    top = np.max(x, axis=-1, keepdims=True)
    at_the_top = np.where(np.isnan(top), np.nan, np.equal(x, top))
    shares: np.ndarray = at_the_top / at_the_top.sum(axis=-1, keepdims=True)
    return shares


def smallest_shares(x: np.ndarray) -> np.ndarray:
    """The same for the minimum."""
    return largest_shares(np.negative(x))


def add_by_number(total: np.ndarray, array: np.ndarray, numbers: np.ndarray) -> None:
    """Adds each element of an array to the element of the total with its number; numbers may repeat."""
    total += np.bincount(numbers, array.ravel(), total.size).reshape(total.shape)


def add_unmasked(total: np.ndarray, x: np.ndarray, y: np.ndarray, mask: np.ndarray, spec: str) -> None:
    """Mends sums of products in which an infinity met a masked 0: adds up again, without the masked products.

    Args:
        total: the sums.
        x: the left factors.
        y: the right factors.
        mask: which products count.
        spec: the axes of all these, as "clk,crk,clk->crl".
    """
    inputs, result = spec.split("->")
    labels = result + "".join(dict.fromkeys([label for label in inputs if label not in result + ","]))

    def spread(array: np.ndarray, axes: str) -> np.ndarray:
        """The array with its axes in the order of all labels, those that it lacks of length 1."""
        lengths = dict(zip(axes, array.shape, strict=True))
        ordered = array.transpose([axes.index(label) for label in labels if label in axes])
        return ordered.reshape([lengths.get(label, 1) for label in labels])

    left, right, counts = [spread(array, axes) for array, axes in zip((x, y, mask), inputs.split(","), strict=True)]
    products = np.where(counts, left * right, 0.0)
    total[...] = products.sum(axis=tuple(range(len(result), len(labels))))


_PIECE = 1_000_000  # multiplications, up to which OpenBLAS has faster functions
_NARROW = 64  # of wider matrices, its functions for large products are as fast
_MANY = 128  # rows, for which it pays to copy a transposed factor


def product_by_rows(rows: int, length: int, width: int) -> Callable[..., Any]:
    """What multiplies a matrix of many rows by one that is `length` x `width`, in pieces where that is faster."""
    if min(length, width) > _NARROW:
        return np.ndarray.dot
    pieces = _pieces(rows, length * width, least=16)
    if pieces == 1 and rows < _MANY:
        return np.ndarray.dot
    even = rows - rows % pieces

    def product(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
        y = np.ascontiguousarray(y) if rows >= _MANY else y
        if pieces > 1:
            np.matmul(x[:even].reshape(pieces, -1, length), y, out=out[:even].reshape(pieces, -1, width))
            x, out = x[even:], out[even:]
        if len(x):
            x.dot(y, out=out)

    return product


def product_over_rows(height: int, rows: int, width: int) -> Callable[..., Any]:
    """What multiplies a matrix of `height` rows by one of `width` columns, and sums over many rows of the batch."""
    pieces = _pieces(rows, height * width, least=_NARROW) if height * width <= 2 * _NARROW**2 else 1
    if pieces == 1:
        return product_by_rows(height, rows, width)
    even = rows - rows % pieces

    def product(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
        if height < width:  # a high result is faster than a wide one
            x, y, out = y.T, x.T, out.T
        left = x[:, :even].reshape(len(x), pieces, -1).transpose(1, 0, 2)
        np.add.reduce(np.matmul(left, y[:even].reshape(pieces, -1, y.shape[1])), axis=0, out=out)
        if even < rows:
            out += x[:, even:].dot(y[even:])

    return product


def _pieces(rows: int, multiplications: int, least: int) -> int:
    """How many pieces of at least so many rows keep below what OpenBLAS takes for a small product; 1 if none do."""
    fewest = max(1, -(-rows * multiplications // _PIECE))
    return fewest if rows // fewest >= least else 1


def strided(array: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A strided view within each row, from `offset` on."""
    *rows, element = array.strides
    steps = (*rows, *[element * stride for stride in strides])
    if array.flags.c_contiguous:  # ten times as fast
        return np.ndarray(array.shape[:-1] + shape, array.dtype, array, offset * element, steps)
    return np.lib.stride_tricks.as_strided(array[..., offset:], array.shape[:-1] + shape, steps)


OF_EXPONENTIALS = {"logsumexp", "softmax", "log_softmax", "softmax_pull", "log_softmax_pull"}
"""The functions that start from the exponentials of a row, which they share."""

PULLS = {"softmax": "softmax_pull", "log_softmax": "log_softmax_pull"}
"""What gives the cotangent of a row, for functions with a result per element: of softmax(x) or of x itself."""

PARTIALS = {
    "logsumexp": "softmax",
    "prod": "products_of_the_others",
    "max": "largest_shares",
    "min": "smallest_shares",
}
"""The partial derivatives of functions with one result per row, functions of rows themselves."""
