"""Fitting: chooses direction and folding so that a picture can be read at the width at which it is shown."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from .canvas import SIZE, SMALLEST, placed
from .folding import candidates
from .rendering import RenderingError, rendered
from .sketch import near_uses

if TYPE_CHECKING:
    from .canvas import Picture
    from .sketch import Sketch

SIZES = {"column": 600, "slide": 1280}
"""Widths in pixels."""

LEAST = 9
"""How high the smallest text must be, in pixels."""

TALLEST = {600: 3.0, 1280: 0.5625}
"""The largest height by width, in widths."""

_MARGINS = 8.0
"""What Graphviz leaves around a picture, both sides together, in points; its format `plain` does not count it."""

_AREA = 15_000.0
"""A part takes at least this much room, with the space around it, in square points."""

_FEW, _TANGLE = 60, 3
"""Up to so many edges are never a tangle, and up to so many by parts."""


def fitted(sketch: Sketch, picture: Picture, width: int, most: int, depth: int | None) -> tuple[Sketch, Picture]:
    """The first sketch, from the finest to the coarsest, whose text is large enough, and how to draw it.

    Args:
        sketch: what to draw.
        picture: how; its own direction is tried first.
        width: the width at which it is shown, in pixels.
        most: the maximum number of parts.
        depth: modules deeper than this are folded in any case.
    """
    room = width * SIZE / LEAST  # in points, if the picture is scaled to the width
    best: tuple[float, tuple[Sketch, Picture]] | None = None
    limit = most
    for parts in candidates(sketch, most, depth, picture.look.must_stay):
        if len(parts) > limit or _is_hopeless(parts, room * room * TALLEST[width]):
            continue
        limit = len(parts) - 1 - len(parts) // 8  # what is hardly smaller is hardly narrower
        arranged = placed(near_uses(parts, most), picture.look.shared)
        for variant in _variants(parts, picture, width * SMALLEST / LEAST):
            extent = _extent(variant.lines(arranged))
            if extent is None:
                return arranged, variant
            excess = max(extent[0] / room, extent[1] / extent[0] / TALLEST[width])
            if excess <= 1.0:
                return arranged, _with_legend(arranged, variant, extent, width)
            if best is None or excess < best[0]:
                best = excess, (arranged, variant)
    assert best is not None
    return best[1]


def _is_hopeless(sketch: Sketch, area: float) -> bool:
    """Whether no layout is worth the time: more parts than such an area holds, in square points, or a tangle."""
    edges = sum(len(part.edges) for part in sketch.values())
    return len(sketch) * _AREA > area or edges > max(_FEW, _TANGLE * len(sketch))


def _variants(sketch: Sketch, picture: Picture, width: float) -> list[Picture]:
    """Ways to draw the same sketch: in the direction asked for, then downwards, then with operations in boxes."""
    directions = dict.fromkeys((picture.direction, "TB"))
    legend = (SMALLEST, SMALLEST)
    plain = [picture._replace(width=width, direction=direction, legend_sizes=legend) for direction in directions]
    if picture.look.is_compact or not any(part.steps for part in sketch.values()):
        return plain
    compact = replace(picture.look, is_compact=True)
    return plain + [variant._replace(look=compact) for variant in plain]


def _with_legend(sketch: Sketch, picture: Picture, extent: tuple[float, float], width: int) -> Picture:
    """The picture with the largest legend that makes it no larger, but one that can be read.

    Args:
        sketch: what is drawn.
        picture: how, with the smallest legend.
        extent: the width and height of that, in points.
        width: the width at which it is shown, in pixels.
    """
    least = max(SMALLEST, math.ceil(extent[0] * LEAST / width))
    for size in range(SIZE, SMALLEST, -1):
        larger = picture._replace(legend_sizes=(size, size), width=max(extent[0], width * size / LEAST))
        found = _extent(larger.lines(sketch))
        if size == least or (found and found[0] <= extent[0] and found[1] < extent[1] + SIZE):
            return larger
    return picture


def _extent(lines: list[str]) -> tuple[float, float] | None:
    """Width and height of the picture in points; None without Graphviz."""
    try:
        plain = rendered("".join(["digraph {\n", *lines, "}\n"]), "plain")
    except RenderingError:
        return None
    _, _, width, height = plain.split(None, 4)[:4]
    return 72.0 * float(width) + _MARGINS, 72.0 * float(height) + _MARGINS
