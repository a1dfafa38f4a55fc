"""The notebook among the demos: its outputs are stored, complete, and those of the code of now."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STORED = json.loads((ROOT / "demos" / "notebook.ipynb").read_text(encoding="utf-8"))
SHOWN = {
    "w": "text/plain",
    'draw(loss, size="column")': "image/svg+xml",
    "explain(loss, w)": "text/latex",
    "explain(loss)": "text/latex",
    "animate(loss)": "text/html",
    "gradcheck(lambda x: (x * 3.0).tanh() + x.softplus(), [0.7])": "text/html",
    "model.summary()": "text/plain",
}
"""What the last expressions of cells are shown as."""


def outputs(notebook):
    """For each cell of code, its last line and the forms of its outputs."""
    return {
        "".join(cell["source"]).splitlines()[-1]: [sorted(output.get("data", {})) for output in cell["outputs"]]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    }


def html_of(line):
    """The HTML of the last output of a cell."""
    (cell,) = [cell for cell in STORED["cells"] if "".join(cell["source"]).splitlines()[-1].startswith(line)]
    return "".join(cell["outputs"][-1]["data"]["text/html"])


def test_every_object_shows_itself():
    found = outputs(STORED)
    for line, form in SHOWN.items():
        assert form in found[line][-1], line
    assert not [output for cell in STORED["cells"] for output in cell.get("outputs", ()) if "ename" in output]


def test_a_training_shows_its_progress_and_its_history_a_curve():
    (cell,) = [each for line, each in outputs(STORED).items() if line.startswith("nn.fit")]
    assert len(cell) == 2
    assert "<svg" in html_of("nn.fit")


def test_pages_are_in_frames_as_wide_as_the_cell():
    for line in ("animate", "nn.playground"):
        assert html_of(line).startswith("<iframe")
        assert "width: 100%" in html_of(line)
        assert "srcdoc=" in html_of(line)


@pytest.mark.slow
def test_executed_again_it_shows_the_same_forms(monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.reads(json.dumps(STORED), as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    assert outputs(notebook) == outputs(STORED)
