"""The DOT text of single parts: boxes with their tables, circles of operations, and the edges into them."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .dot_text import html, tooltip
from .sketch import ADDITIONS
from .theme import line_style, line_width, sign_colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..value import Value
    from .look import Look
    from .sketch import Edge, Part
    from .theme import Theme

NAME_WIDTH = 28
"""How many characters of a name fit into a box."""

NOT_COMPUTED = "not computed"

INVISIBLE = "transparent"

_CIRCLE = "shape=circle fixedsize=true width=0.32 fontsize=14"
_PILL = 'shape=box style=rounded height=0.3 margin="0.08,0.02"'
_LONGEST_ROW = 3
_PADDED = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">'  # off a wide edge


def node_lines(part: Part, number: int, look: Look) -> list[str]:
    """A part's box, and the circle of its operation if it has one."""
    about = tooltip(_about(part, look))
    if part.kind == "constant":
        return [f'\tv{number} [label=<{_constant(part, look)}> fontcolor="{look.theme.faint}" tooltip={about}]\n']
    box = f"\tv{number} [label=<{_table(part, look)}> tooltip={about}]\n"
    return [_circle(part, number, look), box] if part.steps else [box]


def _constant(part: Part, look: Look) -> str:
    number = look.range([value.data for value in part.shown])
    name = _title(part, look)
    return f"{html(name, NAME_WIDTH)} = {number}" if name else number


def _circle(part: Part, number: int, look: Look) -> str:
    mark = f' style="rounded,filled" color="{look.theme.marked}" fillcolor="{look.theme.marked_box}"'
    return f"\to{number} [{_circle_of(part.steps)}{mark if marks(part, look) else ''}]\n"


@lru_cache(maxsize=1000)
def _circle_of(steps: tuple[str, ...]) -> str:
    """The attributes of an operation's circle, which many circles of a graph share."""
    text = _steps_text(steps)
    shape = _CIRCLE if len(text) < 3 else _PILL
    return f"{shape} label=<{html(text)}> ordering=in tooltip={tooltip(', '.join(steps[:20]))}"


def _steps_text(steps: Sequence[str]) -> str:
    """A few operations in a row by their symbols, many by their number."""
    number = len(steps)
    if number > 1 and ADDITIONS.issuperset(steps):
        return f"Σ\n{number} additions"
    if number > _LONGEST_ROW:
        return f"{steps[0]} → … → {steps[-1]}\n{number} operations"
    return " → ".join(steps)


def _table(part: Part, look: Look) -> str:
    title = _title(part, look)
    rows = [*_summary(part, look), *_numbers(part, look)]
    cells = [f'<TR><TD COLSPAN="2"><B>{html(title, NAME_WIDTH)}</B></TD></TR>'] if title else []
    cells += [_row(*row, look) for row in rows]
    notes = marks(part, look)
    ink = look.theme.marked
    cells += [f'<TR><TD COLSPAN="2"><FONT COLOR="{ink}">{html(note)}</FONT></TD></TR>' for note in notes]
    content = "".join(cells) or "<TR><TD> </TD></TR>"
    attributes = marked_frame(look.theme) if notes else frame(part, look.theme)
    if look.step and part.value is look.step.current:
        attributes = _highlighted(attributes, look.theme)
    return f'<TABLE {attributes} CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{content}</TABLE>'


def frame(part: Part, theme: Theme) -> str:
    """The attributes of the table: the shape tells the kind even to those who do not see the colour."""
    if part.is_root:
        return f'BORDER="3" COLOR="{theme.loss}" BGCOLOR="{theme.box}"'
    if part.kind == "parameter":
        return f'BORDER="2" COLOR="{theme.ink}" BGCOLOR="{theme.parameter}"'
    if part.kind in ("input", "leaf"):
        return f'BORDER="1" COLOR="{theme.ink}" STYLE="ROUNDED" BGCOLOR="{theme.input}"'
    if part.kind in ("module", "block"):
        return f'BORDER="1" COLOR="{theme.ink}" STYLE="ROUNDED" BGCOLOR="{theme.module}"'
    return f'BORDER="1" COLOR="{theme.line}" BGCOLOR="{theme.box}"'


def _highlighted(attributes: str, theme: Theme) -> str:
    """The frame in other colours but of the same size, or the steps of an animation would jump."""
    colours = f'COLOR="{theme.marked}" BGCOLOR="{theme.marked_box}"'
    return re.sub('COLOR="[^"]*"( STYLE="ROUNDED")? BGCOLOR="[^"]*"', rf"{colours}\1", attributes)


def marked_frame(theme: Theme) -> str:
    """The attributes of the table of a marked Value, whatever its kind."""
    return f'BORDER="3" COLOR="{theme.marked}" BGCOLOR="{theme.marked_box}"'


def marks(part: Part, look: Look) -> list[str]:
    """The notes on marked Values of a part."""
    if not look.marked:
        return []
    return list(dict.fromkeys(look.marked[value] for value in part.values if value in look.marked))


