"""Small cores that lie: no work and no memory beyond what their size allows, and no error but ours."""

from __future__ import annotations

import io
import struct
import time
from typing import TYPE_CHECKING

import pytest

from builders.core_builder import PAGE, CoreBuilder, Segment, note, prstatus
from builders.elf_builder import DATA, ElfBuilder
from dotdump.dump.convert import Trim, select
from dotdump.dump.verify import verify_core
from dotdump.ipc.dump import DumpType
from dotdump.limits import NOTES
from dotdump.memory.space import BytesSpace
from dotdump.target.core import open_core

if TYPE_CHECKING:
    from collections.abc import Callable


SECONDS = 5.0
"""Of the processor, for what takes a tenth of that where it does not grow with the square of what is there."""


def in_time(work: Callable[[], object]) -> bool:
    """Do ``work`` and return whether it took no longer than ``SECONDS``."""
    begun = time.process_time()
    work()
    return time.process_time() - begun < SECONDS


def sharing_notes(segments: int, notes: bytes, align: int = 4) -> bytes:
    """Return a core of nothing but PT_NOTEs, all of the same bytes."""
    at = 64 + 56 * segments
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQI6H", 4, 62, 1, 0, 64, 0, 0, 64, 56, segments, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), 0, align) * segments + notes


def test_segments_that_share_their_notes_have_no_more_of_them_than_there_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dotdump.formats.notes.NOTES", NOTES >> 10)
    data = sharing_notes(50, note(b"", 7, b"") * 1000)
    core = open_core(io.BytesIO(data))
    assert len(core.file.notes) == NOTES >> 10
    assert len(core.problems) == 48
    (notes,) = (found for found in verify_core(BytesSpace([(0, data)]), len(data)) if found.check == "notes")
    assert "malformed" in notes.seen


def test_segments_that_share_their_notes_are_read_no_further_than_notes_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dotdump.formats.notes.NOTE_SEGMENT", 1 << 16)
    core = open_core(io.BytesIO(sharing_notes(50, note(b"", 7, bytes(16384 - 16)))))
    assert len(core.file.notes) == 4


def test_notes_that_are_aligned_to_eight_bytes_are_the_same_to_all_that_read_them() -> None:
    rows = ((b"GNU", 5, bytes(12)), (b"CORE", 1, prstatus(7, [0] * 27)))
    notes = b"".join(aligned(*row) for row in rows)
    data = sharing_notes(1, notes, align=8)
    (threads,) = (found for found in verify_core(BytesSpace([(0, data)]), len(data)) if found.check == "threads")
    assert threads.seen == "1 threads"
    assert [thread.tid for thread in open_core(io.BytesIO(data)).threads] == [7]


def aligned(owner: bytes, kind: int, body: bytes) -> bytes:
    head = struct.pack("<III", len(owner) + 1, len(body), kind) + owner + b"\0"
    return head + bytes(-len(head) % 8) + body + bytes(-len(body) % 8)


def test_files_without_number_are_looked_through_once() -> None:
    core = open_core(
        io.BytesIO(CoreBuilder(files=[(PAGE * n, PAGE * (n + 1), 0, b"/x") for n in range(60_000)]).build())
    )
    assert in_time(lambda: core.modules)


def test_one_library_in_thousands_of_places_is_found_in_each_in_time() -> None:
    """Each has to be mapped as it lets itself be written, and all mappings are of one path."""
    library, size = ElfBuilder().build(), DATA + PAGE
    bases = [0x7F0000000000 + 2 * size * number for number in range(5000)]
    files = [(base + at, base + end, at, b"/x") for base in bases for at, end in ((0, DATA), (DATA, size))]
    segments = [Segment(base, library[:DATA]) for base in bases] + [Segment(base + DATA, size=PAGE) for base in bases]
    core = open_core(io.BytesIO(CoreBuilder(files=files, segments=segments).build()))
    assert in_time(lambda: core.modules)
    assert [module.base for module in core.modules] == bases


STACK, IMAGE = 0x10000, 0x10000000
PROMISED = 1 << 28


@pytest.mark.parametrize("trim", [Trim(type=DumpType.MINI), Trim(type=DumpType.TRIAGE)])
def test_memory_that_a_core_promises_and_has_not_is_passed_over(trim: Trim) -> None:
    """A stack, the kernel's code and a mapped file, of 256 MiB each: of all of them a page is there."""
    stack = Segment(STACK, b"s" * PAGE, size=IMAGE - STACK)
    images = [Segment(IMAGE + number * PROMISED, b"i" * PAGE, size=PROMISED, flags=4) for number in range(2)]
    files = [(IMAGE, IMAGE + PROMISED, 0, b"/lib/x")]
    builder = CoreBuilder(segments=[stack, *images], files=files, auxv={33: IMAGE + PROMISED, 31: STACK})
    core = open_core(io.BytesIO(builder.build()))
    assert in_time(lambda: select(core, core.core_memory.ranges(), trim))
