"""Pictures of computations: the graph as DOT text, its rendering, and the chain rule in words."""

from .chain_rule import explain
from .explanation import Explanation
from .picture import draw

__all__ = ["Explanation", "draw", "explain"]
