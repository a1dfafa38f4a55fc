"""animate: the forward and then the backward pass, node by node, as a web page, a GIF or a folder of SVG frames."""

from __future__ import annotations

import io
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chain import gradients_kept
from ..extras import missing_extra
from ..node import nodes
from ..value import Value
from .canvas import DIRECTIONS, Picture, placed
from .checks import choice, digits, kind_of, shown
from .dot_text import shortened
from .look import SHOWN, Look
from .names import variable_names
from .page import Page, Part, document
from .rendering import rendered
from .rows import squares_named
from .sketch import sketched
from .stepped import Box, stepping, svg
from .steps import Step, computed, names_for_all, steps_of
from .theme import theme_named
from .then import changes, data_then, gradients_then, numbers_then

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from .sketch import Sketch

MOST = 150
"""Nobody watches more Values than this one by one."""

CHARACTER = (9, 20)
"""Points reserved per character of a caption: enough in any font."""


def animate(
    root: Value,
    path: str | PathLike[str] | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    theme: str | None = None,
    direction: str = "LR",
    precision: int = 4,
    seconds: float = 1.0,
) -> Animation:
    """Shows the computation of a Value and then `backward`, step by step.

    The gradients shown are those of this Value alone, whatever `.grad` holds. The Values are left as they are.

    Args:
        root: where backward starts.
        path: where to save it at once, see `Animation.save`; a notebook shows it without.
        names: what to call Values without a name: variables by name, as `locals()` gives them.
        theme: "light", "dark", or None for light pictures and a page in the theme that the reader's system prefers.
        direction: where the computation flows: "LR", "TB", "RL" or "BT".
        precision: significant digits.
        seconds: time per step of a GIF.

    Returns:
        The animation.

    Raises:
        TypeError: root is not a Value.
        ValueError: root depends on too many Values to watch, or the path has another suffix.
        ImportError: a GIF needs Pillow, which the extra `plots` installs.

    >>> from autograd import Value, animate
    >>> w = Value(3.0, name="w")
    >>> "dy/dw = dy/dy × dy/dw = 1 × 2 = 2" in animate(w * 2).html
    True
    """
    if not isinstance(root, Value):
        raise TypeError(f"animate takes a Value, got {kind_of(root)}")
    choice(direction, "animate: direction", DIRECTIONS, f"one of {', '.join(DIRECTIONS)}")
    if theme is not None:
        theme_named(theme)
    precision = digits(precision, "animate: precision")
    if isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 < seconds < 10**6:
        raise ValueError(f"animate: seconds must be a number above 0, got {shown(seconds)}")
    if path is not None:
        _kind(path)
    values = nodes([root])
    if len(values) > MOST:
        raise ValueError(f"animate shows at most {MOST} Values one by one, this graph has {len(values)}; use draw")
    variables = variable_names(names)
    called = names_for_all(root, lambda value: value.name or variables.get(value) or "")
    look = Look(
        theme_named(theme or "light"), frozenset(SHOWN), precision, called, then=numbers_then(values), has_bars=False
    )
    animation = Animation(root, look, direction, theme, float(seconds))
    if path is not None:
        animation.save(path)
    return animation


class Animation(Page):
    """A computation and its backward pass, step by step: a page that notebooks show, and files.

    Attributes:
        html: the page.

    >>> from autograd import Value, animate
    >>> animation = animate(Value(3.0, name="w") * 2)
    >>> animation.html.startswith("<!DOCTYPE html>")
    True
    """

    def __init__(self, root: Value, look: Look, direction: str, theme: str | None, seconds: float) -> None:
        self._root = root
        self._look = look
        self._direction = direction
        self._seconds = seconds
        with self._filmed() as film:
            html, height = _page(film, theme)
        super().__init__(html, height)

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes the animation.

        Args:
            path: "loss.html" for a page that works offline, with buttons, arrow keys, and an explanation of each node
                on click; "loss.gif" for an endless animation; a path without suffix for a folder of SVG frames.

        Returns:
            The path.

        Raises:
            ValueError: the path has another suffix.
            ImportError: a GIF needs Pillow, which the extra `plots` installs.
        """
        kind, target = _kind(path), Path(path)
        if kind == ".html":
            return super().save(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._filmed() as film:
            if kind == ".gif":
                _write_gif(film, target, self._seconds)
            else:
                _write_frames(film, target)
        return target

    @contextmanager
    def _filmed(self) -> Iterator[Film]:
        """The steps, with the gradients of this Value alone in the graph meanwhile."""
        root = self._root
        with gradients_kept([root]):
            found = gradients_then(root)
            for value in nodes([root]):
                value.gradient = found.get(value)
            sketch = placed(squares_named(sketched([root]), self._look.must_stay))
            changed = changes([root], self._look.name, self._look.precision)
            yield Film(sketch, self._look, self._direction, root, changed)


def _kind(path: str | PathLike[str]) -> str:
    """The suffix of a path, if an animation can be saved so."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".html", ".gif", ""):
        raise ValueError(f"animate writes .html, .gif, or a folder of SVG frames; got the path {str(path)!r}")
    return suffix


