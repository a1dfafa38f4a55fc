"""Copies and pickles of graphs: flat, so that depth is unlimited."""

from __future__ import annotations

from .node import CONSTANT, history, nodes, set_operands
from .operation import CUSTOM, TABLE

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, TypeAlias, TypeVar

    from .node import Node

    V = TypeVar("V", bound=Node)
    Record: TypeAlias = tuple[str, list[Any], float, float | None, str | None]
    """An operation's name, the operands as positions of earlier records or leaves, number, gradient and name."""

_new = object.__new__


def twin(node: V, operands: Sequence[V], memo: dict[int, Any] | None = None) -> V:
    """A copy of a node on other operands; with a memo, what subclasses added to it is copied deeply."""
    copied = _new(type(node))
    copied.number = node.number
    copied.gradient = node.gradient
    copied.operation = node.operation
    set_operands(copied, operands)
    copied._name = node.name
    copied.scope = node.scope
    added = getattr(node, "__dict__", None)
    if added:
        from copy import deepcopy  # only here: whoever copies has imported it, others need not wait for it

        copied.__dict__.update(added if memo is None else deepcopy(added, memo))
    return copied


def deep_twin(root: V, memo: dict[int, Any]) -> V:
    """A copy of a whole graph. What the memo has already is shared."""
    for node in nodes([root]):
        if id(node) not in memo:
            memo[id(node)] = twin(node, [memo[id(operand)] for operand in node.parents], memo)
    copied: V = memo[id(root)]
    return copied


def records(root: Node) -> list[Record]:
    """A graph as a flat list. Leaves stand in it themselves, so that they keep their identity.

    Raises:
        PicklingError: somebody defined another operation of the same name since.
    """
    position: dict[Node, int] = {}
    found: list[Record] = []
    for node in reversed(history([root])):
        operands = [position.get(operand, operand) for operand in node.parents]
        found.append((_operation_name(node), operands, node.number, node.gradient, node.name))
        position[node] = len(position)
    return found


def restored(kind: type[V], records: Iterable[Record], scope: Any) -> V:
    """The root of a graph that was pickled.

    Raises:
        ValueError: it uses an operation that is not defined.
    """
    made: list[V] = []
    for operation, operands, number, gradient, name in records:
        row = TABLE.get(operation) or CUSTOM.get(operation)
        if row is None:
            raise ValueError(f"this graph uses the operation {operation!r}; define it before loading")
        node = _new(kind)
        node.number, node.gradient, node.operation, node._name, node.scope = number, gradient, row, name, scope
        set_operands(node, [made[x] if isinstance(x, int) else x for x in operands])
        made.append(node)
    return made[-1]


def restored_leaf(kind: type[V], number: float, gradient: float | None, name: str | None, is_constant: bool) -> V:
    """A leaf or constant that was pickled."""
    leaf = _new(kind)
    leaf.number, leaf.gradient, leaf._name = number, gradient, name
    leaf.operation = CONSTANT if is_constant else None
    leaf.left = leaf.right = leaf.scope = None
    return leaf


def _operation_name(node: Node) -> str:
    from pickle import PicklingError  # only here: whoever pickles has imported it, others need not wait for it

    operation = node.operation
    assert operation is not None
    if operation is not (TABLE.get(operation.name) or CUSTOM.get(operation.name)):
        raise PicklingError(f"there is another operation named {operation.name!r} now; {node.described()} is lost")
    return operation.name
