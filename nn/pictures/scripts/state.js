// The numbers of the page: parameters, what the functions of the graph make of them, and steps of gradient descent.

/** The sum with the rounding errors of its steps put right (A. Neumaier, 1974). */
function total(numbers) {
  let [found, lost] = [0, 0];
  for (const x of numbers) {
    const next = found + x;
    lost += Math.abs(found) >= Math.abs(x) ? found - next + x : x - next + found;
    found = next;
  }
  return Number.isFinite(found) ? found + lost : found;
}

function createState(data) {
  if (!Array.isArray(data.targets[0])) {
    // classes, which the functions take as the shares of all
    data.classOf = data.targets;
    data.targets = data.classOf.map((observed) => data.outputs.map((_, k) => Number(k === observed)));
  }
  data.parameters = data.parameters.map(([name, start, node]) => ({ name, start, node }));
  data.boxes = data.boxes.map(([name, formula, operands, node, gradient]) => ({
    name,
    formula,
    operands,
    node,
    gradient,
  }));
  const { rows, targets, parameters, edges, root } = data;
  const state = {
    data,
    theta: Float64Array.from(parameters, (each) => each.start),
    ranges: [],
    chosen: 0,
    second: Math.min(1, parameters.length - 1),
    observation: data.first,
    rate: data.rate,
    steps: 0,
    path: [],
    firstLoss: 0,
    message: "",
  };
  for (const { name, node } of parameters) data.names[node] = name;
  data.links = data.links.map(([top, bottom, symbols, wires, units, arrows], number) => ({
    number,
    top,
    bottom,
    symbols,
    wires,
    units,
    arrows,
    name: `d${data.names[top]}/d${data.names[bottom]}`,
  }));
  data.labels = rows.map((row, k) => {
    const known = data.inputNames.slice(0, 3).map((name, i) => `${name} ${shown(row[i])}`);
    if (data.classOf && data.outputNames.length > 1) known.push(data.outputNames[data.classOf[k]]);
    return `${k + 1}: ${known.join(", ")}`;
  });
  const share = data.added ? 1 : 1 / rows.length;

  /** The derivatives of one node by all before it, down to `bottom`; nothing flows on from nodes where `isEnd`. */
  state.derivatives = (locals, top, bottom, isEnd = () => false) => {
    const found = new Float64Array(top + 1);
    found[top] = 1;
    for (let e = edges.length / 2 - 1; e >= 0; e--) {
      const result = edges[2 * e];
      if (result > top) continue;
      if (result <= bottom) break;
      if (found[result] !== 0 && (result === top || !isEnd(result)))
        found[edges[2 * e + 1]] += found[result] * locals[e];
    }
    return found;
  };

  /** Computes everything anew. */
  state.evaluate = () => {
    state.traces = rows.map((x, k) => trace(state.theta, x, targets[k]));
    state.loss = share * total(state.traces.map(([values]) => values[root]));
    state.gradients = state.traces.map(([, locals]) => state.derivatives(locals, root, -1));
    state.gradient = parameters.map(({ node }) =>
      node < 0 ? 0 : state.gradients.reduce((sum, found) => sum + share * (found[node] ?? 0), 0),
    );
  };

  /** The loss over all observations where some parameters have other numbers: `[[index, number], ...]`. */
  state.lossWith = (others) => {
    const kept = others.map(([i]) => state.theta[i]);
    for (const [i, number] of others) state.theta[i] = number;
    let sum = 0;
    for (let k = 0; k < rows.length; k++) sum += lossOf(state.theta, rows[k], targets[k]);
    others.forEach(([i], n) => (state.theta[i] = kept[n]));
    return share * sum;
  };

  /** A range of the slider around a number: it only grows, so nothing moves under the reader's hand. */
  state.widen = (i) => {
    const size = Math.abs(state.theta[i]);
    let [, high] = state.ranges[i] ?? [0, 5];
    while (high < size && high < 1e300) high *= String(high).startsWith("2") ? 2.5 : 2;
    state.ranges[i] = [-high, high];
  };

  state.move = (i, number) => {
    state.theta[i] = number;
    state.widen(i);
    state.path = [];
    state.message = "";
    state.evaluate();
  };

  /** One step of gradient descent. Returns whether it makes sense to go on. */
  state.step = () => {
    const before = state.theta.slice(),
      { loss } = state;
    if (!state.path.length) [state.firstLoss, state.path] = [loss, [before]];
    parameters.forEach((_, i) => {
      if (!data.fixed.includes(i)) state.theta[i] -= state.rate * state.gradient[i];
    });
    state.evaluate();
    if (!Number.isFinite(state.loss) || !state.gradient.every(Number.isFinite)) {
      state.theta.set(before);
      state.evaluate();
      state.message =
        `The steps diverged: ${data.loss} rose from ${shown(state.firstLoss)} to ${shown(loss)}, and the ` +
        "next step is beyond all numbers. A smaller learning rate helps; reset, and try a tenth of it.";
      return false;
    }
    state.steps++;
    state.path.push(state.theta.slice());
    if (state.path.length > 2000) state.path.splice(1, 1);
    parameters.forEach((_, i) => state.widen(i));
    const hasGrown = state.loss - state.firstLoss > 9 * Math.max(Math.abs(state.firstLoss), 1e-9);
    state.message = hasGrown
      ? `The steps diverge: ${data.loss} rose from ${shown(state.firstLoss)} to ${shown(state.loss)}. They are too long ` +
        "and land higher on the other side of the valley; a smaller learning rate helps."
      : "";
    return !(state.loss > 1e12 * Math.max(1, Math.abs(state.firstLoss)));
  };

  state.reset = () => {
    parameters.forEach(({ start }, i) => (state.theta[i] = start));
    Object.assign(state, { steps: 0, path: [], message: "", ranges: [] });
    parameters.forEach((_, i) => state.widen(i));
    state.evaluate();
  };

  state.share = share;
  state.reset();
  return state;
}
