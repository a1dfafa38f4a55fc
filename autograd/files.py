"""Files that are written whole or not at all, and read up to a limit; only regular ones."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # on Windows, where a file in use cannot be removed anyway
    fcntl = None  # type: ignore[assignment]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Replaces a file whole: whoever reads it, even after a crash, finds the old content or the new one.

    Who may read and write it stays as it was. Removes what writes of processes that were killed have left.

    Raises:
        OSError: it cannot be written, is a directory or, as a ValueError too, a pipe, socket or device.
    """
    _write(path, content, replace=True)


def try_writing(path: str | os.PathLike[str], content: bytes) -> None:
    """Raises the OSError that `write_atomically` would, and leaves everything as it was."""
    _write(path, content, replace=False)


def read_up_to(path: str | os.PathLike[str], limit: int) -> bytes:
    """The content of a regular file.

    Raises:
        ValueError: it is larger than `limit` bytes, or a pipe, socket or device, which is not waited for.
        OSError: it cannot be read.
    """
    _require_regular(path, os.stat(path).st_mode)
    with open(path, "rb", opener=_without_waiting) as file:
        _require_regular(path, os.fstat(file.fileno()).st_mode)
        content = file.read(min(limit, 2**62) + 1)
        if len(content) > limit:
            size = max(len(content), os.fstat(file.fileno()).st_size)
            raise ValueError(f"{size:,} bytes are too many; at most {limit:,} are expected here")
    return content


def _write(path: str | os.PathLike[str], content: bytes, replace: bool) -> None:
    target = os.path.realpath(path)
    if os.path.exists(target):
        _require_regular(path, os.stat(target).st_mode)
    _remove_leftovers(target)
    part = f"{target}.{secrets.token_hex(4)}.part"
    try:
        with _locked(part) as file:
            if os.path.exists(target):
                shutil.copymode(target, part)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows moves no open files
            if replace:
                os.replace(part, target)
            else:
                os.unlink(part)
    except BaseException as error:
        Path(part).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == part:
            error.filename = os.fspath(path)  # the name that the user knows
        raise


def _locked(part: str) -> BinaryIO:
    """A new file, marked as being written until it is closed or the process ends."""
    while True:
        file = open(part, "xb")  # noqa: SIM115  # the caller closes it
        if fcntl is not None:
            with contextlib.suppress(OSError):  # on file systems without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.exists(part):  # nobody took it for a leftover before it was locked
            return file
        file.close()


def _require_regular(path: str | os.PathLike[str], mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{os.fspath(path)!r} is a directory; name a file in it")
    if not stat.S_ISREG(mode):
        kind = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}.get(stat.S_IFMT(mode), "device")
        raise io.UnsupportedOperation(f"{os.fspath(path)!r} is a {kind}, not a file")


def _remove_leftovers(target: str) -> None:
    """Removes unfinished files of other writes to the same target, unless somebody still writes to them."""
    folder, name = os.path.split(target)
    pattern = re.compile(rf"{re.escape(name)}\.[0-9a-f]{{8}}\.part")
    with contextlib.suppress(OSError):
        for part in filter(pattern.fullmatch, os.listdir(folder)):
            with contextlib.suppress(OSError):
                _remove_unless_locked(os.path.join(folder, part))


def _remove_unless_locked(part: str) -> None:
    if fcntl is None:  # Windows removes no open files
        os.unlink(part)
        return
    with open(part, "rb", opener=_without_waiting) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(part)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
