"""The pages of the site: their code runs and prints what they say it prints, and they tell the truth about the sources."""

import ast
import contextlib
import io
import os
import pathlib
import re

import pytest

import autograd
import nn
from docs.machinery import pages, segments

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [path for path in pages.pages(DOCS) if pages.blocks(path.read_text(encoding="utf-8"))]
HEART = ("ops", "node", "chain", "value")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_the_code_of_a_page_runs_and_prints_what_it_says(path, tmp_path, monkeypatch):
    text = path.read_text(encoding="utf-8")
    if missing := pages.missing(text):
        pytest.skip(f"needs {', '.join(missing)}")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for block in pages.blocks(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.code, path.name, "exec"), names)
        assert printed.getvalue() == (block.prints or "")
    if "matplotlib" in text or "plot" in text:
        import matplotlib.pyplot as plt

        plt.close("all")


STORY = (DOCS / "hundred_lines.md").read_text(encoding="utf-8")


def lines_of_the_library(text):
    """The number of lines of what a text defines, each name in its last version, examples left out."""
    examples = {"push", "visits", "layer", "cube", "namespace", "text", "rng", "xs", "batch", "found"}
    kept: dict[str, str] = {}
    for block in pages.blocks(text):
        for statement in ast.parse(block.code).body:
            code = ast.get_source_segment(block.code, statement)
            targets = " ".join(map(ast.unparse, getattr(statement, "targets", [])))
            name = getattr(statement, "name", targets)
            is_definition = isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            is_row = re.match(r"\w+ = Operation\(|Value\.__|Text\.__|TABLE =|ONE =|getcontext", code or "")
            is_loop = isinstance(statement, ast.For) and "setattr" in (code or "")
            if name not in examples and (is_definition or is_row or is_loop):
                documented = is_definition and ast.get_docstring(statement)
                lines = [line for line in (code or "").splitlines() if line.strip()]
                kept[name or (code or "")] = "\n".join(lines[:1] + lines[2:] if documented else lines)
    return sum(code.count("\n") + 1 for code in kept.values())


def test_the_story_counts_its_own_lines():
    first, last = STORY.split("## 10. ")
    stated = re.search(r"chapters 1 to 9 take (\d+) lines of code, and the matrix\nproduct another (\d+)", STORY)
    assert stated is not None
    assert [int(number) for number in stated.groups()] == [lines_of_the_library(first), lines_of_the_library(last)]
