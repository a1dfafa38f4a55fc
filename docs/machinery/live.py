"""The directive `live`: a page of `demos.playground` inside a page of the site."""

from __future__ import annotations

import contextlib
import io
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = "live"


def write_pages(app: Sphinx) -> None:
    """Has the demo write its pages into the site, once for each build."""
    if find_spec("demos.playground") is None:
        return
    folder = Path(app.outdir, FOLDER)
    with contextlib.redirect_stdout(io.StringIO()):
        import_module("demos.playground").main(["--out", str(folder)])


class Live(SphinxDirective):
    """`{live} dosage`: the page of that name; nothing at all where the demo does not exist."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A frame, and a link to the page by itself."""
        if find_spec("demos.playground") is None:
            return []
        name = f"{self.arguments[0]}.html"
        if not Path(self.env.app.outdir, FOLDER, name).exists():
            raise ExtensionError(f"demos.playground has written no {name}, which {self.env.docname} shows")
        path = "../" * self.env.docname.count("/") + f"{FOLDER}/{name}"
        title = "The network, live"
        text = (
            f'<figure class="live"><iframe src="{path}" title="{title}" loading="lazy"></iframe>'
            f'<figcaption><a href="{path}">{title}: open the page by itself</a></figcaption></figure>'
        )
        return [nodes.raw("", text, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directive."""
    app.connect("builder-inited", write_pages)
    app.add_directive("live", Live)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
