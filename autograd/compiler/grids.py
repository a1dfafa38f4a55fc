"""Finds regularity in numbers: views, even spacing, rows and columns of matrix products."""

from __future__ import annotations

from math import prod

import numpy as np

from .ir import Shape, View, whole

Numbers = np.ndarray
"""Numbers of nodes, or positions of elements in an array."""


def by_appearance(numbers: Numbers) -> Numbers:
    """Replaces the first, second, third distinct number by 0, 1, 2."""
    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place].reshape(numbers.shape)


def factored(left: Numbers, right: Numbers) -> tuple[Numbers, tuple[int, int, int]] | None:
    """Whether sums of products are the elements of a matrix product, or of several of one size.

    Each sum has a row of left and a row of right factors. If every left row is paired with every right row, the sums
    form a matrix; if the pairs fall into such sets, several.

    Returns:
        The order of the sums in the array c r l, and its lengths; None if there is no such array, or if it gains
        nothing over multiplying element by element.
    """
    number, width = left.shape
    left_of, lefts = _distinct(left)
    right_of, rights = _distinct(right)
    component = _components(left_of, right_of, lefts)
    if component is None:
        return None
    components = int(component.max()) + 1
    per_component = (lefts // components, rights // components)
    if prod(per_component) * components != number or lefts % components or rights % components:
        return None
    if components > 1 and (width == 1 or prod(per_component) == 1):
        return None
    order = np.lexsort((left_of, right_of, component))
    shape = (components, per_component[1], per_component[0])
    grid_left = left_of[order].reshape(shape)
    grid_right = right_of[order].reshape(shape)
    complete = (grid_left == grid_left[:, :1]).all() and (grid_right == grid_right[:, :, :1]).all()
    even = (component[order].reshape(components, -1) == np.arange(components)[:, None]).all()
    return (order, shape) if complete and even else None


def _distinct(rows: Numbers) -> tuple[Numbers, int]:
    """Numbers distinct rows: each row's number, and how many there are.

    The order is that of the first three elements, which reflects how rows lie in memory; rows that begin alike keep
    their order.
    """
    number: dict[bytes, int] = {}
    rows = np.ascontiguousarray(rows)
    first: list[int] = []
    of = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows):
        key = row.tobytes()
        j = number.get(key)
        if j is None:
            j = number[key] = len(first)
            first.append(i)
        of[i] = j
    heads = rows[first, : min(3, rows.shape[1])]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.lexsort(heads.T[::-1])] = np.arange(len(first))
    return rank[of], len(first)


def _components(left_of: Numbers, right_of: Numbers, lefts: int) -> Numbers | None:
    """The set that each pair belongs to, if any two rights share either all of their lefts or none."""
    if len(left_of) == lefts * (int(right_of.max()) + 1):
        return np.zeros(len(left_of), dtype=np.int64)
    smallest_left = np.full(int(right_of.max()) + 1, lefts)
    np.minimum.at(smallest_left, right_of, left_of)
    _, component = np.unique(smallest_left[right_of], return_inverse=True)
    owner = np.full(lefts, -1)
    owner[left_of] = component
    return component if (owner[left_of] == component).all() else None


def as_view(positions: Numbers) -> View | None:
    """The view of the elements at these positions, if they are evenly spaced along every axis."""
    offset = int(positions.flat[0])
    strides = []
    for axis, length in enumerate(positions.shape):
        step = [0] * positions.ndim
        step[axis] = 1
        strides.append(int(positions[tuple(step)]) - offset if length > 1 else 0)
    expected = np.full(positions.shape, offset)
    for axis, stride in enumerate(strides):
        steps = np.arange(positions.shape[axis]) * stride
        expected += steps.reshape([-1 if other == axis else 1 for other in range(positions.ndim)])
    if not (expected == positions).all():
        return None
    full = whole(positions.shape)
    strides = [full.strides[axis] if length == 1 else strides[axis] for axis, length in enumerate(positions.shape)]
    return View(offset, positions.shape, tuple(strides))


