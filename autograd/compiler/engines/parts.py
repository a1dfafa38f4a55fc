"""Long programs in parts: a function of 100,000 lines would take Python a gigabyte to compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from ...ops import Operation
    from ..ir import Contribution

INDENT = "    "
LONG = 50_000  # statements; programs with more of them are written in parts
_PART = 2_000  # statements in a part
_BETWEEN = "\n\n\n"


class Text(NamedTuple):
    """The text of a program, and what it needs besides.

    Attributes:
        source: the text.
        operations: operations of the user's own that it calls, because they can only be asked for numbers.
        constants: arrays of numbers that it refers to.
        statements: the number of NumPy calls.
        row_size: the number of elements that it stores for each row of the batch.
    """

    source: str
    operations: list[Operation | Contribution]
    constants: Sequence[np.ndarray] = ()
    statements: int = 0
    row_size: int = 0


def indented(lines: Sequence[str]) -> list[str]:
    """The lines inside of a function or a loop."""
    return [INDENT + line if line else "" for line in lines]


def split(lines: Sequence[str]) -> list[Sequence[str]]:
    """The lines, a part at a time."""
    return [lines[i : i + _PART] for i in range(0, len(lines), _PART)]


def functions(name: str, parts: Sequence[Sequence[str]], arguments: str) -> tuple[list[str], list[str]]:
    """The calls that run the parts, and the functions that these call."""
    heads = [f"{name}_{i}({arguments})" for i in range(len(parts))]
    return heads, ["\n".join([f"def {head}:", *indented(part)]) for head, part in zip(heads, parts, strict=True)]


def joined(texts: Sequence[str]) -> str:
    """The text of a program from those of its functions."""
    return _BETWEEN.join(texts) + "\n"


def defined(source: str, name: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function of this name that a text defines, of which each part is compiled by itself."""
    for part in source.split(_BETWEEN):
        exec(compile(part, "<compiled by autograd>", "exec"), names)
    function: Callable[..., Any] = names[name]
    return function
