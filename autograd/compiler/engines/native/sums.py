"""The values of a program on single numbers, and which sums take in others: what a tape is made from."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from .... import ops
from ..scalars import AFTER, BEFORE, INSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...ir import Action, Instruction, Program

_SIGNS = {ops.add: (1, 1), ops.sub: (1, -1), ops.neg: (-1,)}
_ADDITIONS = {*_SIGNS, ops.sum}
_SUMS = {ops.sum, ops.dot, "total"}
_TAKEN_IN = {*_ADDITIONS, ops.mul, ops.dot, "total"}  # by additions and totals, if nothing else needs them

ONE, ONES = 0, 1
"""The number 1 as a scalar, and for every row: the values that every program begins with."""

Pair = tuple[int, int]
Pairs = tuple[list[Pair], list[Pair]]


class Values:
    """The results of a program's instructions, by number.

    Attributes:
        does: an operation, or what a leaf is: "literal", "theta", "input", "symbol", "total".
        operands: the numbers of the operands.
        data: of a leaf: its number, position, column or name.
        stages: when each is computed: BEFORE, INSIDE or AFTER the loop over the batch.
        results: the values that the program returns.
        parameters: how many there are.
    """

    def __init__(self, program: Program, columns: Sequence[int]) -> None:
        self.does: list[Action] = []
        self.operands: list[Sequence[int]] = []
        self.data: list[Any] = []
        self.stages: list[int] = []
        self._columns = columns
        self._number: dict[Instruction, int] = {}
        self.parameters = sum([each.size for each in program.instructions if each.op == "theta"])
        self.new("literal", (), BEFORE, 1.0)
        self.new(ops.mul, (ONE, ONE), INSIDE)
        for instruction in program.instructions:
            if instruction.op in _READ and instruction.data != "bundle":
                self._number[instruction] = _READ[instruction.op](self, instruction)
        self.results = [i for output in program.outputs for i in self._elements(output)]

    def new(self, does: Action, operands: Sequence[int], stage: int, data: Any = None) -> int:
        """Adds a value."""
        self.does.append(does)
        self.operands.append(operands)
        self.data.append(data)
        self.stages.append(stage)
        return len(self.does) - 1

    def of(self, instruction: Instruction) -> int:
        """The number of an instruction's value; for one element of `theta` or an argument, that of its element."""
        number = self._number.get(instruction)
        if number is None:
            number = self._number[instruction] = self._element(instruction, 0)
        return number

    def _element(self, array: Instruction, i: int) -> int:
        if array.op == "theta":
            return self.new("theta", (), BEFORE, i)
        return self.new("input", (), INSIDE, self._columns[array.data] + i)

    def _view(self, view: Instruction) -> int:
        [base] = view.operands
        return self._element(base, view.data.offset) if base.op in ("theta", "input") else self.of(base)

    def _map(self, instruction: Instruction) -> int:
        operands = [self.of(x) for x in instruction.operands]
        stage = INSIDE if instruction.batched else max([BEFORE, *[self.stages[x] for x in operands]])
        return self.new(instruction.data, operands, stage)

    def _elements(self, output: Instruction) -> list[int]:
        """The values of an output's elements."""
        if output.op == "fill":
            return [self.of(output.operands[0])] * output.size
        if output.op != "assemble":
            return [self.of(output)]
        parts: list[list[int]] = [[] for _ in range(output.size)]
        for place, part in zip(output.data, output.operands, strict=True):
            parts[place.offset].append(self.of(part))
        return [self._sum(part) for part in parts]

    def _sum(self, parts: list[int]) -> int:
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return self.new("literal", (), BEFORE, 0.0)
        return self.new(ops.sum, parts, max([self.stages[part] for part in parts]))


