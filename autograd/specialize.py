"""Eager code written out, row by row of the table, so that recording and `backward` are fast.

`value.py` is complete without this module: `apply` records any operation and `pull` differentiates it. For an operation
of one or two operands this module writes the same two steps as straight Python text with the row's formula and partials
in place, which it finds by evaluating them once on symbols. Without it everything works, only slower.
"""

from __future__ import annotations

import math
from numbers import Real

from . import ops, value
from .ops import FLOATS, Operation
from .recording import current_context
from .value import _CONSTANT, Value, apply, constant, pull

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class UntraceableError(Exception):
    """The formula asks its operands something that only numbers can answer."""


class Symbol:
    """The text of an expression; arithmetic on it gives the text of a larger one."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Any) -> Symbol:
        return Symbol(f"({self.text} + {_text(other)})")

    def __radd__(self, other: Any) -> Symbol:
        return Symbol(f"({_text(other)} + {self.text})")

    def __sub__(self, other: Any) -> Symbol:
        return Symbol(f"({self.text} - {_text(other)})")

    def __mul__(self, other: Any) -> Symbol:
        return Symbol(f"({self.text} * {_text(other)})")

    def __rmul__(self, other: Any) -> Symbol:
        return Symbol(f"({_text(other)} * {self.text})")

    def __neg__(self) -> Symbol:
        return Symbol(f"(-{self.text})")


def _text(expression: Any) -> str:
    if isinstance(expression, Symbol):
        return expression.text
    if isinstance(expression, (int, float)):
        return repr(float(expression))
    raise UntraceableError


class _Symbols:
    """The number system of symbols: a function of symbols is the text that calls the function of floats."""

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        if not hasattr(FLOATS, name):
            raise AttributeError(f"there is no function {name!r} of numbers")
        return lambda *operands: Symbol(f"{name}({', '.join(map(_text, operands))})")


SYMBOLS = _Symbols()

_NAMES: dict[str, Any] = {
    **vars(FLOATS),
    "CONSTANT": _CONSTANT,
    "Real": Real,
    "Value": Value,
    "constant": constant,
    "current_context": current_context,
    "inf": math.inf,
    "nan": math.nan,
    "new": object.__new__,
    "pull": pull,
    "apply": apply,
}

_METHOD = """
def method(left):
    context = current_context()
    if not context.is_plain:
        return apply(operation, left)
    node = new(Value)
    node._datum = {formula}
    node._grad = None
    node._operation = operation
    node._left = left
    node._right = None
    node._name = None
    node._scope = context.scope
    return node
"""

_OPERATOR = """
def operator({self}, {other}):
    kind = type({other})
    if kind is float or kind is int:
        {other} = constant({other})
    try:
        data = {formula}
    except AttributeError:
        if not isinstance({other}, Real):
            return NotImplemented
        {other} = constant({other})
        data = {formula}
    context = current_context()
    if not context.is_plain:
        return apply(operation, left, right)
    node = new(Value)
    node._datum = data
    node._grad = None
    node._operation = operation
    node._left = left
    node._right = right
    node._name = None
    node._scope = context.scope
    return node
"""

_PULL = """
def pull(node, cotangent):
    left = node._left
    right = node._right
{steps}
"""

_PULL_ALL = """
def pull_all(results):
    for node in results:
        cotangent = node._grad
        if cotangent is None:
            continue
        operation = node._operation
        left = node._left
        right = node._right
        if operation is add:
{add}
        elif operation is mul:
{mul}
        else:
            (operation.pull or pull)(node, cotangent)
"""

_STEP = """
if {operand}._operation is not CONSTANT:
    contribution = {contribution}
    grad = {operand}._grad
    {operand}._grad = contribution if grad is None else grad + contribution
