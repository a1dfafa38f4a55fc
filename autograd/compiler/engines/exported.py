"""What writers of modules in other languages are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ..ir import Shape
    from .loops import Loops


class Exported(NamedTuple):
    """A program to be written as a module.

    Attributes:
        loops: what it computes.
        theta: its parameters.
        input_shapes: the shape of a row of each argument: () for one number, (n,) for a sequence.
        output_shape: the shape of a row of outputs; None for a program that gives a loss and its gradient.
        mean: whether the loss is averaged over the batch, or summed.
    """

    loops: Loops
    theta: np.ndarray
    input_shapes: Sequence[Shape]
    output_shape: Shape | None
    mean: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        return self.theta.dtype

    @property
    def gives_gradient(self) -> bool:
        """Whether it gives a loss and its gradient, not outputs."""
        return self.output_shape is None
