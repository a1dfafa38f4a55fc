"""draw: the graph of a computation as a picture, written as DOT text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..value import Value
from .dot_text import html, tooltip
from .legend import box_sample, legend_table, line_sample, text_sample, width_sample
from .names import variable_names
from .sketch import Edge, Part, around, sketched
from .theme import Theme, formatted, line_style, line_width, sign_colour, theme_named

if TYPE_CHECKING:
    from ..recording import Scope
    from .display import Drawing

SHOWN = ("data", "grad", "local")
DIRECTIONS = ("LR", "RL", "TB", "BT")
NAME_WIDTH = 28
NOT_COMPUTED = "not computed"

_MEANINGS = {
    "parameter": "parameter",
    "input": "input",
    "leaf": "leaf: an input or a parameter",
    "result": "result of an operation",
    "root": "what is drawn, such as a loss",
}

_FONT = "Helvetica,Arial,sans-serif"


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
    theme: str = "light",
    caption: str | None = None,
    legend: bool = True,
) -> Drawing:
    """The graph that led to a Value, as a picture.

    Every Value is a box with its name, data and gradient; every operation a circle with its symbol. The number on an
    edge into a circle is the local derivative, the factor of the chain rule that belongs to that operand. After
    `backward`, the colour and the dashes of an edge tell the sign of the gradient that flows back through it, and its
    width the size. Parameters, inputs, constants and the drawn result differ in shape.

    Args:
        root: the Value to draw, or several of them.
        show: which of "data", "grad" and "local" (the local derivatives) to show.
        group: "module" draws the scopes of the computation, such as the calls of layers, as labelled boxes; None not.
        depth: how many boxes may lie within each other; a module deeper down becomes a single node. None is no limit.
        max_nodes: above this number of Values the picture is folded: constants into their operations, operations in a
            row into one, modules into one node each, and equal parts, such as the observations of a batch, into one
            that says how many it stands for.
        direction: where the computation flows: "LR" to the right, "TB" down, "RL", "BT".
        precision: significant digits of numbers.
        names: what to call Values that have no name of their own: variables by name, as `locals()` gives them. Lists,
            tuples and dicts of Values count too: `x[0]`.
        theme: "light" or "dark".
        caption: a line below the picture.
        legend: whether the picture explains its signs.

    Returns:
        A Drawing, whose text is the same in every process: `.source`, `.render(outfile="loss.svg")`,
        `.pipe(format="png")`.

    Raises:
        TypeError: root is not a Value or a sequence of Values, or names not a mapping of strings.
        ValueError: another argument is not one of its values.

    >>> from autograd import Value, draw
    >>> w = Value(3.0, name="w")
    >>> loss = (2 * w - 1) ** 2
    >>> loss.backward()
    >>> drawing = draw(loss, names=locals())
    >>> drawing.source.startswith("digraph")
    True
    """
    from .display import Drawing  # only here: it loads graphviz

    look = Look(theme_named(theme), _shown(show), precision, variable_names(names))
    _require(group in ("module", None), "group", "'module' or None", group)
    _require(direction in DIRECTIONS, "direction", f"one of {', '.join(DIRECTIONS)}", direction)
    _require(_is_count(max_nodes, 1), "max_nodes", "an integer above 0", max_nodes)
    _require(_is_count(precision, 1), "precision", "an integer above 0", precision)
    _require(depth is None or _is_count(depth, 0), "depth", "None or an integer from 0", depth)
    sketch = sketched(_roots(root))
    drawing = Drawing(engine="dot")
    drawing.body.extend(picture_lines(sketch, look, direction, group is not None, caption, legend))
    return drawing


def _roots(root: object) -> list[Value]:
    roots: list[Any] = list(root) if isinstance(root, Iterable) else [root]
    if roots and all(isinstance(value, Value) for value in roots):
        return list(dict.fromkeys(roots))
    raise TypeError(f"draw takes a Value or a sequence of Values, got {root!r} of type {type(root).__name__}")


def _shown(show: Sequence[str]) -> frozenset[str]:
    parts = frozenset([show] if isinstance(show, str) else show)
    _require(parts <= set(SHOWN), "show", f"some of {', '.join(SHOWN)}", show)
    return parts


def _is_count(number: object, least: int) -> bool:
    return isinstance(number, int) and number >= least


def _require(condition: bool, argument: str, expected: str, got: object) -> None:
    if not condition:
        raise ValueError(f"draw: {argument} must be {expected}, got {got!r}")


class Look:
    """How a picture looks: its colours, what it shows, how it writes numbers and names."""

    def __init__(self, theme: Theme, shown: frozenset[str], precision: int, names: Mapping[Value, str]) -> None:
        self.theme = theme
        self.shown = shown
        self.precision = precision
        self.names = names
        self.largest_flow = 0.0

    def number(self, number: float) -> str:
        """The number as boxes show it."""
        return formatted(number, self.precision)

    def name(self, value: Value) -> str | None:
        """The Value's own name, or the variable's."""
        return value.name or self.names.get(value)


def picture_lines(
    sketch: Sequence[Part], look: Look, direction: str, grouped: bool, caption: str | None, legend: bool
) -> list[str]:
    """The body of the DOT text: a line for each part, edge and box around parts."""
    look.largest_flow = _largest_flow(sketch)
    numbers = {part: number for number, part in enumerate(sketch)}
    lines = _defaults(look, direction, legend_table(caption, _legend(sketch, look) if legend else ()))
    lines += _boxed(sketch, numbers, look) if grouped else [_node(part, numbers[part], look) for part in sketch]
    lines += [line for part in sketch for line in _edges(part, numbers, look)]
    return lines


def _largest_flow(sketch: Iterable[Part]) -> float:
    flows = [abs(edge.flow) for part in sketch for edge in part.edges if edge.flow is not None]
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


def _boxed(sketch: Iterable[Part], numbers: Mapping[Part, int], look: Look) -> list[str]:
    """The nodes, those of each scope within a labelled box, scopes within scopes."""
    content: dict[Scope | None, list[str]] = {None: []}
    for part in sketch:
        for scope in around(part.scope):
            content.setdefault(scope, [])
        content[part.scope].append(_node(part, numbers[part], look))
    scopes = [scope for scope in content if scope is not None]
    for number, scope in reversed(list(enumerate(scopes))):  # inner ones come after those around them
        content[scope.outer] += _box(number, scope, content[scope], look)
    return content[None]


def _box(number: int, scope: Scope, lines: Iterable[str], look: Look) -> list[str]:
    theme = look.theme
    return [
        f"\tsubgraph cluster_{number} {{ label=<{html(scope.name, NAME_WIDTH)}> tooltip={tooltip(scope.name)} "
        f'style="rounded,filled" fillcolor="{theme.module}" labelloc=t labeljust=l\n',
        *lines,
        "\t}\n",
    ]


def _node(part: Part, number: int, look: Look) -> str:
    """The box of a part, after the circle of its operation if it has one."""
    about = tooltip(_about(part, look))
    if part.kind == "constant":
        return f'\tv{number} [label=<{_constant(part, look)}> fontcolor="{look.theme.faint}" tooltip={about}]\n'
    box = f"\tv{number} [label=<{_table(part, look)}> tooltip={about}]\n"
    return _circle(part, number, look) + box if part.steps else box


def _constant(part: Part, look: Look) -> str:
    name = look.name(part.value)
    number = look.number(part.value.data)
    return f"{html(name, NAME_WIDTH)} = {number}" if name else number


def _circle(part: Part, number: int, look: Look) -> str:
    symbol = " → ".join(part.steps)
    shape = (
        "shape=circle fixedsize=true width=0.32 fontsize=14"
        if len(symbol) < 3
        else 'shape=box style=rounded height=0.3 margin="0.08,0.02"'
    )
    return f"\to{number} [{shape} label=<{html(symbol)}> ordering=in tooltip={tooltip(part.value.op or symbol)}]\n"


def _table(part: Part, look: Look) -> str:
    rows = "".join(_rows(part, look))
    return f'<TABLE {_frame(part, look.theme)} CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE>'


def _frame(part: Part, theme: Theme) -> str:
    """The shape of the box tells the kind, for those who do not see the colour too."""
    if part.is_root:
        return f'BORDER="3" COLOR="{theme.loss}" BGCOLOR="{theme.box}"'
    if part.kind == "parameter":
        return f'BORDER="2" COLOR="{theme.ink}" BGCOLOR="{theme.parameter}"'
    if part.kind in ("input", "leaf"):
        return f'BORDER="1" COLOR="{theme.ink}" STYLE="ROUNDED" BGCOLOR="{theme.input}"'
    return f'BORDER="1" COLOR="{theme.line}" BGCOLOR="{theme.box}"'


def _rows(part: Part, look: Look) -> Iterable[str]:
    value = part.value
    name = look.name(value)
    if name:
        yield f'<TR><TD COLSPAN="2"><B>{html(name, NAME_WIDTH)}</B></TD></TR>'
    if "data" in look.shown:
        yield _row("data", look.number(value.data), look.theme.ink, look)
    if "grad" in look.shown:
        grad = value._grad
        text = NOT_COMPUTED if grad is None else look.number(grad)
        yield _row("grad", text, look.theme.faint if grad is None else sign_colour(look.theme, grad), look)
    if not name and not look.shown & {"data", "grad"}:
        yield "<TR><TD> </TD></TR>"


def _row(label: str, text: str, colour: str, look: Look) -> str:
    return (
        f'<TR><TD ALIGN="LEFT"><FONT COLOR="{look.theme.faint}">{label}</FONT></TD>'
        f'<TD ALIGN="RIGHT"><FONT COLOR="{colour}">{text}</FONT></TD></TR>'
    )


def _about(part: Part, look: Look) -> str:
    """The whole truth, for whoever points at the box: full name, all digits."""
    value = part.value
    name = look.name(value)
    lines = [name] if name else []
    lines += [f"{part.kind} of {value.op}" if value.op else part.kind, f"data {value.data!r}"]
    if part.kind != "constant":
        lines.append(f"grad {NOT_COMPUTED if value._grad is None else repr(value._grad)}")
    return "\n".join(lines)


def _edges(part: Part, numbers: Mapping[Part, int], look: Look) -> Iterable[str]:
    number = numbers[part]
    target = f"o{number}" if part.steps else f"v{number}"
    for edge in part.edges:
        yield f"\tv{numbers[edge.source]} -> {target} [{_flow(edge.flow, look)}{_local(edge, look)}]\n"
    if part.steps:
        yield f"\to{number} -> v{number} [{_flow(part.value._grad, look)}]\n"


def _flow(flow: float | None, look: Look) -> str:
    """What a line looks like through which this much gradient flows back."""
    if flow is None:
        return ""
    width = line_width(flow, look.largest_flow)
    return f'color="{sign_colour(look.theme, flow)}" style={line_style(flow)} penwidth={width:g}'


def _local(edge: Edge, look: Look) -> str:
    if edge.local is None or "local" not in look.shown:
        return ""
    colour = look.theme.faint if edge.flow is None else sign_colour(look.theme, edge.local)
    return f' label="{look.number(edge.local)}" fontcolor="{colour}"'


def _legend(sketch: Sequence[Part], look: Look) -> Iterable[tuple[str, str]]:
    """The signs that occur in this picture, each with its meaning."""
    theme = look.theme
    yield from (
        (box_sample(_frame(part, theme), "<B>w</B>" if part.kind == "parameter" else " x "), meaning)
        for part, meaning in _kinds(sketch).items()
    )
    if "local" in look.shown and any(part.edges for part in sketch):
        yield text_sample("0.5 →"), "local derivative of the operation for this operand"
    flows = [edge.flow for part in sketch for edge in part.edges if edge.flow is not None]
    if any(flow > 0.0 for flow in flows):
        yield line_sample(theme.positive, "solid"), "gradient above 0 flows back"
    if any(flow < 0.0 for flow in flows):
        yield line_sample(theme.negative, "dashed"), "gradient below 0"
    if any(flow == 0.0 for flow in flows):
        yield line_sample(theme.line, "dotted"), "gradient 0"
    if any(flow != flow for flow in flows):
        yield line_sample(theme.broken, "dotted"), "gradient nan"
    if look.largest_flow:
        yield width_sample(theme.faint), "size of the gradient"


def _kinds(sketch: Sequence[Part]) -> dict[Part, str]:
    """One part of each kind that has a shape of its own, with what to call the kind."""
    first: dict[str, Part] = {}
    for part in sketch:
        first.setdefault("root" if part.is_root else part.kind, part)
    return {first[kind]: meaning for kind, meaning in _MEANINGS.items() if kind in first}
