"""Tensors of ONNX as a number system: formulas on them add nodes to a graph.

Runtimes compute few functions in double precision; ONNX Runtime has no erf, atan or sinh there. The formulas below are
put together from functions that all of them have, and keep their digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ... import ops
from ...operation import FLOATS, NumberSystem
from ..terms import Operators, one_minus_square, sech

if TYPE_CHECKING:
    from ...ops import Operation
    from ..ir import Action
    from .onnx_nodes import Nodes

_NODES = {
    ops.add: "Add",
    ops.sub: "Sub",
    ops.mul: "Mul",
    ops.div: "Div",
    ops.neg: "Neg",
    ops.abs: "Abs",
    ops.exp: "Exp",
    ops.log: "Log",
    ops.sqrt: "Sqrt",
    ops.sin: "Sin",
    ops.cos: "Cos",
    ops.tanh: "Tanh",
    ops.floor: "Floor",
    ops.ceil: "Ceil",
    ops.rint: "Round",
    ops.minimum: "Min",
    ops.relu: "Relu",
    ops.identity: "Identity",
    ops.reciprocal: "Reciprocal",
}
"""Operations that ONNX and its runtimes have in all precisions, nan and infinities included."""


class Tensor(Operators):
    """A tensor inside a formula, by its name in the graph."""

    __slots__ = ("name", "system")

    def __init__(self, system: OnnxNumbers, name: str) -> None:
        self.system = system
        self.name = name


Operand: TypeAlias = Tensor | float


class OnnxNumbers(NumberSystem[Tensor]):
    """The `m` of formulas that add nodes to a graph.

    Attributes:
        nodes: the graph.
    """

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def node(self, kind: str, *operands: Operand | np.ndarray, **attributes: int) -> Tensor:
        """A node of a kind that ONNX defines."""
        return Tensor(self, self.nodes.node(kind, [self._name(operand) for operand in operands], **attributes))

    def _name(self, operand: Operand | np.ndarray) -> str:
        return operand.name if isinstance(operand, Tensor) else self.nodes.constant(operand)

    def apply(self, operation: Operation, *operands: Operand) -> Tensor:
        """A node, or those of a formula; what is known beforehand becomes a number."""
        if not any(isinstance(each, Tensor) for each in operands):
            return self.number(FLOATS.evaluate(operation, [float(each) for each in operands]))  # type: ignore[arg-type]
        if operation in _NODES:
            return self.node(_NODES[operation], *operands)
        formula = _FORMULAS.get(operation)
        result = formula(self, *operands) if formula else self.evaluate(operation, operands)
        return result if isinstance(result, Tensor) else self.number(float(result))

    def number(self, x: float) -> Tensor:
        """A number, which broadcasts to every shape."""
        return Tensor(self, self.nodes.constant(x))

    # What numbers are asked

    def equal(self, x: Operand, y: Operand) -> Tensor:
        """Whether numbers are equal."""
        return self.node("Equal", x, y)

    def greater(self, x: Operand, y: Operand) -> Tensor:
        """Whether x > y."""
        return self.node("Greater", x, y)

    def is_finite(self, x: Operand) -> Tensor:
        """Whether x is neither infinite nor nan."""
        return self.greater(math.inf, self.abs(x))

    def choose(self, condition: Tensor, x: Operand, y: Operand) -> Tensor:
        """x where the condition holds, otherwise y."""
        return self.node("Where", condition, x, y)


def _sign(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.node("Sign", x)


def _trunc(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.choose(m.greater(0.0, x), m.ceil(x), m.floor(x))


def _maximum(m: OnnxNumbers, x: Operand, y: Operand) -> Tensor:
    is_bounded_by_0 = isinstance(y, float) and y == 0.0
    return m.node("Relu", x) if is_bounded_by_0 else m.node("Max", x, y)


def _where(m: OnnxNumbers, condition: Operand, x: Operand, y: Operand) -> Tensor:
    return m.choose(m.equal(condition, 0.0), y, x)


def _step(m: OnnxNumbers, x: Operand, threshold: Operand, tie: Operand) -> Tensor:
    at_it = m.choose(m.equal(x, threshold), tie, math.nan)
    return m.choose(m.greater(x, threshold), 1.0, m.choose(m.greater(threshold, x), 0.0, at_it))


def _pow(m: OnnxNumbers, x: Operand, y: Operand) -> Tensor:
    """Minus infinity to a fractional power is that of infinity, as C has it; runtimes give nan."""
    if isinstance(y, float) and y == math.floor(y):
        return m.node("Pow", x, y)
    is_odd_one_out = m.node("And", m.equal(x, -math.inf), m.node("Not", m.equal(y, m.floor(y))))
    return m.node("Pow", m.choose(is_odd_one_out, math.inf, x), y)


def _mod(m: OnnxNumbers, x: Operand, y: Operand) -> Tensor:
    rest = m.node("Mod", x, y, fmod=1)
    disagrees = m.node("Xor", m.greater(0.0, rest), m.greater(0.0, y))
    return m.choose(m.node("And", disagrees, m.node("Not", m.equal(rest, 0.0))), rest + y, rest)


# Exponentials and logarithms


def _expm1(m: OnnxNumbers, x: Tensor) -> Tensor:
    """2 t / (1 - t) near 0 with t = tanh(x / 2), which keeps its digits there."""
    t = m.tanh(0.5 * x)
    return m.choose(m.greater(1.0, m.abs(x)), m.div(2.0 * t, 1.0 - t), m.exp(x) - 1.0)


def _log1p(m: OnnxNumbers, x: Tensor) -> Tensor:
    """log(u) x / (u - 1) with u = 1 + x as it is rounded (W. Kahan; see N. Higham, Accuracy and Stability, 1.14.1)."""
    u = 1.0 + x
    is_plain = m.node("Or", m.equal(u, 1.0), m.equal(u, math.inf))
    return m.choose(is_plain, x, m.log(u) * m.div(x, u - 1.0))


def _exp2(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.node("Pow", 2.0, x)


def _log2(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.log(x) * (1.0 / math.log(2.0))


def _log10(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.log(x) * (1.0 / math.log(10.0))


def _cbrt(m: OnnxNumbers, x: Tensor) -> Tensor:
    root = m.node("Pow", m.abs(x), 1.0 / 3.0)
    return m.choose(m.greater(0.0, x), -root, root)


def _sigmoid(m: OnnxNumbers, x: Tensor) -> Tensor:
    e = m.exp(-m.abs(x))
    return m.div(m.choose(m.greater(0.0, x), e, 1.0), 1.0 + e)


def _logaddexp(m: OnnxNumbers, x: Operand, y: Operand) -> Tensor:
    top = m.maximum(x, y)
    return m.choose(m.is_finite(top), top + m.log1p(m.exp(m.minimum(x, y) - top)), top)


def _cosh(m: OnnxNumbers, x: Tensor) -> Tensor:
    half = m.exp(m.abs(x) - math.log(2.0))  # does not overflow before cosh does
    return half + m.div(0.25, half)


def _sinh(m: OnnxNumbers, x: Tensor) -> Tensor:
    a = m.abs(x)
    half, near = m.exp(a - math.log(2.0)), m.expm1(a)
    size = m.choose(m.greater(1.0, a), 0.5 * (near + m.div(near, 1.0 + near)), half - m.div(0.25, half))
    return m.choose(m.greater(0.0, x), -size, size)


def _arcsinh(m: OnnxNumbers, x: Tensor) -> Tensor:
    a = m.abs(x)
    near = m.log1p(a + m.div(a * a, 1.0 + m.sqrt(a * a + 1.0)))
    size = m.choose(m.greater(1e8, a), near, m.log(a) + math.log(2.0))
    return m.choose(m.greater(0.0, x), -size, size)


def _arccosh(m: OnnxNumbers, x: Tensor) -> Tensor:
    t = x - 1.0
    return m.choose(m.greater(x, 1e8), m.log(x) + math.log(2.0), m.log1p(t + m.sqrt(t) * m.sqrt(2.0 + t)))


def _arctanh(m: OnnxNumbers, x: Tensor) -> Tensor:
    a = m.abs(x)
    size = 0.5 * m.log1p(m.div(2.0 * a, 1.0 - a))
    return m.choose(m.greater(0.0, x), -size, size)


# Angles


def _tan(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.div(m.sin(x), m.cos(x))


def _arctan(m: OnnxNumbers, x: Tensor) -> Tensor:
    """One step of Halley's method from the result in single precision, which has 7 digits."""
    single = m.node("Cast", m.node("Atan", m.node("Cast", x, to=m.nodes.single)), to=m.nodes.kind)
    sin, cos = m.sin(single), m.cos(single)
    difference = m.div(x * cos - sin, cos + x * sin)
    return m.choose(m.equal(m.abs(x), math.inf), m.sign(x) * (0.5 * math.pi), single + difference)


