"""A core file into another: plain to zstd and back byte for byte, or written anew with less memory.

Without trimming nothing of the core is interpreted, so what another tool wrote stays as it wrote it. With trimming
the core is opened as a target and written by ``ElfCoreWriter``. Either way the new file is checked before it has
its name, and problems of the input are told, not hidden.
"""

from __future__ import annotations

from contextlib import closing

from dotdump.dump.changed_pages import changed_pages
from dotdump.dump.elf_core_writer import CHUNK, ElfCoreWriter
from dotdump.dump.plan import FilePages, file_ranges, fitting, full, trimmed
from dotdump.dump.progress import Phase
from dotdump.dump.verify import Verdict, verify_core
from dotdump.dump.write import origin_of, sink_over
from dotdump.dump.zero_pages import page_runs
from dotdump.errors import Incomplete
from dotdump.formats.diagnostics_page import (
    DIAGNOSTICS_PAGE_ADDRESS,
    DIAGNOSTICS_PAGE_SIZE,
    parse_diagnostics_page,
)
from dotdump.formats.dotdump_notes import FREE_DROPPED, REDACTED
from dotdump.ipc.dump import DumpType
from dotdump.records import record, replace
from dotdump.target.compressed import is_zstd, open_zstd
from dotdump.target.core import open_core
from dotdump.target.core_source import file_space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.dump.progress import Progress
    from dotdump.dump.segments import DumpPlan
    from dotdump.dump.selection.selected import Selection
    from dotdump.dump.sink import Sink
    from dotdump.memory.space import MemoryRange
    from dotdump.target.core import CoreTarget, RandomAccess

_PAGE = bytes(4096)
_NO_DEVICES = frozenset[int]()
"""A core holds memory, whatever it was mapped from."""


@record
class Trim:
    """What to leave out: memory outside ``ranges``, where there are any; pages that are ``file_backed``.

    ``type``: what dumps of another type have not got. ``drop_free``: what free objects of the heap hold.
    """

    ranges: tuple[MemoryRange, ...] = ()
    file_backed: bool = True
    type: DumpType = DumpType.FULL
    drop_free: bool = False

    @property
    def nothing(self) -> bool:
        """Whether all is kept."""
        return not self.ranges and self.file_backed and self.type is DumpType.FULL


@record
class Conversion:
    """``content`` bytes of a core, plain, of which ``stored`` bytes were stored; and what was wrong with the input."""

    content: int
    stored: int
    problems: tuple[str, ...]


def convert(source: str, descriptor: int, level: int | None, trim: Trim, progress: Progress) -> Conversion:
    """Write the core at ``source`` to ``descriptor``, compressed at ``level`` or plain.

    Raises ``FormatError`` where the input is no core, ``MemoryFault`` where a frame of it is damaged, ``OSError`` where
    reading or writing fails.
    """
    with open_core(source) as core:
        sink = sink_over(descriptor, level)
        problems: tuple[str, ...] = ()
        if trim.nothing:
            content, stored = _copy(core.source, sink, progress)
        else:
            content, stored, problems = _rewrite(core, sink, trim, progress)
        return Conversion(content, stored, (*(problem.message for problem in core.problems), *problems))


def check_converted(descriptor: int, conversion: Conversion) -> None:
    """Raise ``Incomplete`` where a converted file lacks what the conversion wrote, or is worse than its input was.

    That the runtime's module is not there is no fault of the file: other ranges were asked for, now or before.
    """
    file = file_space(descriptor, "the converted core")
    content: RandomAccess = file
    damage = None
    if is_zstd(file):
        content, damage = open_zstd(file)
    with closing(content):
        if damage is not None or content.size != conversion.content:
            reason = damage or f"{content.size} bytes of {conversion.content}"
            raise Incomplete(f"the converted core cannot be read back: {reason}")
        findings = verify_core(content, content.size)
        wrong = [
            finding.seen for finding in findings if finding.verdict is Verdict.PROBLEM and finding.check != "runtime"
        ]
        if wrong and not conversion.problems:
            raise Incomplete(f"the converted core is not whole: {'; '.join(wrong)}")


def _copy(source: RandomAccess, sink: Sink, progress: Progress) -> tuple[int, int]:
    """Copy the content byte for byte, as much as there is of one that was cut; zeros become holes."""
    try:
        for position in range(0, source.size, CHUNK):
            data = source.read(position, min(CHUNK, source.size - position))
            for start, end, is_zero in page_runs(data, _PAGE):
                if is_zero:
                    sink.hole(end - start)
                else:
                    sink.write(data[start:end])
            progress(Phase.WRITE, position + len(data), source.size)
        return source.size, sink.finish()
    except BaseException:
        sink.give_up()
        raise


def _rewrite(core: CoreTarget, sink: Sink, trim: Trim, progress: Progress) -> tuple[int, int, tuple[str, ...]]:
    held = core.core_memory
    page = parse_diagnostics_page(held.read_available(DIAGNOSTICS_PAGE_ADDRESS, DIAGNOSTICS_PAGE_SIZE))
    selection = select(core, held.ranges(), trim)
    origin = origin_of(core)
    if selection.redacted:
        origin = replace(origin, arguments="", flags=(*origin.flags, REDACTED))
    if trim.type is not DumpType.FULL:
        origin = replace(origin, type=trim.type.title)
    if trim.drop_free:
        origin = replace(origin, flags=(*origin.flags, FREE_DROPPED))
    writer = ElfCoreWriter(
        selection.shown or core,
        fitting(selection.plan),
        origin,
        diagnostics_page=page,
        progress=lambda done, total: progress(Phase.WRITE, done, total),
    )
    written = writer.write(sink)
    return written.size, written.stored, selection.problems


def plan_of(core: CoreTarget, held: Sequence[MemoryRange], trim: Trim) -> DumpPlan:
    """Return what is left of a core: never more than it holds itself."""
    page_size = core.platform.page_size
    plan = full(core.regions, files=_file_pages(core, trim), available=held, page_size=page_size)
    return trimmed(plan, trim.ranges, page_size) if trim.ranges else plan


def _file_pages(core: CoreTarget, trim: Trim) -> FilePages:
    """Return what is kept of files: where not all is, what the core has and a reader would not find in them."""
    if trim.file_backed and trim.type is not DumpType.HEAP:
        return FilePages(devices=_NO_DEVICES)
    parts, page_size = file_ranges(core.regions), core.platform.page_size
    lacking = not trim.file_backed
    changed = changed_pages(core.core_memory, core.file_memory, parts, page_size, lacking=lacking)
    return FilePages(trim.file_backed, changed, _NO_DEVICES)


def select(core: CoreTarget, held: Sequence[MemoryRange], trim: Trim) -> Selection:
    """Return what is left of a core. A small type may take from the target's own files what the core left out."""
    from dotdump.dump.selection.choose import choose
    from dotdump.dump.selection.selected import Selection

    if trim.type is DumpType.FULL:
        return Selection(plan_of(core, held, trim))
    files, available = _file_pages(core, trim), core.memory.ranges()
    found = choose(core, trim.type, files=files, drop_free=trim.drop_free, available=available)
    if not trim.ranges:
        return found
    return replace(found, plan=trimmed(found.plan, trim.ranges, core.platform.page_size))
