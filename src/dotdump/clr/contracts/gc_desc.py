"""GCDesc: where the references in an object lie, as words before its MethodTable say.

Nothing of it is believed that does not fit the object: series may not overlap or leave it, a repeating pattern has
to advance. Source of truth: gcdesc.h, the same from 3.1 to 10 and in NativeAOT (docs/formats/gc-heap.md).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.memory.reader import Reader

_COUNT = Struct("<q")
_SERIES = Struct("<qQ")
_RUN = Struct("<II")
_NO_POINTERS = (0,)
_HEADER = 8
"""Bytes of a base size that are the next object's header."""


def read_gc_desc(reader: Reader, shape: ObjectShape) -> tuple[int, ...]:
    """Return the description of a type's references in the form that ``kernels.references`` reads.

    Raises ``FormatError`` where it contradicts the type, ``MemoryFault`` where it is not there.
    """
    if not shape.contains_pointers:
        return _NO_POINTERS
    (count,) = _COUNT.unpack(reader.memory.read(shape.method_table - 8, 8))
    if abs(count) > limits.GC_DESC_SERIES or count == 0:
        raise _wrong(shape, f"it has {count} series")
    return _series(reader, shape, count) if count > 0 else _pattern(reader, shape, -count)


def _series(reader: Reader, shape: ObjectShape, count: int) -> tuple[int, ...]:
    """Return offset and length of each series, lowest first; a length is to be added to the object's size."""
    data = reader.memory.read(shape.method_table - 8 - 16 * count, 16 * count)
    found = sorted((start, size) for size, start in _SERIES.iter_unpack(data))
    if shape.component_size and (count > 1 or shape.component_size % 8):
        raise _wrong(shape, f"an array of {count} series and components of {shape.component_size} bytes")
    free = 8
    for start, size in found:
        if start % 8 or start < free or (size + shape.base_size) % 8 or not size + shape.base_size >= 0:
            raise _wrong(shape, f"{size} bytes at {start:#x} cannot be a series")
        free = start + size + shape.base_size
    if free > shape.base_size:
        raise _wrong(shape, f"a series ends at {free:#x}, beyond the object's {shape.base_size:#x} bytes")
    return (count, *(number for pair in found for number in pair))


def _pattern(reader: Reader, shape: ObjectShape, count: int) -> tuple[int, ...]:
    """Return the offset of the first reference, and the runs of pointers and gaps that repeat from there on.

    It lies in the first element, wherever that has its first reference.
    """
    data = reader.memory.read(shape.method_table - 16 - 8 * count, 8 * count + 8)
    start = int.from_bytes(data[-8:], "little")
    runs = [_RUN.unpack_from(data, 8 * index) for index in reversed(range(count))]
    stride = sum(8 * pointers + skip for pointers, skip in runs)
    first = shape.base_size - _HEADER
    if start % 8 or not first <= start < first + stride or any(skip % 8 for _, skip in runs):
        raise _wrong(shape, f"a pattern of {stride} bytes from {start:#x}")
    if stride != shape.component_size and shape.component_size < 0xFFF8:
        raise _wrong(shape, f"a pattern of {stride} bytes in components of {shape.component_size}")
    return (-count, start, *(number for run in runs for number in run))


def _wrong(shape: ObjectShape, text: str) -> FormatError:
    return FormatError(text, source=f"GCDesc of {shape.method_table:#x}")


def pointer_slots(description: tuple[int, ...], base_size: int, component_size: int, count: int, size: int) -> int:
    """Return how many references ``count`` objects of ``size`` bytes in all have at most, the null ones included.

    Never more than there are words in them, whatever a damaged description says.
    """
    series = description[0]
    if series >= 0:
        slots = sum((length * count + size) // 8 for length in description[2::2])
    else:
        pointers = sum(description[2::2])
        slots = max(0, size - base_size * count) // max(1, component_size) * pointers + pointers * count
    return max(0, min(slots, size // 8))
