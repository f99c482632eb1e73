"""Whatever unwind data, registers and stacks of arm64 are: the interpreter ends, and raises our errors only."""

from __future__ import annotations

from contextlib import suppress
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from dotdump.errors import FormatError
from dotdump.formats.arm64_unwind_codes import steps_at
from dotdump.formats.arm64_unwind_data import parse_xdata
from dotdump.formats.arm64_unwind_steps import caller_registers

CODES = st.lists(
    st.one_of(st.binary(min_size=1, max_size=5), st.sampled_from([b"\xe1", b"\xe4", b"\xe6", b"\xc8\x82", b"\x81"])),
    max_size=40,
).map(b"".join)
HEADS = st.builds(
    lambda length, flags, scopes, words: pack("<I", length | flags << 20 | scopes << 22 | words << 27),
    st.integers(0, 0x3FFFF),
    st.integers(0, 3),
    st.integers(0, 31),
    st.integers(0, 31),
)


@given(head=st.one_of(HEADS, st.binary(max_size=8)), codes=CODES, offset=st.integers(0, 1 << 20), sp=st.integers(0))
def test_any_record_ends(head: bytes, codes: bytes, offset: int, sp: int) -> None:
    with suppress(FormatError):
        steps = steps_at(parse_xdata(head + codes), offset)
        assert len(steps) <= len(head + codes)  # where the head says that no more of it follows, codes are in it
        registers = dict.fromkeys(range(31), sp) | {31: sp & 2**64 - 1}
        found = caller_registers(steps, registers, lambda address: address & 0xFF00FF)
        assert all(0 <= found.registers[number] < 2**64 for number in found.places)
        assert 0 <= found.registers[31] < 2**64
