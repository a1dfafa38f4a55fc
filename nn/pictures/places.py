"""Where the columns of a network are, for every picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..layers import Linear
from .flowchart import MOST_NODES, Stage

Point = tuple[float, float]

MOST_LABELS = 40
"""With more connections, colour, width and tooltip alone tell the weights of a layer."""

COLUMN = 210.0
LABEL_ROOM = 80.0
NODE = 54.0
LABEL_HEIGHT = 17.0


class Column(NamedTuple):
    """A column of nodes.

    Attributes:
        centres: of the nodes that are drawn, from the top; y grows upwards and is 0 in the middle.
        number: how many nodes there are.
        share: how far along the connections to it their labels stand; None without labels.
    """

    centres: list[Point]
    number: int
    share: float | None = None


class Grid(NamedTuple):
    """The columns of a network: inputs, one per stage, outputs."""

    columns: list[Column]
    row: float
    """From node to node."""

    @property
    def width(self) -> float:
        """From the centres of the first column to those of the last."""
        return self.columns[-1].centres[0][0]

    @property
    def bottom(self) -> float:
        """The lower rim of the lowest nodes, with room for a note on those that are left out."""
        rims = [column.centres[-1][1] - NODE / 2 for column in self.columns]
        notes = [c.centres[-1][1] - 0.75 * self.row for c in self.columns if c.number > len(c.centres)]
        return min([0.0, *rims, *notes])


def grid(inputs: int, stages: Sequence[Stage], outputs: int, has_gradients: bool, has_target: bool) -> Grid:
    """The places for a network.

    Args:
        inputs: how many inputs.
        stages: the columns between inputs and outputs.
        outputs: how many outputs.
        has_gradients: whether labels have a second line.
        has_target: whether the outputs show what was observed.
    """
    widths = [inputs, *[stage.layer.out_features for stage in stages if isinstance(stage.layer, Linear)]]
    row = _row_height(widths, has_gradients)
    x, columns = 0.0, [_column(0.0, inputs, row)]
    for stage in stages:
        before = len(columns[-1].centres)
        if not isinstance(stage.layer, Linear):  # a tall box that mixes what enters it
            x += 0.6 * COLUMN
            columns.append(_column(x, columns[-1].number, row))
            continue
        after = min(stage.layer.out_features, MOST_NODES)
        share = _label_share(before, after)
        has_labels = before * after <= MOST_LABELS
        x += max(COLUMN, LABEL_ROOM / min(share, 1.0 - share)) if has_labels else COLUMN
        columns.append(_column(x, stage.layer.out_features, row, share if has_labels else None))
    x += (0.75 if has_target else 0.6) * COLUMN
    return Grid([*columns, _column(x, outputs, row)], row)


def _column(x: float, count: int, row: float, share: float | None = None) -> Column:
    shown = min(count, MOST_NODES)
    return Column([(x, ((shown - 1) / 2 - index) * row) for index in range(shown)], count, share)


def _row_height(widths: Sequence[int], has_gradients: bool) -> float:
    """High enough for the labels of the connections between two columns not to overlap."""
    shown = [min(width, MOST_NODES) for width in widths]
    labels = [min(before, after) for before, after in pairwise(shown) if before * after <= MOST_LABELS]
    return max(1.9 * NODE, (1.75 if has_gradients else 1.0) * LABEL_HEIGHT * (1 + max(labels, default=1)))


def _label_share(before: int, after: int) -> float:
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
