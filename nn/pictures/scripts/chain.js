// The chain rule for the chosen weight: a row for each observation, a column for each link, and the sum.

let table,
  kept = -1;

/** The factors of an observation: the derivative along each link. */
function factors(state, links, k) {
  const [, locals] = state.traces[k];
  const found = links.map(
    ({ top, bottom }) => state.derivatives(locals, top, bottom, (node) => node === bottom)[bottom],
  );
  return state.share === 1 ? found : [state.share, ...found];
}

/** The class with the colour of the hidden node that a link begins or ends at. */
function own({ colours }, { top, bottom }) {
  const colour = colours[bottom] ?? colours[top];
  return colour === undefined ? "" : `unit${colour}`;
}

function head(state, links) {
  const { data, chosen } = state,
    name = escaped(data.parameters[chosen].name);
  const first =
    state.share === 1 ? [] : [{ name: `d${data.loss}/d${data.loss}ᵢ`, symbols: `1/${data.rows.length}`, link: "" }];
  const columns = [...first, ...links.map((each) => ({ ...each, link: each.number }))];
  return `<tr><th scope="col">observation</th>
    ${columns
      .map(
        (
          each,
        ) => `<th scope="col" class="${own(data, each)}" data-link="${each.link}"${each.link === "" ? "" : ' tabindex="0"'}>
      <bdi>${escaped(each.name)}</bdi><span class="symbols"><bdi>${escaped(each.symbols)}</bdi></span></th>`,
      )
      .join("")}
    <th scope="col"><bdi>d${escaped(data.loss)}/d${name}</bdi><span class="symbols">the product</span></th></tr>`;
}

function build(element, state, links) {
  const { data } = state,
    count = links.length + (state.share === 1 ? 0 : 1);
  const cells = links.map(({ number }) => `<td data-link="${number}"></td>`);
  if (state.share !== 1) cells.unshift('<td data-link=""></td>');
  table = element.querySelector("table");
  table.tHead.innerHTML = head(state, links);
  table.tBodies[0].innerHTML = data.rows
    .map(
      (_, k) => `<tr data-observation="${k}"><th scope="row">${escaped(data.labels[k])}</th>
    ${cells.join("")}<td class="product"></td></tr>`,
    )
    .join("");
  table.tFoot.innerHTML = `<tr data-role="sum"><th scope="row">sum</th><td colspan="${count}"></td><td class="product"></td></tr>`;
  kept = state.chosen;
}

function draw(element, state) {
  const links = state.data.chains[state.chosen].map((number) => state.data.links[number]);
  if (kept !== state.chosen) build(element, state, links);
  const name = state.data.parameters[state.chosen].name,
    slope = state.gradient[state.chosen];
  const rows = table.tBodies[0].rows;
  for (let k = 0; k < rows.length; k++) {
    const numbers = links.length ? factors(state, links, k) : [];
    const product = links.length ? numbers.reduce((a, b) => a * b, 1) : 0,
      cells = rows[k].cells;
    numbers.forEach((number, i) => writeNumber(cells[i + 1], number, shown(number, 4)));
    writeNumber(cells[cells.length - 1], product, shown(product, 4));
    rows[k].dataset.value = String(product);
    mark(rows[k], "chosen", k === state.observation);
  }
  const last = table.tFoot.rows[0];
  last.dataset.value = String(slope);
  writeNumber(last.cells[last.cells.length - 1], slope, shown(slope, 4));
  const moved = state.lossWith([[state.chosen, state.theta[state.chosen] + 0.01]]) - state.lossWith([]);
  const isClose = Math.abs(moved - slope / 100) <= 0.5 * Math.abs(slope / 100) + 1e-12 * Math.abs(state.loss);
  const estimate = `${shown(slope)} × 0.01 = ${shown(slope / 100)}`;
  element.querySelector('[data-role="sentence"]').textContent =
    `Move ${name} by 0.01 and ${state.data.loss} changes by ${shown(moved)}` +
    (isClose ? `: about ${estimate}.` : `, and not by ${estimate}: the slope is another one on the way.`);
}
