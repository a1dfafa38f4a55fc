"""Derivatives against the truth: gradcheck for graphs, check_gradient for derivatives written by hand."""

from .by_hand import check_gradient
from .check import gradcheck
from .report import GradcheckError, Report

__all__ = ["GradcheckError", "Report", "check_gradient", "gradcheck"]
