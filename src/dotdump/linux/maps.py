r"""/proc/PID/maps as ``Region``s, and /proc/PID/smaps as the same with what the kernel knows of each.

Of a path only a newline is escaped (``\012``), so a path that holds those four characters reads as a newline: the
kernel leaves no way to tell. A mapping of a removed file keeps the kernel's suffix ``" (deleted)"`` in ``path``.
Source of truth: proc_pid_maps(5), proc_pid_smaps(5), ``show_map_vma`` in fs/proc/task_mmu.c.
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.linux import text
from dotdump.memory.region import Protection, Region
from dotdump.records import record

_RIGHTS = {
    f"{read}{write}{execute}".encode(): Protection(
        (Protection.READ if read == "r" else 0)
        | (Protection.WRITE if write == "w" else 0)
        | (Protection.EXECUTE if execute == "x" else 0)
    )
    for read in "r-"
    for write in "w-"
    for execute in "x-"
}
_ESCAPED = b"\n"
_END = 1 << 64


@record
class RegionUse:
    """An entry of smaps: ``resident`` and ``swapped`` bytes, and ``flags``, the two-letter VmFlags such as ``dd``."""

    region: Region
    resident: int
    swapped: int
    flags: frozenset[str]


def parse_maps(data: bytes, source: str = "maps") -> list[Region]:
    """Parse the text of a maps file, in the kernel's order; raises ``FormatError`` for a line that is none."""
    return [_region(line, source) for line in data.split(b"\n") if line]


class MapsMemo:
    """Parses maps of one process again and again; a line seen before gives the same ``Region``, the very object."""

    def __init__(self) -> None:
        self._known: dict[bytes, Region] = {}

    def parse(self, data: bytes, source: str = "maps") -> list[Region]:
        """Parse the text of a maps file as ``parse_maps`` does."""
        known, regions = self._known, []
        for line in data.split(b"\n"):
            region = known.get(line)
            if region is None and line:
                region = known[line] = _region(line, source)
            if region is not None:
                regions.append(region)
        return regions


def parse_smaps(data: bytes, source: str = "smaps") -> list[RegionUse]:
    """Parse the text of an smaps file; keys that we do not use are passed over."""
    uses: list[RegionUse] = []
    region: Region | None = None
    details: dict[bytes, bytes] = {}
    for line in data.split(b"\n"):
        key, colon, value = line.partition(b":")
        if colon and b" " not in key and b"-" not in key:
            details[key] = value
        elif line:
            if region is not None:
                uses.append(_use(region, details, source))
            region, details = _region(line, source), {}
    if region is not None:
        uses.append(_use(region, details, source))
    return uses


def _use(region: Region, details: dict[bytes, bytes], source: str) -> RegionUse:
    def kilobytes(key: bytes) -> int:
        words = details.get(key, b"0").split()
        return text.decimal(words[0] if words else b"", source) * 1024

    flags = frozenset(word.decode("ascii", "replace") for word in details.get(b"VmFlags", b"").split())
    return RegionUse(region, kilobytes(b"Rss"), kilobytes(b"Swap"), flags)


def _region(line: bytes, source: str) -> Region:
    fields = line.split(b" ", 5)
    if len(fields) < 5 or len(fields[1]) != 4 or fields[1][:3] not in _RIGHTS:
        shown = line[:60].decode("ascii", "backslashreplace")
        raise FormatError(f"not a line of a memory map: {shown!r}", source=source)
    first, _, last = fields[0].partition(b"-")
    major, _, minor = fields[3].partition(b":")
    start, end = text.hexadecimal(first, source), text.hexadecimal(last, source)
    if not 0 <= start < end <= _END:
        raise FormatError(f"a region that ends before it starts: {start:#x}-{end:#x}", source=source)
    path = fields[5].lstrip(b" ") if len(fields) > 5 else b""
    return Region(
        start,
        end,
        _RIGHTS[fields[1][:3]],
        text.hexadecimal(fields[2], source),
        text.name(text.unescape(path, _ESCAPED)),
        fields[1][3:] == b"s",
        (text.hexadecimal(major, source), text.hexadecimal(minor, source)),
        text.decimal(fields[4], source),
    )
