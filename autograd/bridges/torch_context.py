"""The circumstances in which a function of torch runs while it is translated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from ..context import scope
from .torch_names import Names, buffers_of


class Running(NamedTuple):
    """A module that is being called."""

    title: str
    """Its path and its class."""
    has_parts: bool
    """Whether it consists of other modules."""
    scope: scope | None
    """What its results belong to; None for a loss, which is no part of a network."""


@contextmanager
def buffers_kept(modules: dict[torch.nn.Module, str]) -> Iterator[None]:
    """Leaves the buffers of modules as they were: a translation is no step of training."""
    before = [(buffer, buffer.detach().clone()) for buffer in buffers_of(modules)]
    try:
        yield
    finally:
        for buffer, numbers in before:
            if not torch.equal(buffer, numbers):
                buffer.data.copy_(numbers)  # unseen by the graphs of torch that hold the buffer


@contextmanager
def steps_apart() -> Iterator[None]:
    """Without fused cells and attention, which hide what they compute."""
    fast_path, fused = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        torch._C._set_mkldnn_enabled(fused)


@contextmanager
def modules_as_scopes(names: Names, running: list[Running]) -> Iterator[None]:
    """Each call of a module is a scope with its path; losses are no part of a network, and are none."""

    def begin(module: torch.nn.Module, _: object) -> None:
        kind = type(module).__name__
        name = names.modules.get(module) or kind
        inside = None if isinstance(module, torch.nn.modules.loss._Loss) else scope(name, owner=module)
        title = name if name == kind else f"{name} ({kind})"
        running.append(Running(title, any(True for _ in module.children()), inside))
        if inside is not None:
            inside.__enter__()

    def end(*_: object) -> None:
        inside = running.pop().scope
        if inside is not None:
            inside.__exit__(None, None, None)

    hooks = [register_module_forward_pre_hook(begin), register_module_forward_hook(end, always_call=True)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
