"""A scalar autograd engine: Values, operations, and the chain rule walked backwards through their graph."""

from . import specialize as _specialize
from .recording import no_grad, scope
from .value import Value

_specialize.install()

__all__ = ["Value", "no_grad", "scope"]
