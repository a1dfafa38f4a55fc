// Networks of two inputs: what the network answers at each point of the plane.

let heat, range;

function draw(element, state) {
  heat ??= createHeat(element);
  const { rows, inputNames, outputNames, classOf } = state.data;
  const [x, y] = [0, 1].map((i) => widened(rows.map((row) => row[i])));
  const size = state.isIdle ? 120 : 40;
  const found = onGrid(x, y, size, (a, b) => outputsOf(state.theta, [a, b]));
  const label = `what the network answers for each ${inputNames[0]} and ${inputNames[1]}, and the observations`;
  const axes = { x, y, xName: inputNames[0], yName: inputNames[1], height: 300, label };
  const painted = outputNames.length > 1 && classOf ? byClass(element, found) : bySize(element, state.data, found);
  heat.show(axes, (about) => points(state, about), size, painted);
  const key = element.parentElement.querySelector('[data-role="key"]');
  if (!key.innerHTML && classOf && outputNames.length > 1) key.innerHTML = outputNames.map(keyOf).join("");
}

/** The range of some numbers and a little beyond. */
function widened(numbers) {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const margin = 0.08 * (high - low) || 1;
  return [low - margin, high + margin];
}

/** The colours of the largest outputs. */
function byClass(element, found) {
  const page = rgb(element, "--panel");
  const own = found[0].map((_, k) => mixed([page, rgb(element, `--class${k % 6}`)], 0.38));
  return found.map((each) => own[each.indexOf(Math.max(...each))] ?? page);
}

/** From one colour to another with the first output; between two classes its boundary is colourless. */
function bySize(element, { boundary }, found) {
  const numbers = found.map(([output]) => output).filter(Number.isFinite),
    page = rgb(element, "--panel");
  range = steadyRange(range, Math.min(...numbers), Math.max(...numbers));
  const [low, high] = range;
  const [one, two] = ["--class0", "--class1"].map((name) => mixed([page, rgb(element, name)], 0.6));
  const reach = boundary === null ? (high - low) / 2 : Math.max(high - boundary, boundary - low);
  const middle = boundary ?? (low + high) / 2;
  return found.map(([output]) => mixed([one, page, two], 0.5 + (0.5 * (output - middle)) / reach));
}

/** The observations. */
function points({ data: { rows, classOf }, observation }, about) {
  const drawn = rows.map(([a, b], k) => {
    const kind = classOf?.[k] ?? 0,
      isChosen = k === observation;
    const shape = marker(kind, Number(about.x(a)), Number(about.y(b)), isChosen ? 8 : 4.5);
    return `<path class="point shape class${kind % 6}${isChosen ? " chosen" : ""}" data-pick="${k}" d="${shape}"/>`;
  });
  return drawn.join("");
}

/** A line of the key. */
function keyOf(name, k) {
  const shape = `<path class="point shape class${k % 6}" d="${marker(k, 7, 7, 5)}"/>`;
  return `<span><svg width="14" height="14">${shape}</svg><bdi>${escaped(name)}</bdi></span>`;
}

/** Shapes tell classes apart where colours do not. */
function marker(kind, x, y, r) {
  const points = [
    () => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
    () => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    () => `M${x} ${y - 1.2 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z`,
    () => `M${x} ${y - 1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}z`,
  ];
  return points[kind % points.length]();
}
