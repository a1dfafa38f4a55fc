"""JAX's arrays as a number system: every row of the table as a function that JAX can differentiate.

Each function is given the row's own partial derivatives, so the conventions at kinks and the limits at infinities are
the library's, to any order, under any of JAX's transformations. Importing this module imports JAX.
"""

from __future__ import annotations

import math
from functools import cache, partial, reduce
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.experimental.custom_partitioning import custom_partitioning
from jax.scipy.special import erf, erfc

from .. import ops
from ..ops import TABLE, NumberSystem, Operation
from . import arrays
from .ir import Contribution
from .kernels import on_arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array: TypeAlias = Any
"""An array of JAX, a tracer of one, or a number."""

_SHARED: dict[str, Any] = {"np": jnp}  # what the functions of `arrays.py` refer to, instead of NumPy's


def _on_jax(function: Any) -> Callable[..., Array]:
    """A function of `arrays.py`, which only uses what `jax.numpy` has too."""
    return FunctionType(function.__code__, {**vars(arrays), **_SHARED}, function.__name__)


_SHARED |= {name: _on_jax(getattr(arrays, name)) for name in ("root", "largest_shares")}
products_of_the_others = _on_jax(arrays.products_of_the_others)


def stack(*xs: Array) -> Array:
    """Operands side by side along a new last axis."""
    return jnp.stack(jnp.broadcast_arrays(*xs), axis=-1)


def within(number: float, dtype: Array) -> float:
    """A finite number, or the largest of a type that is too small for it."""
    top = float(jnp.finfo(dtype).max)
    return min(max(number, -top), top)


def _fitting(operands: Sequence[Array]) -> Sequence[Array]:
    """Operands whose plain numbers are within the type of the arrays, such as a bound of the largest float."""
    if not any(isinstance(x, float) and math.isfinite(x) for x in operands):
        return operands
    dtype = jnp.result_type(*operands)
    return [within(x, dtype) if isinstance(x, float) and math.isfinite(x) else x for x in operands]


# Along the last axis


def _exponentials(x: Array) -> tuple[Array, Array, Array, Array]:
    """The maximum of each row, where it is, exp(x - maximum) of the others, and their sum."""
    top = jnp.max(x, axis=-1, keepdims=True)
    at_top = jnp.arange(x.shape[-1]) == jnp.argmax(x, axis=-1, keepdims=True)
    e = jnp.where(at_top, 0.0, jnp.exp(x - top))
    return top, at_top, e, jnp.sum(e, axis=-1, keepdims=True)


def _with_jvp(function: Callable[..., Array], jvp: Callable[..., tuple[Array, Array]]) -> Callable[..., Array]:
    """The function with a rule of its own for derivatives, which makes no use of tangents that are 0 for certain."""
    differentiable = jax.custom_jvp(function)
    differentiable.defjvp(jvp, symbolic_zeros=True)
    return lambda *operands: differentiable(*_fitting(operands))


def _softmax(x: Array) -> Array:
    top, at_top, e, rest = _exponentials(x)
    return jnp.where(at_top, 1.0, e) / jnp.where(jnp.greater(top, -jnp.inf), 1.0 + rest, jnp.nan)


