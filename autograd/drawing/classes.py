"""Softmax and cross entropy as the lectures write them: in the probabilities p of the classes."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from ..node import CONSTANT, number_at
from ..operation import FLOATS
from .formulas import Formula, latex_name
from .then import edges_then

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..operation import NumberSystem
    from ..value import Value
    from .formulas import Number


def class_probabilities(logits: Sequence[Formula], own: str = "") -> list[Formula]:
    """The shares of a softmax, named after its operands: p1 beside predicted1, p_setosa beside setosa.

    Args:
        logits: the operands.
        own: what the first share is called already; the others are called alike if that is possible.
    """
    names = _alike([logit.text for logit in logits], own) if own else None
    if names is None:
        names = [_probability(logit.text, number) for number, logit in enumerate(logits, 1)]
        names[0] = own or names[0]
    numbers = FLOATS.softmax([logit.number for logit in logits])
    return [Formula(number, name, _latex(name)) for name, number in zip(names, numbers, strict=True)]


def _alike(logits: Sequence[str], own: str) -> list[str] | None:
    """The names of all shares if the first is named after its operand, as "p setosa" beside "raw setosa"."""
    backwards = zip(reversed(logits[0]), reversed(own), strict=False)
    length = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], backwards))
    shared = own[len(own) - length :]
    stem = logits[0].removesuffix(shared)
    if not shared or not all(logit.startswith(stem) for logit in logits):
        return None
    names = [own.removesuffix(shared) + logit.removeprefix(stem) for logit in logits]
    return names if len(set(names)) == len(names) else None


def _probability(logit: str, number: int) -> str:
    found = re.fullmatch(r"[^\W\d_]+?(\d+)", logit)
    if found:
        return f"p{found[1]}"
    return f"p_{logit}" if re.fullmatch(r"[\w ]{1,30}", logit) and not logit[0].isdigit() else f"p{number}"


def _latex(name: str) -> str:
    return f"p_{{{latex_name(name[2:])}}}" if name.startswith("p_") else latex_name(name)


def cross_entropy(node: Value, name: Callable[[Value], object]) -> tuple[tuple[Value, ...], int] | None:
    """The logits and the position of the observed class if a result is their cross entropy, however it was computed.

    Args:
        node: the result.
        name: whether a Value has a name: a step in between that has one is shown by itself.
    """
    inner = node.parents[0] if node.op in ("neg", "sub") else None
    if inner is None or inner.operation is None or name(inner):
        return None
    if node.op == "neg" and inner.op == "log_softmax":
        return inner.parents, 0
    if node.op == "sub" and inner.op == "logsumexp" and node.parents[1] in inner.parents:
        return inner.parents, inner.parents.index(node.parents[1])
    if node.op == "neg" and inner.op == "log" and inner.parents[0].op == "softmax" and not name(inner.parents[0]):
        return inner.parents[0].parents, 0
    return None


def teacher_edges(
    name: Callable[[Value], object],
) -> Callable[[Value, NumberSystem[float]], list[tuple[int, Value, float]]]:
    """The edges of a graph in which a cross entropy is one step: position, operand and partial."""

    def edges(node: Value, m: NumberSystem[float]) -> list[tuple[int, Value, float]]:
        found = cross_entropy(node, name)
        if found is None:
            return edges_then(node, m)
        logits, observed = found
        shares = FLOATS.softmax([number_at(logit, node.tick) for logit in logits])
        shares[observed] = -sum(share for i, share in enumerate(shares) if i != observed)  # p - 1, to all digits
        return [(i, logit, shares[i]) for i, logit in enumerate(logits) if logit.operation is not CONSTANT]

    return edges


def softmax_partials(node: Value, operands: Sequence[Formula], name: str) -> Mapping[int, Number] | None:
    """The formulas of the partials of a softmax and its relatives, by position; None for other operations."""
    if node.op == "softmax":
        first, *others = class_probabilities(operands, name)
        return {0: first * (1.0 - first)} | {i: -(first * other) for i, other in enumerate(others, 1)}
    if node.op == "log_softmax":
        first, *others = class_probabilities(operands)
        return {0: 1.0 - first} | {i: -other for i, other in enumerate(others, 1)}
    if node.op == "logsumexp":
        return dict(enumerate(class_probabilities(operands)))
    return None


def cross_entropy_partials(logits: Sequence[Formula], observed: int) -> dict[int, Number]:
    """p - 1 for the observed class, p for the others."""
    shares = class_probabilities(logits)
    return {i: share - 1.0 if i == observed else share for i, share in enumerate(shares)}
