import pytest

from dotdump.linux.gadgets import Gadgets, find_gadgets
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.records import replace

SYSCALL_RETURN = bytes.fromhex("0f05c3")
SIGNAL_RETURN = bytes.fromhex("48c7c00f0000000f05")
CODE = Protection.READ | Protection.EXECUTE
BOTH = b"\x90" * 16 + SYSCALL_RETURN + b"\x90" * 5 + SIGNAL_RETURN + b"\x90" * 16


def code(start: int, path: str) -> Region:
    return Region(start, start + 0x1000, CODE, path=path, shared=False, inode=7)


def test_both_pieces_are_found_at_their_addresses() -> None:
    memory = BytesSpace([(0x1000, BOTH)])
    found = find_gadgets(memory, [code(0x1000, "/lib/libc.so.6")])
    assert found == Gadgets(0x1010, 0x1018)
    assert found.still_there(memory)
    assert not found.still_there(BytesSpace([(0x1000, b"\x90" * 64)]))
    assert not found.still_there(BytesSpace([]))


@pytest.mark.parametrize("libc", ["/lib/libc.so.6", "/lib/libc-2.31.so", "/lib/ld-musl-x86_64.so.1"])
def test_libc_comes_first_wherever_it_lies(libc: str) -> None:
    memory = BytesSpace([(0x1000, BOTH), (0x9000, BOTH)])
    assert find_gadgets(memory, [code(0x1000, "/app"), code(0x9000, libc)]) == Gadgets(0x9010, 0x9018)


def test_the_pieces_may_come_from_different_files() -> None:
    memory = BytesSpace([(0x1000, SYSCALL_RETURN), (0x9000, SIGNAL_RETURN)])
    assert find_gadgets(memory, [code(0x1000, "/a"), code(0x9000, "/b")]) == Gadgets(0x1000, 0x9000)


@pytest.mark.parametrize(
    "changed",
    [
        {"protection": CODE | Protection.WRITE},
        {"protection": Protection.READ},
        {"shared": True},
        {"inode": 0},
        {"path": "[vdso]"},
    ],
)
def test_code_that_somebody_may_rewrite_is_not_used(changed: dict[str, object]) -> None:
    region = replace(code(0x1000, "/lib/libc.so.6"), **changed)
    assert find_gadgets(BytesSpace([(0x1000, BOTH)]), [region]) is None


def test_a_process_without_one_of_them_has_none() -> None:
    assert find_gadgets(BytesSpace([(0x1000, SYSCALL_RETURN)]), [code(0x1000, "/app")]) is None
