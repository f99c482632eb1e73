"""Where the runtime keeps its list of threads and its finalizer: by name, else by what they look like.

From 9 on the descriptor names them, before that ``g_dacTable`` does. Where neither is there, or names what is no list
of threads, what it looks like is known: a variable of the runtime that points to a ThreadStore, whose list has as many
threads as it counts, and one of them at least is a thread that the target has. The finalizer is the first thread that
the runtime makes; a variable points to it. Behind that variable is the one that names who suspends the others.

Source of truth: threads.h, ``g_pFinalizerThread`` and ``g_pSuspensionThread`` of vars.cpp; one hit each on 3.1.23,
8.0.4, 8.0.31 single-file, 9.0.22 and 10.0.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.linked_list import follow
from dotdump.clr.contracts.runtime_variables import runtime_variables
from dotdump.clr.data.threads import Thread, ThreadStore
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.limits import LISTED_THREADS, MANAGED_THREADS
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess


@record
class ThreadAnchors:
    """Addresses: of the ThreadStore, of the finalizer's Thread, of the Thread that suspends others; 0 for none."""

    store: int
    finalizer: int
    suspending: int


def find_anchors(access: DataAccess) -> ThreadAnchors | None:
    """Return where threads are by what the layouts name, else by what it looks like; None where nothing is found.

    Raises ``LimitExceeded`` where nothing is named and too much looks like it and is not.
    """
    named, stores = _named(access), _Stores(access)
    if named is not None and stores.has(named.store):
        return named
    variables = dict(runtime_variables(access))
    try:
        store = next((value for value in dict.fromkeys(variables.values()) if stores.has(value)), None)
    except LimitExceeded:
        if named is None:
            raise
        return named
    return named if store is None else _with_finalizer(access, variables, store)


def list_threads(access: DataAccess, store: int) -> Iterator[int]:
    """Yield the address of each Thread in the list, the oldest first; raises as ``follow`` does, or ``MemoryFault``."""
    distance, first = access.offset("Thread", "LinkNext"), ThreadStore(access, store).first_link
    return (link - distance for link in follow(first, access.reader.pointer, MANAGED_THREADS, "list of threads"))


def _named(access: DataAccess) -> ThreadAnchors | None:
    if not access.has_global("ThreadStore"):
        return None
    try:
        return ThreadAnchors(*(access.global_pointer(name) for name in ("ThreadStore", "FinalizerThread", "GCThread")))
    except MemoryFault:
        return None


class _Stores:
    """Tells ThreadStores from what is none, as long as the lists in all are not longer than threads can be."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self._known = {thread.tid for thread in access.target.threads}
        self._left = LISTED_THREADS

    def has(self, address: int) -> bool:
        """Return whether what is at ``address`` looks like a ThreadStore."""
        access = self._access
        try:
            count = ThreadStore(access, address).thread_count
            if not 0 < count <= MANAGED_THREADS or ThreadStore(access, address).first_link % 8:
                return False
            found: list[int] = []
            for thread in list_threads(access, address):
                self._spend()
                if len(found) == count or thread % 8:
                    return False
                found.append(thread)
            return len(found) == count and any(Thread(access, thread).os_id in self._known for thread in found)
        except LimitExceeded:
            raise
        except (FormatError, MemoryFault):
            return False

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceeded(f"more than {LISTED_THREADS:,} threads in what is no list of them", source="threads")


def _with_finalizer(access: DataAccess, variables: dict[int, int], store: int) -> ThreadAnchors:
    ids = {thread: Thread(access, thread).id for thread in list_threads(access, store)}
    named = [(ids[value], -place) for place, value in variables.items() if value in ids]
    if not named:
        return ThreadAnchors(store, 0, 0)
    place = -min(named)[1]
    following = place + access.reader.pointer_size
    suspending = variables.get(following, 0)
    return ThreadAnchors(store, variables[place], suspending if suspending in ids else 0)
