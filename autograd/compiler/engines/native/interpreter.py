"""The interpreter of the native engine: runs a tape on a flat array of numbers, by one function that numba compiles.

A tape is data (see `tape.py`): runs of alike instructions, whose operands are places. The first places, as many as
there are scalars, hold one number for all rows; each of the others holds a number for every row of the present block.
If blocks are one row wide, the operands of a run are gathered and computed together; otherwise each instruction is a
loop.

Like `elementary.py` this is Python that numba can compile too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

    Numbers = MutableSequence[float]

    def elementwise(operation: int, numbers: Numbers, result: int, a: int, b: int, c: int, length: int) -> None:
        """Written out from the table of functions by `machine_code`: a loop for each."""


BEFORE, INSIDE, AFTER, END, SCALARS, SCRATCH, ROWS, WIDTH, CHUNK, STARTS, STOPS, IN, COLUMNS, OUT, RESULTS = range(15)
"""The head of a tape.

BEFORE, INSIDE, AFTER, END: where the runs begin that are done before, in and after the loop over blocks of rows, and
where they end. SCALARS: the number of places with one number. SCRATCH: where gathered operands are. ROWS, WIDTH: of the
present block. CHUNK: the rows of all blocks. STARTS, STOPS: whether these are the first rows of the batch and the last.
IN, COLUMNS, OUT, RESULTS: where the arguments and the results of a row are, and how many.
"""
HEAD = 16
RUN = 5
"""Integers of a run: operation, first result, number of instructions, first operand, operands per instruction."""
SUMS, TOTALS, LOADS, STORES = 1000, 1001, 1002, 1003
"""Operations on more than elements: sums of products, their totals over the rows, and what goes in and out."""
GATHERED = 256
"""How many numbers are gathered at a time, or make a block, at most."""
LANES = 8
"""Loops have a multiple of these iterations, so that no rest remains that is not vectorised.

