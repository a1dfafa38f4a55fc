"""Which backends run a graph, for which batch sizes, and their kernels."""

from __future__ import annotations

import os
import sys
import threading
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..collector import collector_paused
from . import costs
from .ir import Builder
from .kernels import ArrayKernel, FloatKernel, UnavailableError
from .lower import for_arrays, for_floats, for_jax, lower
from .pipeline import Request, complete, packed, traced, unpacked
from .requests import native_installed
from .signatures import grouped

if TYPE_CHECKING:
    from collections.abc import Callable

    from .costs import Choice
    from .ir import Program
    from .kernels import Kernel
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
        request: what to compile, without the outputs, which would keep the graph of Values alive.
        theta: the parameters.
        size: what the estimates depend on.
        packs: whether alike nodes are packed into arrays; otherwise each node has its own.
        choices: the backends by batch size: each runs the batches with fewer rows than its number that the one before
            it does not. The last number is ALL.
        notes: why a backend that was chosen cannot be used.
    """

    def __init__(self, request: Request, theta: np.ndarray) -> None:
        self._graph = traced(request)
        self.request = request._replace(outputs=())
        self.theta = theta
        self._groups = grouped(self._graph, request.gives_gradient)
        self.size = costs.sized(self._graph, self._groups.groups, request.gives_gradient, batched=bool(request.inputs))
        choice = costs.choose(self.size, native_installed())
        self.packs = choice.packs
        self.choices = _choices(request, choice)
        self.notes: list[str] = []
        self._kernels: dict[str, Kernel] = {}
        packs = self.packs and self.choices[-1][1] not in ("floats", "native")
        self._ready = {packs: self._program(packs)}  # if a partial derivative raises, it does so now

    def _program(self, packs: bool) -> Program:
        request, graph = self.request, self._graph
        outputs = packed(request, graph, self._groups) if packs else unpacked(request, graph)
        return complete(request, *outputs)

    def lowered(self, packs: bool, rule: Rule) -> Program:
        """The program in terms of what its engine has. The one made beforehand is used up."""
        program = self._ready.pop(packs) if packs in self._ready else self._program(packs)
        return lower(program, Builder(self.request.mean, bool(self.request.inputs)), rule)

    def written(self, rule: Rule) -> Program:
        """The program in terms of what a language has, whose modules do not depend on this plan's kernels."""
        with _making, collector_paused():
            return lower(self._program(self.packs), Builder(self.request.mean, bool(self.request.inputs)), rule)

    def on(self, backend: str) -> Kernel:
        """The kernel of a backend."""
        with _making, collector_paused():
            if backend not in self._kernels:
                self._kernels[backend] = _MAKERS[backend](self)
        return self._kernels[backend]

    def kernel(self, batch: int) -> Kernel:
        """The kernel that runs batches of this size."""
        for below, backend in self.choices:
            if batch < below:
                try:
                    return self._kernels.get(backend) or self.on(backend)
                except UnavailableError as error:
                    self._do_without_native(error)
                    return self.kernel(batch)
        raise AssertionError(f"no backend for {batch} rows")

    def kernels(self) -> list[Kernel]:
        """Those that some batch size runs on, the one for the largest batches first."""
        try:
            return [self.on(backend) for _, backend in reversed(self.choices)]
        except UnavailableError as error:
            self._do_without_native(error)
            return self.kernels()

    def _do_without_native(self, error: UnavailableError) -> None:
        with _making:
            self.choices = _choices(self.request._replace(backend=None), costs.choose(self.size))
            self.notes = [f"not native: {error}"]

    def descriptions(self) -> list[str]:
        """A line per kernel: what it does in a call."""
        kernels = self.kernels()
        lines = []
        for (below, _), kernel in zip(reversed(self.choices), kernels, strict=True):
            rows = f" below {below} rows" if below < ALL else ""
            lines.append(f"{kernel.name}{rows}: {kernel.does}")
        return lines + self.notes


def _choices(request: Request, choice: Choice) -> tuple[tuple[int, str], ...]:
    """The backends by batch size."""
    if request.backend is not None:
        return ((ALL, request.backend),)
    if request.dtype != np.float64:
        choice = choice._replace(floats_below=0, fused_from=0)
    if not request.inputs:
        return ((ALL, choice.backend(1)),)
    starts = sorted({1, choice.floats_below, choice.native_from, choice.native_below, choice.fused_from, ALL} - {0})
    ranges = [(end, choice.backend(start)) for start, end in pairwise(starts)]
    return tuple([each for each, after in zip(ranges, [*ranges[1:], (ALL, "")], strict=True) if each[1] != after[1]])


def _on_floats(plan: Plan) -> FloatKernel:
    return FloatKernel(plan.lowered(packs=False, rule=for_floats), plan.request.input_shapes, plan.theta)


def _on_arrays(plan: Plan) -> ArrayKernel:
    program = plan.lowered(plan.packs, rule=for_arrays)
    kernel = ArrayKernel(program, len(plan.request.inputs), plan.request.mean, plan.theta)
    kernel.name = "arrays" if plan.packs else "one array per node"
    return kernel


def _on_native(plan: Plan) -> Kernel:
    from .engines.native.kernel import NativeKernel  # only here: it takes time to load
    from .engines.native.rules import ForNative

    program = plan.lowered(packs=False, rule=ForNative())
    return NativeKernel(program, plan.request.input_shapes, plan.theta)


def _on_fused(plan: Plan) -> Kernel:
    from .engines.native.fused_kernel import FusedKernel  # only here: it takes time to load
    from .engines.native.rules import for_fused

    program = plan.lowered(plan.packs, rule=for_fused)
    return FusedKernel(program, len(plan.request.inputs), plan.request.mean, plan.theta)


def _on_jax(plan: Plan) -> Kernel:
    from .jax_program import JaxKernel  # only here: it imports JAX

    program = plan.lowered(plan.packs, rule=for_jax)
    return JaxKernel(program, plan.request, plan.theta, in_a_child=lambda: plan.on("arrays"))


_MAKERS: dict[str, Callable[[Plan], Kernel]] = {
    "floats": _on_floats,
    "arrays": _on_arrays,
    "native": _on_native,
    "fused": _on_fused,
    "jax": _on_jax,
}
"""How each backend's kernel is made."""
