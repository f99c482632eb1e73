import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from builders.fake_target import FakeTarget, ListSink
from dotdump.dump.elf_core_writer import ElfCoreWriter, WrittenCore
from dotdump.dump.plan import full, trimmed
from dotdump.dump.sink import FileSink, PipeSink, sink_for
from dotdump.formats.core_notes import NoteType, parse_file_note, parse_prpsinfo
from dotdump.formats.diagnostics_page import DIAGNOSTICS_PAGE_ADDRESS, DiagnosticsPage, parse_diagnostics_page
from dotdump.formats.dotdump_notes import (
    DotdumpNote,
    Gap,
    Origin,
    build_origin,
    parse_maps,
    parse_origin,
    parse_trailer,
)
from dotdump.formats.elf import ElfHeader, ProgramHeader, read_header, read_program_headers
from dotdump.formats.notes import Note, parse_notes
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.records import replace
from dotdump.target.model import ProcessFacts, Thread

RW = Protection.READ | Protection.WRITE
PAGE = 4096
ORIGIN = Origin("dotdump 0", "test", 12.5, ("one",), (MemoryRange(1, 2),), "a long command line", "Mini")


def write(target: FakeTarget, page: DiagnosticsPage | None = None) -> tuple[bytes, WrittenCore, ListSink]:
    sink = ListSink()
    written = ElfCoreWriter(target, full(target.regions), ORIGIN, diagnostics_page=page).write(sink)
    return bytes(sink.data), written, sink


def parse(core: bytes) -> tuple[ElfHeader, list[ProgramHeader], tuple[Note, ...]]:
    space = BytesSpace([(0, core)])
    header = read_header(space)
    segments = read_program_headers(space, header)
    note = segments[0]
    return header, segments[1:], parse_notes(core[note.offset : note.offset + note.filesz]).notes


def thread(tid: int, **notes: bytes) -> Thread:
    types = {"fpregset": ("CORE", 2), "xstate": ("LINUX", 0x202), "siginfo": ("CORE", 0x53494749)}
    return Thread(tid, {"rip": tid, "rsp": 7}, tid, 7, f"t{tid}", 0, {types[k]: v for k, v in notes.items()})


def test_notes_come_in_the_order_of_the_kernel_with_the_process_inside_the_first_thread() -> None:
    target = FakeTarget(
        threads=[thread(9, xstate=b"x" * 8, siginfo=b"s" * 128, fpregset=b"f" * 512), thread(4, fpregset=b"f" * 512)]
    )
    core, _, _ = write(target)
    assert [note.type for note in parse(core)[2]] == [
        *(
            NoteType.PRSTATUS,
            NoteType.PRPSINFO,
            NoteType.SIGINFO,
            NoteType.AUXV,
            NoteType.FILE,
            NoteType.PRFPREG,
            0x202,
            DotdumpNote.THREAD_NAME,
        ),
        *(NoteType.PRSTATUS, NoteType.PRFPREG, DotdumpNote.THREAD_NAME, DotdumpNote.ORIGIN, DotdumpNote.MAPS),
    ]


def test_process_files_maps_and_origin_can_be_read_back() -> None:
    regions = [
        Region(0x1000, 0x2000, Protection.READ, 0x3000, "/a b/ü.so", shared=False, device=(8, 1), inode=77),
        Region(0x2000, 0x3000, RW),
    ]
    process = ProcessFacts(12, "name", "name --argument", 1, 2, 3, 4, 5, "S", -5, 0x400)
    target = FakeTarget(BytesSpace([(0x1000, bytes(0x2000))]), regions, [thread(12)], process)
    notes = {note.type: note.data for note in parse(write(target)[0])[2]}
    info = parse_prpsinfo(notes[NoteType.PRPSINFO])
    assert (info.pid, info.fname, info.psargs, info.ppid, info.pgrp, info.sid) == (
        12,
        b"name",
        b"name --argument",
        1,
        2,
        3,
    )
    assert (info.uid, info.gid, info.sname, info.state, info.nice, info.flags) == (4, 5, "S", 1, -5, 0x400)
    assert [(f.start, f.end, f.offset, f.path) for f in parse_file_note(notes[NoteType.FILE]).files] == [
        (0x1000, 0x2000, 0x3000, "/a b/ü.so")
    ]
    assert list(parse_maps(notes[DotdumpNote.MAPS])) == regions
    assert parse_origin(notes[DotdumpNote.ORIGIN]) == ORIGIN


