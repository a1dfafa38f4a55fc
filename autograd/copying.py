"""Copies and pickles of graphs: flat, so that depth is unlimited."""

from __future__ import annotations

from .node import CLOCK, CONSTANT, history, nodes, set_operands
from .operation import CUSTOM, TABLE

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, TypeAlias, TypeVar

    from .node import Node, Scope

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
    if node.left is None:
        copied.right = node.right  # a leaf's earlier numbers
    copied._name = node.name
    copied.scope = node.scope
    copied.tick = node.tick
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


_DEPTH = 20  # of operands that a pickle descends into

_under_way: set[int] = set()
"""The results that somebody sees to who pickles what is computed from them."""


class Before:
    """Results that are pickled before a result, in such an order that a pickle need not descend far into operands.

    What is pickled together shares its operands, for a pickle refers back to what it holds.
    """

    def __init__(self, root: Node) -> None:
        self._root = root

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, self._one_by_one()

    def _one_by_one(self) -> Iterator[Node]:
        results = history([self._root])[:0:-1]
        ids = set(map(id, results)) - _under_way
        _under_way.update(ids)
        try:
            depth: dict[Node, int] = {}
            for node in results:
                depth[node] = 1 + max([depth.get(operand, 0) for operand in node.parents])
                if depth[node] == _DEPTH or node in self._root.parents:
                    depth[node] = 0
                    yield node
        finally:
            _under_way.difference_update(ids)


def reduced(node: Node) -> tuple[Any, ...]:
    """What a pickle keeps of a result.

    Raises:
        PicklingError: somebody defined another operation of the same name since.
    """
    before = None if id(node) in _under_way else Before(node)
    return before, _operation_name(node), node.parents, node.number, node.gradient, node.name


def restored_result(
    kind: type[V],
    operation: str,
    operands: Sequence[V],
    number: float,
    gradient: float | None,
    name: str | None,
    *,
    scope: Scope | None,
) -> V:
    """A result that was pickled, on its operands.

    Raises:
        ValueError: its operation is not defined.
    """
    row = TABLE.get(operation) or CUSTOM.get(operation)
    if row is None:
        raise ValueError(f"this graph uses the operation {operation!r}; define it before loading")
    node = _new(kind)
    node.number, node.gradient, node.operation, node._name, node.scope = number, gradient, row, name, scope
    node.tick = CLOCK.now
    set_operands(node, operands)
    return node


def restored(kind: type[V], records: Iterable[Record], scope: Scope | None) -> V:
    """The root of a graph that the first edition pickled, as a flat list."""
    made: list[V] = []
    for operation, places, number, gradient, name in records:
        operands = [made[x] if isinstance(x, int) else x for x in places]
        made.append(restored_result(kind, operation, operands, number, gradient, name, scope=scope))
    return made[-1]


def restored_leaf(kind: type[V], number: float, gradient: float | None, name: str | None, is_constant: bool) -> V:
    """A leaf or constant that was pickled."""
    leaf = _new(kind)
    leaf.number, leaf.gradient, leaf._name = number, gradient, name
    leaf.operation = CONSTANT if is_constant else None
    leaf.left = leaf.right = leaf.scope = None
    leaf.tick = 0
    return leaf


def _operation_name(node: Node) -> str:
    from pickle import PicklingError  # only here: whoever pickles has imported it, others need not wait for it

    operation = node.operation
    assert operation is not None
    if operation is not (TABLE.get(operation.name) or CUSTOM.get(operation.name)):
        raise PicklingError(f"there is another operation named {operation.name!r} now; {node.described()} is lost")
    return operation.name
