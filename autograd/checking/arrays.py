"""What derivatives are checked at, and what functions return: numbers, lists, arrays of NumPy, torch and JAX.

Inside there are flat NumPy buffers of float64 only. A framework is imported only by whoever passes its arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..structures import describe, flatten, is_array, shape
from ..value import Value

Buffer: TypeAlias = NDArray[np.float64]
Foreign: TypeAlias = Any
"""A number, an array of NumPy, torch or JAX, or a structure of them. Whose it is shows only when it comes."""

# The relative rounding of float64.
DOUBLE = 2.0**-53


def framework(x: object) -> str:
    """The name of the framework that an array is of: "numpy", "torch" or "jax"; "" for anything else."""
    if is_array(x):
        return "numpy"
    module = type(x).__module__.partition(".")[0]
    if module == "torch" and hasattr(x, "requires_grad"):
        return "torch"
    return "jax" if module in ("jax", "jaxlib") and hasattr(x, "dtype") and hasattr(x, "shape") else ""


def to_numpy(x: Foreign) -> NDArray[Any]:
    """An array of any framework as one of NumPy: of float64 if it has real numbers."""
    if framework(x) == "torch":
        x = x.detach().cpu()
        if str(x.layout) != "torch.strided":
            x = x.to_dense()
        x = x.double().numpy() if x.is_floating_point() else x.numpy()
    array = np.asarray(x)
    if array.dtype.kind in "cOSUM":
        return array
    return np.array(array, dtype=np.float64)


def like(x: Foreign, numbers: NDArray[Any]) -> Any:
    """These numbers as an array of the type and dtype of another one; of float64 for one of whole numbers."""
    kind = framework(x)
    if kind == "torch":
        import torch

        dtype = x.dtype if x.is_floating_point() else torch.float64
        return torch.from_numpy(np.array(numbers)).to(dtype=dtype, device=x.device)
    if kind == "jax":
        import jax.numpy as jnp

        return jnp.asarray(numbers, dtype=x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else None)
    return np.array(numbers, dtype=x.dtype if x.dtype.kind == "f" else np.float64)


def unit_of(x: Foreign) -> float:
    """The relative rounding of an array or number of any framework."""
    if type(x) is float:
        return DOUBLE
    kind = framework(x)
    if kind == "torch":
        import torch

        return float(torch.finfo(x.dtype).eps) / 2.0 if x.is_floating_point() else DOUBLE
    if kind == "jax":
        import jax.numpy as jnp

        return float(jnp.finfo(x.dtype).eps) / 2.0 if jnp.issubdtype(x.dtype, jnp.floating) else DOUBLE
    if isinstance(x, (list, tuple)):
        return max(map(unit_of, x), default=DOUBLE)
    dtype = getattr(x, "dtype", None)
    return float(np.finfo(dtype).eps) / 2.0 if dtype is not None and dtype.kind == "f" else DOUBLE


class Point:
    """Where a derivative is checked: a structure, its numbers as one buffer, and how to put others in their place.

    Attributes:
        structure: a number, an array of any framework, or nested lists, tuples and dicts of these.
        numbers: all numbers of the structure, from left to right.

    Raises:
        TypeError: something else is in it.
    """

    def __init__(self, structure: Foreign, what: str) -> None:
        self.structure = structure
        self._what = what
        self._parts = list(_parts(structure, what))
        buffers = [_buffer(part, path) for path, part in self._parts]
        self.numbers: Buffer = np.concatenate([*buffers, np.empty(0)])
        self._units = np.concatenate(
            [*(np.full(b.size, unit_of(part)) for b, (_, part) in zip(buffers, self._parts, strict=True)), np.empty(0)]
        )
        self.is_double = bool((self._units <= DOUBLE).all())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape as an array; nested lists of equal length have one too."""
        if framework(self.structure):
            return tuple(self.structure.shape)
        return () if isinstance(self.structure, (Real, Value)) else shape(_described(self.structure))

    def describe(self) -> str:
        """What it looks like, for error messages."""
        return describe(_described(self.structure))

    def names(self, name: str) -> Names:
        """What the components are called."""
        return Names(self.structure, name)

    def at(self, numbers: Sequence[float] | Buffer) -> Any:
        """A new structure like this one with other numbers."""
        return _rebuilt(self.structure, np.asarray(numbers, dtype=np.float64), [0])

    def fit(self, numbers: Buffer) -> Buffer:
        """The numbers rounded to what the structure's arrays hold."""
        return numbers if self.is_double else numbers_of(self.at(numbers), self._what)

    def fit_one(self, i: int) -> Callable[[float], float]:
        """Rounds a number for one component."""
        unit = self._units[i]
        if unit <= DOUBLE:
            return float
        if unit == 2.0**-24:
            return lambda number: float(np.float32(number))
        return lambda number: _rounded(number, unit)


def _rounded(number: float, unit: float) -> float:
    """The nearest number with so many digits."""
    if not number or not math.isfinite(number):
        return number
    mantissa, exponent = math.frexp(number)
    return math.ldexp(round(mantissa / unit) * unit, exponent)


