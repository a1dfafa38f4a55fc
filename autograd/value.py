"""Value: one number in a graph of numbers, and `backward`, the chain rule walked backwards through that graph."""

from __future__ import annotations

import math
from numbers import Real

from . import ops
from .graph import history, nodes
from .ops import FLOATS, Operation
from .recording import Watch, current_context

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, SupportsFloat, TypeAlias

    from .recording import Scope

    Operand: TypeAlias = "Value | SupportsFloat"

_CONSTANT = Operation("constant", lambda m: None, lambda m, y: (), "", "", None, ())
"""Takes the place of the operation in Values that no derivative flows into."""

_new = object.__new__


def _method(operation: Operation) -> Callable[..., Value]:
    """The method for an operation whose first operand is the Value itself; `specialize.py` replaces some."""

    def method(self: Value, *others: Operand) -> Value:
        result: Value = apply(operation, self, *others)
        return result

    method.__name__ = operation.name
    method.__qualname__ = f"Value.{operation.name}"
    method.__doc__ = f"See `autograd.{operation.name}`."
    return method


def _operators(operation: Operation) -> tuple[Callable[..., Value], Callable[..., Value]]:
    """The operator for an operation, and its reflection for a number on the left; `specialize.py` replaces them."""

    def operator(self: Value, other: Operand) -> Value:
        return apply(operation, self, other) if isinstance(other, (Value, Real)) else NotImplemented

    def reflected(self: Value, other: Operand) -> Value:
        return apply(operation, other, self) if isinstance(other, (Value, Real)) else NotImplemented

    return operator, reflected


class Value:
    """One number, and how it was computed.

    A Value that is made from a number is a leaf. Arithmetic on Values gives Values that remember their operation and
    operands, so that `backward` can find the derivative of the result with respect to every Value before it.

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

    # Two operands are in two slots; three or more are a tuple in the first. What `backward` needs is the operation and
    # the operands, no closure: so a node costs 115 bytes, and graphs are free of reference cycles.
    __slots__ = ("_datum", "_grad", "_left", "_name", "_operation", "_right", "_scope")

    _datum: float
    _grad: float | None
    _operation: Operation | None
    _left: Any
    _right: Value | None
    _name: str | None
    _scope: Scope | None

    def __init__(self, data: SupportsFloat, name: str | None = None) -> None:
        self._datum = _real(data, type(self).__name__)
        self._grad = None
        self._operation = None
        self._left = None
        self._right = None
        self._scope = None
        self.name = name

    @property
    def data(self) -> float:
        """The number. Assigning it is allowed on leaves; results that were computed from it before do not change."""
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        return self._datum

    @data.setter
    def data(self, number: SupportsFloat) -> None:
        if self._left is not None:
            raise AttributeError(
                f"data of {self._described()} is the result of its operation and cannot be assigned; "
                "assign the data of leaves and compute again"
            )
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        self._datum = _real(number, "data")

    @property
    def grad(self) -> float:
        """The derivative that `backward` found; 0.0 before. Assigning None means: not computed."""
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        return 0.0 if self._grad is None else self._grad

    @grad.setter
    def grad(self, number: SupportsFloat | None) -> None:
        reads = current_context().reads
        if reads is not None:
            reads.note(self)
        self._grad = None if number is None else _real(number, "grad")

    @property
    def has_grad(self) -> bool:
        """Whether `grad` was computed or assigned: tells a derivative of 0 from one that nobody asked for.

        >>> from autograd import Value
        >>> x = Value(2.0)
        >>> x.has_grad, x.grad
        (False, 0.0)
        >>> (x * 0).backward()
        >>> x.has_grad, x.grad
        (True, 0.0)
        """
        _note(self)
        return self._grad is not None

    @property
    def name(self) -> str | None:
        """What drawings, tables and error messages call this Value."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a Value must be a string, got {name!r} of type {type(name).__name__}")
        self._name = name

    @property
    def op(self) -> str | None:
        """The name of the operation that gave this Value; None for a leaf."""
        operation = self._operation
        return None if operation is None or operation is _CONSTANT else operation.name

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands, in their order; `a * a` has `a` twice."""
        left = self._left
        if left is None:
            return ()
        if type(left) is tuple:
            return left
        return (left,) if self._right is None else (left, self._right)

    @property
    def is_constant(self) -> bool:
        """Whether no derivative flows into this Value: a number among operands, detached, or made under no_grad."""
        return self._operation is _CONSTANT

    def detach(self) -> Value:
        """A constant with the same data and name, cut off from the graph."""
        return constant(self.data, self._name)

    def backward(self, seed: SupportsFloat = 1.0) -> None:
        """Adds to the `grad` of every leaf the derivative of this Value with respect to that leaf.

        Leaves accumulate over calls, as in PyTorch; set their `grad` to 0 in between. Values in between hold the
        derivative from the last call only. Takes time linear in the size of the graph and does not recurse.

        Args:
            seed: the derivative of something else with respect to this Value, by which everything is multiplied.

        Raises:
            RuntimeError: this Value is a constant: it was made under `no_grad`, by `detach`, or from a number.
        """
        if self.is_constant:
            raise RuntimeError(
                f"backward: {self._described()} is a constant, nothing about its operands was recorded; "
                "compute it outside no_grad and without detach"
            )
        _note(self)
        cotangent = _real(seed, "seed")
        results = history([self])
        for node in results:
            node._grad = None
        _accumulate(self, cotangent)
        watch = current_context().watch
        if watch is None:
            _pull_all(results)
        else:
            for node in results:
                if node._grad is not None:
                    pull(node, node._grad, watch)

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
        if self._grad is not None:
            parts.append(f"grad={self._grad!r}")
        if self.op is not None:
            parts.append(f"op={self.op!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _described(self) -> str:
        """For error messages: the name if there is one, and what it is."""
        called = f"{self._name!r}, " if self._name else ""
        kind = f"the result of {self.op!r}" if self.op else type(self).__name__
        return f"{called}{kind} {self._datum!r}"

    def __float__(self) -> float:
        return self.data

    def __format__(self, specification: str) -> str:
        return format(self.data, specification) if specification else repr(self)

    def __bool__(self) -> bool:
        raise TypeError(
            f"the truth of {self._described()} is ambiguous; compare it with a number, or use where(condition, a, b)"
        )

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
    __neg__ = _method(ops.neg)
    __abs__ = _method(ops.abs)

    exp = _method(ops.exp)
    log = _method(ops.log)
    log1p = _method(ops.log1p)
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
    sigmoid = _method(ops.sigmoid)
    softplus = _method(ops.softplus)
    relu = _method(ops.relu)
    silu = _method(ops.silu)
    gelu = _method(ops.gelu)
    erf = _method(ops.erf)
    abs = _method(ops.abs)
    sign = _method(ops.sign)
    maximum = _method(ops.maximum)
    minimum = _method(ops.minimum)
    logaddexp = _method(ops.logaddexp)
    arctan2 = _method(ops.arctan2)
    hypot = _method(ops.hypot)

    def __copy__(self) -> Value:
        _note(self)
        return _twin(self, self.parents)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        _note(self)
        for node in nodes([self]):
            if id(node) not in memo:
                memo[id(node)] = _twin(node, tuple(memo[id(operand)] for operand in node.parents), memo)
        copied: Value = memo[id(self)]
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the graph as a flat list, so that its depth is no matter; leaves keep their identity."""
        _note(self)
        if self._left is None:
            fields = (type(self), self._datum, self._grad, self._name, self.is_constant)
            return _restored_leaf, fields, getattr(self, "__dict__", None)
        index: dict[Value, int] = {}
        records = []
        for node in reversed(history([self])):
            operands = [index.get(operand, operand) for operand in node.parents]
            records.append((_pickled_operation(node), operands, node._datum, node._grad, node._name))
            index[node] = len(index)
        return _restored_graph, (records,)


