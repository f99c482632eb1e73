r"""/proc/PID/maps as a ``RegionTable``.

Of a path only a newline is escaped (``\012``), so a path that holds those four characters reads as a newline: the
kernel leaves no way to tell. A mapping of a removed file keeps the kernel's suffix ``" (deleted)"`` in ``path``.
Source of truth: proc_pid_maps(5), ``show_map_vma`` in fs/proc/task_mmu.c.
"""

from __future__ import annotations

from array import array

from dotdump.errors import FormatError
from dotdump.kernels import map_text
from dotdump.linux import text
from dotdump.memory.region_table import RegionTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ESCAPED = b"\n"


def parse_maps(data: bytes | bytearray, source: str = "maps") -> RegionTable:
    """Parse the text of a maps file, in the kernel's order; raises ``FormatError`` for a line that is none."""
    most = data.count(b"\n") + 1
    filled, rights = array("Q", [0]) * (map_text.COLUMNS * most + 1), bytearray(most)
    count = map_text.parse_lines(data, filled, rights)
    if count < 0:
        line = data[-1 - count :].split(b"\n", 1)[0]
        shown = line[:60].decode("ascii", "backslashreplace")
        raise FormatError(f"not a line of a memory map: {shown!r}", source=source)
    begins = [column * most for column in range(map_text.COLUMNS)]
    named = filled[-1]
    columns = [filled[begin : begin + count] for begin in begins[:5]]
    rows, paths, ends = (filled[begin : begin + named] for begin in begins[5:])
    return RegionTable(columns, bytes(rights[:count]), dict(zip(rows, _paths(data, paths, ends), strict=True)))


class MapsMemo:
    """Parses maps of one process again and again; the same text gives the same table, the very object.

    ``latest`` is the table of the last reading, None before the first.
    """

    def __init__(self) -> None:
        self._text: bytes | bytearray = b""
        self.latest: RegionTable | None = None

    def parse(self, pieces: Iterable[bytes | memoryview], source: str = "maps") -> RegionTable:
        """Parse the text of a maps file, cut into ``pieces`` anywhere, as ``parse_maps`` does.

        What has not changed is not gathered: new memory costs as much as reading into it.
        """
        same, changed = 0, bytearray()
        for piece in pieces:
            if not changed and self._text.startswith(piece, same):
                same += len(piece)
            else:
                changed += piece
        if self.latest is None or changed or same < len(self._text):
            text = self._text[:same] + changed if same else changed
            self.latest = parse_maps(text, source)
            self._text = text
        return self.latest


def _paths(data: bytes | bytearray, starts: array[int], ends: array[int]) -> Iterator[str]:
    """Yield the paths that stand in the text; many are the same."""
    known: dict[bytes, str] = {}
    for start, end in zip(starts, ends, strict=True):
        raw = bytes(data[start:end])
        path = known.get(raw)
        if path is None:
            path = known[raw] = text.name(text.unescape(raw, _ESCAPED))
        yield path
