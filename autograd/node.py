"""Node: one number of a graph, the operation that gave it and the operands. One traversal for everybody."""

from __future__ import annotations

from .operation import Operation

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Self, TypeVar

    from .operation import N, NumberSystem

    V = TypeVar("V", bound="Node")

CONSTANT = Operation("constant", lambda m: None, lambda m, y: ())
"""Stands in for the operation in nodes that no derivative flows into."""


class Clock:
    """Counts the assignments to leaves, so that a graph can tell which of its leaves have changed since."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


CLOCK = Clock()

REMEMBERED = 16
"""How many of its earlier numbers a leaf keeps, for pictures and explanations of what was computed from them."""


class Scope:
    """A named part of a computation, such as one call of a layer: drawings put its results into one box.

    Attributes:
        name: what the box is called.
        owner: the object that computes, such as the layer; None for plain code.
        outer: the scope in which this one was opened, or None.
    """

    __slots__ = ("name", "outer", "owner")

    def __init__(self, name: str, owner: object, outer: Scope | None) -> None:
        self.name = name
        self.owner = owner
        self.outer = outer

    def __repr__(self) -> str:
        return f"<scope {self.name}>"


class Node:
    """What the engine sees of a `Value`, which is a Node with operators.

    Two operands are in two slots; three or more are a tuple in the first. All that differentiating needs is the
    operation and the operands, no closure: so a node costs 123 bytes, and graphs are free of reference cycles.

    Attributes:
        number: the result. Users read it as `data`, which `detect_reads` notices.
        gradient: what `backward` found; None if nobody asked. Users read it as `grad`.
        operation: the row of the table; None for a leaf, `CONSTANT` for a constant.
        left: the first operand, or a tuple of three and more; None for leaves and constants.
        right: the second of two operands. Where results share a tuple of operands, as the shares of a softmax do: the
            position of the operand that is the first one of this result. A leaf keeps its latest earlier numbers here,
            each after the clock's time at which it was assigned.
        scope: the part of the computation that it belongs to, or None.
        tick: what the clock showed when a result was recorded, or when a leaf was last assigned another number.
    """

    __slots__ = ("_name", "gradient", "left", "number", "operation", "right", "scope", "tick")

    number: float
    gradient: float | None
    operation: Operation | None
    left: Any
    right: Any
    scope: Scope | None
    tick: int
    _name: str | None

    @property
    def name(self) -> str | None:
        """What drawings, tables and error messages call this Value."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a Value must be a string, got {name!r} of type {type(name).__name__}")
        self._name = name

    @property
    def op(self) -> str | None:
        """The name of the operation that gave this Value; None for a leaf."""
        operation = self.operation
        return None if operation is None or operation is CONSTANT else operation.name

    @property
    def parents(self) -> tuple[Self, ...]:
        """The operands, in their order; `a * a` has `a` twice."""
        left = self.left
        if left is None:
            return ()
        right = self.right
        if type(left) is tuple:
            return left if right is None else (left[right], *left[:right], *left[right + 1 :])
        return (left,) if right is None else (left, right)

    @property
    def is_constant(self) -> bool:
        """Whether no derivative flows into this Value: a number among operands, detached, or made under no_grad."""
        return self.operation is CONSTANT

    def described(self) -> str:
        """For error messages: the name if there is one, and what it is."""
        called = f"{self._name!r}, " if self._name else ""
        kind = f"the result of {self.op!r}" if self.op else type(self).__name__
        return f"{called}{kind} {self.number!r}"


def keep_order(share: Node, position: int) -> None:
    """Lets graphs be walked through the operands of a share of a whole in the order of the whole.

    Args:
        share: a result of at least three operands, its own first.
        position: of its own among them.
    """
    own, *others = share.parents
    share.left, share.right = (*others[:position], own, *others[position:]), position


def set_operands(node: Node, operands: Sequence[Node]) -> None:
    """Gives a new node its operands."""
    if len(operands) > 2:
        node.left, node.right = tuple(operands), None
    else:
        node.left = operands[0] if operands else None
        node.right = operands[1] if len(operands) == 2 else None


def edges(node: V, m: NumberSystem[N]) -> list[tuple[int, V, N]]:
    """The edges that a result's derivative flows through: position, operand and partial, in any number system.

    Constants are left out, and operands that have no derivative, such as a condition.
    """
    operation, operands = node.operation, node.parents
    assert operation is not None
    partials = m.partials(operation, m.of(node), list(map(m.of, operands)))
    return [
        (position, operand, partial)
        for position, (operand, partial) in enumerate(zip(operands, partials, strict=True))
        if partial is not None and operand.operation is not CONSTANT
    ]


