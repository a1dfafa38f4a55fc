"""The gallery writes every picture that it promises, and shows it with the lines that make it."""

import html
import re
from html import unescape
from pathlib import Path

import pytest

from demos import gallery

pytest.importorskip("matplotlib")
import matplotlib

matplotlib.use("Agg")

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "gallery"
    gallery.main(["--out", str(folder)])
    matplotlib.pyplot.close("all")
    return folder


def test_the_page_shows_every_exhibit_with_its_code(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    for exhibit in gallery.EXHIBITS:
        assert f"<h2>{html.escape(exhibit.title)}</h2>" in page
        assert html.escape(exhibit.code) in page
        assert len(exhibit.code.splitlines()) <= 3
    assert set(re.findall(r"href='#([^']*)'", page)) == set(re.findall(r"section id='([^']*)'", page))
    shown = set(re.findall(r"(?:src|srcset|href)='([^'#]*)'", page))
    assert all((folder / name).exists() for name in shown)
    assert len([name for name in shown if name.endswith("-dark.svg")]) > 10


def test_every_picture_is_complete_in_both_themes(folder):
    pictures = list(folder.glob("*.svg"))
    assert len(pictures) == 2 * sum(exhibit.kind in gallery.IN_BOTH_THEMES for exhibit in gallery.EXHIBITS)
    assert all(path.read_text(encoding="utf-8").rstrip().endswith("</svg>") for path in pictures)
    for name, text in (("dosage-network", "1.03"), ("iris-batch", "× 150"), ("neuron-changed", "changed since")):
        assert text in (folder / f"{name}-light.svg").read_text(encoding="utf-8").replace("\xa0", " ")
        assert text in (folder / f"{name}-dark.svg").read_text(encoding="utf-8").replace("\xa0", " ")
    assert (folder / "neuron-steps.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_derivative_that_is_explained_is_the_one_that_the_lecture_prints(folder):
    text = (folder / "dosage-explained.txt").read_text(encoding="utf-8")
    assert text.startswith("dSSR/dw1 = Σ dSSR/dpredicted × dpredicted/dy1 × dy1/dx1 × dx1/dw1\n")
    assert text.endswith("= 0.7609\n")


def test_the_softmax_picture_shows_p_minus_observed(folder):
    svg = unescape((folder / "softmax-light.svg").read_text(encoding="utf-8"))
    assert {"-0.3158", "0.1098", "0.2061"} <= set(re.findall(r">(-?0\.\d+)<", svg))
    assert "= p_versicolor\n" in (folder / "softmax-explained.txt").read_text(encoding="utf-8")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        gallery.main(["--out", str(tmp_path / "file")])
    assert "cannot make the folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(path.name for path in PICTURES.glob("*-*.svg")))
def test_the_pictures_of_the_documentation_say_what_the_gallery_says(folder, name):
    texts = [
        re.findall("<text[^>]*>([^<]*)", (where / name).read_text(encoding="utf-8")) for where in (PICTURES, folder)
    ]
    assert len(texts[0]) > 10
    assert sorted(texts[0]) == sorted(texts[1])
