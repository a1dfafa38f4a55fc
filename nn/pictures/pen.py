"""Pen: writes what stands at given places as the lines of a DOT text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from autograd.drawing.canvas import SIZE
from autograd.drawing.dot_text import tooltip
from autograd.drawing.theme import Theme

from .places import NODE, Point, between


class Pen:
    """Collects the lines of a picture; each node is one, and each path an edge from a node to itself."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.lines: list[str] = []
        self._number = 0

    def connection(self, points: Sequence[Point], width: float, colour: str, style: str, about: str = "") -> None:
        """A broken line between the centres of two nodes, drawn from rim to rim."""
        self._anchor(points[0])
        points = [_towards(points[0], points[1]), *points[1:-1], _towards(points[-1], points[-2])]
        words = f" tooltip={tooltip(about)}" if about else ""
        self._path(points, f'color="{colour}" style={style} penwidth={width:.2f}{words}')

    def curve(self, points: Sequence[Point], colour: str, width: float) -> None:
        """A broken line, drawn with the node that was written last, since Graphviz knows no line without nodes."""
        self._path(points, f'color="{colour}" penwidth={width:g}')

    def label(self, point: Point, content: str, about: str | None = None) -> None:
        """A text that hides the lines behind it."""
        self.table(point, content, f'BORDER="0" BGCOLOR="{self.theme.background}" CELLPADDING="0"', about)

    def table(self, point: Point, content: str, frame: str, about: str | None = None) -> None:
        """A text in a frame."""
        table = f'<TABLE {frame} CELLBORDER="0" CELLSPACING="0"><TR><TD>{content}</TD></TR></TABLE>'
        self.node(point, f"label=<{table}>" + (f" tooltip={tooltip(about)}" if about else ""))

    def text(self, point: Point, content: str, size: int = SIZE) -> None:
        """A remark."""
        self.node(point, f'label=<{content}> fontsize={size} fontcolor="{self.theme.faint}"')

    def node(self, point: Point, attributes: str) -> None:
        """Anything with these attributes."""
        self.lines.append(f'\tn{self._number} [pos="{point[0]:.2f},{point[1]:.2f}" {attributes}]\n')
        self._number += 1

    def _anchor(self, point: Point) -> None:
        self.node(point, 'style=invis shape=point width=0 label=""')

    def _path(self, points: Sequence[Point], attributes: str) -> None:
        name = f"n{self._number - 1}"
        self.lines.append(f'\t{name} -> {name} [pos="{_spline(points)}" {attributes}]\n')


_NARROW, _WIDE = frozenset(" .,:;'|!()[]{}-/\\fijlrtI"), frozenset("mwMW@%×+=<>…‖")


def text_width(text: str) -> float:
    """How wide a text of the usual size may become, in points, whatever sans-serif font the reader has."""
    return SIZE * sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    """Of the widest of the usual fonts, DejaVu Sans, in its size."""
    if letter in _NARROW:
        return 0.42
    if letter in _WIDE or unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return 0.75 if letter.isupper() else 0.64


def _towards(start: Point, end: Point) -> Point:
    """The start, moved from the centre of its node to the rim."""
    return between(start, end, min(1.0, 0.5 * NODE / (math.dist(start, end) or NODE)))


def _spline(points: Sequence[Point]) -> str:
    """A broken line as Graphviz wants it: cubic pieces, here with control points on their ends."""
    controls = [points[0]]
    for before, after in pairwise(points):
        controls += [before, after, after]
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in controls)
