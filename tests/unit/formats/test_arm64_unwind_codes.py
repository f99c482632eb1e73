"""Unwind codes of arm64: wherever a function is stopped, the caller's registers are found."""

from __future__ import annotations

from struct import pack

import pytest

from builders.arm64_prologues import (
    FP,
    LR,
    SIGNATURE,
    SP,
    Instruction,
    Machine,
    alloc,
    codes_of,
    nop,
    save_any,
    save_any_x,
    save_fplr,
    save_fplr_x,
    save_freg,
    save_fregp_x,
    save_lrpair,
    save_next,
    save_r19r20_x,
    save_reg,
    save_reg_x,
    save_regp,
    save_regp_x,
    set_fp,
    sign,
    xdata,
)
from dotdump.errors import FormatError
from dotdump.formats.arm64_unwind_codes import steps_at
from dotdump.formats.arm64_unwind_data import UnwindData, parse_xdata, read_xdata
from dotdump.formats.arm64_unwind_steps import PROGRAM_COUNTER, Caller, caller_registers
from dotdump.memory.space import BytesSpace

PROLOGUES = {
    "linked": [save_fplr_x(4), set_fp()],
    "pairs": [save_fplr_x(12), save_regp(19, 2), save_regp(21, 4), save_regp(27, 10), set_fp()],
    "locals first": [alloc(0x60), save_fplr(4), save_reg(19, 6), save_reg(28, 7), set_fp(4)],
    "signed": [sign(), save_fplr_x(20), save_regp(25, 10), set_fp()],
    "pushes": [save_regp_x(19, 10), save_reg_x(23, 2), save_r19r20_x(4), save_fregp_x(6), save_freg(4)],
    "without a chain": [alloc(16), save_lrpair(21, 0), alloc(0x9000), nop()],
    "next pairs": [save_regp_x(19, 10), save_next(21, 2), save_next(23, 4), save_next(25, 6), save_fplr_x(2), set_fp()],
    "any register": [save_any_x(19, 8, pair=True), save_any(21, 2, pair=True), save_any(24, 5, pair=False)],
    "any single pushed": [save_any_x(28, 2, pair=False), alloc(0x40000), save_any(LR, 3, pair=False)],
    "large": [alloc(0x7FF0), alloc(0x1000000), save_fplr(60), save_regp(19, 62)],
}


def callers_of(data: UnwindData, machine: Machine, offset: int) -> Caller:
    return caller_registers(steps_at(data, offset), machine.registers, machine.read)


def assert_is_caller(found: Caller) -> None:
    expected = Machine().registers
    signed = SIGNATURE if found.signed else 0
    ours = {number: found.registers[number] for number in (*range(19, 32),)}
    assert {**ours, LR: ours[LR] & ~signed} == {number: expected[number] for number in (*range(19, 32),)}
    assert found.registers[PROGRAM_COUNTER] & ~signed == expected[LR]


def clobbered(machine: Machine) -> Machine:
    """Return the machine in the body: what the prologue saved has other values."""
    saved = [number for number in range(19, 29) if Machine().registers[number] in machine.memory.values()]
    machine.registers |= dict.fromkeys(saved, 0xBAD)
    if Machine().registers[LR] in machine.memory.values():
        machine.registers[LR] = 0xBAD
    return machine


@pytest.mark.parametrize("prologue", PROLOGUES.values(), ids=PROLOGUES)
def test_the_caller_is_found_after_every_instruction_of_a_prologue(prologue: list[Instruction]) -> None:
    data = parse_xdata(xdata(codes_of(prologue), 100))
    machine = Machine()
    for count, instruction in enumerate(prologue):
        assert_is_caller(callers_of(data, machine, 4 * count))
        instruction.run(machine)
    assert_is_caller(callers_of(data, clobbered(machine), 4 * len(prologue)))
    assert_is_caller(callers_of(data, machine, 4 * 90))


@pytest.mark.parametrize("single", [True, False])
def test_the_caller_is_found_at_every_instruction_of_an_epilogue(*, single: bool) -> None:
    prologue = [save_fplr_x(12), save_regp(19, 2), save_regp(21, 4), set_fp()]
    codes = codes_of(prologue)
    record = xdata(codes, 50, single=1) if single else xdata(codes, 60, [(10, 1), (46, 1)])
    data = parse_xdata(record)
    for done in range(4):
        machine = Machine()
        for instruction in prologue:
            instruction.run(machine)
        machine.registers |= dict.fromkeys(range(19, 23), 0xBAD)
        for restored in ((21, 22), (19, 20), (FP, LR, SP))[:done]:
            machine.registers |= {number: Machine().registers[number] for number in restored}
        assert_is_caller(callers_of(data, machine, 4 * (46 + done)))


