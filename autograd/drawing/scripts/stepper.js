// Steps through a picture of boxes: the computation forward, then the chain rule backward.

/**
 * Makes the buttons and keys of a panel work.
 *
 * `boxes` are the operands of each box, and whether a derivative flows into it; `textOf(box, isBackward)` says what
 * happens in a step. Keys are those pressed in `keys`, an element or the document.
 */
function createStepper(panel, boxes, textOf, keys) {
  const groups = all(panel, "[data-box]"),
    arrows = all(panel, "[data-arrow]");
  const parts = groups.map((group) => ({
    data: group.querySelector(".data tspan"),
    grad: group.querySelector(".grad tspan"),
  }));
  const locals = arrows.map((arrow) => arrow.querySelector("text"));
  const results = boxes.flatMap((box, i) => (box.operands.length ? [i] : []));
  const differentiated = boxes.flatMap((box, i) => (box.gradient ? [i] : [])).reverse();
  const steps = [...results.map((box) => [box, false]), ...differentiated.map((box) => [box, true])];
  const ends = boxes.flatMap((box, i) => box.operands.map((operand) => [operand, i]));
  const [count, about] = [panel.querySelector('[data-role="count"]'), panel.querySelector('[data-role="step-text"]')];
  let now = steps.length - 1;

  function show(step) {
    now = Math.max(0, Math.min(steps.length - 1, step));
    const [current, isBackward] = steps[now];
    const turn = isBackward ? now - results.length : -1;
    const done = new Set(differentiated.slice(0, turn + 1));
    groups.forEach((group, i) => {
      const isKnown = isBackward || !boxes[i].operands.length || i <= current;
      mark(group, "future", !isKnown);
      mark(group, "undone", !done.has(i));
      mark(group, "current", i === current);
    });
    arrows.forEach((arrow, k) => {
      const [operand, result] = ends[k];
      mark(arrow, "future", !isBackward && result > current);
      mark(arrow, "undone", !(done.has(result) && boxes[operand].gradient));
      mark(arrow, "current", isBackward ? operand === current : result === current);
    });
    reveal(groups[current]);
    write();
  }
  /** Scrolls the picture, and not the page, so that a box can be seen. */
  function reveal(group) {
    const room = group.closest(".scroll");
    const [outer, inner] = [room.getBoundingClientRect(), group.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right) room.scrollLeft += inner.left - outer.left - 40;
    if (inner.top < outer.top || inner.bottom > outer.bottom) room.scrollTop += inner.top - outer.top - 40;
  }
  function write() {
    const text = textOf(...steps[now]);
    if (about.textContent !== text) about.textContent = text;
    count.textContent = `step ${now + 1} of ${steps.length}`;
  }
  const jumps = { first: () => 0, back: () => now - 1, forward: () => now + 1, last: () => steps.length - 1 };
  for (const button of all(panel, "[data-go]"))
    button.addEventListener("click", () => show(jumps[button.dataset.go]()));
  groups.forEach((group, i) => {
    group.addEventListener("click", () => {
      const back = steps.findIndex(([box, isBackward]) => box === i && isBackward);
      show(back < 0 ? steps.findIndex(([box]) => box === i) : back);
    });
  });
  keys.addEventListener("keydown", (event) => {
    const jump = { ArrowRight: "forward", ArrowLeft: "back", Home: "first", End: "last" }[event.key];
    if (!jump || event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select")) return;
    event.preventDefault();
    show(jumps[jump]());
  });

  return {
    show,
    /** Writes the numbers of all boxes and arrows, which are known later for some. */
    write(data, grad, local) {
      parts.forEach((part, i) => {
        part.data.textContent = shown(data[i], 4);
        if (part.grad) part.grad.textContent = shown(grad[i], 4);
      });
      locals.forEach((text, k) => (text.textContent = ends[k] && boxes[ends[k][0]].gradient ? shown(local[k]) : ""));
      write();
    },
    /** Lights up some arrows. */
    light(isLit) {
      arrows.forEach((arrow, k) => mark(arrow, "lit", isLit(k)));
    },
  };
}
