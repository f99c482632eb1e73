"""``choose``: the plan of a dump of any type, and the problems met on the way. Reads the target, writes nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dotdump.clr.model.runtime import ClrRuntime
from dotdump.dump.copied_target import CopiedTarget
from dotdump.dump.plan import ALL_PAGES, FilePages, full, sharing_zeros, trimmed
from dotdump.dump.selection.heap_memory import free_objects, private_memory, subtracted, unused_heap
from dotdump.dump.selection.mini_memory import touch_mini
from dotdump.dump.selection.recording import RecordingTarget
from dotdump.dump.selection.selected import Selection
from dotdump.dump.selection.small_threads import shortened
from dotdump.dump.selection.zeros import worth_sharing, zero_ranges
from dotdump.errors import DotdumpError
from dotdump.ipc.dump import DumpType
from dotdump.memory.space import PIECE, MemoryRange, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.dump.segments import DumpPlan
    from dotdump.target.model import Target


_WORTH_A_SEGMENT = 64 << 10
"""Bytes of zeros that a Heap dump, which is large, has segments of; the small types have them of single pieces."""
_SMALL_BLOCK = 4 << 10
_MOST_PIECES = 3000
"""Ranges of pieces that a dump may have: each is a segment, and so is what lies between; see ``MOST_SEGMENTS``."""


def choose(
    target: Target,
    dump_type: DumpType,
    *,
    files: FilePages = ALL_PAGES,
    drop_free: bool = False,
    available: Sequence[MemoryRange] | None = None,
) -> Selection:
    """Return what a dump of ``dump_type`` keeps of ``target``; of a core ``available`` bounds what is there at all.

    ``drop_free``: what free objects of a Heap dump hold is as good as zero.
    ``files`` as for ``full``; the small types keep of files what their readers need in any case,
    and Heap dumps all that is changed.
    """
    page_size = target.platform.page_size
    everything = full(target.regions, files=files, available=available, page_size=page_size)
    if dump_type is DumpType.FULL:
        return Selection(everything)
    if dump_type is DumpType.HEAP:
        return _with_heap(target, everything, files.changed, drop_free=drop_free)
    return _small(target, everything, redact=dump_type is DumpType.TRIAGE)


def _with_heap(target: Target, everything: DumpPlan, changed: Sequence[MemoryRange], *, drop_free: bool) -> Selection:
    """Choose pages, which are there to be read until they are written."""
    page_size = target.platform.page_size
    recording = RecordingTarget(target, page_size)
    problems: list[str] = []
    runtimes = _runtimes(recording, problems)
    touch_mini(recording, runtimes, problems, all_metadata=True)
    ranges = [*recording.memory.touched, *_private(target, runtimes, problems), *changed]
    plan = trimmed(everything, ranges, page_size)
    zeros = zero_ranges(target.memory, plan, page_size, _WORTH_A_SEGMENT)
    if drop_free:
        zeros = merged([*zeros, *_free(target, page_size, problems)])
    shared, block = worth_sharing(zeros)
    return Selection(sharing_zeros(plan, shared, page_size, block), tuple(problems))


def _small(target: Target, everything: DumpPlan, *, redact: bool) -> Selection:
    """Choose pieces of pages, all of which have been read then; larger ones where they would be too many."""
    recording = RecordingTarget(target, PIECE)
    problems: list[str] = []
    runtimes = _runtimes(recording, problems)
    touch_mini(recording, runtimes, problems)
    piece, ranges = PIECE, recording.memory.touched
    while len(ranges) > _MOST_PIECES and piece < target.platform.page_size:
        piece *= 2
        recording.memory.widen(piece)
        ranges = recording.memory.touched
    shown, zeros = _redacted(target, recording, runtimes) if redact else _copy(target, recording)
    plan = sharing_zeros(trimmed(everything, ranges, piece), zeros, piece, _SMALL_BLOCK)
    return Selection(plan, tuple(problems), shown, redacted=redact)


def _redacted(
    target: Target, recording: RecordingTarget, runtimes: Sequence[ClrRuntime]
) -> tuple[CopiedTarget, list[MemoryRange]]:
    """Return what a dump without texts shows of a target, and where of that there are zeros."""
    from dotdump.dump.selection.redaction import RedactedTarget, redactions

    changed = redactions(target, recording, _heap(runtimes))
    return RedactedTarget(target, recording.memory.copy(changed)), recording.memory.zeros(changed)


def _copy(target: Target, recording: RecordingTarget) -> tuple[CopiedTarget, list[MemoryRange]]:
    """Return what was read of a target, and where of that there are zeros."""
    copied = CopiedTarget(target, recording.memory.copy(), list(map(shortened, target.threads)))
    return copied, recording.memory.zeros()


def _free(target: Target, page_size: int, problems: list[str]) -> list[MemoryRange]:
    """Return the pages of free objects, found by a walk that does not count as reading."""
    try:
        return [part for runtime in ClrRuntime.all_of(target) for part in free_objects(runtime.heap, page_size)]
    except DotdumpError as error:
        problems.append(f"free objects were kept: the heap cannot be walked: {error.message}")
        return []


def _heap(runtimes: Sequence[ClrRuntime]) -> list[MemoryRange]:
    found: list[MemoryRange] = []
    for runtime in runtimes:
        with suppress(DotdumpError):
            found += [MemoryRange(segment.start, segment.end) for segment in runtime.heap.segments]
    return merged(found)


def _runtimes(target: Target, problems: list[str]) -> list[ClrRuntime]:
    try:
        runtimes = ClrRuntime.all_of(target)
    except DotdumpError as error:
        problems.append(f"the runtime cannot be read: {error.message}")
        return []
    problems.extend(
        f"what readers need may not be in it, as it would be in a Full dump: {doubt.message}"
        for runtime in runtimes
        for doubt in runtime.doubts
    )
    return runtimes


def _private(target: Target, runtimes: Sequence[ClrRuntime], problems: list[str]) -> list[MemoryRange]:
    unused: list[MemoryRange] = []
    for runtime in runtimes:
        try:
            unused += unused_heap(runtime.heap, target.regions, target.platform.page_size)
        except DotdumpError as error:
            problems.append(f"all private memory was kept: the heap cannot be read: {error.message}")
    private = sorted(private_memory(target.regions, target.modules), key=lambda part: part.start)
    return list(subtracted(private, sorted(unused, key=lambda part: part.start)))
