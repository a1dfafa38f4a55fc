"""Derivatives against the truth: gradcheck for graphs, check_gradient and check_backward for anybody's code."""

from .backward import check_backward
from .by_hand import check_gradient
from .check import gradcheck
from .report import GradcheckError, Report

__all__ = ["GradcheckError", "Report", "check_backward", "check_gradient", "gradcheck"]
