"""What is checked: a graph, its inputs and their names, and the function that builds it again at other numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from numbers import Real
from typing import Any, TypeAlias

from ..context import Context, ContextChange, Watch, recording
from ..debug.lines import calling_line
from ..node import history, leaves, nodes, require_unchanged
from ..operation import Operation
from ..structures import flatten, is_array, rebuild
from ..value import Value, constant

Place: TypeAlias = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Subject:
    """A graph and the inputs with respect to which its derivatives are checked.

    Attributes:
        outputs: the Values to differentiate.
        output_names: where each is in what the function returned, such as "[1]"; "" for a single one.
        inputs: the Values to differentiate by.
        names: what the report calls them.
        point: the inputs' numbers when the graph was built.
        places: the user's file and line that computed each result, as far as known.
        again: builds the graph at other inputs; None for a graph that somebody built.
    """

    outputs: Sequence[Value]
    output_names: Sequence[str]
    inputs: Sequence[Value]
    names: Sequence[str]
    point: Sequence[float]
    places: dict[Value, Place]
    again: Callable[[Sequence[float]], Subject] | None

    def place_of(self, result: Value) -> str:
        """Where in the user's code a result was computed, as " at file:line"; "" if that is not known."""
        place = self.places.get(result)
        return f" at {place[0]}:{place[1]}" if place else ""

    def names_before(self, node: Value) -> tuple[str, ...]:
        """The names of the inputs that a node depends on."""
        before = set(nodes([node]))
        return tuple(name for name, value in zip(self.names, self.inputs, strict=True) if value in before)

    def is_like(self, other: Subject) -> bool:
        """Whether both graphs have the same operations on the same inputs and other numbers."""
        return self.other_numbers_in(other) == {}

    def other_numbers_in(self, other: Subject) -> dict[Value, float] | None:
        """The leaves besides inputs that are other numbers in the other graph; None if its operations differ."""
        (plan, leaves), (other_plan, other_leaves) = self._plan, other._plan
        if plan != other_plan:
            return None
        pairs = zip(leaves, other_leaves, strict=True)
        # as texts, nan equals nan, and -0.0 is not 0.0
        return {ours: theirs.data for ours, theirs in pairs if ours.data.hex() != theirs.data.hex()}

    def new_operations(self, other: Subject) -> list[str]:
        """The names of operations that are other objects of the same code in the other graph, which is else alike."""
        (plan, _), (other_plan, _) = self._plan, other._plan
        if list(map(_without_identity, plan)) != list(map(_without_identity, other_plan)):
            return []
        return [mine[0].name for mine, theirs in zip(plan, other_plan, strict=True) if mine != theirs]  # type: ignore

    @cached_property
    def _plan(self) -> tuple[list[tuple[object, ...]], list[Value]]:
        """The graph without its numbers: what each node is; and the leaves that are no inputs."""
        position: dict[Value, object] = {value: f"input {i}" for i, value in enumerate(self.inputs)}
        plan: list[tuple[object, ...]] = []
        leaves: list[Value] = []
        for i, node in enumerate(nodes(self.outputs)):
            if node not in position:
                position[node] = i
                plan.append((node.operation, *(position[operand] for operand in node.parents)))
                if not node.parents:
                    leaves.append(node)
        return [*plan, tuple(position[output] for output in self.outputs)], leaves


def _without_identity(step: tuple[object, ...]) -> tuple[object, ...]:
    operation, *operands = step
    if isinstance(operation, Operation):
        operation = (operation.name, getattr(operation.formula, "__code__", None))
    return operation, *operands


def of_function(f: Callable[..., Any], inputs: Any) -> Subject:
    """The graph of `f(*inputs)`, with Values in place of the numbers.

    A leaf among the inputs goes into f itself, so that f may reach it another way too.

    Raises:
        TypeError: inputs that are neither numbers, Values nor nested lists of them; a result without a Value.
        ValueError: there are no inputs; the result is nan.
    """
    if isinstance(inputs, (Value, Real)):
        inputs = [inputs]
    if not isinstance(inputs, (list, tuple)) and not is_array(inputs):
        raise TypeError(
            "gradcheck: inputs must be a list or tuple with one element for each argument of the function, "
            f"got {inputs!r} of type {type(inputs).__name__}"
        )
    numbers = flatten(inputs, "gradcheck: inputs")
    _require_inputs(numbers)
    arguments = zip(argument_names(f, len(inputs)), inputs, strict=True)
    places = [path for name, argument in arguments for path in paths(argument, name)]
    names = [getattr(x, "name", None) or place for x, place in zip(numbers, places, strict=True)]
    subject = _called(f, inputs, numbers, names, [float(x) for x in numbers], is_first=True)
    _require_defined(subject)
    return subject


