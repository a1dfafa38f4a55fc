"""Types that annotations of several modules share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from autograd import Value

Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
Positions: TypeAlias = Sequence[int] | np.ndarray[Any, np.dtype[np.int64]]
"""Which observations, counted from 0."""


class Array(Protocol):
    """An array or tensor of any library."""

    def tolist(self) -> Any:
        """Its numbers as nested lists, or as one number."""


Number: TypeAlias = Value | float
Numbers: TypeAlias = Number | Array | Sequence["Numbers"]
"""One number, or any nesting of them: a row, the outputs of a network, the rows of a batch."""

Loss: TypeAlias = Callable[[Any, Any], Any]
"""The loss of one observation, called with the outputs of a network and the target."""


class OneHot(list[Any]):
    """A class as the shares of all classes, where a program takes numbers: a list that stands for an index."""
