"""How many columns of a terminal a text takes: wide characters two, marks that combine with others none."""

from __future__ import annotations

_MARKS = ("Mn", "Me")


def columns(text: str) -> int:
    """Return how many columns a printable text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def shorten(text: str, width: int) -> str:
    """Return ``text`` with its middle replaced by ``…`` where it takes more than ``width`` columns."""
    if columns(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    head = (width - 1) // 2
    tail = _begin(text[::-1], width - 1 - head)[::-1]
    while columns(tail[:1]) < len(tail[:1]):  # a mark whose letter is left out
        tail = tail[1:]
    return f"{_begin(text, head)}…{tail}"


def _begin(text: str, width: int) -> str:
    """Return as much of the begin of a text as ``width`` columns hold."""
    if text.isascii():
        return text[:width]
    for place, character in enumerate(text):
        width -= _columns(character)
        if width < 0:
            return text[:place]
    return text


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    from unicodedata import category, east_asian_width

    if category(character) in _MARKS:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