def test_a_core_written_by_a_clock_before_1970_says_so() -> None:
    origin = replace(ORIGIN, time=-3e8)
    assert parse_origin(build_origin(origin)) == origin


def test_memory_lies_where_the_segments_say_and_zero_pages_are_holes() -> None:
    data = b"a" * PAGE + bytes(2 * PAGE) + b"b" * PAGE
    target = FakeTarget(
        BytesSpace([(0x10000, data)]), [Region(0x10000, 0x14000, RW), Region(0x20000, 0x21000, Protection(0))]
    )
    core, written, sink = write(target)
    _, (first, second), _ = parse(core)
    assert core[first.offset : first.offset + first.filesz] == data
    assert (first.flags, first.vaddr, first.memsz) == (6, 0x10000, 0x4000)
    assert (second.flags, second.filesz, second.memsz) == (0, 0, 0x1000)
    assert sink.holes == [(first.offset + PAGE, 2 * PAGE)]
    assert written.trailer.zero == 2 * PAGE


def test_the_trailer_stands_behind_the_last_segment_and_sums_up_what_was_written() -> None:
    data = b"a" * PAGE + bytes(PAGE) + b"b" * PAGE
    core, written, _ = write(FakeTarget(BytesSpace([(0x10000, data)]), [Region(0x10000, 0x13000, RW)]))
    segment = parse(core)[1][0]
    trailer = parse_trailer(core[segment.offset + segment.filesz :])
    assert trailer == written.trailer
    assert (trailer.head, trailer.head_crc) == (segment.offset, crc32(core[: segment.offset]))
    assert trailer.content_crc is None
    assert written.size == len(core)


def test_pages_that_cannot_be_read_are_gaps_with_reasons_and_neighbours_are_joined() -> None:
    memory = BytesSpace([(0x10000, b"a" * PAGE), (0x13000, b"c" * 100)])
    core, written, _ = write(FakeTarget(memory, [Region(0x10000, 0x15000, RW)]))
    assert written.gaps == (Gap(0x11000, 0x13000, "not mapped"), Gap(0x13064, 0x15000, "not mapped"))
    segment = parse(core)[1][0]
    assert core[segment.offset + 0x3000 :][:101] == b"c" * 100 + b"\0"


class Sparse(BytesSpace):
    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        yield from (part for part in self.ranges() if start <= part.start < end)


def test_pages_that_were_never_there_are_not_even_asked_for() -> None:
    memory = Sparse([(0x12000, b"a" * PAGE)])
    _, written, sink = write(FakeTarget(memory, [Region(0x10000, 0x15000, RW)]))
    assert written.gaps == ()
    assert [size for _, size in sink.holes] == [2 * PAGE, 2 * PAGE]


def test_the_diagnostics_page_is_added_once_and_never_over_memory() -> None:
    page = DiagnosticsPage(runtime_base=0x7F0000000000)
    core, _, _ = write(FakeTarget(), page)
    segment = parse(core)[1][0]
    assert (segment.vaddr, segment.flags) == (DIAGNOSTICS_PAGE_ADDRESS, 4)
    data = core[segment.offset : segment.offset + segment.filesz]
    assert parse_diagnostics_page(data) == page
    there = FakeTarget(
        BytesSpace([(DIAGNOSTICS_PAGE_ADDRESS, b"x" * PAGE)]),
        [Region(DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_ADDRESS + PAGE, RW)],
    )
    core, _, _ = write(there, page)
    (segment,) = parse(core)[1]
    assert core[segment.offset :][:PAGE] == b"x" * PAGE


