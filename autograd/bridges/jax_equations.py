"""Single equations of a jaxpr: what they call, where they come from, and what JAX itself computes for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import jax
import jax.extend
import numpy as np
from jax import numpy as jnp

from .cells import Foreign, data
from .problems import line_of

JAX = os.path.dirname(jax.__file__) + os.sep


def is_cells(x: Foreign) -> bool:
    """Whether these are Values and not numbers."""
    return isinstance(x, np.ndarray) and x.dtype == object


def numbers_of(operands: Sequence[Foreign], equation: Foreign) -> list[Foreign]:
    """The operands of an equation with numbers in place of cells."""
    kinds = [x.aval.dtype for x in equation.invars]
    return [jnp.asarray(data(x), _kind(k)) if is_cells(x) else x for x, k in zip(operands, kinds, strict=True)]


def _kind(dtype: Foreign) -> Foreign:
    return dtype if jnp.issubdtype(dtype, jnp.bool_) else jnp.float64


def evaluated(equation: Foreign, operands: Sequence[Foreign]) -> list[Foreign]:
    """What JAX itself computes for one equation."""
    found = equation.primitive.get_bind_params(equation.params)
    functions, parameters = found if isinstance(found, tuple) else ((), found)
    results = equation.primitive.bind(*functions, *operands, **parameters)
    return list(results) if equation.primitive.multiple_results else [results]


def place_of(equation: Foreign) -> str:
    """The user's line that an equation comes from, and the named scopes that it is in."""
    names = "/".join(str(each.name) for each in getattr(equation.source_info.name_stack, "stack", ()))
    where = f"scope {names}, " if names else ""
    frames = getattr(equation.source_info.traceback, "frames", ())
    mine = os.path.dirname(os.path.dirname(__file__)) + os.sep
    for frame in frames:
        if not frame.file_name.startswith((JAX, mine, "<")):
            return where + line_of(frame.file_name, frame.line_num)
    return where + "an unknown line"


def closed_of(parameters: Foreign) -> Foreign:
    """The jaxpr that an equation calls, with its constants."""
    jaxpr = parameters["jaxpr"] if "jaxpr" in parameters else parameters["call_jaxpr"]
    return jaxpr if hasattr(jaxpr, "consts") else jax.extend.core.ClosedJaxpr(jaxpr, ())


def source_of(closed: Foreign) -> tuple[str, bool]:
    """The name of the function that a jaxpr was made of, and whether it is one of JAX's own."""
    about = getattr(closed.jaxpr, "debug_info", None)
    source = str(getattr(about, "func_filename", None) or getattr(about, "func_src_info", ""))
    return str(getattr(about, "func_name", "") or source.partition(" ")[0]), JAX in source


@contextmanager
def float64() -> Iterator[None]:
    """While it is in force JAX computes in float64 where it is given float64."""
    import jax.experimental

    home = jax if hasattr(jax, "enable_x64") else jax.experimental  # the latter before JAX 0.8
    with home.enable_x64(True):
        yield
