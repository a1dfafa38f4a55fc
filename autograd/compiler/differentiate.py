"""The sixth pass: adds the instructions that compute the gradient of the loss."""

from __future__ import annotations

from functools import partial, reduce
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from . import arrays
from .ir import Contribution, View, chooses, is_mask, looked_at, whole
from .terms import OF_ALL, Arrays, ArrayTerm, UntraceableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .ir import Builder, Instruction, Shape

Place = View | np.ndarray | None
"""The part of an array that a contribution to its gradient belongs to: a view, elements by number, or all of it."""


def differentiate(builder: Builder, loss: Instruction, theta: Instruction) -> Instruction:
    """The gradient of the loss, summed or averaged over the batch, with respect to the parameters."""
    program = builder.program([loss])
    active = _depending_on(theta, program.instructions)
    reverse = _Reverse(builder, active)
    if loss in active:
        seed = builder.symbol("scale")
        reverse.add(loss, seed if loss.batched else builder.rows_total(seed), per_row=loss.batched)
    for instruction in reversed(program.instructions):
        if instruction in active and instruction is not theta:
            reverse.pull(instruction)
    gradient = reverse.gradient(theta)
    return builder.number(0.0) if gradient is None else gradient


def _depending_on(theta: Instruction, instructions: tuple[Instruction, ...]) -> set[Instruction]:
    active = {theta}
    for instruction in instructions:
        if not active.isdisjoint(instruction.operands):
            active.add(instruction)
    return active


class _Reverse:
    """The contributions to each array's gradient so far."""

    def __init__(self, builder: Builder, active: set[Instruction]) -> None:
        self.builder = builder
        self.system = Arrays(builder)
        self.active = active
        self.contributions: dict[Instruction, list[tuple[Place, Instruction]]] = {}
        self.picked: dict[Instruction, dict[int, Instruction]] = {}  # the gradients of the arrays that a map gives

    def add(self, array: Instruction, contribution: Instruction, place: Place = None, per_row: bool = True) -> None:
        """Adds to the gradient of a part of an array.

        `per_row` says that the contribution, even if all observations have the same, is for each of them: an array
        without an axis of observations gets their sum.
        """
        if array not in self.active:
            return
        if per_row and not array.batched:
            contribution = self.builder.rows_total(contribution)
        self.contributions.setdefault(array, []).append((place, contribution))

    def gradient(self, array: Instruction) -> Instruction | None:
        """The sum of all contributions; None if there is none."""
        parts = self.contributions.pop(array, [])
        wholes = [contribution for place, contribution in parts if place is None]
        whole = reduce(partial(self.builder.map, ops.add), wholes) if wholes else None
        if len(wholes) == len(parts):
            return whole
        placed: list[tuple[Place, Instruction]] = [part for part in parts if part[0] is not None]
        places, contributions = zip(*placed, *([(None, whole)] if whole else []), strict=True)
        return self.builder.make("assemble", contributions, places, array.shape, array.batched)

    def pull(self, instruction: Instruction) -> None:
        """Turns an instruction's gradient into contributions to those of its operands."""
        if instruction.op == "map" and instruction.data in _RULES_OF_ALL:
            _pull_all(self, instruction)
            return
        cotangent = self.gradient(instruction)
        if cotangent is not None:
            _RULES[instruction.op](self, instruction, cotangent)


