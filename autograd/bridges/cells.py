"""Cells: arrays of Values, and the few ways in which operations on arrays become operations on numbers.

Every cell holds a Value, a leaf, a result or a constant; `None` stands for a place outside of the array, such as the
padding of a convolution. What only constants lead to is a constant, and what only moves cells records nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import ops
from ..functions import softmax
from ..node import CONSTANT
from ..operation import FLOATS, Operation
from ..value import Value, apply, constant

Cells: TypeAlias = NDArray[np.object_]
Numbers: TypeAlias = "Cells | NDArray[Any] | float"
"""Cells, or numbers that become constants."""
Foreign: TypeAlias = Any
"""An object of another framework: a tensor, an operation, ..."""
Many: TypeAlias = Callable[[list[Value]], Value]


class Parameter(Value):
    """A leaf that the source framework trains.

    Attributes:
        path: where it is in the model, such as "0.weight[0][1]"; its name too.
    """

    path: str | None = None


def indices(shape: Sequence[int]) -> list[str]:
    """The position of each element of an array as text, such as "[0][1]", row by row.

    >>> indices((2, 2))
    ['[0][0]', '[0][1]', '[1][0]', '[1][1]']
    """
    found = [""]
    for length in shape:
        found = [outer + inner for outer in found for inner in [f"[{i}]" for i in range(length)]]
    return found


def filled(values: Sequence[Value], shape: Sequence[int]) -> Cells:
    """Cells of a shape, given row by row."""
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells.reshape(tuple(shape))


def leaves(numbers: NDArray[Any], name: str | None, kind: type[Value] = Value) -> Cells:
    """A leaf for each number, named after its position."""
    made = []
    for number, index in zip(numbers.ravel().tolist(), indices(numbers.shape), strict=True):
        leaf = kind(number, None if name is None else name + index)
        if isinstance(leaf, Parameter):
            leaf.path = leaf.name
        made.append(leaf)
    return filled(made, numbers.shape)


def constants(numbers: ArrayLike, name: str | None = None) -> Cells:
    """A constant for each number, named after its position if the array has a name."""
    array = np.asarray(numbers, dtype=np.float64)
    if name is None:
        return filled([constant(number) for number in array.ravel().tolist()], array.shape)
    named = zip(array.ravel().tolist(), indices(array.shape), strict=True)
    return filled([constant(number, name + index) for number, index in named], array.shape)


def lifted(numbers: Numbers) -> Cells:
    """Cells, whatever the numbers came in: cells as they are, others as constants."""
    return numbers if isinstance(numbers, np.ndarray) and numbers.dtype == object else constants(numbers)


def data(cells: Cells) -> NDArray[np.float64]:
    """The numbers in cells."""
    return np.array([x.number for x in cells.ravel().tolist()], dtype=np.float64).reshape(cells.shape)


def recorded(operation: Operation, *operands: Value) -> Value:
    """The result of an operation; a constant if all operands are."""
    for operand in operands:
        if operand.operation is not CONSTANT:
            return apply(operation, *operands)  # type: ignore[no-any-return]
    return constant(FLOATS.evaluate(operation, [operand.number for operand in operands]))


# Element by element


def elementwise(function: Callable[..., Value], *arrays: Numbers) -> Cells:
    """A function of numbers for the corresponding elements of arrays, broadcast as in NumPy."""
    operands = [lifted(array) for array in arrays]
    result = np.empty(np.broadcast_shapes(*(array.shape for array in operands)), dtype=object)
    np.frompyfunc(function, len(operands), 1)(*operands, out=result)
    return result


def row(operation: Operation) -> Callable[..., Cells]:
    """The function of arrays that applies an operation of the table to their elements."""
    return lambda *arrays: elementwise(lambda *operands: recorded(operation, *operands), *arrays)


def _is(x: Value, number: float) -> bool:
    return x.operation is CONSTANT and x.number == number


def plus(x: Value, y: Value) -> Value:
    """The sum; no node where one of them is the number 0."""
    return x if _is(y, 0.0) else y if _is(x, 0.0) else recorded(ops.add, x, y)


def minus(x: Value, y: Value) -> Value:
    """The difference; no subtraction of the number 0."""
    return x if _is(y, 0.0) else recorded(ops.neg, y) if _is(x, 0.0) else recorded(ops.sub, x, y)


def times(x: Value, y: Value) -> Value:
    """The product; no node where one of them is the number 1."""
    return x if _is(y, 1.0) else y if _is(x, 1.0) else recorded(ops.mul, x, y)


def over(x: Value, y: Value) -> Value:
    """The quotient; no division by the number 1."""
    return x if _is(y, 1.0) else recorded(ops.div, x, y)


def power(x: Value, y: Value) -> Value:
    """The power, in the table's own operations where the exponent is one of theirs."""
    if y.operation is CONSTANT and x.operation is not CONSTANT:
        if y.number == 1.0:
            return x
        known = {2.0: ops.square, 0.5: ops.sqrt, -1.0: ops.reciprocal}.get(y.number)
        if known is not None:
            return recorded(known, x)
    return recorded(ops.pow, x, y)


