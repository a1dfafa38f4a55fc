"""Explanation: the chain rule as text for a terminal, and as Markdown and LaTeX for a notebook."""

from __future__ import annotations

import math
import re
from operator import attrgetter
from typing import TYPE_CHECKING

from .formulas import latex_name, latex_number
from .names import in_common
from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 12
"""Of a path with more factors than this only the two ends are shown."""

MOST = 6
"""How many groups are shown, and how many paths of each with their numbers."""


class Factor(float):
    """One factor of the chain rule: a number that knows what it is the derivative of."""

    result: str
    """The name of what is differentiated."""
    operand: str
    """The name of what it is differentiated by."""
    formula: str
    """The derivative in symbols."""
    latex: str
    """The same in LaTeX."""

    def __new__(cls, number: float, result: str, operand: str, formula: str, latex: str) -> Factor:
        """A float with words."""
        factor = super().__new__(cls, number)
        factor.result, factor.operand, factor.formula, factor.latex = result, operand, formula, latex
        return factor


class Path:
    """One path from y back to x.

    Attributes:
        factors: the local derivatives along it, numbers.
        product: their product, the path's contribution to the derivative.
    """

    def __init__(self, factors: Sequence[Factor], operations: tuple[object, ...]) -> None:
        self.factors = tuple(factors)
        self.product = math.prod(factors)
        self._operations = operations

    def __repr__(self) -> str:
        return f"<path {' × '.join(f'd{f.result}/d{f.operand}' for f in self.factors)} = {self.product!r}>"

    def names(self) -> tuple[str, ...]:
        """The names along the path, from y to x."""
        return tuple(factor.result for factor in self.factors) + tuple(factor.operand for factor in self.factors[-1:])

    def kind(self, names_count: bool) -> object:
        """What paths through equal operations have in common; unless names count, digits in them may differ."""
        return self._operations, self.names() if names_count else tuple(re.sub(r"\d+", "", n) for n in self.names())


class Explanation:
    """How a derivative comes about: the paths from y back to x that add up to it.

    Attributes:
        paths: the paths with the largest products, each with `.factors` and `.product`.
        number_of_paths: how many there are in all.
        total: the derivative of y with respect to x: the sum over all paths.
        remainder: the sum over the paths that are not in `paths`.
    """

    def __init__(
        self, y: str, x: str, paths: Sequence[Path], number_of_paths: int, total: float, precision: int
    ) -> None:
        self.paths = tuple(paths)
        self.number_of_paths = number_of_paths
        self.total = total
        self.remainder = total - math.fsum(path.product for path in paths) if number_of_paths > len(paths) else 0.0
        self._y = y
        self._x = x
        self._precision = precision

    def __repr__(self) -> str:
        return f"<explanation of d{self._y}/d{self._x} = {self.total!r} by {self.number_of_paths} paths>"

    def __str__(self) -> str:
        head = f"d{self._y}/d{self._x}"
        first, *others = self._rows(PlainText(self._precision))
        return "\n".join([f"{head} {first}", *(f"{' ' * len(head)} {row}" for row in others)])

    def latex(self) -> str:
        """The same as LaTeX's `aligned` environment, to put between `$$` and `$$`."""
        notation = LaTeX(self._precision)
        rows = [row.replace("=", "&=", 1) if row[0] == "=" else f"&{row}" for row in self._rows(notation)]
        return "\n".join(
            [r"\begin{aligned}", notation.derivative(self._y, self._x), " \\\\\n".join(rows), r"\end{aligned}"]
        )

    def _repr_markdown_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _rows(self, notation: PlainText) -> list[str]:
        """Lines that begin with = or +: the paths in names, in formulas, in numbers, and their sum."""
        if not self.number_of_paths:
            return [f"= 0{notation.remark(f'{self._y} does not depend on {self._x}')}"]
        groups = _grouped(self.paths)
        shown = groups[:MOST]
        others = self.number_of_paths - sum(map(len, shown))
        blocks = [
            [notation.in_names(group) for group in shown] + [f"…{notation.paths(others)}"] * bool(others),
            [notation.in_formulas(group) for group in shown] + ["…"] * bool(others),
            self._in_numbers(shown, notation),
            [notation.number(self.total)],
        ]
        different = [
            block for block, after in zip(blocks, [*blocks[1:], None], strict=True) if block != after and block != [""]
        ]
        return [f"{'+' if index else '='} {line}" for block in different for index, line in enumerate(block)]

    def _in_numbers(self, groups: Sequence[Sequence[Path]], notation: PlainText) -> list[str]:
        """The products of the paths shown, and the sum of the others."""
        shown = [path for group in groups for path in group[:MOST]]
        lines = [notation.in_numbers(path) for path in shown]
        others = self.number_of_paths - len(shown)
        if others:
            rest = self.total - math.fsum(path.product for path in shown)
            lines.append(f"{notation.number(rest)}{notation.paths(others)}")
        return lines


