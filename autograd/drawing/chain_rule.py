"""explain: the chain rule from a result back to one Value, in symbols and in numbers, path by path."""

from __future__ import annotations

import heapq
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, overload

from ..chain import Linearization
from ..operation import FLOATS
from ..value import Value
from .checks import count, digits, kind_of
from .classes import cross_entropy, teacher_edges
from .explanation import Explanation, Factor, Path
from .formulas import Number, as_formula
from .local_formulas import LocalFormulas
from .names import variable_names
from .sketch import is_ordered
from .solution import Solution, observation_labels, solved
from .stand_ins import Roles
from .then import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Link = tuple[Value, int, float, Value]
    """A result, the position of an operand, the local derivative there, and the operand."""

LONGEST_STEP = 4
"""So many links make a single factor if the Values between them have no name."""


@overload
def explain(
    y: Value, x: None = None, *, names: Mapping[str, Any] | None = None, max_paths: int = 200, precision: int = 4
) -> Solution: ...


@overload
def explain(
    y: Value, x: Value, *, names: Mapping[str, Any] | None = None, max_paths: int = 200, precision: int = 4
) -> Explanation: ...


def explain(
    y: Value,
    x: Value | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    max_paths: int = 200,
    precision: int = 4,
) -> Explanation | Solution:
    """Explains the derivative of y with respect to x, or the whole backward pass from y as a worked solution.

    Every path from y back to x contributes the product of its local derivatives; the contributions add up. A path goes
    from name to name, as one writes it by hand. If no Value on the way has a name, the outputs of modules get the
    letters of the lectures (x before an activation, y after it, predicted); without modules operations are numbered.
    Equal paths across observations are gathered into one sum, with a row of numbers for each observation in the order
    of the data. A cross entropy of softmax outputs is one step, with the derivatives p - 1 and p.

    Args:
        y: the result, such as a loss.
        x: a Value that it may depend on, such as a parameter. None: every Value that y depends on has its turn.
        names: what to call Values without a name: variables by name, as `locals()` gives them.
        max_paths: how many paths to follow, largest products first. The sum of the others is exact too: it is found
            without following them.
        precision: significant digits in the text.

    Returns:
        An Explanation, without x a Solution: `print` it, or let a notebook typeset it. Leaves that were assigned since
        have the numbers that y was computed from, and a remark says so.

    Raises:
        TypeError: y or x is not a Value, or names is not a mapping from strings.
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
    for value in (y, x) if x is not None else (y,):
        if not isinstance(value, Value):
            raise TypeError(f"explain takes Values, got {kind_of(value)}")
    max_paths = count(max_paths, "explain: max_paths", 1, "an integer above 0")
    precision = digits(precision, "explain: precision")
    variables = variable_names(names)
    if x is None:
        return solved(y, variables, precision)
    ways = Ways(y, x, lambda value: value.name or variables.get(value))
    words = Words(ways, variables)
    paths = [words.path(links) for _, links in zip(range(max_paths), ways.from_the_largest(), strict=False)]
    changed = changes([y], words.name, precision)
    return Explanation(words.name(y), words.name(x), paths, ways.number, ways.total, precision, changed)


class Ways:
    """All paths from y back to x, counted and added up by dynamic programming.

    Attributes:
        links: the edges of each result on a path.
        number: how many paths there are.
        total: the sum of their products, which is the derivative.
    """

    def __init__(self, y: Value, x: Value, name: Callable[[Value], object] = attrgetter("name")) -> None:
        self.y = y
        self.x = x
        self.links: dict[Value, list[Link]] = {}
        number = {x: 1}
        total = {x: 1.0}
        self._largest = {x: 0.0}
        for node, edges in Linearization([y], [x], FLOATS, teacher_edges(name)).steps:
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


class Words:
    """What Values between y and x are called, and the formulas of their factors."""

    def __init__(self, ways: Ways, variables: Mapping[Value, str]) -> None:
        self._variables = variables
        self._given: dict[Value, str] = {}
        roles = Roles([ways.y], self.name)
        self._given |= roles.names
        numbered = roles.numbered()
        for value, stand_in in ((ways.y, "y"), (ways.x, "x")):
            if not self.name(value):
                is_free = stand_in not in roles.taken
                self._given[value] = stand_in if is_free else numbered.get(value, f"the {stand_in}")
        between = set(ways.links) - {ways.y}
        if between and not any(self.name(node) for node in between):
            self._given |= {value: numbered[value] for value in between if value in roles.kinds}
        self._given |= {value: numbered[value] for value in self._far_from_names(ways) if value in numbered}
        self._row_of = {node: i for i, row in enumerate(roles.rows) for node in row} if len(roles.rows) > 1 else {}
        self._labels = observation_labels(roles.rows, self.name)
        self.formulas = LocalFormulas(self.name, self._own)

    def _far_from_names(self, ways: Ways) -> list[Value]:
        """The steps without a name on a stretch of more than LONGEST_STEP links from one name to the next."""
        nameless = [node for node in ways.links if node is not ways.y and not self.name(node)]
        below = dict.fromkeys(nameless, 0)
        above = below.copy()
        for node in nameless:
            below[node] = max(1 + below.get(operand, 0) for *_, operand in ways.links[node])
        for node in reversed(ways.links):
            for *_, operand in ways.links[node]:
                if operand in above:
                    above[operand] = max(above[operand], 1 + above.get(node, 0))
        return [node for node in nameless if below[node] + above[node] > LONGEST_STEP]

    def _own(self, value: Value) -> str | None:
        return value.name or self._variables.get(value)

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
        kinds = tuple(self._kind(link) for link in links if link[0].op != "add")
        inner = next((node for node, *_ in reversed(links) if node in self._row_of), None)
        if inner is None:
            return Path(factors, kinds)
        return Path(factors, kinds, self._row_of[inner], self._labels.get(inner, ""))

    def _kind(self, link: Link) -> tuple[str | None, int]:
        """What equal steps of two paths share: the operation, and which operand if that matters."""
        node, position, _, _ = link
        found = cross_entropy(node, self._own)
        if found:
            return "cross entropy", int(position == found[1])
        return node.op, position if is_ordered(node) else 0

    def _factor(self, row: Sequence[Link]) -> Factor:
        number = math.prod(local for _, _, local, _ in row)
        formula: Number = 1.0
        for link in row:
            formula = formula * self.formulas.of(link[0], link[1], link[2])
        return Factor(number, self.name(row[0][0]), self.name(row[-1][3]), as_formula(formula))
