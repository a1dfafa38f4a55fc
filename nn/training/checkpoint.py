"""Checkpoint: the file from which a stopped training goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograd.files import read_up_to, try_writing, write_atomically

from ..checks import kind_of, listed, shown
from ..storage import BYTES_AT_ALL, BYTES_PER_NUMBER, StorageError, from_json, to_json
from .history import METRICS, PER_EPOCH
from .state import ANYTHING, Training

_FORMAT = "chainrule checkpoint 2"
_FORMAT_WITHOUT_DIGEST = "chainrule checkpoint 1"
_NO_DIGEST = "0" * 64
_SECONDS_BETWEEN_WRITES = 5.0


class Checkpoint:
    """Keeps the state of a training in a JSON file: after the first epoch, every few seconds, and at the end."""

    def __init__(self, path: str | os.PathLike[str], training: Training) -> None:
        if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or path == "":
            raise TypeError(f"checkpoint must be the path of a file, such as 'run.json'; got {kind_of(path)}")
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
        """Sets the training to the state in the file, if there is one.

        Raises:
            StorageError: the file is damaged, or belongs to another training; nothing was changed.
        """
        if not self._path.exists():
            return
        try:
            content = read_up_to(self._path, self._limit())
            document = from_json(content)
        except ValueError as error:
            raise StorageError(f"{self._path}: {error}") from error
        kind = document.get("format") if isinstance(document, dict) else None
        if kind not in (_FORMAT, _FORMAT_WITHOUT_DIGEST):
            raise StorageError(f"{self._path} is no checkpoint of nn.fit, which begin with {_FORMAT!r}")
        if kind == _FORMAT or "digest" in document:
            self._check_digest(document.get("digest"), content)
        self._check_settings(document.get("settings"), kind)
        try:
            self._training.load_state_dict(document["state"], document["history"])
        except Exception as error:  # numbers for a source of random ones may raise anything
            raise StorageError(f"{self._path} is damaged: {type(error).__name__}: {error}") from error

    def check_writable(self) -> None:
        """Raises an OSError if the file could not be written now."""
        try_writing(self._path, self._content(self._training.state_dict(), len(self._training.history)))

    def epoch_done(self) -> None:
        """Notes the state at the end of an epoch, and writes it if the last write was some seconds ago."""
        self._pending = self._training.state_dict(), len(self._training.history)
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Writes the state at the end of the last complete epoch, if not yet written; warns if that fails."""
        if self._pending is None:
            return
        self._written = time.monotonic()
        try:
            write_atomically(self._path, self._content(*self._pending))
        except OSError as error:
            warnings.warn(f"the checkpoint could not be written: {error}", RuntimeWarning, stacklevel=4)
        else:
            self._pending = None

    def _content(self, state: Mapping[str, Any], epochs: int) -> bytes:
        history = self._training.history.state_dict(epochs)
        head: dict[str, Any] = {"format": _FORMAT, "digest": _NO_DIGEST, "settings": self._settings}
        content = to_json(head | {"state": state, "history": history}).encode()
        return content.replace(_NO_DIGEST.encode(), _digest(content).encode(), 1)

    def _limit(self) -> int:
        """The most bytes that a checkpoint of this training can have."""
        per_epoch = len(PER_EPOCH) + len(METRICS) * len(self._training.task.metrics)
        numbers = len(self._content(self._training.state_dict(), 0)) + per_epoch * self._training.plan.epochs
        return 10 * BYTES_AT_ALL + BYTES_PER_NUMBER * numbers

    def _check_digest(self, found: object, content: bytes) -> None:
        if _digest(content.replace(str(found).encode(errors="replace"), _NO_DIGEST.encode(), 1)) != found:
            raise StorageError(f"{self._path} is damaged: its content does not match its digest; nothing was changed")

    def _check_settings(self, found: object, kind: str) -> None:
        found = found if isinstance(found, dict) else {}
        expected = dict(self._settings)
        if kind == _FORMAT_WITHOUT_DIGEST and expected["schedule"] is not None:
            expected["schedule"] = expected["schedule"].partition("(")[0]
        pairs = [(key, found.get(key), expected.get(key)) for key in {**expected, **found}]
        differences = [
            f"{key}: {shown(there, 200)} there, {shown(here, 200)} here"
            for key, there, here in pairs
            if there != here and ANYTHING not in (there, here)
        ]
        if differences:
            raise StorageError(
                f"{self._path} belongs to another training; go on with the same arguments, or choose another path:\n  "
                + listed(differences)
            )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
