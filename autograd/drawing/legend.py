"""The legend of a picture: what its shapes, colours, widths and numbers mean."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from .bars import bar_sample
from .boxes import frame, marked_frame, marks
from .dot_text import html
from .theme import line_style, sign_colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .look import Look
    from .sketch import Part

_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
_INNER = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="0"><TR>'

_FILLERS = '<TD CELLPADDING="0"></TD>' * 12
"""A table grows with the cell that it is in, all its columns alike: beside so many empty ones the others hardly do."""

_CHARACTER = 0.5
"""The width of a character in a short text, by its size."""

_GAP = 6

_CAPTION = 14
"""The size of the caption, in points."""

_WIDEST = 0.6
"""A line of a caption is no wider than so much a character, by the size of the text."""

_KINDS = {
    "parameter": "parameter",
    "input": "input",
    "leaf": "input or parameter",
    "module": "module",
    "block": "block",
}
"""Those that look like something. What an operation results in has a plain box."""


class Entry(NamedTuple):
    """A sign and what it means, as cells of a row."""

    cells: str
    characters: int
    width: float
    """That of all but the characters, in points."""


def legend_table(
    caption: str | None,
    groups: Sequence[Sequence[Entry]],
    sizes: tuple[int, int],
    room: tuple[int, int] = (0, 0),
    width: float = 600.0,
) -> str:
    """The table below a picture: its caption, then the legend, in one row if there is room.

    Args:
        caption: the user's text, or None.
        groups: the signs, each with its meaning; where one row is too narrow each group begins another.
        sizes: the smallest and the largest size of the legend's text, in points; the largest that fits in one row.
        room: the caption's minimum width and height, which gives pictures with different captions one size.
        width: how wide it may become, in points.
    """
    lines = []
    if caption:
        size = f' WIDTH="{room[0]}" HEIGHT="{room[1]}"' if any(room) else ""
        shown = caption if any(room) else _wrapped(caption, width)
        lines.append(f'<TR><TD{size}><FONT POINT-SIZE="{_CAPTION}">{html(shown)}</FONT></TD></TR>')
    smallest, largest = sizes
    points = next((size for size in range(largest, smallest, -1) if len(_rows(groups, size, width)) < 2), smallest)
    for row in _rows(groups, points, width):
        cells = f'<TD WIDTH="{_GAP}"></TD>'.join(entry.cells for entry in row)
        table = f"{_TABLE}<TR>{_FILLERS}{cells}{_FILLERS}</TR></TABLE>"
        lines.append(f'<TR><TD><FONT POINT-SIZE="{points}">{table}</FONT></TD></TR>')
    if not lines:
        return ""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(lines)}</TABLE>'


def _wrapped(caption: str, width: float) -> str:
    characters = int(width / (_WIDEST * _CAPTION))
    lines = caption.split("\n")
    return "\n".join("\n".join(textwrap.wrap(line, characters)) if len(line) > characters else line for line in lines)


def _rows(groups: Iterable[Sequence[Entry]], points: int, width: float) -> list[list[Entry]]:
    """The entries in as few rows as the width allows; a group stays in one row if there is one that is wide enough."""

    def needed(*entries: Entry) -> float:
        return sum(_GAP + entry.width + _CHARACTER * points * entry.characters for entry in entries)

    rows: list[list[Entry]] = [[]]
    for group in groups:
        if rows[-1] and needed(*rows[-1], *group) > width:
            rows.append([])
        for entry in group:
            if rows[-1] and needed(*rows[-1], entry) > width:
                rows.append([])
            rows[-1].append(entry)
    return rows if rows[-1] else []


def legend_entries(parts: Sequence[Part], look: Look) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """The signs used in a picture: those of boxes and operations, those of gradients, and remarks."""
    gradients = list(_of_gradients(parts, look)) if "grad" in look.shown else []
    return list(_of_boxes(parts, look)), gradients, list(_remarks(parts, look))


def _of_boxes(parts: Sequence[Part], look: Look) -> Iterator[Entry]:
    samples = {part.kind: part for part in parts if not part.is_root}
    for kind, meaning in _KINDS.items():
        if kind in samples:
            yield _box(frame(samples[kind], look.theme), meaning)
    if look.marked and any(marks(part, look) for part in parts):
        yield _box(marked_frame(look.theme), "marked")
    if "local" in look.shown and any(part.edges for part in parts):
        yield _text("0.5 → local derivative")
    if any(part.times > 1 for part in parts):
        yield _entry("<TD><B>× n</B></TD>", 20, "equal parts, lowest … highest")


def _of_gradients(parts: Sequence[Part], look: Look) -> Iterator[Entry]:
    edges = [edge for part in parts for edge in part.edges if edge.flow is not None]
    flows = [edge.flow or 0.0 for edge in edges if not edge.is_mixed]
    is_mixed = len(flows) < len(edges)
    above, below = (is_mixed or any(flow * sign > 0.0 for flow in flows) for sign in (1, -1))
    theme = look.theme
    if not edges:
        return
    yield _text("gradient: raising it" if above or below else "gradient:")
    if above:
        yield _signed(1.0, "raises" if below else "raises the result", look)
    if below:
        yield _signed(-1.0, "lowers the result", look)
    if is_mixed:
        both = f"{_INNER}{_dashes(theme.positive, 'solid')}</TR><TR>{_dashes(theme.negative, 'solid')}</TR></TABLE>"
        yield _entry(f"<TD>{both}</TD>", 26, "both signs")
    if 0.0 in flows:
        yield _signed(0.0, "neither" if above or below else "0", look)
    if any(flow != flow for flow in flows):
        yield _signed(math.nan, "nan", look)
    if look.largest_flow:
        yield _entry(_widths(theme.faint), 30, "norm" if any(edge.times > 1 for edge in edges) else "size")


def _remarks(parts: Sequence[Part], look: Look) -> Iterator[Entry]:
    if look.last and any(value in look.last for part in parts for value in part.shown):
        yield _text("last call: what the last backward added; grad has earlier calls included")
    if look.then:
        yield _text("changed since: the numbers are those before the change")


# Entries


def _text(text: str) -> Entry:
    return Entry(f"<TD>{html(text)}</TD>", len(text), 4.0)


def _entry(cells: str, width: float, meaning: str) -> Entry:
    return Entry(f"{cells}<TD>{html(meaning)}</TD>", len(meaning), width + 8.0)


def _box(frame: str, meaning: str) -> Entry:
    table = f'<TABLE {frame} CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"><TR><TD>{meaning}</TD></TR></TABLE>'
    return Entry(f"<TD>{table}</TD>", len(meaning), 17.0)


def _signed(number: float, meaning: str, look: Look) -> Entry:
    """The line of gradients of one sign, and their bar."""
    colour, style = sign_colour(look.theme, number), line_style(number)
    line = f"<TD>{_INNER}{_dashes(colour, style)}</TR></TABLE></TD>"
    if not look.has_bars or number * number != 1.0:
        return _entry(line, 24, meaning)
    return _entry(line + bar_sample(look.theme, number > 0.0), 35, meaning)


def _dashes(colour: str, style: str) -> str:
    """A short solid, dashed or dotted line, made of filled cells, which every format can show."""
    lengths = {"solid": (18,), "dashed": (4, 4, 4), "dotted": (3, 3, 3, 3)}[style]
    return "".join(f'<TD FIXEDSIZE="TRUE" WIDTH="{n}" HEIGHT="3" BGCOLOR="{colour}"></TD>' for n in lengths)


def _widths(colour: str) -> str:
    """A cell with lines of growing width."""
    bars = "".join(f"<TD>{_bar(6, height, colour)}</TD>" for height in (1, 3, 6))
    return f"<TD>{_INNER}{bars}</TR></TABLE></TD>"


def _bar(width: int, height: int, colour: str) -> str:
    """A filled rectangle that keeps its size; a plain cell would take that of the others in its row."""
    size = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
    cell = f'<TR><TD {size} BGCOLOR="{colour}"></TD></TR>'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" {size}>{cell}</TABLE>'
