"""A diagram can be read where it is 600 px wide: size of text, overlaps, contrast, in theory and in a browser."""

import itertools
import math

import pytest

import nn
from tests.browser import Picture, opened
from tests.test_diagram import dosage, iris
from tests.test_drawing_sizes import LEAST, extent, overlaps, smallest_text


def tiny():
    model = nn.MLP([2, 2, 1], activation="relu", seed=0)
    for number, parameter in enumerate(model.parameters()):
        parameter.data = (-1) ** number * 1.2345e-12 * (number + 1)
    return model


NETWORKS = {
    "1-2-1": dosage,
    "2-2-1": lambda: nn.MLP([2, 2, 1], activation="relu", seed=0),
    "2-2-1 of 1e-12": tiny,
    "2-2-3": iris,
    "2-2-3 with softmax": lambda: iris(nn.Softmax()),
    "4-8-8-3": lambda: nn.MLP([4, 8, 8, 3], activation="relu", seed=0),
    "64-32-10": lambda: nn.MLP([64, 32, 10], activation="relu", seed=0),
}
LONG = "a name that is much too long "


def pictures(name):
    """A network with and without gradients, target, and names that are too long, in both themes."""
    for has_gradients, has_target, theme in itertools.product((False, True), (False, True), ("light", "dark")):
        model = NETWORKS[name]()
        x = [math.sin(i + 1.0) for i in range(model[0].in_features)]
        outputs = model(x)
        if has_gradients:
            nn.ssr(outputs, [0.5] * len(outputs)).backward()
        last = len(outputs) - 1
        target = {"target": last if last else -1234.5} if has_target else {}
        names = {"inputs": [LONG] * len(x), "outputs": [LONG] * len(outputs), "caption": LONG * 5}
        yield nn.diagram(model, x, theme=theme, **target, **(names if theme == "dark" else {}))


@pytest.mark.parametrize("name", NETWORKS)
def test_all_of_it_can_be_read_in_a_column_of_600_pixels(name):
    for drawing in pictures(name):
        svg = drawing.pipe(format="svg")
        width, height = extent(svg)
        assert smallest_text(svg, 600) >= LEAST
        assert height <= 2 * width
        assert overlaps(svg) == []


@pytest.fixture(scope="module")
def browser():
    browser = opened()
    yield browser
    browser.quit()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_all_of_it_can_be_read_in_a_browser(name, browser, tmp_path):
    for drawing in pictures(name):
        picture = Picture(browser, drawing.pipe(format="svg", encoding="utf-8"), 600, tmp_path)
        assert picture.smallest_text() >= LEAST
        assert picture.overlaps() == []
        assert picture.least_contrast() >= 4.5


def test_the_browser_sees_what_overlaps_is_faint_or_is_outside(browser, tmp_path):
    texts = """<text x="10" y="20" font-size="14">one</text><text x="12" y="24" font-size="7">two</text>
        <text x="60" y="50" font-size="14" fill="#777">faint</text><text x="190" y="50" font-size="14">outside</text>"""
    ground = '<rect width="200" height="100" fill="#888"/>'
    svg = f'<svg width="200pt" height="100pt" viewBox="0 0 200 100">{ground}{texts}</svg>'
    picture = Picture(browser, svg, 400, tmp_path)
    assert picture.smallest_text() == pytest.approx(14.0)
    assert picture.overlaps() == [("one", "two"), ("outside", "the edge")]
    assert picture.least_contrast() < 1.5
