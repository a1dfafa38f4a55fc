"""animate: the forward and then the backward pass, node by node, as a web page, a GIF or a folder of SVG frames."""

from __future__ import annotations

import io
import textwrap
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chain import gradients_kept
from ..node import nodes
from ..value import Value
from .canvas import DIRECTIONS, Picture, placed
from .checks import choice, digits, kind_of, shown
from .look import SHOWN, Look
from .names import variable_names
from .page import page
from .rendering import rendered
from .sketch import sketched
from .steps import Step, names_for_all, steps_of
from .theme import theme_named
from .then import changes, gradients_then, numbers_then

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from .sketch import Sketch

MOST = 150
"""Nobody watches more Values than this one by one."""

CHARACTER = (9, 20)
"""Points reserved per character of a caption: enough in any font."""


def animate(
    loss: Value,
    path: str | PathLike[str],
    *,
    names: Mapping[str, Any] | None = None,
    theme: str = "light",
    direction: str = "LR",
    precision: int = 4,
    seconds: float = 1.0,
) -> Path:
    """Shows the computation of a Value and then `backward`, step by step.

    The gradients shown are those of this Value alone, whatever `.grad` holds. The Values are left as they are.

    Args:
        loss: where backward starts.
        path: "loss.html" for a page that works offline, with buttons, arrow keys, and an explanation of each node on
            click; "loss.gif" for an endless animation; a path without suffix for a folder of SVG frames.
        names: what to call Values without a name: variables by name, as `locals()` gives them.
        theme: "light" or "dark".
        direction: where the computation flows: "LR", "TB", "RL" or "BT".
        precision: significant digits.
        seconds: time per step of a GIF.

    Returns:
        The path.

    Raises:
        TypeError: loss is not a Value.
        ValueError: loss depends on too many Values to watch, or the path has another suffix.
        ImportError: a GIF needs Pillow, which the extra `plots` installs.
    """
    if not isinstance(loss, Value):
        raise TypeError(f"animate takes a Value, got {kind_of(loss)}")
    choice(direction, "animate: direction", DIRECTIONS, f"one of {', '.join(DIRECTIONS)}")
    precision = digits(precision, "animate: precision")
    if isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 < seconds < 10**6:
        raise ValueError(f"animate: seconds must be a number above 0, got {shown(seconds)}")
    path = Path(path)
    writers = {".html": _write_page, ".gif": _write_gif, "": _write_frames}
    if path.suffix.lower() not in writers:
        raise ValueError(f"animate writes .html, .gif, or a folder of SVG frames; got the path {str(path)!r}")
    values = nodes([loss])
    if len(values) > MOST:
        raise ValueError(f"animate shows at most {MOST} Values one by one, this graph has {len(values)}; use draw")
    with gradients_kept([loss]):
        found = gradients_then(loss)
        for value in values:
            value.gradient = found.get(value)
        sketch = placed(sketched([loss]))
        variables = variable_names(names)
        called = names_for_all(loss, lambda value: value.name or variables.get(value) or "")
        look = Look(theme_named(theme), frozenset(SHOWN), precision, called, then=numbers_then([loss]), has_bars=False)
        film = Film(sketch, look, direction, loss, changes([loss], look.name, precision))
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[path.suffix.lower()](film, path, seconds)
    return path


class Film:
    """The steps of a computation, and the picture of each."""

    def __init__(self, sketch: Sketch, look: Look, direction: str, root: Value, changed: str) -> None:
        self.sketch = sketch
        self.look = look
        self.direction = direction
        self.steps = steps_of(sketch, root, self.name, look.number)
        if changed:
            self.steps = [step._replace(text=f"{step.text} ({changed})") for step in self.steps]
        captions = [_wrapped(step.text).split("\n") for step in self.steps]
        columns = max(len(line) for lines in captions for line in lines)
        self._caption_room = (CHARACTER[0] * columns, CHARACTER[1] * max(map(len, captions)))

    def name(self, value: Value) -> str:
        """What a step calls a Value."""
        return self.look.name(value) or self.look.number(value.data)

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


def _write_page(film: Film, path: Path, seconds: float) -> None:
    ids = {value: f"v{number}" for number, value in enumerate(film.sketch)}  # as the DOT text calls the boxes
    steps = [
        {
            "current": ids[step.current],
            "computed": [ids[value] for value in ids if value in step.computed],
            "differentiated": [ids[value] for value in ids if value in step.differentiated],
            "text": step.text,
        }
        for step in film.steps
    ]
    about = {ids[step.current]: step.text for step in film.steps}
    svg = film.image(None, "svg", legend=True).decode()
    path.write_text(page(svg[svg.index("<svg") :], steps, about, film.look.theme), encoding="utf-8")


def _write_frames(film: Film, path: Path, seconds: float) -> None:
    path.mkdir(exist_ok=True)
    digits = len(str(len(film.steps)))
    for number, step in enumerate(film.steps, 1):
        (path / f"step-{number:0{digits}}.svg").write_bytes(film.image(step, "svg"))


def _write_gif(film: Film, path: Path, seconds: float) -> None:
    try:
        from PIL import Image
    except ImportError as missing:
        raise ImportError("a GIF needs Pillow: pip install 'chainrule[plots]'") from missing
    frames = [Image.open(io.BytesIO(film.image(step, "png"))).convert("RGB") for step in film.steps]
    size = (max(frame.width for frame in frames), max(frame.height for frame in frames))
    still = []
    for frame in frames:
        canvas = Image.new("RGB", size, film.look.theme.background)
        canvas.paste(frame, ((size[0] - frame.width) // 2, 0))
        still.append(canvas)
    still[0].save(path, save_all=True, append_images=still[1:], duration=round(1000 * seconds), loop=0)
