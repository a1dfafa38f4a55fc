"""The lectures' networks as pages: small, complete, and an index that leads to them."""

import json
import re

import pytest

from demos import playground
from demos.iris import flowers, published_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "pages"
    playground.main(["--out", str(folder)])
    return folder


def test_the_index_leads_through_the_lectures(folder):
    index = (folder / "index.html").read_text(encoding="utf-8")
    titles = re.findall(r'<a href="(\w[\w-]*)\.html">(.*?)</a>', index)
    assert [title for _, title in titles] == [
        "The squiggle",
        "Gradient descent",
        "The chain rule",
        "All parameters at once",
        "ReLU",
        "Several outputs",
        "ArgMax and softmax",
        "Cross entropy against SSR",
    ]
    assert all((folder / f"{name}.html").exists() for name, _ in titles)
    assert {path.stem for path in folder.glob("*.html")} == {"index", *[name for name, _ in titles]}


def test_every_page_is_small(folder):
    assert all(path.stat().st_size < 100_000 for path in folder.glob("*.html"))


def loss_in(folder, name):
    page = (folder / f"{name}.html").read_text(encoding="utf-8")
    return float(re.search(r'data-role="loss"[^>]* data-value="([^"]*)"', page)[1]), page


def test_the_pages_begin_with_the_published_numbers(folder):
    _, page = loss_in(folder, "dosage")
    assert re.search(r'<tr data-role="sum" data-value="0\.7609', page)
    fitted, _ = loss_in(folder, "squiggle")
    assert fitted < 0.01
    bent, _ = loss_in(folder, "relu")
    assert bent == pytest.approx(1e-4, rel=1e-6)
    _, page = loss_in(folder, "descent")
    assert '"fixed":[0,1,2,3,4,5]' in page


def test_the_iris_network_is_the_published_one():
    model = playground.iris()
    assert [p.data for p in model.parameters()] == [p.data for p in published_network().parameters()]
    assert playground.flowers() == tuple(flowers())
    assert json.dumps([p.name for p in model.parameters()]).count("w") == 10
