from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders.amd64_unwind import allocate, code, push, save, set_frame, set_large_frame, unwind_info
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.amd64_epilogue import find_epilogue
from dotdump.formats.amd64_unwind_codes import Caller, UnwindInfo, caller_registers, parse_unwind_info, steps_at

if TYPE_CHECKING:
    from collections.abc import Callable

RBX, RBP, RSP, R14, RIP = 3, 6, 7, 14, 16
STACK = 0x7000


def memory(*words: int, base: int = STACK) -> Callable[[int], int]:
    def read(address: int) -> int:
        index, rest = divmod(address - base, 8)
        if rest or not 0 <= index < len(words):
            raise MemoryFault(address, 8)
        return words[index]

    return read


def unchained(rva: int) -> UnwindInfo:
    raise AssertionError(hex(rva))


def caller(data: bytes, offset: int, words: tuple[int, ...], **registers: int) -> Caller:
    numbers = {"rbx": RBX, "rbp": RBP, "rsp": RSP, "r14": R14}
    known = {numbers[name]: value for name, value in {"rsp": STACK, **registers}.items()}
    return caller_registers(steps_at(parse_unwind_info(data), offset, unchained), known, memory(*words))


PUSHED = unwind_info(allocate(9, 24), push(5, "rbx"), push(4, "r14"), push(1, "rbp"), prologue=9)


@pytest.mark.parametrize(
    ("offset", "words", "rsp"),
    [
        (0, (0xAAAA,), 8),
        (1, (0xB0B0, 0xAAAA), 16),
        (4, (0xE0E0, 0xB0B0, 0xAAAA), 24),
        (5, (0xBBB0, 0xE0E0, 0xB0B0, 0xAAAA), 32),
        (9, (0, 0, 0, 0xBBB0, 0xE0E0, 0xB0B0, 0xAAAA), 56),
        (100, (0, 0, 0, 0xBBB0, 0xE0E0, 0xB0B0, 0xAAAA), 56),
    ],
)
def test_what_the_prologue_has_done_so_far_is_taken_back(offset: int, words: tuple[int, ...], rsp: int) -> None:
    found = caller(PUSHED, offset, words)
    assert (found.registers[RIP], found.registers[RSP]) == (0xAAAA, STACK + rsp)
    assert found.registers.get(RBP) == (0xB0B0 if offset else None)
    if offset >= 5:
        assert found.registers[RBX] == 0xBBB0
        assert found.places[RBX] == STACK + rsp - 32
    assert not found.interrupted


def test_large_allocations_have_two_forms() -> None:
    for size in (128, 136, (1 << 19) - 8, 1 << 19, 3 << 20):
        data = unwind_info(allocate(7, size), prologue=7)
        plan = steps_at(parse_unwind_info(data), 7, unchained)
        assert caller_registers(plan, {RSP: STACK}, lambda _: 0xAAAA).registers[RSP] == STACK + size + 8


def test_a_frame_register_tells_where_the_stack_was_however_much_was_allocated_since() -> None:
    data = unwind_info(set_frame(8), allocate(5, 32), push(1, "rbp"), prologue=8, frame=("rbp", 2))
    words = (0, 0, 0, 0, 0xB0B0, 0xAAAA)
    found = caller(data, 50, words, rsp=0x10, rbp=STACK + 32)
    assert (found.registers[RIP], found.registers[RBP], found.registers[RSP]) == (0xAAAA, 0xB0B0, STACK + 48)


def test_before_it_is_set_the_frame_register_does_not_count() -> None:
    data = unwind_info(set_frame(8), allocate(5, 32), push(1, "rbp"), prologue=8, frame=("rbp", 2))
    assert caller(data, 1, (0xB0B0, 0xAAAA), rbp=0xDEAD).registers[RIP] == 0xAAAA


def test_the_large_form_of_a_frame_register_has_its_offset_in_the_code() -> None:
    data = unwind_info(set_large_frame(9, 0x400), allocate(5, 0x410), prologue=9, frame=("rbp", 15))
    words = (*[0] * 130, 0xAAAA)
    assert caller(data, 20, words, rsp=0x10, rbp=STACK + 0x400).registers[RIP] == 0xAAAA


