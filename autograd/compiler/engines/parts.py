"""Long programs in parts: a function of 100,000 lines would take Python a gigabyte to compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INDENT = "    "
LONG = 50_000  # statements; programs with more of them are written in parts
_PART = 2_000  # statements in a part
_BETWEEN = "\n\n\n"


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
