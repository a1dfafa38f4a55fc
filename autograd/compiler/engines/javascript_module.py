"""Writes a program as an ES module without dependencies."""

from __future__ import annotations

import re
from math import prod
from textwrap import wrap
from typing import TYPE_CHECKING

from .arena import arena
from .javascript import JAVASCRIPT, primitives, syntax

if TYPE_CHECKING:
    from ..ir import Shape
    from .arena import Arena
    from .exported import Exported

_HEAD = """/**
 * Compiled from a graph of scalars by autograd; needs nothing else.
 *
 * {contents}
 */"""

_TRAINED = """`step` gives the loss and its gradient with respect to `theta`, the parameters, which may be changed in
 * place; `train` moves them down the gradient."""
_PREDICTED = "`predict` gives the outputs."

_THETA = """/** {about_theta} */
export const theta = {theta};"""

_STEP = """/**
 * The loss{over} and its gradient with respect to theta.
 *
{takes} * @returns {{{{value: number, gradient: Float64Array}}}}
 */
export function step({names}) {{
  return program([{names}], rowCount(arguments, {widths}));
}}"""

_TRAIN = """/**
 * Gradient descent: each step subtracts learningRate * gradient from theta.
 *
 * @param {{Array}} inputs the arguments of `step`, in an array
 * @param {{{{learningRate: number, steps: number}}}} options how far theta goes down the gradient, and how often
 * @returns {{number[]}} the losses before each step
 */
export function train(inputs, {{ learningRate, steps }} = {{}}) {{
  if (!Array.isArray(inputs)) throw new TypeError(`inputs must be an array of the arguments of step, got ${{inputs}}`);
  if (typeof learningRate !== "number") throw new TypeError(`learningRate must be a number, got ${{learningRate}}`);
  if (!(Number.isInteger(steps) && steps >= 0)) throw new TypeError(`steps must be a whole number, got ${{steps}}`);
  const batch = rowCount(inputs, {widths});
  const losses = [];
  for (let done = 0; done < steps; done++) {{
    const {{ value, gradient }} = program(inputs, batch);
    losses.push(value);
    for (let i = 0; i < theta.length; i++) theta[i] -= learningRate * gradient[i];
  }}
  return losses;
}}"""

_PREDICT = """/**
 * {outputs}.
 *
{takes} * @returns {{{returned}}}
 */
export function predict({names}) {{
  return program([{names}], rowCount(arguments, {widths}));
}}"""

_COLUMNS = 110


def javascript_text(exported: Exported, module: bool = True) -> str:
    """The text of a module, or of a script to embed into a function of a page, which has no word `export`."""
    memory = arena(exported.loops.stages, exported.loops.sizes)
    words = _words(exported)
    called = [_PREDICT] if exported.output_shape is not None else [_STEP, _TRAIN]
    contents = _PREDICTED if exported.output_shape is not None else _TRAINED
    public = [each.format(**words) for each in (_THETA, *called)]
    program = _program(exported, memory)
    code = [*primitives("\n".join([*public, program])), program]
    text = "\n\n".join([_HEAD.format(contents=contents), *public, *_data(exported, memory), *code]) + "\n"
    return text if module else re.sub("^export ", "", text, flags=re.MULTILINE)


def _words(exported: Exported) -> dict[str, str]:
    """What fills the templates of the functions."""
    names = [f"x{k}" for k in range(len(exported.input_shapes))]
    takes = [f" * @param {_type(shape)} x{k} {_described(shape)}\n" for k, shape in enumerate(exported.input_shapes)]
    shape = exported.output_shape or ()
    returned = f"number{'[]' * (len(shape) + bool(names))}"
    rows = " for each row" if names else ""
    of_theta = "The parameters. Change them in place, as by theta.set(numbers)."
    return {
        "about_theta": of_theta if len(exported.theta) else "No parameters: the program has constants only.",
        "theta": _array(exported.theta.tolist()),
        "over": f", {'averaged' if exported.mean else 'added'} over the rows," if names else "",
        "takes": "".join(takes),
        "names": ", ".join(names),
        "widths": f"[{', '.join([str(each[0]) if each else 'null' for each in exported.input_shapes])}]",
        "outputs": f"The outputs, {shape[0]} numbers{rows}" if shape else f"The output, a number{rows}",
        "returned": returned,
    }


def _type(shape: Shape) -> str:
    return "{number[][]}" if shape else "{number[]}"


def _described(shape: Shape) -> str:
    return f"rows of {shape[0]} numbers" if shape else "one number per row"


def _array(numbers: list[float]) -> str:
    texts = ", ".join(map(JAVASCRIPT.number, numbers))
    if len(texts) < _COLUMNS // 2:
        return f"new Float64Array([{texts}])"
    lines = wrap(texts, _COLUMNS, break_long_words=False, break_on_hyphens=False)
    return "\n".join(["new Float64Array([", *[f"  {line}" for line in lines], "])"])


def _data(exported: Exported, memory: Arena) -> list[str]:
    """The constants, and the arrays to compute into."""
    lines = [
        f"const {name} = {_array(each.ravel().astype(float).tolist())};"
        for name, each in exported.loops.constants.items()
    ]
    for name, numbers in exported.loops.tables.items():
        lines.append(f"const {name} = [{', '.join(map(str, numbers.ravel().tolist()))}];")
    if memory.size:
        lines.append(f"const work = new Float64Array({memory.size}); // the memory that calls share")
    sizes = exported.loops.sizes
    lines += [f"const {name} = work.subarray({start}, {start + sizes[name]});" for name, start in memory.starts.items()]
    return ["\n".join(lines)] if lines else []


def _program(exported: Exported, memory: Arena) -> str:
    decided = exported.loops
    shapes = {f"x{k}": shape for k, shape in enumerate(exported.input_shapes)}
    written = syntax(shapes)
    before, inside, after = (written.lines(stage) for stage in decided.stages)
    width = len(exported.theta) if exported.output_shape is None else prod(exported.output_shape)
    start = [f"const {'gradient' if exported.output_shape is None else 'outputs'} = new Float64Array({width});"]
    result = "Array.from(outputs)" if exported.output_shape else "outputs[0]"
    if exported.output_shape is None:
        assert decided.value is not None
        result = f"{{ value: {written.language.text(decided.value)}, gradient }}"
    elif shapes:
        start.append("const rows = [];")
        inside.append(f"rows.push({result});")
        result = "rows"
    if inside:
        read = set(re.findall(r"\w+", "\n".join(inside)))
        rows = [f"const {name} = inputs[{k}][row];" for k, name in enumerate(shapes) if name in read]
        inside = ["for (let row = 0; row < batch; row++) {", *written.indented([*rows, *inside]), "}"]
    body = [*start, *before, *written.sums(decided.sums), *inside, *after, f"return {result};"]
    return "\n".join(
        [
            "/** What the program computes for the rows of its arguments. */\nfunction program(inputs, batch) {",
            *written.indented(body),
            "}",
        ]
    )
