"""check_backward: the backward of a layer, in any framework. What it does is in `layers`, which loads NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .report import Report


def check_backward(
    forward: Callable[..., Any],
    backward: Any,
    *inputs: Any,
    reference: Callable[..., Any] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    kinks: str = "report",
    seed: int = 0,
) -> Report:
    """Checks the backward of a layer: of NumPy code, of a torch function, or of a JAX function.

    The results are multiplied by a random cotangent, so a backward that ignores it, adds it, or forgets to sum over a
    broadcast axis is found. Each input's gradient is compared with differences along random directions; where they
    disagree, bisection names the components.

    Args:
        forward: takes the inputs and returns an array, or several.
        backward: for NumPy, `backward(cotangent, *inputs)`, which returns the gradient of each input (cotangent is a
            tuple if forward returns several arrays). For torch and JAX leave it out, as in
            `check_backward(MyFunction.apply, x, W)`: it is the framework's backward, or vjp, that is checked.
        inputs: numbers and arrays of one framework. Those of a floating type are differentiated, others are passed on.
        reference: the same function as forward, in any code that works on float64 inputs of the same framework. The
            truth comes from its differences. By default that is forward itself, on float64 inputs if it takes them.
        rtol: the relative error allowed in a component: by default 1e-6 in float64, 1e-4 in float32.
        atol: the absolute error allowed on top.
        kinks: what to do at kinks, as in `check_gradient`.
        seed: of the cotangent and the directions.

    Returns:
        A Report with one entry per input that is differentiated. `analytic` and `numeric` are the derivatives along a
        random direction; components that are wrong are in its `.components`.

    Raises:
        GradcheckError: a gradient is wrong, missing, or of another shape or dtype than its input; a function changes
            its arguments in place or gives other results at each call; JAX's jvp and vjp disagree.
        TypeError: forward is no function; the inputs are of no framework, or of several; there is no backward.
        ValueError: forward or reference gives nan, or they give results of different shapes.

    >>> import numpy as np
    >>> from autograd import check_backward
    >>> def forward(x, W):
    ...     return x @ W
    >>> def backward(cotangent, x, W):
    ...     return cotangent @ W.T, x.T @ cotangent
    >>> print(check_backward(forward, backward, np.eye(3), np.ones((3, 2))).summary)
    check_backward: 2 gradients ok
    """
    __tracebackhide__ = True  # pytest shows the caller's line instead
    from .layers import checked  # only here: it loads NumPy

    report = checked(forward, backward, inputs, reference, (rtol, atol, kinks), seed)
    report.raise_if_wrong()
    return report
