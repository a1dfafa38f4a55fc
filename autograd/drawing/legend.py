"""The legend of a picture: what its shapes, colours, widths and numbers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dot_text import html

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
_INNER = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="0"><TR>'
_COLUMNS = 3


def legend_table(caption: str | None, entries: Iterable[tuple[str, str]], room: tuple[int, int] = (0, 0)) -> str:
    """The table below a picture: its caption, then each entry's sample with its meaning.

    Args:
        caption: the user's text, or None.
        room: the caption's minimum width and height, which gives pictures with different captions one size.
        entries: pairs of a sample, which is a table cell, and a meaning.
    """
    cells = [f'{sample}<TD ALIGN="LEFT">{html(meaning)}</TD><TD WIDTH="12"></TD>' for sample, meaning in entries]
    rows = ["".join(cells[start : start + _COLUMNS]) for start in range(0, len(cells), _COLUMNS)]
    table = f"{_TABLE}{''.join(f'<TR>{row}</TR>' for row in rows)}</TABLE>" if rows else ""
    heading = f'<FONT POINT-SIZE="14">{html(caption)}</FONT>' if caption else ""
    if not heading and not table:
        return ""
    size = f' WIDTH="{room[0]}" HEIGHT="{room[1]}"' if any(room) else ""
    lines = f"<TR><TD{size}>{heading}</TD></TR>" if heading else ""
    lines += f"<TR><TD>{table}</TD></TR>" if table else ""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6">{lines}</TABLE>'


def line_sample(colour: str, style: str) -> str:
    """A cell with a short solid, dashed or dotted line, made of filled cells, which every format can show."""
    lengths = {"solid": (36,), "dashed": (9, 9, 9), "dotted": (3, 3, 3, 3, 3)}[style]
    dashes = "".join(f'<TD FIXEDSIZE="TRUE" WIDTH="{n}" HEIGHT="3" BGCOLOR="{colour}"></TD>' for n in lengths)
    return f"<TD>{_INNER}{dashes}</TR></TABLE></TD>"


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