def _pull_map(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    for x, contribution in zip(y.operands, _contributions(reverse, y, cotangent), strict=True):
        if contribution is not None and x in reverse.active:
            reverse.add(x, contribution, per_row=y.batched)


def _pull_pick(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    reverse.picked.setdefault(y.operands[0], {})[y.data] = cotangent


def _pull_all(reverse: _Reverse, y: Instruction) -> None:
    """The cotangents of the n results for n operands together, in linear time."""
    m, picked = reverse.system, reverse.picked.pop(y, {})
    if not picked:
        return
    zero = m.builder.number(0.0)
    c = [ArrayTerm(m, picked.get(i, zero)) for i in range(len(y.operands))]
    for x, cotangent in zip(y.operands, _RULES_OF_ALL[y.data](m, ArrayTerm(m, y), c), strict=True):
        reverse.add(x, cotangent.instruction, per_row=y.batched)


def _of_shares(m: Arrays, y: ArrayTerm, c: Sequence[ArrayTerm]) -> list[ArrayTerm]:
    """For each operand p (c - sum(p c)).

    All c are taken relative to that of the largest p, which changes the rounding only: 1 - p keeps its digits.
    """
    shares = [m.pick(y, i) for i in range(len(c))]
    top, c_top = shares[0], c[0]
    for share, cotangent in zip(shares[1:], c[1:], strict=True):
        c_top = m.where(m.step(share, top, 0.0), cotangent, c_top)
        top = m.maximum(share, top)
    relative = [cotangent - c_top for cotangent in c]
    total = m.sum([share * each for share, each in zip(shares, relative, strict=True)])
    return [share * (each - total) for share, each in zip(shares, relative, strict=True)]


def _of_logarithms(m: Arrays, y: ArrayTerm, c: Sequence[ArrayTerm]) -> list[ArrayTerm]:
    """For each operand c - p sum(c), where p is its share.

    Of a share above a half the sum of the others stands in place of 1 - p, which keeps its digits.
    """
    shares = m.softmax([ArrayTerm(m, x) for x in y.instruction.operands])
    is_most = [m.step(share, 0.5, 0.0) for share in shares]
    total = m.sum(c)
    rest, others = [
        m.sum([m.where(most, 0.0, each) for most, each in zip(is_most, terms, strict=True)]) for terms in (shares, c)
    ]
    return [
        m.where(most, each * rest - share * others, each - share * total)
        for most, share, each in zip(is_most, shares, c, strict=True)
    ]


_RULES_OF_ALL: dict[Any, Callable[[Arrays, ArrayTerm, Sequence[ArrayTerm]], list[ArrayTerm]]] = {
    OF_ALL[ops.softmax]: _of_shares,
    OF_ALL[ops.log_softmax]: _of_logarithms,
}


def _contributions(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> list[Instruction | None]:
    """The cotangent times each partial derivative; None for operands without one."""
    builder, operation = reverse.builder, y.data
    if operation is ops.where and is_mask(y.operands[0]):
        mask, x, other = y.operands
        sides = [(ops.where, mask, cotangent, builder.number(0.0)), (ops.where, mask, builder.number(0.0), cotangent)]
        return [
            None,
            *[
                builder.map(*side) if each in reverse.active else None
                for each, side in zip((x, other), sides, strict=True)
            ],
        ]
    try:
        partials = reverse.system.derivatives(operation, y, y.operands)
    except UntraceableError:
        return [builder.map(Contribution(operation, i), cotangent, y, *y.operands) for i in range(len(y.operands))]
    return [None if partial is None else builder.map(ops.mul, cotangent, partial) for partial in partials]


def _pull_view(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    """Sums the axes along which the view repeats; if it overlaps itself, elements are added by number."""
    [x] = y.operands
    view = y.data
    kept = tuple(axis for axis, stride in enumerate(view.strides) if stride or view.shape[axis] == 1)
    cotangent = _total_over(reverse.builder, cotangent, view.shape, kept)
    view = View(view.offset, tuple(view.shape[axis] for axis in kept), tuple(view.strides[axis] for axis in kept))
    if view == whole(view.shape) and prod(view.shape) == x.size:
        reverse.add(x, reverse.builder.reshaped(cotangent, x.shape), per_row=y.batched)
        return
    reverse.add(x, cotangent, elements(view) if _may_overlap(view) else view, per_row=y.batched)


def _may_overlap(view: View) -> bool:
    """Whether steps along one axis may reach what steps of smaller strides have reached."""
    reached = 0
    for stride, length in sorted(zip(map(abs, view.strides), view.shape, strict=True)):
        if length > 1 and stride <= reached:
            return True
        reached += stride * (length - 1)
    return False


def _total_over(builder: Builder, array: Instruction, shape: Shape, kept: tuple[int, ...]) -> Instruction:
    """The sum over all axes that are not kept."""
    gone = tuple(axis for axis in range(len(shape)) if axis not in kept)
    length = prod(shape[axis] for axis in gone)
    if not gone:
        return array
    if array.is_number:
        return builder.map(ops.mul, array, builder.number(length))
    base, view = looked_at(array)
    order = kept + gone
    moved = View(view.offset, tuple(shape[axis] for axis in order), tuple(view.strides[axis] for axis in order))
    array = builder.view(base, moved)
    if len(gone) > 1:
        array = builder.reshaped(builder.storage(array), (*(shape[axis] for axis in kept), length))
    return builder.total(array)


def elements(view: View) -> np.ndarray:
    """The numbers of a view's elements in the flat array."""
    numbers = np.full(view.shape, view.offset)
    for axis, stride in enumerate(view.strides):
        steps = np.arange(view.shape[axis]) * stride
        numbers += steps.reshape([-1 if other == axis else 1 for other in range(len(view.shape))])
    return numbers


def _pull_take(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    """A copy has no numbers: it takes all elements."""
    reverse.add(y.operands[0], cotangent, y.data, per_row=y.batched)


def _pull_contract(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    """The adjoint of a product is two products."""
    builder = reverse.builder
    inputs, result = y.data.split("->")
    labels = inputs.split(",")
    factors, mask = y.operands[:2], y.operands[2:]
    if chooses(y):  # where that is 0, so is the derivative by the other one
        labels, mask = labels[:2], ()
    if cotangent.is_number and not (result or mask) and labels[0] == labels[1]:
        for i, x in enumerate(factors):
            reverse.add(x, builder.map(ops.mul, cotangent, factors[1 - i]), per_row=y.batched)
        return
    cotangent = builder.filled(cotangent, y.shape, y.batched)
    for i, x in enumerate(factors):
        if x in reverse.active:
            spec = f"{','.join([result, labels[1 - i], *labels[2:]])}->{labels[i]}"
            product = builder.contract(spec, [cotangent, factors[1 - i], *mask], x.batched)
            reverse.add(x, product, per_row=False)  # it has summed over the rows


def _pull_total(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    [x] = y.operands
    builder = reverse.builder
    scaled = builder.map(ops.mul, cotangent, builder.number(y.data))
    reverse.add(x, builder.stretched(scaled, x.shape[-1]), per_row=y.batched)


def _pull_join(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    builder = reverse.builder
    start = 0
    for x in y.operands:
        part = cotangent
        if not cotangent.is_number:
            base, view = looked_at(cotangent)
            offset = view.offset + start * view.strides[-1]
            part = builder.view(base, View(offset, x.shape, view.strides))
        reverse.add(x, part, per_row=y.batched)
        start += x.shape[-1]


def _pull_rows(reverse: _Reverse, y: Instruction, cotangent: Instruction) -> None:
    builder = reverse.builder
    [x] = y.operands
    if y.data in arrays.PULLS:
        pull, argument = arrays.PULLS[y.data], y if y.data == "softmax" else x
        contribution = builder.rows(pull, x.shape, argument, builder.filled(cotangent, y.shape, y.batched))
    else:
        partials = builder.rows(arrays.PARTIALS[y.data], x.shape, x)
        contribution = builder.map(ops.mul, builder.stretched(cotangent, x.shape[-1]), partials)
    reverse.add(x, contribution, per_row=y.batched)


_RULES: dict[str, Callable[[_Reverse, Instruction, Any], None]] = {
    "map": _pull_map,
    "pick": _pull_pick,
    "view": _pull_view,
    "take": _pull_take,
    "copy": _pull_take,
    "contract": _pull_contract,
    "total": _pull_total,
    "join": _pull_join,
    "rows": _pull_rows,
}