def of_graph(roots: Any, wrt: Any) -> Subject:
    """A graph that is built already; its inputs are all its leaves if `wrt` is None.

    Raises:
        TypeError: the roots or wrt are no Values.
        ValueError: a root is nan; a `wrt` is a constant; there is nothing to differentiate by.
        RuntimeError: a leaf was assigned after the graph was computed.
    """
    outputs = flatten(roots, "gradcheck: the graph")
    if not outputs or not all(isinstance(y, Value) for y in outputs):
        raise TypeError(
            f"gradcheck: without inputs the first argument must be a Value or a list of Values, got {roots!r} of type "
            f"{type(roots).__name__}; give inputs=[...] for a function"
        )
    require_unchanged(history(outputs), "gradcheck")
    if wrt is None:
        inputs = [leaf for leaf in leaves(outputs) if not leaf.is_constant]
    else:
        inputs = flatten(wrt, "gradcheck: wrt")
    _require_inputs(inputs)
    for value in inputs:
        if not isinstance(value, Value):
            raise TypeError(f"gradcheck: wrt must be Values of the graph, got {value!r} of type {type(value).__name__}")
        if value.is_constant:
            raise ValueError(f"gradcheck: {value!r} is a constant, nothing is differentiated with respect to it")
    places = [f"leaf {i}" for i in range(len(inputs))] if wrt is None else paths(wrt, "wrt")
    names = [value.name or place for value, place in zip(inputs, places, strict=True)]
    subject = Subject(outputs, paths(roots, ""), inputs, names, [x.data for x in inputs], {}, None)
    _require_defined(subject)
    return subject


def _called(
    f: Callable[..., Any],
    structure: Any,
    numbers: Sequence[Any],
    names: Sequence[str],
    point: Sequence[float],
    is_first: bool = False,
) -> Subject:
    """The graph of a call on a structure like this one, with the numbers of the point; lines are noted at the first."""
    inputs = [
        x if isinstance(x, Value) and not x.parents and not x.is_constant else Value(number, name)
        for x, number, name in zip(numbers, point, names, strict=True)
    ]
    places = _Places()
    with recording(), places if is_first else nullcontext(), _assigned(inputs, point):
        result = f(*rebuild(structure, inputs))
    found = flatten(result, "gradcheck: the result of the function")
    if not any(isinstance(y, Value) for y in found):
        raise TypeError(
            "gradcheck: the function must return a Value, computed from its arguments by operations on Values; "
            f"got {result!r} of type {type(result).__name__}. float(x), x.data and math.exp(x) leave the graph"
        )
    outputs = [y if isinstance(y, Value) else constant(y) for y in found]
    again = partial(_called, f, structure, numbers, names)
    return Subject(outputs, paths(result, ""), inputs, names, point, places.of, again)


class _Places(ContextChange, Watch):
    """Notes the line of the user's code that computes each result."""

    def __init__(self) -> None:
        self.of: dict[Value, Place] = {}

    def changed(self, context: Context) -> Context:
        return context.but(watch=self)

    def forward(self, result: Value) -> None:
        self.of[result] = calling_line()


@contextmanager
def _assigned(leaves: Sequence[Value], numbers: Sequence[float]) -> Iterator[None]:
    """Leaves have these numbers inside, and their own afterwards, so that graphs from before are not stale."""
    own = [(leaf, leaf.number, leaf.tick) for leaf in leaves]
    try:
        for leaf, number in zip(leaves, numbers, strict=True):
            leaf.data = number
        yield
    finally:
        for leaf, number, tick in own:
            leaf.number, leaf.tick = number, tick


def _require_inputs(inputs: Sequence[Any]) -> None:
    if not inputs:
        raise ValueError("gradcheck: there is nothing to check, for lack of an input to differentiate by")


def _require_defined(subject: Subject) -> None:
    for output, name in zip(subject.outputs, subject.output_names, strict=True):
        if math.isnan(output.data):
            point = ", ".join(f"{x} = {number!r}" for x, number in zip(subject.names, subject.point, strict=True))
            raise ValueError(
                f"gradcheck: the function is nan at {point}{name and f' (output {name})'}, it has no derivative there; "
                "choose inputs where it is defined (detect_anomaly finds where the nan begins)"
            )


def argument_names(f: Callable[..., Any], number: int, otherwise: str = "") -> list[str]:
    """The names of a function's first arguments; something else if they are not known, as for functions in C."""
    while hasattr(f, "__wrapped__"):  # below its decorators
        f = f.__wrapped__
    hidden = 1 if hasattr(f, "__self__") else 0
    if hasattr(f, "operation"):  # one of the user's own: its formula has the names, after the number system
        f, hidden = f.operation.formula, 1
    code = getattr(f, "__code__", None)
    names: list[str] = []
    if code is not None:
        names += code.co_varnames[hidden : code.co_argcount]
        if code.co_flags & inspect.CO_VARARGS:
            rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
            names += [f"{rest}[{i}]" for i in range(number - len(names))]
    return names[:number] + [otherwise or f"inputs[{i}]" for i in range(len(names), number)]


def paths(structure: Any, path: str) -> list[str]:
    """Where each number of a structure is, in the order of `flatten`."""
    if isinstance(structure, (Value, Real)):
        return [path]
    if isinstance(structure, dict):
        parts = [paths(part, f"{path}[{key!r}]") for key, part in structure.items()]
    elif is_array(structure):
        places = product(*map(range, structure.shape))
        return [f"{path}[{', '.join(map(str, place))}]" for place in places]
    else:
        parts = [paths(part, f"{path}[{i}]") for i, part in enumerate(structure)]
    return [found for part in parts for found in part]


def described_call(node: Value) -> str:
    """The operation with its operands and its result."""
    operands = node.parents
    shown = ", ".join(map(described, operands[:6])) + (", ..." if len(operands) > 6 else "")
    return f"{node.op}({shown}) = {node.data!r}"


def described(operand: Value) -> str:
    """A Value by its name, or by the operation that computed it."""
    if operand.name:
        return f"{operand.name} = {operand.data!r}"
    return f"{operand.data!r} from {operand.op}" if operand.op else repr(operand.data)
