"""The backward of a layer, in NumPy, torch or JAX, against its forward."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field as field_of, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from .arrays import DOUBLE, Buffer, Point, place, to_numpy, unit_of
from .bisection import ROUNDINGS, Claim, Compared, Directions, Findings, Indices
from .comparison import Comparison, confined_to, typical_sizes
from .evidence import Evidence
from .frameworks import Layer, MissingGradientError, layer_of
from .judge import judge
from .lines import field_at
from .mistakes import likely_mistakes, transposed
from .reference import Weighted, weighted
from .report import Report
from .subjects import CALLS, NOISE, UNITS
from .tables import Entry
from .verdicts import OK, WRONG, Tolerance

# How far gradients may be off by default: of float64, and so many units of what has fewer digits.
_RTOL = 1e-6
_RTOL_UNITS = 2000.0
_MOST_RTOL = 0.05
# Along directions less is allowed, as one wrong component among thousands makes little difference.
_RTOL_OF_DIRECTIONS = 1e-6
# Rounding may be so many times as large as it is found to be.
_UNSTEADY = 2.0
# Where functions may be less saturated.
_SMALLER = (0.5, 0.25, 0.125)
# Components that contribute less than this share of what the largest of their input does are moved on their own ...
_SMALL = 1.0 / 32.0
# ... and those that contribute less than this share again.
_TINY = 1.0 / 1024.0


def checked(
    forward: Callable[..., Any],
    backward: Any,
    inputs: Sequence[Any],
    reference: Callable[..., Any] | None,
    tolerances: tuple[float | None, float, str],
    seed: int,
) -> Report:
    """What `check_backward` finds; its arguments are explained there."""
    rtol, atol, kinks = tolerances
    if not callable(forward):
        raise TypeError(f"check_backward: forward must be a function of the inputs, got {forward!r}")
    layer = layer_of(forward, backward, inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        check = _Check(layer, np.random.default_rng(seed))
        unit = max(unit_of(layer.inputs[i]) for i in layer.positions)
        default = _RTOL if unit <= DOUBLE else min(_RTOL_UNITS * unit, _MOST_RTOL)
        return check.report(reference, Tolerance(default if rtol is None else rtol, atol, kinks))


@dataclass(slots=True)
class _Gradient:
    """What backward gives for one input.

    Attributes:
        name: the input's.
        x: the input.
        given: what backward gives.
        numbers: the same in float64; zeros if it is missing or has another shape.
        faults: what is wrong with it besides its numbers.
    """

    name: str
    x: Any
    given: Any
    numbers: Buffer
    faults: list[str] = field_of(default_factory=list)

    @property
    def is_comparable(self) -> bool:
        """Whether it has a number for each of the input's."""
        return self.given is not None and np.shape(self.given) == np.shape(self.x)


