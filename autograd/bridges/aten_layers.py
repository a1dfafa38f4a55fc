"""What torch's operations of whole layers do: convolutions, pooling, normalisation, attention and losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..value import Value, constant
from . import rows
from .aten_names import TABLE, translation
from .aten_sums import norm_of, spread
from .cells import (
    Cells,
    Numbers,
    add,
    along,
    average,
    elementwise,
    filled,
    inner,
    minus,
    mul,
    plus,
    recorded,
    reduced,
    shares,
    sub,
    times,
    total,
)
from .windows import convolved, cut, pooled, transposed, windows

Sizes = Sequence[int]


def _each(sizes: int | Sizes, n: int) -> list[int]:
    """One number for each dimension; torch repeats a single one."""
    listed = [sizes] if isinstance(sizes, int) else list(sizes)
    return listed * n if len(listed) == 1 else listed


# Convolutions and pooling


@translation("convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution")
def convolution(
    input: Cells,
    weight: Cells,
    bias: Cells | None,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    *,
    transposed_: bool = False,
    output_padding: Sizes = (0,),
    groups: int = 1,
) -> Cells:
    """A convolution, or a transposed one, over one, two or three dimensions."""
    n = weight.ndim - 2
    stride, padding, dilation = _each(stride, n), _each(padding, n), _each(dilation, n)
    ones = [1] * n
    if transposed_:
        reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilation, strict=True)]
        ends = [(r - p, r - p + e) for r, p, e in zip(reach, padding, _each(output_padding, n), strict=True)]
        found = convolved(input, transposed(weight, groups), ones, ends, dilation, stride, groups)
    else:
        found = convolved(input, weight, stride, [(p, p) for p in padding], dilation, ones, groups)
    return found if bias is None else add(found, bias.reshape(-1, *ones))


TABLE["convolution"] = lambda transposed, **others: convolution(transposed_=transposed, **others)


def _max_pool(n: int) -> Callable[..., Cells]:
    def pool(
        x: Cells,
        kernel_size: Sizes,
        stride: Sizes = (),
        padding: Sizes = (0,),
        dilation: Sizes = (1,),
        ceil_mode: bool = False,
    ) -> Cells:
        size = _each(kernel_size, n)
        steps, edges, gaps = _each(stride or size, n), _each(padding, n), _each(dilation, n)
        ends = [
            (p, p + _ceil_padding(length + 2 * p, (k - 1) * d + 1, s, p) if ceil_mode else p)
            for length, k, s, p, d in zip(x.shape[-n:], size, steps, edges, gaps, strict=True)
        ]
        return pooled(rows.first_max, windows(x, size, steps, ends, gaps, [1] * n), n)

    return pool


def _ceil_padding(length: int, reach: int, stride: int, padding: int) -> int:
    """How much further the last window may reach, if it begins inside."""
    outputs = -(-(length - reach) // stride) + 1
    if (outputs - 1) * stride >= length - padding:
        outputs -= 1
    return max((outputs - 1) * stride + reach - length, 0)


for _n in (2, 3):
    TABLE[f"max_pool{_n}d_with_indices"] = _max_pool(_n)
TABLE["max_pool2d"] = _max_pool(2)


def _adaptive_max_pool(n: int) -> Callable[..., Cells]:
    def pool(x: Cells, output_size: Sizes) -> Cells:
        result = np.empty((*x.shape[:-n], *output_size), dtype=object)
        for place in np.ndindex(*output_size):
            parts = [
                slice(i * length // size, -(-(i + 1) * length // size))
                for i, length, size in zip(place, x.shape[-n:], output_size, strict=True)
            ]
            result[(..., *place)] = reduced(rows.first_max, cut(x, parts), range(-n, 0))
        return result

    return pool


TABLE["adaptive_max_pool2d"], TABLE["adaptive_max_pool3d"] = _adaptive_max_pool(2), _adaptive_max_pool(3)

# Normalisation


def _standardised(xs: list[Value], eps: float) -> tuple[list[Value], Value]:
    """The deviations from the mean, and what they are multiplied by to have variance 1."""
    deviations, variance = spread(xs, float(len(xs)))
    return deviations, rows.rsqrt(rows.shifted(variance, eps))


@translation("native_layer_norm")
def layer_norm(input: Cells, normalized_shape: Sizes, weight: Cells | None, bias: Cells | None, eps: float) -> Cells:
    """Layer normalisation (Ba et al. 2016)."""
    lead = input.shape[: input.ndim - len(normalized_shape)]

    def normalised(xs: list[Value]) -> list[Value]:
        deviations, factor = _standardised(xs, eps)
        return [times(d, factor) for d in deviations]

    found = along(normalised, input.reshape(*lead, -1), -1).reshape(input.shape)
    return _scaled_and_shifted(found, weight, bias)


@translation("_fused_rms_norm")
def rms_norm(input: Cells, normalized_shape: Sizes, weight: Cells | None, eps: float | None) -> Cells:
    """Division by the root of the mean square (Zhang and Sennrich 2019)."""
    lead = input.shape[: input.ndim - len(normalized_shape)]
    small = float(np.finfo(np.float64).eps) if eps is None else eps

    def normalised(xs: list[Value]) -> list[Value]:
        factor = rows.rsqrt(rows.shifted(rows.scaled(inner(xs, xs), 1.0 / len(xs)), small))
        return [times(x, factor) for x in xs]

    return _scaled_and_shifted(along(normalised, input.reshape(*lead, -1), -1).reshape(input.shape), weight, None)


def _scaled_and_shifted(x: Cells, weight: Cells | None, bias: Cells | None) -> Cells:
    x = x if weight is None else mul(x, weight)
    return x if bias is None else add(x, bias)


def _by_channel(numbers: Cells | None, rank: int) -> Cells | None:
    return None if numbers is None else numbers.reshape(-1, *(1,) * (rank - 2))


@translation("native_group_norm")
def group_norm(input: Cells, weight: Cells | None, bias: Cells | None, group: int, eps: float, **sizes: int) -> Cells:
    """Group normalisation (Wu and He 2018); instance normalisation if each channel is a group."""

    def normalised(xs: list[Value]) -> list[Value]:
        deviations, factor = _standardised(xs, eps)
        return [times(d, factor) for d in deviations]

    found = along(normalised, input.reshape(input.shape[0], group, -1), -1).reshape(input.shape)
    return _scaled_and_shifted(found, _by_channel(weight, input.ndim), _by_channel(bias, input.ndim))


@translation("native_batch_norm", "cudnn_batch_norm", "_batch_norm_with_update", "_batch_norm_no_update")
def batch_norm(
    input: Cells,
    weight: Cells | None,
    bias: Cells | None,
    running_mean: Cells | None = None,
    running_var: Cells | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Cells:
    """Batch normalisation (Ioffe and Szegedy 2015), by the numbers of the batch or by those that were kept."""
    result = np.empty(input.shape, dtype=object)
    for channel in range(input.shape[1]):
        part = input[:, channel]
        xs = part.ravel().tolist()
        if training:
            deviations, factor = _standardised(xs, eps)
        else:
            assert running_mean is not None
            assert running_var is not None
            deviations = [minus(x, running_mean[channel]) for x in xs]
            factor = rows.rsqrt(rows.shifted(running_var[channel], eps))
        if weight is not None:
            factor = times(factor, weight[channel])
        scaled = [times(d, factor) for d in deviations]
        result[:, channel] = filled(scaled if bias is None else [plus(s, bias[channel]) for s in scaled], part.shape)
    return result


TABLE["_native_batch_norm_legit"] = batch_norm
TABLE["_batch_norm_no_update"] = lambda **arguments: batch_norm(training=False, **arguments)
TABLE["_batch_norm_with_update"] = lambda **arguments: batch_norm(training=True, **arguments)

# Attention


@translation("_scaled_dot_product_flash_attention_for_cpu")
def attention(
    query: Cells,
    key: Cells,
    value: Cells,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    attn_mask: Cells | None = None,
    scale: float | None = None,
) -> Cells:
    """softmax(query key^T scale + mask) value (Vaswani et al. 2017). What is masked is not computed."""
    factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    n, m = query.shape[-2], key.shape[-2]
    seen = np.tri(n, m, dtype=bool) if is_causal else np.ones((n, m), dtype=bool)
    lead = query.shape[:-2]
    keys, values = (np.repeat(x, query.shape[-3] // x.shape[-3], axis=-3) for x in (key, value))
    mask = None if attn_mask is None else np.broadcast_to(attn_mask, (*lead, n, m))
    result = np.empty((*lead, n, value.shape[-1]), dtype=object)
    for place in np.ndindex(*lead, n):
        *head, i = place
        shown = [j for j in range(m) if seen[i, j] and not (mask is not None and mask[place][j].number == -math.inf)]
        rows_seen = keys[tuple(head)][shown].tolist()
        scores = [rows.scaled(inner(query[place].tolist(), each), factor) for each in rows_seen]
        if mask is not None:
            scores = [plus(s, mask[place][j]) for s, j in zip(scores, shown, strict=True)]
        weights = shares(scores) if scores else []
        columns = values[tuple(head)][shown].swapaxes(0, 1).tolist()
        result[place] = filled([inner(weights, column) for column in columns], (value.shape[-1],))
    return result


# Losses

_REDUCTIONS: dict[int, Callable[[Cells], Cells]] = {
    0: lambda losses: losses,
    1: lambda losses: reduced(average, losses),
    2: lambda losses: reduced(total, losses),
}


def _loss(name: str, one: Callable[..., Value]) -> None:
    """Enters a loss of single numbers, with torch's reductions."""

    def function(x: Numbers, target: Numbers, reduction: int = 1, **shape: float) -> Cells:
        return _REDUCTIONS[reduction](elementwise(lambda p, o: one(p, o, **shape), x, target))

    TABLE[name] = function


