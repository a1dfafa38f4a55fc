"""Nested lists, tuples, dicts and arrays of numbers: flattened into a list, and rebuilt from one."""

from __future__ import annotations

from numbers import Real

from .value import Value

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any


def is_array(structure: object) -> bool:
    """Whether this is a NumPy array; asked in a way that does not import NumPy."""
    return type(structure).__module__ == "numpy" and hasattr(structure, "ravel") and not isinstance(structure, Real)


def flatten(structure: Any, what: str) -> list[Any]:
    """The numbers and Values of a structure from left to right.

    Args:
        structure: a number or Value, or a list, tuple, dict or array of structures.
        what: what the structure is, for the error message.

    Raises:
        TypeError: something else is in it; the message says where.
        ValueError: it contains itself.
    """
    if type(structure) is list and all(issubclass(kind, Value) for kind in set(map(type, structure))):
        return list(structure)  # a list of parameters is long
    return list(_leaves(structure, what, ()))


def _leaves(structure: Any, path: str, around: tuple[Any, ...]) -> Iterator[Any]:
    if isinstance(structure, (Value, Real)):
        yield structure
        return
    if any(structure is outer for outer in around):
        raise ValueError(f"{path} contains itself; a structure of numbers must end somewhere")
    around = (*around, structure)
    if isinstance(structure, (list, tuple)):
        for i, part in enumerate(structure):
            if isinstance(part, Value):  # here too, which spares a generator for each
                yield part
            else:
                yield from _leaves(part, f"{path}[{i}]", around)
    elif isinstance(structure, dict):
        for key, part in structure.items():
            yield from _leaves(part, f"{path}[{key!r}]", around)
    elif is_array(structure):
        for i, part in enumerate(structure.ravel().tolist()):
            yield from _leaves(part, f"{path}.flat[{i}]", around)
    else:
        raise TypeError(
            f"{path} must be a number, a Value, or a list, tuple, dict or array of them; "
            f"got {structure!r} of type {type(structure).__name__}"
        )


def rebuild(structure: Any, leaves: Sequence[Any]) -> Any:
    """A structure like the given one that holds these numbers or Values instead."""
    return _rebuilt(structure, iter(leaves))


def _rebuilt(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, (Value, Real)):
        return next(leaves)
    if isinstance(structure, dict):
        return {key: _rebuilt(part, leaves) for key, part in structure.items()}
    if is_array(structure):
        return array([next(leaves) for _ in range(structure.size)], structure.shape)
    parts = [_rebuilt(part, leaves) for part in structure]
    if isinstance(structure, list):
        return parts
    make: Callable[..., Any] = getattr(type(structure), "_make", tuple)  # named tuples
    return make(parts)


def array(leaves: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """A NumPy array of floats, or of objects if there are Values among the leaves."""
    import numpy  # only here: `import autograd` stays light

    kind = object if any(isinstance(leaf, Value) for leaf in leaves) else float
    filled = numpy.empty(len(leaves), dtype=kind)
    filled[:] = leaves
    return filled.reshape(shape)


def shape(structure: Any) -> tuple[int, ...]:
    """The shape as an array: () for a number, rows and columns for lists of equal length, else one flat axis."""
    if isinstance(structure, (Value, Real)):
        return ()
    if is_array(structure):
        return tuple(structure.shape)
    if isinstance(structure, (list, tuple)):
        inner = {shape(part) for part in structure}
        if len(inner) == 1 and not any(isinstance(part, dict) for part in structure):
            return (len(structure), *inner.pop())
    return (len(flatten(structure, "the structure")),)


def describe(structure: Any) -> str:
    """What a structure looks like, for comparing two of them and for error messages."""
    if isinstance(structure, (Value, Real)):
        return "number"
    if isinstance(structure, list):
        return f"[{', '.join(map(describe, structure))}]"
    if isinstance(structure, tuple):
        return f"({', '.join(map(describe, structure))})"
    if isinstance(structure, dict):
        return f"{{{', '.join(f'{key!r}: {describe(part)}' for key, part in structure.items())}}}"
    if is_array(structure):
        return f"array of shape {structure.shape}"
    return type(structure).__name__


def aligned(structure: Any, expected: Any, what: str, like: str) -> Any:
    """The structure with its dicts in the order of the expected structure, which it must match.

    Raises:
        ValueError: it is not.
    """
    flatten(expected, like)
    flatten(structure, what)
    found = _in_order_of(structure, expected)
    got, wanted = describe(found), describe(expected)
    if got != wanted:
        raise ValueError(f"{what} must have the structure of {like}: expected {wanted}, got {got}")
    return found


def _in_order_of(structure: Any, expected: Any) -> Any:
    if isinstance(structure, dict) and isinstance(expected, dict) and structure.keys() == expected.keys():
        return {key: _in_order_of(structure[key], part) for key, part in expected.items()}
    if isinstance(structure, (list, tuple)) and isinstance(expected, (list, tuple)) and len(structure) == len(expected):
        parts = [_in_order_of(part, other) for part, other in zip(structure, expected, strict=True)]
        return parts if isinstance(structure, list) else tuple(parts)
    return structure
