"""Writes compiled programs for other languages: `.py`, `.js` and `.c` modules, by suffix, and models of ONNX."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from .calls import shown
from .engines.c import C
from .engines.c_module import c_text
from .engines.exported import Exported
from .engines.javascript import JAVASCRIPT
from .engines.javascript_module import javascript_text
from .engines.loops import Loops
from .engines.onnx_graph import OnnxGraph
from .engines.onnx_model import onnx_bytes
from .engines.onnx_numbers import KNOWN
from .lower import asked, for_code
from .standalone import module_text

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    import numpy as np

    from ..ops import Operation
    from .ir import Action, Contribution, Shape
    from .kernels import ArrayKernel
    from .plan import Plan


class Exports:
    """A compiled program, to be written for other languages.

    Args:
        plan: what it computes.
        theta: its parameters; what they are when it is written stands in the text.
        input_shapes: the shape of a row of each argument.
        output_shape: the shape of a row of outputs; None for a program that gives a loss and its gradient.
        mean: whether the loss is averaged over the batch, or summed.
    """

    def __init__(
        self, plan: Plan, theta: np.ndarray, input_shapes: Sequence[Shape], output_shape: Shape | None, mean: bool
    ) -> None:
        self._plan = plan
        self._theta = theta
        self._input_shapes = input_shapes
        self._output_shape = output_shape
        self._mean = mean

    def text(self, path: PurePath) -> str:
        """The module in the language of a path's suffix, which is one of `SUFFIXES`.

        Raises:
            ValueError: the formula of an operation cannot be written; or the file of a C module has a name that no
                function can begin with.
        """
        if path.suffix == ".py":
            return self.python()
        return self.javascript() if path.suffix == ".js" else self.c(path.stem)

    def python(self) -> str:
        """A module that needs NumPy only."""
        kernel = cast("ArrayKernel", self._plan.on("arrays"))
        _require_text(kernel.asked)
        return module_text(kernel, self._input_shapes, self._output_shape, self._mean)

    def javascript(self, module: bool = True) -> str:
        """An ES module without dependencies.

        Args:
            module: whether what it defines is exported. Otherwise the text is to be embedded into a function.
        """
        return javascript_text(self._exported(JAVASCRIPT.spellings), module)

    def c(self, stem: str) -> str:
        """A C99 module.

        Args:
            stem: the file's name without suffix, which the names of its functions begin with.
        """
        name = _identifier(stem)
        return c_text(self._exported(C.spellings), name)

    def onnx(self) -> bytes:
        """A model of ONNX.

        Raises:
            ImportError: `onnx` is not installed.
            TypeError: the program gives a gradient.
            ValueError: the formula of an operation cannot be written.
        """
        if self._output_shape is None:
            raise TypeError(
                "save_onnx: ONNX is for outputs, and this program gives a loss and its gradient; "
                "compile what to predict without wrt, as in compile(model(x), inputs=(x,))"
            )
        program = self._plan.written(for_code)
        _require_text(asked(program, KNOWN))
        graph = OnnxGraph(program, self._theta, bool(self._input_shapes))
        return onnx_bytes(graph.nodes, self._input_shapes, self._output_shape)

    def _exported(self, known: Container[Action]) -> Exported:
        program = self._plan.written(for_code)
        _require_text(asked(program, known))
        loops = Loops(program, bool(self._input_shapes), self._output_shape is None)
        return Exported(loops, self._theta, self._input_shapes, self._output_shape, self._mean)


SUFFIXES = (".py", ".js", ".c")


def checked_path(caller: str, path: Any, suffixes: Sequence[str]) -> PurePath:
    """The path of a file with one of these suffixes.

    Raises:
        TypeError: it is neither a string nor a path.
        ValueError: it cannot be a file's, or has another suffix.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{caller}: path must be a string or a path, got {shown(path)} of type {type(path).__name__}")
    try:
        name = os.fsencode(path)
    except ValueError:
        name = b""
    if not name or b"\0" in name:
        raise ValueError(f"{caller}: path must be the name of a file, got {shown(path)}")
    checked = PurePath(os.fsdecode(name))
    if checked.suffix not in suffixes:
        one_of = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}" if len(suffixes) > 1 else suffixes[0]
        raise ValueError(f"{caller}: path must end in {one_of}, got {shown(path)}")
    return checked


def _require_text(operations: Sequence[Operation | Contribution]) -> None:
    if operations:
        names = ", ".join(dict.fromkeys(map(str, operations)))
        raise ValueError(
            f"this program cannot be saved: the formula of {names} decides by Python's `if` or "
            "calls other libraries; write it with the functions of m, such as m.where"
        )


def _identifier(stem: str) -> str:
    """What names of a C module begin with: the stem of its file, with _ for characters that often stand there."""
    name = re.sub(r"[-. ]", "_", stem)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"save_source: functions of a C module begin with its file's name, so this must be ASCII letters, digits, "
            f"- and _, a letter first; got {shown(stem)}"
        )
    return name
