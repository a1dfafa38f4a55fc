"""What is made of a graph: which of the backends run it, for how many rows, and their kernels."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING

import numpy as np

from . import costs
from .kernels import ArrayKernel, FloatKernel
from .lower import for_arrays, for_floats
from .pipeline import Request, complete, grouped, lowered, packed, traced, unpacked

if TYPE_CHECKING:
    from .costs import Choice

ALL = sys.maxsize
"""More rows than there can be."""


class Plan:
    """The simplified graph, and what the cost model chose for it. The Values are not looked at again.

    Attributes:
        size: what the estimates depend on.
        packs: whether a program on arrays computes alike nodes together, or one array per node.
        floats_below: batches with fewer rows than this run on floats; 0 if none do, ALL if all do.
    """

    def __init__(self, request: Request) -> None:
        self._graph = traced(request)
        self._request = _without_outputs(request)
        self._groups = grouped(self._graph)
        self.size = costs.sized(
            self._graph, len(self._groups.groups), request.wrt is not None, batched=bool(request.inputs)
        )
        choice = costs.choose(self.size)
        self.packs = choice.packs
        self.floats_below = _floats_below(request, choice)

    def on_floats(self, theta: np.ndarray) -> FloatKernel:
        """The program in Python, which reads this parameter vector."""
        request = self._request
        program = lowered(request, complete(request, *unpacked(request, self._graph)), for_floats)
        return FloatKernel(program, request.input_shapes, theta)

    def on_arrays(self, theta: np.ndarray) -> ArrayKernel:
        """The program on arrays, which reads this parameter vector."""
        request, graph = self._request, self._graph
        outputs = packed(request, graph, self._groups) if self.packs else unpacked(request, graph)
        program = lowered(request, complete(request, *outputs), for_arrays)
        return ArrayKernel(program, len(request.inputs), request.mean, theta)


def _without_outputs(request: Request) -> Request:
    """The same request, which does not keep the graph of Values alive."""
    kept = copy.copy(request)
    kept.outputs = ()
    return kept


def _floats_below(request: Request, choice: Choice) -> int:
    """The number of rows from which on arrays are used."""
    if request.backend == "arrays" or request.dtype != np.float64:
        return 0
    if request.backend == "floats":
        return ALL
    runs_once = not request.inputs
    return ALL if runs_once and choice.floats_below else choice.floats_below
