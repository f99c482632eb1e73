"""The head of a core: file header, segment table and notes, in the order in which the kernel writes them.

It is complete before the first byte of memory, so any prefix of a core that goes past it can be analysed. Source of
truth: ``elf_core_dump`` and ``fill_note_info`` in the kernel's fs/binfmt_elf.c.
"""

from __future__ import annotations

from array import array

from dotdump.formats.columns import interleaved
from dotdump.formats.core_notes import (
    CORE,
    MappedFile,
    NoteType,
    Prpsinfo,
    Prstatus,
    build_file_note,
    build_prpsinfo,
    build_prstatus,
)
from dotdump.formats.dotdump_notes import OWNER, DotdumpNote, build_maps, build_origin
from dotdump.formats.elf import (
    HEADER,
    PN_XNUM,
    PROGRAM_HEADER,
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentType,
    build_extended_counts,
    build_header,
    build_program_header,
)
from dotdump.formats.notes import build_note
from dotdump.formats.registers import REGISTER_FILES
from dotdump.kernels import segment_rows
from dotdump.memory.region_table import named_regions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.segments import DumpPlan
    from dotdump.formats.dotdump_notes import Origin
    from dotdump.target.model import ProcessFacts, Target, Thread

_PRSTATUS, _SIGINFO, _FPREGSET = (CORE, NoteType.PRSTATUS), (CORE, NoteType.SIGINFO), (CORE, NoteType.PRFPREG)
_STATES = "RSDTZW"
_LOAD_WORDS = [SegmentType.LOAD | flags << 32 for flags in range(8)]
"""p_type and p_flags of a PT_LOAD, as one word."""


def build_head(target: Target, plan: DumpPlan, origin: Origin) -> tuple[list[bytes | memoryview], array[int]]:
    """Return the parts of the head, padded to a page, and the file offset of each segment's memory.

    A plan that is cut finer than pages is laid out in pieces as small.
    """
    page = target.platform.page_size
    piece = min(plan.alignment or page, page)
    notes = list(_notes(target, origin))
    notes_size = sum(map(len, notes))
    count = len(plan) + 1
    tables = HEADER.size + count * PROGRAM_HEADER.size
    extended = build_extended_counts(count) if count >= PN_XNUM else b""
    notes_at = tables + len(extended)
    header = ElfHeader(ElfType.CORE, target.platform.machine, count)
    if extended:
        header = ElfHeader(ElfType.CORE, target.platform.machine, count, shnum=1, shoff=tables)
    head_size = _up(notes_at + notes_size, page if len(plan) else 4)
    offsets = _place(plan, head_size, piece)
    front = build_header(header) + _note_header(notes_at, notes_size)
    rest = b"".join((extended, *notes, bytes(head_size - notes_at - notes_size)))
    return [front, _load_headers(plan, offsets, piece), rest], offsets


def _place(plan: DumpPlan, head_size: int, page: int) -> array[int]:
    """Give each segment's memory its place: congruent to its address within a page, none for none stored.

    The block of zeros that segments share comes first.
    """
    offsets = array("Q", [0]) * len(plan)
    begin = head_size + plan.zero_block
    segment_rows.place(plan.starts, plan.stored, plan.zeros, begin, head_size, page, offsets)
    return offsets


def _note_header(offset: int, size: int) -> bytes:
    return build_program_header(ProgramHeader(SegmentType.NOTE, 0, offset, 0, size, 0, align=4))


def _load_headers(plan: DumpPlan, offsets: array[int], page: int) -> memoryview:
    """Return the bytes of a PT_LOAD for each segment."""
    flags = array("Q", map(_LOAD_WORDS.__getitem__, plan.protections))
    nothing = array("Q", [0]) * len(plan)
    pages = array("Q", [page]) * len(plan)
    return interleaved((flags, offsets, plan.starts, nothing, plan.stored, plan.sizes, pages))


def _notes(target: Target, origin: Origin) -> Iterator[bytes]:
    """Yield every note: the first thread's with the process's in their midst, the other threads', ours."""
    first, others = target.threads[:1], target.threads[1:]
    for thread in first:
        yield build_note(*_PRSTATUS, thread.notes.get(_PRSTATUS) or _prstatus(target, thread))
    yield build_note(CORE, NoteType.PRPSINFO, build_prpsinfo(_prpsinfo(target.process)))
    for thread in first:
        if _SIGINFO in thread.notes:
            yield build_note(*_SIGINFO, thread.notes[_SIGINFO])
    yield build_note(CORE, NoteType.AUXV, target.auxv)
    yield build_note(CORE, NoteType.FILE, _file_note(target))
    for thread in first:
        yield from _register_notes(thread, {_PRSTATUS, _SIGINFO})
    for thread in others:
        yield build_note(*_PRSTATUS, thread.notes.get(_PRSTATUS) or _prstatus(target, thread))
        yield from _register_notes(thread, {_PRSTATUS})
    yield build_note(OWNER, DotdumpNote.ORIGIN, build_origin(origin))
    yield build_note(OWNER, DotdumpNote.MAPS, build_maps(target.regions))


def _register_notes(thread: Thread, done: set[tuple[str, NoteType]]) -> Iterator[bytes]:
    keys = [key for key in thread.notes if key not in done]
    for key in sorted(keys, key=_FPREGSET.__ne__):
        yield build_note(*key, thread.notes[key])
    if thread.name:
        yield build_note(OWNER, DotdumpNote.THREAD_NAME, thread.name.encode("utf-8", "surrogateescape"))


def _prstatus(target: Target, thread: Thread) -> bytes:
    """For a thread of which only the registers are known."""
    process = target.process
    status = Prstatus(
        *(thread.tid, thread.registers, thread.signal, 0, 0, thread.signal),
        ppid=process.ppid,
        pgrp=process.pgrp,
        sid=process.sid,
        fpvalid=int(_FPREGSET in thread.notes),
    )
    return build_prstatus(status, REGISTER_FILES[target.platform.machine])


def _prpsinfo(process: ProcessFacts) -> Prpsinfo:
    return Prpsinfo(
        *(process.pid, _bytes(process.name), _bytes(process.arguments), process.ppid, process.pgrp, process.sid),
        *(process.uid & 0xFFFFFFFF, process.gid & 0xFFFFFFFF, process.state),
        state=max(_STATES.find(process.state), 0),
        zombie=int(process.state == "Z"),
        nice=process.nice,
        flags=process.flags,
    )


def _file_note(target: Target) -> bytes:
    files = [MappedFile(r.start, r.end, r.offset, r.path) for r in named_regions(target.regions) if r.path[0] == "/"]
    return build_file_note(files, target.platform.page_size)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _up(position: int, page: int) -> int:
    return (position + page - 1) // page * page
