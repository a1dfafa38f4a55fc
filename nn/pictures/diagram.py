"""diagram: a network as the lectures draw it, with weights on the connections and bends in the nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np

from autograd import Value, no_grad
from autograd.drawing.display import Drawing, PositionedDrawing
from autograd.drawing.dot_text import html, tooltip
from autograd.drawing.theme import Theme, formatted, line_style, line_width, sign_colour, text_colour, theme_named

from ..activations import Activation, ArgMax, LogSoftmax, Softmax, one_hot
from ..checks import as_float, boolean, integer_at_least, is_number, items, kind_of, numbers, one_of, plain, shown
from ..layers import Linear
from ..module import Module
from ..types import Numbers
from .flowchart import Stage, flowchart
from .places import LABEL_HEIGHT, NODE, Column, Grid, Point, between, grid

_LEGEND = "× weight, + bias; solid blue: weight above 0, dashed orange: below 0; width: size of the weight"
_FONT = "Helvetica,Arial,sans-serif"


def diagram(
    model: Module,
    x: Numbers | None = None,
    *,
    target: Numbers | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    theme: str = "light",
    precision: int = 3,
    caption: str | None = None,
    legend: bool = True,
) -> Drawing:
    """The network with its weights, biases and activation functions.

    Connections say what they multiply by, and nodes what they add; a node with an activation function has its curve
    inside. With an observation `x`, every node shows the number that leaves it, and a dot marks the point in use on its
    curve. Once `backward` has run, each parameter's gradient stands below it.

    Args:
        model: linear layers and activations in a row: a Linear, Sequential, MLP, or your own module that computes just
            that.
        x: one observation, a number per input.
        target: what was observed for it, a number per output or the index of a class; each output then shows it, and
            the residual, observed - predicted. Needs `x`.
        inputs: what to call the inputs.
        outputs: what to call the outputs.
        theme: "light" or "dark".
        precision: significant digits.
        caption: a line below the picture.
        legend: whether a line below the picture explains its signs.

    Raises:
        TypeError: the model is no Module, or has parts other than linear layers and activations.
        ValueError: the model does not compute its layers in a row, or the number of inputs, targets or names is wrong.

    >>> import nn
    >>> drawing = nn.diagram(nn.MLP([1, 2, 1], seed=0), inputs=["dose"])
    >>> "dose" in drawing.source
    True
    """
    layers = layers_in_row(model)
    one_of(theme, "theme", ("light", "dark"))
    precision, legend = integer_at_least(precision, "precision", 1, 100), boolean(legend, "legend")
    if not isinstance(caption, (str, type(None))):
        raise TypeError(f"caption must be a string, got {kind_of(caption)}")
    linear = [layer for layer in layers if isinstance(layer, Linear)]
    widths = [linear[0].in_features, *(layer.out_features for layer in linear)]
    require_in_a_row(model, layers, widths[0])
    point = [] if x is None else _as_floats(x, "x")
    if x is not None and len(point) != widths[0]:
        raise ValueError(f"diagram: x must have a number for each of {widths[0]} inputs, got {shown(x)}")
    values = None if x is None else _values_after(layers, point)
    observed = None if target is None else _observed(target, values)
    has_gradients = any(parameter.has_grad for parameter in model.parameters())
    stages = stages_of(layers, values)
    places = grid(widths[0], stages, widths[-1], has_gradients, observed is not None)
    sketch = _Sketch(theme_named(theme), precision, places, has_gradients)
    box = f'BORDER="1" STYLE="ROUNDED" BGCOLOR="{sketch.theme.input}"'
    input_names, output_names = _names(inputs, widths[0], "input"), _names(outputs, widths[-1], "output")
    ends = sketch.boxes(input_names, values[0] if values else None, box)
    for stage in stages:
        ends = sketch.stage(stage, ends)
    sketch.outputs(output_names, values[-1] if values else None, ends, observed)
    drawing = PositionedDrawing(engine="neato")
    drawing.body.extend(sketch.body(caption, legend, observed is not None))
    left = _lines(input_names, values[0] if values else None, None, precision)
    right = _lines(output_names, values[-1] if values else None, observed, precision)
    drawing.as_mermaid = partial(flowchart, stages, left, right, precision)
    return drawing


def _observed(target: Numbers, values: list[list[float]] | None) -> list[float]:
    """The observed number of each output."""
    if values is None:
        raise ValueError("diagram: target is what was observed for the observation x, so it needs x")
    outputs = len(values[-1])
    if isinstance(target, Integral) and not isinstance(target, bool) and outputs > 1:
        return one_hot(int(target), outputs)
    observed = _as_floats(target, "target")
    if len(observed) != outputs:
        raise ValueError(f"diagram: target must have a number for each of {outputs} outputs, got {shown(target)}")
    return observed


def layers_in_row(model: Module) -> list[Module]:
    """The modules without modules inside, in the model's order."""
    if not isinstance(model, Module):
        raise TypeError(f"model: diagram takes a Module, got {kind_of(model)}")
    layers = [module for _, module in model.named_modules() if not module.children()]
    strange = [layer for layer in layers if not isinstance(layer, (Linear, Activation, Softmax, LogSoftmax, ArgMax))]
    if strange or not any(isinstance(layer, Linear) for layer in layers):
        kind = type(strange[0] if strange else model).__name__
        raise TypeError(f"diagram draws linear layers and activations, and cannot draw {kind}; use autograd.draw")
    if not isinstance(layers[0], Linear):
        raise TypeError(f"diagram needs a linear layer first, got {type(layers[0]).__name__}; use autograd.draw")
    return layers


