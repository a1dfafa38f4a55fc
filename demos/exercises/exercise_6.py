"""Exercise 6: the softmax.

    p_i = e^raw_i / (e^raw_1 + e^raw_2 + e^raw_3)

Each p depends on all raw outputs, since all are in the denominator. Both derivatives can be written with the p's alone.

    python -m pytest demos/exercises/exercise_6.py
"""

from .marking import mark


def dp_draw(p: list[float], i: int, j: int) -> float:
    """How p[i] changes with raw output number j."""
    if i == j:
        return ...
    return ...


def test_the_answer() -> None:
    mark(6, dp_draw)
