"""gradcheck: the derivatives of a graph, and of every operation in it, against the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..chain import gradients_kept
from ..context import recording, unwatched
from ..node import nodes
from ..value import Value, apply, constant
from .accumulation import Accumulation
from .evidence import Derivative, Evidence, Partial
from .hidden import hidden_dependences
from .judge import judge
from .precise import Precise
from .replay import Replay
from .report import Report
from .slopes import in_floats
from .subject import Subject, of_function, of_graph
from .verdicts import Tolerance


def gradcheck(
    f: Callable[..., Any] | Value | Sequence[Value],
    inputs: Any = None,
    *,
    wrt: Value | Sequence[Any] | None = None,
    rtol: float = 1e-6,
    atol: float = 0.0,
    kinks: str = "report",
) -> Report:
    """Compares the derivatives of a function, and of every operation in its graph, with the truth.

    The truth is no difference of floats: the recorded operations are computed again with hundreds of bits and
    differentiated there. So the comparison is relative, however small the derivative.

    Args:
        f: a function of Values that returns a Value or several, or a Value whose graph is built already.
        inputs: the function's arguments: numbers, Values, or nested lists of them.
        wrt: for a graph, the Values to differentiate by; all its leaves by default.
        rtol: the relative error allowed.
        atol: the absolute error allowed on top.
        kinks: what to do where the derivatives from the left and the right differ: "report" them and pass, "fail", or
            "subgradient": pass if the derivative lies between them.

    Returns:
        A Report with one entry per input, each "ok", "kink" or "ill-conditioned": the rounding of numbers on the way
        changes this derivative by more than the tolerance; a note says where digits are lost.

    Raises:
        GradcheckError: a derivative is "wrong", or nan where the function has slopes. The message names the operation
            to blame, if there is one.
        TypeError: f, inputs or wrt are not what they should be.
        ValueError: the function is nan at these inputs, or differs from call to call; there are no inputs; an argument
            is out of range.
        ImportError: mpmath is not installed.

    >>> from autograd import gradcheck
    >>> print(gradcheck(lambda x, y: (x * y).sigmoid(), [12.0, 1.0]).summary)
    gradcheck: 2 derivatives and 2 operations ok
    """
    __tracebackhide__ = True  # pytest shows the caller's line instead
    tolerance = Tolerance(rtol, atol, kinks)
    with unwatched():
        report = judge(_evidence(_subject(f, inputs, wrt)), tolerance)
    report.raise_if_wrong()
    return report


def _subject(f: object, inputs: object, wrt: object) -> Subject:
    if inputs is None:
        if callable(f):
            raise TypeError(
                "gradcheck: a function needs the inputs at which to check it, as in gradcheck(f, [1.0, 2.0])"
            )
        return of_graph(f, wrt)
    if wrt is not None:
        raise TypeError("gradcheck takes either inputs= with a function or wrt= with a graph that is built, not both")
    if not callable(f):
        raise TypeError(f"gradcheck: with inputs, f must be a function, got {f!r} of type {type(f).__name__}")
    return of_function(f, inputs)


def _evidence(subject: Subject) -> Evidence:
    """Each operation's partials beside the true ones, and each derivative of the whole."""
    replay = Replay(Precise(), subject)
    taken = {node: _partials(node) for node in replay.edges}
    partials = {
        node: [Partial(i, taken[node][i], in_floats(replay.numbers, slope)) for i, slope in slopes]
        for node, slopes in replay.recorded_slopes.items()
    }
    hidden = hidden_dependences(subject, replay)
    with gradients_kept([*subject.outputs, *subject.inputs]):
        analytic = [_gradient(output, subject.inputs) for output in subject.outputs]
    derivatives: list[list[Derivative]] = []
    for o, (output, name) in enumerate(zip(subject.outputs, subject.output_names, strict=True)):
        accumulation = Accumulation(subject, replay, taken, output)
        derivatives.append([])
        for i, variable in enumerate(subject.inputs):
            unseen = hidden.get((o, i))
            slope = accumulation.slope(variable, unseen)
            found = Derivative(subject.names[i], name, analytic[o][i], slope, variable, accumulation, unseen)
            derivatives[o].append(found)
    return Evidence("gradcheck", derivatives, subject, partials)


def _gradient(output: Value, inputs: Sequence[Value]) -> list[float]:
    """What `backward` gives for the inputs; 0 where the output does not depend on one."""
    if output.is_constant:
        return [0.0] * len(inputs)
    for node in nodes([output, *inputs]):
        node.gradient = None
    output.backward()
    return [value.grad for value in inputs]


def _partials(node: Value) -> list[float]:
    """The partial derivatives of one result by its operands, as `backward` takes them.

    They come from `backward` itself, on a copy of the node with leaves of its own as operands.

    Raises:
        ValueError: the result no longer follows from its operands.
    """
    operands = [constant(operand.data) if operand.is_constant else Value(operand.data) for operand in node.parents]
    with recording():
        copy = apply(node.operation, *operands)  # type: ignore[arg-type]
        if copy.data != node.data and copy.data == copy.data:
            raise ValueError(
                f"gradcheck: {node.op} gives {copy.data!r} for its operands now, but {node.data!r} is recorded; the "
                "data of leaves changed after the graph was built, build it again (or its formula is random)"
            )
        copy.backward()
    return [operand.grad for operand in operands]
