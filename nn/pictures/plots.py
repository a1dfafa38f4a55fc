"""Plots by matplotlib: the fitted squiggle and its component curves, decision regions, the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value, derivative, no_grad
from autograd.drawing.theme import THEMES, Theme, theme_named
from autograd.extras import missing_extra

from ..activations import argmax, one_hot
from ..checks import (
    as_float,
    boolean,
    integer_at_least,
    is_number,
    items,
    kind_of,
    number_between,
    numbers,
    one_of,
    shown,
)
from ..data import Column, observations
from ..least_squares import spread
from ..module import Module
from ..prediction import evaluating
from ..types import Numbers, Vector
from .components import components_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "light": ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#24292f", "#8000e0", "#602000", "#002080"),
    "dark": ("#4aa8ff", "#ff8f3f", "#5fe0b0", "#e58ac0", "#e0e000", "#e04060", "#a0e080", "#e020c0"),
}
"""What the colour-blind tell apart. The first four in the light: M. Okabe and K. Ito, Color Universal Design, 2008."""
_SQUIGGLE = 2
"""The colour of a single curve; what it is made of has the others."""
_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Markers of classes, so that they differ in a black-and-white print too."""
_CURVE_POINTS = 241
_SIZES = {"o": 6, "s": 6, "^": 7, "v": 7, "P": 8, "X": 8, "D": 6, "*": 11}
"""In points, so that all look equally large."""
_BESIDE: Mapping[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
_BELOW: Mapping[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
"""Where a legend hides nothing."""
_MOST_INSIDE = 5
"""With more entries a legend would hide curves."""
_LONGEST = 20
"""Characters of an entry beside the plot; longer ones would leave it no room."""


def plot_fit(
    model: Module,
    X: Numbers,  # noqa: N803  # the field's name
    y: Numbers,
    ax: Axes | None = None,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str | None = None,
    theme: str = "light",
    components: bool = True,
    residuals: bool = True,
    band: bool = False,
) -> Axes:
    """Draws what a network of one input has learned: the data, the fitted squiggle, and the curves that add up to it.

    A component curve is a term of the output that depends on the input, such as a hidden node's bent curve times its
    weight; the squiggle is their sum plus the bias. Of several outputs only the squiggles are drawn.

    Args:
        model: the network.
        X: the inputs, one per observation.
        y: the observed outputs; with several outputs also indices of classes, drawn as 1 among zeros.
        ax: where to draw; by default a new figure.
        inputs: what to call the input, a list of one name.
        outputs: what to call the outputs.
        title: a line above the plot.
        theme: "light" or "dark".
        components: whether to draw the component curves of a single output.
        residuals: whether to draw the residuals of a single output, from what was observed to the squiggle.
        band: whether to shade two standard errors of the squiggle to either side: about 95 times in 100 the curve that
            the data come from lies in the band at a given input. They are those of the Gauss-Newton covariance (see
            `History.standard_errors`), so this assumes that the network was trained on these data by least squares
            (`nn.ssr` or `nn.mse`), that residuals are independent and of equal variance, and that the network is close
            to linear in its parameters within their standard errors. Frozen parameters are taken as known.

    Returns:
        Where it was drawn.

    Raises:
        ValueError: the network has several inputs, there are too few or too many names, or `X`, `y` and the outputs do
            not fit each other; a band was asked for, but there are several outputs, or no more observations than
            parameters.
        ImportError: matplotlib is not installed.

    >>> import nn
    >>> model = nn.MLP([1, 2, 1], seed=0)
    >>> axes = nn.plot_fit(model, [0, 0.5, 1], [0, 1, 0])
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('input', 'predicted')
    """
    rows, observed = _checked(model, X, y)
    if any(len(row) != 1 for row in rows):
        raise ValueError(f"plot_fit draws networks of one input; X has rows of {max(map(len, rows))} numbers")
    xs = [row[0] for row in rows]
    grid = _widened(xs, _CURVE_POINTS)
    points = [Value(float(x)) for x in grid]
    rows_out = [_outputs(model, [x]) for x in points]
    count = len(rows_out[0])
    targets = np.array([_target(entry, count, position) for position, entry in enumerate(observed)])
    (across,), names = names_of(inputs, 1, "input"), names_of(outputs, count, "predicted")
    look, colours = theme_named(one_of(theme, "theme", THEMES)), COLOURS[theme]
    green, ax = colours[_SQUIGGLE], _axes(ax)
    if count == 1:
        shown = boolean(components, "components")
        drawn = shown and _plot_components(ax, grid, points, [y for (y,) in rows_out], _without_squiggle(theme))
        labels = [("their sum and the bias" if drawn else "the network", "observed", green, look.ink)]
    else:
        labels = [
            (name, f"observed{n}" if outputs is None else f"{name}, observed", color, color)
            for n, (name, color) in enumerate(zip(names, cycle(colours), strict=False), 1)
        ]
    for number, (squiggle, points_label, color, point_color) in enumerate(labels):
        curve = [row[number].data for row in rows_out]
        ax.plot(grid, curve, color=color, linewidth=2.5, label=squiggle)
        size = 7 + 3 * (len(labels) - 1 - number)  # points of several outputs may coincide, as the zeros of classes do
        shape = _SHAPES[number % len(_SHAPES)]
        ax.plot(xs, targets[:, number], shape, color=point_color, markersize=size, zorder=3, label=points_label)
    if boolean(residuals, "residuals") and count == 1:
        at_points = [_outputs(model, [Value(float(x))])[0].data for x in xs]
        ax.vlines(
            xs, at_points, targets[:, 0], color=look.ink, linestyle=":", linewidth=2, zorder=2.5, label="residual"
        )
    if boolean(band, "band"):
        around, wide = np.array([output.data for (output, *_) in rows_out]), 2.0 * _spread(model, xs, targets, rows_out)
        edges = around - wide, around + wide
        ax.fill_between(grid, *edges, color=green, alpha=0.2, linewidth=0.0, label="two standard errors")
    _dress(ax, across, names[0] if count == 1 else "predicted", title, theme, _BESIDE if count > 1 else {})
    return ax


def plot_decision_regions(
    model: Module,
    X: Numbers,  # noqa: N803  # the field's name
    y: Numbers,
    ax: Axes | None = None,
    *,
    boundary: float = 0.0,
    class_names: Sequence[str] | None = None,
    resolution: int = 60,
    inputs: Sequence[str] | None = None,
    title: str | None = None,
    theme: str = "light",
) -> Axes:
    """Draws which class a network of two inputs predicts where, and the observations on top.

    Classes differ in colour and in the shape of their points; a line is the boundary between their regions.

    Args:
        model: the network. Of several outputs the largest decides; a single one decides by being above `boundary`.
        X: the inputs, rows of two numbers.
        y: the observed classes: indices, one-hot lists or, for a single output, two labels such as -1 and 1.
        ax: where to draw; by default a new figure.
        boundary: the output at which a network of one output is undecided: 0 for raw outputs, 0.5 for probabilities.
        class_names: what the legend calls the classes, in order.
        resolution: at how many points along each side the network is evaluated.
        inputs: what to call the inputs, two names.
        title: a line above the plot.
        theme: "light" or "dark".

    Returns:
        Where it was drawn.

    Raises:
        ValueError: the network does not have two inputs, or `X` and `y` do not fit each other.
        ImportError: matplotlib is not installed.

    >>> import nn
    >>> model = nn.MLP([2, 3, 2], seed=0)
    >>> axes = nn.plot_decision_regions(model, [[0, 1], [1, 0]], [0, 1], class_names=["no", "yes"])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['no', 'yes']
    """
    rows, observed = _checked(model, X, y)
    if any(len(row) != 2 for row in rows):
        raise ValueError("plot_decision_regions draws networks of two inputs; X must have rows of two numbers")
    across, up = names_of(inputs, 2, "input")
    look = theme_named(one_of(theme, "theme", THEMES))
    points = np.array(rows, dtype=float)
    first, second = (_widened(points[:, i].tolist(), integer_at_least(resolution, "resolution", 2)) for i in range(2))
    scores = _scores(model, first, second, number_between(boundary, "boundary", -math.inf))
    classes, names = _classes(observed, scores.shape[0], class_names)
    ax = _axes(ax)
    for number, score in enumerate(scores):
        color = COLOURS[theme][number % len(COLOURS[theme])]
        lead = score - np.delete(scores, number, axis=0).max(axis=0)
        area = ax.contourf(first, second, lead, levels=[0.0, np.inf], colors=[color], alpha=0.2)
        area.set_edgecolor(look.ink)
        area.set_linewidth(1.2)
        chosen = points[classes == number]
        shape = _SHAPES[number % len(_SHAPES)]
        edge: dict[str, Any] = {"markeredgecolor": look.background, "markeredgewidth": 0.7}
        size, label = _SIZES[shape], names[number]
        ax.plot(chosen[:, 0], chosen[:, 1], shape, color=color, markersize=size, label=label, **edge)
    _dress(ax, across, up, title, theme, _BESIDE, legend_title="class")
    return ax


def plot_history(
    losses: Mapping[str, Sequence[float]],
    metrics: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    title: str | None = None,
    theme: str = "light",
) -> Axes:
    """Draws losses over the epochs, and metrics on an axis of their own to the right; see `History.plot`."""
    look = theme_named(one_of(theme, "theme", THEMES))
    ax = _axes(ax)
    from matplotlib.ticker import MaxNLocator  # after _axes, which says what to install

    colors = cycle((COLOURS[theme][_SQUIGGLE], *_without_squiggle(theme)))
    for name, curve in losses.items():
        ax.plot(range(1, len(curve) + 1), curve, _mark(curve), color=next(colors), linewidth=2, label=name)
    if all(loss > 0 for curve in losses.values() for loss in curve):
        ax.set_yscale("log")
        _in_plain_numbers(ax)
    if metrics:
        _plot_metrics(ax, ax.twinx(), metrics, colors, look)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    _dress(ax, "epoch", "loss", title, theme, _BELOW)
    return ax


def _mark(curve: Sequence[float], line: str = "-") -> str:
    """How to draw a curve: a single point has no line."""
    return line if len(curve) > 1 else "o"


def _in_plain_numbers(ax: Axes) -> None:
    """The numbers along a logarithmic axis: 0.4 instead of 4 × 10⁻¹."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, number: float, position: int | None = None) -> str:
            return f"{number:g}" if super().__call__(number, position) else ""

    ax.yaxis.set_major_formatter(Plain())
    ax.yaxis.set_minor_formatter(Plain())


def _plot_metrics(
    ax: Axes, beside: Axes, metrics: Mapping[str, Sequence[float]], colors: Iterator[str], look: Theme
) -> None:
    """One curve per metric, on the axis to the right."""
    for name, curve in metrics.items():
        # On the left axes too, without points, so that one legend has them all.
        (line,) = ax.plot([], [], _mark(curve, "--"), color=next(colors), linewidth=1.6, label=literal(name))
        beside.plot(range(1, len(curve) + 1), curve, _mark(curve, "--"), color=line.get_color(), linewidth=1.6)
    measured = {name.removeprefix("validation ") for name in metrics}
    beside.set_ylabel(literal(measured.pop()) if len(measured) == 1 else "metrics", color=look.ink)
    beside.tick_params(which="both", colors=look.ink)
    for spine in beside.spines.values():
        spine.set_color(look.line)


def names_of(names: Sequence[str] | None, count: int, stem: str) -> list[str]:
    """The names given, or the stand-ins that `draw` uses too: "input", or "input1", "input2", ..."""
    if names is None:
        return [stem] if count == 1 else [f"{stem}{n}" for n in range(1, count + 1)]
    listed = items(names, f"the names for {stem}", "a list of strings")
    if len(listed) != count or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"expected {count} names for {stem}, got {shown(names)}")
    return listed


def _dress(
    ax: Axes,
    across: str,
    up: str,
    title: str | None,
    theme: str,
    legend_place: Mapping[str, Any],
    legend_title: str | None = None,
) -> None:
    """Labels, title and legend, in the colours of the theme."""
    ax.set_xlabel(literal(across))
    ax.set_ylabel(literal(up))
    if title is not None:
        if not isinstance(title, str):
            raise TypeError(f"title must be a string, got {kind_of(title)}")
        ax.set_title(literal(title), wrap=True)
    entries = ax.get_legend_handles_labels()[1]
    longest = max(map(len, entries), default=0)
    is_too_large = longest > _LONGEST if legend_place else len(entries) > _MOST_INSIDE
    if is_too_large:
        legend_place = _BELOW
    if legend_place is _BELOW:
        columns = 2 if longest <= 1.5 * _LONGEST else 1
        legend_place = {**_BELOW, "bbox_transform": _below_the_label(ax), "ncols": columns}
    legend = ax.legend(title=legend_title, frameon=False, **legend_place)
    if theme == "light":
        return
    look = theme_named(theme)
    ax.figure.set_facecolor(look.background)
    ax.set_facecolor(look.box)
    ax.tick_params(which="both", colors=look.ink)
    words = [ax.xaxis.label, ax.yaxis.label, ax.title, legend.get_title(), *legend.get_texts()]
    for word in words:
        word.set_color(look.ink)
    for spine in ax.spines.values():
        spine.set_color(look.line)


def _below_the_label(ax: Axes) -> Any:
    """The coordinates of the axes, moved down by the height of numbers and label, however high the plot is."""
    from matplotlib.transforms import ScaledTranslation

    inches = 0.45
    return ax.transAxes + ScaledTranslation(0.0, -inches, ax.figure.dpi_scale_trans)


def literal(text: str) -> str:
    """A text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def _checked(model: Module, X: Numbers, y: Numbers) -> tuple[list[list[float]], Column]:  # noqa: N803
    """The rows of numbers, and what was observed for each."""
    if not isinstance(model, Module):
        raise TypeError(f"model must be a Module, got {kind_of(model)}")
    rows, observed = observations(X, y, "X", "y")
    return [list(map(as_float, numbers(row, f"X[{position}]"))) for position, row in enumerate(rows)], observed


def _axes(ax: Axes | None) -> Axes:
    if callable(getattr(type(ax), "plot", None)):
        return ax  # type: ignore[return-value]
    if ax is not None:
        raise TypeError(f"ax must be what matplotlib draws on, such as plt.gca(); got {kind_of(ax)}")
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_extra("a plot", "plots") from None
    return pyplot.subplots(layout="constrained")[1]


def _widened(numbers: Sequence[float], points: int) -> Vector:
    """Points over the range of the numbers and a little beyond."""
    low, high = min(numbers), max(numbers)
    margin = 0.08 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, points)


def _outputs(model: Module, row: list[Any]) -> list[Value]:
    with evaluating(module for _, module in model.named_modules()):
        outputs = model(row)
    listed = [outputs] if is_number(outputs) else items(outputs, "the outputs of the network")
    return [output if isinstance(output, Value) else Value(output) for output in listed]


def _target(entry: Any, outputs: int, position: int) -> list[float]:
    """What was observed, one number per output."""
    if is_number(entry):
        return [as_float(entry)] if outputs == 1 else one_hot(entry, outputs)
    found = list(map(as_float, numbers(entry, f"y[{position}]")))
    if len(found) != outputs:
        raise ValueError(f"y[{position}] must have one number for each output: expected {outputs}, got {len(found)}")
    return found


def _spread(model: Module, xs: Sequence[float], targets: Vector, curve: Sequence[Sequence[Value]]) -> Vector:
    """The standard error of the squiggle at each of its points."""
    moving = [parameter for parameter in model.parameters() if parameter.trainable]
    if targets.shape[1] != 1:
        raise ValueError(f"a band is drawn around a single output, and there are {targets.shape[1]}")
    if len(xs) <= len(moving):
        raise ValueError(
            f"a band needs more observations than parameters; there are {len(xs)} for {len(moving)} parameters"
        )
    at_points = [_outputs(model, [Value(float(x))])[0] for x in xs]
    left_over = np.array([output.data for output in at_points]) - targets[:, 0]
    return spread(left_over, _slopes(at_points, moving), _slopes([output for (output,) in curve], moving))


def _slopes(outputs: Sequence[Value], parameters: Sequence[Value]) -> Vector:
    """The derivatives of each output by the parameters, a row per output."""
    return np.array([[slope.data for slope in derivative(output, parameters)] for output in outputs])


def _without_squiggle(theme: str) -> list[str]:
    return [color for number, color in enumerate(COLOURS[theme]) if number != _SQUIGGLE]


def _plot_components(
    ax: Axes, grid: Vector, inputs: Sequence[Value], outputs: Sequence[Value], colors: Sequence[str]
) -> int:
    """The component curves, if there are several. Returns their number."""
    found = components_of(inputs, outputs)
    for number, (name, curve) in enumerate(found):
        label = f"component {number + 1}" + (f" (× {literal(name)})" if name else "")
        ax.plot(grid, curve, "--", color=colors[number % len(colors)], linewidth=1.8, label=label)
    return len(found)


def _scores(model: Module, first: Vector, second: Vector, boundary: float) -> Vector:
    """The outputs at all points of a grid, classes first; a single output becomes two opposed ones."""
    with no_grad():
        grid = np.array(
            [[[output.data for output in _outputs(model, [a, b])] for a in first.tolist()] for b in second.tolist()]
        )
    if grid.shape[2] == 1:
        return np.moveaxis(np.concatenate([boundary - grid, grid - boundary], axis=2), 2, 0)
    return np.moveaxis(grid, 2, 0)


def _label(entry: Any, number: int, position: int) -> float:
    """The class of an observation, which may be given as the shares of all classes."""
    row = [entry] if is_number(entry) else numbers(entry, f"y[{position}]")
    if len(row) not in (1, number):
        raise ValueError(f"y[{position}] must be a class or the shares of {number} classes, got {shown(entry)}")
    return argmax(row) if len(row) > 1 else row[0]


def _classes(observed: Sequence[Any], number: int, names: Sequence[str] | None) -> tuple[Any, list[str]]:
    """The class of each observation as an index, and what the classes are called."""
    labels = [_label(entry, number, position) for position, entry in enumerate(observed)]
    known: list[float] = sorted(set(labels)) if number == 2 and len(set(labels)) == 2 else list(range(number))
    if not set(labels) <= set(known):
        raise ValueError(f"y must hold classes from 0 to {number - 1}, got {sorted(set(labels) - set(known))}")
    called = list(map(str, known)) if names is None else items(names, "class_names", "a list of strings")
    if len(called) != number:
        raise ValueError(f"class_names must be {number} names, got {len(called)}")
    if not all(isinstance(name, str) for name in called):
        raise TypeError(f"class_names must be strings, got {shown(names)}")
    return np.array([known.index(label) for label in labels]), called
