"""How well data determine what was fitted to them by least squares."""

from __future__ import annotations

import math

import numpy as np

from .types import Vector

_NONE = 1e-8  # a direction has no part of another one below this share


def spread(residuals: Vector, jacobian: Vector, slopes: Vector | None = None) -> Vector:
    """Standard errors of numbers that depend on fitted parameters, `sqrt(g C g)` for the slope g of each.

    C is the Gauss-Newton covariance `s^2 (J'J)^-1`, with `s^2 = r'r / (residuals - parameters)` (Seber and Wild,
    Nonlinear Regression, 1989, section 2.1; for a fitted curve, section 5.1).

    Args:
        residuals: what is left over, of shape (residuals,).
        jacobian: their derivatives by the parameters, of shape (residuals, parameters).
        slopes: the derivatives of the numbers by the parameters, of shape (numbers, parameters); by default the numbers
            are the parameters themselves.

    Returns:
        One per number; infinite if it depends on what the data do not determine.
    """
    free = len(residuals) - jacobian.shape[1]
    _, sizes, directions = np.linalg.svd(jacobian, full_matrices=False)
    undetermined = sizes <= np.finfo(float).eps * max(jacobian.shape) * sizes.max(initial=0.0)
    parts = directions.T if slopes is None else slopes @ directions.T
    lengths = np.linalg.norm(parts, axis=1, keepdims=True)
    shares = np.where(np.abs(parts) < _NONE * lengths, 0.0, parts) ** 2
    with np.errstate(all="ignore"):
        scaled = np.where(shares > 0.0, shares / sizes**2, 0.0)
        found: Vector = np.sqrt(scaled.sum(axis=1) * float(residuals @ residuals) / free)
    return np.where((undetermined & (shares > 0.0)).any(axis=1), math.inf, found)
