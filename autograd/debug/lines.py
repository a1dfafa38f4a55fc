"""Which line of the user's code is being run, and what it says."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from types import FrameType

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_INSIDE = (_PACKAGE + os.sep, os.path.join(os.path.dirname(_PACKAGE), "nn") + os.sep)


def is_library(frame: FrameType) -> bool:
    """Whether code of this library, of NumPy or of a decorator from contextlib runs in this frame, not the user's."""
    is_inside = frame.f_code.co_filename.startswith(_INSIDE)
    return is_inside or str(frame.f_globals.get("__name__")).partition(".")[0] in ("numpy", "contextlib")


def calling_line() -> tuple[str, int]:
    """The file and line of the user's code that is being run: the innermost one outside of this library and NumPy."""
    frame = sys._getframe(1)
    while frame.f_back is not None and is_library(frame):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def shown(place: tuple[str, int]) -> str:
    """A file and line for messages, with the text of the line."""
    import linecache  # only here: it takes long to import

    filename, line = place
    source = linecache.getline(filename, line).strip()
    return f"{filename}:{line}" + (f"\n    {source}" if source else "")
