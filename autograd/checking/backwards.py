"""What `backward` finds, without leaving a trace in the gradients of the graph."""

from __future__ import annotations

from contextlib import contextmanager

from ..graph import nodes
from ..recording import recording, unwatched
from ..value import Value, apply, constant

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@contextmanager
def gradients_kept(roots: Iterable[Value]) -> Iterator[None]:
    """Afterwards all gradients in the graph are what they were."""
    own = [(node, node._grad) for node in nodes(roots)]
    try:
        yield
    finally:
        for node, grad in own:
            node._grad = grad


def gradient(output: Value, inputs: Sequence[Value]) -> list[float]:
    """The derivatives of an output by the inputs; 0 where it does not depend on one."""
    if output.is_constant:
        return [0.0] * len(inputs)
    for node in nodes([output]):
        node._grad = None
    for value in inputs:
        value._grad = None
    with unwatched():
        output.backward()
    return [value.grad for value in inputs]


def partials(node: Value) -> list[float]:
    """The partial derivatives of one result by its operands, as `backward` takes them.

    They come from `backward` itself, on a copy of the node that has leaves of its own as operands.

    Raises:
        ValueError: the result no longer follows from its operands.
    """
    operands = [constant(operand.data) if operand.is_constant else Value(operand.data) for operand in node.parents]
    with recording(), unwatched():
        copy = apply(node._operation, *operands)  # type: ignore[arg-type]
        if copy.data != node.data and copy.data == copy.data:
            raise ValueError(
                f"gradcheck: {node.op} gives {copy.data!r} for its operands now, but {node.data!r} is recorded; the "
                "data of leaves changed after the graph was built, build it again (or its formula is random)"
            )
        copy.backward()
    return [operand.grad for operand in operands]
