"""Decides the tape of the native engine: which instructions run when, and where their numbers lie.

Instructions that do not depend on each other and do the same stand next to each other, so the interpreter asks once per
run what to do.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .... import ops
from ...lower import FLOAT_FUNCTIONS
from ..scalars import AFTER, BEFORE, INSIDE
from . import interpreter as code
from .interpreter import HEAD, LANES, LOADS, RUN, STORES, SUMS, TOTALS
from .sums import ONES, Sums, Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...ir import Action, Program

_OF_MANY = {ops.sum, ops.dot, ops.mean, ops.prod, ops.max, ops.min, ops.logsumexp}
ELEMENTWISE: dict[Action, str] = {
    **{operation: name for operation, name in FLOAT_FUNCTIONS.items() if operation not in _OF_MANY},
    **{operation: operation.name for operation in (ops.add, ops.sub, ops.mul, ops.neg)},
    "erfc": "erfc",
}
"""The functions of single numbers that the interpreter has, by operation."""
IN_PLACE = {"add", "sub", "mul", "div", "neg", "maximum", "minimum", "step"}
"""Those that take so little time that an operand is not copied if the result goes to its place: the first or second."""
_NUMBER = {action: number for number, action in enumerate(ELEMENTWISE)}
KNOWN = {*ELEMENTWISE, ops.sum, ops.dot}
"""The operations that a tape may hold."""

_LAST = 1 << 30  # the level of totals


class Layout(NamedTuple):
    """Where things lie among the numbers that a tape works on.

    Attributes:
        constants: the first scalars.
        theta: the place of the parameters.
        parameters: how many there are; none, if nothing depends on them.
        symbols: the places of "batch" and "scale".
        totals: the place of the first sum over the batch, and the place after the last; they start at 0.
        scalars: the number of places with one number.
        blocks: the number of places with one for each row.
        results: the places of the results.
        per_row: whether there are results for each row.
    """

    constants: np.ndarray
    theta: int
    parameters: int
    symbols: dict[str, int]
    totals: tuple[int, int]
    scalars: int
    blocks: int
    results: np.ndarray
    per_row: bool


class Tape(NamedTuple):
    """A program as data: the head, the runs and their operands; and where its numbers lie."""

    code: np.ndarray
    layout: Layout


class _Entry(NamedTuple):
    """An instruction in the order in which they run: when, at which depth, what, and which value it gives."""

    stage: int
    level: int
    does: int
    value: int


def tape(program: Program, columns: Sequence[int]) -> Tape:
    """The tape of a lowered program with one instruction per node.

    Args:
        program: the program.
        columns: the number of the first column of each argument, and how many there are in all.
    """
    values = Values(program, columns)
    sums = Sums(values)
    entries = sorted(_entries(values, sums))
    per_row = program.outputs[0].batched
    layout, places = _laid_out(values, entries, per_row)
    runs = [(key, list(group)) for key, group in groupby(entries, key=lambda entry: entry[:3])]
    writer = _Writer(values, sums, places, len(runs) + per_row)
    for (stage, _, does), group in runs:
        writer.run(stage, does, [entry.value for entry in group])
    if per_row:
        writer.stores(layout.results)
    return Tape(writer.code(layout, columns[-1]), layout)


def _entries(values: Values, sums: Sums) -> Iterator[_Entry]:
    """The instructions, each with the length of the longest path to it within its stage."""
    level = [0] * len(values.does)
    stages = values.stages
    for i, does in enumerate(values.does):
        if does == "input":
            yield _Entry(INSIDE, 0, LOADS, i)
        elif does == "total":
            if not sums.absorbed[i]:
                yield _Entry(INSIDE, _LAST, TOTALS, i)
        elif not isinstance(does, str) or does in ELEMENTWISE:
            if sums.absorbed[i] or (i == ONES and not sums.needs_ones):
                continue
            stage = stages[i]
            operands = sums.factors(i) if i in sums.pairs else values.operands[i]
            level[i] = 1 + max([0, *[level[x] for x in operands if stages[x] == stage]])
            yield _Entry(stage, level[i], SUMS if i in sums.pairs else _NUMBER[does], i)


def _laid_out(values: Values, entries: Sequence[_Entry], per_row: bool) -> tuple[Layout, list[int]]:
    """Where everything lies: results in the order in which they are computed."""
    does, data = values.does, values.data
    literals = [i for i, each in enumerate(does) if each == "literal"]
    named = [i for i, each in enumerate(does) if each == "symbol"]
    totals = [entry.value for entry in entries if entry.does == TOTALS]
    scalars = [entry.value for entry in entries if entry.stage == BEFORE]
    scalars += [entry.value for entry in entries if entry.stage == AFTER]
    blocks = [entry.value for entry in entries if entry.stage == INSIDE and entry.does != TOTALS]
    theta = len(literals) + len(named)
    first_total = theta + values.parameters
    first_block = -(-(first_total + len(totals) + len(scalars)) // LANES) * LANES  # blocks begin where cache lines do
    places = [0] * len(does)
    for first, group in ((0, [*literals, *named]), (first_total, [*totals, *scalars]), (first_block, blocks)):
        for place, i in enumerate(group, first):
            places[i] = place
    for i, each in enumerate(does):
        if each == "theta":
            places[i] = theta + data[i]
    layout = Layout(
        constants=np.array([data[i] for i in literals]),
        theta=theta,
        parameters=values.parameters,
        symbols={data[i]: places[i] for i in named},
        totals=(first_total, first_total + len(totals)),
        scalars=first_block,
        blocks=len(blocks),
        results=np.array([places[i] for i in values.results], dtype=np.int64),
        per_row=per_row,
    )
    return layout, places


class _Writer:
    """Writes runs and operands.

    Attributes:
        begins: where the runs of each stage begin.
    """

    def __init__(self, values: Values, sums: Sums, places: list[int], runs: int) -> None:
        self._values = values
        self._sums = sums
        self._places = places
        self._after_runs = HEAD + RUN * runs
        self._runs: list[int] = []
        self._operands: list[int] = []
        self.begins: dict[int, int] = {}

    @property
    def _next(self) -> int:
        return self._after_runs + len(self._operands)

    def run(self, stage: int, does: int, group: list[int]) -> None:
        """Writes a run of alike instructions."""
        self._begin(stage)
        places, operands = self._places, self._values.operands
        if does in (SUMS, TOTALS):
            self._sums_of(does, group)
        elif does == LOADS:
            self._add(LOADS, places[group[0]], len(group), [[self._values.data[i] for i in group]])
        else:
            width = len(operands[group[0]])
            columns = [[places[operands[i][k]] for i in group] for k in range(width)]
            self._add(does, places[group[0]], len(group), columns)

    def stores(self, places: np.ndarray) -> None:
        """Writes that the results of each row are stored."""
        self._begin(INSIDE)
        self._add(STORES, 0, len(places), [places.tolist()])

    def _begin(self, stage: int) -> None:
        for each in (BEFORE, INSIDE, AFTER):
            if each <= stage:
                self.begins.setdefault(each, HEAD + len(self._runs))

    def _add(self, does: int, result: int, number: int, columns: list[list[int]]) -> None:
        self._runs += [does, result, number, self._next, len(columns)]
        for column in columns:
            self._operands += column

    def _sums_of(self, does: int, group: list[int]) -> None:
        starts: list[int] = []
        lists: list[int] = []
        place = self._next + len(group)
        for i in group:
            plus, minus = self._sums.pairs[i]
            starts.append(place + len(lists))
            lists += [len(plus), len(minus)]
            lists += [self._places[x] for pair in plus for x in pair]
            lists += [self._places[x] for pair in minus for x in pair]
        self._add(does, self._places[group[0]], len(group), [starts])
        self._operands += lists

    def code(self, layout: Layout, columns: int) -> np.ndarray:
        """The tape."""
        end = HEAD + len(self._runs)
        begins = [self.begins.get(stage, end) for stage in (BEFORE, INSIDE, AFTER)]
        head = np.zeros(HEAD, dtype=np.int32)
        head[[code.BEFORE, code.INSIDE, code.AFTER, code.END]] = [*begins, end]
        head[[code.SCALARS, code.COLUMNS]] = [layout.scalars, columns]
        head[code.RESULTS] = len(layout.results) if layout.per_row else 0
        return np.array([*head, *self._runs, *self._operands], dtype=np.int32)
