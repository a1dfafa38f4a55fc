"""Rows of the table that only partials need, in order to keep their digits."""

from __future__ import annotations

import math
from functools import partial

from .operation import ANYWHERE, POSITIVE, row

_helper = partial(row, is_helper=True)

# d/dx of x**y, flat for y = 0 also at x = 0, where the product would be 0 * inf.
pow_slope = _helper(
    "pow_slope",
    lambda m, x, y: m.where(y, y * m.pow(x, y - 1.0), 0.0),
    lambda m, z, x, y: (
        m.where(y, y * m.pow_slope(x, y - 1.0), 0.0),
        m.pow(x, y - 1.0) + m.where(y, y * m.pow_log(x, y - 1.0, 1.0), 0.0),
    ),
    latex="{1} {{{0}}}^{{{1} - 1}}",
    domain=(POSITIVE, ANYWHERE),
)
# The n-th derivative of x**y by y; 0**y is flat for y >= 0, where the product would be 0 * -inf.
pow_log = _helper(
    "pow_log",
    lambda m, x, y, n: m.where(m.maximum(m.abs(x), m.step(0.0, y, 0.0)), m.pow(x, y) * m.pow(m.log(x), n), 0.0),
    lambda m, z, x, y, n: (
        y * m.pow_log(x, y - 1.0, n) + n * m.pow_log(x, y - 1.0, n - 1.0),
        m.pow_log(x, y, n + 1.0),
        None,
    ),
    latex=r"{{{0}}}^{{{1}}} \log({0})^{{{2}}}",
    domain=(POSITIVE, ANYWHERE, (1.0, 1.0)),
)
identity = _helper("identity", lambda m, x: x, lambda m, y, x: (1.0,), latex="{0}", linear=True)
step = _helper(
    "step",
    lambda m, x, threshold, tie: m.step(x, threshold, tie),
    lambda m, y, x, threshold, tie: (None, None, None),
    kinks=lambda x, threshold, tie: (x - threshold,),
    domain=(ANYWHERE, ANYWHERE, (0.0, 1.0)),
)
one_minus_square = _helper(
    "one_minus_square", lambda m, x: m.one_minus_square(x), lambda m, y, x: (-2.0 * x,), latex="1 - {{{0}}}^2"
)
sech = _helper("sech", lambda m, x: m.sech(x), lambda m, y, x: (-(y * m.tanh(x)),))
gaussian = _helper(
    "gaussian", lambda m, x: m.gaussian(x), lambda m, y, x: (-x * y,), latex="e^{{-{0}^2/2}}", is_helper=True
)
normal_cdf = _helper(
    "normal_cdf",
    lambda m, x: m.normal_cdf(x),
    lambda m, y, x: (m.gaussian(x) * (1.0 / math.sqrt(2.0 * math.pi)),),
    latex=r"\Phi({0})",
)
direction = _helper(
    "direction",
    lambda m, x, y: m.direction(x, y),
    lambda m, z, x, y: (
        m.div(m.square(m.direction(y, x)), m.hypot(x, y)),
        -m.div(z * m.direction(y, x), m.hypot(x, y)),
    ),
    latex=r"\frac{{{0}}}{{\sqrt{{{0}^2 + {1}^2}}}}",
    domain=(POSITIVE, ANYWHERE),
)
