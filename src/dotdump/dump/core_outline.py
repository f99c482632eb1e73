"""The outline of a core: headers and notes, without the memory. What ``verify`` looks at.

Tolerant: what is cut is left out and counted. It is not a ``Target``; opening a core for analysis is elsewhere.
Source of truth: gABI ch. 5, core(5).
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.formats import core_notes
from dotdump.formats.core_notes import NoteType
from dotdump.formats.dotdump_notes import OWNER, DotdumpNote
from dotdump.formats.elf import SECTION_HEADER, ElfType, SegmentType, read_header
from dotdump.formats.machine import Machine
from dotdump.formats.notes import read_notes
from dotdump.formats.program_table import counted, read_program_table
from dotdump.formats.registers import REGISTER_FILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.formats.core_notes import MappedFile, Prpsinfo, Prstatus
    from dotdump.formats.elf import ElfHeader
    from dotdump.formats.notes import Note
    from dotdump.formats.program_table import ProgramTable
    from dotdump.formats.registers import RegisterFile
    from dotdump.memory.space import AddressSpace


class CoreOutline:
    """Headers and notes of one core; offsets and sizes in bytes.

    ``end`` is where the file must end at the earliest; ``notes_unread`` counts bytes of notes that are cut or false.
    """

    def __init__(self, header: ElfHeader, segments: ProgramTable, registers: RegisterFile) -> None:
        self.header = header
        self.registers = registers
        self.segments = segments
        self.totals = segments.totals()
        self.note_segments = segments.headers(SegmentType.NOTE)
        self.end = max((s.offset + s.filesz for s in self.note_segments), default=0)
        self.end = max(self.end, self.totals.end, header.shoff + header.shnum * SECTION_HEADER.size)
        self.process: Prpsinfo | None = None
        self.threads: list[Prstatus] = []
        self.files: tuple[MappedFile, ...] = ()
        self.has_auxv = False
        self.has_origin = False
        self.note_count = 0
        self.notes_unread = 0

    def stack_pointer(self, thread: Prstatus) -> int:
        """Return a thread's stack pointer; 0 where its registers are cut."""
        return thread.registers.get(self.registers.stack_pointer, 0)

    def is_worker(self, thread: Prstatus) -> bool:
        """Whether a thread runs the kernel's code alone, as those of io_uring do: it has neither a stack nor code."""
        names = self.registers.stack_pointer, self.registers.instruction_pointer
        return all(thread.registers.get(name) == 0 for name in names)

    @property
    def missing_notes(self) -> list[str]:
        """Names of the notes that every core has and this one lacks."""
        there = {"NT_PRPSINFO": self.process, "NT_PRSTATUS": self.threads, "NT_AUXV": self.has_auxv}
        return [name for name, what in {**there, "NT_FILE": self.files}.items() if not what]


def read_outline(space: AddressSpace, source: str = "") -> CoreOutline:
    """Read the outline of the core at address 0; raises ``FormatError`` where there is no ELF core that we know."""
    header = read_header(space, source=source)
    if header.type != ElfType.CORE:
        raise FormatError("an ELF file, but not a core", source=source, offset=16)
    if header.machine not in set(Machine):
        raise FormatError(f"a core for an unknown machine ({header.machine})", source=source, offset=18)
    registers = REGISTER_FILES[Machine(header.machine)]
    header = counted(space, header)
    outline = CoreOutline(header, read_program_table(space, header), registers)
    for segment, data, notes in read_notes(space, outline.note_segments):
        outline.notes_unread += segment.filesz - len(data) + len(bytes(data[notes.end :]).strip(b"\0"))
        _take_notes(outline, notes.notes)
    return outline


def _take_notes(outline: CoreOutline, notes: tuple[Note, ...]) -> None:
    outline.note_count += len(notes)
    for note in notes:
        outline.has_origin |= (note.owner, note.type) == (OWNER, DotdumpNote.ORIGIN)
        if note.owner == core_notes.CORE:
            try:
                _take_note(outline, note.type, note.data)
            except FormatError:
                outline.notes_unread += len(note.data)


def _take_note(outline: CoreOutline, kind: int, data: bytes) -> None:
    if kind == NoteType.PRSTATUS:
        outline.threads.append(core_notes.parse_prstatus(data, outline.registers))
    elif kind == NoteType.PRPSINFO:
        outline.process = core_notes.parse_prpsinfo(data)
    elif kind == NoteType.AUXV:
        outline.has_auxv = bool(core_notes.parse_auxv(data))
    elif kind == NoteType.FILE:
        note = core_notes.parse_file_note(data)
        outline.files = note.files
        outline.notes_unread += note.missing
