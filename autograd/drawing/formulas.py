"""Formulas: a number system of expressions, on which the partials of the operation table become readable text.

A term knows its number, so that choices are made as in the computation itself: of `where` only the branch that was
taken is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ..ops import FLOATS, TABLE, default_latex, literal_latex
from .theme import formatted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..value import Value

SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly a term holds together
DEEPEST = 4

Number: TypeAlias = "Term | float"


class Term:
    """An expression with its number, as plain text and as LaTeX."""

    __slots__ = ("binding", "latex", "number", "text")

    def __init__(self, number: float, text: str, latex: str, binding: int = ATOM) -> None:
        self.number = number
        self.text = text
        self.latex = latex
        self.binding = binding

    def __float__(self) -> float:
        return self.number

    def held(self, binding: int) -> tuple[str, str]:
        """Text and LaTeX, in parentheses if they hold together less tightly."""
        if self.binding >= binding:
            return self.text, self.latex
        return f"({self.text})", rf"\left({self.latex}\right)"

    def __add__(self, other: Number) -> Number:
        return _sum(self, other, "+")

    def __radd__(self, other: Number) -> Number:
        return _sum(other, self, "+")

    def __sub__(self, other: Number) -> Number:
        return _sum(self, other, "-")

    def __rsub__(self, other: Number) -> Number:
        return _sum(other, self, "-")

    def __mul__(self, other: Number) -> Number:
        return _product(self, other)

    def __rmul__(self, other: Number) -> Number:
        return _product(other, self)

    def __truediv__(self, other: Number) -> Number:
        return FORMULAS.divide(self, other)

    def __rtruediv__(self, other: Number) -> Number:
        return FORMULAS.divide(other, self)

    def __pow__(self, other: Number) -> Number:
        return FORMULAS.pow(self, other)

    def __rpow__(self, other: Number) -> Number:
        return FORMULAS.pow(other, self)

    def __neg__(self) -> Number:
        return _product(-1.0, self)


class Quotient(Term):
    """A term that can be divided again without a fraction in a fraction."""

    __slots__ = ("above", "below")

    def __init__(self, above: Term, below: Term) -> None:
        (text, _), (text2, _) = above.held(PRODUCT), below.held(POWER)
        number = FLOATS.divide(above.number, below.number)
        super().__init__(number, f"{text}/{text2}", rf"\frac{{{above.latex}}}{{{below.latex}}}", PRODUCT)
        self.above = above
        self.below = below


def term(number: Number) -> Term:
    """A plain number as a term."""
    if isinstance(number, Term):
        return number
    text = formatted(float(number), 4)
    return Term(float(number), text, latex_number(text), PRODUCT if number < 0.0 else ATOM)


def symbol(name: str, number: float) -> Term:
    """A name as a term."""
    return Term(number, name, latex_name(name))


def latex_name(name: str) -> str:
    r"""A name in LaTeX: letters with digits after them get an index, all else is literal text.

    >>> print(latex_name("w1"), latex_name("predicted"), latex_name("50%"))
    w_{1} \mathrm{predicted} \text{50\%}
    """
    letters = name.rstrip("0123456789")
    if letters.isascii() and letters.isalpha():
        index = name[len(letters) :]
        return (letters if len(letters) == 1 else rf"\mathrm{{{letters}}}") + (f"_{{{index}}}" if index else "")
    return rf"\text{{{literal_latex(name)}}}"


def latex_number(text: str) -> str:
    """A formatted number in LaTeX."""
    mantissa, e, exponent = text.partition("e")
    if e:
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{nan}"}.get(text, text)


def _sum(left: Number, right: Number, sign: str) -> Number:
    left, right = term(left), term(right)
    number = left.number + right.number if sign == "+" else left.number - right.number
    if right.text == "0":
        return left
    if left.text == "0" and sign == "+":
        return right
    (text, latex), (text2, latex2) = left.held(SUM), right.held(PRODUCT if sign == "-" else SUM)
    return Term(number, f"{text} {sign} {text2}", f"{latex} {sign} {latex2}", SUM)


def _product(left: Number, right: Number) -> Number:
    left, right = term(left), term(right)
    number = left.number * right.number
    if _is_number(right) and not _is_number(left):
        left, right = right, left  # numbers are written first
    if _is_number(left):
        if _is_number(right):
            return number
        if left.number in (0.0, 1.0):
            return right if left.number else 0.0
        if left.number == -1.0:
            text, latex = right.held(PRODUCT)
            return Term(number, f"-{text}", f"-{latex}", PRODUCT)
    if left.text == right.text:
        return FORMULAS.square(left)
    (text, latex), (text2, latex2) = left.held(PRODUCT), right.held(POWER)
    return Term(number, f"{text}·{text2}", rf"{latex} \cdot {latex2}", PRODUCT)


def _is_number(term: Term) -> bool:
    return term.text == formatted(term.number, 4)


class _Formulas:
    """The number system of terms: the name of a function, and what it gives for the operands' numbers."""

    def __getattr__(self, name: str) -> Callable[..., Number]:
        if not hasattr(FLOATS, name):
            raise AttributeError(name)
        return lambda *operands: _applied(name, operands)

    def where(self, condition: Number, x: Number, y: Number) -> Number:
        return x if float(condition) else y

    def step(self, x: Number, threshold: Number, tie: Number) -> Number:
        return float(FLOATS.step(float(x), float(threshold), float(tie)))

    def divide(self, x: Number, y: Number) -> Number:
        x, y = term(x), term(y)
        if y.number == 1.0:
            return x
        if isinstance(x, Quotient):
            return self.divide(x.above, x.below * y)
        return Quotient(x, y)

    def pow(self, x: Number, y: Number) -> Number:
        x, y = term(x), term(y)
        if y.number == 1.0 and _is_number(y):
            return x
        (text, latex), (text2, _) = x.held(ATOM), y.held(ATOM)
        return Term(FLOATS.pow(x.number, y.number), f"{text}^{text2}", f"{{{latex}}}^{{{y.latex}}}", POWER)

    def square(self, x: Number) -> Number:
        return self.pow(x, 2.0)

    def reciprocal(self, x: Number) -> Number:
        return self.divide(1.0, x)

    def sum(self, xs: Sequence[Number]) -> Number:
        return _applied_to_all("sum", xs, FLOATS.sum)

    def softmaxes(self, xs: Sequence[Number]) -> list[Number]:
        shares = FLOATS.softmaxes([float(x) for x in xs])
        return [
            _call("softmax", [x, *(other for j, other in enumerate(xs) if j != i)], share)
            for i, (x, share) in enumerate(zip(xs, shares, strict=True))
        ]


