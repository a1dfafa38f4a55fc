"""Component curves: the terms of an output that depend on the input, each times its weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from autograd import Value
from autograd.node import nodes

Term: TypeAlias = tuple[float, tuple[Value, ...]]
"""A sign, and factors whose product is added to an output with it."""


def components_of(inputs: Sequence[Value], outputs: Sequence[Value]) -> list[tuple[str, list[float]]]:
    """What multiplies each component curve, or nothing, and its numbers; empty for less than two.

    Args:
        inputs: the points.
        outputs: the network's output at each.
    """
    terms = [terms_of(output) for output in outputs]
    shown = [k for k, (_, term) in enumerate(terms[0]) if inputs[0] in set(nodes(term))]
    if len(shown) < 2:
        return []
    curves = [[sign * math.prod(factor.data for factor in term) for sign, term in each] for each in terms]
    return [(_weight_name(*terms[0][k]), [curve[k] for curve in curves]) for k in shown]


def terms_of(output: Value) -> list[Term]:
    """What is added up in an output, through sums, differences and products of sequences, in order."""
    terms: list[Term] = []
    pending = [(1.0, output)]
    while pending:
        sign, node = pending.pop()
        if node.op == "dot":
            half = len(node.parents) // 2
            terms += [(sign, pair) for pair in zip(node.parents[:half], node.parents[half:], strict=True)]
        elif node.op in _SIGNS:
            signs = _SIGNS[node.op] or (1.0,) * len(node.parents)
            pending += [(sign * s, operand) for s, operand in zip(signs, node.parents, strict=True)][::-1]
        else:
            terms.append((sign, node.parents if node.op == "mul" else (node,)))
    return terms


_SIGNS: dict[str, tuple[float, ...]] = {"add": (1.0, 1.0), "sub": (1.0, -1.0), "neg": (-1.0,), "sum": ()}
"""The operations that add up, and the signs of their operands; () if all are added."""


def _weight_name(sign: float, term: Sequence[Value]) -> str:
    """What multiplies a component curve: the name that a parameter was given, otherwise its number; or nothing."""
    named = [factor for factor in term if factor.name and not factor.parents]
    if len(named) != 1:
        return ""
    is_path = named[0].name == getattr(named[0], "path", None) and not str(named[0].name).isidentifier()
    return ("−" if sign < 0 else "") + (f"{named[0].data:.3g}" if is_path else str(named[0].name))
