"""Marks an answer: `check_gradient` compares it with the function itself, and the usual slips get a hint."""

from collections.abc import Callable, Iterator
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
        AssertionError: it is wrong; the message has the true derivative, and a hint for a usual slip.
    """
    exercise = EXERCISES[number - 1]
    derivative = exercise.derivative(answer)
    if _has_blanks(derivative, exercise):
        raise AssertionError("there is a blank left: write your derivative in place of the dots")
    try:
        for point in exercise.points:
            check_gradient(exercise.function, derivative, point)
    except GradcheckError as error:
        for hint in _hints(exercise, derivative):
            error.add_note(f"\nHint: {hint}.")
        error.add_note(f"\nThe derivation: python -m demos.exercises {number}")
        raise


def _has_blanks(derivative: Callable[[Any], Any], exercise: Exercise) -> bool:
    try:
        found = [derivative(point) for point in exercise.points]
    except TypeError as error:
        if "ellipsis" not in str(error):
            raise
        return True
    return any(each is ... for each in np.ravel(np.array(found, dtype=object)))


def _hints(exercise: Exercise, derivative: Callable[[Any], Any]) -> Iterator[str]:
    """What is known about answers with these results."""
    found = [derivative(point) for point in exercise.points]
    for hint, slip in exercise.slips.items():
        if np.allclose(found, [exercise.derivative(slip)(point) for point in exercise.points], rtol=1e-6, atol=1e-9):
            yield hint