def require_in_a_row(model: Module, layers: Sequence[Module], count: int) -> None:
    """Computes a point both ways, since a user's forward may do something else with the layers."""
    point = [math.sin(1.0 + i) for i in range(count)]
    try:
        expected, (_, got) = _values_after(layers, point)[-1], _values_after([model], point)
    except Exception as error:
        raise ValueError(f"diagram could not run the model on {count} numbers: {error}") from error
    if len(expected) != len(got) or not np.allclose(expected, got, rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError("diagram draws layers one after the other, but this model computes something else with them")


def _values_after(layers: Sequence[Module], point: Sequence[float]) -> list[list[float]]:
    """The inputs, and the numbers that leave each layer."""
    values = [list(point)]
    with no_grad():
        for layer in layers:
            values.append(_as_floats(layer(values[-1]), "what the layer gives"))
    return values


def _as_floats(found: Any, what: str) -> list[float]:
    return list(map(as_float, numbers([found] if is_number(found := plain(found, what)) else found, what)))


def _names(names: Sequence[str] | None, count: int, kind: str) -> list[str]:
    if names is None:
        stand_in = "predicted" if kind == "output" else kind  # as draw and explain have it
        return [stand_in if count == 1 else f"{stand_in}{i}" for i in range(1, count + 1)]
    listed = items(names, f"{kind}s", "a list of strings")
    if len(listed) != count or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"diagram: {kind}s must be {count} strings, got {shown(names)}")
    return listed


def _lines(
    names: Sequence[str], values: Sequence[float] | None, observed: Sequence[float] | None, precision: int
) -> list[list[str]]:
    """What stands in the boxes of a column: the name, the number, what was observed and the residual."""
    boxes = []
    for index, name in enumerate(names):
        lines = [name]
        if values:
            lines.append(formatted(values[index], precision))
        if values and observed:
            lines.append(f"observed {formatted(observed[index], precision)}")
            lines.append(f"residual {formatted(observed[index] - values[index], precision)}")
        boxes.append(lines)
    return boxes


def stages_of(layers: Sequence[Module], values: Sequence[list[float]] | None) -> list[Stage]:
    """The layers as columns: activations join the linear layer before them."""
    stages: list[Stage] = []
    for number, layer in enumerate(layers, 1):
        after = values[number] if values else None
        if isinstance(layer, Activation) and stages and isinstance(stages[-1].layer, Linear):
            linear, bends, before, _ = stages[-1]
            stages[-1] = Stage(linear, [*bends, layer], before, after)
        else:
            stages.append(Stage(layer, [], after, after))
    return stages


