// Backprop step by step: the graph of the chosen observation.

let stepper,
  local = [];

function draw(element, state) {
  const { boxes, loss } = state.data,
    names = boxes.map((box) => box.name),
    last = boxes.length - 1;
  const [values, locals] = state.traces[state.observation],
    slopes = state.gradients[state.observation];
  const isShown = new Set(boxes.map((box) => box.node));
  local = boxes.map(({ node, operands }) => {
    if (!operands.length) return [];
    const found = state.derivatives(locals, node, -1, (other) => isShown.has(other));
    return operands.map((operand) => found[boxes[operand].node]);
  });
  const data = boxes.map(({ node }) => values[node]),
    grad = boxes.map(({ node }) => slopes[node] ?? 0);
  const textOf = (i, isBackward) => {
    if (!isBackward) return `${names[i]} = ${boxes[i].formula} = ${shown(data[i], 4)}`;
    if (i === last) return `d${loss}/d${loss} = 1: here backward starts`;
    const uses = boxes.flatMap((box, k) =>
      box.operands.flatMap((operand, n) => (operand === i ? [[k, local[k][n]]] : [])),
    );
    const symbols = uses.map(([k]) => `d${loss}/d${names[k]} × d${names[k]}/d${names[i]}`);
    const numbers = uses.map(([k, slope]) => `${shown(grad[k], 4)} × ${shown(slope, 4)}`);
    return `d${loss}/d${names[i]} = ${symbols.join(" + ")} = ${numbers.join(" + ")} = ${shown(grad[i], 4)}`;
  };
  element.textOf = textOf;
  stepper ??= createStepper(element, boxes, (...step) => element.textOf(...step), element);
  if (!element.dataset.shown) {
    element.dataset.shown = "1";
    stepper.show(1e9);
  }
  stepper.write(data, grad, local.flat());
  state.lightGraph = (lit) => stepper.light((k) => lit.includes(k));
}
