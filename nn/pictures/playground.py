"""playground: a page on which one moves the weights of one's own network and reads why the loss changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Value
from autograd.drawing.page import Page, Part, clean, document, panel
from autograd.drawing.stepped import svg
from autograd.node import nodes

from ..checks import kind_of, number_between
from ..module import Module
from ..types import Loss, Numbers
from .body import Table, Words, body_of
from .boxes import boxes_of
from .components import terms_of
from .links import Chains, Link
from .network import COLOURS, Picture, lit_by, network_of
from .scripted import script_of
from .subject import Subject, subject_of
from .traces import traces
from .wording import Wording

PANELS = ("network", "curve", "regions", "classes", "tangent", "surface", "chain", "parameters", "graph")

_TOOLS, _OWN = "autograd.drawing", "nn.pictures"


def playground(
    model: Module,
    X: Numbers,  # noqa: N803  # the field's name
    y: Numbers,
    *,
    loss: Loss | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str | None = None,
    lr: float = 0.1,
    theme: str | None = None,
) -> Page:
    """A page on which the reader moves each weight of a network and sees why the loss changes.

    It shows the network with its numbers, the fitted curve (one input) or the regions (two inputs), softmax and cross
    entropy (classes), the loss along a weight with its tangent and over two weights with the path of the steps, and for
    any weight its derivative as the chain rule has it: a row for each observation, a column for each link, their sum.
    Gradient descent runs on the page. The arithmetic is JavaScript that was made from the graph of one observation, and
    agrees with Python's to 1e-12. The page is one file, works offline and sends nothing; the model stays as it is.

    Args:
        model: the network, with at most 500 parameters.
        X: the inputs, one row per observation; numbers for a network of one input.
        y: the targets, one per observation.
        loss: called with the outputs and the target of one observation, as by `fit`; averaged over the observations,
            those of `nn.ssr` added. By default `nn.ssr`, or the cross entropy where the targets are the classes of
            several outputs.
        inputs: what to call the inputs.
        outputs: what to call the outputs, such as classes.
        title: a line at the top.
        lr: the learning rate to begin with, above 0.
        theme: "light", "dark", or None for the one that the reader's system prefers.

    Returns:
        The page: `.save(path)` writes it, `.html` is its text, and a notebook shows it.

    Raises:
        TypeError: an argument is of another type.
        ValueError: data and model do not fit each other, there are more than 500 parameters (`nn.diagram` draws such a
            model) or 1,000 observations, Python code in model or loss reads numbers, or an operation cannot be written
            in JavaScript.

    >>> import nn
    >>> page = nn.playground(nn.MLP([1, 2, 1], seed=0), [0.0, 0.5, 1.0], [0.0, 1.0, 0.0], inputs=["dose"])
    >>> 'data-role="learning-rate"' in page.html
    True
    """
    if title is not None and not isinstance(title, str):
        raise TypeError(f"playground: title must be a string, got {kind_of(title)}")
    rate = number_between(lr, "playground: lr", 0.0)
    if not rate:
        raise ValueError("playground: lr must be above 0, got 0")
    subject = subject_of(model, X, y, loss)
    return _Playground(subject, Wording(subject, inputs, outputs), title or "What every weight does", rate).page(theme)


class _Playground:
    """Collects what the page shows: everything as data, then as text."""

    def __init__(self, subject: Subject, wording: Wording, title: str, rate: float) -> None:
        self.subject = subject
        self.wording = wording
        self.title = title
        self.rate = rate
        self.script = script_of(subject)
        self.number = {node: i for i, node in enumerate(self.script.nodes)}
        self.traces = traces(subject, self.script.nodes)
        self.first = len(self.traces) // 2
        self.share = 1.0 if subject.added else 1.0 / len(self.traces)
        self.slopes = [trace.derivatives(subject.loss) for trace in self.traces]
        self.gradient = [
            math.fsum(self.share * slopes.get(parameter, 0.0) for slopes in self.slopes)
            for parameter in subject.parameters
        ]
        self.network = network_of(subject, self.script.nodes)
        self.colours = self.network.colours() if self.network else {}
        order = nodes([subject.loss])
        chains = Chains(order, wording.name, lambda value: value.name, wording.about_loss)
        self.chains = [chains.to(parameter) for parameter in subject.parameters]
        self.links = list({id(link): link for chain in self.chains for link in chain}.values())
        reached = set(order[-1:])
        for edge in reversed(self.script.edges):
            if self.script.nodes[edge.result] in reached:
                reached.add(self.script.nodes[edge.operand])
        self.graph = boxes_of(subject, wording, order, reached)

    def page(self, theme: str | None) -> Page:
        """The HTML."""
        loss = self.share * math.fsum(trace.numbers[self.subject.loss] for trace in self.traces)
        words = Words(self.title, self.wording, self.subject, self.rate)
        content = body_of(words, self._panels(), loss, self.gradient[0], self._table())
        wanted = self._wanted()
        scripts = [
            *[Part(_TOOLS, name).text() for name in ("tools.js", "stepper.js")],
            self.script.text,
            *[Part(_OWN, name).text() for name in ("state.js", "heat.js")],
            "const panels = {};\n",
            *[panel(Part(_OWN, f"{name}.js")) for name in wanted],
            Part(_OWN, "main.js").text(),
        ]
        styles = [Part(_TOOLS, "page.css"), Part(_OWN, "playground.css")]
        return Page(document(self.title, content, self._data(), scripts, styles, theme), height=900)

    def _wanted(self) -> list[str]:
        """The panels that fit this network."""
        count = len(self.subject.x)
        fits = {
            "network": self.network is not None,
            "curve": count == 1,
            "regions": count == 2,
            "classes": bool(self.subject.classes),
            "surface": len(self.subject.parameters) > 1,
            "graph": bool(self.graph.boxes),
        }
        return [name for name in PANELS if fits.get(name, True)]

    def _panels(self) -> dict[str, str]:
        """The pictures in the panels before a script runs."""
        wanted = dict.fromkeys(self._wanted(), "")
        inputs, outputs, loss = self.wording.inputs, self.wording.outputs, self.wording.loss
        if self.network is not None:
            entering = [unit.enters for unit in self.network.every]
            largest = {value: max(abs(trace.numbers[value]) for trace in self.traces) for value in entering}
            numbers = self.traces[self.first].numbers
            picture = Picture(self.subject, self.network, numbers, self.number, largest, self.gradient)
            title = f"the network: {', '.join(inputs)} to {', '.join(outputs)}, with weights and gradients"
            observed = self.subject.targets[self.first].tolist()
            wanted["network"] = picture.svg(inputs, outputs, observed if len(observed) == len(outputs) else [], title)
        if "graph" in wanted:
            root = len(self.graph.boxes) - 1
            title = f"the graph of one observation, from {', '.join(inputs)} to {loss}"
            owns = [f"unit{self.colours[value]}" if value in self.colours else "" for value in self.graph.values]
            wanted["graph"] = svg(self.graph.boxes, title, classes=lambda i: "root" if i == root else owns[i])
        if "curve" in wanted:
            wanted["curve"] = "".join(
                f'<span><i class="component unit{term["unit"]}"></i><bdi>{clean(term["name"])}</bdi></span>'
                for term in self._components()
            )
        return wanted

    def _table(self) -> Table:
        """The chain rule for the first parameter, as it is before a script runs."""
        links = self.chains[0]
        heads = [(self.wording.slope(link.top, link.bottom), link.symbols) for link in links]
        rows = [
            [trace.derivatives(link.top, link.bottom).get(link.bottom, 0.0) for link in links] for trace in self.traces
        ]
        if not self.subject.added and links:
            loss = self.wording.loss
            heads.insert(0, (f"d{loss}/d{loss}ᵢ", f"1/{len(rows)}"))
            rows = [[self.share, *row] for row in rows]
        return Table(heads, rows)

    def _data(self) -> dict[str, Any]:
        """What the scripts read; `state.js` gives names to the parts of its lists."""
        subject, wording, number = self.subject, self.wording, self.number
        classes = [wording.class_of(k) for k in range(len(self.traces))]
        is_one_hot = len(subject.y) > 1 and bool(np.isin(subject.targets, (0.0, 1.0)).all()) and None not in classes
        parameters = zip(subject.names, subject.parameters, strict=True)
        ends = [value for link in self.links for value in (link.top, link.bottom)]
        place = {id(link): i for i, link in enumerate(self.links)}
        known = set(subject.parameters)
        return {
            "loss": wording.loss,
            "added": subject.added,
            "classes": subject.classes,
            "rate": self.rate,
            "first": self.first,
            "rows": subject.rows.tolist(),
            "targets": classes if is_one_hot else subject.targets.tolist(),
            "classOf": None if is_one_hot or None in classes else classes,
            "boundary": wording.boundary,
            "inputNames": wording.inputs,
            "outputNames": wording.outputs,
            "parameters": [[name, p.data, number.get(p, -1)] for name, p in parameters],
            "colours": {number[value]: colour for value, colour in self.colours.items() if value in number},
            "fixed": [i for i, parameter in enumerate(subject.parameters) if not parameter.trainable],
            "edges": [i for edge in self.script.edges for i in edge],
            "root": number[subject.loss],
            "outputs": [number[output] for output in subject.outputs],
            "components": self._components(),
            "names": {number[end]: wording.name(end) for end in ends if end not in known},
            "links": [self._link(link) for link in self.links],
            "chains": [[place[id(link)] for link in chain] for chain in self.chains],
            "boxes": [
                [box.name, box.formula, box.operands, number[value], int(box.has_gradient)]
                for box, value in zip(self.graph.boxes, self.graph.values, strict=True)
            ],
        }

    def _link(self, link: Link) -> list[Any]:
        """A column of the table, and what it lights up in network and graph."""
        wires, units = lit_by(link, self.subject, self.network)
        return [
            self.number[link.top],
            self.number[link.bottom],
            link.symbols,
            wires,
            units,
            self.graph.arrows(link.inside),
        ]

    def _components(self) -> list[dict[str, Any]]:
        """The curves that add up to the output of a network of one input and one output."""
        subject = self.subject
        if len(subject.x) != 1 or len(subject.outputs) != 1:
            return []
        found: list[dict[str, Any]] = []
        output = subject.outputs[0]
        while len(output.parents) == 1:  # bent once more
            (output,) = output.parents
        for sign, factors in terms_of(output):
            if any(subject.x[0] in set(nodes([factor])) for factor in factors):
                name = " × ".join([self.wording.name(factor) or "…" for factor in reversed(factors)])
                numbers = [self.number[factor] for factor in factors]
                unit = self._colour_of(factors, len(found))
                found.append({"sign": sign, "factors": numbers, "name": name, "unit": unit})
        return found if len(found) > 1 else []

    def _colour_of(self, factors: Sequence[Value], otherwise: int) -> int:
        """The colour of the hidden node among the factors of a term."""
        return next((self.colours[factor] for factor in factors if factor in self.colours), otherwise % COLOURS)
