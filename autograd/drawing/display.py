"""Drawing: DOT text that renders itself, in files and in notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import graphviz

from .rendering import rendered

if TYPE_CHECKING:
    from os import PathLike


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz is untyped
    """A picture: a `graphviz.Digraph` that needs no installed `dot` program.

    `.source` is its DOT text, `.render(outfile="loss.svg")` writes a file, `.pipe(format="png")` gives the bytes, and a
    notebook shows it. Formats are Graphviz's: svg, png, pdf, jpg, gif, eps and more.
    """

    layout: str | None = None
    """Graphviz's layout program, if it is none of those that `engine` may name."""

    def pipe(self, format: str | None = None, *, engine: str | None = None, encoding: str | None = None) -> bytes | str:
        """The picture as the content of a file.

        Args:
            format: "svg", "png", "pdf", ...; the drawing's own `format` if there is none.
            engine: Graphviz's layout program; the drawing's own if there is none.
            encoding: if given, the content is decoded with it to a string.

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
        """Writes the picture into a file, whose folder is made if need be.

        Args:
            filename: where to save the DOT text; the picture goes beside it, with the format added to the name.
            directory: a folder to put both into.
            view: whether to open the picture in the system's viewer.
            cleanup: whether to delete the DOT text again.
            format: "svg", "png", "pdf", ...; by default the suffix of `outfile`, or else the drawing's own `format`.
            outfile: the picture's own path. Nothing but the picture is written then.
            engine: Graphviz's layout program; the drawing's own if there is none.

        Returns:
            The path of the picture.

        Raises:
            RenderingError: Graphviz is not installed, or does not know the format.
            ValueError: `outfile` has no suffix to tell the format.
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
    """A picture whose text says where everything is, so that no layout is left to do."""

    layout = "nop2"
