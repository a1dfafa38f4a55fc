"""Paths of modules and parameters as text, as PyTorch writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Key: TypeAlias = str | int


def is_outer(path: str, inner: str) -> bool:
    """Whether a path leads where an inner one does, from further outside."""
    return path.endswith(f".{inner}")


def dotted(keys: Iterable[Key]) -> str:
    """The path of a module, such as "layers.0"."""
    return ".".join(map(str, keys))


def bracketed(keys: Iterable[Key]) -> str:
    """The path of a parameter, such as "weight[0][1]"."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def joined(outer: str, inner: str) -> str:
    """One path after the other."""
    return f"{outer}.{inner}" if outer and inner else outer or inner
