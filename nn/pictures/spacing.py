"""Spacing: columns so close that a diagram can be read where it is 600 px wide, and the labels that then have room."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from .places import (
    COLUMN,
    LABEL_HEIGHT,
    LABEL_ROOM,
    MOST_LABELS,
    ROW,
    WITH_GRADIENT,
    Grid,
    WeightList,
    column,
    label_share,
    row_height,
)

WIDEST = 705.0
"""Points between the outer edges: text of 11 points is then 9 px high in a column of 600 px."""

LIST_ROW = 0.9
"""How high a row of a list is, of the height of a label."""

ON_LINES = 12
"""With more connections between two columns, labels on them are hard to assign."""

HIGH = 24
"""The most labels of two lines between two columns."""

LINES, FEW_LINES = 54.0, 36.0
"""Room for lines between nodes or before a list; for few lines it may be less."""

MARGIN = 15.0
"""Between a node and a box."""

FAN = 12.0
"""From a list to its node."""


class Labels(Enum):
    """Where the labels of the connections between two columns are."""

    ON_LINES = "on the connections"
    IN_LISTS = "in a list before each node, gradients beside the weights"
    IN_HIGH_LISTS = "in a list before each node, gradients below the weights"
    LEFT_OUT = "nowhere"


LISTS = (Labels.IN_LISTS, Labels.IN_HIGH_LISTS)


class Gap(NamedTuple):
    """What needs room between a column and the one before it.

    Attributes:
        drawn: the nodes that are drawn before and after it.
        number: how many nodes there are after it.
        sides: half the width of the nodes before and after it, with what stands above and below them.
        label: the width of the widest label; None for columns that are joined by plain lines.
        row: its width in one line, the gradient beside the weight.
    """

    drawn: tuple[Sequence[int], Sequence[int]]
    number: int
    sides: tuple[float, float]
    label: float | None = None
    row: float = 0.0

    @property
    def counts(self) -> tuple[int, int]:
        """How many nodes are drawn before and after it."""
        return len(self.drawn[0]), len(self.drawn[1])

    @property
    def connections(self) -> int:
        """How many lines there are that may have a label."""
        return self.counts[0] * self.counts[1] if self.label is not None else 0

    @property
    def fits_on_lines(self) -> bool:
        """Whether labels can stand on the connections."""
        return self.connections <= (MOST_LABELS if 1 in self.counts else ON_LINES)

    def list_width(self, labels: Labels) -> float:
        """How wide a list of weights is."""
        return self.row if labels is Labels.IN_LISTS else self.label or 0.0

    def room(self, labels: Labels) -> tuple[float, float]:
        """The least distance of the two columns, and the one that looks best."""
        rims = sum(self.sides)
        if self.label is None:
            return rims + MARGIN, max(rims + MARGIN, 0.6 * COLUMN)
        lines = LINES if self.connections > ON_LINES else FEW_LINES
        if labels is Labels.LEFT_OUT:
            return rims + lines, max(rims + lines, COLUMN)
        if labels in LISTS:
            least = rims + lines + self.list_width(labels) + FAN
            return least, least + 80.0
        share, half = label_share(*self.counts), self.label / 2 + 6.0
        least = max((self.sides[0] + half) / share, (self.sides[1] + half) / (1.0 - share))
        return least, max(least, COLUMN, LABEL_ROOM / min(share, 1.0 - share))


def fitted(inputs: Sequence[int], number: int, gaps: Sequence[Gap], box_height: float, has_gradients: bool) -> Grid:
    """The places for a network in a column of text.

    Args:
        inputs: the inputs that are drawn.
        number: how many inputs there are.
        gaps: what needs room, from the inputs to the outputs.
        box_height: the height of the highest box of inputs or outputs.
        has_gradients: whether labels have a second line.
    """
    most = WIDEST - gaps[0].sides[0] - gaps[-1].sides[1]
    labels = _labels(gaps, most)
    on_lines = [gap.counts for gap, each in zip(gaps, labels, strict=True) if each is Labels.ON_LINES and gap.label]
    row = row_height(on_lines, LABEL_HEIGHT * (WITH_GRADIENT if has_gradients else 1.0)) if on_lines else ROW
    row = max(row, box_height + 10.0)
    columns, x = [column(0.0, inputs, number, row)], 0.0
    for gap, each, distance in zip(gaps, labels, _distances(gaps, labels, most), strict=True):
        x += distance
        if gap.label is None:  # straight lines, so that nodes are side by side
            columns.append(column(x, gap.drawn[1], gap.number, columns[-1].pitch))
            continue
        list_row = LABEL_HEIGHT * (WITH_GRADIENT if each is Labels.IN_HIGH_LISTS else LIST_ROW)
        pitch = max(row, list_row * gap.counts[0] + 10.0) if each in LISTS else row
        after = column(x, gap.drawn[1], gap.number, pitch)
        if each in LISTS:
            right = x - gap.sides[1] - FAN
            after = after._replace(list=WeightList(right - gap.list_width(each), right, list_row))
        elif each is Labels.ON_LINES:
            after = after._replace(share=label_share(*gap.counts))
        columns.append(after)
    return Grid(columns)


def _labels(gaps: Sequence[Gap], most: float) -> list[Labels]:
    """Where labels are: on the connections of a small network, else in lists, and nowhere if there is no room."""
    labels = [Labels.ON_LINES] * len(gaps)
    if all(gap.fits_on_lines for gap in gaps) and _least(gaps, labels) <= most:
        return labels
    for lists in LISTS:
        most_labels = MOST_LABELS if lists is Labels.IN_LISTS else HIGH
        labels = [lists if gap.connections <= most_labels else Labels.LEFT_OUT for gap in gaps]
        if _least(gaps, labels) <= most:
            return labels
    for k in sorted(range(len(gaps)), key=lambda k: -gaps[k].connections):
        labels[k] = Labels.LEFT_OUT
        if _least(gaps, labels) <= most:
            break
    return labels


def _least(gaps: Sequence[Gap], labels: Sequence[Labels]) -> float:
    return sum(gap.room(each)[0] for gap, each in zip(gaps, labels, strict=True))


def _distances(gaps: Sequence[Gap], labels: Sequence[Labels], most: float) -> list[float]:
    """The distances that look best, as far as there is room for them."""
    rooms = [gap.room(each) for gap, each in zip(gaps, labels, strict=True)]
    wanted = sum(best - least for least, best in rooms)
    share = min(1.0, max(0.0, most - sum(least for least, _ in rooms)) / wanted) if wanted else 0.0
    return [least + share * (best - least) for least, best in rooms]
