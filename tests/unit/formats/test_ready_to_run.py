"""Sections of ready-to-run images and the exception clauses in them, over images built by hand."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.ready_to_run import EXCEPTION_INFO, ExceptionClause, find_section, read_exception_clauses

if TYPE_CHECKING:
    from dotdump.formats.pe import PeImage

HEADER, LOOKUPS, CLAUSES = 0x100, 0x200, 0x300
METHODS = {0x1000: [(0, 0x10, 0x20, 5)], 0x2000: [(1, 0x30, 0x40, 0x28), (4, 0x50, 0x60, 0)], 0x3000: [(2, 1, 2, 9)]}


class FakeImage:
    """An image of which ``data`` is all there is; its managed native header is at ``HEADER`` and has ``size``."""

    def __init__(self, data: bytes, size: int = 0x100) -> None:
        self.data = data
        self.managed_native_header = HEADER, size

    @property
    def cli_header(self) -> FakeImage:
        return self

    def read(self, rva: int, size: int) -> bytes:
        if rva + size > len(self.data):
            raise MemoryFault(rva, size)
        return self.data[rva : rva + size]


def image(*, signature: bytes = b"RTR\0", count: int = 2, header_size: int = 0x100, last: int | None = None) -> PeImage:
    clauses, lookups = b"", b""
    for method, rows in METHODS.items():
        lookups += struct.pack("<II", method, CLAUSES + len(clauses))
        for flags, start, end, token in rows:
            clauses += struct.pack("<IIIIII", flags, 0, 0, start, end, token)
    lookups += struct.pack("<II", 0xFFFFFFFF, CLAUSES + len(clauses) if last is None else last)
    header = struct.pack("<4sHHII", signature, 9, 1, 0, count)
    header += struct.pack("<IIIIII", 100, 1, 2, EXCEPTION_INFO, LOOKUPS, len(lookups))
    data = bytes(HEADER) + header.ljust(LOOKUPS - HEADER, b"\0") + lookups.ljust(CLAUSES - LOOKUPS, b"\0") + clauses
    return cast("PeImage", FakeImage(data, header_size))


def test_sections_are_found_by_their_type() -> None:
    assert find_section(image(), EXCEPTION_INFO) == (LOOKUPS, 8 * 4)
    assert find_section(image(), 100) == (1, 2)
    assert find_section(image(), 77) == (0, 0)
    assert find_section(image(header_size=0), EXCEPTION_INFO) == (0, 0)


def test_each_method_has_its_own_clauses() -> None:
    assert read_exception_clauses(image(), 0x1000) == [ExceptionClause(0x10, 0x20, None)]
    assert read_exception_clauses(image(), 0x2000) == [
        ExceptionClause(0x30, 0x40, 0x28),
        ExceptionClause(0x50, 0x60, None),
    ]
    assert read_exception_clauses(image(), 0x3000) == [ExceptionClause(1, 2, None)]


@pytest.mark.parametrize("method", [0, 0xFFF, 0x1001, 0x2FFF, 0x3001, 0xFFFFFFFF])
def test_other_methods_have_none(method: int) -> None:
    assert read_exception_clauses(image(), method) == []


def test_what_is_damaged_is_an_error() -> None:
    with pytest.raises(FormatError):
        find_section(image(signature=b"MZ\0\0"), EXCEPTION_INFO)
    with pytest.raises(LimitExceeded):
        find_section(image(count=1 << 20), EXCEPTION_INFO)
    for last in (0, 0x7FFFFFFF):
        with pytest.raises(LimitExceeded):
            read_exception_clauses(image(last=last), 0x3000)
