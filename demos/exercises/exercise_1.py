"""Exercise 1: the last bias.

The network of the lectures adds b3 to everything else: predicted = y1 * w3 + y2 * w4 + b3. How does the sum of squared
residuals change with it?

    SSR = sum of (observed - predicted)^2

By the chain rule, dSSR/db3 = dSSR/dpredicted x dpredicted/db3, added over the observations. Put the two derivatives in
place of the dots and run

    python -m pytest demos/exercises/exercise_1.py
"""

from .marking import mark


def dssr_db3(observed: float, predicted: float) -> float:
    """What one observation adds to dSSR/db3."""
    dssr_dpredicted = ...
    dpredicted_db3 = ...
    return dssr_dpredicted * dpredicted_db3


def test_the_answer() -> None:
    mark(1, dssr_db3)
