"""The JAX engine: text of a pure function on `jax.numpy`, which JAX compiles, differentiates and distributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ... import ops
from ...ops import TABLE
from ..arrays import PARTIALS, PULLS
from ..ir import tuple_text
from ..lower import asked
from .functional import Functional
from .looks import Look, Spelt
from .parts import Text, indented, joined

if TYPE_CHECKING:
    from ..ir import Action, Program
    from .looks import Operand
    from .statements import Statement


def _spelling(row: ops.Operation) -> str:
    """A call of the row's function; rows of many operands take them side by side along a last axis."""
    return f"{row.name}(stack({{all}}))" if row.sequences else f"{row.name}({{all}})"


_SPELLINGS: dict[Action, str] = {
    # leaves
    "numbers": "jnp.array({0}, theta.dtype)",
    "constant": "jnp.asarray(constants[{0}], theta.dtype)  # {1}",
    "index": "constants[{0}]",
    "full": "jnp.full({0}, {1}, theta.dtype)",
    # looks
    "look": "{0}",
    "take": "{0}[..., {1}]",
    "stack": "stack({all})",
    "concatenate": "jnp.concatenate([{all}], axis=-1)",
    "added": "jnp.zeros({2}, theta.dtype).at[..., {1}].add({0})",
    # along an axis
    "contract": 'jnp.einsum("{0}", {1}, {2})',
    "masked_products": 'masked_products("{0}", {1}, {2}, {3})',
    "total": "jnp.sum({0}, axis=-1)",
    "scaled_total": "jnp.sum({0} * {1}, axis=-1)",
    "rows_total": "jnp.sum({0}, axis=0)",
    **{name: f"{name}({{all}})" for name in (*PULLS, *PULLS.values(), *PARTIALS, *PARTIALS.values())},
    # element by element
    **{row: _spelling(row) for row in TABLE.values() if not row.of_first},
    ops.add: "{0} + {1}",
    ops.sub: "{0} - {1}",
    ops.mul: "{0} * {1}",
    ops.neg: "-{0}",
    "softmaxes": "softmax(stack({all}))",
    "log_softmaxes": "log_softmax(stack({all}))",
    "pick": "{0}[..., {1}]",
}


def jax_text(program: Program, arguments: int) -> Text:
    """Defines `program(theta, x0, x1, ...)`.

    It refers to `jnp`, to the functions of `jax_numbers.py` under the names of the table's rows, and to lists of
    `constants` and of `operations` of the user's own.
    """
    own = asked(program, _SPELLINGS)
    spellings = _SPELLINGS | {operation: f"operations[{i}]({{all}})" for i, operation in enumerate(own)}
    decided = Functional(program)
    used = {each.data for each in program.instructions if each.op == "symbol"}
    needs_batch = used or any(each.batched for each in program.instructions)
    names = [f"x{k}" for k in range(arguments)]
    lines = ["batch = x0.shape[0]"] * bool(needs_batch) + ["scale = 1.0 / batch"] * ("scale" in used)
    lines += [_line(each, spellings) for each in decided.statements]
    results = ", ".join([_text(result) for result in decided.results])
    source = "\n".join([f"def program({', '.join(['theta', *names])}):", *indented([*lines, f"return {results}"])])
    return Text(joined([source]), own, decided.constants, len(decided.statements))


def _line(statement: Statement, spellings: dict[Action, str]) -> str:
    does, operands, out = statement
    texts = [_text(operand) for operand in operands]
    return f"{out} = {spellings[does].format(*texts, all=', '.join(texts))}"  # type: ignore[index]


def _text(operand: Operand) -> str:
    return Spelt(_look_text, _array_text, _number_text).text(operand)


def _array_text(numbers: np.ndarray) -> str:
    return f"[{', '.join(map(_array_text, numbers))}]" if numbers.ndim else _text(float(numbers))


def _number_text(x: float) -> str:
    text = repr(x) if math.isfinite(x) else "-jnp.inf" if x == -math.inf else f"jnp.{x}"
    if _LARGE < abs(x) < math.inf:
        return f"within({text}, theta.dtype)"
    return f"({text})" if text[0] == "-" else text


def _look_text(look: Look) -> str:
    array, how, numbers, _ = look
    name, texts = _text(array), [_text(number) for number in numbers]
    if how == "broadcast":
        return f"jnp.broadcast_to({name}, {tuple_text(texts)})"
    if how == "new_axes":
        return f"{name}[{', '.join(['None' if axis in numbers[1:] else ':' for axis in range(int(texts[0]))])}]"
    if how == "element":
        return f"{name}[..., {texts[0]}]"
    if how == "reshape":
        return f"{name}.reshape({tuple_text(texts)})"
    if how == "transpose":
        return f"{name}.T" if numbers == (1, 0) else f"{name}.transpose({', '.join(texts)})"
    return f"{name}[{_BEFORE[how]}{':'.join(texts[:2] if numbers[2] == 1 else texts)}]"


_LARGE = 65504.0  # what 16 bits hold

_BEFORE = {"slice": "", "slice_of_rows": ":, "}
"""What stands before the slice of the last axis."""
