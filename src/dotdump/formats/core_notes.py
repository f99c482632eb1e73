"""Notes of ELF cores, parsed and built: PRSTATUS, PRPSINFO, AUXV, FILE, SIGINFO. Register sets are in ``registers``.

Layouts are those of 64-bit Linux; they differ between architectures only in the registers. Every count is bounded by
the bytes that are there. Source of truth: uapi ``linux/elfcore.h`` and ``linux/elf.h``, ``fs/binfmt_elf.c``,
sigaction(2).
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

from dotdump.errors import FormatError
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dotdump.formats.registers import RegisterFile

CORE, LINUX = "CORE", "LINUX"


class NoteType(IntEnum):
    """Types of notes with the owner CORE."""

    PRSTATUS = 1
    PRFPREG = 2
    PRPSINFO = 3
    AUXV = 6
    SIGINFO = 0x53494749
    FILE = 0x46494C45


class AuxType(IntEnum):
    """``a_type`` of the auxiliary vector, as far as anything here asks for it."""

    NULL = 0
    PHDR = 3
    PHENT = 4
    PHNUM = 5
    PAGESZ = 6
    BASE = 7
    ENTRY = 9
    UID = 11
    SYSINFO_EHDR = 33
    EXECFN = 31


_PRSTATUS_HEAD = Struct("<iiihxxQQiiii8q")
_PRSTATUS_TAIL = Struct("<i4x")
_PRPSINFO = Struct("<b1sbb4xQIIiiii16s80s")
_AUXV = Struct("<QQ")
_FILE_HEAD = Struct("<QQ")
_FILE_ENTRY = Struct("<QQQ")
_FILE_MOST = 1 << 64
_SIGINFO = Struct("<iii4x")
_SIGINFO_SIZE = 128


@record
class Prstatus:
    """NT_PRSTATUS: one thread. Times in microseconds; ``cursig`` is what the thread was stopped by, 0 for nothing."""

    pid: int
    registers: Mapping[str, int]
    signo: int = 0
    code: int = 0
    errno: int = 0
    cursig: int = 0
    sigpend: int = 0
    sighold: int = 0
    ppid: int = 0
    pgrp: int = 0
    sid: int = 0
    utime: int = 0
    stime: int = 0
    cutime: int = 0
    cstime: int = 0
    fpvalid: int = 1


@record
class Prpsinfo:
    """NT_PRPSINFO: the process. ``fname`` at most 15 bytes, ``psargs`` at most 79 as the kernel cuts them."""

    pid: int
    fname: bytes
    psargs: bytes = b""
    ppid: int = 0
    pgrp: int = 0
    sid: int = 0
    uid: int = 0
    gid: int = 0
    sname: str = "R"
    state: int = 0
    zombie: int = 0
    nice: int = 0
    flags: int = 0


@record
class MappedFile:
    """A line of NT_FILE: ``path`` from byte ``offset`` on is mapped from ``start`` up to ``end``."""

    start: int
    end: int
    offset: int
    path: str


@record
class FileNote:
    """NT_FILE. ``missing`` counts lines that the note promises but does not hold."""

    files: tuple[MappedFile, ...]
    page_size: int = 4096
    missing: int = 0


@record
class Siginfo:
    """NT_SIGINFO. ``address`` of faults that have one, ``pid`` and ``uid`` of who sent what was sent, else None."""

    signo: int
    code: int = 0
    errno: int = 0
    address: int | None = None
    pid: int | None = None
    uid: int | None = None


FAULT_SIGNALS = frozenset((4, 5, 7, 8, 11))
"""SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV: their siginfo holds an address where the kernel raised them for a fault."""
SI_KERNEL = 0x80
"""The kernel raised it, and says no more. Codes below, but above 0, are those of faults; above it those of ptrace."""
_SI_TIMER, _SI_SIGIO = -2, -5


def parse_prstatus(data: bytes | memoryview, registers: RegisterFile) -> Prstatus:
    """Return NT_PRSTATUS; ``FormatError`` where its head is cut. Registers that are cut away are left out."""
    if len(data) < _PRSTATUS_HEAD.size:
        raise FormatError(f"NT_PRSTATUS of {len(data)} bytes is too short")
    signo, code, errno, cursig, sigpend, sighold, pid, ppid, pgrp, sid, *times = _PRSTATUS_HEAD.unpack_from(data)
    tail = _PRSTATUS_HEAD.size + registers.general_size
    fpvalid = _PRSTATUS_TAIL.unpack_from(data, tail)[0] if len(data) >= tail + _PRSTATUS_TAIL.size else 0
    general = registers.parse_general(data, _PRSTATUS_HEAD.size)
    return Prstatus(
        *(pid, general, signo, code, errno, cursig, sigpend, sighold),
        *(ppid, pgrp, sid, *map(_micros, times[::2], times[1::2]), fpvalid),
    )


def build_prstatus(status: Prstatus, registers: RegisterFile) -> bytes:
    """Return the bytes of NT_PRSTATUS."""
    times = [
        part for us in (status.utime, status.stime, status.cutime, status.cstime) for part in divmod(us, 1_000_000)
    ]
    head = _PRSTATUS_HEAD.pack(
        *(status.signo, status.code, status.errno, status.cursig, status.sigpend, status.sighold),
        *(status.pid, status.ppid, status.pgrp, status.sid, *times),
    )
    return head + registers.build_general(status.registers) + _PRSTATUS_TAIL.pack(status.fpvalid)


def _micros(seconds: int, rest: int) -> int:
    return seconds * 1_000_000 + rest


def parse_prpsinfo(data: bytes) -> Prpsinfo:
    """Return NT_PRPSINFO; ``FormatError`` where it is cut."""
    if len(data) < _PRPSINFO.size:
        raise FormatError(f"NT_PRPSINFO of {len(data)} bytes, not {_PRPSINFO.size}")
    state, sname, zombie, nice, flags, uid, gid, pid, ppid, pgrp, sid, fname, psargs = _PRPSINFO.unpack_from(data)
    return Prpsinfo(
        *(pid, fname.split(b"\0", 1)[0], psargs.split(b"\0", 1)[0].rstrip(b" "), ppid, pgrp, sid, uid, gid),
        *(sname.decode("latin-1"), state, zombie, nice, flags),
    )


def build_prpsinfo(info: Prpsinfo) -> bytes:
    """Return the bytes of NT_PRPSINFO; a name or command line that is too long is cut as the kernel cuts it."""
    return _PRPSINFO.pack(
        *(info.state, info.sname.encode("latin-1"), info.zombie, info.nice, info.flags, info.uid, info.gid),
        *(info.pid, info.ppid, info.pgrp, info.sid, info.fname[:15], info.psargs[:79]),
    )


def parse_auxv(data: bytes) -> dict[int, int]:
    """Return the auxiliary vector up to AT_NULL, by type."""
    vector: dict[int, int] = {}
    for kind, value in _AUXV.iter_unpack(data[: len(data) // _AUXV.size * _AUXV.size]):
        if kind == AuxType.NULL:
            break
        vector.setdefault(kind, value)
    return vector


def build_auxv(vector: Mapping[int, int]) -> bytes:
    """Return the auxiliary vector with its AT_NULL."""
    return b"".join(_AUXV.pack(kind, value) for kind, value in [*vector.items(), (AuxType.NULL, 0)])


def parse_file_note(data: bytes) -> FileNote:
    """Return NT_FILE; ``FormatError`` where its head is cut or no file is that large.

    Lines that are cut away are counted as missing.
    """
    if len(data) < _FILE_HEAD.size:
        raise FormatError(f"NT_FILE of {len(data)} bytes is too short")
    count, page_size = _FILE_HEAD.unpack_from(data)
    there = min(count, (len(data) - _FILE_HEAD.size) // _FILE_ENTRY.size)
    entries_end = _FILE_HEAD.size + there * _FILE_ENTRY.size
    entries = _FILE_ENTRY.iter_unpack(data[_FILE_HEAD.size : entries_end])
    names = data[entries_end:].split(b"\0", there)[:-1] if there == count else []
    files = tuple(
        MappedFile(start, end, offset * page_size, name.decode("utf-8", "surrogateescape"))
        for (start, end, offset), name in zip(entries, names, strict=False)
    )
    if any(f.offset + max(f.end - f.start, 0) > _FILE_MOST for f in files):
        raise FormatError(f"NT_FILE, in pages of {page_size} bytes, tells of more than a file can have")
    return FileNote(files, page_size, count - len(files))


def build_file_note(files: Iterable[MappedFile], page_size: int = 4096) -> bytes:
    """Return the bytes of NT_FILE."""
    lines = list(files)
    entries = b"".join(_FILE_ENTRY.pack(f.start, f.end, f.offset // page_size) for f in lines)
    names = b"".join(f.path.encode("utf-8", "surrogateescape") + b"\0" for f in lines)
    return _FILE_HEAD.pack(len(lines), page_size) + entries + names


def parse_siginfo(data: bytes) -> Siginfo:
    """Return NT_SIGINFO; ``FormatError`` where its head is cut.

    What the union holds goes by the code, as in ``siginfo_layout`` of ``kernel/signal.c``: a timer has no pid.
    """
    if len(data) < _SIGINFO.size + 8:
        raise FormatError(f"NT_SIGINFO of {len(data)} bytes is too short")
    signo, errno, code = _SIGINFO.unpack_from(data)
    union = data[_SIGINFO.size : _SIGINFO.size + 8]
    if 0 < code < SI_KERNEL and signo in FAULT_SIGNALS:
        return Siginfo(signo, code, errno, address=int.from_bytes(union, "little"))
    if code <= 0 and code not in (_SI_TIMER, _SI_SIGIO):
        pid, uid = int.from_bytes(union[:4], "little", signed=True), int.from_bytes(union[4:], "little")
        return Siginfo(signo, code, errno, pid=pid, uid=uid)
    return Siginfo(signo, code, errno)


def build_siginfo(info: Siginfo) -> bytes:
    """Return the 128 bytes of NT_SIGINFO."""
    union = b""
    if info.address is not None:
        union = info.address.to_bytes(8, "little")
    elif info.pid is not None:
        union = info.pid.to_bytes(4, "little", signed=True) + (info.uid or 0).to_bytes(4, "little")
    return (_SIGINFO.pack(info.signo, info.errno, info.code) + union).ljust(_SIGINFO_SIZE, b"\0")
