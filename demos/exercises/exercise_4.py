"""Exercise 4: a weight of the input, through everything.

    x1 = dose * w1 + b1    y1 = softplus(x1)    predicted = y1 * w3 + y2 * w4 + b3

The chain from the SSR back to w1 has four links. At the lecture's start (w1 = 2.74) they multiply and add up to 0.76.

    python -m pytest demos/exercises/exercise_4.py
"""

import math

from .marking import mark


def dssr_dw1(observed: float, predicted: float, w3: float, x1: float, dose: float) -> float:
    """What one observation adds to dSSR/dw1."""
    dssr_dpredicted = ...
    dpredicted_dy1 = ...
    dy1_dx1 = ...
    dx1_dw1 = ...
    return dssr_dpredicted * dpredicted_dy1 * dy1_dx1 * dx1_dw1


def test_the_answer() -> None:
    mark(4, dssr_dw1)
