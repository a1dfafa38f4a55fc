"""The cost model: counts what a program does, estimates its time on each backend and chooses one.

The constants, in microseconds, were fitted to measurements of 51 programs on an x86 core: dense, recurrent, irregular
networks, transformers and mixtures, of 40 to 130,000 operations on 1 to 1000 rows. Only their ratios matter. A NumPy
call costs as much as 20 to 60 operations on floats.
"""

from __future__ import annotations

import sys
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ir import Instruction, Program
    from .signatures import Group
    from .trace import Graph

FLOAT_OPERATION = 0.03  # one operation on Python floats
CALL = 0.6  # one NumPy call, whatever it computes
CALLS_PER_PART = 1.4  # a kind of terms or products takes its product, its bias, what flows back ...
ELEMENT = 0.0003  # one element of an array, in one call
CALLS_PER_ELEMENT = 5.7  # those that read or write each element of a group, at least once
NODE_ELEMENT = 0.001  # one element of an array of one node, which has cooled down meanwhile
PRODUCT_FLOP = 0.0001  # one operation within a matrix product, if that is small
PACKED_FLOP = 0.000016  # the same if it is one of many
FUSED_CALLS_PER_PART = 0.5  # what a part takes, in NumPy calls, if machine code takes all but products
FUSED_CALLS_PER_ELEMENT = 3.0
FUSED_PAYS = 4.0  # less is saved too slowly: loading the engine takes as long as 100,000 NumPy calls
NATIVE_CALL = 7.5  # one call of the native engine, whatever it computes
NATIVE_PAYS = 30.0  # the same for making a tape
CLEARLY = 1.2  # times as fast must it be, as far as estimates go
BACKWARD = 3.0  # value and gradient take this many times as long as the value alone

_BATCHES = [2**k for k in range(13)]
_LARGEST_ON_FLOATS = 1024  # rows, beyond which no estimate is asked for
_LARGEST = _BATCHES[-1]
_NEAR = 1 << 18  # numbers, which a core's cache may hold
_CACHE = 100_000  # elements of buffers that stay close to the processor
_USUAL_BATCH = 64  # rows, or fewer, are not taken apart if that costs anything
_WITHOUT_BUFFERS = 1024  # rows at a time, if none of them takes memory
_BEYOND_CALLS = 20.0  # times as long as its calls should a block take
TYPICAL_BATCH = 32  # assumed as long as the batch size is unknown


class Size(NamedTuple):
    """What the estimates depend on.

    Attributes:
        nodes: results in the graph.
        operations: on two numbers each; a dot product of n pairs is 2n - 1 of them.
        instructions: what is left if sums take in the sums and products that only they need.
        groups: sets of nodes that pack into one array.
        parts: the kinds of terms and products in the sums of all groups; groups of other operations have one.
        gradient: whether it computes the gradient too.
        batched: whether it takes arrays with one row per observation.
    """

    nodes: int
    operations: int
    instructions: int
    groups: int
    parts: int
    gradient: bool
    batched: bool


def sized(graph: Graph, groups: Sequence[Group], gradient: bool, batched: bool) -> Size:
    """The size of a simplified graph."""
    results = [(graph.operations[i], len(graph.operands[i])) for i in graph.results]
    operations = sum([_OF_A_SHARE if row and row.of_first else max(1, width - 1) for row, width in results])
    instructions = sum([len(group.nodes) for group in groups])
    parts = sum([len(group.slots[0]) if group.slots else 1 for group in groups])
    return Size(len(results), operations, instructions, len(groups), parts, gradient, batched)


_OF_A_SHARE = 3  # operations, as its row is exponentiated and added up once


def floats(size: Size, batch: int) -> float:
    """Straight-line Python on floats, row by row."""
    return _passes(size) * batch * size.operations * FLOAT_OPERATION


def columns(size: Size, batch: int) -> float:
    """A few NumPy calls per operation of the graph, on the whole batch."""
    return _passes(size) * size.operations * (CALLS_PER_PART * CALL + batch * NODE_ELEMENT)


def arrays(size: Size, batch: int) -> float:
    """A few NumPy calls per part of a group, on all its elements; what sums absorb is left to products."""
    return _by_calls(size, batch, CALLS_PER_PART, CALLS_PER_ELEMENT)


def fused(size: Size, batch: int) -> float:
    """The same with machine code between the products."""
    return _by_calls(size, batch, FUSED_CALLS_PER_PART, FUSED_CALLS_PER_ELEMENT)


def _by_calls(size: Size, batch: int, calls_per_part: float, calls_per_element: float) -> float:
    row = size.instructions * calls_per_element * ELEMENT + size.operations * PACKED_FLOP
    return _passes(size) * (size.parts * calls_per_part * CALL + batch * row)


