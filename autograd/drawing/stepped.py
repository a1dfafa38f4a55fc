"""The picture that a page steps through: a box for each Value, as SVG whose parts scripts can find."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from .dot_text import shortened
from .page import clean
from .rendering import rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Point = tuple[float, float]

CHARACTER = 6.7
"""Pixels reserved for a character of the text in a box."""
LINE = 16.0
LONGEST = 24
"""Characters of a name or formula that a box has room for; the whole is in its tooltip."""
ARROW = 6.0


class Box(NamedTuple):
    """A Value in the picture.

    Attributes:
        name: what it is called.
        formula: the operation behind it, in names; empty for leaves and constants.
        kind: "parameter", "input", "leaf", "constant" or "result".
        operands: the numbers of the boxes that it was computed from; one that is used twice comes twice.
        has_gradient: whether a derivative flows into it.
    """

    name: str
    formula: str
    kind: str
    operands: tuple[int, ...] = ()
    has_gradient: bool = True


class Placed(NamedTuple):
    """Where the boxes and arrows of a picture are, in pixels from the top left corner."""

    width: float
    height: float
    centres: list[Point]
    sizes: list[Point]
    arrows: list[tuple[int, int, list[Point]]]
    """From an operand to a result, with the control points of a spline."""


def placed(boxes: Sequence[Box], direction: str) -> Placed:
    """Lets Graphviz find the places.

    Raises:
        RenderingError: Graphviz is not installed.
    """
    sizes = [_size(box) for box in boxes]
    lines = [f"digraph {{ graph [rankdir={direction} nodesep=0.16 ranksep=0.8]; node [shape=box fixedsize=true]\n"]
    lines += [f"n{i} [width={w / 72:.4f} height={h / 72:.4f}]\n" for i, (w, h) in enumerate(sizes)]
    lines += [f"n{operand} -> n{i}\n" for i, box in enumerate(boxes) for operand in box.operands]
    words = [line.split() for line in rendered("".join([*lines, "}"]), "plain").decode().splitlines()]
    width, height = (72.0 * float(number) for number in words[0][2:4])

    def point(x: str, y: str) -> Point:
        return 72.0 * float(x), height - 72.0 * float(y)

    centres = {int(word[1][1:]): point(*word[2:4]) for word in words if word[0] == "node"}
    arrows = []
    for word in words:
        if word[0] == "edge":
            numbers = word[4 : 4 + 2 * int(word[3])]
            controls = [point(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
            arrows.append((int(word[1][1:]), int(word[2][1:]), controls))
    return Placed(width, height, [centres[i] for i in range(len(boxes))], sizes, arrows)


def _size(box: Box) -> Point:
    """Wide enough for the longest of its lines."""
    longest = max(len(box.name), 2 + len(box.formula), 13)
    return 14.0 + CHARACTER * min(longest, LONGEST), 10.0 + LINE * _lines(box)


def _lines(box: Box) -> int:
    return 2 + bool(box.formula) + box.has_gradient


def svg(
    boxes: Sequence[Box],
    title: str,
    direction: str = "LR",
    numbers: Mapping[str, Sequence[str]] | None = None,
    classes: Callable[[int], str] = lambda number: "",
) -> str:
    """The picture. Box `i` is `g[data-box="i"]`, arrow `k` is `g[data-arrow="k"]`, in the order of results' operands.

    Args:
        boxes: operands before results.
        title: what a screen reader says about it.
        direction: where the computation flows, "LR" or "TB".
        numbers: what to write: "data" and "grad" of each box, "local" of each arrow; all is empty without them.
        classes: more words for the class of a box.
    """
    at = placed(boxes, direction)
    numbers = numbers or {}
    arrows = _in_order(boxes, at)
    parts = [_arrow(k, controls, numbers) for k, controls in enumerate(arrows)]
    parts += [
        _box(i, box, at.centres[i], at.sizes[i], numbers, f"box {box.kind} {classes(i)}".rstrip())
        for i, box in enumerate(boxes)
    ]
    width, height = at.width + 8.0, at.height + 8.0
    return (
        f'<svg class="graph" role="img" aria-label="{clean(title)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="-4 -4 {width:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )


def _in_order(boxes: Sequence[Box], at: Placed) -> list[list[Point]]:
    """The splines of the arrows, box by box and operand by operand."""
    found: dict[tuple[int, int], list[list[Point]]] = {}
    for tail, head, controls in at.arrows:
        found.setdefault((tail, head), []).append(controls)
    return [found[operand, i].pop() for i, box in enumerate(boxes) for operand in box.operands]


def _middle(controls: Sequence[Point]) -> Point:
    """The middle of a spline by the lengths of its pieces' chords."""
    ends = controls[::3]
    lengths = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(ends)]
    left = sum(lengths) / 2.0
    for k, length in enumerate(lengths):
        if left <= length:
            return _on_curve(controls[3 * k : 3 * k + 4], left / (length or 1.0))
        left -= length
    return controls[-1]


