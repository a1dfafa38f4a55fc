"""A source file in segments: each definition with what is said about it, and its code without that."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Segment:
    """Some lines of a source file.

    Attributes:
        names: what they define, methods as `Class.method`.
        docs: their docstrings.
        code: the lines, docstrings left out.
        notes: what is said about them elsewhere.
    """

    names: list[str]
    docs: list[str]
    code: str
    notes: list[str] = field(default_factory=list)


def segments(source: str) -> list[Segment]:
    """A module in segments: its docstring, then one for each statement and method."""
    tree, lines = ast.parse(source), source.splitlines()
    found = [Segment([], [ast.get_docstring(tree) or ""], "")]
    end = tree.body[0].end_lineno or 0 if ast.get_docstring(tree) else 0
    for statement, prefix in _flat(tree.body[1:] if end else tree.body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            found[-1].docs.append(str(statement.value.value))  # what a module says about the assignment above
        else:
            found.append(_segment(statement, prefix, lines, end))
        end = statement.end_lineno or 0
        if isinstance(statement, ast.ClassDef):
            end = _head(statement)
    return found


def _flat(statements: Sequence[ast.stmt], prefix: str = "") -> Iterator[tuple[ast.stmt, str]]:
    """The statements, those of classes included after the head of each."""
    for statement in statements:
        yield statement, prefix
        if isinstance(statement, ast.ClassDef):
            own = statement.body[1:] if ast.get_docstring(statement) else statement.body
            yield from _flat(own, f"{statement.name}.")


def _head(statement: ast.ClassDef) -> int:
    """The last line of a class before its own statements."""
    if ast.get_docstring(statement):
        return statement.body[0].end_lineno or 0
    first = statement.body[0]
    decorators = [each.lineno for each in getattr(first, "decorator_list", [])]
    return min([first.lineno, *decorators]) - 1


def _segment(statement: ast.stmt, prefix: str, lines: Sequence[str], before: int) -> Segment:
    last = _head(statement) if isinstance(statement, ast.ClassDef) else statement.end_lineno or 0
    kept = list(range(before, last))
    docs = []
    if isinstance(statement, (*_DEFINITIONS, ast.ClassDef)) and (doc := ast.get_docstring(statement)):
        docs.append(doc)
        string = statement.body[0]
        kept = [i for i in kept if not string.lineno - 1 <= i < (string.end_lineno or 0)]
    return Segment(_names(statement, prefix), docs, "\n".join(lines[i].rstrip() for i in kept))


def _names(statement: ast.stmt, prefix: str) -> list[str]:
    if isinstance(statement, (*_DEFINITIONS, ast.ClassDef)):
        return [prefix + statement.name]
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    parts = [each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [prefix + each.id for each in parts if isinstance(each, ast.Name)]


def notes(text: str) -> dict[str, str]:
    """What a file of notes says, by the name of the definition that is its heading."""
    parts = re.split(r"^## `?([\w.]+)`?\n", text, flags=re.MULTILINE)
    return {name: note.strip() for name, note in zip(parts[1::2], parts[2::2], strict=True)}


def annotated(source: str, text: str) -> list[Segment]:
    """A module in segments with their notes. What nothing is said about joins the segment before it.

    Raises:
        KeyError: a note is about something that the module does not define.
    """
    said = notes(text)
    joined: list[Segment] = []
    for segment in segments(source):
        segment.notes = [said.pop(name) for name in segment.names if name in said]
        before = joined[-1] if joined else None
        if before is None or not before.code or segment.notes or segment.docs or _is_heading(segment):
            joined.append(segment)
        else:
            before.names += segment.names
            before.code += f"\n{segment.code}"
    if said:
        raise KeyError(f"notes about {', '.join(said)}, which the module does not define")
    for segment in joined:
        segment.code = segment.code.strip("\n")
    return joined


def _is_heading(segment: Segment) -> bool:
    """Whether a comment that stands alone opens these lines."""
    return re.match(r"\n*# [^\n]*\n\n", segment.code) is not None


def markdown(docstring: str) -> str:
    """A docstring in Google's style as Markdown: its sections become lists, its examples blocks of code."""
    lines: list[str] = []
    is_example = False
    for line in docstring.splitlines():
        text = line.strip()
        if is_example and not text:
            lines.append("```")
        elif text.startswith(">>>") and not is_example:
            lines.append("```pycon")
        is_example = text.startswith(">>>") or (is_example and bool(text))
        lines.append(line if is_example else _prose(line))
    return "\n".join([*lines, *(["```"] if is_example else [])])


def _prose(line: str) -> str:
    text = line.strip()
    if re.fullmatch(r"(Args|Attributes|Returns|Raises|Yields):", text):
        return f"\n**{text[:-1]}**\n"
    if line.startswith("    ") and (found := re.match(r"    (\w+): (.*)", line)):
        return f"- `{found[1]}`: {_literal(found[2])}"
    return ("  " if line.startswith("     ") else "") + _literal(text)


def _literal(text: str) -> str:
    """Asterisks of arithmetic, outside of code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if i % 2 else re.sub(r"([*_|<])", r"\\\1", piece) for i, piece in enumerate(pieces))