def add(x: Numbers, y: Numbers) -> Cells:
    """The sums of elements."""
    return elementwise(plus, x, y)


def sub(x: Numbers, y: Numbers) -> Cells:
    """The differences of elements."""
    return elementwise(minus, x, y)


def mul(x: Numbers, y: Numbers) -> Cells:
    """The products of elements."""
    return elementwise(times, x, y)


def div(x: Numbers, y: Numbers) -> Cells:
    """The quotients of elements."""
    return elementwise(over, x, y)


def pow(x: Numbers, y: Numbers) -> Cells:
    """The powers of elements."""
    return elementwise(power, x, y)


def chosen(condition: Numbers, x: Numbers, y: Numbers) -> Cells:
    """Elements of x where the condition holds, of y elsewhere.

    They are moved, not computed, unless the condition itself is computed from leaves: then another one may hold when
    the graph is compiled for other numbers.
    """
    if not (isinstance(condition, np.ndarray) and condition.dtype == object):
        return np.where(np.asarray(condition, dtype=bool), lifted(x), lifted(y))
    return elementwise(choice, condition, x, y)


def choice(condition: Value, x: Value, y: Value) -> Value:
    """x if the condition is not 0, otherwise y; no node if that is known."""
    if condition.operation is CONSTANT or x is y:
        return x if condition.number else y
    return recorded(ops.where, condition, x, y)


# Many numbers to one


def total(xs: list[Value]) -> Value:
    """The sum as one node."""
    if len(xs) < 3:
        return xs[0] if len(xs) == 1 else plus(*xs) if xs else constant(0.0)
    return recorded(ops.sum, *xs)


def average(xs: list[Value]) -> Value:
    """The mean as one node."""
    return xs[0] if len(xs) == 1 else recorded(ops.mean, *xs)


def product_of(xs: list[Value]) -> Value:
    """The product as one node."""
    if len(xs) < 3:
        return xs[0] if len(xs) == 1 else times(*xs) if xs else constant(1.0)
    return recorded(ops.prod, *xs)


def inner(xs: list[Value], ys: list[Value]) -> Value:
    """The inner product as one node."""
    if len(xs) < 2:
        return times(xs[0], ys[0]) if xs else constant(0.0)
    return recorded(ops.dot, *xs, *ys)


def largest(xs: list[Value]) -> Value:
    """The largest as one node; equal ones share the derivative."""
    return xs[0] if len(xs) == 1 else recorded(ops.max if len(xs) > 2 else ops.maximum, *xs)


def smallest(xs: list[Value]) -> Value:
    """The smallest as one node; equal ones share the derivative."""
    return xs[0] if len(xs) == 1 else recorded(ops.min if len(xs) > 2 else ops.minimum, *xs)


def log_sum_exp(xs: list[Value]) -> Value:
    """log(sum(exp(xs))) as one node; what is masked by -inf is left out."""
    xs = [x for x in xs if not _is(x, -np.inf)]
    return xs[0] if len(xs) == 1 else recorded(ops.logsumexp, *xs) if xs else constant(-np.inf)


def shares(xs: list[Value]) -> list[Value]:
    """The softmax; what is masked by -inf gets the number 0."""
    kept = [x for x in xs if not _is(x, -np.inf)]
    if all(x.operation is CONSTANT for x in xs):
        return [constant(share) for share in softmax([x.number for x in xs])]
    found = iter(softmax(kept) if len(kept) > 1 else [constant(1.0)])
    return [constant(0.0) if _is(x, -np.inf) else next(found) for x in xs]


def log_shares(xs: list[Value]) -> list[Value]:
    """The logarithms of the softmax."""
    whole = log_sum_exp(xs)
    return [x if _is(x, -np.inf) else minus(x, whole) for x in xs]


def running(step: Callable[[Value, Value], Value]) -> Callable[[list[Value]], list[Value]]:
    """What a step of two numbers gives for the first one, two, three, ... of many."""

    def all_of(xs: list[Value]) -> list[Value]:
        results = xs[:1]
        for x in xs[1:]:
            results.append(step(results[-1], x))
        return results

    return all_of


def axes(rank: int, dims: int | Sequence[int] | None) -> tuple[int, ...]:
    """Dimensions counted from 0; all of them for None and for none."""
    if dims is None or (not isinstance(dims, int) and len(dims) == 0):
        return tuple(range(rank))
    return tuple(sorted({dim % rank for dim in ([dims] if isinstance(dims, int) else dims)})) if rank else ()


def reduced(many: Many, x: Numbers, dims: int | Sequence[int] | None = None, keepdim: bool = False) -> Cells:
    """One number for all those along some dimensions."""
    cells = lifted(x)
    gone = axes(cells.ndim, dims)
    kept = [axis for axis in range(cells.ndim) if axis not in gone]
    rows = cells.transpose(*kept, *gone).reshape(_size(cells, kept), _size(cells, gone))
    shape = [1 if axis in gone else n for axis, n in enumerate(cells.shape) if keepdim or axis not in gone]
    return filled([many(line) for line in rows.tolist()], shape)