def assign(leaf: Node, number: float) -> None:
    """Gives a leaf another number, which graphs computed from the old one notice. The same number is no change."""
    if number != leaf.number and (number == number or leaf.number == leaf.number):
        leaf.right = (*(leaf.right or ())[2 - 2 * REMEMBERED :], leaf.tick, leaf.number)
        CLOCK.now += 1
        leaf.tick = CLOCK.now
    leaf.number = number


def assign_all(leaves: Iterable[Node], numbers: Iterable[float]) -> None:
    """`assign` for many leaves at once, all of them at the same time; `autograd.detect_reads` does not see it."""
    CLOCK.now += 1
    now = CLOCK.now
    try:
        for leaf, number in zip(leaves, numbers, strict=True):
            earlier = leaf.number
            if number != earlier and (number == number or earlier == earlier):
                leaf.right = (leaf.right or ())[2 - 2 * REMEMBERED :] + (leaf.tick, earlier)  # noqa: RUF005  # faster
                leaf.tick = now
            leaf.number = number
    finally:
        CLOCK.now += 1  # afterwards too, for who sees it go on reads the numbers anew; other threads may have moved it


def number_at(node: Node, tick: int) -> float:
    """The number that a node had when the clock showed `tick`; nan if it was assigned too often since."""
    if node.tick <= tick or node.left is not None:
        return node.number
    former = node.right or ()
    return next((former[i] for i in range(len(former) - 1, 0, -2) if former[i - 1] <= tick), float("nan"))


def changed_leaves(results: Iterable[V]) -> list[V]:
    """The leaves that were assigned another number after something was computed from them.

    Args:
        results: all results of a graph, as `history` gives them.
    """
    now = CLOCK.now
    older = [node for node in results if node.tick != now]
    return list(dict.fromkeys(x for node in older for x in node.parents if x.left is None and x.tick > node.tick))


def require_unchanged(results: Iterable[Node], what: str) -> None:
    """Refuses to differentiate a graph whose leaves have changed: its results belong to other numbers.

    Raises:
        RuntimeError: a leaf has changed.
    """
    changed = changed_leaves(results)
    if changed:
        names = ", ".join(leaf.described() for leaf in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise RuntimeError(
            f"{what}: the data of {names}{more} changed after the graph was computed from it, so derivatives would mix "
            "old and new numbers; compute the result again, or differentiate before data is assigned (by a step of an "
            "optimiser, load_state_dict, push or data = ...)"
        )


def history(roots: Iterable[V], given: Iterable[V] = ()) -> list[V]:
    """The results that the roots depend on, the roots included, each before its operands.

    Nodes without operands (leaves and constants) are left out, and so is what is given, with all that it depends on
    alone. The order is the reverse of a depth-first postorder, found with an explicit stack: linear in the number of
    nodes, however deep, and the same in every process.
    """
    stack: list[Any] = [root for root in roots if root.left is not None]
    seen = {node for node in given if node.left is not None}
    finished: list[V] = []
    while stack:
        node = stack.pop()
        if node is None:  # all that the node below it depends on is finished
            finished.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            stack.append(node)
            stack.append(None)
            left, right = node.left, node.right
            if type(left) is tuple:
                stack.extend([operand for operand in reversed(left) if operand.left is not None])
            else:
                if right is not None and right.left is not None:
                    stack.append(right)
                if left.left is not None:
                    stack.append(left)
    finished.reverse()
    return finished


def nodes(roots: Iterable[V], given: Iterable[V] = ()) -> list[V]:
    """All nodes that the roots depend on, the roots included, operands before results; not below what is given."""
    roots = list(roots)
    reached: dict[V, None] = {}
    for node in reversed(history(roots, given)):
        reached.update(dict.fromkeys(node.parents))
        reached[node] = None
    reached.update(dict.fromkeys(roots))
    return list(reached)


def leaves(roots: Iterable[V], given: Iterable[V] = ()) -> list[V]:
    """The nodes without operands that the roots depend on, constants included, in order of their first use.

    Args:
        roots: the results.
        given: results that are taken as they are.
    """
    return [node for node in nodes(roots, given) if node.left is None]


def numbers(nodes: Iterable[Node]) -> list[float]:
    """The numbers of many nodes; `autograd.detect_reads` does not see it."""
    return [node.number for node in nodes]


def scopes(roots: Iterable[Node]) -> list[Scope]:
    """The scopes in which something that the roots depend on was computed, each after the one around it."""
    found: dict[Scope, None] = {}
    for node in reversed(history(roots)):
        inwards: list[Scope] = []
        scope = node.scope
        while scope is not None and scope not in found:
            inwards.append(scope)
            scope = scope.outer
        found.update(dict.fromkeys(reversed(inwards)))
    return list(found)
