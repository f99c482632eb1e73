"""``CodeRanges``: which section of code an address is in, and what keeps track of the code there.

From 8 on a map of five levels leads to it, in 3.1 a list. Source of truth: ``RangeSectionMap`` of codeman.h and
docs/design/datacontracts/ExecutionManager.md; ``ExecutionManager::FindCodeRange`` of 3.1.
"""

from __future__ import annotations

from enum import IntFlag
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.linked_list import follow
from dotdump.clr.data.code import RangeSection, RangeSectionFragment
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.memory.space import ADDRESS_END
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.clr.data_access import DataAccess

_MAP = "ExecutionManagerCodeRangeMapAddress"
_LIST = "ExecutionManagerCodeRangeList"
_LISTED = "list of code ranges"
_LEVELS = 5
_CHUNK_BITS = 17
_LEVEL_BITS = 8
TABLE_SIZE = 8 << _LEVEL_BITS
_COLLECTIBLE = 1
"""The low bit of a pointer in the map says that what it points to can go away."""


class RangeSectionFlags(IntFlag):
    """What a section is; ``RANGE_LIST`` has the number of ``READY_TO_RUN`` of 3.1, which has no such lists."""

    COLLECTIBLE = 1
    CODE_HEAP = 2
    RANGE_LIST = 4
    INTERPRETER = 8


_READY_TO_RUN_IN_3_1 = 4
_FLAGS_IN_3_1 = 7


@record
class CodeRange:
    """A section: one of ``module`` (a ready-to-run image), ``heap_list`` and ``range_list`` is not 0.

    ``address`` is that of the runtime's record of it.
    """

    address: int
    begin: int
    end: int
    flags: RangeSectionFlags
    module: int = 0
    heap_list: int = 0
    range_list: int = 0


class CodeRanges:
    """The sections of one runtime."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._has_map = access.has_global(_MAP)
        self._sections: dict[int, CodeRange] = {}

    def find(self, address: int) -> CodeRange | None:
        """Return the section that ``address`` is in, or None.

        Raises ``MemoryFault`` and ``FormatError`` where the runtime's records are damaged.
        """
        if not self._has_map:
            return self._find_listed(address)
        for fragment in self._chain(self._first_fragment(address)):
            if fragment.begin <= address < fragment.end:
                return self._section(fragment.section)
        return None

    def all(self) -> list[CodeRange]:
        """Return every section, sorted by where it begins."""
        if self._has_map:
            found = [self._section(address) for address in self._mapped()]
        else:
            found, damage = self._listed
            if damage is not None:
                raise damage.with_traceback(None)
        return sorted(found, key=lambda section: section.begin)

    def _mapped(self) -> set[int]:
        """Return the address of each section that the map leads to."""
        tables = {self._top}
        for _ in range(_LEVELS):
            tables = self._behind(tables)
        found = (fragment.section for first in tables for fragment in self._chain(first))
        return _limited(found, "sections")

    @cached_property
    def _top(self) -> int:
        """Where the map's first table is."""
        return self._access.global_address(_MAP) + self._access.offset("RangeSectionMap", "TopLevelData")

    def _behind(self, tables: set[int]) -> set[int]:
        """Return what the entries of ``tables`` point to."""
        pointers = (entry & ~_COLLECTIBLE for table in tables for entry in self._table(table))
        return _limited((pointer for pointer in pointers if pointer), "tables")

    def _table(self, address: int) -> memoryview[int]:
        return memoryview(self._access.reader.memory.read(address, TABLE_SIZE)).cast("Q")

    def _chain(self, pointer: int) -> Iterator[RangeSectionFragment]:
        def following(address: int) -> int:
            return RangeSectionFragment(self._access, address).next & ~_COLLECTIBLE

        for address in follow(pointer, following, limits.RANGE_SECTIONS, "map of code ranges"):
            yield RangeSectionFragment(self._access, address)

    def tables(self, address: int) -> Iterator[int]:
        """Yield the tables of the map that lead to ``address``, of ``TABLE_SIZE`` bytes, and the fragment at last."""
        if not self._has_map:
            return
        table = self._top
        for level in reversed(range(_LEVELS)):
            yield table
            index = address >> (_CHUNK_BITS + _LEVEL_BITS * level) & 0xFF
            table = self._access.reader.pointer(table + 8 * index) & ~_COLLECTIBLE
            if not table:
                return
        yield table

    def _first_fragment(self, address: int) -> int:
        found = list(self.tables(address))
        return found[-1] if len(found) > _LEVELS else 0

    def _section(self, address: int) -> CodeRange:
        if address not in self._sections:
            view = RangeSection(self._access, address)
            flags = RangeSectionFlags(view.flags)
            lists = view.range_list if self._access.has("RangeSection", "RangeList") else 0
            found = CodeRange(address, view.begin, view.end, flags, view.module, view.heap_list, lists)
            self._sections[address] = found
        return self._sections[address]

    def _find_listed(self, address: int) -> CodeRange | None:
        sections, damage = self._listed
        found = next((section for section in sections if section.begin <= address < section.end), None)
        if found is None and damage is not None:
            raise damage.with_traceback(None)
        return found

    @cached_property
    def _listed(self) -> tuple[list[CodeRange], FormatError | MemoryFault | None]:
        """The sections of 3.1, the highest first, and what the list ended with where it is damaged."""
        access, found = self._access, list[CodeRange]()
        try:
            first = access.global_pointer(_LIST)
            for address in follow(first, lambda it: RangeSection(access, it).next, limits.RANGE_SECTIONS, _LISTED):
                below = found[-1].begin if found else ADDRESS_END
                found.append(_listed_section(RangeSection(access, address), below))
        except (FormatError, MemoryFault) as damage:
            return found, damage
        return found, None


def _listed_section(view: RangeSection, below: int) -> CodeRange:
    """Return a section of 3.1, whose only word beside the flags means one or the other; it must end ``below``."""
    flags = view.flags
    begin, end = view.begin, view.end
    if flags & ~_FLAGS_IN_3_1 or not begin <= end <= below:
        raise FormatError("no section", source=_LISTED, offset=view.address)
    module, heap = (view.module, 0) if flags & _READY_TO_RUN_IN_3_1 else (0, view.heap_list)
    return CodeRange(view.address, begin, end, RangeSectionFlags(flags & ~_READY_TO_RUN_IN_3_1), module, heap)


def _limited(found: Iterable[int], what: str) -> set[int]:
    """Return ``found`` as a set, of which a map has no more than the limit; repeats count too, for a map has none."""
    kept: set[int] = set()
    for number, address in enumerate(found):
        if number >= 4 * limits.RANGE_SECTIONS:
            raise LimitExceeded(f"more than {number} {what}", source="map of code ranges")
        kept.add(address)
    return kept
