"""Seven derivatives of the lectures with a blank in each, to be filled in and tested.

    python -m demos.exercises            the list
    python -m pytest demos/exercises/exercise_1.py
    python -m demos.exercises 1          the derivation, if you are stuck

Each file states what to derive and ends with its test. A wrong answer fails with the true number beside yours and, for
the usual slips, a hint.
"""
