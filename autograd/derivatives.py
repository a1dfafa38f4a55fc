"""Derivatives as Values with graphs of their own, and the derivatives of functions.

Everything here linearises a graph once (`chain.py`) and then walks the partials backwards (gradients, vjp) or forwards
(jvp). The partials may be floats or Values: with Values the derivative is a graph itself and can be differentiated
again.
"""

from __future__ import annotations

from functools import update_wrapper
from numbers import Real
from operator import index
from sys import modules
from types import MethodType

from . import ops
from .chain import Linearization
from .context import current_context, recording
from .node import edges, history, require_unchanged
from .operation import FLOATS, NumberSystem, real
from .recording import VALUES
from .structures import aligned, array, flatten, is_array, rebuild, shape
from .value import Value, apply, constant

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .recording import Number


def _as_value(number: Number) -> Value:
    return number if isinstance(number, Value) else constant(number)


def _flowing(node: Value, m: NumberSystem[Any]) -> list[tuple[int, Any, Any]]:
    """The edges through which a derivative flows: none where a function is flat, though the next one be infinite."""
    return [] if node.operation is not None and node.operation.is_flat else edges(node, m)


_HIGHEST_ORDER = 10_000


def derivative(y: Value, wrt: Value | Sequence[Value], order: int = 1) -> Any:
    """dy/dwrt as a Value with a graph of its own, which can be drawn and differentiated again.

    Args:
        y: the Value to differentiate.
        wrt: one Value, or a list, tuple, dict or array of them: leaves or results.
        order: how many times to differentiate; with several `wrt`, each gets its own second, third ... derivative.

    Returns:
        A Value, or Values in the structure of `wrt`: 0 where y does not depend on it. No `grad` changes.

    Raises:
        TypeError: y or wrt are not Values, order is not an integer.
        ValueError: order is less than 1 or more than 10,000; wrt is a constant.
        RuntimeError: the data of a leaf was assigned after the graph was computed.

    >>> from autograd import Value, derivative
    >>> x = Value(3.0)
    >>> y = x**4
    >>> derivative(y, x).data, derivative(y, x, order=2).data
    (108.0, 108.0)
    """
    _require_value(y, "y")
    if _integer(order) is None:
        raise TypeError(f"derivative: order must be an integer, got {order!r} of type {type(order).__name__}")
    if order < 1:
        raise ValueError(f"derivative: order must be at least 1, got {order}")
    if order > _HIGHEST_ORDER:
        raise ValueError(f"derivative: order must be at most {_HIGHEST_ORDER:,}")
    inputs = flatten(wrt, "derivative: wrt")
    for value in inputs:
        _require_value(value, "wrt")
    found = _gradient_graph(y, inputs)
    for _ in range(1, order):
        if all(dy.is_constant for dy in found):
            found = [constant(0.0)] * len(found)
            break
        found = [_gradient_graph(dy, [x])[0] for dy, x in zip(found, inputs, strict=True)]
    return rebuild(wrt, found)


def _gradient_graph(y: Value, inputs: Sequence[Value]) -> list[Value]:
    require_unchanged(history([y]), "derivative")
    found = Linearization([y], inputs, VALUES, _flowing).backwards({y: 1.0})
    return [_as_value(found.get(value, 0.0)) for value in inputs]


def _require_value(value: object, role: str) -> None:
    if not isinstance(value, Value):
        raise TypeError(f"derivative: {role} must be a Value, got {value!r} of type {type(value).__name__}")
    if role == "wrt" and value.is_constant:
        raise ValueError(f"derivative: {value!r} is a constant, nothing is differentiated with respect to it")


# Derivatives of functions


