from __future__ import annotations

import pytest

from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.dwarf_expression import evaluate
from dotdump.memory.space import BytesSpace
from dotdump.unwind.stack_words import StackWords

MEMORY = StackWords(BytesSpace([(0x1000, bytes.fromhex("8877665544332211ff"))]))
TOP = 2**64


def value(code: str, *initial: int) -> int:
    return evaluate(bytes.fromhex(code), {0: 5, 7: 0x1000, 33: 9}, MEMORY, initial)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("03 0810000000000000", 0x1008),
        ("08 ff", 255),
        ("09 ff", TOP - 1),
        ("0a fffe", 0xFEFF),
        ("0b ffff", TOP - 1),
        ("0c ffffffff", 0xFFFFFFFF),
        ("0d ffffffff", TOP - 1),
        ("0e 0100000000000000", 1),
        ("0f ffffffffffffffff", TOP - 1),
        ("10 8001", 128),
        ("11 7f", TOP - 1),
        ("31 12 22", 2),
        ("31 32 13", 1),
        ("31 32 14 1c 1c", 0),
        ("31 32 33 15 02", 1),
        ("31 32 16 1c", 1),
        ("31 32 33 17", 2),
        ("31 1f 19", 1),
        ("3f 35 1a", 5),
        ("09 f9 32 1b", TOP - 3),
        ("35 33 1d", 2),
        ("35 33 1e", 15),
        ("31 20", TOP - 2),
        ("31 34 21", 5),
        ("31 23 05", 6),
        ("31 34 24", 16),
        ("31 08 40 24", 0),
        ("09 ff 08 3f 25", 1),
        ("09 f0 32 26", TOP - 4),
        ("33 35 27", 6),
        ("31 28 0100 96 37", 7),
        ("30 28 0100 38 37", 7),
        ("2f 0100 38 37", 7),
        ("09 ff 31 2d", 1),
        ("09 ff 31 2b", 0),
        ("31 31 29", 1),
        ("31 31 2e", 0),
        ("50", 5),
        ("77 08", 0x1008),
        ("77 00 06", 0x1122334455667788),
        ("77 00 94 02", 0x7788),
        ("90 21", 9),
        ("92 21 7f", 8),
    ],
)
def test_operations_do_what_dwarf_says(code: str, expected: int) -> None:
    assert value(code.replace(" ", "")) == expected


def test_the_stack_begins_with_what_is_given() -> None:
    assert value("2308", 0x2000) == 0x2008


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "more values than it has"),
        ("22", "more values than it has"),
        ("31301b", "division by zero"),
        ("31301d", "division by zero"),
        ("2ffdff", "more than 4096 steps"),
        ("30122ffcff", "more than 256 values"),
        ("2f0001", "a jump to"),
        ("5f", "register 15"),
        ("9a", "operation 0x9a"),
        ("770094 03", "a value of 3 bytes"),
        ("08", "a byte is wanted"),
        ("1505", "value 5 of 0"),
    ],
)
def test_what_is_no_expression_is_refused(code: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        value(code.replace(" ", ""))


def test_memory_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(MemoryFault):
        value("773006")