class Names(Sequence[str]):
    """The names of components such as "x[37, 61]", each made when it is asked for."""

    def __init__(self, structure: Foreign, name: str) -> None:
        self._pieces = list(_parts(structure, name))
        self._sizes = [math.prod(part.shape) if framework(part) else 1 for _, part in self._pieces]

    def __len__(self) -> int:
        return sum(self._sizes)

    def __getitem__(self, i: Any) -> Any:
        index = int(i)
        for (path, part), size in zip(self._pieces, self._sizes, strict=True):
            if index < size:
                return (
                    f"{path}[{', '.join(map(str, np.unravel_index(index, part.shape)))}]"
                    if framework(part) and part.ndim
                    else path
                )
            index -= size
        raise IndexError(i)


def numbers_of(structure: Foreign, what: str) -> Buffer:
    """All numbers of a structure, from left to right.

    Raises:
        TypeError: something else is in it.
    """
    if type(structure) is float:
        return np.array([structure])
    return np.concatenate([*(_buffer(part, path) for path, part in _parts(structure, what)), np.empty(0)])


def result_shape(result: Foreign) -> tuple[int, ...]:
    """The shape of what a function returned."""
    if framework(result) or hasattr(result, "shape"):
        return tuple(result.shape)
    if hasattr(result, "tolist"):
        return np.shape(result.tolist())
    if not isinstance(result, (Real, Value, list, tuple, dict)):
        return ()
    return () if isinstance(result, (Real, Value)) else shape(_described(result))


def lengths(rows: Buffer) -> Buffer:
    """The length of each row, however large its numbers are; what is not finite does not count."""
    known = np.where(np.isfinite(rows), rows, 0.0)
    largest = np.abs(known).max(axis=1, initial=0.0)
    relative = known / np.where(largest > 0.0, largest, 1.0)[:, np.newaxis]
    with np.errstate(over="ignore"):
        found: Buffer = np.minimum(largest * np.sqrt((relative**2).sum(axis=1)), np.finfo(np.float64).max)
    return found


def place(i: int, size: tuple[int, ...]) -> str:
    """Where a component of an array is, such as "[3, 4]"; "" for that of a number."""
    return f"[{', '.join(map(str, np.unravel_index(i, size)))}]" if size else ""


def _parts(structure: Foreign, path: str, around: tuple[object, ...] = ()) -> Iterator[tuple[str, Any]]:
    if any(structure is outer for outer in around):
        raise ValueError(f"{path} contains itself; a structure of numbers must end somewhere")
    around = (*around, structure)
    if isinstance(structure, (Value, Real)) or framework(structure):
        yield path, structure
    elif isinstance(structure, (list, tuple)):
        for i, part in enumerate(structure):
            yield from _parts(part, f"{path}[{i}]", around)
    elif isinstance(structure, dict):
        for key, part in structure.items():
            yield from _parts(part, f"{path}[{key!r}]", around)
    elif hasattr(structure, "tolist"):  # a tensor of some other library
        yield path, np.array(structure.tolist())
    else:
        raise TypeError(
            f"{path} must be a number, a Value, or a list, tuple, dict or array of them; "
            f"got {structure!r} of type {type(structure).__name__}"
        )


def _buffer(part: Foreign, path: str) -> Buffer:
    if isinstance(part, (Real, Value)):
        return np.array([float(part)])
    array = to_numpy(part)
    if array.dtype.kind == "O":
        return np.array([float(number) for number in flatten(array, path)])
    if array.dtype != np.float64:
        raise TypeError(f"{path} must be made of real numbers, got an array of dtype {array.dtype}")
    return array.ravel()


def _rebuilt(structure: Foreign, numbers: Buffer, position: list[int]) -> Any:
    if isinstance(structure, (Value, Real)):
        position[0] += 1
        number = numbers[position[0] - 1]
        return type(structure)(number) if isinstance(structure, np.floating) else float(number)
    if framework(structure):
        size = math.prod(structure.shape)
        position[0] += size
        return like(structure, numbers[position[0] - size : position[0]].reshape(tuple(structure.shape)))
    if isinstance(structure, dict):
        return {key: _rebuilt(part, numbers, position) for key, part in structure.items()}
    parts = [_rebuilt(part, numbers, position) for part in structure]
    if isinstance(structure, list):
        return parts
    make: Callable[..., Any] = getattr(type(structure), "_make", tuple)  # named tuples
    return make(parts)


def _described(structure: Foreign) -> Any:
    """The structure with NumPy arrays in place of other arrays."""
    if isinstance(structure, dict):
        return {key: _described(part) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [_described(part) for part in structure]
        return parts if isinstance(structure, list) else tuple(parts)
    if framework(structure):
        return np.empty(tuple(structure.shape)) if structure.ndim else 0.0
    if not isinstance(structure, (Real, Value)) and hasattr(structure, "tolist"):
        return _described(np.array(structure.tolist()))
    return structure
