"""Is a core whole, and is it the one that was asked for? A list of findings, never a change to the file.

Reads headers, notes and a page here and there: its cost does not grow with the memory in the core. That every byte
of memory is right it cannot say. Source of truth: gABI ch. 5, core(5), and what createdump, the kernel and gcore write.
"""

from __future__ import annotations

from enum import StrEnum
from zlib import crc32

from dotdump.dump.core_outline import CoreOutline, read_outline
from dotdump.dump.short_paths import short_path
from dotdump.errors import FormatError
from dotdump.formats.elf import MAGIC
from dotdump.formats.machine import Machine
from dotdump.formats.runtime_files import RUNTIME_FILE
from dotdump.limits import NOTE_SEGMENT
from dotdump.memory.mapped_path import file_name
from dotdump.records import record
from dotdump.target.model import Problem
from dotdump.target.own_notes import read_trailer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.memory.space import AddressSpace
    from dotdump.memory.zstd import ZstdSpace


class Verdict(StrEnum):
    """What a finding means for the core."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@record
class Finding:
    """One check of a core: its name, how it came out, and what was seen."""

    check: str
    verdict: Verdict
    seen: str


@record
class Expectation:
    """What is known of the process apart from the core; what is None or empty is not compared.

    ``threads`` are ids that must be in the core; ``runtime`` is the path of the runtime's module, ``runtime_base``
    where its ELF header was mapped. Ids and paths are as the target's own namespaces have them; ``shortened`` says
    that paths may be cut, as in a Triage dump of ours and never in one of the runtime's. ``runtime_inside`` is what the
    process itself, and so its createdump, calls that module: in a chroot that is not what we see.
    """

    pid: int | None = None
    threads: frozenset[int] = frozenset()
    runtime: str = ""
    runtime_base: int = 0
    shortened: bool = False
    runtime_inside: str = ""


_STEP = 1 << 20
STACK_CHECKS = 1000
"""Threads whose stack is looked for: each costs a search, and a thousand tell as much as all."""


def verify_core(space: AddressSpace, size: int, expected: Expectation | None = None) -> tuple[Finding, ...]:
    """Check the core that ``space`` holds from address 0 to ``size``; raises nothing for what is wrong with it."""
    if size == 0:
        return (Finding("header", Verdict.PROBLEM, "the file is empty"),)
    try:
        outline = read_outline(space)
    except FormatError as error:
        return (Finding("header", Verdict.PROBLEM, str(error)),)
    return tuple(_findings(outline, space, size, expected or Expectation()))


def verify_frames(content: ZstdSpace) -> Finding:
    """Check that the frames of a compressed core are as large as they are read: else memory would be that of others.

    Those that were asked for before must have been whole.
    """
    wrong = content.false_frame() or next(iter(content.damage), "")
    if wrong:
        return Finding("frames", Verdict.PROBLEM, wrong)
    return Finding("frames", Verdict.OK, "each holds as much as its head says")


def worst(findings: tuple[Finding, ...]) -> Verdict:
    """Return the gravest verdict there is."""
    verdicts = {finding.verdict for finding in findings}
    return next((v for v in (Verdict.PROBLEM, Verdict.WARNING) if v in verdicts), Verdict.OK)


def _findings(core: CoreOutline, space: AddressSpace, size: int, expected: Expectation) -> Iterator[Finding]:
    yield Finding(
        "header", Verdict.OK, f"ELF core for {Machine(core.header.machine).name}, {core.header.phnum:,} segments"
    )
    yield _check_segments(core)
    yield _check_length(core, size)
    if core.has_origin:
        yield _check_trailer(core, space)
    yield _check_notes(core)
    yield _check_process(core, expected)
    yield _check_threads(core, expected)
    yield _check_stacks(core, space)
    yield _check_modules(core, expected)
    if runtime := _runtime_base(core, expected):
        yield _check_runtime_memory(core, space, runtime)


def _check_segments(core: CoreOutline) -> Finding:
    missing = core.header.phnum - core.segments.count
    if missing > 0:
        return Finding("segments", Verdict.PROBLEM, f"{missing:,} of {core.header.phnum:,} program headers are cut off")
    if not core.note_segments:
        return Finding("segments", Verdict.PROBLEM, "there is no PT_NOTE: neither threads nor registers are known")
    if not core.segments.starts:
        return Finding("segments", Verdict.PROBLEM, "there is no PT_LOAD: no memory at all")
    totals = core.totals
    if totals.overlong or totals.overlapping:
        seen = f"{totals.overlapping:,} overlap another, {totals.overlong:,} have more bytes in the file than in memory"
        return Finding("segments", Verdict.PROBLEM, seen)
    return Finding("segments", Verdict.OK, f"{len(core.segments.starts):,} of memory, {totals.held:,} bytes")


def _check_length(core: CoreOutline, size: int) -> Finding:
    if size < core.end:
        seen = f"the file ends at {size:,}, {core.end - size:,} bytes before what its headers promise"
        return Finding("length", Verdict.PROBLEM, seen)
    if size > core.end and not core.has_origin:
        return Finding("length", Verdict.OK, f"{size:,} bytes, {size - core.end:,} more than the headers tell of")
    return Finding("length", Verdict.OK, f"{size:,} bytes, as the headers say")


def _check_trailer(core: CoreOutline, space: AddressSpace) -> Finding:
    """Look for the trailer that a core of ours ends with: it says what could not be read and what the head must be."""
    trailer = read_trailer(space, core.end, "the core")
    if isinstance(trailer, Problem):
        return Finding("trailer", Verdict.PROBLEM, trailer.message)
    if _checksum(space, min(trailer.head, NOTE_SEGMENT)) != trailer.head_crc:
        return Finding("trailer", Verdict.PROBLEM, "headers or notes are damaged: their checksum is wrong")
    lost = sum(gap.end - gap.start for gap in trailer.gaps)
    if lost:
        seen = f"{lost:,} bytes in {len(trailer.gaps):,} places could not be read: {trailer.gaps[0].reason}"
        return Finding("trailer", Verdict.WARNING, seen)
    return Finding("trailer", Verdict.OK, f"written whole, {trailer.zero:,} bytes of it zero pages")


def _checksum(space: AddressSpace, size: int) -> int:
    """Return the CRC-32 of what can be read of the first ``size`` bytes."""
    checksum = position = 0
    while position < size and (data := space.read_available(position, min(size - position, _STEP))):
        checksum = crc32(data, checksum)
        position += len(data)
    return checksum


def _check_notes(core: CoreOutline) -> Finding:
    if core.notes_unread:
        return Finding("notes", Verdict.PROBLEM, f"{core.notes_unread:,} bytes of notes are cut off or malformed")
    if core.missing_notes:
        return Finding("notes", Verdict.WARNING, f"no {', '.join(core.missing_notes)}")
    return Finding("notes", Verdict.OK, f"{core.note_count:,} notes")


def _check_process(core: CoreOutline, expected: Expectation) -> Finding:
    if core.process is None:
        return Finding("process", Verdict.WARNING, "NT_PRPSINFO is missing: the core does not say whose it is")
    pid, name = core.process.pid, core.process.fname.decode("utf-8", "backslashreplace")
    if expected.pid is not None and pid != expected.pid:
        return Finding("process", Verdict.PROBLEM, f"the core is of process {pid} ({name}), not of {expected.pid}")
    return Finding("process", Verdict.OK, f"pid {pid}, {name}")


def _check_threads(core: CoreOutline, expected: Expectation) -> Finding:
    found = {thread.pid for thread in core.threads}
    if not found:
        return Finding("threads", Verdict.PROBLEM, "no thread at all")
    missing = sorted(expected.threads - found)
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        seen = f"{len(missing)} of {len(expected.threads)} threads are not in the core: {shown}"
        return Finding("threads", Verdict.PROBLEM, seen)
    return Finding("threads", Verdict.OK, f"{len(found)} threads")


def _check_stacks(core: CoreOutline, space: AddressSpace) -> Finding:
    looked = [thread for thread in core.threads[:STACK_CHECKS] if not core.is_worker(thread)]
    gone = [thread.pid for thread in looked if not _memory_at(core, space, core.stack_pointer(thread), 8)]
    if gone:
        shown = ", ".join(map(str, gone[:5]))
        return Finding("stacks", Verdict.WARNING, f"{len(gone)} of {len(looked)} threads have no stack memory: {shown}")
    return Finding("stacks", Verdict.OK, f"the stacks of {len(looked)} threads are there")


def _check_modules(core: CoreOutline, expected: Expectation) -> Finding:
    count = len({file.path for file in core.files})
    names = {expected.runtime, expected.runtime_inside or expected.runtime}
    if expected.shortened:
        names.add(short_path(expected.runtime))
    if expected.runtime and all(file.path not in names for file in core.files):
        seen = f"NT_FILE names {count} files, but not the runtime, {expected.runtime}"
        return Finding("modules", Verdict.PROBLEM, seen)
    if not count:
        return Finding("modules", Verdict.WARNING, "NT_FILE is missing or empty: modules must be found by their memory")
    named = f", {expected.runtime} among them" if expected.runtime else ""
    return Finding("modules", Verdict.OK, f"{count} files{named}")


def _runtime_base(core: CoreOutline, expected: Expectation) -> int:
    if expected.runtime_base:
        return expected.runtime_base
    bases = (file.start for file in core.files if file_name(file.path) == RUNTIME_FILE and file.offset == 0)
    return next(bases, 0)


def _check_runtime_memory(core: CoreOutline, space: AddressSpace, base: int) -> Finding:
    head = _memory_at(core, space, base, len(MAGIC))
    if head != MAGIC:
        why = "is not in the core" if not head else f"does not start with an ELF header but with {head.hex(' ')}"
        return Finding("runtime", Verdict.PROBLEM, f"the memory of the runtime's module at {base:#x} {why}")
    return Finding("runtime", Verdict.OK, f"the runtime's module is at {base:#x}")


def _memory_at(core: CoreOutline, space: AddressSpace, address: int, size: int) -> bytes:
    """Return the bytes of memory at ``address`` that the file really holds, ``b""`` where it does not."""
    table, row = core.segments, core.segments.find_load(address)
    if row < 0 or address + size > table.starts[row] + table.stored[row]:
        return b""
    data = space.read_available(table.offsets[row] + address - table.starts[row], size)
    return data if len(data) == size else b""
