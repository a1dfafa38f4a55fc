"""What torch's operations on the elements of tensors do, in operations on cells."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import ops
from ..operation import Operation
from ..value import Value, constant
from . import rows
from .aten_names import enter, translation
from .cells import (
    Cells,
    Numbers,
    add,
    choice,
    chosen,
    div,
    elementwise,
    minus,
    mul,
    plus,
    pow,
    recorded,
    row,
    sub,
    times,
)

_LOG_2 = math.log(2.0)

# One operand

_OTHER_NAMES = {
    **rows.ARCS,
    "sgn": "sign",
}
_SAME_NAMES = """
    abs ceil cos cosh erf exp exp2 expm1 floor log log10 log1p log2 neg reciprocal relu sigmoid sign silu sin sinh sqrt
    square tan tanh trunc
""".split()  # noqa: SIM905

for _name, _ours in {**dict.fromkeys(_SAME_NAMES), **_OTHER_NAMES}.items():
    enter(_name, lambda x, _ours=_ours or _name: row(getattr(ops, _ours))(x))

enter("rsqrt", lambda x: elementwise(rows.rsqrt, x))
enter("erfc", lambda x: elementwise(rows.erfc, x))
enter("frac", lambda x: elementwise(lambda v: minus(v, recorded(ops.trunc, v)), x))
enter("log_sigmoid_forward", lambda x: elementwise(_log_sigmoid, x))
enter("mish", lambda x: elementwise(lambda v: times(v, recorded(ops.tanh, recorded(ops.softplus, v))), x))
enter("hardsigmoid", lambda x: elementwise(_hard_sigmoid, x))
enter("hardswish", lambda x: elementwise(lambda v: times(v, _hard_sigmoid(v)), x))


def _log_sigmoid(x: Value) -> Value:
    return recorded(ops.neg, recorded(ops.softplus, recorded(ops.neg, x)))


def _hard_sigmoid(x: Value) -> Value:
    """relu6(x + 3) / 6, which has no derivative at the kinks."""
    return rows.scaled(_strictly_within(rows.shifted(x, 3.0), 0.0, 6.0), 1.0 / 6.0)


def _strictly_within(x: Value, low: float, high: float) -> Value:
    """x between bounds at which the derivative is 0."""
    bounded = recorded(ops.relu, rows.shifted(x, -low))
    return minus(constant(high), recorded(ops.relu, minus(constant(high - low), bounded)))


@translation()
def round(x: Cells, decimals: int = 0) -> Cells:
    """To the nearest number of so many digits; halves to the even one."""
    scale = 10.0**decimals
    return elementwise(lambda v: rows.scaled(recorded(ops.rint, rows.scaled(v, scale)), 1.0 / scale), x)


@translation()
def gelu(x: Cells, approximate: str = "none") -> Cells:
    """x times the normal distribution function of x, or its approximation by tanh."""
    if approximate == "none":
        return row(ops.gelu)(x)

    def approximated(v: Value) -> Value:
        cube = times(v, recorded(ops.square, v))
        angle = rows.scaled(plus(v, rows.scaled(cube, 0.044715)), math.sqrt(2.0 / math.pi))
        return times(rows.scaled(v, 0.5), rows.shifted(recorded(ops.tanh, angle), 1.0))

    return elementwise(approximated, x)


@translation()
def softplus(x: Cells, beta: float = 1.0, threshold: float = 20.0) -> Cells:
    """log(1 + exp(beta x)) / beta; x itself above the threshold, as torch has it."""

    def one(v: Value) -> Value:
        bent = rows.scaled(recorded(ops.softplus, rows.scaled(v, beta)), 1.0 / beta)
        return choice(rows.greater(v, constant(threshold / beta)), v, bent) if v.number * beta > threshold else bent

    return elementwise(one, x)


@translation()
def leaky_relu(x: Cells, negative_slope: float = 0.01) -> Cells:
    """x above 0, negative_slope x below."""
    if negative_slope == 0.01:
        return row(ops.leaky_relu)(x)
    return row(ops.leaky_relu)(x, float(negative_slope))


@translation("_prelu_kernel")
def prelu(x: Cells, weight: Cells) -> Cells:
    """leaky_relu with a slope that is trained."""
    return row(ops.leaky_relu)(x, weight)


@translation()
def elu(x: Cells, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Cells:
    """scale x above 0, scale alpha (exp(input_scale x) - 1) below: elu, selu and celu."""

    def one(v: Value) -> Value:
        if input_scale == 1.0:
            return rows.scaled(recorded(ops.elu, v, *([constant(alpha)] if alpha != 1.0 else [])), scale)
        height = constant(alpha * input_scale)  # for celu 1, so that there is no kink
        bent = recorded(ops.elu, rows.scaled(v, input_scale), *([height] if height.number != 1.0 else []))
        return rows.scaled(bent, scale / input_scale)

    return elementwise(one, x)


@translation()
def hardtanh(x: Cells, min_val: float = -1.0, max_val: float = 1.0) -> Cells:
    """x between two bounds, at which the derivative is 0."""
    return elementwise(lambda v: _strictly_within(v, min_val, max_val), x)


enter("relu6", lambda x: hardtanh(x, 0.0, 6.0))


@translation()
def hardshrink(x: Cells, lambd: float = 0.5) -> Cells:
    """x outside of [-lambd, lambd], 0 inside."""
    bound, zero = constant(lambd), constant(0.0)
    return elementwise(lambda v: choice(rows.greater(recorded(ops.abs, v), bound), v, zero), x)


@translation()
def softshrink(x: Cells, lambd: float = 0.5) -> Cells:
    """x moved towards 0 by lambd."""
    bound = constant(lambd)

    def one(v: Value) -> Value:
        return minus(recorded(ops.relu, minus(v, bound)), recorded(ops.relu, minus(recorded(ops.neg, v), bound)))

    return elementwise(one, x)


@translation()
def threshold(x: Cells, threshold: float, value: float) -> Cells:
    """x above the threshold, a number below."""
    return elementwise(lambda v: choice(rows.greater(v, constant(threshold)), v, constant(value)), x)


@translation()
def logit(x: Cells, eps: float | None = None) -> Cells:
    """log(x / (1 - x))."""
    inside = x if eps is None else clamp(x, eps, 1.0 - eps)
    one = constant(1.0)
    return elementwise(lambda v: minus(recorded(ops.log, v), recorded(ops.log, minus(one, v))), inside)


@translation()
def glu(x: Cells, dim: int = -1) -> Cells:
    """The first half times the sigmoid of the second."""
    first, second = np.split(x, 2, axis=dim)
    return mul(first, row(ops.sigmoid)(second))


@translation()
def clamp(x: Cells, min: Numbers | None = None, max: Numbers | None = None) -> Cells:
    """x between two bounds, at which the derivative is 1."""
    return row(ops.clip)(x, -math.inf if min is None else min, math.inf if max is None else max)


enter("clamp_min", lambda x, min: clamp(x, min))
enter("clamp_max", lambda x, max: clamp(x, None, max))

# Conditions

for _name, _condition in rows.CONDITIONS.items():
    enter(_name, lambda x, other, _condition=_condition: elementwise(_condition, x, other))
for _name in ("logical", "bitwise"):
    enter(f"{_name}_and", lambda x, other: elementwise(rows.both, x, other))
    enter(f"{_name}_or", lambda x, other: elementwise(rows.either, x, other))
    enter(f"{_name}_not", lambda x: elementwise(rows.opposite, x))

# Two operands


@translation("add")
def added(x: Numbers, other: Numbers, alpha: float = 1) -> Cells:
    """x + alpha other."""
    return add(x, other if alpha == 1 else mul(other, float(alpha)))


@translation("sub", "subtract")
def subtracted(x: Numbers, other: Numbers, alpha: float = 1) -> Cells:
    """x - alpha other."""
    return sub(x, other if alpha == 1 else mul(other, float(alpha)))


enter("rsub", lambda x, other, alpha=1: subtracted(other, x, alpha))
enter("mul", lambda x, other: mul(x, other))
enter("pow", lambda x, exponent: pow(x, exponent))
enter("maximum", lambda x, other: row(ops.maximum)(x, other))
enter("minimum", lambda x, other: row(ops.minimum)(x, other))
enter("atan2", lambda x, other: row(ops.arctan2)(x, other))
enter("hypot", lambda x, other: row(ops.hypot)(x, other))
enter("logaddexp", lambda x, other: row(ops.logaddexp)(x, other))
enter("logaddexp2", lambda x, other: _base_two(row(ops.logaddexp)(mul(x, _LOG_2), mul(other, _LOG_2))))
enter("remainder", lambda x, other: row(ops.mod)(x, other))
enter("fmod", lambda x, other: elementwise(rows.fmod, x, other))
enter("xlogy", lambda x, other: elementwise(rows.xlogy, x, other))
enter("special_xlog1py", lambda x, other: elementwise(rows.xlog1py, x, other))
enter("copysign", lambda x, other: elementwise(_with_sign_of, x, other))
enter("lerp", lambda x, end, weight: add(x, mul(sub(end, x), weight)))
enter("addcmul", lambda x, tensor1, tensor2, value=1: add(x, mul(mul(tensor1, tensor2), float(value))))
enter("addcdiv", lambda x, tensor1, tensor2, value=1: add(x, mul(div(tensor1, tensor2), float(value))))


def _base_two(x: Cells) -> Cells:
    return mul(x, 1.0 / _LOG_2)


def _with_sign_of(x: Value, other: Value) -> Value:
    """A zero has a sign, too; as a condition it counts as positive where a graph is computed for other numbers."""
    size = recorded(ops.abs, x)
    if other.number == 0.0:
        return size if math.copysign(1.0, other.number) > 0.0 else recorded(ops.neg, size)
    return choice(rows.greater(other, constant(0.0)), size, recorded(ops.neg, size))


@translation("div", "divide", "true_divide")
def divided(x: Numbers, other: Numbers, rounding_mode: str | None = None) -> Cells:
    """x / other, perhaps rounded."""
    quotient = div(x, other)
    rounded = {None: None, "floor": ops.floor, "trunc": ops.trunc}[rounding_mode]
    return quotient if rounded is None else row(rounded)(quotient)


def _where_a_number(operation: Operation, is_first: Callable[[Value, Value], Value]) -> Callable[..., Cells]:
    """The larger or smaller one, unless that is no number; of equal ones the first has the derivative."""

    def one(x: Value, y: Value) -> Value:
        if math.isnan(x.number) or math.isnan(y.number):
            return y if math.isnan(x.number) else x
        return choice(is_first(x, y), x, y) if x.number == y.number else recorded(operation, x, y)

    return lambda x, other: elementwise(one, x, other)


enter("fmax", _where_a_number(ops.maximum, rows.at_least))
enter("fmin", _where_a_number(ops.minimum, lambda x, y: rows.at_least(y, x)))


@translation()
def where(condition: Numbers, x: Numbers, other: Numbers) -> Cells:
    """Elements of x where the condition holds, of other elsewhere."""
    return chosen(condition, x, other)
