"""The interpreters of the native engine as machine code: compiled by numba once, then read from a file.

Only compiling takes numba. The file is loaded by llvmlite, which comes with it and is imported in a tenth of the time.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ....files import read_up_to, write_atomically
from ...kernels import UnavailableError
from . import compilation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .compilation import Foreign

_LIMIT = 1 << 24  # bytes; some 300,000 are expected
_UNUSED = ctypes.create_string_buffer(64)  # where numba's functions put results and errors
_FROM_C = "acos acosh asin asinh atan atan2 atanh cos erf erfc exp fmod hypot log pow sin tan"
_WAIT = "autograd: numba makes machine code, which takes some ten seconds the first time"
_loaded: list[Functions | UnavailableError] = []  # once it was tried


def functions() -> Functions:
    """The functions that run tapes.

    Raises:
        UnavailableError: they cannot be made here.
    """
    if not _loaded:
        try:
            _loaded.append(_made())
        except Exception as error:  # numba and LLVM may raise anything
            what = " ".join(str(error).split())
            _loaded.append(UnavailableError(f"numba cannot compile here: {type(error).__name__}: {what[:200]}"))
    [made] = _loaded
    if isinstance(made, UnavailableError):
        raise UnavailableError(str(made))
    return made


def _made() -> Functions:
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
        _say(_WAIT)
        parts = compilation.compiled(machine)
        _write(key, parts)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for _, code in parts:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Functions(engine, *[name for name, _ in parts[1:]])


def _say(sentence: str) -> None:
    """Tells somebody at a terminal; output that goes elsewhere stays as it is."""
    with contextlib.suppress(ValueError, OSError):  # it may be closed
        if sys.stderr is not None and sys.stderr.isatty():
            print(sentence, file=sys.stderr, flush=True)


class Functions:
    """Functions of machine code, by name."""

    def __init__(self, engine: Foreign, run: str, run_arrays: str) -> None:
        self._engine = engine  # owns the machine code
        address = ctypes.c_void_p
        long, short = [kind(ctypes.c_int32, *[address] * 4) for kind in (ctypes.CFUNCTYPE, ctypes.PYFUNCTYPE)]
        self._run = long(engine.get_function_address(run))
        self._run_arrays = short(engine.get_function_address(run_arrays))
        self._unused = ctypes.c_void_p(ctypes.addressof(_UNUSED))

    def run(self, numbers: int, tape: int) -> None:
        """Calls `interpreter.run` with the addresses of numbers and tape. It lets other threads run."""
        self._run(self._unused, self._unused, numbers, tape)

    def run_arrays(self, numbers: int, tape: int) -> Callable[[], object]:
        """What calls `array_steps.run_arrays` with the addresses of numbers and tape. It is too short for others."""
        return partial(self._run_arrays, self._unused, self._unused, ctypes.c_void_p(numbers), ctypes.c_void_p(tape))


def _key(*parts: str) -> str:
    """A name for all that the machine code depends on."""
    digest = hashlib.sha256("\0".join(parts).encode())
    digest.update(Path(compilation.__file__).read_bytes())
    for module in compilation.SOURCES:
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(compilation.elementwise_text().encode())
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
