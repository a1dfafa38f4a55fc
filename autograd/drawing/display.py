"""Drawing: DOT text that renders itself, in files and in notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import graphviz

from .rendering import rendered

if TYPE_CHECKING:
    from os import PathLike


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz is untyped
    """A picture: a `graphviz.Digraph` that does not need the program `dot`.

    `.source` is the DOT text, `.render(outfile="loss.svg")` writes a file, `.pipe(format="png")` returns the bytes, and
    notebooks show it. Formats are Graphviz's: svg, png, pdf, jpg, gif, eps and more.
    """

    layout: str | None = None
    """Graphviz's layout program, if `engine` may not name it."""

    def pipe(self, format: str | None = None, *, engine: str | None = None, encoding: str | None = None) -> bytes | str:
        """The picture as the content of a file.

        Args:
            format: "svg", "png", "pdf", ...; by default the drawing's own `format`.
            engine: Graphviz's layout program; by default the drawing's own.
            encoding: decodes the content to a string.

        Raises:
            RenderingError: Graphviz is not installed, or does not know the format.
        """
        image = rendered(self.source, format or self.format, engine or self.layout or self.engine)
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

        Returns:
            The path of the picture.

        Raises:
            RenderingError: Graphviz is not installed, or does not know the format.
            ValueError: `outfile` has no suffix, and no format is given.
        """
        if outfile is not None:
            path = Path(directory or "", outfile)
            format = format or path.suffix[1:].lower()
            if not format:
                raise ValueError(f"outfile needs a suffix such as .svg, or a format= beside it, got {str(outfile)!r}")
            image = rendered(self.source, format, engine or self.layout or self.engine)
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            format = format or self.format
            image = rendered(self.source, format, engine or self.layout or self.engine)
            source = Path(self.save(filename, directory=directory))
            path = source.with_name(f"{source.name}.{format}")
            if cleanup:
                source.unlink()
        path.write_bytes(image)
        if view:
            self._view(str(path), format=format, quiet=False)
        return str(path)


class PositionedDrawing(Drawing):
    """A picture whose text gives all positions, so no layout is left to do."""

    layout = "nop2"
