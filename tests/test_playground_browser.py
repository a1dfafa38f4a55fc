"""The page of one's own network in a real browser: what readers and scripts do with it."""

import json
import math
import os
from pathlib import Path

import pytest

import nn
from demos.gallery import DOSES, EFFECTS, FITTED, START, network
from demos.iris import SPECIES, flowers, published_network
from tests.browser import PHONE, Page

AXE = Path(os.environ.get("AXE_CORE", "node_modules/axe-core/axe.min.js"))


def dosage(parameters=START, **options):
    return nn.playground(network(parameters), DOSES, EFFECTS, inputs=["dose"], outputs=["effectiveness"], **options)


def irises():
    inputs, species = (each[::10] for each in flowers())
    return nn.playground(published_network(), inputs, species, inputs=["petal", "sepal"], outputs=SPECIES)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {
        "dosage": dosage().save(folder / "dosage.html"),
        "fast": dosage(FITTED, lr=1.0).save(folder / "fast.html"),
        "iris": irises().save(folder / "iris.html"),
    }


@pytest.fixture
def dose_page(browser, files):
    return Page(browser, files["dosage"])


def eager(parameters):
    model = network(parameters)
    loss = nn.ssr([model([dose]) for dose in DOSES], [[effect] for effect in EFFECTS])
    loss.backward()
    return loss.data, {p.name: p.grad for p in model.parameters()}


def assert_shows(page, parameters):
    loss, gradient = eager(parameters)
    assert page.value('[data-role="loss"]') == pytest.approx(loss, rel=1e-12)
    for name, number in parameters.items():
        assert page.value(f'input[type=range][data-parameter="{name}"]') == pytest.approx(number, rel=1e-12)
        assert page.value(f'[data-gradient="{name}"]') == pytest.approx(gradient[name], rel=1e-12, abs=1e-15)


def move(page, name, number):
    page.run(
        """const slider = document.querySelector(`input[type=range][data-parameter="${arguments[0]}"]`);
        slider.value = arguments[1]; slider.dispatchEvent(new Event("input", {bubbles: true}))""",
        name,
        str(number),
    )


def test_moving_a_weight_changes_all_numbers(dose_page):
    assert_shows(dose_page, START)
    move(dose_page, "w1", 3.25)
    assert_shows(dose_page, START | {"w1": 3.25})
    dose_page.one('[data-action="reset"]').click()
    assert_shows(dose_page, START)
    assert dose_page.complaints() == []


@pytest.mark.slow
def test_steps_are_gradient_descent_at_the_rate_that_is_set(dose_page):
    dose_page.run(
        """const rate = document.querySelector('input[data-role="learning-rate"]');
        rate.value = "0.05"; rate.dispatchEvent(new Event("input", {bubbles: true}))"""
    )
    parameters = dict(START)
    for _ in range(3):
        dose_page.one('[data-action="step"]').click()
        _, gradient = eager(parameters)
        parameters = {name: number - 0.05 * gradient[name] for name, number in parameters.items()}
    assert dose_page.value('input[data-role="learning-rate"]') == 0.05
    assert_shows(dose_page, parameters)
    assert dose_page.text("steps") == "3 steps"


def test_the_chain_rule_is_told_for_the_chosen_weight(dose_page):
    rows = 'table[data-role="chain"] tr[data-observation]'
    assert dose_page.value('table[data-role="chain"] tr[data-role="sum"]') == pytest.approx(0.7609, abs=5e-5)
    assert "changes by 0.00763: about 0.761 × 0.01 = 0.00761" in dose_page.text("sentence")
    dose_page.one('[data-choose="w4"]').click()
    products = [float(row.get_attribute("data-value")) for row in dose_page.browser.find_elements("css selector", rows)]
    slope = dose_page.value('[data-gradient="w4"]')
    assert len(products) == 3
    assert sum(products) == pytest.approx(slope, rel=1e-12)
    assert dose_page.value('tr[data-role="sum"]') == slope
    assert "dpredicted/dw4" in dose_page.one('table[data-role="chain"] thead').text
    assert dose_page.one('[data-choose="w4"]').get_attribute("aria-pressed") == "true"


