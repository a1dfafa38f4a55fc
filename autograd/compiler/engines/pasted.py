"""Pastes definitions from a file of primitives: those that a text uses, and those that these use."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_DEFINED = re.compile(r"^(?:function|const|static .*?)\s*\*?(\w+)(?= =|\()", re.MULTILINE)
_WORD = re.compile(r"\w+")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


class _Definition(NamedTuple):
    """A function or constant: its text, and all words in it but those of comments."""

    name: str
    text: str
    words: frozenset[str]


@cache
def _definitions(file: str) -> tuple[_Definition, ...]:
    """The blocks of a file that define something."""
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    found = []
    for block in text.strip().split("\n\n"):
        name = _DEFINED.search(block)
        if name is not None:
            found.append(_Definition(name[1], block, frozenset(_WORD.findall(_COMMENT.sub("", block)))))
    return tuple(found)


def definitions(file: str, text: str) -> list[str]:
    """The definitions from a file of primitives that a text needs, in the order of the file.

    Args:
        file: its name, such as "primitives.js".
        text: what calls them.
    """
    needed = set(_WORD.findall(_COMMENT.sub("", text)))
    found = _definitions(file)
    while more := {word for each in found if each.name in needed for word in each.words - needed}:
        needed |= more
    return [each.text for each in found if each.name in needed]
