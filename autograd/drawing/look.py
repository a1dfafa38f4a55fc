"""Look: how one picture looks, and how it writes numbers and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .names import together
from .theme import formatted, line_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..value import Value
    from .sketch import Part
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
    """What to call Values without a name: variables by name."""
    stand_ins: Mapping[Value, str] = field(default_factory=dict)
    """What to call Values that have no name at all."""
    numbered: Mapping[Value, str] = field(default_factory=dict)
    """What explanations call Values that have neither a name nor a stand-in; pictures say so where one points."""
    marked: Mapping[Value, str] = field(default_factory=dict)
    """Values to draw in red, each with what to say about it."""
    then: Mapping[Value, Sequence[float]] = field(default_factory=dict)
    """Leaves that have changed since, with the numbers that the graph was computed from."""
    last: Mapping[Value, float | None] = field(default_factory=dict)
    """Leaves whose gradient holds more than the last `backward` added, with what it added."""
    shared: frozenset[str] = frozenset()
    """The titles of modules that are used more than once for an observation."""
    is_compact: bool = False
    """Whether an operation stands in the box of its result."""
    has_bars: bool = True
    """Whether boxes show sign and size of the gradient as a bar too."""
    step: Step | None = None
    """The step of an animation: what is known only later is invisible. None is the end."""
    largest_flow: float = 0.0
    """The largest gradient in the picture, which gets the widest line and the longest bar."""
    margin: str = ""
    """Keeps a number off the edge that it stands beside."""
    widths: dict[float, float] = field(default_factory=dict, init=False)
    """A cache: the width of a line by the gradient that flows through it."""
    lines: dict[tuple[float | None, bool], str] = field(default_factory=dict, init=False)
    """A cache: the attributes of a line by the gradient that flows through it; many lines have the same."""

    def number(self, number: float) -> str:
        """The number as boxes and edges show it."""
        return formatted(number, self.precision)

    def width(self, flow: float) -> float:
        """The width of the line through which a gradient flows."""
        known = self.widths.get(flow)
        if known is None:
            known = self.widths[flow] = line_width(flow, self.largest_flow)
        return known

    def range(self, numbers: Sequence[float]) -> str:
        """The lowest and the highest number, or the one that all are; nan if any is nan."""
        if len(numbers) == 1:
            return self.number(numbers[0])
        distinct = set(map(self.number, numbers))
        if len(distinct) == 1:
            return distinct.pop()
        low, *_, high = sorted(distinct, key=float)
        return f"{low} … {high}"

    def data(self, values: Sequence[Value]) -> list[float]:
        """The numbers that the graph was computed from."""
        if not self.then:
            return [value.number for value in values]
        return [number for value in values for number in self.then.get(value, (value.number,))]

    def name(self, value: Value) -> str | None:
        """The Value's own name, that of the variable that holds it, or its stand-in."""
        return value.name or self.names.get(value) or self.stand_ins.get(value)

    def title(self, part: Part) -> str:
        """What a part is called."""
        if part.title:
            return part.title
        if len(part.shown) < 2 or part.title is None:
            return (self.name(part.value) if part.title is None else None) or ""
        return self.names_together(part)

    def names_together(self, part: Part) -> str:
        """What the Values that a part shows are called; empty if none has a name."""
        return together(filter(None, map(self.name, part.shown)))

    def must_stay(self, value: Value) -> bool:
        """Whether readers look for this Value, so it must not disappear into a row of operations."""
        return value in self.marked or bool(value.name) or value in self.names

    def is_computed(self, value: Value) -> bool:
        """Whether the data is known in this step."""
        return self.step is None or value in self.step.computed

    def is_differentiated(self, value: Value) -> bool:
        """Whether the gradient is complete in this step."""
        return self.step is None or value in self.step.differentiated
