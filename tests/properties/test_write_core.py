"""A core that was written from a target, opened again, is that target."""

import tempfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.fake_target import FakeTarget
from builders.memory_file import MemoryFile
from dotdump.dump.write import write_core
from dotdump.errors import FormatError
from dotdump.formats.registers import X86_64
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.target.core import CoreTarget, open_core
from dotdump.target.model import ProcessFacts, Target, Thread
from examples import examples

PAGE = 4096
TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)
NAME = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=15)
ID = st.integers(1, 2**22)

registers = st.fixed_dictionaries({name: st.integers(0, 2**64 - 1) for name in X86_64.general[::9]})


@st.composite
def threads(draw: st.DrawFn) -> list[Thread]:
    made = []
    for tid in draw(st.lists(ID, min_size=1, max_size=4, unique=True)):
        values = dict.fromkeys(X86_64.general, 0) | draw(registers)
        notes = {("CORE", 2): draw(st.binary(min_size=8, max_size=8)) * 64}
        if draw(st.booleans()):
            notes["LINUX", 0x202] = draw(st.binary(max_size=40))
        made.append(Thread(tid, values, values["rip"], values["rsp"], draw(TEXT), 0, notes))
    return made


@st.composite
def mappings(draw: st.DrawFn) -> tuple[list[Region], BytesSpace]:
    regions, chunks, position = [], [], 0x10000
    for _ in range(draw(st.integers(0, 6))):
        position += PAGE * draw(st.integers(0, 3))
        pages = draw(st.lists(st.sampled_from([None, b"\0", b"a", b"z"]), min_size=1, max_size=6))
        protection = draw(st.sampled_from([Protection(0), Protection.READ, Protection.READ | Protection.WRITE]))
        path = draw(st.sampled_from(["", "/lib/libc.so.6", "[heap]", "/a file (deleted)", "/ü\n"]))
        shared, inode = draw(st.sampled_from([None, False, True])), draw(st.integers(0, 2**40))
        end = position + PAGE * len(pages)
        regions.append(Region(position, end, protection, draw(st.integers(0, 99)) * PAGE, path, shared, (8, 1), inode))
        if protection & Protection.READ:
            chunks += [(position + PAGE * i, page * PAGE) for i, page in enumerate(pages) if page is not None]
        position = end
    return regions, BytesSpace(chunks)


@st.composite
def targets(draw: st.DrawFn) -> FakeTarget:
    regions, memory = draw(mappings())
    numbers = st.integers(0, 2**31 - 1)
    ppid, pgrp, sid, uid, gid = (draw(numbers) for _ in range(5))
    state = draw(st.sampled_from("RSDTZ"))
    process = ProcessFacts(draw(ID), draw(NAME), draw(TEXT), ppid, pgrp, sid, uid, gid, state, -7, 0x40)
    return FakeTarget(memory, regions, draw(threads()), process, auxv=draw(st.sampled_from([b"", bytes(range(16))])))


def facts(target: Target) -> tuple[object, ...]:
    """What two targets must have in common; PRSTATUS, which the fakes have not, is in the registers."""
    seen = [(t.tid, dict(t.registers), t.name, {k: d for k, d in t.notes.items() if k[1] != 1}) for t in target.threads]
    ranges = joined(target.memory.ranges())
    memory = [(r.start, target.memory.read(r.start, r.size)) for r in ranges]
    return target.process, list(target.regions), seen, target.auxv, memory, target.platform


def joined(ranges: Sequence[MemoryRange]) -> list[MemoryRange]:
    whole: list[MemoryRange] = []
    for part in ranges:
        if whole and whole[-1].end == part.start:
            whole[-1] = MemoryRange(whole[-1].start, part.end)
        else:
            whole.append(part)
    return whole


@examples(60)
@given(targets(), st.sampled_from([None, 1]))
def test_a_core_written_and_opened_is_the_target(target: FakeTarget, level: int | None) -> None:
    with tempfile.TemporaryFile() as file:
        write_core(target, file, compress=level)
        with open_core(file) as core:
            assert core.problems == ()
            assert core.trailer is not None
            assert facts(core) == facts(target)


@pytest.mark.filterwarnings("ignore::dotdump.target.compressed.UnpackedWarning")
@examples(60)
@given(targets(), st.data(), st.sampled_from([None, 1]))
def test_a_core_cut_anywhere_gives_what_is_there_and_says_what_is_not(
    target: FakeTarget, data: st.DataObject, level: int | None
) -> None:
    with tempfile.TemporaryFile() as file:
        written = write_core(target, file, compress=level)
        file.seek(0)
        whole = file.read()
    most = len(whole) - (1 if level is None else 40)
    cut = most * data.draw(st.integers(0, 1000)) // 1000
    with tempfile.TemporaryFile() as file:
        file.write(whole[:cut])
        file.flush()
        try:
            core = open_core(file)
        except FormatError:
            assert level is not None or cut < 64
            return
        lost = core.trailer is None
        assert core.problems
        assert lost or level is not None
        for part in core.memory.ranges():
            assert core.memory.read(part.start, part.size) == target.memory.read(part.start, part.size)
        if level is None and cut >= written.trailer.head:
            assert facts(core)[:4] == facts(target)[:4]


@pytest.mark.filterwarnings("ignore::dotdump.target.compressed.UnpackedWarning")
@examples(40)
@given(targets(), st.data())
def test_a_core_with_flipped_bytes_never_breaks_the_reader(target: FakeTarget, data: st.DataObject) -> None:
    with tempfile.TemporaryFile() as file:
        write_core(target, file, compress=data.draw(st.sampled_from([None, 1])))
        file.seek(0)
        raw = bytearray(file.read())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[(len(raw) - 1) * data.draw(st.integers(0, 10_000)) // 10_000] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryFile() as file:
        file.write(raw)
        file.flush()
        try:
            core = open_core(file)
        except FormatError:
            return
        for part in list(core.memory.ranges())[:20]:
            core.memory.read_available(part.start, min(part.size, 1 << 16))
        assert isinstance(core, CoreTarget)
        assert list(core.regions) is not None


def test_memory_that_cannot_be_read_is_not_there_in_the_core_either() -> None:
    from builders.fake_target import ListSink
    from dotdump.dump.elf_core_writer import ElfCoreWriter
    from dotdump.dump.plan import full
    from dotdump.dump.write import origin_of

    memory = BytesSpace([(0x10000, b"a" * PAGE), (0x12000, b"c" * PAGE)])
    target = FakeTarget(memory, [Region(0x10000, 0x14000, Protection.READ)])
    sink = ListSink()
    ElfCoreWriter(target, full(target.regions), origin_of(target)).write(sink)
    with CoreTarget(MemoryFile(bytes(sink.data), "core")) as core:
        assert core.memory.ranges() == [MemoryRange(0x10000, 0x11000), MemoryRange(0x12000, 0x13000)]
        assert core.memory.read(0x12000, PAGE) == b"c" * PAGE
