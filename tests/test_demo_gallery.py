"""The gallery writes every picture that it promises."""

import re
from html import unescape

import pytest

from demos import gallery


def test_the_gallery_writes_pictures_that_a_browser_can_open(tmp_path, capsys):
    folder = tmp_path / "new" / "gallery"
    gallery.main(["--out", str(folder)])
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert sorted(map(str, folder.iterdir())) == capsys.readouterr().out.split()
    pictures = [name for name in written if name.endswith(".svg")]
    assert len(pictures) == 7
    assert all(written[name].rstrip().endswith("</svg>") for name in pictures)
    assert "dSSR/dpredicted × dpredicted/dy1 × dy1/dx1 × dx1/dw1" in written["dosage-explained.txt"]
    assert "1.03" in written["dosage-network.svg"]
    assert "× 150" in written["iris-batch.svg"]
    assert written["neuron.html"].startswith("<!DOCTYPE html>")


def test_the_softmax_picture_shows_p_minus_observed(tmp_path):
    gallery.softmax(tmp_path)
    numbers = re.findall(r">(-?0\.\d+)<", unescape((tmp_path / "softmax.svg").read_text(encoding="utf-8")))
    assert {"-0.3158", "0.1098", "0.2061"} <= set(numbers)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        gallery.main(["--out", str(tmp_path / "file")])
    assert "cannot make the folder" in capsys.readouterr().err
