"""Where other checks are known to fail: cases from their own issue trackers, with everybody's verdict.

    pip install -e ".[bench]" scipy
    python -m benchmarks.gradcheck_failures

A right derivative should pass, a wrong one fail, and a function that draws random numbers be refused. SciPy's
check_grad gives a bare number; it counts as a failure from 1e-4 on.
"""

import argparse
import contextlib
import io
import math
import random
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import GradcheckError, check_backward, check_gradient

PASS, FAIL = "pass", "fail"


class Case(NamedTuple):
    """A derivative, what a check should say, and what three checks make of it; None where one does not apply."""

    name: str
    source: str
    expected: str
    ours: Callable[[], Any]
    torch: Callable[[], Any] | None = None
    scipy: Callable[[], Any] | None = None


def cases() -> list[Case]:
    """All cases for which the frameworks are installed."""
    found = cases_of_scipy()
    with contextlib.suppress(ImportError):
        found = cases_of_torch() + found
    return found


def cases_of_torch() -> list[Case]:
    import torch
    from torch.autograd import Function, gradcheck

    class Twice(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:  # type: ignore[override]
            return 2 * ctx.saved_tensors[0]  # without the cotangent

    class OneOff(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.sin(x).sum()

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:  # type: ignore[override]
            found = cotangent * torch.cos(ctx.saved_tensors[0])
            found[4321] *= 1.01
            return found

    def inputs(*shape: int, dtype: Any = torch.float64) -> Any:
        return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)

    def case(name: str, source: str, expected: str, f: Any, *xs: Any, theirs: Any = None, **options: Any) -> Case:
        leaves = [x if theirs is None else x.detach() for x in xs]
        return Case(
            name,
            f"pytorch {source}",
            expected,
            lambda: check_backward(f, *xs),
            lambda: gradcheck(theirs or f, [x.detach().requires_grad_() for x in leaves], **options),
        )

    torch.manual_seed(0)
    many = inputs(10_000)
    coin = random.Random(0)
    close = torch.tensor([0.3, 0.3 + 1e-7, -1.0, 0.3 - 1e-7], dtype=torch.float64)
    tiny = torch.tensor([1e-310, -1e-310, 0.5], dtype=torch.float64)
    return [
        case("a layer in float32", "5351", PASS, torch.nn.Linear(2, 1), inputs(1, 2, dtype=torch.float32)),
        case("a product in bfloat16", "115634", PASS, torch.mm, *[inputs(2, 2, dtype=torch.bfloat16)] * 2),
        case("an input that overlaps itself", "38586", PASS, lambda v: v * v, inputs(1).expand(3)),
        case("sort of close numbers", "57166", PASS, lambda x: torch.sort(x)[0], close),
        case("relu of tiny numbers", "114234", PASS, torch.relu, tiny),
        case("one wrong of 10,000, fast mode", "59615", FAIL, OneOff.apply, many, fast_mode=True, atol=1e-6),
        case(
            "no cotangent, checked through sum",
            "4355",
            FAIL,
            Twice.apply,
            inputs(4),
            theirs=lambda x: Twice.apply(x).sum(),
        ),
        case(
            "random half of the time", "2710", FAIL, lambda x: x * x * (1.0 if coin.random() < 0.5 else 2.0), inputs(1)
        ),
        case("dropout", "114333", FAIL, lambda x: torch.nn.functional.dropout(x, 0.2), inputs(8)),
    ]


def cases_of_scipy() -> list[Case]:
    try:
        from scipy.optimize import check_grad
    except ImportError:
        print("SciPy is not installed")
        check_grad = None

    def case(name: str, source: str, expected: str, f: Any, df: Any, x: float) -> Case:
        def theirs() -> bool:
            flat = np.array([x])
            return bool(check_grad(lambda v: f(v[0]), lambda v: np.array([df(v[0])]), flat) < 1e-4)

        return Case(name, source, expected, lambda: check_gradient(f, df, x), None, theirs if check_grad else None)

    def in_single(x: float) -> float:
        return float(np.sin(np.float32(x)))

    def jump(x: float) -> float:
        return x + 2.0 if x >= 3.0 else x

    return [
        case("float32 inside", "scipy 12991", PASS, in_single, math.cos, 0.25),
        case("float32 inside, derivative 0", "scipy 12991", FAIL, in_single, lambda x: 0.0, 0.25),
        case("twice too large at 1e-6", "scipy 7766", FAIL, lambda x: 1e-6 * x * x, lambda x: 4e-6 * x, 1.5),
        case("a fixed step is too small", "scipy 3945", PASS, lambda x: x + 1e9, lambda x: 1.0, 1.0),
        case("a fixed step is too large", "scipy 3945", PASS, lambda x: 1 / x, lambda x: -1 / x**2, 1e-5),
        case("a jump", "scipy 12487", FAIL, jump, lambda x: 1.0, 3.0),
        case(
            "the sign at the end of a domain",
            "optimagic 128",
            FAIL,
            math.acos,
            lambda x: 1 / math.sqrt(1 - x * x),
            1 - 1e-9,
        ),
    ]


def verdict(check: Callable[[], Any] | None) -> str:
    """What a check says."""
    if check is None:
        return "-"
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return FAIL if check() is False else PASS
        except GradcheckError:
            return FAIL
        except (ValueError, RuntimeError, ArithmeticError):
            return FAIL


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"{'case':36} {'reported in':16} {'should':8} {'ours':6} {'torch':6} SciPy")
    right = 0
    found = cases()
    for case in found:
        ours = verdict(case.ours)
        right += ours == case.expected
        row = f"{case.expected:8} {ours:6} {verdict(case.torch):6} {verdict(case.scipy)}"
        print(f"{case.name:36} {case.source:16} {row}")
    print(f"{right} of {len(found)} verdicts of ours are right")


if __name__ == "__main__":
    main()