def _arcsin(m: OnnxNumbers, x: Tensor) -> Tensor:
    return m.arctan(m.div(x, m.sqrt(m.one_minus_square(x))))


def _arccos(m: OnnxNumbers, x: Tensor) -> Tensor:
    return 2.0 * m.arctan(m.sqrt(m.div(1.0 - x, 1.0 + x)))


def _arctan2(m: OnnxNumbers, y: Operand, x: Operand) -> Tensor:
    """The angle of |y| and |x|, then moved to the quadrant of their signs, those of zeros included."""
    far_y, far_x = (m.equal(m.abs(each), math.inf) for each in (y, x))
    ratio = m.choose(m.node("And", far_y, far_x), 1.0, m.div(m.abs(y), m.abs(x)))
    origin = m.node("And", m.equal(x, 0.0), m.equal(y, 0.0))
    acute = m.arctan(m.choose(origin, 0.0, ratio))
    size = m.choose(_has_minus(m, x), math.pi - acute, acute)
    return m.choose(_has_minus(m, y), -size, size)


def _has_minus(m: OnnxNumbers, x: Operand) -> Tensor:
    """Whether the sign is negative; of a 0 its reciprocal tells."""
    return m.node("Or", m.greater(0.0, x), m.equal(m.div(1.0, x), -math.inf))


