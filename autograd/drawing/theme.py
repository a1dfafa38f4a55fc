"""Colours and line styles of pictures: what a number's sign, size and kind look like."""

from __future__ import annotations

import math
from typing import NamedTuple

from .checks import choice


class Theme(NamedTuple):
    """The colours of a picture. Nothing is shown by colour alone: signs differ in line style, kinds in shape."""

    background: str = "#ffffff"
    ink: str = "#1b1f24"
    faint: str = "#565e68"
    box: str = "#ffffff"
    line: str = "#7b848d"
    positive: str = "#14569b"
    negative: str = "#9a3309"
    broken: str = "#8f0b7b"
    marked: str = "#b00000"
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
        faint="#b1bac4",
        box="#161b22",
        line="#7d8791",
        positive="#8cc8ff",
        negative="#ffb077",
        broken="#ff9ad0",
        marked="#ff8f8f",
        marked_box="#4a1518",
        parameter="#4a3a0d",
        input="#173a22",
        loss="#e6edf3",
        loss_ink="#0d1117",
        module="#1b212a",
    ),
}


def theme_named(name: str) -> Theme:
    """The theme of that name; ValueError if there is none."""
    return THEMES[choice(name, "theme", THEMES, f"one of {', '.join(map(repr, THEMES))}")]


def sign_colour(theme: Theme, number: float | None) -> str:
    """Blue above 0, orange below, grey at 0 or without a number, purple for nan."""
    if number is None or number == 0.0:
        return theme.line
    if number != number:
        return theme.broken
    return theme.positive if number > 0.0 else theme.negative


def text_colour(theme: Theme, number: float) -> str:
    """The colour of a gradient as text, which must stand out: that of its sign, and plain at 0."""
    return theme.faint if number == 0.0 else sign_colour(theme, number)


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