def _softmax_jvp(primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
    p = softmax(*primals)
    return p, softmax_pull(p, *tangents)  # the Jacobian is symmetric


softmax = _with_jvp(_softmax, _softmax_jvp)
"""exp(x) / sum(exp(x)) of each row. One that is infinite has everything; the shares of several are nan."""


def _log_softmax(x: Array) -> Array:
    top, at_top, _, rest = _exponentials(x)
    log = jnp.log1p(rest)
    others = x - top - jnp.where(jnp.isfinite(top), log, jnp.where(jnp.isnan(top), jnp.nan, 0.0))
    return jnp.where(jnp.equal(top, -jnp.inf), -jnp.inf, jnp.where(at_top, -log, others))


def _log_softmax_jvp(primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
    """The tangent less its mean by the shares, all relative to the largest's: 1 - p keeps its digits."""
    [x], [tangent] = primals, tangents
    relative = tangent - _at_the_top(x, tangent)
    return log_softmax(x), relative - jnp.sum(softmax(x) * relative, axis=-1, keepdims=True)


def softmax_pull(p: Array, cotangent: Array) -> Array:
    """The cotangent of x for p = softmax(x): p (c - sum(p c)), with all c relative to that of the largest p."""
    c = cotangent - _at_the_top(p, cotangent)
    return p * (c - jnp.sum(p * c, axis=-1, keepdims=True))


def _at_the_top(x: Array, array: Array) -> Array:
    """The elements of an array where x is largest in its row."""
    return jnp.take_along_axis(array, jnp.argmax(x, axis=-1, keepdims=True), axis=-1)


log_softmax = _with_jvp(_log_softmax, _log_softmax_jvp)
"""x - logsumexp(x) of each row."""


def log_softmax_pull(x: Array, cotangent: Array) -> Array:
    """The cotangent of x for log_softmax(x): c - p sum(c), where the sum of the others stands in place of 1 - p."""
    top, at_top, e, rest = _exponentials(x)
    whole = jnp.where(jnp.greater(top, -jnp.inf), 1.0 + rest, jnp.nan)
    c_top, total = _at_the_top(x, cotangent), jnp.sum(cotangent, axis=-1, keepdims=True)
    return jnp.where(at_top, (c_top * rest - (total - c_top)) / whole, cotangent - e * (total / whole))


def _of_rows(function: Callable[[Array], Array], partials: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function with one result per row, and its partial derivatives."""

    def jvp(primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
        return differentiable(*primals), jnp.sum(partials(*primals) * tangents[0], axis=-1)

    differentiable = _with_jvp(function, jvp)
    return differentiable


def _logsumexp(x: Array) -> Array:
    top, _, _, rest = _exponentials(x)
    return jnp.where(jnp.isfinite(top), top + jnp.log1p(rest), top)[..., 0]


def masked_products(spec: str, x: Array, y: Array, mask: Array) -> Array:
    """A contraction of which some products do not count, "blk,brk,lk->brl", say: not even 0 times infinity.

    The axis of the batch is b.
    """
    return _masked_products(spec)(x, y, mask)


@cache
def _masked_products(spec: str) -> Callable[..., Array]:
    is_by_rows = "b" in spec.split("->")[1]  # sums over the batch are one for all devices
    return _by_shards(spec) if is_by_rows else partial(_decided, spec)


def _by_shards(spec: str) -> Callable[..., Array]:
    """Masked products for each row of a batch, which each device decides for its own: it need not ask the others.

    JAX knows neither derivatives of such a function nor a further axis. Derivatives are those of the products one by
    one: JAX cannot turn round a derivative that decides, once it has a further axis.
    """
    function = partial(_decided, spec)
    by_shards = custom_partitioning(function)
    by_shards.def_partition(
        partition=lambda mesh, arrays, result: (mesh, function, result.sharding, tuple(x.sharding for x in arrays)),
        sharding_rule=" ".join(spec).replace("- >", "->"),
        need_replication_factors=tuple([axis for axis in dict.fromkeys(spec) if axis not in "b,->"]),
    )
    of_batches = jax.custom_batching.custom_vmap(by_shards)
    of_batches.def_vmap(
        lambda _, has_axis, *xs: (jax.vmap(function, in_axes=[0 if each else None for each in has_axis])(*xs), True)
    )

    def jvp(primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
        return differentiable(*primals), jax.jvp(partial(_selected, spec), primals, tangents)[1]

    differentiable: Callable[..., Array] = jax.custom_jvp(of_batches)
    differentiable.defjvp(jvp)  # type: ignore[attr-defined]
    return differentiable


def _decided(spec: str, x: Array, y: Array, mask: Array) -> Array:
    """`masked_products`: the masked factors are 0, so that a plain contraction gives the same if it is finite."""
    *axes, _, result = spec.replace("->", ",").split(",")
    plain = jnp.einsum(f"{axes[0]},{axes[1]}->{result}", x, y)
    return jax.lax.cond(jnp.isfinite(plain).all(), lambda: plain, lambda: _selected(spec, x, y, mask))


def _selected(spec: str, x: Array, y: Array, mask: Array) -> Array:
    """The same from the products one by one, which takes longer."""
    *axes, result = spec.replace("->", ",").split(",")
    labels = result + "".join([label for label in dict.fromkeys("".join(axes)) if label not in result])

    def spread(array: Array, of: str) -> Array:
        ordered = jnp.transpose(array, [of.index(label) for label in labels if label in of])
        return jnp.expand_dims(ordered, [i for i, label in enumerate(labels) if label not in of])

    counts = spread(mask, axes[2]) != 0.0
    left, right = (jnp.where(counts, spread(array, of), 0.0) for array, of in ((x, axes[0]), (y, axes[1])))
    return jnp.sum(left * right, axis=tuple(range(len(result), len(labels))))


def _constant(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function through which no derivative flows."""
    return lambda *xs: jax.lax.stop_gradient(function(*xs))


largest_shares = _constant(_on_jax(arrays.largest_shares))
smallest_shares = _constant(_on_jax(arrays.smallest_shares))

ROWS: dict[str, Callable[..., Array]] = {
    "softmax": softmax,
    "softmax_pull": softmax_pull,
    "log_softmax": log_softmax,
    "log_softmax_pull": log_softmax_pull,
    "products_of_the_others": products_of_the_others,
    "largest_shares": largest_shares,
    "smallest_shares": smallest_shares,
    "logsumexp": _of_rows(_logsumexp, softmax),
    "prod": _of_rows(partial(jnp.prod, axis=-1), products_of_the_others),
    "max": _of_rows(partial(jnp.max, axis=-1), largest_shares),
    "min": _of_rows(partial(jnp.min, axis=-1), smallest_shares),
    "mean": lambda x: jnp.sum(x * (1.0 / x.shape[-1]), axis=-1),  # scaled before it overflows
}
"""The functions along the last axis."""


def _sigmoid(x: Array) -> Array:
    """e / (1 + e) below 0 and 1 / (1 + e) above, with e = exp(-|x|), which does not overflow."""
    e = jnp.exp(-jnp.abs(x))
    return jnp.where(jnp.less(x, 0.0), e, 1.0) / (1.0 + e)


_FAR = 40.0  # exp(-x**2 / 2) is 0 from there on


def _normal_cdf(x: Array) -> Array:
    """The standard normal distribution function, corrected for the rounding of its argument."""
    half, rest_of_half = 0.7071067811865476, -4.833646656726457e-17  # sqrt(1/2) to twice the precision
    near = jnp.clip(x, -_FAR, _FAR)
    scaled = 134217729.0 * near  # 2**27 + 1 splits a float into halves (T. J. Dekker 1971)
    high = scaled - (scaled - near)
    low = near - high
    half_high = 134217729.0 * half - (134217729.0 * half - half)
    half_low = half - half_high
    error = ((high * half_high - near * half) + high * half_low + low * half_high) + low * half_low
    rest = -(error + near * rest_of_half)
    return 0.5 * erfc(-x * half) - rest * _gaussian(x) / math.sqrt(math.pi)


def _gaussian(x: Array) -> Array:
    """exp(-x**2 / 2), the square split into an exact part and a small rest (W. J. Cody 1969)."""
    near = jnp.clip(x, -_FAR, _FAR)
    exact = jnp.floor(near * 16.0) / 16.0
    return jnp.exp(-0.5 * exact * exact) * jnp.exp(-0.5 * (near - exact) * (near + exact))


def _sech(x: Array) -> Array:
    e = jnp.exp(-jnp.abs(x))
    return 2.0 * e / (1.0 + e * e)


_PRIMITIVES: dict[Operation, Callable[..., Array]] = {
    **{row: getattr(jnp, row.ufunc) for row in TABLE.values() if row.ufunc},
    ops.erf: erf,
    ops.where: _on_jax(arrays.where),
    ops.step: _on_jax(arrays.unit_step),
    ops.direction: _on_jax(arrays.direction),
    ops.gaussian: _gaussian,
    ops.normal_cdf: _normal_cdf,
    ops.one_minus_square: lambda x: (1.0 - x) * (1.0 + x),
    ops.sech: _sech,
    ops.sigmoid: _sigmoid,
}
"""The rows that have a function of their own; the others are computed by their formulas."""


class JaxNumbers(NumberSystem[Array]):
    """The `m` of formulas on JAX's arrays."""

    erfc = staticmethod(erfc)

    def __init__(self) -> None:
        for row in TABLE.values():
            if not row.sequences and not row.of_first:
                function = _PRIMITIVES.get(row) or partial(row.formula, self)
                setattr(self, row.name, _differentiable(function, partial(row.partials, self)))
            elif row.name in ROWS and row.sequences:
                setattr(self, row.name, partial(_of_many, ROWS[row.name]))

    def softmax(self, xs: Sequence[Array]) -> list[Array]:
        """The shares of all operands."""
        return list(jnp.moveaxis(softmax(stack(*xs)), -1, 0))

    def sum(self, xs: Sequence[Array]) -> Array:
        """The sum from left to right; 0 for no numbers."""
        return reduce(lambda x, y: x + y, xs, 0.0)

    def dot(self, xs: Sequence[Array], ys: Sequence[Array]) -> Array:
        """The sum of the products."""
        return self.sum([x * y for x, y in zip(xs, ys, strict=True)])

    def apply(self, operation: Operation, *operands: Array) -> Array:
        """An operation of the user's own."""
        return self.own(operation)(*operands)

    def own(self, operation: Operation) -> Callable[..., Array]:
        """An operation of the user's own as a function.

        A formula that only works on numbers is asked for them, by the host and element by element.
        """

        def function(*operands: Array) -> Array:
            try:
                result = self.evaluate(operation, operands)
                return jnp.broadcast_to(result, _common(operands).shape)
            except Exception:  # a formula may do anything with what it takes for a number
                return _asking(operation)(*operands)

        def partials(y: Array, *operands: Array) -> Sequence[Array | None]:
            try:
                return self.partials(operation, y, operands)
            except Exception:
                return [_contributing(Contribution(operation, i))(1.0, y, *operands) for i in range(len(operands))]

        return _differentiable(function, partials)


def _of_many(function: Callable[[Array], Array], xs: Sequence[Array]) -> Array:
    return function(stack(*xs))


def _differentiable(
    function: Callable[..., Array], partials: Callable[..., Sequence[Array | None]]
) -> Callable[..., Array]:
    """A function of JAX with these partial derivatives by its operands; None and 0.0 let nothing flow."""

    def jvp(primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
        y = differentiable(*primals)
        total = jnp.zeros_like(y)
        for slope, tangent in zip(partials(y, *primals), tangents, strict=True):
            if not (slope is None or isinstance(tangent, SymbolicZero) or (isinstance(slope, float) and slope == 0.0)):
                total = total + slope * tangent
        return y, total.astype(y.dtype)

    differentiable = _with_jvp(function, jvp)
    return differentiable


def _common(operands: Sequence[Array]) -> jax.ShapeDtypeStruct:
    """The shape and type of an elementwise result."""
    return jax.ShapeDtypeStruct(jnp.broadcast_shapes(*map(jnp.shape, operands)), jnp.result_type(*operands, float))


def _asking(operation: Operation | Contribution) -> Callable[..., Array]:
    """The operation on numbers, done by the host."""
    elementwise = on_arrays(operation)

    def asked(*operands: Array) -> Array:
        like = _common(operands)
        alike = [jnp.broadcast_to(x, like.shape) for x in operands]
        return jax.pure_callback(
            lambda *xs: elementwise(*xs).astype(like.dtype), like, *alike, vmap_method="broadcast_all"
        )

    return asked


def _contributing(contribution: Contribution) -> Callable[..., Array]:
    """A contribution to a gradient, done by the host.

    Its own derivative is unknown, which is an error only where that is used: JAX asks for the derivatives of all
    results of a function, then drops those that nothing depends on.
    """

    def unknown(*_: Array) -> NoReturn:
        raise TypeError(
            f"the second derivative of {contribution.operation.name!r} is unknown: its formula decides by Python's "
            "`if` or calls other libraries; write it with the functions of m, such as m.where"
        )

    def jvp(primals: Sequence[Array], tangents: Sequence[Array]) -> tuple[Array, Array]:
        y = differentiable(*primals)
        known = [jnp.broadcast_to(t, y.shape) for t in tangents if not isinstance(t, SymbolicZero)]
        like = jax.ShapeDtypeStruct(y.shape, y.dtype)
        use = _with_jvp(lambda *ts: jax.pure_callback(unknown, like, *ts, vmap_method="broadcast_all"), unknown)
        return y, use(*known)

    differentiable = _with_jvp(_asking(contribution), jvp)
    return differentiable


NUMBERS = JaxNumbers()


def functions(own: Sequence[Operation | Contribution]) -> dict[str, Any]:
    """What the text of a program refers to, which calls these operations of the user's own."""
    names = {row.name: getattr(NUMBERS, row.name) for row in TABLE.values() if not (row.sequences or row.of_first)}
    operations = [_contributing(each) if isinstance(each, Contribution) else NUMBERS.own(each) for each in own]
    others = {
        "jnp": jnp,
        "masked_products": masked_products,
        "operations": operations,
        "stack": stack,
        "within": within,
    }
    return {**names, **ROWS, **others}