def test_saved_registers_are_read_from_where_the_frame_begins() -> None:
    data = unwind_info(save(12, "rbx", 16), allocate(4, 32), prologue=12)
    found = caller(data, 30, (0, 0, 0xBBB0, 0, 0xAAAA))
    assert (found.registers[RBX], found.places[RBX], found.registers[RIP]) == (0xBBB0, STACK + 16, 0xAAAA)


def test_chained_information_is_taken_back_whole() -> None:
    first = unwind_info(push(2, "rbx"), prologue=2, chained=(0x100, 0x200, 0x5000))
    second = parse_unwind_info(unwind_info(push(9, "r14"), prologue=9))
    plan = steps_at(parse_unwind_info(first), 2, {0x5000: second}.__getitem__)
    found = caller_registers(plan, {RSP: STACK}, memory(0xBBB0, 0xE0E0, 0xAAAA))
    assert (found.registers[RBX], found.registers[R14], found.registers[RIP]) == (0xBBB0, 0xE0E0, 0xAAAA)


def test_a_chain_that_turns_round_is_refused() -> None:
    info = parse_unwind_info(unwind_info(chained=(0, 1, 0x5000)))
    with pytest.raises(LimitExceeded):
        steps_at(info, 0, lambda _: info)


def test_a_machine_frame_has_the_interrupted_place() -> None:
    data = unwind_info(allocate(4, 8), code(0, 10, 1), prologue=4)
    found = caller(data, 4, (0, 0xEEEE, 0xAAAA, 0x33, 0x202, 0x9000, 0x2B))
    assert (found.registers[RIP], found.registers[RSP], found.interrupted) == (0xAAAA, 0x9000, True)


@pytest.mark.parametrize(
    "data", [b"", b"\1\0", b"\1\0\2\0\1\2", b"\3\0\0\0", unwind_info(code(1, 7)), unwind_info(code(1, 1, 0))]
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_unwind_info(data)


def test_a_register_that_is_not_known_is_said() -> None:
    data = unwind_info(set_frame(3), prologue=3, frame=("rbp", 0))
    with pytest.raises(FormatError, match="register 6"):
        caller(data, 9, ())


@pytest.mark.parametrize(
    ("instructions", "words", "rsp"),
    [
        ("4883c418 5b 415e 5d c3", (0, 0, 0, 0xBBB0, 0xE0E0, 0xB0B0, 0xAAAA), 56),
        ("5b 415e 5d c3", (0xBBB0, 0xE0E0, 0xB0B0, 0xAAAA), 32),
        ("5d c3", (0xB0B0, 0xAAAA), 16),
        ("c3", (0xAAAA,), 8),
        ("f3c3", (0xAAAA,), 8),
        ("4881c410000000 5d ff2500000000", (0, 0, 0xB0B0, 0xAAAA), 32),
        ("5d 48ffe0", (0xB0B0, 0xAAAA), 16),
        ("5d e900100000", (0xB0B0, 0xAAAA), 16),
    ],
)
def test_the_rest_of_an_epilogue_is_carried_out(instructions: str, words: tuple[int, ...], rsp: int) -> None:
    plan = find_epilogue(bytes.fromhex(instructions), 0x40100, 0x40000, 0x40200)
    assert plan is not None
    found = caller_registers(plan, {RSP: STACK}, memory(*words))
    assert (found.registers[RIP], found.registers[RSP]) == (0xAAAA, STACK + rsp)


def test_an_epilogue_may_take_the_stack_pointer_from_another_register() -> None:
    plan = find_epilogue(bytes.fromhex("488d65f8 5b 5d c3"), 0x40100, 0x40000, 0x40200)
    assert plan is not None
    found = caller_registers(plan, {RSP: 0x10, RBP: STACK + 8}, memory(0xBBB0, 0xB0B0, 0xAAAA))
    assert (found.registers[RIP], found.registers[RBX], found.registers[RSP]) == (0xAAAA, 0xBBB0, STACK + 24)


@pytest.mark.parametrize("instructions", ["", "90", "5d", "5d e9", "5d ebe0", "4883c4", "488b45f8 c3", "4889ec 5d c3"])
def test_what_only_looks_like_an_epilogue_is_none(instructions: str) -> None:
    assert find_epilogue(bytes.fromhex(instructions), 0x40100, 0x40000, 0x40200) is None
