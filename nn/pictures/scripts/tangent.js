// The loss along the chosen weight, with the tangent whose slope is the derivative.

let range,
  kept = {};

function draw(element, state) {
  const { chosen, theta, loss, gradient } = state,
    name = state.data.parameters[chosen].name;
  const [low, high] = state.ranges[chosen];
  const key = [chosen, low, ...theta.map((number, i) => (i === chosen ? 0 : number))].join();
  if (kept.key !== key) {
    const xs = Array.from({ length: 81 }, (_, i) => low + (i / 80) * (high - low));
    kept = { key, curve: xs.map((x) => [x, state.lossWith([[chosen, x]])]) };
  }
  const heights = kept.curve
    .map(([, y]) => y)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const top = Math.max(loss, heights[Math.floor(0.8 * heights.length)] ?? loss);
  range = steadyRange(range?.chosen === chosen ? range : null, Math.min(loss, heights[0] ?? loss), top);
  range.chosen = chosen;
  const about = chart(element, {
    x: [low, high],
    y: range,
    xName: name,
    yName: state.data.loss,
    label: `${state.data.loss} along ${name}: at ${shown(theta[chosen])} it is ${shown(loss)} with slope ${shown(gradient[chosen])}`,
  });
  const reach = 0.16 * (high - low);
  const slope = gradient[chosen];
  const tangent = [-reach, reach].map((d) => [theta[chosen] + d, loss + slope * d]);
  element.innerHTML = about.text(`<path class="curve squiggle" d="${about.line(kept.curve)}"/>
    <path class="tangent" d="${about.line(tangent)}"/>
    <circle class="here" cx="${about.x(theta[chosen])}" cy="${about.y(loss)}" r="6"/>
    <text class="halo" x="${about.left + 8}" y="${about.top + 16}">slope ${shown(slope)}</text>`);
}
