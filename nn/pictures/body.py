"""The HTML of a playground, before any script runs: network and table can be read without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import fsum, prod
from typing import NamedTuple

from autograd.drawing.page import clean
from autograd.drawing.stepped import controls, scrollable
from autograd.drawing.theme import formatted

from .network import BESIDE
from .subject import Subject
from .wording import Wording

ROWS = 6
"""Observations in the table while no script runs."""


class Words(NamedTuple):
    """What the page says, as data."""

    title: str
    wording: Wording
    subject: Subject
    rate: float


class Table(NamedTuple):
    """The chain rule: title and symbols of each link, and the factors of each observation."""

    heads: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[float]]


def body_of(words: Words, panels: Mapping[str, str], loss: float, slope: float, table: Table) -> str:
    """The content of `main`.

    Args:
        words: names and labels.
        panels: those that fit the network, with the pictures in them.
        loss: the loss at the start.
        slope: its derivative by the first parameter.
        table: the chain rule for this derivative.
    """
    widths = _widths(panels)
    makers: dict[str, Callable[[str], str]] = {
        "network": lambda width: _network(panels["network"], width),
        "curve": lambda width: _curve(words, panels["curve"], width),
        "regions": _regions,
        "classes": lambda width: _plain("classes", width, "From raw outputs to the loss", "for the chosen observation"),
        "parameters": lambda width: _parameters(words, width),
        "tangent": lambda width: _plain("tangent", width, "The loss along one weight", _ALONG),
        "surface": _surface,
        "chain": lambda width: _chain(words, slope, table, width),
        "graph": lambda width: _graph(panels["graph"], width),
    }
    content = [makers[name](widths[name]) for name in makers if name in panels]
    return "\n".join([_head(words), _bar(words, loss), '<div class="panels">', *content, "</div>"])


def _widths(panels: Mapping[str, str]) -> dict[str, str]:
    """Classes that let the panels fill their rows: network and answers, weights and losses, the rest."""
    thirds = ("parameters", "tangent", "surface")
    answers = [name for name in ("curve", "regions", "classes") if name in panels]
    found = {"chain": "full", "graph": "full", "network": "full", **dict.fromkeys(thirds, "third")}
    if "network" in panels and answers and width_of(panels["network"]) <= BESIDE:
        first, *answers = answers
        found |= {"network": "wide", first: "narrow"}
    if len(answers) == 1:
        found |= dict.fromkeys((*answers, *thirds), "half")
    return found | dict.fromkeys(answers, "half")


def width_of(picture: str) -> float:
    """The width of an SVG, 0 without one."""
    return float(picture.partition('width="')[2].partition('"')[0] or 0.0)


_ALONG = "The tangent's slope is the derivative: the loss changes that much per step of the weight."


def _head(words: Words) -> str:
    count, inputs = len(words.subject.rows), len(words.wording.inputs)
    how = "the sum over" if words.subject.added else "the mean over"
    return (
        f'<header><h1><bdi>{clean(words.title)}</bdi></h1>\n<p class="lead">{_counted(inputs, "input")}, '
        f"{_counted(len(words.subject.names), 'parameter')}, {_counted(count, 'observation')}. "
        f"The loss is the {clean(words.wording.loss)}, {how} {'it' if count == 1 else 'them'}. "
        "Move a weight, or let gradient descent move all of them.</p>\n"
        '<p class="note without-script">Without JavaScript the network and its table stay as they are.</p></header>'
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _bar(words: Words, loss: float) -> str:
    return (
        '<section class="bar" aria-label="controls">'
        f'<span class="loss">{clean(words.wording.loss)} '
        f'<span data-role="loss" aria-live="polite" data-value="{loss!r}">{formatted(loss, 4)}</span></span>\n'
        '<span class="needs-script buttons" role="group" aria-label="gradient descent">'
        '<button type="button" data-action="step">Step</button>'
        '<button type="button" data-action="run" aria-pressed="false">Run</button>'
        '<button type="button" data-action="reset">Reset</button>'
        '<span data-role="steps">0 steps</span></span>\n'
        f'<label class="needs-script">learning rate <input type="number" min="0" step="any" value="{words.rate!r}" '
        f'data-value="{words.rate!r}" data-role="learning-rate"></label>\n'
        f'<label class="needs-script">observation <select data-role="observation"></select></label>\n'
        '<p class="status" role="status" aria-live="polite" data-role="status"></p></section>'
    )


def _section(name: str, width: str, title: str, content: str, needs_script: bool = False) -> str:
    classes = " ".join(["panel", *[width] * bool(width), *["needs-script"] * needs_script])
    return f'<section class="{classes}" data-panel="{name}" aria-label="{title}"><h2>{title}</h2>{content}</section>'


def _plain(name: str, width: str, title: str, note: str) -> str:
    scroll = f'class="{name} scroll" tabindex="0" role="group" aria-label="{title}, scrollable"'
    content = f'<div {scroll} data-body></div><p class="note">{note}</p>'
    return _section(name, width, title, content, needs_script=True)


def _network(picture: str, width: str) -> str:
    note = "× weight, + bias; grad: the derivative of the loss. Blue: above 0, dashed orange: below 0."
    return _section(
        "network",
        width,
        "The network",
        f'<div class="scroll" tabindex="0" role="group" aria-label="the network, scrollable" data-body>{picture}</div>'
        f'<p class="note">{note}</p>',
    )


def _curve(words: Words, key: str, width: str) -> str:
    title = "The squiggle" if len(words.wording.outputs) == 1 else "The outputs"
    whole = "their sum and the bias" if key else "the network"
    squiggle = f'<span><i class="squiggle"></i>{whole}</span>' if len(words.wording.outputs) == 1 else ""
    names = "".join(
        f'<span><i class="class{k % 6}"></i><bdi>{clean(name)}</bdi></span>'
        for k, name in enumerate(words.wording.outputs)
    )
    legend = key + squiggle if squiggle else names
    content = f'<div data-body></div><div class="key">{legend}</div>'
    return _section("curve", width, title, content, needs_script=True)


def _regions(width: str) -> str:
    content = '<div data-body></div><div class="key" data-role="key"></div>'
    return _section("regions", width, "What the network answers where", content, needs_script=True)


def _parameters(words: Words, width: str) -> str:
    lines = []
    for name in words.subject.names:
        own = clean(name)
        lines.append(
            f'<div data-line><button type="button" data-choose="{own}"></button><input type="range" step="any" '
            f'data-parameter="{own}"><input type="number" step="any"><span data-gradient="{own}"></span></div>'
        )
    heads = "".join(f"<span>{word}</span>" for word in ("weight", "", "number", "gradient"))
    note = "A name explains its derivative below; arrow keys move a slider."
    content = f'<div class="lines" data-body><div class="heads" aria-hidden="true">{heads}</div>{"".join(lines)}</div>'
    return _section(
        "parameters", width, "Weights and biases", f'{content}<p class="note">{note}</p>', needs_script=True
    )


def _surface(width: str) -> str:
    content = (
        '<div data-body></div><p class="note">Light: the valley. The line is the path of the steps.</p>'
        '<label>the second weight <select data-role="second"></select></label>'
    )
    return _section("surface", width, "The loss over two weights", content, needs_script=True)


def _chain(words: Words, slope: float, table: Table, width: str) -> str:
    heads, rows = table
    loss, name = clean(words.wording.loss), clean(words.subject.names[0])
    columns = "".join(
        f'<th scope="col"><bdi>{clean(title)}</bdi><span class="symbols"><bdi>{clean(symbols)}</bdi></span></th>'
        for title, symbols in heads
    )
    lines = []
    for k, row in enumerate(rows[:ROWS]):
        label = words.wording.label(k)
        product = prod(row) if row else 0.0
        cells = "".join(f"<td>{formatted(x, 4)}</td>" for x in row)
        lines.append(
            f'<tr data-observation="{k}" data-value="{product!r}"><th scope="row">{clean(label)}</th>{cells}'
            f'<td class="product">{formatted(product, 4)}</td></tr>'
        )
    rest = rows[ROWS:]
    if rest:
        product = fsum(prod(row) if row else 0.0 for row in rest)
        empty = "<td></td>" * len(heads)
        lines.append(
            f'<tr><th scope="row">{len(rest)} more</th>{empty}<td class="product">{formatted(product, 4)}</td></tr>'
        )
    content = (
        '<p class="note">A row for each observation, a column for each link of the chain, and their sum. '
        "Point at a factor to see where it is in the network and in the graph.</p>"
        '<div class="scroll chain" tabindex="0" role="group" aria-label="the chain rule, scrollable">'
        f'<table data-role="chain"><thead><tr><th scope="col">observation</th>{columns}'
        f'<th scope="col"><bdi>d{loss}/d{name}</bdi><span class="symbols">the product</span></th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody><tfoot>"
        f'<tr data-role="sum" data-value="{slope!r}"><th scope="row">sum</th>'
        f'{"<td></td>" * len(heads)}<td class="product">{formatted(slope, 4)}</td></tr>'
        '</tfoot></table></div><p class="sentence" data-role="sentence"></p>'
    )
    return _section("chain", width, "Why the derivative is what it is: the chain rule", content)


def _graph(picture: str, width: str) -> str:
    hint = (
        "The computation forward, then the chain rule backward, for the chosen observation. Arrow keys step; a click "
        "on a box explains it."
    )
    content = controls(hint) + scrollable(picture, "the graph")
    return _section("graph", width, "Backprop step by step", content, needs_script=True)
