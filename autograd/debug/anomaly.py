"""detect_anomaly: where a nan or an infinity began."""

from __future__ import annotations

import math

from ..context import Context, ContextChange, Watch
from .lines import calling_line, shown

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from typing import Any

    from ..value import Value


class AnomalyError(ArithmeticError):
    """An operation gave nan or an infinity inside `detect_anomaly`.

    Attributes:
        op: the name of the operation.
        operands: its operands, Values with names and data.
        filename, line: where the user's code called it; None if it was recorded outside of `detect_anomaly`.

    >>> from autograd import AnomalyError, Value, detect_anomaly
    >>> try:
    ...     with detect_anomaly():
    ...         y = Value(-1.0, name="x").log()
    ... except AnomalyError as error:
    ...     print(str(error).partition(", in")[0])
    log gave nan at x = -1.0
    """

    def __init__(self, message: str, op: str, operands: tuple[Value, ...], place: tuple[str, int] | None) -> None:
        super().__init__(message)
        self.op = op
        self.operands = operands
        self.filename = place[0] if place else None
        self.line = place[1] if place else None

    def __reduce__(self) -> tuple[Any, ...]:
        place = None if self.filename is None or self.line is None else (self.filename, self.line)
        return type(self), (str(self), self.op, self.operands, place)


class detect_anomaly(ContextChange):
    """Raises at the first operation that gives nan or an infinity, forward or in `backward`.

    The error names the operation, its operands, and the line of the user's code that called it. For an operation in
    `backward` the line is known if the graph was also built inside. Holds for the current thread and task; slower than
    plain recording, and what is computed inside stays in memory until it ends. Also a decorator.

    Raises:
        AnomalyError: at that operation.

    >>> from autograd import Value, detect_anomaly
    >>> x = Value(-1.0, name="x")
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     y = (x * 2).log()
    Traceback (most recent call last):
    autograd.debug.anomaly.AnomalyError: log gave nan at -2.0, in ...
    """

    def changed(self, context: Context) -> Context:  # noqa: D102
        return context.but(watch=_AnomalyWatch())


class _AnomalyWatch(Watch):
    def __init__(self) -> None:
        self._places: dict[Value, tuple[str, int]] = {}

    def forward(self, result: Value) -> None:
        place = calling_line()
        self._places[result] = place
        if not math.isfinite(result.data):
            op = result.op or ""
            operands = ", ".join(map(_described, result.parents))
            raise AnomalyError(f"{op} gave {result.data!r} at {operands}, in {shown(place)}", op, result.parents, place)

    def backward(self, result: Value, operand: Value, contribution: float) -> None:
        if math.isfinite(contribution):
            return
        op = result.op or ""
        gradient = 0.0 if result.gradient is None else result.gradient
        place = self._places.get(result)
        operands = ", ".join(map(_described, result.parents))
        where = shown(place) if place else "a line that was recorded outside of detect_anomaly"
        raise AnomalyError(
            f"backward through {op} at {operands} gave {contribution!r} as the derivative with respect to "
            f"{_described(operand)}; the gradient of its result {result.data!r} was {gradient!r}; in {where}",
            op,
            result.parents,
            place,
        )


def _described(operand: Value) -> str:
    return repr(operand.data) if operand.name is None else f"{operand.name} = {operand.data!r}"
