"""A real browser, and a page in it as readers use it."""

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
    """

    def __init__(self, browser, path, width=DESK, media=None, scripts=True):
        self.browser = browser
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
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
