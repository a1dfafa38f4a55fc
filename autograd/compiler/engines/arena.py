"""Lays the arrays of a program into one block of memory, so that those that are not needed at a time share a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .fusion import touched
from .scalars import BEFORE, INSIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .fusion import Block


class Arena(NamedTuple):
    """Where arrays lie.

    Attributes:
        starts: the number of each array's first element, by name.
        size: the number of elements in all.
    """

    starts: dict[str, int]
    size: int


class _Life(NamedTuple):
    """The first and the last statement that need an array."""

    first: int
    last: int


def arena(stages: Sequence[Sequence[Block]], sizes: Mapping[str, int]) -> Arena:
    """A place for each array of `sizes`, the largest first where that matters: a greedy search of a free one."""
    lives = _lives(stages, sizes)
    starts: dict[str, int] = {}
    for name in sorted(sizes, key=lambda each: (-sizes[each], lives[each])):
        taken = [(starts[each], sizes[each]) for each in starts if _meet(lives[each], lives[name])]
        start = 0
        for other, size in sorted(taken):
            if start + sizes[name] <= other:
                break
            start = max(start, other + size)
        starts[name] = start
    return Arena(starts, max([starts[name] + sizes[name] for name in sizes], default=0))


def _meet(a: _Life, b: _Life) -> bool:
    return a.first <= b.last and b.first <= a.last


def _lives(stages: Sequence[Sequence[Block]], sizes: Mapping[str, int]) -> dict[str, _Life]:
    """When each array is needed: what is computed before the loop over the rows and read in it, until its end."""
    lives: dict[str, _Life] = {}
    start_of_loop = len(stages[BEFORE])
    end_of_loop = start_of_loop + len(stages[INSIDE]) - 1
    time = 0
    for stage in stages:
        for block in stage:
            for name in {each.array for each in touched(block)} & sizes.keys():
                first = lives[name].first if name in lives else time
                is_kept = first < start_of_loop <= time <= end_of_loop
                lives[name] = _Life(first, end_of_loop if is_kept else time)
            time += 1
    return lives
