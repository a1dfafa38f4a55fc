"""The table in the box of an array of parameters, such as the weights of a layer."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from .dot_text import html
from .names import own_name
from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..value import Value
    from .look import Look

MOST = 8
"""Tables of more rows or columns are summed up."""

DIGITS = 3


def array_place(parameter: Value) -> tuple[str, tuple[int, ...]] | None:
    """The path of the array that a parameter is an element of, and its indices there."""
    path = getattr(parameter, "path", None) or parameter.name or ""
    title, bracket, indices = path.partition("[")
    if not (title and bracket and indices.endswith("]")):
        return None
    try:
        return title, tuple([int(index) for index in indices[:-1].split("][")])
    except ValueError:  # a key of a dict
        return None


def _shape(places: Iterable[tuple[int, ...]]) -> list[int]:
    return [1 + max(indices) for indices in zip(*places, strict=True)]


def shapes(parameters: Iterable[Value]) -> list[tuple[str, str]]:
    """The arrays among the parameters of a module, each with its shape."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for parameter in parameters:
        place = array_place(parameter)
        if place:
            found.setdefault(place[0], []).append(place[1])
    return [(html(title, 16), " × ".join(map(str, _shape(places)))) for title, places in found.items()]


def array_rows(values: Sequence[Value], look: Look) -> list[str]:
    """Rows of a box: the numbers of an array, or their range, and the norm of the gradient."""
    places = [place[1] if (place := array_place(value)) else (0,) for value in values]
    rows = [[value for _, value in row] for _, row in groupby(zip(places, values, strict=True), lambda x: x[0][:-1])]
    columns = max(map(len, rows))
    cells = []
    if len(rows) > MOST or columns > MOST:
        shape = " × ".join(map(str, _shape(places)))
        cells.append(_line(f"{shape}: {look.range(look.data(values))}", look))
    elif "data" in look.shown:
        body = "".join(f"<TR>{''.join(_cell(value, look) for value in row)}</TR>" for row in rows)
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{body}</TABLE>'
        cells.append(f'<TR><TD COLSPAN="2">{table}</TD></TR>')
    if "grad" in look.shown:
        known = [value.gradient for value in values if value.gradient is not None]
        cells.append(_line(f"‖grad‖ {look.number(math.hypot(*known)) if known else 'not computed'}", look))
    return cells


def _line(text: str, look: Look) -> str:
    return f'<TR><TD COLSPAN="2"><FONT COLOR="{look.theme.ink}">{text}</FONT></TD></TR>'


def _cell(value: Value, look: Look) -> str:
    own = own_name(value)
    number = formatted(look.data([value])[0], min(look.precision, DIGITS))
    return f'<TD ALIGN="RIGHT">{html(own, 8)}{" " * bool(own)}{number}</TD>'
