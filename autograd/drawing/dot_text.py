"""DOT text: names and labels as Graphviz reads them. Nothing here renders anything.

Every text from the user goes through `html` or `tooltip`. Record labels are not used, since they cannot escape
everything, and user texts never become node names.
"""

from __future__ import annotations

import re

_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\\": r"\\"}
_SPECIAL = re.compile("[&<>\"'\\\\\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Markup, and what image formats must not contain: control characters, and what is no character at all."""

_TAB = "    "


def html(text: str, width: int = 0) -> str:
    r"""Text for an HTML-like label, with everything escaped that Graphviz would interpret.

    Args:
        text: anything; control characters are shown by their pictures, such as U+2400 for NUL.
        width: the maximum number of characters, after which the text is cut with an ellipsis; 0 is no limit.

    >>> html(r"a<b> \N")
    'a&lt;b&gt; \\\\N'
    >>> html("a name that is too long", width=8)
    'a name …'
    """
    return _escaped(shortened(text, width)).replace("\n", "<BR/>")


def tooltip(text: str) -> str:
    """A quoted string for the attribute `tooltip`, which Graphviz unescapes twice."""
    escaped = _escaped(shortened(text, 0)).replace("\\", "\\\\").replace("\n", "&#10;")
    return f'"{escaped}"'


def shortened(text: str, width: int) -> str:
    """The text, cut with an ellipsis if it has more characters than `width`; 0 is no limit."""
    text = text.replace("\r\n", "\n").replace("\t", _TAB)
    return text if not width or len(text) <= width else text[: width - 1] + "…"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_escaped_character, text)


def _escaped_character(match: re.Match[str]) -> str:
    character = match[0]
    if character in _MARKUP:
        return _MARKUP[character]
    return _control_picture(ord(character)) if ord(character) < 0xA0 else "\N{REPLACEMENT CHARACTER}"


def _control_picture(code: int) -> str:
    """A visible stand-in for a control character."""
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"
