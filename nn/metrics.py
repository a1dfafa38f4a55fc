"""Metrics: what people read beside the loss."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from autograd import Value

from .activations import argmax
from .checks import as_float, is_number, items, kind_of, numbers, plain
from .types import Mask, Numbers, Places, Vector

Classes: TypeAlias = Places | Mask
"""One per row; of a single output, whether it says yes."""


def accuracy(outputs: Numbers, target: Numbers) -> float:
    """Whether the largest output is that of the observed class: 1.0 or 0.0; for a batch the share of those.

    Args:
        outputs: one number per class, raw or probabilities; or a list of such lists. A single output is a raw score of
            yes, which is predicted above 0.
        target: the index of the observed class, or a list of the probabilities of all classes, of which the largest
            counts; for a single output a number above 0 for yes. For a batch, a list of them.

    Raises:
        TypeError: something is no number.
        ValueError: lengths differ, or a class is out of range.

    >>> accuracy([0.1, 2.0, -1.0], 1), accuracy([[0.1, 2.0], [0.3, 0.2]], [1, 1])
    (1.0, 0.5)
    """
    outputs = plain(outputs, "outputs")
    rows = [outputs] if is_number(outputs) else [plain(entry, "outputs") for entry in items(outputs, "outputs")]
    if rows and not is_number(rows[0]):
        targets = items(target, "target")
        if len(rows) != len(targets):
            raise ValueError(f"outputs and target must have equal lengths, got {len(rows)} and {len(targets)}")
        return float(np.mean([accuracy(row, observed) for row, observed in zip(rows, targets, strict=True)]))
    found, observed = numbers(rows, "outputs"), plain(target, "target")
    if not found:
        raise ValueError("outputs is empty; accuracy takes at least one number")
    if len(found) == 1:
        yes = observed if is_number(observed) else (numbers(observed, "target") or [None])[0]
        if not is_number(yes):
            raise TypeError(f"target must be a number, got {kind_of(target)}")
        return float((as_float(found[0]) > 0) == (as_float(yes) > 0))
    return float(argmax(found) == _class_of(observed, len(found)))


def _class_of(observed: Any, classes: int) -> int:
    if not is_number(observed):
        shares = numbers(observed, "target")
        if len(shares) != classes:
            raise ValueError(f"target: expected probabilities of {classes} classes, got {len(shares)}")
        return argmax(shares)
    number = as_float(observed)
    if isinstance(observed, (bool, Value)) or number % 1 != 0:
        raise TypeError(f"target: a class is an integer from 0 to {classes - 1}, got {kind_of(observed)}")
    if not 0 <= number < classes:
        raise ValueError(f"target: a class must be from 0 to {classes - 1}, got {observed}")
    return int(number)


def observed_classes(targets: Vector, outputs: int) -> Classes | None:
    """The class of each target as `accuracy` takes it; None where it would have to look at each."""
    if targets.ndim == 2 and targets.shape[1] == outputs > 1:
        return _largest(targets)
    if outputs == 1 and targets.size == len(targets):
        return targets.ravel() > 0
    if targets.ndim != 1 or outputs == 1:
        return None
    classes = targets.astype(int)
    is_each_one = (classes == targets).all() and classes.min() >= 0 and classes.max() < outputs
    return classes if is_each_one else None


def predicted_classes(outputs: Vector) -> Classes:
    """The class that each row of outputs predicts."""
    return _largest(outputs) if outputs.shape[1] > 1 else outputs[:, 0] > 0


def _largest(rows: Vector) -> Places:
    found: Places = rows.argmax(axis=1)
    return found
