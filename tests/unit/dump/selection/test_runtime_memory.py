"""What a Mini dump keeps of a runtime's threads."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.fake_target import FakeTarget
from dotdump.dump.selection import runtime_memory
from dotdump.dump.selection.recording import RecordingTarget
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime

HEAP, PIECE = 0x20000, 0x1000
THREAD, POINTED_AT = HEAP + PIECE, HEAP + 4 * PIECE


def recording() -> RecordingTarget:
    """Return a target with a Thread whose first word points at something else."""
    data = bytearray(8 * PIECE)
    struct.pack_into("<Q", data, THREAD - HEAP, POINTED_AT)
    region = Region(HEAP, HEAP + len(data), Protection.READ | Protection.WRITE)
    return RecordingTarget(FakeTarget(memory=BytesSpace([(HEAP, bytes(data))]), regions=[region]))


@pytest.mark.parametrize(("os_id", "kept"), [(42, [THREAD, POINTED_AT]), (0, [THREAD])], ids=["runs", "ended"])
def test_of_a_thread_that_has_ended_nothing_is_kept_but_itself(os_id: int, kept: list[int]) -> None:
    nothing = dict.fromkeys(
        ("name", "is_thread_pool_worker", "is_finalizer", "is_gc", "allocation_context", "current_exception")
    )
    thread = SimpleNamespace(address=THREAD, os_id=os_id, exceptions=(), managed_object=None, **nothing)
    threads = SimpleNamespace(exceptions_under_way=lambda _: ())
    target = recording()
    runtime = SimpleNamespace(threads=[thread], thread_list=threads)
    runtime_memory._touch_threads(target, cast("ClrRuntime", runtime))
    assert target.memory.touched == [MemoryRange(start, start + PIECE) for start in kept]
