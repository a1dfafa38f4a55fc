"""Exercise 2: a weight of the output.

    predicted = y1 * w3 + y2 * w4 + b3

where y1 is what the first hidden node sends out. How does the SSR change with w3? Only the last link of the chain
differs from exercise 1.

    python -m pytest demos/exercises/exercise_2.py
"""

from .marking import mark


def dssr_dw3(observed: float, predicted: float, y1: float) -> float:
    """What one observation adds to dSSR/dw3."""
    dssr_dpredicted = ...
    dpredicted_dw3 = ...
    return dssr_dpredicted * dpredicted_dw3


def test_the_answer() -> None:
    mark(2, dssr_dw3)
