"""Module and Parameter: how a network finds its parameters and what it calls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from numbers import Real
from reprlib import recursive_repr
from typing import Any, NamedTuple, SupportsFloat, TypeAlias

import numpy as np

from autograd import Value, scope

from .checks import array_of, boolean, kind_of, listed, printable
from .containers import copied, entries, found_at, is_among, is_unchanged
from .flat import forget_gradients, gathered, scatter
from .kept import ASSIGNED, PREDICTION
from .paths import Key, bracketed, dotted, is_outer, joined
from .prediction import holds_rows, prediction_of
from .tables import table
from .types import Vector

Tensor: TypeAlias = "Parameter | Sequence[Tensor]"
"""A Parameter, or a vector, matrix and so on of Parameters as nested lists of equal lengths."""


class Parameter(Value):
    """A Value that training may change.

    Args:
        data: a real number.
        name: what drawings and tables call it, such as "w1"; by default its path in the outermost module it was
            assigned to, such as "hidden.weight[0][1]".
        trainable: whether optimisers change it. A frozen parameter still gets a gradient.

    Attributes:
        path: where it is in its module; None until it is assigned to one.

    Raises:
        TypeError: data is not a real number, or name is not a string.

    >>> Parameter(2.74, name="w1")
    Parameter(2.74, name='w1')
    """

    path: str | None

    def __init__(self, data: SupportsFloat, name: str | None = None, trainable: bool = True) -> None:
        if type(data) is not float and not isinstance(data, Real):
            raise TypeError(f"{type(self).__name__} takes a real number as data, got {kind_of(data)}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string, got {kind_of(name)}")
        super().__init__(data, name)
        self.trainable = boolean(trainable, "trainable")
        self.path = None

    def _placed(self, path: str) -> None:
        """Takes the path as name, unless it was given one."""
        before = self.path
        if before is None or is_outer(path, before):
            if self.name in (None, before):
                self.name = path
            self.path = path


class Module:
    """Part of a network: parameters, smaller modules, and a `forward` that computes with them.

    Subclasses assign parameters and modules to attributes, alone or in lists, tuples, dicts and arrays, and define
    `forward`. They are looked up when needed, so lists may grow later. A parameter or module that can be reached in
    several ways counts once, under its first path. A Value that is no `Parameter` is not trained, so putting one (or
    anything else but None) in the place of a Parameter is a TypeError: `model.slope.data = 3.0` changes its number.

    Paths are PyTorch's: attributes, keys and positions of modules joined by dots ("layers.0.weight"). Lists of
    parameters are arrays, whose elements have their position in brackets ("layers.0.weight[1][0]").

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope = Parameter(2.0)
    ...         self.intercept = Parameter(1.0)
    ...     def forward(self, x):
    ...         return self.slope * x + self.intercept
    >>> line = Line()
    >>> line(3).data
    7.0
    >>> [name for name, parameter in line.named_parameters()]
    ['slope', 'intercept']
    """

    training: bool = True
    """Whether the module is being trained; see `train` and `eval`."""

    _path: str | None = None

    def __setattr__(self, name: str, value: object) -> None:
        self._require_kept(name, vars(self).get(name), value)
        object.__setattr__(self, name, value)
        self._note(name, value)
        for keys, found in _contents((name,), value):
            if not isinstance(found, Module):
                _place(found, bracketed(keys))
            elif self not in (inside := found._first_paths()):  # a module around this one keeps its paths
                for module, inner in inside.items():
                    module._placed(path := joined(dotted(keys), inner))
                    for tensor_path, tensor in module._own_tensors(path):
                        _place(tensor, tensor_path)

    def forward(self, *inputs: Any) -> Any:
        """Computes the outputs; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs `forward` in a scope of its own, which drawings show as a box."""
        outermost = _outermost.get()
        if outermost is not None and self._path is None:
            outermost.named_parameters()  # this module may have joined a list after the list was assigned
        try:
            _outermost.set(self if outermost is None else outermost)  # here, for Ctrl-C may come right after it
            with scope(self._path or type(self).__name__, owner=self):
                return self.forward(*args, **kwargs)
        except Exception as error:
            if outermost is None and any(map(holds_rows, args)):
                error.add_note("A model takes one observation; model.predict(X) takes a whole array of them.")
            raise
        finally:
            _outermost.set(outermost)

    def predict(self, X: Any) -> Vector:  # noqa: N803  # the name of many libraries
        """The outputs for each row, with the current parameters, in evaluation mode.

        The graph of one row is compiled and kept (see `autograd.compile`); if results would differ, it falls back to a
        graph per row.

        Args:
            X: a list or array with one row per observation; a plain number becomes a row of one, `[number]`.

        Returns:
            An array of shape (rows, outputs).

        Raises:
            TypeError: the rows are no list, or an output is no number.
            ValueError: there are no rows, or they do not fit the model; a note says which.

        >>> import nn
        >>> line = nn.Linear(1, 1, seed=0)
        >>> line.weight[0][0].data = 2.0
        >>> line.predict([0, 0.5, 1]).tolist()
        [[0.0], [1.0], [2.0]]
        """
        return prediction_of(self)(X)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != PREDICTION}

    def parameters(self) -> list[Parameter]:
        """All parameters, shared ones once, in PyTorch's order: a module's own before those of modules inside it."""
        return list(self._parameter_paths())

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """All parameters with their paths, whatever names they were given."""
        return [(path, parameter) for parameter, path in self._parameter_paths().items()]

    def _parameter_paths(self) -> dict[Parameter, str]:
        found: dict[Parameter, str] = {}
        for path, module in self.named_modules():
            for tensor_path, tensor in module._own_tensors(path):
                for place, parameter in elements(tensor, tensor_path):
                    found.setdefault(parameter, place)
        for parameter, path in found.items():
            if parameter.path != path:
                parameter._placed(path)
        return found

    def own_parameters(self) -> list[Parameter]:
        """The parameters of this module alone, without those of modules inside it."""
        return list(dict.fromkeys(parameter for _, tensor in self._own_tensors("") for parameter in flat(tensor)))

    def named_modules(self) -> list[tuple[str, Module]]:
        """This module under the path "" and all inside, each after the one around it, shared ones once."""
        found = self._first_paths()
        for module, path in found.items():
            module._placed(path)
        return [(path, module) for module, path in found.items()]

    def children(self) -> list[Module]:
        """The modules directly inside this one."""
        return list(dict.fromkeys(child for _, child in self._named_children()))

    def zero_grad(self) -> None:
        """Marks all gradients as not computed; they then read 0.0."""
        forget_gradients(parameter for _, module in self.named_modules() for parameter in module.own_parameters())

    def train(self, mode: bool = True) -> Module:
        """Sets `training` in this module and all modules inside; returns this module."""
        mode = boolean(mode, "mode")
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """The opposite of `train`."""
        return self.train(False)

    def state_dict(self) -> dict[str, Vector]:
        """The numbers of all parameters: copies, as float64 arrays under PyTorch's names ("0.weight").

        A shared parameter appears under each of its paths, as in PyTorch.
        """
        return {path: gathered(flat(tensor)).reshape(shape(tensor)) for path, tensor in self._tensors().items()}

    def load_state_dict(self, sd: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Sets the numbers of all parameters.

        Args:
            sd: arrays of numbers, or what NumPy can convert to them, by name as in `state_dict`.
            strict: whether the names must be exactly those of this module. If not, unexpected names are ignored and
                missing ones keep their numbers; the rest must still fit.

        Returns:
            The names that were missing and those that were ignored; none if `strict`.

        Raises:
            TypeError: `sd` is no dict.
            ValueError: something is missing, unexpected, or of the wrong shape or type. The message lists it all, and
                nothing was changed.
        """
        if not isinstance(sd, Mapping):
            raise TypeError(f"sd must be a dict of arrays by name, as state_dict gives, got {kind_of(sd)}")
        strict = boolean(strict, "strict")
        tensors = self._tensors()
        missing, unexpected = [path for path in tensors if path not in sd], [path for path in sd if path not in tensors]
        problems, arrays = [], {}
        if strict:
            problems += [f"{path}: missing, shape {shape(tensors[path])}" for path in missing]
            problems += [f"{printable(path)}: unexpected, this module has no such parameters" for path in unexpected]
        for path in filter(sd.__contains__, tensors):
            try:
                arrays[path] = array_of(sd[path], shape(tensors[path]))
            except ValueError as error:
                problems.append(f"{path}: {error}")
        if problems:
            raise ValueError(
                f"this state does not fit {type(self).__name__}; nothing was changed:\n  " + listed(sorted(problems))
            )
        for path, array in arrays.items():
            scatter(array, flat(tensors[path]))
        return IncompatibleKeys(missing, unexpected)

    def summary(self) -> str:
        """A table of all modules with the numbers of their own parameters; drawn with rich if installed."""
        counted: dict[Parameter, None] = {}
        lines = []
        for path, module in self.named_modules():
            own = [parameter for parameter in module.own_parameters() if parameter not in counted]
            counted.update(dict.fromkeys(own))
            lines.append((path, f"{type(module).__name__}({module.extra_repr()})", *_counts(own)))
        return table(("path", "module", "parameters", "trainable"), lines, ("total", "", *_counts(counted)))

    def extra_repr(self) -> str:
        """What `repr` shows in the parentheses, such as "bias=True" for a Linear; subclasses may define it."""
        return ""

    @recursive_repr("...")
    def __repr__(self) -> str:
        lines = [f"({path}): {child!r}".replace("\n", "\n  ") for path, child in self._named_children()]
        head = f"{type(self).__name__}({self.extra_repr()}"
        return head + "".join(f"\n  {line}" for line in lines) + ("\n)" if lines else ")")

    def _named_children(self) -> list[tuple[str, Module]]:
        return [(dotted(keys), child) for keys, child in self._contents() if isinstance(child, Module)]

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The arrays of parameters with their paths, as in `state_dict`: nested lists, or single Parameters.

        Lists whose parts differ in length are no arrays; their parts come one by one.
        """
        for path, module in self._tree():
            yield from module._own_tensors(path)

    def _own_tensors(self, path: str) -> Iterator[tuple[str, Tensor]]:
        """The arrays of parameters outside the modules inside this one, which has the path."""
        for name, before in list(vars(self).get(ASSIGNED, {}).items()):
            now = vars(self).get(name)
            if not is_unchanged(before, now):
                if copied(now):  # a list may be emptied
                    self._require_kept(name, before, now)
                self._note(name, now)
        for keys, found in self._contents():
            if not isinstance(found, Module):
                yield joined(path, bracketed(keys)), found

    def _tensors(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for path, tensor in self.named_tensors():
            if path in found:
                raise ValueError(
                    f"two parameters have the path {path!r}; rename the key of a dict that has a dot in it"
                )
            found[path] = tensor
        return found

    def _first_paths(self) -> dict[Module, str]:
        """This module and all inside, each with its first path, after the one around it."""
        found: dict[Module, str] = {}
        pending: list[tuple[str, Module]] = [("", self)]
        while pending:
            path, module = pending.pop()
            if module not in found:
                found[module] = path
                children = [(joined(path, inner), child) for inner, child in module._named_children()]
                pending += reversed(children)
        return found

    def _tree(self, path: str = "", around: tuple[Module, ...] = ()) -> Iterator[tuple[str, Module]]:
        """This module and all inside, under every path that does not go in circles."""
        yield path, self
        for inner, child in self._named_children():
            if child is not self and child not in around:
                yield from child._tree(joined(path, inner), (*around, self))

    def _contents(self) -> Iterator[tuple[tuple[Key, ...], Any]]:
        for name, value in list(vars(self).items()):
            if name != ASSIGNED:
                yield from _contents((name,), value)

    def _note(self, name: str, value: object) -> None:
        """Notes what a container holds, to see later whether parameters in it were replaced."""
        vars(self).get(ASSIGNED, {}).pop(name, None)
        is_empty = isinstance(value, (list, tuple, dict)) and not value
        if is_empty or (not isinstance(value, (Module, Parameter)) and any(_contents((name,), value))):
            vars(self).setdefault(ASSIGNED, {})[name] = copied(value)

    def _require_kept(self, name: str, before: object, after: object) -> None:
        if (place := _lost((name,), before, after)) is not None:
            where, found = bracketed(place), found_at(after, place[1:])
            owner = f"{type(self).__name__} {self._path!r}" if self._path else f"this {type(self).__name__}"
            raise TypeError(
                f"{where} of {owner} holds parameters, which would no longer be trained or saved with {kind_of(found)} "
                f"in their place; write model.{where}.data = ... for another number, or assign None to remove them"
            )

    def _placed(self, path: str) -> None:
        """Notes the path in an outer module."""
        if path and (self._path is None or is_outer(path, self._path)):
            object.__setattr__(self, "_path", path)


_outermost: ContextVar[Module | None] = ContextVar("outermost module that is being called", default=None)


class IncompatibleKeys(NamedTuple):
    """How the names of a state differ from those of a module; the attributes are PyTorch's."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def _contents(
    keys: tuple[Key, ...], value: object, around: tuple[object, ...] = ()
) -> Iterator[tuple[tuple[Key, ...], Any]]:
    """The modules and arrays of parameters in an attribute, each with the keys that lead to it."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    if isinstance(value, (Module, Parameter)) or shape_or_none(value) is not None:
        yield keys, value
    elif not is_among(value, around):
        for key, item in entries(value):
            if isinstance(item, _SEARCHED):  # here, since an attribute may hold a great many plain numbers
                yield from _contents((*keys, key), item, (*around, value))


def _lost(
    keys: tuple[Key, ...], before: object, after: object, around: tuple[object, ...] = ()
) -> tuple[Key, ...] | None:
    """The keys of the first Parameter or Module in whose place an assignment puts something else; None without one."""
    if after is None or after is before or is_among(before, around):
        return None
    for kind in (Parameter, Module):
        if isinstance(before, kind):
            return None if isinstance(after, kind) else keys
    inside = [
        (*key, *(0 for _ in shape_or_none(found) or ()))
        for key, found in (_contents(keys, before) if isinstance(before, _SEARCHED) else ())
    ]
    if not inside or isinstance(after, Module):
        return None
    if isinstance(after, np.ndarray) and after.dtype == object:
        after = after.tolist()
    if next(_contents(keys, after), None) is None:
        removed = [item for _, item in entries(after)]
        return None if removed and not any(item is not None for item in removed) else inside[0]
    items = dict(entries(after))
    lost = (_lost((*keys, key), item, items[key], (*around, before)) for key, item in entries(before) if key in items)
    return next(filter(None, lost), None)


_SEARCHED = (Module, Parameter, dict, list, tuple, np.ndarray)


def shape(tensor: Tensor) -> tuple[int, ...]:
    """The shape of an array of parameters; () for a single one."""
    found = shape_or_none(tensor)
    if found is None:
        raise TypeError(f"expected Parameters, or lists of them of equal lengths, got {kind_of(tensor)}")
    return found


def shape_or_none(value: object, around: tuple[object, ...] = ()) -> tuple[int, ...] | None:
    """The shape of an array of parameters; None if this is no such array."""
    if isinstance(value, Parameter):
        return ()
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if set(map(type, value)) == {Parameter}:  # fast for rows of weights, of which large layers have a great many
        return (len(value),)
    inside = (*around, value)
    first = None if is_among(value, around) else shape_or_none(value[0], inside)
    if first is None or any(shape_or_none(item, inside) != first for item in value):
        return None
    return (len(value), *first)


def flat(tensor: Tensor) -> list[Parameter]:
    """The parameters of an array, row by row."""
    if isinstance(tensor, Parameter):
        return [tensor]
    if isinstance(tensor[0], Parameter):  # then all are
        return list(tensor)  # type: ignore[arg-type]
    return [parameter for row in tensor for parameter in flat(row)]


def elements(tensor: Tensor, path: str) -> Iterator[tuple[str, Parameter]]:
    """The parameters of an array that has a path, row by row, each with its own path."""
    paths = [path]
    for length in shape(tensor):
        indices = [f"[{position}]" for position in range(length)]
        paths = [outer + index for outer in paths for index in indices]
    return zip(paths, flat(tensor), strict=True)


def _counts(parameters: Iterable[Parameter]) -> tuple[str, str]:
    trainable = [parameter.trainable for parameter in parameters]
    return f"{len(trainable):,}", f"{sum(trainable):,}"


def _place(tensor: Tensor, path: str) -> None:
    for place, parameter in elements(tensor, path):
        parameter._placed(place)