def in_grids(rows: Numbers, columns: Numbers, swap: bool = False) -> tuple[Numbers, tuple[int, int, int]] | None:
    """As `factored`, but sums may be absent, and rows shorter than others; -1 fills them up.

    Shorter rows of the second kind may be the beginnings of longer ones, as where each position of a sequence sees
    those before it.

    Args:
        rows: the left factors of each sum.
        columns: the right factors.
        swap: whether these are the right and the left factors.

    Returns:
        Which sum is where in the array c r l, -1 for none, and its lengths; None if too much of it would be absent.
    """
    if rows.shape[1] == 1:
        return None
    left_of, _ = _distinct(rows)
    right_of = _beginnings(columns)
    if right_of is None:
        return None
    component = _connected(left_of, right_of)
    if component is None:
        return None
    lefts, rights = _within(component, left_of), _within(component, right_of)
    if swap:
        lefts, rights = rights, lefts
    lengths = (int(component.max()) + 1, int(rights.max()) + 1, int(lefts.max()) + 1)
    size = prod(lengths)
    if size > _ABSENT * len(rows) or lengths[1] * lengths[2] == 1:
        return None
    places = (component * lengths[1] + rights) * lengths[2] + lefts
    place = np.full(size, -1)
    place[places] = np.arange(len(rows))
    return (place, lengths) if len(np.unique(places)) == len(rows) else None


_ABSENT = 2.5  # times as many elements as there are sums, absent ones included, are too many


def _beginnings(rows: Numbers) -> Numbers | None:
    """Each row's number, where a row that is the beginning of another one counts as that; None if beginnings differ."""
    _, number = np.unique(rows[:, 0], return_inverse=True)
    longest = np.full((int(number.max()) + 1, rows.shape[1]), -1)
    np.maximum.at(longest, number, rows)
    return number if ((rows == longest[number]) | (rows == -1)).all() else None


def _connected(left_of: Numbers, right_of: Numbers) -> Numbers | None:
    """The set of lefts and rights that each pair belongs to; None if that takes long to find out."""
    of_left = np.arange(int(left_of.max()) + 1)
    for _ in range(8):
        of_right = np.full(int(right_of.max()) + 1, len(of_left))
        np.minimum.at(of_right, right_of, of_left[left_of])
        smaller = of_left.copy()
        np.minimum.at(smaller, left_of, of_right[right_of])
        if (smaller == of_left).all():
            return by_appearance(of_left[left_of])
        of_left = smaller
    return None


def _within(component: Numbers, number: Numbers) -> Numbers:
    """The numbers counted within each component, from 0 on, in their order."""
    pairs, place = np.unique(np.stack([component, number], axis=1), axis=0, return_inverse=True)
    starts = np.searchsorted(pairs[:, 0], pairs[:, 0])
    counted: Numbers = (np.arange(len(pairs)) - starts)[place.reshape(-1)]
    return counted


def extended(positions: Numbers, present: Numbers, size: int) -> Numbers:
    """Positions for missing elements too: those that continue an even spacing, otherwise any in the same row."""
    offset = 0
    expected = np.zeros(positions.shape, dtype=np.int64)
    for axis in range(positions.ndim):
        steps = np.diff(positions, axis=axis)
        both = present.take(range(1, positions.shape[axis]), axis) & present.take(
            range(positions.shape[axis] - 1), axis
        )
        stride = int(steps[both][0]) if both.any() else 0
        expected += (np.arange(positions.shape[axis]) * stride).reshape(
            [-1 if other == axis else 1 for other in range(positions.ndim)]
        )
    offset = int((positions - expected)[present][0])
    expected += offset
    if (expected == positions)[present].all() and expected.min() >= 0 and expected.max() < size:
        return expected
    first = np.take_along_axis(positions, present.argmax(axis=-1)[..., None], axis=-1)
    return np.where(present, positions, np.where(present.any(axis=-1, keepdims=True), first, positions[present][0]))


def evenly_spaced(positions: Numbers) -> Shape:
    """The shape in which positions are evenly spaced along every axis; their own if there is none."""
    number = len(positions)
    if number < 3:
        return (number,)
    steps = np.diff(positions)
    breaks = np.flatnonzero(steps != steps[0])
    inner = int(breaks[0]) + 1 if len(breaks) else number
    if inner == number:
        return (number,)
    if inner == 1 or number % inner:
        return (number,)
    shape = (number // inner, inner)
    return shape if as_view(positions.reshape(shape)) is not None else (number,)
