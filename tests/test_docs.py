"""The pages of the site: their code runs and prints what they say, and what they say about the sources is true."""

import ast
import contextlib
import io
import pathlib
import re
import sys
import tomllib

import pytest

import autograd.testing
import nn
from docs.machinery import offline, pages, segments

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [path for path in pages.pages(DOCS) if pages.blocks(path.read_text(encoding="utf-8"))]
HEART = ("ops", "node", "chain", "value")


def run(text, name):
    """Runs the blocks of a page one after the other, as a reader would type them, and compares what they print."""
    names: dict[str, object] = {"__name__": "page"}
    for block in pages.blocks(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.code, name, "exec"), names)
        assert printed.getvalue() == (block.prints or "")
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_the_code_of_a_page_runs_and_prints_what_it_says(path, tmp_path, monkeypatch):
    text = path.read_text(encoding="utf-8")
    if missing := pages.missing(text):
        pytest.skip(f"needs {', '.join(missing)}")
    monkeypatch.chdir(tmp_path)
    run(text, path.name)


STORY = (DOCS / "hundred_lines.md").read_text(encoding="utf-8")


def lines_of_the_library(text):
    """The number of lines of what a text defines, each name in its last version, examples left out."""
    examples = {"push", "visits", "layer", "random_value", "cube", "namespace", "text", "rng", "xs", "batch", "found"}
    kept: dict[str, str] = {}
    for block in pages.blocks(text):
        for statement in ast.parse(block.code).body:
            code = ast.get_source_segment(block.code, statement)
            targets = " ".join(map(ast.unparse, getattr(statement, "targets", [])))
            name = getattr(statement, "name", targets)
            is_definition = isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            is_row = re.match(r"\w+ = Row\(|Value\.__|Text\.__|TABLE =|ONE =|getcontext", code or "")
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


@pytest.mark.parametrize("name", HEART)
def test_each_note_is_about_something_that_is_there(name):
    source = (ROOT / "autograd" / f"{name}.py").read_text(encoding="utf-8")
    notes = (DOCS / "heart" / "notes" / f"{name}.md").read_text(encoding="utf-8")
    found = segments.annotated(source, notes)
    kept = "\n".join(line for segment in found for line in segment.code.splitlines())
    docs = "\n".join(doc for segment in found for doc in segment.docs)
    missing = [line for line in source.splitlines() if line.strip(' "') not in kept and line.strip(' "') not in docs]
    assert missing == []
    assert sum(bool(segment.notes or segment.docs) for segment in found) > 0.8 * len(found)


def test_a_note_about_what_is_gone_is_an_error():
    with pytest.raises(KeyError, match="gone"):
        segments.annotated("x = 1\n", "## gone\n\nA note.\n")


INITIALISERS = "normal uniform xavier_uniform xavier_normal kaiming_uniform kaiming_normal zeros"


def test_docstrings_beside_the_code_are_markdown():
    doc = "A product, x**2 * y.\n\nArgs:\n    x: a number,\n        positive.\n\n>>> f(2)\n4\n\nMore."
    text = segments.markdown(doc)
    assert r"x\*\*2 \* y" in text
    assert "- `x`: a number,\n  positive." in text
    assert "```pycon\n>>> f(2)\n4\n```" in text
    assert text.endswith("More.")


def public_names():
    yield from (f"autograd.{name}" for name in {*autograd.__all__, "abs", "max", "min", "sum"})
    yield from (f"nn.{name}" for name in {*nn.__all__, *nn._LATER} if name != "init")
    yield from (f"nn.init.{name}" for name in INITIALISERS.split())

    yield from ("autograd.testing.values", "autograd.testing.expressions")


def test_the_reference_has_every_public_name_once():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    listed = re.findall(r"^\.\. auto\w+:: (\S+)", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(public_names())


def test_every_public_name_has_an_example():
    modules = {"autograd": autograd, "nn": nn, "nn.init": nn.init, "autograd.testing": autograd.testing}
    without = []
    for full in public_names():
        module, _, name = full.rpartition(".")
        with contextlib.suppress(ImportError):  # the extra of this name is not installed
            if ">>>" not in (getattr(modules[module], name).__doc__ or ""):
                without.append(full)
    assert without == []


def test_where_things_are_is_where_they_are():
    text = (DOCS / "where.md").read_text(encoding="utf-8")
    for path in re.findall(r"^\| `([\w/.]+)`", text, flags=re.MULTILINE):
        assert (ROOT / path).exists(), path


def test_the_extras_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = re.findall(r"^\| `(\w+)` \|", (DOCS / "install.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(listed) == set(project["optional-dependencies"])


def test_links_between_pages_lead_somewhere():
    for path in pages.pages(DOCS):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+?)(?:#[\w-]+)?\)", text):
            assert target.startswith(("https://", "#")) or (path.parent / target).exists(), f"{path.name}: {target}"


def test_mathematics_is_drawn_by_the_browser():
    pytest.importorskip("latex2mathml")
    from docs.machinery.mathml import mathml

    formula = mathml(r"\operatorname{softmax}(x_1) = \frac{1}{2}", "block")
    assert formula.startswith("<math")
    assert "<mfrac>" in formula
    assert "\\" not in formula


@pytest.mark.parametrize("text", [
    '<script async src="https://example.org/x.js"></script>',
    "<link rel='stylesheet' href='//example.org/x.css'>",
    '<img alt="" src="http://example.org/x.png">',
    "body { background: url(https://example.org/x.png) }",
    '@import "https://example.org/x.css";',
])  # fmt: skip
def test_what_a_browser_would_fetch_elsewhere_is_found(text):
    assert len(offline.requests(text)) == 1


def test_links_are_no_requests():
    text = '<a href="https://example.org">there</a> <link rel="canonical" href="https://example.org">'
    assert offline.requests(f'{text} <img src="here.png"> <script src="_static/x.js"></script>') == []


def test_a_page_becomes_a_notebook_of_its_blocks():
    pytest.importorskip("nbformat")
    page = "# Title\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\nBetween.\n\n```python\nx = 2\n```\n"
    cells = pages.notebook(page).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "markdown", "code", "markdown"]
    assert [cell.source for cell in cells if cell.cell_type == "code"] == ["print(1)", "x = 2"]
    assert "```text" not in "".join(cell.source for cell in cells)


def test_a_page_that_needs_what_is_missing_is_shown_as_it_is():
    page = "<!-- requires: a_package_that_nobody_has -->\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n"
    assert pages.missing(page) == ["a_package_that_nobody_has"]
    pytest.importorskip("nbformat")
    assert [cell.source for cell in pages.notebook(page).cells] == [page]
