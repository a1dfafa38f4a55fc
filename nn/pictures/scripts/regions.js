// Networks of two inputs: what the network answers at each point of the plane.

let heat, range;

function draw(element, state) {
  heat ??= createHeat(element);
  const { rows, outputs, inputNames, outputNames, boundary, classOf } = state.data;
  const span = (i) => {
    const numbers = rows.map((row) => row[i]),
      low = Math.min(...numbers),
      high = Math.max(...numbers);
    const margin = 0.08 * (high - low) || 1;
    return [low - margin, high + margin];
  };
  const [x, y] = [span(0), span(1)],
    size = state.isIdle ? 120 : 40;
  const found = onGrid(x, y, size, (a, b) => outputsOf(state.theta, [a, b]));
  const page = rgb(element, "--panel");
  let painted;
  if (outputs.length > 1) {
    const own = outputs.map((_, k) => mixed([page, rgb(element, `--class${k % 6}`)], 0.38));
    painted = found.map((each) => own[each.indexOf(Math.max(...each))] ?? page);
  } else {
    const numbers = found.map(([output]) => output).filter(Number.isFinite);
    range = steadyRange(range, Math.min(...numbers), Math.max(...numbers));
    const [one, two] = ["--class0", "--class1"].map((name) => mixed([page, rgb(element, name)], 0.6));
    const reach = boundary === null ? 0 : Math.max(range[1] - boundary, boundary - range[0]);
    const share = (v) =>
      boundary === null ? (v - range[0]) / (range[1] - range[0]) : 0.5 + (0.5 * (v - boundary)) / reach;
    painted = found.map(([output]) => mixed([one, page, two], share(output)));
  }
  heat.show(
    {
      x,
      y,
      xName: inputNames[0],
      yName: inputNames[1],
      height: 300,
      label: `what the network answers for each ${inputNames[0]} and ${inputNames[1]}, and the observations`,
    },
    (about) =>
      rows
        .map(([a, b], k) => {
          const kind = classOf ? classOf[k] : 0,
            isChosen = k === state.observation;
          return `<path class="point shape class${kind % 6}${isChosen ? " chosen" : ""}" data-pick="${k}"
      d="${marker(kind, Number(about.x(a)), Number(about.y(b)), isChosen ? 8 : 4.5)}"/>`;
        })
        .join(""),
    size,
    painted,
  );
  const key = element.parentElement.querySelector('[data-role="key"]');
  if (!key.innerHTML && classOf && outputNames.length > 1) key.innerHTML = outputNames.map(keyOf).join("");
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
