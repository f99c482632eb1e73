"""Whatever unwind information, instructions and registers of x86-64 are: we end, and raise our errors only."""

from __future__ import annotations

from contextlib import suppress
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from dotdump.errors import FormatError
from dotdump.formats.amd64_epilogue import LONGEST, find_epilogue
from dotdump.formats.amd64_unwind_codes import (
    PROGRAM_COUNTER,
    STACK_POINTER,
    caller_registers,
    parse_unwind_info,
    steps_at,
    unwind_info_size,
)

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
        found = caller_registers(plan, dict.fromkeys(range(16), sp), lambda address: address ^ 0xFF00FF)
        assert all(0 <= found.registers[number] < 2**64 for number in (PROGRAM_COUNTER, STACK_POINTER))
        assert all(0 <= place < 2**64 for place in found.places.values())


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
