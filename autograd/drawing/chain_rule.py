"""explain: the chain rule from a result back to one Value, in symbols and in numbers, path by path."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Any

from ..chain import Linearization
from ..operation import FLOATS
from ..value import Value
from .explanation import Explanation, Factor, Path
from .formulas import FORMULAS, PRODUCT, Number, as_formula, expression
from .names import variable_names
from .sketch import is_ordered
from .stand_ins import stand_ins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Link = tuple[Value, int, float, Value]
    """A result, the position of an operand, the local derivative there, and the operand."""


def explain(
    y: Value, x: Value, *, names: Mapping[str, Any] | None = None, max_paths: int = 200, precision: int = 4
) -> Explanation:
    """Explains the derivative of y with respect to x.

    Every path from y back to x contributes the product of its local derivatives; the contributions add up. A path goes
    from name to name, as one writes it by hand. If no Value on the way has a name, the outputs of modules get the
    letters of the lectures (x before an activation, y after it, predicted); without modules operations are numbered.
    Equal paths across observations are gathered into one sum.

    Args:
        y: the result, such as a loss.
        x: a Value that it may depend on, such as a parameter.
        names: what to call Values without a name: variables by name, as `locals()` gives them.
        max_paths: how many paths to follow, largest products first. The sum of the others is exact too: it is found
            without following them.
        precision: significant digits in the text.

    Returns:
        An Explanation: `print` it, or let a notebook typeset it.

    Raises:
        TypeError: y or x is not a Value.
        ValueError: max_paths or precision is not an integer above 0.

    >>> from autograd import Value, explain
    >>> w, dose = Value(3.0, name="w"), Value(0.5, name="dose")
    >>> y = w * dose
    >>> y.name = "y"
    >>> loss = (1 - y) ** 2
    >>> loss.name = "SSR"
    >>> print(explain(loss, w))
    dSSR/dw = dSSR/dy × dy/dw
            = -2·(1 - y) × dose
            = 1 × 0.5
            = 0.5
    """
    for value in (y, x):
        if not isinstance(value, Value):
            raise TypeError(f"explain takes two Values, got {value!r} of type {type(value).__name__}")
    for argument, number in (("max_paths", max_paths), ("precision", precision)):
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"explain: {argument} must be an integer above 0, got {number!r}")
    ways = Ways(y, x)
    words = Words(ways, variable_names(names))
    paths = [words.path(links) for _, links in zip(range(max_paths), ways.from_the_largest(), strict=False)]
    return Explanation(words.name(y), words.name(x), paths, ways.number, ways.total, precision)


class Ways:
    """All paths from y back to x, counted and added up by dynamic programming.

    Attributes:
        links: the edges of each result on a path.
        number: how many paths there are.
        total: the sum of their products, which is the derivative.
    """

    def __init__(self, y: Value, x: Value) -> None:
        self.y = y
        self.x = x
        self.links: dict[Value, list[Link]] = {}
        number = {x: 1}
        total = {x: 1.0}
        self._largest = {x: 0.0}
        for node, edges in Linearization([y], [x], FLOATS).steps:
            links = [
                (node, position, float(partial), operand) for position, operand, partial in edges if operand in number
            ]
            if links:  # a condition has none
                self.links[node] = links
                number[node] = sum(number[operand] for *_, operand in links)
                total[node] = sum(local * total[operand] for _, _, local, operand in links)
                self._largest[node] = max(_size(local) + self._largest[operand] for _, _, local, operand in links)
        self.number = number.get(y, 0)
        self.total = total.get(y, 0.0)

    def from_the_largest(self) -> Iterator[list[Link]]:
        """The paths, each as its links from y to x, by the size of their products.

        Best-first search, bounded by the largest product that a beginning can still lead to. Among equals the latest
        goes first, or all of them would grow together before any is finished.
        """
        if not self.number:
            return
        order = 0
        beginnings: list[tuple[float, int, Value, float, Any]] = [(0.0, 0, self.y, 0.0, None)]
        while beginnings:
            _, _, node, size, walked = heapq.heappop(beginnings)
            if node is self.x:
                yield list(_unrolled(walked))[::-1]
                continue
            for link in self.links[node]:
                order -= 1
                so_far = size + _size(link[2])
                bound = so_far + self._largest[link[3]]
                heapq.heappush(beginnings, (round(-bound, 9), order, link[3], so_far, (link, walked)))


def _size(number: float) -> float:
    """The logarithm of the absolute value, so long products neither overflow nor vanish; nan counts as huge."""
    if number == 0.0:
        return -1e300
    return math.log(abs(number)) if math.isfinite(number) else 1e300


def _unrolled(walked: Any) -> Iterator[Link]:
    while walked is not None:
        link, walked = walked
        yield link


def _kind(link: Link) -> tuple[str | None, int]:
    """What equal steps of two paths share: the operation, and which operand if that matters."""
    node, position, _, _ = link
    return node.op, position if is_ordered(node) else 0


class Words:
    """What Values between y and x are called, and the formulas of their factors."""

    def __init__(self, ways: Ways, variables: Mapping[Value, str]) -> None:
        self._variables = variables
        self._given: dict[Value, str] = {}
        self._partials: dict[Value, dict[int, Number]] = {}
        for value, stand_in in ((ways.y, "y"), (ways.x, "x")):
            if not self.name(value):
                self._given[value] = stand_in
        between = set(ways.links) - {ways.y}
        if between and not any(self.name(node) for node in between):
            self._given |= stand_ins(ways.y, between, self.name)

    def name(self, value: Value) -> str:
        """The Value's own name, its variable's, or the one given here; empty if it has none."""
        return value.name or self._variables.get(value) or self._given.get(value) or ""

    def path(self, links: Sequence[Link]) -> Path:
        """The factors of a path, each from one named Value to the next."""
        factors = []
        row: list[Link] = []
        for link in links:
            row.append(link)
            if self.name(link[3]):
                factors.append(self._factor(row))
                row = []
        return Path(factors, tuple(_kind(link) for link in links if link[0].op != "add"))

    def _factor(self, row: Sequence[Link]) -> Factor:
        number = math.prod(local for _, _, local, _ in row)
        formula: Number = 1.0
        for link in row:
            formula = formula * self._partial(link)
        text, latex = as_formula(formula).held(PRODUCT)
        return Factor(number, self.name(row[0][0]), self.name(row[-1][3]), text, latex)

    def _partial(self, link: Link) -> Number:
        """The formula of one local derivative; its number if the operation has no formula."""
        node, position, local, _ = link
        if node not in self._partials:  # many paths share their ends
            self._partials[node] = self._partials_of(node)
        partial = self._partials[node].get(position, local)
        return partial if math.isclose(float(partial), local, rel_tol=1e-9, abs_tol=1e-300) else local

    def _partials_of(self, node: Value) -> dict[int, Number]:
        """The formulas of an operation's local derivatives; none if its partials do not work on symbols."""
        assert node.operation is not None
        operands = [expression(operand, self.name) for operand in node.parents]
        result = expression(node, lambda value: None if value is node else self.name(value))
        try:
            partials = FORMULAS.partials(node.operation, result, operands)
            return {position: as_formula(partial) for position, partial in enumerate(partials) if partial is not None}
        except Exception:  # a user's operation may do anything with what it takes for a number
            return {}
