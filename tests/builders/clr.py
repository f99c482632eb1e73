"""Runtimes that never ran: just enough memory for a reader of contract descriptors and of ``GcDacVars``."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.target.model import Architecture, FilePlaces, Platform, ProcessFacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from dotdump.target.model import Module, Thread


@dataclass
class FakeModule:
    path: str
    base: int
    end: int
    symbols: dict[str, int] = field(default_factory=dict)
    build_id: bytes | None = None

    @property
    def data_end(self) -> int:
        return self.end

    def find_symbol(self, name: str) -> int | None:
        return self.symbols.get(name)

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        found = [(a, n) for n, a in self.symbols.items() if a <= address]
        return (max(found)[1], address - max(found)[0]) if found else None


class FakeTarget:
    """A target whose memory is what was put into it with ``put``; every chunk is a writable region."""

    def __init__(self, *modules: FakeModule) -> None:
        self.chunks: dict[int, bytes] = {}
        self.modules: Sequence[Module] = modules
        self.process = ProcessFacts(1, "fake")
        self.platform = Platform(Architecture.X86_64)
        self.threads: Sequence[Thread] = ()
        self.auxv = b""
        self.places = FilePlaces()
        self.closed = False

    def put(self, address: int, data: bytes) -> int:
        """Place ``data`` and return ``address``."""
        self.chunks[address] = data
        return address

    def words(self, address: int, *words: int) -> int:
        """Place 64-bit words and return ``address``."""
        return self.put(address, struct.pack(f"<{len(words)}Q", *words))

    @property
    def memory(self) -> BytesSpace:
        return BytesSpace(self.chunks.items())

    @property
    def regions(self) -> list[Region]:
        rights = Protection.READ | Protection.WRITE
        return [Region(start, start + len(data), rights) for start, data in sorted(self.chunks.items())]

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def put_descriptor(target: FakeTarget, address: int, document: object, pointers: Sequence[int] = ()) -> int:
    """Place a contract descriptor, its text and its pointers from ``address`` on; return ``address``."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    header = struct.pack("<8sIIQIIQ", b"DNCCDAC\0", 1, len(text), address + 0x1000, len(pointers), 0, address + 0x800)
    target.put(address, header)
    target.words(address + 0x800, *pointers)
    target.put(address + 0x1000, text)
    return address


def put_gc_dac_vars(target: FakeTarget, address: int, *, version: int = 0x0402, generations: int = 5) -> int:
    """Place version 2's structure for a workstation collector with regions, all variables behind it; return it."""
    variables = address + 0x400
    target.put(variables, bytes(0x400))
    pointers = [variables + 8 * index for index in range(36)]
    pointers[4] = target.words(address + 0x900, 2)
    pointers[20] = pointers[19] = 0
    pointers[21] = target.words(address + 0x910, 0)
    pointers[27] = target.put(address + 0xA00, struct.pack("<19i", *range(0, 19 * 8, 8)))
    pointers[28] = target.put(address + 0xB00, struct.pack("<3i", 0, 56, -1))
    return target.words(address, version, 0x100, generations, *pointers[:35], 0, 0, *pointers[35:], 0)
