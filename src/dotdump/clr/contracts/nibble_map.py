"""Nibble maps: where the method begins that an address of jitted code is in.

Code is looked at in buckets of 32 bytes, in each of which one method can begin; a bucket's nibble says at which of
its eight words, or 0 for none. Eight nibbles make a unit of 32 bits, the first bucket in the highest. In version 2
a unit inside a method is no set of nibbles but points back at the method's start, so no search is long; in version 1
a search goes back through empty units.

Source of truth: docs/design/datacontracts/ExecutionManager.md, versions 1 and 2; ``EEJitManager::FindMethodCode``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import LimitExceeded

if TYPE_CHECKING:
    from dotdump.memory.reader import Reader

_BUCKET = 32
_WORD = 4
_PER_UNIT = 8
_POINTER_MARK = 8
"""A lowest nibble above it makes a unit a pointer."""


def find_method_start(reader: Reader, base: int, units: int, address: int, *, version: int = 2) -> int | None:
    """Return where the method begins that ``address`` would be in, or None; the map at ``units`` counts from ``base``.

    A damaged map that names a place behind ``address`` names none. Raises ``MemoryFault`` where the map is not there,
    ``LimitExceeded`` where a search of version 1 has no end.
    """
    start = _Search(reader, base, units, version).find(address)
    return start if start is not None and base <= start <= address else None


class _Search:
    def __init__(self, reader: Reader, base: int, units: int, version: int) -> None:
        self._reader = reader
        self._base = base
        self._units = units
        self._has_pointers = version >= 2

    def find(self, address: int) -> int | None:
        relative = address - self._base
        if relative < 0:
            return None
        bucket, word = relative // _BUCKET, relative % _BUCKET // _WORD + 1
        unit = self._unit(bucket)
        if self._is_pointer(unit):
            return self._pointed(unit)
        unit >>= 4 * (_PER_UNIT - 1 - bucket % _PER_UNIT)
        if unit & 0xF and unit & 0xF <= word:
            return self._start(bucket, unit & 0xF)
        return self._last_in(unit >> 4, bucket - 1) or self._before(bucket - bucket % _PER_UNIT - 1)

    def _before(self, bucket: int) -> int | None:
        """Return the last method that begins in the unit of ``bucket`` or, in version 1, in one before it."""
        for _ in range(1 if self._has_pointers else limits.NIBBLE_MAP_UNITS):
            if bucket < 0:
                return None
            unit = self._unit(bucket)
            if self._is_pointer(unit):
                return self._pointed(unit)
            if unit:
                return self._last_in(unit, bucket)
            bucket -= _PER_UNIT
        if self._has_pointers:
            return None
        raise LimitExceeded(f"{limits.NIBBLE_MAP_UNITS} empty units", source=f"nibble map at {self._units:#x}")

    def _last_in(self, unit: int, bucket: int) -> int | None:
        while unit:
            if unit & 0xF:
                return self._start(bucket, unit & 0xF)
            unit >>= 4
            bucket -= 1
        return None

    def _unit(self, bucket: int) -> int:
        return self._reader.u32(self._units + 4 * (bucket // _PER_UNIT))

    def _is_pointer(self, unit: int) -> bool:
        return self._has_pointers and unit & 0xF > _POINTER_MARK

    def _pointed(self, unit: int) -> int:
        return self._base + (unit & ~0xF) + ((unit & 0xF) - _POINTER_MARK - 1) * _WORD

    def _start(self, bucket: int, nibble: int) -> int:
        return self._base + bucket * _BUCKET + (nibble - 1) * _WORD
