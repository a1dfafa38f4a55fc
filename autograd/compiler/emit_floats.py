"""The eighth pass, for small graphs: straight-line Python on floats, row by row of the batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import ops
from ..ops import Operation
from .ir import Contribution, Instruction, Program
from .lower import FLOAT_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT = "    "
_DEPTH = 12  # of nested expressions; deeper ones get a name

_CONDITION, _SUM, _PRODUCT, _ATOM = range(4)
"""How tightly an expression holds together, which tells where it needs parentheses."""

_OPERATORS = {ops.add: ("+", _SUM), ops.sub: ("-", _SUM), ops.mul: ("*", _PRODUCT)}
_OF_ONE_LIST = {ops.sum, ops.mean, ops.prod, ops.largest, ops.smallest, ops.logsumexp}

BEFORE, INSIDE, AFTER = 0, 1, 2
"""Where a statement stands: before, in or after the loop over the batch."""


class FloatText:
    """The text of a program, and what it needs besides.

    Attributes:
        source: defines `program(numbers, theta, batch, *arguments)`, where `numbers` makes lists of arrays.
        operations: operations of the user's own that the text refers to, because they can only be asked for numbers.
    """

    def __init__(self, program: Program, input_shapes: Sequence[tuple[int, ...]]) -> None:
        writer = _Writer(program, input_shapes)
        self.source = writer.source()
        self.operations = writer.operations


class _Writer:
    """Writes every instruction as an expression, and names those that are used more than once.

    Attributes:
        program: what is written.
        input_shapes: the shape of a row of each argument.
        operations: operations of the user's own.
        text: an expression or a name for each instruction.
        binding: how tightly that holds together.
        depth: how deeply it is nested.
        stage: whether it is computed before, in or after the loop over the batch.
        lines: the statements of each stage.
        named: how many instructions have a name.
        accumulators: the names of the sums over the batch.
        parameters: how many there are.
        uses: how often an instruction is an operand; 2 also if it needs a name for another reason.
    """

    def __init__(self, program: Program, input_shapes: Sequence[tuple[int, ...]]) -> None:
        self.program = program
        self.input_shapes = input_shapes
        self.operations: list[Operation | Contribution] = []
        self.text: dict[Instruction, str] = {}
        self.binding: dict[Instruction, int] = {}
        self.depth: dict[Instruction, int] = {}
        self.stage: dict[Instruction, int] = {}
        self.lines: tuple[list[str], list[str], list[str]] = ([], [], [])
        self.named = 0
        self.accumulators: list[str] = []
        self.parameters = 0
        self.uses = self._uses()
        for instruction in program.instructions:
            self.stage[instruction] = self._stage(instruction)
            getattr(self, f"_write_{instruction.op}")(instruction)

    def _uses(self) -> dict[Instruction, int]:
        uses = dict.fromkeys(self.program.instructions, 0)
        for instruction in self.program.instructions:
            for operand in instruction.operands:
                leaves_loop = instruction.batched and not operand.batched
                uses[operand] += 2 if leaves_loop else 1  # what a loop needs is computed before it
        return uses

    def _stage(self, instruction: Instruction) -> int:
        if instruction.batched:
            return INSIDE
        if instruction.op == "rows_total":
            return AFTER
        return max([BEFORE, *[self.stage[operand] for operand in instruction.operands]])

    def _name(self, instruction: Instruction, expression: str, binding: int = _ATOM, depth: int = 0) -> None:
        """Keeps an expression as it is if it is used once; gives it a name otherwise."""
        if self.uses[instruction] > 1 or depth > _DEPTH:
            name = f"t{self.named}"
            self.named += 1
            self.lines[self.stage[instruction]].append(f"{name} = {expression}")
            expression, binding, depth = name, _ATOM, 0
        self._leaf(instruction, expression, binding, depth)

    def _leaf(self, instruction: Instruction, expression: str, binding: int = _ATOM, depth: int = 0) -> None:
        self.text[instruction] = expression
        self.binding[instruction] = binding
        self.depth[instruction] = depth

    def _part(self, operand: Instruction, binding: int) -> str:
        """The text of an operand, in parentheses where it does not hold together as tightly as it must."""
        text = self.text[operand]
        return text if self.binding[operand] >= binding else f"({text})"

    def _write_theta(self, instruction: Instruction) -> None:
        self.parameters = instruction.size
        self._leaf(instruction, "theta")

    def _write_input(self, instruction: Instruction) -> None:
        self._leaf(instruction, f"x{instruction.data}")

    def _write_literal(self, instruction: Instruction) -> None:
        if instruction.is_number:
            text = _number(instruction.data)
            self._leaf(instruction, text, _PRODUCT if text[0] == "-" else _ATOM)
        else:
            self._leaf(instruction, repr(instruction.data.tolist()))

    def _write_symbol(self, instruction: Instruction) -> None:
        if instruction.data == "scale":
            self.lines[BEFORE].append("scale = 1.0 / batch")
            self._leaf(instruction, "scale")
        else:
            self._leaf(instruction, "float(batch)")

    def _write_view(self, instruction: Instruction) -> None:
        [base] = instruction.operands
        if base.shape == ():  # a vector of the one element
            self._leaf(instruction, f"[{self.text[base]}]")
        elif base.op == "theta":
            self._leaf(instruction, f"p{instruction.data.offset}")
        else:
            self._leaf(instruction, f"{self.text[base]}_{instruction.data.offset}")

    def _write_copy(self, instruction: Instruction) -> None:
        [x] = instruction.operands
        self._leaf(instruction, self.text[x], self.binding[x], self.depth[x])

    def _write_fill(self, instruction: Instruction) -> None:
        self._leaf(instruction, f"[{self.text[instruction.operands[0]]}] * {instruction.size}")

    def _write_map(self, instruction: Instruction) -> None:
        depth = 1 + max([0, *[self.depth[operand] for operand in instruction.operands]])
        inline = self._inline(instruction)
        if inline:
            self._name(instruction, *inline, 1)
        elif instruction.data in _OPERATORS:
            sign, binding = _OPERATORS[instruction.data]
            x, y = instruction.operands  # from left to right, so that the right one never joins its neighbour
            self._name(instruction, f"{self._part(x, binding)} {sign} {self._part(y, binding + 1)}", binding, depth)
        elif instruction.data is ops.neg:
            self._name(instruction, f"-{self._part(instruction.operands[0], _ATOM)}", _PRODUCT, depth)
        else:
            self._name(instruction, self._call(instruction), _ATOM, depth)

    def _kept(self, operand: Instruction) -> str:
        """The text of an operand, with a name if it does not have one, so that it can stand in an expression twice."""
        if operand.op != "literal" and not self.text[operand].isidentifier():
            self.uses[operand] = 2
            self._name(operand, self.text[operand])
        return self._part(operand, _ATOM)

    def _call(self, instruction: Instruction) -> str:
        operation = instruction.data
        operands = [self.text[operand] for operand in instruction.operands]
        if operation == "softmaxes":
            return f"softmaxes([{', '.join(operands)}])"
        if operation is ops.dot:
            half = len(operands) // 2
            return f"dot([{', '.join(operands[:half])}], [{', '.join(operands[half:])}])"
        arguments = f"[{', '.join(operands)}]" if operation in _OF_ONE_LIST else ", ".join(operands)
        return f"{function_text(operation, FLOAT_FUNCTIONS, self.operations)}({arguments})"

    def _inline(self, instruction: Instruction) -> tuple[str, int] | None:
        """The commonest functions as expressions, which saves the call; those of `math` where they cannot raise."""
        operation, operands = instruction.data, instruction.operands
        if operation == "sigmoid_of":  # with e = exp(-|x|)
            x, e = map(self._kept, operands)
            return f"({e} if {x} < 0.0 else 1.0) / (1.0 + {e})", _PRODUCT
        if operation is ops.maximum and _is_zero(operands[1]):
            x = self._kept(operands[0])
            return f"0.0 if {x} <= 0.0 else {x}", _CONDITION  # nan stays nan
        if operation is ops.sign:
            x = self._kept(operands[0])
            return f"1.0 if {x} > 0.0 else -1.0 if {x} < 0.0 else 0.0 if {x} == 0.0 else nan", _CONDITION
        if operation is ops.step and _is_zero(operands[1]) and _is_zero(operands[2]):
            x = self._kept(operands[0])
            return f"1.0 if {x} > 0.0 else 0.0 if {x} <= 0.0 else nan", _CONDITION
        if operation is ops.exp and _is_minus_abs(operands[0]):
            if self.uses[operands[0]] > 1:
                return f"math.exp({self.text[operands[0]]})", _ATOM
            x = self._kept(operands[0].operands[0].operands[0])
            return f"math.exp(-{x} if {x} > 0.0 else {x})", _ATOM
        if operation is ops.log1p and operands[0].data is ops.exp:
            return f"math.log1p({self.text[operands[0]]})", _ATOM
        return None

    def _write_pick(self, instruction: Instruction) -> None:
        [shares] = instruction.operands
        self._name(instruction, f"{self.text[shares]}[{instruction.data}]", _ATOM, self.depth[shares] + 1)

    def _write_rows_total(self, instruction: Instruction) -> None:
        name = f"s{len(self.accumulators)}"
        self.accumulators.append(name)
        self.lines[INSIDE].append(f"{name} += {self.text[instruction.operands[0]]}")
        self._leaf(instruction, name)

    def _write_assemble(self, instruction: Instruction) -> None:
        parts: dict[int, list[str]] = {}
        for place, part in zip(instruction.data, instruction.operands, strict=True):
            parts.setdefault(place.offset, []).append(self._part(part, _PRODUCT))
        elements = [" + ".join(parts.get(i, ["0.0"])) for i in range(instruction.size)]
        self._leaf(instruction, f"[{', '.join(elements)}]")

    def source(self) -> str:
        """The function's text."""
        arguments = [f"x{k}" for k in range(len(self.input_shapes))]
        before, inside, after = self.lines
        lines = [f"def program({', '.join(['numbers', 'theta', 'batch', *arguments])}):"]
        if self.parameters:
            lines.append(f"{_INDENT}{', '.join(f'p{i}' for i in range(self.parameters))}, = numbers(theta)")
        lines += [_INDENT + line for line in before]
        if self.accumulators:
            lines.append(f"{_INDENT}{' = '.join(self.accumulators)} = 0.0")
        results = [self.text[output] for output in self.program.outputs]
        per_row = [i for i, output in enumerate(self.program.outputs) if output.batched]
        if per_row:
            lines.append(f"{_INDENT}rows = []")
            inside = [*inside, f"rows.append({results[0]})"]
            results = ["rows"]
        if inside:
            rows = ", ".join(self._row(k) for k in range(len(self.input_shapes)))
            columns = [f"numbers({argument})" for argument in arguments]
            values = f"zip({', '.join(columns)})" if len(columns) > 1 else columns[0]
            lines.append(f"{_INDENT}for {rows} in {values}:")
            lines += [2 * _INDENT + line for line in inside]
        lines += [_INDENT + line for line in after]
        if len(results) > 1:
            results[1] = f"np.array({results[1]})"
        lines.append(f"{_INDENT}return {', '.join(results)}")
        return "\n".join(lines) + "\n"

    def _row(self, k: int) -> str:
        shape = self.input_shapes[k]
        if not shape:
            return f"x{k}"
        return f"({', '.join(f'x{k}_{j}' for j in range(shape[0]))},)" if shape[0] else "()"


def _is_zero(x: Instruction) -> bool:
    return x.op == "literal" and x.data == 0.0 and math.copysign(1.0, x.data) > 0.0


def _is_minus_abs(x: Instruction) -> bool:
    return x.data is ops.neg and x.operands[0].data is ops.abs


def _number(x: float) -> str:
    return repr(x) if math.isfinite(x) else "nan" if x != x else "inf" if x > 0 else "-inf"


__all__: list[Any] = ["FloatText"]


def function_text(operation, functions, own):
    if isinstance(operation, str):
        return operation
    if isinstance(operation, Operation) and operation in functions:
        return functions[operation]
    if operation not in own:
        own.append(operation)
    return f"operations[{own.index(operation)}]"
