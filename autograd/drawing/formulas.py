"""Formulas: a number system of expressions, on which the partials of the operation table become readable text.

A formula knows its number, so choices are made as in the computation itself: of `where` only the branch that was taken
is written.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

from ..node import number_at
from ..operation import FLOATS, NumberSystem, literal_latex
from ..ops import dot, pow_log, reciprocal, softmax, square, sum as sum_of
from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..operation import Operation
    from ..value import Value

_LOW = "₀₁₂₃₄₅₆₇₈₉"
_DIGITS = "0123456789" + _LOW
_RAISED = str.maketrans(_LOW, "0123456789")


def _greek(letter: str) -> str:
    *_, size, _, word = unicodedata.name(letter).replace("LAMDA", "LAMBDA").split()
    return "\\" + (word.capitalize() if size == "CAPITAL" else word.lower())


GREEK = {letter: _greek(letter) for letter in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"}
"""The commands of LaTeX for Greek letters."""

SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly a formula binds
DEEPEST = 4


class Formula:
    """An expression with its number, as plain text and as LaTeX."""

    __slots__ = ("binding", "factors", "latex", "negated", "number", "text")

    def __init__(self, number: float, text: str, latex: str, binding: int = ATOM) -> None:
        self.number = number
        self.text = text
        self.latex = latex
        self.binding = binding
        self.negated: Formula | None = None
        """The same with the other sign, if that is easily said."""
        self.factors: tuple[Formula, ...] = (self,)

    def __float__(self) -> float:
        return self.number

    def of(self, number: float) -> Formula:
        """The same, with its number to all digits."""
        self.number = number
        return self

    def held(self, binding: int) -> tuple[str, str]:
        """Text and LaTeX, in parentheses if they bind less tightly."""
        if self.binding >= binding:
            return self.text, self.latex
        return f"({self.text})", rf"\left({self.latex}\right)"

    def __add__(self, other: Number) -> Formula:
        return _sum(self, other, "+")

    def __radd__(self, other: Number) -> Formula:
        return _sum(other, self, "+")

    def __sub__(self, other: Number) -> Formula:
        return _sum(self, other, "-")

    def __rsub__(self, other: Number) -> Formula:
        return _sum(other, self, "-")

    def __mul__(self, other: Number) -> Formula:
        return _product(self, other)

    def __rmul__(self, other: Number) -> Formula:
        return _product(other, self)

    def __truediv__(self, other: Number) -> Formula:
        return FORMULAS.div(self, other)

    def __rtruediv__(self, other: Number) -> Formula:
        return FORMULAS.div(other, self)

    def __pow__(self, other: Number) -> Formula:
        return FORMULAS.pow(self, other)

    def __rpow__(self, other: Number) -> Formula:
        return FORMULAS.pow(other, self)

    def __neg__(self) -> Formula:
        return _product(-1.0, self)


Number: TypeAlias = Formula | float


class Quotient(Formula):
    """A formula that can be divided again without a fraction in a fraction."""

    __slots__ = ("above", "below")

    def __init__(self, above: Formula, below: Formula) -> None:
        (text, _), (text2, _) = above.held(PRODUCT), below.held(POWER)
        number = FLOATS.div(above.number, below.number)
        super().__init__(number, f"{text}/{text2}", rf"\frac{{{above.latex}}}{{{below.latex}}}", PRODUCT)
        self.above = above
        self.below = below


def as_formula(number: Number) -> Formula:
    """A plain number as a formula."""
    if isinstance(number, Formula):
        return number
    text = formatted(float(number), 4)
    return Formula(float(number), text, latex_number(text), PRODUCT if number < 0.0 else ATOM)


def latex_name(name: str) -> str:
    r"""A name in LaTeX: letters with digits after them get an index, all else is literal text.

    So does a letter with an underscore and a word after it. Letters may be Greek, digits may stand lower already.

    >>> print(latex_name("w1"), latex_name("predicted"), latex_name("p_setosa"), latex_name("50%"), latex_name("σ₁"))
    w_{1} \mathrm{predicted} p_{\mathrm{setosa}} \text{50\%} \sigma_{1}
    """
    if re.fullmatch(r"[a-zA-Z]_[a-zA-Z]{2,}", name):
        return rf"{name[0]}_{{\mathrm{{{name[2:]}}}}}"
    letters = name.rstrip(_DIGITS)
    index = name[len(letters) :].translate(_RAISED)
    if letters in GREEK or (letters.isascii() and letters.isalpha()):
        word = GREEK.get(letters) or (letters if len(letters) == 1 else rf"\mathrm{{{letters}}}")
        return word + (f"_{{{index}}}" if index else "")
    return rf"\text{{{literal_latex(name)}}}"


def latex_number(text: str) -> str:
    """A formatted number in LaTeX."""
    mantissa, e, exponent = text.partition("e")
    if e:
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{nan}"}.get(text, text)


def _sum(left: Number, right: Number, sign: str) -> Formula:
    left, right = as_formula(left), as_formula(right)
    number = left.number + right.number if sign == "+" else left.number - right.number
    if right.text == "0":
        return left
    if left.text == "0" and sign == "+":
        return right
    if right.negated is not None and right.text.startswith("-"):  # a + -b is a - b
        return _sum(left, right.negated, "-" if sign == "+" else "+")
    result = _written_sum(number, left, right, sign)
    if sign == "-":
        result.negated = _written_sum(-number, right, left, sign)
    return result


def _written_sum(number: float, left: Formula, right: Formula, sign: str) -> Formula:
    (text, latex), (text2, latex2) = left.held(SUM), right.held(PRODUCT if sign == "-" else SUM)
    return Formula(number, f"{text} {sign} {text2}", f"{latex} {sign} {latex2}", SUM)


def _negated(formula: Formula) -> Formula:
    if formula.negated is not None:
        return formula.negated
    text, latex = formula.held(PRODUCT)
    result = Formula(-formula.number, f"-{text}", f"-{latex}", PRODUCT)
    result.negated = formula
    return result


def _product(left: Number, right: Number) -> Formula:
    left, right = as_formula(left), as_formula(right)
    number = left.number * right.number
    if _is_number(right) and not _is_number(left):
        left, right = right, left  # numbers are written first
    if _is_number(left):
        if _is_number(right):
            return as_formula(number)
        if left.number in (0.0, 1.0):
            return right if left.number else as_formula(0.0)
        if left.number == -1.0:
            return _negated(right)
        first, *others = right.factors
        if others and _is_number(first):
            return _product(left.number * first.number, math.prod(others, start=as_formula(1.0)))
    elif left.factors[1:] and _is_number(left.factors[0]):  # 2·x times x is 2·x^2
        first, *others = left.factors
        return _product(first, _product(math.prod(others, start=as_formula(1.0)), right))
    return _of_formulas(number, left, right)


def _of_formulas(number: float, left: Formula, right: Formula) -> Formula:
    """A product of two formulas: signs come first, equal factors above and below cancel."""
    for one, other in ((left, right), (right, left)):
        if one.text.startswith("-") and one.negated is not None:
            return _negated(_product(one.negated, other))
        if isinstance(one, Quotient) and (rest := _without(other, one.below)) is not None:
            return _product(one.above, rest)
    if _are_same(left, right):
        return FORMULAS.square(left)
    (text, latex), (text2, latex2) = left.held(PRODUCT), right.held(POWER)
    result = Formula(number, f"{text}·{text2}", rf"{latex} \cdot {latex2}", PRODUCT)
    result.factors = left.factors + right.factors
    return result


def _without(product: Formula, factor: Formula) -> Number | None:
    """A product without one of its factors; None if it has no such factor."""
    if _is_number(factor):
        return None
    for i, each in enumerate(product.factors):
        if _are_same(each, factor):
            rest: Number = 1.0
            for other in (*product.factors[:i], *product.factors[i + 1 :]):
                rest = rest * other
            return rest
    return None


def _are_same(one: Formula, other: Formula) -> bool:
    """Whether both say the same of the same number: two Values may have one name."""
    are_undefined = math.isnan(one.number) and math.isnan(other.number)
    return one.text == other.text and (are_undefined or math.isclose(one.number, other.number, rel_tol=1e-9))


def _is_number(number: Number) -> bool:
    return not isinstance(number, Formula) or number.text == formatted(number.number, 4)


class Formulas(NumberSystem[Number]):
    """The number system of formulas: an operation is a call of its name, or an operator where Python has one."""

    def apply(self, operation: Operation, *operands: Number) -> Number:
        """A call; the number that it gives if it is one of plain numbers."""
        number = FLOATS.evaluate(operation, [float(operand) for operand in operands])
        is_number = not operation.sequences and all(map(_is_number, operands))
        return number if is_number else call(operation, operands, number)

    def where(self, condition: Number, x: Number, y: Number) -> Number:
        """The branch that was taken."""
        return x if float(condition) else y

    def step(self, x: Number, threshold: Number, tie: Number) -> float:
        """The number: where a step is taken, it is not worth a formula."""
        return FLOATS.step(float(x), float(threshold), float(tie))

    def div(self, x: Number, y: Number) -> Formula:
        """A single fraction."""
        x, y = as_formula(x), as_formula(y)
        if y.number == 1.0 and _is_number(y):
            return x
        if x.number == 0.5 and _is_number(x) and not _is_number(y):  # the slope of a root, as one writes it
            return self.div(1.0, 2.0 * y)
        return self.div(x.above, x.below * y) if isinstance(x, Quotient) else Quotient(x, y)

    def pow(self, x: Number, y: Number) -> Formula:
        """x^y."""
        x, y = as_formula(x), as_formula(y)
        if y.number == 1.0 and _is_number(y):
            return x
        (text, latex), (text2, _) = x.held(ATOM), y.held(ATOM)
        return Formula(FLOATS.pow(x.number, y.number), f"{text}^{text2}", f"{{{latex}}}^{{{y.latex}}}", POWER)

    def pow_slope(self, x: Number, y: Number) -> Formula:
        """y·x^(y - 1)."""
        return as_formula(y) * self.pow(x, float(y) - 1.0 if _is_number(y) else y - 1.0)

    def square(self, x: Number) -> Formula:
        """x^2."""
        return self.pow(x, 2.0)

    def reciprocal(self, x: Number) -> Formula:
        """1/x."""
        return self.div(1.0, x)

    def pow_log(self, x: Number, y: Number, n: Number) -> Formula:
        """x^y·log(x)^n."""
        formula = self.pow(x, y) * self.pow(self.log(x), n)
        return formula.of(FLOATS.evaluate(pow_log, [float(x), float(y), float(n)]))

    def one_minus_square(self, x: Number) -> Formula:
        """1 - x^2."""
        return as_formula(1.0 - self.square(x)).of(FLOATS.one_minus_square(float(x)))

    def gaussian(self, x: Number) -> Formula:
        """exp(-x^2/2)."""
        return as_formula(self.exp(-self.div(self.square(x), 2.0)))

    def hypot(self, x: Number, y: Number) -> Formula:
        """sqrt(x^2 + y^2)."""
        first = x if _is_number(x) and float(x) == 1.0 else self.square(x)
        return as_formula(self.sqrt(_added([first, self.square(y)]))).of(FLOATS.hypot(float(x), float(y)))

    def direction(self, x: Number, y: Number) -> Formula:
        """x/sqrt(x^2 + y^2)."""
        return self.div(x, self.hypot(x, y)).of(FLOATS.direction(float(x), float(y)))

    def softmax(self, xs: Sequence[Number]) -> list[Number]:
        """A call for each share."""
        shares = FLOATS.softmax([float(x) for x in xs])
        return [
            call(softmax, [x, *xs[:i], *xs[i + 1 :]], share)
            for i, (x, share) in enumerate(zip(xs, shares, strict=True))
        ]


FORMULAS = Formulas()


def call(operation: Operation, operands: Sequence[Number], number: float) -> Formula:
    """An operation by its name, of many operands the first and the last."""
    shown = [as_formula(operand) for operand in operands]
    if len(shown) > DEEPEST:
        shown = [*shown[:2], Formula(0.0, "…", r"\dots"), shown[-1]]
    latex = [each.latex for each in shown]
    return Formula(
        number,
        f"{operation.name}({', '.join(each.text for each in shown)})",
        operation.latex.format(*latex, all=", ".join(latex)),
    )


def softplus_slope(x: Number) -> Formula:
    """The slope of softplus, which LaTeX shows as the lectures do: e^x / (1 + e^x)."""
    x = as_formula(x)
    latex = rf"\frac{{e^{{{x.latex}}}}}{{1 + e^{{{x.latex}}}}}"
    return Formula(FLOATS.sigmoid(x.number), f"sigmoid({x.text})", latex)


def _added(terms: Iterable[Number]) -> Number:
    """The terms with plus signs between them."""
    first, *others = terms
    for term in others:
        first = as_formula(first) + term
    return first


def cases(x: Number, otherwise: Number) -> Formula:
    """The slope of a bend at 0: 1 above, something else below."""
    x, otherwise = as_formula(x), as_formula(otherwise)
    condition = rf"1 & {x.latex} > 0 \\ {otherwise.latex} & {x.latex} \le 0"
    latex = rf"\begin{{cases}} {condition} \end{{cases}}"
    number = 1.0 if x.number > 0.0 else otherwise.number
    return Formula(number, f"(1 if {x.text} > 0 else {otherwise.text})", latex)


def expression(
    value: Value, name: Callable[[Value], str | None], depth: int = DEEPEST, tick: int | None = None
) -> Number:
    """What a Value is, in terms of the named Values and numbers that it was computed from.

    Args:
        value: the Value.
        name: what Values are called; an unnamed one is written out.
        depth: how many operations to write out within each other; deeper ones are shown by their number.
        tick: the time at which to look at a leaf that has changed since; None is now.
    """
    own = name(value)
    number = value.number if tick is None else number_at(value, tick)
    if own:
        return Formula(number, own, latex_name(own))
    operation = value.operation
    if operation is None or not value.parents or depth == 0:
        return number
    operands = [expression(operand, name, depth - 1, value.tick) for operand in value.parents]
    are_numbers = all(map(_is_number, operands))
    if operation.is_operator or operation in (square, reciprocal):
        return number if are_numbers else FORMULAS.evaluate(operation, operands)
    if not are_numbers:
        if operation is dot and len(operands) <= 2 * DEEPEST:
            half = len(operands) // 2
            return _added(map(_product, operands[:half], operands[half:]))
        if operation is sum_of and _are_of_observations(value, operands):
            text, latex = as_formula(operands[0]).held(PRODUCT)
            return Formula(number, f"Σ {text}", rf"\sum {latex}", SUM)
        if operation is sum_of and len(operands) <= DEEPEST:
            return _added(operands)
    return call(operation, operands, number)


def _are_of_observations(total: Value, terms: Sequence[Number]) -> bool:
    """Whether what is added up are different Values that share a name, as the losses of observations do."""
    return len(set(total.parents)) > 1 and len({as_formula(term).text for term in terms}) == 1
