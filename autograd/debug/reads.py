"""detect_reads: where Python code learns the number of a Value, so that what it does next is not in the graph."""

from __future__ import annotations

import sys

from ..context import Context, ContextChange, Reader
from ..node import leaves
from ..structures import flatten
from ..value import Value
from .lines import calling_line, is_library

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class detect_reads(ContextChange, Reader):
    """Notes where Python code learns the number of a Value: `if x > 0`, `float(x)`, `x.data`, `f"{x}"` and the like.

    A program that `compile` makes of the graph repeats what is in the graph. What Python did with a number that it
    read is not in it, such as the choice of a branch: it stays as it was for the numbers of that time. A graph that was
    built without a read holds for all numbers. What counts as one:

    - `data`, `grad` and `has_grad`, read or assigned; float(), comparisons with < <= > >=, formatting and repr; and so
      all that Python and NumPy make of these, such as max, sorted, math.sin, argmax and conversions of arrays;
    - == and != where one side is made of `Placeholder`s alone, which stand for plain numbers;
    - whatever gives a constant or another leaf with the number: `detach`, operations under `no_grad`, copies, pickling;
    - derivatives as floats, `backward`, and `detect_anomaly`, which look at numbers themselves.

    Holds for the current thread and task.

    Args:
        leaves: those whose numbers will change, such as parameters; one Value or several. Reads of other leaves and of
            constants do not count, reads of results and of `Placeholder`s always do.

    Attributes:
        first: the file and line of the user's code where a number was read first; None if none was.

    >>> from autograd import Value, detect_reads
    >>> x = Value(2.0)
    >>> with detect_reads([x]) as reads:
    ...     y = (x * 3).relu()
    >>> reads.first is None
    True
    >>> with detect_reads([x]) as reads:
    ...     y = x * 3 if x > 0 else 0.0
    >>> reads.first is None
    False
    """

    def __init__(self, leaves: Value | Iterable[Value] = ()) -> None:
        self.first: tuple[str, int] | None = None
        leaves = flatten([leaves] if isinstance(leaves, Value) else leaves, "detect_reads: leaves")
        if not all(issubclass(kind, Value) for kind in set(map(type, leaves))):
            leaf = next(leaf for leaf in leaves if not isinstance(leaf, Value))
            raise TypeError(f"detect_reads: leaves must be Values, got {leaf!r} of type {type(leaf).__name__}")
        self._leaves = leaves
        self._identities: set[int] | None = None
        self._outer: Reader | None = None

    def __repr__(self) -> str:
        return "<detect_reads: none>" if self.first is None else "<detect_reads: {}:{}>".format(*self.first)

    def changed(self, context: Context) -> Context:  # noqa: D102
        if context.reads is not self:  # a decorated function may call itself
            self._outer = context.reads
        return context.but(reads=self)

    def note(self, value: Value) -> None:
        """The number of this Value was read."""
        if self.first is None and self._counts(value):
            self.first = calling_line()
        if self._outer is not None:
            self._outer.note(value)

    def compare(self, one: Value, other: Value) -> None:
        """These were asked whether they are equal, which is a read if one of them stands for a plain number."""
        if self.first is None and one is not other and (_stands_for_a_number(one) or _stands_for_a_number(other)):
            self.first = calling_line()
        if self._outer is not None:
            self._outer.compare(one, other)

    def _counts(self, value: Value) -> bool:
        return value.op is not None or isinstance(value, Placeholder) or id(value) in self._places()

    def _places(self) -> set[int]:
        """The leaves by identity, since to ask a Placeholder for its hash is a read; made when a leaf is read first."""
        if self._identities is None:
            self._identities = set(map(id, self._leaves))
        return self._identities


def _stands_for_a_number(value: Value) -> bool:
    """Whether it is made of Placeholders alone, for whose numbers the model calculates with plain numbers."""
    found = [leaf for leaf in leaves([value]) if not leaf.is_constant]
    return bool(found) and all(isinstance(leaf, Placeholder) for leaf in found)


def _length(numbers: object) -> int:
    try:
        return len(numbers)  # type: ignore[arg-type]
    except TypeError:  # an array of no dimension, or one number of NumPy's
        return 0


_NO_ROWS = (str, bytes, bytearray, memoryview, dict, Value)


class Placeholder(Value):
    """A leaf that stands for a number of each observation while the graph of one observation is built.

    Python's own numbers answer `==` and are found in dicts and sets; a Value does so by identity. Therefore asking a
    Placeholder such a question is a read too: see `detect_reads`.

    Args:
        numbers: the number of each observation; the data are the first one's.

    >>> from autograd import Placeholder, detect_reads
    >>> with detect_reads() as reads:
    ...     weight = {0.0: 1.0, 1.0: 5.0}.get(Placeholder([1.0, 0.0]), 1.0)
    >>> weight, reads.first is None
    (1.0, False)
    """

    def __init__(self, numbers: Any) -> None:
        if isinstance(numbers, _NO_ROWS) or not hasattr(type(numbers), "__getitem__") or not _length(numbers):
            raise TypeError(
                f"a Placeholder takes a sequence with the number of each observation, got {numbers!r} of type "
                f"{type(numbers).__name__}"
            )
        super().__init__(numbers[0])
        self.numbers = numbers

    def __eq__(self, other: object) -> bool:
        if other is not self and not isinstance(other, Value):
            self._noted()
        return super().__eq__(other)

    def __hash__(self) -> int:
        if not is_library(sys._getframe(1)):  # the engine keeps Values in sets and dicts, by identity
            self._noted()
        return object.__hash__(self)

    def _noted(self) -> float:
        return self.data
