"""Losses: how far what a network predicts is from what was observed.

All take one observation or a batch, a list of observations. With `reduction="none"` they return one loss per number
(the cross entropies: per observation), with "sum" and "mean" a single one, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

import autograd
from autograd import Placeholder, Value

from .activations import log_softmax_at, surprises
from .checks import as_float, is_number, items, kind_of, number_between, numbers, one_of, plain, shown
from .types import Loss, Number, Numbers

Reduction: TypeAlias = Literal["mean", "sum", "none"]

_REDUCTIONS: dict[str, Callable[[list[Any]], Any]] = {"mean": autograd.mean, "sum": autograd.sum}


# Losses of numbers: the residual of each output counts


def ssr(predicted: Numbers, observed: Numbers, reduction: Reduction = "sum") -> Any:
    """The sum of squared residuals, `sum (observed - predicted)^2`: the loss of the dosage network in the lectures.

    Args:
        predicted: a Value, a list of the outputs for one observation, or a list of such lists.
        observed: the observed numbers, in the same form.
        reduction: "sum" (this loss is a sum by name), "mean" or "none".

    Raises:
        ValueError: the two differ in form, or are empty.

    >>> ssr([1.5, 0.25], [1.0, 0.0])
    0.3125
    """
    return _elementwise(lambda p, o: autograd.square(o - p), predicted, observed, reduction)


def mse(predicted: Numbers, observed: Numbers, reduction: Reduction = "mean") -> Any:
    """The mean squared error; arguments and errors as `ssr`."""
    return ssr(predicted, observed, reduction)


def mae(predicted: Numbers, observed: Numbers, reduction: Reduction = "mean") -> Any:
    """The mean absolute error, PyTorch's `l1_loss`; arguments and errors as `ssr`."""
    return _elementwise(lambda p, o: autograd.abs(p - o), predicted, observed, reduction)


def huber(predicted: Numbers, observed: Numbers, delta: float = 1.0, reduction: Reduction = "mean") -> Any:
    """Half the squared residual up to `delta`, beyond it a straight line (Huber 1964); otherwise as `ssr`."""
    if not number_between(delta, "delta"):
        raise ValueError("delta must be greater than 0")

    return _elementwise(lambda p, o: _huber(p - o, delta), predicted, observed, reduction)


def _huber_formula(m: Any, r: Any, delta: Any) -> Any:
    inside = m.minimum(m.abs(r), delta)
    return inside * (m.abs(r) - 0.5 * inside)


_huber: Callable[..., Any] = autograd.operation(
    "huber",
    _huber_formula,
    lambda m, y, r, delta: (
        m.where(m.step(delta, m.abs(r), 0.0), r, delta * m.sign(r)),
        m.relu(m.abs(r) - delta),
    ),
    latex=r"\operatorname{{huber}}_{{{1}}}({0})",
    domain=((-3.0, 3.0), (0.5, 2.0)),
)
"""One operation, since the parts it is written with have kinks where it has none."""


def hinge(predicted: Numbers, observed: Numbers, reduction: Reduction = "mean") -> Any:
    """`max(0, 1 - label * score)`, which asks for scores beyond 1 on the side of the label, -1 or 1.

    Other arguments and errors as `ssr`.

    Raises:
        ValueError: a label is a number other than -1 or 1.
    """

    def loss(score: Any, label: Any) -> Any:
        _check_each(label, lambda number: number in (-1, 1), "hinge: labels must be -1 or 1")
        return autograd.relu(1.0 - label * score)

    return _elementwise(loss, predicted, observed, reduction)


def binary_cross_entropy_with_logits(logits: Numbers, target: Numbers, reduction: Reduction = "mean") -> Any:
    """The cross entropy of yes and no, where `sigmoid(logit)` is the predicted probability of yes.

    Computed as `target * softplus(-logit) + (1 - target) * softplus(logit)`, which keeps its digits in both tails.

    Args:
        logits: raw outputs, any real numbers, in the forms of `ssr`.
        target: the observed probabilities, between 0 and 1.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: a target is a number outside 0 to 1, or the forms differ.
    """

    def loss(logit: Any, yes: Any) -> Any:
        complaint = "binary_cross_entropy_with_logits: targets must be between 0 and 1"
        _check_each(yes, lambda number: 0 <= number <= 1, complaint)
        parts = ((yes, -logit), (1.0 - yes, logit))
        terms = [(share, autograd.softplus(x)) for share, x in parts if isinstance(yes, Value) or share]
        terms = [share * (_unless_masked(x, share) if isinstance(share, Value) else x) for share, x in terms]
        return terms[0] if len(terms) == 1 else terms[0] + terms[1]

    return _elementwise(loss, logits, target, reduction, "logits", "target")


