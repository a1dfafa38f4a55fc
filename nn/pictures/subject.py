"""What a page is about: model, loss and data as the graph of one observation, in numbers that may all change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograd import Placeholder, Value
from autograd.structures import rebuild

from .. import losses
from ..activations import LogSoftmax, Softmax
from ..checks import is_number, items, kind_of, shown
from ..data import Data, observations
from ..module import Module, Parameter
from ..tracing import NoProgramError, placeholders, traced
from ..training.program import program_of, targets_of
from ..training.steps import EagerLoss, EagerStep
from ..types import Loss, Numbers, Vector

MOST_PARAMETERS = 500
"""Nobody moves more weights than this one by one."""

MOST_OBSERVATIONS = 1000
"""Nobody reads a table of more rows."""

_SHORT = {
    losses.ssr: "SSR",
    losses.mse: "MSE",
    losses.mae: "MAE",
    losses.cross_entropy: "CE",
    losses.cross_entropy_of_probabilities: "CE",
    losses.binary_cross_entropy_with_logits: "CE",
    losses.nll: "NLL",
}
"""What the lectures and the field call these losses in formulas."""

OF_CLASSES = {
    losses.cross_entropy: "logits",
    losses.nll: "log probabilities",
    losses.cross_entropy_of_probabilities: "probabilities",
}
"""The losses of classes, and what they take for outputs."""


class Subject(NamedTuple):
    """The loss of one observation as a graph, and the numbers that it holds for.

    Attributes:
        model: the network.
        parameters: its parameters, each once.
        names: what the page calls them; no two are alike.
        x: what stands for the inputs of an observation in the graph.
        y: what stands for its target.
        rows: the inputs, of shape (observations, inputs).
        targets: the targets, of shape (observations, numbers per target); classes as the shares of all.
        outputs: the network's outputs for the observation.
        loss: the loss of the observation.
        added: whether losses of observations are added, as those of `nn.ssr` are, or averaged.
        classes: what the outputs are to a loss of classes, such as "logits"; empty for other losses.
        data: the checked data.
        function: the loss as a function of outputs and target.
    """

    model: Module
    parameters: list[Parameter]
    names: list[str]
    x: list[Placeholder]
    y: list[Placeholder]
    rows: Vector
    targets: Vector
    outputs: list[Value]
    loss: Value
    added: bool
    classes: str
    data: Data
    function: Loss


def subject_of(model: Module, X: Numbers, y: Numbers, loss: Loss | None) -> Subject:  # noqa: N803
    """Traces model and loss, after they were called with the first observation as it is, so that errors are its own.

    Raises:
        TypeError: the model is no Module, or the loss no function.
        ValueError: data, model and loss do not fit each other, there are too many parameters or none, or the graph of
            one observation does not hold for the others.
    """
    if not isinstance(model, Module):
        raise TypeError(f"playground: model must be a Module, got {kind_of(model)}")
    if loss is not None and not callable(loss):
        raise TypeError(f"playground: loss must be a function of outputs and target, got {kind_of(loss)}")
    parameters = model.parameters()
    if not parameters:
        raise ValueError("playground: the model has no parameters, so there is nothing to move")
    if len(parameters) > MOST_PARAMETERS:
        raise ValueError(
            f"playground: the page moves at most {MOST_PARAMETERS} parameters one by one, this model has "
            f"{len(parameters):,}; draw it with nn.diagram"
        )
    data = observations(X, y, "X", "y")
    if len(data[0]) > MOST_OBSERVATIONS:
        raise ValueError(
            f"playground: the page computes everything anew at each move, so it takes at most {MOST_OBSERVATIONS:,} "
            f"observations; X has {len(data[0]):,}, of which some will do, such as X[:{MOST_OBSERVATIONS}]"
        )
    function = loss or _usual_loss(model, data)
    fields = model, function, data, parameters, _base(function) is losses.ssr, "X"
    theta = np.array([parameter.data for parameter in parameters])
    if not np.isfinite(theta).all():
        raise ValueError("playground: a parameter is not finite; give the model numbers to start from")
    EagerLoss(*fields)(theta, range(len(data[0])))
    gradients = [parameter.gradient for parameter in parameters]
    try:
        return _traced(EagerStep(*fields), theta)
    finally:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.gradient = gradient


def _usual_loss(model: Module, data: Data) -> Loss:
    """Squared residuals; for classes of a network of several outputs the cross entropy."""
    outputs = model(data[0][0])
    count = 1 if is_number(outputs) else len(items(outputs, "the outputs of the model"))
    if count == 1 or not all(is_number(target) and target in range(count) for target in data[1]):
        return losses.ssr
    *_, last = [module for _, module in model.named_modules() if not module.children()]
    if isinstance(last, Softmax):
        return losses.cross_entropy_of_probabilities
    return losses.nll if isinstance(last, LogSoftmax) else losses.cross_entropy


def _base(loss: Loss) -> Loss:
    return loss.func if isinstance(loss, partial) else loss


def _traced(eager: EagerStep, theta: Vector) -> Subject:
    """The graph of one observation, compared with those of five."""
    inputs, targets = (column.array for column in eager.data)
    if inputs is None or targets is None:
        which = "X" if inputs is None else "y"
        raise ValueError(f"playground: {which} must hold numbers, in the same form for each observation")
    try:
        program_of(eager, theta, [1])
        x = placeholders(inputs)
        outputs = _called(eager, lambda: eager.model(rebuild(eager.data[0][0], x)))
        value, y, rows = _with_loss(eager, outputs, targets)
    except NoProgramError as problem:
        raise ValueError(f"playground: the page would compute something else than the model: {problem}") from problem
    names, listed = _distinct(eager.model), [outputs] if is_number(outputs) else list(outputs)
    function, flat = _base(eager.loss), inputs.reshape(len(inputs), -1)
    return Subject(
        eager.model, list(eager.model.parameters()), names, x, y, flat, rows, listed, value, eager.added,
        OF_CLASSES.get(function, ""), eager.data, eager.loss,
    )  # fmt: skip


def _with_loss(eager: EagerStep, outputs: Any, targets: Vector) -> tuple[Value, list[Placeholder], Vector]:
    """The loss, what stands for a target in it, and the numbers of all targets."""
    reason: NoProgramError | None = None
    for target, y, rows in targets_of(eager.data[1], targets, outputs):
        try:
            return _called(eager, partial(eager.loss, outputs, target)), y, rows
        except NoProgramError as problem:
            reason = problem
    raise reason or AssertionError


def _called(eager: EagerStep, call: Callable[[], Any]) -> Any:
    return traced(call, eager.parameters, eager.model, eager.loss)


def _distinct(model: Module) -> list[str]:
    """The names of the parameters; paths where names are not one for each."""
    names = [parameter.name or "" for parameter in model.parameters()]
    paths = [path for path, _ in model.named_parameters()]
    return [name if name and names.count(name) == 1 else path for name, path in zip(names, paths, strict=True)]


def loss_name(loss: Loss) -> str:
    """What formulas call a loss: a short name of the field's, or the function's own."""
    found = _base(loss)
    own = getattr(found, "__name__", "loss")
    return _SHORT.get(found) or (own if own.isidentifier() else "loss")


def names_for(names: Sequence[str] | None, count: int, stem: str, argument: str) -> list[str]:
    """The names given, or the stand-ins of `draw`: "input", or "input1", "input2", ..."""
    if names is None:
        return [stem] if count == 1 else [f"{stem}{n}" for n in range(1, count + 1)]
    listed = items(names, f"playground: {argument}", "a list of strings")
    if len(listed) != count or not all(isinstance(name, str) and name for name in listed):
        raise ValueError(f"playground: {argument} must be {count} strings, got {shown(names)}")
    return listed
