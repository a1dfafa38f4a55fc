"""Marks an answer: `check_gradient` compares it with the function itself, and the usual slips get a hint."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np

from autograd import GradcheckError, check_gradient

from .answer_key import EXERCISES, Exercise


def mark(number: int, answer: Callable[..., Any]) -> None:
    """Passes if the answer is right.

    Args:
        number: of the exercise, from 1.
        answer: the function with its blanks filled in.

    Raises:
        AssertionError: it is wrong; the message has the true derivative, and a hint for a usual slip. Or it is
            unfinished, or no number.
    """
    exercise = EXERCISES[number - 1]
    derivative = exercise.derivative(_finished(answer))
    for point in exercise.points:  # what is unfinished in the last line is found before the first is marked
        derivative(point)
    try:
        for point in exercise.points:
            check_gradient(exercise.function, derivative, point)
    except GradcheckError as error:
        for hint in _hints(exercise, derivative):
            error.add_note(f"\nHint: {hint}.")
        error.add_note(f"\nThe derivation: python -m demos.exercises {number}")
        raise


def _finished(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The answer, which says what is wrong where it gives no number."""

    @wraps(answer)
    def checked(*arguments: Any) -> Any:
        try:
            found = answer(*arguments)
        except TypeError as error:
            if "ellipsis" not in str(error):
                raise
            found = ...
        if found is ...:
            raise AssertionError("there is a blank left: write your derivative in place of the dots")
        if found is None:
            raise AssertionError("the answer is None: is there a return in front of it?")
        if not hasattr(found, "__float__"):
            raise AssertionError(f"the answer must be a number, got {found!r} of type {type(found).__name__}")
        return found

    return checked


def _hints(exercise: Exercise, derivative: Callable[[Any], Any]) -> Iterator[str]:
    """What is known about answers with these results."""
    found = [derivative(point) for point in exercise.points]
    for hint, slip in exercise.slips.items():
        if np.allclose(found, [exercise.derivative(slip)(point) for point in exercise.points], rtol=1e-6, atol=1e-9):
            yield hint
