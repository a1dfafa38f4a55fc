"""Derivatives written by hand, one of them with a mistake, and what the tests say about it.

    python -m demos.gradients_in_tests

Runs the tests in `demos/lecture_gradients_test.py` with pytest. The mistake is in the derivative of the softplus.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .command_line import parsed_with_folder

TESTS = Path(__file__).with_name("lecture_gradients_test.py")

EXPLANATION = """\
The derivative of log(1 + e^x) is e^x / (1 + e^x); the tests were given 1 / (1 + e^x). Two of them say so:

- test_dssr_dw1 compares dSSR/dw1, worked out by hand, with differences of the SSR itself.
- test_the_network checks the network at random points and names the operation: `bend`. Its picture is {picture}.

The other derivatives are right. The network's last parameters do not go through softplus', so theirs are too."""


def run_tests(out: Path) -> str:
    """What pytest prints; pictures of what fails go into the folder."""
    plugin = ["-p", "no:chainrule", "-p", "autograd.pytest_plugin"]  # the one from here, whether installed or not
    options = ["-q", "--color=no", "--no-header", "--basetemp", str(out / "tests"), "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugin, *options, str(TESTS)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent.parent).stdout


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the tests, prints what they say, and explains it."""
    parser = argparse.ArgumentParser(prog="python -m demos.gradients_in_tests", description=__doc__.splitlines()[0])
    out = parsed_with_folder(parser, arguments).out.resolve()
    print(run_tests(out))
    pictures = sorted((out / "tests").glob("*/gradcheck.svg"))
    print(EXPLANATION.format(picture=pictures[0] if pictures else "not there: pytest did not run the tests"))


if __name__ == "__main__":
    main()
