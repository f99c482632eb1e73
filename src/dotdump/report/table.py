"""Plain text tables: a header, columns as wide as their longest cell, numbers to the right."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "  "


def render_table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: frozenset[int] = frozenset(),
    width: int | None = None,
) -> str:
    """Return lines of text; ``right`` holds the indexes of right-aligned columns.

    With a ``width``, cells of the widest columns are shortened in the middle until a line fits.
    """
    cells = [[printable(str(cell)) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    if width is not None:
        _shrink(widths, width - len(GAP) * (len(widths) - 1))
    return "\n".join(_line(row, widths, right) for row in cells)


def shorten(text: str, width: int) -> str:
    """Return ``text`` with its middle replaced by ``…`` where it is longer than ``width``."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    tail = width - 1 - head
    return f"{text[:head]}…{text[len(text) - tail :]}" if width > 1 else "…"[:width]


def fitted(line: str, width: int | None) -> str:
    """Return ``line`` printable, and no longer than ``width`` where there is one."""
    line = printable(line)
    return shorten(line, width) if width else line


def _shrink(widths: list[int], available: int) -> None:
    while sum(widths) > available:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= 8:
            return
        widths[widest] -= 1


def _line(row: list[str], widths: list[int], right: frozenset[int]) -> str:
    parts = []
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        text = shorten(cell, width)
        parts.append(text.rjust(width) if column in right else text.ljust(width))
    return GAP.join(parts).rstrip()


def printable(text: str) -> str:
    """Control characters of hostile names must not reach a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """Return lines of which each is printable."""
    return "\n".join(map(printable, text.split("\n")))
