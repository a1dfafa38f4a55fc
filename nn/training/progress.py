"""A progress bar for training: in a notebook, or drawn with rich if installed and if the output is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import rich.progress

_SECONDS_BETWEEN_UPDATES = 0.1


@contextmanager
def progress_bar(wanted: bool, epochs: int) -> Iterator[Callable[[int, float, str], None]]:
    """Gives a function to call with the number of epochs done, the loss, and what computes it.

    Without a bar it does nothing.
    """
    if wanted and (display := _notebook_display(epochs)) is not None:
        yield _limited(display, epochs)
        return
    has_terminal = sys.stdout is not None and sys.stdout.isatty()  # None in programs without a console
    bar = _rich_bar() if wanted and has_terminal else None
    if bar is None:
        yield lambda epoch, loss, engine: None
        return
    with bar:
        task = bar.add_task("training", total=epochs, loss="", engine="")
        yield _limited(
            lambda epoch, loss, engine: bar.update(task, completed=epoch, loss=f"{loss:.6g}", engine=engine), epochs
        )


def _limited(show: Callable[[int, float, str], None], epochs: int) -> Callable[[int, float, str], None]:
    """The function, called not more often than one can see, and in the last epoch."""
    updated = 0.0

    def limited(epoch: int, loss: float, engine: str) -> None:
        nonlocal updated
        now = time.monotonic()
        if epoch == epochs or now - updated > _SECONDS_BETWEEN_UPDATES:
            show(epoch, loss, engine)
            updated = now

    return limited


def _notebook_display(epochs: int) -> Callable[[int, float, str], None] | None:
    """Shows the progress in the cell of a notebook; None outside of notebooks."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:
        return None
    display: Any = import_module("IPython.display")
    handle = display.display(display.HTML(""), display_id=True)

    def show(epoch: int, loss: float, engine: str) -> None:
        bar = f'<progress value="{epoch}" max="{epochs}" aria-label="epochs"></progress>'
        handle.update(display.HTML(f"<div>epoch {epoch}/{epochs} {bar} loss {loss:.6g} {engine}</div>"))

    return show


def _rich_bar() -> rich.progress.Progress | None:
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    return Progress(
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("{task.fields[engine]}"),
        TimeRemainingColumn(),
        transient=True,
    )