# Losses of classes: each observation counts


def cross_entropy(logits: Numbers, target: Numbers, reduction: Reduction = "mean") -> Any:
    """The cross entropy of softmax outputs, `-sum_c observed_c * log(softmax(logits)_c)`.

    Args:
        logits: the raw outputs, one per class; or a list of such lists.
        target: the index of the observed class, or a list with the observed probability of each class (one-hot or any
            other distribution; numbers or Values); for a batch, a list of them.
        reduction: over the observations, "mean", "sum" or "none".

    Raises:
        TypeError: a class is not an integer.
        ValueError: a class is out of range, probabilities are too few or too many or do not add up to 1, or the
            batches differ in length or are empty.

    >>> round(cross_entropy([1.43, -0.4, 0.23], 0), 2)
    0.38
    """
    return _by_observation(
        lambda zs, observed: -log_softmax_at(zs, observed),
        lambda zs, classes, shares: _expected(shares, surprises(zs, classes)),
        logits, target, reduction, "logits", "target",
    )  # fmt: skip


def nll(log_probabilities: Numbers, target: Numbers, reduction: Reduction = "mean") -> Any:
    """The negative log likelihood, `-sum_c observed_c * log_probability_c`: cross entropy after `log_softmax`.

    Targets, reductions and errors as `cross_entropy`.
    """
    return _by_observation(
        lambda ls, observed: -ls[observed],
        lambda ls, classes, shares: -_expected(shares, [ls[c] for c in classes]),
        log_probabilities, target, reduction, "log_probabilities", "target",
    )  # fmt: skip


def cross_entropy_of_probabilities(p: Numbers, observed: Numbers, reduction: Reduction = "mean") -> Any:
    """The cross entropy of probabilities, `-sum_c observed_c * log(p_c)`, as the lectures write it.

    `cross_entropy` of the raw outputs is more accurate where a probability is close to 0 or 1. Classes with observed
    probability 0 are left out. Targets, reductions and errors as `cross_entropy`.

    >>> round(cross_entropy_of_probabilities([0.57, 0.20, 0.23], 0), 2)
    0.56
    """
    return _by_observation(
        lambda ps, observed: -autograd.log(ps[observed]),
        lambda ps, classes, shares: -_expected(shares, list(map(_log, [ps[c] for c in classes], shares))),
        p, observed, reduction, "p", "observed",
    )  # fmt: skip


def _log(p: Any, share: Any) -> Any:
    """The logarithm, but 0 where both are 0: its slope there would be infinite."""
    return autograd.log(autograd.where(share, p, autograd.where(p, p, 1.0)) if isinstance(share, Value) else p)


_unless_masked: Callable[..., Any] = autograd.operation(
    "unless_masked",
    lambda m, x, share: m.where(share, x, m.where(m.reciprocal(x), x, 0.0)),
    lambda m, y, x, share: (m.where(share, 1.0, m.where(m.reciprocal(x), 1.0, 0.0)), None),
)
"""x, but 0 where it is infinite and its share is 0."""


def _expected(shares: list[Any], xs: list[Any]) -> Any:
    """The sum of shares times numbers. A plain share of 0 was left out, and a Value of 0 meets no infinity either."""
    pairs = zip(xs, shares, strict=True)
    return autograd.dot(shares, [_unless_masked(x, s) if isinstance(s, Value) else x for x, s in pairs])


def _elementwise(loss: Loss, predicted: Numbers, observed: Numbers, reduction: Reduction, *names: str) -> Any:
    """The loss of each number, reduced. Errors call the arguments by their names."""
    one_of(reduction, "reduction", (*_REDUCTIONS, "none"))
    try:
        losses = _paired(loss, predicted, observed, *(names or ("predicted", "observed")))
    except RecursionError:
        raise ValueError("predicted or observed is nested too deeply, or holds itself") from None
    return losses if reduction == "none" else _reduced(_flat(losses), reduction)


def _paired(loss: Loss, predicted: Numbers, observed: Numbers, name: str, observed_name: str) -> Any:
    """The loss of each number. A number may stand for a list of one, as targets of one output often do."""
    predicted, observed = plain(predicted, name), plain(observed, observed_name)
    if is_number(predicted) and is_number(observed):
        predicted = predicted if isinstance(predicted, Value) else as_float(predicted)
        return loss(predicted, observed if isinstance(observed, Value) else as_float(observed))
    left = [predicted] if is_number(predicted) else items(predicted, name)
    right = [observed] if is_number(observed) else items(observed, observed_name)
    _check_lengths(left, right, name, observed_name)
    pairs = enumerate(zip(left, right, strict=True))
    return [_paired(loss, p, o, f"{name}[{i}]", f"{observed_name}[{i}]") for i, (p, o) in pairs]


