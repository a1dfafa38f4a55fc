"""How long the page of `nn.playground` takes to answer a slider: milliseconds of script, in chromium.

    python -m benchmarks.page

Prints the fastest tenth and the median of the answers, since other programs on the machine only ever add to them. Needs
the extra `browser`, chromium and its driver.
"""

import argparse
import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nn
from demos.iris import flowers

ANSWERS = """
const sliders = [...document.querySelectorAll("input[data-parameter]")];
const times = [];
for (let k = 0; k < arguments[0]; k++) {
  const slider = sliders[(k * 7) % sliders.length];
  slider.value = String(Math.sin(k) * 2);
  const start = performance.now();
  slider.dispatchEvent(new Event("input", {bubbles: true}));
  times.push(performance.now() - start);
}
return times.sort((a, b) => a - b);
"""


def pages() -> dict[str, tuple[nn.Module, list[list[float]], Sequence[float], float]]:
    """The networks with their data and the milliseconds that an answer may take."""
    rng = random.Random(0)
    one, two = [[rng.random()] for _ in range(10)], [[rng.random(), rng.random()] for _ in range(10)]
    return {
        "61 parameters, 10 observations, a squiggle": (nn.MLP([1, 20, 1], seed=0), one, [x * x for (x,) in one], 16.0),
        "61 parameters, 10 observations, regions": (nn.MLP([2, 15, 1], seed=0), two, [x * y for x, y in two], 16.0),
        "iris, 150 flowers": (nn.MLP([2, 4, 3], activation="relu", seed=0), *flowers(), 60.0),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description="Times the answers of a page.")
    parser.add_argument("--moves", type=int, default=100, help="how often a slider moves (default 100)")
    options = parser.parse_args(arguments)
    from selenium import webdriver

    chrome = webdriver.ChromeOptions()
    chrome.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        chrome.add_argument(argument)
    browser = webdriver.Chrome(options=chrome, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        for name, (model, inputs, targets, most) in pages().items():
            with tempfile.TemporaryDirectory() as folder:
                browser.get(nn.playground(model, inputs, targets).save(Path(folder, "page.html")).as_uri())
                times = browser.execute_script(ANSWERS, options.moves)
            fast, median = times[len(times) // 10], times[len(times) // 2]
            print(f"{name:<46}{fast:>7.1f} ms, median {median:>6.1f} ms   target {most:.0f} ms")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
