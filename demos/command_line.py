"""The options that the demos share: how long to train, how fast, from which start, and where to put the pictures."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path


def options(
    name: str,
    description: str,
    arguments: Sequence[str] | None,
    *,
    learning_rate: float,
    seed: int = 0,
    **counts: int,
) -> argparse.Namespace:
    """The command line of a demo: how long to train, `--learning-rate`, `--seed` and `--out`, whose folder is made.

    Args:
        name: the demo's, as in `python -m demos.<name>`.
        description: one sentence for `--help`.
        arguments: the command line, or None for that of the process.
        learning_rate: the default.
        seed: the default.
        counts: how long to train, by default, under the name of the option: `epochs=` or `steps=`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m demos.{name}", description=description)
    for count, default in counts.items():
        parser.add_argument(f"--{count}", type=positive(int), default=default, help=f"default {default}")
    parser.add_argument("--learning-rate", type=positive(float), default=learning_rate, help=f"default {learning_rate}")
    parser.add_argument("--seed", type=int, default=seed, help=f"of the random start (default {seed})")
    chosen = parsed_with_folder(parser, arguments)
    if chosen.seed < 0:
        parser.error(f"argument --seed: expected 0 or more, got {chosen.seed}")
    return chosen


def parsed_with_folder(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line with the option `--out`, whose folder is made."""
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default out)")
    chosen = parser.parse_args(arguments)
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --out: cannot make the folder {chosen.out}: {error.strerror}")
    return chosen


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """For the command line: a number above 0."""

    def parsed(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < math.inf:
            wanted = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {wanted} above 0, got {text!r}")
        return number

    return parsed
