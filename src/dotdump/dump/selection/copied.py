"""``CopiedTarget``: what a small dump keeps of a target, in memory of ours: the target itself may run on meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.formats.core_notes import LINUX
from dotdump.formats.registers import NT_X86_XSTATE
from dotdump.formats.xsave import without_tiles
from dotdump.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import FilePlaces, Module, Platform, ProcessFacts, Target, Thread


def _without_tiles(thread: Thread) -> Thread:
    area = thread.notes.get((LINUX, NT_X86_XSTATE))
    short = area and without_tiles(area)
    return thread if short == area else replace(thread, notes={**thread.notes, (LINUX, NT_X86_XSTATE): short})


class CopiedTarget:
    """What is known of ``target``, with ``memory`` in place of its own. No modules: it is there to be written."""

    def __init__(self, target: Target, memory: AddressSpace) -> None:
        self.platform: Platform = target.platform
        self.process: ProcessFacts = target.process
        self.regions: Sequence[Region] = target.regions
        self.threads: Sequence[Thread] = list(map(_without_tiles, target.threads))
        self.auxv: bytes = target.auxv
        self.places: FilePlaces = target.places
        self.modules: Sequence[Module] = ()
        self.memory = memory

    def close(self) -> None:
        """Do nothing: it is memory of ours."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
