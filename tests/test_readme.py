"""The README: its code runs and prints what it says, its links lead somewhere, and it can be read in five minutes."""

import pathlib
import re

from docs.machinery.pages import blocks

from .test_docs import run

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_code_runs_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(README, "README.md")


def test_it_can_be_read_in_five_minutes():
    lines = README.splitlines()
    assert len(lines) <= 300
    first = blocks(README)[0]
    assert README.count("\n", 0, first.span[0]) < 40
    assert len(first.code.splitlines()) <= 12


def test_it_warns_of_the_other_autograd_at_once():
    assert "HIPS autograd" in "".join(README.splitlines()[:5])


def test_the_set_up_commands_are_those_of_the_project():
    assert 'pip install -e ".[plots]" && python -m demos.dosage' in README
    assert 'pip install -e ".[test]" && python -m pytest' in README


def test_links_lead_somewhere():
    root = pathlib.Path(__file__).parent.parent
    targets = re.findall(r"(?:src|srcset)=\"([^\"]+)\"|\]\(([^)]+)\)", README)
    for target in filter(None, (a or b for a, b in targets)):
        assert target.startswith("https://") or (root / target).exists(), target
