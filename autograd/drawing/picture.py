"""draw: the graph of a computation as a picture, written as DOT text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..collector import collector_paused
from ..value import Value
from .boxes import NAME_WIDTH, edge_lines, frame, marked_frame, marks, node_lines
from .dot_text import html, tooltip
from .folding import folded
from .legend import box_sample, legend_table, line_sample, width_sample
from .look import SHOWN, Look
from .names import variable_names
from .sketch import around, in_reading_order, leaves_placed, scope_title, sketched
from .theme import line_style, sign_colour, theme_named

if TYPE_CHECKING:
    from ..node import Scope
    from .display import Drawing
    from .sketch import Part, Sketch

DIRECTIONS = ("LR", "RL", "TB", "BT")

_FONT = "Helvetica,Arial,sans-serif"

_MEANINGS = {
    "parameter": "parameter",
    "input": "input",
    "leaf": "leaf: an input or a parameter",
    "result": "result of an operation",
    "module": "module, folded into one box",
    "block": "block of operations, folded into one box",
    "root": "what is drawn, such as a loss",
}


def draw(
    root: Value | Sequence[Value],
    *,
    show: Sequence[str] = SHOWN,
    group: str | None = "module",
    depth: int | None = None,
    max_nodes: int = 400,
    direction: str = "LR",
    precision: int = 4,
    names: Mapping[str, Any] | None = None,
    marked: Mapping[Value, str] | None = None,
    theme: str = "light",
    caption: str | None = None,
    legend: bool = True,
) -> Drawing:
    """The graph behind a Value, as a picture.

    Every Value is a box with its name, data and gradient; every operation is a circle with its symbol. The number on
    an edge into a circle is the local derivative, that operand's factor in the chain rule. After `backward`, the
    colour and dashes of an edge show the sign of the gradient that flows back through it, and its width the size.
    Parameters, inputs, constants and the drawn result differ in shape.

    Args:
        root: the Value to draw, or several of them.
        show: which of "data", "grad" and "local" (the local derivatives) to show.
        group: "module" draws scopes, such as the calls of layers, as labelled boxes; None draws none.
        depth: how deep boxes may be nested; a module further down becomes a single node. None is no limit.
        max_nodes: above this number of Values the picture is folded: constants into their operations, operations in a
            row into one, each module into one node, and equal parts, such as the observations of a batch, into one
            that says how many it stands for.
        direction: where the computation flows: "LR" to the right, "TB" down, "RL", "BT".
        precision: significant digits.
        names: what to call Values without a name: variables by name, as `locals()` gives them, including the Values
            in lists, tuples and dicts: `x[0]`.
        theme: "light" or "dark".
        caption: a line below the picture.
        legend: whether to explain the signs.
        marked: Values to draw in red, each with a note to show in its box.

    Returns:
        A Drawing: `.source`, which is the same in every process, `.render(outfile="loss.svg")`, `.pipe(format="png")`.

    Raises:
        TypeError: root is not a Value or a sequence of Values, or names is not a mapping from strings.
        ValueError: another argument has none of its possible values.

    >>> from autograd import Value, draw
    >>> w = Value(3.0, name="w")
    >>> loss = (2 * w - 1) ** 2
    >>> loss.backward()
    >>> drawing = draw(loss, names=locals())
    >>> drawing.source.startswith("digraph")
    True
    """
    from .display import Drawing  # only here: it loads graphviz

    look = Look(theme_named(theme), _shown(show), precision, variable_names(names), marked or {})
    _require(group in ("module", None), "group", "'module' or None", group)
    _require(direction in DIRECTIONS, "direction", f"one of {', '.join(DIRECTIONS)}", direction)
    _require(_is_count(max_nodes, 1), "max_nodes", "an integer above 0", max_nodes)
    _require(_is_count(precision, 1), "precision", "an integer above 0", precision)
    _require(depth is None or _is_count(depth, 0), "depth", "None or an integer from 0", depth)
    drawing = Drawing(engine="dot")
    with collector_paused():  # it would search the growing sketch again and again, for a third of the time
        sketch = _small_enough(sketched(_roots(root)), look, group, depth, max_nodes)
        drawing.body.extend(picture_lines(sketch, look, direction, caption, legend))
    return drawing


def _small_enough(sketch: Sketch, look: Look, group: str | None, depth: int | None, max_nodes: int) -> Sketch:
    if group is None:
        sketch = {key: part._replace(scope=None) for key, part in sketch.items()}
    if depth is not None or len(sketch) > max_nodes:
        sketch = folded(sketch, max_nodes, depth, look.must_stay)
    return leaves_placed(in_reading_order(sketch))


def _roots(root: object) -> list[Value]:
    roots: list[Any] = list(root) if isinstance(root, Iterable) else [root]
    if roots and all(isinstance(value, Value) for value in roots):
        return list(dict.fromkeys(roots))
    raise TypeError(
        "draw takes a Value or a sequence of Values, such as a loss or what a model returned; "
        f"got {root!r} of type {type(root).__name__}"
    )


def _shown(show: Sequence[str]) -> frozenset[str]:
    parts = frozenset([show] if isinstance(show, str) else show)
    _require(parts <= set(SHOWN), "show", f"some of {', '.join(SHOWN)}", show)
    return parts


def _is_count(number: object, least: int) -> bool:
    return isinstance(number, int) and number >= least


def _require(condition: bool, argument: str, expected: str, got: object) -> None:
    if not condition:
        raise ValueError(f"draw: {argument} must be {expected}, got {got!r}")


def picture_lines(
    sketch: Sketch,
    look: Look,
    direction: str,
    caption: str | None,
    legend: bool,
    caption_room: tuple[int, int] = (0, 0),
) -> list[str]:
    """The body of the DOT text: a line per part, per edge, and per box around parts."""
    look = replace(look, largest_flow=_largest_flow(sketch), margin="  " if direction in ("TB", "BT") else "")
    numbers = {key: number for number, key in enumerate(sketch)}
    below = legend_table(caption, _legend(list(sketch.values()), look) if legend else (), caption_room)
    lines = _defaults(look, direction, below)
    lines += _boxed(sketch, look)
    lines += [line for key, part in sketch.items() for line in edge_lines(part, numbers[key], numbers, look)]
    return lines


def _largest_flow(sketch: Sketch) -> float:
    flows = [abs(edge.flow) for part in sketch.values() for edge in part.edges if edge.flow is not None]
    return max((flow for flow in flows if flow < float("inf")), default=0.0)


def _defaults(look: Look, direction: str, legend: str) -> list[str]:
    theme = look.theme
    below = f" label=<{legend}> labelloc=b" if legend else ""
    return [
        f'\tgraph [rankdir={direction} bgcolor="{theme.background}" fontname="{_FONT}" fontsize=11 '
        f'fontcolor="{theme.faint}" color="{theme.line}" ranksep=0.35 nodesep=0.15 tooltip=" "{below}]\n',
        f'\tnode [shape=plain fontname="{_FONT}" fontsize=11 fontcolor="{theme.ink}" color="{theme.line}"]\n',
        f'\tedge [fontname="{_FONT}" fontsize=10 arrowsize=0.6 color="{theme.line}" fontcolor="{theme.faint}"]\n',
    ]


def _boxed(sketch: Sketch, look: Look) -> list[str]:
    """The nodes, grouped into a labelled box per scope; scopes nest."""
    content: dict[Scope | None, list[str]] = {None: []}
    for number, part in enumerate(sketch.values()):
        if part.scope not in content:
            for scope in around(part.scope):
                content.setdefault(scope, [])
        content[part.scope] += node_lines(part, number, look)
    scopes = [scope for scope in content if scope is not None]
    for number, scope in reversed(list(enumerate(scopes))):  # inner ones come after those around them
        content[scope.outer] += _box(number, scope, content[scope], look)
    return content[None]


def _box(number: int, scope: Scope, lines: Iterable[str], look: Look) -> list[str]:
    theme = look.theme
    title = scope_title(scope)
    return [
        f"\tsubgraph cluster_{number} {{ label=<{html(title, NAME_WIDTH)}> tooltip={tooltip(title)} "
        f'style="rounded,filled" fillcolor="{theme.module}" labelloc=t labeljust=l\n',
        *lines,
        "\t}\n",
    ]


def _legend(parts: Sequence[Part], look: Look) -> Iterable[tuple[str, str]]:
    """The signs used in this picture, each with its meaning."""
    theme = look.theme
    samples = {"root" if part.is_root else part.kind: part for part in reversed(parts)}
    for kind, meaning in _MEANINGS.items():
        if kind in samples:
            sample = "<B>w</B>" if samples[kind].kind == "parameter" else " x "
            yield box_sample(frame(samples[kind], theme), sample), meaning
    if any(marks(part, look) for part in parts):
        yield box_sample(marked_frame(theme), " y "), "marked"
    if "local" in look.shown and any(part.edges for part in parts):
        yield "<TD>0.5 →</TD>", "local derivative of the operation for this operand"
    if any(len(part.steps) > 1 for part in parts):
        yield "<TD>× 2 → + 1</TD>", "operations in a row, folded into one"
    if any(part.times > 1 for part in parts):
        yield "<TD><B>× 100</B></TD>", "so many equal parts, folded into one: lowest … highest number"
    flows = [edge.flow for part in parts for edge in part.edges if edge.flow is not None]
    lines = {(sign_colour(theme, flow), line_style(flow)) for flow in flows}
    for number, meaning in ((1.0, "above 0 flows back"), (-1.0, "below 0"), (0.0, "0"), (math.nan, "nan")):
        line = sign_colour(theme, number), line_style(number)
        if line in lines:
            yield line_sample(*line), f"gradient {meaning}"
    if look.largest_flow:
        yield width_sample(theme.faint), "size of the gradient"
