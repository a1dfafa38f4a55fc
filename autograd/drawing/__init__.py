"""Pictures of computations: the graph as DOT text, its rendering, and the chain rule in words."""

from .animation import animate
from .chain_rule import explain
from .display import Drawing
from .explanation import Explanation
from .picture import draw
from .solution import Solution

__all__ = ["Drawing", "Explanation", "Solution", "animate", "draw", "explain"]