def native(size: Size, batch: int) -> float:
    """Machine code, a row at a time or in blocks of rows: a time for each instruction, and one for each operation."""
    instructions, operations = _passes(size) * size.instructions, _passes(size) * size.operations
    if batch == 1:
        return NATIVE_CALL + 0.003 * instructions + 0.0003 * operations
    width = 8
    while width < min(batch, 64) and 2 * width * instructions <= _NEAR:
        width *= 2
    block = (0.011 + 0.00033 * width) * instructions + (0.0011 + 0.00014 * width) * operations
    return NATIVE_CALL + -(-batch // width) * block


def _passes(size: Size) -> float:
    return BACKWARD if size.gradient else 1.0


class Choice(NamedTuple):
    """Which backends a program uses.

    Attributes:
        packs: whether groups become arrays; otherwise each node is an array of one column.
        floats_below: smaller batches run on floats.
        native_from: the smallest batch for which tapes of machine code pay; 0 if they never do.
        native_below: the smallest larger one for which they do not.
        fused_from: the smallest batch for which machine code between the products of arrays pays; 0 if it never does.
    """

    packs: bool
    floats_below: int
    native_from: int = 0
    native_below: int = 0
    fused_from: int = 0

    def backend(self, batch: int) -> str:
        """The one for a batch of this size."""
        if self.native_from <= batch < self.native_below:
            return "native"
        if batch < self.floats_below:
            return "floats"
        return "fused" if 0 < self.fused_from <= batch else "arrays"


def typical_batch(size: Size) -> int:
    """The batch size that estimates assume."""
    return TYPICAL_BATCH if size.batched else 1


def choose(size: Size, has_native: bool = False) -> Choice:
    """The fastest backends by estimate.

    Args:
        size: what the estimates depend on.
        has_native: whether machine code can be had.
    """
    batch = typical_batch(size)
    packs = arrays(size, batch) <= columns(size, batch)
    batches = (_BATCHES if size.batched else [1]) if has_native else []
    fusing = [rows for rows in batches if packs and arrays(size, rows) - fused(size, rows) >= FUSED_PAYS]
    choice = Choice(packs, 0, fused_from=fusing[0] if fusing else 0)
    below = 1
    while below <= _LARGEST_ON_FLOATS and floats(size, below) < _on_arrays(size, below, choice):
        below += 1
    paying = [rows for rows in batches if _native_pays(size, rows, choice)]
    choice = choice._replace(floats_below=below if below > 1 else 0)
    if not paying or (fusing and batch not in paying):  # at some sizes estimates differ by chance
        return choice
    native_below = sys.maxsize if _LARGEST in paying else 2 * paying[-1]
    return choice._replace(native_from=paying[0], native_below=native_below)


def _on_arrays(size: Size, batch: int, choice: Choice) -> float:
    """The time on arrays, by the engine that is chosen for them."""
    if choice.backend(batch) == "fused":
        return fused(size, batch)
    return (arrays if choice.packs else columns)(size, batch)


def _native_pays(size: Size, batch: int, choice: Choice) -> bool:
    """Whether tapes of numbers are clearly faster than what needs no machine code, and save enough."""
    time = native(size, batch)
    if choice.backend(batch) == "fused" and fused(size, batch) < time:
        return False
    best = min(floats(size, batch), (arrays if choice.packs else columns)(size, batch))
    return CLEARLY * time <= best and best - time >= NATIVE_PAYS


def block(work: Work, calls: int, row_size: int) -> int:
    """The number of rows to compute at a time: enough to make calls a small part of the time, or to fill the cache."""
    if not row_size:
        return _WITHOUT_BUFFERS
    row = work.row_flops * PRODUCT_FLOP + row_size * ELEMENT
    by_calls = max(1, int(_BEYOND_CALLS * calls * CALL / row))
    return max(by_calls, min(_USUAL_BATCH, 6 * by_calls), _CACHE // row_size)


class Work(NamedTuple):
    """What a program does in a call.

    Attributes:
        instructions: operations on arrays or floats; views do not count.
        products: the matrix and vector products among them.
        row_flops: operations on numbers per row of the batch; a function such as exp is one.
        call_flops: those done once per call.
    """

    instructions: int
    products: int
    row_flops: int
    call_flops: int

    def __str__(self) -> str:
        flops = [f"{self.row_flops:,} flops a row"] if self.row_flops else []
        flops += [f"{self.call_flops:,} flops a call"] if self.call_flops or not flops else []
        return f"{counted(self.instructions, 'instruction')}, {counted(self.products, 'product')}, {' + '.join(flops)}"


def work(program: Program) -> Work:
    """Counts what a program does."""
    done = [each for each in program.instructions if each.op not in _PREPARED and not each.is_number]
    flops = [0, 0]
    for instruction in done:
        per_row = instruction.batched or any(operand.batched for operand in instruction.operands)
        flops[per_row] += _flops(instruction)
    return Work(len(done), sum(each.op == "contract" for each in done), flops[True], flops[False])


_PREPARED = {"theta", "input", "literal", "symbol", "view", "fill"}  # there before the call, or nothing to compute
_COMPUTING = {"map", "rows", "total", "rows_total"}


def _flops(instruction: Instruction) -> int:
    if instruction.op == "contract":
        return _contract_flops(instruction)
    if instruction.op not in _COMPUTING:
        return 0
    return max([instruction.size, *[operand.size for operand in instruction.operands]])


def _contract_flops(instruction: Instruction) -> int:
    """A multiplication per combination of the axes, and an addition if an axis or the batch is summed."""
    factors, result = instruction.data.split("->")
    length: dict[str, int] = {}
    for labels, operand in zip(factors.split(","), instruction.operands, strict=True):
        length.update(zip(labels, operand.shape, strict=True))
    sums = set(length) > set(result) or not instruction.batched
    return prod(length.values()) * (2 if sums else 1)


def counted(number: int, noun: str) -> str:
    """The number with its noun, as in "1 row" and "1,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
