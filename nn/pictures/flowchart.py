"""The diagram of a network as text for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from autograd.drawing.mermaid import escaped
from autograd.drawing.theme import formatted

from ..activations import Activation
from ..layers import Linear
from ..module import Module, Parameter

MOST_NODES = 8
"""Only so many nodes of a layer are drawn; a note says how many are left out."""


class Stage(NamedTuple):
    """A column of nodes: a linear layer with the activations after it, or a layer that mixes all its inputs."""

    layer: Module
    bends: list[Activation]
    before: list[float] | None
    """What enters the activations, or None without an observation."""
    after: list[float] | None
    """What leaves the column."""


def flowchart(
    stages: Sequence[Stage], inputs: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]], precision: int
) -> str:
    """A flowchart of a network, column by column.

    Args:
        stages: the columns of nodes.
        inputs: the boxes on the left: title and numbers, line by line.
        outputs: those on the right.
        precision: significant digits.
    """
    lines = list(_column("i", inputs))
    before = [f"i{k}" for k in range(min(len(inputs), MOST_NODES))]
    for number, stage in enumerate(stages):
        names = ", ".join(type(part).__name__ for part in stage.bends) or type(stage.layer).__name__
        if isinstance(stage.layer, Linear):
            after = [f"h{number}_{k}" for k in range(min(stage.layer.out_features, MOST_NODES))]
            for j, key in enumerate(after):
                bias = "" if stage.layer.bias is None else f"<br/>+ {formatted(stage.layer.bias[j].data, precision)}"
                left = f"<br/>{formatted(stage.after[j], precision)}" if stage.after else ""
                lines.append(f'{key}(("{names if stage.bends else "Σ"}{bias}{left}"))')
            lines += [
                f'{start} -->|"{_weight(weight, precision)}"| {end}'
                for end, row in zip(after, stage.layer.weight, strict=False)
                for start, weight in zip(before, row, strict=False)
            ]
            before = after
        else:
            lines.append(f'm{number}["{names}"]')
            lines += [f"{start} --> m{number}" for start in before]
            before = [f"m{number}"] * min(len(outputs), MOST_NODES)
    lines += _column("y", outputs)
    lines += [f"{start} --> y{k}" for k, start in enumerate(before)]
    return "\n".join(["flowchart LR", *(f"  {line}" for line in lines)]) + "\n"


def _column(letter: str, boxes: Sequence[Sequence[str]]) -> Iterator[str]:
    for k, box in enumerate(boxes[:MOST_NODES]):
        title, *numbers = box
        yield f'{letter}{k}["{"<br/>".join([f"<b>{escaped(title)}</b>", *map(escaped, numbers)])}"]'
    if len(boxes) > MOST_NODES:
        yield f'{letter}more["… {len(boxes) - MOST_NODES} more"]'


def _weight(weight: Parameter, precision: int) -> str:
    own = f"{escaped(weight.name)}: " if weight.name and weight.name != weight.path else ""
    return f"{own}× {formatted(weight.data, precision)}"
