"""The diagram of a network as text for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from autograd.drawing.mermaid import escaped
from autograd.drawing.names import own_name
from autograd.drawing.theme import formatted

from ..activations import Activation
from ..layers import Linear
from ..module import Module, Parameter

MOST_NODES = 8
"""Of a layer of more than ten nodes only so many are drawn; a note says how many are left out."""


class Stage(NamedTuple):
    """A column of nodes: a linear layer with the activations after it, or a layer that mixes all its inputs."""

    layer: Module
    bends: list[Activation]
    before: list[float] | None
    """What enters the activations, or None without an observation."""
    after: list[float] | None
    """What leaves the column."""
    names: Sequence[str]
    """What `draw` and `explain` call that; empty for the last column, whose numbers are those of the outputs."""


def drawn(number: int, needed: int | None = None) -> Sequence[int]:
    """Which nodes of a layer are drawn.

    Args:
        number: how many there are.
        needed: one that must be among them, such as the observed class.

    >>> list(drawn(10)), list(drawn(50, needed=20))
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3, 4, 5, 6, 20])
    """
    if number <= MOST_NODES + 2:
        return range(number)
    return [*range(MOST_NODES - 1), max(MOST_NODES - 1, needed or 0)]


def drawn_nodes(stages: Sequence[Stage], needed: int | None) -> list[Sequence[int]]:
    """Which nodes of each stage are drawn, with the observed class in the stages that have it.

    Args:
        stages: the columns of nodes.
        needed: the observed class, if any.
    """
    last = max((k for k, stage in enumerate(stages) if isinstance(stage.layer, Linear)), default=0)
    found: list[Sequence[int]] = []
    for k, stage in enumerate(stages):
        if isinstance(stage.layer, Linear):
            found.append(drawn(stage.layer.out_features, needed if k == last else None))
        else:
            found.append(found[-1])
    return found


def flowchart(
    stages: Sequence[Stage],
    inputs: Sequence[Sequence[str]],
    outputs: Sequence[Sequence[str]],
    precision: int,
    needed: int | None = None,
) -> str:
    """A flowchart of a network, column by column.

    Args:
        stages: the columns of nodes.
        inputs: the boxes on the left: title and numbers, line by line.
        outputs: those on the right.
        precision: significant digits.
        needed: an output that must be among those that are drawn.
    """
    lines = list(_column("i", inputs, drawn(len(inputs))))
    from_nodes = drawn(len(inputs))
    before = [f"i{k}" for k in from_nodes]
    columns = drawn_nodes(stages, needed)
    for number, (stage, nodes) in enumerate(zip(stages, columns, strict=True)):
        names = ", ".join(type(part).__name__ for part in stage.bends) or type(stage.layer).__name__
        if isinstance(stage.layer, Linear):
            after = [f"h{number}_{k}" for k in nodes]
            for j, key in zip(nodes, after, strict=True):
                bias = "" if stage.layer.bias is None else f"<br/>+ {formatted(stage.layer.bias[j].data, precision)}"
                left = f"<br/>{stage.names[j]} {formatted(stage.after[j], precision)}" if stage.after else ""
                lines.append(f'{key}(("{names if stage.bends else "Σ"}{bias}{left}"))')
            lines += [
                f'{start} -->|"{_weight(stage.layer.weight[j][i], precision)}"| {end}'
                for j, end in zip(nodes, after, strict=True)
                for i, start in zip(from_nodes, before, strict=True)
            ]
            before, from_nodes = after, nodes
        else:
            lines.append(f'm{number}["{names}"]')
            lines += [f"{start} --> m{number}" for start in before]
            before = [f"m{number}"] * len(nodes)
    lines += _column("y", outputs, columns[-1])
    lines += [f"{start} --> y{k}" for k, start in zip(columns[-1], before, strict=True)]
    return "\n".join(["flowchart LR", *(f"  {line}" for line in lines)]) + "\n"


def _column(letter: str, boxes: Sequence[Sequence[str]], nodes: Sequence[int]) -> Iterator[str]:
    for k in nodes:
        title, *numbers = boxes[k]
        yield f'{letter}{k}["{"<br/>".join([f"<b>{escaped(title)}</b>", *map(escaped, numbers)])}"]'
    if len(boxes) > len(nodes):
        yield f'{letter}more["… {len(boxes) - len(nodes)} more"]'


def _weight(weight: Parameter, precision: int) -> str:
    own = own_name(weight)
    return (f"{escaped(own)}: " if own else "") + f"× {formatted(weight.data, precision)}"
