"""Explanation: the chain rule as text for a terminal, and as Markdown and LaTeX for a notebook."""

from __future__ import annotations

import math
import re
import textwrap
from operator import attrgetter
from typing import TYPE_CHECKING

from .formulas import PRODUCT, Quotient, as_formula, latex_name, latex_number
from .latex import Typeset
from .names import in_common, natural
from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .formulas import Formula, Number

LONGEST = 12
"""Of a path with more factors than this only the two ends are shown."""

WORDS = 46
"""The characters of a text in LaTeX before it is broken."""

MOST = 6
"""How many groups are shown, and how many paths of each with their numbers."""


class Factor(float):
    """One factor of the chain rule: a number that knows what it is the derivative of."""

    result: str
    """The name of what is differentiated."""
    operand: str
    """The name of what it is differentiated by."""
    symbols: Formula
    """The derivative in symbols."""

    def __new__(cls, number: float, result: str, operand: str, symbols: Formula) -> Factor:
        """A float with words."""
        factor = super().__new__(cls, number)
        factor.result, factor.operand, factor.symbols = result, operand, symbols
        return factor

    def __reduce__(self) -> tuple[type[Factor], tuple[float, str, str, Formula]]:
        """What a copy or pickle is made from."""
        return Factor, (float(self), self.result, self.operand, self.symbols)

    @property
    def formula(self) -> str:
        """The derivative in symbols."""
        return self.symbols.held(PRODUCT)[0]

    @property
    def latex(self) -> str:
        """The same in LaTeX."""
        return self.symbols.held(PRODUCT)[1]


class Path:
    """One path from y back to x.

    Attributes:
        factors: the local derivatives along it, numbers.
        product: their product, the path's contribution to the derivative.
        row: which observation it belongs to, or None.
        label: what identifies that observation.
    """

    def __init__(
        self, factors: Sequence[Factor], operations: tuple[object, ...], row: int | None = None, label: str = ""
    ) -> None:
        self.factors = tuple(factors)
        self.product = math.prod(factors)
        self.row = row
        self.label = label
        self._operations = operations

    def __repr__(self) -> str:
        return f"<path {' × '.join(f'd{f.result}/d{f.operand}' for f in self.factors)} = {self.product!r}>"

    def names(self) -> tuple[str, ...]:
        """The names along the path, from y to x."""
        return tuple(factor.result for factor in self.factors) + tuple(factor.operand for factor in self.factors[-1:])

    @property
    def is_of_classes(self) -> bool:
        """Whether it begins with the cross entropy of classes, which have an order."""
        return ("cross entropy", 0) in self._operations or ("cross entropy", 1) in self._operations

    def kind(self, names_count: bool) -> object:
        """What paths through equal operations have in common; unless names count, digits in them may differ."""
        return self._operations, self.names() if names_count else tuple(re.sub(r"\d+", "", n) for n in self.names())


class Explanation(Typeset):
    """How a derivative comes about: the paths from y back to x that add up to it.

    Attributes:
        paths: the paths with the largest products, each with `.factors` and `.product`.
        number_of_paths: how many there are in all.
        total: the derivative of y with respect to x: the sum over all paths.
        remainder: the sum over the paths that are not in `paths`.

    >>> from autograd import Value, explain
    >>> w = Value(3.0, name="w")
    >>> explanation = explain(2 * w + w, w)
    >>> explanation.total, [path.product for path in explanation.paths]
    (3.0, [2.0, 1.0])
    """

    def __init__(
        self,
        y: str,
        x: str,
        paths: Sequence[Path],
        number_of_paths: int,
        total: float,
        precision: int,
        changed: str = "",
    ) -> None:
        self.paths = tuple(paths)
        self.number_of_paths = number_of_paths
        self.total = total
        self.remainder = total - math.fsum(path.product for path in paths) if number_of_paths > len(paths) else 0.0
        self._y = y
        self._x = x
        self._precision = precision
        self._changed = changed

    def __repr__(self) -> str:
        return f"<explanation of d{self._y}/d{self._x} = {self.total!r} by {self.number_of_paths} paths>"

    def __str__(self) -> str:
        head = f"d{self._y}/d{self._x}"
        notation = PlainText(self._precision)
        first, *others = self._rows(notation)
        rows = [f"{head} {first}", *(f"{' ' * len(head)} {row}" for row in others)]
        return "\n".join([*rows, *notation.note(self._changed)])

    def _latex_rows(self) -> list[str]:
        """The lines in LaTeX."""
        notation = LaTeX(self._precision)
        return [notation.derivative(self._y, self._x), *self._rows(notation), *notation.note(self._changed)]

    def _rows(self, notation: PlainText) -> list[str]:
        """Lines that begin with = or +: the paths in names, in formulas, in numbers, and their sum."""
        if not self.number_of_paths:
            return [f"= 0{notation.remark(f'{self._y} does not depend on {self._x}')}"]
        groups = _grouped(self.paths)
        shown = groups[:MOST]
        others = self.number_of_paths - sum(map(len, shown))
        names = [notation.in_names(group) for group in shown]
        names = _with_sums(names, notation.sigma) if shown[0][0].row is not None else list(dict.fromkeys(names))
        blocks = [
            [*names, *[f"…{notation.paths(others)}"] * bool(others)],
            [notation.in_formulas(group, index > 0) for index, group in enumerate(shown)] + ["…"] * bool(others),
            [] if others else notation.simplified(shown),
            self._in_numbers(shown, notation),
            [notation.number(self.total)],
        ]
        blocks = [block for block in blocks if block not in ([], [""])]
        different = [block for block, after in zip(blocks, [*blocks[1:], None], strict=True) if block != after]
        return [f"{'+' if index else '='} {line}" for block in different for index, line in enumerate(block)]

    def _in_numbers(self, groups: Sequence[Sequence[Path]], notation: PlainText) -> list[str]:
        """The products of the paths shown, observations in the order of the data, and the sum of the others."""
        shown = [path for group in groups for path in group[:MOST]]
        if all(path.row is not None for path in shown):
            shown.sort(key=_row)
        lines = [notation.in_numbers(path, index > 0) for index, path in enumerate(shown)]
        others = self.number_of_paths - len(shown)
        if others:
            rest = self.total - math.fsum(path.product for path in shown)
            lines.append(f"{notation.signed(rest)}{notation.paths(others)}")
        return lines


