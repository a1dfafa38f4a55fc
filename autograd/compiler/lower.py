"""The seventh pass: rewrites operations that the engine lacks."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, TypeAlias

from .. import arithmetic, ops
from ..ops import TABLE, Operation
from . import arrays
from .costs import TYPICAL_BATCH
from .ir import View, contiguous, is_literal
from .terms import OF_ALL, Arrays, ArrayTerm, UntraceableError, one_minus_square, sech

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from .ir import Action, Builder, Contribution, Instruction, Program
    from .terms import Operand

Rule: TypeAlias = "Callable[[Lowering, Action, list[Instruction]], Instruction]"
"""Gives what an operation on operands becomes."""

FLOAT_FUNCTIONS = {row: name for name, row in TABLE.items() if hasattr(arithmetic, name) and row is not ops.softmax}
"""The operations that are one function of `arithmetic.py`."""

HELPERS = {
    row: name
    for row, name in [(row, row.name + "s" * row.sequences) for row in TABLE.values()]
    if hasattr(arrays, name) and not row.of_first
} | {ops.step: "unit_step"}
"""The operations that are one function of `arrays.py`; those of sequences have a plural there."""


def lower(program: Program, builder: Builder, rule: Rule) -> Program:
    """The program with other operations in place of its own."""
    m = Lowering(builder, rule)
    new: dict[Instruction, Instruction] = {}
    for old in program.instructions:
        operands = [new[operand] for operand in old.operands]
        if old.op == "map":
            result = rule(m, old.data, operands)
            new[old] = result if old.is_number or rule is for_floats else _in_place_of(builder, old, result)
        elif old.op == "pick":
            new[old] = m.pick(ArrayTerm(m, operands[0]), old.data).instruction
        else:
            new[old] = builder.make(old.op, operands, old.data, old.shape, old.batched)
    return builder.program([new[output] for output in program.outputs])


def _in_place_of(builder: Builder, old: Instruction, new: Instruction) -> Instruction:
    """An array as others take it for the old one: a formula may give a number, a view, or fewer axes."""
    return builder.storage(builder.filled(new, old.shape, old.batched))


class Lowering(Arrays):
    """The `m` of formulas that are lowered: each of their steps is lowered in turn."""

    def __init__(self, builder: Builder, rule: Rule) -> None:
        super().__init__(builder)
        self.rule = rule
        self._expanding: list[Operation] = []

    def apply(self, operation: Action, *operands: Operand) -> ArrayTerm:
        """What the operation becomes."""
        return ArrayTerm(self, self.rule(self, operation, [self.instruction(operand) for operand in operands]))

    def pick(self, arrays: ArrayTerm, i: int) -> ArrayTerm:
        """One of the arrays that an instruction gives; one column if they have become columns of one array."""
        made = arrays.instruction
        if made.op == "map":
            return super().pick(arrays, i)
        return ArrayTerm(self, self.builder.view(made, View(i, made.shape[:-1], contiguous(made.shape)[:-1])))

    def expanded(self, operation: Operation, operands: list[Instruction]) -> Instruction:
        """The operation's formula, or the operation itself if its formula cannot be traced."""
        if operation in self._expanding:
            return self.builder.map(operation, *operands)
        self._expanding.append(operation)
        try:
            return self.formula(operation, operands)
        except UntraceableError:
            return self.builder.map(operation, *operands)
        finally:
            self._expanding.pop()


def asked(program: Program, known: Container[Action]) -> list[Operation | Contribution]:
    """The operations that an engine does not know: they can only be asked for numbers."""
    done = dict.fromkeys(each.data for each in program.instructions if each.op == "map")
    return [operation for operation in done if operation not in known and not isinstance(operation, str)]


