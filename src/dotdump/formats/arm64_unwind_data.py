"""Unwind data of arm64 as Windows has it, in full (.xdata) and packed into the word of a .pdata entry.

Yields codes and where they apply; what a code means is in ``arm64_unwind_codes``.
Source of truth: "ARM64 exception handling" in Microsoft's C++ documentation; ``unwinder/arm64/unwinder.cpp``.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.memory.space import AddressSpace

SOURCE = "arm64 unwind codes"
INSTRUCTION = 4
"""Bytes of an instruction; lengths and places are counted in them."""

_NO_PACKED, _FRAGMENT = (0, 3), 2
_SAVED_LR, _CHAINED_SIGNED, _CHAINED = 1, 2, 3
"""Values of CR: whether the link register is saved, and how."""

_MOST_INTEGERS = 10


@record
class UnwindData:
    """What .xdata says of one function of ``length`` bytes.

    ``codes`` undo the prologue, from its end to its start. ``epilogues``: where each begins, in bytes, or None for the
    one at the end, and the index of its first code. ``size``: bytes of the record, the word that names a handler
    included; what follows it is the handler's data, for .NET the GC info.
    """

    length: int
    codes: bytes
    epilogues: tuple[tuple[int | None, int], ...]
    size: int


def read_xdata(memory: AddressSpace, address: int) -> UnwindData:
    """Return the record of .xdata at ``address``; ``FormatError`` where it is none."""
    head = memory.read_available(address, 8)
    if len(head) < 4:
        raise FormatError("no unwind data", source=SOURCE, offset=address)
    return parse_xdata(memory.read(address, _Head.of(head, address).size), address)


def parse_xdata(data: bytes, address: int = 0) -> UnwindData:
    """Return the record of .xdata that ``data`` begins with; ``FormatError`` where it is none or is cut."""
    head = _Head.of(data, address)
    if head.size > len(data):
        raise FormatError(f"unwind data of {head.size} bytes, {len(data)} are there", source=SOURCE, offset=address)
    scopes = unpack_from(f"<{head.scopes}I", data, head.start)
    begin = head.start + 4 * head.scopes
    epilogues: tuple[tuple[int | None, int], ...]
    if head.single is not None:
        epilogues = ((None, head.single),)
    else:
        epilogues = tuple((INSTRUCTION * (scope & 0x3FFFF), scope >> 22) for scope in scopes)
    return UnwindData(head.length, data[begin : begin + 4 * head.words], epilogues, head.size)


@record
class _Head:
    """The first one or two words: ``scopes`` epilogue scopes and ``words`` of codes begin at ``start``."""

    length: int
    start: int
    scopes: int
    words: int
    single: int | None
    handler: bool

    @classmethod
    def of(cls, data: bytes, address: int) -> _Head:
        if len(data) < 4:
            raise FormatError("unwind data without a header", source=SOURCE, offset=address)
        (word,) = unpack_from("<I", data)
        version = word >> 18 & 3
        if version:
            raise FormatError(f"unwind data of version {version}", source=SOURCE, offset=address)
        start, scopes, words = 4, word >> 22 & 31, word >> 27
        if not scopes and not words:
            if len(data) < 8:
                raise FormatError("unwind data without its second word", source=SOURCE, offset=address)
            (extension,) = unpack_from("<I", data, 4)
            start, scopes, words = 8, extension & 0xFFFF, extension >> 16 & 0xFF
        single = scopes if word >> 21 & 1 else None
        length = INSTRUCTION * (word & 0x3FFFF)
        return cls(length, start, 0 if single is not None else scopes, words, single, bool(word >> 20 & 1))

    @property
    def size(self) -> int:
        return self.start + 4 * (self.scopes + self.words + self.handler)


def parse_packed(word: int) -> UnwindData:
    """Return what the second word of a .pdata entry says by itself; ``FormatError`` where it is not packed."""
    if word & 3 in _NO_PACKED:
        raise FormatError(f"{word:#010x} is not packed unwind data", source=SOURCE)
    length = INSTRUCTION * (word >> 2 & 0x7FF)
    frame = _PackedFrame(word >> 13 & 7, word >> 16 & 15, bool(word >> 20 & 1), word >> 21 & 3, 2 * (word >> 23))
    if frame.integers > _MOST_INTEGERS:
        raise FormatError(f"{frame.integers} saved registers from x19 on", source=SOURCE)
    saving, opening = [*frame.saving()], [*frame.opening()]
    homes = [b"\xe3"] * 4 if frame.homes and frame.saved_words else []
    prologue = [*saving, *homes, *opening]
    if word & 3 == _FRAGMENT:
        return UnwindData(length, b"".join(reversed([*prologue, b"\xe5"])), (), 0)
    codes = b"".join(reversed(prologue))
    closing = b"".join(reversed([*saving, *(code for code in opening if code != _SET_FP)]))
    return UnwindData(length, codes + closing, ((None, len(codes)),), 0)


_SET_FP = b"\xe1"


@record
class _PackedFrame:
    """``vectors``, ``integers``, ``homes`` (of arguments), ``link``: RegF, RegI, H, CR; ``words``: the whole frame."""

    vectors: int
    integers: int
    homes: bool
    link: int
    words: int

    @property
    def saved_words(self) -> int:
        """Words of the area for saved registers, which is pushed with the first of them."""
        count = self.integers + (self.link == _SAVED_LR) + (self.vectors + 1 if self.vectors else 0)
        return (count + (8 if self.homes and count else 0) + 1) & ~1

    def saving(self) -> Iterator[bytes]:
        """Yield the codes of what saves registers, as a prologue has them, its end first."""
        yield b"\xe4"
        if self.link == _CHAINED_SIGNED:
            yield b"\xfc"
        size, slot = self.saved_words, 0
        if self.integers == 1 and self.link == _SAVED_LR:
            yield _allocate(size)
            size = 0
        for register, pair, base in self._stores():
            yield _store(register, pair, base, size if slot == 0 else 0, slot)
            slot += 1 + pair

    def _stores(self) -> Iterator[tuple[int, bool, int]]:
        """Yield (register, whether with the next one, which code) of each store."""
        even = self.integers & ~1
        for register in range(0, even, 2):
            yield register, True, _REGISTER
        if self.integers & 1 and self.link == _SAVED_LR:
            yield even, True, _WITH_LINK
        elif self.integers & 1:
            yield even, False, _REGISTER
        elif self.link == _SAVED_LR:
            yield 11, False, _REGISTER
        count = self.vectors + 1 if self.vectors else 0
        for register in range(0, count, 2):
            yield register, register + 1 < count, _VECTOR

    def opening(self) -> Iterator[bytes]:
        """Yield the codes of what makes room for locals and links the frame."""
        room = self.words - self.saved_words
        if room < 0:
            raise FormatError(f"a frame of {self.words} words for {self.saved_words} saved", source=SOURCE)
        if not room:
            return
        if self.link not in (_CHAINED, _CHAINED_SIGNED):
            yield _allocate(room)
            return
        if room <= 64:
            yield bytes([0x80 | room - 1])
        else:
            yield _allocate(room)
            yield b"\x40"
        yield _SET_FP


_REGISTER, _WITH_LINK, _VECTOR = range(3)


def _allocate(words: int) -> bytes:
    units = words // 2
    return bytes([units]) if units < 0x20 else bytes([0xC0 | units >> 8, units & 0xFF])


def _store(register: int, pair: bool, kind: int, push: int, slot: int) -> bytes:  # noqa: FBT001, as the format has it
    """Return the code of a store at word ``slot``, or of one that pushes ``push`` words."""
    if kind == _WITH_LINK:
        return _two(0xD600, register // 2, 6, slot)
    if push and pair:
        return _two(0xCC00 if kind == _REGISTER else 0xDA00, register, 6, push - 1)
    if push:
        return _two(0xD400 if kind == _REGISTER else 0xDE00, register, 5, push - 1)
    if pair:
        return _two(0xC800 if kind == _REGISTER else 0xD800, register, 6, slot)
    return _two(0xD000 if kind == _REGISTER else 0xDC00, register, 6, slot)


def _two(code: int, register: int, shift: int, low: int) -> bytes:
    return (code | register << shift | low).to_bytes(2, "big")