@pytest.mark.slow
def test_a_thousand_small_neighbours_are_asked_for_at_once() -> None:
    class Counting(BytesSpace):
        asked = 0

        def read_available(self, address: int, size: int) -> bytes:
            self.asked += 1
            return super().read_available(address, size)

    start = DIAGNOSTICS_PAGE_ADDRESS - 500 * PAGE
    memory = Counting([(start, b"\1" * 500 * PAGE), (DIAGNOSTICS_PAGE_ADDRESS + PAGE, b"\2" * 499 * PAGE)])
    addresses = [start + n * PAGE for n in range(1000) if n != 500]
    regions = [Region(a, a + PAGE, RW if n % 2 else Protection.READ) for n, a in enumerate(addresses)]
    core, written, _ = write(FakeTarget(memory=memory, regions=regions), DiagnosticsPage(0x1234))
    loads = parse(core)[1]
    assert len(loads) == 1000
    assert memory.asked < 10
    assert not written.gaps
    for load in loads:
        data = core[load.offset : load.offset + PAGE]
        expected = memory.read_available(load.vaddr, PAGE)
        assert data == expected if expected else parse_diagnostics_page(data) == DiagnosticsPage(0x1234)


def test_pieces_of_pages_lie_side_by_side() -> None:
    memory = BytesSpace([(0x1000, os.urandom(0x3000))])
    target = FakeTarget(memory, [Region(0x1000, 0x4000, RW)])
    plan = trimmed(full(target.regions), [MemoryRange(0x1400, 0x1401), MemoryRange(0x2FFF, 0x3001)], 1024)
    sink = ListSink()
    ElfCoreWriter(target, plan, ORIGIN).write(sink)
    core = bytes(sink.data)
    stored = [load for load in parse(core)[1] if load.filesz]
    assert [(load.vaddr, load.filesz, load.align) for load in stored] == [(0x1400, 0x400, 1024), (0x2C00, 0x800, 1024)]
    assert stored[1].offset == stored[0].offset + 0x400
    assert all(core[load.offset :][: load.filesz] == memory.read(load.vaddr, load.filesz) for load in stored)


def test_more_than_65534_segments_are_counted_in_section_header_0() -> None:
    regions = [Region(i * 0x2000, i * 0x2000 + 0x1000, RW if i % 2 else Protection(0)) for i in range(1, 66_001)]
    memory = BytesSpace([(r.start, r.start.to_bytes(4096, "little")) for r in regions if r.protection])
    core, written, _ = write(FakeTarget(memory, regions))
    header, segments, _ = parse(core)
    assert core[56:58] == b"\xff\xff"
    assert header.phnum == 66_001
    last = segments[-2]
    assert core[last.offset :][:8] == last.vaddr.to_bytes(8, "little")
    assert written.gaps == ()


def test_a_file_gets_holes_and_its_full_length(tmp_path: Path) -> None:
    path = tmp_path / "core"
    with path.open("wb") as file:
        sink = sink_for(file.fileno())
        assert isinstance(sink, FileSink)
        sink.write(b"a" * PAGE)
        sink.hole(1 << 20)
        assert sink.finish() == PAGE
    assert path.read_bytes() == b"a" * PAGE + bytes(1 << 20)
    assert path.stat().st_blocks * 512 < 1 << 19


def test_a_pipe_and_a_file_opened_to_append_get_zeros(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "core", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    reader, writer = os.pipe()
    for end in (descriptor, writer):
        sink = sink_for(end)
        assert isinstance(sink, PipeSink)
        sink.write(b"a")
        sink.hole(3)
        assert sink.finish() == 4
        os.close(end)
    assert os.read(reader, 10) == (tmp_path / "core").read_bytes() == b"a\0\0\0"
    os.close(reader)
