"""The engine for small graphs: straight-line Python on floats, row by row of the batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ... import ops
from ..lower import FLOAT_FUNCTIONS, asked
from .expressions import ATOM, CONDITION, PRODUCT, SUM, Language, Spelling
from .scalars import Scalars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...ops import Operation
    from ..ir import Action, Contribution, Program, Shape
    from .scalars import Assignment, Variable

_INDENT = "    "


def _number(x: float) -> str:
    return repr(x) if math.isfinite(x) else str(x)


def _variable(variable: Variable) -> str:
    array, element = variable
    if element is None:
        return array
    return f"p{element}" if array == "theta" else f"{array}_{element}"


_SPELLINGS: dict[Action, Spelling] = {
    **{does: Spelling(f"{name}({{all}})") for does, name in FLOAT_FUNCTIONS.items()},
    "erfc": Spelling("erfc({all})"),
    "softmaxes": Spelling("softmax({all})"),
    ops.add: Spelling("{0} + {1}", SUM, (SUM, PRODUCT)),  # from left to right: the right operand stays apart
    ops.sub: Spelling("{0} - {1}", SUM, (SUM, PRODUCT)),
    ops.mul: Spelling("{0} * {1}", PRODUCT, (PRODUCT, ATOM)),
    ops.neg: Spelling("-{0}", PRODUCT, (ATOM,)),
    ops.sign: Spelling("1.0 if {0} > 0.0 else -1.0 if {0} < 0.0 else 0.0 if {0} == 0.0 else nan", CONDITION, (ATOM,)),
    "positive_part": Spelling("0.0 if {0} <= 0.0 else {0}", CONDITION, (ATOM,)),  # nan stays nan
    "is_positive": Spelling("1.0 if {0} > 0.0 else 0.0 if {0} <= 0.0 else nan", CONDITION, (ATOM,)),
    "sigmoid_of": Spelling("({1} if {0} < 0.0 else 1.0) / (1.0 + {1})", PRODUCT, (ATOM, ATOM)),  # {1} is exp(-|{0}|)
    "exp_of_minus_abs": Spelling("math.exp(-{0} if {0} > 0.0 else {0})", ATOM, (ATOM,)),
    "exp_of_negative": Spelling("math.exp({all})"),
    "log1p_of_positive": Spelling("math.log1p({all})"),
    "list": Spelling("[{all}]"),
    "repeat": Spelling("[{0}] * {1}", PRODUCT, (CONDITION, ATOM)),
    "pick": Spelling("{0}[{1}]", ATOM, (ATOM, CONDITION)),
    "batch": Spelling("float(batch)"),
    "scale": Spelling("1.0 / batch", PRODUCT),
}
_PYTHON = Language(_SPELLINGS, _number, _variable)


class FloatText(NamedTuple):
    """The text of a program, and what it needs besides.

    Attributes:
        source: defines `program(numbers, theta, batch, *arguments)`, where `numbers` makes lists of arrays.
        operations: operations of the user's own that the text calls, because they can only be asked for numbers.
    """

    source: str
    operations: list[Operation | Contribution]


def float_text(program: Program, input_shapes: Sequence[Shape]) -> FloatText:
    """The text of a program.

    Args:
        program: lowered for floats.
        input_shapes: the shape of a row of each argument.
    """
    own = asked(program, _SPELLINGS)
    functions: dict[Action, Spelling] = {
        operation: Spelling(f"operations[{i}]({{all}})") for i, operation in enumerate(own)
    }
    python = _PYTHON._replace(spellings={**_SPELLINGS, **functions})
    decided = Scalars(program)
    arguments = [f"x{k}" for k in range(len(input_shapes))]
    results = [python.text(result) for result in decided.results]
    before, inside, after = [[_statement(each, python) for each in stage] for stage in decided.stages]
    lines = []
    if decided.parameters:
        lines.append(f"{', '.join(f'p{i}' for i in range(decided.parameters))}, = numbers(theta)")
    lines += before
    if decided.sums:
        lines.append(f"{' = '.join(decided.sums)} = 0.0")
    if decided.per_row:
        lines.append("rows = []")
        inside.append(f"rows.append({results[0]})")
        results = ["rows"]
    if inside:
        lines += [_loop(arguments, input_shapes), *[_INDENT + line for line in inside]]
    lines += after
    if len(results) > 1:
        results[1] = f"np.array({results[1]})"
    head = f"def program({', '.join(['numbers', 'theta', 'batch', *arguments])}):"
    text = [head, *[_INDENT + line for line in [*lines, f"return {', '.join(results)}"]]]
    return FloatText("\n".join(text) + "\n", own)


def _statement(statement: Assignment, python: Language) -> str:
    name, term, adds = statement
    return f"{name} {'+=' if adds else '='} {python.text(term)}"


def _loop(arguments: Sequence[str], shapes: Sequence[Shape]) -> str:
    """The loop over the rows of the arguments."""
    rows = ", ".join(map(_row, arguments, shapes))
    columns = ", ".join([f"numbers({argument})" for argument in arguments])
    return f"for {rows} in {f'zip({columns})' if len(arguments) > 1 else columns}:"


def _row(argument: str, shape: Shape) -> str:
    if not shape:
        return argument
    return f"({', '.join(f'{argument}_{j}' for j in range(shape[0]))},)" if shape[0] else "()"
