"""LaTeX that fits a page: rows of an `aligned` environment, broken before they get too wide."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from .checks import choice
from .latex_width import width

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 100
"""The maximum number of characters in a line of source."""

PAGE = 62.0
"""How wide a row may be, in digits: a page of LaTeX's class `article` at 10 points has 69."""

LEAST = 24.0
"""What is left for a row however wide the left sides are."""

ENVIRONMENTS = ("aligned", "align*")

_END = r" \\"

_EQUALS, _INSIDE = re.compile(r"(?= = )"), re.compile(r"(?= \\cdot | [+-] |\\quad )")
"""Before what a row may be broken: between the sides of an equation, and within one."""


class Typeset:
    """What notebooks show as mathematics."""

    def _latex_rows(self) -> list[str]:
        """The rows in LaTeX; one that begins with = or + continues what stands above it."""
        raise NotImplementedError

    def latex(self, environment: str = "aligned") -> str:
        r"""The same in LaTeX; rows fit a page, and no line of the text is over 100 characters.

        Args:
            environment: "aligned", to put between `$$` and `$$`, or "align*", which stands by itself and may be
                broken between pages.

        Raises:
            ValueError: there is no such environment.
        """
        choice(environment, "environment", ENVIRONMENTS, f"one of {', '.join(map(repr, ENVIRONMENTS))}")
        body = aligned(self._latex_rows())
        text = "\n".join([rf"\begin{{{environment}}}", *body, rf"\end{{{environment}}}"])
        return text if environment == "aligned" else f"{{\\allowdisplaybreaks\n{text}}}"

    def _repr_markdown_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def aligned(rows: Iterable[str]) -> list[str]:
    """The lines of rows whose first = stand below each other; without a left side they continue what is above."""
    joined: list[tuple[str, str]] = []
    for row in rows:
        left, right = _sides(row)
        if joined and not left and not joined[-1][1]:  # a left side alone
            left = joined.pop()[0]
        joined.append((left, right))
    room = max(LEAST, PAGE - max(width(left) for left, _ in joined))
    body = [piece for left, right in joined for piece in _pieces(left, right, room)]
    return [line for row in body[:-1] for line in _lines(row + _END)] + _lines(body[-1])


def _sides(row: str) -> tuple[str, str]:
    """The left side of an equation, and the rest from the = on."""
    for found in re.finditer("=", row):
        left = row[: found.start()]
        if _is_balanced(left):
            return left.rstrip(), row[found.start() :]
    return (row, "") if row.startswith(r"\frac{d") else ("", row)


def _pieces(left: str, right: str, room: float) -> list[str]:
    """A wide row in several, broken before an = or, where that is not enough, within a side of the equation."""
    pieces, used = [f"{left} &".lstrip()], 0.0
    for side in _parts(right, _EQUALS):
        wide = width(side)
        if used and used + wide > room:
            pieces.append("&")
            used = 0.0
        for part in _parts(side, _INSIDE) if wide > room else [side]:
            wide = width(part)
            if used and used + wide > room:
                pieces.append(r"&\quad " + part.strip().removeprefix(r"\quad "))
                used = wide + 2.0
            else:
                pieces[-1] += part.lstrip() if pieces[-1] == "&" else part
                used += wide
    return pieces


def _parts(row: str, between: re.Pattern[str]) -> list[str]:
    """The parts between which a row may be broken: not within braces, parentheses or an environment."""
    parts = [""]
    for part in between.split(row):
        if parts[-1] and _is_balanced(parts[-1]):
            parts.append(part)
        else:
            parts[-1] += part
    return parts


def _is_balanced(text: str) -> bool:
    bare = text.replace(r"\{", "").replace(r"\}", "")
    pairs = (("{", "}"), (r"\left", r"\right"), (r"\begin", r"\end"))
    return all(bare.count(one) == bare.count(other) for one, other in pairs)


def _lines(row: str) -> list[str]:
    """A row in lines of source that are not too long, which LaTeX reads as one."""
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
