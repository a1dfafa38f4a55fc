// Networks that tell classes apart: raw outputs, softmax, cross entropy, and what flows back from it.

let cells;

function draw(element, state) {
  const { outputs, outputNames, classes, targets, loss } = state.data;
  if (!cells) {
    const [first, second, by] = {
      logits: [["raw output"], "softmax p", "raw"],
      probabilities: [[], "p", "p"],
      "log probabilities": [["log p"], "p", "log p"],
    }[classes];
    const heads = [...first, second, "−log p", "observed", "p − observed", `d${loss}/d${by}`];
    element.innerHTML = `<table><thead><tr><th scope="col">class</th>${heads.map((head) => `<th scope="col">${escaped(head)}</th>`).join("")}</tr></thead>
      <tbody>${outputNames
        .map(
          (name, k) => `<tr class="class${k % 6}"><th scope="row"><i></i><bdi>${escaped(name)}</bdi></th>
        ${heads.map((head) => `<td data-cell="${escaped(head)}"></td>`).join("")}</tr>`,
        )
        .join("")}</tbody></table><p></p>`;
    cells = all(element, "tbody tr").map((row) => all(row, "td"));
    for (const row of cells) row.at(classes === "probabilities" ? 0 : 1).innerHTML = "<b></b><span></span>";
  }
  const [values] = state.traces[state.observation],
    found = outputs.map((node) => values[node]);
  const top = Math.max(...found),
    powers = found.map((v) => Math.exp(v - top)),
    sum = total(powers);
  const p =
    classes === "logits" ? powers.map((v) => v / sum) : classes === "probabilities" ? found : found.map(Math.exp);
  const observed = targets[state.observation],
    slopes = state.gradients[state.observation];
  cells.forEach((row, k) => {
    const [bar, number] = row.at(classes === "probabilities" ? 0 : 1).children;
    bar.style.width = `${Math.max(0, Math.min(100, 100 * p[k]))}%`;
    writeNumber(number, p[k]);
    const [surprise, share, difference, slope] = row.slice(-4);
    writeNumber(surprise, -Math.log(p[k]));
    if (classes !== "probabilities") writeNumber(row[0], found[k]);
    writeNumber(share, observed[k]);
    writeNumber(difference, p[k] - observed[k]);
    writeNumber(slope, slopes[outputs[k]]);
  });
  const k = observed.indexOf(Math.max(...observed));
  element.querySelector("p").textContent =
    observed[k] === 1
      ? `Observed: ${outputNames[k]}. Its cross entropy is −log ${shown(p[k])} = ${shown(-Math.log(p[k]))}; ` +
        `the squared residual (1 − p)² would be ${shown((1 - p[k]) ** 2)}, which is never above 1 and pushes less.`
      : `Cross entropy −Σ observed·log p = ${shown(values[state.data.root])}.`;
}
