"""Value: one number in a graph of numbers, with the operators and functions that make the graph."""

from __future__ import annotations

import math
from numbers import Real

from . import chain, copying, ops, specialize
from .context import current_context, require_no_loss
from .elsewhere import ElsewhereCalled
from .node import CLOCK, CONSTANT, Node, assign, history, require_unchanged, set_operands
from .operation import FLOATS, Operation, real

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, SupportsFloat, TypeAlias

    from .node import Scope

    Operand: TypeAlias = "Value | SupportsFloat"

_new = object.__new__
_evaluate = FLOATS.evaluate


def _method(operation: Operation) -> Callable[..., Value]:
    """The method for an operation whose first operand is the Value itself."""

    def method(self: Value, *others: Operand) -> Value:
        result: Value = apply(operation, self, *others)
        return result

    method.__name__ = operation.name
    method.__qualname__ = f"Value.{operation.name}"
    method.__doc__ = f"See `autograd.{operation.name}`."
    return method


def _operators(operation: Operation) -> tuple[Callable[..., Value], Callable[..., Value]]:
    """The operator for an operation, and its reflection for a number on the left."""

    def operator(self: Value, other: Operand) -> Value:
        return apply(operation, self, other) if isinstance(other, (Value, Real)) else NotImplemented

    def reflected(self: Value, other: Operand) -> Value:
        return apply(operation, other, self) if isinstance(other, (Value, Real)) else NotImplemented

    return operator, reflected


