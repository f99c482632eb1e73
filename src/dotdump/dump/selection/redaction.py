"""What a Triage dump leaves out of the pages that it keeps: texts and paths, environment, command line.

Pages come from what was recorded. Of the managed heap only the objects that were to be kept are left. On stacks runs
of text are blanked, which no address can be: one has zeros in its high bytes. Elsewhere in private memory directories
of paths are, and whatever the environment or the command line says. So are vector registers, in which lies what was
copied last. Blank is zero.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.dump.copied_target import CopiedTarget
from dotdump.dump.selection.small_threads import blanked
from dotdump.dump.selection.texts import LEAST, Texts, Wanted
from dotdump.dump.short_paths import short_path
from dotdump.formats.core_notes import AuxType, parse_auxv
from dotdump.formats.registers import REGISTER_FILES
from dotdump.limits import STACK_SIZE
from dotdump.memory.space import PIECE, MemoryRange, overlaps
from dotdump.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.dump.selection.recording import RecordingTarget
    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import Target

_DIRECTORIES = re.compile(rb"/(?:[\x20-\x2e\x30-\x7e]+/)+|/\0(?:(?:[\x20-\x2e\x30-\x7e]\0)+/\0)+")
_PROSE = 16


class RedactedTarget(CopiedTarget):
    """``target`` with ``memory`` in place of its own, and without what its process was told."""

    def __init__(self, target: Target, memory: AddressSpace) -> None:
        super().__init__(target, memory)
        self.process = replace(target.process, arguments="")
        registers = REGISTER_FILES[target.platform.machine]
        self.threads = [blanked(thread, registers) for thread in self.threads]
        self.regions = [replace(region, path=short_path(region.path)) for region in target.regions]


def redactions(target: Target, recording: RecordingTarget, heap: Sequence[MemoryRange]) -> dict[int, bytes]:
    """Return what a Triage dump has in place of recorded pages that tell too much, by number.

    ``heap`` is where the managed heap lies, sorted and disjoint.
    """
    with recording.memory.uncounted():  # what lies around it is looked at, and not kept
        return dict(_Redaction(target, recording, heap).pages())


class _Redaction:
    def __init__(self, target: Target, recording: RecordingTarget, heap: Sequence[MemoryRange]) -> None:
        self._target = target
        self._recording = recording
        self._heap = heap
        self._heap_starts = [part.start for part in heap]
        self._stacks = {region.start for t in target.threads if (region := recording.region_at(t.stack_pointer))}

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each page that changes, with its new bytes."""
        page = self._recording.memory.page_size
        for run in self._private():
            before = self._recording.memory.read_available(run.start, run.size)
            after = self._redacted(run.start, before)
            for offset in range(0, len(after) - page + 1, page):
                if after[offset : offset + page] != before[offset : offset + page]:
                    yield (run.start + offset) // page, bytes(after[offset : offset + page])

    def _redacted(self, start: int, data: bytes) -> bytearray:
        """Return ``data`` without what it must not tell; a text that goes on beyond it is known by what lies there."""
        region, memory = self._recording.region_at(start), self._recording.memory
        low = max(start - PIECE, region.start) if region is not None else start
        whole = bytearray(memory.read_available(low, start - low + len(data) + PIECE))
        if len(whole) < start - low + len(data):
            low, whole = start, bytearray(memory.read_available(start, len(data) + PIECE))
        first, last = start - low, start - low + len(data)
        _blank(whole, self._secrets.cut_off(whole, first, last))
        self._redact(low, whole)
        return whole[first:last]

    def _private(self) -> Iterator[MemoryRange]:
        """Yield what was recorded of memory that no file backs, each piece within one mapping."""
        for part in self._recording.memory.touched:
            position = part.start
            while position < part.end:
                region = self._recording.region_at(position)
                end = min(part.end, region.end) if region is not None else part.end
                if region is not None and not region.backed:
                    yield MemoryRange(position, end)
                position = end

    def _redact(self, start: int, data: bytearray) -> None:
        region, texts = self._recording.region_at(start), Texts(data)
        if region is not None and region.start in self._stacks:
            _blank(data, texts.long())
            if self._strings.start < start + len(data) and start < self._strings.end:
                _blank(data, [(max(0, self._strings.start - start), len(data))])
        _blank(data, self._secrets.places_in(data, texts))
        _blank(data, (found.span() for found in _DIRECTORIES.finditer(data)))
        _blank(data, (span for span in texts.long() if _is_prose(data[slice(*span)])))
        self._blank_heap(start, data)

    def _blank_heap(self, start: int, data: bytearray) -> None:
        """Blank what of the managed heap is no object that is kept."""
        for part in overlaps(self._heap, self._heap_starts, start, start + len(data)):
            kept = [(at - start, to - start) for at, to in self._recording.kept_objects(part.start, part.end)]
            contents = [bytes(data[at:to]) for at, to in kept]
            data[part.start - start : part.end - start] = bytes(part.size)
            for (at, to), content in zip(kept, contents, strict=True):
                data[at:to] = content

    @cached_property
    def _strings(self) -> MemoryRange:
        """Where the kernel put command line and environment: behind the auxiliary vector, up to the stack's end.

        Of a stack a small core has what is in use, and nothing below.
        """
        vector = self._target.auxv
        entry = parse_auxv(vector).get(AuxType.EXECFN, 0)
        region = self._recording.region_at(entry)
        if region is None or len(vector) < 32:
            return MemoryRange(0, 0)
        used = [t.stack_pointer for t in self._target.threads if region.start <= t.stack_pointer < region.end]
        low = max(region.start, region.end - STACK_SIZE, *used)
        data = self._target.memory.read_available(low, region.end - low)
        at = data.rfind(vector[:64])
        start = low + at + len(vector) if at >= 0 else entry & -self._target.platform.page_size
        return MemoryRange(start, region.end)

    @cached_property
    def _secrets(self) -> Wanted:
        """Texts of command line and environment, and the values of the latter; shorter ones are words."""
        data = self._target.memory.read_available(self._strings.start, self._strings.end - self._strings.start)
        texts: set[bytes] = set()
        for text in data.split(b"\0"):
            name, separator, value = text.partition(b"=")
            texts |= {text, value} if separator and name else {text}
        return Wanted(text for text in texts if len(text) >= LEAST)


def _is_prose(text: bytes | bytearray) -> bool:
    """Whether a run of text has blanks between words: no name that a reader needs has."""
    plain = text.replace(b"\0", b"")
    return len(plain) >= _PROSE and b" " in plain.strip()


def _blank(data: bytearray, spans: Iterable[tuple[int, int]]) -> None:
    for start, end in list(spans):
        data[start:end] = bytes(end - start)
