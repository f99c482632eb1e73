from __future__ import annotations

import struct

import pytest

from builders.clr import FakeModule
from builders.fake_target import FakeTarget
from dotdump.dump.selection.recording import RecordingTarget
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.target.model import Thread

RW = Protection.READ | Protection.WRITE
PAGE = 4096
STACK, HEAP, FILE, STUBS, MODULE = 0x10000, 0x20000, 0x30000, 0x40000, 0x50000


def recording(heap: bytes = b"") -> RecordingTarget:
    regions = [
        Region(STACK, STACK + 4 * PAGE, RW),
        Region(HEAP, HEAP + 4 * PAGE, RW),
        Region(FILE, FILE + PAGE, RW, path="/lib/a.so", inode=7),
        Region(STUBS, STUBS + 8 * PAGE, RW | Protection.EXECUTE),
    ]
    heap = heap.ljust(4 * PAGE, b"\0")
    memory = BytesSpace([(r.start, heap if r.start == HEAP else bytes(r.size)) for r in regions])
    threads = [Thread(1, {}, 0, STACK + 2 * PAGE + 0x100), Thread(2, {}, 0, STACK + 3 * PAGE)]
    return RecordingTarget(FakeTarget(memory=memory, regions=regions, threads=threads))


def test_of_private_memory_what_is_pointed_at_is_kept_and_of_files_nothing() -> None:
    found = recording()
    found.touch_private(HEAP + PAGE + 8)
    found.touch_private(FILE + 8)
    found.touch_private(0x1234)
    assert found.memory.touched == [MemoryRange(HEAP + PAGE, HEAP + 2 * PAGE)]


def test_a_stack_below_the_pointer_of_its_newest_frame_is_not_in_use() -> None:
    found = recording()
    found.touch_private(STACK)
    found.touch_private(STACK + 2 * PAGE - 8)
    assert found.memory.touched == []
    found.touch_private(STACK + 2 * PAGE)
    assert found.memory.touched == [MemoryRange(STACK + 2 * PAGE, STACK + 3 * PAGE)]


@pytest.mark.parametrize(
    ("vtable", "size", "count", "kept"),
    [
        (MODULE + 8, 184, 1103, [0, 1, 2]),
        (MODULE + 8, 184, 0, [0]),
        (MODULE + 8, 0, 1103, [0]),
        (MODULE + 8, 184, 1 << 30, [0]),
        (HEAP, 184, 1103, [0]),
    ],
)
def test_of_a_table_of_the_debugger_the_buckets_are_kept(vtable: int, size: int, count: int, kept: list[int]) -> None:
    head = struct.pack("<QQIIQ", vtable, HEAP + PAGE, size, count, HEAP + 2 * PAGE)
    found = recording(head)
    found.touch_closed_table(HEAP, FakeModule("libcoreclr.so", MODULE, MODULE + PAGE))
    pages = {(part.start - HEAP) // PAGE + at for part in found.memory.touched for at in range(part.size // PAGE)}
    assert pages == {*kept, *([3] if 2 in kept else [])}


def test_behind_a_stub_lies_its_data() -> None:
    found = recording()
    found.touch_private(STUBS + 8)
    assert found.memory.touched == [MemoryRange(STUBS + PAGE * at, STUBS + PAGE * (at + 1)) for at in (0, 4)]


def test_a_module_that_a_cut_core_ends_in_has_the_words_that_are_whole() -> None:
    module, table, buckets = 0x60000, HEAP, HEAP + PAGE
    memory = BytesSpace(
        [
            (module, table.to_bytes(8, "little") + b"cut"),
            (table, struct.pack("<QQQI", module, 0, buckets, 1).ljust(PAGE, b"\0")),
            (buckets, struct.pack("<QQQQ", 1, 0, 0, STACK).ljust(PAGE, b"\0")),
            (STACK, struct.pack("<QQI", 8, 1, 0).ljust(PAGE, b"\0")),
        ]
    )
    regions = [Region(at, at + PAGE, RW) for at in (STACK, table, buckets, module)]
    found = RecordingTarget(FakeTarget(memory=memory, regions=regions))
    found.touch_chains(module, 1024)
    assert [part.start for part in found.memory.touched] == [STACK, HEAP, module]
