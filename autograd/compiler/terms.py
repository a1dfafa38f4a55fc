"""Arrays as a number system: a formula or partial derivative evaluated on terms adds instructions to a program."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from .. import ops
from ..operation import FLOATS, NumberSystem
from .ir import Builder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..ops import Operation
    from .ir import Action, Instruction

T = TypeVar("T", bound="Operators")

OF_ALL: dict[Operation, str] = {ops.softmax: "softmaxes", ops.log_softmax: "log_softmaxes"}
"""What gives the results of all operands at once, by the operation that gives the first one's; `pick` takes one."""


class UntraceableError(TypeError):
    """A formula, or a partial, asks its operands something that only numbers can answer."""

    def __init__(self) -> None:
        super().__init__("a formula has no numbers to compare here; write it with the functions of m, such as m.where")


def _alone(operation: Operation) -> Callable[[T], T]:
    return lambda x: x.system.apply(operation, x)


def _left(operation: Operation) -> Callable[[T, T | float], T]:
    return lambda x, y: x.system.apply(operation, x, y)


def _right(operation: Operation) -> Callable[[T, T | float], T]:
    return lambda y, x: y.system.apply(operation, x, y)


class Operators:
    """Python's operators on what formulas are evaluated on: each applies an operation of the table in its `system`."""

    __slots__ = ()
    system: Any

    __add__, __radd__ = _left(ops.add), _right(ops.add)
    __sub__, __rsub__ = _left(ops.sub), _right(ops.sub)
    __mul__, __rmul__ = _left(ops.mul), _right(ops.mul)
    __truediv__, __rtruediv__ = _left(ops.div), _right(ops.div)
    __pow__, __rpow__ = _left(ops.pow), _right(ops.pow)
    __neg__, __abs__ = _alone(ops.neg), _alone(ops.abs)

    def __pos__(self) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        raise UntraceableError

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise UntraceableError


def one_minus_square(_: NumberSystem[T], x: T) -> T:
    """1 - x**2, without the cancellation near 1 and -1."""
    return (1.0 - x) * (1.0 + x)


def sech(m: NumberSystem[T], x: T) -> T:
    """2 e / (1 + e e) with e = exp(-|x|), which does not overflow."""
    e = m.exp(-m.abs(x))
    return m.div(2.0 * e, 1.0 + e * e)


class ArrayTerm(Operators):
    """An array inside a formula."""

    __slots__ = ("instruction", "system")

    def __init__(self, system: Arrays, instruction: Instruction) -> None:
        self.system = system
        self.instruction = instruction


Operand: TypeAlias = ArrayTerm | float


def _is_zero(partial: Operand) -> bool:
    """Whether a partial is 0 by its formula, so that not even an infinite derivative flows."""
    return isinstance(partial, float) and partial == 0.0


class Arrays(NumberSystem[ArrayTerm]):
    """The `m` of formulas: its functions add instructions to the program that a builder makes."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def apply(self, operation: Action, *operands: Operand) -> ArrayTerm:
        """An instruction, element by element."""
        return ArrayTerm(self, self.builder.map(operation, *map(self.instruction, operands)))

    def softmax(self, xs: Sequence[Operand]) -> list[ArrayTerm]:
        """The shares of all operands, from one instruction; of numbers they are numbers."""
        operands = [self.instruction(x) for x in xs]
        if all(x.op == "literal" and x.is_number for x in operands):
            return [ArrayTerm(self, self.builder.number(share)) for share in FLOATS.softmax([x.data for x in operands])]
        shares = self.apply(OF_ALL[ops.softmax], *xs)
        return [self.pick(shares, i) for i in range(len(xs))]

    def pick(self, arrays: ArrayTerm, i: int) -> ArrayTerm:
        """One of the arrays that an instruction gives."""
        made = arrays.instruction
        return ArrayTerm(self, self.builder.make("pick", [made], i, made.shape))

    def erfc(self, x: Operand) -> ArrayTerm:
        """1 - erf(x), a function of the floats that no row of the table is."""
        return self.apply("erfc", x)

    def instruction(self, operand: Operand) -> Instruction:
        """What stands for an operand of a formula: an array or a number."""
        if isinstance(operand, ArrayTerm):
            return operand.instruction
        if isinstance(operand, (int, float)):
            return self.builder.number(operand)
        raise UntraceableError

    def formula(self, operation: Operation, operands: Sequence[Instruction]) -> Instruction:
        """The result of an operation's formula."""
        try:
            return self.instruction(self.evaluate(operation, [ArrayTerm(self, operand) for operand in operands]))
        except Exception as error:  # a formula may do anything with what it takes for a number
            raise UntraceableError from error

    def derivatives(
        self, operation: Operation, y: Instruction, operands: Sequence[Instruction]
    ) -> list[Instruction | None]:
        """The partial derivative of the result y by each operand; None where no derivative flows."""
        terms = [ArrayTerm(self, operand) for operand in (y, *operands)]
        try:
            partials = self.partials(operation, terms[0], terms[1:])
            return [None if partial is None or _is_zero(partial) else self.instruction(partial) for partial in partials]
        except Exception as error:
            raise UntraceableError from error


@lru_cache(maxsize=256)
def without_derivative(operation: Operation, number: int) -> tuple[int, ...]:
    """The operands, of so many, to which no derivative flows by the partials' formulas, such as a condition."""
    if operation.is_built_in and operation.arity is None:
        return ()
    builder = Builder()
    y, *operands = [builder.make("input", (), k, (), True) for k in range(number + 1)]
    try:
        partials = Arrays(builder).derivatives(operation, y, operands)
    except UntraceableError:
        return ()
    return tuple([k for k, partial in enumerate(partials) if partial is None])
