"""Rows of the table that only partials need, in order to keep their digits."""

from __future__ import annotations

import math
from functools import partial

from .operation import ANYWHERE, POSITIVE, row

_helper = partial(row, is_helper=True)

identity = _helper("identity", lambda m, x: x, lambda m, y, x: (1.0,), latex="{0}", linear=True)
step = _helper(
    "step",
    lambda m, x, threshold, tie: m.step(x, threshold, tie),
    lambda m, y, x, threshold, tie: (None, None, None),
    kinks=lambda x, threshold, tie: (x - threshold,),
    domain=(ANYWHERE, ANYWHERE, (0.0, 1.0)),
)
one_minus_square = _helper(
    "one_minus_square",
    lambda m, x: m.one_minus_square(x),
    lambda m, y, x: (-2.0 * x,),
    latex="1 - {{{0}}}^2",
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
