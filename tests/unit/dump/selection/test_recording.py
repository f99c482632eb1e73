from builders.fake_target import FakeTarget
from dotdump.dump.selection.recording import RecordingTarget
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.target.model import Thread

RW = Protection.READ | Protection.WRITE
PAGE = 4096
STACK, HEAP, FILE, STUBS = 0x10000, 0x20000, 0x30000, 0x40000


def recording() -> RecordingTarget:
    regions = [
        Region(STACK, STACK + 4 * PAGE, RW),
        Region(HEAP, HEAP + 4 * PAGE, RW),
        Region(FILE, FILE + PAGE, RW, path="/lib/a.so", inode=7),
        Region(STUBS, STUBS + 8 * PAGE, RW | Protection.EXECUTE),
    ]
    memory = BytesSpace([(region.start, bytes(region.size)) for region in regions])
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


def test_behind_a_stub_lies_its_data() -> None:
    found = recording()
    found.touch_private(STUBS + 8)
    assert found.memory.touched == [MemoryRange(STUBS + PAGE * at, STUBS + PAGE * (at + 1)) for at in (0, 4)]
