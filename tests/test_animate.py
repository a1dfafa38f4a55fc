"""Animations: the steps, their pictures, and the page in a real browser."""

import json
import re
import subprocess
import sys
from html import unescape

import pytest

from autograd import Value, animate, scope
from tests.browser import Page
from tests.test_drawing import HOSTILE


def neuron():
    w, x, b = Value(3.0, name="w"), Value(0.5, name="x"), Value(-1.0, name="b")
    y = w * x + b
    y.name = "y"
    loss = (1 - y) ** 2
    loss.name = "loss"
    return w, loss


def data_in(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page).group(1))


STEPS = [
    "v1 = w·x = 1.5",
    "y = v1 + b = 0.5",
    "v2 = 1 - y = 0.5",
    "loss = v2^2 = 0.25",
    "dloss/dloss = 1: here backward starts",
    "dloss/dv2 = dloss/dloss × dloss/dv2 = 1 × 1 = 1",
    "dloss/dy = dloss/dv2 × dv2/dy = 1 × -1 = -1",
    "dloss/db = dloss/dy × dy/db = -1 × 1 = -1",
    "dloss/dv1 = dloss/dy × dy/dv1 = -1 × 1 = -1",
    "dloss/dx = dloss/dv1 × dv1/dx = -1 × 3 = -3",
    "dloss/dw = dloss/dv1 × dv1/dw = -1 × 0.5 = -0.5",
]


def test_the_steps_go_forward_and_then_back():
    page = animate(neuron()[1]).html
    assert data_in(page)["texts"] == STEPS
    assert re.findall("<li>(.*?)</li>", page) == STEPS  # for readers without scripts


def test_a_value_used_twice_adds_up_both_uses():
    a = Value(3.0, name="a")
    page = animate(a * a).html
    assert data_in(page)["texts"][-1] == "dy/da = dy/dy × dy/da + dy/dy × dy/da = 1 × 3 + 1 × 3 = 6"
    assert data_in(page)["boxes"][-1]["operands"] == [0, 0]
    assert page.count('class="arrow"') == 2


def test_a_square_has_no_box_for_its_exponent():
    page = animate((Value(3.0, name="a") + 2) ** 2).html
    assert [box["operands"] for box in data_in(page)["boxes"]] == [[], [], [0, 1], [2]]


def test_gradients_of_the_values_are_left_as_they_were(tmp_path):
    w, loss = neuron()
    w.grad = 123.0
    animation = animate(loss)
    assert "= -0.5" in animation.html
    animation.save(tmp_path / "frames")
    assert w.grad == 123.0
    assert loss.gradient is None


def test_an_animation_is_saved_or_shown_in_a_frame_of_its_own(tmp_path):
    _, loss = neuron()
    animation = animate(loss, tmp_path / "new" / "loss.html")
    assert (tmp_path / "new" / "loss.html").read_text(encoding="utf-8") == animation.html
    assert animation.save(tmp_path / "again.html") == tmp_path / "again.html"
    shown = animation._repr_html_()
    assert unescape(re.search('srcdoc="([^"]*)"', shown)[1]) == animation.html
    assert "allow-scripts" in shown
    assert 'title="Forward and backward"' in shown
    assert "bytes" in repr(animation)


def test_the_page_is_the_same_in_every_process(tmp_path):
    code = "from autograd import Value, animate; w = Value(3.0, name='w'); print(animate((w * 2).exp() + w).html)"
    texts = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(texts) == 1


