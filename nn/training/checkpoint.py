"""Checkpoint: the file from which a stopped training goes on as if nothing had happened."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograd.files import write_atomically

from ..storage import StorageError, from_json, to_json
from .state import ANYTHING, Training

_FORMAT = "chainrule checkpoint 1"
_SECONDS_BETWEEN_WRITES = 5.0


class Checkpoint:
    """Keeps the state of a training in a JSON file: after the first epoch, every few seconds, and at the end."""

    def __init__(self, path: str | os.PathLike[str], training: Training) -> None:
        self._path = Path(path)
        if not self._path.parent.is_dir():
            raise FileNotFoundError(
                f"checkpoint {os.fspath(path)!r}: make the directory {str(self._path.parent)!r} first"
            )
        if self._path.is_dir():
            raise IsADirectoryError(f"checkpoint {os.fspath(path)!r} is a directory; name a file in it")
        self._training = training
        self._settings = training.settings()
        self._pending: tuple[dict[str, Any], int] | None = None
        self._written = -_SECONDS_BETWEEN_WRITES

    def restore(self) -> None:
        """Sets the training to the state in the file, if there is one."""
        if not self._path.exists():
            return
        try:
            document = from_json(self._path.read_bytes())
        except ValueError as error:
            raise StorageError(f"{self._path}: {error}") from error
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise StorageError(f"{self._path} is no checkpoint of nn.fit, which begin with {_FORMAT!r}")
        self._check_settings(document.get("settings"))
        try:
            self._training.load_state_dict(document["state"], document["history"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(f"{self._path} is damaged: {type(error).__name__}: {error}") from error

    def epoch_done(self) -> None:
        """Notes the state at the end of an epoch, and writes it if the last write was some seconds ago."""
        self._pending = self._training.state_dict(), len(self._training.history)
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Writes the state at the end of the last complete epoch, if not yet written."""
        if self._pending is None:
            return
        state, epochs = self._pending
        history = self._training.history.state_dict(epochs)
        document: dict[str, Any] = {"format": _FORMAT, "settings": self._settings, "state": state, "history": history}
        write_atomically(self._path, to_json(document).encode())
        self._pending = None
        self._written = time.monotonic()

    def _check_settings(self, found: Mapping[str, Any] | None) -> None:
        found = found if isinstance(found, dict) else {}
        differences = [
            f"{key}: {found.get(key)!r} there, {self._settings.get(key)!r} here"
            for key in {**self._settings, **found}
            if found.get(key) != self._settings.get(key) and ANYTHING not in (found.get(key), self._settings.get(key))
        ]
        if differences:
            raise StorageError(
                f"{self._path} belongs to another training; go on with the same arguments, or choose another path:\n  "
                + "\n  ".join(differences)
            )