class _Call:
    """One call of a function on Values in the place of numbers.

    Numbers become fresh leaves. Values, which come from the call of another derivative around this one, pass through an
    identity, so that this call's variables are its own. In that case, and inside the function of another derivative
    generally, results are Values: the derivative around must see them.

    Attributes:
        variables: the Values in the place of the numbers, for each differentiated argument.
        output: what the function returned.
    """

    def __init__(
        self, name: str, f: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int], kwargs: Any
    ) -> None:
        self.name = name
        numbers = {i: flatten(args[i], f"{name}: argument {i}") for i in argnums}
        is_nested = current_context().variables is not None
        self.stays_in_graph = is_nested or any(isinstance(x, Value) for part in numbers.values() for x in part)
        with recording():
            self.variables = {i: [_variable(x) for x in part] for i, part in numbers.items()}
        lifted = [rebuild(x, self.variables[i]) if i in numbers else x for i, x in enumerate(args)]
        with recording(tuple(self.all_variables())):
            self.output = f(*lifted, **kwargs)

    def scalar(self) -> Value:
        """The output, which must be one Value or number; a number is a constant."""
        output = self.output
        if is_array(output) and output.size == 1:
            output = output.ravel().tolist()[0]
        if isinstance(output, Real):
            output = constant(output)
        if not isinstance(output, Value):
            raise TypeError(
                f"{self.name}: the function must return a Value or a number, computed from its arguments by operations "
                f"on Values; got {output!r} of type {type(output).__name__}"
            )
        return output

    def outputs(self) -> list[Value]:
        """All numbers of the output; plain numbers are constants."""
        if not isinstance(self.output, (list, tuple, dict)) and not is_array(self.output):
            return [self.scalar()]
        return [_as_value(x) for x in flatten(self.output, f"{self.name}: the function's result")]

    def all_variables(self) -> list[Value]:
        """The variables of all differentiated arguments."""
        return [x for part in self.variables.values() for x in part]

    def linearized(self, outputs: Sequence[Value]) -> Linearization[Any]:
        """The partials of this call's graph, as Values where the results are to be Values."""
        require_unchanged(history(outputs), self.name)
        m: NumberSystem[Any] = VALUES if self.stays_in_graph else FLOATS
        with recording():
            return Linearization(outputs, self.all_variables(), m, _flowing)

    def result(self, number: Number) -> Number:
        """A number of the result as this call gives it: a float, or a Value for the derivative around."""
        return _as_value(number) if self.stays_in_graph else float(number)

    def structured(self, argnum: int, args: Sequence[Any], found: Mapping[Value, Number]) -> Any:
        """A number for each variable of an argument, in the argument's structure."""
        return rebuild(args[argnum], [self.result(found.get(x, 0.0)) for x in self.variables[argnum]])


def _variable(x: Any) -> Value:
    value: Value = apply(ops.identity, x) if isinstance(x, Value) else Value(x)
    return value


def _checked_argnums(name: str, argnums: Any) -> tuple[int, ...]:
    found = [_integer(i) for i in (argnums if isinstance(argnums, (tuple, list)) else (argnums,))]
    positions = tuple(i for i in found if i is not None)
    if not found or len(positions) < len(found):
        raise TypeError(f"{name}: argnums must be an integer or a tuple of integers, got {argnums!r}")
    return positions


def _integer(number: Any) -> int | None:
    """An int, of Python or NumPy; None for anything else."""
    try:
        return None if isinstance(number, bool) else index(number)
    except TypeError:
        return None


def _positions(name: str, argnums: Sequence[int], number: int) -> list[int]:
    for i in argnums:
        if not -number <= i < number:
            raise TypeError(f"{name}: argnums names argument {i}, but the call has {number} positional arguments")
    return [i % number for i in argnums]


def _require_function(name: str, f: object) -> None:
    if not callable(f):
        raise TypeError(f"{name}: the first argument must be a function, got {f!r} of type {type(f).__name__}")


