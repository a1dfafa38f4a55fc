"""Calls of model and loss with placeholders, whose graph holds for other numbers too."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd import Placeholder, Value, detect_reads
from autograd.node import history

from .kept import Kept
from .types import Loss, Vector

_CALLS_BETWEEN_COMPARISONS = 64
_OPERANDS_COMPARED_OFTEN = 192
_OPERANDS_OF_A_TURN = 64


class NoProgramError(Exception):
    """No program would compute what the graphs of all observations do; the message says why."""


def traced(call: Callable[[], Any], parameters: Iterable[Value], model: Any, loss: Loss | None = None) -> Any:
    """The result of a call of model or loss with placeholders for the numbers of a row.

    Raises:
        NoProgramError: a program would lose something that happens in the call: Python code learns a number (see
            `autograd.detect_reads`), or model or loss keep something.
    """
    before, failure = Kept(model.named_modules(), loss), None
    with detect_reads(parameters) as reads:
        try:
            result = call()
        except Exception as error:
            failure = error
    if reads.first is not None:
        filename, line = reads.first
        source = linecache.getline(filename, line).strip()
        raise NoProgramError(
            f"Python code reads the number of a Value, in {filename}:{line} (inputs and targets are Values too while a "
            f"program is made; write maximum, where(relu(x), ...) for x > 0, log of autograd, ...)\n    {source}"
        )
    if failure is not None:
        raise NoProgramError(f"called with Values for numbers, {described(failure)}") from failure
    if changed := Kept(model.named_modules(), loss).changed_since(before):
        raise NoProgramError(f"each call of model or loss changes {', '.join(changed)}")
    return result


def described(error: Exception) -> str:
    """The error in a sentence."""
    return f"{type(error).__name__}: {error}"


def placeholders(array: Vector) -> list[Placeholder]:
    """One per number of a row."""
    return [Placeholder(numbers) for numbers in array.reshape(len(array), -1).T]


def rarity(roots: Sequence[Value]) -> int:
    """How many times more seldom to compare with this graph: 1 below 256 operands, and 1 more per 64 from there."""
    operands = sum(len(result.parents) for result in history(roots))
    return 1 + max(0, operands - _OPERANDS_COMPARED_OFTEN) // _OPERANDS_OF_A_TURN


def is_comparison_due(calls: int, rarity: int) -> bool:
    """Whether to compare program and graph in this call, counted from 1: in 1, 2, 4, ..., 64, 128, 192 and so on.

    With a rarity of 3 a third as often, so that comparing adds a few microseconds to a call whatever the graph's size.
    """
    turn, rest = divmod(calls, rarity)
    return not rest and (turn % _CALLS_BETWEEN_COMPARISONS == 0 or turn & (turn - 1) == 0)