_Formulas.div, _Formulas.softmax = _Formulas.divide, _Formulas.softmaxes  # type: ignore  # TRANSITION
FORMULAS = _Formulas()


def _applied(name: str, operands: Sequence[Number]) -> Number:
    number = getattr(FLOATS, name)(*map(float, operands))
    if not any(isinstance(operand, Term) for operand in operands):
        return float(number)
    return _call(name, operands, number)


def _applied_to_all(name: str, xs: Sequence[Number], function: Callable[[list[float]], float]) -> Number:
    return _call(name, xs, function([float(x) for x in xs]))


def _call(name: str, operands: Sequence[Number], number: float, template: str | None = None) -> Term:
    terms = [term(operand) for operand in operands]
    shown = terms if len(terms) <= DEEPEST else [*terms[:2], Term(0.0, "…", r"\dots"), terms[-1]]
    latex = [each.latex for each in shown]
    template = template or (TABLE[name].latex if name in TABLE else default_latex(name))
    return Term(
        number,
        f"{name}({', '.join(each.text for each in shown)})",
        template.format(*latex, all=", ".join(latex)),
    )


def expression(value: Value, name: Callable[[Value], str | None], depth: int = DEEPEST) -> Number:
    """What a Value is, in terms of the named Values and numbers that it was computed from.

    Args:
        value: the Value.
        name: what Values are called; an unnamed one is written out.
        depth: how many operations to write out within each other; deeper ones are shown by their number.
    """
    own = name(value)
    if own:
        return symbol(own, value.data)
    if not value.parents or depth == 0:
        return value.data
    operands = [expression(operand, name, depth - 1) for operand in value.parents]
    operators: dict[str, Callable[..., Any]] = {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "neg": lambda x: -x,
        "div": FORMULAS.divide,
        "pow": FORMULAS.pow,
        "square": FORMULAS.square,
    }
    assert value.op is not None
    assert value._operation is not None
    is_built_in = value._operation is TABLE.get(value.op)  # somebody's own operation may have the same name
    if is_built_in and value.op in operators and any(isinstance(operand, Term) for operand in operands):
        return operators[value.op](*operands)  # type: ignore[no-any-return]
    return _call(value.op, operands, value.data, value._operation.latex)
