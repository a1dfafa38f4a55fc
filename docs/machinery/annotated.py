"""The directive `annotated`: a source file of the library, with docstrings and notes beside the code.

The text is made from the source whenever the site is built, so it cannot get old; a note is kept under the name of the
definition that it is about, and a note about a name that is gone is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from .segments import Segment, annotated, markdown

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent


class Annotated(SphinxDirective):
    """`{annotated} autograd/node.py`: the module in two columns."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One container for each segment."""
        source = ROOT / self.arguments[0]
        notes = ROOT / "docs" / "heart" / "notes" / f"{source.stem}.md"
        for path in (source, notes):
            self.env.note_dependency(str(path))
        text = notes.read_text(encoding="utf-8") if notes.exists() else ""
        found = annotated(source.read_text(encoding="utf-8"), text)
        return [nodes.container("", *map(self._row, found), classes=["annotated"])]

    def _row(self, segment: Segment) -> nodes.Node:
        said = nodes.container(classes=["said"])
        text = "\n\n".join([*map(markdown, segment.docs), *segment.notes])
        if text.strip():
            self.state.nested_parse(StringList(text.splitlines(), self.arguments[0]), 0, said)
        code = nodes.container(classes=["code"])
        if segment.code:
            code += nodes.literal_block(segment.code, segment.code, language="python")
        row = nodes.container("", said, code, classes=["segment"] if segment.code else ["segment", "opening"])
        for name in segment.names[:1]:
            anchor = f"{Path(self.arguments[0]).stem}.{name}"
            row["ids"].append(anchor)
            self.env.domains.standard_domain.note_hyperlink_target(anchor.lower(), self.env.docname, anchor, name)
        return row


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directive."""
    app.add_directive("annotated", Annotated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
