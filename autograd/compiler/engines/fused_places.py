"""Decides what machine code takes between the products of a program on arrays: several steps in each call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..arrays import OF_EXPONENTIALS
from ..ir import chooses
from .looks import Look, Rows, lengths
from .native.tape import ELEMENTWISE
from .places import Places
from .products import Product
from .statements import Statement, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ir import Action, Instruction, Program
    from .looks import Array, Operand

_RESULT, _TERM = 8.0, 0.4  # nanoseconds for a sum of products, and for each of its terms
_CALL, _MATRIX = 600.0, 100.0  # those that BLAS takes to begin, and for each further matrix of a stack
_MANY = 1024  # rows, for which BLAS should not be given up
_STEPS: dict[str, str] = {"copyto": "copy", "add": "add", "multiply": "mul"}


class FusedPlaces(Places):
    """A program as statements on named arrays, of which machine code takes all but products.

    It knows arrays by their addresses. So all that it works on are made once, and arguments are copied to such.
    """

    copied = math.inf

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.body = self._grouped(self.body)

    def _grouped(self, statements: Sequence[Statement]) -> list[Statement]:
        """The statements, with steps of machine code that follow one another as one."""
        grouped: list[Statement] = []
        run = ""
        for statement in statements:
            if not isinstance(statement.does, Step):
                grouped.append(statement)
                run = ""
                continue
            if not run:
                run = self._fresh("run")
                self.runs[run] = []
                grouped.append(Statement("run", (), run))
            self.runs[run].append(statement)
        return grouped

    def _do(self, does: Action, operands: tuple[Operand, ...], out: Array) -> None:
        name = ELEMENTWISE.get(does) or _STEPS.get(does if isinstance(does, str) else "")
        if name and not any(map(self._moves, (*operands, out))):
            self._step(name, operands, out)
        else:
            super()._do(does, operands, out)

    def _step(self, name: str, operands: tuple[Operand, ...], out: Array) -> None:
        assert not any(map(self._moves, (*operands, out))), f"{name} of arrays that are made anew"
        self.body.append(Statement(Step(name), operands, out))

    def _moves(self, operand: Operand) -> bool:
        """Whether this is an array that every call makes anew: of looks, setup has made all that take no copy."""
        return isinstance(operand, Look) or (isinstance(operand, str) and operand in self._dynamic)

    # Arguments

    def _place_input(self, instruction: Instruction) -> None:
        super()._place_input(instruction)
        if self._is_only_multiplied(instruction):
            return
        name = self._set_up("empty", (lengths(instruction),), self._fresh("b"))
        self.start.append(Statement("copyto", (self._name(instruction),), name))
        self._array[instruction] = name

    def _is_only_multiplied(self, instruction: Instruction) -> bool:
        """Whether machine code reads nothing of an array."""
        return all(
            self._is_only_multiplied(reader)
            if reader.op == "view"
            else reader.op == "contract" and not _is_small(Product(reader))
            for reader in self._uses[instruction]
        )

    # Element by element

    def _select(self, instruction: Instruction) -> None:
        mask, *operands = instruction.operands
        condition = self._once("mask", (self._number_of(mask.data),), "c")
        choices = tuple([self._array[operand] for operand in operands])
        self._step("where", (condition, *choices), self._buffer(instruction))

    # Along an axis

    def _place_rows(self, instruction: Instruction) -> None:
        if instruction.data not in OF_EXPONENTIALS:
            super()._place_rows(instruction)
            return
        x = instruction.operands[0]
        common = self._exponentials(x.operands[0] if instruction.data == "softmax_pull" else x)
        read = () if instruction.data in ("logsumexp", "softmax") else self._operands(instruction)
        self._step(instruction.data, (common, *read), self._buffer(instruction))

    def _exponentials(self, x: Instruction) -> str:
        if x not in self._common:
            width = x.shape[-1]
            rows = x.size // width
            room = (Rows(rows) if x.batched else rows, width)
            self._common[x] = name = self._set_up("room", room, self._fresh("e"))
            self._step("exponentials", (self._name(x),), name)
        return self._common[x]

    def _place_total(self, instruction: Instruction) -> None:
        [x] = instruction.operands
        self._step("total", (self._name(x), instruction.data), self._buffer(instruction))

    def _place_rows_total(self, instruction: Instruction) -> None:
        [x] = instruction.operands
        self._step("rows_total", (self._name(x),), self._buffer(instruction))

    # Products

    def _multiply(self, contract: Instruction, product: Product, factors: tuple[Array, Array], out: Array) -> None:
        takes_mask = chooses(contract) or not product.masks_terms
        if not (takes_mask and _is_small(product)) or any(map(self._moves, (*factors, out))):
            super()._multiply(contract, product, factors, out)
            return
        counting = (float(product.swapped),) if product.masks_terms else ()
        self._step("product", (*factors, *counting), out)


def _is_small(product: Product) -> bool:
    """Whether machine code multiplies faster than BLAS, which is called for each matrix of a stack."""
    sizes = [_MANY * each.times if isinstance(each, Rows) else each for each in product.result.lengths]
    summed = product.left.lengths[-1]
    terms = _MANY if isinstance(summed, Rows) else summed
    results = math.prod(sizes[-2:] if product.is_stack else sizes)
    return results * (_RESULT + _TERM * terms) <= (_MATRIX if product.is_stack else _CALL)