def constant(number: SupportsFloat, name: str | None = None) -> Value:
    """A Value that no derivative flows into."""
    value = _new(Value)
    value._datum = _real(number, "a constant")
    value._grad = None
    value._operation = _CONSTANT
    value._left = None
    value._right = None
    value._name = name
    value._scope = None
    return value


def apply(operation: Operation, *operands: Any) -> Any:
    """The result of an operation: a Value that records it, or a float if no operand is a Value.

    This is the one way into the graph. `specialize.py` writes it out for operations of one and two operands.

    Raises:
        TypeError: an operand is neither a real number nor a Value.
    """
    try:
        numbers = [operand._datum for operand in operands]  # mostly all are Values
    except AttributeError:
        numbers = [x._datum if isinstance(x, Value) else _real(x, operation.name) for x in operands]
        if not any(isinstance(x, Value) for x in operands):
            return evaluated(operation, numbers)
        operands = tuple(x if isinstance(x, Value) else constant(x) for x in operands)
    data = evaluated(operation, numbers)
    if not operands:
        return data
    result = _recorded(operation, operands, data)
    context = current_context()
    if context.watch:
        context.watch.forward(result)
    if context.records:
        return result
    for operand in operands:
        _note(operand)
    return constant(data)


def unless_usual(shape: Operand, usual: float) -> tuple[Operand, ...]:
    """The parameter of a function's shape, left out of the graph where it has its usual value."""
    return () if shape == usual else (shape,)


def _recorded(operation: Operation, operands: Sequence[Value], data: float) -> Value:
    node = _new(Value)
    node._datum = data
    node._grad = None
    node._operation = operation
    _set_operands(node, operands)
    node._name = None
    node._scope = current_context().scope
    return node


def _set_operands(node: Value, operands: Sequence[Value]) -> None:
    if len(operands) > 2:
        node._left, node._right = tuple(operands), None
    else:
        node._left = operands[0] if operands else None
        node._right = operands[1] if len(operands) == 2 else None


def evaluated(operation: Operation, numbers: Sequence[float]) -> float:
    """The formula on floats. Where Python's own arithmetic raises in it, NumPy's follows IEEE 754."""
    try:
        result = operation.formula(FLOATS, *numbers)
    except (ZeroDivisionError, OverflowError):
        result = _with_numpy(operation.formula, numbers)
    return result if type(result) is float else _real_result(operation, numbers, result)


