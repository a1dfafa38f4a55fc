"""What a check knows before anything is judged: derivatives beside the true ones, and what may explain a difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .slopes import Slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..value import Value
    from .accumulation import Accumulation
    from .hidden import HiddenDependence
    from .subject import Subject


@dataclass(frozen=True, slots=True)
class Partial:
    """The partial derivative of one operation by one operand.

    Attributes:
        node: the operation's result.
        position: the operand, from 0.
        analytic: what `backward` takes.
        slope: the true one.
    """

    node: Value
    position: int
    analytic: float
    slope: Slope


@dataclass(frozen=True, slots=True)
class InGraph:
    """How a graph comes to the derivative of an output by an input.

    Attributes:
        variable: the input.
        accumulation: the chain rule from the output to all inputs.
        hidden: the part of the dependence that the graph does not see, or None.
    """

    variable: Value
    accumulation: Accumulation
    hidden: HiddenDependence | None

    def slope(self) -> Slope:
        """The true derivative: what the graph gives, and what it does not see."""
        seen = self.accumulation.slope(self.variable)
        if self.hidden is None:
            return seen
        missing = self.hidden.slope
        return Slope(seen.left + missing.left, seen.right + missing.right, missing.error)


@dataclass(frozen=True, slots=True)
class Derivative:
    """The derivative of one output by one input.

    Attributes:
        input: the name of the input.
        analytic: the derivative under test.
        slope: the true one.
        output: the name of the output; "" if there is only one.
        in_graph: how a graph comes to it; None for a derivative written by hand.
    """

    input: str
    analytic: float
    slope: Slope
    output: str = ""
    in_graph: InGraph | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one check found out.

    Attributes:
        check: the name of the check.
        derivatives: for each output one per input.
        subject: the graph; None for a derivative written by hand.
        partials: those of every operation in the graph.
        shape: that of the argument, for a derivative written by hand.
        misshapen: in what way that derivative does not have this shape; "" if it does.
    """

    check: str
    derivatives: Sequence[Sequence[Derivative]]
    subject: Subject | None = None
    partials: Sequence[Partial] = ()
    shape: tuple[int, ...] = ()
    misshapen: str = ""
