"""Optimisers, schedules of their learning rates, and gradient clipping.

Each update rule is written once, on flat arrays of all parameters and all gradients; `step` gathers them from the
Parameters and scatters the result. The rules and their defaults are PyTorch's, and so are the trajectories.
"""

from .optimizer import Optimizer, clip_grad_norm
from .rules import SGD, Adam, AdamW, RMSprop
from .schedules import CosineAnnealingLR, Schedule, StepLR

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "StepLR",
    "clip_grad_norm",
]