def _hypot(m: OnnxNumbers, x: Operand, y: Operand) -> Tensor:
    a, b = m.abs(x), m.abs(y)
    far = m.node("Or", m.equal(a, math.inf), m.equal(b, math.inf))
    high, low = m.maximum(a, b), m.minimum(a, b)
    ratio = m.choose(m.equal(high, 0.0), 0.0, m.div(low, high))
    return m.choose(far, math.inf, high * m.sqrt(1.0 + ratio * ratio))


def _direction(m: OnnxNumbers, x: Operand, y: Operand) -> Tensor:
    """x / hypot(x, y) from the ratio that does not overflow; 0 at the origin."""
    wide = m.node("Not", m.greater(m.abs(y), m.abs(x)))
    flat, steep = m.div(y, x), m.div(x, y)
    along_x = m.div(m.choose(_has_minus(m, x), -1.0, 1.0), m.sqrt(1.0 + flat * flat))
    along_y = m.div(m.choose(_has_minus(m, y), -steep, steep), m.sqrt(1.0 + steep * steep))
    origin = m.node("And", m.equal(x, 0.0), m.equal(y, 0.0))
    return m.choose(origin, 0.0, m.choose(wide, along_x, along_y))


# The error function

_TAYLOR = [(-1.0) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(13)]
_QUARTER_SQUARES = np.arange(1, 13) ** 2 / 4.0


def _exp_of_minus_square(m: OnnxNumbers, x: Tensor) -> Tensor:
    """exp(-x**2), the square split into an exact part and a small rest (W. J. Cody, 1969)."""
    near = m.maximum(m.minimum(x, 40.0), -40.0)
    exact = m.floor(near * 16.0) * 0.0625
    return m.exp(-(exact * exact)) * m.exp(-((near - exact) * (near + exact)))


def _erf(m: OnnxNumbers, x: Tensor) -> Tensor:
    """Its series near 0, 1 - erfc elsewhere."""
    square = x * x
    series: Operand = _TAYLOR[-1]
    for coefficient in _TAYLOR[-2::-1]:
        series = series * square + coefficient
    far = 1.0 - _erfc_of_positive(m, m.abs(x))
    far = m.choose(m.greater(0.0, x), -far, far)
    return m.choose(m.greater(0.5, m.abs(x)), (2.0 / math.sqrt(math.pi)) * (x * series), far)


def _erfc(m: OnnxNumbers, x: Tensor) -> Tensor:
    far = _erfc_of_positive(m, m.abs(x))
    outside = m.choose(m.greater(0.0, x), 2.0 - far, far)
    return m.choose(m.greater(0.5, m.abs(x)), 1.0 - m.erf(x), outside)


def _erfc_of_positive(m: OnnxNumbers, x: Tensor) -> Tensor:
    """The trapezoidal rule with the contribution of a pole (F. Matta and A. Reichel, 1971), from 0.5 on."""
    x = m.maximum(x, 0.25)
    square = x * x
    shape = np.array([-1])
    terms = m.node(
        "Div", np.exp(-_QUARTER_SQUARES), m.node("Add", m.node("Unsqueeze", square, shape), _QUARTER_SQUARES)
    )
    total = m.div(0.5, square) + m.node("ReduceSum", terms, shape, keepdims=0)
    pole = m.choose(m.greater(2.0 * math.pi, x), m.div(2.0, m.exp((4.0 * math.pi) * x) - 1.0), 0.0)
    inside = (1.0 / math.pi) * x * _exp_of_minus_square(m, x) * total - pole
    return m.choose(m.greater(x, 28.0), 0.0, inside)


_FORMULAS: dict[Action, Callable[..., Tensor]] = {
    ops.sign: _sign,
    ops.trunc: _trunc,
    ops.maximum: _maximum,
    ops.where: _where,
    ops.step: _step,
    ops.pow: _pow,
    ops.mod: _mod,
    ops.expm1: _expm1,
    ops.log1p: _log1p,
    ops.exp2: _exp2,
    ops.log2: _log2,
    ops.log10: _log10,
    ops.cbrt: _cbrt,
    ops.sigmoid: _sigmoid,
    ops.sech: sech,
    ops.logaddexp: _logaddexp,
    ops.cosh: _cosh,
    ops.sinh: _sinh,
    ops.arcsinh: _arcsinh,
    ops.arccosh: _arccosh,
    ops.arctanh: _arctanh,
    ops.tan: _tan,
    ops.arctan: _arctan,
    ops.arcsin: _arcsin,
    ops.arccos: _arccos,
    ops.arctan2: _arctan2,
    ops.hypot: _hypot,
    ops.direction: _direction,
    ops.gaussian: lambda m, x: _exp_of_minus_square(m, x * math.sqrt(0.5)),
    ops.normal_cdf: lambda m, x: 0.5 * _erfc(m, -(x * math.sqrt(0.5))),
    ops.one_minus_square: one_minus_square,
    ops.erf: _erf,
    "erfc": _erfc,
}

KNOWN = {*_NODES, *_FORMULAS}
"""The actions that become nodes."""