class Value(Node):
    """One number, and how it was computed.

    A Value made from a number is a leaf. Arithmetic on Values gives Values that remember their operation and operands,
    so `backward` can find the derivative of the result with respect to every Value it was computed from.

    Args:
        data: a real number: int, float, or a NumPy real scalar.
        name: what drawings, tables and error messages call it.

    Raises:
        TypeError: data is not a real number, or name not a string.

    >>> from autograd import Value
    >>> w = Value(2.0, name="w")
    >>> y = (w * 3 - 5).softplus()
    >>> y.backward()
    >>> f"{y:.4f} {w.grad:.4f}"
    '1.3133 2.1932'
    """

    __slots__ = ()

    def __init__(self, data: SupportsFloat, name: str | None = None, **others: object) -> None:
        if others:
            raise TypeError(f"{type(self).__name__} takes data and name=, not {', '.join(others)}")
        self.number = real(data, type(self).__name__)
        self.gradient = None
        self.operation = None
        self.left = None
        self.right = None
        self.scope = None
        self.tick = 0
        self.name = name

    @property
    def data(self) -> float:
        """The number. Assignable on leaves; results computed before keep their numbers, and refuse `backward`."""
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        return self.number

    @data.setter
    def data(self, number: SupportsFloat) -> None:
        if self.left is not None:
            raise AttributeError(
                f"data of {self.described()} is the result of its operation and cannot be assigned; "
                "assign the data of leaves and compute again"
            )
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        assign(self, real(number, "data"))

    @property
    def grad(self) -> float:
        """The derivative that `backward` found; 0.0 before. Assign None to mark it as not computed."""
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        return 0.0 if self.gradient is None else self.gradient

    @grad.setter
    def grad(self, number: SupportsFloat | None) -> None:
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        self.gradient = None if number is None else real(number, "grad")

    @property
    def has_grad(self) -> bool:
        """Whether `grad` was computed or assigned. Tells a derivative of 0 from one that nobody asked for.

        >>> from autograd import Value
        >>> x = Value(2.0)
        >>> x.has_grad, x.grad
        (False, 0.0)
        >>> (x * 0).backward()
        >>> x.has_grad, x.grad
        (True, 0.0)
        """
        _note(self)
        return self.gradient is not None

    def detach(self) -> Value:
        """A constant with the same data and name, cut off from the graph."""
        return constant(self.data, self._name)

    def backward(self, seed: SupportsFloat = 1.0) -> None:
        """Adds to the `grad` of every leaf the derivative of this Value with respect to that leaf.

        Gradients accumulate in leaves across calls, as in PyTorch; set `grad` to 0 in between. Intermediate results
        hold the derivative of the last call only. Takes time linear in the size of the graph, and does not recurse.

        Args:
            seed: a factor for all derivatives, such as the derivative of something else with respect to this Value.

        Raises:
            RuntimeError: this Value is a constant: it was made under `no_grad`, by `detach`, or from a number; or the
                data of a leaf was assigned after the graph was computed.
        """
        if self.is_constant:
            raise RuntimeError(
                f"backward: {self.described()} is a constant, nothing about its operands was recorded; "
                "compute it outside no_grad and without detach"
            )
        _note(self)
        cotangent = real(seed, "seed")
        results = history([self])
        require_unchanged(results, "backward")
        for node in results:
            node.gradient = None
        chain.accumulate(self, cotangent)
        # The written code tells nobody what it does.
        walk = specialize.pull_all if current_context().watch is None else chain.pull_all
        walk(results)

    def leaky_relu(self, negative_slope: Operand = 0.01) -> Value:
        """See `autograd.leaky_relu`."""
        result: Value = apply(ops.leaky_relu, self, *unless_usual(negative_slope, 0.01))
        return result

    def elu(self, alpha: Operand = 1.0) -> Value:
        """See `autograd.elu`."""
        result: Value = apply(ops.elu, self, *unless_usual(alpha, 1.0))
        return result

    def __repr__(self) -> str:
        parts = [repr(self.data)]
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        if self.gradient is not None:
            parts.append(f"grad={self.gradient!r}")
        if self.op is not None:
            parts.append(f"op={self.op!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __float__(self) -> float:
        require_no_loss(self)
        return self.data

    def __int__(self) -> int:
        return int(float(self))

    def __format__(self, specification: str) -> str:
        return format(self.data, specification) if specification else repr(self)

    def __bool__(self) -> bool:
        raise TypeError(
            f"the truth of {self.described()} is ambiguous; compare it with a number, or use where(condition, a, b)"
        )

    def __eq__(self, other: object) -> bool:
        """Compares data with a number; two Values are equal only if they are the same one."""
        if isinstance(other, Value) and (reads := current_context().reads) is not None:
            reads.compare(self, other)
        return self.data == other if isinstance(other, Real) else NotImplemented

    __hash__ = Node.__hash__

    def __lt__(self, other: Operand) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data < number

    def __le__(self, other: Operand) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data <= number

    def __gt__(self, other: Operand) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data > number

    def __ge__(self, other: Operand) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data >= number

    def __pos__(self) -> Value:
        return self

    __add__, __radd__ = _operators(ops.add)
    __sub__, __rsub__ = _operators(ops.sub)
    __mul__, __rmul__ = _operators(ops.mul)
    __truediv__, __rtruediv__ = _operators(ops.div)
    __pow__, __rpow__ = _operators(ops.pow)
    __mod__, __rmod__ = _operators(ops.mod)
    __neg__ = _method(ops.neg)
    __abs__ = _method(ops.abs)

    exp = _method(ops.exp)
    log = _method(ops.log)
    log1p = _method(ops.log1p)
    log2 = _method(ops.log2)
    log10 = _method(ops.log10)
    exp2 = _method(ops.exp2)
    cbrt = _method(ops.cbrt)
    expm1 = _method(ops.expm1)
    sqrt = _method(ops.sqrt)
    square = _method(ops.square)
    reciprocal = _method(ops.reciprocal)
    sin = _method(ops.sin)
    cos = _method(ops.cos)
    tan = _method(ops.tan)
    arcsin = _method(ops.arcsin)
    arccos = _method(ops.arccos)
    arctan = _method(ops.arctan)
    sinh = _method(ops.sinh)
    cosh = _method(ops.cosh)
    tanh = _method(ops.tanh)
    arcsinh = _method(ops.arcsinh)
    arccosh = _method(ops.arccosh)
    arctanh = _method(ops.arctanh)
    sigmoid = _method(ops.sigmoid)
    softplus = _method(ops.softplus)
    relu = _method(ops.relu)
    silu = _method(ops.silu)
    gelu = _method(ops.gelu)
    erf = _method(ops.erf)
    abs = fabs = _method(ops.abs)
    sign = _method(ops.sign)
    floor = __floor__ = _method(ops.floor)
    ceil = __ceil__ = _method(ops.ceil)
    trunc = __trunc__ = _method(ops.trunc)
    rint = _method(ops.rint)
    maximum = _method(ops.maximum)
    minimum = _method(ops.minimum)
    logaddexp = _method(ops.logaddexp)
    arctan2 = _method(ops.arctan2)
    hypot = _method(ops.hypot)
    mod = _method(ops.mod)

    # NumPy's functions of arrays of objects ask for these.

    def conjugate(self) -> Value:
        """The Value itself: it is a real number."""
        return self

    def degrees(self) -> Value:
        """Radians as degrees."""
        return self * (180.0 / math.pi)

    def radians(self) -> Value:
        """Degrees as radians."""
        return self * (math.pi / 180.0)

    rad2deg, deg2rad = degrees, radians

    # What micrograd calls otherwise.
    label = ElsewhereCalled("name")
    _prev = ElsewhereCalled("parents")
    _op = ElsewhereCalled("op")
    _backward = ElsewhereCalled("backward()")

    def __copy__(self) -> Value:
        _note(self)
        return copying.twin(self, self.parents)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        _note(self)
        return copying.deep_twin(self, memo)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles results one after the other, so that depth is unlimited; what is pickled together stays shared."""
        _note(self)
        if self.left is not None:
            return _restored_result, copying.reduced(self)
        fields = (type(self), self.number, self.gradient, self.name, self.is_constant)
        return _restored_leaf, fields, getattr(self, "__dict__", None)


# Pickles name these three; the first edition wrote the last.


def _restored_leaf(kind: type[Value], *fields: Any) -> Value:
    return copying.restored_leaf(kind, *fields)


def _restored_result(before: object, *fields: Any) -> Value:
    return copying.restored_result(Value, *fields, scope=current_context().scope)  # type: ignore[no-any-return]


def _restored_graph(records: list[copying.Record]) -> Value:
    return copying.restored(Value, records, current_context().scope)


def constant(number: SupportsFloat, name: str | None = None) -> Value:
    """A Value that no derivative flows into."""
    value = _new(Value)
    value.number = real(number, "a constant")
    value.gradient = None
    value.operation = CONSTANT
    value.left = None
    value.right = None
    value._name = name
    value.scope = None
    value.tick = 0
    return value


def apply(operation: Operation, *operands: Any) -> Any:
    """The result of an operation: a Value that records it, or a float if no operand is a Value.

    This is the one way into the graph. `specialize.py` writes it out for operations of one and two operands.

    Raises:
        TypeError: an operand is neither a real number nor a Value.
    """
    try:
        numbers = [operand.number for operand in operands]  # mostly all are Values
    except Exception:  # whatever somebody's own class does when it is asked for an attribute
        numbers = [x.number if isinstance(x, Value) else real(x, operation.name) for x in operands]
        if not any(isinstance(x, Value) for x in operands):
            return _evaluate(operation, numbers)
        operands = tuple(x if isinstance(x, Value) else constant(x) for x in operands)
    data = _evaluate(operation, numbers)
    if not operands:
        return data
    context = current_context()
    result = _recorded(operation, data, context.scope)
    set_operands(result, operands)
    if context.watch:
        context.watch.forward(result)
    return result if context.records else _constants(operands, [data])[0]


def apply_in_turn(
    operation: Operation, operands: Sequence[Any], of_all: Callable[[list[float]], list[float]]
) -> list[Any]:
    """The results of an operation with each operand in turn in front of the others.

    They share one tuple of operands: n results take memory and time for n, not for n**2.

    Args:
        operation: the operation.
        operands: numbers or Values.
        of_all: gives all results, from all numbers at once.

    Raises:
        TypeError: an operand is neither a real number nor a Value.
    """
    if len(operands) < 3:  # these have slots of their own
        return [apply(operation, x, *operands[:i], *operands[i + 1 :]) for i, x in enumerate(operands)]
    data = of_all([x.number if isinstance(x, Value) else real(x, operation.name) for x in operands])
    if not any(isinstance(x, Value) for x in operands):
        return list(data)
    context = current_context()
    shared = tuple([x if isinstance(x, Value) else constant(x) for x in operands])
    results = [_recorded(operation, number, context.scope) for number in data]
    for position, result in enumerate(results):
        result.left, result.right = shared, position
        if context.watch:
            context.watch.forward(result)
    return results if context.records else _constants(shared, data)


def _recorded(operation: Operation, data: float, scope: Scope | None) -> Value:
    """A result that has not got its operands yet."""
    result = _new(Value)
    result.number = data
    result.gradient = None
    result.operation = operation
    result._name = None
    result.scope = scope
    result.tick = CLOCK.now
    return result


def _constants(operands: Iterable[Value], data: Iterable[float]) -> list[Value]:
    """Results that are not recorded."""
    reads = current_context().reads
    if reads is not None:
        for operand in operands:
            reads.note(operand)
    return [constant(number) for number in data]


def unless_usual(shape: Operand, usual: float) -> tuple[Operand, ...]:
    """The parameter of a function's shape, left out of the graph where it has its usual value."""
    return () if not isinstance(shape, Value) and shape == usual else (shape,)


def _note(value: Value) -> None:
    """Tells `detect_reads` that something outside the graph reads or sets the number of this Value.

    The engine itself reads `number`: what it computes is in the graph. `data` and `grad`, which loops over many
    parameters ask for, have this written out.
    """
    reads = current_context().reads
    if reads is not None:
        reads.note(value)


def _comparable(other: object) -> float | None:
    if isinstance(other, Value):
        return other.data
    return real(other, "a comparison") if isinstance(other, Real) else None


specialize.write_methods(Value, Value=Value, apply=apply, constant=constant)
