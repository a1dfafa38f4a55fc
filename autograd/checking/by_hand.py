"""check_gradient: derivatives worked out by hand, in any code. What it does is in `comparison`, which loads NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .report import Report


def check_gradient(
    f: Callable[[Any], Any],
    df: Callable[[Any], Any],
    x: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 0.0,
    kinks: str = "report",
    every: bool | None = None,
    seed: int = 0,
) -> Report:
    """Checks a derivative written by hand, in any code.

    f may be anything that takes and returns numbers, so there is nothing to replay: the truth comes from differences,
    extrapolated until their error is known to be small. How exact f is, which may work in float32 or be noisy, is
    measured first. A derivative that agrees as far as f lets one tell passes and is reported as "ill-conditioned".

    Args:
        f: takes what x is and returns one number, or an array of numbers.
        df: takes what x is and returns the derivatives of f: in the structure of x if f returns one number, else f's
            Jacobian, of shape (*f's, *x's). So `check_gradient(df, hessian, x)` checks second derivatives.
        x: where to check: a number, a (nested) list of numbers, or an array of NumPy, torch or JAX of any shape and
            floating dtype; f and df get what x is. Check a function of several arguments as a function of their list:
            `lambda x: f(*x)`.
        rtol: the relative error allowed.
        atol: the absolute error allowed on top.
        kinks: what to do where the derivatives from the left and the right differ and the one under test lies between
            them: "report" it and pass, "subgradient": it is "ok", or "fail". Outside of them it is wrong.
        every: whether to look at each component alone. By default random directions are used if there are more than
            200: where they disagree, bisection names the components that are wrong.
        seed: of the random directions.

    Returns:
        A Report with one entry per component of x. Those that only took part in random directions have no `numeric`.

    Raises:
        GradcheckError: a derivative is wrong. The message names the components, and suggests the mistake if one of the
            usual ones explains all of them exactly.
        TypeError: f or df is no function, or x or a result is not made of real numbers.
        ValueError: df's result does not have the right shape; f is nan at x, or not the same at each call.

    >>> from autograd import check_gradient
    >>> print(check_gradient(lambda w: (3 * w - 1) ** 2, lambda w: 6 * (3 * w - 1), 2.0).summary)
    check_gradient: 1 derivative ok
    """
    __tracebackhide__ = True  # pytest shows the caller's line instead
    from .comparison import checked  # only here: it loads NumPy

    report = checked(f, df, x, (rtol, atol, kinks), every, seed)
    report.raise_if_wrong()
    return report
