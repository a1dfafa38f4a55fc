"""Functions along rows that follow one another, as `autograd.compiler.arrays` has them: softmax and its kin.

What they share is computed once: for each row the maximum, its position, exp(x - maximum) of the others, and their sum.
The maximum's own 1 is left out, so that a small sum beside it is not lost.

Like `interpreter.py` this is Python that numba can compile too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .array_steps import ARRAYS, LENGTHS, OPERATION
from .elementary import log1p
from .sums_of_arrays import dot, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .interpreter import Numbers

    def elementwise(operation: int, numbers: Numbers, result: int, a: int, b: int, c: int, length: int) -> None:
        """Written out from the table of functions by `machine_code`: a loop for each."""


EXPONENTIALS, LOGSUMEXP, SOFTMAX, SOFTMAX_PULL, LOG_SOFTMAX, LOG_SOFTMAX_PULL = range(6)
"""The functions."""


def rows_step(numbers: Numbers, tape: Sequence[int], at: int) -> None:
    """The function of a step on all rows.

    LENGTHS: the rows, their width, and the number of exp among the operations. ARRAYS: the places of the result, of the
    maxima, their positions, the exponentials, their sums, and two operands.
    """
    rows, width, exp = tape[at + LENGTHS], tape[at + LENGTHS + 1], tape[at + LENGTHS + 2]
    result, top, top_at = tape[at + ARRAYS], tape[at + ARRAYS + 1], tape[at + ARRAYS + 2]
    e, rest, x, y = tape[at + ARRAYS + 3], tape[at + ARRAYS + 4], tape[at + ARRAYS + 5], tape[at + ARRAYS + 6]
    function = tape[at + OPERATION]
    if function == EXPONENTIALS:
        room = rest + rows
        measured_from_the_top(numbers, rows, width, x, top, top_at, room)
        elementwise(exp, numbers, e, room, room, room, rows * width)
        others_added_up(numbers, rows, width, top_at, e, rest)
        return
    for row in range(rows):
        start = row * width
        at_the_top = int(numbers[top_at + row])
        largest, others = numbers[top + row], numbers[rest + row]
        if function == LOGSUMEXP:
            numbers[result + row] = log1p(others) + largest if math.isfinite(largest) else largest
        elif function == SOFTMAX:
            softmax(numbers, result + start, e + start, width, at_the_top, largest, others)
        elif function == SOFTMAX_PULL:
            softmax_pull(numbers, result + start, x + start, y + start, width, at_the_top)
        elif function == LOG_SOFTMAX:
            log_softmax(numbers, result + start, x + start, width, at_the_top, largest, others)
        else:
            log_softmax_pull(numbers, result + start, e + start, y + start, width, at_the_top, largest, others)


def measured_from_the_top(numbers: Numbers, rows: int, width: int, x: int, top: int, top_at: int, result: int) -> None:
    """Each row less its maximum, which is noted with its position."""
    for row in range(rows):
        start = row * width
        found, largest = largest_of(numbers, x + start, width)
        numbers[top + row] = largest
        numbers[top_at + row] = found
        for i in range(width):
            numbers[result + start + i] = numbers[x + start + i] - largest


def others_added_up(numbers: Numbers, rows: int, width: int, top_at: int, e: int, rest: int) -> None:
    """The sums of exponentials without that of the maximum, which becomes 0."""
    for row in range(rows):
        start = row * width
        numbers[e + start + int(numbers[top_at + row])] = 0.0
        numbers[rest + row] = total(numbers, e + start, 1, width)


def largest_of(numbers: Numbers, x: int, width: int) -> tuple[int, float]:
    """The position of the largest number and the number; of the first nan if there is one."""
    found, largest, unordered = 0, numbers[x], 0
    for i in range(width):
        number = numbers[x + i]
        above = number > largest
        found = i if above else found
        largest = number if above else largest
        unordered += number != number
    if unordered:
        found = 0
        while numbers[x + found] == numbers[x + found]:
            found += 1
        largest = numbers[x + found]
    return found, largest


def whole(largest: float, others: float) -> float:
    """The sum of all exponentials: a single infinity has everything; several have left nan in the others."""
    return 1.0 + others if largest > -math.inf else math.nan


def softmax(numbers: Numbers, result: int, e: int, width: int, at_the_top: int, largest: float, others: float) -> None:
    """exp(x) / sum(exp(x))."""
    divisor = whole(largest, others)
    for i in range(width):
        numbers[result + i] = numbers[e + i] / divisor
    numbers[result + at_the_top] = 1.0 / divisor


def softmax_pull(numbers: Numbers, result: int, shares: int, cotangent: int, width: int, at_the_top: int) -> None:
    """p (c - sum(p c)) for the shares p and their cotangents c, which are taken relative to that of the largest p."""
    base = numbers[cotangent + at_the_top]
    for i in range(width):
        numbers[result + i] = numbers[cotangent + i] - base
    mean = dot(numbers, result, 1, shares, 1, width)
    for i in range(width):
        numbers[result + i] = (numbers[result + i] - mean) * numbers[shares + i]


def log_softmax(
    numbers: Numbers, result: int, x: int, width: int, at_the_top: int, largest: float, others: float
) -> None:
    """x - logsumexp(x), measured from the maximum."""
    log = log1p(others)
    subtracted = log
    if not math.isfinite(largest):
        subtracted = math.nan if largest != largest else 0.0
    for i in range(width):
        numbers[result + i] = numbers[x + i] - largest - subtracted
    if not math.isfinite(largest):
        numbers[result + at_the_top] = -log
        if largest == -math.inf:
            for i in range(width):
                numbers[result + i] = -math.inf


def log_softmax_pull(
    numbers: Numbers, result: int, e: int, cotangent: int, width: int, at_the_top: int, largest: float, others: float
) -> None:
    """c - p sum(c) for cotangents c; for the largest p the sum of the other shares stands in place of 1 - p."""
    divisor, added = whole(largest, others), total(numbers, cotangent, 1, width)
    at_top, share = numbers[cotangent + at_the_top], added / divisor
    for i in range(width):
        numbers[result + i] = numbers[cotangent + i] - numbers[e + i] * share
    numbers[result + at_the_top] = (at_top * others - (added - at_top)) / divisor
