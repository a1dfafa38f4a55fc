"""JavaScript: how operations are written, and what the language lacks for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ... import ops
from .expressions import ATOM, CONDITION, PRODUCT, SUM, Language, Spelling
from .pasted import definitions

if TYPE_CHECKING:
    from ..ir import Action
    from .scalars import Variable


def _number(x: float) -> str:
    if math.isfinite(x):
        return str(int(x)) if x == int(x) and abs(x) < 1e15 and (x or math.copysign(1.0, x) > 0.0) else repr(x)
    return "NaN" if x != x else "Infinity" if x > 0.0 else "-Infinity"


def _variable(variable: Variable) -> str:
    array, element = variable
    return array if element is None else f"{array}[{element}]"


_OF_MATH: dict[Action, str] = {
    **{row: row.name for row in (ops.exp, ops.expm1, ops.log, ops.log1p, ops.log2, ops.log10, ops.sqrt, ops.cbrt)},
    **{row: row.name for row in (ops.sin, ops.cos, ops.tan, ops.sinh, ops.cosh, ops.tanh, ops.hypot)},
    **{row: row.name for row in (ops.abs, ops.floor, ops.ceil, ops.trunc)},
    **{getattr(ops, f"arc{name}"): f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
}

_PRIMITIVES: dict[Action, str] = {
    **{row: row.name for row in (ops.pow, ops.mod, ops.rint, ops.sign, ops.maximum, ops.minimum, ops.where)},
    **{row: row.name for row in (ops.sigmoid, ops.sech, ops.direction, ops.gaussian, ops.erf)},
    **{row: row.name for row in (ops.sum, ops.mean, ops.dot, ops.prod)},
    ops.step: "unitStep",
    ops.one_minus_square: "oneMinusSquare",
    ops.normal_cdf: "normalCdf",
    ops.logaddexp: "logAddExp",
    ops.logsumexp: "logSumExp",
    ops.max: "largest",
    ops.min: "smallest",
    "softmaxes": "softmax",
    "erfc": "erfc",
}

_SPELLINGS: dict[Action, Spelling] = {
    **{does: Spelling(f"Math.{name}({{all}})") for does, name in _OF_MATH.items()},
    **{does: Spelling(f"{name}({{all}})") for does, name in _PRIMITIVES.items()},
    ops.add: Spelling("{0} + {1}", SUM, (SUM, PRODUCT)),  # from left to right: the right operand stays apart
    ops.sub: Spelling("{0} - {1}", SUM, (SUM, PRODUCT)),
    ops.mul: Spelling("{0} * {1}", PRODUCT, (PRODUCT, ATOM)),
    ops.div: Spelling("{0} / {1}", PRODUCT, (PRODUCT, ATOM)),
    ops.neg: Spelling("-{0}", PRODUCT, (ATOM,)),
    ops.exp2: Spelling("2 ** {0}", PRODUCT, (ATOM,)),
    "list": Spelling("[{all}]"),
    "pick": Spelling("{0}[{1}]", ATOM, (ATOM, CONDITION)),
}

JAVASCRIPT = Language(_SPELLINGS, _number, _variable)
"""JavaScript's arithmetic: its own operators, `Math`, and the functions in `primitives.js`."""


def primitives(text: str) -> list[str]:
    """The definitions of `primitives.js` that a text in `JAVASCRIPT` needs, to be pasted beside it."""
    return definitions("primitives.js", text)