class _Check:
    """One check of a layer."""

    def __init__(self, layer: Layer, rng: np.random.Generator) -> None:
        self._layer = layer
        self._rng = rng
        self._problems: list[str] = []
        self._is_random = False
        self._originals = [to_numpy(layer.inputs[i]) for i in layer.positions]
        self._outputs = self._called()
        self._cotangents = [layer.random_like(y, rng) for y in self._outputs]
        self._gradients = self._differentiated()

    def _called(self) -> list[Any]:
        """The results of forward, which must be the same at each call."""
        layer = self._layer
        arguments = layer.copies()
        outputs = layer.call(arguments)
        self._require_unchanged("forward", arguments)
        numbers = [to_numpy(y) for y in outputs]
        if any(np.isnan(y).any() for y in numbers):
            raise ValueError("check_backward: forward gives nan for these inputs")
        for _ in range(CALLS - 1):
            if self._differ(numbers, layer.call(layer.copies()), max(map(unit_of, outputs))):
                self._problems.append("forward gives other results when it is called again with the same inputs")
                self._is_random = True
                break
        return outputs

    def _differentiated(self) -> list[_Gradient]:
        layer = self._layer
        arguments, cotangents = layer.copies(), [layer.copy(c) for c in self._cotangents]
        try:
            given = layer.gradients(cotangents, arguments)
            again = layer.gradients([layer.copy(c) for c in self._cotangents], layer.copies())
        except MissingGradientError as error:
            self._problems.append(f"backward fails: {error}")
            given = again = [None] * len(layer.positions)
        self._require_unchanged("backward", arguments)
        for before, after in zip(self._cotangents, cotangents, strict=True):
            if not np.array_equal(to_numpy(before), to_numpy(after), equal_nan=True):
                self._problems.append("backward changes the cotangent in place, which others may still need")
        gradients = [
            _gradient(name, layer.inputs[i], g) for name, i, g in zip(layer.names, layer.positions, given, strict=True)
        ]
        for gradient, other in zip(gradients, again, strict=True):
            if gradient.is_comparable and self._differ([gradient.numbers], [other], unit_of(gradient.given)):
                gradient.faults.append("backward gives another gradient when it is called again")
        return gradients

    def _require_unchanged(self, who: str, arguments: Sequence[Any]) -> None:
        for name, i, before in zip(self._layer.names, self._layer.positions, self._originals, strict=True):
            if not np.array_equal(before, to_numpy(arguments[i]), equal_nan=True):
                self._problems.append(f"{who} changes {name} in place")

    def _differ(self, before: Sequence[Buffer], after: Sequence[Any], unit: float) -> bool:
        """Whether results differ by more than sums in another order explain."""
        if len(before) != len(after):
            return True
        for x, other in zip(before, after, strict=True):
            y = to_numpy(other) if other is not None else np.full_like(x, np.nan)
            allowed = max(NOISE, UNITS * unit) * float(np.abs(x).max(initial=0.0))
            if x.size != y.size or not np.allclose(x, y.reshape(x.shape), 0.0, allowed, equal_nan=True):
                return True
        return False

    def report(self, reference: Callable[..., Any] | None, tolerance: Tolerance) -> Report:
        """Everything that was found, with the gradients compared."""
        if self._is_random:
            note = "not compared with forward, which is random"
            none = [Entry(g.name, WRONG, math.nan, math.nan, math.nan, note=note) for g in self._gradients]
            return Report("check_backward", none, tolerance, problems=self._problems, noun="gradient")
        truth = weighted(self._layer, self._outputs, self._cotangents, reference)
        unit = max((unit_of(g.given) for g in self._gradients if g.is_comparable), default=DOUBLE)
        typical = self._typical_sizes(np.concatenate([gradient.numbers for gradient in self._gradients]))
        search = _Search(self._gradients, truth, tolerance, self._rng, unit, typical)
        if unit > DOUBLE and search.disagrees:  # numbers on the way may have been larger than what came of them
            typical = self._with_rounding(typical, unit)
            search = _Search(self._gradients, truth, tolerance, self._rng, unit, typical)
        entries = [search.entry(k) for k in range(len(self._gradients))]
        self._compare_jvp()
        report = Report(
            "check_backward", entries, tolerance, resolution=search.resolution, problems=self._problems, noun="gradient"
        )
        report.advice = truth.advice
        report.hints = [] if report.ok else [*self._mishandled_cotangent(), *search.hints(entries)]
        report.hints += truth.remarks
        return report

    def _with_rounding(self, typical: Buffer, unit: float) -> Buffer:
        """The size of derivatives whose rounding is as large as that on the way to each one.

        That shows in how unsteady backward is for nearby inputs; where a function is saturated, and nothing moves, in
        what the derivatives are for smaller inputs.
        """
        point = Point([self._layer.inputs[i] for i in self._layer.positions], "inputs")
        gradients = partial(self._gradients_at, point)
        value = np.concatenate([gradient.numbers for gradient in self._gradients])
        noise = field_at(gradients, point.numbers, point.fit, unit, value, np.zeros_like(value)).noise
        sizes = [typical, _UNSTEADY * noise[np.newaxis] / (ROUNDINGS * unit)]
        sizes += [self._typical_sizes(gradients(share * point.numbers)) for share in _SMALLER]
        found: Buffer = np.fmax.reduce(sizes)
        return found

    def _gradients_at(self, point: Point, numbers: Buffer) -> Buffer:
        """All gradients for other inputs; nan where backward fails."""
        layer = self._layer
        arguments = layer.copies()
        for i, x in zip(layer.positions, point.at(numbers), strict=True):
            arguments[i] = x
        try:
            given = layer.gradients([layer.copy(c) for c in self._cotangents], arguments)
        except Exception:  # it may refuse these in any way
            return np.full_like(numbers, np.nan)
        found = [g.numbers if x is None else to_numpy(x) for g, x in zip(self._gradients, given, strict=True)]
        return np.concatenate([x.astype(np.float64).ravel() for x in found])

    def _typical_sizes(self, gradients: Buffer) -> Buffer:
        """The typical size of each input's derivatives, one for each of them."""
        ends = np.cumsum([gradient.numbers.size for gradient in self._gradients])[:-1]
        return np.concatenate([typical_sizes(part[np.newaxis]) for part in np.split(gradients, ends)], axis=1)

    def _mishandled_cotangent(self) -> list[str]:
        """What backward does with the cotangent instead of multiplying by it."""
        layer = self._layer
        others = [layer.random_like(y, self._rng) for y in self._outputs]
        sums = [a + b for a, b in zip(self._cotangents, others, strict=True)]
        try:
            second, both = (layer.gradients(c, layer.copies()) for c in (others, sums))
        except MissingGradientError:
            return []
        found = []
        for gradient, g, h in zip(self._gradients, second, both, strict=True):
            if not gradient.is_comparable or g is None or h is None or not gradient.numbers.any():
                continue
            first, g, h = gradient.numbers, to_numpy(g).ravel(), to_numpy(h).ravel()
            size = float(np.abs(h).max() + np.abs(first).max())
            if np.array_equal(first, g):
                found.append(f"the gradient of {gradient.name} does not depend on the cotangent: multiply by it")
            elif np.abs(first + g - h).max() > 1e4 * max(map(unit_of, (gradient.given, gradient.x, *others))) * size:
                found.append(f"the gradient of {gradient.name} is not proportional to the cotangent: multiply by it")
        return found

    def _compare_jvp(self) -> None:
        """JAX's two ways to a derivative must agree."""
        layer = self._layer
        directions = [layer.random_like(layer.inputs[i], self._rng) for i in layer.positions]
        tangents = layer.tangents(layer.copies(), directions)
        if tangents is None or not all(gradient.is_comparable for gradient in self._gradients):
            return
        pairs = [(to_numpy(c), to_numpy(t)) for c, t in zip(self._cotangents, tangents, strict=True)]
        forwards = sum(float((c * t).sum()) for c, t in pairs)
        size = sum(float(np.abs(c * t).sum()) for c, t in pairs)
        backwards = sum(
            float(g.numbers @ to_numpy(v).ravel()) for g, v in zip(self._gradients, directions, strict=True)
        )
        if abs(forwards - backwards) > 100.0 * ROUNDINGS * max(map(unit_of, directions)) * max(size, abs(backwards)):
            self._problems.append(f"jvp and vjp disagree: along one direction {forwards:.6g} and {backwards:.6g}")


