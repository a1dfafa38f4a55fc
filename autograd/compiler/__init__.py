"""`compile`: from a graph of scalars to a program on arrays."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Literal

    from ..value import Value
    from .program import Compiled


def compile(
    outputs: Value | Iterable[Value],
    wrt: Value | Iterable[Value] | None = None,
    inputs: Iterable[Value | Sequence[Value]] = (),
    *,
    reduction: Literal["mean", "sum"] = "mean",
    backend: Literal["floats", "arrays", "fused", "native", "jax"] | None = None,
    dtype: Any = "float64",
) -> Compiled:
    """Compiles a graph: the same numbers, hundreds of times faster.

    Build the graph once, for one observation, with placeholders for what changes; the program then takes whole batches.
    Long ones it computes a block of rows at a time, so that memory does not grow with them. It finds the matrix
    products in the scalar graph and runs as NumPy calls; as straight-line Python, if the graph is too small to gain
    from arrays. With the extra "native", machine code does what lies between products, or all if there are none. Its
    results agree with those of the Values to 1e-12 relative; sums are added in another order, which shows where partial
    sums overflow.

    Leaves that are neither in `wrt` nor in `inputs` are read now and are constants from then on. What Python decided
    while the graph was built (`if x > 0`, the length of a loop) stays decided; use `where`, `maximum`, `relu` and the
    like for choices that depend on data. The condition of `where` must be a Value, not a comparison, which is decided
    at once: `where(relu(x), a, b)` is a if x > 0, otherwise b. `detect_reads` finds such decisions.

    Args:
        outputs: the loss, or what to predict: a Value or a list of Values.
        wrt: the parameters, leaves. With them the program returns (value, gradient), without them the outputs.
        inputs: the placeholders, one element per array that the program takes: a Value for an array of shape (batch,),
            a sequence of n Values for one of shape (batch, n). Without them the program evaluates the whole graph,
            which may hold a whole data set.
        reduction: whether value and gradient are the "mean" over the batch or the "sum".
        backend: "floats" (straight-line Python), "arrays" (NumPy), "fused" (NumPy's products, and machine code between
            them), "native" (machine code for single numbers; both need the extra "native") or "jax" (compiled by XLA,
            once per batch size; needs the extra "jax"). None takes the fastest by estimate of the first four, as far as
            they are installed.
        dtype: "float64", or "float32" for half the memory and about 7 digits; "native" computes in float64 either way,
            and "fused" knows no other.

    Returns:
        The program `step`: call it with the arrays. `step.theta` is the vector of parameters, to change in place or
        assign; `step.pull()` copies the Values' data into it, `step.push()` back. `step.source` is its text;
        `step.save_source(path)` writes a module that stands alone, of Python with NumPy, JavaScript or C by the suffix;
        `save_onnx(path)` a model of ONNX, for a program without `wrt`. `step.to_jax()` is the same as a pure function
        for JAX, its accelerators and clusters. `repr(step)` says how much it does and the estimates by which its
        backend was chosen. It can be neither copied nor pickled.

    Raises:
        TypeError: an output, parameter or placeholder is not a Value, or they are a set, which has no order.
        ValueError: a parameter or placeholder is not a leaf, or given twice; `wrt` is empty, or given with a list of
            outputs; what is to be computed is constant, as under `no_grad`; reduction, backend or dtype is unknown.
        ImportError: the backend is "fused", "native" or "jax", and its extra is not installed.

    >>> from autograd import Value, compile
    >>> w, b = Value(2.0), Value(1.0)
    >>> x, y = Value(0.0), Value(0.0)
    >>> step = compile((w * x + b - y) ** 2, wrt=[w, b], inputs=(x, y))
    >>> value, gradient = step([1.0, 2.0], [2.0, 7.0])
    >>> value, gradient.tolist()
    (2.5, [-3.0, -1.0])
    """
    from .program import Compiled  # only here: `import autograd` stays light
    from .requests import requested

    return Compiled(requested(outputs, wrt, inputs, reduction, backend, dtype))


def compile_outputs(
    outputs: Value | Iterable[Value], parameters: Iterable[Value], inputs: Iterable[Value | Sequence[Value]]
) -> Compiled:
    """As `compile` without `wrt`, but the parameters are no constants: every call reads them from `theta`.

    Inputs may be results, too, or the same Value twice: what they are computed from is not in the program.
    """
    from .program import Compiled
    from .requests import requested

    request = requested(outputs, None, inputs, "mean", None, "float64", of_leaves=False)
    return Compiled(request._replace(wrt=list(parameters), gradient=False))


__all__ = ["compile", "compile_outputs"]
