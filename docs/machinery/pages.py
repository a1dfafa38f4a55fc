"""Pages of Markdown whose Python runs: the site executes them as notebooks, the tests compare what they print.

A block that begins with ```` ```python ```` is run, one namespace for a page. If a ```` ```text ```` block follows,
it is what the code prints; the site shows the output itself, pictures included, in its place. Code that is only to be
read is a block of another language (`py`, `sh`, ...).
"""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbformat import NotebookNode

_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n?)?", re.MULTILINE | re.DOTALL)
_REQUIRES = re.compile(r"<!-- requires: (.*?) -->")
_OPTIONAL = ("jax", "matplotlib", "mpmath", "numba", "onnx", "onnxruntime", "pandas", "sklearn", "torch")
"""Packages of extras: a page that imports one is not run where it is missing."""


class Block(NamedTuple):
    """Code of a page.

    Attributes:
        code: the text.
        prints: what it prints, if the page says so.
        span: where it is in the page, what it prints included.
    """

    code: str
    prints: str | None
    span: tuple[int, int]


def blocks(text: str) -> list[Block]:
    """The blocks of a page that run, in their order."""
    return [Block(found[1], found[2], found.span()) for found in _BLOCK.finditer(text)]


def missing(text: str) -> list[str]:
    """The packages that a page imports and that are not installed; `<!-- requires: mpmath -->` names others."""
    needed = {name for found in _REQUIRES.finditer(text) for name in re.findall(r"\w+", found[1])}
    for block in blocks(text):
        needed |= set(_imported(ast.parse(block.code))) & set(_OPTIONAL)
    return sorted(name for name in needed if find_spec(name) is None)


def _imported(tree: ast.AST) -> Iterator[str]:
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module.partition(".")[0]


def pages(folder: Path) -> list[Path]:
    """The pages of the site."""
    built = folder / "_build"
    return sorted(path for path in folder.rglob("*.md") if built not in path.parents)


def notebook(text: str) -> NotebookNode:
    """A page as a notebook, for MyST-NB: its blocks are the cells of code."""
    from nbformat import v4

    runs = blocks(text) if not missing(text) else []
    cells, end = [], 0
    for block in runs:
        cells.append(v4.new_markdown_cell(text[end : block.span[0]]))
        cells.append(v4.new_code_cell(block.code.rstrip("\n")))
        end = block.span[1]
    cells.append(v4.new_markdown_cell(text[end:]))
    lines = [text.count("\n", 0, text.find(cell.source[:80])) for cell in cells]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}} if runs else {}
    return v4.new_notebook(cells=cells, metadata={**kernel, "source_map": lines})
