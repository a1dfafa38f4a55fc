"""The steps of array programs that machine code takes between matrix products, by one function that numba compiles.

A tape is data (see `array_tape.py`): steps of SIZE integers each. A step says what it does, the lengths of four nested
loops, the last of them innermost, and for up to four arrays where the first element is and how far apart the elements
are along each loop. Places count numbers from the address that the function is called with; arrays lie anywhere.

Like `interpreter.py` this is Python that numba can compile too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .interpreter import GATHERED
from .sums_of_arrays import dot, dot_where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .interpreter import Numbers

    def elementwise(operation: int, numbers: Numbers, result: int, a: int, b: int, c: int, length: int) -> None:
        """Written out from the table of functions by `machine_code`: a loop for each."""

    def rows_step(numbers: Numbers, tape: Sequence[int], at: int) -> None:
        """The function of `rows_of_arrays` that the step asks for."""


KIND, OPERATION, PART, COPIES, REPEATS, STRETCHES, PERIOD, LENGTHS, ARRAYS = 0, 1, 2, 3, 4, 5, 6, 7, 11
"""The integers of a step.

COPIES: a bit for each array that is copied to scratch, the result first, because its elements are apart or it shares
memory with the result. PART: how many elements are copied at a time. REPEATS: a bit for each array that repeats in the
innermost loop, after as many elements as PERIOD says. STRETCHES: a bit for each that has one element for so many.
LENGTHS: of the four loops. ARRAYS: five integers for each array, the result first: its place and its strides. Scratch
begins at the address that places count from.
"""
ARRAY = 5
SIZE = 31
MAP, COPY, ROWS_TOTAL, PRODUCT, ROWS = range(5)
"""The kinds of steps: an operation element by element, a copy, sums over the first loop, sums of products over the
last, and a function along rows."""


def run_arrays(numbers: Numbers, tape: Sequence[int]) -> None:
    """Takes all steps of a tape, whose first integer says how many they are."""
    at = 1
    for _ in range(tape[0]):
        kind = tape[at + KIND]
        if kind == ROWS:
            rows_step(numbers, tape, at)
        elif kind == ROWS_TOTAL:
            rows_totals(numbers, tape, at)
        else:
            lines(numbers, tape, at, kind)
        at += SIZE


def lines(numbers: Numbers, tape: Sequence[int], at: int, kind: int) -> None:
    """A step line by line: what is done in its innermost loop."""
    first, second, third = tape[at + LENGTHS], tape[at + LENGTHS + 1], tape[at + LENGTHS + 2]
    of_result, of_a, of_b, of_c = at + ARRAYS, at + ARRAYS + ARRAY, at + ARRAYS + 2 * ARRAY, at + ARRAYS + 3 * ARRAY
    result_apart, a_apart, b_apart, c_apart = tape[of_result + 3], tape[of_a + 3], tape[of_b + 3], tape[of_c + 3]
    operation, length, copies = tape[at + OPERATION], tape[at + LENGTHS + 3], tape[at + COPIES]
    for i in range(first):
        for j in range(second):
            result, a = place(tape, of_result, i, j), place(tape, of_a, i, j)
            b, c = place(tape, of_b, i, j), place(tape, of_c, i, j)
            for _ in range(third):
                if kind == MAP and not copies:
                    elementwise(operation, numbers, result, a, b, c, length)
                elif kind == MAP:
                    mapped(numbers, tape, at, result, a, b, c)
                elif kind == COPY:
                    copied(numbers, a, stride(tape, at, 1), result, stride(tape, at, 0), length)
                else:
                    added_up(numbers, tape, at, result, a, b, c)
                result, a, b, c = result + result_apart, a + a_apart, b + b_apart, c + c_apart


def place(tape: Sequence[int], array: int, i: int, j: int) -> int:
    """Where the first line of an array begins in these loops."""
    return tape[array] + i * tape[array + 1] + j * tape[array + 2]


def stride(tape: Sequence[int], at: int, array: int) -> int:
    """How far apart the elements of a line are."""
    return tape[at + ARRAYS + array * ARRAY + 4]


def mapped(numbers: Numbers, tape: Sequence[int], at: int, result: int, a: int, b: int, c: int) -> None:
    """An operation on the elements of a line, for which some are copied to scratch."""
    operation, length, copies = tape[at + OPERATION], tape[at + LENGTHS + 3], tape[at + COPIES]
    apart = stride(tape, at, 0)
    done = 0
    while done < length:
        part = min(tape[at + PART], length - done)
        x = gathered(numbers, tape, at, 1, a, done, part)
        y = gathered(numbers, tape, at, 2, b, done, part)
        z = gathered(numbers, tape, at, 3, c, done, part)
        if copies & 1:
            elementwise(operation, numbers, 0, x, y, z, part)
            copied(numbers, 0, 1, result + done * apart, apart, part)
        else:
            elementwise(operation, numbers, result + done, x, y, z, part)
        done += part


def gathered(numbers: Numbers, tape: Sequence[int], at: int, array: int, line: int, done: int, part: int) -> int:
    """Where part of a line has its elements one after the other."""
    apart, scratch = stride(tape, at, array), array * GATHERED
    if not tape[at + COPIES] >> array & 1:
        return line + done * apart
    if tape[at + REPEATS] >> array & 1:
        if not done:
            repeated(numbers, line, tape[at + PERIOD], scratch, part)
    elif tape[at + STRETCHES] >> array & 1:
        stretched(numbers, line + done // tape[at + PERIOD] * apart, apart, tape[at + PERIOD], scratch, part)
    elif apart or not done:
        copied(numbers, line + done * apart, apart, scratch, 1, part)
    return scratch


def repeated(numbers: Numbers, source: int, period: int, target: int, length: int) -> None:
    """Copies elements again and again."""
    for start in range(0, length, period):
        for i in range(period):
            numbers[target + start + i] = numbers[source + i]


def stretched(numbers: Numbers, source: int, apart: int, period: int, target: int, length: int) -> None:
    """Copies each element so many times."""
    for start in range(0, length, period):
        number = numbers[source]
        source += apart
        for i in range(period):
            numbers[target + start + i] = number


def copied(numbers: Numbers, source: int, apart: int, target: int, target_apart: int, length: int) -> None:
    """Copies elements that are so far apart."""
    if target_apart == 1 and apart == 1:
        for i in range(length):
            numbers[target + i] = numbers[source + i]
    elif target_apart == 1 and apart == 0:
        number = numbers[source]
        for i in range(length):
            numbers[target + i] = number
    else:
        for i in range(length):
            numbers[target + i * target_apart] = numbers[source + i * apart]


def added_up(numbers: Numbers, tape: Sequence[int], at: int, result: int, a: int, b: int, c: int) -> None:
    """The sum of the products of a line; with an OPERATION, of those that count."""
    length = tape[at + LENGTHS + 3]
    if tape[at + OPERATION]:
        numbers[result] = dot_where(
            numbers, a, stride(tape, at, 1), b, stride(tape, at, 2), c, stride(tape, at, 3), length
        )
    else:
        numbers[result] = dot(numbers, a, stride(tape, at, 1), b, stride(tape, at, 2), length)


def rows_totals(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """Sums over the first loop: lines are added up, several narrow ones at a time, as many as one part has."""
    rows, length, part = tape[at + LENGTHS], tape[at + LENGTHS + 3], tape[at + PART]
    of_result, of_x = at + ARRAYS, at + ARRAYS + ARRAY
    apart, result_apart = stride(tape, at, 1), stride(tape, at, 0)
    if part:
        parts_added_up(numbers, tape[of_x], rows * length, part)
        lines_added_up(numbers, 0, length, part // length, 1, tape[of_result], result_apart, length)
        return
    for j in range(tape[at + LENGTHS + 1]):
        for k in range(tape[at + LENGTHS + 2]):
            line = tape[of_x] + j * tape[of_x + 2] + k * tape[of_x + 3]
            result = tape[of_result] + j * tape[of_result + 2] + k * tape[of_result + 3]
            lines_added_up(numbers, line, tape[of_x + 1], rows, apart, result, result_apart, length)


def parts_added_up(numbers: Numbers, x: int, size: int, part: int) -> None:
    """The sum of parts that follow one another, of which the last may be shorter, in scratch."""
    copied(numbers, x, 1, 0, 1, part)
    for start in range(part, size, part):
        for i in range(min(part, size - start)):
            numbers[i] += numbers[x + start + i]


def lines_added_up(
    numbers: Numbers, line: int, to_next: int, rows: int, apart: int, result: int, result_apart: int, length: int
) -> None:
    """The sum of lines."""
    copied(numbers, line, apart, result, result_apart, length)
    for _ in range(1, rows):
        line += to_next
        if apart == 1 and result_apart == 1:
            for i in range(length):
                numbers[result + i] += numbers[line + i]
        else:
            for i in range(length):
                numbers[result + i * result_apart] += numbers[line + i * apart]
