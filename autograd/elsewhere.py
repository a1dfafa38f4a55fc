"""Names that other libraries have for what is here called otherwise: asking for one says so."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, the import of which would double the time of `import autograd`
if TYPE_CHECKING:
    from typing import NoReturn


class ElsewhereCalled:
    """An attribute that other libraries have under a name of theirs."""

    def __init__(self, ours: str) -> None:
        self._ours = ours

    def __set_name__(self, owner: type, name: str) -> None:
        self._theirs = name

    def __get__(self, value: object, owner: type) -> NoReturn:
        raise AttributeError(f"a Value has no {self._theirs}; here it is called {self._ours}")

    def __set__(self, value: object, given: object) -> NoReturn:
        raise AttributeError(f"a Value has no {self._theirs}; here it is called {self._ours}")
