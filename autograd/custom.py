"""`operation`: makes an operation of your own from a formula and its partial derivatives."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real

from .functions import NO_SEQUENCES
from .operation import ANYWHERE, CUSTOM, FLOATS, Operation
from .value import apply

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .operation import Interval
    from .value import Operand


def operation(
    name: str,
    formula: Callable[..., Any],
    partials: Callable[..., Sequence[Any]],
    *,
    symbol: str | None = None,
    latex: str | None = None,
    kinks: Callable[..., Sequence[float]] | Sequence[float] | None = None,
    domain: Sequence[Any] | None = None,
) -> Callable[..., Any]:
    """Makes an operation of your own: it draws, checks, compiles and differentiates twice like the built-in ones.

    Args:
        name: what `Value.op`, drawings and error messages call it.
        formula: `formula(m, *operands)` gives the result. `m` is the number system in use: its `exp`, `log`, `where`
            and all the other functions of this module work on floats, Values or arrays, whichever the operands are.
        partials: `partials(m, y, *operands)` gives a tuple with one derivative of the result `y` for each operand, or
            None for an operand that has none. Write it with `m`, not `math` or `numpy`: then it can be differentiated
            again.
        symbol: what a small node of a drawing shows; the name if left out.
        latex: a template in which `{0}` and `{1}` stand for the operands, `{all}` for all of them.
        kinks: where the derivative jumps: points of an operation of one operand, or a function of the operands whose
            results vanish there.
        domain: an interval `(low, high)` to draw the operands from in tests, or one for each operand.

    Returns:
        A function of Values or numbers. Its attribute `operation` is the row of the table.

    Raises:
        TypeError: a name that is not a string, a formula that is no function of operands, partials that are no tuple.
        ValueError: the number of partials is not the number of operands.

    >>> from autograd import Value, operation
    >>> cube = operation("cube", lambda m, x: x * x * x, lambda m, y, x: (3 * x * x,))
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, x.grad, y.op
    (8.0, 12.0, 'cube')
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"operation: the name must be a string that is not empty, got {name!r}")
    for role, function in (("formula", formula), ("partials", partials)):
        if not callable(function):
            raise TypeError(f"operation {name!r}: {role} must be a function, got {function!r}")
    row = Operation(
        name,
        formula,
        partials,
        symbol=symbol,
        latex=latex,
        kinks=_kink_function(kinks),
        domain=_intervals(domain),
    )
    checked: set[int] = set()
    if row.arity == 0:
        raise TypeError(f"operation {name!r}: its functions begin with the number system, as in lambda m, x: x * x")
    _check_texts(row)
    if row.arity is not None:
        _check_partials(row, row.arity)
        checked.add(row.arity)
    CUSTOM[name] = row

    def function_of_operands(*operands: Operand) -> Any:
        if row.arity is not None and len(operands) != row.arity:
            raise TypeError(f"{name} takes {row.arity} operands, got {len(operands)}")
        if len(operands) not in checked:
            _check_partials(row, len(operands))
            checked.add(len(operands))
        return apply(row, *operands)

    function_of_operands.__name__ = function_of_operands.__qualname__ = name
    function_of_operands.operation = row  # type: ignore[attr-defined]
    return function_of_operands


def _kink_function(kinks: Callable[..., Sequence[float]] | Sequence[float] | None) -> Callable[..., Any] | None:
    if kinks is None or callable(kinks):
        return kinks
    points = tuple(kinks) if isinstance(kinks, Iterable) else (kinks,)
    if isinstance(kinks, NO_SEQUENCES) or not all(isinstance(point, Real) for point in points):
        raise TypeError(f"operation: kinks must be numbers, or a function of the operands; got {kinks!r}")
    return lambda x: [x - point for point in points]


def _intervals(domain: Sequence[Any] | None) -> Sequence[Interval]:
    if domain is None:
        return (ANYWHERE,)
    try:
        if isinstance(domain, NO_SEQUENCES):
            raise TypeError
        intervals = (domain,) if all(isinstance(bound, Real) for bound in domain) else domain
        pairs = tuple((float(low), float(high)) for low, high in intervals)
    except (TypeError, ValueError):
        pairs = ()
    if not pairs or not all(low < high for low, high in pairs):
        raise ValueError(f"operation: domain must be an interval (low, high), or one for each operand; got {domain!r}")
    return pairs


def _check_texts(row: Operation) -> None:
    """Fills the template in once, so that a field too many is known before somebody draws."""
    for role, text in (("symbol", row.symbol), ("latex", row.latex)):
        if not isinstance(text, str):
            raise TypeError(
                f"operation {row.name!r}: {role} must be a string, got {text!r} of type {type(text).__name__}"
            )
    operands = ["x"] * (row.arity or 8)
    try:
        row.latex.format(*operands, all="x")
    except (IndexError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(
            f"operation {row.name!r}: latex must be a template for {row.arity or 'any number of'} operands, in which "
            f"{{0}}, {{1}} ... or {{all}} stand for them and braces of LaTeX are doubled; got {row.latex!r} ({error})"
        ) from None


def _check_partials(row: Operation, number: int) -> None:
    """Tries the partials at a point of the domain, so that a wrong number of them is known before `backward`."""
    intervals = [row.domain[i if i < len(row.domain) else -1] for i in range(number)]
    point = [low + 0.6 * (high - low) for low, high in intervals]
    try:
        partials = FLOATS.partials(row, FLOATS.evaluate(row, point), point)
    except (TypeError, NameError, AttributeError):
        raise  # a slip of the pen, wherever the point
    except Exception:
        return  # the formula may refuse this point, which it was not made for
    if not isinstance(partials, (tuple, list)):
        raise TypeError(
            f"operation {row.name!r}: partials must return a tuple with one derivative for each operand, "
            f"got {partials!r}; a tuple of one is written (derivative,)"
        )
    if len(partials) != number:
        raise ValueError(
            f"operation {row.name!r}: partials must return one derivative for each of {number} operands, "
            f"got {len(partials)}"
        )
    for partial in partials:
        if partial is not None and not isinstance(partial, Real):
            raise TypeError(f"operation {row.name!r}: partials must be real numbers or None, got {partial!r}")
