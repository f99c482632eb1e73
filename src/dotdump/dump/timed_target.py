"""``TimedTarget``: a target whose memory can be read until a deadline, whoever reads it and whatever for."""

from __future__ import annotations

import time

from dotdump.dump.target_view import TargetView
from dotdump.dump.zero_pages import present_parts
from dotdump.errors import Incomplete
from dotdump.memory.space import ExactReads, MemoryRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import Target


class TimedTarget(TargetView):
    """The same program as ``target``; from ``deadline`` on, a time of ``time.monotonic``, reading is ``Incomplete``."""

    def __init__(self, target: Target, deadline: float) -> None:
        super().__init__(target)
        self.memory: AddressSpace = _TimedMemory(target.memory, deadline)
        self.modules = target.modules


class _TimedMemory(ExactReads):
    __slots__ = ("_deadline", "_memory")

    def __init__(self, memory: AddressSpace, deadline: float) -> None:
        self._memory = memory
        self._deadline = deadline

    def read_available(self, address: int, size: int) -> bytes:
        if time.monotonic() > self._deadline:
            raise Incomplete("no dump was written: choosing what to keep took longer than --timeout allows")
        return self._memory.read_available(address, size)

    def view(self, address: int, size: int) -> memoryview | None:
        return self._memory.view(address, size)

    def ranges(self) -> Sequence[MemoryRange]:
        return self._memory.ranges()

    def present_runs(self, start: int, end: int) -> Iterator[MemoryRange]:
        """Yield what must be read of a range, in order."""
        for first, last in present_parts(self._memory, start, end):
            yield MemoryRange(first, last)
