"""Lists the exercises, or prints the derivation of one."""

import argparse
from collections.abc import Sequence

from .answer_key import EXERCISES


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m demos.exercises", description=__doc__)
    numbers = range(1, len(EXERCISES) + 1)
    parser.add_argument("number", type=int, nargs="?", choices=numbers, help="the exercise whose derivation to print")
    number = parser.parse_args(arguments).number
    if number is not None:
        print(EXERCISES[number - 1].derivation())
        return
    for position, exercise in enumerate(EXERCISES, 1):
        print(f"{position}. {exercise.title}: python -m pytest demos/exercises/exercise_{position}.py")


if __name__ == "__main__":
    main()
