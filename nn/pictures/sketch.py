"""Sketch: the columns of a diagram drawn one after the other, and the words of its labels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from autograd import Value
from autograd.drawing.canvas import SIZE
from autograd.drawing.dot_text import html, shortened, tooltip
from autograd.drawing.names import own_name
from autograd.drawing.theme import formatted, line_style, line_width, sign_colour, text_colour

from ..layers import Linear
from ..module import Module
from .pen import Pen, text_width
from .places import LABEL_HEIGHT, NODE, WITH_GRADIENT, Column, Grid, Point, between
from .spacing import Gap
from .stages import Stage, bent

NAME = 16
"""Of a longer name only so many characters are shown."""
LONGEST_LINE = 88
"""Characters of a caption before it is broken."""
PADDING = 6.0
_RIM = 2 * (PADDING + 2.0)
"""How much wider and higher than its text a box is: padding, and the border of the outputs."""


class Label(NamedTuple):
    """What is said about a parameter.

    Attributes:
        number: its own name if it has one, and its number.
        gradient: nothing before `backward`.
        slope: the gradient as a number.
    """

    number: str
    gradient: str
    slope: float

    @property
    def width(self) -> float:
        """Of its two lines."""
        return max(text_width(self.number), text_width(self.gradient))

    @property
    def row(self) -> float:
        """Its width in one line."""
        return text_width(f"{self.number}  {self.gradient}".rstrip())


class Texts:
    """The words of labels.

    Args:
        precision: significant digits.
    """

    def __init__(self, precision: int) -> None:
        self._precision = precision

    def number(self, number: float) -> str:
        """A number."""
        return formatted(number, self._precision)

    def label(self, sign: str, parameter: Value) -> Label:
        """The label of a parameter: "w1: × -34.4" and "grad 0.5"."""
        own = own_name(parameter)
        number = (f"{shortened(own, 12)}: " if own else "") + f"{sign} {self.number(parameter.data)}"
        gradient = f"grad {self.number(parameter.grad)}" if parameter.has_grad else ""
        return Label(number.replace("\n", " "), gradient, parameter.grad)

    def leaving(self, stage: Stage, index: int) -> tuple[str, str]:
        """The name of what leaves a node, and its number; the empty string for what it does not have."""
        number = self.number(stage.after[index]) if stage.after else ""
        name = stage.names[index]
        return (f"{name}\u00a0" if name and number else name), number

    def gap(self, stage: Stage, drawn: tuple[Sequence[int], Sequence[int]], before: float) -> Gap:
        """What needs room between a linear layer and the column before it.

        Args:
            stage: the layer and its activations.
            drawn: the nodes that are drawn before and after it.
            before: half the width of those before it.
        """
        layer = stage.layer
        assert isinstance(layer, Linear)
        labels = [self.label("×", layer.weight[j][i]) for j in drawn[1] for i in drawn[0]]
        around = [] if layer.bias is None else [self.label("+", layer.bias[j]).width for j in drawn[1]]
        around += [sum(map(text_width, self.leaving(stage, j))) for j in drawn[1]]
        sides = before, max([NODE, *around]) / 2
        return Gap(drawn, layer.out_features, sides, max(x.width for x in labels), max(x.row for x in labels))


def box_width(boxes: Sequence[Sequence[str]], drawn: Sequence[int]) -> float:
    """How wide the boxes of a column become."""
    names = [max(map(text_width, shortened(boxes[k][0], NAME).split("\n"))) * 1.1 for k in drawn]  # bold
    return max(names + [text_width(line) for k in drawn for line in boxes[k][1:]]) + _RIM


def box_height(boxes: Sequence[Sequence[str]], drawn: Sequence[int]) -> float:
    """How high the highest box becomes."""
    return max(13.5 * (len(boxes[k]) + shortened(boxes[k][0], NAME).count("\n")) for k in drawn) + _RIM


class Sketch:
    """Draws a network, each thing at its place.

    Args:
        pen: writes the picture.
        texts: the words of labels.
        places: the columns.
        has_gradients: whether labels have a second line.
    """

    def __init__(self, pen: Pen, texts: Texts, places: Grid, has_gradients: bool) -> None:
        self._pen = pen
        self._theme = pen.theme
        self._texts = texts
        self._places = places
        self._label_height = LABEL_HEIGHT * (WITH_GRADIENT if has_gradients else 1.0)
        self._notes = 0
        """Lines of the longest note below the columns."""

    def network(
        self, stages: Sequence[Stage], inputs: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]
    ) -> None:
        """All columns, from the boxes of the inputs to those of the outputs."""
        columns = self._places.columns
        self._boxes(columns[0], inputs, f'BORDER="1" STYLE="ROUNDED" BGCOLOR="{self._theme.input}"')
        for stage, before, column in zip(stages, columns, columns[1:], strict=False):
            if isinstance(stage.layer, Linear):
                self._layer(stage, stage.layer, before, column)
            else:
                self._mixer(stage, before, column)
        self._plain_connections(columns[-2], columns[-1])
        self._boxes(columns[-1], outputs, f'BORDER="2" BGCOLOR="{self._theme.box}"')

    def below(self, caption: str | None, remarks: Sequence[str]) -> None:
        """Caption and legend."""
        middle, y = self._places.width / 2, self._places.bottom - 46.0 - 14.0 * self._notes
        if caption:
            lines = [line for part in caption.splitlines() for line in textwrap.wrap(part, LONGEST_LINE) or [""]]
            y -= 8.5 * (len(lines) - 1)
            self._pen.text((middle, y), html("\n".join(lines)), size=14)
            y -= 8.5 * (len(lines) - 1) + 22.0
        for remark in remarks:
            self._pen.text((middle, y), html(remark))
            y -= 15.0

    @property
    def leaves_out_weights(self) -> bool:
        """Whether some connections have no label."""
        return self._notes > 0

    def _boxes(self, column: Column, boxes: Sequence[Sequence[str]], kind: str) -> None:
        """A column of boxes, each with a name and what is said about it."""
        for k, centre in zip(column.drawn, column.centres, strict=True):
            name, *lines = boxes[k]
            text = "<BR/>".join([f"<B>{html(name, NAME)}</B>", *map(html, lines)])
            frame = f'{kind} COLOR="{self._theme.ink}" CELLPADDING="{PADDING:g}"'
            self._pen.table(centre, text, frame, name)
        self._left_out(column)

    def _layer(self, stage: Stage, layer: Linear, before: Column, column: Column) -> None:
        """A column of nodes with the connections that lead to them."""
        for j, centre in zip(column.drawn, column.centres, strict=True):
            self._node(centre, stage, j)
            if layer.bias is not None:
                above = (centre[0], centre[1] + NODE / 2 + self._label_height / 2)
                self._parameter(above, self._texts.label("+", layer.bias[j]), layer.bias[j])
        self._connections(layer, before, column)
        self._left_out(column)
        if not column.has_labels:
            self._note(layer, before, column)

    def _left_out(self, column: Column) -> None:
        """Says how many nodes of a column are left out."""
        left_out = column.number - len(column.centres)
        if left_out:
            x, y = column.centres[-1]
            self._pen.text((x, y - 0.6 * column.pitch), f"⋮<BR/>{left_out} more")

    def _note(self, layer: Linear, before: Column, column: Column) -> None:
        """Says in place of labels how large the weights and their gradients are."""
        weights = [weight for row in layer.weight for weight in row]
        data = [weight.data for weight in weights]
        lines = [f"{layer.out_features} × {layer.in_features} weights", f"{min(data):.3g} … {max(data):.3g}"]
        if any(weight.has_grad for weight in weights):
            lines.append(f"‖grad‖ {math.hypot(*(weight.grad for weight in weights)):.3g}")
        self._notes = max(self._notes, len(lines))
        middle = (before.centres[0][0] + column.centres[0][0]) / 2
        self._pen.text((middle, self._places.bottom - 12.0 - 7.0 * len(lines)), html("\n".join(lines)))

    def _connections(self, layer: Linear, before: Column, column: Column) -> None:
        """Lines with their weights, the strongest in front."""
        largest = max(abs(weight.data) for row in layer.weight for weight in row)
        found = [
            (layer.weight[j][i], start, end, row)
            for j, end in zip(column.drawn, column.centres, strict=True)
            for row, (i, start) in enumerate(zip(before.drawn, before.centres, strict=True))
        ]
        rows = len(before.centres)
        for weight, start, end, row in sorted(found, key=lambda each: abs(each[0].data)):
            way = [start, *self._in_list(column, end, row, rows), end]
            width = 0.7 * line_width(weight.data, largest) if column.has_labels else _thin(weight.data, largest)
            colour = sign_colour(self._theme, weight.data)
            self._pen.connection(way, width, colour, line_style(weight.data), _about(weight))
        for weight, start, end, row in found:
            label = self._texts.label("×", weight)
            if column.list:
                (left, y), (right, _) = self._in_list(column, end, row, rows)
                apart = "<BR/>" if column.list.row > LABEL_HEIGHT else "&#160; "
                self._parameter(((left + right) / 2, y), label, weight, apart)
            elif column.share is not None:
                self._parameter(between(start, end, column.share), label, weight)

    def _plain_connections(self, before: Column, column: Column) -> None:
        """A line from each node to the one beside it, which takes its number as it is."""
        for start, end in zip(before.centres, column.centres, strict=True):
            self._pen.connection([start, end], 1.0, self._theme.line, "solid")

    def _in_list(self, column: Column, end: Point, row: int, rows: int) -> list[Point]:
        """The two ends of a row in the list before a node; nothing without lists."""
        if not column.list:
            return []
        y = end[1] + ((rows - 1) / 2 - row) * column.list.row
        return [(column.list.left, y), (column.list.right, y)]

    def _parameter(self, point: Point, label: Label, parameter: Value, apart: str = "<BR/>") -> None:
        """A label: the number, and the gradient below or beside it."""
        self._pen.label(point, apart.join(self._parts(label)), parameter.name)

    def _parts(self, label: Label) -> list[str]:
        """The number, and the gradient in its colour."""
        parts = [html(label.number)]
        if label.gradient:
            colour = text_colour(self._theme, label.slope)
            parts.append(f'<FONT COLOR="{colour}" POINT-SIZE="{SIZE}">{label.gradient}</FONT>')
        return parts

    def _node(self, centre: Point, stage: Stage, index: int) -> None:
        """A circle with the activation's curve inside and the number that leaves it below."""
        symbol = "" if stage.bends else "Σ"
        names = ", ".join(type(bend).__name__ for bend in stage.bends) or "sum"
        circle = f"shape=circle fixedsize=true width={NODE / 72:.3f}"
        self._pen.node(centre, f'{circle} label="{symbol}" fontsize=16 tooltip={tooltip(names)}')
        if stage.bends:
            self._curve(centre, stage, index)
        name, number = self._texts.leaving(stage, index)
        if name or number:
            below = (centre[0], centre[1] - NODE / 2 - LABEL_HEIGHT / 2)
            named = f'<FONT COLOR="{self._theme.faint}">{html(name)}</FONT>' if name else ""
            self._pen.label(below, named + number)

    def _curve(self, centre: Point, stage: Stage, index: int) -> None:
        """The activation around 0, wide enough for the point in use, which gets a dot."""
        entering = stage.before[index] if stage.before else 0.0
        reach = max(4.0, 1.25 * abs(entering)) if math.isfinite(entering) else 4.0
        xs = [reach * (step / 16.0 - 1.0) for step in range(33)]
        ys = [bent(stage.bends, x) for x in xs]
        top = max((abs(y) for y in ys if math.isfinite(y)), default=1.0) or 1.0
        half = 0.36 * NODE

        def place(x: float, y: float) -> Point:
            return centre[0] + half * x / reach, centre[1] + half * y / top

        self._pen.curve([place(-reach, 0.0), place(reach, 0.0)], self._theme.line, 0.5)
        self._pen.curve([place(0.0, -top), place(0.0, top)], self._theme.line, 0.5)
        curve = [place(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
        self._pen.curve(curve, self._theme.positive, 2.0)
        if stage.before and math.isfinite(entering):
            point = place(entering, bent(stage.bends, entering))
            dot = f'shape=circle fixedsize=true width=0.08 label="" style=filled fillcolor="{self._theme.negative}"'
            self._pen.node(point, f"{dot} penwidth=0")

    def _mixer(self, stage: Stage, before: Column, column: Column) -> None:
        """A tall box that all lines pass through, for layers such as Softmax."""
        centres = column.centres
        height = centres[0][1] - centres[-1][1] + NODE
        middle = (centres[0][0], (centres[0][1] + centres[-1][1]) / 2)
        self._plain_connections(before, column)
        box = f'shape=box style="rounded,filled" fillcolor="{self._theme.module}" fixedsize=true'
        name = type(stage.layer).__name__
        self._pen.node(
            middle, f"{box} width={mixer_width(stage.layer) / 72:.3f} height={height / 72:.3f} label=<{html(name)}>"
        )
        self._left_out(column)


def mixer_width(layer: Module) -> float:
    """The width of a box such as Softmax."""
    return text_width(type(layer).__name__) + 2 * PADDING


def _thin(number: float, largest: float) -> float:
    """The width of one line among many, in proportion, so that the strongest stand out."""
    share = abs(number) / largest if largest else 0.0
    return 0.3 + 2.2 * share if math.isfinite(share) else 1.0


def _about(weight: Value) -> str:
    gradient = f", grad {weight.grad!r}" if weight.has_grad else ""
    return f"{weight.name}: {weight.data!r}{gradient}"
