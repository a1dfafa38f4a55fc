"""Validates the arguments of `compile`."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..extras import is_installed, missing_extra
from ..value import Value
from .calls import shown
from .pipeline import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BACKENDS = ("floats", "arrays", "fused", "native", "jax")
EXTRAS = {"fused": "native", "native": "native", "jax": "jax"}
"""The extra that a backend needs."""
PACKAGES = {"native": "numba", "jax": "jax"}
"""The package that each extra brings."""


def requested(
    outputs: Any, wrt: Any, inputs: Any, reduction: str, backend: str | None, dtype: Any, *, of_leaves: bool = True
) -> Request:
    """The request; inputs must be leaves, each once, if it is one `of_leaves`.

    Raises:
        TypeError: something is not a Value, or not a sequence of them.
        ValueError: anything else; the message says what was expected and what came.
    """
    results, is_list = _outputs(outputs)
    parameters = None if wrt is None else _parameters(wrt)
    if parameters is not None and is_list:
        raise ValueError(
            f"compile: a gradient needs one loss, got a list of {len(results)} outputs; add them up, or leave out wrt"
        )
    arguments, shapes = _inputs(inputs, of_leaves)
    if parameters is not None or arguments:
        _check_recorded(results)
    if of_leaves:
        _check_once(parameters or [], arguments, shapes)
    if not (isinstance(reduction, str) and reduction in ("mean", "sum")):
        raise ValueError(f"compile: reduction must be 'mean' or 'sum', got {shown(reduction)}")
    if backend is not None and not (isinstance(backend, str) and backend in BACKENDS):
        raise ValueError(
            f"compile: backend must be one of {', '.join(map(repr, BACKENDS))} or None, got {shown(backend)}"
        )
    if backend in EXTRAS:
        require_extra(EXTRAS[backend], f"compile: backend {backend!r}")
    kind = _dtype(dtype)
    if backend in ("floats", "fused") and kind != np.float64:
        raise ValueError(f"compile: backend {backend!r} computes in float64, got dtype {kind}")
    return Request(results, is_list, parameters, arguments, shapes, reduction == "mean", backend, kind)


@cache
def native_installed() -> bool:
    """Whether machine code may be chosen by itself: on Linux, and if numba is there, which takes long to import.

    Elsewhere its loading has not been tried, so it has to be asked for.
    """
    return sys.platform == "linux" and is_installed(PACKAGES["native"])


def require_extra(extra: str, what: str) -> None:
    """Raises an ImportError that says what needs the extra, and how to install it, if its package is not there."""
    if not is_installed(PACKAGES[extra]):
        raise missing_extra(what, extra)


def _outputs(outputs: Any) -> tuple[list[Value], bool]:
    if isinstance(outputs, Value):
        return [outputs], False
    if callable(outputs):
        raise TypeError(
            f"compile: the outputs must be Values, got {shown(outputs)}; call it with placeholders first, "
            "as in x = [Value(0.0), Value(0.0)] and compile(model(x), inputs=(x,))"
        )
    results = _values(outputs, "the outputs")
    if not results:
        raise ValueError("compile: the outputs are none; give a Value or a list of Values")
    return results, True


def _check_recorded(results: Sequence[Value]) -> None:
    if all(result.is_constant for result in results):
        raise ValueError(
            f"compile: the output is constant, {results[0]!r}: nothing about how it depends on wrt and inputs was "
            "recorded; compute it from Values, outside no_grad, and without detach, argmax and float()"
        )


def _dtype(dtype: Any) -> np.dtype[Any]:
    try:
        kind: np.dtype[Any] | None = None if dtype is None else np.dtype(dtype)  # NumPy's None is float64
    except Exception:  # NumPy looks for attributes, which may raise anything
        kind = None
    if kind is None or kind not in (np.float64, np.float32):
        raise ValueError(f"compile: dtype must be float64 or float32, got {shown(dtype)}")
    return kind


def _parameters(wrt: Any) -> list[Value]:
    if callable(getattr(type(wrt), "parameters", None)):
        raise TypeError("compile: wrt must be a Value or a sequence of Values; give model.parameters(), not the model")
    parameters = [wrt] if isinstance(wrt, Value) else _values(wrt, "wrt")
    if not parameters:
        raise ValueError("compile: wrt is empty; leave it out for a program without gradient")
    for i, parameter in enumerate(parameters):
        if parameter.operation is not None:
            _check_leaf(parameter, f"wrt[{i}]")
    return parameters


def _inputs(inputs: Any, of_leaves: bool) -> tuple[list[list[Value]], list[tuple[int, ...]]]:
    if isinstance(inputs, Value):
        raise TypeError(
            "compile: inputs is a sequence with one element for each array, as in inputs=(x, y); got a Value"
        )
    arguments: list[list[Value]] = []
    shapes: list[tuple[int, ...]] = []
    for k, element in enumerate(_listed(inputs, "inputs")):
        values = [element] if isinstance(element, Value) else _values(element, f"inputs[{k}]")
        for j, value in enumerate(values if of_leaves else ()):
            _check_leaf(value, f"inputs[{k}]" if isinstance(element, Value) else f"inputs[{k}][{j}]")
        arguments.append(values)
        shapes.append(() if isinstance(element, Value) else (len(values),))
    return arguments, shapes


def _listed(values: Any, what: str) -> list[Any]:
    if isinstance(values, (set, frozenset)):
        raise TypeError(f"compile: {what} must have an order, such as that of a list; got a {type(values).__name__}")
    try:
        if not isinstance(values, (str, bytes, bytearray, memoryview, dict)):
            return list(values)
    except TypeError:
        pass
    expected = "sequence" if what == "inputs" else "Value or a sequence of Values"
    raise TypeError(f"compile: {what} must be a {expected}, got {shown(values)} of type {type(values).__name__}")


def _values(values: Iterable[Any], what: str) -> list[Value]:
    listed = _listed(values, what)
    for i, value in enumerate(listed):
        if not isinstance(value, Value):
            raise TypeError(f"compile: {what}[{i}] must be a Value, got {shown(value)} of type {type(value).__name__}")
    return listed


def _check_leaf(value: Value, what: str) -> None:
    if value.op is not None:
        raise ValueError(
            f"compile: {what} must be a leaf, a Value made from a number, but it is the result of {value.op!r}"
        )
    if value.is_constant:
        raise ValueError(f"compile: {what} must be a leaf, but it is a constant: {value!r}")


def _check_once(
    parameters: Sequence[Value], arguments: Sequence[Sequence[Value]], shapes: Sequence[tuple[int, ...]]
) -> None:
    everything = [value for values in (parameters, *arguments) for value in values]
    if len(set(everything)) == len(everything):
        return
    places = [f"wrt[{i}]" for i in range(len(parameters))]
    for k, shape in enumerate(shapes):
        places += [f"inputs[{k}][{j}]" for j in range(shape[0])] if shape else [f"inputs[{k}]"]
    seen: dict[Value, str] = {}
    for place, value in zip(places, everything, strict=True):
        if value in seen:
            raise ValueError(f"compile: {place} is the same Value as {seen[value]}; each has a place of its own")
        seen[value] = place
