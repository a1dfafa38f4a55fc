"""Packs a group of sums: products of matrices where sums of products are the elements of one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from .elements import MISSING
from .grids import Numbers, by_appearance, factored, in_grids
from .ir import base_of, is_literal
from .trace import CONSTANT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .elements import Elements
    from .flatten import Flat
    from .ir import Instruction, Shape
    from .signatures import Group

_AXES = "crlk"
"""Components, right factors, left factors; and the axis that is summed over."""


class _Part(NamedTuple):
    """The terms or products of one kind in a group of sums.

    Attributes:
        sign: 0 if they are added, 1 if they are subtracted.
        nodes: of shape (sums, terms), or (sums, products, 2), with MISSING ones at the end of shorter rows.
    """

    sign: int
    nodes: Numbers

    @property
    def is_product(self) -> bool:
        """Whether these are products of two nodes."""
        return self.nodes.ndim == 3

    @property
    def is_ragged(self) -> bool:
        """Whether some sums have fewer of them than others."""
        return bool((self.nodes == MISSING).any())


class Sums:
    """Builds the array of a group of sums.

    Attributes:
        parts: their terms and products.
        constants: the number that each sum adds.
        lengths: of the array's axes c (components), r (right factors) and l (left factors), if there is a matrix
            product.
    """

    def __init__(self, elements: Elements, flat: Flat, group: Group) -> None:
        assert group.slots is not None
        self.elements = elements
        self.builder = elements.builder
        slots = group.slots
        self.constants = np.asarray([flat.sums[i].constant for i in group.nodes])
        self.parts: list[_Part] = []
        for kind in sorted(slots[0]):
            nodes = _rows([each[kind] for each in slots], is_product=len(kind) == 3)
            if kind[1:] == (CONSTANT, CONSTANT):
                with np.errstate(all="ignore"):
                    products = np.where(nodes == MISSING, 0.0, elements.data[nodes]).prod(axis=-1).sum(axis=-1)
                self.constants = self.constants + (-products if kind[0] else products)
            else:
                self.parts.append(_Part(kind[0], nodes))
        self.lengths: tuple[int, int, int] | None = None

    def packed(self) -> tuple[Instruction, Numbers]:
        """The array, and the position of each sum in it."""
        positions, shape = self._lay_out()
        parts = sorted(self.parts, key=lambda part: part.is_product, reverse=True)
        signed = [(part.sign, self._array(part.nodes, shape)) for part in parts]
        if self.constants.any():
            signed.append((0, self.builder.numbers(self.constants.reshape(shape))))
        (is_negative, result), *rest = sorted(signed, key=lambda pair: pair[0])
        if is_negative:
            result = self.builder.map(ops.neg, result)
        for sign, array in rest:
            result = self.builder.map(ops.sub if sign else ops.add, result, array)
        return self.builder.filled(result, shape, False), positions

    # The layout

    def _lay_out(self) -> tuple[Numbers, Shape]:
        """Puts parts and constants in the layout of the widest matrix product, if any, or of an operand.

        Returns:
            The position of each sum in it, and its shape.
        """
        for i in self._products():
            for nodes in self._arrangements(self.parts[i].nodes):
                found = self._grid(nodes)
                if found is not None:
                    self.parts[i] = self.parts[i]._replace(nodes=nodes)
                    place, self.lengths = found
                    return self._arranged(place), tuple(length for length in self.lengths if length > 1)
        if not any(part.is_ragged for part in self.parts):
            spread = self.elements.with_spare(self._columns())
            if spread is not None:
                return self._spread(*spread)
        order, shape = self.elements.order([column for part in self.parts for column in _first(part)])
        return self._arranged(order), shape

    def _products(self) -> list[int]:
        """The parts that may be matrix products, the widest first. Labels of 1 and -1 are alike by chance only."""
        found = [i for i, part in enumerate(self.parts) if part.is_product]
        found = [
            i
            for i in found
            if self.parts[i].nodes.shape[1] > 1 or not any(map(self.elements.is_constant, self.parts[i].nodes[0, 0]))
        ]
        return sorted(found, key=lambda i: -self.parts[i].nodes.shape[1])

    def _grid(self, nodes: Numbers) -> tuple[Numbers, tuple[int, int, int]] | None:
        """Which sum is where in a grid of left and right factors, and its lengths."""
        left, right = (self._keys(nodes[..., side]) for side in (0, 1))
        if (nodes != MISSING).all():
            found = factored(left, right)
            if found is not None:
                return found
        grids = [grid for grid in (in_grids(left, right), in_grids(right, left, swap=True)) if grid is not None]
        return min(
            grids, key=lambda grid: grid[1][0] * (grid[1][1] + grid[1][2]), default=None
        )  # with the fewest factors

    def _arrangements(self, nodes: Numbers) -> Iterator[Numbers]:
        """The products in their own order, then sorted by left and by right factors."""
        yield nodes
        for side in (0, 1) if nodes.shape[1] > 1 else ():
            if not self.elements.is_constant(nodes[0, 0, side]):
                keys = np.where(nodes[..., side] == MISSING, self.elements.position.size, self._keys(nodes[..., side]))
                ranks = np.argsort(keys, axis=1, kind="stable")
                yield np.take_along_axis(nodes, ranks[..., None], axis=1)

    def _keys(self, nodes: Numbers) -> Numbers:
        """What tells elements apart, small numbers; MISSING for those."""
        codes = self._codes(nodes)
        return np.where(nodes == MISSING, MISSING, by_appearance(codes) if self._are_constants(nodes) else codes)

    def _codes(self, nodes: Numbers) -> Numbers:
        """The position of each element, or the bits of a constant."""
        if self._are_constants(nodes):
            bits: Numbers = self.elements.data[nodes].view(np.int64)
            return bits
        positions: Numbers = self.elements.position[nodes]
        return positions

    def _are_constants(self, nodes: Numbers) -> bool:
        return self.elements.is_constant(int(nodes.max()))

    def _arranged(self, place: Numbers) -> Numbers:
        """Puts everything in its place; gives the position of each sum."""
        absent = place == MISSING
        for i, (sign, nodes) in enumerate(self.parts):
            arranged = nodes[place]
            arranged[absent] = MISSING
            self.parts[i] = _Part(sign, arranged)
        positions = np.empty(len(self.constants), dtype=np.int64)
        positions[place[~absent]] = np.flatnonzero(~absent)
        self.constants = np.where(absent, 0.0, self.constants[place])
        return positions

    def _columns(self) -> list[Numbers]:
        return [column for part in self.parts for column in part.nodes.reshape(len(part.nodes), -1).T]

    def _spread(self, columns: list[Numbers], positions: Numbers, shape: Shape) -> tuple[Numbers, Shape]:
        """Puts everything in the layout of an array with spare elements."""
        size = len(columns[0])
        start = 0
        for i, (sign, nodes) in enumerate(self.parts):
            width = prod(nodes.shape[1:])
            spread = np.stack(columns[start : start + width], axis=1)
            self.parts[i] = _Part(sign, spread.reshape(size, *nodes.shape[1:]))
            start += width
        constants = np.zeros(size)
        constants[positions] = self.constants
        self.constants = constants
        return positions, shape

    # The arrays

    def _array(self, nodes: Numbers, shape: Shape) -> Instruction:
        """The terms or products of one kind, added up within each sum."""
        width = nodes.shape[1]
        is_product = nodes.ndim == 3
        if is_product:
            matrix_product = self._matrix_product(nodes)
            if matrix_product is not None:
                return matrix_product
        axes = (*shape, width) if width > 1 else shape
        if is_product:
            left, right = (self._padded(nodes[..., side].reshape(axes)) for side in (0, 1))
            terms = self.builder.map(ops.mul, left, right)
        else:
            terms = self._padded(nodes.reshape(axes))
        return self.builder.total(self.builder.filled(terms, axes, False)) if width > 1 else terms

    def _padded(self, nodes: Numbers) -> Instruction:
        return self.elements.padded(nodes, 0.0) if (nodes == MISSING).any() else self.elements.operand(nodes)

    def _matrix_product(self, nodes: Numbers) -> Instruction | None:
        """The product of two matrices, or of several pairs, if each factor depends on one axis only."""
        number, width = nodes.shape[:2]
        if number == width == 1 or (number > 1 and (self.lengths is None or prod(self.lengths) != number)):
            return None
        lengths = self.lengths or (1, 1, 1)
        nodes = nodes.reshape(*lengths, width, 2)
        for left, right in ((0, 1), (1, 0)):
            x, y = self._shared(nodes[..., left], 1), self._shared(nodes[..., right], 2)
            if x is not None and y is not None:
                valid = nodes[..., left] != MISSING
                present = valid.any(axis=-1, keepdims=True)
                complete = (x != MISSING)[:, None] & (y != MISSING)[:, :, None]
                if ((complete & present) == valid).all():
                    return self._contracted(x, y, valid)
        return None

    def _shared(self, nodes: Numbers, axis: int) -> Numbers | None:
        """The nodes without an axis, if those along it are equal or missing."""
        shared = nodes.max(axis=axis)
        keys, expected = self._codes(nodes), self._codes(shared)
        same = (keys == np.expand_dims(expected, axis)) | (nodes == MISSING)
        return shared if same.all() else None

    def _contracted(self, x: Numbers, y: Numbers, valid: Numbers) -> Instruction:
        """The array c r l of the sums over k of x[c, l, k] y[c, r, k], without axes of length 1."""
        kept = "".join([label for label, length in zip(_AXES, valid.shape, strict=True) if length > 1 or label == "k"])
        left, right, result = (
            "".join([label for label in labels if label in kept]) for labels in ("clk", "crk", "crl")
        )
        factors = [
            self.elements.padded(
                nodes.reshape([length for length in nodes.shape[:-1] if length > 1] + [nodes.shape[-1]]), 0.0
            )
            for nodes in (x, y)
        ]
        batched = factors[0].batched or factors[1].batched
        if valid.all():
            chosen = _chosen(*factors) if left == right else None
            if chosen is not None:
                return self.builder.contract(f"{left},{left},{left}->{result}", chosen, batched)
            return self.builder.contract(f"{left},{right}->{result}", factors, batched)
        axes = [axis for axis in range(4) if (valid != valid.take([0], axis)).any()]
        mask = np.ascontiguousarray(valid[tuple([slice(None) if axis in axes else 0 for axis in range(4)])])
        labels = "".join([_AXES[axis] for axis in axes])
        literal = self.builder.make("literal", (), mask, mask.shape)
        return self.builder.contract(f"{left},{right},{labels}->{result}", [*factors, literal], batched)


def _chosen(x: Instruction, y: Instruction) -> list[Instruction] | None:
    """p, z and p as the mask, for factors p and `where(p, z, 0)`: their products without a choice for each of them.

    Inputs only, which have no gradient: by p it would be that of the choice.
    """
    for p, choice in ((x, y), (y, x)):
        if base_of(p).op == "input" and choice.op == "map" and choice.data is ops.where:
            condition, z, other = choice.operands
            if condition is p and z.shape == p.shape and is_literal(other, 0.0):
                return [p, z, p]
    return None


def _rows(rows: Sequence[list[Any]], is_product: bool) -> Numbers:
    """The rows as one array, filled up with MISSING."""
    widths = list(map(len, rows))
    width = max(widths)
    if min(widths) == width:
        return np.asarray(rows)
    filler = [(MISSING, MISSING)] if is_product else [MISSING]
    return np.asarray([row + filler * (width - len(row)) for row in rows])


def _first(part: _Part) -> Iterator[Numbers]:
    """The first term or product of each sum, a column per factor."""
    yield from part.nodes[:, 0].reshape(len(part.nodes), -1).T
