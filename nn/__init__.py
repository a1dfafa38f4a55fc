"""Small neural networks in code: modules, losses, optimisers, training and storage, in the manner of PyTorch."""

from autograd import collision as _collision  # noqa: F401  # first of all, it looks whether autograd is intact
from autograd.extras import is_installed as _is_installed

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
from .metrics import accuracy
from .module import Module, Parameter
from .optim import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    CosineAnnealingLR,
    LevenbergMarquardt,
    Optimizer,
    RMSprop,
    Schedule,
    StepLR,
    clip_grad_norm,
)
from .storage import StorageError, load, save
from .training.fit import fit
from .training.history import History

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pictures.diagram import diagram
    from .pictures.playground import playground
    from .pictures.plots import plot_decision_regions, plot_fit
    from .training.estimators import MLPClassifier, MLPRegressor

# Imported when first asked for: diagrams load graphviz, estimators scikit-learn.
_LATER = {
    "MLPClassifier": "training.estimators",
    "MLPRegressor": "training.estimators",
    "diagram": "pictures.diagram",
    "playground": "pictures.playground",
    "plot_decision_regions": "pictures.plots",
    "plot_fit": "pictures.plots",
}

__all__ = [
    "ELU",
    "GELU",
    "LBFGS",
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
    "LevenbergMarquardt",
    "Linear",
    "LogSoftmax",
    "MLPClassifier",
    "MLPRegressor",
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
    "accuracy",
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
    "playground",
    "plot_decision_regions",
    "plot_fit",
    "save",
    "softmax",
    "ssr",
]


if not _is_installed("sklearn"):  # neither `import *` nor dir() offers what is an ImportError
    __all__[:] = [name for name in __all__ if _LATER.get(name) != "training.estimators"]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
