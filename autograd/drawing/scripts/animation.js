// A computation and its backward pass, step by step.

const page = document.currentScript.closest("main");
const { boxes, texts } = JSON.parse(page.querySelector('script[type="application/json"]').textContent);
const results = boxes.flatMap((box, i) => (box.operands.length ? [i] : []));
const differentiated = boxes.flatMap((box, i) => (box.gradient ? [i] : [])).reverse();
const textOf = (box, isBackward) =>
  texts[isBackward ? results.length + differentiated.indexOf(box) : results.indexOf(box)];
document.documentElement.classList.add("live");
createStepper(page, boxes, textOf, document).show(0);
