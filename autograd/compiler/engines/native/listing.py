"""Writes a tape as text, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import interpreter as head
from .interpreter import LOADS, RUN, STORES, SUMS, TOTALS
from .tape import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .tape import Tape

_FUNCTIONS = list(ELEMENTWISE.values())
_SYMBOLS = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}"}


def listing(tape: Tape) -> str:
    """One line per instruction: p is a parameter, x an argument's column, s a sum over rows, v and t hold results.

    What has a value for each row is v; the others are computed once per call.
    """
    code = tape.code.tolist()
    parts = [(head.BEFORE, head.INSIDE, ""), (head.INSIDE, head.AFTER, "    "), (head.AFTER, head.END, "")]
    lines = []
    for first, end, indent in parts:
        if indent and code[first] < code[end]:
            lines.append("for each row:")
        for at in range(code[first], code[end], RUN):
            lines += [indent + line for line in _run(code, at, _Names(tape))]
    if not tape.layout.per_row:
        names = _Names(tape)
        lines.append(f"return {', '.join([names[place] for place in tape.layout.results.tolist()])}")
    return "\n".join(lines) + "\n"


class _Names:
    """What places are called."""

    def __init__(self, tape: Tape) -> None:
        self._layout = tape.layout
        self._symbols = {place: name for name, place in tape.layout.symbols.items()}

    def __getitem__(self, place: int) -> str:
        layout = self._layout
        if place < len(layout.constants):
            return repr(float(layout.constants[place]))
        if place in self._symbols:
            return self._symbols[place]
        for letter, first, after in (
            ("p", layout.theta, layout.theta + layout.parameters),
            ("s", *layout.totals),
            ("t", layout.totals[1], layout.scalars),
        ):
            if first <= place < after:
                return f"{letter}{place - first}"
        return f"v{place - layout.scalars}"


def _run(code: Sequence[int], at: int, names: _Names) -> Iterator[str]:
    operation, result, number, first, width = code[at : at + RUN]
    for i in range(number):
        operands = [code[first + k * number + i] for k in range(width)]
        if operation == LOADS:
            yield f"{names[result + i]} = x{operands[0]}"
        elif operation == STORES:
            yield f"result {i} = {names[operands[0]]}"
        elif operation == TOTALS:
            yield f"{names[result + i]} += {_sum(code, operands[0], names)}"
        elif operation == SUMS:
            yield f"{names[result + i]} = {_sum(code, operands[0], names)}"
        else:
            name = _FUNCTIONS[operation]
            words = [names[operand] for operand in operands]
            text = _SYMBOLS[name].format(*words) if name in _SYMBOLS else f"{name}({', '.join(words)})"
            yield f"{names[result + i]} = {text}"


def _sum(code: Sequence[int], at: int, names: _Names) -> str:
    plus, minus = code[at : at + 2]
    pairs = [_product(code[k : k + 2], names) for k in range(at + 2, at + 2 + 2 * (plus + minus), 2)]
    return " ".join([" + ".join(pairs[:plus]), *[f"- {pair}" for pair in pairs[plus:]]]).strip()


def _product(factors: Sequence[int], names: _Names) -> str:
    x, y = [names[place] for place in factors]
    return y if x == "1.0" else f"{x} * {y}"
