// The page: what the reader does, and what is drawn anew then.

const page = document.currentScript.closest("main");
const data = JSON.parse(page.querySelector('script[type="application/json"]').textContent);
const state = createState(data);
const bodies = all(page, "[data-panel]").map((panel) => [
  panels[panel.dataset.panel],
  panel.querySelector("[data-body]") ?? panel,
]);
const [lossText, count, status] = ["loss", "steps", "status"].map((role) =>
  page.querySelector(`[data-role="${role}"]`),
);
const run = page.querySelector('[data-action="run"]');
const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
let timer = 0,
  idle = 0,
  told = 0;

/** How fine areas of the loss may be: so many losses as are computed in about 6 ms, and in 75 ms when the reader pauses. */
function measureGrids() {
  const before = performance.now();
  let calls = 0;
  for (; performance.now() - before < 3; calls++) state.lossWith([]);
  const side = (losses, least, most) => Math.max(least, Math.min(most, Math.floor(Math.sqrt(losses))));
  return { isIdle: false, coarseGrid: side(2 * calls, 8, 32), fineGrid: side(25 * calls, 24, 112) };
}
Object.assign(state, measureGrids());

/** Draws everything; later, when the reader pauses, the areas of colour in finer grain. */
function draw() {
  clearTimeout(idle);
  state.isIdle = false;
  writeNumber(lossText, state.loss, shown(state.loss, 4));
  lossText.setAttribute("aria-live", timer ? "off" : "polite");
  const steps = `${state.steps} step${state.steps === 1 ? "" : "s"}`;
  if (count.textContent !== steps) count.textContent = steps;
  for (const [panel, body] of bodies) panel(body, state);
  if (!timer) idle = setTimeout(refine, 150);
}

/** The areas of colour once more. */
function refine() {
  state.isIdle = true;
  for (const [panel, body] of bodies) if (panel === panels.surface || panel === panels.regions) panel(body, state);
}

/** Tells what happened, in a live region. */
function tell(text) {
  if (status.textContent !== text) status.textContent = text;
}

function stop() {
  clearTimeout(timer);
  timer = 0;
  run.setAttribute("aria-pressed", "false");
  run.textContent = "Run";
}

function step() {
  const goesOn = state.step();
  tell(state.message);
  return goesOn;
}

/** Runs as the screen shows frames; slowly for readers who want no motion. */
function frame() {
  if (!step()) stop();
  if (timer && !state.message && performance.now() - told > 2000) {
    told = performance.now();
    tell(`After ${state.steps} steps ${data.loss} is ${shown(state.loss)}.`);
  }
  if (timer) timer = setTimeout(() => requestAnimationFrame(() => timer && frame()), isCalm.matches ? 1000 : 0);
  draw();
}

const actions = {
  step: () => (stop(), step()),
  run: () => {
    if (timer) return stop();
    run.setAttribute("aria-pressed", "true");
    run.textContent = "Stop";
    timer = setTimeout(() => timer && frame(), 0);
  },
  reset: () => (stop(), state.reset(), tell("")),
};
for (const button of all(page, "[data-action]")) {
  button.addEventListener("click", () => {
    actions[button.dataset.action]();
    draw();
  });
}

function move(i, text) {
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) return;
  stop();
  state.move(i, number);
  tell("");
  draw();
}
function choose(i) {
  if (state.second === i) state.second = state.chosen;
  state.chosen = i;
  select.value = String(state.second);
  light("");
  draw();
}
all(page, "[data-line]").forEach((line, i) => {
  const slider = line.querySelector('input[type="range"]');
  for (const kind of ["input", "change"]) {
    slider.addEventListener(kind, () => slider.value !== String(state.theta[i]) && move(i, slider.value));
  }
  line.querySelector('input[type="number"]').addEventListener("change", (event) => move(i, event.target.value));
  line.querySelector("[data-choose]").addEventListener("click", () => choose(i));
});
for (const part of all(page, "[data-wire]")) part.addEventListener("click", () => choose(Number(part.dataset.wire)));
for (const part of all(page, "[data-weight]"))
  part.addEventListener("click", () => choose(Number(part.dataset.weight)));

const rate = page.querySelector('[data-role="learning-rate"]');
for (const kind of ["input", "change"])
  rate.addEventListener(kind, () => {
    const number = Number(rate.value);
    if (rate.value === "" || !(number > 0) || !Number.isFinite(number)) return;
    state.rate = number;
    rate.dataset.value = String(number);
  });
/** The choices of a list, as many as there are names. */
function offer(list, names) {
  list.append(...names.map((name, i) => new Option(name, i)));
}
const observation = page.querySelector('[data-role="observation"]');
offer(observation, data.labels);
observation.value = String(state.observation);
function pick(k) {
  state.observation = k;
  observation.value = String(k);
  draw();
}
observation.addEventListener("change", () => pick(Number(observation.value)));
page.addEventListener("click", (event) => {
  const point = event.target.closest("[data-pick], tr[data-observation]");
  if (point) pick(Number(point.dataset.pick ?? point.dataset.observation));
});
const select = page.querySelector('[data-role="second"]') ?? document.createElement("select"); // one weight has no second
offer(
  select,
  data.parameters.map(({ name }) => name),
);
select.addEventListener("change", () => {
  const i = Number(select.value);
  if (i === state.chosen) state.chosen = state.second;
  state.second = i;
  draw();
});

/** Lights up what a factor of the chain rule is the derivative along. */
function light(number) {
  const link = number === "" ? { wires: [], units: [], arrows: [] } : data.links[number];
  for (const part of all(page, "[data-wire]")) mark(part, "lit", link.wires.includes(Number(part.dataset.wire)));
  for (const part of all(page, "[data-unit]")) mark(part, "lit", link.units.includes(part.dataset.unit));
  for (const part of all(page, "[data-link]")) mark(part, "lit", number !== "" && part.dataset.link === String(number));
  state.lightGraph?.(link.arrows);
}
const chain = page.querySelector('[data-role="chain"]');
for (const [start, end] of [
  ["mouseover", "mouseleave"],
  ["focusin", "focusout"],
]) {
  chain.addEventListener(start, (event) => light(event.target.closest("[data-link]")?.dataset.link ?? ""));
  chain.addEventListener(end, () => light(""));
}

document.documentElement.classList.add("live");
select.value = String(state.second);
draw();
let width = page.clientWidth;
addEventListener("resize", () => {
  if (page.clientWidth === width) return;
  width = page.clientWidth;
  widths.clear();
  draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours.clear();
  draw();
});
