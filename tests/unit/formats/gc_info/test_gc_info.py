"""GC info: what was said of a method is read back, at every place of it."""

from __future__ import annotations

import pytest

from builders.gc_info import Method, build_gc_info
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.gc_info.decoder import GcInfo, LiveSlots, Stop
from dotdump.formats.gc_info.encoding import Encoding, encoding_of, version_of_image, version_of_runtime
from dotdump.formats.gc_info.header import HeaderFlags
from dotdump.formats.gc_info.slots import RegisterSlot, Slot, SlotBase, SlotFlags, StackSlot
from dotdump.formats.machine import Machine
from dotdump.memory.space import BytesSpace

ENCODINGS = [encoding_of(machine, version) for machine in Machine for version in (2, 3, 4)]
NAMES = [f"{encoding.machine.name}-{encoding.version}" for encoding in ENCODINGS]
PLACE = 0x5003
NONE, INTERIOR, PINNED = SlotFlags(0), SlotFlags.INTERIOR, SlotFlags.PINNED

TRACKED: tuple[Slot, ...] = (
    RegisterSlot(13, INTERIOR | PINNED),
    RegisterSlot(12, INTERIOR),
    RegisterSlot(3, NONE),
    StackSlot(SlotBase.SP, 0x20, NONE),
    StackSlot(SlotBase.SP, 0x48, NONE),
    StackSlot(SlotBase.FRAME, 0x58, NONE),
)
UNTRACKED: tuple[Slot, ...] = (
    StackSlot(SlotBase.FRAME, -0x118, PINNED | INTERIOR),
    StackSlot(SlotBase.FRAME, -0x20, NONE),
    StackSlot(SlotBase.CALLER_SP, -0x10, NONE),
)


def decoded(method: Method, encoding: Encoding) -> GcInfo:
    return GcInfo(BytesSpace([(PLACE, build_gc_info(method, encoding))]), PLACE, encoding)


def live(info: GcInfo, stop: Stop) -> set[int]:
    found = info.live_slots(stop)
    assert found.known
    return {TRACKED.index(slot) for slot in found.tracked}


@pytest.fixture(params=ENCODINGS, ids=NAMES)
def encoding(request: pytest.FixtureRequest) -> Encoding:
    found: Encoding = request.param
    return found


def test_a_header_is_read_back(encoding: Encoding) -> None:
    every = HeaderFlags.GS_COOKIE | HeaderFlags.PSP_SYM | HeaderFlags.EDIT_AND_CONTINUE
    flags = every | HeaderFlags.REVERSE_PINVOKE_FRAME | HeaderFlags(0x20)
    method = Method(0x1234, flags=flags, frame_register=True, return_kind=5, generics_slot=-0x18, outgoing_area=0x70)
    header = decoded(method, encoding).header
    assert (header.code_length, header.flags & ~HeaderFlags.STACK_BASE_REGISTER) == (0x1234, flags)
    assert (header.generics_context_slot, header.psp_sym_slot, header.outgoing_area) == (-0x18, -40, 0x70)
    assert header.stack_base_register == encoding.frame_register
    assert header.return_kind == (5 if encoding.version < 4 else None)
    assert header.prologue_length == 12 << encoding.code_offset_shift


def test_a_slim_header_leaves_out_what_is_usual(encoding: Encoding) -> None:
    for based in (False, True):
        info = decoded(Method(0x40, slim=True, frame_register=based, calls=[(0x10, set())]), encoding)
        assert info.header.stack_base_register == (encoding.frame_register if based else None)
        assert (info.header.code_length, info.header.outgoing_area, list(info.safe_points)) == (0x40, 0, [0x10])
        assert info.interruptible_ranges == ()


def test_slots_are_read_back(encoding: Encoding) -> None:
    assert decoded(Method(0x100, tracked=TRACKED, untracked=UNTRACKED), encoding).slots == (*TRACKED, *UNTRACKED)


@pytest.mark.parametrize(("shared", "runs"), [(False, False), (True, False), (True, True)])
def test_at_a_call_the_slots_are_live_that_its_vector_names(encoding: Encoding, *, shared: bool, runs: bool) -> None:
    calls = [(0x14, {0, 3}), (0x20, set()), (0x48, {1, 2, 3, 4, 5}), (0xFC, {0, 3})]
    method = Method(0x100, tracked=TRACKED, untracked=UNTRACKED, calls=calls, shared_vectors=shared, runs=runs)
    info = decoded(method, encoding)
    assert list(info.safe_points) == [offset for offset, _ in calls]
    for offset, slots in calls:
        assert live(info, Stop(offset)) == slots
        assert info.live_slots(Stop(offset)).untracked == UNTRACKED