def along(function: Callable[[list[Value]], list[Value]], x: Numbers, dim: int, reverse: bool = False) -> Cells:
    """A function of a row of numbers, for each row along a dimension."""
    cells = lifted(x)
    if cells.ndim == 0:
        return filled(function([cells.item()]), ())
    last = np.moveaxis(cells, dim, -1)
    if reverse:
        last = last[..., ::-1]
    lines = [function(line) for line in last.reshape(_size(last, range(last.ndim - 1)), last.shape[-1]).tolist()]
    result = filled([value for line in lines for value in line], last.shape)
    return np.moveaxis(result[..., ::-1] if reverse else result, -1, dim)


def _size(cells: Cells, dims: Sequence[int]) -> int:
    size = 1
    for dim in dims:
        size *= cells.shape[dim]
    return size


# Products of matrices


def matmul(x: Numbers, y: Numbers) -> Cells:
    """Products of matrices, x of shape (..., n, k) and y of shape (..., k, m): one inner product for each element."""
    left, right = lifted(x), lifted(y)
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
    right = np.broadcast_to(right.swapaxes(-1, -2), (*batch, right.shape[-1], right.shape[-2]))
    number, n, m, k = math.prod(batch), left.shape[-2], *right.shape[-2:]
    pairs = zip(left.reshape(number, n, k).tolist(), right.reshape(number, m, k).tolist(), strict=True)
    found = [inner(row, column) for rows, columns in pairs for row in rows for column in columns]
    return filled(found, (*batch, n, m))


# Operations that only move numbers, and linear ones


def moved(move: Callable[[list[NDArray[np.float64]]], ArrayLike], arrays: Sequence[Numbers]) -> Cells:
    """The result of an operation that only moves numbers, found by letting it move their places.

    Args:
        move: the operation. It is given arrays of places, counted from 1, in place of the numbers; 0 in its result is
            the number 0, nan is nan.
        arrays: what it moves.
    """
    cells = [lifted(array) for array in arrays]
    all_of_them = [constant(0.0), *(x for array in cells for x in array.ravel().tolist()), constant(np.nan)]
    places, start = [], 1
    for array in cells:
        places.append(np.arange(start, start + array.size, dtype=np.float64).reshape(array.shape))
        start += array.size
    found = np.asarray(move(places))
    found = np.where(np.isnan(found), len(all_of_them) - 1, found).astype(np.int64)
    return filled([all_of_them[place] for place in found.ravel().tolist()], found.shape)


def combined(linear: Callable[[list[NDArray[np.float64]]], ArrayLike], arrays: Sequence[Numbers]) -> Cells:
    """The result of a linear operation, found by asking it for its coefficients, one operand at a time.

    Args:
        linear: the operation on arrays of numbers.
        arrays: what it combines.
    """
    cells = [lifted(array) for array in arrays]
    probes = [np.zeros(array.shape) for array in cells]
    shape = np.asarray(linear(probes)).shape
    terms: list[list[tuple[float, Value]]] = [[] for _ in range(int(np.prod(shape)))]
    for probe, array in zip(probes, cells, strict=True):
        for position, x in zip(np.ndindex(array.shape), array.ravel().tolist(), strict=True):
            probe[position] = 1.0
            response = np.asarray(linear(probes)).ravel()
            probe[position] = 0.0
            for place in response.nonzero()[0].tolist():
                terms[place].append((float(response[place]), x))
    return filled([_combination(each) for each in terms], shape)


def merged(
    scatter: Callable[[list[NDArray[np.float64]]], ArrayLike],
    target: Numbers,
    updates: Numbers,
    many: Many,
    idle: float,
) -> Cells:
    """The result of an operation that sends numbers to places of an array, and merges them with those there.

    Args:
        scatter: the operation on arrays of numbers, which is asked where it sends each number.
        target: the array.
        updates: the numbers.
        many: what merges.
        idle: the number that changes nothing when it is merged.
    """
    target, updates = lifted(target), lifted(updates)
    still, probe = np.full(target.shape, idle), np.full(updates.shape, idle)
    terms = [[x] for x in target.ravel().tolist()]
    for position, x in zip(np.ndindex(updates.shape), updates.ravel().tolist(), strict=True):
        probe[position] = 2.0
        for place in (np.asarray(scatter([still, probe])).ravel() != idle).nonzero()[0].tolist():
            terms[place].append(x)
        probe[position] = idle
    return filled([many(each) for each in terms], target.shape)


def _combination(terms: list[tuple[float, Value]]) -> Value:
    coefficients, xs = [c for c, _ in terms], [x for _, x in terms]
    if all(c == 1.0 for c in coefficients):
        return total(xs)
    if all(abs(c * len(xs) - 1.0) < 1e-14 for c in coefficients):
        return average(xs)
    return inner([constant(c) for c in coefficients], xs)
