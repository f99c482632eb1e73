"""``DescriptorSpace``: the bytes of an open file, by pread(2).

Not a mapping: a file that is cut while it is read gives short reads, never SIGBUS, and looking at a few pages of a
large file costs no more than those. It neither opens nor closes the descriptor.
"""

from __future__ import annotations

import os

from dotdump.memory.space import ExactReads, MemoryRange


class DescriptorSpace(ExactReads):
    """An ``AddressSpace`` of a regular file: address 0 is its first byte."""

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def read_available(self, address: int, size: int) -> bytes:
        there = min(size, os.fstat(self.descriptor).st_size - address)
        parts = []
        while there > 0 and (part := os.pread(self.descriptor, there, address)):
            parts.append(part)
            address += len(part)
            there -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def reason(self, address: int) -> str:  # noqa: ARG002 - there is but one
        return "beyond the end of the file"

    def ranges(self) -> list[MemoryRange]:
        return [MemoryRange(0, os.fstat(self.descriptor).st_size)]
