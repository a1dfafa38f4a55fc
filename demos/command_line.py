"""The options that the demos share: how long to train, how fast, from which start, and where to put the pictures."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path


def options(
    name: str, description: str, arguments: Sequence[str] | None, *, epochs: int, learning_rate: float
) -> argparse.Namespace:
    """The command line of a demo: `--epochs`, `--learning-rate`, `--seed` and `--out`, whose folder is made.

    Args:
        name: the demo's, as in `python -m demos.<name>`.
        description: one sentence for `--help`.
        arguments: the command line, or None for that of the process.
        epochs: the default.
        learning_rate: the default.
    """
    parser = argparse.ArgumentParser(prog=f"python -m demos.{name}", description=description)
    parser.add_argument("--epochs", type=positive(int), default=epochs, help=f"default {epochs}")
    parser.add_argument("--learning-rate", type=positive(float), default=learning_rate, help=f"default {learning_rate}")
    parser.add_argument("--seed", type=int, default=0, help="of the random start (default 0)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default out)")
    chosen = parser.parse_args(arguments)
    if chosen.seed < 0:
        parser.error(f"argument --seed: expected 0 or more, got {chosen.seed}")
    if chosen.out.exists() and not chosen.out.is_dir():
        parser.error(f"argument --out: {chosen.out} is not a folder")
    chosen.out.mkdir(parents=True, exist_ok=True)
    return chosen


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """For the command line: a number above 0."""

    def parsed(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
        return number

    return parsed
