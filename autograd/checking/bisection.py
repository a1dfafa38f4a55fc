"""Which of many derivatives are wrong: random directions say whether, halves of the components say where.

A direction costs a few calls of the function, however many components it moves. Components of similar size go together,
so that small ones do not hide among large ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field as field_of

import numpy as np
from numpy.typing import NDArray

from .arrays import Buffer
from .lines import Field, Line, along

# Components in one group contribute as much as one another up to this factor; there are at most so many groups.
_SIMILAR = 16.0
_MOST_GROUPS = 8
# So many components are named, and so often the function is called; the rest of what is wrong is counted.
MOST_NAMED = 20
_MOST_CALLS = 4000
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
    """

    jacobian: Buffer
    rtol: float
    atol: float
    unit: float


@dataclass(slots=True)
class Findings:
    """What random directions say.

    Attributes:
        suspects: components that are wrong when moved alone, as far as one line tells.
        unexplored: other components of groups that are wrong.
        resolution: the smallest relative error in one component that would have shown.
    """

    suspects: list[int] = field_of(default_factory=list)
    unexplored: list[int] = field_of(default_factory=list)
    resolution: float = 0.0


class Directions:
    """Compares derivatives with differences along random directions.

    Args:
        field: the function.
        claim: the derivatives under test.
        rng: draws the directions.
    """

    def __init__(self, field: Field, claim: Claim, rng: np.random.Generator) -> None:
        self.field = field
        self.claim = claim
        self.calls = 0
        self._rng = rng
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

    def compare(self, members: Indices) -> tuple[bool, Line, Buffer]:
        """Whether the derivatives by these components agree, the true ones along a line, and what is allowed."""
        direction = self.random(members)
        parts = self.claim.jacobian[:, members] * direction[members]
        claimed = parts.sum(axis=1)
        norms = np.sqrt((parts**2).sum(axis=1))
        allowed = (self.claim.rtol + ROUNDINGS * self.claim.unit) * norms
        allowed += self.claim.atol * float(np.sqrt((direction**2).sum())) + 2.0**-1000
        line = self.measure(direction, claimed, allowed)
        with np.errstate(all="ignore"):
            distance = np.abs(line.slopes - claimed)
        return bool((distance <= allowed + line.errors).all()), line, allowed

    def measure(self, direction: Buffer, claimed: Buffer, allowed: Buffer) -> Line:
        """The true derivatives along a direction."""
        jacobian = self.claim.jacobian if self._is_rounded and np.isfinite(self.claim.jacobian).all() else None
        before = self.field.calls
        line = along(self.field, direction, claimed, allowed, jacobian)
        self.calls += self.field.calls - before
        return line

    def search(self) -> Findings:
        """Which components are wrong."""
        findings = Findings(resolution=self.claim.rtol)
        wrong = []
        for members in self._groups():
            agrees, line, allowed = self.compare(members)
            if agrees:
                findings.resolution = max(findings.resolution, self._resolution(members, line, allowed))
            else:
                wrong.append(members)
        for members in wrong:
            self._bisect(members, findings)
        return findings

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

    def _resolution(self, members: Indices, line: Line, allowed: Buffer) -> float:
        sizes = np.abs(self.claim.jacobian[:, members]) * self.field.scale[members]
        largest = (np.abs(self.claim.jacobian) * self.field.scale).max(axis=1, keepdims=True)
        is_counted = sizes > _CONSIDERABLE * largest
        with np.errstate(all="ignore"):
            found = 2.0 * (allowed + 2.0 * line.errors)[:, np.newaxis] / np.where(is_counted, sizes, np.inf)
        return float(np.nan_to_num(found, nan=0.0, posinf=np.inf).max(initial=0.0))

    def _bisect(self, members: Indices, findings: Findings) -> None:
        """Follows halves that are wrong down to single components. Components of one row are next to each other."""
        pending = [members]
        while pending:
            members = pending.pop()
            if members.size == 1:
                findings.suspects.append(int(members[0]))
                continue
            if len(findings.suspects) >= MOST_NAMED or self.calls > _MOST_CALLS:
                findings.unexplored += members.tolist()
                continue
            first, second = members[: members.size // 2], members[members.size // 2 :]
            if self.compare(first)[0]:
                pending.append(second)  # the parent was wrong, so it must be here
                continue
            if not self.compare(second)[0]:
                pending.append(second)
            pending.append(first)
