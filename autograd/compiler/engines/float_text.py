"""The engine for small graphs: straight-line Python on floats, row by row of the batch."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from ... import ops
from ..lower import FLOAT_FUNCTIONS, asked
from ..terms import OF_ALL
from .expressions import ATOM, CONDITION, OPERATORS, PRODUCT, Language, Spelling
from .parts import LONG, Text, functions, indented, joined, split
from .scalars import AFTER, BEFORE, INSIDE, Scalars

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..ir import Action, Program, Shape
    from .scalars import Assignment, Variable


def _number(x: float) -> str:
    return repr(x) if math.isfinite(x) else str(x)


def _variable(variable: Variable) -> str:
    if variable.element is None:
        return variable.array
    return f"p{variable.element}" if variable.array == "theta" else f"{variable.array}_{variable.element}"


_SPELLINGS: dict[Action, Spelling] = {
    **{does: Spelling(f"{name}({{all}})") for does, name in FLOAT_FUNCTIONS.items()},
    "erfc": Spelling("erfc({all})"),
    OF_ALL[ops.softmax]: Spelling("softmax({all})"),
    OF_ALL[ops.log_softmax]: Spelling("log_softmaxes({all})"),
    **OPERATORS,
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


def float_text(program: Program, input_shapes: Sequence[Shape]) -> Text:
    """Defines `program(numbers, theta, batch, *arguments)`, where `numbers` makes lists of arrays."""
    own = asked(program, _SPELLINGS)
    spelled: dict[Action, Spelling] = {
        operation: Spelling(f"operations[{i}]({{all}})") for i, operation in enumerate(own)
    }
    python = _PYTHON._replace(spellings={**_SPELLINGS, **spelled})
    decided = Scalars(program)
    stages = [[_statement(each, python) for each in stage] for stage in decided.stages]
    results = [python.text(result) for result in decided.results]
    write = _in_parts if sum(map(len, stages)) > LONG else _whole
    return Text(joined(write(decided, stages, results, input_shapes)), own)


def _statement(statement: Assignment, python: Language) -> str:
    name, term, adds = statement
    return f"{name} {'+=' if adds else '='} {python.text(term)}"


def _whole(decided: Scalars, stages: list[list[str]], results: list[str], shapes: Sequence[Shape]) -> list[str]:
    """The text as one function."""
    before, inside, after = stages
    if decided.parameters:
        before.insert(0, f"{', '.join(f'p{i}' for i in range(decided.parameters))}, = numbers(theta)")
    if decided.sums:
        before.append(f"{' = '.join(decided.sums)} = 0.0")
    rows = [_row(f"x{k}", shape) for k, shape in enumerate(shapes)]
    return [_function(decided, before, _loop(decided, rows, inside, results), after, results, shapes)]


def _loop(decided: Scalars, rows: list[str], inside: list[str], results: list[str]) -> list[str]:
    """The loop over the rows of the arguments."""
    if decided.per_row:
        inside = [*inside, f"rows.append({results[0]})"]
    columns = ", ".join([f"numbers(x{k})" for k in range(len(rows))])
    head = f"for {', '.join(rows)} in {f'zip({columns})' if len(rows) > 1 else columns}:"
    return [*["rows = []"] * decided.per_row, head, *indented(inside)] if inside else []


def _function(
    decided: Scalars, before: list[str], loop: list[str], after: list[str], results: list[str], shapes: Sequence[Shape]
) -> str:
    value, *gradient = ["rows"] if decided.per_row else results
    returned = ", ".join([value, *[f"np.array({each})" for each in gradient]])
    arguments = ", ".join(["numbers", "theta", "batch", *[f"x{k}" for k in range(len(shapes))]])
    return "\n".join([f"def program({arguments}):", *indented([*before, *loop, *after, f"return {returned}"])])


def _row(argument: str, shape: Shape) -> str:
    if not shape:
        return argument
    return f"({', '.join(f'{argument}_{j}' for j in range(shape[0]))},)" if shape[0] else "()"


_NUMBERED = re.compile(r"\b([tps]|x\d+_)(\d+)\b")


def _in_parts(decided: Scalars, stages: list[list[str]], results: list[str], shapes: Sequence[Shape]) -> list[str]:
    """The text as several functions, which share lists of what one computes and another reads."""
    stages[BEFORE] = [line for line in stages[BEFORE] if not line.startswith("scale =")]
    parts = [split(stage) for stage in stages]
    names = [_names(part) for part in [*chain.from_iterable(parts), results]]
    places = Counter(chain.from_iterable(names))
    shared = {name for name, number in places.items() if number > 1 or name[0] != "t"}
    rows = [f"x{k}_" if shape else f"x{k}" for k, shape in enumerate(shapes)]
    calls, texts = [], []
    for stage, divided in zip(("before", "inside", "after"), parts, strict=True):
        arguments = ", ".join(["p", "s", "t", "batch", "scale", *(rows if stage == "inside" else [])])
        heads, made = functions(stage, [_sharing(part, shared) for part in divided], arguments)
        calls.append(heads)
        texts += made
    calls[INSIDE if decided.per_row else AFTER] += _reads(names[-1])
    named = 1 + max([-1, *[int(name[1:]) for name in places if name[0] == "t"]])
    start = ["p = numbers(theta)", f"s = [0.0] * {len(decided.sums)}", f"t = [None] * {named}", "scale = 1.0 / batch"]
    loop = _loop(decided, rows, calls[INSIDE], results)
    return [*texts, _function(decided, [*start, *calls[BEFORE]], loop, calls[AFTER], results, shapes)]


def _names(lines: Sequence[str]) -> dict[str, None]:
    return dict.fromkeys([found[0] for found in _NUMBERED.finditer("\n".join(lines))])


def _sharing(lines: Sequence[str], shared: set[str]) -> list[str]:
    """The lines, after some that read shared numbers and before others that write them."""
    written = dict([line.split(" ", 2)[:2] for line in lines])
    writes = [_NUMBERED.sub(r"\1[\2] = \g<0>", name) for name in written if name in shared]
    return [*_reads(name for name in _names(lines) if name in shared and written.get(name) != "="), *lines, *writes]


def _reads(names: Iterable[str]) -> list[str]:
    return [_NUMBERED.sub(r"\g<0> = \1[\2]", name) for name in names]
