"""Drawing: DOT text that renders itself, in files and in notebooks."""

from __future__ import annotations

import math
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import graphviz

from .rendering import rendered

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

_WITHOUT_DOTS = ("svg", "svgz", "pdf", "ps", "eps", "dot", "gv", "plain", "json")
"""Formats in which dots per inch mean nothing, or another size."""


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz is untyped
    """A picture: a `graphviz.Digraph` that does not need the program `dot`.

    `.source` is the DOT text, `.render(outfile="loss.svg")` writes a file, `.pipe(format="png")` returns the bytes, and
    notebooks show it. Formats are Graphviz's: svg, png, pdf, jpg, gif, eps and more.

    >>> from autograd import Value, draw
    >>> picture = draw(Value(2.0, name="w") * 3)
    >>> picture.source.startswith("digraph"), picture.pipe(format="svg", encoding="utf-8").startswith("<?xml")
    (True, True)
    """

    layout: str | None = None
    """Graphviz's layout program, if `engine` may not name it."""

    as_mermaid: Callable[[], str] | None = None
    """Writes the same picture for Mermaid."""

    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart, for Markdown pages: put it between "```mermaid" and "```".

        Raises:
            NotImplementedError: the drawing was not made by this library's functions.
        """
        if self.as_mermaid is None:
            raise NotImplementedError("only what draw and diagram return has a form for Mermaid")
        return self.as_mermaid()

    def copy(self) -> Drawing:
        """The same picture again."""
        copied: Drawing = super().copy()
        copied.as_mermaid = self.as_mermaid
        return copied

    def _repr_image_svg_xml(self) -> str:
        """For notebooks: no wider than the cell."""
        svg = str(self.pipe(format="svg", encoding="utf-8"))
        return svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

    def pipe(
        self,
        format: str | None = None,
        *,
        engine: str | None = None,
        encoding: str | None = None,
        dpi: float | None = None,
    ) -> bytes | str:
        """The picture as the content of a file.

        Args:
            format: "svg", "png", "pdf", ...; by default the drawing's own `format`.
            engine: Graphviz's layout program; by default the drawing's own.
            encoding: decodes the content to a string.
            dpi: dots per inch, for formats that are made of dots; by default 96.

        Raises:
            RenderingError: Graphviz is not installed, or does not know the format.
            ValueError: dpi is not a number above 0.
        """
        image = self._image(format or self.format, engine, dpi)
        return image if encoding is None else image.decode(encoding)

    def render(
        self,
        filename: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | PathLike[str] | None = None,
        engine: str | None = None,
        dpi: float | None = None,
    ) -> str:
        """Writes the picture to a file, and creates its folder if needed.

        Args:
            filename: where to save the DOT text; the picture goes beside it, with the format added to the name.
            directory: a folder for both.
            view: whether to open the picture in the system's viewer.
            cleanup: whether to delete the DOT text afterwards.
            format: "svg", "png", "pdf", ...; by default the suffix of `outfile`, or else the drawing's own `format`.
            outfile: the picture's own path; only the picture is written then.
            engine: Graphviz's layout program; by default the drawing's own.
            dpi: dots per inch, for formats that are made of dots; by default 96.

        Returns:
            The path of the picture.

        Raises:
            RenderingError: Graphviz is not installed, or does not know the format.
            ValueError: `outfile` has no suffix, and no format is given; or dpi is not a number above 0.
        """
        if outfile is not None:
            path = Path(directory or "", outfile)
            format = format or path.suffix[1:].lower()
            if not format:
                raise ValueError(f"outfile needs a suffix such as .svg, or a format= beside it, got {str(outfile)!r}")
            image = self._image(format, engine, dpi)
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            format = format or self.format
            image = self._image(format, engine, dpi)
            source = Path(self.save(filename, directory=directory))
            path = source.with_name(f"{source.name}.{format}")
            if cleanup:
                source.unlink()
        path.write_bytes(image)
        if view:
            self._view(str(path), format=format, quiet=False)
        return str(path)

    def _image(self, format: str, engine: str | None, dpi: float | None) -> bytes:
        source = self.source
        if dpi is not None:
            if isinstance(dpi, bool) or not isinstance(dpi, Real) or not 0 < float(dpi) < math.inf:
                raise ValueError(f"dpi must be a number above 0, got {dpi!r}")
            if format not in _WITHOUT_DOTS:
                source = source.replace("{\n", f"{{\n\tgraph [dpi={float(dpi):g}]\n", 1)
        return rendered(source, format, engine or self.layout or self.engine)


class PositionedDrawing(Drawing):
    """A picture whose text gives all positions, so no layout is left to do."""

    layout = "nop2"