@pytest.mark.parametrize("runs", [False, True])
def test_in_interruptible_code_the_slots_are_live_whose_lifetime_it_is_in(encoding: Encoding, *, runs: bool) -> None:
    ranges = [(0x20, 0x300), (0x310, 0x914)]
    lifetimes = {0: [(0x20, 0x24)], 1: [(0x40, 0x900), (0x910, 0x914)], 3: [(0x200, 0x340)], 5: [(0x28, 0x30)]}
    method = Method(0x920, tracked=TRACKED, ranges=ranges, lifetimes=lifetimes, runs=runs)
    info = decoded(method, encoding)
    assert info.interruptible_ranges == tuple(ranges)
    for start, end in ranges:
        for offset in range(start, end, 4):
            expected = {slot for slot, spans in lifetimes.items() if any(a <= offset < b for a, b in spans)}
            assert live(info, Stop(offset, active=True)) == expected, hex(offset)


def test_a_caller_in_interruptible_code_is_looked_up_within_its_call_until_version_3(encoding: Encoding) -> None:
    method = Method(0x100, tracked=TRACKED, ranges=[(0x10, 0xF0)], lifetimes={4: [(0x20, 0x40)]})
    info = decoded(method, encoding)
    assert live(info, Stop(0x40)) == (set() if encoding.version == 4 else {4})
    assert live(info, Stop(0x40, aborted=True, at_call=True)) == (set() if encoding.version == 4 else {4})
    assert live(info, Stop(0x40, active=True)) == set()


def test_a_thread_that_was_stopped_after_a_call_has_what_is_live_there(encoding: Encoding) -> None:
    info = decoded(Method(0x100, tracked=TRACKED, calls=[(0x14, {0, 3})]), encoding)
    assert live(info, Stop(0x14, active=True)) == ({0, 3} if encoding.version >= 3 else set())


def test_between_calls_only_untracked_slots_are_known(encoding: Encoding) -> None:
    info = decoded(Method(0x100, tracked=TRACKED, untracked=UNTRACKED, calls=[(0x14, {0, 3})]), encoding)
    assert info.live_slots(Stop(0x30)) == LiveSlots((), UNTRACKED)
    assert info.live_slots(Stop(0x14, aborted=True, at_call=True)) == LiveSlots((), UNTRACKED)


def test_outside_of_interruptible_code_nothing_is_known(encoding: Encoding) -> None:
    info = decoded(Method(0x100, tracked=TRACKED, untracked=UNTRACKED, ranges=[(0x20, 0x40)]), encoding)
    assert info.live_slots(Stop(0x80)) == LiveSlots((), (), known=False)


def test_only_on_amd64_a_parent_may_report_beside_its_funclet(encoding: Encoding) -> None:
    info = decoded(Method(0x100, flags=HeaderFlags.VARARG), encoding)
    assert info.reports_only_leaf is (encoding.machine is Machine.AARCH64)
    assert decoded(Method(0x100, flags=HeaderFlags.REPORT_ONLY_LEAF), encoding).reports_only_leaf


def test_many_slots_and_calls_are_read_back(encoding: Encoding) -> None:
    slots = [StackSlot(SlotBase.SP, 8 * index, NONE) for index in range(300)]
    calls = [(4 * index, {index % 300, 299}) for index in range(1, 500)]
    method = Method(0x1000, tracked=slots, calls=calls, shared_vectors=True, runs=True)
    info = decoded(method, encoding)
    for offset, indexes in calls[::37]:
        assert set(info.live_slots(Stop(offset)).tracked) == {slots[index] for index in indexes}


def test_the_version_is_known_of_runtimes_and_of_images() -> None:
    assert [version_of_runtime(major) for major in (3, 6, 8, 9, 10, 11)] == [2, 2, 2, 3, 4, 4]
    assert [version_of_image(*image) for image in ((3, 1), (9, 1), (9, 2), (10, 1), (16, 0))] == [2, 2, 3, 3, 4]
    with pytest.raises(FormatError, match="version 5 for AARCH64"):
        encoding_of(Machine.AARCH64, 5)


def test_what_is_not_there_is_a_fault_and_what_is_no_gc_info_an_error(encoding: Encoding) -> None:
    whole = build_gc_info(Method(0x100, tracked=TRACKED, calls=[(0x14, {0})]), encoding)
    cut = BytesSpace([(PLACE, whole[:6])])
    with pytest.raises(MemoryFault) as caught:
        GcInfo(cut, PLACE, encoding).live_slots(Stop(0x14))
    assert caught.value.address == PLACE + 6
    with pytest.raises(FormatError, match="a number of more than 64 bits"):
        GcInfo(BytesSpace([(PLACE, b"\xff" * 64)]), PLACE, encoding)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (Method(1 << 29), "a method of 536870912 bytes"),
        (Method(0x10, calls=[(4, set())] * 40), "40 safe points"),
        (Method(0x10, ranges=[(0, 0x100)]), "interruptible to"),
        (Method(0x10, tracked=[RegisterSlot(40, NONE)]), "register 40"),
    ],
)
def test_claims_that_cannot_be_true_are_refused(method: Method, message: str, encoding: Encoding) -> None:
    with pytest.raises(FormatError, match=message):
        _ = decoded(method, encoding).slots


def test_absurd_numbers_of_slots_are_refused(encoding: Encoding) -> None:
    slots = [StackSlot(SlotBase.SP, 0, NONE)] * 0x20001
    with pytest.raises(LimitExceeded, match="slots"):
        _ = decoded(Method(0x100, tracked=slots), encoding).slots