_READ: dict[str, Callable[[Values, Instruction], int]] = {
    "literal": lambda values, each: values.new("literal", (), BEFORE, each.data),
    "symbol": lambda values, each: values.new("symbol", (), BEFORE, each.data),
    "view": Values._view,
    "copy": lambda values, each: values.of(each.operands[0]),
    "fill": lambda values, each: values.of(each.operands[0]),
    "map": Values._map,
    "pick": lambda values, each: values.of(each.operands[0].operands[each.data]),
    "rows_total": lambda values, each: values.new("total", [values.of(each.operands[0])], AFTER),
}


class Sums:
    """Which values are sums of products, and which of them take in others.

    A sum of totals is the total of a sum.

    Attributes:
        absorbed: whether a value is part of the only sum that needs it.
        pairs: the products that a sum or a total adds, and those that it subtracts, as pairs of factors.
        needs_ones: whether a factor is ONES.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self.needs_ones = False
        self.absorbed = self._found()
        self.pairs: dict[int, Pairs] = {}
        for i, does in enumerate(values.does[:]):
            takes_in = does in _SIGNS and any(map(self.absorbed.__getitem__, values.operands[i]))
            if (does in _SUMS or takes_in) and not self.absorbed[i]:
                self.pairs[i] = self._flattened(i)

    def factors(self, i: int) -> list[int]:
        """All factors of a sum."""
        return [x for pairs in self.pairs[i] for pair in pairs for x in pair]

    def _found(self) -> bytearray:
        values = self._values
        uses = [0] * len(values.does)
        for i in chain(values.results, *values.operands):
            uses[i] += 1
        absorbed = bytearray(len(uses))
        for i, does in enumerate(values.does):
            if does in _ADDITIONS or does == "total":
                stage = INSIDE if does == "total" else values.stages[i]
                for x in values.operands[i]:
                    if uses[x] == 1 and values.does[x] in _TAKEN_IN and values.stages[x] == stage:
                        absorbed[x] = 1
        return absorbed

    def _flattened(self, root: int) -> Pairs:
        """Walks down what a sum takes in, from left to right."""
        does, operands = self._values.does, self._values.operands
        is_total = does[root] == "total"
        stage = INSIDE if is_total else self._values.stages[root]
        pairs: Pairs = ([], [])
        totals: list[tuple[int, int]] = []
        stack = [(operands[root][0] if is_total else root, 1)]
        while stack:
            i, sign = stack.pop()
            factors = operands[i]
            if i != root and not self.absorbed[i]:
                pairs[sign < 0].append(self._pair((ONE, i), stage))
            elif does[i] == "total":
                totals.append((i, sign))
            elif does[i] is ops.mul:
                pairs[sign < 0].append(self._pair(factors, stage))
            elif does[i] is ops.dot:
                half = len(factors) // 2
                pairs[sign < 0].extend(
                    [self._pair(pair, stage) for pair in zip(factors[:half], factors[half:], strict=True)]
                )
            else:
                signs = _SIGNS.get(does[i], (1,) * len(factors))  # type: ignore[arg-type]
                stack += reversed([(x, sign * s) for x, s in zip(factors, signs, strict=True)])
        if totals:
            pairs[0].append((ONE, self._total_of(totals)))
        return pairs

    def _total_of(self, totals: Sequence[tuple[int, int]]) -> int:
        """One total in place of a sum of them, each with its sign."""
        total = self._added("total", (), AFTER)
        self.pairs[total] = ([], [])
        for i, sign in totals:
            plus, minus = self._flattened(i)[::sign]
            self.pairs[total][0].extend(plus)
            self.pairs[total][1].extend(minus)
        return total

    def _pair(self, factors: Sequence[int], stage: int) -> Pair:
        """Two factors, in the loop over the batch a scalar first and never two of them."""
        values = self._values
        x, y = factors
        if stage != INSIDE or values.stages[y] == INSIDE:
            return x, y
        if values.stages[x] == INSIDE:
            return y, x
        self.needs_ones = True
        return (y if x == ONE else self._added(ops.mul, (x, y), BEFORE)), ONES

    def _added(self, does: Action, operands: Sequence[int], stage: int) -> int:
        self.absorbed.append(0)
        return self._values.new(does, operands, stage)
