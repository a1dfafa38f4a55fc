"""fit: gradient descent as the lectures have it, step by step until the steps are tiny or the epochs are over."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from autograd import AnomalyError, detect_anomaly

from . import losses
from .checkpoint import ANYTHING, Checkpoint
from .checks import boolean, number_between, positive_integer
from .compiled import NoProgramError, compiled_step
from .data import digest, observations
from .history import History
from .init import generator
from .module import Module
from .optim import SGD, Optimizer, Schedule
from .progress import progress_bar
from .steps import EagerStep, all_finite, write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from .data import Data
    from .steps import Loss, Positions, Slope, Step, Vector

_GRAPHS_WORTH_A_PROGRAM = 50
_NOTHING_TO_TRAIN = (
    "the loss does not depend on any parameter, so nothing can be trained: an ArgMax has derivative 0 (train "
    "with softmax, or with raw outputs and cross_entropy); no_grad, detach and float() cut the graph off"
)


def fit(
    model: Module,
    inputs: Any,
    targets: Any,
    *,
    loss: Loss,
    epochs: int,
    optimizer: Optimizer | None = None,
    lr: float | None = None,
    schedule: Schedule | None = None,
    batch_size: int | None = None,
    tolerance: float | None = None,
    validation: tuple[Any, Any] | None = None,
    patience: int | None = None,
    seed: int | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    compile: bool = True,
) -> History:
    """Trains a network: computes the loss and its derivatives, moves the parameters against them, and repeats.

    Ctrl-C ends the training early, with the parameters after the last complete step and the history so far. In the end
    no parameter has a gradient: those of the last step belong to other numbers.

    Args:
        model: the network; `model(row)` is called with one row of the inputs.
        inputs: a list or array with one row for each observation; a plain number becomes a row of one, `[number]`.
        targets: a list or array with what was observed: for each observation whatever `loss` takes, such as a number, a
            list of numbers or the index of a class.
        loss: `loss(outputs, target)` is called for one observation and gives a Value. Over a batch losses are averaged;
            those of `nn.ssr`, which is a sum, are added.
        epochs: how many times to go through all observations.
        optimizer: moves the parameters; by default `SGD(model.parameters(), lr)`.
        lr: the learning rate of that default, 0.1 if it is not given.
        schedule: changes the learning rate of the optimiser after each epoch.
        batch_size: the number of observations in one step, drawn without replacement in a new order in each epoch. By
            default all observations are in every step.
        tolerance: stop when no parameter changed by this much in any step of an epoch.
        validation: `(inputs, targets)` on which the loss is computed after each epoch, without training on them.
        patience: stop when the validation loss has had no new minimum for this many epochs. In the end the parameters
            are those of the minimum.
        seed: makes the order of the observations reproducible.
        progress: whether to show a progress bar, if the output is a terminal and rich is installed.
        checkpoint: a file that keeps the state of the training, written every few seconds and at the end. If it exists,
            training goes on from it, to the same result to the last bit as if it had never been stopped. The number of
            epochs may differ; model, data, loss and the other settings must be the same. A loss that is not of `nn`
            is not told from another one.
        compile: whether to train with a program made of the graph of one observation (see `autograd.compile`), many
            times faster and to the same results but for rounding. The validation loss is computed by one too. Model and
            loss are then called a few times at the start, and later now and then to compare program and graph. Without
            it, or where a program would not do the same, training is eager: it builds the graph of each observation.
            `History.engine` says what ran, `History.why_eager` why. It is eager if Python code learns the number of a
            Value (`if h > 0`, `float(x)`, `x.data`, `detach`: see `autograd.detect_reads`), if a call changes the model
            or a variable of model or loss, such as a counter, or draws random numbers, as dropout does, if the rows are
            not all numbers in one form, and for fewer than 50 graphs (epochs times observations) without a checkpoint.
            What else changes from call to call, such as the time, shows only when program and graph are compared; give
            False for it.

    Returns:
        What happened: losses, step sizes, times.

    Raises:
        TypeError, ValueError: an argument is not as described, lengths differ, or the data are empty, or hold nan or an
            infinity; the message says where. Errors of the model and the loss get a note with the row.
        AnomalyError: a loss or derivative is no longer finite. The message names the first operation to blame; the
            parameters are those of the last finite step.
        StorageError: the checkpoint is damaged, or belongs to another training.
        OSError: the checkpoint is in a directory that does not exist.

    >>> import nn
    >>> model = nn.Linear(1, 1, seed=0)
    >>> history = nn.fit(model, [0, 1, 2], [1, 3, 5], loss=nn.mse, lr=0.2, epochs=1000, tolerance=1e-9)
    >>> round(model.weight[0][0].data, 6), round(model.bias[0].data, 6), history.stopped
    (2.0, 1.0, 'tolerance')
    """
    if not isinstance(model, Module):
        raise TypeError(f"fit takes a Module, got {model!r} of type {type(model).__name__}")
    if not callable(loss):
        raise TypeError(f"loss must be a function of outputs and target, such as nn.ssr; got {loss!r}")
    compile = boolean(compile, "compile")
    optimizer = _checked_optimizer(model, optimizer, lr)
    _check_trainable(optimizer)
    training = _Training(
        model,
        observations(inputs, targets, "inputs", "targets"),
        loss,
        optimizer,
        schedule=_checked_schedule(schedule, optimizer),
        batch_size=None if batch_size is None else positive_integer(batch_size, "batch_size"),
        validation=_checked_validation(validation, patience),
        rule=_StopRule(
            epochs=positive_integer(epochs, "epochs"),
            tolerance=0.0 if tolerance is None else number_between(tolerance, "tolerance"),
            patience=None if patience is None else positive_integer(patience, "patience"),
        ),
        seed=seed,
        is_resumable=checkpoint is not None,
    )
    keeper = None if checkpoint is None else Checkpoint(checkpoint, training)
    if keeper is not None:
        keeper.restore()
    _run(training, keeper, progress, compile)
    return training.history


class _StopRule:
    """When to stop: all epochs are done, the steps are tiny, or nothing has improved for too long."""

    def __init__(self, epochs: int, tolerance: float, patience: int | None) -> None:
        self.epochs = epochs
        self.tolerance = tolerance
        self.patience = patience

    def reason(self, history: History, best_epoch: int) -> str | None:
        """Why to stop now; None to go on."""
        if history.step_sizes and history.step_sizes[-1] < self.tolerance:
            return "tolerance"
        if self.patience is not None and len(history) - best_epoch >= self.patience:
            return "patience"
        return "epochs" if len(history) >= self.epochs else None


class _Training:
    """One training: what it works with, and where it stands."""

    def __init__(
        self,
        model: Module,
        data: Data,
        loss: Loss,
        optimizer: Optimizer,
        *,
        schedule: Schedule | None,
        batch_size: int | None,
        validation: Data | None,
        rule: _StopRule,
        seed: int | None,
        is_resumable: bool,
    ) -> None:
        self.model = model
        self.data = data
        self.loss = loss
        self.added = loss is losses.ssr
        self.optimizer = optimizer
        self.moving = optimizer.moving()
        self.schedule = schedule
        self.batch_size = batch_size
        self.validation = None if validation is None else self._eager(validation, "validation inputs")
        self.validation_step: Step | None = self.validation
        self.rule = rule
        self.seed = seed
        self.is_resumable = is_resumable
        self.rng = generator(seed=seed)
        self.eager = self._eager(data, "inputs")
        self.step: Step = self.eager
        self.history = History()
        self.best_loss, self.best_epoch = math.inf, 0
        # The parameters at three times. An array is replaced, never changed, so that two of them may be the same one.
        self.theta: Vector = np.array([parameter.data for parameter in optimizer.parameters])  # after the last step
        self.last_finite = self.theta  # when loss and gradient were last finite
        self.best_theta: Vector | None = None  # after the epoch of the lowest validation loss

    def begin(self, compile: bool) -> None:
        """Makes the programs, if they are wanted, worth it, and the same as the graphs."""
        self.model.train()
        if not compile:
            for step in filter(None, (self.eager, self.validation)):
                step.why_eager = "compile=False was given"
        elif self.stop_reason() is None:
            self.step = self._compiled(self.eager, self._batch_sizes())
            if self.validation is not None:
                with _evaluating(self.model):
                    self.validation_step = self._compiled(self.validation, {len(self.validation.data[0])})

    def _eager(self, data: Data, inputs_name: str) -> EagerStep:
        return EagerStep(self.model, self.loss, data, self.optimizer.parameters, self.added, inputs_name)

    def _compiled(self, eager: EagerStep, batches: set[int]) -> Step:
        """The step as a program; the eager one, with the reason, if there is none."""
        if eager.why_eager:
            return eager  # so it was before the checkpoint from which the training goes on
        graphs = len(eager.data[0]) * self.rule.epochs
        # Whether a training that may be resumed is compiled must not depend on the number of epochs wanted this time.
        if graphs < _GRAPHS_WORTH_A_PROGRAM and not self.is_resumable:
            eager.why_eager = f"for {graphs} graphs (epochs times observations) a program would take too long to make"
            return eager
        try:
            return compiled_step(eager, self.theta, batches)
        except NoProgramError as error:
            eager.why_eager = str(error)
            return eager

    def stop_reason(self) -> str | None:
        """Why to stop now; None to go on."""
        return self.rule.reason(self.history, self.best_epoch)

    def epoch(self) -> None:
        """Goes through all observations once."""
        started = time.perf_counter()
        lr = self.optimizer.lr
        shares, sizes, reaches = zip(*map(self._take_step, self._batches()), strict=True)
        if not self.history.loss and not any(reaches):
            raise ValueError(_NOTHING_TO_TRAIN)
        validation_loss = None if self.validation_step is None else self._validate(self.validation_step)
        if self.schedule is not None:
            self.schedule.step()
        self.history.add(math.fsum(shares), validation_loss, max(sizes), lr, time.perf_counter() - started)
        if validation_loss is not None and validation_loss < self.best_loss:
            self.best_loss, self.best_epoch, self.best_theta = validation_loss, len(self.history), self.theta

    def settle(self) -> None:
        """Leaves the parameters at the last complete step or, if there was patience, at the best epoch."""
        self.history.engine = self.step.engine
        self.history.why_eager = self.step.why_eager
        if self.step is self.eager and not self.eager.why_eager:
            self.history.why_eager = "no epoch was computed, so no program was made"
        best = None if self.rule.patience is None else self.best_theta
        write(self.optimizer.parameters, self.theta if best is None else best)
        self.optimizer.zero_grad()
        self.model.zero_grad()  # the optimiser may hold only some of the parameters

    def settings(self) -> dict[str, Any]:
        """What must be the same for a training to go on."""
        optimizer = self.optimizer.state_dict()
        del optimizer["steps"], optimizer["memory"]
        return {
            **optimizer,
            "parameters": [parameter.name for parameter in self.optimizer.parameters],
            "frozen": [] if self.moving is None else np.flatnonzero(~self.moving).tolist(),
            "schedule": None if self.schedule is None else type(self.schedule).__name__,
            "model": repr(self.model),
            "loss": self.loss.__name__ if self.loss in vars(losses).values() else ANYTHING,
            "observations": len(self.data[0]),
            "data": digest(self.data),
            "batch_size": self.batch_size,
            "validation": 0 if self.validation is None else len(self.validation.data[0]),
            "validation data": None if self.validation is None else digest(self.validation.data),
            "seed": self.seed,
        }

    def state_dict(self) -> dict[str, Any]:
        """Where the training stands at the end of an epoch, besides its history."""
        return {
            "parameters": self.theta.tolist(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "random numbers": self.rng.bit_generator.state,
            "why eager": [self.step.why_eager, "" if self.validation_step is None else self.validation_step.why_eager],
            "best": [self.best_loss, self.best_epoch, None if self.best_theta is None else self.best_theta.tolist()],
        }

    def load_state_dict(self, state: dict[str, Any], history: dict[str, Any]) -> None:
        """Goes on from that state."""
        self.theta = self.last_finite = _vector(state["parameters"], len(self.theta))
        self.eager.why_eager, why_eager = state["why eager"]
        if self.validation is not None:
            self.validation.why_eager = why_eager
        self.best_loss, self.best_epoch, best = state["best"]
        self.best_theta = None if best is None else _vector(best, len(self.theta))
        self.history.load_state_dict(history)
        self.rng.bit_generator.state = state["random numbers"]
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])

    def _batch_sizes(self) -> set[int]:
        number = len(self.data[0])
        return {number} if self.batch_size is None else {min(self.batch_size, number), number % self.batch_size} - {0}

    def _batches(self) -> list[Positions]:
        """The positions of the observations in each step."""
        number = len(self.data[0])
        if self.batch_size is None:
            return [range(number)]
        order = self.rng.permutation(number)
        return [order[start : start + self.batch_size] for start in range(0, number, self.batch_size)]

    def _take_step(self, batch: Positions) -> tuple[float, float, bool]:
        """Moves the parameters once.

        Returns:
            The part of the batch in the loss of the epoch, the step size, and whether there was a gradient.
        """
        slope = self.step(self.theta, batch)
        if not slope.is_finite():
            problem = "the gradient is not finite" if math.isfinite(slope.loss) else f"the loss is {slope.loss}"
            self._stop_at(problem, self._culprit(batch))
        self.last_finite = self.theta
        moved = self._moved(slope)
        if not all_finite(moved):
            self._stop_at(f"the step of {self.optimizer!r} is not finite", None)
        change = moved - self.theta
        size = float(np.abs(change, out=change).max())
        self.theta = moved
        share = slope.loss * (1.0 if self.added else len(batch) / len(self.data[0]))
        return share, size, slope.reached is None or bool(slope.reached.any())

    def _moved(self, slope: Slope) -> Vector:
        """The parameters after a step of the optimiser; those without a gradient stay, as in `Optimizer.step`."""
        moving = self.moving
        if slope.reached is not None:
            moving = slope.reached if moving is None else moving & slope.reached
        moved = self.theta.copy()
        with np.errstate(all="ignore"):
            self.optimizer.update(moved, slope.gradient, moving)
        return moved

    def _validate(self, step: Step) -> float:
        """The loss of the validation data."""
        assert self.validation is not None
        positions = range(len(self.validation.data[0]))
        with _evaluating(self.model):
            if step is self.validation:
                return self.validation.without_gradient(self.theta, positions)
            return step(self.theta, positions).loss

    def _stop_at(self, problem: str, culprit: tuple[int, AnomalyError] | None) -> NoReturn:
        """Goes back to the last finite step, and names the first operation to blame."""
        self.theta, self.best_theta = self.last_finite, None
        remedy = (
            "a smaller learning rate or clipped data may help"
            if self.optimizer.steps
            else "look at the data and at the parameters to start from"
        )
        message = (
            f"epoch {len(self.history) + 1}: {problem}; the parameters are those of the last finite step; {remedy}"
        )
        if culprit is None:
            raise AnomalyError(message, "", (), None)
        position, error = culprit
        place = None if error.filename is None or error.line is None else (error.filename, error.line)
        message = f"{message}. The first operation to blame, at observation {position}: {error}"
        raise AnomalyError(message, error.op, error.operands, place) from error

    def _culprit(self, batch: Positions) -> tuple[int, AnomalyError] | None:
        """The first observation whose loss or gradient is not finite, and the operation where that began."""
        for position in batch:
            # First without detect_anomaly, which would also blame an infinity that does no harm, as in 1 / inf.
            if not self.eager(self.theta, [position]).is_finite():
                try:
                    with detect_anomaly():
                        self.eager(self.theta, [position])
                except AnomalyError as error:
                    return position, error
        return None


@contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    """Out of training mode, for the validation data."""
    model.eval()
    try:
        yield
    finally:
        model.train()


def _run(training: _Training, keeper: Checkpoint | None, progress: bool, compile: bool) -> None:
    """Trains until there is a reason to stop, and leaves everything in order whatever happens."""
    history = training.history
    was_training = training.model.training
    try:
        training.begin(compile)
        with progress_bar(progress, training.rule.epochs) as show:
            while (reason := training.stop_reason()) is None:
                training.epoch()
                if keeper is not None:
                    keeper.epoch_done()
                show(len(history), history.loss[-1], training.step.engine)
        history.stopped = reason
    except KeyboardInterrupt:
        history.stopped = "interrupted"
        history.trim()
    finally:
        training.settle()
        training.model.train(was_training)
        if keeper is not None:
            keeper.write()


def _checked_optimizer(model: Module, optimizer: Optimizer | None, lr: float | None) -> Optimizer:
    if optimizer is None:
        return SGD(model.parameters(), 0.1 if lr is None else lr)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be one such as nn.Adam(model.parameters()), got {optimizer!r} of type "
            f"{type(optimizer).__name__}"
        )
    if lr is not None:
        raise ValueError("the optimizer has a learning rate already; leave lr out")
    if not set(optimizer.parameters) & set(model.parameters()):
        raise ValueError("the optimizer holds no parameter of this model; make it with model.parameters()")
    return optimizer


def _check_trainable(optimizer: Optimizer) -> None:
    moving = optimizer.moving()
    if moving is not None and not moving.any():
        raise ValueError(
            f"all {len(moving)} parameters are frozen, so nothing can be trained; set trainable = True for some of them"
        )


def _checked_schedule(schedule: Schedule | None, optimizer: Optimizer) -> Schedule | None:
    if schedule is not None and getattr(schedule, "optimizer", None) is not optimizer:
        raise ValueError("the schedule must be one of the optimizer that is given, such as nn.StepLR(optimizer, 10)")
    return schedule


def _checked_validation(validation: tuple[Any, Any] | None, patience: int | None) -> Data | None:
    if validation is None:
        if patience is not None:
            raise ValueError("patience waits for the validation loss; give validation=(inputs, targets) too")
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(f"validation must be a pair (inputs, targets), got {type(validation).__name__}")
    return observations(*validation, "validation inputs", "validation targets")


def _vector(numbers: Any, length: int) -> Vector:
    vector = np.array(numbers, dtype=np.float64)
    if vector.shape != (length,):
        raise ValueError(f"expected {length} numbers, got {numbers!r}")
    return vector
