"""A scalar autograd engine: Values, the operations on them, and the chain rule walked backwards through their graph."""

from . import specialize as _specialize
from .anomaly import AnomalyError, detect_anomaly
from .derivatives import derivative, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .drawing import draw
from .functions import (
    abs as abs,
)
from .functions import (
    arccos,
    arcsin,
    arctan,
    arctan2,
    clip,
    cos,
    cosh,
    dot,
    elu,
    erf,
    exp,
    expm1,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    logaddexp,
    logsumexp,
    maximum,
    mean,
    minimum,
    operation,
    prod,
    reciprocal,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    square,
    tan,
    tanh,
    where,
)
from .functions import (
    max as max,
)
from .functions import (
    min as min,
)
from .functions import (
    sum as sum,
)
from .recording import no_grad, scope
from .value import Value

_specialize.install()

# As in NumPy, `import *` leaves Python's own abs, max, min and sum alone.
__all__ = [
    "AnomalyError",
    "Value",
    "arccos",
    "arcsin",
    "arctan",
    "arctan2",
    "clip",
    "cos",
    "cosh",
    "derivative",
    "detect_anomaly",
    "dot",
    "draw",
    "elu",
    "erf",
    "exp",
    "expm1",
    "gelu",
    "grad",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "jvp",
    "leaky_relu",
    "log",
    "log1p",
    "logaddexp",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "no_grad",
    "operation",
    "prod",
    "reciprocal",
    "relu",
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
    "value_and_grad",
    "vjp",
    "where",
]
