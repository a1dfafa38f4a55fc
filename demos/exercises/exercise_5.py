"""Exercise 5: the ReLU.

relu(x) is x where x is above 0, and 0 elsewhere. At 0 it is bent and has no derivative, so one is defined there: 0
or 1. We take 0, as PyTorch does.

    python -m pytest demos/exercises/exercise_5.py
"""

from .marking import mark


def drelu_dx(x: float) -> float:
    """The slope of the ReLU at x."""
    return ...


def test_the_answer() -> None:
    mark(5, drelu_dx)
