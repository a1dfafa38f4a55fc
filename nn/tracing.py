"""Calls of model and loss with placeholders, whose graph holds for other numbers too."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable
from typing import Any

from autograd import Placeholder, Value, detect_reads

from .kept import Kept
from .types import Loss, Vector


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
