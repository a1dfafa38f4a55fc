"""Which of many derivatives are wrong: random directions say whether, halves of the components say where.

A direction costs a few calls of the function, however many components it moves. Components of similar size go together,
so that small ones do not hide among large ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field as field_of
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import Buffer, lengths
from .lines import Field, Line, along
from .mistakes import Lines, telling
from .verdicts import BY_SEVERITY, ILL_CONDITIONED, OK, WRONG

# Components in one group contribute as much as one another up to this factor; there are at most so many groups.
_SIMILAR = 16.0
_MOST_GROUPS = 8
# If so many components of a group, drawn at random, are all wrong, so is about all of it: nobody looks for the others.
_DRAWN = 3
_LARGE = 8
# After so many wrong components one asks whether they are in one row.
_TELLING = 4
# So many components are found to be wrong, and so many looked at alone; the rest of what is wrong is counted.
_MOST_WRONG = 20
_MOST_ALONE = 50
_MOST_CALLS = 3000
# Along so many directions one looks for usual mistakes.
_LINES = 5
# The rounding of derivatives that were computed with few digits: so many units, as in sums of a thousand terms.
ROUNDINGS = 32.0
# A resolution is stated for components that contribute at least this share of what the largest does.
_CONSIDERABLE = 1e-3

Indices = NDArray[np.intp]


@dataclass(slots=True)
class Claim:
    """Derivatives under test.

    Attributes:
        jacobian: one row for each result, one column for each argument.
        rtol, atol: how far they may be off.
        unit: the relative rounding of the numbers they were computed with.
        typical: the size of derivatives like each one, which are sums that may have cancelled.
    """

    jacobian: Buffer
    rtol: float
    atol: float
    unit: float
    typical: Buffer


class Compared(NamedTuple):
    """Derivatives along one direction: the claimed and the true ones, and how far they may differ."""

    claimed: Buffer
    line: Line
    allowed: Buffer

    @property
    def agrees(self) -> bool:
        """Whether all derivatives agree as far as one can tell."""
        with np.errstate(all="ignore"):
            return bool((np.abs(self.line.slopes - self.claimed) <= self.allowed + self.line.errors).all())


@dataclass(slots=True)
class Findings:
    """What random directions say.

    Attributes:
        alone: the verdicts on components that were looked at alone.
        unexplored: other components of groups that are wrong.
        resolution: the smallest relative error in one component that would have shown.
        confined: the axis, and the index on it, that all wrong components share.
    """

    alone: dict[int, str] = field_of(default_factory=dict)
    unexplored: list[int] = field_of(default_factory=list)
    resolution: float = 0.0
    confined: tuple[int, int] | None = None

    @property
    def wrong(self) -> list[int]:
        """The components that are wrong when moved alone."""
        return [i for i, verdict in self.alone.items() if verdict == WRONG]

    @property
    def verdict(self) -> str:
        """The verdict on what was not explored: that of its neighbours."""
        found = [verdict for verdict in BY_SEVERITY if verdict in self.alone.values()]
        return ILL_CONDITIONED if not found or found[0] == OK else found[0]


class Directions:
    """Compares derivatives with differences along random directions.

    Args:
        field: the function.
        claim: the derivatives under test.
        rng: draws the directions.
        judge: the verdict on one component, looked at alone.
    """

    def __init__(self, field: Field, claim: Claim, rng: np.random.Generator, judge: Callable[[int], str]) -> None:
        self.field = field
        self.claim = claim
        self.calls = 0
        self._rng = rng
        self._judge = judge
        self._is_rounded = (
            field.fit(field.point + field.scale / 3.0).tobytes() != (field.point + field.scale / 3.0).tobytes()
        )
        weights = np.abs(claim.jacobian) * field.scale
        rows = weights.max(axis=1, keepdims=True) if weights.size else weights
        with np.errstate(all="ignore"):
            self.shares = np.nan_to_num(weights / rows, nan=0.0, posinf=1.0).max(axis=0, initial=0.0)

    def random(self, members: Indices) -> Buffer:
        """A direction that moves these components by about their size."""
        direction = np.zeros_like(self.field.point)
        weights = self._rng.uniform(0.5, 1.5, members.size) * self._rng.choice([-1.0, 1.0], members.size)
        direction[members] = weights * self.field.scale[members]
        return direction

    def compare(self, members: Indices) -> Compared:
        """The derivatives along a direction that moves these components, beside the true ones."""
        direction = self.random(members)
        parts = self.claim.jacobian[:, members] * direction[members]
        with np.errstate(all="ignore"):
            claimed = parts.sum(axis=1)
        rounded = (
            np.maximum(np.abs(self.claim.jacobian[:, members]), self.claim.typical[:, members]) * direction[members]
        )
        allowed = self.claim.rtol * lengths(parts) + ROUNDINGS * self.claim.unit * lengths(rounded)
        allowed += self.claim.atol * float(np.sqrt((direction**2).sum())) + 2.0**-1000
        return Compared(claimed, self.measure(direction, claimed, allowed), allowed)

    def lines(self, members: Indices) -> tuple[Buffer, Lines]:
        """A few directions, one a row, and what is known along them of the derivatives by these components."""
        directions = np.array([self.random(members) for _ in range(_LINES)])
        with np.errstate(all="ignore"):
            claimed = directions @ self.claim.jacobian[0]
        allowed = np.full(1, 1e-6 * float(np.abs(claimed).max(initial=0.0)) + 2.0**-1000)
        found = [self.measure(direction, np.full(1, np.nan), allowed) for direction in directions]
        true = np.array([line.slopes[0] for line in found])
        rounded = lengths(self.claim.typical[:1] * directions)
        error = np.array([line.errors[0] for line in found]) + ROUNDINGS * self.claim.unit * rounded
        x, ones = directions @ self.field.point, directions.sum(axis=1)
        return directions, Lines(true, claimed, telling(error, true), x, ones)

    def measure(self, direction: Buffer, claimed: Buffer, allowed: Buffer) -> Line:
        """The true derivatives along a direction."""
        jacobian = self.claim.jacobian if self._is_rounded and np.isfinite(self.claim.jacobian).all() else None
        before = self.field.calls
        line = along(self.field, direction, claimed, allowed, jacobian)
        self.calls += self.field.calls - before
        return line

    def search(self, shape: tuple[int, ...]) -> Findings:
        """Which components of an array are wrong."""
        findings = Findings()
        wrong = []
        for members in self._groups():
            found = self.compare(members)
            if found.agrees:
                findings.resolution = max(findings.resolution, self.resolution(members, found))
            else:
                wrong.append(members)
        self.explore(wrong, findings, 0, shape)
        return findings

    def explore(self, groups: Sequence[Indices], findings: Findings, start: int, shape: tuple[int, ...]) -> None:
        """Follows groups that are wrong down to single components. Components of one row are next to each other.

        Args:
            groups: of components of one array.
            findings: takes what is found.
            start: the first component of the array.
            shape: of the array.
        """
        pending = [members for members in reversed(groups) if not self._is_all_wrong(members, findings)]
        while pending:
            members = pending.pop()
            is_enough = len(findings.wrong) >= _MOST_WRONG or len(findings.alone) >= _MOST_ALONE
            if is_enough or self.calls > _MOST_CALLS or findings.confined is not None:
                findings.unexplored += members.tolist()
            elif members.size > 1:
                pending += self._wrong_halves(members)
            else:
                findings.alone[int(members[0])] = self._judge(int(members[0]))
                if len(findings.wrong) == _TELLING:
                    findings.confined = self._confined(findings, start, shape)
        if findings.confined is None:
            findings.confined = self._confined(findings, start, shape)
        if findings.confined is not None:
            axis, index = findings.confined
            inside = set((np.flatnonzero(_places(shape)[axis] == index) + start).tolist())
            findings.unexplored = [i for i in findings.unexplored if i in inside]

    def _is_all_wrong(self, members: Indices, findings: Findings) -> bool:
        """Whether components drawn at random are all wrong; only these are then looked at."""
        if members.size < _LARGE:
            return False
        drawn = self._rng.choice(members, _DRAWN, replace=False)
        if any(self.compare(drawn[i : i + 1]).agrees for i in range(_DRAWN)):
            return False
        if len(findings.wrong) < _DRAWN:
            findings.alone.update((int(i), self._judge(int(i))) for i in drawn)
            if any(findings.alone[int(i)] != WRONG for i in drawn):
                return False
        findings.unexplored += [i for i in members.tolist() if i not in findings.alone]
        return True

    def _wrong_halves(self, members: Indices) -> list[Indices]:
        first, second = members[: members.size // 2], members[members.size // 2 :]
        if self.compare(first).agrees:
            return [second]  # the whole is wrong, so it must be here
        return [first] if self.compare(second).agrees else [second, first]

    def _confined(self, findings: Findings, start: int, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """The axis and the index on it that all wrong components of an array share, if all others are right."""
        wrong = [i - start for i in findings.wrong]
        if len(wrong) < 2 or len(shape) < 2:
            return None
        everywhere = _places(shape)
        places = everywhere[:, wrong]
        for axis in np.flatnonzero((places == places[:, :1]).all(axis=1)):
            others = np.flatnonzero(everywhere[axis] != places[axis, 0]) + start
            if self.compare(others).agrees:
                return int(axis), int(places[axis, 0])
        return None

    def _groups(self) -> Iterator[Indices]:
        """Components that contribute about as much, those that contribute most first."""
        order = np.argsort(-self.shares, kind="stable")
        start = 0
        for group in range(_MOST_GROUPS):
            if start == order.size:
                return
            least = self.shares[order[start]] / _SIMILAR
            end = start + int((self.shares[order[start:]] >= least).sum()) if group < _MOST_GROUPS - 1 else order.size
            yield np.sort(order[start:end])
            start = end

    def resolution(self, members: Indices, compared: Compared) -> float:
        """The smallest relative error in one of these components that would have shown."""
        sizes = np.abs(self.claim.jacobian[:, members]) * self.field.scale[members]
        largest = (np.abs(self.claim.jacobian) * self.field.scale).max(axis=1, keepdims=True)
        is_counted = sizes > _CONSIDERABLE * largest
        with np.errstate(all="ignore"):
            doubt = compared.allowed + 2.0 * compared.line.errors
            found = 2.0 * doubt[:, np.newaxis] / np.where(is_counted, sizes, np.inf)
        return float(np.nan_to_num(found, nan=0.0, posinf=np.inf).max(initial=0.0))


def _places(shape: tuple[int, ...]) -> Indices:
    """The index of each component on each axis, one row an axis."""
    return np.array(np.unravel_index(np.arange(math.prod(shape)), shape), dtype=np.intp)
