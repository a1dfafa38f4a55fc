"""What a model keeps from call to call: a program, which is made of one call, would not know that it changes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .module import Module


class Kept:
    """The attributes of all modules and the sources of random numbers, as they are now.

    Objects count as the same as long as they are the same ones: of what is inside of them only the length of containers
    and the state of random generators are looked at.

    Args:
        model: the network.
    """

    def __init__(self, model: Module) -> None:
        self._objects = {
            f"{path}.{name}" if path else name: kept
            for path, module in model.named_modules()
            for name, kept in vars(module).items()
        }
        self._states = {name: _state(kept) for name, kept in self._objects.items()}
        self._states["the state of Python's module random"] = random.getstate()
        self._states["the state of numpy.random"] = _state(np.random.mtrand._rand)

    def changed_since(self, earlier: Kept) -> list[str]:
        """The names of what is not as it was."""
        names = {**earlier._states, **self._states}
        return [name for name in names if earlier._states.get(name) != self._states.get(name)]


def _state(kept: Any) -> Any:
    """Something that is equal later, unless the object has changed."""
    if isinstance(kept, (int, float, str)):
        return kept
    if isinstance(kept, np.random.Generator):
        return repr(kept.bit_generator.state)
    if isinstance(kept, np.random.RandomState):
        state = kept.get_state(legacy=False)["state"]
        return state["key"].tobytes(), state["pos"]
    if isinstance(kept, random.Random):
        return kept.getstate()
    return id(kept), len(kept) if isinstance(kept, (list, tuple, dict, set)) else 0
