"""diagram: a network as the lectures draw it, with weights on the connections and bends in the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Real
from typing import NamedTuple

from autograd.drawing.canvas import FONT, SIZE
from autograd.drawing.display import Drawing, PositionedDrawing
from autograd.drawing.theme import formatted, theme_named

from ..activations import LogSoftmax, one_hot, softmax
from ..checks import boolean, integer_at_least, items, kind_of, one_of, shown
from ..layers import Linear
from ..module import Module
from ..types import Numbers
from .flowchart import flowchart
from .pen import Pen
from .places import NODE, Grid
from .sketch import Sketch, Texts, box_height, box_width, mixer_width
from .spacing import Gap, fitted
from .stages import Stage, as_floats, drawn, drawn_nodes, layers_in_row, require_in_a_row, stages_of, values_after

_LEGEND = "× weight, + bias; solid blue: weight above 0, dashed orange: below 0; width: size of the weight"


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
    curve; what leaves a hidden node has the name that `draw` and `explain` give it. Once `backward` has run, each
    parameter's gradient stands beside it.

    No text is under 9 px where the picture is 600 px wide, up to four linear layers. Layers with more connections than
    there is room for have the range of their weights and the norm of their gradients below, and each number in the
    tooltip of its connection. Of a layer of more than ten nodes eight are drawn, the observed class among them.

    Args:
        model: linear layers and activations in a row: a Linear, Sequential, MLP, or your own module that computes just
            that.
        x: one observation, a number per input.
        target: what was observed for it, a number per output or the index of a class; each output then shows it, and
            the residual, observed - predicted. Of raw outputs a class is compared with their softmax p, as by the
            cross entropy: its gradient for a raw output is then minus the residual. Needs `x`.
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
    point = [] if x is None else as_floats(x, "x")
    if x is not None and len(point) != widths[0]:
        raise ValueError(f"diagram: x must have a number for each of {widths[0]} inputs, got {shown(x)}")
    values = None if x is None else values_after(layers, point)
    answer = None if target is None else _answer(target, values, layers[-1])
    has_gradients = any(parameter.has_grad for parameter in model.parameters())
    stages, texts = stages_of(layers, values), Texts(precision)
    left = _lines(_names(inputs, widths[0], "input"), values[0] if values else None, None, precision)
    right = _lines(_names(outputs, widths[-1], "output"), values[-1] if values else None, answer, precision)
    places = _places(stages, left, right, texts, has_gradients, answer)
    pen = Pen(theme_named(theme))
    sketch = Sketch(pen, texts, places, has_gradients)
    sketch.network(stages, left, right)
    sketch.below(caption, _remarks(answer, sketch.leaves_out_weights) if legend else [])
    drawing = PositionedDrawing(engine="neato")
    drawing.body.extend([*_defaults(pen), *pen.lines])
    drawing.as_mermaid = partial(flowchart, stages, left, right, precision, answer and answer.chosen)
    return drawing


class _Answer(NamedTuple):
    """What was observed.

    Attributes:
        observed: a number for each output.
        predicted: what it is compared with.
        chosen: the observed class, if that was given.
        probabilities: whether these are the softmax of the outputs.
    """

    observed: list[float]
    predicted: list[float]
    chosen: int | None = None
    probabilities: bool = False


def _answer(target: Numbers, values: list[list[float]] | None, last: Module) -> _Answer:
    """The observed number of each output; a class is compared with the probabilities of the classes."""
    if values is None:
        raise ValueError("diagram: target is what was observed for the observation x, so it needs x")
    outputs = values[-1]
    if len(outputs) > 1 and isinstance(target, Real) and not isinstance(target, bool):
        if target not in range(len(outputs)):
            raise ValueError(f"diagram: target must be a class from 0 to {len(outputs) - 1}, got {shown(target)}")
        observed, is_raw = one_hot(int(target), len(outputs)), isinstance(last, (Linear, LogSoftmax))
        return _Answer(observed, list(map(float, softmax(outputs))) if is_raw else outputs, int(target), is_raw)
    observed = as_floats(target, "target")
    if len(observed) != len(outputs):
        raise ValueError(f"diagram: target must have a number for each of {len(outputs)} outputs, got {shown(target)}")
    return _Answer(observed, outputs)


def _places(
    stages: Sequence[Stage],
    left: Sequence[Sequence[str]],
    right: Sequence[Sequence[str]],
    texts: Texts,
    has_gradients: bool,
    answer: _Answer | None,
) -> Grid:
    """Where the columns are."""
    before = inputs = drawn(len(left))
    columns = drawn_nodes(stages, answer and answer.chosen)
    side = box_width(left, inputs) / 2
    gaps: list[Gap] = []
    for stage, nodes in zip(stages, columns, strict=True):
        if isinstance(stage.layer, Linear):
            gaps.append(texts.gap(stage, (before, nodes), side))
        else:
            gaps.append(Gap((before, nodes), len(right), (side, mixer_width(stage.layer) / 2)))
        before, side = nodes, gaps[-1].sides[1]
    gaps.append(Gap((before, before), len(right), (max(side, NODE / 2), box_width(right, before) / 2)))
    height = max(box_height(left, inputs), box_height(right, before))
    return fitted(inputs, len(left), gaps, height, has_gradients)


def _remarks(answer: _Answer | None, leaves_out_weights: bool) -> list[str]:
    """The lines of the legend."""
    remarks = [_LEGEND]
    if leaves_out_weights:
        remarks.append("Where there is no room for every weight: from the smallest to the largest, each in its tooltip")
    if answer and answer.probabilities:
        remarks.append("p: softmax of the outputs; residual: observed − p")
    elif answer:
        remarks.append("residual: observed − predicted")
    return remarks


def _defaults(pen: Pen) -> list[str]:
    """What all parts have in common: edges are drawn first, so that labels cover lines."""
    theme = pen.theme
    return [
        f'\tgraph [layout=nop2 bgcolor="{theme.background}" outputorder=edgesfirst pad=0.15]\n',
        f'\tnode [shape=plain fontname="{FONT}" fontsize={SIZE} fontcolor="{theme.ink}" color="{theme.ink}"]\n',
        f'\tedge [arrowhead=none color="{theme.line}"]\n',
    ]


def _names(names: Sequence[str] | None, count: int, kind: str) -> list[str]:
    if names is None:
        stand_in = "predicted" if kind == "output" else kind  # as draw and explain have it
        return [stand_in if count == 1 else f"{stand_in}{i}" for i in range(1, count + 1)]
    listed = items(names, f"{kind}s", "a list of strings")
    if len(listed) != count or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"diagram: {kind}s must be {count} strings, got {shown(names)}")
    return listed


def _lines(
    names: Sequence[str], values: Sequence[float] | None, answer: _Answer | None, precision: int
) -> list[list[str]]:
    """What stands in the boxes of a column: the name, the number, what was observed and the residual."""
    boxes = []
    for index, name in enumerate(names):
        lines = [name]
        if values:
            lines.append(formatted(values[index], precision))
        if answer:
            observed, predicted = answer.observed[index], answer.predicted[index]
            lines += [f"p {formatted(predicted, precision)}"] * answer.probabilities
            lines.append(f"observed {formatted(observed, precision)}")
            lines.append(f"residual {formatted(observed - predicted, precision)}")
        boxes.append(lines)
    return boxes