"""

_OPERANDS = ("left", "right")
_OPERATORS = {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div, "pow": ops.pow}


def _written(text: str, name: str, more_names: dict[str, Any]) -> Any:
    names = {**_NAMES, **more_names}
    exec(compile(text, f"{__file__}, {name} of {', '.join(more_names)}", "exec"), names)
    return names[name]


def _symbolic_operands(operation: Operation) -> list[Symbol]:
    return [Symbol(f"{operand}._datum") for operand in _OPERANDS[: operation.arity]]


def _formula_text(operation: Operation) -> str:
    return _text(operation.formula(SYMBOLS, *_symbolic_operands(operation)))


def _contribution_text(partial: Any) -> str:
    if isinstance(partial, Symbol):
        return f"cotangent * {partial.text}"
    return {1.0: "cotangent", -1.0: "-cotangent"}.get(partial, f"cotangent * {_text(partial)}")


def _symbolic_partials(operation: Operation) -> tuple[Any, ...]:
    if operation.arity not in (1, 2):
        raise UntraceableError
    return operation.partials(SYMBOLS, Symbol("node._datum"), *_symbolic_operands(operation))


def _specialize(operation: Operation) -> None:
    """Gives a row of the table its reverse step as straight code, where its partials can be written out.

    The code is written at the first use: writing it for the whole table would double the time of `import autograd`.
    Operations of users are left as they are, because they may read variables that change.
    """

    def first_pull(node: Value, cotangent: float) -> None:
        operation.pull = _written_pull(operation)
        operation.pull(node, cotangent)

    operation.pull = first_pull


def _written_pull(operation: Operation) -> Callable[[Value, float], None]:
    try:
        text = _PULL.format(steps=_indented(_steps_text(operation), 4))
    except UntraceableError:
        return pull
    written: Callable[[Value, float], None] = _written(text, "pull", {"operation": operation})
    return written


def _steps_text(operation: Operation) -> str:
    """The statements that give each operand its share of the gradient."""
    return "".join(
        _STEP.format(operand=operand, contribution=_contribution_text(partial))
        for operand, partial in zip(_OPERANDS, _symbolic_partials(operation), strict=False)
        if partial is not None
    )


def _indented(text: str, columns: int) -> str:
    return "\n".join(" " * columns + line for line in text.splitlines())


def install() -> None:
    """Gives every row of the table its reverse step, and Value its operators and methods, as straight code."""
    for operation in ops.TABLE.values():
        _specialize(operation)
    for name, operation in _OPERATORS.items():
        _install_operator(name, operation)
    for operation in ops.TABLE.values():
        if operation.arity == 1 and hasattr(Value, operation.name):
            _install_method(operation.name, operation)
    _install_method("__neg__", ops.neg)
    _install_method("__abs__", ops.abs)
    # Nearly all of a network's operations are products and their sums; they save the call.
    common = {"add": ops.add, "mul": ops.mul}
    steps = {name: _indented(_steps_text(operation), 12) for name, operation in common.items()}
    value._pull_all = _written(_PULL_ALL.format(**steps), "pull_all", common)


def _install_operator(name: str, operation: Operation) -> None:
    formula = _formula_text(operation)
    for method, self, other in ((f"__{name}__", "left", "right"), (f"__r{name}__", "right", "left")):
        text = _OPERATOR.format(self=self, other=other, formula=formula)
        _replace(method, _written(text, "operator", {"operation": operation}))


def _install_method(name: str, operation: Operation) -> None:
    """Like the reverse step, the method is written at its first use."""

    def first_method(operand: Value) -> Value:
        text = _METHOD.format(formula=_formula_text(operation))
        written = _replace(name, _written(text, "method", {"operation": operation}))
        result: Value = written(operand)
        return result

    _replace(name, first_method)


def _replace(name: str, function: Any) -> Any:
    """Puts the written method where the plain one was, under its name and docstring."""
    plain = getattr(Value, name)
    function.__name__, function.__qualname__, function.__doc__ = plain.__name__, plain.__qualname__, plain.__doc__
    setattr(Value, name, function)
    return function
