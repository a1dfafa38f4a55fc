"""The data to train on, checked before anything is computed with them."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

from .checks import is_number, items, plain

if TYPE_CHECKING:
    from typing import TypeAlias

    Data: TypeAlias = tuple[list[Any], list[Any]]
    """A row of inputs for each observation, and what was observed."""


def observations(inputs: Any, targets: Any, inputs_name: str, targets_name: str) -> Data:
    """The rows of the data as plain Python numbers and lists; a row of one number becomes a list.

    Raises:
        TypeError: the data are no lists or arrays.
        ValueError: their lengths differ, they are empty, or hold nan or an infinity; the message says where.
    """
    rows = [[row] if is_number(row) else row for row in map(plain, items(inputs, inputs_name))]
    observed = [plain(target) for target in items(targets, targets_name)]
    if len(rows) != len(observed):
        raise ValueError(f"{inputs_name} has {len(rows)} rows and {targets_name} {len(observed)}; each row needs one")
    if not rows:
        raise ValueError(f"{inputs_name} is empty; training takes at least one observation")
    for name, column in ((inputs_name, rows), (targets_name, observed)):
        for position, entry in enumerate(column):
            _check_finite(entry, f"{name}, row {position}")
    return rows, observed


def digest(data: Data) -> str:
    """A short text that differs for other data; 1 and 1.0 count as the same."""
    return hashlib.sha256(repr([_comparable(column) for column in data]).encode()).hexdigest()[:16]


def _comparable(entry: Any) -> Any:
    if is_number(entry):
        return float(entry)
    if isinstance(entry, (list, tuple)):
        return [_comparable(part) for part in entry]
    return entry if isinstance(entry, str) else type(entry).__name__  # other objects may show their address


def _check_finite(entry: Any, place: str) -> None:
    if isinstance(entry, (list, tuple)):
        for column, number in enumerate(entry):
            _check_finite(number, f"{place}, column {column}")
    elif is_number(entry) and not math.isfinite(entry):
        raise ValueError(f"{place}: expected a finite number, got {float(entry)}")