class Film:
    """The steps of a computation, and the picture of each."""

    def __init__(self, sketch: Sketch, look: Look, direction: str, root: Value, changed: str) -> None:
        self.sketch = sketch
        self.look = look
        self.direction = direction
        self.root = root
        self.steps = steps_of(sketch, root, self.name, look.number)
        if changed:
            self.steps = [step._replace(text=f"{step.text} ({changed})") for step in self.steps]
        captions = [_wrapped(step.text).split("\n") for step in self.steps]
        columns = max(len(line) for lines in captions for line in lines)
        self._caption_room = (CHARACTER[0] * columns, CHARACTER[1] * max(map(len, captions)))

    def name(self, value: Value) -> str:
        """What a step calls a Value."""
        return self.look.name(value) or self.look.number(value.data)

    def formula(self, value: Value) -> str:
        """The operation behind a Value, in names."""
        return computed(value, self.name)

    def source(self, step: Step | None, legend: bool) -> str:
        """The DOT text of one step, or of the end. All share one layout: what is not known yet is invisible."""
        look = replace(self.look, step=step)
        caption = _wrapped(step.text) if step else None
        lines = Picture(look, self.direction, caption, legend, self._caption_room).lines(self.sketch)
        return "".join(["digraph {\n", *lines, "}\n"])

    def image(self, step: Step | None, format: str, legend: bool = False) -> bytes:
        """The picture of one step."""
        return rendered(self.source(step, legend), format)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 100)) or text


def _page(film: Film, theme: str | None) -> tuple[str, int]:
    """The page, and how high a frame for it should be."""
    root = film.root
    number, look = film.look.number, film.look
    keys = {value: i for i, value in enumerate(film.sketch)}
    boxes = [
        Box(
            shortened(film.name(value), 200),
            film.formula(value) if part.edges else "",
            part.kind,
            tuple(keys[edge.source] for edge in part.edges),
            value.gradient is not None,
        )
        for value, part in film.sketch.items()
    ]
    written = {
        "data": [number(data_then(value, look.then)) for value in film.sketch],
        "grad": ["" if value.gradient is None else number(value.gradient) for value in film.sketch],
        "local": [
            "" if edge.local is None else number(edge.local[0]) for part in film.sketch.values() for edge in part.edges
        ],
    }
    title = f"the graph of {film.name(root)}"
    picture = svg(boxes, title, film.direction, written, lambda i: "root" if i == keys[root] else "")
    texts = [step.text for step in film.steps]
    data = {
        "boxes": [{"operands": box.operands, "gradient": int(box.has_gradient)} for box in boxes],
        "texts": texts,
    }
    scripts = [Part(__package__, name).text() for name in ("tools.js", "stepper.js", "animation.js")]
    body = stepping(picture, texts, "Forward and backward", f"How {film.name(root)} and its derivatives are computed")
    height = 330 + round(float(picture.partition('height="')[2].partition('"')[0]))
    html = document("Forward and backward", body, data, scripts, [Part(__package__, "page.css")], theme)
    return html, min(height, 900)


def _write_frames(film: Film, path: Path) -> None:
    path.mkdir(exist_ok=True)
    digits = len(str(len(film.steps)))
    for number, step in enumerate(film.steps, 1):
        (path / f"step-{number:0{digits}}.svg").write_bytes(film.image(step, "svg"))


def _write_gif(film: Film, path: Path, seconds: float) -> None:
    try:
        from PIL import Image
    except ImportError as missing:
        raise missing_extra("a GIF is written by Pillow, and", "plots") from missing
    frames = [Image.open(io.BytesIO(film.image(step, "png"))).convert("RGB") for step in film.steps]
    size = (max(frame.width for frame in frames), max(frame.height for frame in frames))
    still = []
    for frame in frames:
        canvas = Image.new("RGB", size, film.look.theme.background)
        canvas.paste(frame, ((size[0] - frame.width) // 2, 0))
        still.append(canvas)
    still[0].save(path, save_all=True, append_images=still[1:], duration=round(1000 * seconds), loop=0)
