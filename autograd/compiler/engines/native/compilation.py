"""Compiles the interpreters of the native engine by numba, in parts: what computes, and what calls it.

numba optimises a function together with all that it calls, and again with all that calls it. So the large function that
has a loop for each operation is compiled by itself, and called by name.
"""

from __future__ import annotations

import warnings
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from . import array_steps, elementary, interpreter, primitives, rows_of_arrays, sums_of_arrays
from .tape import ELEMENTWISE, IN_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

Foreign: TypeAlias = Any
"""Objects of numba and LLVM, which have types only where these are installed."""
SOURCES = (elementary, primitives, interpreter, sums_of_arrays, rows_of_arrays, array_steps)
"""The modules that are compiled."""


def compiled(machine: Foreign) -> list[tuple[str, bytes]]:
    """The names of the functions and their machine code: what computes, and what runs the two kinds of tapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        elementwise = _emitted(machine, *_elementwise())
        callers = _interpreter(elementwise[0]), _array_steps(elementwise[0])
        return [elementwise, *[_emitted(machine, *each) for each in callers]]


def _emitted(machine: Foreign, function: Foreign, signature: Foreign) -> tuple[str, bytes]:
    """The machine code of a function that numba compiles, and its name."""
    import llvmlite.binding as llvm

    function.compile(signature)
    module = llvm.parse_assembly(function.inspect_llvm(function.signatures[0]))
    [name] = [each.name for each in module.functions if not each.is_declaration and each.linkage.name == "external"]
    return name, machine.emit_object(module)


def _compiler(*freedoms: str, **options: bool) -> Foreign:
    """How functions are compiled: "contract" rounds a product and a sum together, "reassoc" adds in any order."""
    import numba

    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(error_model="numpy", fastmath=set(freedoms), **options)


def _elementwise() -> tuple[Foreign, Foreign]:
    """The function that has a loop for each operation, and its types."""
    from numba import types

    names: dict[str, Any] = {}
    for module in (elementary, primitives):
        _add(names, module, _compiler("contract", forceinline=True))
    names.update(_bit_casts())
    exec(elementwise_text(), names)
    places = [types.int64] * 5
    return _compiler()(names["elementwise"]), types.void(types.int64, types.CPointer(types.float64), *places)


def _interpreter(elementwise: str) -> tuple[Foreign, Foreign]:
    """The function that runs a tape and calls `elementwise`, and its types."""
    from numba import types

    names: dict[str, Any] = {"elementwise": _called(elementwise)}
    _add(names, interpreter, _compiler())
    return names["run"], types.void(types.CPointer(types.float64), types.CPointer(types.int32))


def _array_steps(elementwise: str) -> tuple[Foreign, Foreign]:
    """The function that runs the tape of steps on arrays, and its types."""
    from numba import types

    names: dict[str, Any] = {"elementwise": _called(elementwise)}
    _add(names, elementary, _compiler("contract"))
    names.update(_bit_casts())
    _add(names, sums_of_arrays, _compiler("contract", "reassoc"))
    for module in (rows_of_arrays, array_steps):
        _add(names, module, _compiler())
    return names["run_arrays"], types.void(types.CPointer(types.float64), types.CPointer(types.int64))


def _called(name: str) -> Foreign:
    """A call of a function that was compiled before, in the way in which numba's functions call each other."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    def emit(context: Foreign, builder: Foreign, signature: Foreign, operands: Foreign) -> Foreign:
        pointer = ir.IntType(8).as_pointer()
        result = cgutils.alloca_once(builder, pointer)
        error = cgutils.alloca_once(builder, pointer)
        numbers = [
            context.cast(builder, each, kind, types.int64) if isinstance(kind, types.Integer) else each
            for each, kind in zip(operands, signature.args, strict=True)
        ]
        arguments = [result, error, *numbers]
        kind = ir.FunctionType(ir.IntType(32), [each.type for each in arguments])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
        return context.get_dummy_value()

    def typed(
        context: Foreign,
        operation: Foreign,
        numbers: Foreign,
        result: Foreign,
        a: Foreign,
        b: Foreign,
        c: Foreign,
        length: Foreign,
    ) -> tuple[Foreign, Foreign]:
        return types.void(operation, numbers, result, a, b, c, length), emit

    return intrinsic(typed)


def _add(names: dict[str, Any], module: ModuleType, compiled: Callable[..., Foreign]) -> None:
    """The functions of a module, compiled; they find each other, and the constants, in `names`."""
    for name, each in vars(module).items():
        if isinstance(each, FunctionType):
            if each.__module__ == module.__name__:
                names[name] = compiled(FunctionType(each.__code__, names, name, each.__defaults__))
        elif name[:2] != "__":
            names[name] = each


def elementwise_text() -> str:
    """The text of the function that has a loop for each operation."""
    lines = ["def elementwise(operation, numbers, result, a, b, c, length):"]
    for number, name in enumerate(ELEMENTWISE.values()):
        lines.append(f"    {'elif' if number else 'if'} operation == {number}:")
        function = getattr(primitives, name, None) or getattr(elementary, name)
        operands = ", ".join([f"numbers[{each} + i]" for each in "abc"[: function.__code__.co_argcount]])
        loop = f"for i in range(length): numbers[{{}} + i] = {name}({operands})"
        for place in "ab" if name in IN_PLACE else "":  # LLVM is to see that it is one place
            lines += [f"        if result == {place}:", f"            {loop.format(place)}", "            return"]
        lines.append(f"        {loop.format('result')}")
        if name in elementary.BOUNDED:
            lines += [
                "        large = 0",
                f"        for i in range(length): large += abs({operands}) > {elementary.BOUND}",
                "        if large:",
                "            for i in range(length):",
                f"                if abs({operands}) > {elementary.BOUND}:",
                f"                    numbers[result + i] = {elementary.BOUNDED[name]}({operands})",
            ]
    return "\n".join(lines)


def _bit_casts() -> dict[str, Any]:
    """`bits` and `from_bits` as the one instruction that each is."""
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def cast(source: Foreign, target: Foreign, kind: Foreign) -> Foreign:
        def typed(context: Foreign, x: Foreign) -> Foreign:
            return target(source), lambda context, builder, signature, operands: builder.bitcast(operands[0], kind)

        return intrinsic(typed)

    return {
        "bits": cast(types.float64, types.int64, ir.IntType(64)),
        "from_bits": cast(types.int64, types.float64, ir.DoubleType()),
    }
