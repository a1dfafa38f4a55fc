"""The diagram of a network as text for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograd.drawing.mermaid import escaped
from autograd.drawing.names import own_name
from autograd.drawing.theme import formatted

from ..layers import Linear
from ..module import Parameter
from .stages import Stage, drawn, drawn_nodes


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
