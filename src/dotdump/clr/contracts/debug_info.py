"""``DebugInfos``: where the debug info of a method's code is, and which IL instruction an address comes from.

Jitted code has it beside its code header, behind a byte of flags since on-stack replacement (8); ready-to-run code in
a section of its image. Source of truth: ``CompressDebugInfo`` of debuginfostore.cpp, ``ReadyToRunInfo::GetDebugInfo``.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.data.code import (
    CodeModule,
    PatchpointInfo,
    ReadyToRunCoreHeader,
    ReadyToRunCoreInfo,
    ReadyToRunInfo,
    ReadyToRunSection,
)
from dotdump.errors import LimitExceeded
from dotdump.formats.debug_info import OffsetMapping, find_il_offset, parse_bounds, parse_sizes, parse_variable_sizes
from dotdump.formats.native_array import NativeArray, read_unsigned
from dotdump.formats.native_variables import parse_variables

if TYPE_CHECKING:
    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.native_variables import NativeVariable

_DEBUG_INFO_SECTION = 105
_PACKED_SINCE = 10
_PACKED_IMAGES_SINCE = 16
_LONGEST_SIZES = 24


class _Extra(IntFlag):
    """What else stands before the sizes of jitted code's debug info."""

    PATCHPOINT = 1
    RICH = 2


class DebugInfos:
    """The debug info of one runtime's code; what was read once is kept."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._bounds: dict[int, tuple[OffsetMapping, ...]] = {}
        self._arrays: dict[int, NativeArray | None] = {}

    def il_offset(self, block: CodeBlock) -> int | None:
        """Return the IL offset that the code at ``block.address`` comes from, or None where nothing says it.

        Raises ``MemoryFault`` and ``FormatError`` where the debug info is not there or damaged.
        """
        return find_il_offset(self.bounds(block), block.relative_offset)

    def bounds(self, block: CodeBlock) -> tuple[OffsetMapping, ...]:
        """Return the mappings of the whole method."""
        if block.start not in self._bounds:
            if len(self._bounds) >= limits.CODE_BLOCKS_KEPT:
                self._bounds.clear()
            self._bounds[block.start] = self._read(block)
        return self._bounds[block.start]

    def variables(self, block: CodeBlock) -> tuple[NativeVariable, ...]:
        """Return where the variables of the whole method are; raises as ``il_offset`` does."""
        place = self._place(block)
        if not place:
            return ()
        memory = self._access.reader.memory
        behind, size = parse_variable_sizes(memory.read_available(place, _LONGEST_SIZES))
        return parse_variables(memory.read(place + behind, size))

    def written_bounds(self, block: CodeBlock) -> bytes:
        """Return the mappings as they are written, empty where there are none."""
        place = self._place(block)
        if not place:
            return b""
        memory = self._access.reader.memory
        behind, size = parse_sizes(memory.read_available(place, _LONGEST_SIZES))
        return memory.read(place + behind, size)

    def _read(self, block: CodeBlock) -> tuple[OffsetMapping, ...]:
        if block.kind is CodeKind.READY_TO_RUN:
            major = block.ready_to_run_version[0] if block.ready_to_run_version else 0
            return parse_bounds(self.written_bounds(block), packed=major >= _PACKED_IMAGES_SINCE)
        return parse_bounds(self.written_bounds(block), packed=self._access.major >= _PACKED_SINCE)

    def _place(self, block: CodeBlock) -> int:
        """Return where the sizes of a method's debug info are, 0 where it has none."""
        if block.kind is CodeKind.READY_TO_RUN:
            return self._in_image(block)
        return self._behind_extras(block.debug_info) if block.debug_info else 0

    def _behind_extras(self, place: int) -> int:
        """Return where the sizes are; before them may be what on-stack replacement and profilers need."""
        if not self._access.has("PatchpointInfo", "NumberOfLocals"):
            return place
        flags, place = self._access.reader.u8(place), place + 1
        if flags & _Extra.PATCHPOINT:
            count = PatchpointInfo(self._access, place).local_count
            if count > limits.PATCHPOINT_LOCALS:
                raise LimitExceeded(f"{count} locals", source=f"patchpoint info at {place:#x}")
            place += self._access.size("PatchpointInfo") + 4 * count
        if flags & _Extra.RICH:
            place += 4 + self._access.reader.u32(place)
        return place

    def _in_image(self, block: CodeBlock) -> int:
        """Return where the debug info of a ready-to-run method is, 0 where it has none."""
        if block.image_base not in self._arrays:
            self._arrays[block.image_base] = self._array(block)
        array = self._arrays[block.image_base]
        entry = array.find(block.debug_info) if array is not None else None
        if entry is None:
            return 0
        back, _ = read_unsigned(self._access.reader, entry)
        if back:
            return entry - back
        _, behind = read_unsigned(self._access.reader, entry)
        return behind

    def _array(self, block: CodeBlock) -> NativeArray | None:
        access = self._access
        info = ReadyToRunInfo(access, CodeModule(access, block.module).ready_to_run)
        if access.has("ReadyToRunInfo", "Composite"):
            header = ReadyToRunCoreHeader(access, ReadyToRunCoreInfo(access, info.core).header)
        else:
            header = ReadyToRunCoreHeader(access, info.header + access.offset("ReadyToRunHeader", "CoreHeader"))
        count = header.section_count
        if count > limits.READY_TO_RUN_SECTIONS:
            raise LimitExceeded(f"{count} sections", source=f"ready-to-run image at {block.image_base:#x}")
        first, size = header.address_of("Sections"), access.size("ReadyToRunSection")
        for section in (ReadyToRunSection(access, first + size * number) for number in range(count)):
            if section.type == _DEBUG_INFO_SECTION:
                return NativeArray(access.reader, block.image_base + section.rva)
        return None