class _Derivative:
    """What `grad` and its kin return: a function that bears f's name and is pickled by reference where f is."""

    def __init__(self, of: Callable[..., Any], f: Callable[..., Any], argnums: object, call: Callable[..., Any]):
        update_wrapper(self, f)
        self._made_by, self._call = (of, (f, argnums)), call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> str | tuple[Callable[..., Any], tuple[object, ...]]:
        name: str = getattr(self, "__qualname__", "")
        is_decorated = getattr(modules.get(self.__module__), name, None) is self  # it stands where f stood
        return name if is_decorated else self._made_by

    def __repr__(self) -> str:
        return f"<{self._made_by[0].__name__} of {self._made_by[1][0]!r}>"


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that returns f's value and its gradient.

    Args:
        f: a function of numbers, or of lists, tuples, dicts or NumPy arrays of numbers, that returns one Value.
        argnums: the position of the argument to differentiate with respect to, or a tuple of positions.

    Returns:
        A function of the same arguments. It returns `(value, gradient)`; the gradient has the argument's structure, or
        is a tuple with one for each position. Numbers in, floats out; inside the function of another derivative,
        Values. Values that f uses besides its arguments, such as weights, count as numbers.

    Raises:
        TypeError: wrong argnums; an argument that is not made of numbers; a result that is not a Value.

    >>> from autograd import value_and_grad
    >>> value_and_grad(lambda x: x[0] * x[1])([3.0, 4.0])
    (12.0, [4.0, 3.0])
    """
    return _Derivative(value_and_grad, f, argnums, _value_and_grad("value_and_grad", f, argnums))


def _value_and_grad(name: str, f: Callable[..., Any], argnums: int | Sequence[int]) -> Callable[..., Any]:
    _require_function(name, f)
    several = _checked_argnums(name, argnums)

    def differentiated(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        positions = _positions(name, several, len(args))
        call = _Call(name, f, args, positions, kwargs)
        output = call.scalar()
        with recording():
            gradient = call.linearized([output]).backwards({output: 1.0})
            found = tuple(call.structured(i, args, gradient) for i in positions)
        return call.result(output), found if isinstance(argnums, (tuple, list)) else found[0]

    return differentiated


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that returns f's gradient; see `value_and_grad`. Nests: `grad(grad(f))`.

    >>> from autograd import grad
    >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
    (12.0, 12.0)
    """
    return _Derivative(grad, f, argnums, _gradient("grad", f, argnums))


