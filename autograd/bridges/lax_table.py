"""What JAX's primitives do, in operations on cells.

A translation is given the primitive's parameters and its operands: cells, or arrays of numbers if they depend on no
leaf. Primitives that only move numbers, and linear ones, are asked themselves what they do; see `moved` and `combined`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import ops
from ..operation import Operation
from ..value import Value, constant
from . import matrices, rows
from .cells import (
    Cells,
    Numbers,
    add,
    along,
    choice,
    chosen,
    div,
    elementwise,
    largest,
    lifted,
    matmul,
    mul,
    plus,
    pow,
    product_of,
    recorded,
    reduced,
    row,
    running,
    smallest,
    sub,
    times,
    total,
)
from .windows import convolved, pooled, windows

Parameters: TypeAlias = dict[str, Any]

MOVES = frozenset(
    """
    broadcast concatenate copy dynamic_slice dynamic_update_slice gather pad scatter select_and_gather_add stack tile
    """.split()  # noqa: SIM905
)
"""Primitives that only move numbers."""

LINEAR = frozenset({"reduce_window_sum", "scatter-add", "scatter_add", "scatter-sub", "select_and_scatter_add"})
"""Primitives whose results are sums of their operands with factors that do not depend on them."""

MERGES: dict[str, tuple[Callable[[list[Value]], Value], float]] = {
    f"scatter{hyphen}{name}": by
    for name, by in (("mul", (product_of, 1.0)), ("max", (largest, -math.inf)), ("min", (smallest, math.inf)))
    for hyphen in "-_"
}
"""Primitives that merge each number with those that are sent to its place: by what, and what changes nothing there."""

TABLE: dict[str, Callable[..., Any]] = {}
"""The translation of each other primitive."""


def translation(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function into the table."""

    def entered(function: Callable[..., Any]) -> Callable[..., Any]:
        TABLE.update(dict.fromkeys(names or (function.__name__,), function))
        return function

    return entered


# Element by element

