"""The statements of a program on arrays that have names, and the names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from ..ir import Action
    from .looks import Array, Operand

_VARIABLES = 200  # of one kind that get a name of their own


class OnNumbers(NamedTuple):
    """An operation on plain numbers instead of arrays."""

    operation: Action


class Step(NamedTuple):
    """What machine code does, by the name that it has in `native.array_tape`."""

    name: str


class Statement(NamedTuple):
    """One line of a program.

    Attributes:
        does: an operation, element by element or on numbers; a step of machine code; or a word that each engine has a
            spelling for.
        operands: arrays by name, looks at them, numbers, lengths.
        out: the array that it computes into, or the name that it defines.
    """

    does: Action | OnNumbers | Step
    operands: tuple[Operand, ...]
    out: Array = ""


class Statements:
    """A program as it grows, statement by statement.

    Attributes:
        setup: run once per batch size: buffers, constants, and looks at them.
        start: run first in a call: looks at the arguments, and gradients that every call allocates.
        body: the calls.
        constants: arrays of numbers that are too long for a text.
    """

    def __init__(self, is_long: bool) -> None:
        self.setup: list[Statement] = []
        self.start: list[Statement] = []
        self.body: list[Statement] = []
        self.constants: list[np.ndarray] = []
        self._variables = 0 if is_long else _VARIABLES
        self._counts: dict[str, int] = {}
        self._dynamic: set[str | float] = set()  # arrays that are new in every call
        self._static: dict[tuple[str, tuple[Operand, ...]], str] = {}  # the names of what setup makes
        self._indices: dict[tuple[tuple[int, ...], bytes], int] = {}  # where element numbers are among the constants

    @property
    def dicts(self) -> list[str]:
        """The prefixes with so many names that these are elements of a dict."""
        return [prefix for prefix, count in self._counts.items() if count > self._variables]

    def _fresh(self, prefix: str) -> str:
        """A new name. Those of long programs are in dicts: Python compiles very many variables in quadratic time."""
        number = self._counts.get(prefix, 0)
        self._counts[prefix] = number + 1
        return f"{prefix}{number}" if number < self._variables else f"{prefix}[{number}]"

    def _set_up(self, does: Action | OnNumbers, operands: tuple[Operand, ...], name: str) -> str:
        self.setup.append(Statement(does, operands, name))
        return name

    def _do(self, does: Action, operands: tuple[Operand, ...], out: Array) -> None:
        self.body.append(Statement(does, operands, out))

    def _once(self, does: str, operands: tuple[Operand, ...], prefix: str) -> str:
        """The name of what setup makes, once however often it is asked for."""
        name = self._static.get((does, operands))
        if name is None:
            name = self._static[does, operands] = self._set_up(does, operands, self._fresh(prefix))
        return name

    def _look(self, look: Array, prefix: str = "m") -> str:
        """A look that setup makes."""
        return look if isinstance(look, str) else self._once("look", (look,), prefix)

    def _dynamic_look(self, look: Array, lines: list[Statement]) -> str:
        """A look that every call makes."""
        name = self._fresh("v")
        self._dynamic.add(name)
        lines.append(Statement("look", (look,), name))
        return name

    def _index(self, numbers: np.ndarray) -> str:
        """The name of an array of element numbers."""
        return self._once("constant", (self._number_of(numbers),), "i")

    def _number_of(self, numbers: np.ndarray) -> int:
        """Where an array of element numbers, or a mask, is among the constants."""
        key = (numbers.shape, numbers.tobytes())
        if key not in self._indices:
            self._indices[key] = len(self.constants)
            self.constants.append(numbers)
        return self._indices[key]
