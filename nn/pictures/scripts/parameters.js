// Sliders for all parameters, each with its number and its derivative.

let lines;

function draw(element, state) {
  lines ??= all(element, "[data-line]").map((line, i) => {
    const [choose, slider, number, slope] = line.children,
      { name } = state.data.parameters[i];
    slider.setAttribute("aria-label", name);
    number.setAttribute("aria-label", `${name}, as a number`);
    choose.title = name;
    const colour = state.data.colours[state.data.parameters[i].node];
    if (colour !== undefined) {
      line.classList.add(`unit${colour}`);
      choose.append(document.createElement("i"));
    }
    choose.append(Object.assign(document.createElement("bdi"), { textContent: name }));
    return { line, choose, slider, number, slope };
  });
  lines.forEach(({ line, slider, number, slope, choose }, i) => {
    const value = String(state.theta[i]),
      [low, high] = state.ranges[i];
    if (slider.max !== String(high)) [slider.min, slider.max] = [low, high];
    if (slider.dataset.value !== value) {
      slider.value = value;
      slider.dataset.value = number.dataset.value = value;
      slider.setAttribute("aria-valuetext", shown(state.theta[i], 4));
      if (document.activeElement !== number) number.value = Number(state.theta[i].toPrecision(4));
    }
    writeNumber(slope, state.gradient[i]);
    mark(line, "chosen", i === state.chosen);
    const isPressed = String(i === state.chosen);
    if (choose.getAttribute("aria-pressed") !== isPressed) choose.setAttribute("aria-pressed", isPressed);
  });
}
