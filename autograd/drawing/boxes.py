"""The DOT text of single parts: boxes with their tables, circles of operations, and the edges into them."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .arrays import array_rows, shapes
from .bars import bar
from .dot_text import html, shortened, tooltip
from .sketch import ADDITIONS, joined_flow
from .theme import line_style, sign_colour, text_colour
from .then import data_then

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..value import Value
    from .look import Look
    from .sketch import Edge, Part
    from .theme import Theme

NAME_WIDTH = 28
"""How many characters of a name fit into a box."""

SHARED = ", shared"
"""Behind the title of the box around a module that is used more than once for an observation."""

NOT_COMPUTED = "not computed"

INVISIBLE = "transparent"

CIRCLED = 3
"""An operation with fewer letters than this has a circle around it, others a pill."""

_CIRCLE = "shape=circle fixedsize=true width=0.32 fontsize=14"
_PILL = 'shape=box style=rounded height=0.3 margin="0.08,0.02"'
_LONGEST_ROW = 3
_ARRAYS = 8
"""A box that stands for a network lists so many arrays of parameters."""

_PADDED = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">'  # off a wide edge


def node_lines(part: Part, number: int, look: Look) -> list[str]:
    """A part's box, and the circle of its operation if it has one."""
    title = title_of(part, look)
    about = tooltip(_about(part, title, look))
    if part.kind == "constant":
        return [
            f'\tv{number} [label=<{_constant(part, title, look)}> fontcolor="{look.theme.faint}" tooltip={about}]\n'
        ]
    has_circle = bool(part.steps) and not look.is_compact
    order = " ordering=in" if part.steps and not has_circle else ""
    box = f"\tv{number} [label=<{_table(part, title, look)}>{order} tooltip={about}]\n"
    return [_circle(part, number, look), box] if has_circle else [box]


def _constant(part: Part, title: str, look: Look) -> str:
    number = look.range(look.data(part.shown))
    return f"{html(title, NAME_WIDTH)} = {number}" if title else number


def _circle(part: Part, number: int, look: Look) -> str:
    mark = f' style="rounded,filled" color="{look.theme.marked}" fillcolor="{look.theme.marked_box}"'
    return f"\to{number} [{_circle_of(part.steps)}{mark if marks(part, look) else ''}]\n"


@lru_cache(maxsize=1000)
def _circle_of(steps: tuple[str, ...]) -> str:
    """The attributes of an operation's circle, which many circles of a graph share."""
    text = steps_text(steps)
    shape = _CIRCLE if len(text) < CIRCLED else _PILL
    return f"{shape} label=<{html(text)}> ordering=in tooltip={tooltip(', '.join(steps[:20]))}"


def steps_text(steps: Sequence[str]) -> str:
    """A few operations in a row by their symbols, many by their number."""
    number = len(steps)
    if number > 1 and ADDITIONS.issuperset(steps):
        return f"Σ\n{number} additions"
    if number > _LONGEST_ROW:
        return f"{steps[0]} → … → {steps[-1]}\n{number} operations"
    return " → ".join(steps)


def _table(part: Part, title: str, look: Look) -> str:
    rows = rows_of(part, look)
    cells = [f'<TR><TD COLSPAN="2"><B>{html(title, NAME_WIDTH)}</B></TD></TR>'] if title else []
    if look.is_compact and part.steps:
        cells.insert(0, f'<TR><TD COLSPAN="2">{html(steps_text(part.steps))}</TD></TR>')
    cells += [f'<TR><TD COLSPAN="2"><B>{html(name, NAME_WIDTH)}</B></TD></TR>' for name in result_name(part, look)]
    cells += [_row(label, text, colour, look) for label, text, colour in rows]
    if part.is_array:
        cells += array_rows(part.shown, look)
    if look.has_bars and "grad" in look.shown and part.shown:
        cells += bar(_known(part.shown), look.width, look.theme)
    notes = marks(part, look) if look.marked else ()
    inks = [(look.theme.faint, note) for note in remarks(part, look)] + [(look.theme.marked, note) for note in notes]
    cells += [f'<TR><TD COLSPAN="2"><FONT COLOR="{ink}">{html(note)}</FONT></TD></TR>' for ink, note in inks]
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


def title_of(part: Part, look: Look) -> str:
    """What stands at the top of a box: the name, and how many parts it stands for."""
    title = look.title(part)
    if part.times == 1:
        return title
    times = f"× {part.times}"
    return f"{shortened(title, NAME_WIDTH - 1 - len(times))} {times}" if title else times


def result_name(part: Part, look: Look) -> list[str]:
    """What the drawn result is called, if it was folded into a box with a title of its own; otherwise nothing."""
    if not part.is_root or part.kind not in ("module", "block"):
        return []
    name = look.names_together(part)
    return [name] if name else []


def rows_of(part: Part, look: Look) -> list[tuple[str, str, str]]:
    """Rows of label, text and colour."""
    rows = [] if part.is_array or not part.shown else _numbers(part, look)
    return [*_summary(part, look), *rows] if part.kind in ("module", "block") else rows


def _numbers(part: Part, look: Look) -> list[tuple[str, str, str]]:
    """Rows of label, text and colour: the range of the data and of the gradient."""
    rows = []
    if "data" in look.shown:
        ink = look.theme.ink if look.is_computed(part.value) else INVISIBLE
        rows.append(("data", look.range(look.data(part.shown)), ink))
    if "grad" in look.shown:
        text, ink = _gradient(_known(part.shown), look)
        rows.append(("grad", text, ink if look.is_differentiated(part.value) else INVISIBLE))
        last = [look.last[value] for value in part.shown if value in look.last] if look.last else ()
        if last:
            known = [number for number in last if number is not None]
            rows.append(("last call", look.range(known) if known else "none", look.theme.ink))
    return rows


