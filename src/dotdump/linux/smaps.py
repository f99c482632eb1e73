"""/proc/PID/smaps, summed up: how much memory is resident, and which VmFlags there are.

A process may have 65,530 regions, at 700 bytes each, so the text is taken in pieces, and whatever else the kernel says
of a region is passed over. Source of truth: proc_pid_smaps(5), ``show_smap`` in fs/proc/task_mmu.c.
"""

from __future__ import annotations

from array import array

from dotdump.errors import FormatError
from dotdump.kernels import map_text
from dotdump.linux import text
from dotdump.linux.maps import parse_maps
from dotdump.linux.unfrozen import is_shared
from dotdump.memory.space import MemoryRange
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    _Entry = tuple[bytes, int, frozenset[str]]
    """The line of a region, its resident bytes and its VmFlags."""

_FLAGS, _RESIDENT = b"\nVmFlags:", b"\nRss:"
_AWAITED = frozenset(("um", "ui"))
_ROWS = 1024
_LONGEST = 1 << 18
"""Bytes of an entry: a path of 4096, each of which may be escaped, is 16 KB."""


@record
class MemoryUse:
    """``private`` and ``shared`` bytes are resident; shared is what a fork shares and somebody may write.

    ``flags`` are two-letter VmFlags that matter to a fork, such as ``um``, those of private memory in
    ``private_flags``; ``wiped`` are the starts of regions that are empty after a fork (``wf``), ``awaited`` are those
    whose absent pages a program may supply by userfaultfd (``um``, ``ui``).
    """

    private: int = 0
    shared: int = 0
    flags: frozenset[str] = frozenset()
    private_flags: frozenset[str] = frozenset()
    wiped: frozenset[int] = frozenset()
    awaited: tuple[MemoryRange, ...] = ()


def parse_smaps(pieces: Iterable[bytes | memoryview], source: str = "smaps") -> MemoryUse:
    """Sum up the text of an smaps file, cut into ``pieces`` anywhere; each entry ends with VmFlags.

    Raises ``FormatError`` for an entry that is none.
    """
    state, rows = array("q", bytes(8 * 4)), array("q", bytes(8 * _ROWS * map_text.USE_WIDTH))
    unusual: list[_Entry] = []
    rest = b""
    for piece in pieces:
        data, position, filled = rest + piece, 0, len(rows)
        while filled == len(rows):
            position = map_text.sum_uses(data, position, state, rows)
            filled = state[map_text.FILLED]
            found = iter(rows[:filled])
            unusual += [_entry(data, row, source) for row in zip(found, found, found, found, found, strict=True)]
        rest = data[position:]
        if len(rest) > _LONGEST:
            break
    if rest:
        raise FormatError("an entry without an end", source=source)
    return _use(state[map_text.RESIDENT] * 1024, unusual, source)


def _entry(data: bytes, row: tuple[int, ...], source: str) -> _Entry:
    line, line_end, resident, flags, flags_end = row
    if line == line_end:
        raise FormatError("an entry without a begin", source=source)
    words = frozenset(data[flags + len(_FLAGS) : flags_end].decode("ascii", "replace").split())
    if resident == flags:
        return data[line:line_end], 0, words
    number = data[resident + len(_RESIDENT) : data.index(b"\n", resident + 1)].removesuffix(b"kB")
    return data[line:line_end], text.decimal(number, source) * 1024, words


def _use(resident: int, unusual: Sequence[_Entry], source: str) -> MemoryUse:
    """Return the sum of ``resident`` bytes of ordinary private memory and of the entries that are unusual."""
    regions = parse_maps(b"\n".join(line for line, _, _ in unusual), source)
    found = [(region, size, flags) for region, (_, size, flags) in zip(regions, unusual, strict=True)]
    private = [entry for entry in found if not entry[0].shared]
    return MemoryUse(
        resident + sum(size for _, size, _ in private),
        sum(size for region, size, _ in found if is_shared(region)),
        frozenset(flag for _, _, flags in found for flag in flags),
        frozenset(flag for _, _, flags in private for flag in flags),
        frozenset(region.start for region, _, flags in found if "wf" in flags),
        tuple(MemoryRange(region.start, region.end) for region, _, flags in found if flags & _AWAITED),
    )
