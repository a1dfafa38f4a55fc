"""How wide LaTeX becomes where it is printed, without printing it."""

from __future__ import annotations

import re

from .formulas import GREEK

_TOKENS = re.compile(r"\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)
_FRAC, _TEXT, _SCRIPTS = r"\frac", (r"\text", r"\mathrm", r"\operatorname"), ("_", "^")
_COMMANDS = dict.fromkeys(GREEK.values(), 1.3) | {
    r"\cdot": 1.5, r"\sum": 3.2, r"\prod": 3.0, r"\quad": 2.0, r"\,": 0.33, r"\dots": 2.4, r"\infty": 2.0,
    r"\left": 0.0, r"\right": 0.0, r"\sqrt": 1.7, r"\bmod": 6.0, r"\le": 2.7, r"\{": 1.0, r"\}": 1.0, r"\%": 1.7,
    r"\&": 1.6,
}  # fmt: skip
_MATH_LETTERS = {
    "+": 2.5,
    "-": 2.3,
    "=": 2.7,
    ">": 2.7,
    "<": 2.7,
    "(": 0.8,
    ")": 0.8,
    "|": 0.6,
    ",": 0.9,
    ".": 0.56,
    "…": 2.4,
}
_TEXT_LETTERS = {
    " ": 0.7,
    "-": 0.7,
    "+": 1.6,
    "=": 1.6,
    "m": 1.7,
    "w": 1.5,
    "i": 0.56,
    "l": 0.56,
    "j": 0.6,
    "t": 0.8,
}


def width(latex: str) -> float:
    r"""How wide a formula becomes, in digits of its size.

    A measure of what fits into a line, from the widths of Computer Modern (D. Knuth, Computer Modern Typefaces, 1986).

    >>> width("12345"), width(r"\frac{12}{3}")
    (5.0, 2.5)
    """
    return _Reader(_TOKENS.findall(latex)).row(text=False)


class _Reader:
    """Reads tokens and adds up how wide they are."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0

    def row(self, text: bool) -> float:
        """Everything up to the end of a group or environment; of several rows the widest."""
        widest = total = 0.0
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            self._next += 1
            if token in ("}", r"\end"):
                if token == r"\end":
                    self._group(text=True)
                break
            if token == r"\\":
                widest, total = max(widest, total), 0.0
            else:
                total += self._one(token, text)
        return max(widest, total)

    def _one(self, token: str, text: bool) -> float:
        if token == "{":
            return self.row(text)
        if token == r"\begin":
            self._group(text=True)
            return self.row(text) + 2.0  # the brace of cases
        if token == _FRAC:
            return max(self._group(text), self._group(text)) + 0.5
        if token in _TEXT:
            return self._group(text=True)
        if token in _SCRIPTS and not text:
            return 0.7 * self._group(text)
        if token.isspace():
            return 0.7 if text else 0.0
        if token.startswith("\\"):  # a function by its name, or a character such as the backslash
            return _COMMANDS.get(token, 1.4 if token.startswith(r"\text") else 0.9 * (len(token) - 1))
        return _letter(token, text)

    def _group(self, text: bool) -> float:
        """What stands in the next braces, or the next token."""
        while self._next < len(self._tokens) and self._tokens[self._next].isspace():
            self._next += 1
        if self._next == len(self._tokens):
            return 0.0
        self._next += 1
        return self._one(self._tokens[self._next - 1], text)


def _letter(letter: str, text: bool) -> float:
    known = _TEXT_LETTERS if text else _MATH_LETTERS
    if letter in known:
        return known[letter]
    if letter.isupper() or not letter.isascii():
        return 1.6 if letter.isascii() else 2.0
    return 1.0 if letter.isdigit() else 1.1
