"""``CopiedTarget``: what a dump keeps of a target, in memory of ours: the target itself may run on meanwhile."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import FilePlaces, Module, Platform, ProcessFacts, Target, Thread


class CopiedTarget:
    """What is known of ``target``, with ``memory`` and ``threads`` in place of its own where they are given.

    No modules: it is there to be written.
    """

    def __init__(self, target: Target, memory: AddressSpace, threads: Sequence[Thread] | None = None) -> None:
        self.platform: Platform = target.platform
        self.process: ProcessFacts = target.process
        self.regions: Sequence[Region] = target.regions
        self.threads: Sequence[Thread] = target.threads if threads is None else threads
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
