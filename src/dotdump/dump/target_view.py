"""``TargetView``: a target of which something is shown in another way: its memory, its threads."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from dotdump.memory.region import Region
    from dotdump.target.model import FilePlaces, Platform, ProcessFacts, Target, Thread


class TargetView:
    """What is known of ``target``, but for its memory and modules, which a subclass has."""

    def __init__(self, target: Target) -> None:
        self.platform: Platform = target.platform
        self.process: ProcessFacts = target.process
        self.regions: Sequence[Region] = target.regions
        self.threads: Sequence[Thread] = target.threads
        self.auxv: bytes = target.auxv
        self.places: FilePlaces = target.places

    def close(self) -> None:
        """Do nothing: the target is its owner's to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
