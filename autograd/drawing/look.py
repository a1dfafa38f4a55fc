"""Look: how one picture looks, and how it writes numbers and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..value import Value
    from .steps import Step
    from .theme import Theme

SHOWN = ("data", "grad", "local")
"""What a picture may show."""


class Look:
    """The choices that all boxes and edges of a picture share.

    Attributes:
        theme: the colours.
        shown: which of `SHOWN` to show.
        precision: significant digits.
        names: what to call Values without a name.
        marked: Values to draw in red, each with what to say about it.
        largest_flow: the largest gradient that flows through an edge, which gets the widest line.
        margin: what keeps a number off an edge that it stands beside.
        step: of an animation; what is known only after it is invisible. None is the end.
        lines: the attributes of a line, by the gradient that flows through it; many have the same.
    """

    def __init__(
        self,
        theme: Theme,
        shown: frozenset[str],
        precision: int,
        names: Mapping[Value, str],
        marked: Mapping[Value, str],
    ) -> None:
        self.theme = theme
        self.shown = shown
        self.precision = precision
        self.names = names
        self.marked = marked
        self.largest_flow = 0.0
        self.lines: dict[float, str] = {}
        self.margin = ""
        self.step: Step | None = None

    def number(self, number: float) -> str:
        """The number as boxes and edges show it."""
        return formatted(number, self.precision)

    def range(self, numbers: Sequence[float]) -> str:
        """The lowest and the highest number, or the one that all are; nan where there is one among them."""
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
        """Whether the reader looks for this Value, so that it must not disappear into a row of operations."""
        return value in self.marked or self.name(value) is not None

    def is_computed(self, value: Value) -> bool:
        """Whether the data is known in this step."""
        return self.step is None or value in self.step.computed

    def is_differentiated(self, value: Value) -> bool:
        """Whether the gradient is complete in this step."""
        return self.step is None or value in self.step.differentiated
