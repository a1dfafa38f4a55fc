"""How operations are recorded in one thread or task: whether at all, who watches, and in which scope."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps

from .node import Node, Scope, nodes

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ParamSpec, Self, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


class Watch:
    """Called for every operation while active; `debug/anomaly.py` has the one that raises at nan and inf."""

    def forward(self, result: Any) -> None:
        """`result` has just been computed."""

    def backward(self, result: Any, operand: Any, contribution: float) -> None:
        """`backward` is about to add `contribution` to the gradient of an operand of `result`."""


class Reader:
    """Called where Python code learns or sets the number of a Value; `debug/reads.py` has the one that notes where."""

    def note(self, value: Any) -> None:
        """The number of this Value was read."""

    def compare(self, one: Any, other: Any) -> None:
        """Whether these two Values are equal was asked."""


class Context:
    """How operations are recorded in one thread or task.

    Attributes:
        records: whether results remember their operands.
        watch: called for every operation, or None.
        scope: the scope that results belong to, or None.
        reads: called where Python code learns the number of a Value, or None.
        variables: what a function is being differentiated by, from the outermost call of `grad` and the like inwards.
        is_plain: whether results are recorded and nobody watches. Operations ask this first.
        before: the context that comes back when this one ends.
        owner: whose `with` block this is.
    """

    __slots__ = ("before", "is_plain", "owner", "reads", "records", "scope", "variables", "watch")

    def __init__(
        self,
        records: bool = True,
        watch: Watch | None = None,
        scope: Scope | None = None,
        reads: Reader | None = None,
        variables: tuple[Node, ...] | None = None,
    ) -> None:
        self.records = records
        self.watch = watch
        self.scope = scope
        self.reads = reads
        self.variables = variables
        self.is_plain = records and watch is None
        self.before: Context | None = None
        self.owner: ContextChange | None = None

    def but(self, **changes: Any) -> Context:
        """A context like this one with some attributes changed."""
        names = ("records", "watch", "scope", "reads", "variables")
        return Context(**{name: getattr(self, name) for name in names} | changes)


_context: ContextVar[Context] = ContextVar("autograd context", default=Context())  # noqa: B039  # never changed

current_context = _context.get


# The flags of the code of generators, coroutines and asynchronous generators, as in `inspect`.
_COMPUTES_LATER = 0x20 | 0x80 | 0x200


class ContextChange:
    """A context manager, and a decorator, for computing in another context in the current thread and task.

    Ctrl-C, which may come between any two steps of Python, can keep a block from ending its context; the block around
    it then ends both. A generator must not `yield` inside: Python cannot tell a paused generator from its caller, which
    would go on in the generator's context.

    Raises:
        RuntimeError: it ends in another thread or order than it began in.
    """

    def changed(self, context: Context) -> Context:
        """The context to compute in: by default one like the context around it; subclasses say which."""
        return context.but()

    def __enter__(self) -> Self:
        before = _context.get()
        inside = self.changed(before)
        inside.before, inside.owner = before, self
        try:
            _context.set(inside)
            return self
        except BaseException:  # Ctrl-C; __exit__ is not called then
            _context.set(before)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        inside = _context.get()
        if error is not None and kind is not GeneratorExit:
            # An error may have cut off blocks inside this one before they could end: it ends them too.
            while inside.before is not None and inside.owner is not self:
                inside = inside.before
        if inside.before is None or inside.owner is not self:
            raise RuntimeError(
                f"{type(self).__name__} ends in a thread, task or order other than it began in; a generator must not "
                "be paused inside such a block, for its caller would go on in that context"
            )
        _context.set(inside.before)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function, all of which then computes in that context.

        Raises:
            TypeError: a generator or coroutine function, which computes only after the call.
        """
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & _COMPUTES_LATER:
            raise TypeError(
                f"{type(self).__name__} cannot decorate the generator or coroutine function {function.__qualname__}; "
                f"use `with {type(self).__name__}(...):` inside it"
            )

        @wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return inside


class no_grad(ContextChange):
    """Computes without recording: results are constants, and nothing is kept for `backward`.

    Holds for the current thread and task only; tasks started inside inherit it. Also a decorator.

    >>> from autograd import Value, no_grad
    >>> w = Value(2.0)
    >>> with no_grad():
    ...     y = w * 3
    >>> y.data, y.is_constant, y.parents
    (6.0, True, ())
    """

    def changed(self, context: Context) -> Context:  # noqa: D102
        return context.but(records=False)


class recording(ContextChange):
    """Records even inside `no_grad`: derivatives of functions need the graph of their own call.

    Args:
        variables: what a function is being differentiated by inside, if one is.
    """

    def __init__(self, variables: tuple[Node, ...] | None = None) -> None:
        self._variables = variables

    def changed(self, context: Context) -> Context:  # noqa: D102
        if self._variables is None:
            return context.but(records=True)
        return context.but(records=True, variables=(context.variables or ()) + self._variables)


class unwatched(ContextChange):
    """Computes unwatched: for partial derivatives, not all of which are used."""

    def changed(self, context: Context) -> Context:  # noqa: D102
        return context.but(watch=None)


class scope(ContextChange):
    """Marks what is computed inside as one part of the graph, which `draw` shows as a box.

    Scopes nest, and operations cost no more inside. Also a decorator: each call is then a scope of its own.

    Args:
        name: what the box is called.
        owner: the object that computes, if there is one; an `nn.Module` gives itself.

    Raises:
        TypeError: the name is not a string.

    >>> from autograd import Value, scope
    >>> x = Value(1.0)
    >>> with scope("hidden layer"):
    ...     y = (2 * x).softplus()
    """

    def __init__(self, name: str, owner: object = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a scope must be a string, got {name!r} of type {type(name).__name__}")
        self._name = name
        self._owner = owner

    def changed(self, context: Context) -> Context:  # noqa: D102
        inside = Scope(self._name, self._owner, context.scope)
        # Faster than `but`: layers come here in every call.
        return Context(context.records, context.watch, inside, context.reads, context.variables)


def require_no_loss(value: Node) -> None:
    """Refuses to let a number leave the graph while a function is differentiated with respect to what it depends on.

    Raises:
        TypeError: it depends on such a variable, so the derivative would lack what is done with the number.
    """
    variables = current_context().variables
    if variables and not set(variables).isdisjoint(nodes([value])):
        from .debug.lines import calling_line, shown  # only here: nearly no program comes here

        raise TypeError(
            f"the number {value.number!r} of a Value leaves the graph while a function is differentiated by what it "
            "depends on, so the derivative would be wrong; use the functions of autograd (autograd.exp instead of "
            "math.exp, arrays of objects instead of floats), or x.data or x.detach() where a constant is meant; in "
            f"{shown(calling_line())}"
        )
