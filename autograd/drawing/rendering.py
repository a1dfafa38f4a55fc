"""Rendering: DOT text in, an image out, by the Graphviz inside pygraphviz or else the program `dot`."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_one_at_a_time = threading.Lock()  # Graphviz and the redirection of its warnings are one per process


class RenderingError(RuntimeError):
    """Graphviz is not installed, or did not accept a picture."""


def rendered(source: str, format: str, engine: str = "dot") -> bytes:
    """The picture that DOT text describes, as the content of a file.

    Args:
        source: DOT text.
        format: any of Graphviz's formats: "svg", "png", "pdf", "jpg", "dot", ...
        engine: the layout program: "dot", "neato", "nop2" for given positions, ...

    Raises:
        RenderingError: neither pygraphviz nor the program `dot` is installed, or Graphviz refused, with its reason.
    """
    try:
        import pygraphviz
    except ImportError as missing:
        return _with_program(source, format, engine, missing)
    return _in_process(pygraphviz, source, format, engine)


def _in_process(pygraphviz: Any, source: str, format: str, engine: str) -> bytes:
    with _one_at_a_time, _messages_kept() as messages:
        try:
            graph = pygraphviz.AGraph(string=source, strict=False, directed=True)
            image = graph.draw(format=format, prog=engine)
            graph.close()
        except Exception as error:  # bindings raise TypeError for an unknown format, and others for other reasons
            raise RenderingError(_refusal(format, messages() or str(error))) from error
    return bytes(image)


def _with_program(source: str, format: str, engine: str, missing: ImportError) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise RenderingError(
            "rendering needs Graphviz: `pip install pygraphviz` brings it along, or install your system's graphviz "
            f"package, which has the program `dot`, and put it on PATH (pygraphviz: {missing}; no `dot` on PATH)"
        ) from missing
    command = [program, f"-K{engine}", f"-T{format}"]
    finished = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    if finished.returncode:
        raise RenderingError(_refusal(format, finished.stderr.decode(errors="replace")))
    return finished.stdout


def _refusal(format: str, reason: str) -> str:
    lines = [line for line in reason.splitlines() if line.strip() and not line.startswith("Fontconfig")]
    return f"Graphviz could not render the picture as {format!r}: {' '.join(lines) or 'it gave no reason'}"


@contextlib.contextmanager
def _messages_kept() -> Iterator[Any]:
    """Keeps what Graphviz and its font library write to standard error off the user's terminal.

    Yields a function that returns the messages so far. C code writes them, past Python's `sys.stderr`.
    """
    with tempfile.TemporaryFile() as kept, contextlib.redirect_stderr(io.StringIO()):

        def messages() -> str:
            kept.seek(0)
            return kept.read().decode(errors="replace")

        try:
            terminal = os.dup(2)
        except OSError:  # a program without standard error, such as pythonw
            yield messages
            return
        if sys.__stderr__ is not None:
            sys.__stderr__.flush()
        os.dup2(kept.fileno(), 2)
        try:
            yield messages
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
