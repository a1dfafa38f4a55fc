"""The interpreter of the native engine as machine code: compiled by numba once, then read from a file.

Only compiling takes numba. The file is loaded by llvmlite, which comes with it and is imported in a tenth of the time.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import sys
import warnings
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from ....files import read_up_to, write_atomically
from ...kernels import UnavailableError
from . import elementary, interpreter, primitives
from .tape import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

Foreign: TypeAlias = Any
"""Objects of numba and LLVM, which have types only where these are installed."""

_LIMIT = 1 << 24  # bytes; some 300,000 are expected
_FROM_C = "acos acosh asin asinh atan atan2 atanh cos erf erfc exp fmod hypot log pow sin tan"
_loaded: list[Callable[[int, int], None]] = []  # the function, once there is one


def function() -> Callable[[int, int], None]:
    """The function `interpreter.run`, of the addresses of numbers and tape. It lets other threads run.

    Raises:
        UnavailableError: it cannot be made here.
    """
    if not _loaded:
        try:
            _loaded.append(_made())
        except Exception as error:  # numba and LLVM may raise anything
            what = " ".join(str(error).split())
            raise UnavailableError(f"numba cannot compile here: {type(error).__name__}: {what[:200]}") from error
    return _loaded[0]


def _made() -> Callable[[int, int], None]:
    import llvmlite
    import llvmlite.binding as llvm

    with contextlib.suppress(RuntimeError):  # newer ones do it by themselves, and say so
        if tuple(map(int, llvmlite.__version__.split(".")[:2])) < (0, 45):
            llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, codemodel="jitdefault", jit=True
    )
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    for name in _FROM_C.split():
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        llvm.add_symbol(name, address)
    key = _key(llvmlite.__version__, cpu, features)
    parts = _read(key)
    if parts is None:
        parts = _compiled(machine)
        _write(key, parts)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for _, code in parts:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return _Function(engine, parts[-1][0])


class _Function:
    """A function of machine code, by name."""

    def __init__(self, engine: Foreign, name: str) -> None:
        self._engine = engine  # owns the machine code
        address = ctypes.c_void_p
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, address, address, address, address)
        self._function = prototype(engine.get_function_address(name))
        self._unused = ctypes.create_string_buffer(64)  # where numba's functions put results and errors

    def __call__(self, numbers: int, tape: int) -> None:
        self._function(self._unused, self._unused, numbers, tape)


def _key(*parts: str) -> str:
    """A name for all that the machine code depends on."""
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in (elementary.__file__, primitives.__file__, interpreter.__file__, __file__):
        digest.update(Path(str(path)).read_bytes())
    digest.update(" ".join(ELEMENTWISE.values()).encode())
    return digest.hexdigest()[:32]


def _directories() -> Iterator[Path]:
    """Where the file may lie: where numba is told to; otherwise beside this module, or among the user's caches."""
    told = os.environ.get("NUMBA_CACHE_DIR")
    if told:
        yield Path(told)
        return
    yield Path(__file__).parent / "__pycache__"
    if sys.platform == "win32":
        caches = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        caches = "~/Library/Caches"
    else:
        caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    with contextlib.suppress(RuntimeError):  # there is no home
        yield Path(caches).expanduser() / "chainrule"


def _read(key: str) -> list[tuple[str, bytes]] | None:
    """The functions' names and machine code, from a file that is whole."""
    for directory in _directories():
        with contextlib.suppress(OSError, ValueError):
            digest, content = read_up_to(directory / f"native-{key}", _LIMIT).split(b"\n", 1)
            if digest == hashlib.sha256(content).hexdigest().encode():
                return [(name, bytes.fromhex(code)) for name, code in json.loads(content)]
    return None


def _write(key: str, parts: list[tuple[str, bytes]]) -> None:
    """Keeps the machine code where that is possible."""
    content = json.dumps([(name, code.hex()) for name, code in parts]).encode()
    for directory in _directories():
        with contextlib.suppress(OSError, ValueError):
            directory.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(content).hexdigest().encode()
            write_atomically(directory / f"native-{key}", digest + b"\n" + content)
            return


def _compiled(machine: Foreign) -> list[tuple[str, bytes]]:
    """The names of the functions and their machine code: first what computes, then what calls it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        elementwise = _emitted(machine, *_elementwise())
        return [elementwise, _emitted(machine, *_interpreter(elementwise[0]))]


def _emitted(machine: Foreign, function: Foreign, signature: Foreign) -> tuple[str, bytes]:
    """The machine code of a function that numba compiles, and its name."""
    import llvmlite.binding as llvm

    function.compile(signature)
    module = llvm.parse_assembly(function.inspect_llvm(function.signatures[0]))
    [name] = [each.name for each in module.functions if not each.is_declaration and each.linkage.name == "external"]
    return name, machine.emit_object(module)


def _compilers() -> tuple[Foreign, Foreign]:
    """How functions are compiled, and how those that may round a product and a sum together."""
    import numba

    options: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**options), numba.njit(fastmath={"contract"}, **options)


def _elementwise() -> tuple[Foreign, Foreign]:
    """The function that has a loop for each operation, and its types."""
    from numba import types

    plain, fused = _compilers()
    names: dict[str, Any] = {}
    _add(names, elementary, fused)
    _add(names, primitives, plain)
    names.update(_bit_casts())
    exec(elementwise_text(), names)
    places = [types.int64] * 5
    return plain(names["elementwise"]), types.void(types.int64, types.CPointer(types.float64), *places)


def _interpreter(elementwise: str) -> tuple[Foreign, Foreign]:
    """The function that runs a tape and calls `elementwise`, and its types."""
    from numba import types

    plain, _ = _compilers()
    names: dict[str, Any] = {"elementwise": _called(elementwise)}
    _add(names, interpreter, plain)
    return names["run"], types.void(types.CPointer(types.float64), types.CPointer(types.int32))


def _called(name: str) -> Foreign:
    """A call of a function that was compiled before, as numba compiles its own: apart, or it would do so repeatedly."""
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
        loop = f"for i in range(length): numbers[result + i] = {{}}({operands})"
        lines.append(f"        {loop.format(name)}")
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
