"""The queue of finalizable objects of each heap: registered ones by generation, and those whose finalizer is to run.

One array in parts: of each generation from the highest to 0, then two of objects ready, those of critical finalizers
first. A fill pointer is the end of its part and the start of the next.

Source of truth: CFinalize in gcpriv.h and gc.cpp, the same from 3.1 to 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.data.roots import FinalizeQueue
from dotdump.errors import MemoryFault, UnsupportedRuntime
from dotdump.formats.columns import whole_words
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.gc import GcHeap
    from dotdump.clr.data_access import DataAccess

_READY_PARTS = 2


@record
class Finalizable:
    """The slot at ``address`` holds the object at ``target``, which has a finalizer.

    ``generation`` is that under which it is registered; None for an object that is ready: nothing but the queue keeps
    it. ``critical``: ready, and to run after all that are not.
    """

    address: int
    target: int
    heap: int
    generation: int | None
    critical: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether its finalizer is to run."""
        return self.generation is None


class FinalizeQueues:
    """The queues of all heaps; ``problems`` grows with damage."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self.problems: list[Problem] = []

    def read(self, heaps: list[GcHeap]) -> list[Finalizable]:
        """Return every object in the queues of ``heaps``, in order of their slots."""
        found: list[Finalizable] = []
        for heap in heaps:
            try:
                found += self._of_heap(heap)
            except (MemoryFault, UnsupportedRuntime) as error:
                self._report(heap, str(error))
        return found

    def _of_heap(self, heap: GcHeap) -> Iterator[Finalizable]:
        access = self._access
        if not heap.finalize_queue:
            return
        queue = FinalizeQueue(access, heap.finalize_queue)
        count = access.global_integer("CFinalizeFillPointersLength")
        generations = count - _READY_PARTS
        if not 0 < generations <= limits.GC_GENERATIONS:
            self._report(heap, f"a queue of {count} parts")
            return
        ends = memoryview(access.reader.memory.read(queue.address_of("FillPointers"), 8 * count)).cast("Q")
        start = queue.array if access.has("CFinalize", "Array") else ends[0]
        if not start:
            self._report(heap, f"no queue is at {queue.address:#x}: its array is nowhere")
            return
        for part, end in enumerate(ends):
            if not start <= end <= start + 8 * limits.FINALIZABLE_OBJECTS or start % 8 or end % 8:
                self._report(heap, f"part {part} of the queue cannot end at {end:#x}, having begun at {start:#x}")
                return
            generation = generations - 1 - part if part < generations else None
            yield from self._part(heap, start, end, generation, critical=part == generations)
            start = end

    def _part(
        self, heap: GcHeap, start: int, end: int, generation: int | None, *, critical: bool
    ) -> Iterator[Finalizable]:
        data = self._access.reader.memory.read_available(start, end - start)
        if len(data) < end - start:
            self._report(heap, f"its queue from {start + len(data):#x} on is not in the dump")
        for index, word in enumerate(whole_words(data)):
            if word & ~7:
                yield Finalizable(start + 8 * index, word & ~7, heap.index, generation, critical)

    def _report(self, heap: GcHeap, text: str) -> None:
        self.problems.append(Problem("finalizers", f"heap {heap.index}: {text}"))
