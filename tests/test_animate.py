"""Animations: the steps, their pictures, and the page in a real browser."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from autograd import Value, animate, scope
from tests.test_drawing import HOSTILE


def neuron():
    w, x, b = Value(3.0, name="w"), Value(0.5, name="x"), Value(-1.0, name="b")
    y = w * x + b
    y.name = "y"
    loss = (1 - y) ** 2
    loss.name = "loss"
    return w, loss


def steps_in(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page).group(1))


def page_of(loss, tmp_path, **options):
    return animate(loss, tmp_path / "loss.html", **options).read_text(encoding="utf-8")


def test_the_steps_go_forward_and_then_back(tmp_path):
    _, loss = neuron()
    texts = [step["text"] for step in steps_in(page_of(loss, tmp_path))["steps"]]
    assert texts == [
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


def test_a_value_used_twice_adds_up_both_uses(tmp_path):
    a = Value(3.0, name="a")
    loss = a * a
    assert (
        steps_in(page_of(loss, tmp_path))["steps"][-1]["text"]
        == "dy/da = dy/dy × dy/da + dy/dy × dy/da = 1 × 3 + 1 × 3 = 6"
    )


def test_every_gradient_is_complete_when_its_turn_comes(tmp_path):
    _, loss = neuron()
    steps = steps_in(page_of(loss, tmp_path))["steps"]
    backward = [step for step in steps if step["differentiated"]]
    assert [len(step["differentiated"]) for step in backward] == list(range(1, len(backward) + 1))
    assert all(step["current"] in step["differentiated"] for step in backward)


def test_gradients_of_the_values_are_left_as_they_were(tmp_path):
    w, loss = neuron()
    w.grad = 123.0
    assert "= -0.5" in page_of(loss, tmp_path)
    assert w.grad == 123.0
    assert loss.gradient is None


def test_the_page_needs_no_network(tmp_path):
    page = page_of(neuron()[1], tmp_path)
    assert "default-src 'none'" in page
    outside = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(?!#)\w+:', page.replace("xmlns:xlink", ""))
    assert not outside


@pytest.mark.parametrize("name", HOSTILE)
def test_names_inject_nothing(name, tmp_path):
    def page(name):
        with scope(name):
            loss = Value(2.0, name=name) * 3 - 1
        return page_of(loss, tmp_path)

    for mark in ("<script", "</script", "<style", "<a ", "<g ", "<img", "onclick=", "onload="):
        assert page(name).count(mark) == page("plain").count(mark)


def test_frames_are_a_folder_of_pictures_of_one_size(tmp_path):
    _, loss = neuron()
    folder = animate(loss, tmp_path / "frames")
    frames = sorted(folder.iterdir())
    assert [frame.name for frame in frames][:2] == ["step-01.svg", "step-02.svg"]
    assert len(frames) == 11
    pictures = [frame.read_text() for frame in frames]
    assert len({re.search('viewBox="[^"]*"', picture)[0] for picture in pictures}) == 1
    assert len({tuple(re.findall(r'<text[^>]* x="([^"]*)"', picture)[-20:]) for picture in pictures}) == 1


def test_what_is_not_known_yet_is_invisible(tmp_path):
    first, *_, last = sorted(animate(neuron()[1], tmp_path / "frames").iterdir())
    assert first.read_text().count("transparent") == 10
    assert "transparent" not in last.read_text()


def test_a_gif_has_a_frame_for_each_step(tmp_path):
    image = pytest.importorskip("PIL.Image")
    with image.open(animate(neuron()[1], tmp_path / "loss.gif", seconds=0.5)) as gif:
        assert gif.n_frames == 11
        assert gif.info["duration"] == 500
        assert gif.info["loop"] == 0


def test_a_gif_without_pillow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'chainrule\[plots\]'"):
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


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install '.[browser]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium with chromedriver on PATH: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


class Page:
    """The page as a reader uses it."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get(Path(path).as_uri())

    def text(self, part):
        return self.browser.find_element("id", part).text

    def press(self, button):
        self.browser.find_element("id", button).click()

    def key(self, key):
        self.browser.find_element("tag name", "body").send_keys(key)

    def visible_numbers(self):
        """The words that are visible in the box of each node."""
        script = """
            return Object.fromEntries([...document.querySelectorAll("#picture g.node")].map((group) => [
              group.querySelector("text").textContent,
              [...group.querySelectorAll("text")].filter((t) => getComputedStyle(t).visibility === "visible")
                .map((t) => t.textContent),
            ]))"""
        return self.browser.execute_script(script)

    def complaints(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]


def test_in_a_browser_one_steps_and_clicks(browser, tmp_path):
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    page = Page(browser, animate(neuron()[1], tmp_path / "loss.html"))
    assert page.text("count") == "step 1 of 11"
    assert page.text("text") == "v1 = w·x = 1.5"
    assert page.visible_numbers()["v1"] == ["v1", "data", "1.5", "grad"]
    assert page.visible_numbers()["y"] == ["y", "data", "grad"]
    page.press("forward")
    page.key(keys.ARROW_RIGHT)
    assert page.text("text") == "v2 = 1 - y = 0.5"
    page.key(keys.ARROW_LEFT)
    page.press("back")
    page.key(keys.ARROW_LEFT)
    assert page.text("count") == "step 1 of 11"
    page.press("last")
    assert page.text("text").endswith("= -0.5")
    assert page.visible_numbers()["w"] == ["w", "data", "3", "grad", "-0.5"]
    browser.find_element("xpath", "//*[@id='picture']//*[text()='y']").click()
    assert page.text("about") == "dloss/dy = dloss/dv2 × dv2/dy = 1 × -1 = -1"
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
def test_in_a_browser_hostile_names_are_text(browser, tmp_path, name):
    page = Page(browser, animate(Value(2.0, name=name) * 3, tmp_path / "loss.html"))
    page.press("last")
    assert browser.title == "Forward and backward"
    assert name in browser.find_element("id", "text").get_attribute("textContent")
    assert page.complaints() == []
