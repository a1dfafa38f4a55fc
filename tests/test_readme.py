"""The README's code blocks run, one after the other as a reader would type them, and print what it says they print."""

import contextlib
import io
import pathlib
import re
import tomllib

import pytest

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n?```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
SECTIONS = re.split(r"^(?=## )", README, flags=re.MULTILINE)


def blocks(section: str) -> list[tuple[str, str | None]]:
    return [(found[1], found[2]) for found in BLOCK.finditer(section)]


@pytest.mark.parametrize("section", [pytest.param(s, id=s.partition("\n")[0]) for s in SECTIONS if blocks(s)])
def test_the_blocks_of_a_section_run_in_order(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    for code, expected in blocks(section):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        if expected is not None:
            assert printed.getvalue() == expected


def test_the_set_up_commands_are_those_of_the_project():
    assert 'pip install -e ".[plots]" && python -m demos.dosage' in README
    assert 'pip install -e ".[test]" && python -m pytest' in README


def test_where_things_are_is_where_they_are():
    section = next(s for s in SECTIONS if s.startswith("## Where things are"))
    root = pathlib.Path(__file__).parent.parent
    for path in re.findall(r"^\| `([\w/.]+)`", section, flags=re.MULTILINE):
        assert (root / path).exists(), path


def test_links_lead_somewhere():
    root = pathlib.Path(__file__).parent.parent
    targets = re.findall(r"(?:src|srcset)=\"([^\"]+)\"|\]\(([^)]+)\)", README)
    for target in filter(None, (a or b for a, b in targets)):
        assert target.startswith("https://") or (root / target).exists(), target


def test_extras_exist():
    project = tomllib.loads((pathlib.Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    sentence = re.search(r"Extras: (.*?)\.\n", README, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", sentence)) == set(project["optional-dependencies"])