class _Sketch:
    """Collects the lines of the picture, column by column, each with its place."""

    def __init__(self, theme: Theme, precision: int, places: Grid, has_gradients: bool) -> None:
        self.theme = theme
        self.precision = precision
        self.places = places
        self.label_height = LABEL_HEIGHT * (1.75 if has_gradients else 1.0)
        self._columns = iter(places.columns)
        self.lines: list[str] = []
        self.number = 0

    def body(self, caption: str | None, legend: bool, has_residuals: bool) -> list[str]:
        """The DOT text: edges first, so that labels cover lines."""
        theme = self.theme
        middle, below = self.places.width / 2, self.places.bottom - 50.0
        if caption:
            self._text((middle, below), html(caption), size=14)
            below -= 22.0
        if legend:
            self._text((middle, below), _LEGEND)
            if has_residuals:
                self._text((middle, below - 15.0), "residual: observed − predicted")
        return [
            f'\tgraph [layout=nop2 bgcolor="{theme.background}" outputorder=edgesfirst pad=0.15]\n',
            f'\tnode [shape=plain fontname="{_FONT}" fontsize=11 fontcolor="{theme.ink}" color="{theme.ink}"]\n',
            f'\tedge [arrowhead=none color="{theme.line}"]\n',
            *self.lines,
        ]

    def boxes(
        self, names: Sequence[str], values: Sequence[float] | None, kind: str, observed: Sequence[float] | None = None
    ) -> list[Point]:
        """A column of boxes with names and values, and with what was observed; returns their centres."""
        column = next(self._columns)
        boxes = _lines(names, values, observed, self.precision)
        for index, centre in enumerate(column.centres):
            name, *numbers = boxes[index]
            text = "<BR/>".join([f"<B>{html(name, 20)}</B>", *numbers])
            self._table(centre, text, f'{kind} COLOR="{self.theme.ink}" CELLPADDING="6"', names[index])
        self._note(column)
        return column.centres

    def stage(self, stage: Stage, before: Sequence[Point]) -> list[Point]:
        """A column of nodes with what leads to them; returns their centres."""
        if not isinstance(stage.layer, Linear):
            return self._mixer(stage, before)
        layer, column = stage.layer, next(self._columns)
        for index, centre in enumerate(column.centres):
            self._node(centre, stage, index)
            if layer.bias is not None:
                self._parameter((centre[0], centre[1] + NODE / 2 + self.label_height / 2), "+", layer.bias[index])
        self._connections(layer, before, column)
        self._note(column)
        return column.centres

    def outputs(
        self,
        names: Sequence[str],
        values: Sequence[float] | None,
        before: Sequence[Point],
        observed: Sequence[float] | None,
    ) -> None:
        """The last column, of boxes."""
        box = f'BORDER="2" BGCOLOR="{self.theme.box}"'
        for start, end in zip(before, self.boxes(names, values, box, observed), strict=True):
            self._line(start, end, 1.0, self.theme.line, "solid")

    def _note(self, column: Column) -> None:
        """Says how many nodes of a column are left out."""
        left_out = column.number - len(column.centres)
        if left_out:
            x, y = column.centres[-1]
            self._text((x, y - 0.6 * self.places.row), f"⋮<BR/>{left_out} more")

    def _connections(self, layer: Linear, before: Sequence[Point], column: Column) -> None:
        """Lines with their weights, if there is room for these."""
        largest = max(abs(weight.data) for row in layer.weight for weight in row)
        for weights, end in zip(layer.weight, column.centres, strict=False):
            for weight, start in zip(weights, before, strict=False):
                colour = sign_colour(self.theme, weight.data)
                self._line(start, end, line_width(weight.data, largest) * 0.7, colour, line_style(weight.data), weight)
                if column.share is not None:
                    self._parameter(between(start, end, column.share), "×", weight)

    def _parameter(self, point: Point, sign: str, parameter: Value) -> None:
        """The label of a parameter: its own name if it has one, its number, and its gradient below."""
        own = parameter.name if parameter.name != getattr(parameter, "path", None) else None
        lines = [(f"{html(own, 12)}: " if own else "") + f"{sign} {self._number(parameter.data)}"]
        if parameter.has_grad:
            colour = text_colour(self.theme, parameter.grad)
            lines.append(f'<FONT COLOR="{colour}" POINT-SIZE="11">grad {self._number(parameter.grad)}</FONT>')
        self._label(point, "<BR/>".join(lines), parameter.name)

    def _node(self, centre: Point, stage: Stage, index: int) -> None:
        """A circle with the activation's curve inside and the number that leaves it below."""
        symbol = "" if stage.bends else "Σ"
        names = ", ".join(type(bend).__name__ for bend in stage.bends) or "sum"
        circle = f"shape=circle fixedsize=true width={NODE / 72:.3f}"
        self._add(centre, f'{circle} label="{symbol}" fontsize=16 tooltip={tooltip(names)}')
        if stage.bends:
            self._curve(centre, stage, index)
        if stage.after:
            below = (centre[0], centre[1] - NODE / 2 - LABEL_HEIGHT / 2)
            self._label(below, self._number(stage.after[index]))

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

        axis = f'color="{self.theme.line}" penwidth=0.5'
        self._path([place(-reach, 0.0), place(reach, 0.0)], axis)
        self._path([place(0.0, -top), place(0.0, top)], axis)
        curve = [place(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
        self._path(curve, f'color="{self.theme.positive}" penwidth=2')
        if stage.before and math.isfinite(entering):
            point = place(entering, bent(stage.bends, entering))
            dot = f'shape=circle fixedsize=true width=0.08 label="" style=filled fillcolor="{self.theme.negative}"'
            self._add(point, f"{dot} penwidth=0")

    def _mixer(self, stage: Stage, before: Sequence[Point]) -> list[Point]:
        """A tall box that all lines pass through, for layers such as Softmax."""
        centres = next(self._columns).centres
        height = centres[0][1] - centres[-1][1] + NODE
        middle = (centres[0][0], (centres[0][1] + centres[-1][1]) / 2)
        for start, end in zip(before, centres, strict=True):
            self._line(start, end, 1.0, self.theme.line, "solid")
        box = f'shape=box style="rounded,filled" fillcolor="{self.theme.module}" fixedsize=true width=1.05'
        self._add(middle, f"{box} height={height / 72:.3f} label=<{html(type(stage.layer).__name__)}>")
        return centres

    def _number(self, number: float) -> str:
        return formatted(number, self.precision)

    def _line(
        self, start: Point, end: Point, width: float, colour: str, style: str, weight: Value | None = None
    ) -> None:
        """A straight line between two centres; boxes and circles cover its ends."""
        about = f" tooltip={tooltip(f'{weight.name}: {weight.data!r}')}" if weight is not None else ""
        self._add(start, 'style=invis shape=point width=0 label=""')
        look = f'color="{colour}" style={style} penwidth={width:.2f}{about}'
        self._path([_towards(start, end), _towards(end, start)], look)

    def _path(self, points: Sequence[Point], attributes: str) -> None:
        """A broken line, written as an edge from the last node to itself."""
        name = f"n{self.number - 1}"
        self.lines.append(f'\t{name} -> {name} [pos="{_spline(points)}" {attributes}]\n')

    def _label(self, point: Point, content: str, about: str | None = None) -> None:
        self._table(point, content, f'BORDER="0" BGCOLOR="{self.theme.background}" CELLPADDING="0"', about)

    def _table(self, point: Point, content: str, frame: str, about: str | None = None) -> None:
        table = f'<TABLE {frame} CELLBORDER="0" CELLSPACING="0"><TR><TD>{content}</TD></TR></TABLE>'
        self._add(point, f"label=<{table}>" + (f" tooltip={tooltip(about)}" if about else ""))

    def _text(self, point: Point, content: str, size: int = 11) -> None:
        self._add(point, f'label=<{content}> fontsize={size} fontcolor="{self.theme.faint}"')

    def _add(self, point: Point, attributes: str) -> None:
        self.lines.append(f'\tn{self.number} [pos="{point[0]:.2f},{point[1]:.2f}" {attributes}]\n')
        self.number += 1


def bent(bends: Sequence[Activation], x: float) -> float:
    """The activations of a node, one after the other."""
    with no_grad():
        for bend in bends:
            x = as_float(bend(x))
    return x


def _towards(start: Point, end: Point) -> Point:
    """The start, moved from the centre of its node to the rim."""
    return between(start, end, 0.5 * NODE / math.dist(start, end))


def _spline(points: Sequence[Point]) -> str:
    """A broken line as Graphviz wants it: cubic pieces, here with control points on their ends."""
    controls = [points[0]]
    for before, after in pairwise(points):
        controls += [before, after, after]
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in controls)
