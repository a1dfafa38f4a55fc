"""A scalar autograd engine: Values, the operations on them, and the chain rule walked backwards through their graph."""

from . import collision as _collision  # noqa: F401  # first of all, it looks whether this package is intact
from .compiler import compile as compile
from .context import no_grad, scope
from .custom import operation
from .debug.anomaly import AnomalyError, detect_anomaly
from .derivatives import derivative, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .functions import (
    abs as abs,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cbrt,
    ceil,
    clip,
    cos,
    cosh,
    dot,
    elu,
    erf,
    exp,
    exp2,
    expm1,
    floor,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logsumexp,
    max as max,
    maximum,
    mean,
    min as min,
    minimum,
    mod,
    prod,
    reciprocal,
    relu,
    rint,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    square,
    sum as sum,
    tan,
    tanh,
    trunc,
    where,
)
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .bridges import from_jax, from_torch
    from .checking import GradcheckError, Report, check_backward, check_gradient, gradcheck
    from .debug.reads import Placeholder, detect_reads
    from .drawing import Animation, Drawing, Explanation, Page, Solution, animate, draw, explain

__version__ = "0.2.0"

# Imported when first asked for, so that `import autograd` stays light.
_LATER = {
    "Animation": "drawing",
    "Drawing": "drawing",
    "Explanation": "drawing",
    "GradcheckError": "checking",
    "Page": "drawing",
    "Placeholder": "debug.reads",
    "Report": "checking",
    "Solution": "drawing",
    "animate": "drawing",
    "check_backward": "checking",
    "check_gradient": "checking",
    "detect_reads": "debug.reads",
    "draw": "drawing",
    "explain": "drawing",
    "from_jax": "bridges",
    "from_torch": "bridges",
    "gradcheck": "checking",
}

# As in NumPy, `import *` leaves Python's own abs, max, min and sum alone.
__all__ = [
    "Animation",
    "AnomalyError",
    "Drawing",
    "Explanation",
    "GradcheckError",
    "Page",
    "Placeholder",
    "Report",
    "Solution",
    "Value",
    "animate",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "ceil",
    "check_backward",
    "check_gradient",
    "clip",
    "compile",
    "cos",
    "cosh",
    "derivative",
    "detect_anomaly",
    "detect_reads",
    "dot",
    "draw",
    "elu",
    "erf",
    "exp",
    "exp2",
    "explain",
    "expm1",
    "floor",
    "from_jax",
    "from_torch",
    "gelu",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "jvp",
    "leaky_relu",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "mod",
    "no_grad",
    "operation",
    "prod",
    "reciprocal",
    "relu",
    "rint",
    "scope",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
    "value_and_grad",
    "vjp",
    "where",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
