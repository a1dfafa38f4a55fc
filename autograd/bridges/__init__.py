"""Bridges: what functions of other frameworks compute, as graphs of Values.

Nothing here imports a framework before its function is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..extras import missing_extra
from . import rows as _rows  # noqa: F401  # graphs that hold its operations can then be unpickled


def from_torch(f: Callable[[], Any], *, model: object = None) -> Any:
    """What a function of PyTorch computes, as a graph of Values: every number, with its derivative by every leaf.

    The graph draws, explains, animates, checks and compiles like any other. f runs once, as it is; nothing is changed,
    the buffers of modules included.

    - **Leaves** are the tensors that require a gradient. Parameters of the model have their paths as names, as in `nn`:
      "0.weight[0][1]". Others have the name of the variable that f knows them by, "x[2]" or "batch['x'][2]".
    - **Constants** are all other tensors that meet a leaf, buffers and frozen parameters too, named likewise.
    - **Numbers** are converted exactly and computed with in float64, whatever the tensors' type; what depends on no
      leaf was computed by torch itself. In float64 numbers and gradients equal torch's to 1e-12; each operation's
      numbers are compared with torch's as it is recorded.
    - **Nodes**: views, copies and moves add none; sums, inner products, maxima, softmax shares are one each, so a
      convolution has one inner product for each output. Tensors may be on any device that holds numbers.
    - **Scopes**: each call of a module is one, and so is each large operation in a module of several parts, so that
      `draw` boxes and folds them.

    As in every tracer, what Python decides (`if loss > 1`, indices, sizes) is decided with the numbers at hand, and so
    are the order that `sort` and `topk` find and what a mask selects. Conditions in `where` and `masked_fill`, maxima,
    pooling, clamp and the activations decide anew when the graph is compiled for other numbers.

    Args:
        f: a function of no arguments that returns a tensor, or tensors in lists, tuples and dicts, computed from
            tensors and modules that it closes over: `lambda: loss(model(x), y)`.
        model: the `torch.nn.Module` that parameters and buffers are named after. By default it is the one that f closes
            over; if there are several, paths begin with the names of their variables.

    Returns:
        A Value for a tensor of no dimensions, nested lists of Values for others, in the structure that f returns.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: f takes arguments or returns no tensor, or model is no module.
        UntranslatableError: a NotImplementedError that lists all operations without a translation, each with its module
            and line. Among them are dropout in training mode (call `model.eval()`), complex numbers, sparse tensors,
            tensors without numbers (device "meta"), tensors computed outside f, and the backward of a
            `torch.autograd.Function`.

    >>> import torch  # doctest: +SKIP
    >>> model = torch.nn.Linear(2, 1).double()  # doctest: +SKIP
    >>> loss = from_torch(lambda: model(torch.ones(2).double()).square().sum(), model=model)  # doctest: +SKIP
    >>> loss.backward()  # doctest: +SKIP
    >>> autograd.draw(loss)  # doctest: +SKIP
    """
    try:
        import torch
    except ImportError:
        raise missing_extra("from_torch", "torch") from None
    from .torch_trace import translated

    if model is not None and not isinstance(model, torch.nn.Module):
        raise TypeError(f"from_torch: model must be a torch.nn.Module, got {model!r} of type {type(model).__name__}")
    _require_no_arguments(f)
    return translated(f, model)


def _require_no_arguments(f: object) -> None:
    """Says what to pass instead of something that cannot be called, or not without arguments."""
    remedy = "pass a function of no arguments, such as lambda: loss(model(x), y)"
    if not callable(f):
        raise TypeError(f"from_torch: {remedy}; got {f!r} of type {type(f).__name__}")
    try:
        inspect.signature(getattr(f, "forward", f)).bind()
    except TypeError as error:
        raise TypeError(f"from_torch: {remedy}; {type(f).__name__} {getattr(f, '__name__', '')}: {error}") from None
    except ValueError:
        return  # a function that does not say what it takes


def from_jax(f: Callable[..., Any], *args: object) -> Any:
    """What a function of JAX computes for these arguments, as a graph of Values.

    As `from_torch`, from the jaxpr that JAX traces as for `jax.jit`.

    - **Leaves** are the numbers in the floating arguments, named after f's parameters: "w[0][1]" for an array,
      "params.0.w[0][1]" inside lists, tuples, dicts and other pytrees. As `jax.grad` differentiates by the first
      argument, its leaves are parameters in pictures, the others inputs. Integers and all else are constants.
    - **Numbers**: f is traced in float64, whatever the arguments' type and `jax_enable_x64`; where it asks for another
      type, it computes in float64 still. What depends on no leaf JAX computes itself.
    - **Nodes**: an equation of the jaxpr is one operation for each of its numbers; equations that only move numbers add
      none. relu, silu, softplus and logaddexp of JAX are single operations.
    - **Loops and branches**: `scan`, `fori_loop`, `while_loop`, `cond` and `switch` are unrolled, with the numbers at
      hand: another number of turns, or another branch, is another graph. The same holds for `sort` and `top_k`;
      conditions in `where` decide anew when the graph is compiled for other numbers.
    - **custom_jvp, custom_vjp**: if a function's own derivative is that of what it computes, that is recorded;
      otherwise it is an operation with the derivative it has in JAX, which has gradients but cannot be compiled or
      differentiated twice.
    - **Scopes**: `jax.named_scope` (which Flax and others use for their modules), and calls of your own functions
      under `jax.jit`.

    Args:
        f: a function of numbers, arrays and pytrees of them.
        *args: its arguments.

    Returns:
        A Value for a number, nested lists of Values for an array, in the structure that f returns.

    Raises:
        ImportError: JAX is not installed.
        TypeError: no argument is floating, so that nothing could be differentiated by; or one is complex.
        UntranslatableError: a NotImplementedError that lists all primitives without a translation, each with its line.

    >>> from jax import numpy as jnp  # doctest: +SKIP
    >>> y = from_jax(lambda w, x: jnp.tanh(w @ x).sum(), jnp.eye(2), jnp.array([0.5, -1.0]))  # doctest: +SKIP
    >>> y.backward()  # doctest: +SKIP
    >>> autograd.explain(y)  # doctest: +SKIP
    """
    try:
        import jax  # noqa: F401
    except ImportError:
        raise missing_extra("from_jax", "jax") from None
    from .jax_trace import translated

    if not callable(f):
        raise TypeError(f"from_jax takes a function and its arguments, got {f!r} of type {type(f).__name__}")
    return translated(f, args)
