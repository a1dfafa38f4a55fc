"""Writes a program as a C99 module: static arrays, loops, and no library but that of mathematics."""

from __future__ import annotations

import re
from math import prod
from textwrap import fill, wrap
from typing import TYPE_CHECKING

import numpy as np

from .arena import arena
from .c import in_float, primitives, syntax
from .parts import indented

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ir import Shape
    from .arena import Arena
    from .code_text import Syntax
    from .exported import Exported

_COLUMNS = 112

_HEAD = """/* {name}.c: compiled from a graph of scalars by autograd. C99, and no library but that of math.h.

{declarations}

{contents}

{sizes}
*/

#include <math.h>
#include <stddef.h>"""

_SIZES = (
    "About {code:,} bytes of code and constants, besides the functions of math.h, and {state:,} bytes of state{held}. "
    "Nothing is allocated.{shared}"
)
_SHARED = " Calls share the working memory, so only one may run at a time."


def c_text(exported: Exported, name: str) -> str:
    """The module's text.

    Args:
        exported: the program, and what it is called with.
        name: what the names that it defines begin with.
    """
    decided, written = exported.loops, syntax(exported.dtype)
    memory = arena(decided.stages, decided.sizes)
    numbers = written.language.number
    constants = [_constant(each, array, numbers) for each, array in decided.constants.items()]
    constants += [_table(each, array) for each, array in decided.tables.items()]
    state = [_array(f"double {name}_theta", exported.theta, numbers)] if len(exported.theta) else []
    state += [f"static double work[{memory.size}];"] if memory.size else []
    signature = _signature(exported, name)
    program = "\n".join([signature, "{", *indented(_body(exported, name, written, memory)), "}"])
    code = [*primitives(program), f"{signature};", program]
    head = _head(exported, name, _sizes(exported, memory, code))
    blocks = [*state, *constants, *code]
    if exported.dtype == np.float32:
        head, blocks = head.replace("double", "float"), list(map(in_float, blocks))
    return "\n\n".join([head, *blocks]) + "\n"


def _signature(exported: Exported, name: str) -> str:
    rows = [f"const double *x{k}" for k in range(len(exported.input_shapes))]
    rows += ["size_t batch"] * bool(rows)
    if exported.gives_gradient:
        return f"double {name}_step({', '.join([*rows, 'double *gradient'])})"
    return f"void {name}_predict({', '.join([*rows, 'double *outputs'])})"


def _body(exported: Exported, name: str, written: Syntax, memory: Arena) -> list[str]:
    """What the function does."""
    decided = exported.loops
    before, inside, after = (written.lines(stage) for stage in decided.stages)
    value = [] if decided.value is None else [f"return {written.language.text(decided.value)};"]
    read = set(re.findall(r"\w+", "\n".join([*before, *inside, *after, *value])))
    unread = [f"x{k}" for k in range(len(exported.input_shapes)) if f"x{k}" not in read]
    if inside:
        inside = [_rows_head(exported, unread), *indented(inside), "}"]
    elif exported.input_shapes and "batch" not in read:
        unread.append("batch")
    arrays = [f"const double *const theta = {name}_theta;"] * ("theta" in read)
    arrays += [f"double *const {each} = work{f' + {start}' * bool(start)};" for each, start in memory.starts.items()]
    unread = [f"(void){each};" for each in unread]
    return [*arrays, *unread, *before, *written.sums(decided.sums), *inside, *after, *value]


def _rows_head(exported: Exported, unread: list[str]) -> str:
    """The head of the loop over the rows, which moves the arguments along."""
    shapes = {f"x{k}": shape for k, shape in enumerate(exported.input_shapes) if f"x{k}" not in unread}
    if exported.output_shape is not None:
        shapes["outputs"] = exported.output_shape
    steps = ["row++", *[f"{each} += {prod(shape)}" for each, shape in shapes.items()]]
    return f"for (size_t row = 0; row < batch; {', '.join(steps)}) {{"


def _array(declared: str, array: np.ndarray, number: Callable[[float], str]) -> str:
    return _initialized(f"{declared}[{array.size}]", [number(x) for x in array.ravel().tolist()])


def _constant(name: str, array: np.ndarray, number: Callable[[float], str]) -> str:
    if array.dtype == bool:  # a mask
        return _initialized(f"static const unsigned char {name}[{array.size}]", [str(int(x)) for x in array.flat])
    return _array(f"static const double {name}", array, number)


def _table(name: str, numbers: np.ndarray) -> str:
    elements = list(map(str, numbers.ravel().tolist()))
    return _initialized(f"static const {_index_type(numbers)} {name}[{numbers.size}]", elements)


def _index_type(numbers: np.ndarray) -> str:
    return "unsigned short" if numbers.max(initial=0) < 2**16 else "unsigned"


def _initialized(declared: str, elements: list[str]) -> str:
    lines = wrap(", ".join(elements), _COLUMNS, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"{declared} = {{", *indented(lines), "};"])


# The comment at the beginning


def _head(exported: Exported, name: str, sizes: str) -> str:
    """The comment that says how to call the module, and the includes."""
    declared = [f"extern double {name}_theta[{len(exported.theta)}];"] * bool(len(exported.theta))
    declared.append(f"{_signature(exported, name)};")
    takes = [f"x{k}: {_rows(shape)}." for k, shape in enumerate(exported.input_shapes)]
    if exported.output_shape is None:
        over = f", {'averaged' if exported.mean else 'added'} over the rows," if takes else ""
        does = f"Returns the loss{over} and writes its gradient with respect to {name}_theta."
        takes.append(f"gradient: {_counted(len(exported.theta))}.")
    else:
        does = "Writes the outputs."
        shape = exported.output_shape
        takes.append(f"outputs: {_rows(shape) if takes else _counted(prod(shape))}.")
    return _HEAD.format(
        name=name,
        declarations="\n".join([f"   {each}" for each in declared]),
        contents=_commented(" ".join([does, *takes])),
        sizes=_commented(sizes),
    )


def _commented(text: str) -> str:
    return fill(text, _COLUMNS, initial_indent="   ", subsequent_indent="   ", break_on_hyphens=False)


def _rows(shape: Shape) -> str:
    return f"batch rows of {_counted(shape[0])}, one after the other" if shape else "batch numbers"


def _counted(number: int) -> str:
    return f"{number} number{'' if number == 1 else 's'}"


def _sizes(exported: Exported, memory: Arena, code: list[str]) -> str:
    """What the module takes of a small memory."""
    width = exported.dtype.itemsize
    arrays = exported.loops.constants.values()
    constants = sum([array.size * (1 if array.dtype == bool else width) for array in arrays])
    constants += sum(
        [array.size * (2 if "short" in _index_type(array) else 4) for array in exported.loops.tables.values()]
    )
    parameters = len(exported.theta)
    held = [f"{_counted(parameters).replace('number', 'parameter')}"] * bool(parameters)
    held += [f"{_counted(memory.size)} of working memory"] * bool(memory.size)
    return _SIZES.format(
        code=_rounded(constants + _code_bytes("\n".join(code))),
        state=(parameters + memory.size) * width,
        held=f": {' and '.join(held)}" if held else "",
        shared=_SHARED if memory.size else "",
    )


def _rounded(number: int) -> int:
    """To two digits."""
    return int(float(f"{number:.1e}"))


def _code_bytes(code: str) -> int:
    """An estimate: so many bytes per word of code, as measured for x86-64 and optimisation for size."""
    return 5 * len(re.findall(r"[\w.]+|[-+*/=<>?]+", re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL))) // 2
