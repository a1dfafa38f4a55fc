"""How operations are recorded in one thread or task: whether at all, who watches, and in which scope."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps

from .node import Scope

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


class Context:
    """How operations are recorded in one thread or task.

    Attributes:
        records: whether results remember their operands.
        watch: called for every operation, or None.
        scope: the scope that results belong to, or None.
        reads: called where Python code learns the number of a Value, or None.
        is_plain: whether results are recorded and nobody watches. Operations ask this first.
        before: the context that comes back when this one ends.
    """

    __slots__ = ("before", "is_plain", "reads", "records", "scope", "watch")

    def __init__(
        self,
        records: bool = True,
        watch: Watch | None = None,
        scope: Scope | None = None,
        reads: Reader | None = None,
    ) -> None:
        self.records = records
        self.watch = watch
        self.scope = scope
        self.reads = reads
        self.is_plain = records and watch is None
        self.before: Context | None = None

    def but(self, **changes: Any) -> Context:
        """A context like this one with some attributes changed."""
        kept = {"records": self.records, "watch": self.watch, "scope": self.scope, "reads": self.reads}
        return Context(**{**kept, **changes})


_context: ContextVar[Context] = ContextVar("autograd context", default=Context())  # noqa: B039  # never changed

current_context = _context.get


# The flags of the code of generators, coroutines and asynchronous generators, as in `inspect`.
_COMPUTES_LATER = 0x20 | 0x80 | 0x200


class ContextChange:
    """A context manager, and a decorator, for computing in another context in the current thread and task."""

    def changed(self, context: Context) -> Context:
        """The context to compute in; subclasses say which."""
        return context

    def __enter__(self) -> Self:
        before = _context.get()
        inside = self.changed(before)
        inside.before = before
        _context.set(inside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        before = _context.get().before
        assert before is not None
        _context.set(before)

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

    Holds for the current thread and task only; tasks that are started inside inherit it. Also a decorator.

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
    """Records even inside `no_grad`: derivatives of functions need the graph of their own call."""

    def changed(self, context: Context) -> Context:  # noqa: D102
        return context.but(records=True)


class unwatched(ContextChange):
    """Computes unwatched: for partial derivatives, not all of which are used."""

    def changed(self, context: Context) -> Context:  # noqa: D102
        return context.but(watch=None)


class scope(ContextChange):
    """Marks what is computed inside as one part of the graph, which `draw` shows as a box.

    Scopes nest; an operation costs no more inside. Also a decorator: every call is then a scope of its own.

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
        return Context(context.records, context.watch, inside, context.reads)  # faster than `but`: layers do it often
