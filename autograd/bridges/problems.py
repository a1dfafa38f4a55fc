"""What a translation cannot do: gathered while the source runs, told all at once at its end."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterable


class UntranslatableError(NotImplementedError):
    """A graph of another framework has operations for which there is no translation; the message lists them all."""


class Problems:
    """What could not be translated, each with the places where it was met.

    Args:
        source: the name of the function that translates, for the message.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._places: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def note(self, problem: str, place: str) -> None:
        """Something that cannot be translated, and where it is."""
        self._places.setdefault(problem, {})[place] = None

    def raise_if_any(self) -> None:
        """Raises one error for all of them.

        Raises:
            UntranslatableError: there is a problem.
        """
        if not self._places:
            return
        lines = [f"  {problem}\n{_listed(places)}" for problem, places in self._places.items()]
        count = f"{len(lines)} things" if len(lines) > 1 else "something"
        raise UntranslatableError(f"{self._source} cannot translate {count} in this function:\n" + "\n".join(lines))


def _listed(places: Iterable[str], most: int = 5) -> str:
    shown = [f"    in {place}" for place in places]
    more = [f"    and in {len(shown) - most} more places"] if len(shown) > most else []
    return "\n".join(shown[:most] + more)


_LIBRARIES = (os.path.dirname(os.path.dirname(__file__)) + os.sep,)


def user_line(*packages: str) -> str:
    """The innermost line of the stack that belongs neither to this library nor to the packages, with its text.

    Args:
        packages: the folders of the framework's own code.
    """
    frame = sys._getframe(1)
    inside = (*_LIBRARIES, *packages)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame = frame.f_back
    return line_of(frame.f_code.co_filename, frame.f_lineno)


def line_of(filename: str, number: int) -> str:
    """A line for messages: where it is and what it says."""
    text = linecache.getline(filename, number).strip()
    return f"{filename}:{number}" + (f": {text}" if text else "")
