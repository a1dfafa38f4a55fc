"""Eager code written out, row by row of the table, so that recording and `backward` are fast.

`chain.py` and `value.py` are complete without this module: `apply` records any operation and `pull` differentiates it.
For an operation of one or two operands this module writes the same two steps as straight Python text with the row's
formula and partials in place, found by evaluating them once on symbols. Without it everything works, only slower.
"""

from __future__ import annotations

import math
from numbers import Real

from . import ops
from .context import current_context
from .node import CLOCK, CONSTANT
from .operation import FLOATS, TABLE, NumberSystem, Operation

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from .node import Node

    Pull = Callable[[Node, float], None]


class UnwritableError(Exception):
    """The formula asks its operands something that only numbers can answer."""


class Symbol:
    """The text of an expression; arithmetic on it gives the text of a larger one."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Symbol | float) -> Symbol:
        return Symbol(f"({self.text} + {_text(other)})")

    def __radd__(self, other: Symbol | float) -> Symbol:
        return Symbol(f"({_text(other)} + {self.text})")

    def __sub__(self, other: Symbol | float) -> Symbol:
        return Symbol(f"({self.text} - {_text(other)})")

    def __rsub__(self, other: Symbol | float) -> Symbol:
        return Symbol(f"({_text(other)} - {self.text})")

    def __mul__(self, other: Symbol | float) -> Symbol:
        return Symbol(f"({self.text} * {_text(other)})")

    def __rmul__(self, other: Symbol | float) -> Symbol:
        return Symbol(f"({_text(other)} * {self.text})")

    def __neg__(self) -> Symbol:
        return Symbol(f"(-{self.text})")


def _text(expression: object) -> str:
    if isinstance(expression, Symbol):
        return expression.text
    if isinstance(expression, (int, float)):
        return repr(float(expression))
    raise UnwritableError


class Symbols(NumberSystem[Symbol]):
    """The number system of symbols: an operation is the text that calls the function of floats."""

    def apply(self, operation: Operation, *operands: Symbol | float) -> Symbol:
        """The call, under the name that the function has among the floats."""
        if operation.sequences:
            raise UnwritableError
        return Symbol(f"{operation.name}({', '.join(map(_text, operands))})")

    def softmax(self, xs: Sequence[Symbol | float]) -> list[Symbol]:
        """Is no text: the floats have a function that gives all shares at once."""
        raise UnwritableError


SYMBOLS = Symbols()

_NAMES: dict[str, Any] = {
    **{name: getattr(FLOATS, name) for name, operation in TABLE.items() if not operation.sequences},
    "CONSTANT": CONSTANT,
    "Real": Real,
    "clock": CLOCK,
    "current_context": current_context,
    "inf": math.inf,
    "nan": math.nan,
    "new": object.__new__,
}

_METHOD = """
def method(left):
    context = current_context()
    if not context.is_plain:
        return apply(operation, left)
    node = new(Value)
    node.number = {formula}
    node.gradient = None
    node.operation = operation
    node.left = left
    node.right = None
    node._name = None
    node.scope = context.scope
    node.tick = clock.now
    return node
"""

_OPERATOR = """
def operator({self}, {other}):
    kind = type({other})
    if kind is float or kind is int:
        {other} = constant({other})
    elif kind is not Value and not isinstance({other}, Value):
        if not isinstance({other}, Real):
            return NotImplemented
        {other} = constant({other})
    data = {formula}
    context = current_context()
    if not context.is_plain:
        return apply(operation, left, right)
    node = new(Value)
    node.number = data
    node.gradient = None
    node.operation = operation
    node.left = left
    node.right = right
    node._name = None
    node.scope = context.scope
    node.tick = clock.now
    return node
"""

_PULL = """
def pull(node, cotangent):
    left = node.left
    right = node.right
{steps}
"""

_PULL_ALL = """
def pull_all(results):
    for node in results:
        cotangent = node.gradient
        if cotangent is None:
            continue
        operation = node.operation
        left = node.left
        right = node.right
        if operation is add:
{add}
        elif operation is mul:
{mul}
        else:
            pulls[operation](node, cotangent)
"""

_STEP = """
if {operand}.operation is not CONSTANT:
    contribution = {contribution}
    grad = {operand}.gradient
    {operand}.gradient = contribution if grad is None else grad + contribution
