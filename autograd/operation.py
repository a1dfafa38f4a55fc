"""What an operation is, and what its formula runs on: a row of the table, and the protocol of number systems.

A formula is written once, over a number system `m`: `m.exp(x)` is a float for a float, a Value for a Value, and a line
of text for a name. The rows are in `ops.py`.
"""

from __future__ import annotations

import math
from functools import partial
from numbers import Real
from operator import attrgetter

from . import arithmetic

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Generic as Generic, Protocol, Self, TypeAlias, TypeVar

    class Number(Protocol):
        """What formulas may do with numbers besides calling functions of their system."""

        def __add__(self, other: Self | float, /) -> Self: ...
        def __radd__(self, other: float, /) -> Self: ...
        def __sub__(self, other: Self | float, /) -> Self: ...
        def __rsub__(self, other: float, /) -> Self: ...
        def __mul__(self, other: Self | float, /) -> Self: ...
        def __rmul__(self, other: float, /) -> Self: ...
        def __neg__(self) -> Self: ...

    N = TypeVar("N", bound=Number)
    Interval: TypeAlias = tuple[float, float]
    Formula: TypeAlias = Callable[..., Any]
    Partials: TypeAlias = Callable[..., Sequence[Any]]
    Kinks: TypeAlias = Callable[..., Sequence[float]]
    OfOne: TypeAlias = Callable[[N | float], N]
    OfTwo: TypeAlias = Callable[[N | float, N | float], N]
    OfThree: TypeAlias = Callable[[N | float, N | float, N | float], N]
    OfMany: TypeAlias = Callable[[Sequence[N | float]], N]
else:
    N = None

    class Generic:
        """Stands in for the one of `typing`."""

        def __class_getitem__(cls, _: object) -> type:
            return cls


# Intervals to draw operands from in tests.
ANYWHERE: Interval = (-4.0, 4.0)
POSITIVE: Interval = (0.05, 6.0)
UNIT: Interval = (-0.95, 0.95)

CO_VARARGS = 0x04  # the flag of a code object with *args, as in `inspect`, which takes long to import


