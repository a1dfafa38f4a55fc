"""from_torch: a function of torch runs once, and beside each tensor that depends on a leaf its Values are recorded.

torch tells a dispatch mode of every operation below its autograd, with the tensors themselves. So Python's own choices,
hooks and caches work as always, views and in-place writes are what they are in memory, and `requires_grad` says what
is differentiated. Values are kept by storage: a view needs no translation, it reads the same places.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ..collector import collector_paused
from ..context import scope
from ..value import Value, constant
from . import aten, aten_embeddings, aten_layers, aten_matrices, aten_scatter, rows  # noqa: F401  # these fill the table
from .aten_names import CREATES, LINEAR, MOVES, POSITIONS, RESHAPES, TABLE, base_name, title_of
from .aten_sums import at_positions
from .cells import Cells, Parameter, add, chosen, combined, data, filled, leaves, moved
from .problems import Problems, user_line
from .torch_context import Running, buffers_kept, modules_as_scopes, steps_apart
from .torch_names import Names, elements_of, storage_of

Argument: TypeAlias = Any
"""What an operation of torch is given: a tensor, a number, a list of them, a type, ..."""

TORCH = os.path.dirname(torch.__file__) + os.sep

NOT_MATHEMATICS = {"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking", "generator", "out"}
"""Arguments that say how torch keeps numbers, which Values do in one way only."""

RANDOM = {"bernoulli_", "native_dropout", "rrelu_with_noise", "_fused_dropout", "native_alpha_dropout"}

LARGE = 16
"""An operation that gives more numbers than this, in a module of several parts, is a scope of its own."""

LOGIC = frozenset(rows.CONDITIONS) | {
    f"{kind}_{name}" for kind in ("logical", "bitwise") for name in ("and", "or", "not")
}
"""Operations that give conditions, which are kept as numbers 0 and 1."""

CLOSE = 1e-6
"""How far, relative to the largest number of a tensor, what was recorded may be from what torch found in float64."""

ROUGH = 1e-2
"""The same in other types."""


def translated(f: Callable[[], Argument], model: torch.nn.Module | None) -> Argument:
    """What f returns, with Values in place of tensors."""
    names = Names(f, model)
    recorder = Recorder(names)
    with ExitStack() as stack:
        stack.enter_context(collector_paused())
        stack.enter_context(buffers_kept(names.modules))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(steps_apart())
        stack.enter_context(modules_as_scopes(names, recorder.running))
        with recorder:
            result = f()
    return recorder.returned(result)


class Recorder(TorchDispatchMode):  # type: ignore[misc]  # what is not installed has no type
    """Records Values beside the tensors that depend on a leaf.

    Args:
        names: what tensors and modules are called.
    """

    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.running: list[Running] = []
        self._problems = Problems("from_torch")
        self._variables: dict[int, Cells] = {}
        self._constants: dict[int, dict[int, Value]] = {}
        self._kept: dict[int, Argument] = {}  # storages, whose addresses would be given to others
        self._decomposing: str | None = None  # the operation that is being run as smaller ones

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing here is compiled; torch would import its whole compiler to say so."""
        return False

    def __torch_dispatch__(
        self, func: Argument, types: Argument, args: Sequence[Argument] = (), kwargs: dict[str, Argument] | None = None
    ) -> Argument:
        """Runs one operation, and records what it does to Values."""
        given = _by_name(func, args, kwargs or {})
        tensors = [x for x in tree_leaves(list(given.values())) if isinstance(x, torch.Tensor)]
        name = base_name(func, given)
        if not torch.is_grad_enabled() and self._decomposing is None:
            return self._run_without_gradient(func, given, args, kwargs or {})
        if func._schema.name.partition("::")[2] in RANDOM:
            self._note(
                "dropout in training mode: it draws which numbers to drop, so there is no one graph; call model.eval()"
            )
        variables = [x for x in tensors if self._is_variable(x)]
        if not variables:
            return self._run_without_gradient(func, given, args, kwargs or {})
        if name in CREATES or func._schema.name.partition("::")[2] in RESHAPES:
            return func(*args, **(kwargs or {}))
        before = {name: self._operand(x) for name, x in given.items() if name not in NOT_MATHEMATICS}
        if not (name in TABLE or name in MOVES or name in LINEAR or name in POSITIONS or _is_view(func)):
            decomposition = torch._decomp.decomposition_table.get(func)
            if decomposition is not None and not func._schema.is_mutable:
                return self._decomposed(func, decomposition, args, kwargs or {})
        result = func(*args, **(kwargs or {}))
        outputs = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)]
        shared = {storage_of(x) for x in tensors if x.layout == torch.strided}
        is_view = not func._schema.is_mutable and all(
            x.layout == torch.strided and storage_of(x) in shared for x in outputs
        )
        if not is_view and any(x.is_floating_point() or x.is_complex() or name in LOGIC for x in outputs):
            self._record(name, func, given, before, outputs)
        elif not is_view:
            for x in outputs:
                self._variables.pop(storage_of(x), None)  # a condition that is now another, or a number again
        return result

    def _record(
        self,
        name: str,
        func: Argument,
        given: dict[str, Argument],
        before: dict[str, Argument],
        outputs: list[torch.Tensor],
    ) -> None:
        """Keeps what an operation gives for the Values of its operands."""
        found: Sequence[Cells | None] = ()
        if reason := next(filter(None, map(_has_no_numbers, outputs)), None):
            self._note(reason)
            return
        if name == "masked_fill" and before["mask"].dtype == object:
            found = [chosen(before["mask"], before["value"], before["self"])]
        elif name == "_to_copy" and given["self"].dtype == torch.bool:
            found = [before["self"]]
        elif name in MOVES or name in LINEAR:
            found = [(moved if name in MOVES else combined)(*self._on_numbers(func, given, name in MOVES))]
        elif name in POSITIONS:
            positions = outputs[1].detach().cpu().numpy() if len(outputs) > 1 else None
            found = [at_positions(before["self"], positions, before.get("dim", -1))]
        elif name in TABLE:
            with self._step(name, outputs[0]):
                results = TABLE[name](**_accepted(before))
            found = results if isinstance(results, tuple) else (results,)
        else:
            self._note(f"the operation {self._decomposing or _called(func)}")
        for i, output in enumerate(outputs):
            cells = found[i] if i < len(found) else None
            if output.is_floating_point() or name in LOGIC:
                self._write(output, self._constants_of(output) if cells is None else cells, name)

    def _step(self, name: str, output: torch.Tensor) -> AbstractContextManager[object]:
        """A scope for a large operation that no module stands for, so that a picture can fold it."""
        is_loose = self.running[-1].has_parts if self.running else not self.names.modules
        return scope(title_of(name)) if is_loose and output.numel() > LARGE else nullcontext()

    def _write(self, output: torch.Tensor, cells: Cells, name: str) -> None:
        """Puts Values where the tensor is in memory."""
        if tuple(output.shape) != cells.shape:
            raise RuntimeError(f"from_torch: {name} gave shape {tuple(output.shape)}, its translation {cells.shape}")
        if not _agree(_numbers(output), data(cells), CLOSE if output.dtype == torch.float64 else ROUGH):
            raise RuntimeError(f"from_torch: the translation of {name} does not give torch's numbers; please report it")
        flat = self._variables.get(storage_of(output))
        if flat is None:
            flat = self._new(output)
            if output.numel() < len(flat):  # the rest of what the view is a part of
                whole = output.detach().as_strided((len(flat),), (1,), 0)
                flat[:] = self._constants_of(whole)
        _view(flat, output)[...] = cells

    def _new(self, tensor: torch.Tensor) -> Cells:
        storage = tensor.untyped_storage()
        flat = np.full(storage.nbytes() // tensor.element_size(), None, dtype=object)
        self._variables[storage_of(tensor)] = flat
        self._kept[storage_of(tensor)] = storage
        return flat

    def _is_variable(self, x: torch.Tensor) -> bool:
        """Whether a derivative flows into a tensor; makes its leaves if it is seen for the first time."""
        if self._decomposing:
            return x.layout == torch.strided and storage_of(x) in self._variables
        if x.dtype == torch.bool:
            return x.layout == torch.strided and storage_of(x) in self._variables
        if not x.requires_grad:
            return False
        if reason := _has_no_numbers(x):
            self._note(reason)
            return False
        flat = self._variables.get(storage_of(x))
        if flat is None or (x.is_leaf and x.numel() and _view(flat, x).flat[0] is None):
            self._begin(x)
        return True

    def _begin(self, x: torch.Tensor) -> None:
        """The leaves of a tensor that nothing has been recorded for."""
        base = x if x._base is None or x._base.is_complex() else x._base
        if not base.is_leaf and not self._problems:  # after a problem what follows from it has no record either
            self._note(_unrecorded(x))
        flat = self._variables.get(storage_of(x))
        kind = Parameter if isinstance(base, torch.nn.Parameter) else Value
        made = leaves(_numbers(base), self.names.of(base), kind)
        _view(self._new(base) if flat is None else flat, base)[...] = made

    def _operand(self, argument: Argument) -> Argument:
        """What the translation of an operation is given for one of its arguments: cells, whole numbers, or itself."""
        if isinstance(argument, torch.Tensor):
            if not argument.is_floating_point() and not self._is_variable(argument):
                return argument.detach().cpu().numpy()
            return self._cells(argument)
        if isinstance(argument, (list, tuple)):
            return [self._operand(part) for part in argument]
        return argument

    def _cells(self, x: torch.Tensor) -> Cells:
        """The Values of a tensor: what was recorded, or constants."""
        flat = self._variables.get(storage_of(x))
        cells = None if flat is None else _view(flat, x)
        if cells is None or None in cells.ravel().tolist():
            return self._constants_of(x)
        if self._decomposing or x.requires_grad or x.dtype == torch.bool:
            return cells.copy()
        return filled([constant(value.number) for value in cells.ravel().tolist()], cells.shape)

    def _constants_of(self, x: torch.Tensor) -> Cells:
        """One constant for each number of a tensor, the same as long as nobody writes there."""
        storage = storage_of(x)
        pool = self._constants.setdefault(storage, {})
        self._kept[storage] = x.untyped_storage()
        places = elements_of(x).ravel().tolist()
        for place, number in zip(places, _numbers(x).ravel().tolist(), strict=True):
            if place not in pool or pool[place].number != number:
                pool[place] = constant(number, self.names.of_element(storage, place))
        return filled([pool[place] for place in places], tuple(x.shape))

    def _on_numbers(
        self, func: Argument, given: dict[str, Argument], has_places: bool
    ) -> tuple[Callable[[list[np.ndarray[Any, Any]]], Any], list[Cells]]:
        """An operation as a function of arrays in place of its floating tensors (and numbers, if it moves them)."""
        arrays: list[Cells] = []

        def taken(name: str, argument: Argument) -> Argument:
            if isinstance(argument, torch.Tensor) and argument.is_floating_point():
                arrays.append(self._cells(argument))
                return _Slot(len(arrays) - 1)
            if isinstance(argument, (list, tuple)):
                return type(argument)(taken(name, part) for part in argument)
            is_number = has_places and isinstance(argument, (int, float)) and name in ("value", "other", "self")
            if is_number and not isinstance(argument, bool):
                arrays.append(filled([constant(argument)], ()))
                return _Slot(len(arrays) - 1, is_number=True)
            return argument

        template = {name: taken(name, x) for name, x in given.items() if name not in NOT_MATHEMATICS}

        def run(numbers: list[np.ndarray[Any, Any]]) -> Any:
            filled_in = {name: _put(x, numbers) for name, x in template.items()}
            result = func(**filled_in)
            return (result if isinstance(result, torch.Tensor) else result[0]).numpy()

        return run, arrays

    def _decomposed(
        self, func: Argument, decomposition: Argument, args: Sequence[Argument], kwargs: dict[str, Argument]
    ) -> Argument:
        """Runs an operation as torch itself writes it in smaller ones, not all of which are right."""
        before, self._decomposing = self._decomposing, self._decomposing or _called(func)
        try:
            with self:
                result = decomposition(*args, **kwargs)
        finally:
            self._decomposing = before
        pairs = zip(tree_leaves(func(*args, **kwargs)), tree_leaves(result), strict=True)
        if not all(_are_same(expected, found) for expected, found in pairs):
            self._note(f"the operation {_called(func)}, which torch writes in smaller ones that give other numbers")
        return result

    def _run_without_gradient(
        self, func: Argument, given: dict[str, Argument], args: Sequence[Argument], kwargs: dict[str, Argument]
    ) -> Argument:
        """Runs an operation that torch's autograd does not see: over Values it writes numbers, the derivatives stay."""
        targets = [given[each.name] for each in func._schema.arguments if each.alias_info and each.alias_info.is_write]
        dense = [x for x in targets if isinstance(x, torch.Tensor) and x.layout == torch.strided]
        written = [x for x in dense if storage_of(x) in self._variables and not x.is_complex()]
        before = [_numbers(x).copy() for x in written]
        result = func(*args, **kwargs)
        for x, numbers in zip(written, before, strict=True):
            cells = _view(self._variables[storage_of(x)], x)
            cells[...] = add(cells.copy(), _numbers(x) - numbers)
        return result

    def _note(self, problem: str) -> None:
        where = user_line(TORCH)
        self._problems.note(problem, f"module {self.running[-1].title}, {where}" if self.running else where)

    def returned(self, result: Argument) -> Argument:
        """What f returned, with nested lists of Values in place of tensors.

        Raises:
            UntranslatableError: something could not be translated.
            TypeError: f returned something that is no tensor.
        """
        if not any(isinstance(x, torch.Tensor) for x in tree_leaves(result)):
            raise TypeError(
                f"from_torch: f must return a tensor, or tensors in lists, tuples or dicts, got {result!r} of type "
                f"{type(result).__name__}; return the loss itself, not its item()"
            )

        def values(x: Argument) -> Argument:
            if not isinstance(x, torch.Tensor):
                return x
            if self._is_variable(x):
                return self._cells(x).tolist()
            return None if self._problems else self._constants_of(x).tolist()

        found = tree_map(values, result)
        self._problems.raise_if_any()
        return found


class _Slot:
    """Where an array goes into the arguments of an operation."""

    def __init__(self, number: int, is_number: bool = False) -> None:
        self.number = number
        self.is_number = is_number


def _put(argument: Argument, arrays: list[np.ndarray[Any, Any]]) -> Argument:
    if isinstance(argument, _Slot):
        array = arrays[argument.number]
        return float(array) if argument.is_number else torch.from_numpy(np.array(array))
    if isinstance(argument, (list, tuple)):
        return type(argument)(_put(part, arrays) for part in argument)
    return argument


def _by_name(func: Argument, args: Sequence[Argument], kwargs: dict[str, Argument]) -> dict[str, Argument]:
    """The arguments of an operation under the names of its schema, defaults included."""
    schema = func._schema.arguments
    given = {each.name: each.default_value for each in schema if each.has_default_value()}
    given |= {each.name: x for each, x in zip(schema, args, strict=False)}
    given |= kwargs
    return {each.name: given[each.name] for each in schema if each.name in given}


def _called(func: Argument) -> str:
    """An operation's name for messages, such as "aten.digamma"."""
    return str(func._schema.name).replace("::", ".")


def _accepted(arguments: dict[str, Argument]) -> dict[str, Argument]:
    return {("x" if key == "self" else key): argument for key, argument in arguments.items()}


def _is_view(func: Argument) -> bool:
    returns = func._schema.returns
    return not func._schema.is_mutable and bool(returns) and all(each.alias_info is not None for each in returns)


def _numbers(x: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    numbers: np.ndarray[Any, np.dtype[np.float64]] = x.detach().cpu().double().numpy()
    return numbers


def _view(flat: Cells, x: torch.Tensor) -> Cells:
    """The part of a storage's Values that a tensor shows, to read or to write."""
    strides = [step * flat.itemsize for step in x.stride()]
    return np.lib.stride_tricks.as_strided(flat[x.storage_offset() :], tuple(x.shape), strides)


def _agree(expected: np.ndarray[Any, Any], found: np.ndarray[Any, Any], tolerance: float) -> bool:
    finite = expected[np.isfinite(expected)]
    scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
    return bool(np.allclose(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


def _are_same(expected: Argument, found: Argument) -> bool:
    """Whether two results of an operation agree, as far as they are dense tensors of real numbers."""
    if not isinstance(expected, torch.Tensor) or _has_no_numbers(expected):
        return True
    if not isinstance(found, torch.Tensor) or found.shape != expected.shape:
        return False
    return _agree(_numbers(expected), _numbers(found), CLOSE if expected.dtype == torch.float64 else ROUGH)


def _has_no_numbers(x: torch.Tensor) -> str | None:
    """Why a tensor cannot be Values; None if it can."""
    if x.is_complex():
        return "complex numbers; a Value is a real number"
    if x.layout != torch.strided:
        return f"a tensor of layout {x.layout}; from_torch takes dense tensors"
    if x.device.type == "meta":
        return "a tensor on the device 'meta', which has no numbers; from_torch takes tensors on any other device"
    return None


def _unrecorded(x: torch.Tensor) -> str:
    """Why nothing was recorded for a tensor that has a history."""
    step = x.grad_fn
    if isinstance(step, torch.autograd.function.BackwardCFunction):
        name = type(step).__name__.removesuffix("Backward")
        return (
            f"torch.autograd.Function {name}, whose backward is a program of its own; write it in operations of torch"
        )
    return "a tensor that was computed outside of f, whose history is not seen; compute it inside f, or detach() it"
