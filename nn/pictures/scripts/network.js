// The network, as `nn.diagram` draws it, with the numbers of the chosen observation.

let parts;

function found(element) {
  const numbered = (name) =>
    all(element, `[data-${name}]`).map((part) => [part, Number(part.getAttribute(`data-${name}`))]);
  return {
    wires: numbered("wire"),
    weights: numbered("weight").map(([part, i]) => [
      part.querySelector(".number"),
      part.querySelector(".slope tspan"),
      i,
    ]),
    leaves: numbered("leaves"),
    dots: numbered("leaves-dot"),
    observed: numbered("observed"),
    residuals: numbered("residual"),
  };
}

function draw(element, state) {
  parts ??= found(element);
  const [values] = state.traces[state.observation],
    { outputs } = state.data;
  const { targets } = state.data;
  const largest = new Map();
  for (const [wire, i] of parts.wires) {
    const { layer } = wire.dataset;
    largest.set(layer, Math.max(largest.get(layer) ?? 0, Math.abs(state.theta[i])));
  }
  for (const [wire, i] of parts.wires) {
    const size = Math.abs(state.theta[i]) / (largest.get(wire.dataset.layer) || 1);
    wire.setAttribute("stroke-width", (1 + 3 * Math.max(0, 1 + Math.log10(size || 1e-9) / 2)).toFixed(1));
    mark(wire, "negative", state.theta[i] < 0);
  }
  for (const [number, slope, i] of parts.weights) {
    number.textContent = shown(state.theta[i]);
    slope.textContent = shown(state.gradient[i]);
  }
  for (const [part, node] of parts.leaves) part.textContent = shown(values[node]);
  for (const [dot, node] of parts.dots) {
    const { enters, reach, top, x, y, half } = dot.dataset;
    const inside = (v) => half * Math.max(-1, Math.min(1, v));
    dot.setAttribute("cx", Number(x) + inside(values[enters] / reach));
    dot.setAttribute("cy", Number(y) - inside(values[node] / top));
  }
  const observed = targets[state.observation];
  for (const [part, k] of parts.observed) part.textContent = shown(observed[k]);
  for (const [part, k] of parts.residuals) part.textContent = shown(observed[k] - values[outputs[k]]);
}