def _gradient(name: str, x: Any, given: Any) -> _Gradient:
    """The gradient for an input, and whether it has the input's shape and dtype."""
    size = int(np.prod(np.shape(x)))
    if given is None:
        return _Gradient(name, x, given, np.zeros(size))
    found = _Gradient(name, x, given, np.zeros(size))
    if not found.is_comparable:
        found.faults.append(
            f"the gradient of {name} has shape {np.shape(given)}, not {np.shape(x)}{_axes(name, given, x)}"
        )
        return found
    found.numbers = to_numpy(given).astype(np.float64).ravel()
    wanted, got = getattr(x, "dtype", None), getattr(given, "dtype", None)
    if wanted is not None and got is not None and wanted != got and np.shape(x):
        found.faults.append(f"the gradient of {name} is of dtype {got}, not {wanted}")
    return found


def _axes(name: str, given: Any, x: Any) -> str:
    """Over which axes a gradient has to be summed to have the shape of its input."""
    got, wanted = np.shape(given), np.shape(x)
    aligned = (1,) * (len(got) - len(wanted)) + tuple(wanted)
    if len(aligned) != len(got) or any(w not in (1, g) for g, w in zip(got, aligned, strict=True)):
        return ""
    axes = [i for i, (g, w) in enumerate(zip(got, aligned, strict=True)) if g != w or i < len(got) - len(wanted)]
    return f": sum it over axis {', '.join(map(str, axes))}, along which {name} was broadcast"