def test_places_tell_where_on_the_stack_a_register_is() -> None:
    prologue = [save_fplr_x(12), save_regp(19, 2), set_fp()]
    machine = Machine()
    for instruction in prologue:
        instruction.run(machine)
    top = Machine().registers[SP]
    found = callers_of(parse_xdata(xdata(codes_of(prologue), 100)), machine, 80)
    assert found.places == {19: top - 80, 20: top - 72, FP: top - 96, LR: top - 88}


def test_a_fragment_undoes_the_prologue_of_its_function_too() -> None:
    whole = [save_fplr_x(4), set_fp(), save_reg(19, 2)]
    data = parse_xdata(xdata(b"\xe5" + codes_of(whole), 20))
    machine = Machine()
    for instruction in whole:
        instruction.run(machine)
    assert_is_caller(callers_of(data, clobbered(machine), 0))


def test_the_size_of_a_record_includes_the_word_of_its_handler() -> None:
    codes = codes_of(PROLOGUES["pairs"])
    assert parse_xdata(xdata(codes, 9, [(3, 0), (5, 0)], handler=0x1234)).size == 4 + 8 + 12 + 4
    long = parse_xdata(xdata(b"\xe3" * 200 + b"\xe4", 900, [(start, 0) for start in range(40)]))
    assert (long.size, len(long.epilogues), len(long.codes)) == (8 + 160 + 204, 40, 204)


def test_a_record_is_read_as_far_as_it_says() -> None:
    record = xdata(codes_of(PROLOGUES["pairs"]), 30, [(3, 0)], handler=1)
    assert read_xdata(BytesSpace([(0x5000, record)]), 0x5000) == parse_xdata(record + b"more")
    with pytest.raises(FormatError, match="0x5000: no unwind data"):
        read_xdata(BytesSpace([(0x4000, b"")]), 0x5000)


def test_what_is_packed_into_the_entry_of_a_function_is_no_address_of_a_record() -> None:
    with pytest.raises(FormatError, match="0x5001: unwind data that is not aligned"):
        read_xdata(BytesSpace([(0x5000, bytes(64))]), 0x5001)


def test_a_structure_on_the_stack_gives_back_every_register() -> None:
    machine = Machine()
    base = machine.registers[SP]
    machine.memory = {base + offset: 0x9000 + offset for offset in range(0, 0x390, 8)}
    found = callers_of(UnwindData(400, b"\xea\xe4", (), 0), machine, 40)
    assert found.interrupted
    assert found.registers == {
        **{number: 0x9008 + 8 * number for number in range(29)},
        FP: 0x90F0,
        LR: 0x90F8,
        SP: 0x9100,
        PROGRAM_COUNTER: 0x9108,
    }
    assert callers_of(UnwindData(400, b"\xe9\xe4", (), 0), machine, 40).registers[SP] == 0x9000


def test_a_place_that_was_interrupted_is_told_from_a_return_address() -> None:
    machine = Machine()
    found = callers_of(UnwindData(400, b"\xec\xe4", (), 0), machine, 40)
    assert (found.interrupted, found.registers[PROGRAM_COUNTER]) == (True, machine.registers[LR])


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (b"\xdf\x00", "unknown code 0xdf"),
        (b"\xed", "unknown code 0xed"),
        (b"\xc1", "cut"),
        (b"\xe6\xe4", "save_next"),
        (b"\xe6\x02", "save_next"),
        (b"\xe6" * 6 + b"\xc8\x00", "14 registers from 19"),
        (b"\xcb\xc0", "2 registers from 34"),
        (b"\xe7\x80\x00", "save_any_reg"),
        (b"\xe7\x00\xc0", "save_any_reg"),
    ],
)
def test_codes_that_make_no_sense_are_refused(codes: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        steps_at(UnwindData(400, codes, (), 0), 200)


def test_what_depends_on_a_register_that_is_not_known_is_refused() -> None:
    with pytest.raises(FormatError, match="register 29"):
        caller_registers(steps_at(UnwindData(400, b"\xe1\xe4", (), 0), 200), {SP: 0, LR: 0}, Machine().read)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"\x01\x00", "without a header"),
        (pack("<I", 1 << 18 | 1 << 27), "version 1"),
        (pack("<I", 5), "without its second word"),
        (pack("<I", 1 << 27), "unwind data of 8 bytes, 4 are there"),
    ],
)
def test_records_that_are_none_are_refused(record: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse_xdata(record)
