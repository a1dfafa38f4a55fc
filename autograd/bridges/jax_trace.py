"""from_jax: JAX writes a function down as a jaxpr, which is read here, equation by equation, on cells.

What depends on no leaf JAX computes itself. Loops and branches are followed with the numbers at hand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp, tree_util

from ..collector import collector_paused
from ..context import scope
from ..value import Value
from .cells import Cells, Foreign, Parameter, combined, leaves, lifted, merged, moved
from .jax_equations import closed_of, evaluated, float64, is_cells, numbers_of, place_of, source_of
from .jax_rules import CONTROL, fused, is_fused
from .lax_table import CONDITIONS, LINEAR, MERGES, MOVES, SHAPES, TABLE
from .problems import Problems

LARGE = 16
"""An equation that gives more numbers than this, outside of named scopes, is a scope of its own."""

CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint", "composite"})
"""Primitives that only call another jaxpr."""


def translated(f: Callable[..., Foreign], args: Sequence[Foreign]) -> Foreign:
    """What f returns for these arguments, with Values in place of arrays."""
    with float64(), collector_paused():
        flat, structure = tree_util.tree_flatten_with_path(tuple(args))
        names = _names_of_arguments(f, args)
        numbers = [_checked(x, names, path) for path, x in flat]
        places = [i for i, x in enumerate(numbers) if isinstance(x, np.ndarray) and x.dtype == np.float64]
        if not places:
            kinds = ", ".join(type(x).__name__ for x in args) or "none"
            raise TypeError(f"from_jax: at least one argument must be floating, such as 3.0 instead of 3; got {kinds}")

        def of_leaves(*floating: Foreign) -> Foreign:
            complete = list(numbers)
            for i, x in zip(places, floating, strict=True):
                complete[i] = x
            return f(*tree_util.tree_unflatten(structure, complete))

        jaxpr, shape = jax.make_jaxpr(of_leaves, return_shape=True)(*(jnp.asarray(numbers[i]) for i in places))
        cells = [_leaves_of(numbers[i], names, flat[i][0]) for i in places]
        reader = Reader(Problems("from_jax"))
        found = reader.run(jaxpr.jaxpr, jaxpr.consts, cells)
        reader.problems.raise_if_any()
        values = [_values(x) for x in found]
        return tree_util.tree_unflatten(tree_util.tree_structure(shape), values)


def _checked(x: Foreign, names: list[str], path: Foreign) -> Foreign:
    """A floating argument as an array of float64; anything else as it is."""
    if isinstance(x, Value):
        raise TypeError(f"from_jax takes numbers and arrays as JAX does, got the Value {x!r} as {_name(names, path)}")
    if not hasattr(x, "dtype") and not isinstance(x, (int, float, complex)):
        return x
    kind = x.dtype if hasattr(x, "dtype") else jnp.result_type(x)
    if jnp.issubdtype(kind, jnp.complexfloating):
        raise TypeError(f"from_jax: {_name(names, path)} is complex; a Value is a real number")
    return np.asarray(x, dtype=np.float64) if jnp.issubdtype(kind, jnp.floating) else x


def _names_of_arguments(f: Callable[..., Foreign], args: Sequence[Foreign]) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in parameters if each.kind in kinds]
    rest = [each.name for each in parameters if each.kind is inspect.Parameter.VAR_POSITIONAL] or ["args"]
    return [*names[: len(args)], *(f"{rest[0]}[{i}]" for i in range(len(args) - len(names)))]


def _name(names: list[str], path: Foreign) -> str:
    """The name of an array among the arguments: containers joined by dots, as modules are."""
    keys = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", "")))) for key in path]
    return ".".join([names[path[0].idx], *keys[1:]])


def _leaves_of(numbers: np.ndarray[Any, Any], names: list[str], path: Foreign) -> Cells:
    """Leaves of the first argument are parameters, by which `jax.grad` differentiates unless it is told otherwise."""
    return leaves(numbers, _name(names, path), Parameter if path[0].idx == 0 else Value)


def _values(x: Foreign) -> Foreign:
    return lifted(x if isinstance(x, np.ndarray) and x.dtype == object else np.asarray(x)).tolist()


class Reader:
    """Reads jaxprs on cells.

    Args:
        problems: where it notes what it cannot translate.
    """

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def run(self, jaxpr: Foreign, consts: Sequence[Foreign], args: Sequence[Foreign]) -> list[Foreign]:
        """The results of a jaxpr: cells where they depend on a leaf, arrays of JAX otherwise."""
        known: dict[Foreign, Foreign] = dict(zip(jaxpr.constvars, consts, strict=True))
        known.update(zip(jaxpr.invars, args, strict=True))

        def read(x: Foreign) -> Foreign:
            return x.val if hasattr(x, "val") else known[x]

        scopes = _NamedScopes()
        try:
            for equation in jaxpr.eqns:
                is_named = scopes.enter(equation.source_info.name_stack)
                operands = [read(x) for x in equation.invars]
                known.update(zip(equation.outvars, self._results(equation, operands, is_named), strict=True))
        finally:
            scopes.leave(0)
        return [read(x) for x in jaxpr.outvars]

    def call(self, closed: Foreign, args: Sequence[Foreign]) -> list[Foreign]:
        """The results of a jaxpr with its constants."""
        return self.run(closed.jaxpr, closed.consts, args)

    def _results(self, equation: Foreign, operands: list[Foreign], is_named: bool) -> Sequence[Foreign]:
        name, parameters = equation.primitive.name, equation.params
        if not any(map(is_cells, operands)):
            return evaluated(equation, operands)
        if not any(jnp.issubdtype(x.aval.dtype, jnp.inexact) for x in equation.outvars) and not self._is_live(equation):
            return evaluated(equation, numbers_of(operands, equation))  # a decision
        if any(jnp.issubdtype(x.aval.dtype, jnp.complexfloating) for x in equation.outvars):
            self.problems.note("complex numbers; a Value is a real number", place_of(equation))
            return evaluated(equation, numbers_of(operands, equation))
        if is_fused(equation):
            with self._step(equation, is_named):
                return [fused(equation, operands)]
        if name in CALLS:
            with _scope_of(equation):
                return self.call(closed_of(parameters), operands)
        if name in CONTROL:
            return CONTROL[name](self, equation, operands)
        if name in MOVES or name in LINEAR or name in MERGES:
            return [self._asked(equation, operands)]
        if name not in TABLE:
            self.problems.note(f"the primitive {name}", place_of(equation))
            return evaluated(equation, numbers_of(operands, equation))
        with self._step(equation, is_named):
            found = TABLE[name](parameters, *operands)
        return found if isinstance(found, (tuple, list)) else [found]

    def _is_live(self, equation: Foreign) -> bool:
        """Whether it gives conditions that stay in the graph, or moves them."""
        is_condition = all(jnp.issubdtype(x.aval.dtype, jnp.bool_) for x in equation.outvars)
        name = equation.primitive.name
        return is_condition and (name in CONDITIONS or name in CALLS or name in CONTROL or name in SHAPES)

    def _step(self, equation: Foreign, is_named: bool) -> AbstractContextManager[object]:
        is_large = max(x.aval.size for x in equation.outvars) > LARGE
        return scope(title_of(equation)) if is_large and not is_named else nullcontext()

    def _asked(self, equation: Foreign, operands: list[Foreign]) -> Cells:
        """What a primitive that moves numbers, combines them linearly or merges them does with cells."""
        is_floating = [jnp.issubdtype(x.aval.dtype, jnp.floating) for x in equation.invars]
        arrays = [
            lifted(np.asarray(x)) if not is_cells(x) else x for x, yes in zip(operands, is_floating, strict=True) if yes
        ]

        def run(numbers: list[np.ndarray[Any, Any]], asked: Foreign = equation) -> Foreign:
            given = iter(numbers)
            complete = [jnp.asarray(next(given)) if yes else x for x, yes in zip(operands, is_floating, strict=True)]
            return evaluated(asked, complete)[0]

        def run_filling(numbers: list[np.ndarray[Any, Any]]) -> Foreign:
            """What the gaps are filled with is moved, too."""
            return run(numbers, equation.replace(params={**equation.params, "fill_value": float(numbers[-1])}))

        name = equation.primitive.name
        if name in MERGES:
            target, updates = arrays
            return merged(run, target, updates, *MERGES[name])
        if equation.params.get("fill_value") is not None:
            return moved(run_filling, [*arrays, lifted(equation.params["fill_value"])])
        return moved(run, arrays) if name in MOVES else combined(run, arrays)


class _NamedScopes:
    """The scopes of `jax.named_scope`, opened and closed as equations come."""

    def __init__(self) -> None:
        self._open: list[tuple[str, scope]] = []

    def enter(self, stack: Foreign) -> bool:
        """Opens the scopes of an equation and closes those it is not in; tells whether there are any."""
        names = [str(each.name) for each in getattr(stack, "stack", ()) if type(each).__name__ == "Scope"]
        same = 0
        while same < min(len(names), len(self._open)) and self._open[same][0] == names[same]:
            same += 1
        self.leave(same)
        for name in names[same:]:
            inside = scope(name)
            inside.__enter__()
            self._open.append((name, inside))
        return bool(names)

    def leave(self, depth: int) -> None:
        """Closes all but so many of the outermost scopes."""
        while len(self._open) > depth:
            self._open.pop()[1].__exit__(None, None, None)


def title_of(equation: Foreign) -> str:
    """What pictures call an equation: a function of JAX by its name, other primitives by theirs."""
    return source_of(closed_of(equation.params))[0] if is_fused(equation) else str(equation.primitive.name)


def _scope_of(equation: Foreign) -> AbstractContextManager[object]:
    """A call of the user's own function is a scope; those of JAX's are its business."""
    name, is_jax = source_of(closed_of(equation.params))
    return nullcontext() if is_jax or not name or name.startswith("<") else scope(name)
