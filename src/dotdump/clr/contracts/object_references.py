"""The references of one object, as its GCDesc tells: where they lie, for a person who asks; kernels read all of them.

Source of truth: gcdesc.h (docs/formats/gc-heap.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc_desc import read_gc_desc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.memory.reader import Reader

_WORD = 8
_HEADER = 8
"""Of the next object, which the size of an object has room for."""
_PIECE = 1 << 20


def read_references(reader: Reader, shape: ObjectShape, address: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield offset and target of each reference of the object at ``address``, ``size`` bytes long; null ones not.

    Raises ``FormatError`` where the description is damaged, ``MemoryFault`` where it or the object is not there.
    """
    for start, length in _runs(read_gc_desc(reader, shape), size):
        for piece in range(start, start + length, _PIECE):
            data = reader.memory.read(address + piece, min(_PIECE, start + length - piece))
            for index, target in enumerate(memoryview(data).cast("Q")):
                if target:
                    yield piece + _WORD * index, target


def _runs(description: tuple[int, ...], size: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length in bytes of each run of references."""
    if description[0] >= 0:
        for start, length in zip(description[1::2], description[2::2], strict=True):
            yield start, length + size
        return
    position, runs = description[1], list(zip(description[2::2], description[3::2], strict=True))
    end = size - _HEADER
    while position + _WORD <= end:
        for pointers, skip in runs:
            if position + _WORD * pointers > end:
                return
            yield position, _WORD * pointers
            position += _WORD * pointers + skip
