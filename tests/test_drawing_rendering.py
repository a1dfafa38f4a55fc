"""Rendering: Graphviz within the process, the program `dot`, and what happens without either."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import graphviz
import pytest

from autograd import Value, draw, scope
from autograd.drawing import rendering
from autograd.drawing.display import Drawing
from autograd.drawing.rendering import RenderingError, rendered
from tests.test_drawing import HOSTILE, neuron

SIGNATURES = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "jpg": b"\xff\xd8", "gif": b"GIF8", "dot": b"digraph"}


@pytest.fixture
def drawing():
    *_, loss = neuron()
    loss.backward()
    return draw(loss)


def texts(svg):
    elements = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [plain("".join(element.itertext())) for element in elements]


def tooltips(svg):
    titles = [element.get("{http://www.w3.org/1999/xlink}title") for element in ElementTree.fromstring(svg).iter()]
    return [plain(title) for title in titles if title]


def plain(text):
    return text.replace("\xa0", " ")


@pytest.mark.parametrize("format", SIGNATURES)
def test_formats(drawing, format, tmp_path):
    assert drawing.pipe(format=format).startswith(SIGNATURES[format])
    path = drawing.render(outfile=tmp_path / "folder" / f"loss.{format}")
    assert Path(path).read_bytes().startswith(SIGNATURES[format])
    assert [file.name for file in Path(path).parent.iterdir()] == [f"loss.{format}"]


def test_a_drawing_is_a_digraph_and_renders_like_one(drawing, tmp_path):
    assert isinstance(drawing, graphviz.Digraph)
    assert drawing.render("loss", directory=tmp_path, format="svg") == str(tmp_path / "loss.svg")
    assert (tmp_path / "loss").read_text(encoding="utf-8") == drawing.source
    drawing.render("again", directory=tmp_path, format="svg", cleanup=True)
    assert not (tmp_path / "again").exists()


def test_a_notebook_shows_it(drawing):
    (image,) = drawing._repr_mimebundle_().values()
    assert "w1" in texts(image)


def test_double_edges_survive_rendering():
    a = Value(3.0, name="a")
    svg = draw(a * a).pipe(format="svg", encoding="utf-8")
    assert svg.count("<title>v0&#45;&gt;o1</title>") == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_out_as_themselves(name):
    with scope(name):
        loss = Value(2.0, name=name) * 3
    svg = draw(loss, caption=name).pipe(format="svg")
    visible = name.replace("\t", "    ").replace("\0", "␀").replace("\a", "␇").replace("\ud800", "\ufffd")
    for line in visible.split("\n"):
        shown = line if len(visible) <= 28 else visible[:27] + "…"
        assert shown in texts(svg)
        assert line in texts(svg)  # the caption is not cut
    assert any(tip.startswith(visible) for tip in tooltips(svg))
    for format in ("png", "pdf"):
        assert draw(loss, caption=name).pipe(format=format).startswith(SIGNATURES[format])


def test_nothing_is_written_to_the_terminal(drawing, capfd):
    drawing.pipe(format="png")
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_an_unknown_format_names_the_known_ones(drawing, tmp_path, capfd):
    with pytest.raises(RenderingError, match=r"could not render the picture as 'xyz'.*svg"):
        drawing.render(outfile=tmp_path / "loss.xyz")
    assert capfd.readouterr().err == ""
    assert not list(tmp_path.iterdir())


def test_a_path_without_suffix_is_refused(drawing, tmp_path):
    with pytest.raises(ValueError, match=r"needs a suffix such as \.svg"):
        drawing.render(outfile=tmp_path / "loss")


def test_text_that_is_no_graph_is_refused():
    with pytest.raises(RenderingError, match="syntax error"):
        rendered("digraph { [", "svg")


@pytest.fixture
def without_pygraphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.fixture
def fake_dot(tmp_path, monkeypatch):
    """A program `dot` that says how it was called, since a real one may not be installed."""
    program = tmp_path / "dot"
    program.write_text(
        f"#!{sys.executable}\nimport sys\ntext = sys.stdin.read()\n"
        "if 'refuse' in text: sys.exit('Error: I refuse')\n"
        "print(sys.argv[1:], len(text))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_pygraphviz", "fake_dot")
def test_the_program_is_used_where_pygraphviz_is_missing(drawing):
    assert drawing.pipe(format="svg", encoding="utf-8") == f"['-Kdot', '-Tsvg'] {len(drawing.source)}\n"
    with pytest.raises(RenderingError, match="as 'svg': Error: I refuse"):
        rendered("refuse", "svg")


@pytest.mark.usefixtures("without_pygraphviz")
def test_without_graphviz_the_error_says_what_to_install(drawing, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RenderingError, match=r"pip install pygraphviz.*or install your system's graphviz"):
        drawing.pipe(format="svg")


def test_the_lock_is_released_after_an_error(drawing):
    with pytest.raises(RenderingError):
        rendered("no graph", "svg")
    assert not rendering._one_at_a_time.locked()
    assert drawing.pipe(format="svg")


def test_drawings_can_be_copied():
    drawing = draw(Value(1.0, name="x") * 2)
    assert isinstance(drawing.copy(), Drawing)
    assert drawing.copy().source == drawing.source
