"""Looks whether the site can be read without a network: links may lead elsewhere, but nothing is fetched from there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TAG = re.compile(r"<(script|link|img|iframe|source|video|audio|embed|object|use)\b[^>]*>", re.IGNORECASE)
_FETCHED = re.compile(r"\b(?:src|srcset|data|href)\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)", re.IGNORECASE)
_NO_REQUEST = re.compile(r"\brel\s*=\s*[\"']?(?:canonical|author|license|help|next|prev|search|index)\b", re.IGNORECASE)
_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


def requests(text: str) -> list[str]:
    """The addresses that a browser would ask for when it shows a page or reads a style sheet."""
    tags = [tag[0] for tag in _TAG.finditer(text) if not _NO_REQUEST.search(tag[0])]
    return [found[1] for tag in tags for found in _FETCHED.finditer(tag)] + _STYLE.findall(text)


def requests_of_site(folder: Path) -> list[str]:
    """What the pages and style sheets of a site ask for elsewhere, each with its file."""
    files = [path for suffix in ("html", "css") for path in sorted(folder.rglob(f"*.{suffix}"))]
    return [
        f"{path.relative_to(folder)}: {address}"
        for path in files
        for address in requests(path.read_text(encoding="utf-8"))
    ]
