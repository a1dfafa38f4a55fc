"""What a check found: an entry per input and the operations that are wrong, as text and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..debug.lines import shown
from ..value import Value
from .slopes import Slope
from .subject import Place, Subject, described_call
from .verdicts import BY_SEVERITY, OK, Tolerance

if TYPE_CHECKING:
    from ..drawing.display import Drawing

# A table shows every input that is not ok, and fills up to this number of rows with the others.
_ROWS = 20
_FAULTS = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """The derivative of the function by one input; with several outputs, that of the output where it is worst.

    Attributes:
        input: the input's name, or its path such as "x[1]".
        verdict: "ok", "wrong", "kink" or "ill-conditioned".
        analytic: what `backward`, or the derivative under test, gives.
        numeric: the true derivative; at a kink the mean of those from the left and the right.
        error: the relative error; at a kink the distance to the interval between both sides.
        op: the name of the faulty operation, if one is to blame.
        left, right: the true derivatives from either side.
        output: the path of the output, such as "[1]"; "" if there is only one.
        note: what else there is to say.
    """

    input: str
    verdict: str
    analytic: float
    numeric: float
    error: float
    op: str | None = None
    left: float = 0.0
    right: float = 0.0
    output: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """An operation with a wrong partial derivative.

    Attributes:
        node: the operation's result.
        position: the operand whose partial is wrong, from 0.
        analytic: the partial that `backward` takes.
        slope: the true one.
        error: the relative error.
        subject: the graph that it is in.
    """

    node: Value
    position: int
    analytic: float
    slope: Slope
    error: float
    subject: Subject

    @property
    def reaches(self) -> tuple[str, ...]:
        """The names of the inputs whose derivative goes through this operand."""
        return self.subject.names_before(self.node.parents[self.position])

    @property
    def place(self) -> Place | None:
        """The user's file and line that computed the result, if known."""
        return self.subject.places.get(self.node)

    @property
    def definition(self) -> Place | None:
        """The file and line of the partials, if the operation is the user's own."""
        operation = self.node.operation
        assert operation is not None
        code = getattr(operation.partials, "__code__", None)
        return None if operation.is_built_in or code is None else (code.co_filename, code.co_firstlineno)

    def in_short(self) -> str:
        """What a picture says about it."""
        true = _sides(self.slope.left, self.slope.right, ".4g")
        return f"wrong derivative by operand {self.position}: {self.analytic:.4g} instead of {true}"

    def __str__(self) -> str:
        node = self.node
        operand = node.parents[self.position]
        scope = _scope_path(node)
        lines = [f"operation {node.op!r}{scope and f' in {scope}'} has a wrong derivative"]
        if self.place is not None:
            lines.append(f"  computed at {shown(self.place)}")
        if self.definition is not None:
            lines.append(f"  defined at {shown(self.definition)}")
        lines += [
            f"  {described_call(node)}",
            f"  by operand {self.position}{f' ({operand.name})' if operand.name else ''}:",
            f"    its derivative   {self.analytic!r}",
            f"    the true one     {_sides(self.slope.left, self.slope.right)}",
            f"    relative error   {self.error:.1e}",
            f"  reaches {_listed(self.reaches)}",
        ]
        return "\n".join(lines)


class GradcheckError(AssertionError):
    """A derivative is wrong. The message is the report's text.

    Attributes:
        report: the Report.
    """

    __module__ = "autograd"  # which is where users import it from, and what tracebacks show

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


