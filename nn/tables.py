"""The summary of a module as a table: drawn with rich if that is installed, in plain text otherwise."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .module import Module, Parameter


class Text(str):
    """A text that an interactive session shows as it is, with its line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def summary(root: Module) -> Text:
    """One line for each module with its own parameters, and their total. Shared parameters count once."""
    counted: set[Parameter] = set()
    lines = []
    for path, module in root.named_modules():
        own = [p for p in module.own_parameters() if p not in counted]
        counted.update(own)
        lines.append((path, _kind(module), *_counts(own)))
    titles = ("path", "module", "parameters", "trainable")
    return Text(_drawn(titles, lines, ("total", "", *_counts(list(counted)))))


def _kind(module: Module) -> str:
    return f"{type(module).__name__}({module.extra_repr()})"


def _counts(parameters: Sequence[Parameter]) -> tuple[str, str]:
    return f"{len(parameters):,}", f"{sum(parameter.trainable for parameter in parameters):,}"


def _drawn(titles: Sequence[str], lines: Sequence[Sequence[str]], total: Sequence[str]) -> str:
    try:
        import rich.box
        import rich.console
        import rich.markup
        import rich.table
    except ImportError:
        return _plain(titles, lines, total)
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, show_footer=True)
    for title, last in zip(titles, total, strict=True):
        table.add_column(title, last, justify=_side(title), no_wrap=True)
    for line in lines:
        table.add_row(*(rich.markup.escape(cell) for cell in line))
    file = io.StringIO()
    width = sum(max(map(len, column)) + 4 for column in zip(titles, *lines, total, strict=True))
    rich.console.Console(file=file, width=width, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().strip("\n").splitlines())


def _plain(titles: Sequence[str], lines: Sequence[Sequence[str]], total: Sequence[str]) -> str:
    rows = [titles, *lines, total]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    texts = [_row(titles, row, widths) for row in rows]
    return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])


def _row(titles: Sequence[str], row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if _side(title) == "right" else cell.ljust(width)
        for title, cell, width in zip(titles, row, widths, strict=True)
    )
    return "  ".join(cells).rstrip()


def _side(title: str) -> Literal["left", "right"]:
    return "right" if title in ("parameters", "trainable") else "left"
