"""Losses: how far what a network predicts is from what was observed.

All take one observation or a batch, a list of observations. With `reduction="none"` they return one loss per number
(the cross entropies: per observation), with "sum" and "mean" a single one, as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from numbers import Real
from typing import Any, Literal, NamedTuple, TypeAlias

import autograd
from autograd import Placeholder, Value

from .activations import log_softmax_at, surprises
from .checks import as_float, integer_at_least, is_number, items, kind_of, number_between, numbers, one_of, plain, shown
from .types import Loss, Number, Numbers, OneHot

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
    """The mean squared error; arguments and errors as `ssr`.

    >>> from nn import mse
    >>> mse([1.5, 0.25], [1.0, 0.0])
    0.15625
    """
    return ssr(predicted, observed, reduction)


def mae(predicted: Numbers, observed: Numbers, reduction: Reduction = "mean") -> Any:
    """The mean absolute error, PyTorch's `l1_loss`; arguments and errors as `ssr`.

    >>> from nn import mae
    >>> mae([1.5, 0.25], [1.0, 0.0])
    0.375
    """
    return _elementwise(lambda p, o: autograd.abs(p - o), predicted, observed, reduction)


def huber(predicted: Numbers, observed: Numbers, delta: float = 1.0, reduction: Reduction = "mean") -> Any:
    """Half the squared residual up to `delta`, beyond it a straight line (Huber 1964); otherwise as `ssr`.

    >>> from nn import huber
    >>> huber([0.5, 3.0], [0.0, 0.0], reduction="none")
    [0.125, 2.5]
    """
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

    >>> from nn import hinge
    >>> hinge([0.3, 2.0], [1, 1], reduction="none")
    [0.7, 0.0]
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

    >>> from nn import binary_cross_entropy_with_logits
    >>> round(binary_cross_entropy_with_logits(2.0, 1), 4)
    0.1269
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


def cross_entropy(
    logits: Numbers,
    target: Numbers,
    reduction: Reduction = "mean",
    weight: Numbers | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> Any:
    """The cross entropy of softmax outputs, `-sum_c observed_c * log(softmax(logits)_c)`.

    Args:
        logits: the raw outputs, one per class; or a list of such lists.
        target: the index of the observed class, or a list with the observed probability of each class (one-hot or any
            other distribution; numbers or Values); for a batch, a list of them.
        reduction: over the observations, "mean", "sum" or "none".
        weight: how much each class counts, one number per class. As in PyTorch the mean is that of weighted losses,
            divided by the weights of the observed classes if targets are indices: for one observation the weight
            cancels. `nn.fit`, which calls a loss for one observation, takes `class_weight` instead.
        label_smoothing: from 0 to 1, how much of the observed probability all classes share (Szegedy et al. 2016).
        ignore_index: observations with this index as target count for nothing; the mean of none is nan. `nn.fit`, which
            calls a loss for one observation, leaves such rows out if their `sample_weight` is 0.

    Raises:
        TypeError: a class is not an integer.
        ValueError: a class is out of range, probabilities are too few or too many or do not add up to 1, the
            batches differ in length or are empty, a weight is missing or negative, or the smoothing is not from 0 to 1.

    >>> round(cross_entropy([1.43, -0.4, 0.23], 0), 2)
    0.38
    """
    smoothing = number_between(label_smoothing, "label_smoothing", 0.0, math.nextafter(1.0, 2.0))
    weights = None if weight is None else _checked_weights(weight)
    ignored = None if ignore_index is None else integer_at_least(ignore_index, "ignore_index", -(2**63))

    def of_distribution(zs: list[Any], classes: list[int], shares: list[Any]) -> Any:
        if weights is None and not smoothing:
            if isinstance(shares, OneHot):  # the output of the one class; others may be infinite
                chosen = [autograd.where(share, z, 0.0) for share, z in zip(shares, zs, strict=True)]
                return autograd.logsumexp(zs) - autograd.dot(shares, chosen)
            return _expected(shares, surprises(zs, classes))
        by_class: dict[int, Any] = dict(zip(classes, shares, strict=True))
        mixed = [(1.0 - smoothing) * by_class.get(c, 0.0) + smoothing / len(zs) for c in range(len(zs))]
        return _weighted(zs, mixed if weights is None else [w * share for w, share in zip(weights, mixed, strict=True)])

    def of_class(zs: list[Any], observed: int) -> Any:
        w = 1.0 if weights is None else weights[observed]
        if not smoothing:
            loss = -log_softmax_at(zs, observed)
            return loss if w == 1.0 else w * loss if w else _nothing(zs)
        shares = [smoothing / len(zs) * (1.0 if weights is None else weights[c]) for c in range(len(zs))]
        shares[observed] += (1.0 - smoothing) * w
        return _weighted(zs, shares)

    def count(observed: Any) -> Any:
        """What an observation adds to the divisor of the mean."""
        if isinstance(observed, OneHot):
            if weights is None and ignored is None:
                return 1.0
            counting = [c for c in range(len(observed)) if c != ignored]
            return autograd.dot(
                [1.0 if weights is None else weights[c] for c in counting], [observed[c] for c in counting]
            )
        if not is_number(observed):
            return 1.0
        return 0.0 if observed == ignored else 1.0 if weights is None else weights[int(observed)]

    return _by_observation(
        _Rules(of_class, of_distribution, ignored, None if weights is None and ignored is None else count, weights),
        logits, target, reduction, "logits", "target",
    )  # fmt: skip


def _weighted(zs: list[Any], shares: list[Any]) -> Any:
    """The sum of shares times surprises, without those of shares 0."""
    classes = [c for c, share in enumerate(shares) if isinstance(share, Value) or share]
    return _expected([shares[c] for c in classes], surprises(zs, classes)) if classes else _nothing(zs)


def _nothing(outputs: list[Any]) -> Any:
    """A loss of 0, with derivatives of 0: a program has them too."""
    return autograd.where(1.0, 0.0, autograd.sum(outputs))


def _checked_weights(weight: Numbers) -> list[float]:
    return [number_between(w, f"weight[{position}]") for position, w in enumerate(numbers(weight, "weight"))]


def nll(log_probabilities: Numbers, target: Numbers, reduction: Reduction = "mean") -> Any:
    """The negative log likelihood, `-sum_c observed_c * log_probability_c`: cross entropy after `log_softmax`.

    Targets, reductions and errors as `cross_entropy`.

    >>> from nn import log_softmax, nll
    >>> round(nll(log_softmax([1.43, -0.44, 0.23]), 0), 4)
    0.3752
    """
    return _by_observation(
        _Rules(
            lambda ls, observed: -ls[observed],
            lambda ls, classes, shares: _expected(shares, [-ls[c] for c in classes]),
        ),
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
        _Rules(
            lambda ps, observed: -autograd.log(ps[observed]),
            lambda ps, classes, shares: -_expected(shares, list(map(_log, [ps[c] for c in classes], shares))),
        ),
        p, observed, reduction, "p", "observed",
    )  # fmt: skip


def _log(p: Any, share: Any) -> Any:
    """The logarithm, but 0 where both are 0: its slope there would be infinite."""
    return autograd.log(autograd.where(share, p, autograd.where(p, p, 1.0)) if isinstance(share, Value) else p)


_FINITE = 3e38  # in float32 too
_unless_masked: Callable[..., Any] = autograd.operation(
    "unless_masked",
    lambda m, x, share: m.where(share, x, m.minimum(x, _FINITE)),
    lambda m, y, x, share: (1.0, None),
)
"""A surprise, at least 0, but finite where its share is 0: their product is 0, as is the cotangent that comes back."""


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


class _Rules(NamedTuple):
    """How a loss of classes is computed.

    Attributes:
        of_class: the loss of a class.
        of_distribution: that of some classes with their shares.
        ignored: the class that counts for nothing.
        counted: what an observation adds to the divisor of a mean; None if all count alike.
        weights: one per class, checked to be as many as the outputs.
    """

    of_class: Callable[[list[Any], int], Any]
    of_distribution: Callable[[list[Any], list[int], list[Any]], Any]
    ignored: int | None = None
    counted: Callable[[Any], Any] | None = None
    weights: list[float] | None = None


def _by_observation(
    rules: _Rules,
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
        if rules.weights is not None and len(rules.weights) != len(outputs):
            raise ValueError(
                f"weight: expected one number for each of {len(outputs)} classes, got {len(rules.weights)}"
            )
        if is_number(observed):
            if rules.ignored is not None and observed == rules.ignored:
                return _nothing(outputs)
            return rules.of_class(outputs, _checked_class(observed, len(outputs), name))
        distribution = numbers(observed, name)
        if not isinstance(observed, OneHot):
            _check_distribution(distribution, len(outputs), name)
        classes = [c for c, share in enumerate(distribution) if isinstance(share, Value) or share != 0]
        if len(classes) == 1 and isinstance(distribution[classes[0]], Real):
            return rules.of_class(outputs, classes[0])
        shares = observed if isinstance(observed, OneHot) else [distribution[c] for c in classes]
        found = rules.of_distribution(outputs, classes, shares)
        if isinstance(observed, OneHot) and rules.ignored is not None:
            counts = autograd.sum([share for c, share in enumerate(distribution) if c != rules.ignored])
            return autograd.where(counts, found, 0.0)
        return found

    outputs = [plain(entry, predicted_name) for entry in items(predicted, predicted_name)]
    if outputs and is_number(outputs[0]):
        single = loss(numbers(outputs, predicted_name), target, target_name)
        return _averaged([single], [target], rules, reduction) if reduction == "mean" else single
    rows = [numbers(row, f"{predicted_name}[{i}]") for i, row in enumerate(outputs)]
    targets = items(target, target_name) if rows else []
    _check_lengths(rows, targets, predicted_name, target_name)
    losses = [
        loss(row, observed, f"{target_name}[{i}]") for i, (row, observed) in enumerate(zip(rows, targets, strict=True))
    ]
    if reduction == "mean":
        return _averaged(losses, targets, rules, reduction)
    return losses if reduction == "none" else _reduced(losses, reduction)


def _averaged(losses: list[Any], targets: list[Any], rules: _Rules, reduction: Reduction) -> Any:
    """The mean, by what each observation counts."""
    if rules.counted is None:
        return _reduced(losses, reduction)
    counts = [rules.counted(plain(target)) for target in targets]
    total = _reduced(losses, "sum")
    if all(not isinstance(count, Value) and count == 1.0 for count in counts):
        return total if len(losses) == 1 else total / len(losses)
    divisor = _reduced(counts, "sum")
    return total / divisor if isinstance(divisor, Value) or divisor else total * math.nan


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
    whole = isinstance(observed, Real) and not isinstance(observed, bool) and observed % 1 == 0
    if not whole:
        raise TypeError(
            f"{name}: a class is an integer from 0 to {classes - 1}, or a list of the probabilities of all "
            f"classes; got {kind_of(observed)}"
        )
    if observed not in range(classes):
        raise ValueError(f"{name}: a class must be from 0 to {classes - 1}, got {shown(observed)}")
    return int(observed)  # type: ignore[call-overload, no-any-return]  # a whole number


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
