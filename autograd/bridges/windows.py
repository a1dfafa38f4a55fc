"""Windows that slide over an array of cells: convolutions and pooling, in any number of dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cells import Cells, Many, Numbers, filled, inner, lifted


def windows(
    x: Cells,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    base_dilation: Sequence[int],
) -> Cells:
    """All windows over the last dimensions of x, which come before those of the windows: (..., *outputs, *size).

    Args:
        x: the cells.
        size: how many cells a window has.
        stride: how far each window is from the one before.
        padding: how many places to add before and after; below 0, to leave out.
        dilation: the distance of neighbours in a window.
        base_dilation: the distance that neighbours in x get first.

    Returns:
        Cells; None where a window has a place without one.
    """
    lead = x.shape[: x.ndim - len(size)]
    wide = _padded(x, padding, base_dilation)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    if any(length < needed for length, needed in zip(wide.shape[len(lead) :], reach, strict=True)):
        return np.empty((*lead, *(0 for _ in size), *size), dtype=object)
    every = np.lib.stride_tricks.sliding_window_view(wide, reach, axis=tuple(range(len(lead), wide.ndim)))
    return cut(every, [slice(None, None, step) for step in (*stride, *dilation)])


def _padded(x: Cells, padding: Sequence[tuple[int, int]], base_dilation: Sequence[int]) -> Cells:
    """The cells stretched, with places without a cell around them or with those at the edges left out."""
    lead, spatial = x.shape[: x.ndim - len(padding)], x.shape[x.ndim - len(padding) :]
    stretched = [max((length - 1) * step + 1, 0) for length, step in zip(spatial, base_dilation, strict=True)]
    added = [(max(low, 0), max(high, 0)) for low, high in padding]
    wide = np.full((*lead, *(low + s + high for s, (low, high) in zip(stretched, added, strict=True))), None)
    inside = zip(added, stretched, base_dilation, strict=True)
    cut(wide, [slice(low, low + s, step) for (low, _), s, step in inside])[...] = x
    shape = wide.shape[len(lead) :]
    return cut(wide, [slice(max(-lo, 0), s - max(-hi, 0)) for s, (lo, hi) in zip(shape, padding, strict=True)])


def cut(cells: Cells, slices: Sequence[slice]) -> Cells:
    """The part of an array in slices of its last dimensions, as a view."""
    index: tuple[slice, ...] = (*(slice(None),) * (cells.ndim - len(slices)), *slices)
    return cells[index]


def convolved(
    x: Numbers,
    weight: Numbers,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    base_dilation: Sequence[int],
    groups: int,
) -> Cells:
    """A convolution, as neural networks say: the kernel is not flipped. Each output is one inner product.

    Args:
        x: shape (batch, channels, *spatial).
        weight: shape (outputs, channels / groups, *kernel).
        stride: as for `windows`, also what follows.
        padding: at both ends of each dimension.
        dilation: of the kernel.
        base_dilation: of x.
        groups: how many groups of channels are convolved each for itself.

    Returns:
        Cells of shape (batch, outputs, *spatial).
    """
    cells, kernels = lifted(x), lifted(weight)
    n = kernels.ndim - 2
    found = windows(cells, kernels.shape[2:], stride, padding, dilation, base_dilation)
    outputs = found.shape[2 : 2 + n]
    # (batch, *outputs, channels, *kernel), a row of numbers for each place and group
    patches = np.moveaxis(found, 1, 1 + n).reshape(cells.shape[0], -1, groups, kernels[0].size)
    rows = [kernel.ravel().tolist() for kernel in kernels]
    each = len(rows) // groups
    result = np.empty((cells.shape[0], len(rows), patches.shape[1]), dtype=object)
    for batch, place, group in np.ndindex(patches.shape[:3]):
        patch = patches[batch, place, group].tolist()
        there = [i for i, value in enumerate(patch) if value is not None]
        xs = [patch[i] for i in there]
        for output in range(group * each, (group + 1) * each):
            ws = rows[output]
            result[batch, output, place] = inner(xs, ws if len(there) == len(ws) else [ws[i] for i in there])
    return result.reshape(cells.shape[0], len(rows), *outputs)


def transposed(weight: Numbers, groups: int) -> Cells:
    """The kernel with which a convolution over a stretched input does what a transposed convolution does.

    Args:
        weight: shape (channels, outputs / groups, *kernel).
        groups: how many groups of channels there are.
    """
    cells = lifted(weight)
    channels, outputs, *kernel = cells.shape
    parts = cells.reshape(groups, channels // groups, outputs, *kernel).swapaxes(1, 2)
    flipped = cut(parts, [slice(None, None, -1) for _ in kernel])
    return flipped.reshape(groups * outputs, channels // groups, *kernel)


def pooled(many: Many, found: Cells, n: int) -> Cells:
    """One number for each of the windows, from the cells that it has.

    Args:
        many: makes one number of many.
        found: the windows.
        n: the number of dimensions of a window.
    """
    shape = found.shape[: found.ndim - n]
    rows = found.reshape(int(np.prod(shape)), -1).tolist()
    return filled([many([x for x in row if x is not None]) for row in rows], shape)
