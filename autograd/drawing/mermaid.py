"""Mermaid: a picture as text that Markdown pages show, on GitHub for example."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .boxes import CIRCLED, NAME_WIDTH, SHARED, marks, remarks, result_name, rows_of, steps_text, title_of
from .dot_text import shortened
from .sketch import around, scope_title
from .theme import line_style, line_width, sign_colour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..node import Scope
    from ..value import Value
    from .look import Look
    from .sketch import Part, Sketch

_SPECIAL = re.compile(r"[^\w \n.,:+\-=×÷−·…‖Σ√→∂]", re.ASCII)
_DASHES = {"solid": "", "dashed": ",stroke-dasharray:6 4", "dotted": ",stroke-dasharray:2 3"}


def mermaid(sketch: Sketch, look: Look, direction: str) -> str:
    """The text of a flowchart with the parts of a sketch.

    Args:
        sketch: the parts, leaves in their boxes.
        look: colours, numbers and names.
        direction: "LR", "TB", "RL" or "BT".
    """
    numbers = {key: number for number, key in enumerate(sketch)}
    content: dict[Scope | None, list[str]] = {None: []}
    for part, number in zip(sketch.values(), numbers.values(), strict=True):
        for scope in around(part.scope):
            content.setdefault(scope, [])
        content[part.scope] += _nodes(part, number, look)
    scopes = [scope for scope in content if scope is not None]
    for number, scope in reversed(list(enumerate(scopes))):
        lines = [f"  {line}" for line in content[scope]]
        title = scope_title(scope)
        title += SHARED if title in look.shared else ""
        content[scope.outer] += [f'subgraph s{number}["{escaped(title)}"]', *lines, "end"]
    edges: list[tuple[str, str]] = []
    for key, part in sketch.items():
        edges += _edges(part, numbers[key], numbers, look)
    styles = [f"linkStyle {number} {style}" for number, (_, style) in enumerate(edges) if style]
    lines = [*content[None], *(edge for edge, _ in edges), *styles, *_classes(look)]
    return "\n".join([f"flowchart {direction}", *(f"  {line}" for line in lines)]) + "\n"


def escaped(text: str) -> str:
    """Text within quotes: everything that Mermaid, Markdown or HTML would interpret by its code."""
    return _SPECIAL.sub(lambda found: _code(found[0]), shortened(text, NAME_WIDTH)).replace("\n", "<br/>")


def _code(character: str) -> str:
    code = ord(character)
    is_text = code >= 0xA0 and not 0xD800 <= code < 0xE000 and code not in (0xFFFE, 0xFFFF)
    if is_text and (character.isalnum() or code > 0xFF):
        return character
    return f"#{code};" if 0x20 <= code < 0x7F or is_text else "\N{REPLACEMENT CHARACTER}"


def _nodes(part: Part, number: int, look: Look) -> list[str]:
    kind = "root" if part.is_root else part.kind
    title = title_of(part, look)
    if part.kind == "constant":
        lines = [escaped(f"{title} = " if title else "") + look.range(look.data(part.shown))]
    else:
        lines = [f"<b>{escaped(name)}</b>" for name in (title, *result_name(part, look)) if name]
        lines += [f"{label} {text}" for label, text, _ in rows_of(part, look)]
        lines += [escaped(note) for note in (*remarks(part, look), *marks(part, look))]
    if not part.steps:
        return [_box(number, lines, kind)]
    text = steps_text(part.steps)
    if look.is_compact:
        return [_box(number, [escaped(text), *lines], kind)]
    shape = '(("{}"))' if len(text) < CIRCLED else '(["{}"])'
    return [f"o{number}{shape.format(escaped(text))}", _box(number, lines, kind)]


def _box(number: int, lines: list[str], kind: str) -> str:
    return f'v{number}["{"<br/>".join(lines) or " "}"]:::{kind}'


def _edges(part: Part, number: int, numbers: Mapping[Value, int], look: Look) -> list[tuple[str, str]]:
    """The edges into a part, each with its style."""
    has_circle = bool(part.steps) and not look.is_compact
    target = f"o{number}" if has_circle else f"v{number}"
    found = []
    for edge in part.edges:
        label = ""
        if edge.local is not None and "local" in look.shown:
            label = f'|"{look.range(list(dict.fromkeys(edge.local)))}"|'
        style = _style(edge.flow, edge.is_mixed, look)
        found.append((f"v{numbers[edge.source]} -->{label} {target}", style))
    if has_circle:
        flow = part.value.gradient if len(part.shown) == 1 else None
        found.append((f"o{number} --> v{number}", _style(flow, False, look)))
    return found


def _style(flow: float | None, is_mixed: bool, look: Look) -> str:
    if flow is None or "grad" not in look.shown:
        return ""
    colour = look.theme.ink if is_mixed else sign_colour(look.theme, flow)
    dashes = "" if is_mixed else _DASHES[line_style(flow)]
    return f"stroke:{colour},stroke-width:{line_width(flow, look.largest_flow):g}px{dashes}"


def _classes(look: Look) -> list[str]:
    theme = look.theme
    fills = {
        "parameter": (theme.parameter, 2),
        "input": (theme.input, 1),
        "leaf": (theme.input, 1),
        "constant": (theme.background, 0),
        "result": (theme.box, 1),
        "module": (theme.module, 1),
        "block": (theme.module, 1),
        "root": (theme.box, 4),
    }
    return [
        f"classDef {kind} fill:{fill},stroke:{theme.ink},stroke-width:{width}px,color:{theme.ink}"
        for kind, (fill, width) in fills.items()
    ]
