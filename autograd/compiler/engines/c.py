"""C99: how operations and statements are written, and what the language lacks for them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ops
from .code_text import Syntax, element_text
from .expressions import ATOM, CONDITION, OPERATORS, PRODUCT, SUM, Language, Spelling
from .pasted import definitions

if TYPE_CHECKING:
    from ..ir import Action
    from .nests import RowCall
    from .scalars import Row

_OF_MATH: dict[Action, str] = {
    **{row: row.name for row in (ops.exp, ops.expm1, ops.exp2, ops.log, ops.log1p, ops.log2, ops.log10)},
    **{row: row.name for row in (ops.pow, ops.sqrt, ops.cbrt, ops.hypot, ops.erf)},
    **{row: row.name for row in (ops.sin, ops.cos, ops.tan, ops.sinh, ops.cosh, ops.tanh)},
    **{getattr(ops, f"arc{name}"): f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    **{row: row.name for row in (ops.floor, ops.ceil, ops.trunc, ops.rint)},
    ops.abs: "fabs",
    "erfc": "erfc",
}

_PRIMITIVES: dict[Action, str] = {
    **{row: row.name for row in (ops.mod, ops.sign, ops.maximum, ops.minimum, ops.sigmoid, ops.sech, ops.direction)},
    **{row: row.name for row in (ops.gaussian, ops.normal_cdf, ops.one_minus_square)},
    ops.step: "heaviside",
    ops.logaddexp: "log_add_exp",
    "logsumexp": "log_sum_exp",
    "prod": "product",
    "max": "largest",
    "min": "smallest",
}

_SPELLINGS: dict[Action, Spelling] = {
    **OPERATORS,
    ops.div: Spelling("{0} / {1}", PRODUCT, (PRODUCT, ATOM)),
    ops.where: Spelling("{0} != 0.0 ? {1} : {2}", CONDITION, (SUM, SUM, SUM)),
    **{does: Spelling(f"{name}({{all}})") for does, name in (_OF_MATH | _PRIMITIVES).items()},
    "batch": Spelling("(double)batch"),
    "scale": Spelling("1.0 / (double)batch", PRODUCT),
}


def _number(x: float) -> str:
    if math.isfinite(x):
        return repr(x)
    return "NAN" if x != x else "INFINITY" if x > 0.0 else "-INFINITY"


def _float(x: float) -> str:
    """A number as a float, without the f, in as few digits as it takes."""
    if isinstance(x, int) or not math.isfinite(x):
        return _number(x)
    with np.errstate(over="ignore"):
        nearest = np.float32(x)
    return str(nearest) if np.isfinite(nearest) else _number(float(nearest))


def _row(row: Row) -> str:
    element = element_text(row.first)
    return f"&{element}" if not element.endswith("[0]") else row.first.array


def _row_call(call: RowCall) -> str:
    rows = ", ".join([*map(_row, call.operands), str(call.target.width), _row(call.target)])
    return f"{call.function}({rows});"


C = Language(_SPELLINGS, _number, element_text, _row)
"""C's arithmetic in double: its operators, the functions of `math.h`, and those in `primitives.c`."""


def syntax(dtype: np.dtype[Any]) -> Syntax:
    """How C computes in double, or what becomes float with `in_float`."""
    return Syntax(
        C if dtype == np.float64 else C._replace(number=_float),
        loop="for (size_t {i} = 0; {i} < {length}; {i}++) {{",
        constant="const double {name} = {value};",
        start="double {name} = 0.0;",
        row_call=_row_call,
    )


_MORE_OF_MATH = {"fmod", "fma", "copysign"}  # called by primitives only
_IN_DOUBLE = re.compile(
    r"(?P<comment>/\*.*?\*/)|"
    rf"\b(?P<function>{'|'.join({*_OF_MATH.values(), *_MORE_OF_MATH})})(?=\()|"
    r"\b(?P<type>double)\b|"
    r"\b(?P<number>\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)",
    re.DOTALL,
)
_OTHER_CONSTANTS = {
    "0.7071067811865476": "0.70710677",
    "-4.833646656726457e-17": "1.21016175e-8",
}  # sqrt(1/2), in parts


def in_float(code: str) -> str:
    """Code that computes in double, with float instead."""
    for constant, other in _OTHER_CONSTANTS.items():
        code = code.replace(constant, other)
    return _IN_DOUBLE.sub(lambda found: found[0] if found["comment"] else _float_word(found), code)


def _float_word(found: re.Match[str]) -> str:
    return "float" if found["type"] else f"{found[0]}f"


def primitives(code: str) -> list[str]:
    """The definitions of `primitives.c` that code needs, to be pasted before it."""
    return definitions("primitives.c", code)