def _on_curve(p: Sequence[Point], t: float) -> Point:
    s = 1.0 - t
    weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
    return (
        sum(w * x for w, (x, _) in zip(weights, p, strict=True)),
        sum(w * y for w, (_, y) in zip(weights, p, strict=True)),
    )


def _arrow(k: int, controls: Sequence[Point], numbers: Mapping[str, Sequence[str]]) -> str:
    middle = _middle(controls)
    start, *others = [f"{x:.0f} {y:.0f}" for x, y in controls]
    local = clean(numbers["local"][k]) if "local" in numbers else ""
    return (
        f'<g class="arrow" data-arrow="{k}"><path d="M{start}C{" ".join(others)}"/>'
        f'<text class="halo" x="{middle[0]:.0f}" y="{middle[1] + 4.0:.0f}">{local}</text></g>'
    )


def _box(i: int, box: Box, centre: Point, size: Point, numbers: Mapping[str, Sequence[str]], classes: str) -> str:
    width, height = size
    lines = [("name", clean(shortened(box.name, LONGEST)))]
    if box.formula:
        lines.append(("formula", f"= {clean(shortened(box.formula, LONGEST - 2))}"))
    lines += [
        (key, f"{key} <tspan>{clean(numbers[key][i]) if key in numbers else ''}</tspan>")
        for key in ("data", "grad")[: 1 + box.has_gradient]
    ]
    texts = "".join(
        f'<text class="{kind}" y="{LINE * row:g}">{text}</text>' for row, (kind, text) in enumerate(lines, 1)
    )
    about = f"{box.name} = {box.formula}" if box.formula else box.name
    is_cut = len(box.name) > LONGEST or len(box.formula) > LONGEST - 2
    tooltip = f"<title>{clean(about)}</title>" if is_cut else ""
    return (
        f'<g class="{classes}" data-box="{i}" transform="translate({centre[0]:.0f} {centre[1] - height / 2.0:.0f})">'
        f'{tooltip}<rect x="{-width / 2.0:.0f}" width="{width:.0f}" height="{height:.0f}" rx="6"/>{texts}</g>'
    )


ARROWHEAD = (
    '<svg width="0" height="0" aria-hidden="true"><defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" '
    'markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">'
    '<path d="M0 0L8 4L0 8z"/></marker></defs></svg>'
)

BUTTONS = "".join(
    f'<button type="button" data-go="{go}" aria-label="{name}">{text}</button>'
    for go, name, text in (
        ("first", "first step", "|◀"),
        ("back", "back", "◀ back"),
        ("forward", "forward", "forward ▶"),
        ("last", "last step", "▶|"),
    )
)


def controls(hint: str) -> str:
    """The buttons of a stepped picture, and what happens in a step."""
    return (
        f'<p class="note needs-script">{hint}</p>'
        f'<div class="buttons needs-script" role="group" aria-label="steps">{BUTTONS}'
        '<span data-role="count"></span></div>'
        '<p class="step-text needs-script" data-role="step-text" aria-live="polite"></p>'
    )


def scrollable(picture: str, name: str) -> str:
    """A picture at its own size, in a part of the page that scrolls."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{name}, scrollable">{ARROWHEAD}{picture}</div>'


def stepping(picture: str, texts: Sequence[str], title: str, lead: str) -> str:
    """The body of a page that is a stepped picture; the steps are a list for readers without scripts."""
    steps = "".join(f"<li>{clean(text)}</li>" for text in texts)
    hint = "Arrow keys step; a click on a box explains it."
    return (
        f'<header><h1>{clean(title)}</h1><p class="lead">{clean(lead)}.</p></header>\n'
        f'<section class="panel" aria-label="step by step">{controls(hint)}'
        f"{scrollable(picture, 'the graph')}</section>\n"
        f'<section class="without-script"><h2>The steps</h2><ol class="steps">{steps}</ol></section>'
    )
