"""Reuses buffers, so that few are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..ir import base_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..ir import Instruction, Program, Shape


class Buffer(NamedTuple):
    """An array to compute into, of this shape for one observation."""

    name: str
    shape: Shape


class Buffers:
    """The arrays to compute into. Each is held by one instruction, or free."""

    def __init__(self, program: Program, returned: Iterable[Instruction]) -> None:
        self._number = {instruction: i for i, instruction in enumerate(program.instructions)}
        self._last_use = self._last_uses(program, returned)
        self._held: dict[Instruction, Buffer] = {}
        self._free: dict[tuple[bool, int], list[Buffer]] = {}

    def _last_uses(self, program: Program, returned: Iterable[Instruction]) -> dict[Instruction, int]:
        """The number of the last instruction that reads each array, directly or through a view."""
        last = dict(self._number)
        for instruction, number in self._number.items():
            for operand in instruction.operands:
                last[base_of(operand)] = number
        for instruction in returned:
            last[base_of(instruction)] = len(program.instructions)
        return last

    def hold(self, instruction: Instruction, buffer: Buffer) -> None:
        """Gives the buffer to an instruction."""
        self._held[instruction] = buffer

    def taken(self, instruction: Instruction) -> Buffer | None:
        """Gives the instruction a free buffer of its size; None if there is none."""
        free = self._free.get((instruction.batched, instruction.size))
        if not free:
            return None
        buffer = self._held[instruction] = free.pop()
        return buffer

    def release(self, instruction: Instruction) -> None:
        """Frees the buffers of operands that no later instruction reads."""
        for operand in dict.fromkeys(base_of(operand) for operand in instruction.operands):
            if operand in self._held and self._last_use[operand] == self._number[instruction]:
                self._free.setdefault((operand.batched, operand.size), []).append(self._held.pop(operand))