def test_pointing_at_a_factor_lights_up_where_it_comes_from(dose_page):
    def lit(selector):
        return dose_page.run(
            f"return [...document.querySelectorAll('{selector}.lit')].map((each) => ({{...each.dataset}}))"
        )

    heads = dose_page.browser.find_elements("css selector", "thead th[data-link]")
    for title, wires, units in (
        ("dpredicted/dy1", ["4"], []),  # w3, the derivative itself
        ("dy1/dx1", [], ["0.0"]),
        ("dx1/dw1", ["0"], []),
        ("dSSR/dpredicted", [], ["out.0"]),
    ):
        head = next(each for each in heads if title in each.text)
        dose_page.run("arguments[0].focus()", head)
        assert [each["wire"] for each in lit("[data-wire]")] == wires
        assert [each["unit"] for each in lit("[data-unit]")] == units
        assert len(lit("[data-arrow]")) == 1
    dose_page.run("document.activeElement.blur()")
    assert lit("[data-wire]") == []


@pytest.mark.slow
def test_run_runs_until_it_is_pressed_again(dose_page):
    button = dose_page.one('[data-action="run"]')
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    dose_page.browser.implicitly_wait(0)
    for _ in range(200):
        if int(dose_page.text("steps").split()[0]) > 2:
            break
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    steps = dose_page.text("steps")
    dose_page.run("return new Promise((done) => setTimeout(done, 100))")
    assert dose_page.text("steps") == steps


@pytest.mark.slow
def test_divergence_is_told_in_a_live_region(browser, files):
    page = Page(browser, files["fast"])
    page.run("for (let k = 0; k < 40; k++) document.querySelector('[data-action=step]').click()")
    status = page.one('[data-role="status"]')
    assert "diverge" in status.text
    assert "smaller learning rate" in status.text
    assert status.get_attribute("role") == "status"
    assert status.get_attribute("aria-live") == "polite"
    assert page.complaints() == []


@pytest.mark.slow
def test_the_graph_is_stepped_through_with_keys(dose_page):
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    panel = dose_page.one('[data-panel="graph"] .scroll')
    panel.send_keys(keys.HOME)
    assert dose_page.text("count").startswith("step 1 of")
    assert dose_page.text("step-text") == "x1 = w1·dose + b1 = 1.37"
    panel.send_keys(keys.ARROW_RIGHT)
    assert dose_page.text("step-text").startswith("y1 = softplus(x1) = ")
    panel.send_keys(keys.END)
    assert dose_page.text("step-text").startswith("dSSR/dw1 = dSSR/dx1 × dx1/dw1 = ")


def test_classes_have_bars_and_p_minus_observed(browser, files):
    page = Page(browser, files["iris"])
    cells = page.run("""return [...document.querySelectorAll('[data-panel="classes"] tbody tr')].map((row) =>
        [...row.querySelectorAll("td")].map((cell) => Number((cell.querySelector("span") ?? cell).dataset.value)))""")
    for _, p, surprise, observed, difference, slope in cells:
        assert surprise == pytest.approx(-math.log(p), rel=1e-12)
        assert difference == pytest.approx(p - observed, abs=1e-15)
        assert slope == pytest.approx(difference, rel=1e-9)
    assert sum(row[1] for row in cells) == pytest.approx(1.0)
    assert page.run("return document.querySelectorAll('tr[data-observation]').length") == 15
    assert page.complaints() == []


@pytest.mark.slow
def test_the_numbers_along_an_axis_differ(browser, tmp_path):
    """A loss of 2e13 hardly changes along a weight: 3 digits would be the same at each line."""
    doses = [-1000.0, 0.0, 1000.0]
    page = Page(browser, nn.playground(network(START), doses, [0.0, 4e6, 1e6]).save(tmp_path / "large.html"))
    charts = page.run("""return [...document.querySelectorAll("svg.chart")].map((chart) =>
        ["middle", "end"].map((anchor) => [...chart.querySelectorAll(`:scope > text:not(.axis)[text-anchor=${anchor}]`)]
            .map((text) => text.textContent)))""")
    assert max(len(texts) for chart in charts for texts in chart) > 1
    assert all(len(set(texts)) == len(texts) for chart in charts for texts in chart)


# For everybody

