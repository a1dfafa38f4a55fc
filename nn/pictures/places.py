"""Where the columns of a network are, for every picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..layers import Linear
from .stages import Stage, drawn

Point = tuple[float, float]

MOST_LABELS = 40
"""With more connections, colour, width and tooltip alone tell the weights of a layer."""

COLUMN = 210.0
LABEL_ROOM = 80.0
NODE = 54.0
ROW = 1.9 * NODE
LABEL_HEIGHT = 17.0
WITH_GRADIENT = 1.75
"""How much higher a label is with its second line."""


class WeightList(NamedTuple):
    """Where the labels of the connections to a node stand one below the other: edges, and the height of a row."""

    left: float
    right: float
    row: float


class Column(NamedTuple):
    """A column of nodes.

    Attributes:
        centres: of the nodes that are drawn, from the top; y grows upwards and is 0 in the middle.
        drawn: which nodes these are.
        number: how many nodes there are.
        pitch: from node to node.
        share: how far along the connections to it their labels stand; None without labels there.
        list: where the labels stand instead, before each node.
    """

    centres: list[Point]
    drawn: Sequence[int]
    number: int
    pitch: float
    share: float | None = None
    list: WeightList | None = None

    @property
    def has_labels(self) -> bool:
        """Whether the connections to it have labels."""
        return self.share is not None or self.list is not None


class Grid(NamedTuple):
    """The columns of a network: inputs, one per stage, outputs."""

    columns: list[Column]

    @property
    def width(self) -> float:
        """From the centres of the first column to those of the last."""
        return self.columns[-1].centres[0][0]

    @property
    def bottom(self) -> float:
        """The lower rim of the lowest nodes, with room for a note on those that are left out."""
        rims = [column.centres[-1][1] - NODE / 2 for column in self.columns]
        notes = [c.centres[-1][1] - 0.75 * c.pitch for c in self.columns if c.number > len(c.centres)]
        lists = [c.centres[-1][1] - len(b.centres) * c.list.row / 2 for b, c in pairwise(self.columns) if c.list]
        return min([0.0, *rims, *notes, *[y + LABEL_HEIGHT for y in lists]])


def grid(inputs: int, stages: Sequence[Stage], outputs: int) -> Grid:
    """The places for a network, with all the width that labels on its connections need.

    Args:
        inputs: how many inputs.
        stages: the columns between inputs and outputs.
        outputs: how many outputs.
    """
    widths = [inputs, *[stage.layer.out_features for stage in stages if isinstance(stage.layer, Linear)]]
    counts = [(len(drawn(a)), len(drawn(b))) for a, b in pairwise(widths)]
    row = row_height([both for both in counts if both[0] * both[1] <= MOST_LABELS], LABEL_HEIGHT)
    x, columns = 0.0, [column(0.0, drawn(inputs), inputs, row)]
    for stage in stages:
        before = len(columns[-1].centres)
        if not isinstance(stage.layer, Linear):  # a tall box that mixes what enters it
            x += 0.6 * COLUMN
            columns.append(column(x, columns[-1].drawn, columns[-1].number, row))
            continue
        number = stage.layer.out_features
        after = len(drawn(number))
        share = label_share(before, after)
        has_labels = before * after <= MOST_LABELS
        x += max(COLUMN, LABEL_ROOM / min(share, 1.0 - share)) if has_labels else COLUMN
        columns.append(column(x, drawn(number), number, row, share if has_labels else None))
    return Grid([*columns, column(x + 0.75 * COLUMN, drawn(outputs), outputs, row)])


def column(x: float, indices: Sequence[int], number: int, pitch: float, share: float | None = None) -> Column:
    """A column of these of its nodes, around the height 0."""
    middle = (len(indices) - 1) / 2
    return Column([(x, (middle - place) * pitch) for place in range(len(indices))], indices, number, pitch, share)


def row_height(counts: Sequence[tuple[int, int]], label_height: float) -> float:
    """High enough for the labels of the connections between two columns of so many nodes not to overlap."""
    return max(ROW, label_height * (1 + max(map(min, counts), default=1)))


def label_share(before: int, after: int) -> float:
    """How far along the connections of two columns their labels stand, for all to be at different heights.

    With rows of equal height, the lines from each node to `after` nodes are evenly spread 1 / (after + 1) of the way
    from the start, and those from `before` nodes to each node as much from the end.
    """
    if before == 1:
        return 0.56
    return 1.0 / (after + 1) if after <= before else 1.0 - 1.0 / (before + 1)


def between(start: Point, end: Point, share: float) -> Point:
    """A point of the straight line between two."""
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
