r"""Mathematics as MathML, which browsers draw by themselves: no script, no font and no request is needed to read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from latex2mathml.converter import convert

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx


def mathml(latex: str, display: str) -> str:
    """A formula as a MathML element; `display` is "inline" or "block"."""
    text = re.sub(r"\\operatorname\*?{(\w+)}", r"\\mathrm{\1}", latex)
    text = text.replace("{aligned}", "{align*}")  # the converter knows only the environment with numbers
    return convert(text, display=display)


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), "inline"))
    raise _skip()


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise _skip()


def _skip() -> Exception:
    from docutils.nodes import SkipNode

    return SkipNode()


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
