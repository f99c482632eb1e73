"""What keeps objects of a ``FakeHeap`` alive, with layouts of its own: a table of handles and a finalize queue."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builders.heaps import FakeHeap

BLOCKS, SLOTS, KINDS, INVALID = 6, 4, 13, 0xEE
MAP, BUCKETS, BUCKET, TABLES, TABLE, SEGMENT, QUEUE = (0x7F0000900000 + 0x1000 * n for n in range(7))
FIRST_SLOT = SEGMENT + 64
LAYOUTS: dict[str, object] = {
    "HandleTableMap": {"Next": 8, "BucketsPtr": 16},
    "HandleTableBucket": {"Table": 8},
    "HandleTable": {"SegmentList": 24},
    "TableSegment": {
        "RgTail": 0,
        "RgUserData": 16,
        "RgAllocation": 24,
        "NextSegment": 33,
        "HandleTable": 41,
        "RgValue": 64,
    },
    "CFinalize": {"Array": 8, "FillPointers": 16},
}
GLOBALS: dict[str, object] = {
    "InitialHandleTableArraySize": ["2", "uint32"],
    "HandleBlocksPerSegment": [str(BLOCKS), "uint32"],
    "HandlesPerBlock": [str(SLOTS), "uint32"],
    "HandleMaxInternalTypes": [str(KINDS), "uint32"],
    "BlockInvalid": [str(INVALID), "uint8"],
    "CFinalizeFillPointersLength": ["7", "uint32"],
}


def add_handles(heap: FakeHeap, *blocks: tuple[int, Sequence[int], Sequence[int]]) -> None:
    """Give ``heap`` a table of one segment whose blocks are kind, slots, and slots beside them (none: empty)."""
    tails, following, beside = bytearray([INVALID] * KINDS), bytearray(BLOCKS), bytearray([INVALID] * BLOCKS)
    values: list[list[int]] = [[0] * SLOTS for _ in range(BLOCKS)]
    rings: dict[int, list[int]] = {}
    used = 0
    for kind, slots, secondary in blocks:
        number, used = used, used + 1
        rings.setdefault(kind, []).append(number)
        values[number][: len(slots)] = slots
        if secondary:
            beside[number], used = used, used + 1
            values[beside[number]][: len(secondary)] = secondary
    for kind, ring in rings.items():
        tails[kind] = ring[-1]
        for number, after in zip(ring, [*ring[1:], ring[0]], strict=True):
            following[number] = after
    header = bytes(tails) + bytes(3) + bytes(beside) + bytes(2) + bytes(following) + bytes(3)
    header += struct.pack("<QQ", 0, TABLE)
    flat = [value for block in values for value in block]
    heap.chunks[SEGMENT] = header.ljust(64, b"\0") + struct.pack(f"<{len(flat)}Q", *flat)
    heap.chunks[TABLE] = struct.pack("<4Q", 0, 0, 0, SEGMENT)
    heap.chunks[TABLES] = struct.pack("<Q", TABLE)
    heap.chunks[BUCKET] = struct.pack("<2Q", 0, TABLES)
    heap.chunks[BUCKETS] = struct.pack("<2Q", 0, BUCKET)
    heap.chunks[MAP] = struct.pack("<3Q", 0, 0, BUCKETS)
    heap.describe(LAYOUTS, {**GLOBALS, "HandleTableMap": [hex(MAP), "pointer"]})


def add_finalize_queue(heap: FakeHeap, *parts: Sequence[int]) -> None:
    """Give ``heap`` a queue of seven parts: of generations 4 to 0, critical ones ready, others ready."""
    start, ends, objects = QUEUE + 0x100, [], list[int]()
    for part in parts:
        objects += part
        ends.append(start + 8 * len(objects))
    heap.chunks[QUEUE] = struct.pack("<9Q", 0, start, *ends)
    heap.chunks[QUEUE + 0x80] = struct.pack("<Q", QUEUE)
    heap.chunks[start] = struct.pack(f"<{len(objects)}Q", *objects)
    heap.describe(LAYOUTS, {**GLOBALS, "GCHeapFinalizeQueue": [hex(QUEUE + 0x80), "pointer"]})
