"""Plain text tables: a header, columns as wide as their longest cell, numbers to the right."""

from __future__ import annotations

from dotdump.report.text_width import columns, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "  "
_LEAST_TEXT = 8
_OF_NUMBERS = "0123456789abcdefx,.%+-"
"""What numbers, addresses and ranges of them are made of."""


def render_table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: frozenset[int] = frozenset(),
    width: int | None = None,
) -> str:
    """Return lines of text; ``right`` holds the indexes of right-aligned columns.

    With a ``width``, texts of the widest columns are shortened in the middle until a line fits: numbers and addresses
    never are, for one that is cut is another one.
    """
    cells = [[printable(str(cell)) for cell in row] for row in [header, *rows]]
    widths = [max(columns(row[column]) for row in cells) for column in range(len(header))]
    available = sum(widths) if width is None else width - len(GAP) * (len(widths) - 1)
    if sum(widths) > available:
        _shrink(widths, [_least(column, cells[1:], right) for column in range(len(header))], available)
    return "\n".join(_line(row, widths, right) for row in cells)


def fitted(line: str, width: int | None) -> str:
    """Return ``line`` printable, and no longer than ``width`` where there is one."""
    line = printable(line)
    return shorten(line, width) if width else line


def _shrink(widths: list[int], least: Sequence[int], available: int) -> None:
    """Make the widest columns narrower, none of them than its least width, until all fit or none can be."""
    while sum(widths) > available:
        wide = [column for column, width in enumerate(widths) if width > least[column]]
        if not wide:
            return
        widths[max(wide, key=widths.__getitem__)] -= 1


def _least(column: int, rows: Iterable[Sequence[str]], right: frozenset[int]) -> int:
    """Return how wide a column has to be for what it holds that is no text."""
    numbers = (columns(row[column]) for row in rows if column in right or _is_number(row[column]))
    return max(_LEAST_TEXT, max(numbers, default=0))


def _is_number(cell: str) -> bool:
    return not cell.strip(_OF_NUMBERS) and any(map(str.isdigit, cell))


def _line(row: list[str], widths: list[int], right: frozenset[int]) -> str:
    parts = []
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        text = shorten(cell, width)
        blank = " " * (width - columns(text))
        parts.append(blank + text if column in right else text + blank)
    return GAP.join(parts).rstrip()


def printable(text: str) -> str:
    """Control characters of hostile names must not reach a terminal."""
    return text if text.isprintable() else "".join(c if _is_shown(c) else _escaped(c) for c in text)


def _is_shown(character: str) -> bool:
    """Whether it may reach a terminal: so may bytes of names that are no text, but for what could be a control."""
    return character.isprintable() or "\udca0" <= character <= "\udcff"


def _escaped(character: str) -> str:
    """Return an escape of Python: of a byte that is no text as of the byte, not as of what stands for it here."""
    return f"\\x{ord(character) - 0xDC00:02x}" if "\udc80" <= character <= "\udc9f" else repr(character)[1:-1]


def printable_lines(text: str) -> str:
    """Return lines of which each is printable."""
    return "\n".join(map(printable, text.split("\n")))
