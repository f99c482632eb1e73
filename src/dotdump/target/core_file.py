"""An ELF core as a file: headers, segments and notes, as far as they are there, and what is wrong with them.

Knows no threads, modules or memory; reads headers and notes only. A cut or contradictory file gives what it has, with
a ``Problem`` for each thing it has not. Source of truth: gABI ch. 4 and 5, core(5), ``fs/binfmt_elf.c``.
"""

from __future__ import annotations

from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.elf import (
    PROGRAM_HEADER,
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentType,
    read_header,
)
from dotdump.formats.notes import Note, read_notes
from dotdump.formats.program_table import ProgramTable, counted, read_program_table
from dotdump.formats.registers import REGISTER_FILES, RegisterFile
from dotdump.records import record
from dotdump.target.model import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace


_KINDS: dict[int, str] = {
    ElfType.REL: "an object file",
    ElfType.EXEC: "an executable",
    ElfType.DYN: "an executable or a library",
}


_EMPTY = "its writer found no room, was not allowed to write, or ended before it did: dump the process again"


@record
class CoreFile:
    """A core. ``expected_size`` is where its headers say that it ends; a smaller ``size`` means that it was cut."""

    name: str
    size: int
    expected_size: int
    header: ElfHeader
    segments: ProgramTable
    notes: tuple[Note, ...]
    registers: RegisterFile
    problems: tuple[Problem, ...] = ()

    @property
    def loads(self) -> list[ProgramHeader]:
        """The headers of memory, in the order of the file; each time they are made anew."""
        return self.segments.headers(SegmentType.LOAD)

    @property
    def cut(self) -> bool:
        """Whether the file ends before its headers say."""
        return self.size < self.expected_size


def read_core_file(space: AddressSpace, size: int, name: str) -> CoreFile:
    """Return the core in ``space``, a file of ``size`` bytes; ``FormatError`` where it is none that can be read."""
    _require_beginning(space, size, name)
    header = read_header(space, source=name)
    registers = _architecture(header, name)
    problems: list[Problem] = []
    found = counted(space, header)
    if found is not header:
        text = f"the number of segments is lost; {found.phnum} by the space that they take"
        problems.append(Problem("segments", text))
        header = found
    segments = read_program_table(space, header)
    if segments.count < header.phnum:
        text = f"{name} ends in its program headers: {segments.count} of {header.phnum} are there"
        problems.append(Problem("cut", text))
    expected = segments.end() if segments.count else header.phoff + header.phnum * PROGRAM_HEADER.size
    if size < expected:
        problems.append(Problem("cut", f"{name} is cut: {size} bytes of {expected} are there"))
    notes = _notes(space, segments, name, problems)
    if not notes and not problems:
        problems.append(Problem("notes", f"{name} has no notes: threads and modules are unknown"))
    return CoreFile(name, size, expected, header, segments, notes, registers, tuple(problems))


def _require_beginning(space: AddressSpace, size: int, name: str) -> None:
    """Raise ``FormatError`` that says why where the first byte cannot be had, as of a damaged compressed file."""
    if size == 0:
        raise FormatError("there is nothing in it", source=name, hint=_EMPTY)
    try:
        space.read(0, 1)
    except MemoryFault as fault:
        raise FormatError(fault.message, source=name) from fault


def _architecture(header: ElfHeader, name: str) -> RegisterFile:
    if header.type != ElfType.CORE:
        kind = _KINDS.get(header.type, f"ELF of type {header.type}")
        raise FormatError(f"not a core, but {kind}", source=name)
    for machine, registers in REGISTER_FILES.items():
        if machine == header.machine:
            return registers
    known = ", ".join(f"{machine.name} ({machine})" for machine in REGISTER_FILES)
    raise FormatError(f"a core of machine {header.machine} is not supported, only {known}", source=name)


def _notes(space: AddressSpace, segments: ProgramTable, name: str, problems: list[Problem]) -> tuple[Note, ...]:
    notes: list[Note] = []
    for header, _, parsed in read_notes(space, segments.headers(SegmentType.NOTE)):
        notes += parsed.notes
        if parsed.end < header.filesz:
            at = header.offset + parsed.end
            text = f"{name}: notes are cut or damaged from offset {at:#x} on, {header.filesz - parsed.end} bytes"
            problems.append(Problem("notes", text))
    return tuple(notes)
