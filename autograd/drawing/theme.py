"""Colours and line styles of pictures: what a number's sign, size and kind look like."""

from __future__ import annotations

import math
from typing import NamedTuple


class Theme(NamedTuple):
    """The colours of a picture. Nothing is shown by colour alone: signs differ in line style, kinds in shape."""

    background: str = "#ffffff"
    ink: str = "#1b1f24"
    faint: str = "#6a737d"
    box: str = "#ffffff"
    line: str = "#8b949e"
    positive: str = "#1f6fc0"
    negative: str = "#c2410c"
    broken: str = "#a30d8f"
    marked: str = "#d00000"
    marked_box: str = "#ffe0e0"
    parameter: str = "#ffe3a3"
    input: str = "#d8f0dc"
    loss: str = "#24292f"
    loss_ink: str = "#ffffff"
    module: str = "#f4f6f9"


THEMES = {
    "light": Theme(),
    "dark": Theme(
        background="#0d1117",
        ink="#e6edf3",
        faint="#9aa4ae",
        box="#161b22",
        line="#6e7781",
        positive="#6cb6ff",
        negative="#ff9d5c",
        broken="#f778ba",
        marked="#ff5c5c",
        marked_box="#4a1518",
        parameter="#5f4b12",
        input="#1d4428",
        loss="#e6edf3",
        loss_ink="#0d1117",
        module="#1b212a",
    ),
}


def theme_named(name: str) -> Theme:
    """The theme of that name; ValueError if there is none."""
    if name not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(map(repr, THEMES))}, got {name!r}")
    return THEMES[name]


def sign_colour(theme: Theme, number: float | None) -> str:
    """Blue above 0, orange below, grey at 0 or without a number, purple for nan."""
    if number is None or number == 0.0:
        return theme.line
    if number != number:
        return theme.broken
    return theme.positive if number > 0.0 else theme.negative


def line_style(number: float | None) -> str:
    """Dashed below 0, dotted for none and nan, so the sign survives a black-and-white print."""
    if number is None or number > 0.0:
        return "solid"
    return "dashed" if number < 0.0 else "dotted"


def line_width(number: float | None, largest: float) -> float:
    """From 1 to 4 points, logarithmic from a thousandth of the largest number to the largest."""
    if not number or not largest or math.isnan(number):
        return 1.0
    if math.isinf(number):
        return 4.0
    return round(4.0 + math.log10(min(max(abs(number) / largest, 1e-3), 1.0)), 1)


def formatted(number: float, precision: int) -> str:
    """The number to so many significant digits.

    >>> formatted(2.0, 4), formatted(-1 / 3, 4)
    ('2', '-0.3333')
    """
    return f"{number + 0.0:.{precision}g}"  # -0.0 + 0.0 is 0.0
