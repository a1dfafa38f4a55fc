"""The bar in a box: sign and size of a gradient in a form that survives a black-and-white print."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .theme import Theme

REACH = 24
"""The length of the longest bar, to either side of the middle, in points."""

HEIGHT = 4


def bar(gradients: Sequence[float], width: Callable[[float], float], theme: Theme) -> list[str]:
    """A row of a box: a filled bar to the right for gradients above 0, a hollow one to the left for those below.

    Args:
        gradients: those of the box, or none.
        width: the width of the line through which a gradient flows, which the bar's length follows.
        theme: the colours.
    """
    if len(gradients) == 1:  # the usual case
        (gradient,) = gradients
        if gradient > 0.0:
            return [_row(0, _length(width(gradient)), theme)]
        return [_row(_length(width(gradient)), 0, theme)] if gradient < 0.0 else []
    if not gradients or any(map(math.isnan, gradients)) or not any(gradients):
        return []
    low, high = min(gradients), max(gradients)
    return [_row(_length(width(low)) if low < 0.0 else 0, _length(width(high)) if high > 0.0 else 0, theme)]


def _length(width: float) -> int:
    return round((width - 0.8) / 3.2 * REACH)


@lru_cache(maxsize=1000)
def _row(below: int, above: int, theme: Theme) -> str:
    middle = _cell(1, f'BGCOLOR="{theme.ink}"')
    left = _cell(REACH - below) + (_cell(below, f'BORDER="1" COLOR="{theme.negative}"') if below else "")
    right = (_cell(above, f'BGCOLOR="{theme.positive}"') if above else "") + _cell(REACH - above)
    return f'<TR><TD COLSPAN="2" CELLPADDING="1">{_table(left + middle + right, 2 * REACH + 1)}</TD></TR>'


def _table(cells: str, width: int) -> str:
    return (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
        f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{HEIGHT}"><TR>{cells}</TR></TABLE>'
    )


def _cell(width: int, attributes: str = "") -> str:
    return f'<TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{HEIGHT}" {attributes}></TD>' if width else ""


def bar_sample(theme: Theme, is_above: bool) -> str:
    """A cell of the legend with a bar."""
    length = REACH // 3
    bar = f'BGCOLOR="{theme.positive}"' if is_above else f'BORDER="1" COLOR="{theme.negative}"'
    middle = _cell(1, f'BGCOLOR="{theme.ink}"')
    sides = (middle, _cell(length, bar)) if is_above else (_cell(length, bar), middle)
    return f"<TD>{_table(''.join(sides), length + 1)}</TD>"