def _grouped(paths: Sequence[Path]) -> list[list[Path]]:
    """Equal paths together, such as those of a batch's observations; if many groups remain, similar ones too."""
    for names_count in (True, False):
        groups: dict[object, list[Path]] = {}
        for path in paths:
            groups.setdefault(path.kind(names_count), []).append(path)
        if len(groups) <= MOST:
            break
    if any(path.is_of_classes for path in paths):
        ordered = sorted(groups.values(), key=lambda group: _place(group[0]))
    elif all(path.row is not None for path in paths):
        ordered = sorted(groups.values(), key=lambda group: min(map(_row, group)))
    else:
        ordered = list(groups.values())
    return [group if any(path.row is None for path in group) else sorted(group, key=_row) for group in ordered]


def _row(path: Path) -> int:
    return path.row or 0


def _place(path: Path) -> tuple[object, ...]:
    """Where a path of a class stands: by the names along it, then by its observation."""
    return tuple(map(natural, path.names())), _row(path)


def _with_sums(lines: Sequence[str], sigma: str) -> list[str]:
    """The lines without repetitions, which become a sum over observations."""
    return [
        sigma + line if lines.count(line) > 1 and not line.startswith(sigma) else line for line in dict.fromkeys(lines)
    ]


class PlainText:
    """The notation for terminals."""

    times = " × "
    sigma = "Σ "
    formula = attrgetter("formula")

    def __init__(self, precision: int) -> None:
        self._precision = precision

    def number(self, number: float) -> str:
        """A number."""
        return formatted(number, self._precision)

    def name(self, name: str) -> str:
        """The name of a Value."""
        return name

    def factor(self, formula: Formula) -> str:
        """A formula as a factor of a product."""
        return formula.held(PRODUCT)[0]

    def signed(self, number: float) -> str:
        """A number behind another sign: negative ones in parentheses."""
        return self.held(self.number(number))

    def held(self, text: str) -> str:
        """A factor that does not come first: in parentheses if it begins with a sign."""
        return f"({text})" if text.startswith("-") else text

    def derivative(self, result: str, operand: str) -> str:
        """The symbol of a derivative."""
        return f"d{result}/d{operand}"

    def remark(self, text: str) -> str:
        """A remark behind a formula."""
        return f"  ({text})"

    def in_words(self, text: str) -> list[str]:
        """A text in rows of its own."""
        return [text]

    def note(self, text: str) -> list[str]:
        """A remark on the whole in rows of its own, if there is any."""
        return self.in_words(f"({text})") if text else []

    def summed(self, terms: Sequence[str]) -> str:
        """The sum of terms, those of several observations as one."""
        return self.sigma + terms[0] if len(terms) > 1 and len(set(terms)) == 1 else " + ".join(terms)

    def label(self, text: str) -> str:
        """A remark on what a line belongs to, if anything."""
        return self.remark(text) if text else ""

    def paths(self, number: int) -> str:
        """A remark on how many paths are meant."""
        count = f"{number:,}" if number < 10**15 else f"about 10^{round(math.log10(2) * number.bit_length())}"
        return self.remark(f"{count} more path{'s' * (number != 1)}")

    def in_names(self, group: Sequence[Path]) -> str:
        """The chain of derivatives shared by a group."""
        chains = [[self.derivative(f.result, f.operand) for f in _ends(path.factors)] for path in group]
        return self._summed(chains, group)

    def in_formulas(self, group: Sequence[Path], is_next: bool) -> str:
        """The formulas shared by a group."""
        if all(len(path.factors) == 1 for path in group):  # nothing to be held together
            chains = [[self.written(path.factors[0].symbols)] for path in group]
        else:
            chains = [list(map(self.formula, _ends(path.factors))) for path in group]
        return self._summed(chains, group, is_next)

    def simplified(self, groups: Sequence[Sequence[Path]]) -> list[str]:
        """The formulas of a few paths multiplied out, if something cancels; otherwise nothing."""
        lines = []
        for index, group in enumerate(groups):
            products = [self._multiplied(path) for path in group]
            if not all(products):
                return []
            text = in_common([text for text in products if text])
            lines.append((self.sigma if len(group) > 1 else "") + (self.held(text) if index else text))
        return lines

    def _multiplied(self, path: Path) -> str | None:
        """The product in symbols, if a division cancels against another factor."""
        product: Number = 1.0
        for factor in path.factors[:LONGEST]:
            product = product * factor.symbols
        result = as_formula(product)
        divisions = sum(_is_division(factor.symbols) for factor in path.factors)
        cancels = len(path.factors) <= LONGEST and divisions > _is_division(result)
        return self.written(result) if cancels and "/" not in result.text else None

    def written(self, formula: Formula) -> str:
        """A formula in this notation."""
        return formula.text

    def _summed(self, chains: Sequence[Sequence[str]], group: Sequence[Path], is_next: bool = False) -> str:
        shared = [in_common(texts) for texts in zip(*chains, strict=True)]
        sigma = self.sigma if len(group) > 1 else ""
        return sigma + self.product(shared, len(group[0].factors), is_next and not sigma)

    def in_numbers(self, path: Path, is_next: bool = False) -> str:
        """The product of a path in numbers, labelled with its observation."""
        numbers = [self.number(factor) for factor in _ends(path.factors)]
        return self.product(numbers, len(path.factors), is_next) + self.label(path.label)

    def product(self, factors: Sequence[str], number: int, is_next: bool = False) -> str:
        """The factors, with an ellipsis in the middle if some are missing; `is_next` if a sign stands before them."""
        factors = [self.held(factor) if i or is_next else factor for i, factor in enumerate(factors)]
        if number > len(factors):
            half = len(factors) // 2
            factors = [*factors[:half], f"… {number - len(factors)} factors …", *factors[half:]]
        return self.times.join(factors) or "1"


