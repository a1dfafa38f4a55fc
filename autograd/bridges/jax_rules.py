"""JAX's primitives that hold other jaxprs: loops, branches, functions with derivatives of their own; and sorting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import numpy as jnp

from .. import ops
from ..node import CONSTANT
from ..operation import Operation
from ..value import Value, apply
from .cells import Cells, Foreign, data, elementwise, filled, lifted, recorded, row
from .jax_equations import closed_of, evaluated, float64, is_cells, place_of, source_of
from .matrices import each, eliminated, solved

if TYPE_CHECKING:
    from typing import Protocol

    from .problems import Problems

    class Reads(Protocol):
        """What reads jaxprs."""

        problems: Problems

        def call(self, closed: Foreign, args: Sequence[Foreign]) -> list[Foreign]: ...  # noqa: D102


CLOSE = 1e-9
"""How far a function's own derivative may be from that of what it computes and still be called the same."""

# Functions of JAX's own that are one row of the table


def _logaddexp(x: Value, y: Value) -> Value:
    if y.operation is CONSTANT and y.number == 0.0:
        return recorded(ops.softplus, x)
    return recorded(ops.logaddexp, x, y)


def _solve(a: Cells, b: Cells) -> Cells:
    """The x of a x = b, of which JAX's steps would have another derivative: they take the factors for constants."""
    if b.ndim == 1:
        return each(solved, lifted(a), lifted(b)[:, None])[..., 0]
    return each(solved, lifted(a), lifted(b))


_FUSED: dict[str, Callable[..., Cells]] = {
    "solve": _solve,
    "relu": row(ops.relu),
    "silu": row(ops.silu),
    "logaddexp": lambda x, y: elementwise(_logaddexp, x, y),
}


def is_fused(equation: Foreign) -> bool:
    """Whether an equation calls a function of JAX's own that the table has as one operation."""
    if equation.primitive.name not in ("jit", "pjit", "custom_jvp_call"):
        return False
    name, is_jax = source_of(closed_of(equation.params))
    return is_jax and name in _FUSED and len(equation.outvars) == 1


def fused(equation: Foreign, operands: Sequence[Foreign]) -> Cells:
    """The result of such an equation."""
    name, _ = source_of(closed_of(equation.params))
    return _FUSED[name](*(x if is_cells(x) else np.asarray(x) for x in operands))


# Branches and loops


