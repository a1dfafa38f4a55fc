"""Pictures of computations: the graph as DOT text, its rendering, and the chain rule in words."""

from .animation import Animation, animate
from .chain_rule import explain
from .display import Drawing
from .explanation import Explanation
from .page import Page
from .picture import draw
from .solution import Solution

__all__ = ["Animation", "Drawing", "Explanation", "Page", "Solution", "animate", "draw", "explain"]