def test_the_page_needs_no_network():
    page = animate(neuron()[1]).html
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert not re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(?!#)\w+:', page)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_inject_nothing(name):
    def page(name):
        with scope(name):
            loss = Value(2.0, name=name) * 3 - 1
        return animate(loss).html

    for mark in ("<script", "</script", "<style", "<a ", "<g ", "<img", "onclick=", "onload="):
        assert page(name).count(mark) == page("plain").count(mark)


def test_frames_are_a_folder_of_pictures_of_one_size(tmp_path):
    _, loss = neuron()
    folder = animate(loss).save(tmp_path / "frames")
    frames = sorted(folder.iterdir())
    assert [frame.name for frame in frames][:2] == ["step-01.svg", "step-02.svg"]
    assert len(frames) == 11
    pictures = [frame.read_text() for frame in frames]
    assert len({re.search('viewBox="[^"]*"', picture)[0] for picture in pictures}) == 1
    assert len({tuple(re.findall(r'<text[^>]* x="([^"]*)"', picture)[-20:]) for picture in pictures}) == 1


def test_what_is_not_known_yet_is_invisible(tmp_path):
    animate(neuron()[1], tmp_path / "frames")
    first, *_, last = sorted((tmp_path / "frames").iterdir())
    assert first.read_text().count("transparent") == 10
    assert "transparent" not in last.read_text()


def test_a_gif_has_a_frame_for_each_step(tmp_path):
    image = pytest.importorskip("PIL.Image")
    animate(neuron()[1], tmp_path / "loss.gif", seconds=0.5)
    with image.open(tmp_path / "loss.gif") as gif:
        assert gif.n_frames == 11
        assert gif.info["duration"] == 500
        assert gif.info["loop"] == 0


def test_a_gif_without_pillow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "chainrule\[plots\]"'):
        animate(neuron()[1], tmp_path / "loss.gif")
    assert not (tmp_path / "loss.gif").exists()


def test_what_cannot_be_animated_is_told(tmp_path):
    with pytest.raises(TypeError, match="animate takes a Value, got 3"):
        animate(3, tmp_path / "x.html")
    with pytest.raises(ValueError, match=r"writes \.html, \.gif, or a folder"):
        animate(Value(1.0), tmp_path / "x.mp4")
    long = Value(1.0)
    for _ in range(200):
        long = long.sin()
    with pytest.raises(ValueError, match="shows at most 150 Values one by one, this graph has 201; use draw"):
        animate(long, tmp_path / "x.html")


class Animated(Page):
    """The page as a reader uses it."""

    def press(self, name):
        self.one(f'[aria-label="{name}"]').click()

    def key(self, key):
        self.one("body").send_keys(key)

    def visible_numbers(self):
        """The words that are visible in the box of each node."""
        script = """
            return Object.fromEntries([...document.querySelectorAll("[data-box]")].map((group) => [
              group.querySelector(".name").textContent,
              [...group.querySelectorAll("tspan")].filter((t) => getComputedStyle(t).display !== "none")
                .map((t) => t.textContent),
            ]))"""
        return self.run(script)


@pytest.fixture
def animated(browser, tmp_path):
    return lambda loss: Animated(browser, animate(loss).save(tmp_path / "loss.html"))


def test_in_a_browser_one_steps_and_clicks(animated):
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    page = animated(neuron()[1])
    assert page.text("count") == "step 1 of 11"
    assert page.text("step-text") == STEPS[0]
    assert page.visible_numbers()["v1"] == ["1.5"]
    assert page.visible_numbers()["y"] == []
    page.press("forward")
    page.key(keys.ARROW_RIGHT)
    assert page.text("step-text") == STEPS[2]
    page.key(keys.ARROW_LEFT)
    assert page.text("step-text") == STEPS[1]
    page.press("back")
    page.key(keys.ARROW_LEFT)
    assert page.text("count") == "step 1 of 11"
    page.press("last step")
    assert page.text("step-text") == STEPS[-1]
    assert page.visible_numbers()["w"] == ["3", "-0.5"]
    page.run("""[...document.querySelectorAll("[data-box]")].find((box) => box.textContent.startsWith("y"))
        .dispatchEvent(new Event("click"))""")
    assert page.text("step-text") == STEPS[6]
    assert page.complaints() == []


def test_in_a_browser_two_pages_in_one_document_work_and_fit_a_phone(browser, tmp_path):
    animation = animate(neuron()[1])
    document = tmp_path / "notebook.html"
    head = '<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    document.write_text(head + 2 * animation._repr_html_(), encoding="utf-8")
    page = Animated(browser, document, width=390)
    frames = browser.find_elements("tag name", "iframe")
    for step, frame in enumerate(frames, 1):
        browser.switch_to.frame(frame)
        for _ in range(step):
            page.press("forward")
        assert page.text("count") == f"step {step + 1} of 11"
        page.press("last step")
        assert page.run(
            "const room = document.querySelector('.scroll').getBoundingClientRect();"
            "const box = document.querySelector('.current').getBoundingClientRect();"
            "return box.left >= room.left && box.right <= room.right"
        )
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert page.smallest_text() >= 11
        assert page.smallest_button() >= 40
        browser.switch_to.default_content()
    assert len(frames) == 2
    assert page.complaints() == []


@pytest.mark.parametrize(
    "name",
    [
        "<script>document.title = 'hacked'</script>",
        "</script><script>document.title='hacked'//",
        "<img src=x onerror=\"document.title='hacked'\">",
        "a < b & c \"d\" 'e' \\ \u2028 重み",
    ],
)
def test_in_a_browser_hostile_names_are_text(browser, animated, name):
    page = animated(Value(2.0, name=name) * 3)
    page.press("last step")
    assert browser.title == "Forward and backward"
    assert name in page.text("step-text")
    assert page.complaints() == []