def _cond(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """The branch that the numbers at hand lead into."""
    branches = equation.params["branches"]
    choice = int(np.clip(int(np.asarray(_number(operands[0]))), 0, len(branches) - 1))
    return reader.call(branches[choice], operands[1:])


def _number(x: Foreign) -> Foreign:
    return data(x) if is_cells(x) else x


def _while(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """As many turns as the numbers at hand take."""
    parameters = equation.params
    first, second = parameters["cond_nconsts"], parameters["cond_nconsts"] + parameters["body_nconsts"]
    for_condition, for_body, carried = operands[:first], operands[first:second], operands[second:]
    while bool(np.asarray(_number(reader.call(parameters["cond_jaxpr"], [*for_condition, *carried])[0]))):
        carried = reader.call(parameters["body_jaxpr"], [*for_body, *carried])
    return carried


def _scan(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """One turn for each element along the first dimension."""
    parameters = equation.params
    fixed, moving = parameters["num_consts"], parameters["num_consts"] + parameters["num_carry"]
    consts, carried, rows = operands[:fixed], operands[fixed:moving], operands[moving:]
    turns = range(parameters["length"])
    collected: list[list[Foreign]] = [[] for _ in equation.outvars[parameters["num_carry"] :]]
    for i in reversed(turns) if parameters["reverse"] else turns:
        found = reader.call(parameters["jaxpr"], [*consts, *carried, *(_row(x, i) for x in rows)])
        carried = found[: parameters["num_carry"]]
        for results, y in zip(collected, found[parameters["num_carry"] :], strict=True):
            results.append(y)
    shapes = [x.aval for x in equation.outvars[parameters["num_carry"] :]]
    stacked = [_stacked(ys[::-1] if parameters["reverse"] else ys, s) for ys, s in zip(collected, shapes, strict=True)]
    return [*carried, *stacked]


def _row(x: Foreign, i: int) -> Foreign:
    return x[i : i + 1].reshape(x.shape[1:]) if is_cells(x) else x[i]


def _stacked(ys: Sequence[Foreign], aval: Foreign) -> Foreign:
    if not ys:
        return jnp.zeros(aval.shape, aval.dtype)
    if not any(is_cells(y) for y in ys):
        return jnp.stack(ys)
    result = np.empty(aval.shape, dtype=object)
    for i, y in enumerate(ys):
        result[i : i + 1] = lifted(y if is_cells(y) else np.asarray(y))[None]
    return result


# Order


def _sort(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """The operands in the order of their numbers."""
    parameters, dim = equation.params, equation.params["dimension"]
    numbers = [jnp.asarray(_number(x)) for x in operands]
    places = jax.lax.broadcasted_iota(int, numbers[0].shape, dim)
    order = jax.lax.sort((*numbers, places), dimension=dim, is_stable=True, num_keys=parameters["num_keys"])[-1]
    return [_taken(x, np.asarray(order), dim) for x in operands]


def _top_k(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """The largest numbers, and where they are."""
    _, places = jax.lax.top_k(jnp.asarray(_number(operands[0])), equation.params["k"])
    return [_taken(operands[0], np.asarray(places), -1), places]


def _taken(x: Foreign, places: np.ndarray[Any, Any], dim: int) -> Foreign:
    taken = np.take_along_axis(x if isinstance(x, np.ndarray) else np.asarray(x), places, dim)
    return taken if taken.dtype == object else jnp.asarray(taken)


# Linear algebra


def _lu(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """The factors of square matrices, with the order of rows that the numbers at hand have."""
    _, pivots, order = evaluated(equation, [jnp.asarray(_number(operands[0]))])
    matrix, orders = operands[0], np.asarray(order)
    if matrix.shape[-1] != matrix.shape[-2]:
        reader.problems.note("the primitive lu of a matrix that is not square", place_of(equation))
        return evaluated(equation, [jnp.asarray(_number(matrix))])
    factors = np.empty(matrix.shape, dtype=object)
    for place in np.ndindex(*matrix.shape[:-2]):
        factors[place] = eliminated(matrix[place], orders[place].tolist())[0]
    return [factors, pivots, order]


# Functions with a derivative of their own


def _custom(reader: Reads, equation: Foreign, operands: list[Foreign]) -> list[Foreign]:
    """What the function computes, if its own derivative is that; otherwise operations that have its own."""
    parameters = equation.params
    closed = parameters["fun_jaxpr"] if "fun_jaxpr" in parameters else closed_of(parameters)
    variables = [i for i, x in enumerate(operands) if is_cells(x)]
    numbers = [jnp.asarray(_number(x)) for x in operands]

    def with_numbers(function: Callable[[list[Foreign]], list[Foreign]]) -> Callable[..., list[Foreign]]:
        def of_variables(*xs: Foreign) -> list[Foreign]:
            complete = list(numbers)
            for i, x in zip(variables, xs, strict=True):
                complete[i] = x
            return [y for y in function(complete) if jnp.issubdtype(y.dtype, jnp.inexact)]

        return of_variables

    own = with_numbers(lambda xs: evaluated(equation, xs))
    plain = with_numbers(lambda xs: list(jax.extend.core.jaxpr_as_fun(closed)(*xs)))
    xs = [numbers[i] for i in variables]
    back = _back(own, xs)
    if _same(back, _back(plain, xs)):
        return reader.call(closed, operands)
    name, slopes = source_of(closed)[0] or "custom", _jacobians(own, xs)
    cotangents = _cotangents(map(len, slopes))
    if not _same(back, [sum(c @ j for c, j in zip(cs, slopes, strict=True)) for cs in cotangents]):
        problem = f"{name} has a backward that is not linear in what comes back, so it has no local derivatives"
        reader.problems.note(problem, place_of(equation))
    results = iter(_with_own_derivative(name, own, [operands[i] for i in variables]))
    return [next(results) if jnp.issubdtype(y.dtype, jnp.inexact) else y for y in evaluated(equation, numbers)]


def _cotangents(sizes: Iterable[int]) -> list[list[np.ndarray[Any, Any]]]:
    """Two sets of cotangents for results of these sizes: what is not linear does not agree for both by chance."""
    ordinals = [np.arange(1.0, size + 1.0) for size in sizes]
    return [[np.sin(scale * each) * 3.0 for each in ordinals] for scale in (1.0, 2.0)]


def _back(function: Callable[..., list[Foreign]], xs: list[Foreign]) -> list[np.ndarray[Any, Any]]:
    """What goes back to the operands, for two sets of cotangents; nothing if JAX has no way back."""
    try:
        results, pull = jax.vjp(function, *xs)
        return [_flat(pull(_shaped(cs, results))) for cs in _cotangents([y.size for y in results])]
    except (NotImplementedError, TypeError, ValueError):  # such as a while_loop, the reason for many a custom_vjp
        return []


def _shaped(cotangents: Sequence[Foreign], results: Sequence[Foreign]) -> list[Foreign]:
    return [jnp.asarray(c.reshape(y.shape), y.dtype) for c, y in zip(cotangents, results, strict=True)]


def _flat(arrays: Sequence[Foreign]) -> np.ndarray[Any, Any]:
    return np.concatenate([np.asarray(x).ravel() for x in arrays])


def _jacobians(function: Callable[..., list[Foreign]], xs: list[Foreign]) -> list[np.ndarray[Any, Any]]:
    """For each result a matrix: its elements, by all elements of all operands."""
    by_operand = jax.jacrev(function, argnums=tuple(range(len(xs))))(*xs)
    return [_side_by_side(each, xs) for each in by_operand]


def _side_by_side(jacobians: Sequence[Foreign], xs: Sequence[Foreign]) -> np.ndarray[Any, Any]:
    return np.concatenate([np.asarray(j).reshape(-1, x.size) for j, x in zip(jacobians, xs, strict=True)], axis=1)


def _same(first: Sequence[np.ndarray[Any, Any]], second: Sequence[np.ndarray[Any, Any]]) -> bool:
    if len(first) != len(second):
        return False
    return all(np.allclose(a, b, CLOSE, CLOSE, equal_nan=True) for a, b in zip(first, second, strict=True))


def _with_own_derivative(name: str, function: Callable[..., list[Foreign]], operands: list[Cells]) -> list[Cells]:
    """An operation for each number of each result, of those operands that its derivative at hand is not 0 for."""
    xs = [jnp.asarray(data(x)) for x in operands]
    flat = [v for x in operands for v in x.ravel().tolist()]
    results = []
    for number, (matrix, y) in enumerate(zip(_jacobians(function, xs), function(*xs), strict=True)):
        found = []
        for position, slopes in enumerate(matrix):
            places = slopes.nonzero()[0].tolist() or [0]
            operation = _operation(name, function, xs, (number, position), places)
            found.append(apply(operation, *(flat[i] for i in places)))
        results.append(filled(found, y.shape))
    return results


def _operation(
    name: str, function: Callable[..., list[Foreign]], xs: list[Foreign], which: tuple[int, int], places: list[int]
) -> Operation:
    """One number of what a function of JAX returns, with the derivative that JAX has for it."""
    start = np.concatenate([np.asarray(x).ravel() for x in xs])

    def arrays(numbers: Sequence[float]) -> list[Foreign]:
        whole = start.copy()
        whole[places] = numbers
        ends = np.cumsum([x.size for x in xs])[:-1]
        return [jnp.asarray(part.reshape(x.shape)) for part, x in zip(np.split(whole, ends), xs, strict=True)]

    def formula(m: object, *numbers: float) -> float:
        _require_numbers(name, numbers)
        with float64():
            return float(function(*arrays(numbers))[which[0]].ravel()[which[1]])

    def partials(m: object, y: object, *numbers: float) -> tuple[float, ...]:
        _require_numbers(name, numbers)
        with float64():
            slopes = _jacobians(function, arrays(numbers))[which[0]][which[1]]
        return tuple(float(slopes[place]) for place in places)

    return Operation(name, formula, partials)


def _require_numbers(name: str, operands: Sequence[object]) -> None:
    if not all(isinstance(x, (int, float)) for x in operands):
        raise TypeError(
            f"{name} has a derivative of its own, written for JAX, that is not that of what it computes; it is known "
            "for numbers only: its graph draws, explains and has gradients, but no second derivatives and no program"
        )


CONTROL: dict[str, Callable[..., list[Foreign]]] = {
    "cond": _cond,
    "while": _while,
    "scan": _scan,
    "sort": _sort,
    "top_k": _top_k,
    "lu": _lu,
    "custom_jvp_call": _custom,
    "custom_vjp_call": _custom,
    "custom_vjp_call_jaxpr": _custom,
}
