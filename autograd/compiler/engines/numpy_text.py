"""The NumPy engine: text that allocates its buffers once per batch size and computes into them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from ... import ops
from ...ops import TABLE
from ..arrays import OF_EXPONENTIALS, PARTIALS
from ..ir import tuple_text
from ..lower import HELPERS, asked
from ..terms import OF_ALL
from .looks import Look, Spelt
from .parts import Text, functions, indented, joined, split
from .places import Places
from .statements import OnNumbers, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..ir import Action, Program
    from .looks import Operand
    from .statements import Statement

_QUIET = '@np.errstate(all="ignore")'  # as Values: nan and infinity are results like others

_ON_NUMBERS: dict[Action, str] = {ops.add: "{0} + {1}", ops.sub: "{0} - {1}", ops.mul: "{0} * {1}", ops.neg: "-{0}"}

_FUNCTIONS: dict[Action, str] = {
    "ceil": "np.ceil({all})",
    "erfc": "erfc({all})",
    "power": "np.power({all})",
    "root": "root({all})",
    **{row: f"np.{row.ufunc}({{all}})" for row in TABLE.values() if row.ufunc},
    **{row: f"{name}([{{all}}])" if row.sequences else f"{name}({{all}})" for row, name in HELPERS.items()},
}


def _into(function: str) -> str:
    """The statement that gives an array the result of a function."""
    return f"{function[:-1]}, out={{out}})" if function.startswith("np.") else f"np.copyto({{out}}, {function})"


_SPELLINGS: dict[Action, str] = {
    # done once
    "empty": "{out} = np.empty({0}, dtype)",
    "full": "{out} = np.full({0}, {1}, dtype)",
    "ones": "{out} = np.ones({0}, dtype)",
    "numbers": "{out} = {0}",
    "constant": "{out} = constants[{0}]",
    "described_constant": "{out} = constants[{0}]  # {1}",
    "mask": "{out} = constants[{0}].astype(dtype)",
    "room": "{out} = room({all})",
    "bits": '{out} = -constants[{0}].astype(f"i{{dtype.itemsize}}")',
    "other_bits": '{out} = np.where(constants[{0}], 0.0, {1}).astype(dtype).view(f"i{{dtype.itemsize}}")',
    "starts": "{out} = np.arange(0, {0}, {1})",
    "index_of_rows": "{out} = (np.arange(batch)[:, None] * {0} + {1}).ravel()",
    "product_by_rows": "{out} = product_by_rows({all})",
    "product_over_rows": "{out} = product_over_rows({all})",
    "either": "{out} = np.{0} if batch == 1 else np.dot",
    # looks and results
    "look": "{out} = {0}",
    "return": "{0}",
    "return_number": "float({0})",
    "return_copy": "{0}.copy()",
    # calls
    "zero": "{out}.fill(0.0)",
    "run": "{out}()",
    "copyto": "np.copyto({out}, {0})",
    "keep_bits": "np.bitwise_and({0}, {1}, out={out})",
    "add_bits": "np.bitwise_or({0}, {1}, out={out})",
    "pick": "np.copyto({out}, {0}[{1}])",
    "call": "{0}({1}, {2}, out={out})",
    "dot": "{0}.dot({1}, out={out})",  # the method is called faster than the function
    "matmul": "np.matmul({0}, {1}, out={out})",
    "add_unmasked": "if not math.isfinite(np.vdot({out}, {out})): add_unmasked({out}, {all})",
    "multiply": "np.multiply({0}, {1}, out={out})",
    "add": "np.add({0}, {1}, out={out})",
    "add_rows": "np.add.reduce({0}, axis=0, out={out})",
    "take": 'np.take({0}, {1}, out={out}, mode="clip")',
    "take_of_rows": 'np.take({0}, {1}, axis=1, out={out}, mode="clip")',
    "put": "{out}[..., {1}] = {0}",
    "add_at": "{out}[..., {1}] += {0}",
    "add_by_number": "add_by_number({out}, {0}, {1})",
    "add_one_by_number": "add_by_number({out}, np.broadcast_to({0}, {2}), {1})",
    # along the last axis
    **{every: f"{{out}} = {every}([{{all}}])" for every in OF_ALL.values()},
    "exponentials": "{out} = exponentials({all})",
    **{name: f"np.{name}({{0}}, axis=-1, out={{out}})" for name in ("prod", "max", "min")},
    **{name: f"np.copyto({{out}}, {name}({{all}}))" for name in PARTIALS.values()},
    **{name: f"{name}({{all}}, {{out}})" for name in OF_EXPONENTIALS},
    # element by element
    **{does: _into(function) for does, function in _FUNCTIONS.items()},
}

_UFUNCS = "|".join([row.ufunc for row in TABLE.values() if row.ufunc])
_OF_NUMPY = re.compile(rf"\bnp\.(copyto|dot|matmul|take|ceil|bitwise_and|bitwise_or|{_UFUNCS})\b")
"""The functions that are imported once instead of looked up in every call."""


def array_text(program: Program, arguments: int, placed: type[Places] = Places) -> Text:
    """Defines `prepare(theta, constants, operations, batch, scale)`, which allocates the buffers for a batch size.

    What it gives is the function to call, with as many arguments as stated.

    Args:
        program: the program.
        arguments: their number.
        placed: what decides the statements.
    """
    own = asked(program, _FUNCTIONS)
    named, spellings = _FUNCTIONS, _SPELLINGS
    if own:
        named = named | {operation: f"operations[{i}]({{all}})" for i, operation in enumerate(own)}
        spellings = spellings | {operation: _into(named[operation]) for operation in own}
    decided = placed(program)

    def lines(statements: Iterable[Statement]) -> list[str]:
        return [_line(each, spellings, named) for each in statements]

    calls, setup = lines([*decided.start, *decided.body]), lines(decided.setup)
    setup += [_steps(name, steps) for name, steps in decided.runs.items()]
    inputs = ", ".join([f"x{k}" for k in range(arguments)])
    write = _in_parts if decided.is_long else _whole
    source = write(decided.dicts, setup, inputs, calls, ", ".join(lines(decided.results)))
    return Text(joined(source), own, decided.constants, len(decided.body), decided.row_size)


_PREPARED = "theta, constants, operations, batch, scale"


def _whole(dicts: list[str], setup: list[str], inputs: str, calls: list[str], results: str) -> list[str]:
    """The text as one function that gives another."""
    step = [_QUIET, f"def program({inputs}):", *indented([*calls, f"return {results}"])]
    made = ["dtype = theta.dtype", *[f"{prefix} = {{}}" for prefix in dicts], *setup]
    lines = _with_imports([*made, "", *step, "", "return program"])
    return ["\n".join([_QUIET, f"def prepare({_PREPARED}):", *indented(lines)])]


def _in_parts(dicts: list[str], setup: list[str], inputs: str, calls: list[str], results: str) -> list[str]:
    """The text as several functions, which share the dicts."""
    arguments = ", ".join([_PREPARED, "dtype", *dicts])
    preparing, before = functions("prepare", split(setup), arguments)
    running, inside = functions("program", split(calls), ", ".join(filter(None, [arguments, inputs])))
    return [*before, *inside, *_whole(dicts, preparing, inputs, running, results)]


def _with_imports(lines: list[str]) -> list[str]:
    """The lines with functions of NumPy under their own names, after an import of these."""
    text = "\n".join(lines)
    functions = sorted(set(_OF_NUMPY.findall(text)))
    imports = [f"from numpy import {', '.join(functions)}", ""] if functions else []
    return [*imports, *_OF_NUMPY.sub(r"\1", text).split("\n")]


def _line(statement: Statement, spellings: dict[Action, str], named: dict[Action, str]) -> str:
    """A statement; as an expression on numbers where it says so."""
    does, operands, out = statement
    assert not isinstance(does, Step)
    if isinstance(does, OnNumbers):
        spelling = _ON_NUMBERS.get(does.operation) or f"float({named[does.operation]})"
        spelling = f"{{out}} = {spelling}" if out else spelling
    else:
        spelling = spellings[does]
    texts = [_text(operand) for operand in operands]
    return spelling.format(*texts, all=", ".join(texts), out=_text(out))


def _steps(name: str, steps: Sequence[Statement]) -> str:
    """The statement that makes a function of what machine code does."""
    return "\n".join([f"{name} = machine_code(", *indented([f"({_step(each)})," for each in steps]), ")"])


def _step(statement: Statement) -> str:
    does, operands, out = statement
    assert isinstance(does, Step)
    return ", ".join([f'"{does.name}"', *map(_text, (out, *operands))])


def _text(operand: Operand) -> str:
    return Spelt(_look_text, _array_text, _number_text).text(operand)


def _array_text(numbers: np.ndarray) -> str:
    listed = ", ".join([_text(number) for number in numbers.ravel().tolist()])
    return f"np.array([{listed}], dtype)" + (f".reshape({numbers.shape})" if numbers.ndim != 1 else "")


def _number_text(x: float) -> str:
    return repr(x) if math.isfinite(x) else "-np.inf" if x == -math.inf else f"np.{x}"


def _look_text(look: Look) -> str:
    array, how, numbers, view = look
    name, texts = _text(array), [_text(number) for number in numbers]
    if how == "reshape":
        return f"{name}.reshape({tuple_text(texts)})"
    if how == "transpose":
        return f"{name}.T" if numbers == (1, 0) else f"{name}.transpose({', '.join(texts)})"
    if view is not None:
        return f"strided({name}, {view.offset}, {view.shape}, {view.strides})"
    if how == "bits":
        return f'{name}.view(f"i{{dtype.itemsize}}")'
    if how == "item":
        return f"float({name})"
    return f"{name}[{_BEFORE[how]}{':'.join(texts[:2] if numbers[2] == 1 else texts)}]"


_BEFORE = {"slice": "", "slice_of_rows": ":, ", "slice_of_last": "..., "}
