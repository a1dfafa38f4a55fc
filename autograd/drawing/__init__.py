"""Pictures of computations: the graph as DOT text, its rendering, and the chain rule in words."""

from .picture import draw

__all__ = ["draw"]
