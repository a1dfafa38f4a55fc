"""A compiled program as a Python module that needs NumPy only."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np

from . import arrays

if TYPE_CHECKING:
    from .kernels import ArrayKernel

_HEAD = '''"""{title}

`theta` is the vector of parameters{how}.
"""
'''

_BODY = '''
_constants = [
{constants}]
theta = {theta}
_prepared = {{}}


def step({arguments}):
    """{what}

    Args:
{argument_lines}    """
    {arguments_tuple} = _rows({arguments_tuple})
    batch = {batch}
    if batch not in _prepared:
        _prepared[batch] = prepare(theta, _constants, [], batch, {scale})
    return _prepared[batch]({arguments})
'''

_ROWS = '''

def _rows(arguments):
    """The arguments as arrays of the program's type."""
    return tuple(np.ascontiguousarray(argument, dtype=theta.dtype) for argument in arguments)
'''

_TRAIN = '''

def train({arguments}{comma}learning_rate, steps):
    """Gradient descent: moves theta down the gradient, and gives the loss before each step."""
    losses = []
    for _ in range(steps):
        loss, gradient = step({arguments})
        theta[:] -= learning_rate * gradient
        losses.append(loss)
    return losses
'''


def module_text(kernel: ArrayKernel, theta: np.ndarray, shapes: list[tuple[int, ...]], mean: bool, trains: bool) -> str:
    """The module's text.

    Args:
        kernel: the program on arrays.
        theta: the parameters to write into the module.
        shapes: the shape of a row of each argument.
        mean: whether the loss is averaged over the batch, or added.
        trains: whether the program gives a gradient.

    Raises:
        ValueError: the program uses an operation that could only be asked for numbers, so that its formula has no text.
    """
    if kernel.text.operations:
        raise ValueError(
            f"this program cannot be saved: the formula of {kernel.text.operations[0]} decides by Python's `if` or "
            "calls other libraries; write it with the functions of m, such as m.where"
        )
    names = [f"x{k}" for k in range(len(shapes))]
    arguments = ", ".join(names)
    what = "The loss and its gradient with respect to theta." if trains else "The outputs."
    lines = [
        f"        {name}: array of shape {'(batch,)' if not shape else f'(batch, {shape[0]})'}.\n"
        for name, shape in zip(names, shapes, strict=True)
    ]
    source = inspect.getsource(arrays)
    helpers = source[source.index("from __future__") :]  # all but its docstring
    body = _BODY.format(
        constants="".join(f"    {_array_text(constant)},\n" for constant in kernel.text.constants),
        theta=_array_text(theta),
        arguments=arguments,
        arguments_tuple=f"({arguments},)" if names else "()",
        batch=f"len({names[0]})" if names else "1",
        scale="1.0 / batch" if mean else "1.0",
        what=what,
        argument_lines="".join(lines) or "        none: the data are part of the program.\n",
    )
    head = _HEAD.format(
        title="Compiled from a graph of scalars by autograd; needs NumPy only.",
        how=", which `train` moves" if trains else "",
    )
    train = _TRAIN.format(arguments=arguments, comma=", " if names else "") if trains else ""
    return "\n\n".join([head + helpers.strip(), kernel.source.strip()]) + "\n" + _ROWS + body + train


def _array_text(array: np.ndarray) -> str:
    """The array to the last bit."""
    numbers = ", ".join(_element_text(x) for x in array.ravel().tolist())
    shaped = "" if array.ndim == 1 else f".reshape({array.shape})"
    return f"np.array([{numbers}], dtype=np.{array.dtype}){shaped}"


def _element_text(x: float) -> str:
    return repr(x) if np.isfinite(x) else f"float('{x}')"
