"""fit: gradient descent as the lectures have it, until steps are tiny or all epochs are done."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from autograd.context import ContextChange

from ..checks import boolean, kind_of, number_between, positive_integer, shown
from ..data import Data, observations, weights_of
from ..module import Module
from ..optim import SGD, Optimizer, Schedule
from ..optim.whole import WholeOptimizer
from ..types import Loss
from .checkpoint import Checkpoint
from .history import History
from .metrics import Metric, checked_metrics
from .progress import progress_bar
from .state import Plan, Task, Training


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
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    on_epoch: Callable[[History], object] | None = None,
    seed: int | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    compile: bool = True,
) -> History:
    """Trains a network: computes the loss and its derivatives, moves the parameters against them, and repeats.

    Ctrl-C ends the training early, with the parameters after the last complete step and the history so far. When done,
    no parameter has a gradient: those of the last step belong to other numbers.

    Args:
        model: the network; `model(row)` is called with one row of the inputs.
        inputs: a list or array with one row per observation; a plain number becomes a row of one, `[number]`.
        targets: a list or array with what was observed: per observation whatever `loss` takes, such as a number, a
            list of numbers or the index of a class.
        loss: `loss(outputs, target)` is called for one observation and returns a Value. Losses of a batch are averaged;
            those of `nn.ssr`, which is a sum, are added.
        epochs: how many times to go through all observations.
        optimizer: moves the parameters; by default `SGD(model.parameters(), lr)`.
        lr: the learning rate of that default; 0.1 if not given.
        schedule: changes the learning rate of the optimiser after each epoch.
        batch_size: the number of observations per step, drawn without replacement in a new order in each epoch. By
            default every step takes all observations.
        tolerance: stop when no parameter changed by this much in any step of an epoch.
        validation: `(inputs, targets)` on which the loss is computed after each epoch, without training on them.
        patience: stop when the validation loss has had no new minimum for this many epochs. The parameters are then
            those of the minimum.
        sample_weight: how much each observation counts, from 0 on. The losses of a batch are multiplied by these
            weights and divided by their sum (`nn.ssr` only multiplied); validation loss and metrics do not take them.
        class_weight: a dict with the weight of each class, 1 where it has none; the weights of `sample_weight`, if
            given, are multiplied by it. Targets are then classes, or lists of which the largest share counts.
        metrics: functions of outputs (a list of numbers) and target of one observation, by name, such as
            `{"accuracy": nn.accuracy}`; averages over all observations, after the last step of each epoch, in
            evaluation mode, go to `History.metrics`, those over the validation data to `History.validation_metrics`.
        on_epoch: called with the history after each epoch, while the model holds the numbers of now. It may change
            these, the learning rate, which parameters are trainable, and anything that model, loss or metrics read;
            programs are then made again. If it returns True, training stops.
        seed: makes the order of the observations reproducible.
        progress: whether to show a progress bar, in a notebook or if the output is a terminal and rich is installed.
        checkpoint: a file that keeps the state of the training, written every few seconds and at the end. If it exists,
            training goes on from it, to the same result to the last bit as if it had never stopped. The number of
            epochs may differ; model, data, loss, schedule and the other settings must be the same. Losses that are not
            from `nn` are not compared, and random generators of the model's own are not kept.
        compile: whether to compile the graph of one observation (see `autograd.compile`) and train with that program,
            many times faster and to the same results up to rounding. The validation loss is computed by one too. Model
            and loss are then called a few times at the start, and now and then to compare program and graph. Without
            it, or if results would differ by more than rounding, training is eager: it builds a graph per observation.
            `History.engine` says what ran, `History.why_eager` why. It is eager if Python code learns the number of a
            Value (`if h > 0`, `float(x)`, `x.data`, `detach`: see `autograd.detect_reads`), if a call changes the model
            or a variable of model or loss, such as a counter, or draws random numbers, as dropout does, if the rows are
            not all numbers in one form, and for fewer than 50 graphs (epochs times observations) without a checkpoint.
            Other things that change from call to call, such as the time, show only when program and graph are
            compared; pass False for them.

    Returns:
        What happened: losses, metrics, step sizes, times. Printed, it says so if the loss grew tenfold (`diverged`).

    Raises:
        TypeError, ValueError: an argument is not as described, lengths differ, or the data are empty, or hold nan or an
            infinity; the message says where. Errors of the model and the loss get a note with the row.
        AnomalyError: a loss or derivative is no longer finite. The message names the first operation to blame; the
            parameters are those of the last finite step.
        StorageError: the checkpoint is damaged, or belongs to another training.
        OSError: the checkpoint cannot be written, which is tried before the first step. If that fails later, it is a
            RuntimeWarning.

    >>> import nn
    >>> model = nn.Linear(1, 1, seed=0)
    >>> history = nn.fit(model, [0, 1, 2], [1, 3, 5], loss=nn.mse, lr=0.2, epochs=1000, tolerance=1e-9)
    >>> round(model.weight[0][0].data, 6), round(model.bias[0].data, 6), history.stopped
    (2.0, 1.0, 'tolerance')
    """
    if not isinstance(model, Module):
        raise TypeError(f"model: fit takes a Module, got {kind_of(model)}")
    if not callable(loss):
        raise TypeError(f"loss must be a function of outputs and target, such as nn.ssr; got {shown(loss)}")
    compile, progress = boolean(compile, "compile"), boolean(progress, "progress")
    optimizer = _checked_optimizer(model, optimizer, lr)
    if not isinstance(schedule, (Schedule, type(None))):
        raise TypeError(f"schedule must be one such as nn.StepLR(optimizer, 10), got {kind_of(schedule)}")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ValueError("the schedule must be one of the optimizer that is given, such as nn.StepLR(optimizer, 10)")
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be a function of the history, got {kind_of(on_epoch)}")
    data = observations(inputs, targets, "inputs", "targets")
    task = Task(
        model=model,
        loss=loss,
        data=data,
        optimizer=optimizer,
        schedule=schedule,
        validation=_checked_validation(validation, patience),
        weights=weights_of(sample_weight, class_weight, data[1]),
        metrics=checked_metrics(metrics),
    )
    plan = Plan(
        batch_size=None if batch_size is None else positive_integer(batch_size, "batch_size"),
        epochs=positive_integer(epochs, "epochs"),
        tolerance=0.0 if tolerance is None else number_between(tolerance, "tolerance"),
        patience=None if patience is None else positive_integer(patience, "patience"),
        seed=seed,
        compile=compile,
        is_resumable=checkpoint is not None,
        is_whole=isinstance(optimizer, WholeOptimizer),
    )
    if plan.is_whole and (plan.batch_size is not None or schedule is not None):
        raise ValueError(f"{type(optimizer).__name__} takes the whole data set; leave batch_size and schedule out")
    training = Training(task, plan)
    keeper = None if checkpoint is None else Checkpoint(checkpoint, training)
    if keeper is not None:
        keeper.restore()
    _run(training, keeper, progress, on_epoch)
    return training.history


def _run(
    training: Training,
    keeper: Checkpoint | None,
    progress: bool,
    on_epoch: Callable[[History], object] | None,
) -> None:
    """Trains until there is a reason to stop, and leaves everything in order whatever happens."""
    history, model = training.history, training.task.model
    modes = [(module, module.training) for _, module in model.named_modules()]
    try:
        if keeper is not None and training.stop_reason() is None:
            keeper.check_writable()
        with ContextChange(), progress_bar(progress, training.plan.epochs) as show:  # Ctrl-C cuts off what is inside
            training.begin()
            while (reason := training.stop_reason()) is None:
                training.epoch()
                is_told_to_stop = on_epoch is not None and training.told(on_epoch)
                if keeper is not None:
                    keeper.epoch_done()
                show(len(history), history.loss[-1], training.step.engine)
                if is_told_to_stop:
                    reason = "on_epoch"
                    break
        history.stopped = reason
    except KeyboardInterrupt:
        history.stopped = "interrupted"
        history.trim()
    finally:
        training.settle()
        for module, was_training in modes:
            module.training = was_training
        if keeper is not None:
            keeper.write()


def _checked_optimizer(model: Module, optimizer: Optimizer | None, lr: float | None) -> Optimizer:
    if optimizer is None:
        optimizer = SGD(model.parameters(), 0.1 if lr is None else lr)
    elif not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be one such as nn.Adam(model.parameters()), got {kind_of(optimizer)}")
    elif lr is not None:
        raise ValueError("the optimizer has a learning rate already; leave lr out")
    elif not set(optimizer.parameters) & set(model.parameters()):
        raise ValueError("the optimizer holds no parameter of this model; make it with model.parameters()")
    moving = optimizer.moving()
    if moving is not None and not moving.any():
        raise ValueError(
            f"all {len(moving)} parameters are frozen, so nothing can be trained; set trainable = True for some of them"
        )
    return optimizer


def _checked_validation(validation: tuple[Any, Any] | None, patience: int | None) -> Data | None:
    if validation is None:
        if patience is not None:
            raise ValueError("patience waits for the validation loss; give validation=(inputs, targets) too")
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(f"validation must be a pair (inputs, targets), got {kind_of(validation)}")
    return observations(*validation, "validation inputs", "validation targets")
