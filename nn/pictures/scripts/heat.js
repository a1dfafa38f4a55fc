// Areas of colour: a number for each point of a plane.

const colours = new Map();

/** The colour of a variable of the style sheet, as three numbers. */
function rgb(element, variable) {
  if (!colours.has(variable)) {
    const text = getComputedStyle(element).getPropertyValue(variable).trim();
    colours.set(
      variable,
      [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)),
    );
  }
  return colours.get(variable);
}

/** Between two colours, or more in a row. */
function mixed(colours, t) {
  const place = Math.max(0, Math.min(1, t)) * (colours.length - 1),
    i = Math.min(Math.floor(place), colours.length - 2);
  return [0, 1, 2].map((c) => colours[i][c] + (place - i) * (colours[i + 1][c] - colours[i][c]));
}

/** The numbers of a function on a grid, line by line from the top. */
function onGrid(x, y, size, f) {
  const found = [];
  for (let j = 0; j < size; j++) {
    const b = y[1] - ((j + 0.5) / size) * (y[1] - y[0]);
    for (let i = 0; i < size; i++) found.push(f(x[0] + ((i + 0.5) / size) * (x[1] - x[0]), b));
  }
  return found;
}

/** A panel with an area of colour behind the lines of a chart. */
function createHeat(element) {
  element.innerHTML = '<div class="heat"><canvas aria-hidden="true"></canvas><div></div></div>';
  const [canvas, front] = [element.querySelector("canvas"), element.querySelector(".heat div")];
  return {
    /** Shows the colours of a grid, and the axes and marks of a chart above it. */
    show(axes, content, size, painted) {
      const about = chart(front, axes);
      front.innerHTML = about.text(content(about));
      const { left, top, right, bottom } = about;
      Object.assign(canvas.style, {
        left: `${left}px`,
        top: `${top}px`,
        width: `${right - left}px`,
        height: `${bottom - top}px`,
      });
      if (!painted) return about;
      canvas.width = canvas.height = size;
      const image = new ImageData(size, size);
      painted.forEach(([r, g, b], i) => image.data.set([r, g, b, 255], 4 * i));
      canvas.getContext("2d").putImageData(image, 0, 0);
      return about;
    },
    front,
  };
}
