"""Derivatives against the truth: gradcheck for graphs, check_gradient for derivatives written by hand."""

from .by_hand import check_gradient
from .check import gradcheck
from .report import GradcheckError

__all__ = ["GradcheckError", "check_gradient", "gradcheck"]
