"""LaTeX that fits a page: rows of an `aligned` environment, broken before they get too long."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 100
"""The maximum number of characters in a line."""

_END = r" \\"


class Typeset:
    """What notebooks show as mathematics."""

    def latex(self) -> str:
        """LaTeX, to put between `$$` and `$$`."""
        raise NotImplementedError

    def _repr_markdown_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def aligned(rows: Iterable[str]) -> str:
    """The environment `aligned`: rows whose first = stand below each other, without one they are continued."""
    body = [piece for row in rows for piece in _pieces(_marked(row))]
    lines = [line for row in body[:-1] for line in _lines(row + _END)] + _lines(body[-1])
    return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])


def _marked(row: str) -> str:
    """A row with the mark at which it is aligned."""
    head, equals, tail = row.partition("=")
    if equals and (not head or head.endswith(" ")) and _is_balanced(head):
        return f"{head}&={tail}"
    return row if row.startswith(r"\frac{d") else f"&{row}"


def _pieces(row: str) -> list[str]:
    """A long row in several, broken between factors, terms and before remarks."""
    pieces = [""]
    for part in re.split(r"(?= \\cdot | [+-] |\\quad )", row):
        if pieces[-1] and len(pieces[-1]) + len(part) > WIDTH - len(_END) and _is_balanced(pieces[-1]):
            pieces.append(r"&\quad " + part.strip().removeprefix(r"\quad "))
        else:
            pieces[-1] += part
    return pieces


def _is_balanced(text: str) -> bool:
    """Whether a row may be broken here: not within braces, parentheses or an environment."""
    bare = text.replace(r"\{", "").replace(r"\}", "")
    pairs = (("{", "}"), (r"\left", r"\right"), (r"\begin", r"\end"))
    return all(bare.count(one) == bare.count(other) for one, other in pairs)


def _lines(row: str) -> list[str]:
    """A row that cannot be broken any more in several lines of source, which LaTeX reads as one."""
    lines = textwrap.wrap(row, WIDTH, break_long_words=False, break_on_hyphens=False) or [row]
    return [piece for line in lines for piece in _cut(line)]


def _cut(line: str) -> list[str]:
    """A line without spaces, such as a long name, cut between characters; a comment hides the line break."""
    pieces = []
    while len(line) > WIDTH:
        end = max(start for start in range(WIDTH) if not re.search(r"\\(?:[a-zA-Z]*|.)$", line[:start]))
        pieces.append(line[:end] + "%")
        line = line[end:]
    return [*pieces, line]
