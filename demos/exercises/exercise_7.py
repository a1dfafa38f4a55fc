"""Exercise 7: cross entropy.

    cross entropy = -log(p of the observed class),    raw_c = (what comes in) + bias_c

How does it change with the bias of class c? The derivative of -log(p) is -1/p; exercise 6 has the rest, and most of it
cancels.

    python -m pytest demos/exercises/exercise_7.py
"""

from .marking import mark


def dcross_entropy_dbias(p: list[float], observed: int, c: int) -> float:
    """How the cross entropy changes with the bias of class c."""
    if c == observed:
        return ...
    return ...


def test_the_answer() -> None:
    mark(7, dcross_entropy_dbias)
