"""The engine for programs on arrays with machine code between the products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...kernels import ArrayKernel
from ..fused_places import FusedPlaces
from .array_tape import MachineCode, room
from .machine_code import functions

if TYPE_CHECKING:
    import numpy as np

    from ...ir import Program


class FusedKernel(ArrayKernel):
    """A program on NumPy arrays, of which machine code takes what is no product, several steps in a call."""

    name = "arrays and machine code"
    placed = FusedPlaces
    counts = "call"

    def __init__(self, program: Program, arguments: int, mean: bool, theta: np.ndarray) -> None:
        code = MachineCode(functions().run_arrays)
        super().__init__(program, arguments, mean, theta, machine_code=code, room=room)