def _by_observation(
    of_class: Callable[[list[Any], int], Any],
    of_distribution: Callable[[list[Any], list[int], list[Any]], Any],
    predicted: Numbers,
    target: Numbers,
    reduction: Reduction,
    predicted_name: str,
    target_name: str,
) -> Any:
    """The loss of each observation: of a class, or of a distribution, restricted to the classes that occur in it."""
    one_of(reduction, "reduction", (*_REDUCTIONS, "none"))

    def loss(outputs: list[Any], observed: Numbers, name: str) -> Any:
        observed = plain(observed, name)
        if is_number(observed):
            return of_class(outputs, _checked_class(observed, len(outputs), name))
        distribution = numbers(observed, name)
        _check_distribution(distribution, len(outputs), name)
        classes = [c for c, share in enumerate(distribution) if isinstance(share, Value) or share != 0]
        if len(classes) == 1 and isinstance(distribution[classes[0]], Real):
            return of_class(outputs, classes[0])
        return of_distribution(outputs, classes, [distribution[c] for c in classes])

    outputs = [plain(entry, predicted_name) for entry in items(predicted, predicted_name)]
    if outputs and is_number(outputs[0]):
        return loss(numbers(outputs, predicted_name), target, target_name)
    rows = [numbers(row, f"{predicted_name}[{i}]") for i, row in enumerate(outputs)]
    targets = items(target, target_name) if rows else []
    _check_lengths(rows, targets, predicted_name, target_name)
    losses = [
        loss(row, observed, f"{target_name}[{i}]") for i, (row, observed) in enumerate(zip(rows, targets, strict=True))
    ]
    return losses if reduction == "none" else _reduced(losses, reduction)


def _reduced(losses: list[Any], reduction: Reduction) -> Any:
    return losses[0] if len(losses) == 1 else _REDUCTIONS[reduction](losses)


def _flat(losses: object) -> list[Any]:
    return [loss for part in losses for loss in _flat(part)] if isinstance(losses, list) else [losses]


def _check_lengths(predicted: Sequence[Any], observed: Sequence[Any], predicted_name: str, observed_name: str) -> None:
    if not predicted:
        raise ValueError(f"{predicted_name} is empty; a loss takes at least one number")
    if len(predicted) != len(observed):
        raise ValueError(
            f"{predicted_name} and {observed_name} must have equal lengths, got {len(predicted)} and {len(observed)}"
        )


def _checked_class(observed: object, classes: int, name: str) -> int:
    if not isinstance(observed, Integral) or isinstance(observed, bool):
        raise TypeError(
            f"{name}: a class is an integer from 0 to {classes - 1}, or a list of the probabilities of all "
            f"classes; got {kind_of(observed)}"
        )
    if int(observed) not in range(classes):
        raise ValueError(f"{name}: a class must be from 0 to {classes - 1}, got {shown(observed)}")
    return int(observed)


def _check_distribution(shares: list[Any], classes: int, name: str) -> None:
    """Numbers must be probabilities; Values may be anything, since they may be filled in later."""
    if len(shares) != classes:
        raise ValueError(f"{name}: expected probabilities of {classes} classes, got {len(shares)}")
    for distribution in _distributions(shares):
        if not (min(distribution) >= 0 and abs(sum(distribution) - 1) <= 1e-6):
            raise ValueError(
                f"{name}: probabilities must be at least 0 and add up to 1, got {shown(list(distribution))} with "
                f"sum {sum(distribution)!r}"
            )


def _distributions(shares: list[Any]) -> Iterable[Sequence[float]]:
    """What the shares may be: themselves, or all that Placeholders stand for; other Values may be anything."""
    if any(isinstance(share, Value) and not isinstance(share, Placeholder) for share in shares):
        return ()
    if not any(isinstance(share, Value) for share in shares):
        return (list(map(as_float, shares)),)
    columns = [share.numbers if isinstance(share, Placeholder) else repeat(share) for share in shares]
    return set(zip(*[plain(column) for column in columns], strict=False))


def _check_each(target: Number, is_right: Callable[[float], bool], complaint: str) -> None:
    """Checks all that a target of one number may be."""
    for (number,) in _distributions([target]):
        if not is_right(number):
            raise ValueError(f"{complaint}, got {shown(number)}")
