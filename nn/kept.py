"""What a model keeps from call to call: a program, which is made of one call, would not know that it changes."""

from __future__ import annotations

import pickle
import random
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .module import Module


class Kept:
    """The attributes of all modules and the sources of random numbers, as they are now.

    Seen are new, replaced and removed attributes, changes of lists, tuples, sets and dicts in them, and random numbers
    that were drawn; not what changes deeper inside.

    Args:
        model: the network.
    """

    def __init__(self, model: Module) -> None:
        self._states = {
            f"{path}.{name}" if path else name: _state(attribute)
            for path, module in model.named_modules()
            for name, attribute in vars(module).items()
        }
        self._states["the state of Python's module random"] = random.getstate()
        self._states["the state of numpy.random"] = pickle.dumps(np.random.get_state(legacy=False))

    def changed_since(self, earlier: Kept) -> list[str]:
        """The names of what is not as it was."""
        names = {**earlier._states, **self._states}
        return [name for name in names if earlier._states.get(name) != self._states.get(name)]


class _Same:
    """Equals only what stands for the same object."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._held is other._held

    __hash__ = None  # type: ignore[assignment]


def _state(attribute: Any) -> Any:
    """Something that is equal later, unless the attribute has changed."""
    if isinstance(attribute, np.random.Generator):
        return pickle.dumps(attribute.bit_generator.state)
    if isinstance(attribute, np.random.RandomState):
        return pickle.dumps(attribute.get_state(legacy=False))
    if isinstance(attribute, random.Random):
        return attribute.getstate()
    if isinstance(attribute, dict):
        return list(map(_part, attribute)), list(map(_part, attribute.values()))
    return list(map(_part, attribute)) if isinstance(attribute, (list, tuple, set)) else _part(attribute)


def _part(entry: object) -> object:
    return entry if isinstance(entry, (int, float, str)) else _Same(entry)
