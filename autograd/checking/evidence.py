"""What a check knows before anything is judged: derivatives beside the true ones, and what may explain a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..value import Value
from .accumulation import Accumulation
from .hidden import HiddenDependence
from .slopes import Slope
from .subject import Subject


class Partial(NamedTuple):
    """The partial derivative of an operation by one operand: what `backward` takes, and the true one."""

    position: int
    analytic: float
    slope: Slope


@dataclass(frozen=True, slots=True)
class Derivative:
    """The derivative of one output by one input.

    Attributes:
        input, output: their names; "" for the only output.
        analytic: the derivative under test.
        slope: the true one; None if the input only took part in random directions.
        variable: the input; None, as the next two, for a derivative written by hand.
        accumulation: the chain rule from the output to all inputs.
        hidden: the part of the dependence that the graph does not see, if any.
        is_misplaced: whether a derivative written by hand stands where another belongs.
        unexplored: the verdict on the group that the input is in, if it is not ok and nobody looked further; else "".
    """

    input: str
    output: str
    analytic: float
    slope: Slope | None
    variable: Value | None = None
    accumulation: Accumulation | None = None
    hidden: HiddenDependence | None = None
    is_misplaced: bool = False
    unexplored: str = ""

    def misplaced(self) -> Derivative:
        """The same, standing where another belongs."""
        return replace(self, is_misplaced=True)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one check found out.

    Attributes:
        check: its name.
        derivatives: for each output one per input.
        subject: the graph; None for a derivative written by hand.
        partials: those of every operation in the graph, by its result.
        resolution: the smallest relative error that random directions would have shown.
    """

    check: str
    derivatives: Sequence[Sequence[Derivative]]
    subject: Subject | None = None
    partials: Mapping[Value, Sequence[Partial]] = field(default_factory=dict)
    resolution: float = 0.0
