"""How an assembled array gets its contributions: computed in place, written, or added."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..differentiate import elements
from ..ir import View, contiguous
from .products import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..differentiate import Place
    from ..ir import Instruction

    InPlace = Callable[[Instruction, View, Instruction, Sequence[Instruction]], bool]


class Assembly(NamedTuple):
    """What to do with each contribution. Only those in `added` may overlap others.

    Attributes:
        computed: those computed right where they belong.
        written: those copied to where they belong.
        added: the rest, added to what is there by then.
        is_covered: whether every element gets one.
    """

    computed: list[tuple[View, Instruction]]
    written: list[tuple[Place, Instruction]]
    added: list[tuple[Place, Instruction]]
    is_covered: bool


def assembly(
    instruction: Instruction,
    uses: Mapping[Instruction, Sequence[Instruction]],
    computes_in_place: InPlace | None = None,
) -> Assembly:
    """Sorts the contributions of an `assemble` or `join` instruction.

    Args:
        instruction: what is put together.
        uses: who reads each instruction.
        computes_in_place: whether a part of an instruction, with these readers, can be computed right where a view says
            that it belongs; by default what NumPy can do.
    """
    computes_in_place = computes_in_place or _computes_in_place
    found = Assembly([], [], [], False)
    covered = np.zeros(instruction.size, dtype=bool)
    places = _side_by_side(instruction) if instruction.op == "join" else instruction.data
    for place, part in zip(places, instruction.operands, strict=True):
        numbers = numbers_of(place, instruction)
        if covered[numbers].any() or (isinstance(place, np.ndarray) and np.unique(place).size < place.size):
            found.added.append((place, part))
            continue
        covered[numbers] = True
        if isinstance(place, View) and computes_in_place(instruction, place, part, uses[part]):
            found.computed.append((place, part))
        else:
            found.written.append((place, part))
    return found._replace(is_covered=bool(covered.all()))


def _side_by_side(join: Instruction) -> list[View]:
    """Where the operands of a `join` belong."""
    strides = contiguous(join.shape)
    ends = accumulate([part.shape[-1] for part in join.operands])
    return [View(end - part.shape[-1], part.shape, strides) for end, part in zip(ends, join.operands, strict=True)]


def numbers_of(place: Place, base: Instruction) -> np.ndarray:
    """The numbers of the elements that a contribution belongs to."""
    if place is None:
        return np.arange(base.size)
    return elements(place).ravel() if isinstance(place, View) else place.ravel()


def _computes_in_place(assemble: Instruction, place: View, part: Instruction, uses: Sequence[Instruction]) -> bool:
    if list(uses) != [assemble] or part.batched != assemble.batched or part.is_number:
        return False
    if part.op == "contract" and is_strided(assemble, place):
        return Product(part).result.same_axes
    if part.op == "rows_total":
        return len(part.shape) < 2
    return part.op in ("contract", "map", "total")


def is_strided(base: Instruction, place: View) -> bool:
    """Whether a place in an array, in all rows of the batch, is not one block of memory."""
    return place.strides != contiguous(place.shape) or (base.batched and prod(place.shape) < base.size)
