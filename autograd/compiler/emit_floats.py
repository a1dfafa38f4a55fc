"""The last pass for small graphs: straight-line Python on floats, row by row of the batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import ops
from ..ops import Operation
from .ir import Instruction, Partial, Program
from .lower import FLOAT_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT = "    "
_DEPTH = 12  # of nested expressions; deeper ones get a name

_OPERATORS = {ops.add: "+", ops.sub: "-", ops.mul: "*"}
_OF_ONE_LIST = {ops.sum, ops.mean, ops.prod, ops.largest, ops.smallest, ops.logsumexp}

BEFORE, INSIDE, AFTER = 0, 1, 2
"""Where a statement stands: before, in or after the loop over the batch."""


class FloatText:
    """The text of a program, and what it needs besides.

    Attributes:
        source: defines `program(theta, scale, batch, *arguments)`, all of them lists of floats or of lists.
        operations: operations of the user's own that the text refers to, because they can only be asked for numbers.
    """

    def __init__(self, program: Program, input_shapes: Sequence[tuple[int, ...]]) -> None:
        writer = _Writer(program, input_shapes)
        self.source = writer.source()
        self.operations = writer.operations


class _Writer:
    """Writes every instruction as an expression, and names those that are used more than once."""

    def __init__(self, program: Program, input_shapes: Sequence[tuple[int, ...]]) -> None:
        self.program = program
        self.input_shapes = input_shapes
        self.operations: list[Operation | Partial] = []
        self.text: dict[Instruction, str] = {}
        self.depth: dict[Instruction, int] = {}
        self.stage: dict[Instruction, int] = {}
        self.lines: tuple[list[str], list[str], list[str]] = ([], [], [])
        self.named = 0
        self.parameters = 0
        self.uses = self._uses()
        for instruction in program.instructions:
            self.stage[instruction] = self._stage(instruction)
            getattr(self, f"_write_{instruction.op}")(instruction)

    def _uses(self) -> dict[Instruction, int]:
        uses = dict.fromkeys(self.program.instructions, 0)
        for instruction in self.program.instructions:
            for operand in instruction.operands:
                same_stage = operand.batched == instruction.batched
                uses[operand] += 1 if same_stage else 2  # what a loop needs is computed before it
        return uses

    def _stage(self, instruction: Instruction) -> int:
        if instruction.batched:
            return INSIDE
        if instruction.op == "rows_total":
            return AFTER
        return max([BEFORE, *[self.stage[operand] for operand in instruction.operands]])

    def _name(self, instruction: Instruction, expression: str, depth: int = 0) -> None:
        """Keeps an expression as it is if it is used once; gives it a name otherwise."""
        if self.uses[instruction] > 1 or depth > _DEPTH:
            name = f"t{self.named}"
            self.named += 1
            self.lines[self.stage[instruction]].append(f"{name} = {expression}")
            expression, depth = name, 0
        self.text[instruction] = expression
        self.depth[instruction] = depth

    def _leaf(self, instruction: Instruction, expression: str) -> None:
        self.text[instruction] = expression
        self.depth[instruction] = 0

    def _write_theta(self, instruction: Instruction) -> None:
        self.parameters = instruction.size
        self._leaf(instruction, "theta")

    def _write_input(self, instruction: Instruction) -> None:
        self._leaf(instruction, f"x{instruction.data}")

    def _write_literal(self, instruction: Instruction) -> None:
        self._leaf(instruction, _number(instruction.data) if instruction.is_number else repr(instruction.data.tolist()))

    def _write_symbol(self, instruction: Instruction) -> None:
        self._leaf(instruction, instruction.data)

    def _write_view(self, instruction: Instruction) -> None:
        [base] = instruction.operands
        if base.shape == ():  # a vector of the one element
            self._leaf(instruction, f"[{self.text[base]}]")
        elif base.op == "theta":
            self._leaf(instruction, f"p{instruction.data.offset}")
        else:
            self._leaf(instruction, f"{self.text[base]}_{instruction.data.offset}")

    def _write_fill(self, instruction: Instruction) -> None:
        self._leaf(instruction, f"[{self.text[instruction.operands[0]]}] * {instruction.size}")

    def _write_map(self, instruction: Instruction) -> None:
        inline = _inline(instruction)
        if inline:
            for operand in instruction.operands:
                self._keep(operand)
            x, *others = [self.text[operand] for operand in instruction.operands]
            self._name(instruction, inline.format(x=x, e=others[0] if others else ""), 1)
            return
        operands = [self.text[operand] for operand in instruction.operands]
        depth = 1 + max([0, *[self.depth[operand] for operand in instruction.operands]])
        self._name(instruction, self._expression(instruction, operands), depth)

    def _keep(self, operand: Instruction) -> None:
        """Gives an operand a name if it does not have one, so that it can stand in an expression twice."""
        if operand.op != "literal" and not self.text[operand].isidentifier():
            self.uses[operand] = 2
            self._name(operand, self.text[operand])

    def _expression(self, instruction: Instruction, operands: list[str]) -> str:
        operation = instruction.data
        if operation in _OPERATORS:
            return f"({operands[0]} {_OPERATORS[operation]} {operands[1]})"
        if operation is ops.neg:
            return f"(-{operands[0]})"
        if operation == "softmaxes":
            return f"softmaxes([{', '.join(operands)}])"
        if operation is ops.dot:
            half = len(operands) // 2
            return f"dot([{', '.join(operands[:half])}], [{', '.join(operands[half:])}])"
        arguments = f"[{', '.join(operands)}]" if operation in _OF_ONE_LIST else ", ".join(operands)
        return f"{self._function(operation)}({arguments})"

    def _function(self, operation: Operation | Partial | str) -> str:
        if isinstance(operation, str):
            return operation
        if isinstance(operation, Operation) and operation in FLOAT_FUNCTIONS:
            return FLOAT_FUNCTIONS[operation]
        if operation not in self.operations:
            self.operations.append(operation)
        return f"operations[{self.operations.index(operation)}]"

    def _write_pick(self, instruction: Instruction) -> None:
        [shares] = instruction.operands
        self._name(instruction, f"{self.text[shares]}[{instruction.data}]", self.depth[shares] + 1)

    def _write_rows_total(self, instruction: Instruction) -> None:
        """An accumulator of the loop."""
        name = f"s{self.named}"
        self.named += 1
        self.lines[BEFORE].append(f"{name} = 0.0")
        self.lines[INSIDE].append(f"{name} += {self.text[instruction.operands[0]]}")
        self._leaf(instruction, name)

    def _write_assemble(self, instruction: Instruction) -> None:
        parts: dict[int, list[str]] = {}
        for place, part in zip(instruction.data, instruction.operands, strict=True):
            parts.setdefault(place.offset, []).append(self.text[part])
        elements = [" + ".join(parts.get(i, ["0.0"])) for i in range(instruction.size)]
        self._leaf(instruction, f"[{', '.join(elements)}]")

    def source(self) -> str:
        """The function's text."""
        arguments = [f"x{k}" for k in range(len(self.input_shapes))]
        before, inside, after = self.lines
        lines = [f"def program({', '.join(['theta', 'scale', 'batch', *arguments])}):"]
        if self.parameters:
            lines.append(f"{_INDENT}{', '.join(f'p{i}' for i in range(self.parameters))}, = theta")
        lines += [_INDENT + line for line in before]
        results = [self.text[output] for output in self.program.outputs]
        per_row = [i for i, output in enumerate(self.program.outputs) if output.batched]
        if per_row:
            lines.append(f"{_INDENT}rows = []")
            inside = [*inside, f"rows.append({results[0]})"]
            results = ["rows"]
        if inside:
            rows = ", ".join(self._row(k) for k in range(len(self.input_shapes)))
            values = f"zip({', '.join(arguments)})" if len(arguments) > 1 else arguments[0]
            lines.append(f"{_INDENT}for {rows} in {values}:")
            lines += [2 * _INDENT + line for line in inside]
        lines += [_INDENT + line for line in after]
        lines.append(f"{_INDENT}return {', '.join(results)}")
        return "\n".join(lines) + "\n"

    def _row(self, k: int) -> str:
        shape = self.input_shapes[k]
        if not shape:
            return f"x{k}"
        return f"({', '.join(f'x{k}_{j}' for j in range(shape[0]))},)" if shape[0] else "()"


