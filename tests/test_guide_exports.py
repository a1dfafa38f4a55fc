"""The guide to exports: its JavaScript and C run too, on the modules that its Python writes, and print what it says."""

import contextlib
import io
import pathlib
import re
import shutil
import subprocess

import pytest

from docs.machinery import pages

TEXT = (pathlib.Path(__file__).parent.parent / "docs" / "guides" / "exports.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder():
    """Where the modules are that the page's Python writes."""
    pytest.importorskip("onnx")
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(pages.blocks(TEXT)[0].code, names)
    yield names["folder"]
    shutil.rmtree(names["folder"])


def block(language):
    """A block of a language, and what the page says that it prints."""
    found = re.search(rf"^```{language}\n(.*?)^```\n\n```text\n(.*?)^```\n", TEXT, re.MULTILINE | re.DOTALL)
    return found[1], found[2]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_javascript(folder):
    code, prints = block("js")
    (folder / "main.mjs").write_text(code)
    (folder / "package.json").write_text('{"type": "module"}')
    assert subprocess.run(["node", "main.mjs"], cwd=folder, capture_output=True, text=True, check=True).stdout == prints


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_the_c(folder):
    code, prints = block("c")
    (folder / "main.c").write_text(code)
    subprocess.run(
        ["gcc", "-std=c99", "-Wall", "-Werror", "main.c", "dosage.c", "-lm", "-o", "main"], cwd=folder, check=True
    )
    assert subprocess.run(["./main"], cwd=folder, capture_output=True, text=True, check=True).stdout == prints
