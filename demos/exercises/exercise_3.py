"""Exercise 3: the softplus.

A hidden node bends its sum x with softplus(x) = log(1 + e^x). The derivative of log(u) is 1/u, the derivative of e^x is
e^x; the chain rule does the rest.

    python -m pytest demos/exercises/exercise_3.py
"""

import math

from .marking import mark


def dsoftplus_dx(x: float) -> float:
    """The slope of softplus at x."""
    return ...


def test_the_answer() -> None:
    mark(3, dsoftplus_dx)
