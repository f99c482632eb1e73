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
    workers: tuple[int, ...] = ()
    files: tuple[tuple[str, int], ...] = ((RUNTIME, RUNTIME_BASE),)
    runtime_page: bytes = elf.MAGIC
    without: frozenset[NoteType] = frozenset()
    machine: int = Machine.X86_64
    type: int = elf.ElfType.CORE
    guards: int = 0
    """Pages of memory that the file does not hold; from 65,531 on the last 64 bytes of the file count the segments."""

    def build(self) -> bytes:
        """The bytes of the file."""
        notes = b"".join(self._notes())
        memory = [*((self._stack(tid), b"stack") for tid in self.threads), (RUNTIME_BASE, self.runtime_page)]
        count = len(memory) + 1 + self.guards
        notes_at = elf.HEADER.size + count * elf.PROGRAM_HEADER.size
        memory_at = -(-(notes_at + len(notes)) // PAGE) * PAGE
        headers = [elf.ProgramHeader(elf.SegmentType.NOTE, 0, notes_at, 0, len(notes), 0, align=1)]
        headers += [
            elf.ProgramHeader(elf.SegmentType.LOAD, 6, memory_at + index * PAGE, address, PAGE, PAGE)
            for index, (address, _) in enumerate(memory)
        ]
        headers[1:1] = [elf.ProgramHeader(elf.SegmentType.LOAD, 0, memory_at, PAGE * n, 0, PAGE) for n in self._guarded]
        end = memory_at + len(memory) * PAGE if count >= elf.PN_XNUM else 0
        head = elf.build_header(elf.ElfHeader(self.type, self.machine, count, shnum=bool(end), shoff=end))
        table = b"".join(elf.build_program_header(header) for header in headers)
        pages = b"".join(data.ljust(PAGE, b"\0") for _, data in memory)
        counts = elf.build_extended_counts(count) if end else b""
        return (head + table + notes).ljust(memory_at, b"\0") + pages + counts

    @property
    def _guarded(self) -> range:
        return range(1 << 30, (1 << 30) + self.guards)

    def _stack(self, tid: int) -> int:
        return 0x10000 * tid

    def _notes(self) -> list[bytes]:
        files = [MappedFile(base, base + PAGE, 0, path) for path, base in self.files]
        bodies = [
            (NoteType.PRPSINFO, core_notes.build_prpsinfo(Prpsinfo(self.pid, b"shop"))),
            (NoteType.AUXV, core_notes.build_auxv({core_notes.AuxType.PAGESZ: PAGE})),
            (NoteType.FILE, core_notes.build_file_note(files)),
            *((NoteType.PRSTATUS, self._status(tid)) for tid in self.threads),
            *((NoteType.PRSTATUS, core_notes.build_prstatus(Prstatus(tid, {}), X86_64)) for tid in self.workers),
        ]
        return [build_note("CORE", kind, body) for kind, body in bodies if kind not in self.without]

    def _status(self, tid: int) -> bytes:
        registers = {"rsp": self._stack(tid) + 64, "rip": RUNTIME_BASE + 16}
        return core_notes.build_prstatus(Prstatus(tid, registers), X86_64)
