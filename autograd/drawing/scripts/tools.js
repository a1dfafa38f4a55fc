// What all panels share: finding, writing, numbers as text, and charts.

/** The elements inside another that match a selector. */
function all(element, selector) {
  return [...element.querySelectorAll(selector)];
}

/** Text that cannot be taken for markup, in elements and in attributes. */
function escaped(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A number to so many significant digits, as a reader wants it. */
function shown(x, digits = 3) {
  if (!Number.isFinite(x)) return x !== x ? "nan" : x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  const isPlain = x === 0 || (size >= 1e-3 && size < 10 ** Math.max(digits, 5));
  const text = isPlain
    ? String(Number(x.toPrecision(digits)))
    : Number(x.toPrecision(digits)).toExponential().replace("e+", "e");
  return text.replaceAll("-", "−");
}

/** Writes a number into an element: short for readers, exact for scripts. Nothing is touched that stays the same. */
function writeNumber(element, x, text = shown(x)) {
  const exact = String(x);
  if (element.dataset.value !== exact) element.dataset.value = exact;
  if (element.textContent !== text) element.textContent = text;
}

/** Sets a class and nothing else. */
function mark(element, name, isOn) {
  if (element.classList.contains(name) !== isOn) element.classList.toggle(name, isOn);
}

/** About so many round numbers between two others. */
function ticks(low, high, count = 4) {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9),
    number = Math.floor(high / step + 1e-9) - first + 1;
  // Numbers without digits left between them have no ticks, nor an end to counting.
  return number > 0 && number < 50 ? Array.from({ length: number }, (_, k) => (first + k) * step) : [low, high];
}

/** The numbers along an axis, with as many digits as tell one from the next. */
function tickLabels(numbers) {
  const size = Math.max(...numbers.map(Math.abs)),
    step = numbers[1] - numbers[0];
  const digits = size > 0 && step > 0 ? Math.floor(Math.log10(size)) - Math.floor(Math.log10(step * 1.001)) + 1 : 3;
  return numbers.map((number) => shown(number, Math.min(Math.max(digits, 3), 15)));
}

/** The widths of charts, asked for once, since each question lets the browser lay out the page. */
const widths = new Map();

/** A range that follows what it must show, but not at every move: it grows at once and shrinks late. */
function steadyRange(before, low, high) {
  [low, high] = [Math.max(low, -1e300), Math.min(high, 1e300)];
  if (!(low <= high)) [low, high] = [0, 1]; // nothing to show
  if (high === low) [low, high] = [low - 0.5 - 0.01 * Math.abs(low), high + 0.5 + 0.01 * Math.abs(high)];
  const margin = 0.08 * (high - low);
  const wanted = [low - margin, high + margin];
  if (!before) return wanted;
  const fits = low >= before[0] && high <= before[1] && high - low > 0.35 * (before[1] - before[0]);
  return fits ? before : wanted;
}

/**
 * Axes in pixels of the page, so that text stays readable at any width.
 *
 * Returns `x` and `y`, which place numbers, `line` for a path through points, and `text`, the chart with its content.
 */
function chart(element, { x, y, xName, yName, height = 260, label }) {
  if (!widths.has(element)) widths.set(element, Math.max(240, Math.floor(element.clientWidth || 480)));
  const width = widths.get(element);
  const [left, right, top, bottom] = [60, width - 10, 12, height - 40];
  const place =
    ([low, high], start, end) =>
    (v) =>
      start + ((v - low) / (high - low)) * (end - start);
  const [px, py] = [place(x, left, right), place(y, bottom, top)];
  const clamped = (v) => Math.max(-1e4, Math.min(1e4, v)).toFixed(1);
  const across = ticks(...x, width / 90),
    up = ticks(...y, height / 60);
  const [below, beside] = [tickLabels(across), tickLabels(up)];
  const axes = [
    ...across.map(
      (v, k) => `<path class="grid" d="M${clamped(px(v))} ${top}V${bottom}"/>
      <text x="${clamped(px(v))}" y="${bottom + 16}" text-anchor="middle">${below[k]}</text>`,
    ),
    ...up.map(
      (v, k) => `<path class="grid" d="M${left} ${clamped(py(v))}H${right}"/>
      <text x="${left - 6}" y="${clamped(py(v) + 4)}" text-anchor="end">${beside[k]}</text>`,
    ),
    `<text class="axis" x="${(left + right) / 2}" y="${height - 6}" text-anchor="middle">${escaped(xName)}</text>`,
    `<text class="axis" transform="translate(12 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(yName)}</text>`,
  ];
  const line = (points) => {
    let text = "",
      isOn = false;
    for (const [a, b] of points) {
      const drawn = Number.isFinite(a) && Number.isFinite(b);
      if (drawn) text += `${isOn ? "L" : "M"}${clamped(px(a))} ${clamped(py(b))}`;
      isOn = drawn;
    }
    return text;
  };
  const text = (
    content,
  ) => `<svg class="chart" role="img" aria-label="${escaped(label)}" width="${width}" height="${height}"
    viewBox="0 0 ${width} ${height}">${axes.join("")}
    <svg x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"
      viewBox="${left} ${top} ${right - left} ${bottom - top}">${content}</svg></svg>`;
  return { x: (v) => clamped(px(v)), y: (v) => clamped(py(v)), line, text, left, right, top, bottom, width, height };
}
