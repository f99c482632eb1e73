"""``CopiedTarget``: what a dump keeps of a target, in memory of ours: the target itself may run on meanwhile."""

from __future__ import annotations

from dotdump.dump.target_view import TargetView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import Module, Target, Thread


class CopiedTarget(TargetView):
    """What is known of ``target``, with ``memory`` and ``threads`` in place of its own where they are given.

    No modules: it is there to be written.
    """

    modules: Sequence[Module] = ()

    def __init__(self, target: Target, memory: AddressSpace, threads: Sequence[Thread] | None = None) -> None:
        super().__init__(target)
        self.memory = memory
        if threads is not None:
            self.threads = threads
