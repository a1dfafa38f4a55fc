"""A progress bar for training, drawn with rich if installed and if the output is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

_SECONDS_BETWEEN_UPDATES = 0.1


@contextmanager
def progress_bar(wanted: bool, epochs: int) -> Iterator[Callable[[int, float, str], None]]:
    """Gives a function to call with the number of epochs done, the loss, and what computes it.

    Without a bar it does nothing.
    """
    has_terminal = sys.stdout is not None and sys.stdout.isatty()  # None in programs without a console
    bar = _rich_bar() if wanted and has_terminal else None
    if bar is None:
        yield lambda epoch, loss, engine: None
        return
    with bar:
        task = bar.add_task("training", total=epochs, loss="", engine="")
        updated = 0.0

        def show(epoch: int, loss: float, engine: str) -> None:
            nonlocal updated
            now = time.monotonic()
            if epoch == epochs or now - updated > _SECONDS_BETWEEN_UPDATES:
                bar.update(task, completed=epoch, loss=f"{loss:.6g}", engine=engine)
                updated = now

        yield show


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
