"""A real browser, and a page in it as readers use it."""

import itertools
import re
import shutil
from pathlib import Path

import pytest

PHONE, DESK = 390, 1280


def opened():
    """Chromium without a window; skips the test where there is none."""
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
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


class Page:
    """A page that is open.

    Args:
        browser: what `opened` gave.
        path: the file.
        width: of the window, in pixels.
        media: features that style sheets ask for, such as `{"prefers-color-scheme": "dark"}`.
        scripts: whether scripts run.
        height: of the window, in pixels.
    """

    def __init__(self, browser, path, width=DESK, media=None, scripts=True, height=900):
        self.browser = browser
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        features = [{"name": name, "value": value} for name, value in (media or {}).items()]
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        browser.get_log("browser")
        browser.get(Path(path).as_uri())
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    def one(self, selector):
        return self.browser.find_element("css selector", selector)

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def text(self, role):
        return self.one(f'[data-role="{role}"]').get_attribute("textContent")

    def value(self, selector):
        """The exact number of an element."""
        return float(self.one(selector).get_attribute("data-value"))

    def complaints(self):
        """What the browser reports, such as errors and requests that the page may not make."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def smallest_text(self):
        """Pixels of the smallest text that is shown, as it is scaled."""
        return self.run("""
            const sizes = [];
            for (const element of document.querySelectorAll("body *")) {
              const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
              if (!isText || !element.getClientRects().length || element.closest("script, option")) continue;
              const matrix = element.getScreenCTM?.(), scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
              sizes.push(parseFloat(getComputedStyle(element).fontSize) * scale);
            }
            return Math.min(...sizes)""")

    def smallest_button(self):
        """The height of the lowest button that is shown."""
        return self.run("""
            const shown = [...document.querySelectorAll("button")].filter((button) => button.getClientRects().length);
            return Math.min(...shown.map((button) => button.getBoundingClientRect().height))""")


class Picture(Page):
    """An SVG that is shown at some width.

    Args:
        browser: what `opened` gave.
        svg: the picture.
        width: of the picture, in pixels.
        folder: for the page that shows it.
    """

    def __init__(self, browser, svg, width, folder):
        page = Path(folder) / "picture.html"
        svg = re.sub(
            r'<svg ((?:\w+="[^"]*"\s*)*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg[svg.index("<svg") :], count=1
        )
        page.write_text(f"<!DOCTYPE html><meta charset=utf-8><body style='margin:0;width:{width}px'>{svg}", "utf-8")
        super().__init__(browser, page, width, height=4000)  # what is not in the window has no place
        self.box, self.texts = self.run("""
            const svg = document.querySelector("svg");
            const place = (box) => [box.left, box.top, box.right, box.bottom];
            const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
            const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim()).map((text) => {
              const box = text.getBoundingClientRect(), x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
              const behind = document.elementsFromPoint(x, y).find(
                (each) => each instanceof SVGGeometryElement && getComputedStyle(each).fill !== "none");
              return {text: text.textContent, box: place(box), ink: channels(getComputedStyle(text).fill),
                ground: behind ? channels(getComputedStyle(behind).fill) : [1, 1, 1]};
            });
            return [place(svg.getBoundingClientRect()), texts];""")

    def overlaps(self):
        """Pairs of texts whose letters touch, and texts that stick out."""
        inside = [(each["text"], _ink(*each["box"])) for each in self.texts]
        left, top, right, bottom = self.box
        out = [(t, "the edge") for t, (a, b, c, d) in inside if a < left - 1 or b < top or c > right + 1 or d > bottom]
        pairs = itertools.combinations(inside, 2)
        return [
            (one, other)
            for (one, (a, b, c, d)), (other, (a2, b2, c2, d2)) in pairs
            if min(c, c2) - max(a, a2) > 0.5 and min(d, d2) - max(b, b2) > 0.5
        ] + out

    def least_contrast(self):
        """Of the texts with what is behind them, by the rules for accessible pages (WCAG 2)."""
        return min(_contrast(each["ink"], each["ground"]) for each in self.texts)


def _ink(left, top, right, bottom):
    """The part of a line of text that letters take."""
    height = bottom - top
    return left, top + 0.14 * height, right, bottom - 0.16 * height


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
