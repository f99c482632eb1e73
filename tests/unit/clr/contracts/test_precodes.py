"""Stubs that stand for methods: which method each leads to, in every form that the runtimes have made them in."""

from __future__ import annotations

import pytest

from builders.fake_access import fake_access
from dotdump.clr.contracts.precodes import Precodes
from dotdump.errors import MemoryFault
from dotdump.target.model import Architecture

ENTRY, METHOD, OTHER = 0x10000, 0x123456789A8, 0xBAD0
PAGE = 0x4000
"""How far behind a stub's code its data lies."""


def little(value: int, size: int = 4) -> bytes:
    return (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def method_behind(
    code: bytes, *words: tuple[int, int], version: str = "10.0.0", architecture: Architecture = Architecture.X86_64
) -> int:
    """What the stub of ``code`` leads to, with ``words`` at places relative to it; breakpoints follow the code."""
    access, target = fake_access({}, version=version, architecture=architecture)
    target.put(ENTRY, code.ljust(32, b"\xcc"))
    for place, word in words:
        target.words(ENTRY + place, word)
    return Precodes(access).method_of(ENTRY)


@pytest.mark.parametrize("version", ["8.0.4", "9.0.22", "10.0.14"])
def test_stubs_of_amd64_read_their_method_from_the_page_beside(version: str) -> None:
    jump, load = b"\xff\x25", b"\x4c\x8b\x15"
    fixup = jump + little(PAGE - 6) + load + little(PAGE + 8 - 13) + jump + little(PAGE + 16 - 19)
    assert method_behind(fixup, (PAGE, OTHER), (PAGE + 8, METHOD), (PAGE + 16, OTHER), version=version) == METHOD
    stub = load + little(PAGE - 7) + jump + little(PAGE + 8 - 13)
    assert method_behind(stub, (PAGE, METHOD), (PAGE + 8, OTHER), version=version) == METHOD
    before = load + little(-0x100 - 7)
    assert method_behind(before, (-0x100, METHOD), version=version) == METHOD


def test_stubs_of_3_1_have_it_in_the_code_or_count_from_the_end_of_their_chunk() -> None:
    assert method_behind(b"\x49\xba" + little(METHOD, 8) + b"\x40\xe9" + little(0), version="3.1.23") == METHOD
    for call in (b"\xe8", b"\xe9"):
        third_from_last = call + little(0) + b"\x5e\x07\x02"
        assert method_behind(third_from_last, (3 * 8, METHOD), version="3.1.23") == METHOD + 7 * 8


def test_stubs_of_arm64_load_it_into_x12() -> None:
    def load(register: int, words: int) -> bytes:
        return little(0x58000000 | (words & 0x7FFFF) << 5 | register)

    branch = little(0xD61F0160)
    fixup = load(11, PAGE // 4) + branch + load(12, (PAGE + 8 - 8) // 4) + load(11, 4) + branch
    arm64 = Architecture.AARCH64
    assert method_behind(fixup, (PAGE, OTHER), (PAGE + 8, METHOD), architecture=arm64) == METHOD
    backwards = load(10, 8) + load(12, -0x40)
    assert method_behind(backwards, (4 - 0x100, METHOD), architecture=arm64) == METHOD
    assert method_behind(branch * 6, architecture=arm64) == 0


def test_other_code_leads_to_no_method_and_missing_data_is_an_error() -> None:
    assert method_behind(b"\x55\x48\x89\xe5" + b"\x90" * 20) == 0
    assert method_behind(b"\x55\x48\x89\xe5" + b"\x90" * 20, version="3.1.23") == 0
    with pytest.raises(MemoryFault):
        method_behind(b"\x4c\x8b\x15" + little(PAGE))
    access, target = fake_access({})
    assert Precodes(access).method_of(ENTRY) == 0
    target.put(ENTRY, b"\x4c\x8b\x15")
    assert Precodes(access).method_of(ENTRY) == 0