What is computed too much is overwritten by the next instruction.
"""


def run(numbers: Numbers, tape: MutableSequence[int]) -> None:
    """Runs a tape on the rows of a chunk."""
    block = tape[WIDTH]
    tape[WIDTH] = 1
    tape[ROWS] = 1
    if tape[STARTS]:
        interpret(numbers, tape, tape[BEFORE], tape[INSIDE])
    first = 0
    tape[WIDTH] = block
    begin, results = tape[IN], tape[OUT]
    while first < tape[CHUNK]:
        tape[ROWS] = min(block, tape[CHUNK] - first)
        tape[IN] = begin + first * tape[COLUMNS]
        tape[OUT] = results + first * tape[RESULTS]
        interpret(numbers, tape, tape[INSIDE], tape[AFTER])
        first += block
    tape[IN] = begin
    tape[OUT] = results
    tape[WIDTH] = 1
    tape[ROWS] = 1
    if tape[STOPS]:
        interpret(numbers, tape, tape[AFTER], tape[END])
    tape[WIDTH] = block


def interpret(numbers: Numbers, tape: Sequence[int], first: int, end: int) -> None:
    """Runs the part of a tape from one run to another on a block."""
    for at in range(first, end, RUN):
        operation = tape[at]
        if operation == SUMS:
            sums(numbers, tape, at)
        elif operation == TOTALS:
            totals(numbers, tape, at)
        elif operation == LOADS:
            loads(numbers, tape, at)
        elif operation == STORES:
            stores(numbers, tape, at)
        elif tape[WIDTH] == 1:
            gathered(numbers, tape, at)
        else:
            blocks(numbers, tape, at)


def gathered(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """A run of instructions on one number each, all of them as one block."""
    result, instructions, operand, operands = tape[at + 1], tape[at + 2], tape[at + 3], tape[at + 4]
    scratch = tape[SCRATCH]
    done = 0
    while done < instructions:
        part = min(GATHERED, instructions - done)
        for k in range(operands):
            column = operand + k * instructions + done
            place = scratch + k * GATHERED
            for i in range(part):
                numbers[place + i] = numbers[tape[column + i]]
        padded = (part + LANES - 1) // LANES * LANES
        a, b, c = scratch, scratch + GATHERED, scratch + 2 * GATHERED
        elementwise(tape[at], numbers, result + done, a, b, c, padded)
        done += part


def blocks(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """A run of instructions on a block each."""
    result, instructions, operand, operands = tape[at + 1], tape[at + 2], tape[at + 3], tape[at + 4]
    width, scalars, scratch = tape[WIDTH], tape[SCALARS], tape[SCRATCH]
    for i in range(instructions):
        a = found(numbers, tape, tape[operand + i], scratch)
        b = found(numbers, tape, tape[operand + instructions + i], scratch + GATHERED) if operands > 1 else a
        c = found(numbers, tape, tape[operand + 2 * instructions + i], scratch + 2 * GATHERED) if operands > 2 else a
        elementwise(tape[at], numbers, scalars + (result + i - scalars) * width, a, b, c, width)


def found(numbers: Numbers, tape: Sequence[int], place: int, scratch: int) -> int:
    """Where the block of an operand begins. A scalar is spread over one in scratch."""
    width, scalars = tape[WIDTH], tape[SCALARS]
    if place >= scalars:
        return scalars + (place - scalars) * width
    number = numbers[place]
    for i in range(width):
        numbers[scratch + i] = number
    return scratch


def loads(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """Columns of the arguments, each into the block of a place. The last row fills what is left of it."""
    result, instructions, operand = tape[at + 1], tape[at + 2], tape[at + 3]
    rows, width, scalars, columns = tape[ROWS], tape[WIDTH], tape[SCALARS], tape[COLUMNS]
    for i in range(instructions):
        block = scalars + (result + i - scalars) * width
        column = tape[IN] + tape[operand + i]
        for row in range(rows):
            numbers[block + row] = numbers[column + row * columns]
        for row in range(rows, width):
            numbers[block + row] = numbers[block + rows - 1]


def stores(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """Blocks into the columns of the results."""
    instructions, operand = tape[at + 2], tape[at + 3]
    rows, results = tape[ROWS], tape[RESULTS]
    for i in range(instructions):
        block = found(numbers, tape, tape[operand + i], tape[SCRATCH])
        column = tape[OUT] + i
        for row in range(rows):
            numbers[column + row * results] = numbers[block + row]


def sums(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """Sums of products, less others.

    The operand of an instruction is where its list begins: the number of products to add, the number of those to
    subtract, and the pairs of factors. A term is a product with 1, which is a scalar; scalars are first factors.
    """
    result, instructions, operand = tape[at + 1], tape[at + 2], tape[at + 3]
    width, scalars = tape[WIDTH], tape[SCALARS]
    for i in range(instructions):
        if width == 1:
            numbers[result + i] = sum_of_numbers(numbers, tape, tape[operand + i])
        else:
            sum_of_blocks(numbers, tape, tape[operand + i], scalars + (result + i - scalars) * width)


def totals(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """Adds sums of products to their totals over the rows that count."""
    result, instructions, operand = tape[at + 1], tape[at + 2], tape[at + 3]
    width, scratch = tape[WIDTH], tape[SCRATCH]
    for i in range(instructions):
        if width == 1:
            numbers[result + i] += sum_of_numbers(numbers, tape, tape[operand + i])
        else:
            sum_of_blocks(numbers, tape, tape[operand + i], scratch)
            for row in range(tape[ROWS], width):
                numbers[scratch + row] = 0.0
            numbers[result + i] += folded(numbers, scratch, width)


def sum_of_numbers(numbers: Numbers, tape: Sequence[int], pairs: int) -> float:
    """A sum of products of single numbers."""
    plus = pairs + 2 + 2 * tape[pairs]
    minus = plus + 2 * tape[pairs + 1]
    total = -0.0  # what adds nothing to -0.0 either
    for k in range(pairs + 2, plus, 2):
        total += numbers[tape[k]] * numbers[tape[k + 1]]
    for k in range(plus, minus, 2):
        total -= numbers[tape[k]] * numbers[tape[k + 1]]
    return total


def sum_of_blocks(numbers: Numbers, tape: Sequence[int], pairs: int, total: int) -> None:
    """A sum of products of blocks, or of blocks with single numbers, into the block at `total`."""
    width, scalars = tape[WIDTH], tape[SCALARS]
    for i in range(width):
        numbers[total + i] = -0.0
    plus = pairs + 2 + 2 * tape[pairs]
    minus = plus + 2 * tape[pairs + 1]
    for k in range(pairs + 2, minus, 2):
        x, y = tape[k], scalars + (tape[k + 1] - scalars) * width
        if x < scalars:
            factor = numbers[x] if k < plus else -numbers[x]
            for i in range(width):
                numbers[total + i] += factor * numbers[y + i]
        elif k < plus:
            add_product(numbers, total, scalars + (x - scalars) * width, y, width)
        else:
            subtract_product(numbers, total, scalars + (x - scalars) * width, y, width)


def add_product(numbers: Numbers, total: int, x: int, y: int, width: int) -> None:
    """Adds the product of two blocks to a third."""
    for i in range(width):
        numbers[total + i] += numbers[x + i] * numbers[y + i]


def subtract_product(numbers: Numbers, total: int, x: int, y: int, width: int) -> None:
    """Subtracts the product of two blocks from a third."""
    for i in range(width):
        numbers[total + i] -= numbers[x + i] * numbers[y + i]


def folded(numbers: Numbers, place: int, width: int) -> float:
    """The sum of a block, a power of 2 wide: halves are added until one number is left, which rounds least."""
    half = width // 2
    while half:
        for i in range(half):
            numbers[place + i] += numbers[place + half + i]
        half //= 2
    return numbers[place]
