"""``RegionTable``: the regions of a process as columns, for a process may have tens of thousands.

It is a sequence of ``Region``s as well: a row becomes one when it is asked for, all of them when it is gone through.
What a full core is made of is taken from the columns alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cached_property
from itertools import compress
from operator import attrgetter

from dotdump.kernels import segment_rows
from dotdump.memory.region import Protection, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import overload
else:

    def overload(function):  # noqa: ANN001, ANN201, D103 - it is typing's
        return function


SHARED, UNKNOWN = 8, 16
"""Bits of a row's rights beside those of ``Protection``: others have the memory too, and nobody can know whether."""
_PROTECTIONS = [Protection(bits) for bits in range(8)]
_SHARED = {None: UNKNOWN, False: 0, True: SHARED}
_OF_PROTECTION = bytes(rights & 7 for rights in range(256))
_MAJOR = 0xFFFFFFFF


class RegionTable(Sequence[Region]):
    """Columns: ``starts``, ``ends``, ``offsets`` into files, ``devices``, ``inodes``, and a byte of ``rights``.

    A device is its major number, and above 32 bits the minor one. ``paths`` holds those of the rows that have one, in
    order.
    """

    def __init__(self, columns: Iterable[array[int]], rights: bytes, paths: Mapping[int, str]) -> None:
        self.starts, self.ends, self.offsets, self.devices, self.inodes = columns
        self.rights = rights
        self.paths = paths

    @classmethod
    def of(cls, regions: Sequence[Region]) -> RegionTable:
        """Return ``regions`` as a table: itself where it is one."""
        if isinstance(regions, RegionTable):
            return regions
        devices = array("Q", [major | minor << 32 for major, minor in map(attrgetter("device"), regions)])
        starts, ends, offsets, inodes = (_column(field, regions) for field in ("start", "end", "offset", "inode"))
        return cls(
            (starts, ends, offsets, devices, inodes),
            bytes(region.protection.real & 7 | _SHARED[region.shared] for region in regions),
            {row: region.path for row, region in enumerate(regions) if region.path},
        )

    @property
    def sizes(self) -> array[int]:
        """The bytes of each row."""
        found = array("Q", [0]) * len(self.starts)
        segment_rows.measure(self.starts, self.ends, found)
        return found

    @property
    def protections(self) -> bytes:
        """A byte of ``Protection`` for each row."""
        return self.rights.translate(_OF_PROTECTION)

    def size_of(self, rows: bytes | bytearray) -> int:
        """Return the bytes in those regions whose byte in ``rows`` is not 0."""
        return segment_rows.total_size(self.starts, self.ends, rows)

    def rows_of(self, table: bytes) -> Iterator[int]:
        """Yield the rows for whose rights ``table``, of 256 bytes, has one that is not 0."""
        return compress(range(len(self.rights)), self.rights.translate(table))

    @cached_property
    def named(self) -> list[Region]:
        """The regions that have a path."""
        return [self[row] for row in self.paths]

    @cached_property
    def _all(self) -> list[Region]:
        return [self._made(row) for row in range(len(self.rights))]

    def _made(self, row: int) -> Region:
        rights, device = self.rights[row], self.devices[row]
        return Region(
            self.starts[row],
            self.ends[row],
            _PROTECTIONS[rights & 7],
            self.offsets[row],
            self.paths.get(row, ""),
            None if rights & UNKNOWN else rights & SHARED != 0,
            (device & _MAJOR, device >> 32),
            self.inodes[row],
        )

    def __len__(self) -> int:
        return len(self.rights)

    def __iter__(self) -> Iterator[Region]:
        return iter(self._all)

    @overload
    def __getitem__(self, index: int) -> Region: ...
    @overload
    def __getitem__(self, index: slice) -> list[Region]: ...  # noqa: F811 - ruff does not know our overload
    def __getitem__(self, index: int | slice) -> Region | list[Region]:  # noqa: F811 - as above
        if isinstance(index, slice) or "_all" in self.__dict__:
            return self._all[index]
        return self._made(range(len(self.rights))[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == list(other)

    __hash__ = None  # type: ignore[assignment] # as Python has it


def named_regions(regions: Sequence[Region]) -> Sequence[Region]:
    """Return those of ``regions`` that have a path."""
    return regions.named if isinstance(regions, RegionTable) else [region for region in regions if region.path]


def _column(field: str, regions: Iterable[Region]) -> array[int]:
    return array("Q", map(attrgetter(field), regions))
