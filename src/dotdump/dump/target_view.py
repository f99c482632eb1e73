"""``TargetView``: a target of which something is shown in another way: its memory, its threads."""

from __future__ import annotations

from dotdump.closing import Closing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.memory.region import Region
    from dotdump.target.model import FilePlaces, Platform, ProcessFacts, Target, Thread


class TargetView(Closing):
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