"""

_OPERANDS = ("left", "right")
_OPERATORS = {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div, "pow": ops.pow, "mod": ops.mod}


def _written(text: str, name: str, more_names: dict[str, Any]) -> Any:
    names = {**_NAMES, **more_names}
    exec(compile(text, f"{__file__}, {name} of {', '.join(more_names)}", "exec"), names)
    return names[name]


def _symbolic_operands(operation: Operation) -> list[Symbol]:
    return [Symbol(f"{operand}.number") for operand in _OPERANDS[: operation.arity]]


def _formula_text(operation: Operation) -> str:
    return _text(operation.formula(SYMBOLS, *_symbolic_operands(operation)))


def _contribution_text(partial: Symbol | float) -> str:
    if isinstance(partial, Symbol):
        return f"cotangent * {partial.text}"
    return {0.0: "0.0", 1.0: "cotangent", -1.0: "-cotangent"}.get(partial, f"cotangent * {_text(partial)}")


def _symbolic_partials(operation: Operation) -> Sequence[Any]:
    if operation.arity not in (1, 2):
        raise UnwritableError
    return operation.partials(SYMBOLS, Symbol("node.number"), *_symbolic_operands(operation))


def _steps_text(operation: Operation) -> str:
    """The statements that give each operand its share of the gradient."""
    return "".join(
        _STEP.format(operand=operand, contribution=_contribution_text(partial))
        for operand, partial in zip(_OPERANDS, _symbolic_partials(operation), strict=False)
        if partial is not None
    )


def _indented(text: str, columns: int) -> str:
    return "\n".join(" " * columns + line for line in text.splitlines())


def pull(node: Node, cotangent: float) -> None:
    """`chain.pull` without its calls, for operations whose partials are not written out."""
    operands = node.parents
    partials = FLOATS.partials(node.operation, node.number, [operand.number for operand in operands])  # type: ignore[arg-type]
    for operand, partial in zip(operands, partials, strict=True):
        if partial is not None and operand.operation is not CONSTANT:
            contribution = cotangent * float(partial)
            gradient = operand.gradient
            operand.gradient = contribution if gradient is None else gradient + contribution


def _pull_dot(node: Node, cotangent: float) -> None:
    """`pull` for dot, most of the time of `backward` in a network: the partial of a factor is the other one."""
    operands = node.parents
    middle = len(operands) // 2
    left, right = operands[:middle], operands[middle:]
    for factors, others in ((left, right), (right, left)):
        for factor, other in zip(factors, others, strict=True):
            if factor.operation is not CONSTANT:
                contribution = cotangent * other.number
                gradient = factor.gradient
                factor.gradient = contribution if gradient is None else gradient + contribution


class _Pulls(dict[Operation, "Pull"]):
    """The reverse step of each operation as straight code, where its partials can be written out.

    Written at first use: writing the whole table would double the time of `import autograd`. Operations of users are
    left as they are, because they may read variables that change.
    """

    def __missing__(self, operation: Operation) -> Pull:
        self[operation] = step = self._step(operation) if operation.is_built_in else pull
        return step

    def _step(self, operation: Operation) -> Pull:
        try:
            text = _PULL.format(steps=_indented(_steps_text(operation), 4))
        except UnwritableError:
            return pull
        step: Pull = _written(text, "pull", {"operation": operation})
        return step


PULLS = _Pulls({ops.dot: _pull_dot})


def _pull_all() -> Callable[[Iterable[Node]], None]:
    """Nearly all of a network's operations are products and their sums; they save the call."""
    common = {"add": ops.add, "mul": ops.mul}
    steps = {name: _indented(_steps_text(operation), 12) for name, operation in common.items()}
    written: Callable[[Iterable[Node]], None] = _written(
        _PULL_ALL.format(**steps), "pull_all", {**common, "pulls": PULLS}
    )
    return written


pull_all = _pull_all()
"""`chain.pull_all`, written out."""


def write_methods(kind: type[Any], **recording: Any) -> None:
    """Gives Value its operators and its methods of one operand as straight code, in place of the plain ones.

    Args:
        kind: the class.
        recording: what the code calls to record in another way: `Value`, `apply` and `constant`.
    """
    for name, operation in _OPERATORS.items():
        formula = _formula_text(operation)
        for method, self, other in ((f"__{name}__", "left", "right"), (f"__r{name}__", "right", "left")):
            text = _OPERATOR.format(self=self, other=other, formula=formula)
            _replace(kind, method, _written(text, "operator", {**recording, "operation": operation}))
    methods = {name: operation for name, operation in TABLE.items() if operation.arity == 1 and hasattr(kind, name)}
    for name, operation in {**methods, "__neg__": ops.neg, "__abs__": ops.abs}.items():
        _write_method_later(kind, name, operation, recording)


def _write_method_later(kind: type[Any], name: str, operation: Operation, recording: dict[str, Any]) -> None:
    """Like the reverse step, the method is written at first use."""

    def first_method(operand: Any) -> Any:
        text = _METHOD.format(formula=_formula_text(operation))
        return _replace(kind, name, _written(text, "method", {**recording, "operation": operation}))(operand)

    _replace(kind, name, first_method)


def _replace(kind: type[Any], name: str, function: Any) -> Any:
    """Puts the written method where the plain one was, under its name, module and docstring."""
    plain = getattr(kind, name)
    function.__name__, function.__qualname__, function.__doc__ = plain.__name__, plain.__qualname__, plain.__doc__
    function.__module__ = plain.__module__
    setattr(kind, name, function)
    return function
