"""What torch's operations do that send numbers to places of a tensor, and merge those that meet there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..value import Value
from .aten_names import translation
from .cells import Cells, Many, average, filled, largest, product_of, smallest, total

_MERGES: dict[str, Many] = {
    "sum": total,
    "prod": product_of,
    "mean": average,
    "amax": largest,
    "amin": smallest,
}


def _merged(x: Cells, places: np.ndarray[Any, Any], numbers: Cells, many: Many, include_self: bool) -> Cells:
    """Each number goes to one of the places, counted row by row."""
    arrived: dict[int, list[Value]] = {}
    for place, number in zip(places.ravel().tolist(), numbers.ravel().tolist(), strict=True):
        arrived.setdefault(place, []).append(number)
    found = x.ravel().tolist()
    for place, each in arrived.items():
        found[place] = many([found[place], *each] if include_self else each)
    return filled(found, x.shape)


def _places(shape: tuple[int, ...], dim: int, index: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where in an array, counted row by row, an index along one dimension leads from its own positions."""
    position = list(np.indices(index.shape))
    position[dim] = index
    places: np.ndarray[Any, Any] = np.ravel_multi_index(tuple(position), shape)
    return places


@translation()
def scatter_reduce(
    x: Cells, dim: int, index: np.ndarray[Any, Any], src: Cells, reduce: str, include_self: bool = True
) -> Cells:
    """Merges numbers with those at places that an index gives along one dimension."""
    taken = src[tuple(map(slice, index.shape))]
    return _merged(x, _places(x.shape, dim, index), taken, _MERGES[reduce], include_self)


@translation()
def index_reduce(
    x: Cells, dim: int, index: np.ndarray[Any, Any], source: Cells, reduce: str, include_self: bool = True
) -> Cells:
    """Merges slices with those at places of one dimension."""
    shape = [1] * source.ndim
    shape[dim] = -1
    everywhere = np.broadcast_to(index.reshape(shape), source.shape)
    return _merged(x, _places(x.shape, dim, everywhere), source, _MERGES[reduce], include_self)