def _title(part: Part, look: Look) -> str:
    name = part.title if part.title is not None else look.name(part.value)
    return " ".join([name or "", f"× {part.times}" if part.times > 1 else ""]).strip(" ")


def _numbers(part: Part, look: Look) -> Iterator[tuple[str, str, str]]:
    """Rows of label, text and colour: the range of the data and of the gradient."""
    if not part.shown:
        return
    if "data" in look.shown:
        ink = look.theme.ink if look.is_computed(part.value) else INVISIBLE
        yield "data", look.range([value.data for value in part.shown]), ink
    if "grad" in look.shown:
        text, ink = _gradient(_known(part.shown), look)
        yield "grad", text, ink if look.is_differentiated(part.value) else INVISIBLE


def _gradient(known: Sequence[float], look: Look) -> tuple[str, str]:
    if not known:
        return NOT_COMPUTED, look.theme.faint
    if len(known) == 1:
        return look.number(known[0]), sign_colour(look.theme, known[0])
    has_one_sign = all(gradient >= 0.0 for gradient in known) or all(gradient <= 0.0 for gradient in known)
    return look.range(known), sign_colour(look.theme, max(known, key=abs)) if has_one_sign else look.theme.ink


def _summary(part: Part, look: Look) -> Iterator[tuple[str, str, str]]:
    """Rows for a module or block: how many operations, and the size of its parameters' gradient."""
    if part.kind not in ("module", "block"):
        return
    operations = sum(value.op is not None for value in part.values)
    yield "operations", str(operations // part.times), look.theme.ink  # equal parts have equally many
    if part.parameters:
        yield "parameters", str(len(part.parameters)), look.theme.ink
        if "grad" in look.shown:
            gradients = _known(part.parameters)
            yield "‖grad‖", look.number(math.hypot(*gradients)) if gradients else NOT_COMPUTED, look.theme.ink


def _row(label: str, text: str, colour: str, look: Look) -> str:
    return (
        f'<TR><TD ALIGN="LEFT"><FONT COLOR="{look.theme.faint}">{label}</FONT></TD>'
        f'<TD ALIGN="RIGHT"><FONT COLOR="{colour}">{text}</FONT></TD></TR>'
    )


def _about(part: Part, look: Look) -> str:
    """The tooltip of a box: full name, all digits, and what was folded."""
    value = part.value
    name = part.title if part.title is not None else look.name(value)
    lines = [name] if name else []
    if len(part.shown) != 1:
        return "\n".join([*lines, f"{part.kind}, stands for {len(part.values)} Values"])
    lines += [f"{part.kind} of {value.op}" if value.op else part.kind, f"data {value.data!r}"]
    if part.kind != "constant":
        lines.append(f"grad {NOT_COMPUTED if value.gradient is None else repr(value.gradient)}")
    if len(part.values) > 1:
        lines.append(f"stands for {len(part.values)} Values")
    return "\n".join(lines)


def edge_lines(part: Part, number: int, numbers: Mapping[Value, int], look: Look) -> list[str]:
    """The edges from a part's operands, and the one from its circle to its box."""
    target = f"o{number}" if part.steps else f"v{number}"
    has_passed = look.is_differentiated(part.value)
    lines = []
    for edge in part.edges:
        line = _flow(edge.flow, look) if has_passed else ""
        count = f' tooltip="{edge.times} operands"' if edge.times > 1 else ""
        attributes = f"{line}{_local(edge, look)}{count}"
        lines.append(f"\tv{numbers[edge.source]} -> {target} [{attributes}]\n")
    if part.steps:
        gradients = _known(part.shown)
        flow = sum(gradients) if gradients and has_passed else None
        lines.append(f"\to{number} -> v{number} [{_flow(flow, look)}]\n")
    return lines


def _known(values: Iterable[Value]) -> list[float]:
    """The gradients that were computed."""
    return [value.gradient for value in values if value.gradient is not None]


def _flow(flow: float | None, look: Look) -> str:
    """What the line looks like through which this gradient flows back."""
    if flow is None:
        return ""
    known = look.lines.get(flow)
    if known is None:
        width = line_width(flow, look.largest_flow)
        known = f'color="{sign_colour(look.theme, flow)}" style={line_style(flow)} penwidth={width:g}'
        look.lines[flow] = known
    return known


def _local(edge: Edge, look: Look) -> str:
    if edge.local is None or "local" not in look.shown:
        return ""
    low, high = edge.local
    has_sign = edge.flow is not None and (low > 0.0 or high < 0.0)
    colour = sign_colour(look.theme, low) if has_sign else look.theme.faint
    text = look.number(low) if low == high else look.range(edge.local)
    return f' label=<{_PADDED}<TR><TD>{look.margin}{text}</TD></TR></TABLE>> fontcolor="{colour}"'
