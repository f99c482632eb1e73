"""Unwind data of arm64 as Windows has it, in records of .xdata: codes, and where they apply.

What a code means is in ``arm64_unwind_codes``. The form that is packed into the word of a .pdata entry is not read: the
compilers of .NET write none.
Source of truth: "ARM64 exception handling" in Microsoft's C++ documentation; ``unwinder/arm64/unwinder.cpp``.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace

SOURCE = "arm64 unwind codes"
INSTRUCTION = 4
"""Bytes of an instruction; lengths and places are counted in them."""


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
    if address % INSTRUCTION:
        raise FormatError("unwind data that is not aligned", source=SOURCE, offset=address)
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