_ROWS = {
    **{name: name for name in ("cbrt", "ceil", "cos", "cosh", "erf", "exp", "exp2", "expm1", "floor", "log")},
    **{name: name for name in ("log1p", "neg", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh")},
    **rows.ARCS,
    "logistic": "sigmoid",
    "atan2": "arctan2",
}

for _name, _ours in _ROWS.items():
    TABLE[_name] = lambda _, *operands, _ours=_ours: row(getattr(ops, _ours))(*operands)

for _name, _function in {"add": add, "add_any": add, "sub": sub, "mul": mul, "div": div, "pow": pow}.items():
    TABLE[_name] = lambda _, x, y, _function=_function: _function(x, y)

for _name, _of_numbers in {"rsqrt": rows.rsqrt, "erfc": rows.erfc, "rem": rows.fmod}.items():
    TABLE[_name] = lambda _, *operands, _function=_of_numbers: elementwise(_function, *operands)

for _name in ("real", "convert_element_type", "reduce_precision", "optimization_barrier", "copy_p", "pvary"):
    TABLE[_name] = lambda _, *operands: operands[0] if len(operands) == 1 else operands


def _abs(x: Value) -> Value:
    """At 0 the derivative is 1, as JAX has it."""
    return choice(rows.at_least(x, constant(0.0)), x, recorded(ops.neg, x)) if x.number == 0.0 else recorded(ops.abs, x)


TABLE["abs"] = lambda _, x: elementwise(_abs, x)
TABLE["integer_pow"] = lambda parameters, x: pow(x, float(parameters["y"]))


def _unless_trivial(operation: Operation, trivial: float) -> Callable[[Value, Value], Value]:
    """An operation of two numbers; for the number that changes nothing the other one itself."""

    def one(x: Value, y: Value) -> Value:
        for known, other in ((x, y), (y, x)):
            if known.operation is not None and known.is_constant and known.number == trivial:
                return other
        return recorded(operation, x, y)

    return one


TABLE["max"] = lambda _, x, y: elementwise(_unless_trivial(ops.maximum, -math.inf), x, y)
TABLE["min"] = lambda _, x, y: elementwise(_unless_trivial(ops.minimum, math.inf), x, y)


@translation("round")
def rounded(parameters: Parameters, x: Cells) -> Cells:
    """To the nearest whole number; halves away from zero or to the even one."""
    if int(parameters["rounding_method"]) == 1:
        return row(ops.rint)(x)

    def away(v: Value) -> Value:
        return recorded(ops.trunc, plus(v, constant(math.copysign(0.5, v.number))))

    return elementwise(away, x)


@translation("clamp")
def clamp(_: Parameters, low: Numbers, x: Numbers, high: Numbers) -> Cells:
    """x between two bounds, at which the derivative is 0."""

    def one(lo: Value, v: Value, hi: Value) -> Value:
        if v.number not in (lo.number, hi.number):
            return recorded(ops.clip, v, lo, hi)
        return choice(rows.greater(v, lo), choice(rows.greater(hi, v), v, hi), lo)

    return elementwise(one, low, x, high)


@translation("stop_gradient")
def stop_gradient(_: Parameters, x: Cells) -> Cells:
    """The numbers as constants."""
    return elementwise(lambda v: constant(v.number), x)


# Conditions

CONDITIONS = frozenset({*rows.CONDITIONS, "and", "or", "not"})
"""Primitives that give conditions, which are kept as numbers 0 and 1."""

for _name, _of_numbers in {**rows.CONDITIONS, "and": rows.both, "or": rows.either, "not": rows.opposite}.items():
    TABLE[_name] = lambda _, *operands, _function=_of_numbers: elementwise(_function, *operands)


@translation("select_n")
def select(_: Parameters, which: Numbers, *cases: Numbers) -> Cells:
    """The case with the number that the condition has."""
    if isinstance(which, np.ndarray) and which.dtype == object:
        return chosen(which, cases[1], cases[0])
    found = np.choose(np.asarray(which).astype(int), [lifted(case) for case in cases])
    return np.asarray(found, dtype=object)  # without dimensions NumPy gives the element itself


# Shapes

SHAPES = frozenset({"reshape", "transpose", "squeeze", "expand_dims", "rev", "broadcast_in_dim", "slice", "select_n"})
"""Primitives that move conditions as they move numbers."""

TABLE["reshape"] = lambda parameters, x: x.reshape(parameters["new_sizes"])
TABLE["transpose"] = lambda parameters, x: x.transpose(parameters["permutation"])
TABLE["squeeze"] = lambda parameters, x: x.squeeze(tuple(parameters["dimensions"]))
TABLE["expand_dims"] = lambda parameters, x: np.expand_dims(x, tuple(parameters["dimensions"]))
TABLE["rev"] = lambda parameters, x: np.flip(x, tuple(parameters["dimensions"]))


@translation("broadcast_in_dim")
def broadcast_in_dim(parameters: Parameters, x: Cells, *_: object) -> Cells:
    """The cells along more dimensions, the same ones."""
    shape = [1] * len(parameters["shape"])
    for axis, target in enumerate(parameters["broadcast_dimensions"]):
        shape[target] = x.shape[axis]
    return np.broadcast_to(x.reshape(shape), parameters["shape"])


@translation("slice")
def sliced(parameters: Parameters, x: Cells) -> Cells:
    """A part of the cells."""
    strides = parameters["strides"] or [1] * x.ndim
    bounds = zip(parameters["start_indices"], parameters["limit_indices"], strides, strict=True)
    return x[tuple(slice(int(start), int(end), int(step)) for start, end, step in bounds)]


@translation("split")
def split(parameters: Parameters, x: Cells) -> tuple[Cells, ...]:
    """The cells in several parts."""
    ends = np.cumsum([int(size) for size in parameters["sizes"]])[:-1]
    return tuple(np.split(x, ends.tolist(), axis=parameters["axis"]))


@translation("unstack")
def unstack(parameters: Parameters, x: Cells) -> tuple[Cells, ...]:
    """The cells at each index of a dimension."""
    axis = parameters["axis"]
    return tuple(part.squeeze(axis) for part in np.split(x, x.shape[axis], axis))


# Reductions

for _name, _many in {
    "reduce_sum": total,
    "reduce_max": largest,
    "reduce_min": smallest,
    "reduce_prod": product_of,
}.items():
    TABLE[_name] = lambda parameters, x, _many=_many: _reduced(_many, x, parameters["axes"])

for _name, _step in {
    "cumsum": plus,
    "cumprod": times,
    "cummax": lambda x, y: recorded(ops.maximum, x, y),
    "cummin": lambda x, y: recorded(ops.minimum, x, y),
    "cumlogsumexp": lambda x, y: recorded(ops.logaddexp, x, y),
}.items():
    TABLE[_name] = lambda parameters, x, _step=_step: along(
        running(_step), x, parameters["axis"], parameters["reverse"]
    )


def _reduced(many: Callable[[list[Value]], Value], x: Cells, dims: Sequence[int]) -> Cells:
    return reduced(many, x, list(dims)) if len(dims) else x


def _windows_of(parameters: Parameters, x: Cells) -> Cells:
    return windows(
        x,
        parameters["window_dimensions"],
        parameters["window_strides"],
        parameters["padding"],
        parameters["window_dilation"],
        parameters["base_dilation"],
    )


TABLE["reduce_window_max"] = lambda parameters, x: pooled(rows.first_max, _windows_of(parameters, x), x.ndim)
TABLE["reduce_window_min"] = lambda parameters, x: pooled(rows.first_min, _windows_of(parameters, x), x.ndim)

# Products


@translation("dot_general")
def dot_general(parameters: Parameters, x: Numbers, y: Numbers) -> Cells:
    """Inner products over some dimensions of both, for each index of others that both have."""
    (left_summed, right_summed), (left_shared, right_shared) = parameters["dimension_numbers"]
    left, right = lifted(x), lifted(y)
    left_free = [axis for axis in range(left.ndim) if axis not in (*left_summed, *left_shared)]
    right_free = [axis for axis in range(right.ndim) if axis not in (*right_summed, *right_shared)]
    shared = [left.shape[axis] for axis in left_shared]
    left_shape, right_shape = [left.shape[axis] for axis in left_free], [right.shape[axis] for axis in right_free]
    k = math.prod(left.shape[axis] for axis in left_summed)
    first = left.transpose(*left_shared, *left_free, *left_summed).reshape((*shared, math.prod(left_shape), k))
    second = right.transpose(*right_shared, *right_summed, *right_free).reshape((*shared, k, math.prod(right_shape)))
    return matmul(first, second).reshape((*shared, *left_shape, *right_shape))


@translation("conv_general_dilated")
def convolution(parameters: Parameters, x: Numbers, kernel: Numbers) -> Cells:
    """A convolution with JAX's names for dimensions."""
    numbers = parameters["dimension_numbers"]
    if parameters["batch_group_count"] != 1:
        raise NotImplementedError("conv_general_dilated in groups of the batch")
    found = convolved(
        lifted(x).transpose(numbers.lhs_spec),
        lifted(kernel).transpose(numbers.rhs_spec),
        parameters["window_strides"],
        parameters["padding"],
        parameters["rhs_dilation"],
        parameters["lhs_dilation"],
        parameters["feature_group_count"],
    )
    return found.transpose(np.argsort(numbers.out_spec))


# Linear algebra

TABLE["cholesky"] = lambda _, x: matrices.each(matrices.cholesky, x)


@translation("triangular_solve")
def triangular_solve(parameters: Parameters, a: Numbers, b: Numbers) -> Cells:
    """The X of a X = b, or of X a = b, of a triangular a or its transpose."""
    matrix, right, is_lower = lifted(a), lifted(b), parameters["lower"]
    if parameters["transpose_a"] == parameters["left_side"]:
        matrix, is_lower = matrix.swapaxes(-1, -2), not is_lower
    if not parameters["left_side"]:
        right = right.swapaxes(-1, -2)
    is_unit = parameters["unit_diagonal"]
    found = matrices.each(lambda x, y: matrices.solved_triangular(x, y, is_lower, is_unit), matrix, right)
    return found if parameters["left_side"] else found.swapaxes(-1, -2)
