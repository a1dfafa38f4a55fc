"""A training: what it works with, and where it stands from epoch to epoch."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from autograd import AnomalyError, Value, detect_anomaly
from autograd.collector import collector_paused

from .. import losses
from ..checks import array_of, integer_at_least, items, shown
from ..data import Data, digest
from ..flat import gathered, scatter
from ..init import generator
from ..kept import Made
from ..module import Module, Parameter
from ..optim import Optimizer, Schedule
from ..optim.optimizer import ADDED
from ..optim.whole import WholeOptimizer
from ..prediction import evaluating
from ..tracing import described
from ..types import Loss, Places, Positions, Vector
from .evaluation import loss_alone
from .history import History
from .metrics import Metric, Readings
from .program import Step
from .steps import EagerLoss, EagerStep, Slope, added_up
from .whole import SquaresStep, WholeProblem, WholeStep

ANYTHING = "unknown"
"""A setting that cannot be compared."""

_GRAPHS_WORTH_A_PROGRAM = 50
_NOTHING_TO_TRAIN = (
    "the loss does not depend on any parameter, so nothing can be trained: an ArgMax has derivative 0 (train "
    "with softmax, or with raw outputs and cross_entropy); no_grad, detach and float() cut the graph off"
)


@dataclass(frozen=True)
class Task:
    """What to train, on which data, by which rule."""

    model: Module
    loss: Loss
    data: Data
    validation: Data | None
    optimizer: Optimizer
    schedule: Schedule | None
    weights: Vector | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def step(self) -> Step:
        """Computes losses and gradients on the data."""
        eager = EagerStep(*self._of(self.data), "inputs", self.weights)
        if not isinstance(self.optimizer, WholeOptimizer):
            return Step(eager)
        return SquaresStep(eager) if self.optimizer.needs_residuals else WholeStep(eager)

    def validation_step(self) -> Step | None:
        """Computes the losses on the data of the validation."""
        if self.validation is None:
            return None
        return Step(EagerLoss(*self._of(self.validation), "validation inputs"), loss_alone)

    def _of(self, data: Data) -> tuple[Module, Loss, Data, Sequence[Value], bool]:
        return self.model, self.loss, data, self.optimizer.parameters, self.loss is losses.ssr

    def readings(self) -> Readings | None:
        """Computes the metrics on the data, and on those of the validation."""
        sets = [self.data] if self.validation is None else [self.data, self.validation]
        return Readings(self.model, sets, self.metrics, self.optimizer.parameters) if self.metrics else None


@dataclass(frozen=True)
class Plan:
    """How to go through the data, and when to stop."""

    epochs: int
    batch_size: int | None
    tolerance: float
    patience: int | None
    seed: int | None
    compile: bool
    is_resumable: bool
    is_whole: bool = False

    def stop_reason(self, history: History, best_epoch: int) -> str | None:
        """Why to stop: all epochs are done, steps are tiny, or nothing has improved for too long; None to go on."""
        if history.step_sizes and history.step_sizes[-1] < self.tolerance:
            return "tolerance"
        if self.is_whole and history.step_sizes and history.step_sizes[-1] == 0.0:
            return "converged"
        if self.patience is not None and len(history) - best_epoch >= self.patience:
            return "patience"
        return "epochs" if len(history) >= self.epochs else None

    def refusal(self, rows: int) -> str:
        """Why not to make a program for so many rows; empty if there is no reason."""
        if not self.compile:
            return "compile=False was given"
        graphs = rows * self.epochs
        # Whether a training that may be resumed is compiled must not depend on the epochs asked for this time.
        if graphs < _GRAPHS_WORTH_A_PROGRAM and not self.is_resumable:
            return f"for {graphs} graphs (epochs times observations) a program would take too long to make"
        return ""

    def batch_sizes(self, rows: int) -> set[int]:
        """The batch sizes that occur."""
        return {rows} if self.batch_size is None else {min(self.batch_size, rows), rows % self.batch_size} - {0}

    def batches(self, rows: int, rng: np.random.Generator, weights: Vector | None) -> list[Positions]:
        """The positions of the observations in each step of an epoch; those that count for nothing are left out."""
        counting = None if weights is None or weights.all() else weights > 0
        if self.batch_size is None:
            return [range(rows) if counting is None else np.flatnonzero(counting)]
        order = rng.permutation(rows)
        batches = [order[start : start + self.batch_size] for start in range(0, rows, self.batch_size)]
        if counting is None:
            return [*batches]
        return [batch for batch in (batch[counting[batch]] for batch in batches) if len(batch)]


class Parameters:
    """The numbers of all parameters in a training: now, and where it may go back to.

    Steps take them as an argument and write them to the Values or the program that they compute with; what those hold
    in between does not count. A vector is replaced, never changed, so several attributes may share one.

    Attributes:
        now: after the last step.
        best: after the epoch of the lowest validation loss, `best_epoch`; None before the first.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self.now: Vector = gathered(values)
        self._finite = self.now
        self.best: Vector | None = None
        self.best_loss, self.best_epoch = math.inf, 0

    def move(self, moved: Vector, room: Vector | None = None) -> float:
        """Goes on from where loss and gradient are finite; returns the largest change of a number, nan if one is.

        It is computed in `room`, if there is some: arrays that are still in the processor's cache are faster.
        """
        change = np.subtract(moved, self.now, out=room)
        self.now, self._finite = moved, self.now
        return float(np.maximum.reduce(np.abs(change, out=change)))

    def mark_best(self, loss: float, epoch: int) -> None:
        """Notes the validation loss here, if it is the lowest so far."""
        if loss < self.best_loss:
            self.best_loss, self.best_epoch, self.best = loss, epoch, self.now

    def back_to_finite(self) -> None:
        """Goes back to where loss and gradient were last finite, and ends there."""
        self.now, self.best = self._finite, None

    def settled(self, at_best: bool) -> Vector:
        """The numbers to end with: those of the best epoch if asked for and known, else those of now."""
        return self.best if at_best and self.best is not None else self.now

    def load(self, now: Vector, best_loss: float, best_epoch: int, best: Vector | None) -> None:
        """Goes on from the numbers of a checkpoint."""
        self.now = self._finite = now
        self.best_loss, self.best_epoch, self.best = best_loss, best_epoch, best