def partials_on_floats(operation: Operation, result: float, numbers: Sequence[float]) -> tuple[Any, ...]:
    """The partial derivatives on floats."""
    try:
        partials = operation.partials(FLOATS, result, *numbers)
    except (ZeroDivisionError, OverflowError):
        partials = _with_numpy(operation.partials, [result, *numbers])
    if isinstance(partials, tuple) and any(isinstance(partial, complex) for partial in partials):
        partials = _with_numpy(operation.partials, [result, *numbers])
    return partials


def _with_numpy(function: Callable[..., Any], numbers: Iterable[float]) -> Any:
    import numpy  # only here: `import autograd` stays light

    with numpy.errstate(all="ignore"):
        return function(FLOATS, *map(numpy.float64, numbers))


def _real_result(operation: Operation, numbers: Sequence[float], result: object) -> float:
    if isinstance(result, complex):
        result = _with_numpy(operation.formula, numbers)
    if not isinstance(result, Real):
        raise TypeError(f"the formula of {operation.name!r} must give a real number, got {result!r}")
    return _real(result, operation.name)


def _accumulate(value: Value, contribution: float) -> None:
    value._grad = contribution if value._grad is None else value._grad + contribution


def _pull_all(results: Iterable[Value]) -> None:
    """The chain rule at each result, before its operands'. `specialize.py` puts a faster one in this one's place."""
    for node in results:
        if node._grad is not None:
            pull(node, node._grad)


def pull(node: Value, cotangent: float, watch: Watch | None = None) -> None:
    """The chain rule at one node: each operand receives the node's gradient times the partial derivative."""
    for operand, contribution in _contributions(node, cotangent):
        if watch:
            watch.backward(node, operand, contribution)
        _accumulate(operand, contribution)


def _contributions(node: Value, cotangent: float) -> Iterator[tuple[Value, float]]:
    """What each operand receives: the node's gradient times the partial derivative. Constants receive nothing."""
    operands = node.parents
    operation = node._operation
    assert operation is not None
    partials = partials_on_floats(operation, node._datum, [operand._datum for operand in operands])
    for operand, partial in zip(operands, partials, strict=True):
        if partial is not None and operand._operation is not _CONSTANT:
            yield operand, cotangent * float(partial)


def _real(number: object, where: str) -> float:
    """A float, or one sentence that says where something else was given."""
    if type(number) is float:
        return number
    if isinstance(number, Real):
        try:
            return float(number)
        except OverflowError:
            return math.inf if number > 0 else -math.inf  # type: ignore[operator]  # an integer beyond the largest float
    raise TypeError(f"{where} takes a real number, got {number!r} of type {type(number).__name__}")


def _note(value: Value) -> None:
    """Tells `detect_reads` that something outside of the graph learns or sets what this Value holds.

    The engine itself reads `_datum`: what it computes is in the graph. `data` and `grad`, which loops over many
    parameters ask for, have this written out.
    """
    reads = current_context().reads
    if reads is not None:
        reads.note(value)


def _comparable(other: object) -> float | None:
    if isinstance(other, Value):
        return other.data
    return _real(other, "a comparison") if isinstance(other, Real) else None


def _twin(node: Value, operands: tuple[Value, ...], memo: dict[int, Any] | None = None) -> Value:
    """A copy of a node on other operands; with a memo, what subclasses added to it is copied deeply."""
    twin = _new(type(node))
    twin._datum = node._datum
    twin._grad = node._grad
    twin._operation = node._operation
    _set_operands(twin, operands)
    twin._name = node._name
    twin._scope = node._scope
    added = getattr(node, "__dict__", None)
    if added:
        from copy import deepcopy  # only here: whoever copies has imported it, others need not wait for it

        twin.__dict__.update(added if memo is None else deepcopy(added, memo))
    return twin


def _restored_leaf(kind: type[Value], data: float, grad: float | None, name: str | None, is_constant: bool) -> Value:
    leaf = _new(kind)
    leaf._datum = data
    leaf._grad = grad
    leaf._operation = _CONSTANT if is_constant else None
    leaf._left = leaf._right = leaf._scope = None
    leaf._name = name
    return leaf


def _restored_graph(records: list[tuple[str, list[Any], float, float | None, str | None]]) -> Value:
    restored: list[Value] = []
    for operation, operands, data, grad, name in records:
        row = ops.TABLE.get(operation) or ops.CUSTOM.get(operation)
        if row is None:
            raise ValueError(f"this graph uses the operation {operation!r}; define it before loading")
        node = _recorded(row, [restored[x] if isinstance(x, int) else x for x in operands], data)
        node._grad = grad
        node._name = name
        restored.append(node)
    return restored[-1]


def _pickled_operation(node: Value) -> str:
    from pickle import PicklingError  # only here: whoever pickles has imported it, others need not wait for it

    operation = node._operation
    assert operation is not None
    if operation is not (ops.TABLE.get(operation.name) or ops.CUSTOM.get(operation.name)):
        raise PicklingError(f"there is another operation named {operation.name!r} now; {node._described()} is lost")
    return operation.name
