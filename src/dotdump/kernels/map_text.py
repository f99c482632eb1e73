# cython: language_level=3, annotation_typing=False, boundscheck=True, wraparound=False, cdivision=True
"""The text of /proc/PID/maps, as columns of numbers, and sums of /proc/PID/smaps.

Accepts what ``show_map_vma`` and ``show_smap`` in the kernel's fs/proc/task_mmu.c write, and nothing else. Of a path
it knows only where it stands.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

COLUMNS = 8
"""Start, end, offset, device and inode of each row; and of each row with a path its number, where that begins and ends.

A device is its major number, and above 32 bits the minor one.
"""
RESIDENT, FILLED = 2, 3
"""Places of the state of ``sum_uses``: kilobytes found, numbers of ``rows`` filled. The first two are its own."""
USE_WIDTH = 5
"""Numbers of a row of ``sum_uses``: where the first line, the line ``Rss:``, and the flags begin and end."""

_EXECUTE, _WRITE, _READ, _SHARED = 1, 2, 4, 8
_NEWLINE, _SPACE, _DASH, _COLON = 10, 32, 45, 58


def parse_lines(text: Sequence[int], columns: MutableSequence[int], rights: MutableSequence[int]) -> int:
    """Fill a byte of ``rights``, and of ``columns``, for each line that is not empty; return how many.

    For a line that is none it returns -1 less where that begins. Columns are as long as ``rights``, one behind the
    other; behind the last is a number, that of rows with a path. Rights are 4 to read, 2 to write, 1 to execute, and 8
    for memory that is shared.
    """
    size = len(text)
    most = len(rights)
    position = 0
    row = 0
    named = 0
    while position < size:
        if text[position] == _NEWLINE:
            position = position + 1
            continue
        path = _parse_line(text, position, columns, rights, row)
        if path > size:
            return -1 - position
        position = path
        while position < size and text[position] != _NEWLINE:
            position = position + 1
        if path < position:
            columns[5 * most + named] = row
            columns[6 * most + named] = path
            columns[7 * most + named] = position
            named = named + 1
        row = row + 1
    columns[8 * most] = named
    return row


def _parse_line(
    text: Sequence[int], at: int, columns: MutableSequence[int], rights: MutableSequence[int], row: int
) -> int:
    """Fill a row, and return where its path begins; more than the size of the text where it is none."""
    size = len(text)
    most = len(rights)
    at = _number(text, at, 0, 16, columns, row)
    at = _number(text, at, _DASH, 16, columns, most + row)
    at = _rights(text, at, rights, row)
    at = _number(text, at, _SPACE, 16, columns, 2 * most + row)
    at = _number(text, at, _SPACE, 16, columns, 3 * most + row)
    at = _number(text, at, _COLON, 16, columns, 4 * most + row)
    if at > size or columns[row] >= columns[most + row]:
        return size + 1
    major = columns[3 * most + row]
    minor = columns[4 * most + row]
    if major >> 32 or minor >> 32:
        return size + 1
    columns[3 * most + row] = major | (minor << 32)
    at = _number(text, at, _SPACE, 10, columns, 4 * most + row)
    if at > size or (at < size and text[at] != _SPACE and text[at] != _NEWLINE):
        return size + 1
    while at < size and text[at] == _SPACE:
        at = at + 1
    return at


def _number(text: Sequence[int], at: int, before: int, base: int, columns: MutableSequence[int], place: int) -> int:
    """Write a number of 64 bits, ``before`` which a character must stand (0 for none); return where its digits end."""
    size = len(text)
    if before:
        if at >= size or text[at] != before:
            return size + 1
        at = at + 1
    value = 0
    begin = at
    most = 0x0FFFFFFFFFFFFFFF if base == 16 else 0x1999999999999999
    last = 15 if base == 16 else 5
    while at < size:
        digit = text[at]
        if 48 <= digit < 58:
            digit = digit - 48
        elif 97 <= digit < 87 + base:
            digit = digit - 87
        else:
            break
        if value > most or (value == most and digit > last):
            return size + 1
        value = value * base + digit
        at = at + 1
    if at == begin:
        return size + 1
    columns[place] = value
    return at


def _rights(text: Sequence[int], at: int, rights: MutableSequence[int], row: int) -> int:
    """Write the rights of a row, which stand behind a space, and return where they end."""
    bad = len(text) + 1
    if at + 5 >= bad or text[at] != _SPACE:
        return bad
    readable = text[at + 1] == 114
    writable = text[at + 2] == 119
    executable = text[at + 3] == 120
    shared = text[at + 4] == 115
    if not ((readable or text[at + 1] == _DASH) and (writable or text[at + 2] == _DASH)):
        return bad
    if not ((executable or text[at + 3] == _DASH) and (shared or text[at + 4] == 112)):
        return bad
    rights[row] = readable * _READ | writable * _WRITE | executable * _EXECUTE | shared * _SHARED
    return at + 5


def sum_uses(text: Sequence[int], position: int, state: MutableSequence[int], rows: MutableSequence[int]) -> int:
    """Add up what is resident, from ``position`` on, in entries of /proc/PID/smaps; return where it ended.

    That is where an entry is not whole, or where ``rows`` is full: it takes entries that are shared, that have a flag
    which matters to a fork (ht, ui, um, uw, wf), and any that are not as the kernel writes them.
    """
    size = len(text)
    filled = 0
    while position < size and filled + 5 <= len(rows):
        header = _line_end(text, position)
        flags = _flags_at(text, header, header + state[0])
        end = _line_end(text, flags + 1)
        if end >= size:
            break
        resident = _resident_at(text, header, header + state[1], flags)
        state[0] = flags - header
        state[1] = resident - header
        kilobytes = _kilobytes(text, resident, flags)
        if _is_private(text, position, header) and kilobytes >= 0 and _is_usual(text, flags + 9, end):
            state[2] = state[2] + kilobytes
        else:
            rows[filled] = position
            rows[filled + 1] = header
            rows[filled + 2] = resident
            rows[filled + 3] = flags
            rows[filled + 4] = end
            filled = filled + 5
        position = end + 1
    state[3] = filled
    return position


def _line_end(text: Sequence[int], at: int) -> int:
    """Return where the line ends that goes on at ``at``."""
    while at < len(text) and text[at] != _NEWLINE:
        at = at + 1
    return at


def _flags_at(text: Sequence[int], at: int, guess: int) -> int:
    """Return the newline before ``VmFlags:``, at a guess, or else the first one; the size of the text without any."""
    if _has_flags(text, guess):
        return guess
    while at < len(text) and not _has_flags(text, at):
        at = _line_end(text, at + 1)
    return at


def _has_flags(text: Sequence[int], at: int) -> bool:
    return (
        at + 9 <= len(text)
        and (text[at] == _NEWLINE and text[at + 1] == 86 and text[at + 2] == 109 and text[at + 3] == 70)
        and (text[at + 4] == 108 and text[at + 5] == 97 and text[at + 6] == 103 and text[at + 7] == 115)
        and text[at + 8] == _COLON
    )


def _resident_at(text: Sequence[int], at: int, guess: int, end: int) -> int:
    """Return the newline before ``Rss:``, at a guess, or else the first one; ``end`` without any."""
    if guess < end and _has_resident(text, guess):
        return guess
    while at < end and not _has_resident(text, at):
        at = _line_end(text, at + 1)
    return at


def _has_resident(text: Sequence[int], at: int) -> bool:
    return (
        at + 5 <= len(text)
        and (text[at] == _NEWLINE and text[at + 1] == 82 and text[at + 2] == 115 and text[at + 3] == 115)
        and text[at + 4] == _COLON
    )


def _kilobytes(text: Sequence[int], at: int, end: int) -> int:
    """Return the number in a line ``Rss: 4 kB`` after a newline, which must end before ``end``; -1 for another."""
    if at >= end:
        return -1
    at = at + 5
    while at < end and text[at] == _SPACE:
        at = at + 1
    begin = at
    value = 0
    while at < end and 48 <= text[at] < 58 and at < begin + 11:
        value = value * 10 + (text[at] - 48)
        at = at + 1
    if at == begin or at + 3 > end or text[at] != _SPACE or text[at + 1] != 107 or text[at + 2] != 66:
        return -1
    return value if text[at + 3] == _NEWLINE else -1


def _is_private(text: Sequence[int], at: int, end: int) -> bool:
    """Return whether the first line of an entry says so: the last of four rights behind the first space."""
    while at < end and text[at] != _SPACE:
        at = at + 1
    return at + 4 < end and text[at + 4] == 112


def _is_usual(text: Sequence[int], at: int, end: int) -> bool:
    """Return whether there are nothing but flags, each of two letters behind a space, that matter to nobody."""
    while at + 3 <= end:
        first = text[at + 1]
        second = text[at + 2]
        if text[at] != _SPACE or _SPACE in (first, second):
            return False
        if (first << 8 | second) in (0x6874, 0x7569, 0x756D, 0x7577, 0x7766):
            return False
        at = at + 3
    return at == end or (at + 1 == end and text[at] == _SPACE)