def _smooth_l1(p: Value, o: Value, beta: float = 1.0) -> Value:
    r = minus(p, o)
    return recorded(ops.abs, r) if beta == 0.0 else rows.scaled(rows.huber(r, beta), 1.0 / beta)


def _soft_margin(p: Value, o: Value) -> Value:
    return recorded(ops.softplus, recorded(ops.neg, times(o, p)))


_loss("mse_loss", lambda p, o: recorded(ops.square, minus(p, o)))
_loss("l1_loss", lambda p, o: recorded(ops.abs, minus(p, o)))
_loss("huber_loss", lambda p, o, delta=1.0: rows.huber(minus(p, o), delta))
_loss("smooth_l1_loss", _smooth_l1)
_loss("soft_margin_loss", _soft_margin)


def _either(yes: Value, of_yes: Callable[[], Value], of_no: Callable[[], Value]) -> Value:
    """yes a + (1 - yes) b, without what has no share."""
    if yes.operation is not None and yes.number in (0.0, 1.0):
        return of_yes() if yes.number else of_no()
    return plus(times(yes, of_yes()), times(minus(constant(1.0), yes), of_no()))


@translation("binary_cross_entropy_with_logits")
def cross_entropy_of_logits(
    x: Cells, target: Cells, weight: Cells | None = None, pos_weight: Cells | None = None, reduction: int = 1
) -> Cells:
    """target softplus(-x) + (1 - target) softplus(x), which keeps its digits in both tails."""

    def one(logit: Value, yes: Value, factor: Value) -> Value:
        return _either(
            yes,
            lambda: times(recorded(ops.softplus, recorded(ops.neg, logit)), factor),
            lambda: recorded(ops.softplus, logit),
        )

    losses = elementwise(one, x, target, 1.0 if pos_weight is None else pos_weight)
    return _REDUCTIONS[reduction](losses if weight is None else mul(losses, weight))


