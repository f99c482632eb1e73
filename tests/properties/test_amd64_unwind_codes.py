"""Whatever unwind information, instructions and registers of x86-64 are: we end, and raise our errors only."""

from __future__ import annotations

from contextlib import suppress
from struct import pack

from hypothesis import event, given
from hypothesis import strategies as st

from dotdump.errors import FormatError
from dotdump.formats.amd64_epilogue import LONGEST, find_epilogue
from dotdump.formats.amd64_frame_layout import layout_of
from dotdump.formats.amd64_unwind_codes import (
    PROGRAM_COUNTER,
    STACK_POINTER,
    Action,
    Plan,
    Step,
    caller_registers,
    parse_unwind_info,
    steps_at,
    unwind_info_size,
)

MASK = 2**64 - 1
CODES = st.lists(st.builds(lambda place, rest: pack("<BB", place, rest), *[st.integers(0, 255)] * 2), max_size=40)
INFOS = st.builds(
    lambda flags, prologue, frame, codes, tail: (
        pack("<BBBB", 1 | flags << 3, prologue, len(codes), frame) + b"".join(codes) + tail
    ),
    st.integers(0, 7),
    st.integers(0, 255),
    st.integers(0, 255),
    CODES,
    st.binary(min_size=16, max_size=16),
)


@given(data=st.one_of(INFOS, st.binary(max_size=64)), offset=st.integers(0, 1 << 32), sp=st.integers(0, 2**64 - 1))
def test_any_information_is_refused_or_understood(data: bytes, offset: int, sp: int) -> None:
    with suppress(FormatError):
        info = parse_unwind_info(data)
        assert unwind_info_size(data) <= len(data)
        plan = steps_at(info, offset, lambda _: info)
        found = caller_registers(plan, dict.fromkeys(range(16), sp), memory)
        assert all(0 <= found.registers[number] < 2**64 for number in (PROGRAM_COUNTER, STACK_POINTER))
        assert all(0 <= place < 2**64 for place in found.places.values())


STEPS = st.lists(
    st.one_of(
        st.builds(lambda register: Step(Action.POP, register=register), st.integers(0, 15)),
        st.builds(lambda size: Step(Action.ALLOCATE, 8 * size), st.integers(0, 64)),
        st.builds(lambda offset: Step(Action.FROM_FRAME_POINTER, offset, 6), st.integers(0, 240)),
        st.builds(lambda place: Step(Action.LOAD, 8 * place, 3), st.integers(0, 64)),
    ),
    max_size=12,
).map(lambda steps: Plan(tuple(steps)))


@given(plan=STEPS, registers=st.lists(st.integers(0, 2**64 - 1), min_size=16, max_size=16))
def test_a_layout_leads_to_the_caller_that_its_steps_lead_to(plan: Plan, registers: list[int]) -> None:
    known = dict(enumerate(registers))
    layout = layout_of(plan)
    event(f"has a layout: {layout is not None}")
    if layout is not None:
        expected = caller_registers(plan, known, memory)
        found, place = layout.caller_registers(
            known, lambda start, count: tuple(memory(start + 8 * index & MASK) for index in range(count))
        )
        assert found == expected.registers
        assert layout.saved_places(place) == expected.places
    elif not any(step.action in (Action.LOAD, Action.FROM_FRAME_POINTER) for step in plan.steps):
        pops = [step.action is Action.POP for step in plan.steps if step.action is Action.POP or step.offset]
        assert False in pops[pops.index(True) :]  # what was allocated behind a register parts it from the others


def memory(address: int) -> int:
    return address ^ 0xFF00FF


@given(
    code=st.one_of(
        st.binary(max_size=LONGEST),
        st.lists(
            st.sampled_from(
                [b"\x48\x83\xc4\x20", b"\x41\x5e", b"\x5d", b"\xc3", b"\x48\x8d\x65", b"\xe9\0\0\0\0", b"\x90"]
            ),
            max_size=12,
        ).map(b"".join),
    ),
    address=st.integers(0x1000, 2**63),
)
def test_any_instructions_are_an_epilogue_or_none(code: bytes, address: int) -> None:
    plan = find_epilogue(code, address, address - 0x100, address + 0x100)
    if plan is not None:
        assert len(plan.steps) <= len(code)
        assert caller_registers(plan, dict.fromkeys(range(16), 0), lambda _: 0).registers[PROGRAM_COUNTER] == 0
