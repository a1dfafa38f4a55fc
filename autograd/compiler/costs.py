"""The cost model: how long a program takes on each backend, in microseconds, and which one is the best.

The numbers were measured on a present x86 core and matter only in proportion: a NumPy call costs as much as 20 to 60
operations on floats.
"""

from __future__ import annotations

from typing import NamedTuple

FLOAT_NODE = 0.07  # one operation of the graph on Python floats
CALL = 0.9  # one NumPy call, whatever it computes
CALLS_PER_GROUP = 1.6  # a group of nodes takes its product, its bias, its function ...
ELEMENT = 0.001  # one element of an array, in one call
BACKWARD = 3.0  # value and gradient take this many times as long as the value alone

TYPICAL_BATCH = 32  # assumed where the batch is not known yet
LARGEST_FLOAT_TEXT = 200_000  # operations; a larger text takes Python too long to compile


class Size(NamedTuple):
    """What the estimates depend on.

    Attributes:
        nodes: results in the graph.
        groups: sets of nodes that pack into one array.
        gradient: whether the gradient is computed too.
        batched: whether the program takes arrays with one row per observation.
    """

    nodes: int
    groups: int
    gradient: bool
    batched: bool


def floats(size: Size, batch: int) -> float:
    """Straight-line Python on floats, row by row."""
    return _passes(size) * batch * size.nodes * FLOAT_NODE


def columns(size: Size, batch: int) -> float:
    """One NumPy call per operation of the graph, on the whole batch."""
    return _passes(size) * size.nodes * (CALL + batch * ELEMENT)


def arrays(size: Size, batch: int) -> float:
    """A few NumPy calls per group."""
    return _passes(size) * (size.groups * CALLS_PER_GROUP * CALL + size.nodes * batch * ELEMENT)


def _passes(size: Size) -> float:
    return BACKWARD if size.gradient else 1.0


class Choice(NamedTuple):
    """Which backends a program uses.

    Attributes:
        packs: whether groups become arrays; otherwise every node is an array of one column.
        floats_below: batches smaller than this run on floats.
    """

    packs: bool
    floats_below: int


def choose(size: Size) -> Choice:
    """The backends with the least estimated time."""
    batch = TYPICAL_BATCH if size.batched else 1
    packs = arrays(size, batch) <= columns(size, batch)
    if size.nodes > LARGEST_FLOAT_TEXT:
        return Choice(packs, 0)
    below = 1
    while below <= 1024 and floats(size, below) < min(arrays(size, below), columns(size, below)):
        below += 1
    return Choice(packs, below if below > 1 else 0)