@translation("binary_cross_entropy")
def cross_entropy_of_probabilities(x: Cells, target: Cells, weight: Cells | None = None, reduction: int = 1) -> Cells:
    """-target log(x) - (1 - target) log(1 - x), no logarithm being below -100."""

    def surprise(p: Value) -> Value:
        logarithm = recorded(ops.log, p)
        return recorded(ops.neg, logarithm if logarithm.number >= -100.0 else constant(-100.0))

    def one(p: Value, yes: Value) -> Value:
        return _either(yes, lambda: surprise(p), lambda: surprise(minus(constant(1.0), p)))

    losses = elementwise(one, x, target)
    return _REDUCTIONS[reduction](losses if weight is None else mul(losses, weight))


@translation("nll_loss_forward", "nll_loss2d_forward")
def negative_log_likelihood(
    x: Cells, target: np.ndarray[Any, Any], weight: Cells | None, reduction: int, ignore_index: int
) -> tuple[Cells, None]:
    """Minus the log-probability of each class that was observed; the mean is one by weights."""
    scores = (x if x.ndim > 1 else x[None]).swapaxes(1, -1).reshape(-1, x.shape[1 if x.ndim > 1 else 0])
    classes = np.atleast_1d(target)
    order = classes.swapaxes(1, -1) if classes.ndim > 1 else classes
    losses, factors = [], []
    for line, c in zip(scores.tolist(), order.ravel().tolist(), strict=True):
        is_ignored = c == ignore_index
        factor = constant(0.0 if is_ignored else 1.0) if weight is None or is_ignored else weight[c]
        losses.append(constant(0.0) if is_ignored else times(recorded(ops.neg, line[c]), factor))
        factors.append(factor)
    if reduction == 0:
        found = filled(losses, order.shape)
        return (found.swapaxes(1, -1) if classes.ndim > 1 else found).reshape(target.shape), None
    kept = [loss for loss, c in zip(losses, order.ravel().tolist(), strict=True) if c != ignore_index]
    if reduction == 2:
        return filled([total(kept)], ()), None
    if weight is None and kept:
        return filled([average(kept)], ()), None
    return filled([recorded(ops.div, total(kept), total(factors))], ()), None


@translation("_cdist_forward")
def distances(x1: Cells, x2: Cells, p: float, compute_mode: int | None = None) -> Cells:
    """The p-norm of the difference of each row of x1 and each of x2."""
    return reduced(norm_of(p), sub(x1[..., :, None, :], x2[..., None, :, :]), -1)


@translation("_pdist_forward")
def distances_of_pairs(x: Cells, p: float = 2.0) -> Cells:
    """The p-norm of the difference of each row and each later one."""
    first, second = np.triu_indices(len(x), 1)
    return reduced(norm_of(p), sub(x[first], x[second]), -1)


@translation("_euclidean_dist")
def euclidean(x1: Cells, x2: Cells) -> Cells:
    """The distance of each row of x1 from each of x2."""
    return distances(x1, x2, 2.0)


@translation("_trilinear")
def trilinear(
    i1: Cells,
    i2: Cells,
    i3: Cells,
    expand1: Sizes,
    expand2: Sizes,
    expand3: Sizes,
    sumdim: Sizes,
    unroll_dim: int = 1,
) -> Cells:
    """The sum of products of three arrays, as in bilinear layers."""
    arrays = [np.expand_dims(x, tuple(at)) for x, at in zip((i1, i2, i3), (expand1, expand2, expand3), strict=True)]
    return reduced(total, mul(mul(arrays[0], arrays[1]), arrays[2]), sumdim)
