"""The network of a page: as `diagram` draws it, in SVG whose parts scripts can find."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from autograd import Value
from autograd.drawing.dot_text import shortened
from autograd.drawing.page import clean
from autograd.drawing.theme import formatted

from ..activations import Activation
from ..layers import Linear
from ..module import Module
from .links import Link
from .places import NODE, Column, Point, between, grid
from .stages import Stage, bent, layers_in_row, require_in_a_row, stages_of
from .subject import Subject

COLOURS = 6
"""Hidden nodes beyond these share colours."""
NARROWEST, WIDEST = 0.96, 1.9
"""How much narrower or wider than `diagram` a network is, to fit beside a panel or to fill a row of its own."""
ALONE = 1200.0
"""Pixels in such a row."""
BESIDE = 688.0
"""Pixels for a network beside another panel."""
TALLER = 1.18
"""Than `diagram`, since biases have two lines here."""
CROWDED = 4
"""With more connections between two columns, labels have one line."""
MARGIN = 60.0
LINE = 15.0


class Unit(NamedTuple):
    """A node of the network: where its numbers are in the graph."""

    key: str
    enters: Value
    """What enters its activation."""
    leaves: Value
    """What leaves it."""
    colour: int | None
    """The number of its colour in all panels; None for a node that is not hidden."""


class Network(NamedTuple):
    """A network of layers in a row, with the Values that its nodes compute.

    Attributes:
        stages: the columns between inputs and outputs.
        units: the nodes of each column.
    """

    stages: list[Stage]
    units: list[list[Unit]]

    def colours(self) -> dict[Value, int]:
        """The colour of each hidden node, for its Values and for the parameters on the way to it or, last, from it."""
        found: dict[Value, int] = {}
        before: list[int | None] = []
        for stage, units in zip(self.stages, self.units, strict=True):
            if isinstance(stage.layer, Linear):
                for j, unit in enumerate(units):
                    own = [*stage.layer.weight[j], *([] if stage.layer.bias is None else [stage.layer.bias[j]])]
                    if unit.colour is not None:
                        found |= dict.fromkeys([*own, unit.enters, unit.leaves], unit.colour % COLOURS)
                    else:
                        pairs = zip(stage.layer.weight[j], before, strict=False)
                        found |= {weight: colour % COLOURS for weight, colour in pairs if colour is not None}
            before = [unit.colour for unit in units]
        return found

    @property
    def every(self) -> list[Unit]:
        """The nodes of all columns."""
        return [unit for column in self.units for unit in column]


def network_of(subject: Subject, order: Sequence[Value]) -> Network | None:
    """The network behind a graph; None if the model is something else than layers in a row.

    Args:
        subject: the model and the graph.
        order: all Values of the graph, operands before results.
    """
    try:
        layers = layers_in_row(subject.model)
        require_in_a_row(subject.model, layers, len(subject.x))
    except (TypeError, ValueError):
        return None
    users: dict[Value, list[Value]] = {}
    for node in order:
        for operand in dict.fromkeys(node.parents):
            users.setdefault(operand, []).append(node)
    stages = stages_of(layers, None)
    values: list[Value] = list(subject.x)
    units: list[list[Unit]] = []
    colour = 0
    for number, stage in enumerate(stages):
        entered = _of_layer(stage.layer, values, users)
        left = entered
        for bend in stage.bends:
            left = _of_layer(bend, left, users)
        is_hidden = any(isinstance(later.layer, Linear) for later in stages[number + 1 :])
        found = [
            Unit(f"{number}.{j}", enters, leaves, colour + j if is_hidden else None)
            for j, (enters, leaves) in enumerate(zip(entered, left, strict=True))
        ]
        colour += len(found) if is_hidden else 0
        units.append(found)
        values = left
    return Network(stages, units) if values == subject.outputs else None


def _of_layer(layer: Module, values: Sequence[Value], users: Mapping[Value, Sequence[Value]]) -> list[Value]:
    """What a layer makes of some Values, found by the scope in which it was computed."""

    def last(value: Value) -> Value:
        inside = [user for user in users.get(value, ()) if user.scope is not None and user.scope.owner is layer]
        own = next((user for user in inside if isinstance(layer, Linear) or user.parents[0] is value), None)
        return value if own is None or own is value else last(own)

    return [last(row[0]) for row in layer.weight] if isinstance(layer, Linear) else [last(value) for value in values]


def lit_by(link: Link, subject: Subject, network: Network | None) -> tuple[list[int], list[str]]:
    """The parameters whose connections a link of the chain rule goes along, and the nodes that it goes through."""
    index: dict[Value, int] = {parameter: i for i, parameter in enumerate(subject.parameters)}
    wires = {index[link.bottom]} if link.bottom in index else set()
    for node, operand in link.inside:
        operation, operands = node.operation, node.parents
        if operation is not None and operation.bilinear:  # the derivative by one factor is the other
            half = len(operands) // 2
            others = [operands[k - half] for k, each in enumerate(operands) if each is operand]
            wires |= {index[other] for other in others if other in index}
    touched = {node for edge in link.inside for node in edge}
    units = [
        unit.key
        for unit in (network.every if network else ())
        if unit.enters is not unit.leaves and {unit.enters, unit.leaves} <= touched
    ]
    if link.top is subject.loss:
        units += [f"out.{k}" for k, output in enumerate(subject.outputs) if output in touched]
    return sorted(wires), units


class Picture:
    """Writes the SVG.

    Args:
        subject: names and numbers of the parameters.
        network: the columns.
        values: the numbers of the observation that is shown first.
        numbers: the number of each Value in scripts.
        largest: the largest number that enters each node, over all observations.
        gradient: the derivative of the loss by each parameter.
    """

    def __init__(
        self,
        subject: Subject,
        network: Network,
        values: Mapping[Value, float],
        numbers: Mapping[Value, int],
        largest: Mapping[Value, float],
        gradient: Sequence[float],
    ) -> None:
        self._subject = subject
        self._network = network
        self._values = values
        self._numbers = numbers
        self._largest = largest
        self._gradient = gradient
        self._index = {parameter: i for i, parameter in enumerate(subject.parameters)}

    def svg(self, inputs: Sequence[str], outputs: Sequence[str], observed: Sequence[float], title: str) -> str:
        """The picture.

        Args:
            inputs: what the inputs are called.
            outputs: what the outputs are called.
            observed: the target of the observation, a number per output; empty if it has another form.
            title: what a screen reader says about it.
        """
        places = grid(len(inputs), self._network.stages, len(outputs))
        self._top = TALLER * max(column.centres[0][1] for column in places.columns) + NODE / 2 + 2.5 * LINE
        fits = (BESIDE - 2 * MARGIN) / places.width
        alone = max(1.0, min(WIDEST, (ALONE - 2 * MARGIN) / places.width))
        self._across = min(1.0, fits) if fits >= NARROWEST else alone
        width, height = self._across * places.width + 2 * MARGIN, self._top - TALLER * places.bottom + 2.2 * LINE
        lines, above = [], []
        for stage, before, column in zip(self._network.stages, places.columns, places.columns[1:], strict=False):
            lines += list(self._lines(stage, before, column))
        for start, end in zip(places.columns[-2].centres, places.columns[-1].centres, strict=True):
            lines.append(f'<path class="link" d="{self._path(start, end)}"/>')
        above += self._inputs(places.columns[0], inputs)
        for number, (stage, column) in enumerate(zip(self._network.stages, places.columns[1:], strict=False)):
            above += list(self._column(number, stage, column))
        above += self._outputs(places.columns[-1], outputs, observed)
        return (
            f'<svg class="network" role="img" aria-label="{clean(title)}" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}">{"".join([*lines, *above])}</svg>'
        )

    def _at(self, point: Point) -> Point:
        return MARGIN + self._across * point[0], self._top - TALLER * point[1]

    def _path(self, start: Point, end: Point) -> str:
        (a, b), (c, d) = self._at(start), self._at(end)
        return f"M{a:.0f} {b:.0f}L{c:.0f} {d:.0f}"

    def _lines(self, stage: Stage, before: Column, column: Column) -> Iterator[str]:
        """The connections to a column, and their weights above them all."""
        if not isinstance(stage.layer, Linear):
            for start, end in zip(before.centres, column.centres, strict=True):
                yield f'<path class="link" d="{self._path(start, end)}"/>'
            return
        labels = []
        is_crowded = len(before.centres) * len(column.centres) > CROWDED
        layer = self._index[stage.layer.weight[0][0]]
        for weights, end in zip(stage.layer.weight, column.centres, strict=False):
            for weight, start in zip(weights, before.centres, strict=False):
                i = self._index[weight]
                negative = " negative" if weight.data < 0 else ""
                yield (
                    f'<path class="wire{negative}" data-wire="{i}" data-layer="{layer}" d="{self._path(start, end)}"/>'
                )
                if column.share is not None:
                    labels.append(self._weight(self._at(between(start, end, column.share)), i, "×", is_crowded))
        yield from labels

    def _weight(self, point: Point, i: int, sign: str, in_one_line: bool = False) -> str:
        """A parameter: its name if that is short, its number, and its derivative below or beside."""
        parameter, name = self._subject.parameters[i], self._subject.names[i]
        own = f"{clean(name)} " if name != getattr(parameter, "path", None) and len(name) <= 12 else ""
        width = 6.6 * (len(own) + (18 if in_one_line else 8))
        number = f'{own}{sign} <tspan class="number">{formatted(parameter.data, 3)}</tspan>'
        slope = f"grad <tspan>{formatted(self._gradient[i], 3)}</tspan>"
        if in_one_line:
            texts = f'<text y="4">{number}<tspan class="slope" dx="6">{slope}</tspan></text>'
        else:
            texts = f'<text y="-2">{number}</text><text class="slope" y="{LINE - 3:.0f}">{slope}</text>'
        top, height = (-LINE / 2 - 1.0, LINE + 2.0) if in_one_line else (1.0 - LINE, 2.0 * LINE)
        return (
            f'<g class="weight" data-weight="{i}" transform="translate({point[0]:.0f} {point[1]:.0f})">'
            f'<rect x="{-width / 2:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="4"/>{texts}</g>'
        )

    def _column(self, number: int, stage: Stage, column: Column) -> Iterator[str]:
        """The nodes of a column, with biases above and numbers below."""
        if not isinstance(stage.layer, Linear):
            yield self._mixer(stage, column)
            return
        for unit, centre in zip(self._network.units[number], column.centres, strict=False):
            x, y = self._at(centre)
            colour = f" unit{unit.colour % COLOURS}" if unit.colour is not None else ""
            inside = self._curve(unit, stage, (x, y)) if stage.bends else f'<text x="{x:.1f}" y="{y + 5:.1f}">Σ</text>'
            names = ", ".join(type(bend).__name__ for bend in stage.bends) or "sum"
            yield (
                f'<g class="node{colour}" data-unit="{unit.key}"><title>{names}</title>'
                f'<circle class="rim" cx="{x:.1f}" cy="{y:.1f}" r="{NODE / 2:g}"/>{inside}'
                f"{self._number(unit.leaves, (x, y + NODE / 2 + LINE))}</g>"
            )
            if stage.layer.bias is not None:
                i = self._index[stage.layer.bias[int(unit.key.partition(".")[2])]]
                yield self._weight((x, y - NODE / 2 - LINE - 5.0), i, "+")
        left_out = column.number - len(column.centres)
        if left_out:
            x, y = self._at(column.centres[-1])
            yield f'<text x="{x:.1f}" y="{y + 0.6 * column.pitch:.1f}">⋮ {left_out} more</text>'

    def _number(self, value: Value, point: Point) -> str:
        (x, y), number = point, formatted(self._values[value], 3)
        return f'<text class="halo" data-leaves="{self._numbers[value]}" x="{x:.1f}" y="{y:.1f}">{number}</text>'

    def _curve(self, unit: Unit, stage: Stage, centre: Point) -> str:
        """The activation, wide enough for all observations, and a dot at the point in use."""
        activations: list[Activation] = stage.bends
        reach = max(4.0, 1.1 * self._largest[unit.enters])
        xs = [reach * (step / 16.0 - 1.0) for step in range(33)]
        ys = [bent(activations, x) for x in xs]
        top = max((abs(y) for y in ys if math.isfinite(y)), default=1.0) or 1.0
        half = 0.36 * NODE
        x, y = centre
        points = [(x + half * a / reach, y - half * b / top) for a, b in zip(xs, ys, strict=True) if math.isfinite(b)]
        curve = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
        axes = f"M{x - half:.1f} {y:.1f}h{2 * half:.1f}M{x:.1f} {y - half:.1f}v{2 * half:.1f}"
        place = (
            f'data-reach="{reach:.4g}" data-top="{top:.4g}" data-x="{x:.1f}" data-y="{y:.1f}" data-half="{half:.4g}"'
        )
        enters, leaves = self._values[unit.enters], self._values[unit.leaves]
        return (
            f'<path class="grid" d="{axes}"/><path d="M{curve}"/>'
            f'<circle class="dot" data-leaves-dot="{self._numbers[unit.leaves]}" '
            f'data-enters="{self._numbers[unit.enters]}" {place} '
            f'cx="{x + half * enters / reach:.1f}" cy="{y - half * leaves / top:.1f}" r="3.5"/>'
        )

    def _mixer(self, stage: Stage, column: Column) -> str:
        x, top = self._at(column.centres[0])
        _, bottom = self._at(column.centres[-1])
        return (
            f'<g class="end"><rect x="{x - 38:.1f}" y="{top - NODE / 2:.1f}" width="76" '
            f'height="{bottom - top + NODE:.1f}" rx="8"/>'
            f'<text x="{x:.1f}" y="{(top + bottom) / 2 + 4:.1f}">{type(stage.layer).__name__}</text></g>'
        )

    def _inputs(self, column: Column, names: Sequence[str]) -> list[str]:
        boxes = []
        for k, (centre, name, leaf) in enumerate(zip(column.centres, names, self._subject.x, strict=False)):
            number = (self._values[leaf], f'data-leaves="{self._numbers[leaf]}"')
            boxes.append(self._box(f"in.{k}", "end input", centre, [(name, "name"), number]))
        return boxes

    def _outputs(self, column: Column, names: Sequence[str], observed: Sequence[float]) -> list[str]:
        boxes = []
        for k, (centre, name, leaf) in enumerate(zip(column.centres, names, self._subject.outputs, strict=False)):
            number = self._values[leaf]
            lines: list[tuple[str | float, str]] = [(name, "name"), (number, f'data-leaves="{self._numbers[leaf]}"')]
            if observed:
                lines.append((observed[k], f'data-observed="{k}"'))
                lines.append((observed[k] - number, f'data-residual="{k}"'))
            boxes.append(self._box(f"out.{k}", "end", centre, lines))
        return boxes

    def _box(self, key: str, kind: str, centre: Point, lines: Sequence[tuple[str | float, str]]) -> str:
        x, y = self._at(centre)
        height = 12.0 + LINE * len(lines)
        row, texts = y - height / 2, []
        for content, what in lines:
            row += LINE
            if isinstance(content, str):
                texts.append(
                    f'<text class="name" x="{x:.1f}" y="{row:.1f}">{clean(shortened(content, 14))}'
                    f"<title>{clean(content)}</title></text>"
                )
            else:
                before = next((word for word in ("observed", "residual") if word in what), "")
                texts.append(
                    f'<text x="{x:.1f}" y="{row:.1f}">{before} <tspan {what}>{formatted(content, 3)}</tspan></text>'
                )
        return (
            f'<g class="{kind}" data-unit="{key}"><rect x="{x - 55:.0f}" y="{y - height / 2:.0f}" width="110" '
            f'height="{height:.1f}" rx="8"/>{"".join(texts)}</g>'
        )
