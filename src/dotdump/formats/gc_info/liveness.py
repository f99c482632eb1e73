"""The liveness part of GC info: which of the tracked slots are live, at a call or in code that may stop anywhere.

Source of truth: ``GcInfoDecoder::EnumerateLiveSlots`` in ``vm/gcinfodecoder.cpp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.gc_info.bits import SOURCE
from dotdump.limits import GC_INFO_CHUNKS
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.gc_info.bits import BitReader
    from dotdump.formats.gc_info.encoding import Encoding

CHUNK = 64
_CHUNK_BITS = 6


@record
class Liveness:
    """The part that begins at ``start``, for ``slots`` tracked slots and ``calls`` safe points."""

    bits: BitReader
    encoding: Encoding
    start: int
    slots: int
    calls: int

    def at_call(self, index: int) -> list[int]:
        """Return the slots that are live at safe point ``index``."""
        bits = self.bits
        width = self._pointer_width()
        if not width:
            bits.position += index * self.slots
            return _plain(bits, self.slots)
        table = bits.position
        bits.position = table + index * width
        offset = bits.read(width)
        bits.position = _byte_aligned(table + self.calls * width) + offset
        return _any_vector(bits, self.encoding, self.slots)

    def in_range(self, place: int, length: int) -> list[int]:
        """Return the slots that are live at ``place`` of ``length`` normalised places of interruptible code."""
        bits = self.bits
        self._pointer_width()
        bits.position += self.calls * self.slots
        width = bits.unsigned(self.encoding.pointer_size_base)
        if not width:
            return []
        chunks = (length + CHUNK - 1) // CHUNK
        if chunks > GC_INFO_CHUNKS:
            raise LimitExceeded(f"{length} places of interruptible code", source=SOURCE, offset=bits.address)
        table, wanted = bits.position, place // CHUNK
        for chunk in range(wanted, -1, -1):
            bits.position = table + chunk * width
            pointer = bits.read(width)
            if pointer:
                bits.position = _byte_aligned(table + chunks * width) + pointer - 1
                return _live_in_chunk(bits, self.encoding, self.slots, place % CHUNK if chunk == wanted else None)
        return []

    def _pointer_width(self) -> int:
        """Return the width of pointers to vectors of liveness, 0 where these lie one behind the other."""
        self.bits.position = self.start
        if not self.calls or not self.bits.flag():
            return 0
        return self.bits.unsigned(self.encoding.pointer_size_base) + 1


def _live_in_chunk(bits: BitReader, encoding: Encoding, slots: int, place: int | None) -> list[int]:
    """Return the slots live at ``place`` of a chunk, None for its end: final states, turned by what comes later."""
    candidates = _any_vector(bits, encoding, slots)
    final = [bits.read(1) for _ in candidates]
    if place is None:
        return [slot for slot, live in zip(candidates, final, strict=True) if live]
    found = []
    for slot, live in zip(candidates, final, strict=True):
        later = sum(transition > place for transition in _transitions(bits))
        if live ^ later & 1:
            found.append(slot)
    return found


def _transitions(bits: BitReader) -> Iterator[int]:
    for _ in range(CHUNK):
        if not bits.flag():
            return
        yield bits.read(_CHUNK_BITS)
    raise FormatError(f"more than {CHUNK} changes in a chunk", source=SOURCE, offset=bits.address)


def _any_vector(bits: BitReader, encoding: Encoding, slots: int) -> list[int]:
    return _runs(bits, encoding, slots) if bits.flag() else _plain(bits, slots)


def _plain(bits: BitReader, slots: int) -> list[int]:
    found = []
    for start in range(0, slots, CHUNK):
        word = bits.read(min(CHUNK, slots - start))
        found += [start + bit for bit in range(word.bit_length()) if word >> bit & 1]
    return found


def _runs(bits: BitReader, encoding: Encoding, slots: int) -> list[int]:
    """Return the slots in every second run: the first run is of dead ones, and the only one that may be empty."""
    dead, live = encoding.live_run_base, encoding.live_skip_base
    if not bits.flag():
        dead, live = live, dead
    found: list[int] = []
    position = bits.unsigned(dead)
    alive = True
    while position < slots:
        count = bits.unsigned(live if alive else dead) + 1
        if position + count > slots:
            raise FormatError(f"{position + count} of {slots} slots", source=SOURCE, offset=bits.address)
        if alive:
            found += range(position, position + count)
        position += count
        alive = not alive
    return found


def _byte_aligned(position: int) -> int:
    return position + 7 & ~7
