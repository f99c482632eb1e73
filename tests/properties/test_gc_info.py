"""GC info of any method is read back; whatever else is in its place is decoded or refused with our errors, soon."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from builders.gc_info import Method, build_gc_info
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.gc_info.decoder import GcInfo, Stop
from dotdump.formats.gc_info.encoding import Encoding, encoding_of
from dotdump.formats.gc_info.slots import RegisterSlot, Slot, SlotBase, SlotFlags, StackSlot
from dotdump.formats.machine import Machine
from dotdump.limits import GC_INFO_SLOTS
from dotdump.memory.space import BytesSpace

ENCODINGS = st.builds(encoding_of, st.sampled_from(Machine), st.sampled_from([2, 3, 4]))
FLAGS = st.sampled_from([SlotFlags(value) for value in range(4)])
STACK = st.builds(StackSlot, st.sampled_from(SlotBase), st.integers(-900, 900).map(lambda n: 8 * n), FLAGS)
REGISTERS = st.builds(RegisterSlot, st.sampled_from([0, 3, 12, 13, 15]), FLAGS)


def in_order(slots: list[Slot]) -> list[Slot]:
    """Return the slots as compilers write them: registers first, then by flags, those without last, and by place."""

    def key(slot: Slot) -> tuple[bool, int, int]:
        place = slot.register if isinstance(slot, RegisterSlot) else slot.offset
        return isinstance(slot, StackSlot), -slot.flags, place

    return sorted(set(slots), key=key)


SLOTS = st.lists(st.one_of(STACK, REGISTERS), max_size=12).map(in_order)


@st.composite
def methods(draw: st.DrawFn) -> Method:
    length = 4 * draw(st.integers(4, 400))
    places = st.integers(1, length // 4 - 1).map(lambda n: 4 * n)
    tracked = draw(SLOTS)
    live = st.sets(st.integers(0, max(len(tracked) - 1, 0)), max_size=len(tracked))
    calls = [(offset, draw(live)) for offset in sorted(draw(st.sets(places, max_size=6)))]
    ends = sorted(draw(st.sets(places, max_size=4)))
    ranges = list(zip(ends[::2], ends[1::2], strict=False))
    spans = st.lists(st.tuples(places, places), max_size=3)
    lifetimes = {slot: draw(spans) for slot in range(len(tracked))} if not calls else {}
    return Method(
        length,
        frame_register=draw(st.booleans()),
        tracked=tracked,
        untracked=[slot for slot in draw(SLOTS) if isinstance(slot, StackSlot)],
        calls=calls,
        ranges=[] if calls else ranges,
        lifetimes=lifetimes,
        shared_vectors=draw(st.booleans()),
        runs=draw(st.booleans()),
    )


@given(method=methods(), encoding=ENCODINGS)
def test_what_is_said_of_a_method_is_read_back(method: Method, encoding: Encoding) -> None:
    info = GcInfo(BytesSpace([(0, build_gc_info(method, encoding) + b"\xff")]), 0, encoding)
    assert info.slots == (*method.tracked, *method.untracked)
    for offset, slots in method.calls:
        assert set(info.live_slots(Stop(offset)).tracked) == {method.tracked[slot] for slot in slots}
    for start, end in method.ranges:
        for offset in range(start, end, 4):
            spans = method.lifetimes.items()
            slots = {slot for slot, lives in spans if any(first <= offset < last for first, last in lives)}
            assert set(info.live_slots(Stop(offset, active=True)).tracked) == {method.tracked[s] for s in slots}


@given(
    method=methods(),
    encoding=ENCODINGS,
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4),
    noise=st.binary(max_size=40),
    offsets=st.lists(st.integers(0, 1 << 12), max_size=4),
)
def test_damaged_info_is_decoded_or_refused(
    method: Method, encoding: Encoding, edits: list[tuple[int, int]], noise: bytes, offsets: list[int]
) -> None:
    data = bytearray(build_gc_info(method, encoding) + noise)
    for place, value in edits:
        data[place % len(data)] = value
    with suppress(FormatError, MemoryFault):
        info = GcInfo(BytesSpace([(0, bytes(data))]), 0, encoding)
        assert len(info.slots) <= GC_INFO_SLOTS
        for offset in [*offsets, *info.safe_points[:4]]:
            for stop in (Stop(offset), Stop(offset, active=True), Stop(offset, aborted=True)):
                found = info.live_slots(stop)
                assert set(found.tracked) <= set(info.slots)
