"""RUNTIME_FUNCTION: the records of functions with unwind data, as the compiler of each CPU's code writes them.

Source of truth: clrnt.h (the record: 12 bytes on x86-64, 8 on arm64, where the length is in the unwind data),
``UnwindInfoTable`` and ``GetUnwindDataBlob`` of codeman.cpp, ``IsFunctionFragment`` of the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.formats.arm64_unwind_codes import is_fragment
from dotdump.formats.arm64_unwind_data import read_xdata
from dotdump.records import record
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.arm64_unwind_data import UnwindData
    from dotdump.unwind.effort import Effort

_LINEAR = 10
_READ = 4
"""Effort to read a record."""


@record
class RuntimeFunction:
    """One record, its RVAs counted from the same base as the table's."""

    begin: int
    end: int
    unwind_data: int


def record_size(access: DataAccess) -> int:
    """Return the bytes of one record."""
    return 8 if access.target.platform.architecture is Architecture.AARCH64 else 12


class RuntimeFunctions:
    """Reads records of the target's CPU, as long as there is ``effort``, which is that of all walks."""

    def __init__(self, access: DataAccess, effort: Effort) -> None:
        self._reader = access.reader
        self.effort = effort
        self._is_arm64 = access.target.platform.architecture is Architecture.AARCH64
        self.size = record_size(access)

    def read(self, address: int, image_base: int) -> RuntimeFunction:
        """Return the record at ``address``."""
        self.effort.spend(_READ)
        data = self._reader.memory.read(address, self.size)
        begin = int.from_bytes(data[:4], "little")
        if not self._is_arm64:
            return RuntimeFunction(begin, int.from_bytes(data[4:8], "little"), int.from_bytes(data[8:], "little"))
        unwind = int.from_bytes(data[4:], "little")
        return RuntimeFunction(begin, begin + self._xdata(image_base + unwind).length, unwind)

    def find(self, table: int, count: int, rva: int) -> int | None:
        """Return the index of the last record that begins at or before ``rva``, or None.

        Probes as the runtime does, so that a dump that holds only what the runtime touched is enough.
        """
        low, high = 0, count - 1
        while high - low > _LINEAR:
            middle = low + (high - low) // 2
            if rva < self._begin(table, middle):
                high = middle - 1
            else:
                low = middle
        for index in range(low, high + 1):
            if index + 1 >= count or rva < self._begin(table, index + 1):
                return index if rva >= self._begin(table, index) else None
        return None

    def unwind_size(self, unwind_info: int) -> int:
        """Return how many bytes unwind data of a ready-to-run image takes, with the RVA of its handler.

        The GC info of a main function follows there.
        """
        if not self._is_arm64:
            return -(-(4 + 2 * self._reader.u8(unwind_info + 2) + 4) // 4) * 4
        return self._xdata(unwind_info).size

    def owner(self, table: int, index: int, image_base: int) -> int:
        """Return the index of the function that record ``index`` is a part of: itself, or one before.

        On arm64 a function too large for one record goes on in fragments, which begin without a prolog.
        """
        while self._is_arm64 and index > 0:
            unwind = image_base + self.read(table + self.size * index, image_base).unwind_data
            if not is_fragment(self._xdata(unwind)):
                break
            index -= 1
        return index

    def _begin(self, table: int, index: int) -> int:
        """Return where a function begins; the record is read whole, as the runtime does."""
        return int.from_bytes(self._reader.memory.read(table + self.size * index, self.size)[:4], "little")

    def _xdata(self, address: int) -> UnwindData:
        return read_xdata(self._reader.memory, address)