LOOKS = [("dosage", PHONE, "dark"), ("iris", PHONE, "light"), ("dosage", 1280, "light"), ("iris", 1280, "dark")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width", "scheme"), LOOKS)
def test_text_and_buttons_are_large_enough_and_nothing_sticks_out(browser, files, name, width, scheme):
    page = Page(browser, files[name], width=width, media={"prefers-color-scheme": scheme})
    assert page.smallest_text() >= 11
    assert page.smallest_button() >= 40
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run(CONTRASTS) == []
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    assert page.complaints() == []


CONTRASTS = """
const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const light = (color) => color.slice(0, 3).map((v) => linear(v / 255))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  const shape = element.closest("g")?.querySelector("rect");
  if (element.closest("svg") && shape) return parsed(getComputedStyle(shape).fill);
  for (let each = element; each; each = each.parentElement) {
    const color = parsed(getComputedStyle(each).backgroundColor);
    if (color.length === 3 || color[3] > 0.5) return color;
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.querySelectorAll("body *")) {
  const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!isText || !element.getClientRects().length || element.closest("script, option, .future")) continue;
  const style = getComputedStyle(element), ink = parsed(element.closest("svg") ? style.fill : style.color);
  const [a, b] = [light(ink), light(ground(element))].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) low.push([element.textContent.slice(0, 40), contrast]);
}
return low;
"""


def test_without_scripts_network_and_table_are_there(browser, files):
    page = Page(browser, files["dosage"], scripts=False)
    panels = page.browser.find_elements("css selector", "[data-panel]")
    shown = [panel.get_attribute("data-panel") for panel in panels if panel.is_displayed()]
    assert shown == ["network", "chain"]
    assert "0.7609" in page.one('tr[data-role="sum"]').text
    assert page.run("return document.querySelectorAll('svg.network [data-wire]').length") == 4


@pytest.mark.slow
def test_who_wants_no_motion_gets_a_step_a_second(browser, files):
    page = Page(browser, files["dosage"], media={"prefers-reduced-motion": "reduce"})
    page.one('[data-action="run"]').click()
    page.run("return new Promise((done) => setTimeout(done, 300))")
    assert int(page.text("steps").split()[0]) <= 2


@pytest.mark.slow
def test_two_pages_in_one_document_work(browser, tmp_path):
    document = tmp_path / "notebook.html"
    head = '<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    document.write_text(head + 2 * dosage()._repr_html_(), encoding="utf-8")
    page = Page(browser, document, width=PHONE)
    for steps, frame in enumerate(browser.find_elements("tag name", "iframe"), 1):
        browser.switch_to.frame(frame)
        page.run("for (let k = 0; k < arguments[0]; k++) document.querySelector('[data-action=step]').click()", steps)
        assert page.text("steps").split()[0] == str(steps)
        browser.switch_to.default_content()
    assert steps == 2
    assert page.complaints() == []


@pytest.mark.parametrize(
    "name", ["</script><script>document.title='hacked'//", "\"'><b onclick=x>", "a\nb & c \u202e重み"]
)
def test_hostile_names_are_text(browser, tmp_path, name):
    model = network(START)
    model.parameters()[0].name = name
    path = nn.playground(model, DOSES, EFFECTS, inputs=[name], outputs=[name], title=name).save(tmp_path / "page.html")
    page = Page(browser, path)
    found = page.run("return [...document.querySelectorAll('[data-choose]')].map((each) => each.dataset.choose)")
    assert found[0] == name
    assert "hacked" not in browser.title.partition("hacked")[0]
    assert page.run("return document.querySelectorAll('b[onclick], main script + script + script').length") == 0
    assert name.split()[0] in page.one("thead").get_attribute("textContent")
    assert page.complaints() == []


@pytest.mark.slow
@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: npm install axe-core")
@pytest.mark.parametrize(("name", "width", "scheme"), LOOKS)
def test_axe_finds_nothing(browser, files, name, width, scheme):
    Page(browser, files[name], width=width, media={"prefers-color-scheme": scheme})
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = browser.execute_async_script(
        "axe.run().then((found) => arguments[arguments.length - 1](JSON.stringify(found.violations)))"
    )
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in json.loads(found)] == []
