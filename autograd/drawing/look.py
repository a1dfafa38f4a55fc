"""Look: how one picture looks, and how it writes numbers and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..value import Value
    from .steps import Step
    from .theme import Theme

SHOWN = ("data", "grad", "local")
"""What a picture may show."""


@dataclass(frozen=True)
class Look:
    """The choices shared by all boxes and edges of a picture."""

    theme: Theme
    shown: frozenset[str]
    """Which of `SHOWN` to show."""
    precision: int
    """Significant digits."""
    names: Mapping[Value, str]
    """What to call Values without a name."""
    marked: Mapping[Value, str] = field(default_factory=dict)
    """Values to draw in red, each with what to say about it."""
    step: Step | None = None
    """The step of an animation: what is known only later is invisible. None is the end."""
    largest_flow: float = 0.0
    """The largest gradient that flows through an edge, which gets the widest line."""
    margin: str = ""
    """Keeps a number off the edge that it stands beside."""
    lines: dict[float, str] = field(default_factory=dict, init=False)
    """A cache: the attributes of a line by the gradient that flows through it; many lines have the same."""

    def number(self, number: float) -> str:
        """The number as boxes and edges show it."""
        return formatted(number, self.precision)

    def range(self, numbers: Sequence[float]) -> str:
        """The lowest and the highest number, or the one that all are; nan if any is nan."""
        if len(numbers) == 1:
            return self.number(numbers[0])
        distinct = set(map(self.number, numbers))
        if len(distinct) == 1:
            return distinct.pop()
        low, *_, high = sorted(distinct, key=float)
        return f"{low} … {high}"

    def name(self, value: Value) -> str | None:
        """The Value's own name, or that of the variable that holds it."""
        return value.name or self.names.get(value)

    def must_stay(self, value: Value) -> bool:
        """Whether readers look for this Value, so it must not disappear into a row of operations."""
        return value in self.marked or self.name(value) is not None

    def is_computed(self, value: Value) -> bool:
        """Whether the data is known in this step."""
        return self.step is None or value in self.step.computed

    def is_differentiated(self, value: Value) -> bool:
        """Whether the gradient is complete in this step."""
        return self.step is None or value in self.step.differentiated
