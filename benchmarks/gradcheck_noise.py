"""Right derivatives of functions in float64, in float32 and with noise: how many does check_gradient call wrong?

    python -m benchmarks.gradcheck_noise

20 functions at 500 random points each. Beside the verdicts on right derivatives: how many are found that are wrong by
three times the resolution that the report states.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from autograd import GradcheckError, check_gradient

Function: TypeAlias = Callable[[Any], Any]

# Each function, its derivative, and where points are drawn.
FUNCTIONS: dict[str, tuple[Function, Function, tuple[float, float]]] = {
    "sin": (np.sin, np.cos, (-6.0, 6.0)),
    "exp": (np.exp, np.exp, (-6.0, 6.0)),
    "log": (np.log, lambda x: 1 / x, (1e-3, 9.0)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), (1e-4, 50.0)),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / (x * x), (1e-2, 9.0)),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2, (-1.5, 1.5)),
    "arcsin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), (-0.999, 0.999)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, (-4.0, 4.0)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + 2 * np.cosh(x)), (-12.0, 12.0)),
    "softplus": (lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x)), (-8.0, 8.0)),
    "gaussian": (lambda x: np.exp(-x * x / 2), lambda x: -x * np.exp(-x * x / 2), (-4.0, 4.0)),
    "x to the x": (lambda x: x**x, lambda x: x**x * (np.log(x) + 1), (0.01, 4.0)),
    "cube": (lambda x: x * x * x, lambda x: 3 * x * x, (-9.0, 9.0)),
    "abs": (np.abs, np.sign, (-5.0, 5.0)),
    "relu": (lambda x: np.maximum(x, 0 * x), lambda x: float(x > 0), (-5.0, 5.0)),
    "1 - cos": (lambda x: 1 - np.cos(x), np.sin, (-3.0, 3.0)),
    "small expm1": (np.expm1, np.exp, (-1e-3, 1e-3)),
    "wave": (lambda x: x * np.sin(50 * x), lambda x: np.sin(50 * x) + 50 * x * np.cos(50 * x), (-5.0, 5.0)),
    "chirp": (lambda x: np.cos(x * x), lambda x: -2 * x * np.sin(x * x), (-8.0, 8.0)),
    "step": (lambda x: np.tanh(200 * (x - 1)), lambda x: 200 / np.cosh(200 * (x - 1)) ** 2, (0.0, 2.0)),
}


def hashed(x: float) -> float:
    """A number from -1 to 1 that looks random, and is the same at each call."""
    return 2.0 * random.Random(float(x).hex()).random() - 1.0


GRAINS: dict[str, Callable[[Function, random.Random], Function]] = {
    "float64": lambda f, rng: lambda x: float(f(np.float64(x))),
    "float32 inside": lambda f, rng: lambda x: float(f(np.float32(x))),
    "float32 result": lambda f, rng: lambda x: np.float32(f(np.float64(x))),
    "noise": lambda f, rng: lambda x: float(f(np.float64(x))) + 1e-9 * hashed(x),
    "random noise": lambda f, rng: lambda x: float(f(np.float64(x))) + 1e-9 * rng.gauss(0.0, 1.0),
}


def verdicts(name: str, grain: str, number: int) -> Iterator[str]:
    """The verdict on the right derivative at each point, and "missed" if a wrong one passes."""
    f, df, (low, high) = FUNCTIONS[name]
    rng = random.Random(f"{name}, {grain}")
    g = GRAINS[grain](f, rng)
    for _ in range(number):
        x = rng.uniform(low, high)
        with np.errstate(all="ignore"):
            true = float(df(np.float64(x)))
            try:
                report = check_gradient(g, lambda x, true=true: true, x)  # type: ignore[misc]
            except GradcheckError:
                yield "wrong"
                continue
            yield report.entries[0].verdict
            error = 3.0 * report.resolution
            if math.isfinite(error) and true:
                try:
                    check_gradient(g, lambda x, off=(1.0 + error) * true: off, x)  # type: ignore[misc]
                    yield "missed"
                except GradcheckError:
                    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=500, help="how many points per function (default 500)")
    options = parser.parse_args()
    for grain in GRAINS:
        found: Counter[str] = Counter()
        for name in FUNCTIONS:
            found.update(verdicts(name, grain, options.points))
            print(".", end="", flush=True, file=sys.stderr)
        missed = found.pop("missed", 0)
        print(f"\n{grain:16} {found['wrong']} of {found.total():,} called wrong, {missed} missed; {dict(found)}")


if __name__ == "__main__":
    main()