class Training:
    """A training: its parts, and where it stands."""

    def __init__(self, task: Task, plan: Plan) -> None:
        self.task = task
        self.plan = plan
        self.parameters = Parameters(task.optimizer.parameters)
        self.step = task.step()
        self.validation = task.validation_step()
        self.readings = task.readings()
        self.moving = task.optimizer.moving()
        self.modules: list[Module] = []
        self.made: Made | None = None
        self.rng = generator(seed=plan.seed)
        self.history = History()

    @collector_paused()  # it would search all parameters again and again while graphs come and go
    def begin(self) -> None:
        """Makes the programs, if they are wanted and worth it."""
        self.task.model.train()
        self.modules = [module for _, module in self.task.model.named_modules()]
        if self.plan.compile and self.stop_reason() is not None:
            return
        rows, theta = self.step.eager.rows, self.parameters.now
        self.step.begin(self.plan.refusal(rows), theta, self.plan.batch_sizes(rows))
        with evaluating(self.modules):
            if self.validation is not None:
                rows = self.validation.eager.rows
                self.validation.begin(self.plan.refusal(rows), theta, {rows})
            self._begin_readings()

    def _begin_readings(self) -> None:
        if self.readings is not None and self.plan.compile:
            self.readings.begin(self.parameters.now, None if self.validation is None else self.validation.compiled)

    @collector_paused()
    def _follow(self) -> None:
        """Makes programs again if what they were made of is not as it was when `_watch` was called."""
        if self.made is None or (self.made.is_unchanged() and self._have_their_numbers()):
            return
        self.made = None
        self.modules = [module for _, module in self.task.model.named_modules()]
        rows, theta = self.step.eager.rows, self.parameters.now
        self.step.follow(theta, self.plan.batch_sizes(rows))
        with evaluating(self.modules):
            if self.validation is not None:
                self.validation.follow(theta, {self.validation.eager.rows})
            self._begin_readings()

    def _watch(self) -> None:
        """Notes what model, loss and metrics are made of, and the numbers that programs take for constants."""
        if self.made is None:
            self.made = Made(self.modules, [self.task.loss, *self.task.metrics.values()])
            self._have_their_numbers()

    def _have_their_numbers(self) -> bool:
        """Whether these are as they were when this was asked first, of all programs."""
        return False not in [part.has_its_numbers for part in (self.step, self.validation, self.readings) if part]

    def stop_reason(self) -> str | None:
        """Why to stop now; None to go on."""
        return self.plan.stop_reason(self.history, self.parameters.best_epoch)

    def epoch(self) -> None:
        """Goes through all observations once."""
        started = time.perf_counter()
        lr = self.task.optimizer.lr
        batches = self.plan.batches(self.step.eager.rows, self.rng, self.task.weights)
        changes_itself = self.step.compiled is None and (self.validation is not None or self.readings is not None)
        if changes_itself:
            self._watch()
        with np.errstate(all="ignore"):  # gradients may be huge; here, since to enter it takes as long as a few sums
            shares, sizes, reaches = zip(*map(self._take_step, batches), strict=True)
        if not self.history.loss and not any(reaches):
            raise ValueError(_NOTHING_TO_TRAIN)
        if changes_itself:
            self._follow()
        with evaluating(self.modules):
            validation_loss = self._validation_loss()
            if self.readings is not None:
                self.history.read(*self.readings(self.parameters.now))
        if self.task.schedule is not None:
            self.task.schedule.step()
        self.history.add(added_up(shares), validation_loss, max(sizes), lr, time.perf_counter() - started)
        if validation_loss is not None:
            self.parameters.mark_best(validation_loss, len(self.history))

    def settle(self) -> None:
        """Leaves the parameters at the last complete step or, if there was patience, at the best epoch."""
        self.history.engine, self.history.why_eager = self.step.engine, self.step.why_eager
        theta = self.parameters.settled(at_best=self.plan.patience is not None)
        try:
            if isinstance(self.step, SquaresStep) and self.history.loss:
                self.history.errors = self.step.standard_errors(theta, self._free())
        except Exception as error:  # the model may raise again what ended the training
            self.history.errors = described(error)
        finally:
            scatter(theta, self.task.optimizer.parameters)
            self.task.optimizer.zero_grad()
            self.task.model.zero_grad()  # the optimiser may hold only some of the parameters

    def _free(self) -> Places | None:
        """The positions of the parameters that may move; None if all may."""
        return None if self.moving is None else np.flatnonzero(self.moving)

    def settings(self) -> dict[str, Any]:
        """What must be the same for a training to go on."""
        task = self.task
        optimizer = task.optimizer.state_dict()
        del optimizer["steps"], optimizer["memory"]
        optimizer = {name: setting for name, setting in optimizer.items() if ADDED.get(name) != setting}
        return {
            **optimizer,
            "parameters": [parameter.name for parameter in task.optimizer.parameters],
            "frozen": [] if self.moving is None else np.flatnonzero(~self.moving).tolist(),
            "schedule": None if task.schedule is None else task.schedule.described(),
            "model": repr(task.model),
            "loss": task.loss.__name__ if task.loss in vars(losses).values() else ANYTHING,
            "observations": self.step.eager.rows,
            "data": digest(task.data),
            "batch_size": self.plan.batch_size,
            "validation": 0 if self.validation is None else self.validation.eager.rows,
            "validation data": None if task.validation is None else digest(task.validation),
            "seed": self.plan.seed,
            **({"metrics": list(task.metrics)} if task.metrics else {}),
            **({} if task.weights is None else {"weights": hashlib.sha256(task.weights.tobytes()).hexdigest()[:16]}),
        }

    def state_dict(self) -> dict[str, Any]:
        """Where the training stands at the end of an epoch, besides its history."""
        parameters, schedule = self.parameters, self.task.schedule
        best = None if parameters.best is None else parameters.best.tolist()
        return {
            "parameters": parameters.now.tolist(),
            "optimizer": self.task.optimizer.state_dict(),
            "frozen": [] if self.moving is None else np.flatnonzero(~self.moving).tolist(),
            "schedule": None if schedule is None else schedule.state_dict(),
            "random numbers": self.rng.bit_generator.state,
            "why eager": [self.step.why_eager, "" if self.validation is None else self.validation.why_eager],
            "best": [parameters.best_loss, parameters.best_epoch, best],
        }

    def load_state_dict(self, state: dict[str, Any], history: dict[str, Any]) -> None:
        """Goes on from that state.

        Raises:
            Exception: something is missing or cannot be right; model, optimiser and schedule are as before.
        """
        size = (len(self.parameters.now),)
        now = array_of(state["parameters"], size)
        best_loss, best_epoch, at_best = items(state["best"], "best")
        best_loss, best = float(array_of(best_loss, ())), None if at_best is None else array_of(at_best, size)
        frozen = {integer_at_least(place, "frozen", 0, *size) for place in items(state.get("frozen", ()), "frozen")}
        reasons = items(state["why eager"], "why eager")
        if len(reasons) != 2 or not all(isinstance(reason, str) for reason in reasons):
            raise ValueError(f"why eager: expected two texts, got {shown(reasons)}")
        parts = [(name, part) for name, part in vars(self.task).items() if isinstance(part, (Optimizer, Schedule))]
        before = [part.state_dict() for _, part in parts]
        try:
            for name, part in parts:
                part.load_state_dict(state[name])
            self.history.load_state_dict(history)
            best_epoch = integer_at_least(best_epoch, "the best epoch", 0, len(self.history) + 1)
            self.rng.bit_generator.state = state["random numbers"]
        except BaseException:
            for (_, part), earlier in zip(parts, before, strict=True):
                part.load_state_dict(earlier)
            raise
        self.parameters.load(now, best_loss, best_epoch, best)
        if "frozen" in state:  # `on_epoch` may have changed that since the start; older checkpoints do not say so
            self._freeze(frozen)
        for step, why_eager in zip((self.step, self.validation), reasons, strict=True):
            if step is not None:
                step.why_eager = why_eager or step.why_eager

    def _freeze(self, frozen: Container[int]) -> None:
        """Makes parameters at these positions frozen, and all others trainable."""
        for place, parameter in enumerate(self.task.optimizer.parameters):
            if isinstance(parameter, Parameter):
                parameter.trainable = place not in frozen
        self.moving = self.task.optimizer.moving()

    def _take_step(self, batch: Positions) -> tuple[float, float, bool]:
        """Moves the parameters; returns the share of the loss, the step size, and whether there was a gradient."""
        slope = self.step(self.parameters.now, batch)
        if not slope.is_finite:
            problem = "the gradient is not finite" if math.isfinite(slope.loss) else f"the loss is {slope.loss}"
            self._stop_at(problem, self._culprit(batch))
        size = self._move(slope)
        if not math.isfinite(size):
            self._stop_at(f"the step of {self.task.optimizer!r} is not finite", None)
        return slope.loss * self.step.eager.weight(batch), size, slope.reached is None or bool(slope.reached.any())

    def _move(self, slope: Slope) -> float:
        """Takes a step of the optimiser; those without a gradient stay. Returns the largest change, nan if one is."""
        parameters, optimizer, moving = self.parameters, self.task.optimizer, self.moving
        if isinstance(optimizer, WholeOptimizer):
            assert isinstance(self.step, WholeStep)
            now, free = parameters.now, self._free()
            return parameters.move(optimizer.moved(WholeProblem(self.step, now, free), now, free))
        if slope.reached is not None:
            moving = slope.reached if moving is None else moving & slope.reached
        moved = parameters.now.copy()
        optimizer.update(moved, slope.gradient, moving)
        return parameters.move(moved, room=slope.gradient)  # which is not needed any more

    def told(self, on_epoch: Callable[[History], object]) -> bool:
        """Calls a function with the numbers of now in the model, and takes over what it changed; whether to stop.

        It may change numbers, and which parameters are trainable. If it changed anything else of model, loss or
        metrics, programs are made again.
        """
        values = self.task.optimizer.parameters
        scatter(self.parameters.now, values)
        self._watch()
        answer = on_epoch(self.history)
        if not all(module.training for module in self.modules):
            self.task.model.train()
        self.moving = self.task.optimizer.moving()
        now = gathered(values)
        if not np.array_equal(now, self.parameters.now):
            self.parameters.now = now
        self._follow()
        return isinstance(answer, (bool, np.bool_)) and bool(answer)

    def _validation_loss(self) -> float | None:
        if self.validation is None:
            return None
        loss = self.validation(self.parameters.now, range(self.validation.eager.rows)).loss
        if math.isnan(loss) and not self.history.loss and self.plan.patience is not None:
            self._refuse_validation(self.validation.eager)
        return loss

    def _refuse_validation(self, eager: EagerStep) -> None:
        """Patience cannot tell epochs apart by a loss that is nan from the start, as one of a class that is ignored."""
        losses = [eager(self.parameters.now, [row]).loss for row in range(eager.rows)]
        row = next((row for row, loss in enumerate(losses) if math.isnan(loss)), 0)
        raise ValueError(
            f"the validation loss is nan, first at row {row} of the validation, with target "
            f"{shown(eager.data[1][row])}, so patience cannot compare epochs; leave out rows "
            "without a loss, such as those of an ignored class"
        )

    def _stop_at(self, problem: str, culprit: tuple[int, AnomalyError] | None) -> NoReturn:
        """Goes back to the last finite step, and names the first operation to blame."""
        self.parameters.back_to_finite()
        remedy = (
            "a smaller learning rate or clipped data may help"
            if self.task.optimizer.steps
            else "look at the data and at the parameters to start from"
        )
        place = f"epoch {len(self.history) + 1}"
        if self.task.optimizer.steps:
            last = f", after a loss of {self.history.loss[-1]:.6g} in the epoch before" if self.history.loss else ""
            problem = f"{problem}, so the training diverged{last}"
        message = f"{place}: {problem}; the parameters are those of the last finite step; {remedy}"
        if culprit is None:
            raise AnomalyError(message, "", (), None)
        position, error = culprit
        line = None if error.filename is None or error.line is None else (error.filename, error.line)
        message = f"{message}. The first operation to blame, at observation {position}: {error}"
        raise AnomalyError(message, error.op, error.operands, line) from error

    def _culprit(self, batch: Positions) -> tuple[int, AnomalyError] | None:
        """The first observation whose loss or gradient is not finite, and the operation where that began."""
        eager, theta = self.step.eager, self.parameters.now
        for position in batch:
            # First without detect_anomaly, which would also blame an infinity that does no harm, as in 1 / inf.
            if not eager(theta, [position]).is_finite:
                try:
                    with detect_anomaly():
                        eager(theta, [position])
                except AnomalyError as error:
                    return position, error
        return None
