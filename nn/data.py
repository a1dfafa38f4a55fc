"""The data to train on, checked before anything is computed with them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from .checks import all_finite, as_float, is_number, items, kind_of, number_between, plain, shown
from .types import Vector

Data: TypeAlias = "tuple[Column, Column]"
"""A row of inputs and a target per observation."""


_NUMBERS = {int, float, np.float64}


class Column(Sequence[Any]):
    """One entry per observation: plain Python numbers and lists for a graph, one array for a program.

    Args:
        entries: a list of plain entries, or an array of numbers whose first axis counts observations.

    Attributes:
        array: all entries as one float64 array; None unless they are numbers of one shape.
    """

    def __init__(self, entries: list[Any] | np.ndarray[Any, Any]) -> None:
        self._entries = entries
        self.array = _as_array(entries)

    @cached_property
    def flat(self) -> Vector:
        """The array with one flat row per observation, always the same object."""
        assert self.array is not None
        return self.array.reshape(len(self.array), -1)

    @property
    def holds_numbers(self) -> bool:
        """Whether each entry is one number, and no truth value."""
        if isinstance(self._entries, np.ndarray):
            return self._entries.ndim == 1 and self._entries.dtype.kind in "iuf"
        return set(map(type, self._entries)) <= _NUMBERS

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, position: Any) -> Any:
        return plain(self._entries[position])

    def __iter__(self) -> Iterator[Any]:
        return map(plain, self._entries)


def observations(inputs: object, targets: object, inputs_name: str, targets_name: str) -> Data:
    """The data as columns, checked; a row of one number becomes a list."""
    try:
        rows, observed = rows_of(inputs, inputs_name), _column(targets, targets_name)
        _check_finite(rows, inputs_name)
        _check_finite(observed, targets_name)
    except RecursionError:
        raise ValueError(f"{inputs_name} or {targets_name} are nested too deeply, or hold themselves") from None
    if len(rows) != len(observed):
        raise ValueError(f"{inputs_name} has {len(rows)} rows and {targets_name} {len(observed)}; each row needs one")
    if not len(rows):
        raise ValueError(f"{inputs_name} is empty; training takes at least one observation")
    return rows, observed


def weights_of(sample_weight: object, class_weight: object, targets: Column) -> Vector | None:
    """How much each observation counts: its own weight times that of its class; None without either."""
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(targets))
    if sample_weight is not None:
        column = _column(sample_weight, "sample_weight")
        if len(column) != len(targets):
            raise ValueError(f"sample_weight has {len(column)} numbers for {len(targets)} rows; each row needs one")
        weights = np.array([_weight(entry, f"sample_weight[{position}]") for position, entry in enumerate(column)])
    if class_weight is not None:
        weights = weights * _class_weights(class_weight, targets)
    if not weights.any():
        raise ValueError("sample_weight and class_weight are zero for all rows, so nothing can be trained")
    return weights


def _class_weights(class_weight: object, targets: Column) -> Vector:
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict, such as {{0: 1.0, 1: 5.0}}, got {kind_of(class_weight)}")
    by_class = {}
    for key, weight in class_weight.items():
        if not is_number(key) or as_float(key) % 1 != 0:
            raise TypeError(f"class_weight: a class must be an integer, got {kind_of(key)}")
        by_class[int(as_float(key))] = _weight(weight, f"class_weight[{shown(key)}]")
    return np.array([by_class.get(_class_of(target, position), 1.0) for position, target in enumerate(targets)])


def _class_of(target: Any, position: int) -> int:
    """The class that a target is, or that its largest share is of."""
    if isinstance(target, (list, tuple)) and target and all(map(is_number, target)):
        return int(np.argmax(list(map(as_float, target)))) if len(target) > 1 else _class_of(target[0], position)
    if not is_number(target) or as_float(target) % 1 != 0:
        raise TypeError(f"class_weight needs classes; the target of row {position} is {kind_of(target)}")
    return int(as_float(target))


def _weight(weight: object, what: str) -> float:
    return number_between(weight.item() if isinstance(weight, np.generic) else weight, what)


def digest(data: Data) -> str:
    """A short hash of the data; 1 and 1.0 count as the same."""
    found = hashlib.sha256()
    for column in data:
        if column.array is None:
            found.update(repr(_comparable(list(column))).encode())
        else:
            found.update(repr(column.array.shape).encode())
            found.update(np.ascontiguousarray(column.array).data)
    return found.hexdigest()[:16]


def rows_of(inputs: object, name: str) -> Column:
    """One row per observation; a number becomes a row of one."""
    if _is_numeric(inputs):
        return Column(inputs[:, np.newaxis] if inputs.ndim == 1 else inputs)
    return Column([[row] if is_number(row) else row for row in _plain(inputs, name)])


def _column(targets: object, name: str) -> Column:
    return Column(targets if _is_numeric(targets) else _plain(targets, name))


def _plain(data: object, name: str) -> list[Any]:
    return [plain(entry, f"{name}, row {position},") for position, entry in enumerate(items(data, name))]


def _is_numeric(data: object) -> TypeGuard[np.ndarray[Any, Any]]:
    """Whether this is an array of numbers with an axis for the observations, which can stay whole."""
    return type(data) is np.ndarray and data.dtype.kind in "biuf" and data.ndim > 0


def _as_array(entries: list[Any] | np.ndarray[Any, Any]) -> Vector | None:
    try:
        array = np.asarray(entries)
    except Exception:  # rows differ in length, an integer is beyond the floats, an object objects
        return None
    return array.astype(np.float64, copy=False) if array.dtype.kind in "biuf" else None


def _comparable(entry: Any) -> object:
    if is_number(entry):
        return as_float(entry)
    if isinstance(entry, (list, tuple)):
        return [_comparable(part) for part in entry]
    return entry if isinstance(entry, str) else type(entry).__name__  # the repr of other objects may hold an address


def _check_finite(column: Column, name: str) -> None:
    if column.array is None:
        for position, entry in enumerate(column):
            _check_entry(entry, f"{name}, row {position}")
    elif not (_has_finite_sum(column.array) or all_finite(column.array.ravel())):
        position = int(np.argwhere(~np.isfinite(column.array))[0][0])
        _check_entry(column[position], f"{name}, row {position}")


@np.errstate(all="ignore")  # the sum of finite numbers may overflow
def _has_finite_sum(array: Vector) -> bool:
    """Whether the sum is finite, as it is of no array with a nan or an infinity: that takes half as long as to look."""
    return math.isfinite(array.sum())


def _check_entry(entry: Any, place: str) -> None:
    if isinstance(entry, (list, tuple)):
        for column, number in enumerate(entry):
            _check_entry(number, f"{place}, column {column}")
    elif is_number(entry) and not math.isfinite(number := as_float(entry)):
        raise ValueError(f"{place}: expected a finite number, got {number}")
    elif isinstance(entry, (complex, set, frozenset)):
        raise TypeError(f"{place}: expected a real number or a list, got {kind_of(entry)}")
