"""Small neural networks in code: modules, losses, optimisers, training and storage, in the manner of PyTorch."""

from autograd import collision as _collision  # noqa: F401  # first of all, it looks whether autograd is intact

from . import init
from .activations import (
    ELU,
    GELU,
    Activation,
    ArgMax,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    argmax,
    log_softmax,
    one_hot,
    softmax,
)
from .diagrams import diagram
from .history import History
from .layers import MLP, Linear, Sequential
from .losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    cross_entropy_of_probabilities,
    hinge,
    huber,
    mae,
    mse,
    nll,
    ssr,
)
from .module import Module, Parameter
from .optim import SGD, Adam, AdamW, CosineAnnealingLR, Optimizer, RMSprop, Schedule, StepLR, clip_grad_norm
from .plots import plot_decision_regions, plot_fit
from .storage import StorageError, load, save
from .train import fit

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "ArgMax",
    "CosineAnnealingLR",
    "History",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Module",
    "Optimizer",
    "Parameter",
    "RMSprop",
    "ReLU",
    "Schedule",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StepLR",
    "StorageError",
    "Tanh",
    "argmax",
    "binary_cross_entropy_with_logits",
    "clip_grad_norm",
    "cross_entropy",
    "cross_entropy_of_probabilities",
    "diagram",
    "fit",
    "hinge",
    "huber",
    "init",
    "load",
    "log_softmax",
    "mae",
    "mse",
    "nll",
    "one_hot",
    "plot_decision_regions",
    "plot_fit",
    "save",
    "softmax",
    "ssr",
]