def _gradient(name: str, f: Callable[..., Any], argnums: int | Sequence[int]) -> Callable[..., Any]:
    both = _value_and_grad(name, f, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def jacobian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that returns the derivative of every result of f with respect to every number of an argument.

    Args:
        f: a function that returns a Value, or a list, tuple, dict or array of them.
        argnums: the position of the argument to differentiate with respect to.

    Returns:
        A function of the same arguments that returns a NumPy array. Its shape is the shape of f's result followed by
        the shape of the argument; a number has shape (), nested lists of equal length that of the array they would
        make, and any other structure one flat axis.

    Raises:
        TypeError: wrong argnums; an argument that is not made of numbers; a result that is not made of Values.

    >>> from autograd import jacobian
    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([3.0, 4.0]).tolist()
    [[4.0, 3.0], [1.0, 1.0]]
    """
    return _Derivative(jacobian, f, argnums, _jacobian("jacobian", f, argnums))


def _jacobian(name: str, f: Callable[..., Any], argnums: int) -> Callable[..., Any]:
    _require_function(name, f)
    if _integer(argnums) is None:
        raise TypeError(f"{name}: argnums must be one integer, got {argnums!r}")

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        (position,) = _positions(name, (argnums,), len(args))
        call = _Call(name, f, args, [position], kwargs)
        outputs = call.outputs()
        entries = []
        with recording():
            linearized = call.linearized(outputs)
            for output in outputs:
                row = linearized.backwards({output: 1.0})
                entries += [call.result(row.get(x, 0.0)) for x in call.variables[position]]
        return array(entries, shape(call.output) + shape(args[position]))

    return differentiated


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that returns the second derivatives of f, which returns one Value, as a NumPy array.

    The shape is the argument's shape twice: () for a number, (n, n) for a list of n numbers.

    Raises:
        TypeError: as for `jacobian`.

    >>> from autograd import hessian
    >>> hessian(lambda x: x[0]**2 * x[1])([3.0, 4.0]).tolist()
    [[8.0, 6.0], [6.0, 0.0]]
    """
    return _Derivative(hessian, f, argnums, _jacobian("hessian", _gradient("hessian", f, argnums), argnums))


def _require_tuple(name: str, role: str, arguments: object) -> tuple[Any, ...]:
    if not isinstance(arguments, (tuple, list)):
        raise TypeError(
            f"{name}: {role} must be the tuple of the function's arguments, got a {type(arguments).__name__}"
        )
    return tuple(arguments)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The Jacobian of f times a vector, in forward mode: one pass, whatever the number of arguments and results.

    Args:
        f: a function that returns a Value, or a list, tuple, dict or array of them.
        primals: the tuple of f's arguments.
        tangents: the vector, in the structure of primals.

    Returns:
        `(value, product)`, both in the structure of f's result.

    Raises:
        TypeError: primals is not a tuple or list; something in it is not a number; the result is not made of Values.
        ValueError: tangents do not have the structure of primals.

    >>> from autograd import jvp
    >>> jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 10.0))
    (12.0, 34.0)
    """
    _require_function("jvp", f)
    arguments = _require_tuple("jvp", "primals", primals)
    directions = _require_tuple("jvp", "tangents", tangents)
    directions = aligned(directions, arguments, "jvp: tangents", "primals")
    call = _Call("jvp", f, arguments, range(len(arguments)), {})
    outputs = call.outputs()
    vector = flatten(directions, "jvp: tangents")
    with recording():
        seeds = {x: _number(t) for x, t in zip(call.all_variables(), vector, strict=True)}
        product = call.linearized(outputs).forwards(seeds)
        return _restored(call, outputs), rebuild(call.output, [call.result(product.get(y, 0.0)) for y in outputs])


def vjp(f: Callable[..., Any], primals: Sequence[Any], cotangent: Any) -> tuple[Any, Any]:
    """A vector times the Jacobian of f, in reverse mode: one pass, whatever the number of arguments and results.

    Args:
        f: a function that returns a Value, or a list, tuple, dict or array of them.
        primals: the tuple of f's arguments.
        cotangent: the vector, in the structure of f's result.

    Returns:
        `(value, product)`: f's result, and a tuple with one product for each argument, in its structure.

    Raises:
        TypeError: primals is not a tuple or list; something in it is not a number; the result is not made of Values.
        ValueError: cotangent does not have the structure of the result.

    >>> from autograd import vjp
    >>> vjp(lambda x, y: [x * y, x + y], (3.0, 4.0), [1.0, 10.0])
    ([12.0, 7.0], (14.0, 13.0))
    """
    _require_function("vjp", f)
    arguments = _require_tuple("vjp", "primals", primals)
    call = _Call("vjp", f, arguments, range(len(arguments)), {})
    outputs = call.outputs()
    vector = flatten(
        aligned(cotangent, call.output, "vjp: the cotangent", "the function's result"), "vjp: the cotangent"
    )
    with recording():
        # One more node adds the outputs up, weighted: an output may occur twice, or be an argument itself.
        weighted = [_number(c) * y for c, y in zip(vector, outputs, strict=True)]
        total = _as_value(apply(ops.sum, *weighted))
        product = call.linearized([total]).backwards({total: 1.0})
        return _restored(call, outputs), tuple(call.structured(i, arguments, product) for i in range(len(arguments)))


def hvp(f: Callable[..., Any], x: Any, v: Any) -> tuple[Any, Any]:
    """The Hessian of f at x times the vector v, forward over reverse: as cheap as a few gradients.

    Args:
        f: a function of one argument that returns one Value.
        x: the argument.
        v: the vector, in the structure of x.

    Returns:
        `(value, product)`: f(x), and the product in the structure of x.

    Raises:
        TypeError: x is not made of numbers; the result is not a Value.
        ValueError: v does not have the structure of x.

    >>> from autograd import hvp
    >>> hvp(lambda x: x[0]**2 * x[1], [3.0, 4.0], [1.0, 0.0])
    (36.0, [8.0, 6.0])
    """
    _require_function("hvp", f)
    v = aligned(v, x, "hvp: v", "x")
    call = _Call("hvp", f, (x,), [0], {})
    output = call.scalar()
    variables = call.variables[0]
    vector = flatten(v, "hvp: v")
    with recording():
        gradient = _gradient_graph(output, variables)
        seeds = {variable: _number(t) for variable, t in zip(variables, vector, strict=True)}
        product = call.linearized(gradient).forwards(seeds)
        return call.result(output), rebuild(x, [call.result(product.get(g, 0.0)) for g in gradient])


def _number(x: Any) -> Number:
    return x if isinstance(x, Value) else real(x, "a tangent or cotangent")


def _restored(call: _Call, outputs: Sequence[Value]) -> Any:
    return rebuild(call.output, [call.result(y) for y in outputs])
