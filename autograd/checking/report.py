"""What a check found: an entry per input and the operations that are wrong, as text and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..debug.lines import shown
from ..value import Value
from .slopes import Slope
from .subject import Place, Subject, described_call
from .tables import Entry, Sampled, counted, in_json, page, sides, table
from .verdicts import BY_SEVERITY, OK, WRONG, Tolerance

if TYPE_CHECKING:
    from ..drawing.display import Drawing

# A report describes so many wrong operations, and its first line names so many places.
_FAULTS = 5
_NAMED = 3
# A resolution this poor is mentioned.
_POOR = 1e-2


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
        true = sides(self.slope.left, self.slope.right, ".4g")
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
            f"    the true one     {sides(self.slope.left, self.slope.right)}",
            f"    relative error   {self.error:.1e}",
            f"  reaches {_listed(self.reaches)}",
        ]
        return "\n".join(lines)


class GradcheckError(AssertionError):
    """A derivative is wrong. The message is the report's text.

    Attributes:
        report: the Report.

    >>> from autograd import GradcheckError, check_gradient
    >>> try:
    ...     check_gradient(lambda x: x**2, lambda x: x, 3.0)
    ... except GradcheckError as error:
    ...     print(error.report.hints[0])
    a factor of 2 is missing, as from the derivative of a square
    """

    __module__ = "autograd"  # which is where users import it from, and what tracebacks show

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


class Report:
    """The outcome of `gradcheck`, `check_gradient` or `check_backward`.

    Attributes:
        entries: one Entry per input, in their order.
        looked_at: those that did not only take part in random directions, but for those of groups that are not ok.
        sampled: the others.
        faults: one Fault per wrong partial derivative of an operation.
        hints: guesses at the mistake, where one explains all entries exactly.
        operations: how many operations were checked.
        resolution: the smallest relative error that would have shown in any derivative that is at least a thousandth of
            the largest; the function's rounding and noise hide smaller ones.
        problems: what is wrong besides numbers, such as arguments that are changed in place.
        advice: how to see more, where the resolution is poor.
        ok: whether the check passes.

    >>> from autograd import check_gradient
    >>> report = check_gradient(lambda x: x**2, lambda x: 2 * x, 3.0)
    >>> report.ok, [(entry.input, entry.verdict) for entry in report.entries]
    (True, [('x', 'ok')])
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
        resolution: float | None = None,
        problems: Sequence[str] = (),
        noun: str = "derivative",
        sampled: Sampled | None = None,
    ) -> None:
        self._name = name
        self._noun = noun
        self.problems = list(problems)
        self._outputs = outputs
        self.looked_at = list(entries)
        self.sampled = sampled
        self.faults = list(faults)
        self.hints = list(hints)
        self.operations = operations
        self.resolution = tolerance.rtol if resolution is None else resolution
        self.advice = ""
        self.ok = all(entry.verdict != WRONG for entry in entries) and not faults and not problems

    @cached_property
    def entries(self) -> list[Entry]:
        """One Entry per input, in their order; among thousands they are made when they are asked for."""
        return self.sampled.among(self.looked_at) if self.sampled is not None else self.looked_at

    @property
    def _number_sampled(self) -> int:
        return self.sampled.number - len(self.looked_at) if self.sampled is not None else 0

    def __repr__(self) -> str:
        return f"<report {self.summary}>"

    def __str__(self) -> str:
        parts = [self.summary]
        parts.append("\n".join(self.problems))
        parts += [str(fault) for fault in self.faults[:_FAULTS]]
        if len(self.faults) > _FAULTS:
            parts.append(f"... and {len(self.faults) - _FAULTS} more wrong derivatives of operations")
        parts += ["\n".join([*self.hints, *self._limits()])]
        if self.looked_at or self._number_sampled:
            parts.append(table(self.looked_at, self._number_sampled))
        return "\n\n".join(filter(None, parts))

    def _repr_html_(self) -> str:
        """As Jupyter shows it."""
        remarks = [*self.problems, *map(str, self.faults[:_FAULTS]), *self.hints, *self._limits()]
        return page(self.summary, remarks, self.looked_at, self._number_sampled)

    def _limits(self) -> list[str]:
        """What could not have been seen, and the remedy."""
        is_sampled = self._number_sampled > 0
        if not self.ok or not (self.resolution > _POOR or is_sampled):
            return []
        where = " in a single component" if is_sampled else ""
        seen = f"an error{where} shows from {100.0 * self.resolution:.2g} % on"
        if self.resolution >= 1.0:
            seen = f"an error{where} shows if it is several times the derivative"
        if math.isinf(self.resolution):
            seen = f"no error{where} would have shown"
        return [seen + (f" ({self.advice})" if self.advice and self.resolution > _POOR else "")]

    @property
    def summary(self) -> str:
        """The outcome in one line: what is wrong, and where."""
        counts = {verdict: sum(entry.verdict == verdict for entry in self.looked_at) for verdict in BY_SEVERITY}
        counts[OK] += self._number_sampled
        number = len(self.looked_at) + self._number_sampled
        derivatives = counted(number, self._noun)
        if self.problems:
            return f"{self._name} FAILED: {self.problems[0]}"
        if counts[OK] == number:
            checked = f" and {counted(self.operations, 'operation')}" if self.operations else ""
            return f"{self._name}: {derivatives}{checked} ok"
        unseen = {entry.verdict for entry in self.looked_at if entry.is_sampled}  # not each of these need be so
        kinds = [(f"up to {count:,}" if v in unseen else f"{count:,}", v) for v, count in counts.items() if count]
        found = ", ".join(f"{count} {verdict}" for count, verdict in kinds)
        return f"{self._name} {'passed' if self.ok else f'FAILED at {self._places()}'}: {derivatives}, {found}"

    def _places(self) -> str:
        """The operations to blame, or the inputs that are wrong."""
        names = list(dict.fromkeys(repr(fault.node.op) for fault in self.faults))
        for entry in () if names else sorted(self.looked_at, key=lambda entry: entry.is_sampled):
            if entry.verdict == WRONG:
                few = len(entry.components) <= _NAMED and not entry.note
                names += (few and [component.input for component in entry.components]) or [entry.input]
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED + 1 else ""
        return ", ".join(" ".join(name.split()) for name in names[: _NAMED if more else _NAMED + 1]) + more

    def to_dict(self) -> dict[str, Any]:
        """All of it as numbers, texts, lists and dicts, ready for JSON; what is not finite as a text."""
        return {
            "check": self._name,
            "ok": self.ok,
            "summary": self.summary,
            "resolution": in_json(self.resolution),
            "advice": self.advice,
            "problems": list(self.problems),
            "hints": list(self.hints),
            "operations": self.operations,
            "entries": [in_json(asdict(entry)) for entry in self.entries],
            "faults": [
                {
                    "op": fault.node.op,
                    "position": fault.position,
                    "analytic": in_json(fault.analytic),
                    "left": in_json(float(fault.slope.left)),
                    "right": in_json(float(fault.slope.right)),
                    "error": in_json(fault.error),
                    "place": list(fault.place) if fault.place else None,
                    "reaches": list(fault.reaches),
                }
                for fault in self.faults
            ],
        }

    def raise_if_wrong(self) -> None:
        """Raises GradcheckError unless the check passes."""
        __tracebackhide__ = True  # pytest shows the line that called the check
        if not self.ok:
            raise GradcheckError(self)

    @property
    def has_graph(self) -> bool:
        """Whether there is a graph to draw."""
        return bool(self._outputs)

    def draw(self, theme: str = "light") -> Drawing:
        """The graph as a picture, with the operations that are wrong in red.

        Args:
            theme: "light" or "dark".

        Raises:
            ValueError: there is no graph, as after `check_gradient`, or the theme is another one.
        """
        if not self._outputs:
            raise ValueError("this report is about a plain function, there is no graph to draw")
        from ..drawing import draw  # only here: it loads graphviz

        marked: dict[Value, str] = {}
        for fault in self.faults:
            marked[fault.node] = "\n".join(filter(None, [marked.get(fault.node), fault.in_short()]))
        roots, shown = list(self._outputs), ("data", "local")
        return draw(roots, show=shown, size="column", marked=marked, caption=self.summary, theme=theme)


def _scope_path(node: Value) -> str:
    names: list[str] = []
    scope = node.scope
    while scope is not None:
        names.insert(0, scope.name)
        scope = scope.outer
    return ".".join(names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more inputs" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