def for_floats(m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
    """In terms of Python's operators and the functions of `arithmetic.py`."""
    if operation is ops.sigmoid:
        x = ArrayTerm(m, operands[0])
        return m.apply("sigmoid_of", x, m.exp(-m.abs(x))).instruction
    if operation is ops.logaddexp:
        softplus = _logaddexp(m, *[ArrayTerm(m, operand) for operand in operands])
        if softplus is not None:
            return softplus.instruction
    if not isinstance(operation, Operation) or operation in FLOAT_FUNCTIONS or operation.is_operator:
        return m.builder.map(operation, *operands)
    return m.expanded(operation, operands)


def for_arrays(m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
    """In terms of functions that NumPy or `arrays.py` have; operations of the user's own may remain."""
    if not isinstance(operation, Operation):
        return m.builder.map(operation, *operands)
    if operation.reduces:
        step = operation.reduces
        return reduce(lambda result, operand: for_arrays(m, step, [result, operand]), operands)
    rewrite = _ON_ARRAYS.get(operation)
    result = rewrite(m, *[ArrayTerm(m, operand) for operand in operands]) if rewrite else None
    if result is not None:
        return result.instruction
    if operation.ufunc or operation in HELPERS:
        return m.builder.map(operation, *operands)
    return m.expanded(operation, operands)


def for_code(m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
    """In terms of operators and functions of one, two or three numbers, and of functions along the last axis."""
    if operation in OF_ALL or operation in _FUNCTION_OF or operation is ops.logsumexp:
        return _of_columns(m, operation, operands)
    if not isinstance(operation, Operation):
        return m.builder.map(operation, *operands)
    terms = [ArrayTerm(m, operand) for operand in operands]
    if operation.reduces:
        return reduce(partial(m.apply, operation.reduces), terms).instruction
    if operation is ops.mean:
        return m.sum([m.div(x, float(len(terms))) for x in terms]).instruction  # divided before it overflows
    if operation is ops.dot:
        half = len(terms) // 2
        return m.sum([x * y for x, y in zip(terms[:half], terms[half:], strict=True)]).instruction
    if operation in FLOAT_FUNCTIONS or operation.is_operator:
        return m.builder.map(operation, *operands)
    return m.expanded(operation, operands)


def _of_columns(m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
    """A function of operands, of one shape or numbers, side by side along a new last axis."""
    builder = m.builder
    shape = next((each.shape for each in operands if not each.is_number), ())
    parts = [builder.reshaped(builder.filled(each, shape, False), (*shape, 1)) for each in operands]
    columns = builder.make("join", parts, None, (*shape, len(parts)))
    if not isinstance(operation, Operation):
        return builder.rows(_FUNCTION_OF[operation], columns.shape, columns)
    if operation.of_first:
        return m.pick(ArrayTerm(m, builder.rows(operation.name, columns.shape, columns)), 0).instruction
    return builder.rows(operation.name, shape, columns)


_FUNCTION_OF: dict[Action, str] = {every: operation.name for operation, every in OF_ALL.items()}


def for_jax(m: Lowering, operation: Action, operands: list[Instruction]) -> Instruction:
    """Sums and shares of several operands step by step; every other operation has a function."""
    terms = [ArrayTerm(m, operand) for operand in operands]
    if operation in OF_ALL and len(operands) > 1:
        return m.pick(m.apply(OF_ALL[operation], *terms), 0).instruction
    if operation is ops.dot:
        half = len(terms) // 2
        terms = [x * y for x, y in zip(terms[:half], terms[half:], strict=True)]
    elif operation is not ops.sum:
        return m.builder.map(operation, *operands)
    return reduce(partial(m.builder.map, ops.add), [term.instruction for term in terms])


def _sigmoid(m: Lowering, x: ArrayTerm) -> ArrayTerm:
    """e / (1 + e) below 0 and 1 / (1 + e) above, with the e = exp(-|x|) that softplus uses too."""
    e = m.exp(-m.abs(x))
    return m.div(m.maximum(e, m.step(x, 0.0, 0.0)), 1.0 + e)


def _logaddexp(m: Lowering, x: ArrayTerm, y: ArrayTerm) -> ArrayTerm | None:
    """For an operand of 0, three times as fast as NumPy's and as accurate."""
    if is_literal(x.instruction, 0.0):
        x, y = y, x
    return m.log1p(m.exp(-m.abs(x))) + m.maximum(x, 0.0) if is_literal(y.instruction, 0.0) else None


def _pow(m: Lowering, x: ArrayTerm, y: ArrayTerm) -> ArrayTerm | None:
    """NumPy's own, or a root, if the exponent is a literal."""
    exponent = y.instruction
    if exponent.op != "literal" or not exponent.is_number:
        return None
    return m.apply("root", x) if exponent.data == 0.5 else m.apply("power", x, y)


def _step(m: Lowering, x: ArrayTerm, threshold: ArrayTerm, tie: ArrayTerm) -> ArrayTerm | None:
    """Without branches, which a processor cannot predict for data of either sign."""
    if is_literal(threshold.instruction, 0.0) and is_literal(tie.instruction, 0.0):
        return m.apply("ceil", m.minimum(m.maximum(x, threshold), 1.0))
    return None


_CLOSE = 16_384  # elements of arrays that a core's fastest memory may hold


def _compared(operation: Operation) -> Callable[[Lowering, ArrayTerm, ArrayTerm], ArrayTerm | None]:
    """NumPy compares two arrays faster than an array and a number, as long as they are close to the processor."""

    def compared(m: Lowering, x: ArrayTerm, y: ArrayTerm) -> ArrayTerm | None:
        operands = [x.instruction, y.instruction]
        like = next((operand for operand in operands if not operand.is_number), None)
        if like is None or like.size * (TYPICAL_BATCH if like.batched else 1) > _CLOSE:
            return None
        filled = [
            m.builder.filled(operand, like.shape, like.batched) if operand.is_number else operand
            for operand in operands
        ]
        return ArrayTerm(m, m.builder.map(operation, *filled))

    return compared


_ON_ARRAYS: dict[Operation, Callable[..., ArrayTerm | None]] = {
    ops.sigmoid: _sigmoid,
    ops.maximum: _compared(ops.maximum),
    ops.minimum: _compared(ops.minimum),
    ops.logaddexp: _logaddexp,
    ops.pow: _pow,
    ops.step: _step,
    ops.one_minus_square: one_minus_square,
    ops.sech: sech,
    ops.dot: lambda m, *xs: m.sum([x * y for x, y in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)]),
    ops.softmax: lambda m, *xs: m.pick(m.apply("softmaxes", *xs), 0),
}
"""Formulas for NumPy. Those that give None have nothing better than the operation itself."""
