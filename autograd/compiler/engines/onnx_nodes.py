"""A graph of ONNX while it is made: nodes, each once, and constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

_FLOAT, _DOUBLE = 1, 11  # the numbers of types in ONNX


class Node(NamedTuple):
    """An operation of ONNX.

    Attributes:
        kind: its name there.
        inputs: the tensors that it takes, by name.
        attributes: its parameters by name.
    """

    kind: str
    inputs: tuple[str, ...]
    attributes: tuple[tuple[str, Any], ...]


class Nodes:
    """The nodes and constants of a graph.

    Attributes:
        dtype: of its numbers.
        kind: the number of this type in ONNX.
        single: the number of float32.
        made: the nodes and the names of what they give.
        constants: arrays by name.
    """

    single = _FLOAT

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.kind = _DOUBLE if dtype == np.float64 else _FLOAT
        self.made: dict[Node, str] = {}
        self.constants: dict[str, np.ndarray] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """The name of what a node gives; asking for the same one again makes none."""
        node = Node(kind, tuple(inputs), tuple(attributes.items()))
        return self.made.setdefault(node, f"{kind.lower()}{len(self.made)}")

    def constant(self, numbers: ArrayLike) -> str:
        """The name of a constant, of the graph's type unless it consists of integers."""
        array = np.asarray(numbers)
        with np.errstate(all="ignore"):
            array = array.astype(self.dtype if array.dtype.kind == "f" else np.int64)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = name = f"c{len(self.constants)}"
            self.constants[name] = array
        return self._names[key]

    def named(self, kind: str, inputs: Sequence[str], name: str) -> None:
        """A node that gives a tensor of this name."""
        self.made[Node(kind, tuple(inputs), ())] = name
