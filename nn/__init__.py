"""Scalar automatic differentiation."""