class Operation:
    """One row of the table: all that anybody needs to know about an operation.

    Attributes:
        name: what `Value.op` shows, and the name of its function in `autograd` and in every number system.
        formula: `formula(m, *operands)` is the result.
        partials: `partials(m, y, *operands)` is a tuple with one derivative of the result y for each operand; None for
            an operand that has none, such as a condition.
        symbol: what a small node of a drawing shows.
        latex: a template; `{0}`, `{1}` stand for the operands, `{all}` for all of them with commas between.
        kinks: `kinks(*operands)` are numbers that vanish where the derivative jumps.
        domain: an interval to draw each operand from in tests; the last one holds for all further operands.
        arity: the number of operands; None if it varies or cannot be told.
        sequences: how many sequences its function takes the operands from: none as `exp(x)`, one as `sum(xs)`, two as
            `dot(xs, ys)`.
        commutative: whether the order of the operands does not matter.
        linear: whether the partials are constants.
        is_flat: whether the partials are 0 wherever there are any, so that no derivative flows.
        bilinear: whether it is linear in each operand while the others stay; division is so in the first.
        is_operator: whether Python has an operator for it.
        is_helper: whether users have no function of it, since only partials or `nn` need it.
        of_first: whether it is one of several results that all operands have in common: that of its first operand.
        ufunc: the function of NumPy that gives the same at every argument, if there is one.
        reduces: the operation of two operands of which this one is the repetition from left to right, if there is one.
    """

    def __init__(
        self,
        name: str,
        formula: Formula,
        partials: Partials,
        *,
        symbol: str | None = None,
        latex: str | None = None,
        kinks: Kinks | None = None,
        domain: Sequence[Interval] = (ANYWHERE,),
        sequences: int = 0,
        commutative: bool = False,
        linear: bool = False,
        bilinear: bool = False,
        is_flat: bool = False,
        is_operator: bool = False,
        is_helper: bool = False,
        of_first: bool = False,
        ufunc: str | None = None,
        reduces: Operation | None = None,
    ) -> None:
        self.name = name
        self.formula = formula
        self.partials = partials
        self.symbol = name if symbol is None else symbol
        self.latex = default_latex(name) if latex is None else latex
        self.kinks = kinks
        self.domain = tuple(domain)
        self.arity = _arity(formula)
        self.sequences = sequences
        self.commutative = commutative
        self.linear = linear
        self.bilinear = bilinear
        self.is_flat = is_flat
        self.is_operator = is_operator
        self.is_helper = is_helper
        self.of_first = of_first
        self.ufunc = ufunc
        self.reduces = reduces

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def operands(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """The operands among the arguments of its function, which may be sequences of them."""
        return [x for xs in arguments for x in xs] if self.sequences else arguments

    @property
    def is_built_in(self) -> bool:
        """Whether this is a row of the library's table. Somebody's own operation may have the same name."""
        return TABLE.get(self.name) is self


def _arity(formula: Formula) -> int | None:
    code = getattr(formula, "__code__", None)
    if code is None or hasattr(formula, "__self__") or code.co_flags & CO_VARARGS or formula.__defaults__:
        return None
    count: int = code.co_argcount - 1
    return count


TABLE: dict[str, Operation] = {}
"""The library's operations by name; `ops.py` fills it."""
CUSTOM: dict[str, Operation] = {}
"""Operations that users made, by name: graphs that hold them are pickled with their names only."""


def row(name: str, formula: Formula, partials: Partials, **facts: Any) -> Operation:
    """Enters an operation into the table."""
    TABLE[name] = operation = Operation(name, formula, partials, **facts)
    return operation


class NumberSystem(Generic[N]):
    """What formulas and partials run on, in place of plain numbers: the protocol behind every `m`.

    Numbers of a system know `+`, `-`, `*` and unary minus, with each other and with floats. Every row of the table is a
    function here, under its own name and with its own arguments: `m.exp(x)`, `m.maximum(x, y)`, `m.sum(xs)`,
    `m.dot(xs, ys)`; only `m.softmax(xs)` gives a list, the shares of all operands. A system defines the functions that
    it has of its own accord. The others are `apply`, which evaluates the row's formula unless a system knows better.
    """

    if TYPE_CHECKING:
        exp: OfOne[N]
        expm1: OfOne[N]
        exp2: OfOne[N]
        log: OfOne[N]
        log1p: OfOne[N]
        log2: OfOne[N]
        log10: OfOne[N]
        cbrt: OfOne[N]
        arcsinh: OfOne[N]
        arccosh: OfOne[N]
        arctanh: OfOne[N]
        floor: OfOne[N]
        ceil: OfOne[N]
        trunc: OfOne[N]
        rint: OfOne[N]
        relu: OfOne[N]
        sqrt: OfOne[N]
        square: OfOne[N]
        reciprocal: OfOne[N]
        sin: OfOne[N]
        cos: OfOne[N]
        tan: OfOne[N]
        arcsin: OfOne[N]
        arccos: OfOne[N]
        arctan: OfOne[N]
        sinh: OfOne[N]
        cosh: OfOne[N]
        tanh: OfOne[N]
        sech: OfOne[N]
        sigmoid: OfOne[N]
        erf: OfOne[N]
        abs: OfOne[N]
        sign: OfOne[N]
        gaussian: OfOne[N]
        normal_cdf: OfOne[N]
        one_minus_square: OfOne[N]
        div: OfTwo[N]
        pow: OfTwo[N]
        pow_slope: OfTwo[N]
        mod: OfTwo[N]
        maximum: OfTwo[N]
        minimum: OfTwo[N]
        logaddexp: OfTwo[N]
        arctan2: OfTwo[N]
        hypot: OfTwo[N]
        direction: OfTwo[N]
        where: OfThree[N]
        step: OfThree[N]
        pow_log: OfThree[N]
        sum: OfMany[N]
        mean: OfMany[N]
        prod: OfMany[N]
        max: OfMany[N]
        min: OfMany[N]
        dot: Callable[[Sequence[N | float], Sequence[N | float]], N]
    else:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """The function of a row that the system does not define itself."""
            operation = TABLE.get(name) or CUSTOM.get(name)
            if operation is None:
                raise AttributeError(f"there is no function {name!r} of numbers")
            function = self.function(operation)
            if operation.is_built_in:
                setattr(self, name, function)
            return function

    def function(self, operation: Operation) -> Callable[..., N]:
        """The function of a row."""
        return lambda *arguments: self.apply(operation, *operation.operands(arguments))

    def softmax(self, xs: Sequence[N | float]) -> list[N]:
        """exp(x) / sum(exp(xs)) for each x."""
        share = TABLE["softmax"]
        return [self.apply(share, x, *xs[:i], *xs[i + 1 :]) for i, x in enumerate(xs)]

    def divide(self, x: N | float, y: N | float) -> N:
        """NumPy's name of `div`, for formulas of the user's own."""
        return self.div(x, y)

    def apply(self, operation: Operation, *operands: N | float) -> N:
        """An operation as one step of this system."""
        return self.evaluate(operation, operands)

    def evaluate(self, operation: Operation, operands: Sequence[N | float]) -> N:
        """The formula of an operation on numbers of this system."""
        result: N = operation.formula(self, *operands)
        return result

    def partials(self, operation: Operation, y: N, operands: Sequence[N | float]) -> Sequence[N | None]:
        """The derivatives of the result y of an operation by its operands."""
        return operation.partials(self, y, *operands)

    def of(self, node: Any) -> N:
        """A node of a graph as a number of this system."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a node of a graph is")

    def times(self, derivative: N, partial: N) -> N:
        """The product of the chain rule."""
        return derivative * partial

    def total(self, terms: Sequence[N]) -> N:
        """The sum of the chain rule over several paths."""
        if len(terms) > 2:
            return self.sum(terms)
        return terms[0] if len(terms) == 1 else terms[0] + terms[1]


_USUAL = frozenset({float, type(None)})


class Floats(NumberSystem[float]):
    """IEEE arithmetic on floats: the primitives of `arithmetic`, and every row that is built from them."""

    def __init__(self) -> None:
        vars(self).update({name: f for name, f in vars(arithmetic).items() if callable(f) and name[0] != "_"})

    def function(self, operation: Operation) -> Callable[..., float]:
        """The formula itself: rows without a primitive of their own take no sequences."""
        return partial(operation.formula, self)

    def evaluate(self, operation: Operation, operands: Sequence[float]) -> float:
        """The formula on floats. Where Python's own arithmetic raises in it, NumPy's follows IEEE 754."""
        try:
            result = operation.formula(self, *operands)
        except (ZeroDivisionError, OverflowError):
            result = self._with_numpy(operation.formula, operands)
        if type(result) is float:
            return result
        if isinstance(result, complex):
            result = self._with_numpy(operation.formula, operands)
        if not isinstance(result, Real):
            raise TypeError(f"the formula of {operation.name!r} must give a real number, got {result!r}")
        return real(result, operation.name)

    def partials(self, operation: Operation, y: float, operands: Sequence[float]) -> Sequence[float | None]:
        """The partial derivatives on floats."""
        try:
            partials = operation.partials(self, y, *operands)
        except (ZeroDivisionError, OverflowError):
            return self._with_numpy(operation.partials, (y, *operands))  # type: ignore[no-any-return]
        if not isinstance(partials, tuple) or _USUAL.issuperset(map(type, partials)):  # nearly always
            return partials
        if any(isinstance(each, complex) for each in partials):
            return self._with_numpy(operation.partials, (y, *operands))  # type: ignore[no-any-return]
        return partials

    def _with_numpy(self, function: Callable[..., Any], numbers: Iterable[float]) -> Any:
        import numpy  # only here: `import autograd` stays light

        with numpy.errstate(all="ignore"):
            return function(self, *map(numpy.float64, numbers))

    of = staticmethod(attrgetter("number"))  # type: ignore[assignment]


FLOATS = Floats()
"""The number system of floats."""


def real(number: object, where: str) -> float:
    """The number as a float.

    Raises:
        TypeError: it is no real number; one sentence says where it was given.
    """
    if type(number) is float:
        return number
    if isinstance(number, Real):
        try:
            return float(number)
        except OverflowError:
            return math.inf if number > 0 else -math.inf  # type: ignore[operator]  # an integer beyond the largest float
    raise TypeError(f"{where} takes a real number, got {number!r} of type {type(number).__name__}")


def default_latex(name: str) -> str:
    r"""The template \operatorname{name}(operands)."""
    upright = literal_latex(name).replace("{", "{{").replace("}", "}}")
    return rf"\operatorname{{{{{upright}}}}}({{all}})"


def literal_latex(name: str) -> str:
    """A name, whatever is in it, as LaTeX shows it."""
    return "".join(_LATEX.get(character, character) for character in name)


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "\n": " ",
}