class Report:
    """The outcome of `gradcheck` or `check_gradient`.

    Attributes:
        entries: one Entry per input, in their order.
        faults: one Fault per wrong partial derivative of an operation.
        hints: guesses at the mistake, where one explains all entries exactly.
        operations: how many operations were checked.
        ok: whether the check passes.
    """

    def __init__(
        self,
        name: str,
        entries: Sequence[Entry],
        tolerance: Tolerance,
        *,
        faults: Sequence[Fault] = (),
        hints: Sequence[str] = (),
        outputs: Sequence[Value] = (),
        operations: int = 0,
    ) -> None:
        self._name = name
        self._outputs = outputs
        self.entries = list(entries)
        self.faults = list(faults)
        self.hints = list(hints)
        self.operations = operations
        self.ok = all(tolerance.passes(entry.verdict) for entry in entries) and not faults

    def __repr__(self) -> str:
        return f"<report {self.summary}>"

    def __str__(self) -> str:
        parts = [self.summary]
        parts += [str(fault) for fault in self.faults[:_FAULTS]]
        if len(self.faults) > _FAULTS:
            parts.append(f"... and {len(self.faults) - _FAULTS} more wrong derivatives of operations")
        if self.hints:
            parts.append("\n".join(self.hints))
        if self.entries:
            parts.append(_table(self.entries))
        return "\n\n".join(parts)

    @property
    def summary(self) -> str:
        """The outcome in one line."""
        counts = {verdict: sum(entry.verdict == verdict for entry in self.entries) for verdict in BY_SEVERITY}
        derivatives = _counted(len(self.entries), "derivative")
        if counts[OK] == len(self.entries):
            checked = f" and {_counted(self.operations, 'operation')}" if self.operations else ""
            return f"{self._name}: {derivatives}{checked} ok"
        found = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
        blamed = ", ".join(dict.fromkeys(repr(fault.node.op) for fault in self.faults[:_FAULTS]))
        outcome = "passed" if self.ok else f"FAILED at {blamed}" if blamed else "FAILED"
        return f"{self._name} {outcome}: {derivatives}, {found}"

    def raise_if_wrong(self) -> None:
        """Raises GradcheckError unless the check passes."""
        __tracebackhide__ = True  # pytest shows the line that called the check
        if not self.ok:
            raise GradcheckError(self)

    def draw(self) -> Drawing:
        """The graph as a picture, with the operations that are wrong in red.

        Raises:
            ValueError: there is no graph, as after `check_gradient`.
        """
        if not self._outputs:
            raise ValueError("this report is about a plain function, there is no graph to draw")
        from ..drawing import draw  # only here: it loads graphviz

        marked: dict[Value, str] = {}
        for fault in self.faults:
            marked[fault.node] = "\n".join(filter(None, [marked.get(fault.node), fault.in_short()]))
        return draw(list(self._outputs), show=("data", "local"), size="column", marked=marked, caption=self.summary)


def _table(entries: Sequence[Entry]) -> str:
    """All inputs, worst first; those that are ok only as far as they fit."""
    ordered = sorted(entries, key=severity)
    bad = sum(entry.verdict != OK for entry in ordered)
    rows = ordered[: max(bad, _ROWS)]
    heads = ("input", "verdict", "derivative", "true", "error", "operation" if any(e.op for e in rows) else "")
    cells = [heads, *map(_row, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row, entry in zip(cells, [None, *rows], strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if entry and entry.note:
            lines += ["    " + line for line in entry.note.splitlines()]
    if len(rows) < len(entries):
        lines.append(f"... and {len(entries) - len(rows)} more, all ok")
    return "\n".join(lines)


def _row(entry: Entry) -> tuple[str, ...]:
    name = f"{entry.input} → {entry.output}" if entry.output else entry.input
    name = " ".join(name.splitlines())  # names are data; a row is one line
    true = _sides(entry.left, entry.right, ".10g")
    return name, entry.verdict, f"{entry.analytic:.10g}", true, f"{entry.error:.1e}", entry.op or ""


def severity(entry: Entry) -> tuple[int, float]:
    """Sorts the worst entry first."""
    return BY_SEVERITY.index(entry.verdict), -entry.error


def _scope_path(node: Value) -> str:
    names: list[str] = []
    scope = node.scope
    while scope is not None:
        names.insert(0, scope.name)
        scope = scope.outer
    return ".".join(names)


def _sides(left: float, right: float, form: str = "") -> str:
    if left == right or abs(left - right) <= 1e-9 * max(abs(left), abs(right)) < math.inf:
        return format(left, form)
    if left != left and right != right:
        return "none"
    return f"{left:{form}} left, {right:{form}} right"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more inputs" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
