"""The legend of a picture: what its shapes, colours, widths and numbers mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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

_MEANINGS = {
    "parameter": "parameter",
    "input": "input",
    "leaf": "leaf: an input or a parameter",
    "result": "result of an operation",
    "module": "module, folded into one box",
    "block": "block of operations, folded into one box",
    "root": "what is drawn",
}


def legend_table(
    caption: str | None, entries: Iterable[tuple[str, str]], room: tuple[int, int] = (0, 0), width: float = 600.0
) -> str:
    """The table below a picture: its caption, then each entry's sample with its meaning, in one row if there is room.

    Args:
        caption: the user's text, or None.
        entries: pairs of a sample, which is a table cell, and a meaning.
        room: the caption's minimum width and height, which gives pictures with different captions one size.
        width: how wide it may become, in points.
    """
    rows: list[str] = []
    left = 0.0
    for sample, meaning in entries:
        needed = 62.0 + 5.6 * len(meaning)
        if needed > left:
            rows.append("")
            left = width
        left -= needed
        rows[-1] += f'{sample}<TD ALIGN="LEFT">{html(meaning)}</TD><TD WIDTH="8"></TD>'
    table = "".join(f"<TR><TD>{_TABLE}<TR>{row}</TR></TABLE></TD></TR>" for row in rows)
    heading = f'<FONT POINT-SIZE="14">{html(caption)}</FONT>' if caption else ""
    if not heading and not table:
        return ""
    size = f' WIDTH="{room[0]}" HEIGHT="{room[1]}"' if any(room) else ""
    lines = f"<TR><TD{size}>{heading}</TD></TR>" if heading else ""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{lines}{table}</TABLE>'


def legend_entries(parts: Sequence[Part], look: Look) -> Iterator[tuple[str, str]]:
    """The signs used in a picture, each with its meaning."""
    samples = {"root" if part.is_root else part.kind: part for part in reversed(parts)}
    for kind, meaning in _MEANINGS.items():
        if kind in samples:
            sample = "<B>w</B>" if samples[kind].kind == "parameter" else " x "
            yield box_sample(frame(samples[kind], look.theme), sample), meaning
    if any(marks(part, look) for part in parts):
        yield box_sample(marked_frame(look.theme), " y "), "marked"
    if "local" in look.shown and any(part.edges for part in parts):
        yield "<TD>0.5 →</TD>", "local derivative"
    if any(len(part.steps) > 1 for part in parts):
        yield "<TD>× 2 → + 1</TD>", "operations in a row, folded into one"
    if any(part.times > 1 for part in parts):
        yield "<TD><B>× 100</B></TD>", "so many equal parts, folded into one: lowest … highest number"
    if "grad" in look.shown:
        yield from _of_gradients(parts, look)
    if look.then:
        yield "<TD>changed since</TD>", "the numbers are those that the graph was computed from"


def _of_gradients(parts: Sequence[Part], look: Look) -> Iterator[tuple[str, str]]:
    theme = look.theme
    edges = [edge for part in parts for edge in part.edges if edge.flow is not None]
    flows = [edge.flow or 0.0 for edge in edges if not edge.is_mixed]
    signs = {"above": any(flow > 0.0 for flow in flows), "below": any(flow < 0.0 for flow in flows)}
    signs |= {"zero": 0.0 in flows, "nan": any(flow != flow for flow in flows)}
    meanings = (
        (1.0, "above 0: raising it raises the result"),
        (-1.0, "below 0: raising it lowers the result"),
        (0.0, "0"),
        (math.nan, "nan"),
    )
    for (number, meaning), is_used in zip(meanings, signs.values(), strict=True):
        line = sign_colour(theme, number), line_style(number)
        if is_used:
            bar = bar_sample(theme, 1 if number > 0.0 else -1) if look.has_bars and number * number == 1.0 else ""
            yield line_sample(*line) + bar, f"gradient {meaning}"
    if any(edge.is_mixed for edge in edges):
        both = f"{_INNER}{_dashes(theme.positive, 'solid')}</TR><TR>{_dashes(theme.negative, 'solid')}</TR></TABLE>"
        yield f"<TD>{both}</TD>", "gradients of both signs"
    if look.largest_flow:
        yield (
            width_sample(theme.faint),
            "size of the gradient; of several: the norm"
            if any(edge.times > 1 for edge in edges)
            else "size of the gradient",
        )
    if any(value in look.last for part in parts for value in part.shown):
        yield "<TD>last call</TD>", "what the last backward added; grad has earlier calls included"


def line_sample(colour: str, style: str) -> str:
    """A cell with a short solid, dashed or dotted line, made of filled cells, which every format can show."""
    return f"<TD>{_INNER}{_dashes(colour, style)}</TR></TABLE></TD>"


def _dashes(colour: str, style: str) -> str:
    lengths = {"solid": (27,), "dashed": (7, 7, 7), "dotted": (3, 3, 3, 3)}[style]
    return "".join(f'<TD FIXEDSIZE="TRUE" WIDTH="{n}" HEIGHT="3" BGCOLOR="{colour}"></TD>' for n in lengths)


def width_sample(colour: str) -> str:
    """A cell with lines of growing width."""
    bars = "".join(f"<TD>{_bar(12, height, colour)}</TD>" for height in (1, 3, 6))
    return f"<TD>{_INNER}{bars}</TR></TABLE></TD>"


def _bar(width: int, height: int, colour: str) -> str:
    """A filled rectangle that keeps its size; a plain cell would take that of the others in its row."""
    size = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
    cell = f'<TR><TD {size} BGCOLOR="{colour}"></TD></TR>'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" {size}>{cell}</TABLE>'


def box_sample(frame: str, text: str) -> str:
    """A cell with a small box in the given frame, a list of table attributes."""
    return f'<TD><TABLE {frame} CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"><TR><TD>{text}</TD></TR></TABLE></TD>'