def _inline(instruction: Instruction) -> str:
    """The commonest functions as expressions, which saves the call; or functions of `math` where they cannot raise."""
    operation, operands = instruction.data, instruction.operands
    if operation == "sigmoid_of":  # with e = exp(-|x|)
        return "(({e} if {x} < 0.0 else 1.0) / (1.0 + {e}))"
    if operation is ops.maximum and _is_zero(operands[1]):
        return "({x} if {x} > 0.0 or {x} != {x} else 0.0)"
    if operation is ops.sign:
        return "(1.0 if {x} > 0.0 else -1.0 if {x} < 0.0 else 0.0 if {x} == 0.0 else nan)"
    if operation is ops.step and _is_zero(operands[1]) and _is_zero(operands[2]):
        return "(1.0 if {x} > 0.0 else 0.0 if {x} <= 0.0 else nan)"
    if operation is ops.exp and _is_minus_abs(operands[0]):
        return "math.exp({x})"
    if operation is ops.log1p and operands[0].data is ops.exp:
        return "math.log1p({x})"
    return ""


def _is_zero(x: Instruction) -> bool:
    return x.op == "literal" and x.data == 0.0


def _is_minus_abs(x: Instruction) -> bool:
    return x.data is ops.neg and x.operands[0].data is ops.abs


def _number(x: float) -> str:
    text = repr(x) if math.isfinite(x) else "nan" if x != x else "inf" if x > 0 else "-inf"
    return f"({text})" if text[0] == "-" else text


__all__: list[Any] = ["FloatText"]