def _is_division(formula: Formula) -> bool:
    return isinstance(formula, Quotient) or (formula.negated is not None and isinstance(formula.negated, Quotient))


class LaTeX(PlainText):
    """The notation for LaTeX."""

    times = r" \cdot "
    sigma = r"\sum "
    formula = attrgetter("latex")

    def number(self, number: float) -> str:
        """A number."""
        return latex_number(formatted(number, self._precision))

    def name(self, name: str) -> str:
        """The name of a Value."""
        return latex_name(name)

    def factor(self, formula: Formula) -> str:
        """A formula as a factor of a product."""
        return formula.held(PRODUCT)[1]

    def held(self, text: str) -> str:
        """A factor that does not come first: in parentheses if it begins with a sign."""
        return rf"\left({text}\right)" if text.startswith("-") else text

    def written(self, formula: Formula) -> str:
        """A formula in this notation."""
        return formula.latex

    def derivative(self, result: str, operand: str) -> str:
        """The symbol of a derivative."""
        return rf"\frac{{d\,{latex_name(result)}}}{{d\,{latex_name(operand)}}}"

    def remark(self, text: str) -> str:
        """A remark behind a formula."""
        return rf"\quad {latex_name(f'({text})')}"

    def in_words(self, text: str) -> list[str]:
        """A text in rows of its own, none too wide for a page."""
        return [latex_name(line) for line in textwrap.wrap(text, WORDS)]


def _ends(factors: Sequence[Factor]) -> Sequence[Factor]:
    """The factors, or the first and the last of many."""
    half = LONGEST // 2
    return factors if len(factors) <= LONGEST else [*factors[:half], *factors[-half:]]
