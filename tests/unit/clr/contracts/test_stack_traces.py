"""The array that an exception carries its stack trace in, with a layout of its own."""

from __future__ import annotations

import contextlib
import copy
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import heaps
from builders.heaps import BASE, FakeHeap
from dotdump.clr.contracts.stack_traces import StackTraceFrame, read_stack_trace
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import LimitExceeded, MemoryFault

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

PLACE = BASE + 0x500000
LAYOUT = {
    "StackTraceArrayHeader": {"!": 24, "Size": [16, "uint32"], "Thread": 0},
    "StackTraceElement": {"!": 40, "Sp": 0, "Ip": 8, "Flags": [16, "uint32"], "MethodDesc": 24},
}


def access_to(data: bytes) -> DataAccess:
    runtime: dict[str, Any] = copy.deepcopy(heaps.RUNTIME)
    runtime["types"] |= LAYOUT
    fake = FakeHeap()
    fake.add_region(0, fake.add_type(24).words())
    before, heaps.RUNTIME = heaps.RUNTIME, runtime
    try:
        target = fake.target()
    finally:
        heaps.RUNTIME = before
    target.put(PLACE, data)
    return ClrRuntime.of(target).access


def trace(count: int, *frames: StackTraceFrame) -> bytes:
    elements = (struct.pack("<5Q", each.sp, each.ip, 0, each.method_desc, 0) for each in frames)
    return struct.pack("<QQII", 0x1234, 0, count, 7) + b"".join(elements)


FIRST, SECOND = StackTraceFrame(0x7F01, 0x7FFF0000, 0x5001), StackTraceFrame(0x7F02, 0x7FFF0100, 0)


def test_frames_are_those_in_use_and_not_all_there_is_room_for() -> None:
    data = trace(2, FIRST, SECOND, FIRST)
    assert read_stack_trace(access_to(data), PLACE, len(data)) == (FIRST, SECOND)


def test_an_array_too_short_for_a_header_has_no_frames() -> None:
    assert read_stack_trace(access_to(bytes(8)), PLACE, 8) == ()


@pytest.mark.parametrize("count", [3, 1 << 31, (1 << 32) - 1])
def test_more_frames_than_there_is_room_for_are_refused(count: int) -> None:
    data = trace(count, FIRST, SECOND)
    with pytest.raises(LimitExceeded, match=f"{count} frames where there is room for 2"):
        read_stack_trace(access_to(data), PLACE, len(data))


def test_an_array_whose_memory_is_not_there_is_a_fault() -> None:
    with pytest.raises(MemoryFault):
        read_stack_trace(access_to(trace(2, FIRST)), PLACE, 24 + 80)


@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(LimitExceeded, MemoryFault):
        assert len(read_stack_trace(access_to(data), PLACE, len(data))) <= len(data) // 40
