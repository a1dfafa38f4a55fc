"""Calls of model and loss with placeholders, whose graph holds for other numbers too."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd import Placeholder, Value, detect_reads
from autograd.node import history, nodes, numbers

from .kept import Kept
from .types import Loss, Places, Vector

LARGEST_BATCH_COMPARED = 1024
"""More rows than these are not computed for a comparison."""
_ROWS_COMPARED_FIRST = 5
_ROWS_COMPARED_LATER = 2
_LARGEST_GROWTH = 4
_CALLS_BETWEEN_COMPARISONS = 64
_OPERANDS_COMPARED_OFTEN = 192
_OPERANDS_OF_A_TURN = 64


class NoProgramError(Exception):
    """No program would compute what the graphs of all observations do; the message says why."""


def rows_to_compare(number: int, is_further: bool = False) -> Places:
    """Where programs and graphs are compared first.

    Args:
        number: of rows; those are the first, the last and three between.
        is_further: whether the model was compared before, at other rows; then the first and the last will do.
    """
    chosen = _ROWS_COMPARED_LATER if is_further else _ROWS_COMPARED_FIRST
    return np.unique(np.linspace(0, number - 1, chosen).astype(int))


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


class Snapshot:
    """What a program was made of, to see whether another call of the model gives the same.

    Args:
        roots: the results of the graph.
        inputs: what stands in it for the numbers of a row.
        parameters: the leaves that the program knows by position, not by number.
    """

    def __init__(self, roots: Sequence[Value], inputs: Iterable[Value], parameters: Iterable[Value]) -> None:
        self._roots, self._inputs, self._nodes = [*roots], [*inputs], nodes(roots)
        known = {*map(id, parameters), *map(id, self._inputs)}
        self._fixed = [node for node in self._nodes if node.operation is None and id(node) not in known]
        self._numbers = numbers(self._fixed)

    @property
    def has_its_numbers(self) -> bool:
        """Whether leaves that are no parameters have the numbers that they had."""
        return repr(numbers(self._fixed)) == repr(self._numbers)  # as text, in which nan is nan

    def is_of(self, roots: Sequence[Value], inputs: Iterable[Value]) -> bool:
        """Whether this graph is built alike: of the same operations on the same leaves, or constants that are equal."""
        inputs, others = [*inputs], nodes(roots)
        if len(others) != len(self._nodes):
            return False
        own = {id(new): id(old) for new, old in zip(inputs, self._inputs, strict=True)}
        for new, old in zip(others, self._nodes, strict=True):
            if own.get(id(new)) != id(old) and not _is_alike(new, old, own):
                return False
            own[id(new)] = id(old)
        return self.has_its_numbers and [own[id(new)] for new in roots] == [id(old) for old in self._roots]


def _is_alike(new: Value, old: Value, own: Mapping[int, int]) -> bool:
    """Whether two nodes are the same leaf, equal constants, or the same operation on operands that are alike."""
    if new.is_constant or old.is_constant:
        return new.is_constant and old.is_constant and repr(numbers([new])) == repr(numbers([old]))
    if new.operation is None or old.operation is None:
        return new is old
    return new.operation is old.operation and [own[id(x)] for x in new.parents] == [id(x) for x in old.parents]


class Comparisons:
    """In which calls of a program to compare it with its graph: in the first, in 2, 4, ..., 64, 128, 192 and so on.

    A graph of 256 operands is compared half as often, one of 320 a third, so that this adds a few microseconds to a
    call whatever the size; and then the time between the first comparisons grows threefold or fourfold, not twofold.

    Args:
        roots: the results of the graph.

    Attributes:
        calls: how many there were.
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        operands = sum(len(result.parents) for result in history(roots))
        self._rarity = 1 + max(0, operands - _OPERANDS_COMPARED_OFTEN) // _OPERANDS_OF_A_TURN
        self._growth = min(1 + self._rarity, _LARGEST_GROWTH)
        self.calls = 0
        self._next = self._rarity

    def is_due(self) -> bool:
        """Counts a call, and says whether to compare in it."""
        self.calls += 1
        if self.calls < self._next:
            return False
        turn = self.calls // self._rarity
        self._next = self._rarity * (min(self._growth * turn, turn + _CALLS_BETWEEN_COMPARISONS) or 1)
        return True
