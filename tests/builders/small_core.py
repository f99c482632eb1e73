"""A small, whole core from first principles: two threads with stacks, a runtime module, every usual note."""

from dataclasses import dataclass

from dotdump.formats import core_notes, elf
from dotdump.formats.core_notes import MappedFile, NoteType, Prpsinfo, Prstatus
from dotdump.formats.machine import Machine
from dotdump.formats.notes import build_note
from dotdump.formats.registers import X86_64

PAGE = 4096
RUNTIME = "/runtime/libcoreclr.so"
RUNTIME_BASE = 0x7F0000000000


@dataclass(frozen=True)
class SmallCore:
    pid: int = 42
    threads: tuple[int, ...] = (42, 43)
    files: tuple[tuple[str, int], ...] = ((RUNTIME, RUNTIME_BASE),)
    runtime_page: bytes = elf.MAGIC
    without: frozenset[NoteType] = frozenset()
    machine: int = Machine.X86_64
    type: int = elf.ElfType.CORE

    def build(self) -> bytes:
        """The bytes of the file."""
        notes = b"".join(self._notes())
        memory = [*((self._stack(tid), b"stack") for tid in self.threads), (RUNTIME_BASE, self.runtime_page)]
        count = len(memory) + 1
        notes_at = elf.HEADER.size + count * elf.PROGRAM_HEADER.size
        memory_at = -(-(notes_at + len(notes)) // PAGE) * PAGE
        headers = [elf.ProgramHeader(elf.SegmentType.NOTE, 0, notes_at, 0, len(notes), 0, align=1)]
        headers += [
            elf.ProgramHeader(elf.SegmentType.LOAD, 6, memory_at + index * PAGE, address, PAGE, PAGE)
            for index, (address, _) in enumerate(memory)
        ]
        head = elf.build_header(elf.ElfHeader(self.type, self.machine, count))
        table = b"".join(elf.build_program_header(header) for header in headers)
        pages = b"".join(data.ljust(PAGE, b"\0") for _, data in memory)
        return (head + table + notes).ljust(memory_at, b"\0") + pages

    def _stack(self, tid: int) -> int:
        return 0x10000 * tid

    def _notes(self) -> list[bytes]:
        files = [MappedFile(base, base + PAGE, 0, path) for path, base in self.files]
        bodies = [
            (NoteType.PRPSINFO, core_notes.build_prpsinfo(Prpsinfo(self.pid, b"shop"))),
            (NoteType.AUXV, core_notes.build_auxv({core_notes.AuxType.PAGESZ: PAGE})),
            (NoteType.FILE, core_notes.build_file_note(files)),
            *((NoteType.PRSTATUS, self._status(tid)) for tid in self.threads),
        ]
        return [build_note("CORE", kind, body) for kind, body in bodies if kind not in self.without]

    def _status(self, tid: int) -> bytes:
        registers = {"rsp": self._stack(tid) + 64, "rip": RUNTIME_BASE + 16}
        return core_notes.build_prstatus(Prstatus(tid, registers), X86_64)
