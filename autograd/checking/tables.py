"""What a check found about each input, and how it is shown: as a table of text, in a notebook, in JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .verdicts import BY_SEVERITY, OK

# A table shows up to so many inputs that are not ok, and fills up to the smaller number with others.
_MOST_ROWS = 40
_ROWS = 20
_HEADS = ("input", "verdict", "derivative", "true", "error")


@dataclass(frozen=True, slots=True)
class Entry:
    """The derivative of the function by one input; with several outputs, that of the output where it is worst.

    Attributes:
        input: the input's name, or its path such as "x[1]".
        verdict: "ok", "wrong", "kink" or "ill-conditioned".
        analytic: what `backward`, or the derivative under test, gives.
        numeric: the true derivative; at a kink the mean of those from the left and the right; nan if the input only
            took part in random directions.
        error: the relative error; at a kink the distance to the interval between both sides.
        op: the name of the faulty operation, if one is to blame.
        left, right: the true derivatives from either side.
        output: the path of the output, such as "[1]"; "" if there is only one.
        note: what else there is to say.
        components: for an array, the components that are wrong, as entries of their own.
    """

    input: str
    verdict: str
    analytic: float
    numeric: float
    error: float
    op: str | None = None
    left: float = 0.0
    right: float = 0.0
    output: str = ""
    note: str = ""
    components: tuple[Entry, ...] = ()

    @property
    def is_sampled(self) -> bool:
        """Whether the input only took part in random directions."""
        return math.isnan(self.numeric) and math.isnan(self.left) and self.error == 0.0


def table(entries: Sequence[Entry]) -> str:
    """The inputs, worst first; what does not fit is counted."""
    rows, rest = _chosen(entries)
    if not rows:
        return rest
    heads = (*_HEADS, "operation" if any(e.op for e in rows) else "")
    cells = [heads, *map(_row, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row, entry in zip(cells, [None, *rows], strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if entry and entry.note:
            lines += ["    " + line for line in entry.note.splitlines()]
    return "\n".join([*lines, rest] if rest else lines)


def page(summary: str, remarks: Sequence[str], entries: Sequence[Entry]) -> str:
    """The same for a notebook."""
    rows, rest = _chosen(entries)
    lines = []
    for entry in rows:
        style = "" if entry.verdict == OK else " style='font-weight:bold'"
        cells = "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in _row(entry))
        note = f"<tr><td colspan=6 style='text-align:left'>{_lines(entry.note)}</td></tr>" if entry.note else ""
        lines.append(f"<tr{style}>{cells}</tr>{note}")
    heads = "".join(
        f"<th scope=col>{head}</th>" for head in ("input", "verdict", "derivative", "true", "error", "operation")
    )
    shown = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>" if lines else ""
    said = "".join(f"<p>{_lines(remark)}</p>" for remark in (*remarks, rest) if remark)
    return f"<div style='overflow-x:auto'><p><strong>{escape(summary)}</strong></p>{said}{shown}</div>"


def _lines(text: str) -> str:
    return "<br>".join(escape(line).replace("  ", "&nbsp; ") for line in text.splitlines())


def _chosen(entries: Sequence[Entry]) -> tuple[list[Entry], str]:
    """The rows of a table, and a sentence on the others."""
    everything = [row for entry in entries for row in (entry, *entry.components)]
    ordered = sorted(everything, key=severity) if not any(entry.components for entry in entries) else everything
    known = [entry for entry in ordered if not entry.is_sampled]
    bad = sum(entry.verdict != OK for entry in known)
    rows = known[: min(max(bad, _ROWS), _MOST_ROWS)]
    others = [
        *known[len(rows) :],
        *(entry for entry in ordered if entry.numeric != entry.numeric and entry.verdict == OK),
    ]
    if not others:
        return rows, ""
    counts = [(verdict, sum(entry.verdict == verdict for entry in others)) for verdict in BY_SEVERITY]
    kinds = [f"{number:,} {verdict}" for verdict, number in counts if number]
    along = ", along random directions" if all(entry.is_sampled for entry in others) else ""
    found = f"all {OK}" if len(kinds) == 1 and others[0].verdict == OK else ", ".join(kinds)
    return rows, f"{'... and ' if rows else ''}{len(others):,}{' more' if rows else ' derivatives'}, {found}{along}"


def _row(entry: Entry) -> tuple[str, ...]:
    name = f"{entry.input} → {entry.output}" if entry.output else entry.input
    name = " ".join(name.splitlines())  # names are data; a row is one line
    true = sides(entry.left, entry.right, ".10g")
    return name, entry.verdict, f"{entry.analytic:.10g}", true, f"{entry.error:.1e}", entry.op or ""


def severity(entry: Entry) -> tuple[int, float]:
    """Sorts the worst entry first."""
    return BY_SEVERITY.index(entry.verdict), -entry.error


def sides(left: float, right: float, form: str = "") -> str:
    """A derivative, or those from both sides."""
    if left == right or abs(left - right) <= 1e-9 * max(abs(left), abs(right)) < math.inf:
        return format(left, form)
    if left != left and right != right:
        return "none"
    return f"{left:{form}} left, {right:{form}} right"


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def in_json(data: Any) -> Any:
    """The same data with texts for numbers that JSON does not have."""
    if isinstance(data, Mapping):
        return {key: in_json(part) for key, part in data.items()}
    if isinstance(data, (list, tuple)):
        return [in_json(part) for part in data]
    return str(data) if isinstance(data, float) and not math.isfinite(data) else data
