"""The locks of a heap, in one walk: objects that are locks, have one in their header, or may be waited for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.analysis.lock_objects import INNER_LOCKS, KINDS, kind_of
from dotdump.analysis.tasks import TASK, task_status
from dotdump.clr.contracts.object_headers import ObjectHeaders
from dotdump.clr.contracts.progress import BytesDone
from dotdump.clr.model.object import ClrObject
from dotdump.errors import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotdump.analysis.wait_rules import WaitKind
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.object_headers import ThinLock
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.clr.model.type import ClrType

_POOL_QUEUE = "System.Threading.ThreadPoolWorkQueue"


@dataclass(frozen=True)
class LockCensus:
    """Objects by address: ``locks`` with their kind, ``thin`` locks, tasks that are not done, queues of the pool."""

    locks: dict[int, tuple[ClrObject, WaitKind]] = field(default_factory=dict)
    thin: list[tuple[ClrObject, ThinLock]] = field(default_factory=list)
    tasks: dict[int, ClrObject] = field(default_factory=dict)
    queues: list[ClrObject] = field(default_factory=list)

    def of_kind(self, kind: WaitKind) -> dict[int, ClrObject]:
        """Return the locks of a kind by address."""
        return {address: found for address, (found, each) in self.locks.items() if each is kind}

    def outer(self, inner: int) -> tuple[ClrObject, WaitKind] | None:
        """Return the lock that uses the object at ``inner`` to wait on; the outermost, where one uses another."""
        found, seen = self._outer.get(inner), {inner}
        while found is not None and found[0].address not in seen:
            seen.add(found[0].address)
            further = self._outer.get(found[0].address)
            if further is None:
                break
            found = further
        return found

    @cached_property
    def _outer(self) -> dict[int, tuple[ClrObject, WaitKind]]:
        known: dict[int, tuple[ClrObject, WaitKind]] = {}
        for found, kind in self.locks.values():
            for name in INNER_LOCKS.get(kind, ()):
                inner = _reference(found, name)
                if inner:
                    known[inner] = (found, kind)
        return known


def count_locks(runtime: ClrRuntime, *, tasks: bool, progress: Progress | None = None) -> LockCensus:
    """Walk the heap for locks, with ``tasks`` for those that are not done, too."""
    census, headers = LockCensus(), ObjectHeaders(runtime.access)
    heap = runtime.heap
    spans = [span for segment in heap.segments for span in segment.spans]
    advance = BytesDone(progress, "objects", sum(span.end - span.start for span in spans))
    kinds: dict[int, str] = {}

    def wanted(shape: ObjectShape) -> bool:
        if not shape.is_free:
            kinds[shape.method_table] = _group(runtime.type_at(shape.method_table), tasks=tasks)
        return bool(kinds.get(shape.method_table))

    for found in heap.matching(spans, wanted, advance, header=headers.thin_locks):
        if found.is_free:
            continue
        thin = headers.thin_lock_of(found.address)
        if thin is not None:
            census.thin.append((found, thin))
        _sort(found, kinds.get(found.method_table, ""), census)
    return census


def _sort(found: ClrObject, group: str, census: LockCensus) -> None:
    if group == TASK:
        if not _is_done(found):
            census.tasks[found.address] = found
    elif group == _POOL_QUEUE:
        census.queues.append(found)
    elif group:
        kind = kind_of(found)
        if kind is not None:
            census.locks[found.address] = (found, kind)


def _is_done(task: ClrObject) -> bool:
    """Return whether a task has ended; one that cannot be read may be waited for."""
    try:
        return task_status(task).is_completed
    except UNREADABLE:
        return False


def _group(kind: ClrType, *, tasks: bool) -> str:
    names = _names(kind)
    if _POOL_QUEUE in names:
        return _POOL_QUEUE
    if tasks and TASK in names:
        return TASK
    return next((name for name in names if name in KINDS), "")


def _names(kind: ClrType) -> Iterable[str]:
    try:
        return [each.name for each in kind.hierarchy]
    except UNREADABLE:
        return [kind.name]


def _reference(found: ClrObject, name: str) -> int:
    try:
        value = found[name] if found.type.find_field(name) is not None else None
    except UNREADABLE:
        return 0
    return value.address if isinstance(value, ClrObject) else 0
