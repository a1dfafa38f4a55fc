"""Which engines run a graph, for which batch sizes, and their kernels."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np

from ..collector import collector_paused
from . import costs
from .ir import Builder
from .kernels import ArrayKernel, FloatKernel
from .lower import for_arrays, for_floats, lower
from .pipeline import Request, complete, packed, traced, unpacked
from .signatures import grouped

if TYPE_CHECKING:
    from .costs import Choice
    from .ir import Program
    from .lower import Rule

ALL = sys.maxsize
"""More rows than any batch."""

_making = threading.RLock()  # held while a kernel is made; a fork waits, so that the child never finds it held
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


class Plan:
    """The simplified graph, what the cost model chose for it, and the kernels, each made at its first use.

    It does not look at the Values again.

    Attributes:
        size: what the estimates depend on.
        packs: whether alike nodes are packed into arrays; otherwise each node has its own.
        floats_below: batches with fewer rows run on floats; 0 if none do, ALL if all do.
        floats: the kernel on floats; None until it is made.
        arrays: the kernel on arrays; None until it is made.
    """

    def __init__(self, request: Request, theta: np.ndarray) -> None:
        self._graph = traced(request)
        self._request = request._replace(outputs=())  # lets go of the graph of Values
        self._theta = theta
        self._groups = grouped(self._graph)
        self.size = costs.sized(
            self._graph, len(self._groups.groups), request.gives_gradient, batched=bool(request.inputs)
        )
        choice = costs.choose(self.size)
        self.packs = choice.packs
        self.floats_below = _floats_below(request, choice)
        self.floats: FloatKernel | None = None
        self.arrays: ArrayKernel | None = None
        packs = self.packs and self.floats_below < ALL
        self._ready = {packs: self._program(packs)}  # if a partial derivative raises, it does so now

    def _program(self, packs: bool) -> Program:
        request, graph = self._request, self._graph
        outputs = packed(request, graph, self._groups) if packs else unpacked(request, graph)
        return complete(request, *outputs)

    def _lowered(self, packs: bool, rule: Rule) -> Program:
        """The program in terms of what its engine has. The one made beforehand is used up."""
        program = self._ready.pop(packs) if packs in self._ready else self._program(packs)
        return lower(program, Builder(self._request.mean, bool(self._request.inputs)), rule)

    def lowered(self, rule: Rule) -> Program:
        """The program in terms of what a language has, whose modules do not depend on this plan's kernels."""
        with _making, collector_paused():
            return lower(self._program(self.packs), Builder(self._request.mean, bool(self._request.inputs)), rule)

    def on_floats(self) -> FloatKernel:
        """The kernel on floats."""
        with _making, collector_paused():
            if self.floats is None:
                program = self._lowered(packs=False, rule=for_floats)
                self.floats = FloatKernel(program, self._request.input_shapes, self._theta)
        return self.floats

    def on_arrays(self) -> ArrayKernel:
        """The kernel on arrays."""
        with _making, collector_paused():
            if self.arrays is None:
                program = self._lowered(self.packs, rule=for_arrays)
                request = self._request
                self.arrays = ArrayKernel(program, len(request.inputs), request.mean, self._theta)
        return self.arrays

    def kernels(self) -> list[ArrayKernel | FloatKernel]:
        """Those that some batch size runs on."""
        on_arrays = [self.on_arrays()] if self.floats_below < ALL else []
        return [*on_arrays, *([self.on_floats()] if self.floats_below > 0 else [])]

    def descriptions(self) -> list[str]:
        """A line per kernel: what it does in a call."""
        lines = []
        if self.floats_below < ALL:
            kernel = self.on_arrays()
            kind = "arrays" if self.packs else "one array per node"
            lines.append(f"{kind}: {kernel.work}, {costs.counted(kernel.statements, 'NumPy call')}")
        if self.floats_below > 0:
            below = f" below {self.floats_below} rows" if lines else ""
            lines.append(f"floats{below}: {self.on_floats().work}")
        return lines


def _floats_below(request: Request, choice: Choice) -> int:
    """The batch size from which on arrays are used."""
    if request.backend == "arrays" or request.dtype != np.float64:
        return 0
    if request.backend == "floats":
        return ALL
    runs_once = not request.inputs
    return ALL if runs_once and choice.floats_below else choice.floats_below
