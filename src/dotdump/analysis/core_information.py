"""What a core says of itself: who, when, why it died, its runtime, its memory by kind, whether it is whole.

Source of truth: the open ``CoreTarget``; nothing is guessed that it cannot tell.
"""

from __future__ import annotations

from datetime import UTC, datetime

from dotdump.analysis.crashed_thread import death_of
from dotdump.analysis.signals import signal_name
from dotdump.clr.layout_choice import doubts_about
from dotdump.clr.runtime_module import runtime_modules
from dotdump.clr.runtime_version import find_version
from dotdump.formats.core_notes import Siginfo
from dotdump.formats.diagnostics_page import DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_SIZE, parse_diagnostics_page
from dotdump.formats.dotdump_notes import COLLECTING
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.memory.region import Region
    from dotdump.target.core import CoreTarget
    from dotdump.target.elf_module import ElfModule


@record
class Death:
    """The signal that ended the process; ``address`` for faults, ``sender`` a pid, where the core tells."""

    signal: int
    name: str
    code: int
    address: str | None
    sender: int | None
    thread: int


@record
class RuntimeInformation:
    """A .NET runtime in the core; ``file_version`` is that of its file, which in 3.1 is numbered in another way.

    ``known``: its structures are known, so that what is said of it can be believed.
    """

    kind: str
    version: str
    file_version: str
    known: bool
    path: str
    base: str
    build_id: str


@record
class MemoryKind:
    """Bytes of one kind of memory: ``mapped`` by the process, ``held`` by the core."""

    kind: str
    mapped: int
    held: int


@record
class Making:
    """How a core of ours came to be, and as what ``type`` of dump, empty where none was asked for.

    ``unread`` bytes in ``gaps`` places are zeros; ``not_atomic`` ones may be torn.
    """

    writer: str
    method: str
    type: str
    during_collection: bool
    gaps: int
    unread: int
    unread_why: str
    not_atomic: int


@record
class CoreInformation:
    """The answer of ``dotdump info``.

    ``when``, in ISO 8601, is what the core says, else when the file was changed, and None where that is no time.
    ``making`` is None for the cores of others, which do not tell; ``complete`` is one that is whole and has no gaps.
    """

    path: str
    size: int
    expected_size: int
    complete: bool
    format: str
    when: str | None
    pid: int
    name: str
    arguments: str
    uid: int
    threads: int
    modules: int
    making: Making | None
    death: Death | None
    runtimes: tuple[RuntimeInformation, ...]
    memory: tuple[MemoryKind, ...]
    problems: tuple[str, ...]


def describe_core(target: CoreTarget, changed: float) -> CoreInformation:
    """Return what an open core tells of itself; its file was ``changed`` so many seconds after 1970 began."""
    process, file = target.process, target.file
    runtimes, memory, making = tuple(_runtimes(target)), tuple(_memory(target)), _making(target)
    return CoreInformation(
        path=file.name,
        size=file.size,
        expected_size=file.expected_size,
        complete=not file.cut and not target.problems and not (making and making.unread),
        format=_format(target),
        when=_moment(changed if target.origin is None else target.origin.time),
        pid=process.pid,
        name=process.name,
        arguments=process.arguments,
        uid=process.uid,
        threads=len(target.threads),
        modules=len(target.modules),
        making=making,
        death=_death(target, runtimes),
        runtimes=runtimes,
        memory=memory,
        problems=tuple(problem.message for problem in target.problems),
    )


def _moment(seconds: float) -> str | None:
    """Return a moment to the second in ISO 8601; None where it is none of the years that this has."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def _format(target: CoreTarget) -> str:
    page = target.core_memory.read_available(DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_SIZE)
    mark = ", with .NET's diagnostics page" if parse_diagnostics_page(page) else ""
    return f"ELF core, {target.platform.architecture.value}, {len(target.file.segments.starts):,} segments{mark}"


def _making(target: CoreTarget) -> Making | None:
    origin = target.origin
    if origin is None:
        return None
    gaps = target.trailer.gaps if target.trailer else ()
    return Making(
        writer=origin.writer,
        method=origin.method,
        type=origin.type,
        during_collection=COLLECTING in origin.flags,
        gaps=len(gaps),
        unread=sum(gap.end - gap.start for gap in gaps),
        unread_why=gaps[0].reason if gaps else "",
        not_atomic=sum(part.end - part.start for part in origin.not_atomic),
    )


def _death(target: CoreTarget, runtimes: Iterable[RuntimeInformation]) -> Death | None:
    death = death_of(target, (runtime.version for runtime in runtimes))
    if death.thread is None or not death.signo:
        return None
    info = death.signal or Siginfo(death.signo)
    address = None if info.address is None else f"{info.address:#x}"
    return Death(info.signo, signal_name(info.signo), info.code, address, info.pid, death.thread.tid)


def _runtimes(target: CoreTarget) -> Iterator[RuntimeInformation]:
    loaded = {module.base: module for module in target.modules}
    for found in runtime_modules(target):
        module: ElfModule = loaded[found.module.base]
        version, build_id = find_version(target, found), (module.build_id or b"").hex()
        known = not doubts_about(found, version)
        base = f"{module.base:#x}"
        yield RuntimeInformation(found.kind.value, version, module.version, known, module.path, base, build_id)


def _memory(target: CoreTarget) -> Iterator[MemoryKind]:
    unnamed = "anonymous" if target.mapped_files else "of unknown file"
    mapped: dict[str, int] = {}
    held: dict[str, int] = {}
    ranges, index = target.core_memory.ranges(), 0
    for region in target.regions:
        kind = kind_of(region, unnamed)
        mapped[kind] = mapped.get(kind, 0) + region.size
        held.setdefault(kind, 0)
        while index < len(ranges) and ranges[index].end <= region.start:
            index += 1
        place = index
        while place < len(ranges) and ranges[place].start < region.end:
            overlap = min(region.end, ranges[place].end) - max(region.start, ranges[place].start)
            held[kind] += overlap
            place += 1
    for kind in sorted(mapped, key=lambda kind: -mapped[kind]):
        yield MemoryKind(kind, mapped[kind], held[kind])


def kind_of(region: Region, unnamed: str = "anonymous") -> str:
    """Return the kind of memory that a region is, in a word or two; ``unnamed`` is what one without a file is."""
    if region.path.startswith("["):
        return region.path.strip("[]")
    where = "file" if region.path else unnamed
    if not region.readable:
        return f"{where}, inaccessible"
    if region.executable:
        return f"{where}, code"
    return f"{where}, writable" if region.writable else f"{where}, read-only"
