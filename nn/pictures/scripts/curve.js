// Networks of one input: the squiggle, the curves that add up to it, and the residuals.

let range;

function draw(element, state) {
  const { rows, targets, outputs, components, inputNames, outputNames } = state.data;
  const xs = rows.map(([x]) => x),
    low = Math.min(...xs),
    high = Math.max(...xs),
    margin = 0.08 * (high - low) || 1;
  const grid = Array.from({ length: 97 }, (_, i) => low - margin + (i / 96) * (high - low + 2 * margin));
  const along = grid.map((x) => trace(state.theta, [x], targets[0])[0]);
  const curves = outputs.map((node) => along.map((values) => values[node]));
  const product = (values, { sign, factors }) => factors.reduce((found, node) => found * values[node], sign);
  const terms = components.map((term) => along.map((values) => product(values, term)));
  const points = outputs.map((_, k) => targets.map((target) => target[k]));
  const main = [...curves, ...points].flat().filter(Number.isFinite),
    parts = terms.flat().filter(Number.isFinite);
  const [bottom, top] = [Math.min(...main), Math.max(...main)],
    reach = top - bottom; // parts that cancel out may be huge
  range = steadyRange(
    range,
    Math.max(Math.min(bottom, ...parts), bottom - reach),
    Math.min(Math.max(top, ...parts), top + reach),
  );
  const about = chart(element, {
    x: [grid[0], grid[96]],
    y: range,
    xName: inputNames[0],
    yName: outputs.length === 1 ? outputNames[0] : "outputs",
    label: `${outputNames.join(", ")} against ${inputNames[0]}: the fitted curve and the observations`,
  });
  const path = (curve, name) => `<path class="${name}" d="${about.line(grid.map((x, i) => [x, curve[i]]))}"/>`;
  const drawn = terms.map((curve, i) => path(curve, `curve component unit${components[i].unit}`));
  curves.forEach((curve, k) => drawn.push(path(curve, outputs.length === 1 ? "curve squiggle" : `curve class${k}`)));
  rows.forEach(([x], k) => {
    outputs.forEach((node, n) => {
      const y = targets[k][n],
        predicted = state.traces[k][0][node];
      const isChosen = k === state.observation ? " chosen" : "";
      if (outputs.length === 1)
        drawn.push(
          `<path class="residual" d="${about.line([
            [x, y],
            [x, predicted],
          ])}"/>`,
        );
      drawn.push(`<circle class="point${isChosen} ${outputs.length === 1 ? "" : `class${n}`}" data-pick="${k}"
        cx="${about.x(x)}" cy="${about.y(y)}" r="${isChosen ? 7 : 5}"/>`);
    });
  });
  element.innerHTML = about.text(drawn.join(""));
}
