// The loss over two weights, with the path of the steps. It stays where it is while the point moves.

let heat,
  kept = {};
const BANDS = 14;

function draw(element, state) {
  heat ??= createHeat(element);
  const { chosen, second, theta, ranges } = state;
  const name = (i) => state.data.parameters[i].name;
  const wanted = state.isIdle ? state.fineGrid : state.coarseGrid;
  const key = [
    chosen,
    second,
    ranges[chosen][1],
    ranges[second][1],
    ...theta.map((number, i) => (i === chosen || i === second ? 0 : number)),
  ].join();
  const isDone = kept.key === key && kept.size >= wanted;
  if (!isDone) {
    const losses = onGrid(ranges[chosen], ranges[second], wanted, (a, b) =>
      state.lossWith([
        [chosen, a],
        [second, b],
      ]),
    );
    kept = { key, size: wanted, losses };
  }
  const painted = coloured(element, kept.losses);
  const trail = state.path.map((point) => [point[chosen], point[second]]);
  heat.show(
    {
      x: ranges[chosen],
      y: ranges[second],
      xName: name(chosen),
      yName: name(second),
      height: 300,
      label: `${state.data.loss} over ${name(chosen)} and ${name(second)}, darker where it is larger, with the path of the steps`,
    },
    (about) => `<path class="trail under" d="${about.line(trail)}"/><path class="trail" d="${about.line(trail)}"/>
    ${trail
      .slice(-60)
      .map(([a, b]) => `<circle class="past" cx="${about.x(a)}" cy="${about.y(b)}" r="2"/>`)
      .join("")}
    <circle class="here" cx="${about.x(theta[chosen])}" cy="${about.y(theta[second])}" r="6"/>`,
    kept.size,
    painted,
  );
}

/** Bands that grow by equal ratios above the lowest point, so that the valley shows beside walls that are much higher. */
function coloured(element, losses) {
  const finite = losses.filter(Number.isFinite),
    low = Math.min(...finite),
    high = Math.max(...finite);
  const unit = 3e-3 * (high - low) || 1,
    height = (v) => Math.log1p((v - low) / unit);
  const ends = ["--low", "--middle", "--high"].map((name) => rgb(element, name));
  const bands = Array.from({ length: BANDS }, (_, i) => mixed(ends, i / (BANDS - 1)));
  const top = height(high) || 1;
  const band = (v) => Math.min(BANDS - 1, Math.floor((BANDS * height(v)) / top));
  return losses.map((v) => bands[Number.isFinite(v) ? band(v) : BANDS - 1]);
}
