"""draw: the graph of a computation as a picture, written as DOT text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..collector import collector_paused
from ..node import nodes
from ..value import Value
from .canvas import DIRECTIONS, Picture, placed
from .checks import boolean, choice, chosen, count, digits, kind_of, text
from .fitting import SIZES, fitted
from .folding import folded
from .look import SHOWN, Look
from .names import variable_names
from .rows import squares_named, without_constants
from .sketch import last_calls, near_uses, sketched
from .stand_ins import Roles
from .theme import theme_named
from .then import numbers_then

if TYPE_CHECKING:
    from .display import Drawing


READ = 300
"""A picture that shows more parts than this nobody reads, so it goes without stand-ins and bars."""


def draw(
    root: Value | Sequence[Value],
    *,
    show: Sequence[str] = SHOWN,
    group: str | None = "module",
    depth: int | None = None,
    max_nodes: int = 60,
    size: str | None = None,
    constants: bool = True,
    compact: bool = False,
    direction: str = "LR",
    precision: int = 4,
    names: Mapping[str, Any] | None = None,
    theme: str = "light",
    legend: bool = True,
    caption: str | None = None,
    marked: Mapping[Value, str] | None = None,
) -> Drawing:
    """The graph behind a Value, as a picture.

    Every Value is a box with its name, data and gradient; every operation is a circle with its symbol, or with the word
    "square" for a power of 2. The number on an edge into a circle is the local derivative, that operand's factor in the
    chain rule. After `backward`, the colour and dashes of an edge show the sign of the gradient that flows back through
    it, and its width the size; so does the bar in a box. Parameters, inputs, constants and the drawn result differ in
    shape. What has no name gets a stand-in that says what it is, such as "observed". If leaves were assigned after the
    graph was computed, their boxes say so, and all numbers are those that it was computed from.

    Args:
        root: the Value to draw, or several of them.
        show: which of "data", "grad" and "local" (the local derivatives) to show.
        group: "module" draws scopes, such as the calls of layers, as labelled boxes; None draws none.
        depth: how deep boxes may be nested; a module further down becomes a single node. None is no limit.
        max_nodes: above this number of Values the picture is folded: constants into their operations, operations in a
            row into one, the weights of a layer into a table, each module into one node, and equal parts, such as the
            observations of a batch, into one that says how many it stands for.
        size: "column" (600 px wide) or "slide" (1280 px by 720): chooses direction, folding and legend, and whether to
            be compact, so that at this width no text is less than 9 px high. None leaves that to the other arguments.
        constants: whether to draw the numbers among operands; the exponent of a square is never drawn.
        compact: whether to put an operation and its result into one node.
        direction: where the computation flows: "LR" to the right, "TB" down, "RL", "BT".
        precision: significant digits.
        names: what to call Values without a name: variables by name, as `locals()` gives them, including the Values
            in lists, tuples and dicts: `x[0]`.
        theme: "light" or "dark".
        legend: whether to explain the signs.
        caption: a line below the picture.
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

    choice(group, "draw: group", ("module", None), "'module' or None")
    choice(direction, "draw: direction", DIRECTIONS, f"one of {', '.join(DIRECTIONS)}")
    choice(size, "draw: size", (None, *SIZES), f"None or one of {', '.join(map(repr, SIZES))}")
    max_nodes = count(max_nodes, "draw: max_nodes", 1, "an integer above 0")
    precision = digits(precision, "draw: precision")
    depth = None if depth is None else count(depth, "draw: depth", 0, "None or an integer from 0")
    compact, constants = boolean(compact, "draw: compact"), boolean(constants, "draw: constants")
    legend, caption = boolean(legend, "draw: legend"), text(caption, "draw: caption")
    roots = _roots(root)
    drawing = Drawing(engine="dot")
    with collector_paused():  # it would search the growing sketch again and again, for a third of the time
        look = Look(
            theme_named(theme), chosen(show, "draw: show", SHOWN), precision, variable_names(names), marked=marked or {}
        )
        values = nodes(roots)
        then = numbers_then(values)
        sketch = sketched(roots, values, bool(then))
        if len(sketch) <= READ or len(sketch) > max_nodes:
            roles = Roles(roots, lambda value: look.name(value) or "")
            numbered = roles.numbered() if len(sketch) <= READ else {}
            look = replace(look, stand_ins=roles.names, numbered=numbered, shared=roles.shared())
        look = replace(
            look,
            then=then,
            last=last_calls(sketch) if "grad" in look.shown else {},
            is_compact=compact,
        )
        if group is None:
            sketch = {key: part._replace(scope=None) for key, part in sketch.items()}
        sketch = squares_named(sketch, look.must_stay) if constants else without_constants(sketch)
        picture = Picture(look, direction, caption, legend)
        if size is None:
            if depth is not None or len(sketch) > max_nodes:
                sketch = folded(sketch, max_nodes, depth, look.must_stay)
            if len(sketch) > READ:
                picture = picture._replace(look=replace(look, has_bars=False))
            sketch = placed(near_uses(sketch, max_nodes) if len(sketch) <= READ else sketch, look.shared)
        else:
            sketch, picture = fitted(sketch, picture, SIZES[size], max_nodes, depth)
        drawing.body.extend(picture.lines(sketch))
        drawing.as_mermaid = partial(picture.mermaid, sketch)
    return drawing


def _roots(root: object) -> list[Value]:
    """The Values to draw."""
    try:
        roots: list[Any] = list(root) if isinstance(root, Iterable) and not isinstance(root, dict) else [root]
    except Exception:  # whatever it is, it is no sequence of Values
        roots = []
    if roots and all(isinstance(value, Value) for value in roots):
        return list(dict.fromkeys(roots))
    raise TypeError(
        f"draw takes a Value or a sequence of Values, such as a loss or what a model returned; got {kind_of(root)}"
    )