def remarks(part: Part, look: Look) -> list[str]:
    """Whether it is used more than once, and whether leaves have changed since the picture's numbers were computed."""
    found = ["shared"] if part.is_copy or (part.kind == "module" and part.title in look.shared) else []
    changed = [value.number for value in part.shown if value in look.then] if look.then else ()
    return [*found, f"changed since, now {look.range(changed)}"] if changed else found


def _gradient(known: Sequence[float], look: Look) -> tuple[str, str]:
    if not known:
        return NOT_COMPUTED, look.theme.faint
    if len(known) == 1:
        return look.number(known[0]), text_colour(look.theme, known[0])
    has_one_sign = all(gradient >= 0.0 for gradient in known) or all(gradient <= 0.0 for gradient in known)
    return look.range(known), text_colour(look.theme, max(known, key=abs)) if has_one_sign else look.theme.ink


def _summary(part: Part, look: Look) -> Iterator[tuple[str, str, str]]:
    """Rows for a module or block: how many operations, and the size of its parameters' gradient."""
    if part.is_copy:
        return  # the first box of the module says it
    operations = sum(value.op is not None for value in part.values)
    yield "operations", str(operations // part.times), look.theme.ink  # equal parts have equally many
    if part.parameters:
        arrays = shapes(part.parameters)
        yield from ((title, shape, look.theme.ink) for title, shape in arrays if len(arrays) <= _ARRAYS)
        yield "parameters", str(len(part.parameters)), look.theme.ink
        if "grad" in look.shown:
            gradients = _known(part.parameters)
            yield "‖grad‖", look.number(math.hypot(*gradients)) if gradients else NOT_COMPUTED, look.theme.ink


def _row(label: str, text: str, colour: str, look: Look) -> str:
    return (
        f'<TR><TD ALIGN="LEFT"><FONT COLOR="{look.theme.faint}">{label}</FONT></TD>'
        f'<TD ALIGN="RIGHT"><FONT COLOR="{colour}">{text}</FONT></TD></TR>'
    )


def _about(part: Part, title: str, look: Look) -> str:
    """The tooltip of a box: full name, all digits, and what was folded."""
    value = part.value
    name = title or (look.numbered.get(value) if len(part.values) == 1 else None)
    lines = [name] if name else []
    if len(part.shown) != 1:
        return "\n".join([*lines, f"{part.kind}, stands for {len(part.values)} Values"])
    lines += [f"{part.kind} of {value.op}" if value.op else part.kind]
    if "data" in look.shown:
        lines.append(f"data {data_then(value, look.then)!r}")
    if part.kind != "constant" and "grad" in look.shown:
        lines.append(f"grad {NOT_COMPUTED if value.gradient is None else repr(value.gradient)}")
    if len(part.values) > 1:
        lines.append(f"stands for {len(part.values)} Values")
    return "\n".join(lines)


def edge_lines(part: Part, number: int, numbers: Mapping[Value, int], look: Look) -> list[str]:
    """The edges from a part's operands, and the one from its circle to its box."""
    has_circle = bool(part.steps) and not look.is_compact
    target = f"o{number}" if has_circle else f"v{number}"
    has_passed = look.is_differentiated(part.value) and "grad" in look.shown
    lines = []
    for edge in part.edges:
        line = ""
        if has_passed:
            line = look.lines.get((edge.flow, edge.is_mixed)) or flow_line(edge.flow, edge.is_mixed, look)
        about = f' tooltip="{_about_several(edge, look)}"' if edge.times > 1 else ""
        attributes = f"{line}{_local(edge, look)}{about}"
        lines.append(f"\tv{numbers[edge.source]} -> {target} [{attributes}]\n")
    if has_circle:
        is_single = len(part.shown) == 1
        flow, is_mixed = (part.value.gradient, False) if is_single else joined_flow(_known(part.shown))
        line = flow_line(flow, is_mixed, look) if has_passed else ""
        lines.append(f"\to{number} -> v{number} [{line}]\n")
    return lines


def _about_several(edge: Edge, look: Look) -> str:
    """The tooltip of an edge that stands for several operands."""
    text = f"{edge.times} operands"
    if edge.flow is None or "grad" not in look.shown:
        return text
    signs = " of both signs" if edge.is_mixed else ""
    return f"{text}, gradients{signs} of norm {look.number(abs(edge.flow))}"


def _known(values: Iterable[Value]) -> list[float]:
    """The gradients that were computed."""
    return [value.gradient for value in values if value.gradient is not None]


def flow_line(flow: float | None, is_mixed: bool, look: Look) -> str:
    """What the line looks like through which this gradient flows back: two lines beside each other for both signs."""
    if flow is None:
        return ""
    known = look.lines.get((flow, is_mixed))
    if known is None:
        theme = look.theme
        colour = f"{theme.positive}:{theme.negative}" if is_mixed else sign_colour(theme, flow)
        width = look.width(flow)
        known = f'color="{colour}" style={"solid" if is_mixed else line_style(flow)} penwidth={width:g}'
        look.lines[flow, is_mixed] = known
    return known


def _local(edge: Edge, look: Look) -> str:
    if edge.local is None or "local" not in look.shown:
        return ""
    low, high = edge.local
    text = look.number(low) if low == high else look.range(edge.local)
    return f" label=<{_PADDED}<TR><TD>{look.margin}{text}</TD></TR></TABLE>>"
