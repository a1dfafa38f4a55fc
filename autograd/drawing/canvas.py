"""Picture: a sketch as DOT text, with all that one picture has besides its boxes and edges."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .boxes import NAME_WIDTH, SHARED, edge_lines, node_lines
from .dot_text import html, tooltip
from .folding import longest_path
from .legend import legend_entries, legend_table
from .mermaid import mermaid
from .sketch import around, in_reading_order, leaves_placed, scope_title

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from ..node import Scope
    from .look import Look
    from .sketch import Sketch

DIRECTIONS = ("LR", "RL", "TB", "BT")

FONT = "Helvetica,Arial,sans-serif"

SIZE = 11
"""The size of text, in points."""

SMALLEST = 9
"""The size of the smallest text, that of the legend."""

MANY = 300
"""A picture of so many parts is wider than any legend."""

_WIDE = 1200.0
"""How wide the legend of such a picture may become, in points: to find the longest path would take too long."""

MANY_EDGES = 250
"""With more edges than this Graphviz gets less time for a nice layout."""


class Picture(NamedTuple):
    """How to draw a sketch."""

    look: Look
    direction: str
    """Where the computation flows."""
    caption: str | None
    legend: bool
    caption_room: tuple[int, int] = (0, 0)
    """The caption's minimum width and height."""
    width: float | None = None
    """How wide the legend may become, in points; None: as wide as the picture will be, more or less."""
    legend_sizes: tuple[int, int] = (SMALLEST, SIZE)
    """The smallest and the largest size of the legend's text, in points: Graphviz takes whole ones."""

    def lines(self, sketch: Sketch) -> list[str]:
        """The body of the DOT text: a line per part, per edge, and per box around parts."""
        look = self._look(sketch)
        numbers = {key: number for number, key in enumerate(sketch)}
        groups = legend_entries(list(sketch.values()), look) if self.legend else ()
        width = self.width or 600.0
        if groups and self.width is None and self.direction in ("LR", "RL"):
            width = max(width, 90.0 * longest_path(sketch, True)) if len(sketch) < MANY else _WIDE
        below = legend_table(self.caption, groups, self.legend_sizes, self.caption_room, width)
        lines = _defaults(look, self.direction, below, sum(len(part.edges) for part in sketch.values()))
        centred = _entered_beside_the_middle(sketch) if self.direction == "TB" else ()
        lines += _boxed(sketch, look, centred, self.direction in ("LR", "RL"))
        lines += [line for key, part in sketch.items() for line in edge_lines(part, numbers[key], numbers, look)]
        return lines

    def mermaid(self, sketch: Sketch) -> str:
        """The same for Mermaid."""
        return mermaid(sketch, self._look(sketch), self.direction)

    def _look(self, sketch: Sketch) -> Look:
        margin = "  " if self.direction in ("TB", "BT") else ""
        return replace(self.look, largest_flow=_largest_flow(sketch), margin=margin)


def placed(sketch: Sketch, shared: Container[str] = ()) -> Sketch:
    """The sketch in reading order, leaves in the boxes of the modules that use them.

    Args:
        sketch: the parts.
        shared: the titles of modules that are used more than once, whose first box alone gives details.
    """
    sketch = in_reading_order(sketch)
    return leaves_placed(_described_once(sketch, shared) if shared else sketch)


def _described_once(sketch: Sketch, shared: Container[str]) -> Sketch:
    seen = set()
    result = sketch.copy()
    for key, part in sketch.items():
        if part.kind == "module" and part.title and part.title in shared:
            if part.title in seen:
                result[key] = part._replace(is_copy=True, title=_without_class(part.title))
            seen.add(part.title)
    return result


def _without_class(title: str) -> str:
    """The title of a module without its class, unless that leaves nothing but a number."""
    name = title.partition(" (")[0]
    return title if name.isdigit() else name


def _largest_flow(sketch: Sketch) -> float:
    flows = [abs(edge.flow) for part in sketch.values() for edge in part.edges if edge.flow is not None]
    flows += [abs(value.gradient) for part in sketch.values() for value in part.shown if value.gradient is not None]
    largest = max(flows, default=0.0)
    return largest if largest < math.inf else max((flow for flow in flows if flow < math.inf), default=0.0)


def _defaults(look: Look, direction: str, legend: str, edges: int) -> list[str]:
    theme = look.theme
    below = f" label=<{legend}> labelloc=b" if legend else ""
    if edges > MANY_EDGES:
        below += " nslimit=0.2 nslimit1=0.2 mclimit=0.01 searchsize=5 splines=line"
    apart = 0.28 if look.is_compact else 0.35
    return [
        f'\tgraph [rankdir={direction} bgcolor="{theme.background}" fontname="{FONT}" fontsize={SIZE} '
        f'fontcolor="{theme.faint}" color="{theme.line}" ranksep={apart} nodesep=0.15 tooltip=" "{below}]\n',
        f'\tnode [shape=plain fontname="{FONT}" fontsize={SIZE} fontcolor="{theme.ink}" color="{theme.line}"]\n',
        f'\tedge [fontname="{FONT}" fontsize={SIZE} arrowsize=0.6 color="{theme.line}" fontcolor="{theme.faint}"]\n',
    ]


def _entered_beside_the_middle(sketch: Sketch) -> set[Scope]:
    """The scopes in which an even number of parts has all its operands from outside: a title fits between them."""
    entries: Counter[Scope] = Counter()
    for part in sketch.values():
        sources = {scope for edge in part.edges for scope in around(sketch[edge.source].scope)}
        entries.update(scope for scope in around(part.scope) if part.edges and scope not in sources)
    return {scope for scope, number in entries.items() if number % 2 == 0}


def _boxed(sketch: Sketch, look: Look, centred: Container[Scope], is_mirrored: bool) -> list[str]:
    """The nodes in their order, grouped into a labelled box per scope; scopes nest.

    Args:
        sketch: the parts.
        look: what they look like.
        centred: the scopes whose title stands in the middle.
        is_mirrored: whether the computation flows sideways, where Graphviz turns the order in boxes upside down.
    """
    content: dict[Scope | None, list[list[str] | Scope]] = {None: []}
    for number, part in enumerate(sketch.values()):
        if part.scope not in content:
            outer = None
            for scope in around(part.scope):
                if scope not in content:
                    content[scope] = []
                    content[outer].append(scope)
                outer = scope
        content[part.scope].append(node_lines(part, number, look))
    boxes: dict[Scope, list[str]] = {}

    def inside(scope: Scope | None) -> list[str]:
        blocks = content[scope][::-1] if is_mirrored and scope is not None else content[scope]
        return [line for block in blocks for line in (block if isinstance(block, list) else boxes[block])]

    scopes = [scope for scope in content if scope is not None]
    for number, scope in reversed(list(enumerate(scopes))):  # inner ones come after those around them
        boxes[scope] = _box(number, scope, inside(scope), look, "c" if scope in centred else "l")
    return inside(None)


def _box(number: int, scope: Scope, lines: Iterable[str], look: Look, side: str) -> list[str]:
    theme = look.theme
    title = scope_title(scope)
    title += SHARED if title in look.shared else ""
    return [
        f"\tsubgraph cluster_{number} {{ label=<{html(title, NAME_WIDTH)}> tooltip={tooltip(title)} "
        f'style="rounded,filled" fillcolor="{theme.module}" labelloc=t labeljust={side}\n',
        *lines,
        "\t}\n",
    ]
