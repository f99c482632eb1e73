from __future__ import annotations

import struct

from builders.heaps import BASE, FakeHeap
from dotdump.clr.model.runtime import ClrRuntime

COLLECTIBLE = 0x00200000
MODULE, ALLOCATOR, HANDLE = BASE + 0x600000, BASE + 0x610000, BASE + 0x620000


def collectible_heap(*, native: int = ALLOCATOR) -> FakeHeap:
    """Two objects of a collectible type, a LoaderAllocator and its scout, which holds the address ``native``."""
    heap = FakeHeap()
    kind = heap.add_type(24, flags=COLLECTIBLE)
    manager = heap.add_type(32, gc_desc=(1, 8, 16 - 32))
    scout = heap.add_type(24)
    region = heap.add_region(0, kind.words(), kind.words(), manager.words(), scout.words())
    region.words[7] = region.start + 80
    region.words[11] = native
    table = bytearray(heap.chunks[kind.method_table])
    heap.chunks[kind.method_table] = bytes(table[:16]) + MODULE.to_bytes(8, "little") + bytes(table[24:])
    heap.chunks[MODULE] = struct.pack("<20Q", *[0x1234] * 8, HANDLE, ALLOCATOR, *[0] * 10)
    heap.chunks[ALLOCATOR] = struct.pack("<12Q", *[0] * 6, MODULE, HANDLE, 8, 9, 10, 11)
    heap.chunks[HANDLE] = struct.pack("<Q", region.start + 48)
    return heap


def references(heap: FakeHeap) -> list[list[int]]:
    graph = ClrRuntime.of(heap.target()).heap.graph()
    return [list(graph.references(row)) for row in range(len(graph))]


def test_objects_of_a_collectible_type_refer_to_their_loader_allocator() -> None:
    assert references(collectible_heap()) == [[2], [2], [3], []]


def test_a_handle_to_something_that_does_not_point_back_is_not_believed() -> None:
    assert references(collectible_heap(native=ALLOCATOR + 8)) == [[], [], [3], []]
