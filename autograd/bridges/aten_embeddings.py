"""What torch's embeddings do: rows of a table by number, and sums, means and maxima over bags of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..value import Value, constant
from . import rows
from .aten_names import translation
from .cells import Cells, Many, average, elementwise, filled, mul, plus, reduced, total

_NO_PADDING = -1


@translation()
def embedding(
    weight: Cells,
    indices: np.ndarray[Any, Any],
    padding_idx: int = _NO_PADDING,
    scale_grad_by_freq: bool = False,
    **_: object,
) -> Cells:
    """Rows of a table. That of the padding learns nothing; derivatives may be divided by how often a row is taken."""
    taken = [int(i) for i in indices.ravel()]
    row_at = _learning_rows(weight, taken, scale_grad_by_freq)
    found = [elementwise(_frozen, weight[i]) if i == padding_idx else row_at(i) for i in taken]
    return filled([x for each in found for x in each.tolist()], (*indices.shape, weight.shape[1]))


def _learning_rows(weight: Cells, taken: Sequence[int], by_frequency: bool) -> Callable[[int], Cells]:
    """Gives the rows of a table, with derivatives divided by how often each is taken, if wanted."""
    number = Counter(taken)

    def row_at(i: int) -> Cells:
        if not by_frequency or number[i] == 1:
            found: Cells = weight[i]
            return found
        share = 1.0 / number[i]
        return elementwise(lambda x: plus(rows.scaled(x, share), constant((1.0 - share) * x.number)), weight[i])

    return row_at


def _frozen(x: Value) -> Value:
    return constant(x.number, x.name)


_OVER_BAGS: dict[int, Many] = {0: total, 1: average, 2: rows.first_max}


@translation("_embedding_bag", "_embedding_bag_forward_only")
def embedding_bag(
    weight: Cells,
    indices: np.ndarray[Any, Any],
    offsets: np.ndarray[Any, Any],
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    per_sample_weights: Cells | None = None,
    include_last_offset: bool = False,
    padding_idx: int = _NO_PADDING,
    **_: object,
) -> Cells:
    """Sums, means or maxima over bags of rows, each bag from one offset to the next; the padding is left out."""
    taken = [int(i) for i in indices.ravel()]
    row_at = _learning_rows(weight, taken, scale_grad_by_freq)
    ends = [int(offset) for offset in offsets]
    ends = ends if include_last_offset else [*ends, len(taken)]
    result = filled([constant(0.0)] * ((len(ends) - 1) * weight.shape[1]), (len(ends) - 1, weight.shape[1]))
    for bag, (start, end) in enumerate(pairwise(ends)):
        places = [k for k in range(start, end) if taken[k] != padding_idx]
        found = [row_at(taken[k]) for k in places]
        if per_sample_weights is not None:
            found = [mul(each, per_sample_weights[k : k + 1]) for k, each in zip(places, found, strict=True)]
        if found:
            result[bag] = reduced(_OVER_BAGS[mode], np.stack(found), 0)
    return result
