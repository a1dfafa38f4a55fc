"""Optimisers, schedules of their learning rates, and gradient clipping.

Each update rule is written once, on flat arrays of all parameters and all gradients; `step` gathers them from the
Parameters and scatters the result. The rules and their defaults are PyTorch's, and so are the trajectories.
"""

from .lbfgs import LBFGS as LBFGS
from .levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
from .optimizer import Optimizer as Optimizer, clip_grad_norm as clip_grad_norm
from .rules import SGD as SGD, Adam as Adam, AdamW as AdamW, RMSprop as RMSprop
from .schedules import CosineAnnealingLR as CosineAnnealingLR, Schedule as Schedule, StepLR as StepLR
