"""Starvation of the thread pool: its threads wait for tasks, and what would end these waits queues behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.collections import find_collection
from dotdump.analysis.lock_owners import ThreadRef, thread_ref
from dotdump.analysis.wait_rules import WaitKind
from dotdump.clr.model.object import ClrObject
from dotdump.errors import UNREADABLE
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.analysis.lock_census import LockCensus
    from dotdump.analysis.waits import ThreadWait

_QUEUES = ("workItems", "highPriorityWorkItems")
_GATE = "System.Threading.PortableThreadPool+GateThread."
"""The thread that watches the pool; it runs no work."""


@record
class Starvation:
    """``blocked`` of the pool's ``workers`` threads wait for tasks while ``queued`` items of work wait for a thread."""

    workers: int
    blocked: tuple[ThreadRef, ...]
    queued: int


def find_starvation(waits: Sequence[ThreadWait], census: LockCensus) -> Starvation | None:
    """Return what starves the pool; None where no thread of it waits for a task, or no work waits for a thread."""
    workers = [wait for wait in waits if wait.thread.is_thread_pool_worker and not _is_gate(wait)]
    blocked = tuple(thread_ref(wait.thread) for wait in workers if wait.kind is WaitKind.TASK)
    queued = queued_items(census.queues)
    return Starvation(len(workers), blocked, queued) if blocked and queued else None


def _is_gate(wait: ThreadWait) -> bool:
    return any(method.startswith(_GATE) for method in wait.methods)


def queued_items(queues: Sequence[ClrObject]) -> int:
    """Return how many items wait in the pool's common queues; those that a thread keeps to itself are not counted."""
    return sum(_length(queue, name) for queue in queues for name in _QUEUES)


def _length(queue: ClrObject, name: str) -> int:
    try:
        held = queue[name] if queue.type.find_field(name) is not None else None
        found = find_collection(held) if isinstance(held, ClrObject) else None
    except UNREADABLE:
        return 0
    return found.count if found is not None else 0
