"""What Values are called: after the variables that hold them, and several at once."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..value import Value
from .checks import kind_of


def variable_names(variables: Mapping[str, Any] | None) -> dict[Value, str]:
    """The shortest way from the variables to each Value: a name, or an element of a list, tuple, dict or array.

    Names that begin with an underscore are left out: interactive sessions keep their results there.

    Raises:
        TypeError: variables is not a mapping from strings.

    >>> x = [Value(1.0), Value(2.0)]
    >>> variable_names({"x": x})[x[1]]
    'x[1]'
    """
    if variables is None:
        return {}
    if not isinstance(variables, Mapping) or not all(isinstance(name, str) for name in variables):
        raise TypeError(f"names must be a mapping from names to Values, such as locals(), got {kind_of(variables)}")
    found: dict[Value, str] = {}
    seen: set[int] = set()
    queue = deque((name, thing) for name, thing in variables.items() if not name.startswith("_"))
    while queue:
        name, thing = queue.popleft()
        if isinstance(thing, Value):
            found.setdefault(thing, name)
        elif id(thing) not in seen:
            seen.add(id(thing))
            queue.extend((f"{name}[{key!r}]", item) for key, item in _items(thing))
    return found


def _items(thing: object) -> Iterable[tuple[object, object]]:
    """A container's items with their indices or keys; none for anything else."""
    try:
        if getattr(getattr(thing, "dtype", None), "kind", None) == "O" and hasattr(thing, "tolist"):
            thing = thing.tolist()
    except Exception:  # an object that raises at any attribute is no container
        return ()
    if isinstance(thing, (list, tuple)):
        return enumerate(thing)
    return thing.items() if isinstance(thing, dict) else ()


def in_common(texts: Sequence[str]) -> str:
    """The text if all are equal, otherwise with an ellipsis for each number or word that differs.

    >>> in_common(["layer 1, row 3", "layer 1, row 10"])
    'layer 1, row …'
    """
    distinct = set(texts)
    if len(distinct) == 1:
        return texts[0]
    pieces = [re.findall(r"-?[\d.]+(?:e[+-]\d+)?|[^\d]+?(?=-?\d|$)", text) for text in sorted(distinct)]
    if len({len(each) for each in pieces}) > 1:
        return "…"
    return "".join(each[0] if len(set(each)) == 1 else "…" for each in zip(*pieces, strict=True))


def together(names: Iterable[str]) -> str:
    """A few names, each once; of more what they have in common, or else the first two.

    >>> together(["w1", "w2", "w3", "w4"]), together(["w1", "input", "b", "w2"]), together(["w1", "w1"])
    ('w…', 'w1, input, …', 'w1')
    """
    names = list(dict.fromkeys(names))
    if len(names) < 4:
        return ", ".join(names)
    common = in_common(names)
    return common if common.strip("…") else f"{names[0]}, {names[1]}, …"


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """A key that sorts numbers in names by size."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)[:-1])


def own_name(value: Value) -> str:
    """The name that a Value was given, or nothing: a parameter without one is called by its path in the model.

    >>> own_name(Value(1.0, name="w1")), own_name(Value(1.0))
    ('w1', '')
    """
    name = value.name or ""
    return name if name != getattr(value, "path", None) else ""
