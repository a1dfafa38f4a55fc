"""Tables as text: drawn with rich if installed, plain otherwise."""

from __future__ import annotations

import io
from collections.abc import Sequence

Row = Sequence[str]


class Text(str):
    """Text that an interactive session shows as it is, with its line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def table(titles: Row, rows: Sequence[Row], total: Row) -> Text:
    """A table with a line of totals; the first two columns are text, the others are numbers."""
    try:
        import rich.box
        import rich.console
        import rich.markup
        import rich.table
    except ImportError:
        return Text(_plain(titles, rows, total))
    drawn = rich.table.Table(box=rich.box.SIMPLE_HEAD, show_footer=True)
    for column, (title, last) in enumerate(zip(titles, total, strict=True)):
        drawn.add_column(title, last, justify="left" if column < 2 else "right", no_wrap=True)
    for row in rows:
        drawn.add_row(*map(rich.markup.escape, row))
    file = io.StringIO()
    width = sum(map(_width, zip(titles, *rows, total, strict=True))) + 4 * len(titles)
    rich.console.Console(file=file, width=width, color_system=None, force_jupyter=False).print(drawn)
    return Text("\n".join(line.rstrip() for line in file.getvalue().strip("\n").splitlines()))


def _plain(titles: Row, rows: Sequence[Row], total: Row) -> str:
    lines = [titles, *rows, total]
    widths = [_width(column) for column in zip(*lines, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    texts = [_line(line, widths) for line in lines]
    return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def _line(cells: Row, widths: Sequence[int]) -> str:
    aligned = [
        cell.ljust(width) if column < 2 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()