class _Search:
    """Compares the gradients of all inputs with the truth."""

    def __init__(
        self,
        gradients: Sequence[_Gradient],
        truth: Weighted,
        tolerance: Tolerance,
        rng: np.random.Generator,
        unit: float,
        typical: Buffer,
    ) -> None:
        self._gradients = gradients
        self._tolerance = tolerance
        sizes = [gradient.numbers.size for gradient in gradients]
        starts = np.cumsum([0, *sizes])
        self._members = [np.arange(a, b) for a, b in pairwise(starts)]
        jacobian = np.concatenate([gradient.numbers for gradient in gradients])[np.newaxis]
        self._comparison = Comparison(truth.point, truth, jacobian, unit, tolerance, typical)
        claim = Claim(jacobian, min(tolerance.rtol, _RTOL_OF_DIRECTIONS), tolerance.atol, unit, typical)
        self._directions = Directions(self._comparison.field(), claim, rng, self._comparison.verdict_alone)
        self._names = truth.point.names("")
        self._along: list[Compared] = []
        self._findings = [Findings() for _ in gradients]
        self._remarks: list[str] = []
        self._run()
        self.resolution = max([tolerance.rtol, *(findings.resolution for findings in self._findings)])

    def _run(self) -> None:
        wrong: list[list[Indices]] = []
        rest: list[list[Indices]] = []
        for k, gradient in enumerate(self._gradients):
            shares = np.abs(gradient.numbers) * self._directions.field.scale[self._members[k]]
            shares = shares / (shares.max(initial=0.0) or 1.0)
            is_large = shares >= _SMALL if shares.any() else shares == 0.0
            self._along.append(self._directions.compare(self._members[k][is_large]))
            is_wrong = gradient.is_comparable and not self._noted(k, self._members[k][is_large], self._along[k])
            wrong.append([self._members[k][is_large]] if is_wrong else [])
            is_tiny = shares < _TINY
            rest.append([self._members[k][~is_large & ~is_tiny], self._members[k][~is_large & is_tiny]])
        for parts in zip(*rest, strict=True):
            for k in self._wrong_parts(parts):
                wrong[k].append(parts[k])
        for k, findings in enumerate(self._findings):
            if wrong[k]:
                shape = np.shape(self._gradients[k].x)
                self._directions.explore(wrong[k], findings, int(self._members[k][0]), shape)
                if findings.confined is not None:
                    self._remarks.append(confined_to(self._gradients[k].name, shape, *findings.confined))

    def _wrong_parts(self, parts: Sequence[Indices]) -> list[int]:
        """The inputs whose small components are wrong: all are moved together, and one by one if that is wrong."""
        comparable = [k for k, part in enumerate(parts) if part.size and self._gradients[k].is_comparable]
        if not comparable:
            return []
        found = self._directions.compare(np.concatenate([parts[k] for k in comparable]))
        if found.agrees:
            for k in comparable:
                self._noted(k, parts[k], found)
            return []
        return [k for k in comparable if not self._noted(k, parts[k], self._directions.compare(parts[k]))]

    def _noted(self, k: int, members: Indices, found: Compared) -> bool:
        """Whether derivatives agree; if so, what errors in them would have shown."""
        if found.agrees:
            findings = self._findings[k]
            findings.resolution = max(findings.resolution, self._directions.resolution(members, found))
        return found.agrees

    @property
    def disagrees(self) -> bool:
        """Whether a component is wrong."""
        return any(findings.wrong for findings in self._findings)

    def entry(self, k: int) -> Entry:
        """What was found for one input."""
        gradient, along, findings = self._gradients[k], self._along[k], self._findings[k]
        claimed, true = float(along.claimed[0]), float(along.line.slopes[0])
        faults = list(gradient.faults)
        if gradient.given is None and abs(true) > along.line.errors[0]:
            faults.append(f"backward gives no gradient for {gradient.name}")
        components = self._components(k, findings.wrong)
        verdict = findings.verdict if findings.alone or findings.unexplored else OK
        if findings.unexplored and components:
            faults.append(f"and {len(findings.unexplored):,} more components in groups that are wrong")
        if faults:
            verdict = WRONG
        error = abs(claimed - true) / abs(true) if true else float(claimed != 0.0)
        note = "\n".join(faults)
        return Entry(gradient.name, verdict, claimed, true, error, None, true, true, note=note, components=components)

    def _components(self, k: int, wrong: Sequence[int]) -> tuple[Entry, ...]:
        gradient, start = self._gradients[k], self._members[k][0] if wrong else 0
        if not wrong or gradient.given is None:
            return ()
        derivatives = [
            replace(self._comparison.alone(i), input=gradient.name + place(i - start, np.shape(gradient.x)))
            for i in sorted(wrong)
        ]
        return tuple(judge(Evidence("", [derivatives]), self._tolerance).entries)

    def hints(self, entries: Sequence[Entry]) -> list[str]:
        """The usual mistakes, input by input."""
        found = list(self._remarks)
        for k, entry in enumerate(entries):
            gradient, members = self._gradients[k], self._members[k]
            is_off = entry.components or not self._along[k].agrees
            if entry.verdict != WRONG or not gradient.is_comparable or not is_off:
                continue
            directions, lines = self._directions.lines(members)
            along = directions[:, members]
            lines.others = dict(self._others(k, along))
            known = [] if self._findings[k].unexplored else entry.components
            guesses = likely_mistakes(lines, known, members.size)
            found += [f"{gradient.name}: {guess}" for guess in guesses]
        return found

    def _others(self, k: int, along: Buffer) -> list[tuple[str, Buffer]]:
        """What may be right instead: this gradient transposed, or that of another input of the same shape."""
        gradient = self._gradients[k]
        shape = np.shape(gradient.x)
        found = list(transposed(gradient.numbers, shape, along))
        found += [
            (f"what is right is given for {other.name}: are the two swapped?", along @ other.numbers)
            for other in self._gradients
            if other is not gradient and other.is_comparable and np.shape(other.x) == shape
        ]
        return found