def _grouped(paths: Sequence[Path]) -> list[list[Path]]:
    """Equal paths together, such as those of a batch's observations; if many groups remain, similar ones too."""
    for names_count in (True, False):
        groups: dict[object, list[Path]] = {}
        for path in paths:
            groups.setdefault(path.kind(names_count), []).append(path)
        if len(groups) <= MOST:
            break
    return list(groups.values())


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

    def derivative(self, result: str, operand: str) -> str:
        """The symbol of a derivative."""
        return f"d{result}/d{operand}"

    def remark(self, text: str) -> str:
        """A remark behind a formula."""
        return f"  ({text})"

    def paths(self, number: int) -> str:
        """A remark on how many paths are meant."""
        count = f"{number:,}" if number < 10**15 else f"about 10^{round(math.log10(2) * number.bit_length())}"
        return self.remark(f"{count} more path{'s' * (number != 1)}")

    def in_names(self, group: Sequence[Path]) -> str:
        """The chain of derivatives shared by a group."""
        chains = [[self.derivative(f.result, f.operand) for f in _ends(path.factors)] for path in group]
        return self._summed(chains, group)

    def in_formulas(self, group: Sequence[Path]) -> str:
        """The formulas shared by a group."""
        return self._summed([list(map(self.formula, _ends(path.factors))) for path in group], group)

    def _summed(self, chains: Sequence[Sequence[str]], group: Sequence[Path]) -> str:
        shared = [in_common(texts) for texts in zip(*chains, strict=True)]
        return (self.sigma if len(group) > 1 else "") + self.product(shared, len(group[0].factors))

    def in_numbers(self, path: Path) -> str:
        """The product of a path in numbers."""
        return self.product([self.number(factor) for factor in _ends(path.factors)], len(path.factors))

    def product(self, factors: Sequence[str], number: int) -> str:
        """The factors, with an ellipsis in the middle if some are missing."""
        if number > len(factors):
            half = len(factors) // 2
            factors = [*factors[:half], f"… {number - len(factors)} factors …", *factors[half:]]
        return self.times.join(factors) or "1"


class LaTeX(PlainText):
    """The notation for LaTeX."""

    times = r" \cdot "
    sigma = r"\sum "
    formula = attrgetter("latex")

    def number(self, number: float) -> str:
        """A number, negative ones in parentheses."""
        text = latex_number(formatted(number, self._precision))
        return rf"\left({text}\right)" if text.startswith("-") else text

    def derivative(self, result: str, operand: str) -> str:
        """The symbol of a derivative."""
        return rf"\frac{{d\,{latex_name(result)}}}{{d\,{latex_name(operand)}}}"

    def remark(self, text: str) -> str:
        """A remark behind a formula."""
        return rf"\quad {latex_name(f'({text})')}"


def _ends(factors: Sequence[Factor]) -> Sequence[Factor]:
    """The factors, or the first and the last of many."""
    half = LONGEST // 2
    return factors if len(factors) <= LONGEST else [*factors[:half], *factors[-half:]]
