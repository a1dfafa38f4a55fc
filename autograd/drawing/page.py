"""Page: one HTML file with everything in it, which needs no network and shows itself in notebooks."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..files import write_atomically
from .checks import choice
from .theme import THEMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

MORE_COLOURS = {
    "light": {
        "panel": "#ffffff", "edge": "#d5dae0", "focus": "#0b62c4", "accent": "#14569b", "chosen": "#eaf1fb",
        "lit": "#ffe7a0", "squiggle": "#00795a", "low": "#fff6cf", "middle": "#7dbab5", "high": "#24447e",
        "unit0": "#0072b2", "unit1": "#c24a00", "unit2": "#a8477f", "unit3": "#7a6000", "unit4": "#5b4bb7",
        "unit5": "#4f6272",
        "class0": "#0072b2", "class1": "#c24a00", "class2": "#00795a", "class3": "#a8477f", "class4": "#7a6000",
        "class5": "#5b4bb7",
    },
    "dark": {
        "panel": "#161b22", "edge": "#30363d", "focus": "#79b8ff", "accent": "#8cc8ff", "chosen": "#1f2b3d",
        "lit": "#5a4508", "squiggle": "#4fd1a5", "low": "#ffe9a3", "middle": "#3b8a8c", "high": "#172a4d",
        "unit0": "#6bb8f0", "unit1": "#ff9a52", "unit2": "#f0a3cf", "unit3": "#e3c14c", "unit4": "#b9adff",
        "unit5": "#a9bac8",
        "class0": "#6bb8f0", "class1": "#ff9a52", "class2": "#4fd1a5", "class3": "#f0a3cf", "class4": "#e3c14c",
        "class5": "#b9adff",
    },
}  # fmt: skip
"""What pages need besides the colours of pictures: curves and classes after M. Okabe and K. Ito, darker or lighter."""

BACKGROUND = {"light": "#f4f6f9", "dark": "#0d1117"}


class Page:
    """A page that works offline, by itself, and any number of times in one document.

    Args:
        html: the whole page.
        height: of its frame in a notebook, in pixels.

    Attributes:
        html: the whole page.

    >>> from autograd import Page
    >>> page = Page("<!DOCTYPE html><title>Seven</title><p>7</p>")
    >>> page
    <Page of 43 bytes; .save(path) writes it>
    """

    def __init__(self, html: str, height: int = 760) -> None:
        self.html = html
        self._height = height

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.html.encode()):,} bytes; .save(path) writes it>"

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes the page, whole or not at all; makes the folder if needed.

        Args:
            path: ends in .html.

        Returns:
            The path.

        Raises:
            ValueError: the path has another suffix.
        """
        target = Path(path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a page is saved as .html, got the path {str(path)!r}")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, self.html.encode())
        return target

    def _repr_html_(self) -> str:
        """For notebooks: the page in a frame of its own, as wide as the cell."""
        title = self.html.partition("<title>")[2].partition("</title>")[0]  # escaped for attributes too
        return (
            f'<iframe title="{title}" srcdoc="{escape(self.html)}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {self._height}px; border: 0"></iframe>'
        )


class Part(NamedTuple):
    """A file of scripts or styles, in the folder `scripts` of a package."""

    package: str
    name: str

    def text(self) -> str:
        """What it says, without indentation and lines of comments."""
        text = files(self.package).joinpath("scripts", self.name).read_text(encoding="utf-8")
        return without_comments(text) if self.name.endswith(".js") else text


_AT_THE_END = re.compile(r"\s+// [^\"'`]*$")
_COMMENTS = ("//", "/**", "* ", "*/")


def without_comments(script: str) -> str:
    """A script without indentation and comments."""
    lines = [_AT_THE_END.sub("", line.strip()) for line in script.splitlines()]
    return "".join(f"{line}\n" for line in lines if line not in ("", "*") and not line.startswith(_COMMENTS))


def panel(part: Part) -> str:
    """A script whose function `draw` is a panel, with names of its own."""
    name = part.name.removesuffix(".js")
    return f"panels.{name} = (() => {{\n{part.text()}return draw;\n}})();\n"


def document(
    title: str, body: str, data: Any, scripts: Sequence[str], styles: Sequence[Part], theme: str | None
) -> str:
    """The HTML of a page.

    Args:
        title: of the document.
        body: what stands in its `main`, with everything escaped.
        data: what the scripts read, as JSON.
        scripts: what runs; nothing of the user's may be in it.
        styles: the style sheets.
        theme: "light", "dark", or None for the one that the reader's system prefers.
    """
    script = '(() => {\n"use strict";\n' + "".join(scripts) + "})();\n"
    style = _colours(theme) + "".join(part.text() for part in styles)
    style = re.sub(r"\s*\n\s*", "\n", re.sub(r" ?([{};,]) ", r"\1", style))
    written = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{clean(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        f'<script type="application/json">{written}</script>\n<script>{script}</script>\n</main>\n</body>\n</html>\n'
    )


def clean(text: str) -> str:
    """Anything as text in a page, in elements and attributes."""
    return escape(text.encode("utf-8", "replace").decode()).replace("\0", "\N{SYMBOL FOR NULL}")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _colours(theme: str | None) -> str:
    """The colours as variables of the style sheet."""
    if theme is not None:
        choice(theme, "theme", THEMES, "'light', 'dark' or None for the reader's own")
        return f":root {{ color-scheme: {theme}; {_variables(theme)} }}\n"
    return (
        f":root {{ color-scheme: light dark; {_variables('light')} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables('dark')} }} }}\n"
    )


def _variables(name: str) -> str:
    colours: Mapping[str, str] = {
        **THEMES[name]._asdict(), **MORE_COLOURS[name], "background": BACKGROUND[name],
    }  # fmt: skip
    return " ".join(f"--{key.replace('_', '-')}: {colour};" for key, colour in colours.items())
