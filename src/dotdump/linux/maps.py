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
_SHARED = {b"p": False, b"s": True}
_ESCAPED = b"\n"
_END = 1 << 64
_FLAGS, _RESIDENT = b"\nVmFlags:", b"\nRss:"


@record
class RegionUse:
    """An entry of smaps: ``resident`` bytes, and ``flags``, the two-letter VmFlags such as ``dd``."""

    region: Region
    resident: int
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
        known, parse = self._known, self.region
        return [known.get(line) or parse(line, source) for line in data.split(b"\n") if line]

    def region(self, line: bytes, source: str = "maps") -> Region:
        """Parse one line."""
        return self._known.get(line) or self._known.setdefault(line, _region(line, source))


def parse_smaps(data: bytes, memo: MapsMemo, source: str = "smaps") -> list[RegionUse]:
    """Parse the text of an smaps file, each entry of which ends with VmFlags; ``memo`` knows lines of the same maps.

    Raises ``FormatError`` for an entry that is none. Whatever else the kernel says of a region is passed over: a
    process may have 65,530 of them, at 700 bytes each.
    """
    known: dict[bytes, frozenset[str]] = {}
    uses, position = [], 0
    while position < len(data):
        header = data.find(b"\n", position)
        at = data.find(_FLAGS, header)
        end = data.find(b"\n", at + 1)
        if not position < header <= at < end:
            raise FormatError("an entry without an end", source=source, offset=position)
        words = data[at + len(_FLAGS) : end]
        flags = known.get(words)
        if flags is None:
            flags = known[words] = frozenset(words.decode("ascii", "replace").split())
        region = memo.region(data[position:header], source)
        uses.append(RegionUse(region, _kilobytes(data, _RESIDENT, header, at, source) * 1024, flags))
        position = end + 1
    return uses


def _kilobytes(data: bytes, key: bytes, start: int, end: int, source: str) -> int:
    """Return the number in the line that begins with ``key``; 0 where there is none."""
    at = data.find(key, start, end)
    if at < 0:
        return 0
    return text.decimal(data[at + len(key) : data.index(b"\n", at + 1)].removesuffix(b"kB"), source)


def _region(line: bytes, source: str) -> Region:
    try:
        bounds, rights, offset, device, inode, *path = line.split(b" ", 5)
        first, last = bounds.split(b"-")
        major, minor = device.split(b":")
        region = Region(
            int(first, 16),
            int(last, 16),
            _RIGHTS[rights[:3]],
            int(offset, 16),
            text.name(text.unescape(path[0].lstrip(b" "), _ESCAPED)) if path and path[0] else "",
            _SHARED[rights[3:]],
            (int(major, 16), int(minor, 16)),
            int(inode),
        )
    except (ValueError, KeyError):
        shown = line[:60].decode("ascii", "backslashreplace")
        raise FormatError(f"not a line of a memory map: {shown!r}", source=source) from None
    if not 0 <= region.start < region.end <= _END:
        raise FormatError(f"a region that ends before it starts: {region.start:#x}-{region.end:#x}", source=source)
    return region
