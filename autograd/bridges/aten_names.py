"""The names of torch's operations: which of them need no translation, and the table of those that have one.

Operations that only move numbers, and linear ones, are asked themselves what they do; see `moved` and `combined`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .cells import Foreign

F = TypeVar("F", bound=Callable[..., Any])

CREATES = frozenset(
    """
    detach empty_like full_like new_empty new_empty_strided new_full new_ones new_zeros ones_like rand_like randint_like
    randn_like zeros_like
    """.split()  # noqa: SIM905
)
"""Operations that take from a tensor its shape only, or its numbers as constants."""

MOVES = frozenset(
    """
    _reshape_copy _to_copy _unsafe_index _unsafe_view alias_copy block_diag cat channel_shuffle clone constant_pad_nd
    copy diag_embed diagonal_copy diagonal_scatter expand_copy fill flip gather im2col index index_copy
    index_fill index_select lift lift_fresh masked_fill masked_scatter masked_select native_channel_shuffle permute_copy
    pixel_shuffle pixel_unshuffle put reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave
    replication_pad1d replication_pad2d replication_pad3d roll rot90 scatter select_copy select_scatter slice_copy
    slice_scatter squeeze_copy stack t_copy take transpose_copy tril triu unfold_copy unsqueeze_copy upsample_nearest1d
    upsample_nearest2d upsample_nearest3d zero
    """.split()  # noqa: SIM905
)
"""Operations that only move numbers; numbers given as `value` and `other` are among them."""

LINEAR = frozenset(
    """
    _adaptive_avg_pool2d _adaptive_avg_pool3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa avg_pool2d
    avg_pool3d col2im index_add index_put put_adding scatter_add trace upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_trilinear3d
    """.split()  # noqa: SIM905
)
"""Operations whose results are sums of their operands with factors that do not depend on them."""

POSITIONS = frozenset({"sort", "topk", "kthvalue", "median", "mode", "cummax", "cummin"})
"""Operations that return numbers of their operand, and where they were."""

RESHAPES = frozenset({"transpose_", "t_", "squeeze_", "unsqueeze_", "swapaxes_", "swapdims_", "as_strided_"})
"""Operations that change in place how a tensor looks at its memory, which stays as it is."""

TABLE: dict[str, Callable[..., Any]] = {}
"""The translation of each other operation, by its name without the overload.

It has the arguments of the operation's schema, "self" being `x`; those that only say how torch keeps numbers are left
out. Floating tensors come as cells, others as arrays.
"""


def base_name(func: Foreign, given: Mapping[str, Foreign]) -> str:
    """The name of an operation, the same for those that write in place; what adds or multiplies has its own."""
    name = str(func._schema.name).partition("::")[2]
    name = name if name.startswith("__") else name.removesuffix("_")
    if name == "scatter" and given.get("reduce") is not None:
        return "scatter_merging"
    return "put_adding" if name == "put" and given["accumulate"] else name


def title_of(name: str) -> str:
    """What pictures call an operation: the name that users know."""
    name = name.lstrip("_").removeprefix("native_").removesuffix("_with_indices").removesuffix("_forward")
    return name.removeprefix("scaled_dot_product_flash_").removesuffix("_for_cpu")


def translation(*names: str) -> Callable[[F], F]:
    """Enters a function into the table, under these names or its own."""

    def entered(function: F) -> F:
        TABLE.update(dict.fromkeys(names or (function.__name__,), function))
        return function

    return entered


def enter(name: str, function: Callable[..., Any]) -> None:
    """Enters a function into the table."""
    TABLE[name] = function
