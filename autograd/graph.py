"""What a graph is: the Values that a result was computed from, and their order. One traversal for everybody."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .recording import Scope
    from .value import Value


def history(roots: Iterable[Value]) -> list[Value]:
    """The results that the roots depend on, themselves included, each before its operands.

    Values without operands (leaves and constants) are left out. The order is the reverse of a depth-first postorder,
    found with an explicit stack: linear in the number of nodes, whatever their depth, and the same in every process.
    """
    stack: list[Value | None] = [root for root in roots if root._left is not None]
    seen = set()
    finished: list[Value] = []
    while stack:
        node = stack.pop()
        if node is None:  # all that the node below it depends on is finished
            finished.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            stack.append(node)
            stack.append(None)
            left, right = node._left, node._right
            if type(left) is tuple:
                stack.extend([operand for operand in reversed(left) if operand._left is not None])
            else:
                if right is not None and right._left is not None:
                    stack.append(right)
                if left._left is not None:
                    stack.append(left)
    finished.reverse()
    return finished


def nodes(roots: Iterable[Value]) -> list[Value]:
    """All Values that the roots depend on, themselves included, operands before results."""
    roots = list(roots)
    reached: dict[Value, None] = {}
    for node in reversed(history(roots)):
        reached.update(dict.fromkeys(node.parents))
        reached[node] = None
    reached.update(dict.fromkeys(roots))
    return list(reached)


def leaves(roots: Iterable[Value]) -> list[Value]:
    """The Values without operands that the roots depend on, constants included, in order of their first use."""
    return [node for node in nodes(roots) if not node.parents]


def scopes(roots: Iterable[Value]) -> list[Scope]:
    """The scopes in which something that the roots depend on was computed, each after the one around it."""
    found: dict[Scope, None] = {}
    for node in reversed(history(roots)):
        inwards: list[Scope] = []
        scope = node._scope
        while scope is not None and scope not in found:
            inwards.append(scope)
            scope = scope.outer
        found.update(dict.fromkeys(reversed(inwards)))
    return list(found)
