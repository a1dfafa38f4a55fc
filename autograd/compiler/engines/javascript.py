"""JavaScript: how operations are written, and what the language lacks for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ... import ops
from ..terms import OF_ALL
from .code_text import Syntax, element_text, index_text
from .expressions import ATOM, CONDITION, OPERATORS, PRODUCT, Language, Spelling
from .pasted import definitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Action, Shape
    from .nests import RowCall
    from .scalars import Row, Variable


def _number(x: float) -> str:
    if math.isfinite(x):
        return str(int(x)) if x == int(x) and abs(x) < 1e15 and (x or math.copysign(1.0, x) > 0.0) else repr(x)
    return "NaN" if x != x else "Infinity" if x > 0.0 else "-Infinity"


_OF_MATH: dict[Action, str] = {
    **{row: row.name for row in (ops.exp, ops.expm1, ops.log, ops.log1p, ops.log2, ops.log10, ops.sqrt, ops.cbrt)},
    **{row: row.name for row in (ops.sin, ops.cos, ops.tan, ops.sinh, ops.cosh, ops.tanh, ops.hypot)},
    **{row: row.name for row in (ops.abs, ops.floor, ops.ceil, ops.trunc)},
    **{getattr(ops, f"arc{name}"): f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
}

_OF_ROWS: dict[Action, str] = {"logsumexp": "logSumExp", "prod": "prod", "max": "largest", "min": "smallest"}

_ROW_FUNCTIONS = {
    "softmax": "softmax",
    "softmax_pull": "softmaxPull",
    "log_softmax": "logSoftmax",
    "log_softmax_pull": "logSoftmaxPull",
    "products_of_the_others": "productsOfTheOthers",
    "largest_shares": "largestShares",
    "smallest_shares": "smallestShares",
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
    OF_ALL[ops.softmax]: "softmax",
    OF_ALL[ops.log_softmax]: "logSoftmax",
    "erfc": "erfc",
}

_SPELLINGS: dict[Action, Spelling] = {
    **{does: Spelling(f"Math.{name}({{all}})") for does, name in _OF_MATH.items()},
    **{does: Spelling(f"{name}({{all}})") for does, name in _PRIMITIVES.items()},
    **OPERATORS,
    ops.div: Spelling("{0} / {1}", PRODUCT, (PRODUCT, ATOM)),
    ops.exp2: Spelling("2 ** {0}", PRODUCT, (ATOM,)),
    **{does: Spelling(f"{name}({{0}})", ATOM, (CONDITION, CONDITION)) for does, name in _OF_ROWS.items()},
    "batch": Spelling("batch"),
    "scale": Spelling("1 / batch", PRODUCT),
    "list": Spelling("[{all}]"),
    "pick": Spelling("{0}[{1}]", ATOM, (ATOM, CONDITION)),
}

JAVASCRIPT = Language(_SPELLINGS, _number, element_text)
"""JavaScript's arithmetic: its own operators, `Math`, and the functions in `primitives.js`."""


def syntax(inputs: Mapping[str, Shape]) -> Syntax:
    """How JavaScript computes with typed arrays, and with rows of the arguments, given the shapes of these by name."""

    def element(variable: Variable) -> str:
        return variable.array if inputs.get(variable.array) == () else element_text(variable)

    def row(row: Row) -> str:
        array, start = row.first.array, index_text(row.first)
        if (row.width,) == inputs.get(array):
            return array
        stop = str(int(start) + row.width) if start.isdecimal() else f"{start} + {row.width}"
        return f"{array}.{'slice' if array in inputs else 'subarray'}({start}, {stop})"

    def row_call(call: RowCall) -> str:
        rows = ", ".join(map(row, call.operands))
        return (
            f"{call.target.first.array}.set({_ROW_FUNCTIONS[call.function]}({rows}), {index_text(call.target.first)});"
        )

    return Syntax(
        JAVASCRIPT._replace(variable=element, row=row),
        loop="for (let {i} = 0; {i} < {length}; {i}++) {{",
        constant="const {name} = {value};",
        start="let {name} = 0;",
        row_call=row_call,
        indent=2,
    )


def primitives(text: str) -> list[str]:
    """The definitions of `primitives.js` that a text in `JAVASCRIPT` needs, to be pasted beside it."""
    return definitions("primitives.js", text)
